package statement

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
)

// CedarSchema returns the Cedar schema of the statement, with the closed lists
// that its declarations fill.
func (s *Statement) CedarSchema() string { return s.vocab.text }

// CedarPolicies returns the rules that run, by id, as Cedar that any other
// evaluator reads. The permits of planned clauses do not run.
func (s *Statement) CedarPolicies() map[string]string {
	out := make(map[string]string, len(s.rules))
	for _, r := range s.rules {
		if !r.planned || r.Forbid {
			out[r.ID] = string(policyOf(r.ast).MarshalCedar())
		}
	}
	return out
}

// CedarSchemaJSON returns [Statement.CedarSchema] in the form of JSON.
func (s *Statement) CedarSchemaJSON() []byte {
	var read schema.Schema
	if err := read.UnmarshalCedar([]byte(s.vocab.text)); err != nil {
		panic(err) // the statement was compiled by it
	}
	b, err := json.MarshalIndent(&read, "", "  ")
	if err != nil {
		panic(err) // what was read can be written
	}
	return append(b, '\n')
}

// CedarText returns every rule as one Cedar text, in statement order, each with
// its clause and line and named by an annotation. What does not run, as the
// permits of planned clauses, is there as a comment.
func (s *Statement) CedarText() string {
	var b strings.Builder
	front := s.Front()
	fmt.Fprintf(&b, "// %s\n// SHA-256 of the statement: %s\n", oneLine(front.Title+", version "+front.Version), s.hash)
	b.WriteString("// Loot decides by these rules and, beyond Cedar, refuses whenever a rule errs or a request does not conform to the schema.\n\n")
	for _, r := range s.rules {
		text := fmt.Sprintf("@id(%q)\n%s\n", r.ID, policyOf(r.ast).MarshalCedar())
		fmt.Fprintf(&b, "// %s, line %d", r.Clause, r.Line)
		if r.Generated {
			fmt.Fprintf(&b, ", from the declarations: %s", strings.Join(r.decls, ", "))
		}
		if r.planned && !r.Forbid {
			b.WriteString(", planned, so it does not run yet:")
			text = "// " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n// ") + "\n"
		}
		b.WriteString("\n" + text + "\n")
	}
	return b.String()
}

// oneLine keeps a text within its comment.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// CedarRequest returns an input as the Cedar request that it is decided as:
// principal, action, resource, context and the entities it speaks of.
func (s *Statement) CedarRequest(in *Input) ([]byte, error) {
	w, err := s.build(in)
	if err != nil {
		return nil, err
	}
	return w.marshal()
}

func (w *world) marshal() ([]byte, error) {
	entities := types.EntityMap{}
	for i := range w.n {
		if w.entities[i].UID.Type != "Action" { // those come with the schema
			entities[w.entities[i].UID] = w.entities[i]
		}
	}
	out := struct {
		Principal name            `json:"principal"`
		Action    name            `json:"action"`
		Resource  name            `json:"resource"`
		Context   types.Record    `json:"context"`
		Entities  types.EntityMap `json:"entities"`
	}{named(w.request.Principal), named(w.request.Action), named(w.request.Resource), w.request.Context, entities}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("statement: cedar request: %w", err)
	}
	return b, nil
}

// A name is an entity in the form in which requests name it.
type name struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func named(uid types.EntityUID) name { return name{string(uid.Type), string(uid.ID)} }
