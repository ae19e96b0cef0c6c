package partners

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, shows, leads = desktest.OK, desktest.Shows, desktest.Leads

func TestPages(t *testing.T) { webtest.CheckPages(t) }

const (
	helper  = "kelpwharf"  // cooperates for support
	seller  = "tallowmere" // needs a permission
	support = loot.Purpose("support")
)

// A house is this desk alone.
type house struct {
	*desktest.House
	*webtest.Site
	desk     *Partners
	services map[loot.Subject][]string
	key      *age.X25519Identity
	others   int // who could agree to a succession
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

func newHouse(t testing.TB, db *store.DB) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), services: map[loot.Subject][]string{}}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = desktest.Start.Add(-time.Hour)
		}
		return nil
	})
	var err error
	h.desk, err = New(h.Kit, Needs{
		Staff: desk.Staff{
			Name: func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil },
			Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
				if id == "t-gone" {
					return loot.Actor{}, "", nil
				}
				return loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: []loot.Role{"dpo"}}, id + "@staff.example", nil
			},
			Signed: func(_ context.Context, _ *store.Tx, id string) (time.Time, error) {
				if id == "t-new" {
					return time.Time{}, nil
				}
				return desktest.Start.Add(-time.Hour), nil
			},
		},
		Needed:   func(context.Context, *store.Tx, loot.Actor) (int, error) { return h.others, nil },
		Services: func(_ context.Context, _ *store.Tx, s loot.Subject) ([]string, error) { return h.services[s], nil },
	})
	ok(t, err)
	h.key, err = age.GenerateX25519Identity()
	ok(t, err)
	all := h.desk.Desk()
	h.Open(desktest.Standard(t), all)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, all.Routes)
	return h
}

func (h *house) as(s loot.Subject) { h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)} }

func (h *house) asStaff(id string, roles ...loot.Role) {
	h.Actor = loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: roles}
}

// customer makes somebody with an address.
func (h *house) customer(email string) loot.Subject {
	h.Helper()
	s, _ := h.Customer(collection, "service", map[loot.Field]string{"company.name": "Example Meadow Ltd", "contact.email": email, "contact.phone": "+353 1 555 0100"})
	h.services[s] = []string{"shared-hosting"}
	return s
}

// upload sends a form with a file.
func (h *house) upload(to string, pairs ...string) webtest.Answer {
	h.Helper()
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=" + pairs[i])
		if pairs[i] == "document" {
			b.WriteString("; filename=a.txt")
		}
		b.WriteString("\r\n\r\n" + pairs[i+1] + "\r\n")
	}
	return h.Do(http.MethodPost, to, b.String()+"--b--\r\n", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}})
}

// sign registers an agreement about purposes, for a year.
func (h *house) sign(partner string, purposes ...string) {
	h.Helper()
	was := h.Actor
	h.asStaff("t-counsel", "counsel")
	now := h.Clock.Now()
	pairs := []string{
		"categories", "company", "categories", "contact", "signed", now.Format(time.DateOnly), "ends", now.AddDate(1, 0, 0).Format(time.DateOnly), "country", "IE",
		"signers", "Jo Doe and Max Roe", "processors", "Example Printers", "document", "We keep it confidential.",
	}
	for _, p := range purposes {
		pairs = append(pairs, "purposes", p)
	}
	leads(h, h.upload("/console/partners/"+partner+"/agreement", pairs...), "/console/partners/"+partner)
	h.Actor = was
}

// announce tells everybody of a partner, and lets the letters go.
func (h *house) announce(partner, kind string, services ...string) {
	h.Helper()
	was := h.Actor
	h.asStaff("t-counsel", "counsel")
	pairs := []string{"kind", kind, "words", "Ask us.", "confirm", "yes"}
	for _, s := range services {
		pairs = append(pairs, "services", s)
	}
	leads(h, h.Post("/console/partners/"+partner+"/notice", pairs...), "/console/partners/"+partner)
	h.Drain()
	h.Actor = was
}

// ready has a partner cooperate, and the time to object be over.
func (h *house) ready(partner string) {
	h.Helper()
	h.sign(partner, string(support))
	h.announce(partner, cooperation)
	h.Clock.Advance(30 * day)
	h.reach(partner)
}

func (h *house) reach(partner string) {
	h.Helper()
	was := h.Actor
	h.asStaff("t-dpo", "dpo")
	leads(h, h.Post("/console/partners/"+partner+"/company", "contact", "privacy@partner.example", "recipient", h.key.Recipient().String()), "/console/partners/"+partner)
	h.Actor = was
}

// file has a feed written and opens it as the partner does.
func (h *house) file(partner string, p loot.Purpose) []line {
	h.Helper()
	was := h.Actor
	h.asStaff("t-dpo", "dpo")
	a := h.Post("/console/partners/"+partner+"/feed", "purpose", string(p), "reason", "They asked for it.")
	h.Actor = was
	if a.Status != http.StatusOK {
		h.Fatalf("the feed: %d: %s", a.Status, desktest.Text(a.Body))
	}
	return h.opened(a)
}

func (h *house) opened(a webtest.Answer) (out []line) {
	h.Helper()
	r, err := age.Decrypt(strings.NewReader(a.Body), h.key)
	ok(h, err)
	b, err := io.ReadAll(r)
	ok(h, err)
	for one := range bytes.Lines(b) {
		var l line
		ok(h, json.Unmarshal(one, &l))
		out = append(out, l)
	}
	return out
}

// addresses are the addresses in lines, in one word.
func addresses(lines []line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Details["contact.email"])
	}
	return strings.Join(out, " ")
}

// transfers counts what the ledger says went to partners of somebody.
func (h *house) transfers(s loot.Subject) (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		n = 0
		items, err := h.Kit.Ledger.Timeline(ctx, tx, s, collection, "", 100)
		for _, it := range items {
			if it.Facts.Action == loot.Transfer && it.Facts.Verdict == ledger.Permitted {
				n++
			}
		}
		return err
	})
	return n
}
