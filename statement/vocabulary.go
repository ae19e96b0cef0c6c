package statement

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"loot"
)

//go:embed schema.cedarschema
var schemaTemplate string

// undeclared is the purpose of an item or tag that stands in no register.
// Nothing declares it, so no rule can permit it.
const undeclared = "undeclared"

// schemaLists is the line of the template that the lists replace.
const schemaLists = "// %Purpose% %Category% %Collection% %Role% %Desk% %Region% %Topic% %Signal% %Kind%\n"

// A vocabulary is the Cedar schema of one statement with its closed lists.
// cedar-go takes any id of an enumerated type, so membership is checked here.
type vocabulary struct {
	text    string
	schema  *resolved.Schema
	check   *validate.Validator
	members map[types.EntityType]map[types.String]types.EntityUID
}

func ids[T any](list []T, id func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = id(v)
	}
	return out
}

func newVocabulary(d *declarations, front *Front) (*vocabulary, error) {
	lists := []struct {
		name string
		ids  []string
	}{
		{"Purpose", append(ids(d.purposes, func(p Purpose) string { return string(p.ID) }), undeclared)},
		{"Category", ids(d.categories, func(c Category) string { return string(c.ID) })},
		{"Collection", ids(d.collections, func(c CollectionDecl) string { return string(c.ID) })},
		{"Role", ids(d.roles, func(r RoleDecl) string { return string(r.ID) })},
		{"Desk", ids(d.desks, func(k DeskDecl) string { return k.Name })},
		{"Region", front.Regions},
		{"Topic", ids(d.topics, func(t TopicDecl) string { return t.ID })},
		{"Signal", signalNames},
		{"Kind", itemKinds},
	}
	v := &vocabulary{members: map[types.EntityType]map[types.String]types.EntityUID{}}
	var b strings.Builder
	for _, l := range lists {
		t := types.EntityType(l.name)
		v.members[t] = map[types.String]types.EntityUID{}
		quoted := make([]string, len(l.ids))
		for i, id := range l.ids {
			quoted[i] = fmt.Sprintf("%q", id)
			v.members[t][types.String(id)] = types.NewEntityUID(t, types.String(id))
		}
		if len(l.ids) == 0 {
			fmt.Fprintf(&b, "entity %s; // none declared\n", l.name)
			continue
		}
		fmt.Fprintf(&b, "entity %s enum [%s];\n", l.name, strings.Join(quoted, ", "))
	}
	v.text = strings.Replace(schemaTemplate, schemaLists, b.String(), 1)
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(v.text)); err != nil {
		return nil, fmt.Errorf("statement: schema: %w", err)
	}
	r, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("statement: schema: %w", err)
	}
	v.schema, v.check = r, validate.New(r, validate.WithStrict())
	return v, nil
}

// member returns the entity of a closed list, and false if it is not on it.
func (v *vocabulary) member(t types.EntityType, id string) (types.EntityUID, bool) {
	uid, ok := v.members[t][types.String(id)]
	return uid, ok
}

// actionsOf are the actions a Cedar rule can speak of, in their usual order.
var actionsOf = []loot.Action{
	loot.Collect, loot.Use, loot.Find, loot.Analyse, loot.Transfer, loot.Sponsor, loot.Answer,
	loot.Contact, loot.Store, loot.Load, loot.Export, loot.Erase,
}

// entityTypes maps a kind of actor to its entity type.
var entityTypes = map[loot.ActorKind]types.EntityType{
	loot.Staff: "Staff", loot.Desk: "Desk", loot.Person: "Person", loot.Partner: "Partner", loot.Authority: "Authority",
	loot.Court: "Court", loot.Sponsorer: "Sponsor", loot.Visitor: "Visitor",
}

// actorKinds are the kinds of actor in their usual order.
var actorKinds = []loot.ActorKind{
	loot.Staff, loot.Desk, loot.Person, loot.Partner, loot.Sponsorer, loot.Authority, loot.Court, loot.Visitor,
}

// kindsFor returns the kinds of actor that can do the action at all.
func (v *vocabulary) kindsFor(a loot.Action) []loot.ActorKind {
	def, ok := v.schema.Actions[actionUID(a)]
	if !ok || def.AppliesTo == nil {
		return nil
	}
	var out []loot.ActorKind
	for _, k := range actorKinds {
		if slices.Contains(def.AppliesTo.Principals, entityTypes[k]) {
			out = append(out, k)
		}
	}
	return out
}

func actionUID(a loot.Action) types.EntityUID {
	return types.NewEntityUID("Action", types.String(a))
}
