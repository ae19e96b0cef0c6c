package statement

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sound holds for whatever Parse returns: a whole statement or problems, never
// both, never half of one.
func sound(t interface{ Errorf(string, ...any) }, src []byte, s *Statement, err error) {
	problems, isProblems := errors.AsType[Problems](err)
	switch {
	case err != nil && (!isProblems || len(problems) == 0 || s != nil):
		t.Errorf("got %v and %v", s, err)
	case err != nil:
		lines := bytes.Count(src, []byte("\n")) + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Text == "" || p.File == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
	default:
		if s.Hash() == "" || s.Front().Version == "" || len(s.Front().Regions) == 0 {
			t.Errorf("a statement without its front matter: %+v", s.Front())
		}
		rules := 0
		for _, c := range s.Clauses() {
			rules += len(c.Rules)
			if c.ID == "" || c.Title == "" || strings.Contains(c.HTML, "<script") {
				t.Errorf("a clause that is none: %+v", c)
			}
		}
		for _, r := range s.Rules() {
			if r.Words == "" || r.Line < 1 {
				t.Errorf("a rule without words or place: %+v", r)
			}
		}
		if rules != len(s.Rules()) {
			t.Errorf("%d rules under clauses, %d in all", rules, len(s.Rules()))
		}
		if v := s.Decide(&Input{}); v.Allowed || len(v.Errors) == 0 {
			t.Errorf("nothing at all is permitted: %+v", v)
		}
		if v := s.Decide(opening()); v.Allowed && len(v.Errors) > 0 {
			t.Errorf("permitted with errors: %+v", v)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"small.md", "full.md"} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(base))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := parse("fuzz.md", src)
		sound(t, src, s, err)
	})
}

// Whatever is cut out of a statement, put twice or put elsewhere, either the
// whole of it is refused or every rule that is left counts.
func TestDamagedStatementsAreRefusedOrWhole(t *testing.T) {
	sources := [][]byte{[]byte(base), read1(t, "small.md"), read1(t, "full.md")}
	odd := []string{"```", "```cedar\n", "```yaml\n", "---\n", "### X {#x}\n", "{#", "\x00", "\xff", "permit (principal, action, resource);\n", "<b>", "    ", "> ", "- ", "&a ", "*a", "\t", "\u202e", ";", "}", "\"", "//"}
	rapid.Check(t, func(t *rapid.T) {
		src := bytes.Clone(rapid.SampledFrom(sources).Draw(t, "source"))
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			from := rapid.IntRange(0, len(src)).Draw(t, "from")
			to := min(from+rapid.IntRange(0, 60).Draw(t, "length"), len(src))
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				src = append(src[:from:from], src[to:]...)
			case 1:
				src = append(src[:to:to], src[from:]...)
			case 2:
				src = append(append(src[:from:from], rapid.SampledFrom(odd).Draw(t, "odd")...), src[from:]...)
			case 3:
				piece := bytes.Clone(src[from:to])
				src = append(src[:from:from], src[to:]...)
				at := rapid.IntRange(0, len(src)).Draw(t, "at")
				src = append(src[:at:at], append(piece, src[at:]...)...)
			}
		}
		s, err := parse("damaged.md", src)
		sound(t, src, s, err)
		if err != nil {
			return
		}
		// nothing that stands as a rule in the file is prose to the parser
		open, inBlock := 0, false
		for _, line := range strings.Split(string(src), "\n") {
			line = strings.TrimRight(line, " \t\r")
			switch {
			case strings.HasPrefix(line, "```"):
				inBlock = !inBlock
			case strings.HasPrefix(strings.TrimSpace(line), "permit (principal") || strings.HasPrefix(strings.TrimSpace(line), "forbid (principal"):
				if inBlock {
					open++
				}
			}
		}
		written := 0
		for _, r := range s.Rules() {
			if !r.Generated {
				written += strings.Count(r.Text, "permit (principal") + strings.Count(r.Text, "forbid (principal")
			}
		}
		if open > written {
			t.Errorf("%d rules stand in the file, %d were read\n%s", open, written, src)
		}
	})
}

// A hostile file costs little, and no parser is driven to the end of its stack.
func TestHostileFilesCostLittle(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, maxSource/4/len(s)) }
	// as much as passes the bounds of lines and paragraphs
	lines := func(s string) string {
		line := strings.Repeat(s, maxLine/len(s)) + "\n"
		paragraph := strings.Repeat(line, maxParagraph/len(line)) + "\n"
		return strings.Repeat(paragraph, maxSource/2/len(paragraph))
	}
	for name, text := range map[string]string{
		"quotations": many("> "), "lists": many("- "), "numbers": many("1. "), "brackets": many("["), "stars": many("*a "), "underscores": many("_a"),
		"links": many("[a]("), "backticks": many("` "), "angles": many("<a "), "entities": many("&#9;"), "tables": many("|a"), "escapes": many("\\"),
		"tables of rows": "|a|\n|-|\n" + many("|a|\n"), "headings": many("## x\n\n"), "blank": many("\n"), "braces": many("{"), "tildes": many("~ "),
		"emphasis": many("**a*"), "images": many("![a"), "quotes in lists": many("- > "), "colons": many("a:\n"),
	} {
		t.Run("prose "+name, func(t *testing.T) {
			quick(t, inProse(text))
			if name := strings.TrimSuffix(text[:min(len(text), 12)], "\n"); name != "" {
				quick(t, inProse(lines(name)))
			}
		})
	}
	for name, text := range map[string]string{
		"brackets": many("["), "braces": many("{a: "), "dashes": many("- "), "keys": many("? "), "quotes": many("'"), "anchors": many("&a "),
		"lines": many("a: b\n"), "aliases": "a: &a [x]\n" + many("b: *a\n"), "tags": many("!!a "), "text": "norule: " + many("x"), "comments": many("# x\n"),
	} {
		t.Run("yaml "+name, func(t *testing.T) {
			quick(t, inYAML(text))
			quick(t, inYAML(strings.Repeat(text[:min(len(text), 3000)]+"\n", 100)))
		})
	}
	for name, text := range map[string]string{
		"brackets": "permit (principal, action, resource) when { " + many("(") + " };", "not": "permit (principal, action, resource) when { " + many("!") + "true };",
		"minus": "permit (principal, action, resource) when { 1 == " + many("-") + "1 };", "and": "permit (principal, action, resource) when { true" + many(" && true") + " };",
		"if": "permit (principal, action, resource) when { " + many("if ") + " };", "dots": "permit (principal, action, resource) when { context" + many(".a") + " };",
		"rules": many("permit (principal is Staff, action == Action::\"find\", resource);\n"), "annotations": many("@a "), "text": "permit (principal, action, resource) when { \"" + many("x") + "\" == \"\" };",
		"sets": "permit (principal, action, resource) when { [" + many("1,") + "1].contains(1) };", "semicolons": many(";"), "quotes": many("\""),
	} {
		t.Run("cedar "+name, func(t *testing.T) {
			quick(t, inCedar(text))
			quick(t, inCedar(strings.ReplaceAll(text[:min(len(text), maxRule-100)], " ", "\n")))
		})
	}
}

func quick(t *testing.T, src string) {
	t.Helper()
	start := time.Now()
	s, err := parse("hostile.md", []byte(src))
	sound(t, []byte(src), s, err)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// Whatever stands in an input, deciding it ends, refuses what it does not
// understand, and says why.
func FuzzDecide(f *testing.F) {
	src, err := os.ReadFile(filepath.Join("testdata", "full.md"))
	if err != nil {
		f.Fatal(err)
	}
	s, err := parse("full.md", src)
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range []*Input{opening(), transfer(), answer(), cookie(), {}} {
		text, err := json.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var in Input
		if json.Unmarshal(text, &in) != nil {
			return
		}
		v, e := s.Decide(&in), s.Explain(&in)
		switch {
		case v.Allowed && (len(v.Errors) > 0 || len(v.Rules) == 0 || e.Clause != ""):
			t.Errorf("permitted without a reason: %+v %+v", v, e)
		case !v.Allowed && len(e.Needed) == 0:
			t.Errorf("refused without a word: %+v %+v", v, e)
		}
		if n, ok := s.ApprovalsNeeded(&in); ok && v.Allowed && n != in.Context.Approvals {
			t.Errorf("permitted, and %d approvals are needed", n)
		}
	})
}
