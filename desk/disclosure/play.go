package disclosure

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

// A player goes the ways of colleagues in a world, for proofs and the demonstration.
type player struct {
	*disclosure
	w      *desk.World
	owner  loot.Actor   // deals with the request
	voters []loot.Actor // agree, and verify contacts
}

// send sends a form; what has a name with @ is a document.
func (p player) send(ctx context.Context, who loot.Actor, path string, pairs ...string) (string, error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		var err error
		if name, isFile := strings.CutPrefix(pairs[i], "@"); isFile {
			w, werr := m.CreateFormFile(name, "document.txt")
			if err = werr; err == nil {
				_, err = w.Write([]byte(pairs[i+1]))
			}
		} else {
			err = m.WriteField(pairs[i], pairs[i+1])
		}
		if err != nil {
			return "", fmt.Errorf("disclosure: form: %w", err)
		}
	}
	if err := m.Close(); err != nil {
		return "", fmt.Errorf("disclosure: form: %w", err)
	}
	a, err := desk.Browser{World: p.w, Who: who}.Send(ctx, http.MethodPost, path, b.String(), http.Header{"Content-Type": {m.FormDataContentType()}}, "192.0.2.1")
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther && a.Status != http.StatusOK {
		return "", fmt.Errorf("disclosure: the form to %s was answered with %d", path[strings.LastIndex(path, "/")+1:], a.Status)
	}
	return a.Header().Get("Location"), nil
}

// authority returns one of the register, entered and verified if it is not there yet.
func (p player) authority(ctx context.Context, recipient, title string) (id string, err error) {
	find := func() error {
		return p.DB.ReadTx(ctx, func(tx *store.Tx) error {
			list, err := p.authorities(ctx, tx)
			if i := slices.IndexFunc(list, func(a authority) bool { return a.Title == title && a.Recipient == recipient }); i >= 0 {
				id = list[i].ID
			}
			return err
		})
	}
	if err := find(); err != nil || id != "" {
		return id, err
	}
	if _, err := p.send(ctx, p.owner, home+"/register", "title", title, "recipient", recipient, "country", "IE", "contact", "2 Sample Square, Exampleton\n+353 1 555 0199"); err != nil {
		return "", err
	}
	if err := find(); err != nil {
		return "", err
	}
	_, err = p.send(ctx, p.voters[0], home+"/register/"+id+"/verified")
	return id, err
}

// do does a step of a request, as it stands.
func (p player) do(ctx context.Context, who loot.Actor, id, step string, pairs ...string) error {
	r, err := p.request(ctx, id)
	if err != nil {
		return err
	}
	_, err = p.send(ctx, who, home+"/"+id+"/"+step, append(pairs, "version", strconv.FormatInt(r.Version, 10))...)
	return err
}

func (p player) request(ctx context.Context, id string) (r request, err error) {
	err = p.DB.ReadTx(ctx, func(tx *store.Tx) error {
		r, err = findRequest(ctx, tx, id, "")
		return err
	})
	return r, err
}

// enter enters a request and returns its id.
func (p player) enter(ctx context.Context, recipient, title, basis, kind, asks string, more ...string) (string, error) {
	who, err := p.authority(ctx, recipient, title)
	if err != nil {
		return "", err
	}
	to, err := p.send(ctx, p.owner, home+"/new", append(more, "authority", who, "kind", kind, "basis", basis, "asked", asks, "scope", "contact", "due", p.day(14))...)
	return strings.TrimPrefix(to, home+"/"), err
}

// day is a day to come, as forms have it.
func (p player) day(n int) string { return p.w.Now().AddDate(0, 0, n).UTC().Format(time.DateOnly) }

// check answers every question of the assessment with yes, but for those that are named.
func (p player) check(ctx context.Context, id string, noes map[string]string) error {
	pairs := []string{"covered", "contact"}
	for _, q := range questionsOf(basis{}) {
		answer, why := yes, "Compared with the law and the register, as the desk's instructions say."
		if text, ok := noes[q.id]; ok {
			answer, why = no, text
		}
		pairs = append(pairs, q.id, answer, q.id+"-why", why)
	}
	return p.do(ctx, p.owner, id, "assess", pairs...)
}

// agree names whom a request is about, and has it checked and agreed to.
func (p player) agree(ctx context.Context, id string, s loot.Subject) error {
	if err := p.do(ctx, p.owner, id, "person", "by", "id", "value", string(s)); err != nil {
		return err
	}
	if err := p.check(ctx, id, nil); err != nil {
		return err
	}
	var field loot.Field
	if err := p.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v, err := p.inForce()
		if err == nil {
			field = v.AddressField(collection)
		}
		return err
	}); err != nil {
		return err
	}
	r, err := p.request(ctx, id)
	if err != nil {
		return err
	}
	a, err := desk.Browser{World: p.w, Who: p.owner}.Post(ctx, home+"/"+id+"/ask", map[string][]string{"field": {string(field)}, "extent": {whole}, "version": {strconv.FormatInt(r.Version, 10)}})
	if err != nil {
		return err
	}
	if a.Status != http.StatusSeeOther {
		return fmt.Errorf("disclosure: asking the others was answered with %d", a.Status)
	}
	if r, err = p.request(ctx, id); err != nil {
		return err
	}
	for _, who := range p.voters {
		if err := p.Gate.InTx(ctx, func(tx *store.Tx) error {
			a, err := p.Gate.Vote(ctx, tx, r.Approval, gate.Voter{Actor: who, Since: p.w.Now().AddDate(0, 0, -30)}, true)
			if loot.KindOf(err) == loot.Conflict && a.State == gate.Approved {
				return nil // fewer were needed
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
