package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"loot"
	"loot/store"
)

// onDisk returns the bytes of every file of a database: of SQLite with its
// write-ahead log, of PostgreSQL with all relations and its log. It has
// another process read them: closing a file of an open SQLite database drops
// its locks.
func onDisk(t testing.TB, db *store.DB) []byte {
	t.Helper()
	query := `SELECT file FROM pragma_database_list`
	if db.Dialect() == store.Postgres {
		query = `SELECT current_setting('data_directory')`
		if _, err := db.PGXPool().Exec(t.Context(), `CHECKPOINT`); err != nil {
			t.Fatal(err)
		}
	}
	var path string
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(t.Context(), query).Scan(&path) }); err != nil {
		t.Fatal(err)
	}
	var files []string
	if db.Dialect() == store.Postgres {
		err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			// The cluster's own catalogues and templates hold nothing of ours.
			if err == nil && e.Type().IsRegular() && (strings.Contains(p, "/base/") || strings.Contains(p, "/pg_wal/")) {
				files = append(files, p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	} else {
		all, err := filepath.Glob(path + "*")
		if err != nil {
			t.Fatal(err)
		}
		files = slices.DeleteFunc(all, func(p string) bool { return strings.HasSuffix(p, ".lock") })
	}
	out, err := exec.CommandContext(t.Context(), "cat", files...).Output()
	if err != nil && len(out) == 0 { // PostgreSQL may remove a file meanwhile
		t.Fatalf("cat: %v", err)
	}
	return out
}

// identity makes up a person whose every value is unlike anything else.
func identity(r *rand.Rand, i int) map[loot.Field]string {
	word := func(n int) string {
		b := make([]byte, n)
		for j := range b {
			b[j] = "bcdfghjklmnpqrstvwxz"[r.IntN(20)]
		}
		return string(b)
	}
	digits := func(n int) string {
		b := make([]byte, n)
		for j := range b {
			b[j] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	name := "Q" + word(9)
	return map[loot.Field]string{
		"company.name": strings.ToUpper(word(8)) + " " + word(10), "company.vat": "IE" + digits(12), "company.register": "HRB" + digits(11),
		"address.street": word(12) + " " + digits(4) + "\n" + word(9), "address.code": digits(11), "address.town": word(11),
		"contact.name": name + " " + word(11), "contact.email": strings.ToLower(name) + "@" + word(10) + ".example",
		"contact.phone": "+" + digits(14), "payment.iban": fmt.Sprintf("IE%d", i) + digits(18),
	}
}

// TestNoIdentityIsReadableWithoutTheKeys: from the files of the database, its
// log, the ledger, the key store and a backup of the data, not one value of 500
// people can be read, in any of the encodings in which one would look.
func TestNoIdentityIsReadableWithoutTheKeys(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		r := rand.New(rand.NewPCG(1, 2))
		var people []map[loot.Field]string
		for i := range 500 {
			one := identity(r, i)
			s := b.create(t, one)
			people = append(people, one)
			if i%10 == 0 { // a history, an erasure, a file and a search leave traces too
				changed := identity(r, i)
				if err := b.correct(t, s, 1, map[loot.Field]string{"contact.email": changed["contact.email"]}); err != nil {
					t.Fatal(err)
				}
				people = append(people, map[loot.Field]string{"contact.email": changed["contact.email"]})
				b.find(t, "contact.email", changed["contact.email"])
				b.file(t, s, "contact.name", changed["contact.name"], []byte(changed["company.name"]))
				people = append(people, map[loot.Field]string{"contact.name": changed["contact.name"], "company.name": changed["company.name"]})
			}
			if i%50 == 49 {
				b.erase(t, s)
			}
		}
		b.clear(t, b.create(t, ada()), fieldsOf(ada())...)
		people = append(people, ada())
		delete(people[len(people)-1], "address.country") // two letters are everywhere

		var dump bytes.Buffer
		dump.Write(onDisk(t, b.db))
		dump.Write(onDisk(t, b.keyDB))
		for table, rows := range b.backup(t, "vault_record", "vault_index", "vault_history", "vault_file", "vault_chunk", "ledger_entry", "gate_person", "river_job") {
			for _, row := range rows {
				fmt.Fprintf(&dump, "%s %v\n", table, row)
				for _, v := range row {
					if raw, ok := v.([]byte); ok {
						dump.Write(raw)
					}
				}
			}
		}
		err := filepath.WalkDir(filepath.Join(b.dir, "log"), func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				text, err := os.ReadFile(p)
				dump.Write(text)
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(dump.Bytes(), []byte("contact.email")) || !bytes.Contains(dump.Bytes(), []byte("your order: shared hosting")) {
			t.Fatal("the dump lacks what it must hold: this proves nothing")
		}
		t.Logf("%d MiB, %d people", dump.Len()>>20, len(people))
		index := newWords(dump.Bytes())
		for _, one := range people {
			for f, v := range one {
				for how, needle := range encodings(v) {
					if index.contains(needle) {
						t.Errorf("%s is readable, %s", f, how)
					}
				}
			}
		}
	})
}

func encodings(v string) map[string][]byte {
	utf16 := make([]byte, 0, 2*len(v))
	for _, r := range v {
		utf16 = append(utf16, byte(r), byte(r>>8))
	}
	b64 := base64.RawStdEncoding.EncodeToString([]byte(v))
	return map[string][]byte{
		"as it is":       []byte(v),
		"in lower case":  []byte(strings.ToLower(v)),
		"in upper case":  []byte(strings.ToUpper(v)),
		"in hexadecimal": []byte(hex.EncodeToString([]byte(v))),
		"in base64":      []byte(b64[:len(b64)-2]),
		"in UTF-16":      utf16,
	}
}

// words answers quickly whether a long text holds a short one: by the places
// where each run of eight bytes begins.
type words struct {
	text []byte
	at   map[uint64][]int32
}

func newWords(text []byte) *words {
	w := &words{text: text, at: map[uint64][]int32{}}
	for i := 0; i+8 <= len(text); i += 8 {
		key := eight(text[i:])
		if places := w.at[key]; len(places) < 64 || key != 0 {
			w.at[key] = append(places, int32(i/8))
		}
	}
	return w
}

func eight(b []byte) (v uint64) {
	for i := range 8 {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// contains looks for needle at every offset to the runs of eight; a needle of
// fewer than fifteen bytes is searched for plainly.
func (w *words) contains(needle []byte) bool {
	if len(needle) < 15 {
		return bytes.Contains(w.text, needle)
	}
	for shift := range 8 {
		for _, place := range w.at[eight(needle[shift:])] {
			from := int(place)*8 - shift
			if from >= 0 && from+len(needle) <= len(w.text) && bytes.Equal(w.text[from:from+len(needle)], needle) {
				return true
			}
		}
	}
	return false
}

func TestWordsFindsWhatIsThere(t *testing.T) {
	text := []byte(strings.Repeat("nothing to see here, ", 50) + "Ada Lovelace, Analytical Row" + strings.Repeat(" and nothing more", 50))
	w := newWords(text)
	for i := range 200 {
		needle := text[1000+i : 1000+i+16+i%9]
		if !w.contains(needle) {
			t.Errorf("%q is there", needle)
		}
	}
	if w.contains([]byte("Ada Lovelace, Analytical Rov")) || !w.contains([]byte("Lovelace")) {
		t.Error("finds what is not there, or not what is")
	}
}
