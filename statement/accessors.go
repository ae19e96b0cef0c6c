package statement

import (
	"bytes"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"loot"
)

// Front returns the front matter.
func (s *Statement) Front() Front {
	f := s.parsed.front
	f.Regions = slices.Clone(f.Regions)
	return f
}

// frontOf returns the front matter with the day for which it was announced.
func (s *Statement) frontOf(since time.Time) Front {
	f := s.Front()
	if !since.IsZero() {
		f.Effective = since.UTC()
	}
	return f
}

// WrongFront returns a problem with a key of the front matter that only whoever
// runs the statement can see.
func (s *Statement) WrongFront(key, format string, args ...any) Problems {
	rep := &reporter{file: s.parsed.file}
	rep.add(s.parsed.frontAt[key], format, args...)
	return rep.problems
}

// Hash returns the SHA-256 of the source in hexadecimal: the version's name on
// the ledger.
func (s *Statement) Hash() string { return s.hash }

// Source returns the file as it was read.
func (s *Statement) Source() []byte { return bytes.Clone(s.parsed.src) }

// Title returns the title of the document.
func (s *Statement) Title() string { return s.parsed.front.Title }

// Intro returns the rendered prose before the first chapter.
func (s *Statement) Intro() string { return s.parsed.doc.intro }

// Chapters returns the chapters with the ids of their clauses.
func (s *Statement) Chapters() []Chapter { return slices.Clone(s.parsed.doc.chapters) }

// Clauses returns the clauses in the order in which people read them.
func (s *Statement) Clauses() []Clause { return slices.Clone(s.clauses) }

// Clause returns one clause.
func (s *Statement) Clause(id loot.Clause) (Clause, bool) {
	return lookup(s.clauses, func(c Clause) bool { return c.ID == id })
}

// Rules returns every rule in statement order.
func (s *Statement) Rules() []Rule {
	out := make([]Rule, len(s.rules))
	for i, r := range s.rules {
		out[i] = r.Rule
	}
	return out
}

// Rule returns one rule.
func (s *Statement) Rule(id string) (Rule, bool) {
	if r, ok := s.byID[types.PolicyID(id)]; ok {
		return r.Rule, true
	}
	return Rule{}, false
}

// Purposes returns the declared purposes.
func (s *Statement) Purposes() []Purpose { return slices.Clone(s.d.purposes) }

// Purpose returns one purpose.
func (s *Statement) Purpose(id loot.Purpose) (Purpose, bool) {
	return lookup(s.d.purposes, func(p Purpose) bool { return p.ID == id })
}

// Categories returns the kinds of data.
func (s *Statement) Categories() []Category { return slices.Clone(s.d.categories) }

// CategoryIDs returns the ids of the kinds of data.
func (s *Statement) CategoryIDs() (out []loot.Category) {
	for _, c := range s.d.categories {
		out = append(out, c.ID)
	}
	return out
}

// Category returns one kind of data.
func (s *Statement) Category(id loot.Category) (Category, bool) {
	return lookup(s.d.categories, func(c Category) bool { return c.ID == id })
}

// Levels returns the confidentiality levels, the lowest first.
func (s *Statement) Levels() []Level { return slices.Clone(s.d.levels) }

// Level returns one confidentiality level.
func (s *Statement) Level(n int) (Level, bool) {
	return lookup(s.d.levels, func(l Level) bool { return l.Level == n })
}

// Collections returns the ways in.
func (s *Statement) Collections() []CollectionDecl { return slices.Clone(s.d.collections) }

// Collection returns one way in.
func (s *Statement) Collection(id loot.Collection) (CollectionDecl, bool) {
	return lookup(s.d.collections, func(c CollectionDecl) bool { return c.ID == id })
}

// AllFields returns every field of every collection.
func (s *Statement) AllFields() []FieldDecl { return slices.Clone(s.d.fields) }

// Fields returns the fields of one collection, in statement order.
func (s *Statement) Fields(c loot.Collection) []FieldDecl {
	n := 0
	for i := range s.d.fields {
		if slices.Contains(s.d.fields[i].Collections, c) {
			n++
		}
	}
	out := make([]FieldDecl, 0, n) // a declaration is large, and most collections have few
	for i := range s.d.fields {
		if slices.Contains(s.d.fields[i].Collections, c) {
			out = append(out, s.d.fields[i])
		}
	}
	return out
}

// Field returns one field.
func (s *Statement) Field(id loot.Field) (FieldDecl, bool) {
	return lookup(s.d.fields, func(f FieldDecl) bool { return f.ID == id })
}

// Titles returns what fields are called, in their order; one that the statement
// does not declare by its id.
func (s *Statement) Titles(fields ...loot.Field) []string {
	titles := make([]string, len(fields))
	for i, f := range fields {
		titles[i] = string(f)
		if d, ok := s.Field(f); ok {
			titles[i] = d.Title
		}
	}
	return titles
}

// Again returns how long after a check details of a category are looked at again;
// zero: they are not, by date.
func (s *Statement) Again(id loot.Category) Span {
	d, _ := lookup(s.d.checks, func(c CheckDecl) bool { return c.ID == id })
	return d.Again
}

// AddressField returns the field of a collection that people are found by and
// that letters go to; empty if there is none.
func (s *Statement) AddressField(c loot.Collection) loot.Field {
	for i := range s.d.fields {
		if f := &s.d.fields[i]; f.Type == "email" && f.Index && slices.Contains(f.Collections, c) {
			return f.ID
		}
	}
	return ""
}

// Offers returns the permissions that are offered.
func (s *Statement) Offers() []Offer { return slices.Clone(s.d.offers) }

// Offer returns one offered permission.
func (s *Statement) Offer(id string) (Offer, bool) {
	return lookup(s.d.offers, func(o Offer) bool { return o.ID == id })
}

// Recipients returns who may be disclosed to.
func (s *Statement) Recipients() []Recipient { return slices.Clone(s.d.recipients) }

// Recipient returns one recipient.
func (s *Statement) Recipient(key string) (Recipient, bool) {
	return lookup(s.d.recipients, func(r Recipient) bool { return r.Key == key })
}

// Roles returns what staff are employed for.
func (s *Statement) Roles() []RoleDecl { return slices.Clone(s.d.roles) }

// Role returns one role.
func (s *Statement) Role(id loot.Role) (RoleDecl, bool) {
	return lookup(s.d.roles, func(r RoleDecl) bool { return r.ID == id })
}

// Desks returns the parts of the program that act on their own.
func (s *Statement) Desks() []DeskDecl { return slices.Clone(s.d.desks) }

// Desk returns one of them.
func (s *Statement) Desk(name string) (DeskDecl, bool) {
	return lookup(s.d.desks, func(d DeskDecl) bool { return d.Name == name })
}

// Services returns what can be ordered.
func (s *Statement) Services() []ServiceDecl { return slices.Clone(s.d.services) }

// Service returns one service.
func (s *Statement) Service(id string) (ServiceDecl, bool) {
	return lookup(s.d.services, func(d ServiceDecl) bool { return d.ID == id })
}

// Topics returns what a mailing can be about.
func (s *Statement) Topics() []TopicDecl { return slices.Clone(s.d.topics) }

// Topic returns one topic.
func (s *Statement) Topic(id string) (TopicDecl, bool) {
	return lookup(s.d.topics, func(d TopicDecl) bool { return d.ID == id })
}

// Senders returns in whose names mailings go out.
func (s *Statement) Senders() []SenderDecl { return slices.Clone(s.d.senders) }

// Sender returns one sender.
func (s *Statement) Sender(key string) (SenderDecl, bool) {
	return lookup(s.d.senders, func(d SenderDecl) bool { return d.Key == key })
}

// Items returns the register of stored items.
func (s *Statement) Items() []ItemDecl { return slices.Clone(s.d.items) }

// Item returns one stored item.
func (s *Statement) Item(id string) (ItemDecl, bool) {
	return lookup(s.d.items, func(d ItemDecl) bool { return d.ID == id })
}

// Tags returns the register of tags.
func (s *Statement) Tags() []TagDecl { return slices.Clone(s.d.tags) }

// Tag returns one tag.
func (s *Statement) Tag(id string) (TagDecl, bool) {
	return lookup(s.d.tags, func(d TagDecl) bool { return d.ID == id })
}

// Signals returns the answers to signals.
func (s *Statement) Signals() []SignalDecl { return slices.Clone(s.d.signals) }

// Signal returns the answer to one signal.
func (s *Statement) Signal(id string) (SignalDecl, bool) {
	return lookup(s.d.signals, func(d SignalDecl) bool { return d.ID == id })
}
