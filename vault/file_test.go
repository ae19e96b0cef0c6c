package vault_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/gate"
	"loot/keyring"
	"loot/store"
	"loot/store/storetest"
	"loot/vault"
)

const scan = loot.Field("company.register")

// file gives a person a file.
func (b *bench) file(t testing.TB, s loot.Subject, f loot.Field, name string, content []byte) string {
	t.Helper()
	id, err := b.vault.Stage(t.Context(), s, customer, f, name, "application/pdf", bytes.NewReader(content))
	if err != nil {
		t.Fatalf("stage: %v", err)
	}
	if err := b.keep(t, s, f, id); err != nil {
		t.Fatalf("keep: %v", err)
	}
	return id
}

func (b *bench) keep(t testing.TB, s loot.Subject, f loot.Field, id string) error {
	t.Helper()
	return b.with(t, request(loot.Collect, s, f), func(tx *store.Tx, p gate.Permit) error {
		return b.vault.KeepFile(t.Context(), tx, p, id, "your upload")
	})
}

func (b *bench) openFile(t testing.TB, s loot.Subject, f loot.Field, id string) (c *vault.Content, err error) {
	t.Helper()
	err = b.with(t, request(loot.Use, s, f), func(tx *store.Tx, p gate.Permit) (err error) {
		c, err = b.vault.OpenFile(t.Context(), tx, p, id)
		return err
	})
	return c, err
}

func randomBytes(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestFileComesBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		for _, size := range []int{0, 1, keyring.Segment - 100, keyring.Segment, 3*keyring.Segment + 5} {
			content := randomBytes(size)
			id := b.file(t, s, scan, "register of Lovelace Engines.pdf", content)
			before := b.counted(t)
			c, err := b.openFile(t, s, scan, id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(c, 10)))
			if err == nil {
				var rest []byte
				rest, err = io.ReadAll(c)
				got = append(got, rest...)
			}
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes: got %d, %v", size, len(got), err)
			}
			if c.Name.Reveal() != "register of Lovelace Engines.pdf" || c.Type != "application/pdf" || c.Size != int64(size) || c.About.Source != "your upload" || c.About.Statement != b.st.Hash() {
				t.Errorf("%q, %+v", c.Name.Reveal(), c.File)
			}
			if n := b.counted(t)[keyring.Record] - before[keyring.Record]; n != 2 {
				t.Errorf("counted as %d openings; want its name and its content", n)
			}
		}
		var whole vault.Whole
		if err := b.with(t, request(loot.Export, s, scan, "contact.name"), func(tx *store.Tx, p gate.Permit) (err error) {
			whole, err = b.vault.OpenWhole(t.Context(), tx, p)
			return err
		}); err != nil || len(whole.Files) != 5 {
			t.Errorf("%d files, %v", len(whole.Files), err)
		}
		if r := b.sound(t); r.Files != 5 {
			t.Errorf("%+v", r)
		}
	})
}

func TestFileIsReadAfterTheCommitOnly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		id := b.file(t, s, scan, "x", []byte("content"))
		var c *vault.Content
		err := b.with(t, request(loot.Use, s, scan), func(tx *store.Tx, p gate.Permit) (err error) {
			if c, err = b.vault.OpenFile(t.Context(), tx, p, id); err != nil {
				return err
			}
			if got, err := io.ReadAll(c); err == nil || len(got) > 0 {
				t.Errorf("inside the transaction: %q, %v", got, err)
			}
			return errNever
		})
		if !errors.Is(err, errNever) {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err == nil || len(got) > 0 {
			t.Errorf("after a roll-back: %q, %v", got, err)
		}
	})
}

func TestWrongCallerGetsNoFile(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, other := b.create(t, ada()), b.create(t, ada())
		id := b.file(t, s, scan, "x", []byte("content"))
		staged, err := b.vault.Stage(t.Context(), s, customer, scan, "y", "text/plain", strings.NewReader("later"))
		if err != nil {
			t.Fatal(err)
		}
		misuse := func(name string, err error) {
			if _, ok := errors.AsType[*gate.Misuse](err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = b.openFile(t, other, scan, id)
		misuse("another person's permit", err)
		_, err = b.openFile(t, s, "contact.name", id)
		misuse("another field's permit", err)
		misuse("kept as another's", b.keep(t, other, scan, staged))
		misuse("kept as another field", b.keep(t, s, "contact.name", staged))
		if _, err = b.openFile(t, s, scan, staged); loot.KindOf(err) != loot.NotFound {
			t.Errorf("not taken in: %v", err)
		}
		if _, err = b.openFile(t, s, scan, "f-none"); loot.KindOf(err) != loot.NotFound {
			t.Errorf("no such file: %v", err)
		}
		if err := b.keep(t, s, scan, id); loot.KindOf(err) != loot.Conflict {
			t.Errorf("taken in twice: %v", err)
		}
		// Masked fields show no file.
		secret := b.file(t, s, "payment.iban", "account.pdf", []byte("secret"))
		r := request(loot.Use, s, "payment.iban")
		r.Actor = staff
		err = b.with(t, r, func(tx *store.Tx, p gate.Permit) error {
			_, err := b.vault.OpenFile(t.Context(), tx, p, secret)
			return err
		})
		if loot.KindOf(err) != loot.Denied {
			t.Errorf("masked: %v", err)
		}
	})
}

func TestChangedFileIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.file(t, b.create(t, ada()), scan, "x", []byte("y"))
		if _, err := b.db.Exec(t.Context(), `UPDATE vault_chunk SET sealed = sealed`); err == nil || !strings.Contains(err.Error(), "final") {
			t.Errorf("the database lets what a file says be changed: %v", err)
		}
		for _, q := range []string{`DELETE FROM vault_chunk`, `DELETE FROM vault_file`} {
			if _, err := b.db.Exec(t.Context(), q); err == nil || !strings.Contains(err.Error(), "kept") {
				t.Errorf("%s: %v", q, err)
			}
		}
		storetest.Unfix(t, b.db, "vault_chunk")
		for what, damage := range map[string]string{
			"a flipped chunk":  `UPDATE vault_chunk SET sealed = (SELECT sealed FROM vault_chunk WHERE file = $2 AND number = 1) WHERE file = $1 AND number = 1`,
			"the end cut off":  `DELETE FROM vault_chunk WHERE file = $1 AND number = (SELECT MAX(number) FROM vault_chunk WHERE file = $1) AND file <> $2`,
			"the middle taken": `DELETE FROM vault_chunk WHERE file = $1 AND number = 1 AND file <> $2`,
			"chunks exchanged": `UPDATE vault_chunk SET number = 13 - number WHERE file = $1 AND number IN (1, 2) AND file <> $2`,
			"all of another's": `UPDATE vault_chunk SET sealed = (SELECT o.sealed FROM vault_chunk o WHERE o.file = $2 AND o.number = vault_chunk.number) WHERE file = $1`,
		} {
			t.Run(what, func(t *testing.T) {
				s := b.create(t, ada())
				content := randomBytes(3*keyring.Segment + 9)
				id, other := b.file(t, s, scan, "x", content), b.file(t, s, scan, "x", content)
				b.exec(t, damage, id, other)
				b.exec(t, `UPDATE vault_chunk SET number = number - 10 WHERE number > 10`)
				c, err := b.openFile(t, s, scan, id)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(c)
				if !errors.Is(err, keyring.ErrTampered) || !bytes.HasPrefix(content, got) {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
				if p := b.problems(t); len(p) != 1 || !strings.Contains(p[0], id) {
					t.Errorf("problems: %q", p)
				}
				b.erase(t, s)
				b.sweep(t)
			})
		}
	})
}

func TestFileNobodyTookInIsSwept(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s := b.create(t, ada())
		kept := b.file(t, s, scan, "x", []byte("content"))
		if _, err := b.vault.Stage(t.Context(), s, customer, scan, "y", "text/plain", strings.NewReader("never taken in")); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("line down")
		if _, err := b.vault.Stage(t.Context(), s, customer, scan, "z", "text/plain", io.MultiReader(bytes.NewReader(randomBytes(100_000)), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("a broken upload: %v", err)
		}
		b.sweep(t)
		if n := b.rows(t, "vault_file"); n != 3 {
			t.Errorf("%d files at once", n)
		}
		b.pass(25 * time.Hour)
		b.sweep(t)
		if n := b.rows(t, "vault_file"); n != 1 {
			t.Errorf("%d files after a day", n)
		}
		if n := b.rows(t, "vault_chunk"); n != 1 {
			t.Errorf("%d chunks after a day", n)
		}
		if c, err := b.openFile(t, s, scan, kept); err != nil {
			t.Error(err)
		} else if got, err := io.ReadAll(c); err != nil || string(got) != "content" {
			t.Errorf("%q, %v", got, err)
		}
		if err := b.with(t, request(loot.Collect, s, scan), func(tx *store.Tx, p gate.Permit) error {
			return b.vault.RemoveFile(t.Context(), tx, p, kept)
		}); err != nil {
			t.Fatal(err)
		}
		if n := b.rows(t, "vault_chunk"); n != 0 {
			t.Errorf("%d chunks after it was removed", n)
		}
	})
}

func TestFilesGoWithTheirPerson(t *testing.T) {
	b := newBench(t, desktest.Kernel.SQLite, desktest.Keys)
	s := b.create(t, ada())
	id := b.file(t, s, scan, "x", randomBytes(2*keyring.Segment))
	c, err := b.openFile(t, s, scan, id)
	if err != nil {
		t.Fatal(err)
	}
	b.erase(t, s)
	if n := b.rows(t, "vault_file") + b.rows(t, "vault_chunk"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if got, err := io.ReadAll(c); err == nil || len(got) > 0 {
		t.Errorf("read after the erasure: %d bytes, %v", len(got), err)
	}
	if _, err := b.openFile(t, s, scan, id); loot.KindOf(err) != loot.NotFound {
		t.Errorf("opened: %v", err)
	}
}
