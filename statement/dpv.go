package statement

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"loot"
)

//go:embed dpv.txt
var dpvText string

// dpvTerms maps the terms that a statement may name to the group they are of:
// "purposes", "data subjects" or "kinds of data".
var dpvTerms = func() map[string]string {
	out := map[string]string{}
	group := ""
	for line := range strings.Lines(dpvText) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# "); ok {
			group = name
		} else if line != "" {
			out[line] = group
		}
	}
	return out
}()

// unknownTerm returns what is wrong with a term, or nothing.
func unknownTerm(term, group string) string {
	if term == "" || dpvTerms[term] == group {
		return ""
	}
	if other, ok := dpvTerms[term]; ok {
		return fmt.Sprintf("The term %s is one of the %s of the Data Privacy Vocabulary, not of its %s.", term, other, group)
	}
	of := slices.DeleteFunc(slices.Sorted(maps.Keys(dpvTerms)), func(t string) bool { return dpvTerms[t] != group })
	return fmt.Sprintf("The Data Privacy Vocabulary has no term %s among its %s%s.", term, group, suggest(term, of))
}

// legalBases are the terms for the bases of a purpose, in general and in the GDPR.
var legalBases = map[string][]string{
	"contract":   {"dpv:Contract", "eu-gdpr:A6-1-b"},
	"duty":       {"dpv:LegalObligation", "eu-gdpr:A6-1-c"},
	"permission": {"dpv:Consent", "eu-gdpr:A6-1-a"},
	"interest":   {"dpv:LegitimateInterest", "eu-gdpr:A6-1-f"},
}

type node map[string]any

func ref(id string) node { return node{"@id": id} }

func refs(idList []string) []node {
	out := make([]node, len(idList))
	for i, id := range idList {
		out[i] = ref(id)
	}
	return out
}

// ExportDPV returns the statement in the W3C Data Privacy Vocabulary, as
// JSON-LD: who processes which data of whom, for which purpose, on which basis,
// for how long, and who receives it. Since is when it takes effect as it was
// announced; zero: not yet, so that its own day is all that is known.
func (s *Statement) ExportDPV(since time.Time) []byte {
	f := s.frontOf(since)
	graph := []node{
		{
			"@id": "#statement", "@type": "dpv:PrivacyNotice", "dct:title": f.Title, "dct:hasVersion": f.Version,
			"dct:identifier": "sha256:" + s.Hash(), "dct:valid": date(f.Effective.Format("2006-01-02")),
			"dct:publisher": ref("#controller"),
		},
		{
			"@id": "#controller", "@type": "dpv:DataController", "dpv:hasName": f.Controller.Name,
			"dpv:hasAddress": f.Controller.Address, "dpv:hasContact": f.Controller.Email,
		},
	}
	for _, p := range s.d.purposes {
		n := node{"@id": "#purpose-" + string(p.ID), "@type": typed("dpv:Purpose", p.DPV), "dct:title": p.Title, "dct:description": p.Why}
		graph = append(graph, n)
	}
	for _, c := range s.d.categories {
		graph = append(graph, node{"@id": "#category-" + string(c.ID), "@type": typed("dpv:PersonalData", c.DPV), "dct:title": c.Title})
	}
	for _, x := range s.d.fields {
		graph = append(graph, node{
			"@id": "#field-" + string(x.ID), "@type": "dpv:PersonalData", "dct:title": x.Title, "dct:isPartOf": ref("#category-" + string(x.Category)),
		})
	}
	for _, r := range s.d.recipients {
		kind := map[string]string{"partner": "dpv:ThirdParty", "sponsor": "dpv:ThirdParty", "authority": "dpv:Authority", "court": "dpv:Authority"}[r.Kind]
		n := node{"@id": "#recipient-" + r.Key, "@type": typed("dpv:Recipient", kind), "dpv:hasName": r.Title}
		if r.Country != "" {
			n["dpv:hasCountry"] = r.Country
		}
		graph = append(graph, n)
	}
	for _, a := range s.activities() {
		graph = append(graph, a.node())
	}
	b, err := json.MarshalIndent(node{
		"@context": node{
			"dpv": "https://w3id.org/dpv#", "pd": "https://w3id.org/dpv/pd#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
			"dct": "http://purl.org/dc/terms/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "xsd": "http://www.w3.org/2001/XMLSchema#",
		},
		"@graph": graph,
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("statement: dpv: %v", err)) // cannot be: maps and strings
	}
	return append(b, '\n')
}

func typed(of, term string) any {
	if term == "" || term == of {
		return of
	}
	return []string{of, term}
}

func date(text string) node { return node{"@type": "xsd:date", "@value": text} }

// An activity is what is done with the data of one collection for one purpose:
// a line of the record of processing activities.
type activity struct {
	collection CollectionDecl
	purpose    Purpose
	fields     []FieldDecl
	categories []Category
	recipients []Recipient
	roles      []RoleDecl
	desks      []DeskDecl
	keepKnown  bool
}

// activities lists what is done, by collection and purpose, as far as a field
// is given for it and its clauses are in force: what is planned is not done yet.
func (s *Statement) activities() []activity {
	kept := map[loot.Purpose]bool{}
	planned := map[string]bool{}
	for _, e := range s.parsed.entries {
		if e.table == "purposes" {
			kept[loot.Purpose(e.id)] = hasKey(e, "retain")
		}
		c, _ := s.Clause(e.at.clause)
		planned[e.table+" "+e.id] = c.Planned
	}
	var out []activity
	for _, c := range s.d.collections {
		for _, id := range c.Purposes {
			if planned["collections "+string(c.ID)] || planned["purposes "+string(id)] {
				continue
			}
			p, _ := s.Purpose(id)
			a := activity{collection: c, purpose: p, keepKnown: kept[id]}
			for _, f := range s.Fields(c.ID) {
				if _, ok := f.Needed[id]; !ok {
					continue
				}
				a.fields = append(a.fields, f)
				if k, ok := s.Category(f.Category); ok && !slices.Contains(a.categories, k) {
					a.categories = append(a.categories, k)
				}
			}
			if len(a.fields) == 0 {
				continue
			}
			for _, r := range s.d.recipients {
				offered := slices.ContainsFunc(s.d.offers, func(o Offer) bool { return o.Recipient == r.Key && o.Purpose == id })
				if offered || slices.Contains(r.Cooperation, id) {
					a.recipients = append(a.recipients, r)
				}
			}
			a.roles = slices.DeleteFunc(s.Roles(), func(r RoleDecl) bool { return !slices.Contains(r.Purposes, id) })
			a.desks = slices.DeleteFunc(s.Desks(), func(d DeskDecl) bool { return !slices.Contains(d.Purposes, id) })
			out = append(out, a)
		}
	}
	return out
}

func (a *activity) node() node {
	subject := a.collection.Subject
	if subject == "" {
		subject = "dpv:DataSubject"
	}
	n := node{
		"@id":                   "#handling-" + string(a.collection.ID) + "-" + string(a.purpose.ID),
		"@type":                 "dpv:PersonalDataHandling",
		"dct:title":             a.collection.Title + ": " + a.purpose.Title,
		"dpv:hasDataController": ref("#controller"),
		"dpv:hasDataSubject":    ref(subject),
		"dpv:hasPurpose":        ref("#purpose-" + string(a.purpose.ID)),
		"dpv:hasLegalBasis":     refs(legalBases[a.purpose.Basis]),
		"dpv:hasPersonalData":   refs(ids(a.fields, func(f FieldDecl) string { return "#field-" + string(f.ID) })),
		"dpv:hasNotice":         ref("#statement"),
	}
	if a.keepKnown {
		n["dpv:hasStorageCondition"] = node{
			"@type":           "dpv:StorageCondition",
			"dpv:hasDuration": node{"@type": "dpv:StorageDuration", "rdf:value": node{"@type": "xsd:duration", "@value": a.purpose.Keep.iso()}},
		}
	}
	if slices.ContainsFunc(a.categories, func(c Category) bool { return c.Level > 1 }) {
		n["dpv:hasTechnicalOrganisationalMeasure"] = refs([]string{"dpv:EncryptionAtRest"})
	}
	if a.purpose.Law != "" {
		n["dpv:hasApplicableLaw"] = a.purpose.Law
	}
	if len(a.recipients) > 0 {
		n["dpv:hasRecipient"] = refs(ids(a.recipients, func(r Recipient) string { return "#recipient-" + r.Key }))
	}
	return n
}

// iso writes a span as ISO 8601 has it.
func (s Span) iso() string {
	switch {
	case s.Years > 0:
		return fmt.Sprintf("P%dY", s.Years)
	case s.Months > 0:
		return fmt.Sprintf("P%dM", s.Months)
	default:
		return fmt.Sprintf("P%dD", s.Days)
	}
}
