package billing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/keyring"
	"loot/store"
)

// customers makes several, in the order in which they are drawn.
func (o *office) customers(n int) (out []loot.Subject) {
	o.Helper()
	for range n {
		out = append(out, o.customer(meadow))
	}
	slices.Sort(out)
	return out
}

// cut takes the end off what is sealed of somebody, and returns how it is restored.
func (o *office) cut(s loot.Subject, c loot.Collection) (restore func()) {
	o.Helper()
	write := func(cells []byte) {
		o.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2 AND collection = $3`, cells, s.Compact(), string(c))
			return err
		})
	}
	var whole []byte
	o.Tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT cells FROM vault_record WHERE subject = $1 AND collection = $2`, s.Compact(), string(c)).Scan(&whole)
	})
	write(whole[:len(whole)-3])
	return func() { write(whole) }
}

// shown counts how often the page of a month says something.
func (o *office) shown(m Month, text string) int {
	o.Helper()
	o.asStaff("billing")
	return strings.Count(desktest.Text(o.preview(m).Body), text)
}

// TestADamagedRecordHoldsUpNoOtherInvoice: its own waits, says so, and goes out once the
// record is restored.
func TestADamagedRecordHoldsUpNoOtherInvoice(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		var log bytes.Buffer
		o.b.Log = slog.New(slog.NewTextHandler(&log, nil))
		all := o.customers(4)
		broken, late := all[0], all[3]
		o.give(late, town, "")
		o.after(december)
		restore := o.cut(broken, collection)
		if o.shown(november, "to be issued") != 2 || o.shown(november, unreadable) != 1 {
			t.Error("the page does not say before the month is drawn that one cannot be read")
		}
		issued := func(m Month, want ...loot.Subject) {
			t.Helper()
			var got []loot.Subject
			for _, i := range o.issued("") {
				if i.Period == m.days() {
					got = append(got, i.Subject)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s was issued to %q, want %q", m, got, want)
			}
		}
		o.run(november)
		issued(november, all[1], all[2])
		if n := o.shown(november, unreadable); n != 2 || o.shown(november, "4 of 4 customers") != 1 {
			t.Errorf("said %d times, want of the customer and among those who wait", n)
		}
		if said := log.String(); !strings.Contains(said, string(broken)) || strings.Contains(said, "Meadow") || strings.Contains(said, "Sample") {
			t.Errorf("logged: %s", said)
		}
		o.give(late, town, "Exampleton")
		o.hour()
		issued(november, all[1:]...)
		restore()
		o.hour()
		issued(november, all...)

		// Who has an invoice waits for nothing, though the month is drawn again.
		restore = o.cut(broken, collection)
		_, err := o.b.startRun(t.Context(), november, loot.Actor{Kind: loot.Staff, ID: "member-one"}, true)
		ok(t, err)
		o.Drain()
		if o.shown(november, unreadable) != 0 || o.shown(november, "4 of 4 customers") != 1 {
			t.Error("somebody who has an invoice waits for one")
		}
		restore()

		// The copy of whom an invoice is to is another record.
		o.give(broken, companyName, "Renamed Ltd")
		restore = o.cut(broken, invoices)
		o.after(december.AddDate(0, 1, 0))
		o.run(november.after())
		issued(november.after(), all[1:]...)
		if o.shown(november.after(), unreadable) != 2 {
			t.Error("the page does not say that the copy cannot be read")
		}
		restore()
		o.hour()
		issued(november.after(), all...)
	})
}

// TestADamagedKeyHoldsUpNoOtherSuggestion, as what somebody used cannot be looked at
// without it.
func TestADamagedKeyHoldsUpNoOtherSuggestion(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		ctx, all := t.Context(), o.customers(2)
		var log bytes.Buffer
		o.b.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Clock.Advance(time.Hour)
		for _, s := range all {
			o.order("b-"+string(s), s, "backup", "backup-500")
			o.permit(s, true)
		}
		o.Clock.Advance(time.Hour)
		for _, s := range all {
			if taken, err := o.b.record(ctx, loot.Actor{}, []Record{{Service: "b-" + string(s), Meter: "disk", Key: "1", At: o.Clock.Now(), Amount: 95 * oneUnit}}, true); err != nil || len(taken.Refused) > 0 {
				t.Fatal(taken, err)
			}
		}
		ok(t, o.b.keyOfUse(ctx, all[1]))
		// The key of another is none of theirs.
		_, err := o.Kit.Keyring.DB.Exec(ctx, `INSERT INTO keyring_person (made, epoch, subject, collection, sealed)
			SELECT made, epoch, $1, collection, sealed FROM keyring_person WHERE subject = $2 AND collection = $3`, all[0].Compact(), all[1].Compact(), string(used))
		ok(t, err)
		if _, err := o.Kit.Keyring.Person(ctx, all[0], used); !errors.Is(err, keyring.ErrTampered) {
			t.Fatalf("the key is not damaged: %v", err)
		}
		ok(t, o.b.hints(ctx, hintArgs{}))
		for n, s := range all {
			o.as(s)
			if got := strings.Count(o.Get("/portal/services").Body, "You could use"); got != n {
				t.Errorf("%d suggestions to the %d., want %d", got, n+1, n)
			}
		}
		if !strings.Contains(log.String(), string(all[0])) {
			t.Error("nothing was logged")
		}
	})
}
