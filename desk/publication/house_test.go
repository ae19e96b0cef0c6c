package publication

import (
	"bytes"
	"context"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, words, shows, lacks = desktest.OK, desktest.Text, desktest.Shows, desktest.Lacks

// A house is this desk. Who asks is said by hand.
type house struct {
	*desktest.House
	*webtest.Site
	needed int // how many others have to approve
	canary Canary
	routes []web.Route
}

// onEach runs f in a house on each database.
func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), needed: 2}
	d := New(h.Kit, Others{
		Needed: func(context.Context, *store.Tx, loot.Actor) (int, error) { return h.needed, nil },
		Canary: func() (Canary, error) { return h.canary, nil },
		Solo:   func(context.Context, *store.Tx) (bool, error) { return false, nil },
		Name:   func(context.Context, *store.Tx, string) (string, error) { return "Robin Testing", nil },
	}, func() []loot.Clause { return nil })
	h.routes = d.Routes
	h.Open(desktest.Standard(t), d)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, BaseURL: desktest.Base, Site: func() web.Site { return web.Site{Notice: true} }}, d.Routes)
	return h
}

// propose keeps a statement as a draft and returns its hash.
func (h *house) propose(source []byte) string {
	h.Helper()
	s := desktest.Parse(h, source)
	h.Propose(s)
	return s.Hash()
}

// announce proposes a statement and announces it for a time.
func (h *house) announce(source []byte, effective time.Time) string {
	h.Helper()
	s := desktest.Parse(h, source)
	h.Announce(s, effective)
	return s.Hash()
}

// edited is the statement that comes with Loot, with texts replaced in pairs.
func edited(t *testing.T, pairs ...string) []byte {
	t.Helper()
	text := statement.Default()
	for i := 0; i+1 < len(pairs); i += 2 {
		if n := bytes.Count(text, []byte(pairs[i])); n != 1 {
			t.Fatalf("the statement has %q %d times", pairs[i], n)
		}
		text = bytes.Replace(text, []byte(pairs[i]), []byte(pairs[i+1]), 1)
	}
	return text
}
