package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"loot"
	"loot/ledger"
	"loot/store"
)

// TestWitnessSpeaksTheProtocol asks a witness by hand, as C2SP tlog-witness has it.
func TestWitnessSpeaksTheProtocol(t *testing.T) {
	sqlite(t, func(b *bench) {
		l := b.open()
		dir := t.TempDir()
		w, s := newWitness(t, dir, l.VerifierKey())
		stop := b.run(l)
		b.fill(l, 3)
		stop()
		cp, err := l.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		post := func(body string) (int, string, string) {
			t.Helper()
			resp, err := http.Post(s.URL+"/add-checkpoint", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(text), resp.Header.Get("Content-Type")
		}
		other, err := note.Sign(&note.Note{Text: "elsewhere.example/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}, anotherSigner(t, "elsewhere.example/log"))
		if err != nil {
			t.Fatal(err)
		}
		forged, err := note.Sign(&note.Note{Text: origin + "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}, anotherSigner(t, origin))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, body string
			want       int
		}{
			{"nothing", "", 400},
			{"no old size", "new 0\n\n" + string(cp), 400},
			{"an old size with a zero in front", "old 00\n\n" + string(cp), 400},
			{"an old size beyond the new", "old 4\n\n" + string(cp), 400},
			{"a hash that is none", "old 0\nxx\n\n" + string(cp), 400},
			{"too many hashes", "old 0\n" + strings.Repeat(strings.Repeat("A", 43)+"=\n", 64) + "\n" + string(cp), 400},
			{"no checkpoint", "old 0\n\n", 400},
			{"an unknown log", "old 0\n\n" + string(other), 404},
			{"another's signature", "old 0\n\n" + string(forged), 403},
			{"a changed checkpoint", "old 0\n\n" + strings.Replace(string(cp), "\n3\n", "\n4\n", 1), 403},
			{"a proof where none belongs", "old 0\n" + strings.Repeat("A", 43) + "=\n\n" + string(cp), 422},
			{"a wrong old size", "old 2\n\n" + string(cp), 409},
			{"a megabyte", strings.Repeat("A", 1<<20), 413},
		} {
			if got, body, _ := post(c.body); got != c.want {
				t.Errorf("%s: %d %q, want %d", c.name, got, body, c.want)
			}
		}
		if code, body, kind := post("old 2\n\n" + string(cp)); code != 409 || body != "0\n" || kind != "text/x.tlog.size" {
			t.Errorf("conflict: %d %q %q", code, body, kind)
		}
		code, line, _ := post("old 0\n\n" + string(cp))
		if code != 200 {
			t.Fatalf("%d %q", code, line)
		}
		// Somebody else's library must accept what it signed.
		v, err := f_note.NewVerifierForCosignatureV1(w.Key())
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open([]byte(string(cp)+line), note.VerifierList(v))
		if err != nil || len(n.Sigs) != 1 {
			t.Fatalf("cosignature: %v", err)
		}
		if at, err := f_note.CoSigV1Timestamp(n.Sigs[0]); err != nil || time.Since(at) > time.Minute {
			t.Errorf("signed at %v: %v", at, err)
		}
		if code, _, _ := post("old 0\n\n" + string(cp)); code != 409 {
			t.Errorf("the same again from zero: %d", code)
		}
		if code, _, _ := post("old 3\n\n" + string(cp)); code != 200 {
			t.Errorf("the same again: %d", code)
		}
		sum := sha256.Sum256([]byte(origin))
		resp, err := http.Get(s.URL + "/" + hex.EncodeToString(sum[:]) + "/checkpoint")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(text), string(cp)) {
			t.Errorf("the last checkpoint is %q", text)
		}
		if _, err := ledger.OpenWitness(ledger.WitnessConfig{Dir: dir, Name: "x", Now: time.Now, Log: b.log}); loot.KindOf(err) != loot.Conflict {
			t.Errorf("two witnesses on one folder: %v", err)
		}
	})
}

// anotherSigner signs under a name that is not its own to use.
func anotherSigner(t *testing.T, name string) note.Signer {
	t.Helper()
	skey, _, err := note.GenerateKey(nil2rand{}, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nil2rand is a source of bytes that is the same every time.
type nil2rand struct{}

func (nil2rand) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestWitnessRemembersAcrossRestarts: its key and what it saw.
func TestWitnessRemembersAcrossRestarts(t *testing.T) {
	sqlite(t, func(b *bench) {
		l := b.open()
		dir := t.TempDir()
		open := func() *ledger.Witness {
			w, err := ledger.OpenWitness(ledger.WitnessConfig{Dir: dir, Name: "w.example", Logs: []string{l.VerifierKey()}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		w := open()
		key := w.Key()
		s := httptest.NewServer(w.Handler())
		stop := b.run(l)
		b.fill(l, 5)
		stop()
		against := ledger.Against{Witnesses: []ledger.WitnessAt{{Key: key, URL: s.URL}}}
		if r := b.verify(l, against); !r.OK() {
			t.Fatal(r)
		}
		s.Close()
		w.Close()
		w = open()
		defer w.Close()
		if w.Key() != key {
			t.Error("the key changed")
		}
		s = httptest.NewServer(w.Handler())
		defer s.Close()
		against.Witnesses[0].URL = s.URL
		b.exec(`UPDATE ledger_state SET size = 0`)
		b.exec(`DELETE FROM ledger_place`)
		b.exec(`DELETE FROM ledger_entry`)
		if err := os.RemoveAll(b.dir); err != nil {
			t.Fatal(err)
		}
		l = b.open()
		stop = b.run(l)
		b.fill(l, 2)
		stop()
		wants(t, b.verify(l, against), ledger.SetBack, "")
	})
}

// TestLogGoesOnWithoutItsWitness: witnesses that cannot be reached cost nothing
// unless a quorum is asked for.
func TestLogGoesOnWithoutItsWitness(t *testing.T) {
	sqlite(t, func(b *bench) {
		first := b.open()
		w, s := newWitness(t, t.TempDir(), first.VerifierKey())
		b.witness = []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}, {Key: mustKey(t, "down.example"), URL: "http://127.0.0.1:1"}}
		l := b.open()
		stop := b.run(l)
		who := b.person()
		id := b.append(l, opening(who, b.now()))[0]
		b.sync(l)
		within(t, 5*time.Second, "a cosigned checkpoint", func() bool {
			cp, err := l.Checkpoint()
			return err == nil && strings.Contains(string(cp), "\n— witness.example.net ")
		})
		res := check(t, b.receipt(l, who, id), l.VerifierKey(), w.Key())
		if res.Verdict != ledger.Holds || len(res.Witnesses) != 1 {
			t.Errorf("%v %v", res.Verdict, res.Fault)
		}
		s.Close() // now both are down
		id = b.append(l, opening(who, b.now()))[0]
		b.sync(l)
		if res := check(t, b.receipt(l, who, id), l.VerifierKey()); res.Verdict != ledger.Holds || len(res.Witnesses) != 0 {
			t.Errorf("without witnesses: %v %v", res.Verdict, res.Fault)
		}
		stop()

		// A check names what did not answer, and what it cosigned last.
		silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // or the server would not notice that nobody waits any more
			<-r.Context().Done()
		}))
		t.Cleanup(silent.Close)
		b.witness[1].URL = silent.URL
		r := b.verify(b.open(), ledger.Against{OwnWitnesses: true})
		if !r.OK() || len(r.Against) != 0 || len(r.Unasked) != 2 ||
			r.Unasked[0].Witness != "witness.example.net" || r.Unasked[0].Size == 0 || r.Unasked[0].At.IsZero() ||
			r.Unasked[1].Witness != "down.example" || r.Unasked[1].Size != 0 ||
			!strings.Contains(r.String(), "It last cosigned the log of ") || !strings.Contains(r.String(), "Compared with no checkpoint and no witness, so a rewind") {
			t.Errorf("%s", r)
		}

		b.quorum = 1
		l = b.open()
		stop = b.run(l)
		id = b.append(l, opening(who, b.now()))[0]
		if err := l.Await(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		err := b.db.ReadTx(t.Context(), func(tx *store.Tx) error {
			_, err := l.Receipt(t.Context(), tx, who, "customer", id)
			return err
		})
		if loot.KindOf(err) != loot.Unavailable {
			t.Errorf("a receipt without the quorum: %v", err)
		}
		stop()
	})
}

func mustKey(t *testing.T, name string) string {
	t.Helper()
	w, err := ledger.OpenWitness(ledger.WitnessConfig{Dir: t.TempDir(), Name: name, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.Key()
}

// TestHandlerServesTiles: what C2SP tlog-tiles has, cacheable, and nothing else
// of the folder.
func TestHandlerServesTiles(t *testing.T) {
	sqlite(t, func(b *bench) {
		l := b.open()
		s := httptest.NewServer(l.Handler())
		defer s.Close()
		get := func(path string) (int, http.Header, string) {
			t.Helper()
			resp, err := http.Get(s.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, resp.Header, string(text)
		}
		if code, _, _ := get("/checkpoint"); code != 404 {
			t.Errorf("the checkpoint of a log that never ran: %d", code)
		}
		stop := b.run(l)
		b.fill(l, 300)
		stop()
		code, h, text := get("/checkpoint")
		if v, err := note.NewVerifier(l.VerifierKey()); err != nil {
			t.Error(err)
		} else if _, err := note.Open([]byte(text), note.VerifierList(v)); err != nil || code != 200 {
			t.Errorf("checkpoint: %d %v", code, err)
		}
		if !regexp.MustCompile(`max-age=[0-3]$`).MatchString(h.Get("Cache-Control")) || h.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("checkpoint: %v", h)
		}
		for path, size := range map[string]int{"/tile/0/000": 8192, "/tile/0/001.p/44": 44 * 32, "/tile/1/000.p/1": 32, "/tile/entries/000": 256 * 35, "/tile/entries/001.p/44": 44 * 35} {
			code, h, text := get(path)
			if code != 200 || len(text) != size || !strings.Contains(h.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d, %d bytes, %v", path, code, len(text), h)
			}
		}
		for _, path := range []string{
			"/", "/.state/treeState", "/tile/0/002", "/tile/0/../../.state/treeState", "/tile/0/%2e%2e/000", "/tile/64/000", "/tile/0/000.p/256",
			"/tile/00/000", "/tile/0/0", "/tile/0/000/", "/tile/x/000", "/tile/0/000.p/0", fmt.Sprintf("/tile/0/%s", strings.Repeat("x000/", 400)),
		} {
			if code, _, text := get(path); code == 200 {
				t.Errorf("%s: %d %q", path, code, text)
			}
		}
		if err := os.Mkdir(filepath.Join(b.dir, "tile", "0", "003"), 0o700); err != nil { // there, and cannot be read
			t.Fatal(err)
		}
		if code, h, text := get("/tile/0/003"); code != 503 || h.Get("Retry-After") == "" {
			t.Errorf("a tile that cannot be read: %d %v %q", code, h, text)
		}
	})
}
