package statement

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares got with a file and writes the file with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date; run go test ./statement -update and look at the difference\n%s", file, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			other := "(end)"
			if i < len(w) {
				other = w[i]
			}
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], other)
		}
	}
	return "the file is longer"
}

func TestPublishedSchemaIsThatOfTheReader(t *testing.T) {
	golden(t, "schema.json", JSONSchema())
}

func compiledSchema(t testing.TB, schema map[string]any) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://loot.example/x.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://loot.example/x.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shapesIn lists a shape and all that it is made of.
func shapesIn(s *shape) []*shape {
	out := []*shape{s}
	for _, m := range s.keys {
		out = append(out, shapesIn(m.shape)...)
	}
	if s.of != nil {
		out = append(out, shapesIn(s.of)...)
	}
	return out
}

// asJSON turns YAML into what a JSON tool sees of it.
func asJSON(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = asJSON(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, asJSON(c))
		}
		return out
	default:
		if n.ShortTag() == "!!timestamp" {
			return n.Value
		}
		var v any
		if err := n.Decode(&v); err != nil {
			return n.Value
		}
		return v
	}
}

// The reader and the published schema are printed from one description; this
// law holds them to it for each part of the description, on thousands of
// values, many of them wrong somewhere.
func TestReaderAndSchemaAgree(t *testing.T) {
	shapes := append(shapesIn(blockShape), shapesIn(frontShape)...)
	schemas := make([]*jsonschema.Schema, len(shapes))
	for i, s := range shapes {
		schemas[i] = compiledSchema(t, s.jsonSchema())
	}
	sound := 0
	defer func() { t.Logf("%d of the values were sound", sound) }()
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(shapes)-1).Draw(t, "shape")
		text, err := yaml.Marshal(drawShape(t, shapes[i]))
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) != 1 {
			t.Fatalf("%q cannot be read back: %v", text, err)
		}
		y := &yamlReader{reporter: &reporter{}}
		theirs := schemas[i].Validate(asJSON(doc.Content[0]))
		ours := y.check(doc.Content[0], shapes[i], "x")
		if ours {
			sound++
		}
		if ours != (theirs == nil) {
			t.Errorf("reader says %v (%v), schema says %v\n%s", ours, y.problems, theirs, text)
		}
	})
}

// drawShape draws a value of a shape, and now and then something else.
func drawShape(t *rapid.T, s *shape) any {
	odd := rapid.IntRange(0, 25).Draw(t, "odd") == 0
	if odd && rapid.Bool().Draw(t, "stray") {
		return rapid.SampledFrom([]any{nil, true, 3, 3.5, "", " ", "word", []any{}, map[string]any{}, "2026-02-30", "2026-01-01T00:00:00Z"}).Draw(t, "value")
	}
	pick := func(good []string, bad ...string) any {
		if odd {
			return rapid.SampledFrom(bad).Draw(t, "bad")
		}
		return rapid.SampledFrom(good).Draw(t, "good")
	}
	switch s.kind {
	case kindText:
		if s.form != nil {
			return pick([]string{map[bool]string{true: "dpv:Customer", false: "FR"}[s.form == termForm]}, "", "fr", "FRA", "dpv:", "other:Term")
		}
		return pick([]string{"Some text", "yes", "2 years"}, "", "\t", "null", "1", "2026-01-01", strings.Repeat("long ", 401))
	case kindName, kindRef:
		return pick(append([]string{"name", "a.b-c", strings.Repeat("a", 64)}, s.words...), "Name", "9a", "x y", strings.Repeat("a", 65))
	case kindChoice:
		return pick(s.words, "else", "", "NONE")
	case kindNumber:
		if odd {
			return rapid.SampledFrom([]any{s.min - 1, s.max + 1, "1", 1.5}).Draw(t, "bad")
		}
		return rapid.IntRange(s.min, s.max).Draw(t, "number")
	case kindFlag:
		return rapid.Bool().Draw(t, "flag")
	case kindDate:
		return pick([]string{"2026-01-01", "2028-02-29"}, "2026-02-29", "26-1-1", "soon")
	case kindSpan:
		return pick([]string{"10y", "18m", "0d"}, "session", "1000d", "5w", "10 y")
	case kindLife:
		return pick([]string{"10y", "18m", "0d", "1min", "session"}, "1000d", "5w", "10 y")
	case kindList:
		out := []any{}
		for range rapid.IntRange(s.min, 3).Draw(t, "length") {
			out = append(out, drawShape(t, s.of))
		}
		if odd {
			return rapid.SampledFrom([]any{[]any{}, append(out, "twice", "twice")}).Draw(t, "bad")
		}
		return out
	case kindMap:
		out := map[any]any{}
		have := map[string]bool{} // 1 and "1" are one key to JSON
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			switch k := drawShape(t, s.key).(type) {
			case string, int:
				if !have[fmt.Sprint(k)] {
					out[k] = drawShape(t, s.of)
				}
				have[fmt.Sprint(k)] = true
			}
		}
		return out
	default:
		out := map[string]any{}
		for _, m := range s.keys {
			if chance := rapid.IntRange(0, 29).Draw(t, "present"); m.required && chance > 0 || chance > 22 {
				out[m.name] = drawShape(t, m.shape)
			}
		}
		if odd {
			out["else"] = 1
		}
		return out
	}
}
