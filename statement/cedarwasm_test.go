package statement

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// asked is how many random requests both evaluators answer.
const asked = 20000

// second starts the reference evaluator on the statement's schema and rules.
func second(t *testing.T, s *Statement) func(line []byte) secondAnswer {
	t.Helper()
	ask, a := secondOn(t, s.CedarSchema(), s.CedarPolicies())
	if len(a.Failure)+len(a.Faults) > 0 {
		t.Fatalf("the second evaluator refuses the rules:\n%s", strings.Join(append(a.Failure, a.Faults...), "\n"))
	}
	return ask
}

// secondOn starts the reference evaluator on a schema, as text or JSON, and
// rules, as one text or by id, and returns what its validation found.
func secondOn(t *testing.T, schema, policies any) (func(line []byte) secondAnswer, secondAnswer) {
	t.Helper()
	dir := filepath.Join("testdata", "cedarwasm")
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing, in which the second evaluator runs; scripts/install-test-tools installs it")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@cedar-policy", "cedar-wasm", "package.json")); err != nil {
		npm, err := exec.LookPath("npm")
		if err != nil {
			t.Fatal("npm is missing, which installs the second evaluator; scripts/install-test-tools installs it")
		}
		install := exec.Command(npm, "ci", "--no-audit", "--no-fund")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	cmd := exec.Command(node, "--no-opt", "ask.cjs")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second evaluator: %v", err)
		}
	})
	lines := bufio.NewReader(out)
	ask := func(line []byte) secondAnswer {
		t.Helper()
		if _, err := fmt.Fprintf(in, "%s\n", line); err != nil {
			t.Fatal(err)
		}
		reply, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		var a secondAnswer
		if err := json.Unmarshal(reply, &a); err != nil {
			t.Fatalf("%v: %s", err, reply)
		}
		return a
	}
	head, err := json.Marshal(map[string]any{"schema": schema, "policies": policies})
	if err != nil {
		t.Fatal(err)
	}
	return ask, ask(head)
}

type secondAnswer struct {
	Decision string   `json:"decision"`
	Reason   []string `json:"reason"`
	Faults   []string `json:"faults"`
	Failure  []string `json:"failure"`
}

// randomInputs yields inputs, most of them a few random steps away from one
// that some rule decides, so that every rule is met and both verdicts are common.
func randomInputs(s *Statement, seed uint64) func() *Input {
	rnd := rand.New(rand.NewPCG(seed, seed))
	var starts []*Input
	for _, r := range s.rules {
		if in, ok := s.witness(r); ok {
			starts = append(starts, in)
		}
	}
	return func() *Input {
		for {
			r := s.rules[rnd.IntN(len(s.rules))]
			g := newGuess(s, r, rnd, way{slot: slot{action: r.actions[0], kind: r.kinds[0]}, permit: r}, trees{})
			if from := starts[rnd.IntN(len(starts))]; rnd.IntN(4) > 0 {
				g = newGuess(s, r, rnd, way{slot: slot{action: from.Action, kind: from.Actor.Kind}, permit: r}, trees{})
				*g.in = *from
			}
			for range rnd.IntN(5) {
				g.step()
			}
			if _, err := s.build(g.in); err == nil {
				return g.in
			}
		}
	}
}

// inForce returns a statement with its planned clauses in force too.
func inForce(t testing.TB, name string, src []byte) *Statement {
	t.Helper()
	s, err := parse(name, src)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s, err = s.recompile(without{inForce: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecondEvaluatorAgrees(t *testing.T) {
	s := inForce(t, "statement.md", Default())
	type request struct {
		line []byte
		ours Verdict
	}
	var requests []request
	known := map[string]bool{} // one that comes again has its answer
	next := randomInputs(s, 1)
	allowed := 0
	decided := map[string]int{}
	for range asked {
		in := next()
		line, err := s.CedarRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		ours := s.Decide(in)
		if ours.Allowed {
			allowed++
		}
		slices.Sort(ours.Rules)
		for _, r := range ours.Rules {
			decided[r]++
		}
		if !known[string(line)] {
			known[string(line)] = true
			requests = append(requests, request{line, ours})
		}
	}
	for part := range slices.Chunk(requests, len(requests)/runtime.GOMAXPROCS(0)+1) {
		t.Run("asked", func(t *testing.T) {
			t.Parallel()
			ask := second(t, s)
			for _, r := range part {
				theirs := ask(r.line)
				slices.Sort(theirs.Reason)
				if len(theirs.Failure)+len(theirs.Faults)+len(r.ours.Errors) > 0 || (theirs.Decision == "allow") != r.ours.Allowed || !slices.Equal(theirs.Reason, r.ours.Rules) {
					t.Fatalf("ours %+v, theirs %+v\n%s", r.ours, theirs, r.line)
				}
			}
		})
	}
	t.Logf("%d of %d permitted, %d of %d rules decided", allowed, asked, len(decided), len(s.CedarPolicies()))
	if allowed < asked/10 || allowed > asked*9/10 {
		t.Errorf("%d of %d requests were permitted: too few of one kind to compare", allowed, asked)
	}
	for id := range s.CedarPolicies() {
		if decided[id] == 0 {
			t.Errorf("the rule %s decided nothing", id)
		}
	}
}

// TestOthersReadWhatIsExported: the reference implementation parses the exported
// rules, validates them against the exported schema in both its forms, and
// decides by them as we do.
func TestOthersReadWhatIsExported(t *testing.T) {
	standard, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	if _, found := secondOn(t, json.RawMessage(standard.CedarSchemaJSON()), standard.CedarText()); len(found.Failure)+len(found.Faults) > 0 {
		t.Errorf("what is exported of the standard statement is refused: %v", found)
	}
	s := load(t, "full.md")
	for name, schema := range map[string]any{"text": s.CedarSchema(), "JSON": json.RawMessage(s.CedarSchemaJSON())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask, found := secondOn(t, schema, s.CedarText())
			if len(found.Failure)+len(found.Faults) > 0 {
				t.Fatalf("what is exported is refused:\n%s", strings.Join(append(found.Failure, found.Faults...), "\n"))
			}
			next, decided := randomInputs(s, 7), 0
			for range 500 {
				in := next()
				line, err := s.CedarRequest(in)
				if err != nil {
					t.Fatal(err)
				}
				theirs, ours := ask(line), s.Decide(in)
				if len(theirs.Failure)+len(theirs.Faults) > 0 || (theirs.Decision == "allow") != ours.Allowed || len(theirs.Reason) != len(ours.Rules) {
					t.Fatalf("ours %+v, theirs %+v\n%s", ours, theirs, line)
				}
				decided += len(ours.Rules)
			}
			if decided == 0 {
				t.Error("no rule decided anything")
			}
			wrong := strings.Replace(s.CedarText(), "context.demanded", "context.demandd", 1)
			if _, found := secondOn(t, schema, wrong); len(found.Faults) == 0 {
				t.Error("a rule that speaks of what the schema does not have is not found")
			}
		})
	}
}

// TestATitleStaysInItsComment: no text of the statement becomes a rule of what is
// exported.
func TestATitleStaysInItsComment(t *testing.T) {
	src := bytes.Replace(read1(t, "full.md"), []byte("title: Privacy statement of Sample Hosting"), []byte(`title: "Ours\npermit (principal, action, resource);"`), 1)
	s, err := parse("full.md", src)
	if err != nil {
		t.Fatal(err)
	}
	if text := s.CedarText(); strings.Contains(text, "\npermit (principal, action, resource);") || !strings.Contains(text, "// Ours permit") {
		t.Errorf("the title left its comment:\n%s", text[:300])
	}
}

// TestEveryRuleIsExported: with the line that it stands in, and where it does
// not run, as a comment.
func TestEveryRuleIsExported(t *testing.T) {
	s, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	text, planned, generated := s.CedarText(), 0, 0
	for _, r := range s.rules {
		head := fmt.Sprintf("// %s, line %d", r.Clause, r.Line)
		name := fmt.Sprintf("\n@id(%q)\n", r.ID)
		if r.planned && !r.Forbid {
			name = fmt.Sprintf("\n// @id(%q)\n", r.ID)
			planned++
		}
		if r.Generated {
			generated++
		}
		if !strings.Contains(text, head) || strings.Count(text, name) != 1 {
			t.Errorf("the rule %s of line %d is not there", r.ID, r.Line)
		}
	}
	if planned == 0 || generated == 0 {
		t.Errorf("%d planned and %d generated rules: too few to tell", planned, generated)
	}
}

// What our own check turns away before any rule is asked, the second evaluator
// turns away too.
func TestSecondEvaluatorRefusesWhatLacksAnAttribute(t *testing.T) {
	s, inputs := witnesses(t)
	ask := second(t, s)
	tried := 0
	for _, in := range inputs {
		w, err := s.build(in)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(what string, w *world) {
			t.Helper()
			w.checked = [4]bool{}
			line, err := w.marshal()
			if err != nil {
				t.Fatal(err)
			}
			theirs, ours := ask(line), s.conform(w)
			if tried++; len(theirs.Failure) == 0 || ours == nil {
				t.Errorf("without %s: ours %v, theirs %+v", what, ours, theirs)
			}
		}
		for path := range required(w.request.Context, s.vocab.schema.Actions[w.request.Action].AppliesTo.Context) {
			less := *w
			less.request.Context = drop(w.request.Context, path)
			refused(strings.Join(path, "."), &less)
		}
		for i := range w.n {
			e := w.entities[i]
			if e.UID.Type == "Action" {
				continue
			}
			for path := range required(e.Attributes, s.vocab.schema.Entities[e.UID.Type].Shape) {
				less := *w
				less.entities[i].Attributes = drop(e.Attributes, path)
				refused(string(e.UID.Type)+"."+strings.Join(path, "."), &less)
			}
		}
	}
	t.Logf("%d requests", tried)
}
