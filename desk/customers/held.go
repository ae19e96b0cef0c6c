package customers

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// A heldField is everything that the portal shows of one field.
type heldField struct {
	Field   loot.Field
	Title   string
	Lines   []string // the value; none: nothing is held
	Without string   // what cannot be done as long as it is empty
	State   web.Badge
	Origin  []web.Fact // source, time, version
	Uses    []use
	Openers []opener
	Kept    []string
	Must    bool // a running service hangs on it
	Edit    string
	Ask     []web.Action // for a check
	Waits   *web.Alert   // another value that waits to be confirmed; nil: none
	For     string       // the purposes that stand, in a sentence
	Earlier []earlier    // latest first
}

// An earlier value was corrected or removed, and is held on.
type earlier struct {
	Lines  []string
	Origin []web.Fact
	Kept   string
}

// Former says in a line how many earlier values can be unfolded.
func (f heldField) Former() string {
	return loot.Plural(len(f.Earlier), "earlier value", "earlier values")
}

// Summary says in a line what can be unfolded.
func (f heldField) Summary() string {
	if n := len(f.Openers); n > 0 {
		return "Who may open it (" + strconv.Itoa(n) + "), what for, how long it stays"
	}
	return "Nobody but you may open it; what it is for, how long it stays"
}

// A use is one purpose of a field, and whether it stands at present.
type use struct {
	Title   string
	Why     string // why it stands, or why it does not
	Without string
	Stands  bool
	Clause  loot.Clause
}

// An opener is somebody who may open a field, by the statement.
type opener struct {
	Who  string
	Icon string
	For  string // purposes
	Only string // a further condition
}

func (o opener) String() string {
	s := o.Who + ", for " + o.For
	if o.Only != "" {
		s += "; " + o.Only
	}
	return s
}

// A heldGroup is the fields of one category.
type heldGroup struct {
	Category statement.Category
	Level    statement.Level
	Fields   []heldField
	Empty    []heldField // asked and not given
}

// Mask says in words what staff see at first.
func (g heldGroup) Mask() string {
	var words string
	switch g.Level.Mask {
	case "partly":
		words = "Staff see it partly covered at first."
	case "fully":
		words = "Staff see it covered at first."
	default:
		words = "Staff see it as it is."
	}
	if n := g.Level.Approvals; n > 0 {
		words += " They open it only after " + people(n) + " agreed."
	}
	return words
}

func people(n int) string {
	if n == 1 {
		return "one other person"
	}
	return strconv.Itoa(n) + " other people"
}

type heldView struct {
	web.View
	Stats    []web.Stat
	Groups   []heldGroup
	Services []serviceRow
	Opened   []web.Day // the latest entries of the timeline
	Erasure  *web.Alert
	Frozen   *web.Alert
}

type serviceRow struct {
	Service
	State web.Badge
}

// held shows everything that is held about whoever asks.
func (c *customers) held(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	var rec record
	var services []Service
	var events []web.Event
	var waiting *web.Alert
	if err := c.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		if rec, err = c.openWhole(ctx, tx, s, me); err != nil {
			return err
		}
		if services, err = c.services(ctx, tx, rec.Subject); err != nil {
			return err
		}
		if waiting, err = c.waiting(ctx, tx, rec.Subject); err != nil {
			return err
		}
		if rec.checks, err = c.checks(ctx, tx, rec.Subject); err != nil {
			return err
		}
		events, err = c.byOthers(ctx, tx, s, rec.Subject, latest)
		return err
	}); err != nil {
		return err
	}
	v := heldView{View: web.ViewOf(r, "What we hold about you"), Groups: c.groups(s, rec), Erasure: waiting, Frozen: frozen(rec.person)}
	v.Lead = "All of it: what it says, what it is for, who may open it, and how long it stays."
	v.Actions = []web.Action{{Label: "Take a copy", Icon: "download", Href: "/portal/rights#copy"}}
	if c.needs.Checks != nil {
		v.Actions = append(v.Actions, web.Action{Label: "Checks and answers", Icon: "badge-check", Href: "/portal/checks"})
	}
	for _, one := range services {
		v.Services = append(v.Services, serviceRow{one, stateOf(one)})
	}
	v.Opened = web.Days(events)
	v.Stats = heldStats(v.Groups, services, rec.person, offers(s))
	return heldPage.Render(w, r, http.StatusOK, v)
}

// frozen says that a whole record is left alone; nil: it is not.
func frozen(p gate.PersonView) *web.Alert {
	for _, fields := range p.Frozen {
		if len(fields) == 0 {
			return &web.Alert{
				Tone: web.Info, Title: "Your record is frozen.", Text: "It is kept and left alone, but for what stands under “Your rights”.",
				Actions: []web.Action{{Label: "See what goes on, or end it", Icon: "lock", Href: "/portal/rights", Small: true}},
			}
		}
	}
	return nil
}

// latest is how many entries of the timeline stand beside the record.
const latest = 5

func stateOf(s Service) web.Badge {
	if s.Ended.IsZero() {
		return web.Badge{Tone: web.Good, Text: "runs"}
	}
	return web.Badge{Text: "ended"}
}

func heldStats(groups []heldGroup, services []Service, p gate.PersonView, offered []statement.Offer) []web.Stat {
	held, asked, running, on, assumed := 0, 0, 0, 0, 0
	for _, g := range groups {
		held += len(g.Fields)
		asked += len(g.Fields) + len(g.Empty)
	}
	for _, s := range services {
		if s.Ended.IsZero() {
			running++
		}
	}
	for _, o := range offered {
		if p.Permits(o) {
			on++
		}
		if p.Assumes(o) {
			assumed++
		}
	}
	confirmed := web.Stat{Label: "Address", Value: "Confirmed", Icon: "mail-check", Tone: web.Good}
	if !p.Confirmed {
		confirmed = web.Stat{Label: "Address", Value: "Not confirmed", Icon: "mail", Tone: web.Warn, Note: "Sign in once with a link"}
	}
	permissions := web.Stat{Label: "Permissions given", Value: strconv.Itoa(on), Note: "of " + strconv.Itoa(len(offered)) + " offered", Icon: "sliders-horizontal", Href: "/portal/permissions"}
	if assumed > 0 {
		permissions.Label, permissions.Note = "Permissions on", permissions.Note+", "+strconv.Itoa(assumed)+" by the statement"
	}
	return []web.Stat{
		{Label: "Details held", Value: strconv.Itoa(held), Note: "of " + strconv.Itoa(asked) + " that the statement knows", Icon: "id-card"},
		{Label: "Services that run", Value: strconv.Itoa(running), Icon: "server"},
		permissions,
		confirmed,
	}
}

// A record is what is held about one person, as it was opened.
type record struct {
	vault.Whole
	person  gate.PersonView
	checks  map[loot.Field]Check
	running []string // services that run, by their id in the statement
	gone    []loot.Field
	now     time.Time
}

// openOwn opens a person's own record for themself, as it stands.
func (c *customers) openOwn(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor) (record, error) {
	return c.recordOf(ctx, tx, s, me, func(p gate.Permit) (w vault.Whole, err error) {
		w.Opened, err = c.Vault.OpenRecord(ctx, tx, p)
		return w, err
	})
}

// openWhole opens everything that is held about a person for themself, what was
// corrected or removed too.
func (c *customers) openWhole(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor) (record, error) {
	return c.recordOf(ctx, tx, s, me, func(p gate.Permit) (vault.Whole, error) { return c.Vault.OpenWhole(ctx, tx, p) })
}

func (c *customers) recordOf(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor, open func(gate.Permit) (vault.Whole, error)) (record, error) {
	rec := record{now: c.Now()}
	p, err := c.Gate.Decide(ctx, tx, own(me, loot.Export, purposeOf(s), fieldIDs(s)))
	if err != nil {
		return rec, err
	}
	if rec.Whole, err = open(p); err != nil {
		return rec, err
	}
	if rec.person, err = c.Gate.Person(ctx, tx, rec.Subject); err != nil {
		return rec, err
	}
	if rec.gone, err = c.gone(ctx, tx, rec.Subject); err != nil {
		return rec, err
	}
	for _, f := range rec.gone {
		delete(rec.Values, f)
		delete(rec.Former, f)
	}
	services, err := c.services(ctx, tx, rec.Subject)
	for _, one := range services {
		if one.Ended.IsZero() {
			rec.running = append(rec.running, one.Service)
		}
	}
	return rec, err
}

// purposeOf returns the purpose under which a person sees and erases their own
// record, as every decision names one: reaching it or, where the statement does
// not speak of that, the first of the collection.
func purposeOf(s *statement.Statement) loot.Purpose {
	d, _ := s.Collection(collection)
	switch {
	case slices.Contains(d.Purposes, forAccess):
		return forAccess
	case len(d.Purposes) > 0:
		return d.Purposes[0]
	}
	return ""
}

func fieldIDs(s *statement.Statement) []loot.Field {
	var ids []loot.Field
	for _, d := range s.Fields(collection) {
		ids = append(ids, d.ID)
	}
	return ids
}

// groups arranges a record by category, in the order of the statement.
func (c *customers) groups(s *statement.Statement, rec record) []heldGroup {
	var groups []heldGroup
	for _, d := range s.Fields(collection) {
		value, held := rec.Values[d.ID]
		former := rec.Former[d.ID]
		if slices.Contains(rec.gone, d.ID) {
			continue
		}
		if !held && len(former) == 0 && slices.Contains(c.needs.Written, d.ID) {
			continue // the program will write it, nobody asks for it
		}
		at := slices.IndexFunc(groups, func(g heldGroup) bool { return g.Category.ID == d.Category })
		if at < 0 {
			g := heldGroup{}
			g.Category, _ = s.Category(d.Category)
			g.Level, _ = s.Level(g.Category.Level)
			groups = append(groups, g)
			at = len(groups) - 1
		}
		f := describe(s, d, rec, groups[at].Level)
		f.Must = slices.ContainsFunc(rec.running, func(id string) bool { return compulsory(d, id) })
		if !slices.Contains(c.needs.Written, d.ID) {
			f.Edit = "/portal/correct/" + string(d.ID)
		}
		if p, ok := rec.Waiting[d.ID]; ok {
			f.Waits = c.waits(p)
		}
		for _, one := range former {
			f.Earlier = append(f.Earlier, c.earlier(d, value, one))
		}
		if !held {
			if needs := needsOf(s, d, rec.person.Ordered, nil); len(needs) > 0 {
				f.Without = needs[0].Without
			}
			groups[at].Empty = append(groups[at].Empty, f)
			continue
		}
		//nolint:forbidigo // the person sees their own record
		f.Lines = strings.Split(desk.Readable(d, value.Reveal()), "\n")
		f.State = desk.StateBadge(value.State, "not checked")
		f.Origin = append(c.origin(value), rec.checks[d.ID].Facts...)
		f.Ask = rec.checks[d.ID].Actions
		if at := rec.person.ConfirmedAt; d.ID == addressField(s) && value.State == vault.Verified && !at.IsZero() {
			f.Origin = append(f.Origin, web.Fact{Term: "Verified", Value: "by the link in a letter to it, " + at.Format("2 Jan 2006")})
		}
		groups[at].Fields = append(groups[at].Fields, f)
	}
	return groups
}

func (c *customers) earlier(d statement.FieldDecl, now vault.Value, f vault.Former) earlier {
	return earlier{
		Lines:  strings.Split(desk.Readable(d, f.Reveal()), "\n"), //nolint:forbidigo // the person sees their own record
		Origin: append(c.origin(f.Value), web.Fact{Term: "Replaced", Value: f.Replaced.UTC().Format("2 Jan 2006, 15:04 MST")}),
		Kept:   keptFormer(now),
	}
}

// keptFormer says how long an earlier value stays: it goes with the value that
// counts now or, where there is none, with the record.
func keptFormer(now vault.Value) string {
	switch {
	case now.At.IsZero():
		return "Sealed, until your record is erased."
	case now.Until.IsZero():
		return "Sealed, as long as the value that counts now."
	}
	return "Sealed. " + keptUntil(now)
}

// keptUntil says until when a value is kept that has a date.
func keptUntil(v vault.Value) string {
	return "Kept until " + v.Until.UTC().Format("2 January 2006") + ", then erased as soon as nothing holds it any longer."
}

func (c *customers) origin(v vault.Value) []web.Fact {
	facts := []web.Fact{{Term: "From", Value: v.Source}, {Term: "On", Value: v.At.UTC().Format("2 Jan 2006, 15:04 MST")}}
	if s := c.version(v.Statement); s != nil {
		facts = append(facts, web.Fact{Term: "Statement", Value: s.Front().Version})
	}
	return facts
}

// describe says what a field is for, who may open it and how long it stays.
func describe(s *statement.Statement, d statement.FieldDecl, rec record, level statement.Level) heldField {
	f := heldField{Field: d.ID, Title: d.Title}
	needed, standing := map[loot.Purpose]string{}, map[loot.Purpose]string{}
	for _, n := range needsOf(s, d, rec.person.Ordered, offers(s)) {
		p, _ := s.Purpose(n.Purpose)
		needed[p.ID] = n.Title
		u := use{Title: n.Title, Without: n.Without, Clause: decidedBy(s, d, p, rec)}
		u.Why, u.Stands = whyStands(s, p, rec)
		if u.Stands || p.Basis == "interest" {
			standing[p.ID] = n.Title
		}
		f.Uses = append(f.Uses, u)
	}
	var stand []string
	for _, u := range f.Uses {
		if u.Stands {
			stand = append(stand, loot.LowerFirst(u.Title))
		}
	}
	if len(stand) > 0 {
		f.For = "For " + list(stand) + "."
	}
	slices.SortStableFunc(f.Uses, func(a, b use) int { return rank(b.Stands) - rank(a.Stands) })
	f.Openers = openers(s, needed, standing, level, rec.person)
	f.Kept = kept(s, d, rec)
	return f
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// whyStands says whether a purpose stands for a person, and why.
func whyStands(s *statement.Statement, p statement.Purpose, rec record) (string, bool) {
	switch {
	case p.ID == forAccess:
		return "A law obliges us, as long as we hold anything about you: " + p.Law + ".", true
	case slices.Contains(rec.person.Ordered, p.ID):
		return "You ordered a service that needs it.", true
	case slices.Contains(rec.person.Duties, p.ID):
		return "A law obliges us: " + p.Law + ".", true
	case slices.Contains(rec.person.Assumed, p.ID):
		return "It is on where you live, until you switch it off.", true
	case slices.Contains(rec.person.Permissions[self], p.ID):
		return "You permit it.", true
	case p.Basis == "interest":
		return "Only while a case is open, and it is named.", false
	}
	for key, purposes := range rec.person.Permissions {
		if r, ok := s.Recipient(key); ok && slices.Contains(purposes, p.ID) {
			return "You permit it to " + r.Title + ".", true
		}
	}
	if p.Basis == "permission" {
		return "Off: you have not permitted it.", false
	}
	return "Not at present: nothing that runs needs it.", false
}

// decidedBy returns the clause that decides, as things stand, whether a field
// is used for a purpose: that which permits or refuses it to whoever here has
// the purpose, or, where only others have it, that which lets it be permitted.
func decidedBy(s *statement.Statement, d statement.FieldDecl, p statement.Purpose, rec record) loot.Clause {
	in := statement.Input{
		Action:  loot.Use,
		Context: statement.Context{Purpose: p.ID, Now: rec.now, Statement: s.Hash()},
		Person: statement.Person{
			Permissions: rec.person.Permissions, Objected: rec.person.Objected, Ordered: rec.person.Ordered, Duties: rec.person.Duties, Confirmed: rec.person.Confirmed,
		},
		Record: statement.Record{
			Collection: collection, Category: d.Category, Level: levelOf(s, d).Level, Purposes: slices.Sorted(maps.Keys(d.Needed)), Identifying: d.Identifying,
		},
	}
	for _, one := range s.Desks() {
		if slices.Contains(one.Purposes, p.ID) {
			in.Actor = statement.Actor{Kind: loot.Desk, Desk: one.Name}
		}
	}
	for _, r := range s.Roles() {
		if slices.Contains(r.Purposes, p.ID) {
			in.Actor = statement.Actor{Kind: loot.Staff, Roles: []loot.Role{r.ID}, Undertaking: rec.now}
		}
	}
	if in.Actor.Kind != "" {
		if v := s.Decide(&in); len(v.Clauses) > 0 {
			return v.Clauses[0]
		}
	}
	for _, o := range offers(s) {
		if o.Purpose == p.ID {
			return o.Clause
		}
	}
	return p.Clause
}

// openers lists who may open a field: for the purposes that stand roles of staff and then
// parts of the program, and then those who receive it for any that it is needed for, as no
// transfer waits for a service to run.
func openers(s *statement.Statement, needed, standing map[loot.Purpose]string, level statement.Level, p gate.PersonView) []opener {
	var out []opener
	titles := func(purposes []loot.Purpose, of map[loot.Purpose]string) (list []string, onlyCase bool) {
		onlyCase = true
		for _, id := range purposes {
			if t, ok := of[id]; ok {
				list = append(list, loot.LowerFirst(t))
				if d, _ := s.Purpose(id); d.Basis != "interest" {
					onlyCase = false
				}
			}
		}
		return list, onlyCase
	}
	for _, r := range s.Roles() {
		list, onlyCase := titles(r.Purposes, standing)
		if len(list) == 0 {
			continue
		}
		o := opener{Who: r.Title, Icon: "user-round", For: strings.Join(list, ", ")}
		var only []string
		if onlyCase {
			only = append(only, "while an open case is named")
		}
		if level.Approvals > 0 {
			only = append(only, "after "+people(level.Approvals)+" agreed")
		}
		o.Only = strings.Join(only, ", ")
		out = append(out, o)
	}
	for _, d := range s.Desks() {
		if list, _ := titles(d.Purposes, standing); len(list) > 0 {
			out = append(out, opener{Who: d.Title, Icon: "cog", For: strings.Join(list, ", ")})
		}
	}
	for _, r := range s.Recipients() {
		cooperates, permitted := p.Receives(r)
		if list, _ := titles(permitted, needed); len(list) > 0 {
			out = append(out, opener{Who: r.Title, Icon: "arrow-up-right", For: strings.Join(list, ", "), Only: "under its agreement"})
		}
		if list, _ := titles(cooperates, needed); len(list) > 0 {
			out = append(out, opener{
				Who: r.Title, Icon: "arrow-up-right", For: strings.Join(list, ", "),
				Only: "under its agreement, and once you were told of it and the time to object is over",
			})
		}
	}
	return out
}

// kept says how long a field stays, purpose by purpose.
func kept(s *statement.Statement, d statement.FieldDecl, rec record) []string {
	var out []string
	var after statement.Purpose
	for _, p := range s.Purposes() {
		if _, ok := d.Needed[p.ID]; !ok {
			continue
		}
		if slices.Contains(rec.person.Ordered, p.ID) || slices.Contains(rec.person.Duties, p.ID) {
			if after.ID == "" || p.Retain > after.Retain {
				after = p
			}
		}
		if permitted(rec.person, p.ID) && !slices.Contains(rec.person.Assumed, p.ID) {
			out = append(out, "For “"+loot.LowerFirst(p.Title)+"”: until you switch it off.")
		}
	}
	if v, ok := rec.Values[d.ID]; ok && !v.Until.IsZero() {
		return []string{keptUntil(v)}
	}
	switch {
	case after.ID == "":
	case len(rec.running) > 0:
		out = append([]string{"While your services run, and " + after.Keep.Words() + " after the last one ended, for “" + loot.LowerFirst(after.Title) + "”."}, out...)
	default:
		out = append([]string{after.Keep.Words() + " after your last service ended, for “" + loot.LowerFirst(after.Title) + "”."}, out...)
	}
	if len(out) == 0 {
		out = []string{"As long as your record; nothing needs it at present, and you can remove it."}
	}
	return out
}

// permitted reports whether the person permits a purpose to anybody.
func permitted(v gate.PersonView, p loot.Purpose) bool {
	for _, list := range v.Permissions {
		if slices.Contains(list, p) {
			return true
		}
	}
	return false
}
