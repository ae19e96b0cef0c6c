package statement

import "loot"

// A Declaration is one entry of a table, such as the purpose "invoice".
type Declaration struct {
	Table  string      `json:"table"` // "purposes", "fields", ...
	ID     string      `json:"id"`
	Clause loot.Clause `json:"clause"` // under which it stands
	Line   int         `json:"line"`
}

// Declarations returns every entry of every table, in statement order.
func (s *Statement) Declarations() []Declaration {
	var out []Declaration
	for _, e := range s.parsed.entries {
		if s.d.names[e.table][e.id] && e.table != "regions" {
			out = append(out, Declaration{Table: e.table, ID: e.id, Clause: e.at.clause, Line: e.at.line})
		}
	}
	return out
}
