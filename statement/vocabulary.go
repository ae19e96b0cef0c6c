package statement

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

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
	members [listCount]map[string]memberOf
	sets    setCache
}

// A closed is a closed list of names that a statement declares.
type closed uint8

// The closed lists, in the order of listNames.
const (
	purposeList closed = iota
	categoryList
	collectionList
	roleList
	deskList
	regionList
	topicList
	signalList
	itemKindList
	listCount
)

var listNames = [listCount]types.EntityType{"Purpose", "Category", "Collection", "Role", "Desk", "Region", "Topic", "Signal", "Kind"}

// memberOf is a member of a closed list, ready to be used as a value.
type memberOf struct {
	uid   types.EntityUID
	value types.Value
	alone types.Value // the set of it alone
}

func ids[T any](list []T, id func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = id(v)
	}
	return out
}

func newVocabulary(d *declarations, front *Front) (*vocabulary, error) {
	lists := [listCount][]string{
		purposeList:    append(ids(d.purposes, func(p Purpose) string { return string(p.ID) }), undeclared),
		categoryList:   ids(d.categories, func(c Category) string { return string(c.ID) }),
		collectionList: ids(d.collections, func(c CollectionDecl) string { return string(c.ID) }),
		roleList:       ids(d.roles, func(r RoleDecl) string { return string(r.ID) }),
		deskList:       ids(d.desks, func(k DeskDecl) string { return k.Name }),
		regionList:     front.Regions,
		topicList:      ids(d.topics, func(t TopicDecl) string { return t.ID }),
		signalList:     signalNames,
		itemKindList:   itemKinds,
	}
	for l, t := range listNames {
		// what is declared wrongly is reported there and not where it is used
		lists[l] = append(slices.Clip(lists[l]), d.broken[tableOf[t]]...)
	}
	v := &vocabulary{}
	var b strings.Builder
	for l, names := range lists {
		t := listNames[l]
		v.members[l] = make(map[string]memberOf, len(names))
		quoted := make([]string, len(names))
		for i, id := range names {
			quoted[i] = fmt.Sprintf("%q", id)
			uid := types.NewEntityUID(t, types.String(id))
			v.members[l][id] = memberOf{uid: uid, value: uid, alone: types.NewSet(uid)}
		}
		if len(names) == 0 {
			fmt.Fprintf(&b, "entity %s; // none declared\n", t)
			continue
		}
		fmt.Fprintf(&b, "entity %s enum [%s];\n", t, strings.Join(quoted, ", "))
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

// member returns a member of a closed list, and false if it is not on it.
func (v *vocabulary) member(l closed, id string) (memberOf, bool) {
	m, ok := v.members[l][id]
	return m, ok
}

// setCache keeps the sets that were built last: the same few combinations of
// purposes come again and again, and building one costs more than to find it.
type setCache [512]atomic.Pointer[cachedSet]

type cachedSet struct {
	list  closed
	names []string
	value types.Value
}

var emptySet types.Value = types.Set{}

// set returns the members of a closed list that the statement has as a value.
func set[T ~string](v *vocabulary, l closed, names []T) types.Value {
	if len(names) == 0 {
		return emptySet
	}
	if len(names) == 1 {
		if m, ok := v.members[l][string(names[0])]; ok {
			return m.alone
		}
		return emptySet
	}
	h := uint32(2166136261) ^ uint32(l)
	for _, n := range names {
		for i := range len(n) {
			h = (h ^ uint32(n[i])) * 16777619
		}
		h = (h ^ 0xff) * 16777619
	}
	at := &v.sets[h%uint32(len(v.sets))]
	if c := at.Load(); c != nil && c.list == l && len(c.names) == len(names) {
		same := true
		for i, n := range names {
			same = same && c.names[i] == string(n)
		}
		if same {
			return c.value
		}
	}
	c := &cachedSet{list: l, names: make([]string, len(names))}
	values := make([]types.Value, 0, len(names))
	for i, n := range names {
		c.names[i] = string(n)
		if m, ok := v.members[l][string(n)]; ok {
			values = append(values, m.value)
		}
	}
	c.value = types.NewSet(values...)
	at.Store(c)
	return c.value
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
