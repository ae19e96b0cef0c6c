package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
)

func (b *bench) erase(t testing.TB, s loot.Subject) {
	t.Helper()
	if err := b.with(t, request(loot.Erase, s, fieldsOf(ada())...), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.Erase(t.Context(), tx, p)
	}); err != nil {
		t.Fatalf("erase: %v", err)
	}
}

// work runs the jobs that are due, as a server does.
func (b *bench) work(t testing.TB) {
	t.Helper()
	if err := b.jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.jobs.Stop(context.Background())
	if err := b.jobs.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) sweep(t testing.TB) {
	t.Helper()
	if err := b.vault.Sweep(t.Context()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

func (b *bench) rows(t testing.TB, table string) (n int) {
	t.Helper()
	b.do(t, func(tx *store.Tx) error { return tx.QueryRow(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n) })
	return n
}

func TestErasedRecordIsRefusedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, other := b.create(t, ada()), b.create(t, ada())
		if err := b.correct(t, s, 1, map[loot.Field]string{"contact.name": "Ada King"}); err != nil {
			t.Fatal(err)
		}
		var told []string
		b.jobs.Listen("person.erased", "test.listen", func(_ context.Context, id string) error {
			told = append(told, id)
			return nil
		})
		b.erase(t, s)
		// Before the job destroys the key, with the key still held in memory.
		if values, err := b.values(t, s, "contact.name"); values != nil || loot.KindOf(err) != loot.NotFound {
			t.Errorf("open: %v, %v", values, err)
		}
		if err := b.correct(t, s, 3, map[loot.Field]string{"contact.name": "Eve"}); loot.KindOf(err) != loot.NotFound {
			t.Errorf("correct: %v", err)
		}
		if got := b.find(t, "contact.email", "ada@engines.example"); !slices.Equal(got, []loot.Subject{other}) {
			t.Errorf("found %v", got)
		}
		err := b.with(t, request(loot.Erase, s, fieldsOf(ada())...), func(tx *store.Tx, p gate.Permit) error { return b.vault.Erase(t.Context(), tx, p) })
		if loot.KindOf(err) != loot.NotFound {
			t.Errorf("erased twice: %v", err)
		}
		if row := b.row(t, s); !row.Erased() {
			t.Errorf("row: %+v", row)
		}
		b.work(t)
		if _, err := b.keys.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("the key: %v", err)
		}
		if !slices.Equal(told, []string{string(s)}) {
			t.Errorf("told: %v", told)
		}
		if n := b.rows(t, "vault_history"); n != 0 {
			t.Errorf("%d former values are left", n)
		}
		if r := b.sound(t); r.Erased != 1 || r.Records != 1 {
			t.Errorf("%+v", r)
		}
		if got := b.clear(t, other, "contact.name"); got["contact.name"] != "Ada Lovelace" {
			t.Errorf("another: %v", got)
		}
	})
}

func TestRolledBackErasureErasesNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		err := b.with(t, request(loot.Erase, s, fieldsOf(ada())...), func(tx *store.Tx, p gate.Permit) error {
			if err := b.vault.Erase(t.Context(), tx, p); err != nil {
				return err
			}
			return errNever
		})
		if !errors.Is(err, errNever) {
			t.Fatal(err)
		}
		b.work(t)
		if got := b.clear(t, s, fieldsOf(ada())...); len(got) != len(ada()) {
			t.Errorf("left: %d fields", len(got))
		}
		b.sound(t)
	})
}

// TestLostDestructionIsCaughtUp: the sweep does what a job that was lost did
// not, and the ledger says it once.
func TestLostDestructionIsCaughtUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		b.erase(t, s)
		if p := b.problems(t); len(p) != 1 {
			t.Errorf("before: %q", p)
		}
		b.sweep(t) // the job never ran
		if _, err := b.keys.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("the key: %v", err)
		}
		entries := b.rows(t, "ledger_entry")
		b.work(t)
		b.sweep(t)
		if n := b.rows(t, "ledger_entry"); n != entries {
			t.Errorf("the destruction is on the ledger %d times", n-entries+1)
		}
		b.sound(t)
	})
}

// TestKeyOfAHeldRecordIsNotDestroyed: whatever a job says, and however old it is.
func TestKeyOfAHeldRecordIsNotDestroyed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		if err := b.vault.Destroy(t.Context(), s, customer); err == nil {
			t.Error("the job does what it is told")
		}
		b.pass(1000 * time.Hour)
		b.sweep(t)
		b.open(t)
		if got := b.clear(t, s, "contact.name"); got["contact.name"] != "Ada Lovelace" {
			t.Errorf("got %v", got)
		}
		b.sound(t)
	})
}

// TestLeftoverKeysAreSwept: those of registrations that failed, a day later;
// and none that something else needs.
func TestLeftoverKeysAreSwept(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.create(t, ada())
		left, claimed, visitor := loot.NewSubject(), loot.NewSubject(), loot.NewSubject()
		for s, c := range map[loot.Subject]loot.Collection{left: customer, claimed: customer, visitor: "visitor"} {
			if err := b.keys.Create(t.Context(), s, c); err != nil {
				t.Fatal(err)
			}
		}
		b.vault.Claim(func(_ context.Context, s loot.Subject, _ loot.Collection) (bool, error) { return s == claimed, nil })
		has := func(s loot.Subject, c loot.Collection) bool {
			_, err := b.keys.Person(t.Context(), s, c)
			return err == nil
		}
		b.pass(23 * time.Hour)
		b.sweep(t)
		if !has(left, customer) {
			t.Error("swept while its transaction may still run")
		}
		b.pass(2 * time.Hour)
		b.sweep(t)
		if has(left, customer) || !has(claimed, customer) || !has(visitor, "visitor") {
			t.Errorf("left over: %v, claimed: %v, of a collection that has no records: %v", has(left, customer), has(claimed, customer), has(visitor, "visitor"))
		}
		b.sound(t)
	})
}

// TestRestoredBackupStaysErased: a backup of the data from before an erasure,
// restored with the keys of today, gives nothing back, and the sweep erases it
// again.
func TestRestoredBackupStaysErased(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, other := b.create(t, ada()), b.create(t, ada())
		backup := b.backup(t, "vault_record", "vault_index", "vault_history")
		b.erase(t, s)
		b.work(t)
		b.restore(t, backup)
		if values, err := b.values(t, s, fieldsOf(ada())...); values != nil || loot.KindOf(err) != loot.NotFound {
			t.Errorf("open: %v, %v", values, err)
		}
		if p := b.problems(t); len(p) != 1 {
			t.Errorf("problems: %q", p)
		}
		b.sweep(t)
		if row := b.row(t, s); !row.Erased() {
			t.Errorf("not erased again: %+v", row)
		}
		if got := b.find(t, "contact.email", "ada@engines.example"); !slices.Equal(got, []loot.Subject{other}) {
			t.Errorf("found %v", got)
		}
		b.sound(t)
	})
}

// backup reads whole tables, and restore puts them back.
func (b *bench) backup(t testing.TB, tables ...string) map[string][][]any {
	t.Helper()
	out := map[string][][]any{}
	b.do(t, func(tx *store.Tx) error {
		for _, table := range tables {
			out[table] = nil
			rows, err := tx.Query(t.Context(), `SELECT * FROM `+table)
			if err != nil {
				return err
			}
			cols, err := rows.Columns()
			if err != nil {
				return err
			}
			for rows.Next() {
				row, to := make([]any, len(cols)), make([]any, len(cols))
				for i := range row {
					to[i] = &row[i]
				}
				if err := rows.Scan(to...); err != nil {
					return err
				}
				out[table] = append(out[table], row)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	return out
}

func (b *bench) restore(t testing.TB, backup map[string][][]any) {
	t.Helper()
	b.exec(t, `UPDATE vault_file SET kept = 0`) // else the database keeps them
	for table, rows := range backup {
		b.exec(t, `DELETE FROM `+table)
		for _, row := range rows {
			b.exec(t, `INSERT INTO `+table+` VALUES (`+store.Placeholders(1, len(row))+`)`, row...)
		}
	}
}

// TestKilledErasureIsFinished stops the destruction at each of its steps.
func TestKilledErasureIsFinished(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, at := range []string{"destroy: begun", "destroy: key"} {
			s := b.create(t, ada())
			b.erase(t, s)
			b.vault.StopAt(func(step string) {
				if step == at {
					panic(errNever) // stands for the kill: nothing after it runs
				}
			})
			func() {
				defer func() {
					if r := recover(); r != errNever {
						t.Errorf("%s: %v", at, r)
					}
				}()
				b.vault.Sweep(t.Context())
			}()
			b.vault.StopAt(nil)
			b.open(t)
			b.sweep(t)
			b.sound(t)
			if _, err := b.keys.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
				t.Errorf("%s: %v", at, err)
			}
		}
	})
}

// TestNothingOfTheErasedOpensAnywhere tries every sealed thing that an
// attacker could have copied before the erasure (cells, history, files, the
// sealed key) with everything that is left after it.
func TestNothingOfTheErasedOpensAnywhere(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		copied := b.cell(t, s, "contact.email")
		b.erase(t, s)
		b.work(t)
		b.open(t) // another process, nothing in memory
		if _, err := b.keys.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Fatalf("the key: %v", err)
		}
		// Under any other key there is, it does not open.
		other := b.create(t, ada())
		b.edit(t, other, func(cells []vault.Cell) []vault.Cell { return append(cells[:0], copied) })
		if _, err := b.values(t, other, "contact.email"); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("opened with another key: %v", err)
		}
	})
}

// TestErasedKeyIsInNoFile reads what SQLite has on disk, of data and keys, once a field is
// erased and once all is.
// What is left of the sealed values does not matter; what is left of the
// sealed key would.
func TestErasedKeyIsInNoFile(t *testing.T) {
	b := newBench(t, desktest.Kernel.SQLite, desktest.Keys)
	s := b.create(t, ada())
	for what, erase := range []func(){
		func() {
			if err := b.with(t, request(loot.Erase, s, "contact.email"), func(tx *store.Tx, p gate.Permit) error { return b.vault.Remove(t.Context(), tx, p) }); err != nil {
				t.Fatal(err)
			}
		},
		func() { b.erase(t, s) },
	} {
		var sealed []byte
		if err := b.keyDB.ReadTx(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT sealed FROM keyring_person WHERE subject = $1`, s.Compact()).Scan(&sealed)
		}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(onDisk(t, b.keyDB), sealed) {
			t.Fatalf("%d: the sealed key is not on disk to begin with: this proves nothing", what)
		}
		erase()
		b.work(t)
		if bytes.Contains(onDisk(t, b.keyDB), sealed) {
			t.Errorf("%d: the sealed key is still on disk", what)
		}
	}
}

func TestARemovedFieldLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, other := b.create(t, ada()), b.create(t, ada())
		if err := b.correct(t, s, 1, map[loot.Field]string{"contact.email": "ada@king.example"}); err != nil {
			t.Fatal(err)
		}
		b.propose(t, s, "countess@lovelace.example")
		b.file(t, s, "contact.email", "letter.txt", []byte("made up"))
		before, version := b.sound(t).Values, b.row(t, s).Version
		remove := func(as loot.Action) error {
			return b.with(t, request(as, s, "contact.email"), func(tx *store.Tx, p gate.Permit) error { return b.vault.Remove(t.Context(), tx, p) })
		}
		if err := remove(loot.Export); err == nil {
			t.Error("a permit to look at it removes it")
		}
		if err := remove(loot.Erase); err != nil {
			t.Fatal(err)
		}
		if n := b.sound(t).Values; n != before-3 {
			t.Errorf("%d values are gone, want the one that counts, the earlier one and the one that waits", before-n)
		}
		if b.rows(t, "vault_history")+b.rows(t, "vault_file")+b.rows(t, "vault_chunk") != 0 || len(b.waiting(t, s)) != 0 {
			t.Error("something of it is left")
		}
		for _, address := range []string{"ada@engines.example", "ada@king.example"} {
			if got := b.find(t, "contact.email", address); slices.Contains(got, s) {
				t.Errorf("found by %s", address)
			}
		}
		values := b.clear(t, s, fieldsOf(ada())...)
		if _, there := values["contact.email"]; there || len(values) != len(ada())-1 {
			t.Errorf("the rest is %v", slices.Sorted(maps.Keys(values)))
		}
		if got := b.clear(t, other, "contact.email"); len(got) != 1 {
			t.Error("somebody else's is gone")
		}
		if b.row(t, s).Version <= version {
			t.Error("a form that saw it can still be saved over it")
		}
	})
}

// TestAnErasedFieldOpensFromNoBackup: its key is destroyed, so that a backup from before gives
// back the rest and not it, nor is anybody found by it; what is given as it later is as all
// else.
func TestAnErasedFieldOpensFromNoBackup(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		if err := b.correct(t, s, 1, map[loot.Field]string{"contact.email": "ada@king.example", "contact.name": "Ada King"}); err != nil {
			t.Fatal(err)
		}
		b.propose(t, s, "countess@lovelace.example")
		file, kept := b.file(t, s, "contact.email", "letter.txt", []byte("made up")), b.file(t, s, scan, "pass.txt", []byte("kept"))
		copied := b.cell(t, s, "contact.email")
		backup := b.backup(t, "vault_record", "vault_index", "vault_history", "vault_file", "vault_chunk")
		remove := func() {
			t.Helper()
			if err := b.with(t, request(loot.Erase, s, "contact.email"), func(tx *store.Tx, p gate.Permit) error { return b.vault.Remove(t.Context(), tx, p) }); err != nil {
				t.Fatal(err)
			}
		}
		give := func(value string) {
			t.Helper()
			if err := b.correct(t, s, b.row(t, s).Version, map[loot.Field]string{"contact.email": value}); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(time.Minute)
		remove()
		b.work(t)
		key, err := b.keys.Person(t.Context(), s, customer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.Of("contact.email").Open(copied.Sealed, copied.Bound()); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("it opens: %v", err)
		}
		rest := func(when string, email string) {
			t.Helper()
			values := b.clear(t, s, fieldsOf(ada())...)
			if values["contact.email"] != email || values["contact.name"] != "Ada King" || email == "" && len(values) != len(ada())-1 {
				t.Errorf("%s: %v", when, values)
			}
			c, err := b.openFile(t, s, scan, kept)
			if err != nil {
				t.Fatal(err)
			}
			if content, err := io.ReadAll(c); err != nil || string(content) != "kept" {
				t.Errorf("%s: the file says %q, %v", when, content, err)
			}
		}
		rest("erased", "")
		b.pass(-time.Second) // the clock of another node
		give("atonce@lovelace.example")
		rest("given again at once", "atonce@lovelace.example")
		b.pass(time.Second)
		remove()
		b.work(t)
		b.pass(time.Minute)

		storetest.Unfix(t, b.db, "vault_chunk")
		b.restore(t, backup)
		rest("restored", "")
		if _, err := b.openFile(t, s, "contact.email", file); loot.KindOf(err) != loot.NotFound {
			t.Errorf("its file: %v", err)
		}
		if err := b.with(t, request(loot.Export, s, "contact.email", "contact.name", scan), func(tx *store.Tx, p gate.Permit) error {
			w, err := b.vault.OpenWhole(t.Context(), tx, p)
			if len(w.Waiting) != 0 || len(w.Former) != 1 || len(w.Files) != 1 {
				t.Errorf("a copy has %v", w)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		b.sound(t)
		give("anew@lovelace.example") // with a number that the erasure saw
		rest("given after that", "anew@lovelace.example")
		b.sound(t)
		b.restore(t, backup)
		b.pass(25 * time.Hour)
		b.sweep(t)
		b.sound(t)
		if got := b.find(t, "contact.email", "ada@king.example"); len(got) != 0 {
			t.Errorf("found %v", got)
		}
		if n := b.rows(t, "vault_file"); n != 1 {
			t.Errorf("%d files are left", n)
		}
		if n := b.rows(t, "vault_history"); n != 1 {
			t.Errorf("%d former values are left", n)
		}

		give("anew@lovelace.example")
		rest("given again", "anew@lovelace.example")
		remove()
		file = b.file(t, s, "contact.email", "letter.txt", []byte("anew")) // before the job runs
		b.work(t)
		rest("only a file given meanwhile", "")
		if c, err := b.openFile(t, s, "contact.email", file); err != nil {
			t.Error(err)
		} else if content, err := io.ReadAll(c); err != nil || string(content) != "anew" {
			t.Errorf("it says %q, %v", content, err)
		}
		remove()
		give("meanwhile@lovelace.example") // before the job runs
		b.work(t)
		rest("given meanwhile", "meanwhile@lovelace.example")
		if err := b.vault.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		rest("under another epoch", "meanwhile@lovelace.example")
		b.sound(t)
	})
}
