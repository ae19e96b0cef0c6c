package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"loot/ledger"
)

var script = regexp.MustCompile(`(?s)<script>(.*)</script>`)

func pageScript(t *testing.T) string {
	t.Helper()
	page, _ := ledger.VerifierPage("")
	m := script.FindSubmatch(page)
	if m == nil {
		t.Fatal("the page has no script")
	}
	return string(m[1])
}

// TestVerifierPage: one file, little script, and a policy under which it can
// load and send nothing.
func TestVerifierPage(t *testing.T) {
	page, sum := ledger.VerifierPage("example.org/ledger+00000000+AQ==")
	if got := sha256.Sum256(page); hex.EncodeToString(got[:]) != sum {
		t.Errorf("the published hash %s is not the page's", sum)
	}
	js := pageScript(t)
	if len(js) >= 10_000 {
		t.Errorf("the script has %d bytes, want fewer than 10,000", len(js))
	}
	hash := sha256.Sum256([]byte(js))
	if !strings.Contains(ledger.VerifierCSP, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
		t.Errorf("the policy does not name the script: %s", ledger.VerifierCSP)
	}
	for _, bad := range []string{"http:", "https:", "//cdn", " src=", "fetch(", "XMLHttpRequest", "innerHTML", "style=\"", "@KEY@", "@CSP@", "import("} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if !bytes.Contains(page, []byte("AQ==")) {
		t.Error("the page does not carry its key")
	}
}

// A browserCase is what the page's script is asked, and browserAnswer what it says.
type browserCase struct {
	Receipt []byte `json:"receipt"`
	Key     string `json:"key"`
}

type browserAnswer struct {
	Verdict string            `json:"verdict"`
	Steps   []string          `json:"steps"`
	Opened  map[string]string `json:"opened"`
	Fault   *struct {
		Text                 string
		Line, Last, From, To int
	} `json:"fault"`
}

// inNode runs the page's own script, as it stands in the page, in Node, whose
// WebCrypto is that of browsers.
func inNode(t *testing.T, cases []browserCase) []browserAnswer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing, so the page's script is not run; scripts/install-test-tools installs it")
	}
	const harness = `
const fs = require('fs');
const check = new Function(fs.readFileSync(process.argv[2], 'utf8') + '\nreturn check;')();
(async () => {
	const out = [];
	for (const c of JSON.parse(fs.readFileSync(0, 'utf8')))
		out.push(await check(new Uint8Array(Buffer.from(c.receipt || '', 'base64')).buffer, c.key));
	process.stdout.write(JSON.stringify(out));
})();`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "check.js"), []byte(pageScript(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run.js"), []byte(harness), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(dir, "run.js"), filepath.Join(dir, "check.js"))
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var out []browserAnswer
	if err := json.Unmarshal(text, &out); err != nil || len(out) != len(cases) {
		t.Fatalf("node answered %d of %d: %v", len(out), len(cases), err)
	}
	return out
}

// TestVerifierPageAgreesWithGo checks sound receipts, and receipts with each
// byte changed in turn, by both.
func TestVerifierPageAgreesWithGo(t *testing.T) {
	s, other := newSample(t, 9), newSample(t, 300)
	cases := []browserCase{
		{s.receipt, s.key},
		{s.receipt, ""},
		{s.receipt, other.key},
		{s.receipt, "no key"},
		{s.receipt, s.key[:len(s.key)-2] + "=="},
		{s.proof, s.key},
		{other.receipt, other.key},
		{nil, ""},
		{bytes.ReplaceAll(s.receipt, []byte("\n"), []byte("\r\n")), s.key},
		{append(bytes.Clone(s.receipt), '\n'), s.key},
		{append(bytes.Clone(s.receipt), ' '), s.key},
	}
	want := []string{"holds", "consistent", "fails", "fails", "fails", "holds", "holds", "none", "fails", "fails", "fails"}
	sound := len(cases)
	var places []int // of the changed byte; -1: none to be named
	for _, b := range [][]byte{s.receipt, s.proof} {
		for i := range b {
			for _, to := range []byte{b[i] ^ 1, '\n'} {
				if to != b[i] {
					changed, place := bytes.Clone(b), i
					changed[i] = to
					if b[i] == '\n' || to == '\n' {
						place = -1 // a line break moves what follows
					}
					cases, places = append(cases, browserCase{changed, s.key}), append(places, place)
				}
			}
		}
		for i := 0; i < len(b); i += 7 {
			if i > len("c2sp.org/tlog-proof") {
				cases, places = append(cases, browserCase{b[:i], s.key}), append(places, -1)
			}
		}
	}
	answers := inNode(t, cases)
	for i, a := range answers[:sound] {
		if a.Verdict != want[i] {
			t.Errorf("case %d: the page says %s (%+v), want %s", i, a.Verdict, a.Fault, want[i])
		}
		if (a.Verdict == "fails") != (a.Fault != nil) {
			t.Errorf("case %d: %s with the fault %+v", i, a.Verdict, a.Fault)
		}
	}
	if a := answers[0]; !strings.Contains(a.Opened["facts"], "invoice") || !strings.Contains(a.Opened["subject"], "contact.email") {
		t.Errorf("the page opens %v", a.Opened)
	}
	misplaced := 0
	for n, a := range answers[sound:] {
		c, at := cases[sound+n], places[n]
		if a.Verdict != "fails" || a.Fault == nil || a.Fault.Text == "" {
			t.Fatalf("byte %d changed, and the page says %s", at+1, a.Verdict)
		}
		res := check(t, c.Receipt, c.Key)
		if res.Verdict != ledger.DoesNotHold {
			t.Fatalf("byte %d: the page and Go disagree", at+1)
		}
		if at >= 0 && !samePlace(a, res) {
			t.Errorf("byte %d: the page blames %+v, Go %+v", at+1, *a.Fault, *res.Fault)
		}
		if a.Fault.Line == 0 || strings.Contains(a.Fault.Text, "undefined") {
			t.Errorf("byte %d: no place is named: %+v", at+1, a.Fault)
		}
		if at >= 0 && (at+1 < a.Fault.From || at+1 > a.Fault.To) {
			if misplaced++; misplaced < 10 {
				t.Errorf("byte %d of %d was changed; blamed is %+v", at+1, len(c.Receipt), *a.Fault)
			}
		}
	}
	t.Logf("%d changed receipts; misplaced: %d", len(answers)-sound, misplaced)
}

func samePlace(a browserAnswer, res ledger.Result) bool {
	f := res.Fault
	return a.Fault != nil && f != nil && a.Fault.Line == f.Line && a.Fault.Last == f.LastLine && a.Fault.From == f.Byte && a.Fault.To == f.LastByte
}

// TestPageAndCommandNameTheSamePlace damages receipts, with a witness and
// without, and has both say where.
func TestPageAndCommandNameTheSamePlace(t *testing.T) {
	s := newSample(t, 9)
	bare, key := newCopy(t, 5)
	lone := bare.Timeline[2].Receipt
	inside := func(receipt, name string) string { // changes one character after the name within extra
		line := regexp.MustCompile(`extra (\S+)`).FindStringSubmatch(receipt)[1]
		text, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		text[bytes.Index(text, []byte(name))+len(name)+3] ^= 1
		return strings.Replace(receipt, line, base64.StdEncoding.EncodeToString(text), 1)
	}
	onLine := func(receipt string, n int) string { // changes a character of a line of the file, counted from its end
		lines := strings.Split(receipt, "\n")
		at := []byte(lines[len(lines)-1-n])
		at[len(at)-9] ^= 1
		lines[len(lines)-1-n] = string(at)
		return strings.Join(lines, "\n")
	}
	var cases []browserCase
	var names []string
	for name, receipt := range map[string]string{"the log's key": inside(lone, "\nlog "), "a facet": inside(lone, "\nfacts "), "a salt": inside(lone, "\nsubject-salt "), "a commitment": inside(lone, "\nfacts-hash "), "a closed commitment": inside(lone, "\nactor-hash "), "the signature": onLine(lone, 1), "the root hash": onLine(lone, 3), "the log's name": onLine(lone, 5), "the index": strings.Replace(lone, "\nindex ", "\nindex 1", 1)} {
		cases, names = append(cases, browserCase{[]byte(receipt), key}), append(names, name)
	}
	for name, receipt := range map[string]string{"the witness's key": inside(string(s.receipt), "\nwitness "), "the witness's signature": onLine(string(s.receipt), 1), "the log's signature, with a witness": onLine(string(s.receipt), 2)} {
		cases, names = append(cases, browserCase{[]byte(receipt), s.key}), append(names, name)
	}
	for i, a := range inNode(t, cases) {
		if res := check(t, cases[i].Receipt, cases[i].Key); !samePlace(a, res) || a.Fault.Line == 0 {
			t.Errorf("%s was changed: the page blames %+v, Go %+v", names[i], a.Fault, res.Fault)
		}
	}
}
