package partners

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// What partners call themselves. A partner shows its key as a bearer token (RFC 6750), and
// every answer that carries something is signed (RFC 9421).
const (
	base     = "/partner/v1"
	maxAsked = 4 << 10 // bytes of a request
	pullSize = 200     // people on a page at most
)

// pulls answers a partner. What is wrong is said as RFC 9457 has it.
func (d *Partners) pulls(f func(ctx context.Context, partner string, r *http.Request) (any, error)) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer, err := d.pulled(r, f)
		h, status := w.Header(), http.StatusOK
		h.Set("Content-Type", "application/json")
		if err != nil {
			kind := loot.KindOf(err)
			if kind == loot.Internal || kind == loot.Unavailable {
				return err
			}
			status = web.Status(err)
			h.Set("Content-Type", "application/problem+json")
			if kind == loot.SignIn {
				status = http.StatusUnauthorized
				h.Set("WWW-Authenticate", "Bearer")
			}
			answer = map[string]any{"status": status, "title": http.StatusText(status), "detail": loot.Message(err)}
		}
		body, ok := answer.([]byte)
		if !ok {
			if body, err = json.Marshal(answer); err != nil {
				return fmt.Errorf("partners: answer: %w", err)
			}
		}
		signAnswer(h, d.sign, status, body, d.Now())
		w.WriteHeader(status)
		_, err = w.Write(body)
		return err
	}
}

func (d *Partners) pulled(r *http.Request, f func(ctx context.Context, partner string, r *http.Request) (any, error)) (any, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var partner string
	if ok && len(token) < 200 {
		if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
			partner, err = byToken(r.Context(), tx, token)
			return err
		}); err != nil {
			return nil, err
		}
	}
	if partner == "" {
		return nil, loot.Errorf(loot.SignIn, "Send your key as a bearer token. It may have been replaced by a newer one.")
	}
	if _, _, err := d.partner(partner); err != nil {
		return nil, err
	}
	return f(r.Context(), partner, r)
}

// read reads the body of a request.
func read(r *http.Request, into any) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxAsked+1))
	if err != nil || len(b) > maxAsked {
		return loot.Errorf(loot.TooLarge, "A request has %d bytes at most.", maxAsked)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return loot.Errorf(loot.Invalid, "The body is no JSON of this operation.")
	}
	return nil
}

// A feedPage is what a partner receives at a time.
type feedPage struct {
	Delivery string       `json:"delivery"`
	Partner  string       `json:"partner"`
	Purpose  loot.Purpose `json:"purpose"`
	Page     int          `json:"page"`
	Made     time.Time    `json:"made"`
	People   []line       `json:"people"`
	More     bool         `json:"more"`
}

// beginFeed begins a feed and hands over its first page.
func (d *Partners) beginFeed(ctx context.Context, partner string, r *http.Request) (any, error) {
	var asked struct {
		Purpose loot.Purpose `json:"purpose"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	var id string
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		p, err := d.parcel(ctx, tx, partner, asked.Purpose, d.actor())
		if err != nil {
			return err
		}
		id, err = d.begin(ctx, tx, p, byPull)
		return err
	}); err != nil {
		return nil, err
	}
	return d.page(ctx, partner, id, 1)
}

// nextPage hands over the page that a partner asks for, which is the one after the last. A
// page that did not arrive is had by a new feed, as who qualifies is another question then.
func (d *Partners) nextPage(ctx context.Context, partner string, r *http.Request) (any, error) {
	var asked struct {
		Page int `json:"page"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	return d.page(ctx, partner, r.PathValue("id"), asked.Page)
}

// page decides the people of a page and writes it, in one transaction. What leaves is what
// was committed.
func (d *Partners) page(ctx context.Context, partner, id string, n int) (body []byte, err error) {
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		list, err := deliveries(ctx, tx, `id = $1 AND partner = $2 AND way = $3`+tx.ForUpdate(), id, partner, byPull)
		if err != nil {
			return err
		}
		switch {
		case len(list) == 0:
			return loot.Errorf(loot.NotFound, "There is no such feed.")
		case !list[0].Ended.IsZero():
			return loot.Errorf(loot.Conflict, "This feed has ended. Begin a new one.")
		case list[0].Pages != n-1, n > 1 && list[0].After == "":
			return loot.Errorf(loot.Conflict, "Page %d is not the next one of this feed. Begin a new one if a page did not arrive.", n)
		}
		x := list[0]
		p, err := d.parcel(ctx, tx, partner, x.Purpose, d.actor())
		if err != nil {
			return err
		}
		lines, last, err := d.chunk(ctx, tx, p, x.After, pullSize)
		if err != nil {
			return err
		}
		if lines == nil {
			lines = []line{}
		}
		if body, err = json.Marshal(feedPage{id, partner, x.Purpose, n, d.Now().UTC(), lines, last != ""}); err != nil {
			return fmt.Errorf("partners: page: %w", err)
		}
		ended := time.Time{}
		if last == "" {
			ended = d.Now()
		}
		if _, err := tx.Exec(ctx, `UPDATE partners_delivery SET people = people + $1, pages = $2, after = $3, hash = $4, ended = $5 WHERE id = $6`,
			len(lines), n, last, chained(x.Hash, body), store.Micro(ended), id); err != nil {
			return fmt.Errorf("partners: page: %w", err)
		}
		return nil
	})
	return body, err
}

// chained is the hash of a feed with one page more: the SHA-256 of the hash before it, in
// hexadecimal, and that of the page.
func chained(before string, page []byte) string {
	one := sha256.Sum256(page)
	sum := sha256.Sum256([]byte(before + hex.EncodeToString(one[:])))
	return hex.EncodeToString(sum[:])
}

// takeReceipt keeps that a partner has what left, by its hash.
func (d *Partners) takeReceipt(ctx context.Context, partner string, r *http.Request) (any, error) {
	var asked struct {
		Hash string `json:"hash"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		list, err := deliveries(ctx, tx, `id = $1 AND partner = $2`, r.PathValue("id"), partner)
		switch {
		case err != nil:
			return err
		case len(list) == 0:
			return loot.Errorf(loot.NotFound, "There is no such delivery.")
		case asked.Hash == "" || !strings.EqualFold(list[0].Hash, asked.Hash):
			return loot.Errorf(loot.Conflict, "This is not the hash of what left. What arrived is not whole.")
		}
		if _, err := tx.Exec(ctx, `UPDATE partners_delivery SET receipt = $1 WHERE id = $2 AND receipt = 0`, d.Now().UnixMicro(), list[0].ID); err != nil {
			return fmt.Errorf("partners: receipt: %w", err)
		}
		return nil
	})
	return struct{}{}, err
}

// An askedDeletion is a request to delete, with the signed note of it.
type askedDeletion struct {
	ID        string       `json:"id"`
	Reference string       `json:"reference"`
	Purpose   loot.Purpose `json:"purpose"`
	Made      time.Time    `json:"made"`
	Note      string       `json:"note"`
}

// openDeletions hands a partner what it has to delete, the oldest first.
func (d *Partners) openDeletions(ctx context.Context, partner string, _ *http.Request) (any, error) {
	out := struct {
		Partner   string          `json:"partner"`
		Verifier  string          `json:"verifier"`
		Deletions []askedDeletion `json:"deletions"`
	}{partner, d.noteSigner().verifier(), []askedDeletion{}}
	err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		list, err := deletions(ctx, tx, `confirmed = 0 AND partner = $1 ORDER BY made, id LIMIT 500`, partner)
		if err != nil {
			return err
		}
		out.Deletions = out.Deletions[:0]
		for _, x := range list {
			text, err := d.signedNote(x.note())
			if err != nil {
				return err
			}
			out.Deletions = append(out.Deletions, askedDeletion{x.ID, x.Reference, x.Purpose, x.Made, text})
			if x.Sent.IsZero() {
				if _, err := tx.Exec(ctx, `UPDATE partners_deletion SET sent = $1 WHERE id = $2`, d.Now().UnixMicro(), x.ID); err != nil {
					return fmt.Errorf("partners: deletions: %w", err)
				}
			}
		}
		return nil
	})
	return out, err
}

// confirmDeletion keeps that a partner deleted what it was asked to.
func (d *Partners) confirmDeletion(ctx context.Context, partner string, r *http.Request) (any, error) {
	return struct{}{}, d.DB.InTx(ctx, func(tx *store.Tx) error {
		return d.confirm(ctx, tx, loot.Actor{Kind: loot.Partner}, partner, r.PathValue("id"), "")
	})
}
