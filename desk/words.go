package desk

import (
	"strings"

	"loot"
	"loot/statement"
	"loot/web"
)

// Details names a category to colleagues by the details of a collection that are in it. Its own
// title is written for whom they are of: “How to reach you”.
func Details(s *statement.Statement, in loot.Collection, c loot.Category) string {
	var out []loot.Field
	for _, f := range s.Fields(in) {
		if f.Category == c {
			out = append(out, f.ID)
		}
	}
	if len(out) == 0 {
		return string(c)
	}
	return strings.Join(Titles(s, out...), ", ")
}

// Titles are those of fields as they are said to colleagues, and not to whom they are of, whom
// the statement speaks to: “Your name”.
func Titles(s *statement.Statement, fields ...loot.Field) []string {
	out := s.Titles(fields...)
	for i, t := range out {
		if rest, is := strings.CutPrefix(t, "Your "); is {
			out[i] = "The person's " + rest
		}
	}
	return out
}

// Countries are the options of a form that asks for one.
func Countries() (out []web.Option) {
	for _, c := range statement.Countries() {
		out = append(out, web.Option{Value: c.Code, Label: c.Name})
	}
	return out
}
