package ledger_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"loot"
	"loot/ledger"
	"loot/store"
)

// A personCopy is a person's copy as the portal writes it, as far as it is
// checked.
type personCopy struct {
	Made     string               `json:"made"`
	Subject  loot.Subject         `json:"id"`
	Fields   []map[string]any     `json:"fields"`
	Timeline []ledger.CopiedEntry `json:"timeline"`
}

func (c personCopy) text(t testing.TB) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// newCopy returns the copy of a person with n entries, and the log's key.
func newCopy(t testing.TB, n int) (c personCopy, key string) {
	t.Helper()
	sqlite(t, func(b *bench) {
		l := b.open()
		stop := b.run(l)
		who := b.person()
		es := make([]ledger.Entry, n)
		for i := range es {
			es[i] = opening(who, b.now().Add(time.Duration(i-n)*time.Second)) // each at a time of its own
		}
		b.append(l, es...)
		b.sync(l)
		c = personCopy{Made: "2026-11-28T07:00:00Z", Subject: who, Fields: []map[string]any{{"field": "contact.email", "kept": []any{"a", map[string]any{"timeline": 1}}}}}
		b.read(func(tx *store.Tx) error {
			items, err := l.Timeline(t.Context(), tx, who, "customer", "", n)
			c.Timeline = nil
			for _, it := range items {
				e := it.Copied()
				receipt, err := l.Receipt(t.Context(), tx, who, "customer", it.ID)
				if err != nil {
					return err
				}
				e.Receipt = string(receipt)
				c.Timeline = append(c.Timeline, e)
			}
			return err
		})
		key = l.VerifierKey()
		stop()
	})
	return c, key
}

// verifyCopy returns what was found, and the ids of the entries that fail.
func verifyCopy(t testing.TB, text, key string) (res ledger.CopyResult, failed []string) {
	t.Helper()
	res, err := ledger.VerifyCopy(strings.NewReader(text), key, nil, func(e ledger.CopiedEntry, one ledger.Result) error {
		if one.Fault != nil {
			failed = append(failed, e.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return res, failed
}

func TestCopyVerdicts(t *testing.T) {
	c, key := newCopy(t, 5)
	other, otherKey := newCopy(t, 2)
	change := func(f func(c *personCopy)) string {
		changed := c
		changed.Timeline = slices.Clone(c.Timeline)
		f(&changed)
		return changed.text(t)
	}
	whole := c.text(t)
	for _, one := range []struct {
		name, text, key string
		want            ledger.CopyResult
		fault           string // a part of it
	}{
		{"sound", whole, key, ledger.CopyResult{Verdict: ledger.Holds, Entries: 5, Proved: 5, Signer: key}, ""},
		{"no key", whole, "", ledger.CopyResult{Verdict: ledger.Consistent, Entries: 5, Proved: 5, Signer: key}, ""},
		{"the key of another", whole, otherKey, ledger.CopyResult{Entries: 5, Broken: 5}, ""},
		{"a receipt left out", change(func(c *personCopy) { c.Timeline[3].Receipt = "" }), key, ledger.CopyResult{Entries: 5, Proved: 4, Missing: 1, Signer: key}, ""},
		{"a receipt changed", change(func(c *personCopy) {
			c.Timeline[1].Receipt = strings.Replace(c.Timeline[1].Receipt, "\nindex ", "\nindex 1", 1)
		}), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"receipts exchanged", change(func(c *personCopy) {
			c.Timeline[1].Receipt, c.Timeline[2].Receipt = c.Timeline[2].Receipt, c.Timeline[1].Receipt
		}), key, ledger.CopyResult{Entries: 5, Proved: 3, Broken: 2, Signer: key}, ""},
		{"an entry in the place of another", change(func(c *personCopy) { c.Timeline[2] = c.Timeline[1] }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"a purpose changed", change(func(c *personCopy) { c.Timeline[0].Purpose = "support" }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"an action changed", change(func(c *personCopy) { c.Timeline[0].Action = loot.Transfer }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"a verdict changed", change(func(c *personCopy) { c.Timeline[0].Verdict = ledger.Refused }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"a clause left out", change(func(c *personCopy) { c.Timeline[0].Clauses = nil }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"a detail added", change(func(c *personCopy) { c.Timeline[0].Fields = append(c.Timeline[0].Fields, "payment.iban") }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"somebody else's entry", change(func(c *personCopy) { c.Timeline[4] = other.Timeline[0] }), "", ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
		{"somebody else's copy", change(func(c *personCopy) { c.Subject = other.Subject }), key, ledger.CopyResult{Entries: 5, Proved: 5, Signer: key}, "of somebody else"},
		{"no timeline", `{"id":"s1","fields":[]}`, key, ledger.CopyResult{}, "no timeline"},
		{"an empty timeline", `{"id":"s1","timeline":[]}`, key, ledger.CopyResult{}, "no timeline"},
		{"a timeline that is none", `{"timeline":{}}`, key, ledger.CopyResult{}, "no list"},
		{"cut off", whole[:len(whole)-2], key, ledger.CopyResult{Entries: 5, Proved: 5, Signer: key}, "cut off"},
		{"something behind", whole + "{}", key, ledger.CopyResult{Entries: 5, Proved: 5, Signer: key}, "behind the end"},
		{"a list", `[]`, key, ledger.CopyResult{Verdict: ledger.NotAProof}, "neither a receipt nor a copy"},
		{"nothing", ``, key, ledger.CopyResult{Verdict: ledger.NotAProof}, "cut off"},
		{"a part without end", `{"x":"` + strings.Repeat("a", 9<<20) + `"}`, key, ledger.CopyResult{Verdict: ledger.NotAProof}, "cut off"},
		{"another kind of file", `{"name":"x"}`, key, ledger.CopyResult{Verdict: ledger.NotAProof}, "no timeline"},
		{"a receipt that is none", change(func(c *personCopy) { c.Timeline[1].Receipt = "junk" }), key, ledger.CopyResult{Entries: 5, Proved: 4, Broken: 1, Signer: key}, ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			res, failed := verifyCopy(t, one.text, one.key)
			fault := res.Fault
			if res.Fault = ""; res != one.want {
				t.Errorf("got %+v, want %+v", res, one.want)
			}
			if (fault != "") != (one.fault != "") || !strings.Contains(fault, one.fault) {
				t.Errorf("says %q, want %q", fault, one.fault)
			}
			if len(failed) != res.Broken+res.Missing {
				t.Errorf("%v fail", failed)
			}
		})
	}
}

// TestCopyErrors: what is wrong with a key, a reader or the caller is an error
// and no verdict.
func TestCopyErrors(t *testing.T) {
	c, key := newCopy(t, 1)
	tell := func(ledger.CopiedEntry, ledger.Result) error { return nil }
	if _, err := ledger.VerifyCopy(strings.NewReader(""), "no key", nil, tell); loot.KindOf(err) != loot.Invalid {
		t.Errorf("a bad key: %v", err)
	}
	broken := errors.New("the disk is broken")
	if _, err := ledger.VerifyCopy(io.MultiReader(strings.NewReader(c.text(t)[:40]), iotest.ErrReader(broken)), key, nil, tell); !errors.Is(err, broken) {
		t.Errorf("a broken disk: %v", err)
	}
	if _, err := ledger.VerifyCopy(strings.NewReader(c.text(t)), key, nil, func(ledger.CopiedEntry, ledger.Result) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a caller that gives up: %v", err)
	}
}

// TestALongCopyIsNotHeld: a copy is longer than what is held of it.
func TestALongCopyIsNotHeld(t *testing.T) {
	c, key := newCopy(t, 1)
	entry, err := json.Marshal(c.Timeline[0])
	if err != nil {
		t.Fatal(err)
	}
	const times = 8000
	long := io.MultiReader(strings.NewReader(`{"id":"`+string(c.Subject)+`","timeline":[`),
		strings.NewReader(strings.Repeat(string(entry)+",", times-1)), strings.NewReader(string(entry)+`]}`))
	res, err := ledger.VerifyCopy(long, key, nil, func(ledger.CopiedEntry, ledger.Result) error { return nil })
	if err != nil || res.Proved != 1 || res.Broken != times-1 || res.Fault != "" { // it is one entry, again and again
		t.Errorf("%+v, %v", res, err)
	}
	if len(entry)*times < 8<<20 {
		t.Errorf("the copy has only %d bytes", len(entry)*times)
	}
}
