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

// Title is that of a field as it is said to colleagues, and not to whom it is of, whom the
// statement speaks to: “Your name”.
func Title(s *statement.Statement, f loot.Field) string {
	title := s.Titles(f)[0]
	if rest, is := strings.CutPrefix(title, "Your "); is {
		return "The person's " + rest
	}
	return title
}

// Titles are those of fields as [Title] has them.
func Titles(s *statement.Statement, fields ...loot.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = Title(s, f)
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
