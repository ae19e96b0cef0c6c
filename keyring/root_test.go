package keyring_test

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/keyring"
	"loot/store/storetest"
)

func TestKeyFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	root, err := keyring.FileRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made before it is needed: %v", err)
	}
	sealed, err := root.Wrap(t.Context(), []byte("key"), []byte("ad"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.FileRoot(path); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	again, err := keyring.FileRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Unwrap(t.Context(), sealed, []byte("ad")); err != nil || string(got) != "key" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := again.Unwrap(t.Context(), sealed, []byte("other")); !errors.Is(err, keyring.ErrTampered) {
		t.Errorf("other associated data: %v", err)
	}
}

func TestKeyFileIsNotMadeInTheDataFolder(t *testing.T) {
	data := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(data, "root.key"), filepath.Join(data, "deep", "er", "root.key"), filepath.Join(link, "root.key")} {
		root, err := keyring.FileRoot(path, data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := root.Wrap(t.Context(), []byte("key"), nil); loot.KindOf(err) != loot.Invalid {
			t.Errorf("%s: %v", path, err)
		}
	}
	root, err := keyring.FileRoot(data+"-keys/root.key", data) // beside it, with a name that begins alike
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.Wrap(t.Context(), []byte("key"), nil); err != nil {
		t.Errorf("beside: %v", err)
	}
}

func TestDamagedKeyFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, []byte(`{"primaryKeyId": 1, "key": "c2VjcmV0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.FileRoot(path); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), path) || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("got %v", err)
	}
}

// TestLostKeyFileIsNotReplaced: a new key file would open nothing and look
// like a fresh start.
func TestLostKeyFileIsNotReplaced(t *testing.T) {
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	create(t, p.open(t), loot.NewSubject(), customer)
	if err := os.Rename(p.file, p.file+".kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), p.config(t)); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), p.file) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(p.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
	if err := os.Rename(p.file+".kept", p.file); err != nil {
		t.Fatal(err)
	}
	sound(t, p.open(t))
}

func TestAnotherKeyFileOpensNothing(t *testing.T) {
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	create(t, p.open(t), loot.NewSubject(), customer)
	p.file += ".other"
	c := p.config(t)
	if _, err := c.Root.Wrap(t.Context(), nil, nil); err != nil { // so that the file exists
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), c); loot.KindOf(err) != loot.Unavailable || !errors.Is(err, keyring.ErrRoot) {
		t.Errorf("got %v", err)
	}
}

func TestRotatedKeyFileForgets(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k := p.open(t)
		s := loot.NewSubject()
		sealed := create(t, k, s, customer).Seal([]byte("x"), nil)
		elsewhere := p.open(t)
		before, err := os.ReadFile(p.file)
		if err != nil {
			t.Fatal(err)
		}
		former, err := os.ReadFile(filepath.Join(p.dir, "epoch.customer.1.key"))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := k.RotateRoot(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d files, %v", n, err)
		}
		if after, _ := os.ReadFile(p.file); bytes.Equal(before, after) {
			t.Error("the key file is the same")
		}
		opens(t, person(t, p.open(t), s, customer), sealed, nil, "x")
		sound(t, elsewhere) // reads the new key file
		if err := os.WriteFile(filepath.Join(p.dir, "epoch.customer.1.key"), former, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.Open(t.Context(), p.config(t)); err == nil {
			t.Error("what the former key sealed still opens")
		}
	})
}

func TestPassphrase(t *testing.T) {
	if _, err := keyring.PassphraseRoot("too short"); loot.KindOf(err) != loot.Invalid {
		t.Errorf("short: %v", err)
	}
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	root := func(phrase string) keyring.Root {
		r, err := keyring.PassphraseRoot(phrase)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	open := func(now keyring.Root) (*keyring.Keyring, error) {
		c := p.config(t)
		c.Root = now
		return keyring.Open(t.Context(), c)
	}
	k, err := open(root("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	s := loot.NewSubject()
	sealed := create(t, k, s, customer).Seal([]byte("x"), nil)
	if _, err := open(root("incorrect horse battery")); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := k.RotateRoot(t.Context()); loot.KindOf(err) != loot.Invalid {
		t.Errorf("a passphrase has nothing to rotate: %v", err)
	}
	if k, err = open(root("correct horse battery")); err != nil {
		t.Fatal(err)
	}
	opens(t, person(t, k, s, customer), sealed, nil, "x")
}

// keyFiles returns what is in the key folder, by name.
func keyFiles(t *testing.T, p place) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

// TestRootIsReplacedOnlyIfThatCanBeFinished: what would end with keys that
// nobody opens, or with the same root, changes nothing.
func TestRootIsReplacedOnlyIfThatCanBeFinished(t *testing.T) {
	phrase := "passphrase:correct horse battery"
	for name, c := range map[string]struct {
		root   func(t *testing.T, p place) string
		spoil  func(t *testing.T, p place)
		former string
		want   string
		kind   loot.Kind
	}{
		"the same":                       {root: func(*testing.T, place) string { return phrase }, want: "one and the same", kind: loot.Invalid},
		"a passphrase that is too short": {root: func(*testing.T, place) string { return "passphrase:short" }, want: "twelve characters", kind: loot.Invalid},
		"allowed to seal only": {
			root: func(t *testing.T, _ place) string { name, s := newTransit(t); s.sealOnly = true; return name },
			want: "seals and does not open what it sealed", kind: loot.Unavailable,
		},
		"not reached": {
			root: func(t *testing.T, _ place) string { name, s := newTransit(t); s.server.Close(); return name },
			want: "does not answer as it should", kind: loot.Unavailable,
		},
		"another former root": {
			root: func(*testing.T, place) string { return "passphrase:another horse entirely" }, former: "passphrase:incorrect horse battery",
			want: "Neither the root passphrase nor the former root passphrase opens any of the keys", kind: loot.Unavailable,
		},
		"another former root, to a new file": {
			root: func(_ *testing.T, p place) string { return "file:" + p.file }, former: "passphrase:incorrect horse battery",
			want: "Neither the root file:none nor the former root passphrase opens the key file", kind: loot.Unavailable,
		},
		"a damaged key": {
			root: func(*testing.T, place) string { return "passphrase:another horse entirely" },
			spoil: func(t *testing.T, p place) {
				if err := os.WriteFile(filepath.Join(p.dir, "system.staff.key"), []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			want: "system.staff.key", kind: loot.Unavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
			p.root = phrase
			k := p.open(t)
			create(t, k, loot.NewSubject(), customer)
			system(t, k, "staff")
			if c.spoil != nil {
				c.spoil(t, p)
			}
			before := keyFiles(t, p)
			replaced, err := rooted(keyring.Config{DB: p.db, Dir: p.dir, Now: p.now, Log: quiet}, c.root(t, p), cmp.Or(c.former, phrase))
			if err == nil {
				k, err = keyring.Open(t.Context(), replaced)
			}
			if err == nil {
				_, err = k.RotateRoot(t.Context())
			}
			if loot.KindOf(err) != c.kind || !strings.Contains(loot.Message(err), c.want) {
				t.Errorf("got %v: %v", loot.KindOf(err), err)
			}
			if !maps.Equal(before, keyFiles(t, p)) {
				t.Error("key files were changed")
			}
			if _, err := os.Stat(p.file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a key file was made: %v", err)
			}
		})
	}
}

// TestWhoRunsUnderTheFormerRoot goes on for half an hour with what is open, and
// makes no key that nobody could open later.
func TestWhoRunsUnderTheFormerRoot(t *testing.T) {
	p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
	p.root = "passphrase:correct horse battery"
	var log bytes.Buffer
	c := p.config(t)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	elsewhere, err := keyring.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s := loot.NewSubject()
	sealed := create(t, elsewhere, s, customer).Seal([]byte("x"), nil)
	staff := system(t, elsewhere, "staff")
	own := sealOwn(t, staff, "who", "")
	p.root, p.former = "passphrase:another horse entirely", p.root
	k := p.open(t)
	if r := check(t, k); r.OldRoot != 2 || len(r.Problems) > 0 {
		t.Errorf("before: %+v", r)
	}
	if n, err := k.RotateRoot(t.Context()); err != nil || n != 2 {
		t.Fatalf("%d files, %v", n, err)
	}
	if r := check(t, k); r.OldRoot != 0 || len(r.Problems) > 0 {
		t.Errorf("after: %+v", r)
	}
	before := keyFiles(t, p)

	opens(t, person(t, elsewhere, s, customer), sealed, nil, "x")
	if _, err := elsewhere.Epoch(t.Context(), "visitor"); loot.KindOf(err) != loot.Unavailable || !strings.Contains(loot.Message(err), "has it been replaced since") {
		t.Errorf("an epoch: %v", err)
	}
	if _, err := elsewhere.System("mail"); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("a key of the program's own: %v", err)
	}
	if _, err := elsewhere.Secret("ledger", func() []byte { return []byte("s") }); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("a secret: %v", err)
	}
	if !maps.Equal(before, keyFiles(t, p)) {
		t.Error("it left keys in the folder")
	}
	p.pass(29 * time.Minute)
	for range 2 {
		if got, err := staff.Open(own, nil); err != nil || string(got) != "who" {
			t.Errorf("within half an hour: %q, %v", got, err)
		}
	}
	if text := log.String(); strings.Count(text, "cannot be read again") != 1 || !strings.Contains(text, "key=staff until=2026-03-01T12:30:00") || !strings.Contains(text, "--former-root") {
		t.Errorf("the log says: %s", text)
	}
	p.pass(time.Minute)
	if _, err := staff.Open(own, nil); !errors.Is(err, keyring.ErrRoot) || !strings.Contains(loot.Message(err), "--former-root") {
		t.Errorf("after half an hour: %v", err)
	}
	p.former = ""
	k = p.open(t)
	opens(t, person(t, k, s, customer), sealed, nil, "x")
	if got, err := system(t, k, "staff").Open(own, nil); err != nil || string(got) != "who" {
		t.Errorf("started anew: %q, %v", got, err)
	}
}

// TestNewKeyAfterARotationElsewhere is sealed by the key that the key file has
// now, and not by the one that it has forgotten.
func TestNewKeyAfterARotationElsewhere(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		elsewhere := p.open(t)
		create(t, elsewhere, loot.NewSubject(), customer)
		if _, err := p.open(t).RotateRoot(t.Context()); err != nil {
			t.Fatal(err)
		}
		create(t, elsewhere, loot.NewSubject(), applicant)
		sound(t, p.open(t))
	})
}

// TestPassphraseCostsAreBounded: a damaged file cannot ask for all memory.
func TestPassphraseCostsAreBounded(t *testing.T) {
	r, err := keyring.PassphraseRoot("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Wrap(t.Context(), []byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{16, 20, 24} {
		b := bytes.Clone(sealed)
		b[at] = 0xff
		if at == 24 {
			b[at] = 0
		}
		if _, err := r.Unwrap(t.Context(), b, nil); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if _, err := r.Unwrap(t.Context(), sealed[:20], nil); !errors.Is(err, keyring.ErrTampered) {
		t.Errorf("short: %v", err)
	}
}

// A transit speaks the part of the HTTP interface of Vault's and OpenBao's
// transit engine that is used, as their API documentation describes it.
type transit struct {
	mu       sync.Mutex
	keys     [][]byte
	min      int
	down     bool
	ignoreAD bool // as versions before associated data do
	sealOnly bool // the token may not decrypt
	server   *httptest.Server
}

func (s *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(code int, why string) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{why}})
	}
	if s.down {
		fail(http.StatusServiceUnavailable, "Vault is sealed")
		return
	}
	if r.Header.Get("X-Vault-Token") != "s.token" || s.sealOnly && strings.Contains(r.URL.Path, "/decrypt/") {
		fail(http.StatusForbidden, "permission denied")
		return
	}
	var in struct {
		Plaintext  string `json:"plaintext"`
		Ciphertext string `json:"ciphertext"`
		AD         string `json:"associated_data"`
		Min        int    `json:"min_decryption_version"`
	}
	if r.ContentLength > 0 {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			fail(http.StatusBadRequest, err.Error())
			return
		}
	}
	ad, err := base64.StdEncoding.DecodeString(in.AD)
	if err != nil {
		fail(http.StatusBadRequest, "failed to base64-decode associated_data")
		return
	}
	if s.ignoreAD {
		ad = nil
	}
	gcm := func(version int) cipher.AEAD {
		b, _ := aes.NewCipher(s.keys[version-1])
		g, _ := cipher.NewGCM(b)
		return g
	}
	data := map[string]any{}
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/transit/encrypt/loot":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			fail(http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		nonce := make([]byte, 12)
		rand.Read(nonce)
		data["ciphertext"] = fmt.Sprintf("vault:v%d:%s", len(s.keys), base64.StdEncoding.EncodeToString(gcm(len(s.keys)).Seal(nonce, nonce, plain, ad)))
	case "POST /v1/transit/decrypt/loot":
		var version int
		var text string
		if _, err := fmt.Sscanf(in.Ciphertext, "vault:v%d:%s", &version, &text); err != nil || version > len(s.keys) {
			fail(http.StatusBadRequest, "invalid ciphertext: no prefix")
			return
		}
		if version < s.min {
			fail(http.StatusBadRequest, "ciphertext or signature version is disallowed by policy (too old)")
			return
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) < 12 {
			fail(http.StatusBadRequest, "invalid ciphertext: could not decode base64")
			return
		}
		plain, err := gcm(version).Open(nil, b[:12], b[12:], ad)
		if err != nil {
			fail(http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	case "POST /v1/transit/keys/loot/rotate":
		s.rotate()
	case "GET /v1/transit/keys/loot":
		data["latest_version"] = len(s.keys)
	case "POST /v1/transit/keys/loot/config":
		s.min = in.Min
	default:
		fail(http.StatusNotFound, "no handler for route")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func (s *transit) rotate() {
	key := make([]byte, 32)
	rand.Read(key)
	s.keys = append(s.keys, key)
}

// newTransit returns a service and how rootAt names it.
func newTransit(t *testing.T) (name string, service *transit) {
	t.Helper()
	service = &transit{}
	service.rotate()
	service.server = httptest.NewServer(service)
	t.Cleanup(service.server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s.token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return "transit:" + token + "@" + service.server.URL, service
}

func TestTransit(t *testing.T) {
	for _, ignoreAD := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignoreAD=%v", ignoreAD), func(t *testing.T) {
			name, service := newTransit(t)
			service.ignoreAD = ignoreAD
			token, _, _ := strings.Cut(strings.TrimPrefix(name, "transit:"), "@")
			p := newPlace(t, storetest.Open(t, storetest.SQLite(t), nil))
			p.root = name
			open := func() (*keyring.Keyring, error) { return keyring.Open(t.Context(), p.config(t)) }
			k, err := open()
			if err != nil {
				t.Fatal(err)
			}
			s := loot.NewSubject()
			sealed := create(t, k, s, customer).Seal([]byte("x"), nil)
			create(t, k, s, applicant)
			if k, err = open(); err != nil {
				t.Fatal(err)
			}
			opens(t, person(t, k, s, customer), sealed, nil, "x")

			if _, err := k.RotateRoot(t.Context()); err != nil {
				t.Fatal(err)
			}
			if service.min != 2 {
				t.Errorf("the service still opens version %d", service.min)
			}
			if k, err = open(); err != nil {
				t.Fatal(err)
			}
			opens(t, person(t, k, s, customer), sealed, nil, "x")
			sound(t, k)

			// One collection's key in place of another's is found even by a
			// service that ignores associated data.
			swapKeys(t, p.dir, "epoch.customer.1.key", "epoch.applicant.1.key")
			if r := check(t, k); len(r.Problems) != 2 || !errors.Is(r.Problems[0].Err, keyring.ErrTampered) {
				t.Errorf("swapped keys: %v", r.Problems)
			}
			swapKeys(t, p.dir, "epoch.customer.1.key", "epoch.applicant.1.key")

			service.down = true
			if _, err := open(); loot.KindOf(err) != loot.Unavailable || errors.Is(err, keyring.ErrTampered) || !strings.Contains(loot.Message(err), service.server.URL) {
				t.Errorf("a sealed service: %v", err)
			}
			service.down = false
			if err := os.WriteFile(token, []byte("s.wrong"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := open(); loot.KindOf(err) != loot.Unavailable || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "s.wrong") {
				t.Errorf("a wrong token: %v", err)
			}
			service.server.Close()
			if _, err := open(); loot.KindOf(err) != loot.Unavailable {
				t.Errorf("nobody there: %v", err)
			}
			// What is open stays open: the service is needed at the start only.
			p.pass(time.Minute)
			opens(t, person(t, k, s, customer), sealed, nil, "x")
		})
	}
}

// swapKeys exchanges the sealed keys of two files and leaves the rest.
func swapKeys(t *testing.T, dir, a, b string) {
	t.Helper()
	read := func(name string) map[string]any {
		var m map[string]any
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	write := func(name string, m map[string]any) {
		text, err := json.Marshal(m)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	x, y := read(a), read(b)
	x["key"], y["key"] = y["key"], x["key"]
	write(a, x)
	write(b, y)
}
