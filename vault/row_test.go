package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
)

// theOnly reads a column of the one row of a table.
func (b *bench) theOnly(t testing.TB, table, column string) (value any) {
	t.Helper()
	b.do(t, func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT `+column+` FROM `+table).Scan(&value)
	})
	return value
}

// flips are a value with the lowest bit of each of its bytes changed.
func flips(value any) (out []any) {
	switch v := value.(type) {
	case int64:
		for i := range 8 {
			out = append(out, v^1<<(8*i))
		}
	case string:
		for _, f := range flips([]byte(v)) {
			out = append(out, string(f.([]byte)))
		}
	case []byte:
		for i := range v {
			f := append([]byte{}, v...)
			f[i] ^= 1
			out = append(out, f)
		}
	}
	return out
}

func (b *bench) whole(t testing.TB, s loot.Subject, fields ...loot.Field) (whole vault.Whole, err error) {
	t.Helper()
	err = b.with(t, request(loot.Use, s, fields...), func(tx *store.Tx, p gate.Permit) (err error) {
		whole, err = b.vault.OpenWhole(t.Context(), tx, p)
		return err
	})
	return whole, err
}

func (b *bench) held(t testing.TB, s loot.Subject) (held map[loot.Field]vault.About, err error) {
	t.Helper()
	err = b.gate.InTx(t.Context(), func(tx *store.Tx) (err error) {
		held, err = b.vault.Held(t.Context(), tx, s, customer)
		return err
	})
	return held, err
}

// changed is a customer with all that a row and its history can say.
func (b *bench) changed(t testing.TB) loot.Subject {
	t.Helper()
	s := b.create(t, map[loot.Field]string{"contact.name": "Ada Lovelace", "contact.email": "ada@engines.example", "contact.phone": "+353 1 555 0199"})
	b.do(t, func(tx *store.Tx) error {
		return b.vault.Mark(t.Context(), tx, s, customer, 1, map[loot.Field]vault.Marking{
			"contact.name": {From: vault.Unverified, To: vault.Verified}, "contact.email": {From: vault.Unverified, To: vault.Verified},
		})
	})
	b.do(t, func(tx *store.Tx) error {
		return b.vault.KeepUntil(t.Context(), tx, s, customer, map[loot.Field]time.Time{"contact.phone": b.now().Add(1000 * time.Hour)})
	})
	if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": "Ada King"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestChangedRowIsRefused changes every byte of all that is kept in the row of a
// record and of a former value: nothing of it is taken for what the vault wrote,
// whether somebody opens, changes or checks it.
func TestChangedRowIsRefused(t *testing.T) {
	tables := map[string][]string{
		"vault_record":  {"version", "created", "changed", "erased", "due", "epoch", "subject", "collection", "cells"},
		"vault_history": {"version", "replaced", "field", "subject", "collection", "cell"},
	}
	each(t, func(t *testing.T, b *bench) {
		s := b.changed(t)
		fields := []loot.Field{"contact.name", "contact.email", "contact.phone"}
		before, err := b.whole(t, s, fields...)
		if err != nil || len(before.Former) != 1 || before.Values["contact.email"].State != vault.Verified || before.Values["contact.phone"].Until.IsZero() {
			t.Fatalf("%v, %v", before, err)
		}
		b.sound(t)
		for table, columns := range tables {
			for _, column := range columns {
				good := b.theOnly(t, table, column)
				all := flips(good)
				if len(all) == 0 {
					t.Errorf("%s of %s is a %T", column, table, good)
				}
				for i, bad := range all {
					where := fmt.Sprintf("byte %d of %s of %s", i, column, table)
					b.exec(t, `UPDATE `+table+` SET `+column+` = $1`, bad)
					if len(b.problems(t)) == 0 {
						t.Errorf("%s: the check finds nothing", where)
					}
					// Former values that are nobody's, or somebody else's, are like
					// those that were deleted: only the check sees them.
					if table == "vault_record" || column != "subject" && column != "collection" {
						if got, err := b.whole(t, s, fields...); !refused(err) || len(got.Values) > 0 {
							t.Errorf("%s: opened %v, %v", where, got, err)
						}
					}
					if table == "vault_record" {
						if got, err := b.held(t, s); !refused(err) || got != nil {
							t.Errorf("%s: held %v, %v", where, got, err)
						}
					}
					b.exec(t, `UPDATE `+table+` SET `+column+` = $1`, good)
				}
			}
		}
		b.sound(t)
		if after, err := b.whole(t, s, fields...); err != nil || after.Version != before.Version {
			t.Errorf("%v, %v", after, err)
		}
	})
}

// TestChangedFileRowIsRefused changes every byte of all that is kept of a file:
// no other file comes of it, in a list or opened, and the check finds each.
func TestChangedFileRowIsRefused(t *testing.T) {
	tables := map[string][]string{
		"vault_file":  {"id", "subject", "collection", "field", "made", "kept", "size", "source", "statement", "about", "mac"},
		"vault_chunk": {"file", "number", "sealed"},
	}
	each(t, func(t *testing.T, b *bench) {
		storetest.Unfix(t, b.db, "vault_chunk")
		s := b.create(t, ada())
		content := []byte("entered on 1 March")
		id := b.file(t, s, scan, "register.pdf", content)
		before, err := b.whole(t, s, scan)
		if err != nil || len(before.Files) != 1 || before.Files[0].About.Source != "your upload" {
			t.Fatalf("%+v, %v", before.Files, err)
		}
		b.sound(t)
		for table, columns := range tables {
			all := b.backup(t, table)
			if len(all[table]) != 1 || len(all[table][0]) != len(columns) {
				t.Fatalf("%s is %v", table, all[table])
			}
			for _, column := range columns {
				good := b.theOnly(t, table, column)
				bads := flips(good)
				if len(bads) == 0 {
					t.Errorf("%s of %s is a %T", column, table, good)
				}
				for i, bad := range bads {
					where := fmt.Sprintf("byte %d of %s of %s", i, column, table)
					b.exec(t, `UPDATE `+table+` SET `+column+` = $1`, bad)
					if !strings.Contains(strings.Join(b.problems(t), "\n"), "the file ") {
						t.Errorf("%s: the check finds nothing", where)
					}
					c, err := b.openFile(t, s, scan, id)
					if table == "vault_file" {
						if !refused(err) {
							t.Errorf("%s: opened %+v, %v", where, c, err)
						}
					} else if got, err := io.ReadAll(c); !errors.Is(err, keyring.ErrTampered) || len(got) > 0 {
						t.Errorf("%s: read %q, %v", where, got, err)
					}
					// A file that seems to be somebody else's is not listed, like one
					// that was deleted: only the check sees it.
					got, err := b.whole(t, s, scan)
					switch {
					case table == "vault_chunk":
						if err != nil || !reflect.DeepEqual(got.Files, before.Files) {
							t.Errorf("%s: listed %+v, %v", where, got.Files, err)
						}
					case column == "subject" || column == "collection":
						if err != nil || len(got.Files) > 0 {
							t.Errorf("%s: listed %+v, %v", where, got.Files, err)
						}
					case !errors.Is(err, vault.ErrDamaged) || !strings.Contains(err.Error(), string(s)):
						t.Errorf("%s: listed %+v, %v", where, got.Files, err)
					}
					b.exec(t, `UPDATE `+table+` SET `+column+` = $1`, good)
				}
			}
		}
		b.sound(t)
		c, err := b.openFile(t, s, scan, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestChangedFileRowIsNotTakenIn: what was changed while nobody had taken the
// file in is not made good by taking it in, and no column loses a file that was.
func TestChangedFileRowIsNotTakenIn(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		staged, err := b.vault.Stage(t.Context(), s, customer, scan, "x", "text/plain", strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		good := b.backup(t, "vault_file")
		for column, value := range map[string]any{"size": 8, "made": 1, "kept": 1, "source": "a partner", "statement": "00", "field": "contact.name", "about": []byte{}} {
			b.exec(t, `UPDATE vault_file SET `+column+` = $1`, value)
			if err := b.keep(t, s, scan, staged); !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("%s: kept, %v", column, err)
			}
			if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], "the row of the file "+staged+" is damaged") {
				t.Errorf("%s: problems %q", column, p)
			}
			b.restore(t, good)
		}
		b.sound(t)
		if err := b.keep(t, s, scan, staged); err != nil {
			t.Fatal(err)
		}
		b.exec(t, `UPDATE vault_file SET kept = 0`)
		b.pass(25 * time.Hour)
		b.sweep(t)
		if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], "the row of the file "+staged+" is damaged") {
			t.Errorf("after a sweep: problems %q", p)
		}
	})
}

// TestFileRowWithoutMACIsRefused: a row from before files had one says so.
func TestFileRowWithoutMACIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		id := b.file(t, s, scan, "x", []byte("content"))
		b.exec(t, `UPDATE vault_file SET mac = NULL`)
		_, opened := b.openFile(t, s, scan, id)
		_, listed := b.whole(t, s, scan)
		for _, err := range []error{opened, listed} {
			if !errors.Is(err, vault.ErrDamaged) || !strings.Contains(err.Error(), id+" of "+string(s)+" has no MAC") {
				t.Errorf("%v", err)
			}
		}
		if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], "the row of the file "+id+" is damaged: it has no MAC") {
			t.Errorf("problems %q", p)
		}
		b.erase(t, s)
		b.work(t)
		b.sound(t)
	})
}

// refused reports whether a row was called damaged, or is not found as it seems
// to be somebody else's or erased.
func refused(err error) bool {
	return errors.Is(err, vault.ErrDamaged) || loot.KindOf(err) == loot.NotFound
}

// TestChangedRowIsNotWrittenAnew: no change makes a row that was changed behind
// the vault's back pass for one that the vault wrote.
func TestChangedRowIsNotWrittenAnew(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		s := b.changed(t)
		number := b.propose(t, s, "king@engines.example")
		epoch := b.epochs(t)[0]
		if _, err := b.keys.RotateBeyond(ctx, customer, epoch); err != nil {
			t.Fatal(err)
		}
		b.exec(t, `UPDATE vault_record SET created = created - 1`)
		before := b.theOnly(t, "vault_record", "cells")
		version := b.row(t, s).Version
		for what, change := range map[string]func() error{
			"correct": func() error { return b.correct(t, s, version, map[loot.Field]string{"contact.name": "Ada"}) },
			"confirm": func() error { return b.confirm(t, s, number) },
			"add": func() error {
				return b.with(t, request(loot.Collect, s, "contact.name"), func(tx *store.Tx, p gate.Permit) error {
					return b.vault.Add(ctx, tx, p, map[loot.Field]string{"contact.name": "Ada"}, "a test")
				})
			},
			"mark": func() error {
				return b.gate.InTx(ctx, func(tx *store.Tx) error {
					return b.vault.Mark(ctx, tx, s, customer, version, map[loot.Field]vault.Marking{"contact.name": {From: vault.Unverified, To: vault.Verified}})
				})
			},
			"keep": func() error {
				return b.gate.InTx(ctx, func(tx *store.Tx) error {
					return b.vault.KeepUntil(ctx, tx, s, customer, map[loot.Field]time.Time{"contact.name": b.now()})
				})
			},
			"re-index": func() error {
				_, err := b.vault.Reindex(ctx, customer, 10)
				return err
			},
		} {
			if err := change(); !errors.Is(err, vault.ErrDamaged) || !strings.Contains(err.Error(), string(s)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		b.pass(vault.ProposalLife + time.Hour)
		if err := b.vault.Sweep(ctx); err != nil {
			t.Errorf("sweep: %v", err)
		}
		if after := b.theOnly(t, "vault_record", "cells"); string(after.([]byte)) != string(before.([]byte)) {
			t.Error("the row was written anew")
		}
		b.erase(t, s)
		b.work(t)
		b.sound(t)
	})
}

// TestWordOfTheSameIdIsRefused: another name for the id of a field, which is no
// more than three bytes of a hash, does not make one field another.
func TestWordOfTheSameIdIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.exec(t, `UPDATE vault_word SET word = 'contact.x459969' WHERE word = 'contact.phone'`)
		b.open(t) // nothing held in memory
		if got, err := b.held(t, s); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("held %v, %v", got, err)
		}
		if len(b.problems(t)) == 0 {
			t.Error("the check finds nothing")
		}
	})
}

// TestEarlierRowIsRefused: what a record was before is not what it is, whether
// its cells come back, or the whole row.
func TestEarlierRowIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.changed(t)
		cells, row := b.theOnly(t, "vault_record", "cells"), b.backup(t, "vault_record")
		if err := b.correct(t, s, 2, map[loot.Field]string{"contact.name": "Ada"}); err != nil {
			t.Fatal(err)
		}
		now := b.backup(t, "vault_record")
		b.exec(t, `UPDATE vault_record SET cells = $1`, cells)
		if got, err := b.values(t, s, "contact.name"); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("the cells: opened %v, %v", got, err)
		}
		if p := b.problems(t); !strings.Contains(strings.Join(p, "\n"), string(s)+" in customer: the row is damaged") {
			t.Errorf("the cells: problems %q", p)
		}
		b.restore(t, row)
		if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], "a former value was put in the place of the present one") {
			t.Errorf("the row: problems %q", p)
		}
		b.restore(t, now)
		b.sound(t)
	})
}

// TestRowOfAnEarlierFormatIsRefused: what has no MAC says which format it is of.
func TestRowOfAnEarlierFormatIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		packed := b.theOnly(t, "vault_record", "cells").([]byte)
		packed[0] = 1
		b.exec(t, `UPDATE vault_record SET cells = $1`, packed)
		if got, err := b.values(t, s, "contact.name"); !errors.Is(err, vault.ErrDamaged) || !strings.Contains(err.Error(), "cells of format 1") {
			t.Errorf("opened %v, %v", got, err)
		}
	})
}
