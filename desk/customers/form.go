package customers

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/web"
)

// A need is one reason why a field is asked.
type need struct {
	Purpose loot.Purpose
	Title   string // of the purpose
	Without string // what cannot be done without the field
	Ordered bool   // the service that is being ordered needs the purpose
	Offer   string // title of the permission that the purpose waits for; empty: none
	Case    bool   // it comes up only if a case is opened
}

// A question is a field as the order form asks it.
type question struct {
	web.Field
	Decl  statement.FieldDecl
	Group string // title of the category that it belongs to
	First need   // what stands beside the field
	More  []need // what can be unfolded
	Asked string // who asks: "Every service", or the services that cannot be ordered without it
	place int    // in the statement
}

// A questionGroup is what belongs together, as an address does.
type questionGroup struct {
	Title     string
	Questions []question
}

// Groups returns the questions by category, in the statement's order.
func (f orderForm) Groups() []questionGroup {
	all := f.questions()
	slices.SortFunc(all, func(a, b question) int { return a.place - b.place })
	var groups []questionGroup
	for _, q := range all {
		i := slices.IndexFunc(groups, func(g questionGroup) bool { return g.Title == q.Group })
		if i < 0 {
			i, groups = len(groups), append(groups, questionGroup{Title: q.Group})
		}
		groups[i].Questions = append(groups[i].Questions, q)
	}
	for _, g := range groups {
		g.pair()
	}
	return groups
}

// pair sees to it that no question stands alone in a row of two: where their
// number is odd, the first takes a whole row, or the last if the first does so
// anyway.
func (g questionGroup) pair() {
	halves := 0
	for _, q := range g.Questions {
		if !q.Wide {
			halves++
		}
	}
	if halves%2 == 0 {
		return
	}
	if first := &g.Questions[0]; !first.Wide {
		first.Wide = true
		return
	}
	g.Questions[len(g.Questions)-1].Wide = true
}

// An orderForm is drawn from the statement and asks nothing that the statement
// does not declare.
type orderForm struct {
	Service  statement.ServiceDecl
	Must     []question // the service cannot be ordered without these
	May      []question
	Offers   web.Fields // permissions, never ticked beforehand
	Plans    web.Fields // at most one field: what is paid for
	offered  []statement.Offer
	purposes []loot.Purpose // that the service needs
}

// autocomplete is what a browser may fill in by itself, for fields of the
// statement that have a name in the HTML standard.
var autocomplete = map[loot.Field]string{
	"company.name": "organization", "contact.name": "name", "contact.language": "language", "address.street": "street-address",
	"address.postcode": "postal-code", "address.city": "address-level2", "address.region": "address-level1", "address.country": "country",
}

// inputOf returns the bare input of a field.
func inputOf(d statement.FieldDecl) web.Field {
	f := web.Field{Name: string(d.ID), Label: d.Title, Hint: d.Hint, MaxLen: limit(d), Autocomplete: autocomplete[d.ID]}
	switch d.Type {
	case "email":
		f.Type, f.InputMode = "email", "email"
		f.Autocomplete = cmp.Or(f.Autocomplete, "email")
	case "tel":
		f.Type, f.InputMode = "tel", "tel"
		f.Autocomplete = cmp.Or(f.Autocomplete, "tel")
	case "country", "language":
		f.Type, f.Options, f.MaxLen = "select", slices.Concat([]web.Option{web.Choose}, desk.Choices(d)), 0
	case "lines":
		f.Type, f.Rows, f.Wide = "textarea", 2, true
	}
	return f
}

// compulsory reports whether a service cannot be ordered without the field.
func compulsory(d statement.FieldDecl, service string) bool {
	return slices.Contains(d.Services, "*") || slices.Contains(d.Services, service)
}

// draw returns the form of a service. Fields in held are there already, and
// those in written are filled in by the program itself: neither is asked.
func draw(s *statement.Statement, service statement.ServiceDecl, held map[loot.Field]bool, written []loot.Field) orderForm {
	form := orderForm{Service: service, purposes: service.Purposes, offered: offers(s)}
	for place, d := range s.Fields(collection) {
		if held[d.ID] || slices.Contains(written, d.ID) {
			continue
		}
		q := question{Field: inputOf(d), Decl: d, Asked: whoAsks(s, d), place: place}
		if category, ok := s.Category(d.Category); ok {
			q.Group = category.Title
		}
		needs := needsOf(s, d, form.purposes, form.offered)
		if len(needs) == 0 || !needs[0].Ordered && needs[0].Offer == "" {
			continue // nothing that is ordered or offered here has a use for it
		}
		q.First, q.More = needs[0], needs[1:]
		q.Also = q.ID() + "-need"
		q.Required = compulsory(d, service.ID)
		if q.Required {
			form.Must = append(form.Must, q)
		} else {
			form.May = append(form.May, q)
		}
	}
	for _, o := range form.offered {
		form.Offers = append(form.Offers, offerInput(s, o))
	}
	return form
}

const offerPrefix = "permit."

func offerWhy(s *statement.Statement, o statement.Offer) string {
	to := "us alone"
	if r, ok := s.Recipient(o.Recipient); ok && o.Recipient != self {
		to = r.Title
	}
	title := string(o.Purpose)
	if p, ok := s.Purpose(o.Purpose); ok {
		title = p.Title
	}
	return "One purpose, “" + loot.LowerFirst(title) + "”, for " + to + "."
}

// self is the key under which the company itself is permitted a purpose.
const self = "self"

// offers returns the permissions that are offered to a customer: those whose
// purpose the collection has.
func offers(s *statement.Statement) []statement.Offer {
	c, _ := s.Collection(collection)
	var out []statement.Offer
	for _, o := range s.Offers() {
		if slices.Contains(c.Purposes, o.Purpose) {
			out = append(out, o)
		}
	}
	return out
}

// needsOf returns why a field is asked: what is ordered first, then what a
// permission is offered for, then what it may be needed for one day.
func needsOf(s *statement.Statement, d statement.FieldDecl, ordered []loot.Purpose, offered []statement.Offer) []need {
	var needs []need
	for id, without := range d.Needed {
		p, ok := s.Purpose(id)
		if !ok {
			continue
		}
		n := need{Purpose: id, Title: p.Title, Without: without, Ordered: slices.Contains(ordered, id), Case: p.Basis == "interest"}
		if i := slices.IndexFunc(offered, func(o statement.Offer) bool { return o.Purpose == id }); i >= 0 && !n.Ordered {
			n.Offer = offered[i].Title
		}
		needs = append(needs, n)
	}
	rank := func(n need) int {
		switch {
		case n.Ordered:
			return slices.Index(ordered, n.Purpose)
		case n.Offer != "":
			return 1000
		}
		return 2000
	}
	slices.SortFunc(needs, func(a, b need) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a.Title, b.Title)) })
	return needs
}

func whoAsks(s *statement.Statement, d statement.FieldDecl) string {
	if slices.Contains(d.Services, "*") {
		return "Needed for every service"
	}
	var titles []string
	for _, id := range d.Services {
		if service, ok := s.Service(id); ok {
			titles = append(titles, service.Title)
		}
	}
	if len(titles) == 0 {
		return "Optional with every service"
	}
	return "Needed for " + list(titles)
}

// list joins words as a sentence does.
func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// inSentence lists titles within a sentence.
func inSentence(titles []string) string {
	words := make([]string, len(titles))
	for i, t := range titles {
		words[i] = loot.LowerFirst(t)
	}
	return list(words)
}

// An answer is a form that was filled in and found in order.
type answer struct {
	given    map[loot.Field]string
	offers   []string // ids of the permissions that were ticked
	declined []string // ids of those that are on somewhere without a click, and were refused
	plan     string
}

// read checks what was typed. Every wrong field is named in one error; what
// is not asked is not looked at.
func (f *orderForm) read(typed url.Values) (answer, error) {
	a := answer{given: map[loot.Field]string{}}
	wrong := map[string]string{}
	for _, q := range f.questions() {
		all := typed[q.Name]
		if len(all) > 1 {
			wrong[q.Name] = "This was sent twice. Please fill it in once."
			continue
		}
		value, complaint := check(q.Decl, typed.Get(q.Name))
		switch {
		case complaint != "":
			wrong[q.Name] = complaint
		case value != "":
			a.given[q.Decl.ID] = value
		case q.Required:
			wrong[q.Name] = missing(q.Decl)
		}
	}
	a.readOffers(f, typed.Get, wrong)
	if err := f.Plans.Check(typed); err != nil {
		for name, text := range web.Wrong(err) {
			wrong[name] = text
		}
	}
	if len(f.Plans) > 0 {
		a.plan = typed.Get(f.Plans[0].Name)
	}
	return a, web.Invalid("", wrong)
}

func missing(d statement.FieldDecl) string {
	if d.Type == "country" || d.Type == "language" {
		return "Please choose one."
	}
	return "Please fill this in."
}

func (f *orderForm) questions() []question { return append(slices.Clone(f.Must), f.May...) }

// with puts back what was typed, and beside each field what is wrong with it.
func (f *orderForm) with(typed url.Values, err error) *web.Problems {
	wrong := web.Wrong(err)
	for _, set := range [][]question{f.Must, f.May} {
		for i := range set {
			set[i].Value = typed.Get(set[i].Name)
			set[i].Error = wrong[set[i].Name]
		}
	}
	f.Offers = f.Offers.With(typed, err)
	f.Plans = f.Plans.With(typed, err)
	return web.ProblemsOf(err, f.Plans, f.inputs(), f.Offers)
}

// inputs are the questions as they stand on the page.
func (f *orderForm) inputs() web.Fields {
	var out web.Fields
	for _, g := range f.Groups() {
		for _, q := range g.Questions {
			out = append(out, q.Field)
		}
	}
	return out
}

// A batch is what is collected in one decision: fields that share a purpose,
// and whether the service hangs on them.
type batch struct {
	Purpose  loot.Purpose
	Demanded bool
	Fields   []loot.Field
}

// batches sorts the fields that were given by the purpose they are collected
// for, as one decision names one purpose. The purposes that the order needs
// come first, and each batch takes as many fields as its purpose has a use for.
func batches(s *statement.Statement, service string, purposes []loot.Purpose, given map[loot.Field]string) []batch {
	var out []batch
	for _, must := range []bool{true, false} {
		fields := slices.DeleteFunc(s.Fields(collection), func(d statement.FieldDecl) bool {
			_, ok := given[d.ID]
			return !ok || must != (service != "" && compulsory(d, service))
		})
		for len(fields) > 0 {
			p := widest(fields, purposes)
			b := batch{Purpose: p, Demanded: must}
			fields = slices.DeleteFunc(fields, func(d statement.FieldDecl) bool {
				_, ok := d.Needed[p]
				if ok {
					b.Fields = append(b.Fields, d.ID)
				}
				return ok
			})
			out = append(out, b)
		}
	}
	return out
}

// widest returns the purpose that most of the fields serve, of those preferred
// if any does.
func widest(fields []statement.FieldDecl, preferred []loot.Purpose) loot.Purpose {
	count := map[loot.Purpose]int{}
	for _, d := range fields {
		for p := range d.Needed {
			count[p]++
		}
	}
	best, most := loot.Purpose(""), 0
	for _, p := range preferred {
		if count[p] > most {
			best, most = p, count[p]
		}
	}
	if most > 0 {
		return best
	}
	for _, d := range fields {
		for p := range d.Needed {
			if count[p] > most || count[p] == most && p < best {
				best, most = p, count[p]
			}
		}
	}
	return best
}
