package disclosure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"loot/desk/desktest"
	"loot/store"
	"loot/store/storetest"
)

// onOld is for databases that an older program made, by the migrations before one, and that
// fill put rows into.
func onOld(t *testing.T, before string, fill func(ctx context.Context, tx *store.Tx) error, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		old := fstest.MapFS{}
		list, err := fs.Glob(migrationFiles, "migrations/*.sql")
		ok(t, err)
		for _, path := range list {
			if file := path[len("migrations/"):]; file < before {
				content, err := migrationFiles.ReadFile(path)
				ok(t, err)
				old[file] = &fstest.MapFile{Data: content}
			}
		}
		ok(t, desktest.Kernel.Fill(t.Context(), db))
		ok(t, db.Migrate(t.Context(), name, old))
		ok(t, db.InTx(t.Context(), func(tx *store.Tx) error { return fill(t.Context(), tx) }))
		f(t, newHouse(t, db))
	})
}

// TestMailFromBeforeWaitsOn and is known again by its content; an older program goes on taking
// mail in meanwhile.
func TestMailFromBeforeWaitsOn(t *testing.T) {
	comes := func(ctx context.Context, tx *store.Tx, contents ...string) error {
		for _, c := range contents {
			sum := sha256.Sum256([]byte(c))
			if _, err := tx.Exec(ctx, `INSERT INTO disclosure_mail (id, at, sha256, size, head, content) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (sha256) DO NOTHING`,
				"m-"+c[:1], desktest.Start.UnixMicro(), hex.EncodeToString(sum[:]), len(c), []byte("sealed")); err != nil {
				return err
			}
		}
		return nil
	}
	fill := func(ctx context.Context, tx *store.Tx) error { return comes(ctx, tx, "A\nid 1\n\nx", "B\n\nx") }
	onOld(t, "0003", fill, func(t *testing.T, h *house) {
		for _, one := range []struct {
			content string
			wait    int
		}{{"A\nid 1\n\nx", 2}, {"B\n\nx", 2}, {"C\n\nx", 3}, {"C\n\nx", 3}} {
			h.comes(one.content)
			if n := len(h.mails(thatWaits)); n != one.wait {
				t.Errorf("after %q %d wait, want %d", one.content, n, one.wait)
			}
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return comes(ctx, tx, "C\n\nx", "D\n\nx", "E\n\nx") })
		if n := len(h.mails(thatWaits)); n != 5 {
			t.Errorf("%d wait after an older program took some, want 5", n)
		}
	})
}

// TestAnAssessmentFromBeforeSaysWhatItCameTo by its last answers.
func TestAnAssessmentFromBeforeSaysWhatItCameTo(t *testing.T) {
	all := []string{"asked", "sender.yes", "validity.yes", "jurisdiction.yes", "competence.yes", "scope.yes"}
	with := func(kind string) []string {
		out := slices.Clone(all)
		id, _, _ := strings.Cut(kind, ".")
		out[slices.Index(out, id+".yes")] = kind
		return out
	}
	cases := map[string]struct {
		notes []string
		valid int
		want  string
	}{
		"d-none":    {all[:1], 0, ""},
		"d-lawful":  {all, 1, passed},
		"d-broad":   {with("scope.no"), 0, broad},
		"d-not":     {with("competence.no"), 0, unlawful},
		"d-then":    {append(with("validity.no"), with("scope.no")...), 0, broad},
		"d-worse":   {append(with("scope.no"), with("sender.no")...), 0, unlawful},
		"d-settled": {append(with("jurisdiction.no"), all...), 1, passed},
	}
	fill := func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO disclosure_authority (id, recipient, title, country, age, contact, verified, verifier, made, author, ended) VALUES ('w', 'police', 'x', 'IE', '', $1, 0, '', 0, '', 0)`, []byte("sealed")); err != nil {
			return err
		}
		for id, c := range cases {
			if _, err := tx.Exec(ctx, `INSERT INTO disclosure_request (id, kind, authority, basis, emergency, opened, author, owner, due, until, scope, gag, hold, subject, valid, fields, approval, entry, outcome, answered, reviewed, closed, reminded, version)
				VALUES ($1, 'answer', 'w', 'subscriber', 0, 0, '', '', 0, 0, '', 0, 0, '', $2, '', '', '', '', 0, 0, 0, 0, 0)`, id, c.valid); err != nil {
				return err
			}
			for i, kind := range c.notes {
				if _, err := tx.Exec(ctx, `INSERT INTO disclosure_note (id, request, place, at, author, kind, text) VALUES ($1, $2, $3, 0, '', $4, $5)`, fmt.Sprint(id, i), id, i, kind, []byte("sealed")); err != nil {
					return err
				}
			}
		}
		return nil
	}
	onOld(t, "0004", fill, func(t *testing.T, h *house) {
		for id, c := range cases {
			if got := h.request(id).Assessed; got != c.want {
				t.Errorf("%s came to %q, want %q", id, got, c.want)
			}
		}
	})
}
