package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/store/storetest"
)

// A mask seals badly but visibly: what it sealed is not what it was given,
// and opens only with the same associated data.
type mask struct{}

func (mask) Seal(plain, ad []byte) ([]byte, error) {
	out := append([]byte(fmt.Sprintf("%04d", len(ad))), ad...)
	for _, b := range plain {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func (mask) Open(sealed, ad []byte) ([]byte, error) {
	head := append([]byte(fmt.Sprintf("%04d", len(ad))), ad...)
	if !bytes.HasPrefix(sealed, head) {
		return nil, errors.New("sealed for something else")
	}
	var out []byte
	for _, b := range sealed[len(head):] {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func TestOutboxKeepsMessagesSealedAndShowsThemInOrder(t *testing.T) {
	storetest.Each(t, map[string]fs.FS{"mail": mail.Migrations()}, func(t *testing.T, db *store.DB) {
		now := noon
		o := mail.NewOutbox(db, mask{}, nobody, func() time.Time { return now })
		for i := range 5 {
			if err := o.Send(t.Context(), message(fmt.Sprintf("m%d", i))); err != nil {
				t.Fatal(err)
			}
			if i != 2 {
				now = now.Add(time.Minute)
			}
		}
		if err := o.Send(t.Context(), message("m3")); err != nil {
			t.Errorf("a second try: %v", err)
		}
		if n := o.Sent(); n != 5 {
			t.Errorf("%d messages", n)
		}
		var seen []string
		before := ""
		for {
			items, err := o.List(t.Context(), before, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			for _, it := range items {
				seen = append(seen, it.ID)
			}
			before = items[len(items)-1].ID
		}
		if got := strings.Join(seen, " "); got != "m4 m3 m2 m1 m0" {
			t.Errorf("in the order %s", got)
		}
		it, err := o.Show(t.Context(), "m0")
		if err != nil || it.Subject != "Schöne Grüße" || it.HTML == "" || it.Headers["List-Unsubscribe"] == "" || !it.At.Equal(noon) {
			t.Errorf("%+v %v", it, err)
		}
		if _, err := o.Show(t.Context(), "none"); loot.KindOf(err) != loot.NotFound {
			t.Errorf("a message that is not there: %v", err)
		}
		if items, err := o.List(t.Context(), "none", 2); len(items) != 0 || err != nil {
			t.Errorf("before a message that is not there: %v %v", items, err)
		}
		bad := message("m9")
		bad.To = "erika"
		if err := o.Send(t.Context(), bad); loot.KindOf(err) != loot.Invalid {
			t.Errorf("a message that no server would take: %v", err)
		}
		if n, err := o.Sweep(t.Context(), noon.Add(90*time.Second)); n != 2 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

func TestOutboxRowsSayNothingAndCannotBeExchanged(t *testing.T) {
	storetest.Each(t, map[string]fs.FS{"mail": mail.Migrations()}, func(t *testing.T, db *store.DB) {
		o := mail.NewOutbox(db, mask{}, nobody, func() time.Time { return noon })
		for _, id := range []string{"m1", "m2"} {
			if err := o.Send(t.Context(), message(id)); err != nil {
				t.Fatal(err)
			}
		}
		err := db.InTx(t.Context(), func(tx *store.Tx) error {
			var sealed []byte
			if err := tx.QueryRow(t.Context(), `SELECT sealed FROM mail_outbox WHERE id = 'm1'`).Scan(&sealed); err != nil {
				return err
			}
			if bytes.Contains(sealed, []byte("rika")) || bytes.Contains(sealed, []byte("Nachricht")) {
				t.Error("the row can be read")
			}
			_, err := tx.Exec(t.Context(), `UPDATE mail_outbox SET sealed = $1 WHERE id = 'm2'`, sealed)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Show(t.Context(), "m2"); err == nil {
			t.Error("one message passes for another")
		}
	})
}

// nobody is asked for a customer's key.
func nobody(context.Context, loot.Subject, loot.Collection) (mail.Sealer, error) {
	return nil, errors.New("no customer's letter")
}

// A letter to a customer is sealed with a key of theirs as well, so that
// nothing of it is left once that is destroyed.
func TestALetterEndsWithItsCustomersKey(t *testing.T) {
	storetest.Each(t, map[string]fs.FS{"mail": mail.Migrations()}, func(t *testing.T, db *store.DB) {
		erased, plain := false, &glass{}
		own := func(_ context.Context, s loot.Subject, c loot.Collection) (mail.Sealer, error) {
			if s != "s1" || c != "customer" || erased {
				return nil, loot.Errorf(loot.NotFound, "gone")
			}
			return mask{}, nil
		}
		o := mail.NewOutbox(db, plain, own, func() time.Time { return noon })
		m := message("m1")
		m.About, m.Collection = "s1", "customer"
		if err := o.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(plain.saw, []byte("rika")) || bytes.Contains(plain.saw, []byte("Nachricht")) || len(plain.saw) == 0 {
			t.Errorf("readable without the customer's key: %s", plain.saw)
		}
		if it, err := o.Show(t.Context(), "m1"); err != nil || it.To != m.To || it.Text != m.Text || it.About != "s1" {
			t.Errorf("%+v %v", it, err)
		}
		if n, err := o.SentTo(t.Context(), "s1"); n != 1 || err != nil {
			t.Errorf("%d letters went to them: %v", n, err)
		}
		if n, err := o.SentTo(t.Context(), "s2"); n != 0 || err != nil {
			t.Errorf("%d letters went to somebody else: %v", n, err)
		}
		erased = true
		if _, err := o.Show(t.Context(), "m1"); loot.KindOf(err) != loot.NotFound {
			t.Errorf("after the erasure: %v", err)
		}
		items, err := o.List(t.Context(), "", 2)
		if err != nil || len(items) != 1 || !items[0].Erased || items[0].To != "" || items[0].Subject != "" {
			t.Errorf("listed after the erasure: %+v %v", items, err)
		}
		m.ID = "m2"
		if err := o.Send(t.Context(), m); err != nil {
			t.Errorf("a letter that came too late: %v", err)
		}
		if n := o.Sent(); n != 1 {
			t.Errorf("%d letters are kept", n)
		}
	})
}

// A glass seals nothing, and keeps what it was given.
type glass struct{ saw []byte }

func (o *glass) Seal(plain, _ []byte) ([]byte, error)  { o.saw = plain; return plain, nil }
func (o *glass) Open(sealed, _ []byte) ([]byte, error) { return sealed, nil }
