package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
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
	query := `SELECT file, '' FROM pragma_database_list`
	if db.Dialect() == store.Postgres {
		query = `SELECT current_setting('data_directory'), CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()`
		if _, err := db.PGXPool().Exec(t.Context(), `CHECKPOINT`); err != nil {
			t.Fatal(err)
		}
	}
	var path, id string
	if err := db.ReadTx(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(t.Context(), query).Scan(&path, &id) }); err != nil {
		t.Fatal(err)
	}
	var files []string
	if db.Dialect() == store.Postgres {
		err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && (strings.Contains(p, "/base/"+id+"/") || strings.Contains(p, "/pg_wal/")) {
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
	eachAlike(t, func(t *testing.T, b *bench) {
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
		var look needles
		look.add("the name of a field", []byte("contact.email")) // is there: the search works
		for i, one := range people {
			for f, v := range one {
				for how, needle := range encodings(v) {
					look.add(fmt.Sprintf("%s of person %d is readable, %s", f, i, how), needle)
				}
			}
		}
		found := slices.DeleteFunc(look.in(dump.Bytes()), func(s string) bool { return s == "the name of a field" })
		slices.Sort(found)
		for _, what := range slices.Compact(found) {
			t.Error(what)
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

// needles finds many short texts in a long one in one pass over it.
type needles struct {
	by    map[uint64][]int // the first eight bytes of each
	may   [1 << 16]bool    // whether any begins with two bytes
	text  [][]byte
	about []string
}

func (n *needles) add(about string, text []byte) {
	if len(text) < 8 {
		panic("too short to be told from chance: " + about)
	}
	if n.by == nil {
		n.by = map[uint64][]int{}
	}
	key := binary.BigEndian.Uint64(text)
	n.by[key] = append(n.by[key], len(n.text))
	n.may[binary.BigEndian.Uint16(text)] = true
	n.text, n.about = append(n.text, text), append(n.about, about)
}

// in returns what is said about those that hay holds.
func (n *needles) in(hay []byte) (found []string) {
	for i := 0; i+8 <= len(hay); i++ {
		if !n.may[binary.BigEndian.Uint16(hay[i:])] {
			continue
		}
		for _, j := range n.by[binary.BigEndian.Uint64(hay[i:])] {
			if bytes.HasPrefix(hay[i:], n.text[j]) {
				found = append(found, n.about[j])
			}
		}
	}
	return found
}

func TestNeedlesAreFound(t *testing.T) {
	var n needles
	for i := range 40 {
		n.add(fmt.Sprint(i), []byte(fmt.Sprintf("needle of %03d and more", i)))
	}
	hay := strings.Repeat("hay and hay, ", 100) + "needle of 007 and more" + strings.Repeat("needle of 0", 9) + "needle of 039 and more"
	if got := n.in([]byte(hay)); !slices.Equal(got, []string{"7", "39"}) {
		t.Errorf("found %v", got)
	}
}
