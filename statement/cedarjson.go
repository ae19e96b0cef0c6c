package statement

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
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

// CedarText returns the rules that run as one Cedar text, in statement order,
// each named by an annotation.
func (s *Statement) CedarText() string {
	policies := s.CedarPolicies()
	var b strings.Builder
	for _, r := range s.rules {
		if text, ok := policies[r.ID]; ok {
			fmt.Fprintf(&b, "// %s, line %d\n@id(%q)\n%s\n\n", r.Clause, r.Line, r.ID, text)
		}
	}
	return b.String()
}

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
