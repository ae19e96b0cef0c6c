package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures that the tests compare with")

func TestPictures(t *testing.T) {
	bars := Bars{
		Title: "Decisions a month", Unit: "Month", Labels: []string{"Jan", "Feb", "Mar <3>"},
		Series: []Series{{Name: "Permitted", Values: []int{900, 1200, 4100}}, {Name: "Refused", Values: []int{12, 0, 55}, Colour: 3}},
	}
	lines := Lines{
		Title: "Visitors", Unit: "Day", Labels: []string{"1 Nov", "2 Nov", "3 Nov", "4 Nov <5>", "5 Nov"},
		Series: []Series{{Name: "Visitors", Values: []int{12, 40, Untold, 7, Untold}}, {Name: "Before", Values: []int{10, 11, 12, 13}}},
		Word:   func(v int) string { return "<" + strconv.Itoa(v) + ">" },
	}
	marked := lines
	marked.Marks = []Mark{{At: 1, Sign: "1", Text: "A release <2>"}, {At: 3, Sign: "2", Text: "A letter"}, {At: 3, Sign: "3", Text: "Another"}, {At: 9, Sign: "4", Text: "is nowhere"}}
	for name, got := range map[string]template.HTML{
		"bars": bars.Figure(), "lines": lines.Figure(), "marks": marked.Figure(),
	} {
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got)+"\n" != string(want) {
			t.Errorf("%s is drawn differently; look at it, then run with -update:\n%s", name, got)
		}
		wellFormed(t, name, string(got))
		if strings.Contains(string(got), "style=") {
			t.Errorf("%s has a style attribute, which the policy refuses", name)
		}
	}
}

func wellFormed(t *testing.T, name, s string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(s))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s is not well formed: %v", name, err)
			return
		}
	}
}

func TestTheHighestLineIsRoundAndHighEnough(t *testing.T) {
	for _, c := range []struct{ top, distance, n int }{{0, 1, 1}, {4, 1, 4}, {5, 1, 5}, {6, 2, 3}, {13, 5, 3}, {81, 20, 5}, {4155, 1000, 5}, {5001, 2000, 3}} {
		if d, n := ticks(c.top); d != c.distance || n != c.n {
			t.Errorf("ticks(%d) = %d, %d, want %d, %d", c.top, d, n, c.distance, c.n)
		}
	}
	if d, n := ticks(1 << 62); d*n < 1<<62 {
		t.Errorf("ticks(1<<62) = %d, %d", d, n)
	}
}

func TestNothingToDrawIsNoPanic(t *testing.T) {
	_ = Bars{}.Figure()
	_ = Lines{}.Figure()
	_ = Bars{Labels: []string{"a", "b"}, Series: []Series{{Values: []int{1}}}}.Figure()
}
