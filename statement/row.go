package statement

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"loot"
)

// rowOf puts one declaration into words. What is said here is all that is
// shown of it and all that a comparison of two versions tells apart, so every
// key of a declaration has its cell.
func (s *Statement) rowOf(table, id string) (Row, bool) {
	switch table {
	case "purposes":
		if d, ok := s.Purpose(loot.Purpose(id)); ok {
			return s.purposeRow(d), true
		}
	case "levels":
		n, _ := strconv.Atoi(id)
		if d, ok := s.Level(n); ok {
			return s.levelRow(d), true
		}
	case "categories":
		if d, ok := s.Category(loot.Category(id)); ok {
			return s.categoryRow(d), true
		}
	case "collections":
		if d, ok := s.Collection(loot.Collection(id)); ok {
			return s.collectionRow(d), true
		}
	case "fields":
		if d, ok := s.Field(loot.Field(id)); ok {
			return s.fieldRow(d), true
		}
	case "checks":
		if d, ok := lookup(s.d.checks, func(c CheckDecl) bool { return string(c.ID) == id }); ok {
			return s.checkRow(d), true
		}
	case "permissions":
		if d, ok := s.Offer(id); ok {
			return s.offerRow(d), true
		}
	case "recipients":
		if d, ok := s.Recipient(id); ok {
			return s.recipientRow(d), true
		}
	case "roles":
		if d, ok := s.Role(loot.Role(id)); ok {
			return s.roleRow(d), true
		}
	case "desks":
		if d, ok := s.Desk(id); ok {
			return Row{Title: d.Title, Cells: []Cell{s.purposes("Acts for", d.Purposes, "No record of a person")}}, true
		}
	case "services":
		if d, ok := s.Service(id); ok {
			return s.serviceRow(d), true
		}
	case "topics":
		if d, ok := s.Topic(id); ok {
			return Row{Title: d.Title, Text: d.Text}, true
		}
	case "senders":
		if d, ok := s.Sender(id); ok {
			return Row{Title: d.Title}, true
		}
	case "items":
		if d, ok := s.Item(id); ok {
			return s.itemRow(d), true
		}
	case "tags":
		if d, ok := s.Tag(id); ok {
			return Row{Title: d.Title, Cells: []Cell{
				{Label: "Purpose", Of: s.purposeMentions([]loot.Purpose{d.Purpose})}, {Label: "Whose", Text: owner(d.Owner, d.Third)}, {Label: "Without it", Text: d.Without},
			}}, true
		}
	case "signals":
		if d, ok := s.Signal(id); ok {
			return s.signalRow(d), true
		}
	}
	return Row{}, false
}

// derived marks a cell whose content other declarations say.
func derived(c Cell) Cell {
	c.derived = true
	return c
}

func yes(b bool, is, isNot string) string {
	if b {
		return is
	}
	return isNot
}

var basisSentences = map[string]string{
	"contract": "The contract with you", "duty": "A law that obliges us", "permission": "Your permission", "interest": "A legitimate interest of ours",
}

func (s *Statement) purposeRow(d Purpose) Row {
	basis := basisSentences[d.Basis]
	if d.Law != "" {
		basis += ": " + d.Law
	}
	kept := "Not at all"
	if !d.Keep.IsZero() {
		kept = d.Keep.Words()
	}
	needs := s.fieldMentions(func(f FieldDecl) (string, bool) { why, ok := f.Needed[d.ID]; return why, ok })
	return Row{Title: d.Title, Text: d.Why, Cells: []Cell{
		{Label: "Rests on", Text: basis},
		{Label: "Kept afterwards", Text: kept},
		derived(mentioning("Details and why", needs, "detail", "details", "None")),
	}, fine: []Cell{{Label: "Term of the DPV", Text: d.DPV}}}
}

var maskWords = map[string]string{"none": "All of it", "partly": "It partly covered", "fully": "Nothing of it"}

func (s *Statement) levelRow(d Level) Row {
	var kinds []Mention
	for _, c := range s.d.categories {
		if c.Level == d.Level {
			kinds = append(kinds, Mention{Title: c.Title, anchor: anchor("categories", string(c.ID))})
		}
	}
	agree := "Nobody else"
	if d.Approvals > 0 {
		agree = loot.Plural(d.Approvals, "other person", "other people")
	}
	return Row{Title: strconv.Itoa(d.Level) + ". " + d.Title, Cells: []Cell{
		{Label: "A colleague sees at first", Text: maskWords[d.Mask]},
		{Label: "Has to agree", Text: agree},
		derived(mentioning("Kinds of detail", kinds, "kind", "kinds", "None")),
	}}
}

func (s *Statement) categoryRow(d Category) Row {
	level := Mention{Title: "level " + strconv.Itoa(d.Level), anchor: anchor("levels", strconv.Itoa(d.Level))}
	if l, ok := s.Level(d.Level); ok {
		level.Title = l.Title
	}
	fields := s.fieldMentions(func(f FieldDecl) (string, bool) { return "", f.Category == d.ID })
	return Row{Title: d.Title, Cells: []Cell{
		{Label: "How private", Of: []Mention{level}},
		derived(mentioning("Details", fields, "detail", "details", "None")),
	}, fine: []Cell{{Label: "Term of the DPV", Text: d.DPV}}}
}

var wayWords = map[string]string{
	"order": "When you order or use a service", "subscribe": "When you subscribe", "apply": "When you apply to work with us", "": "By none of the ways in which we get to know you",
}

func (s *Statement) collectionRow(d CollectionDecl) Row {
	return Row{Title: d.Title, Cells: []Cell{
		{Label: "Begins", Text: wayWords[d.Way]},
		{Label: "Says who you are", Text: yes(d.Identifying, "Yes", "No")},
		s.purposes("Used for nothing but", d.Purposes, "Nothing"),
	}, fine: []Cell{{Label: "Term of the DPV", Text: d.Subject}}}
}

func (s *Statement) fieldRow(d FieldDecl) Row {
	must, services := "Optional", []Mention(nil)
	switch {
	case slices.Contains(d.Services, "*"):
		must = "Compulsory"
	case len(d.Services) > 0:
		must = "Compulsory for"
		for _, id := range d.Services {
			m := Mention{Title: id, anchor: anchor("services", id)}
			if v, ok := s.Service(id); ok {
				m.Title = v.Title
			}
			services = append(services, m)
		}
	}
	var kind []Mention
	if c, ok := s.Category(d.Category); ok {
		kind = append(kind, Mention{Title: c.Title, anchor: anchor("categories", string(c.ID))})
	}
	var reasons []Mention
	for _, id := range s.inOrder(d.Needed) {
		m := s.purposeMentions([]loot.Purpose{id})[0]
		m.Why = d.Needed[id]
		reasons = append(reasons, m)
	}
	since := ""
	if !d.Since.IsZero() {
		since = d.Since.Format("2 January 2006")
	}
	var kept []Mention
	for _, id := range d.Collections {
		m := Mention{Title: string(id)}
		if c, ok := s.Collection(id); ok {
			m.Title = c.Title
		}
		kept = append(kept, m)
	}
	longest := ""
	if d.Max > 0 {
		longest = loot.Plural(d.Max, "character", "characters")
	}
	return Row{Title: d.Title, Text: d.Hint, Cells: []Cell{
		{Label: "When", Text: must, Of: services},
		{Label: "Kind of detail", Of: kind},
		mentioning("Needed for", reasons, "purpose", "purposes", "Nothing"),
	}, fine: []Cell{
		{Label: "Drawer", Of: kept},
		{Label: "Asked since", Text: since},
		{Label: "Written as", Text: d.Type},
		{Label: "At most", Text: longest},
		{Label: "Says who you are", Text: yes(d.Identifying, "Yes", "No")},
		{Label: "Can be looked up", Text: yes(d.Index, "Yes", "No")},
	}}
}

func (s *Statement) checkRow(d CheckDecl) Row {
	title := string(d.ID)
	if c, ok := s.Category(d.ID); ok {
		title = c.Title
	}
	return Row{Title: title, Cells: []Cell{{Label: "Looked at again", Text: d.Again.Words() + " after a check"}}}
}

// inOrder returns the purposes in the order in which the statement declares them.
func (s *Statement) inOrder(needed map[loot.Purpose]string) []loot.Purpose {
	place := func(id loot.Purpose) int {
		return slices.IndexFunc(s.d.purposes, func(p Purpose) bool { return p.ID == id })
	}
	return slices.SortedFunc(maps.Keys(needed), func(a, b loot.Purpose) int { return place(a) - place(b) })
}

func (s *Statement) offerRow(d Offer) Row {
	first := "Off"
	if len(d.Assumed) > 0 {
		first = "On in " + d.AssumedWhere("and") + ", for whoever never chose, until they switch it off. Off everywhere else"
	}
	who := Mention{Title: d.Recipient}
	if d.Recipient == "self" {
		who.Title = "We ourselves"
	} else if r, ok := s.Recipient(d.Recipient); ok {
		who = Mention{Title: r.Title, anchor: anchor("recipients", r.Key)}
	}
	return Row{Title: d.Title, Text: d.Text, Cells: []Cell{
		{Label: "Who may then", Of: []Mention{who}},
		{Label: "Purpose", Of: s.purposeMentions([]loot.Purpose{d.Purpose})},
		{Label: "At first", Text: first},
	}}
}

var recipientWords = map[string]string{
	"self": "We ourselves", "partner": "A partner", "authority": "An authority", "court": "A court", "sponsor": "A sponsor of events",
}

func (s *Statement) recipientRow(d Recipient) Row {
	kind := recipientWords[d.Kind]
	if d.Kind == "partner" && len(d.Cooperation) > 0 {
		kind = "A partner that works on what you ordered"
	}
	country := ""
	if d.Country != "" {
		country = CountryName(d.Country)
	}
	var offers []Mention
	for _, o := range s.d.offers {
		if o.Recipient == d.Key {
			offers = append(offers, Mention{Title: o.Title, anchor: anchor("permissions", o.ID)})
		}
	}
	return Row{Title: d.Title, Cells: []Cell{
		{Label: "What it is", Text: kind},
		{Label: "Country", Text: country},
		{Label: "Works with us on", Of: s.purposeMentions(d.Cooperation)},
		derived(Cell{Label: "Only if you permit", Of: offers}),
	}}
}

func (s *Statement) roleRow(d RoleDecl) Row {
	also := ""
	switch {
	case d.Administers:
		also = "Runs machines and accounts"
	case d.Approves:
		also = "Agrees as a second person"
	}
	return Row{Title: d.Title, Cells: []Cell{
		s.purposes("Opens records for", d.Purposes, "Opens none"),
		{Label: "You see", Text: yes(d.Named, "Name and job", "The job")},
		{Label: "Besides", Text: also},
	}}
}

func (s *Statement) serviceRow(d ServiceDecl) Row {
	must := s.fieldMentions(func(f FieldDecl) (string, bool) {
		return "", slices.Contains(f.Collections, "customer") && (slices.Contains(f.Services, "*") || slices.Contains(f.Services, d.ID))
	})
	return Row{Title: d.Title, Text: d.Text, Cells: []Cell{
		s.purposes("Uses details for", d.Purposes, "Nothing"),
		derived(mentioning("Compulsory details", must, "detail", "details", "None")),
	}}
}

var itemWords = map[string]string{
	"cookie": "Cookie", "pixel": "Picture of one pixel", "storage": "Store of the browser", "device": "Number of the device", "sdk": "Part of an app made by others",
}

func (s *Statement) itemRow(d ItemDecl) Row {
	stays := d.Lifetime
	if minutes, ok := strings.CutSuffix(stays, "min"); ok {
		stays = counted(minutes, "minute")
	} else if stays == "session" {
		stays = "Until you close the browser"
	} else if span, err := ParseSpan(d.Lifetime); err == nil {
		stays = span.Words()
	}
	return Row{Title: d.Title, Cells: []Cell{
		{Label: "Kind", Text: itemWords[d.Kind]},
		{Label: "Purpose", Of: s.purposeMentions([]loot.Purpose{d.Purpose})},
		{Label: "Stays", Text: stays},
		{Label: "Whose", Text: owner(d.Owner, d.Third)},
		{Label: "Without it", Text: d.Without},
	}}
}

func owner(name string, third bool) string {
	switch {
	case !third && name == "":
		return "Ours"
	case !third:
		return name
	case name == "":
		return "Somebody else's"
	}
	return name + ", not ours"
}

func (s *Statement) signalRow(d SignalDecl) Row {
	var honoured, not []string
	for _, r := range s.parsed.front.Regions {
		if d.Honours(r) {
			honoured = append(honoured, regionWords(r))
		} else {
			not = append(not, regionWords(r))
		}
	}
	words := func(list []string) string {
		switch len(list) {
		case 0:
			return "Nowhere"
		case len(s.parsed.front.Regions):
			return "Everywhere"
		}
		return titles(list, "and")
	}
	return Row{Title: signalTitles[d.ID], Cells: []Cell{{Label: "Honoured in", Text: words(honoured)}, {Label: "Not answered in", Text: words(not)}}}
}
