package statement

import (
	"regexp"
	"slices"
	"strings"

	"loot"
)

// registrar is the part of the program that takes customers in and keeps their
// permissions.
const registrar = "customers"

// AssumedIn reports whether the permission stands for somebody who lives in a
// country (ISO 3166-1 alpha-2) and never chose, until they switch it off.
func (o Offer) AssumedIn(country string) bool { return slices.Contains(o.Assumed, country) }

// AssumedWhere returns the names of the countries in which the permission is
// assumed, as they stand in a sentence; empty: nowhere.
func (o Offer) AssumedWhere(last string) string {
	names := make([]string, len(o.Assumed))
	codes := slices.SortedFunc(slices.Values(o.Assumed), func(a, b string) int { return strings.Compare(CountryName(a), CountryName(b)) })
	for i, code := range codes {
		names[i] = CountryInSentence(code)
	}
	return titles(names, last)
}

var withArticle = regexp.MustCompile(`^(United|Bahamas|Comoros|Gambia|Maldives|Netherlands|Philippines|Seychelles|British|French Southern)|Islands|Republic`)

// CountryInSentence returns the name of a country as it stands behind a word such as
// “in”.
func CountryInSentence(code string) string {
	if name := CountryName(code); withArticle.MatchString(name) {
		return "the " + name
	}
	return CountryName(code)
}

// CountryField returns the field of a collection that says in which country
// somebody lives; empty if there is none.
func (s *Statement) CountryField(c loot.Collection) loot.Field {
	f, _ := s.d.countryField(c)
	return f.ID
}

// CountryPurpose returns a purpose for which the part of the program that takes
// customers in may look at the country that somebody gave in a collection; empty
// if it has none.
func (s *Statement) CountryPurpose(c loot.Collection) loot.Purpose {
	f, _ := s.d.countryField(c)
	return s.d.looksFor(f)
}

// WithoutAssumed returns the statement with one permission assumed nowhere.
func (s *Statement) WithoutAssumed(offer string) (*Statement, error) {
	return s.recompile(without{table: "permissions", entry: offer, key: "assumed"})
}

func (d *declarations) countryField(c loot.Collection) (FieldDecl, bool) {
	return lookup(d.fields, func(f FieldDecl) bool { return f.Type == "country" && slices.Contains(f.Collections, c) })
}

func (d *declarations) looksFor(f FieldDecl) loot.Purpose {
	desk, _ := lookup(d.desks, func(d DeskDecl) bool { return d.Name == registrar })
	for _, p := range desk.Purposes {
		if _, ok := f.Needed[p]; ok {
			return p
		}
	}
	return ""
}

// assumable reports what speaks against a permission that is assumed until it is
// withdrawn: it is the company's own, rests on where somebody lives, and opens
// nothing that even a colleague opens only after somebody else agreed.
func (d *declarations) assumable(rep *reporter, at place, o Offer) {
	if len(o.Assumed) == 0 {
		return
	}
	for _, code := range o.Assumed {
		if !IsCountry(code) {
			rep.add(at, "There is no country %q, in which the permission %s could be assumed.", code, o.ID)
		}
	}
	if o.Recipient != "self" {
		rep.add(at, "The permission %s is for %s: only what we ourselves may do can be assumed, and nothing goes to others unasked.", o.ID, o.Recipient)
	}
	for _, f := range d.fields {
		c, _ := lookup(d.categories, func(c Category) bool { return c.ID == f.Category })
		l, ok := lookup(d.levels, func(l Level) bool { return l.Level == c.Level })
		if _, needed := f.Needed[o.Purpose]; needed && ok && l.Approvals > 0 {
			rep.add(at, "The permission %s cannot be assumed: it opens %s, which is “%s”.", o.ID, f.ID, l.Title)
		}
	}
	d.locatable(rep, at, o)
}

// locatable reports that nobody could tell where a permission is assumed.
func (d *declarations) locatable(rep *reporter, at place, o Offer) {
	if len(d.broken["collections"])+len(d.broken["fields"])+len(d.broken["desks"]) > 0 {
		return // what is missing may stand there
	}
	var where []FieldDecl
	for _, c := range d.collections {
		if f, ok := d.countryField(c.ID); ok && slices.Contains(c.Purposes, o.Purpose) {
			where = append(where, f)
		}
	}
	switch {
	case len(where) == 0:
		rep.add(at, "The permission %s cannot be assumed anywhere: no collection that is for %s has a field of the type country.", o.ID, o.Purpose)
	case !slices.ContainsFunc(where, func(f FieldDecl) bool { return d.looksFor(f) != "" }):
		rep.add(at, "The permission %s cannot be assumed anywhere: the field %s is needed for no purpose of the desk %s, so that the program could not look at it when the countries change. Say under needed what cannot be done without it, such as for notice.", o.ID, where[0].ID, registrar)
	}
}
