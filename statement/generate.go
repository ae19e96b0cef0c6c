package statement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"loot"
)

// A generatedRule is Cedar text made from declarations, under their clause.
type generatedRule struct {
	text  string
	at    place
	decls []string
}

// generate makes the rules of the tables. What is a table is declared once; the
// rules that follow from it are shown under the clause that declares it.
func (s *Statement) generate(entries []entry) map[loot.Clause][]generatedRule {
	out := map[loot.Clause][]generatedRule{}
	emit := func(at place, text string, decls ...string) {
		out[at.clause] = append(out[at.clause], generatedRule{text: text, at: at, decls: decls})
	}
	where := map[string]place{}
	for _, e := range entries {
		where[e.table+" "+e.id] = e.at
	}
	s.generateOpenings(where, emit)
	s.generateLevels(where, emit)
	s.generateFields(where, emit)
	s.generateSignals(where, emit)
	return out
}

type emitter func(at place, text string, decls ...string)

func list[T ~string](entity string, names []T) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%s::%q", entity, string(n))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote writes text as the value of an annotation.
func quote(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// titles joins titles as "a, b or c".
func titles(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + last + " " + names[len(names)-1]
}

func (s *Statement) purposeTitles(list []loot.Purpose) string {
	var out []string
	for _, id := range list {
		if p, ok := s.Purpose(id); ok {
			out = append(out, "“"+p.Title+"”")
		}
	}
	return titles(out, "or")
}

// generateOpenings lets staff and desks open records for the purposes they are
// there for, and keeps a collection's records to the collection's purposes.
func (s *Statement) generateOpenings(where map[string]place, emit emitter) {
	for _, r := range s.d.roles {
		if len(r.Purposes) == 0 {
			continue
		}
		emit(where["roles "+string(r.ID)], fmt.Sprintf(`@needs1(%s)
@needs2(%s)
permit (principal is Staff, action == Action::"use", resource)
when { principal.roles.contains(Role::%q) }
when { %s.contains(context.purpose) };`,
			quote("the member of staff has the role “"+r.Title+"”"), quote("the purpose is "+s.purposeTitles(r.Purposes)),
			string(r.ID), list("Purpose", r.Purposes)), "roles "+string(r.ID))
	}
	for _, d := range s.d.desks {
		if len(d.Purposes) == 0 {
			continue
		}
		emit(where["desks "+d.Name], fmt.Sprintf(`@needs1(%s)
permit (principal == Desk::%q, action == Action::"use", resource)
when { %s.contains(context.purpose) };`,
			quote("the purpose is "+s.purposeTitles(d.Purposes)), d.Name, list("Purpose", d.Purposes)), "desks "+d.Name)
	}
	for _, c := range s.d.collections {
		if len(c.Purposes) == 0 {
			continue
		}
		emit(where["collections "+string(c.ID)], fmt.Sprintf(`@needs1(%s)
forbid (principal, action in [Action::"collect", Action::"use", Action::"find", Action::"analyse", Action::"transfer", Action::"sponsor"], resource in Collection::%q)
unless { %s.contains(context.purpose) };`,
			quote("the purpose is one that “"+c.Title+"” is for: "+s.purposeTitles(c.Purposes)), string(c.ID), list("Purpose", c.Purposes)),
			"collections "+string(c.ID))
	}
}

// generateLevels asks for approvals before staff open confidential data.
func (s *Statement) generateLevels(where map[string]place, emit emitter) {
	for _, l := range s.d.levels {
		if l.Approvals == 0 {
			continue
		}
		id := fmt.Sprintf("levels %d", l.Level)
		emit(where[id], fmt.Sprintf(`@needs1(%s)
forbid (principal is Staff, action == Action::"use", resource)
when { resource.level == %d }
unless { context.approvals >= %d };`,
			quote(fmt.Sprintf("for data of the level “%s”, %s", l.Title, approvalsWords(l.Approvals))), l.Level, l.Approvals), id)
	}
}

// generateFields lets the declared fields be collected, by collection and
// category, for the purposes they are needed for, by anybody but staff: what a
// colleague may enter for somebody else is a judgment and stands in a rule.
func (s *Statement) generateFields(where map[string]place, emit emitter) {
	type group struct {
		clause     loot.Clause
		collection loot.Collection
		category   loot.Category
	}
	var order []group
	fields := map[group][]FieldDecl{}
	for _, f := range s.d.fields {
		for _, c := range f.Collections {
			g := group{where["fields "+string(f.ID)].clause, c, f.Category}
			if fields[g] == nil {
				order = append(order, g)
			}
			fields[g] = append(fields[g], f)
		}
	}
	for _, g := range order {
		purposes := map[loot.Purpose]bool{}
		var decls []string
		for _, f := range fields[g] {
			decls = append(decls, "fields "+string(f.ID))
			for p := range f.Needed {
				purposes[p] = true
			}
		}
		collection, _ := s.Collection(g.collection)
		category, _ := s.Category(g.category)
		// only what the collection is for as well: the rest could never be permitted
		var allowed []loot.Purpose
		for _, p := range slices.Sorted(maps.Keys(purposes)) {
			if slices.Contains(collection.Purposes, p) {
				allowed = append(allowed, p)
			}
		}
		if len(allowed) == 0 {
			continue
		}
		at := where[decls[0]]
		emit(at, fmt.Sprintf(`@needs1(%s)
@needs2(%s)
@needs3("every field that is asked is needed for this purpose")
@needs4("it is given or found out, not entered by staff")
permit (principal, action == Action::"collect", resource in Collection::%q)
when { resource.category == Category::%q }
when { %s.contains(context.purpose) }
when { resource.purposes.contains(context.purpose) }
unless { principal is Staff };`,
			quote("“"+collection.Title+"” asks for “"+category.Title+"”"), quote("the purpose is "+s.purposeTitles(allowed)),
			string(g.collection), string(g.category), list("Purpose", allowed)), decls...)
	}
}

// generateSignals obeys the signals that the statement says it honours: nothing
// of the register that rests on permission is stored or loaded for such a visitor.
func (s *Statement) generateSignals(where map[string]place, emit emitter) {
	stored := s.permissionPurposes(ids(s.d.items, func(d ItemDecl) string { return string(d.Purpose) }))
	loaded := s.permissionPurposes(ids(s.d.tags, func(d TagDecl) string { return string(d.Purpose) }))
	for _, d := range s.d.signals {
		var regions []string
		for _, r := range s.parsed.front.Regions {
			if d.Honours(r) {
				regions = append(regions, r)
			}
		}
		if len(regions) == 0 {
			continue
		}
		in, words := "", "the visitor's device does not send “"+signalTitles[d.ID]+"”, which we honour"
		if len(regions) < len(s.parsed.front.Regions) {
			in = fmt.Sprintf("when { %s.contains(principal.region) }\n", list("Region", regions))
			words += " in " + titles(regionTitles(regions), "and")
		}
		id := "signals " + d.ID
		head := fmt.Sprintf("@needs1(%s)\nforbid (principal, action == Action::%%q, resource)\nwhen { principal.signals.contains(Signal::%q) }\n%s", quote(words), d.ID, in)
		if len(stored) > 0 {
			emit(where[id], fmt.Sprintf(head+"when { %s.contains(resource.purpose) };", "store", list("Purpose", stored)), id)
		}
		if len(loaded) > 0 {
			emit(where[id], fmt.Sprintf(head+"when { %s.contains(resource.purpose) }\nunless { context.contextual };", "load", list("Purpose", loaded)), id)
		}
	}
}

func regionTitles(regions []string) []string {
	out := make([]string, len(regions))
	for i, r := range regions {
		out[i] = regionWords(r)
	}
	return out
}

// permissionPurposes are those of the purposes that rest on permission.
func (s *Statement) permissionPurposes(of []string) []loot.Purpose {
	var out []loot.Purpose
	for _, p := range s.d.purposes {
		if p.Basis == "permission" && slices.Contains(of, string(p.ID)) {
			out = append(out, p.ID)
		}
	}
	return out
}

var signalTitles = map[string]string{
	"dnt": "Do Not Track", "gpc": "Global Privacy Control", "lat": "limit ad tracking",
}
