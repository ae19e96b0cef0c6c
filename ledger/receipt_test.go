package ledger_test

import (
	"bytes"
	"strings"
	"testing"

	"loot"
	"loot/ledger"
	"loot/store"
)

// A sample is a receipt with everything in it: facets, a path, a witness.
type sample struct {
	receipt []byte
	proof   []byte // of the same entry, naming nobody
	key     string
	witness string
}

func newSample(t testing.TB, entries int) sample {
	t.Helper()
	var out sample
	sqlite(t, func(b *bench) {
		l := b.open()
		w, s := newWitness(t, t.TempDir(), l.VerifierKey())
		b.witness = []ledger.WitnessAt{{Key: w.Key(), URL: s.URL}}
		b.quorum = 1
		l = b.open()
		stop := b.run(l)
		who := b.person()
		es := make([]ledger.Entry, entries)
		for i := range es {
			es[i] = opening(who, b.now())
		}
		ids := b.append(l, es...)
		b.sync(l)
		id := ids[len(ids)/2]
		out = sample{receipt: b.receipt(l, who, id), key: l.VerifierKey(), witness: w.Key()}
		b.read(func(tx *store.Tx) (err error) {
			out.proof, err = l.Proof(t.Context(), tx, id)
			return err
		})
		stop()
	})
	return out
}

// sqlite runs f on a database of its own.
func sqlite(t testing.TB, f func(b *bench)) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/loot.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f(newBench(t, db))
}

func check(t testing.TB, b []byte, key string, witnesses ...string) ledger.Result {
	t.Helper()
	res, err := ledger.VerifyReceipt(b, key, witnesses)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestReceiptVerdicts(t *testing.T) {
	s, other := newSample(t, 9), newSample(t, 2)
	if res := check(t, s.receipt, s.key, s.witness); res.Verdict != ledger.Holds || len(res.Witnesses) != 1 {
		t.Fatalf("%v %v", res.Verdict, res.Fault)
	}
	if res := check(t, s.receipt, ""); res.Verdict != ledger.Consistent || res.Signer != s.key {
		t.Errorf("without a key: %v %v", res.Verdict, res.Fault)
	}
	if res := check(t, s.receipt, other.key); res.Verdict != ledger.DoesNotHold || res.Fault.Part != "log key" {
		t.Errorf("with another key: %v %v", res.Verdict, res.Fault)
	}
	if res := check(t, s.receipt, s.key, other.witness); res.Verdict != ledger.DoesNotHold {
		t.Errorf("with a witness that did not sign: %v", res.Verdict)
	}
	if res := check(t, s.proof, s.key); res.Verdict != ledger.Holds || res.Subject != nil || res.Facts == nil {
		t.Errorf("a proof: %v %v", res.Verdict, res.Fault)
	}
	if strings.Contains(string(s.receipt), "Made-up") {
		t.Error("the receipt names the member of staff")
	}
	for _, key := range []string{"x", "a+b+c", s.key[:len(s.key)-1], strings.Replace(s.key, "example", "exbmple", 1)} {
		if _, err := ledger.VerifyReceipt(s.receipt, key, nil); loot.KindOf(err) != loot.Invalid {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

// TestCheckpointVerdicts: a checkpoint that stands beside the key of its log.
func TestCheckpointVerdicts(t *testing.T) {
	s, other := newSample(t, 3), newSample(t, 2)
	_, checkpoint, _ := strings.Cut(string(s.receipt), "\n\n")
	for _, c := range []struct {
		checkpoint, log, key string
		witnesses            []string
		want                 ledger.Verdict
		wrong                string
	}{
		{checkpoint, s.key, s.key, []string{s.witness}, ledger.Holds, ""},
		{checkpoint, s.key, "", []string{s.witness}, ledger.Consistent, ""},
		{checkpoint, s.key, other.key, nil, ledger.DoesNotHold, "not the key you trust"},
		{checkpoint, other.key, other.key, nil, ledger.DoesNotHold, "is not signed by"},
		{checkpoint, s.witness, "", nil, ledger.DoesNotHold, "is none"}, // of a log
		{checkpoint, s.key, s.key, []string{other.witness}, ledger.DoesNotHold, "did not sign"},
		{strings.Replace(checkpoint, "\n3\n", "\n4\n", 1), s.key, "", nil, ledger.DoesNotHold, "or was changed"},
		{"", s.key, s.key, nil, ledger.DoesNotHold, "cannot be read"},
	} {
		got, wrong, err := ledger.VerifyCheckpoint(c.checkpoint, c.log, c.key, c.witnesses)
		if err != nil || got != c.want || !strings.Contains(wrong, c.wrong) || (wrong == "") != (c.wrong == "") {
			t.Errorf("got %v, %q, %v; want %v, %q", got, wrong, err, c.want, c.wrong)
		}
	}
	for _, key := range []string{"x", s.witness} {
		if _, _, err := ledger.VerifyCheckpoint(checkpoint, s.key, key, nil); loot.KindOf(err) != loot.Invalid {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if _, _, err := ledger.VerifyCheckpoint("", "", "", []string{"x"}); loot.KindOf(err) != loot.Invalid {
		t.Errorf("a witness that is none: %v", err)
	}
}

// TestEveryChangedByteIsFoundAndPlaced changes each byte of a receipt in turn.
func TestEveryChangedByteIsFoundAndPlaced(t *testing.T) {
	s := newSample(t, 9)
	for _, c := range []struct {
		name string
		b    []byte
		key  string
	}{{"receipt", s.receipt, s.key}, {"proof", s.proof, s.key}, {"receipt without a key", s.receipt, ""}} {
		t.Run(c.name, func(t *testing.T) {
			parts := map[string]int{}
			misplaced := 0
			for i := range c.b {
				for _, to := range []byte{c.b[i] ^ 1, c.b[i] ^ 32, '\n'} {
					if to == c.b[i] {
						continue
					}
					changed := bytes.Clone(c.b)
					changed[i] = to
					res := check(t, changed, c.key)
					if res.Verdict != ledger.DoesNotHold {
						t.Fatalf("byte %d (%q for %q) changed, and the receipt %v", i+1, to, c.b[i], res.Verdict)
					}
					if res.Fault == nil || res.Fault.Text == "" || res.Fault.Part == "" {
						t.Fatalf("byte %d: no fault is named", i+1)
					}
					parts[res.Fault.Part]++
					// A line break moves what follows; any other change must be
					// within the stretch that is blamed.
					if to != '\n' && c.b[i] != '\n' && (i+1 < res.Fault.Byte || i+1 > res.Fault.LastByte) {
						if misplaced++; misplaced < 10 {
							t.Errorf("byte %d (%q for %q) was changed; blamed is %v", i+1, to, c.b[i], res.Fault)
						}
					}
				}
			}
			t.Logf("%d bytes; faults by part: %v; misplaced: %d", len(c.b), parts, misplaced)
		})
	}
}

func TestReceiptCutOrLengthened(t *testing.T) {
	s := newSample(t, 9)
	for i := range s.receipt {
		want := ledger.DoesNotHold
		if i < len("c2sp.org/tlog-proof") {
			want = ledger.NotAProof
		}
		if res := check(t, s.receipt[:i], s.key); res.Verdict != want {
			t.Fatalf("cut to %d bytes, the receipt %v", i, res.Verdict)
		}
		without := append(bytes.Clone(s.receipt[:i]), s.receipt[i+1:]...)
		if res := check(t, without, s.key); res.Verdict != ledger.DoesNotHold {
			t.Fatalf("without byte %d, the receipt %v", i+1, res.Verdict)
		}
		doubled := append(bytes.Clone(s.receipt[:i]), append([]byte{s.receipt[i]}, s.receipt[i:]...)...)
		if res := check(t, doubled, s.key); res.Verdict != ledger.DoesNotHold {
			t.Fatalf("with byte %d doubled, the receipt %v", i+1, res.Verdict)
		}
	}
	for _, more := range []string{"\n", " ", "x", "\r\n", "— someone.else AAAAAAAAAA==\n"} {
		if res := check(t, append(bytes.Clone(s.receipt), more...), s.key); res.Verdict != ledger.DoesNotHold {
			t.Errorf("with %q behind, the receipt %v", more, res.Verdict)
		}
	}
	windows := bytes.ReplaceAll(s.receipt, []byte("\n"), []byte("\r\n"))
	if res := check(t, windows, s.key); res.Verdict != ledger.DoesNotHold || res.Fault.Line != 1 || !strings.Contains(res.Fault.Text, "CR LF") {
		t.Errorf("with other line ends: %v", res.Fault)
	}
	if res := check(t, bytes.Replace(windows, []byte("index 4"), []byte("index 5"), 1), s.key); res.Verdict != ledger.DoesNotHold || strings.Contains(res.Fault.Text, "CR LF") {
		t.Errorf("with other line ends and another index: %v", res.Fault)
	}
	if res := check(t, bytes.Repeat([]byte("A"), 2<<20), s.key); res.Verdict != ledger.NotAProof {
		t.Error("two megabytes of nothing hold")
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	s := newSample(f, 9)
	f.Add(s.receipt, s.key)
	f.Add(s.proof, "")
	lines := bytes.SplitAfter(s.receipt, []byte("\n"))
	for i := range lines {
		f.Add(bytes.Join(lines[:i], nil), s.key)
		f.Add(bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil), "")
	}
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n\n\n\n— a AAAAAAA=\n"), "")
	f.Fuzz(func(t *testing.T, b []byte, key string) {
		res, err := ledger.VerifyReceipt(b, key, []string{})
		if err != nil {
			return
		}
		if res.Fault == nil && !bytes.Equal(b, s.receipt) && !bytes.Equal(b, s.proof) && key == s.key {
			t.Errorf("a made-up receipt %v", res.Verdict)
		}
		if res.Fault != nil && (res.Fault.Byte > len(b)+1 || res.Fault.Byte > 0 && res.Fault.LastByte < res.Fault.Byte) {
			t.Errorf("fault %+v in %d bytes", res.Fault, len(b))
		}
	})
}
