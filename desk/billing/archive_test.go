package billing

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"loot"
	"loot/desk/billing/invoice"
	"loot/desk/desktest"
	"loot/gate"
	"loot/store"
)

// What the law wants kept no longer goes by itself, and with the last of somebody's
// the copy of whom they were written to.
func TestInvoicesOfBeforeGoInTime(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	s, _ := o.Customer(collection, "invoice", map[loot.Field]string{"company.name": "Example Meadow Ltd"})
	ok(t, o.b.ArchiveKeys(t.Context(), s))
	day := func(y int) time.Time { return time.Date(y, 2, 28, 0, 0, 0, 0, time.UTC) }
	clerk := loot.Actor{Kind: loot.Staff, ID: "m1", Name: "Made-up Clerk", Roles: []loot.Role{"billing"}}
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		return o.b.Archive(ctx, tx, clerk, "Import", []Former{
			{Subject: s, System: "old", Number: "1", Issued: day(2024), Currency: "EUR", Total: 100, Party: "Example Meadow Ltd"},
			{Subject: s, System: "old", Number: "2", Issued: day(2026), Currency: "EUR", Total: 200, Party: "Example Meadow Ltd"},
		})
	})
	var one archived
	ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
		all, err := readArchive(t.Context(), tx, `WHERE number = '1'`)
		one = all[0]
		return err
	}))
	o.asStaff("billing")
	shows(t, o.Post("/console/billing/before/"+one.ID, "reason", "Ticket 1"), http.StatusOK, "Example Meadow Ltd", "€ 1.00")
	ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
		items, err := o.Kit.Ledger.Timeline(t.Context(), tx, s, collection, "", 1)
		if err == nil && (len(items) != 1 || items[0].Facts.Note != "invoice.opened") {
			t.Errorf("the customer's timeline does not begin with the opening: %+v", items)
		}
		return err
	}))
	left := func() (n int) {
		ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			all, err := readArchive(t.Context(), tx, `ORDER BY id`)
			n = len(all)
			return err
		}))
		return n
	}
	held := func() bool {
		ok := false
		desktest.OK(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
			about, err := o.b.Vault.Held(t.Context(), tx, s, invoices)
			ok = len(about) > 0
			return err
		}))
		return ok
	}
	for _, c := range []struct {
		at   time.Time
		n    int
		held bool
	}{{day(2030).Add(-time.Hour), 2, true}, {day(2030), 1, true}, {day(2032).Add(-time.Hour), 1, true}, {day(2032), 0, false}} {
		o.Clock.Advance(c.at.Sub(o.Clock.Now()))
		ok(t, o.b.sweep(t.Context(), sweepArgs{}))
		if n := left(); n != c.n || held() != c.held {
			t.Errorf("on %s %d are left and held is %v, want %d and %v", c.at.Format(time.DateOnly), n, held(), c.n, c.held)
		}
	}
}

// Who has a longer name and address on an invoice of before than the field takes is taken
// over all the same, cut; the copy has all of it.
func TestWhoHasALongAddressIsTakenOver(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	s, _ := o.Customer(collection, "invoice", map[loot.Field]string{"company.name": "Example Meadow Ltd"})
	ok(t, o.b.ArchiveKeys(t.Context(), s))
	d, _ := o.S.Field(partyField)
	long := strings.Repeat("é", d.Max)
	clerk := loot.Actor{Kind: loot.Staff, ID: "m1", Name: "Made-up Clerk", Roles: []loot.Role{"billing"}}
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		return o.b.Archive(ctx, tx, clerk, "Import", []Former{{Subject: s, System: "old", Number: "1", Issued: desktest.Start, Currency: "EUR", Party: long + "the end"}})
	})
	held, copied := "", ""
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		p, err := o.b.Gate.Decide(ctx, tx, gate.Request{Action: loot.Use, Actor: o.b.actor(), Desk: name, Purpose: forBookkeeping, Subject: s, Collection: invoices, Fields: []loot.Field{partyField}})
		if err != nil {
			return err
		}
		values, err := o.b.Vault.Open(ctx, tx, p)
		held = values[partyField].Reveal()
		return err
	})
	ok(t, o.b.DB.ReadTx(t.Context(), func(tx *store.Tx) error {
		all, err := readArchive(t.Context(), tx, `ORDER BY id`)
		copied = all[0].ID
		return err
	}))
	if held != long {
		t.Errorf("%d bytes are held, want %d", len(held), len(long))
	}
	o.asStaff("billing")
	shows(t, o.Post("/console/billing/before/"+copied, "reason", "Ticket 1"), http.StatusOK, long+"the end")
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		text, currency string
		want           int64
		ok             bool
	}{
		{"12.50", "EUR", 1250, true},
		{"12,5", "EUR", 1250, true},
		{"0", "EUR", 0, true},
		{"-0.01", "EUR", -1, true},
		{"1100.00", "JPY", 1100, true},
		{"1.234", "BHD", 1234, true},
		{"9999999999999.99", "EUR", 999_999_999_999_999, true},
		{"1.005", "EUR", 0, false},
		{"1100.50", "JPY", 0, false},
		{"10000000000000.00", "EUR", 0, false},
		{strconv.Itoa(math.MaxInt64), "EUR", 0, false},
		{"1e3", "EUR", 0, false},
		{"1,000.00", "EUR", 0, false},
		{"", "EUR", 0, false},
		{"-", "EUR", 0, false},
		{"--1", "EUR", 0, false},
		{"1", "XXQ", 0, false},
	} {
		if got, ok := Amount(c.text, c.currency); got != c.want || ok != c.ok {
			t.Errorf("%q in %s: %d %v, want %d %v", c.text, c.currency, got, ok, c.want, c.ok)
		}
	}
}

// What an amount is written as is read as that amount, in every kind of currency.
func TestAmountsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "BHD"}).Draw(t, "currency")
		n := rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "amount")
		places, _ := invoice.Decimals(currency)
		if got, ok := Amount(invoice.Scaled(n, places).Fixed(places), currency); !ok || got != n {
			t.Fatalf("%d of %s is read as %d, %v", n, currency, got, ok)
		}
	})
}
