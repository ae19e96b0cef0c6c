// Package number tells whether an official number can be one: VAT, company and tax
// numbers, IBAN, BIC and LEI, by their shape and, where the scheme has one,
// their check digit. It asks nobody, so it never says that a number exists.
package number

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Checked says how far a number was looked at.
type Checked int

const (
	// Nothing was found right; no Number has it.
	Nothing Checked = iota
	// ShapeOnly: the scheme has no check digit for such numbers, or publishes none.
	ShapeOnly
	// CheckDigit: the check digit fits, beside the shape.
	CheckDigit
)

func (c Checked) String() string {
	return [...]string{"not checked", "shape only", "check digit"}[c]
}

// A Scheme is one kind of official number.
type Scheme struct {
	ID      string // stays as it is and may be stored: "fr.siren", "vat.ie", "iban"
	Country string // ISO 3166-1, two capitals, of whoever gives the numbers out; empty: many
	Name    string // as people know it: "SIREN", "VAT number of Ireland"
	Looks   string // what one is made of, as in "One is …": "nine digits"
	Example string // what one looks like, as people write it; no real one of a person

	tidy   func(string) string // after Compact; nil: nothing to do
	shape  *regexp.Regexp      // of the canonical form
	also   func(string) bool   // what no expression can say of the shape, as that a date is one; nil: nothing
	digits func(string) Checked
	groups string                    // patterns, by "|", of the numbers that are as long; each # is a character; ends in a space: from the start again
	closer func(string) string       // instead of Looks, of what is not of the shape; empty: Looks after all
	read   func(typed string) string // instead of Compact
	tax    bool                      // of a register number: it is a tax number too
	inVAT  func(vat string) string   // of a register or tax number: what a VAT number of the country has of it; empty: this one has nothing; nil: none has
	whole  int                       // of a register number: how long that of the whole company is, before that of a part; 0: as long as it is
}

// A Number is one that passed.
type Number struct {
	Scheme  *Scheme
	Value   string // the one form in which it is kept
	Checked Checked
}

// Grouped returns the number as people write it. Checking that again gives the
// same number.
func (n Number) Grouped() string {
	for pattern := range strings.SplitSeq(n.Scheme.groups, "|") {
		again := strings.HasSuffix(pattern, " ")
		if !again && strings.Count(pattern, "#") != len(n.Value) {
			continue
		}
		var out strings.Builder
		left := n.Value
		for left != "" {
			for _, r := range pattern {
				switch {
				case r != '#':
					out.WriteRune(r)
				case left != "":
					out.WriteByte(left[0])
					left = left[1:]
				}
			}
		}
		return strings.TrimSpace(out.String())
	}
	return n.Value
}

// Wrong says what about a number is.
type Wrong int

const (
	// WrongCountry: it does not begin with the letters of a country in the table.
	WrongCountry Wrong = iota + 1
	// WrongShape: it is too short, too long or made of the wrong characters.
	WrongShape
	// WrongDigit: the shape is right and the check digit does not fit.
	WrongDigit
)

func (w Wrong) String() string {
	return [...]string{"", "country", "shape", "check digit"}[w]
}

// An Error says what is wrong with a number and what a right one looks like. It
// never repeats what was typed, which may be about a person.
type Error struct {
	Scheme *Scheme
	Wrong  Wrong
	looks  string
	others []*Scheme // that would have done as well
}

// Error is written for the person who typed the number.
func (e *Error) Error() string {
	switch e.Wrong {
	case WrongDigit:
		return fmt.Sprintf("A letter or digit of this %s is wrong: it does not fit the check digit. A right one looks like %s.%s", e.Scheme.Name, e.Scheme.Example, e.orElse())
	case WrongCountry:
		return fmt.Sprintf("This does not begin with the letters of a country whose %ss we know. One is %s, such as %s.", e.Scheme.Name, e.Scheme.Looks, e.Scheme.Example)
	}
	return fmt.Sprintf("This is no %s. One is %s, such as %s.%s", e.Scheme.Name, e.looks, e.Scheme.Example, e.orElse())
}

// orElse says which other numbers are taken.
func (e *Error) orElse() string {
	var out strings.Builder
	for _, s := range e.others {
		fmt.Fprintf(&out, " Another that is taken is the %s: %s, such as %s.", s.Name, s.Looks, s.Example)
	}
	return out.String()
}

// longest is how many bytes are looked at: what is longer is no number, however
// many spaces it has.
const longest = 200

// Check reads what a person typed as a number of the scheme. Spaces, dots,
// dashes, slashes and the case of letters do not matter. An error is an *Error.
func (s *Scheme) Check(typed string) (Number, error) {
	n, wrong := s.check(typed)
	if wrong != nil {
		return n, wrong
	}
	return n, nil
}

func (s *Scheme) check(typed string) (Number, *Error) {
	if len(typed) > longest {
		return Number{}, &Error{Scheme: s, Wrong: WrongShape, looks: s.Looks}
	}
	read := s.read
	if read == nil {
		read = Compact
	}
	value := read(typed)
	if s.tidy != nil {
		value = s.tidy(value)
	}
	if !s.shape.MatchString(value) || s.also != nil && !s.also(value) {
		looks := s.Looks
		if s.closer != nil {
			if l := s.closer(value); l != "" {
				looks = l
			}
		}
		return Number{}, &Error{Scheme: s, Wrong: WrongShape, looks: looks}
	}
	checked := ShapeOnly
	if s.digits != nil {
		checked = s.digits(value)
	}
	if checked == Nothing {
		return Number{}, &Error{Scheme: s, Wrong: WrongDigit}
	}
	return Number{Scheme: s, Value: value, Checked: checked}, nil
}

// Schemes returns all kinds of numbers, by ID.
func Schemes() []*Scheme { return slices.Clone(schemes) }

// Find returns the scheme of an ID.
func Find(id string) (*Scheme, bool) {
	i, found := slices.BinarySearchFunc(schemes, id, func(s *Scheme, id string) int { return strings.Compare(s.ID, id) })
	if !found {
		return nil, false
	}
	return schemes[i], true
}

// Registers returns the schemes of the company numbers of a country, by its two
// capitals of ISO 3166-1; those that say more come first.
func Registers(country string) []*Scheme {
	return of(registers, func(s *Scheme) bool { return s.Country == country })
}

// Taxes returns the schemes of the tax numbers of a country, of people and then of
// companies.
func Taxes(country string) []*Scheme {
	return slices.Concat(
		of(taxes, func(s *Scheme) bool { return s.Country == country }),
		of(registers, func(s *Scheme) bool { return s.Country == country && s.tax }),
	)
}

func of(table []Scheme, is func(*Scheme) bool) (out []*Scheme) {
	for i := range table {
		if is(&table[i]) {
			out = append(out, &table[i])
		}
	}
	return out
}

// Register reads what a person typed as a number of the company registers of a
// country, by each scheme that it fits. An error is an *Error that names them all;
// of a country of whose schemes none is known there is no number and no error.
func Register(country, typed string) ([]Number, error) {
	all, wrong := byAny(Registers(country), typed)
	if wrong != nil {
		return nil, wrong
	}
	return all, nil
}

// Tax reads a tax number of a country as [Register] does one of its registers. The
// letters that VAT numbers of the country begin with may stand in front.
func Tax(country, typed string) ([]Number, error) {
	schemes := Taxes(country)
	all, wrong := byAny(schemes, typed)
	value := Compact(typed)
	if wrong != nil && wrong.Wrong == WrongShape && len(value) > 2 && len(typed) <= longest {
		if s, ok := vatBegins[value[:2]]; ok && s.Country == country {
			all, wrong = byAny(schemes, value[2:])
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	return all, nil
}

// byAny blames the first scheme whose shape a number has, or the first of all.
func byAny(schemes []*Scheme, typed string) (all []Number, wrong *Error) {
	for _, s := range schemes {
		n, e := s.check(typed)
		switch {
		case e == nil:
			all = append(all, n)
		case wrong == nil || e.Wrong == WrongDigit && wrong.Wrong != WrongDigit:
			wrong = e
		}
	}
	if len(all) > 0 || wrong == nil {
		return all, nil
	}
	for _, s := range schemes {
		if s != wrong.Scheme {
			wrong.others = append(wrong.others, s)
		}
	}
	return nil, wrong
}

var schemes = func() []*Scheme {
	out := []*Scheme{&iban, &bic, &lei}
	for _, table := range [][]Scheme{registers, taxes, vats} {
		for i := range table {
			out = append(out, &table[i])
		}
	}
	slices.SortFunc(out, func(a, b *Scheme) int { return strings.Compare(a.ID, b.ID) })
	return out
}()

// Compact takes out what people put between the groups of a number, and makes
// its letters capitals. Only ASCII ones: other scripts have letters that would
// become one.
func Compact(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(".-/\u2010\u2011\u2012\u2013", r):
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, typed)
}

func shape(s string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + s + `)$`) }

// yes is for schemes whose every number has a check digit.
func yes(fits bool) Checked {
	if fits {
		return CheckDigit
	}
	return Nothing
}
