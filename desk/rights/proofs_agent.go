package rights

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

// provesFreeze has a made-up customer freeze their record, and looks which uses that were
// permitted before are refused, and permitted once it is over.
func (d *Rights) provesFreeze(ctx context.Context, w *desk.World) (string, error) {
	s, err := d.inForce()
	if err != nil {
		return "", err
	}
	if restricting(s, w.Now()) == "" {
		return "", errors.New("no rule leaves a record alone that its owner has frozen")
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	uses := func() (out []string, err error) {
		for _, one := range s.Desks() {
			for _, p := range one.Purposes {
				for _, f := range s.Fields(collection) {
					if _, needed := f.Needed[p]; !needed {
						continue
					}
					may, err := d.permitted(ctx, gate.Request{
						Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: one.Name}, Desk: one.Name, Purpose: p, Subject: subject, Collection: collection, Fields: []loot.Field{f.ID},
					})
					if err != nil {
						return nil, err
					}
					if may {
						out = append(out, one.Name+" for "+string(p)+": "+string(f.ID))
					}
				}
			}
		}
		return out, nil
	}
	before, err := uses()
	if err != nil {
		return "", err
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}
	if a, err := me.Post(ctx, "/portal/rights/restriction", url.Values{"ground": {"accuracy"}}); err != nil || a.Status != http.StatusSeeOther {
		return "", errors.Join(err, errors.New("the wish to have a record frozen was not taken"))
	}
	frozen, err := uses()
	if err != nil {
		return "", err
	}
	if len(frozen) == 0 || len(frozen) >= len(before) {
		return "", fmt.Errorf("of %d uses %d are permitted while the record is frozen; some should be, and fewer", len(before), len(frozen))
	}
	if a, err := me.Post(ctx, "/portal/rights/restriction/end", nil); err != nil || a.Status != http.StatusSeeOther {
		return "", errors.Join(err, errors.New("its owner could not end it"))
	}
	after, err := uses()
	if err != nil || !slices.Equal(before, after) {
		return "", errors.Join(err, errors.New("after its owner ended it, not the same is permitted as before"))
	}
	return fmt.Sprintf("of %s, %d were left alone while it was frozen", loot.Plural(len(before), "use", "uses"), len(before)-len(frozen)), nil
}

// permitted reports whether a request is permitted, and leaves nothing of it.
func (d *Rights) permitted(ctx context.Context, r gate.Request) (bool, error) {
	yes := errors.New("permitted")
	err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
		if _, err := d.Gate.Decide(ctx, tx, r); err != nil {
			return err
		}
		return yes
	})
	if _, no := errors.AsType[*gate.Refusal](err); no {
		return false, nil
	}
	if errors.Is(err, yes) {
		return true, nil
	}
	return false, err
}

// provesAgents has a made-up agent ask for a made-up customer.
func (d *Rights) provesAgents(ctx context.Context, w *desk.World) (string, error) {
	s, err := d.inForce()
	if err != nil {
		return "", err
	}
	if _, declared := s.Desk(name); !declared {
		return "the statement has no part of the program that would answer an agent, so none is", nil
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	copied, _, err := d.needs.Copy(ctx, loot.Actor{Kind: loot.Person, ID: string(subject)})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(copied.Fields, func(f desk.CopiedField) bool { return f.Field == s.AddressField(collection) })
	if i < 0 {
		return "nobody has an address by which an agent could name them", nil
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	id := "TRIED_AGENT"
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO rights_agent (id, title, key, token, made, author, ended) VALUES ($1, $1, $2, $3, $4, '', 0)
			ON CONFLICT (id) DO UPDATE SET key = excluded.key, ended = 0`, id, base64.StdEncoding.EncodeToString(public), []byte{}, w.Now().UnixMicro())
		return err
	}); err != nil {
		return "", err
	}
	send := func(path, token string, more map[string]string) (*desk.Answer, error) {
		m := map[string]string{
			"agent-id": id, "business-id": d.business(), "issued-at": w.Now().Add(-time.Second).UTC().Format(time.RFC3339), "expires-at": w.Now().Add(time.Minute).UTC().Format(time.RFC3339), "drp.version": drpVersion,
		}
		for k, v := range more {
			m[k] = v
		}
		text, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		body := base64.StdEncoding.EncodeToString(append(ed25519.Sign(private, text), text...))
		return desk.Browser{World: w}.Send(ctx, http.MethodPost, drpBase+path, body, http.Header{"Content-Type": {"text/plain"}, "Authorization": {"Bearer " + token}}, "192.0.2.7")
	}
	a, err := send("/v1/agent/"+id, "", map[string]string{"agent-request-id": loot.NewID("")})
	if err != nil {
		return "", err
	}
	var got struct{ Token string }
	if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || got.Token == "" {
		return "", fmt.Errorf("an agent whose key is known gets no token: %d", a.Status)
	}
	n, err := w.Letters(ctx, subject, func() error {
		if a, err = send("/v1/data-rights-request", got.Token, map[string]string{"exercise": drpDeletion, "email": copied.Fields[i].Value}); err != nil {
			return err
		}
		if a.Status != http.StatusOK {
			return fmt.Errorf("what a known agent asked was answered with %d", a.Status)
		}
		return nil
	})
	if err != nil || n != 1 {
		return "", cmp.Or(err, fmt.Errorf("%d letters went out, and one should, to the person whom the agent named", n))
	}
	held := false
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		row, err := d.Vault.Row(ctx, tx, subject, collection)
		held = err == nil && !row.Erased()
		return err
	})
	if err != nil || !held {
		return "", errors.Join(err, errors.New("something happened before the person confirmed it"))
	}
	return "a signed request was taken, its person got a letter, and nothing was done before they confirm it", nil
}
