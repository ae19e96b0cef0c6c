package desk

import (
	_ "embed"
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

//go:embed languages.txt
var languageList string

var countries, languages = func() (c, l []web.Option) {
	for _, one := range statement.Countries() {
		c = append(c, web.Option{Value: one.Code, Label: one.Name})
	}
	for line := range strings.Lines(languageList) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		l = append(l, web.Option{Value: code, Label: name})
	}
	return c, l
}()

// Countries are the options of a form that asks for one. Do not change the list.
func Countries() []web.Option { return countries }

// Choices are the options of a field that is held as a code: a country, or a language of
// ISO 639-1; none for any other. Do not change the list.
func Choices(d statement.FieldDecl) []web.Option {
	switch d.Type {
	case "country":
		return countries
	case "language":
		return languages
	}
	return nil
}

// Readable returns a value as people read it: a country or a language by its name.
func Readable(d statement.FieldDecl, value string) string {
	for _, o := range Choices(d) {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}
