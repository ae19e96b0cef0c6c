package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// Addresses are assigned and taken back, never to two at a time; they are sealed,
// found by the abuse desk, opened for a purpose, and gone with their owner.
func TestAddressesAreAssignedFoundAndSealed(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server()
		other := o.customer(meadow)
		o.order("other", other, "virtual-server", "virtual-2")
		start := o.Clock.Now()
		o.Clock.Advance(24 * time.Hour)
		c := o.api([]api.Scope{"addresses:assign", "addresses:open", "addresses:find"}, "support", "abuse")
		assign := func(status int, service, body string) map[string]any {
			t.Helper()
			return c.call(status, http.MethodPost, "/api/services/"+service+"/addresses", `{`+body+`}`)
		}
		four := assign(http.StatusOK, id, `"address":"192.0.2.8/29","from":"`+start.Add(time.Hour).Format(time.RFC3339)+`"`)
		if again := assign(http.StatusOK, id, `"address":"192.0.2.8/29"`); again["id"] != four["id"] {
			t.Errorf("sent again: %v", again)
		}
		assign(http.StatusOK, id, `"address":"2001:db8:1:100::/56"`)
		assign(http.StatusOK, "other", `"address":"2001:db8:1:200::7"`)
		for _, taken := range []string{"192.0.2.8/29", "192.0.2.0/24", "192.0.2.12", "192.0.2.0/28", "2001:db8:1::/48", "2001:db8:1:142::/64", "2001:db8:1:1ff::9", "2001:db8:1:200::/64", "2001:db8:1:200::/56"} {
			assign(http.StatusConflict, "other", `"address":"`+taken+`"`)
		}
		assign(http.StatusOK, "other", `"address":"192.0.2.16"`)
		named := assign(http.StatusOK, id, `"address":"WWW.Meadow.example."`)
		if again := assign(http.StatusOK, id, `"address":"www.meadow.example"`); again["id"] != named["id"] {
			t.Errorf("a name that is sent again: %v", again)
		}
		if shared := assign(http.StatusOK, "other", `"address":"www.meadow.example"`); shared["id"] == named["id"] {
			t.Errorf("a name that another service has: %v", shared)
		}
		long := strings.Repeat("a.", 125) + "org"
		if assign(http.StatusOK, "other", `"address":"`+long+`."`)["id"] != assign(http.StatusOK, "other", `"address":"`+long+`"`)["id"] {
			t.Error("a name with a dot behind it is another one")
		}
		o.asStaff("support")
		desktest.Leads(t, o.Post(servicePath("other")+"/addresses", "address", long+"."), servicePath("other")+"/addresses")
		assign(http.StatusUnprocessableEntity, id, `"address":"`+strings.Repeat("a.", 150)+`org"`)
		for _, bad := range []string{"192.0.2.300", "192.0.2.9/29", "10.0.0.0/8", "::ffff:192.0.2.1", "fe80::1%eth0", "127.0.0.1", "2001:db8::/47", "nothing"} {
			assign(http.StatusUnprocessableEntity, id, `"address":"`+bad+`"`)
		}
		assign(http.StatusUnprocessableEntity, id, `"address":"192.0.2.99","from":"2027-01-01"`)
		assign(http.StatusUnprocessableEntity, id, `"address":"192.0.2.99","from":"2026-01-01"`)

		o.Clock.Advance(24 * time.Hour)
		c.call(http.StatusOK, http.MethodPost, "/api/addresses/"+fmt.Sprint(four["id"])+"/release", `{}`)
		released := o.Clock.Now()
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := o.b.Ledger.Timeline(ctx, tx, s, collection, "", 100)
			if !slices.ContainsFunc(items, func(i ledger.Item) bool { return i.Facts.Note == "address.released" && i.Facts.ActorKind == loot.Staff }) {
				t.Error("the ledger does not say that somebody took the address back")
			}
			return err
		})
		o.Clock.Advance(time.Hour)
		assign(http.StatusOK, "other", `"address":"192.0.2.9"`)
		find := func(status int, address string, at time.Time) map[string]any {
			t.Helper()
			return c.call(status, http.MethodPost, "/api/addresses/find", fmt.Sprintf(`{"address":%q,"at":%q,"reason":"Report 1"}`, address, at.Format(time.RFC3339)))
		}
		if got := find(http.StatusOK, "192.0.2.9", released.Add(-time.Second)); got["service"] != id || got["customer"] != string(s) {
			t.Errorf("%v", got)
		}
		if got := find(http.StatusOK, "192.0.2.9", o.Clock.Now()); got["service"] != "other" {
			t.Errorf("%v", got)
		}
		if got := find(http.StatusOK, "2001:db8:1:142::1", o.Clock.Now()); got["service"] != id {
			t.Errorf("%v", got)
		}
		find(http.StatusNotFound, "192.0.2.9", released) // nobody, between the two
		find(http.StatusNotFound, "192.0.2.9", start)
		find(http.StatusNotFound, "198.51.100.1", o.Clock.Now())

		open := func(status int, body string) string {
			t.Helper()
			return fmt.Sprint(c.call(status, http.MethodPost, "/api/services/"+id+"/addresses/open", `{"reason":"Ticket 7",`+body+`}`))
		}
		if covered := open(http.StatusOK, `"purpose":"support"`); strings.Contains(covered, "192.0.2.8") || !strings.Contains(covered, "masked:true") {
			t.Errorf("covered: %s", covered)
		}
		if clear := open(http.StatusOK, `"purpose":"support","reveal":true`); !strings.Contains(clear, "192.0.2.8/29") {
			t.Errorf("uncovered: %s", clear)
		}
		if refused := open(http.StatusForbidden, `"purpose":"invoice"`); !strings.Contains(refused, "collection.invoice") {
			t.Errorf("for an invoice: %s", refused)
		}
		o.Confirm()
		o.as(s)
		shows(t, o.Get("/portal/services"), http.StatusOK, "3 addresses", "Virtual server, www.meadow.example", "192.0.2.8/29", "2001:db8:1:100::/56", "Who looked at your addresses", "An address was looked up", "Addresses of your services were opened")
		o.asStaff("abuse", "support")
		at := servicePath(id) + "/addresses"
		page := o.Get(at)
		shows(t, page, http.StatusOK, "sealed", "Take back")
		desktest.Hides(t, page, "192.0.2.8/29")
		shows(t, o.Post(at), http.StatusUnprocessableEntity, "Assign an address Please look at the fields that are marked. Address, prefix or domain name : Please fill this in.")
		shows(t, o.Post(at+"/open", "purpose", "support"), http.StatusUnprocessableEntity, "Open them Please look at the fields that are marked.")
		shows(t, o.Post(at+"/open", "purpose", "support", "reason", "Ticket 8", "reveal", "on"), http.StatusOK, "192.0.2.8/29")
		shows(t, o.Post(at, "address", "192.0.2.16"), http.StatusUnprocessableEntity, "assigned at that time already")
		shows(t, o.Post("/console/billing/addresses", "address", "192.0.2.16", "at", o.Clock.Now().Format(time.RFC3339), "reason", "Report 2"), http.StatusOK, "A service had it", "other")
		o.asStaff("support")
		shows(t, o.Get("/console/billing/addresses"), http.StatusForbidden)

		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			one, err := o.b.findService(t.Context(), tx, id)
			if err != nil {
				return err
			}
			return o.b.move(t.Context(), tx, one, Move{To: Ended, By: loot.Actor{Kind: loot.Person, ID: string(s)}, Why: AsAsked})
		}))
		o.Clock.Advance(time.Hour)
		find(http.StatusNotFound, "2001:db8:1:142::1", o.Clock.Now())
		o.Clock.Advance(366 * 24 * time.Hour)
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		find(http.StatusNotFound, "192.0.2.9", released.Add(-time.Second))

		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.forget(ctx, tx, other) })
		find(http.StatusNotFound, "192.0.2.16", o.Clock.Now())
	})
}

// A name that is given to a service by several at once is noted once, and nothing of it is
// left once its customer is forgotten.
func TestANameIsNotedOnceAndGoesWithItsCustomer(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		s, id := o.server()
		c := o.api([]api.Scope{"addresses:assign"}, "support")
		c.call(http.StatusOK, http.MethodPost, "/api/services/"+id+"/addresses", `{"address":"192.0.2.7"}`)
		count := func(table string) (n int) {
			o.Tx(func(ctx context.Context, tx *store.Tx) error {
				return tx.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n)
			})
			return n
		}
		blocks := count("billing_block")
		const names = 20
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for n := range names {
					l := lease{Service: id, Name: fmt.Sprintf("%d.meadow.example", n), From: o.Clock.Now()}
					if a, err := o.b.assign(o.Context(), loot.Actor{Kind: loot.Staff, ID: "member-one"}, l); err != nil || a.Service != id {
						t.Errorf("%+v: %v", a, err)
					}
				}
			})
		}
		group.Wait()
		if n := count("billing_address"); n != 1+names {
			t.Errorf("%d are noted, want an address and %d names", n, names)
		}
		o.Tx(func(ctx context.Context, tx *store.Tx) error { return o.b.forget(ctx, tx, s) })
		if left, n := count("billing_address"), count("billing_block"); left != 0 || n != blocks {
			t.Errorf("%d addresses are left, and %d blocks of %d", left, n, blocks)
		}
	})
}

// A name that the statement has no room for is not noted, whoever brings it, and whoever
// assigns it is told why.
func TestANameIsAsLongAsTheStatementLetsItBe(t *testing.T) {
	t.Parallel()
	const limit, field = "    max: 253\n    identifying: true\n", "\n  connection.address:\n"
	src := string(statement.Default())
	for name, of := range map[string]struct {
		part, by string
		says     string // of names that are longer
		least    int    // so long is a name for which there is no room
	}{
		"none":  {field, "\n  connection.other:\n", "The statement in force keeps no names of services: it does not declare connection.address.", 1},
		"short": {limit, strings.Replace(limit, "253", "14", 1), "The statement in force allows names of 14 characters at most.", 15},
		"any":   {limit, strings.Replace(limit, "    max: 253\n", "", 1), "", mostName + 1},
	} {
		if strings.Count(src, of.part) != 1 {
			t.Fatalf("the statement has not one %q", of.part)
		}
		by := desktest.Parse(t, []byte(strings.Replace(src, of.part, of.by, 1)))
		t.Run(name, func(t *testing.T) {
			desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
				o := newOfficeBy(t, db, by)
				s, id := o.server()
				c := o.api([]api.Scope{"addresses:assign"}, "support")
				noted := func() (n int) {
					o.Tx(func(ctx context.Context, tx *store.Tx) error {
						return tx.QueryRow(ctx, `SELECT count(*) FROM billing_address`).Scan(&n)
					})
					return n
				}
				for _, n := range []string{"bücher.example", "longer.meadow.example"} {
					before, status, says, more := noted(), http.StatusOK, "", 1
					if utf8.RuneCountInString(n) >= of.least {
						status, says, more = http.StatusUnprocessableEntity, of.says, 0
					}
					if _, raw := c.raw(status, http.MethodPost, "/api/services/"+id+"/addresses", fmt.Sprintf(`{"address":%q}`, n)); !strings.Contains(string(raw), says) {
						t.Errorf("%s: %s, want %q", n, raw, says)
					}
					o.Tx(func(ctx context.Context, tx *store.Tx) error {
						return o.b.Name(ctx, tx, o.Actor, "as taken over", []Named{{Order: Order{Subject: s, Made: o.Clock.Now()}, Reference: id, Name: "x" + n[1:]}})
					})
					if got := noted() - before; got != 2*more {
						t.Errorf("%s: %d names are noted, want %d", n, got, 2*more)
					}
				}
			})
		})
	}
}

// No address stands in the clear in what lies on the disk.
func TestNoAddressLiesOpen(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "loot.db"))
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	ok(t, desktest.Kernel.Fill(t.Context(), db))
	o := newOffice(t, db)
	s, id := o.server()
	for _, text := range []string{"198.51.100.77", "2001:db8:77::/56"} {
		p, err := parsePrefix(text)
		ok(t, err)
		_, err = o.b.assign(t.Context(), loot.Actor{Kind: loot.Staff, ID: "member-one"}, lease{Service: id, Prefix: p, From: o.Clock.Now()})
		ok(t, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	ok(t, err)
	raw := [][]byte{[]byte("198.51.100.77"), []byte("2001:db8:77"), netip.MustParseAddr("198.51.100.77").AsSlice(), netip.MustParseAddr("2001:db8:77::").AsSlice()[:8]}
	seen := false
	for _, f := range files {
		content, err := os.ReadFile(f)
		ok(t, err)
		seen = seen || strings.Contains(string(content), string(s))
		for _, r := range raw {
			if strings.Contains(string(content), string(r)) {
				t.Errorf("%x lies open in %s", r, filepath.Base(f))
			}
		}
	}
	if !seen {
		t.Error("what was written was not looked at")
	}
	// Once the key is gone, what is left opens no more.
	ok(t, o.b.Keyring.Destroy(t.Context(), s, connections))
	err = o.b.Gate.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := o.b.openAddresses(t.Context(), tx, gate.Request{Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Subject: s, Purpose: forService}, "")
		return err
	})
	if loot.KindOf(err) != loot.NotFound {
		t.Errorf("after its key was destroyed: %v", err)
	}
}

// Whatever is assigned in whatever order, an address has one holder at a time: the
// one that a list kept in the clear says.
func TestAnAddressHasOneHolderAtATime(t *testing.T) {
	db := desktest.One(t)
	o := newOffice(t, db)
	ctx := t.Context()
	block := 0
	rapid.Check(t, func(rt *rapid.T) {
		block++
		base := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(block >> 8), byte(block)})
		if rapid.Bool().Draw(rt, "v4") {
			base = netip.AddrFrom4([4]byte{10, byte(block >> 8), byte(block), 0})
		}
		type held struct {
			p        netip.Prefix
			from, to int
			id       string
		}
		var all []held
		pick := rapid.Custom(func(rt *rapid.T) netip.Prefix {
			b := base.AsSlice()
			b[len(b)-1] = byte(rapid.IntRange(0, 3).Draw(rt, "last") << rapid.IntRange(0, 6).Draw(rt, "shift"))
			if !base.Is4() {
				b[6], b[7] = byte(rapid.IntRange(0, 1).Draw(rt, "net"))<<4, byte(rapid.IntRange(0, 2).Draw(rt, "link"))<<4
			}
			a, _ := netip.AddrFromSlice(b)
			p, _ := a.Prefix(rapid.SampledFrom(widthsOf(a)).Draw(rt, "bits"))
			return p
		})
		at := func(n int) time.Time { return desktest.Start.Add(time.Duration(n) * time.Hour) }
		for i := range rapid.IntRange(1, 8).Draw(rt, "n") {
			h := held{p: pick.Draw(rt, "prefix"), from: rapid.IntRange(0, 9).Draw(rt, "from"), id: fmt.Sprintf("a%d-%d", block, i)}
			h.to = h.from + rapid.IntRange(1, 5).Draw(rt, "for")
			l := lease{Service: "s", Prefix: h.p, From: at(h.from), To: at(h.to)}
			free := true
			for _, x := range all {
				free = free && (!x.p.Overlaps(h.p) || x.from >= h.to || h.from >= x.to)
			}
			ok(t, db.InTx(ctx, func(tx *store.Tx) error {
				taken, err := o.b.overlaps(ctx, tx, l)
				if err != nil {
					return err
				}
				if (taken == nil) != free {
					rt.Fatalf("%s from %d to %d is free: %v, want %v, with %v", h.p, h.from, h.to, taken == nil, free, all)
				}
				if !free {
					return nil
				}
				mark, block, net := o.b.marksOf(l)
				return insertAddress(ctx, tx, Assignment{ID: h.id, Service: "s", Since: l.From, Until: l.To, mark: mark, sealed: []byte{}}, block, net)
			}))
			if free {
				all = append(all, h)
			}
		}
		for range 5 {
			a, when := pick.Draw(rt, "address").Addr(), rapid.IntRange(0, 15).Draw(rt, "when")
			want := ""
			for _, x := range all {
				if x.p.Contains(a) && x.from <= when && when < x.to {
					want = x.id
				}
			}
			ok(t, db.ReadTx(ctx, func(tx *store.Tx) error {
				got, _, err := o.b.holder(ctx, tx, a, at(when))
				if got.ID != want {
					rt.Fatalf("%s at %d: %q, want %q", a, when, got.ID, want)
				}
				return err
			}))
		}
	})
}

// BenchmarkWhoHad looks addresses up among a million.
func BenchmarkWhoHad(b *testing.B) {
	o := newOffice(b, desktest.One(b))
	ctx := b.Context()
	const all = 1_000_000
	address := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }
	for from := 0; from < all; from += 10_000 {
		ok(b, o.b.DB.InTx(ctx, func(tx *store.Tx) error {
			for n := from; n < from+10_000; n++ {
				p := netip.PrefixFrom(address(n), 32)
				tx.Add(`INSERT INTO billing_address (id, service, subject, mark, block, net, sealed, since, until) VALUES`,
					fmt.Sprint(n), fmt.Sprint("s", n), "x", o.b.mark(p), o.b.mark(blockOf(p)), nil, []byte("sealed"), int64(1000), int64(0))
			}
			return nil
		}))
	}
	n := 0
	for b.Loop() {
		n++
		ok(b, o.b.DB.ReadTx(ctx, func(tx *store.Tx) error {
			got, _, err := o.b.holder(ctx, tx, address(n*7919%all), time.UnixMicro(2000))
			if got.ID != fmt.Sprint(n*7919%all) {
				b.Fatal(got.ID)
			}
			return err
		}))
	}
}

// TestAnAddressGoesByTheCalendar: after as long as the statement says, also where it says so
// in months, of which twelve have fewer days than their longest would.
func TestAnAddressGoesByTheCalendar(t *testing.T) {
	t.Parallel()
	before, safety, _ := strings.Cut(string(statement.Default()), "\n  safety:\n")
	for _, keep := range []string{"1y", "12m"} {
		by := desktest.Parse(t, []byte(before+"\n  safety:\n"+strings.Replace(safety, "retain: 1y", "retain: "+keep, 2)))
		desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
			o := newOfficeBy(t, db, by)
			_, id := o.server()
			o.Clock.Advance(24 * time.Hour)
			c := o.api([]api.Scope{"addresses:assign"}, "support")
			one := c.call(http.StatusOK, http.MethodPost, "/api/services/"+id+"/addresses", `{"address":"192.0.2.8"}`)
			o.Clock.Advance(24 * time.Hour)
			c.call(http.StatusOK, http.MethodPost, "/api/addresses/"+fmt.Sprint(one["id"])+"/release", `{}`)
			end := o.Clock.Now().AddDate(1, 0, 0)
			for at, want := range map[time.Time]int{end.Add(-time.Hour): 1, end.Add(time.Hour): 0} {
				var foretold []desk.Lapse
				o.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
					foretold, err = o.b.oldAddresses(by).ahead(ctx, tx, desk.Lapse{}, at)
					return err
				})
				if len(foretold) != 1-want {
					t.Errorf("%s: until %v %v is foretold", keep, at, foretold)
				}
			}
			for _, one := range []struct {
				at   time.Time
				want int
			}{{end.Add(-time.Hour), 1}, {end.Add(time.Hour), 0}} {
				o.after(one.at)
				ok(t, o.b.sweep(t.Context(), sweepArgs{}))
				var n int
				o.Tx(func(ctx context.Context, tx *store.Tx) error {
					return tx.QueryRow(ctx, `SELECT count(*) FROM billing_address`).Scan(&n)
				})
				if n != one.want {
					t.Errorf("%s: at %v %d are kept, want %d", keep, one.at, n, one.want)
				}
			}
		})
	}
}
