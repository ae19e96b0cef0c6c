package staff

import (
	"cmp"
	"context"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
	"loot/web/chart"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	listPage        = web.NewPage[listView](pageFiles, "pages/list.html")
	newPage         = web.NewPage[newView](pageFiles, "pages/new.html")
	memberPage      = web.NewPage[memberView](pageFiles, "pages/member.html")
	undertakingPage = web.NewPage[undertakingView](pageFiles, "pages/undertaking.html")
	reviewsPage     = web.NewPage[reviewView](pageFiles, "pages/review.html")
	openingsPage    = web.NewPage[openingsView](pageFiles, "pages/openings.html")
)

var reasonField = web.Field{Name: "reason", Label: "Why?", Hint: "It is kept, sealed, with the ledger entry.", Type: "textarea", Rows: 2, Required: true, Plain: true, MaxLen: 300, Wide: true}

// roleOptions are the roles of the statement in force.
func (d *Desk) roleOptions() []web.Option {
	s, ok := d.inForce()
	if !ok {
		return nil
	}
	var out []web.Option
	for _, role := range s.Roles() {
		o := web.Option{Value: string(role.ID), Label: role.Title}
		switch {
		case role.Administers:
			o.Hint = "Looks after accounts, and opens no records."
		case role.Approves:
			o.Hint = "Approves what needs a second person. "
		}
		if len(role.Purposes) > 0 {
			o.Hint += "Opens records for: "
			for i, id := range role.Purposes {
				if i > 0 {
					o.Hint += ", "
				}
				if p, ok := s.Purpose(id); ok {
					o.Hint += p.Title
				}
			}
			o.Hint += "."
		}
		out = append(out, o)
	}
	return out
}

func (d *Desk) newFields() web.Fields {
	return web.Fields{
		{Name: "name", Label: "Name", Required: true, Plain: true, MaxLen: 100, Hint: "As it should stand beside what they do."},
		{Name: "email", Label: "E-mail address", Type: "email", Required: true, Plain: true, MaxLen: 254, Hint: "The invitation goes there."},
		{Name: "roles", Label: "Roles", Type: "checkboxes", Options: d.roleOptions(), Required: true, Plain: true, Wide: true},
		reasonField,
	}
}

func (d *Desk) roleFields(have []loot.Role) web.Fields {
	roles := web.Field{Name: "roles", Label: "Roles", Type: "checkboxes", Options: d.roleOptions(), Plain: true, Wide: true}
	for _, r := range have {
		roles.Values = append(roles.Values, string(r))
	}
	return web.Fields{roles, reasonField}
}

// stateBadge shows where an account stands.
func stateBadge(s State) web.Badge {
	switch s {
	case Proposed:
		return web.Badge{Tone: web.Info, Text: "Waits for approval", Icon: "clock"}
	case Invited:
		return web.Badge{Tone: web.Info, Text: "Invited", Icon: "mail"}
	case Active:
		return web.Badge{Tone: web.Good, Text: "Active", Icon: "check"}
	case Suspended:
		return web.Badge{Tone: web.Warn, Text: "Suspended", Icon: "circle-pause"}
	case Removed:
		return web.Badge{Text: "Removed", Icon: "user-x"}
	}
	return web.Badge{Text: string(s)}
}

type listView struct {
	web.View
	Admin bool // sees more, and may change it
	Solo  bool
	Rows  []memberRow
	Gone  int
}

type memberRow struct {
	Member
	Titles string
	Badge  web.Badge
	Signed bool
	Href   string
}

// renderList shows colleagues: everybody their names and roles, those who
// administer or approve the rest too.
func (d *Desk) renderList(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	v := listView{View: web.ViewOf(r, "Colleagues"), Admin: d.has(who.Roles, administers) || d.has(who.Roles, approves)}
	v.Lead = "Who works here, and in which roles. What a role may open, the statement says."
	if d.has(who.Roles, administers) {
		v.Actions = []web.Action{{Label: "Invite somebody", Icon: "user-plus", Href: "/console/staff/new", Primary: true}}
	}
	s, _ := d.inForce()
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, err := d.members(ctx, tx)
		if err != nil {
			return err
		}
		v.Rows, v.Gone = nil, 0
		for _, m := range list {
			if m.State == Removed {
				v.Gone++
			}
			if m.State == Removed || !v.Admin && m.State != Active {
				continue
			}
			row := memberRow{Member: m, Titles: d.roleTitles(m.Roles), Badge: stateBadge(m.State)}
			if v.Admin {
				row.Href = "/console/staff/" + m.ID
				if s != nil {
					at, err := d.signedAt(ctx, tx, m.ID, d.text(s).Hash)
					if err != nil {
						return err
					}
					row.Signed = !at.IsZero()
				}
			}
			v.Rows = append(v.Rows, row)
		}
		slices.SortStableFunc(v.Rows, func(a, b memberRow) int {
			return cmp.Or(cmp.Compare(stateOrder(a.State), stateOrder(b.State)), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
		})
		v.Solo, err = d.Solo(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	return listPage.Render(w, r, http.StatusOK, v)
}

// stateOrder puts what waits for something first.
func stateOrder(s State) int {
	return slices.Index([]State{Proposed, Invited, Suspended, Active, Removed}, s)
}

type newView struct {
	web.View
	Fields   web.Fields
	Problems *web.Problems
	Needed   string
}

func (d *Desk) renderNew(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	if err := d.need(who, administers, "make accounts"); err != nil {
		return err
	}
	v := newView{View: web.ViewOf(r, "Invite somebody"), Fields: d.newFields().With(in, wrong)}
	v.Again = web.SignInAgain(r, d.kit.Now(), "Inviting somebody")
	v.Crumbs = []web.Crumb{{Label: "Colleagues", Href: "/console/staff"}}
	v.Problems = web.ProblemsOf(wrong, v.Fields)
	n, err := d.neededBy(ctx, who.ID)
	if err != nil {
		return err
	}
	v.Needed = neededWords(n)
	return newPage.Render(w, r, status, v)
}

func (d *Desk) neededBy(ctx context.Context, id string) (n int, err error) {
	err = d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = d.needed(ctx, tx, id)
		return err
	})
	return n, err
}

func neededWords(n int) string {
	if n == 0 {
		return "Nobody else here can approve yet, so this happens at once. The ledger and the public page say that it did."
	}
	return people(n) + " to approve it first."
}

type memberView struct {
	web.View
	Member   Member
	Badge    web.Badge
	Facts    []web.Fact
	Signed   []signature
	Current  string // hash of the text that is to be signed now
	Admin    bool
	Self     bool
	Fields   web.Fields
	Problems *web.Problems
	Needed   string
	Deeds    []deed
}

// A deed is something that an administrator can do with an account.
type deed struct {
	Title, Text, Label, Href, Icon string
	Danger                         bool
	Dialog                         web.Dialog
}

func (d *Desk) renderMember(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	id := r.PathValue("id")
	if who.ID != id && !d.has(who.Roles, administers) && !d.has(who.Roles, approves) {
		return loot.Errorf(loot.Denied, "Only those who administer accounts or approve see more about a colleague.")
	}
	v := memberView{View: web.ViewOf(r, "Colleague"), Self: who.ID == id, Admin: d.has(who.Roles, administers)}
	if v.Admin {
		v.Again = web.SignInAgain(r, d.kit.Now(), "Changing an account")
	}
	ways := ""
	var n int
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		m, ok, err := d.Member(ctx, tx, id)
		if err != nil {
			return err
		}
		if !ok {
			return errNobody
		}
		v.Member = m
		if v.Signed, err = d.signatures(ctx, tx, id); err != nil {
			return err
		}
		if n, err = d.needed(ctx, tx, who.ID); err != nil {
			return err
		}
		ways, err = d.signIn.Ways(ctx, tx, id)
		return err
	}); err != nil {
		return err
	}
	m := v.Member
	v.Title, v.Badge = m.Name, stateBadge(m.State)
	v.Crumbs = []web.Crumb{{Label: "Colleagues", Href: "/console/staff"}}
	if s, ok := d.inForce(); ok {
		v.Current = d.text(s).Hash
	}
	v.Facts = []web.Fact{
		{Term: "State", Value: " ", Badge: &v.Badge},
		{Term: "E-mail", Value: m.Email, Mail: true},
		{Term: "Roles", Value: d.roleTitles(m.Roles)},
		{Term: "Signs in by", Value: ways},
		{Term: "Account since", Value: m.Made.Format("2 Jan 2006")},
		{Term: "Roles since", Value: m.Since.Format("2 Jan 2006, 15:04 MST"), Note: "An account approves nothing for 72 hours after it was made or changed."},
	}
	if v.Admin && m.State != Removed && m.State != Proposed {
		v.Fields = d.roleFields(m.Roles).With(in, wrong)
		v.Problems = web.ProblemsOf(wrong, v.Fields)
		v.Needed = neededWords(n)
		v.Deeds = deeds(m, who.ID, neededWords(n))
	}
	return memberPage.Render(w, r, status, v)
}

// deeds are what an administrator can do with an account as it stands.
func deeds(m Member, by, needed string) []deed {
	root := "/console/staff/" + m.ID
	var out []deed
	add := func(path, title, text, label, icon string, danger bool) {
		reason := reasonField
		reason.Name, reason.Form, reason.Wide = "reason", path, true
		out = append(out, deed{Title: title, Text: text, Label: label, Href: root + "/" + path, Icon: icon, Danger: danger, Dialog: web.Dialog{
			ID: "deed-" + path, Title: title, Text: text, Fields: web.Fields{reason},
			Confirm: web.Action{Label: label, Icon: icon, Href: root + "/" + path, Post: true, Danger: danger, Primary: !danger},
		}})
	}
	if m.maySet() {
		add("reset", "Renew how they sign in", "Every passkey, password and token of the account is worth nothing then, and a new invitation is written. "+needed, "Renew", "key-round", false)
	}
	if m.ID == by {
		return out
	}
	switch m.State {
	case Active:
		add("suspend", "Suspend the account", "At once: all sessions end, and nobody signs in with it. It can be undone.", "Suspend", "circle-pause", true)
	case Suspended:
		add("resume", "Let the account in again", "It signs in as before, and approves nothing for 72 hours.", "Let in", "circle-play", false)
	case Proposed, Invited, Removed:
	}
	text := "For good: the account never signs in again. Its name stays with what it did."
	if !m.Approver.IsZero() {
		text += " As it approves, " + loot.LowerFirst(needed)
	}
	add("remove", "Remove the account", text, "Remove", "user-x", true)
	return out
}

var signFields = web.Fields{
	{Name: "name", Label: "Your name, typed", Required: true, Plain: true, MaxLen: 100, Autocomplete: "name", Hint: "As it stands in your account. It counts as your signature."},
	{Name: "word", Label: "I have read this, and I give my word.", Type: "checkbox", Required: true, Plain: true, Wide: true},
}

type undertakingView struct {
	web.View
	Text     text
	Name     string
	Signed   time.Time
	Entry    string
	Before   []signature
	Fields   web.Fields
	Problems *web.Problems
	None     bool // no statement is in force
}

func (d *Desk) renderUndertaking(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	ctx, who := r.Context(), web.IdentityOf(r.Context())
	v := undertakingView{View: web.ViewOf(r, "Confidentiality undertaking"), Name: who.Name, Fields: signFields.With(in, wrong)}
	v.Lead = "Nobody opens a single record before they have signed this."
	v.Problems = web.ProblemsOf(wrong, v.Fields)
	s, ok := d.inForce()
	if !ok {
		v.None = true
		return undertakingPage.Render(w, r, status, v)
	}
	v.Text = d.text(s)
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, err := d.signatures(ctx, tx, who.Actor.ID)
		v.Before = nil
		for _, sig := range list {
			if sig.Hash == v.Text.Hash {
				v.Signed, v.Entry = sig.Signed, sig.Entry
			} else {
				v.Before = append(v.Before, sig)
			}
		}
		return err
	}); err != nil {
		return err
	}
	if v.Signed.IsZero() {
		v.Again = web.SignInAgain(r, d.kit.Now(), "Signing")
	}
	return undertakingPage.Render(w, r, status, v)
}

var reviewFields = web.Fields{
	{Name: "days", Label: "Time", Type: "select", Options: []web.Option{{Value: "7", Label: "The last 7 days"}, {Value: "30", Label: "The last 30 days"}, {Value: "90", Label: "The last 90 days"}}, Value: "30", Required: true, Plain: true},
	{Name: "reason", Label: "Why do you look into it?", Hint: "Your colleagues can ask you. It is kept, sealed, with the ledger entry.", Required: true, Plain: true, MaxLen: 300},
}

type openingsView struct {
	web.View
	Counted  time.Time
	Mine     []purposeRow
	Reviewer bool
	Stats    []web.Stat
	Chart    template.HTML
	Rows     []personRow
	Shown    bool
	Fields   web.Fields
	Problems *web.Problems
}

// A purposeRow is how much was opened for one purpose.
type purposeRow struct {
	Title                   string
	Opened, Looked, Refused int
}

// A personRow is how much one colleague opened.
type personRow struct {
	Name                    string
	Roles                   string
	Opened, Looked, Refused int
	Alarms                  int
	Purposes                []purposeRow
	Href                    string
}

const ownDays = 30

// renderOpenings shows everybody what they opened themselves, and those who
// approve the sums of all; the names once they were asked for.
func (d *Desk) renderOpenings(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error, rows []personRow) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	today := dayOf(d.kit.Now())
	from := today.before(ownDays - 1)
	v := openingsView{View: web.ViewOf(r, "Openings"), Reviewer: d.has(who.Roles, approves), Rows: rows, Shown: rows != nil, Fields: reviewFields.With(in, wrong)}
	v.Lead = "How much was opened, for what. Who looked at whom, the customers see in their portals."
	v.Problems = web.ProblemsOf(wrong, v.Fields)
	var all []tally
	var alarms map[string]int
	var perDay []int
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		mine, err := d.tallies(ctx, tx, from, who.ID)
		if err != nil {
			return err
		}
		v.Mine = d.purposeRows(mine)
		if v.Counted, err = d.counted(ctx, tx); err != nil || !v.Reviewer {
			return err
		}
		if all, err = d.tallies(ctx, tx, from, ""); err != nil {
			return err
		}
		if alarms, err = d.alarmed(ctx, tx, from); err != nil {
			return err
		}
		perDay, err = d.perDay(ctx, tx, today, ownDays)
		return err
	}); err != nil {
		return err
	}
	if v.Reviewer {
		v.Stats = openingStats(all, alarms)
		v.Chart = openingChart(perDay, today)
		v.Again = web.SignInAgain(r, d.kit.Now(), "Seeing names")
	}
	return openingsPage.Render(w, r, status, v)
}

func openingStats(all []tally, alarms map[string]int) []web.Stat {
	var sum tally
	unusualDays := 0
	for _, t := range all {
		sum.Opened, sum.Looked, sum.Refused = sum.Opened+t.Opened, sum.Looked+t.Looked, sum.Refused+t.Refused
	}
	for _, n := range alarms {
		unusualDays += n
	}
	odd := web.Stat{Label: "Unusual days", Value: web.Number(unusualDays), Note: "each in the access review", Icon: "siren", Href: "/console/access-review"}
	if unusualDays > 0 {
		odd.Tone = web.Warn
	}
	return []web.Stat{
		{Label: "Opened", Value: web.Number(sum.Opened), Note: "in 30 days", Icon: "eye"},
		{Label: "Searches", Value: web.Number(sum.Looked), Note: "hit or miss", Icon: "search"},
		{Label: "Refused", Value: web.Number(sum.Refused), Note: "by the statement", Icon: "shield-x"},
		odd,
	}
}

func openingChart(perDay []int, today day) template.HTML {
	labels := make([]string, len(perDay))
	for i := range labels {
		labels[i] = (today - day(len(perDay)-1-i)).start().Format("2 Jan")
	}
	return chart.Bars{
		Title: "Records opened on each of the last 30 days", Unit: "Day", Labels: labels, Series: []chart.Series{{Name: "Opened", Values: perDay}},
	}.Figure()
}

// purposeRows adds up tallies by purpose, the most first.
func (d *Desk) purposeRows(list []tally) []purposeRow {
	s, _ := d.inForce()
	var out []purposeRow
	for _, t := range list {
		title := string(t.Purpose)
		if s != nil {
			if p, ok := s.Purpose(t.Purpose); ok {
				title = p.Title
			}
		}
		i := slices.IndexFunc(out, func(r purposeRow) bool { return r.Title == title })
		if i < 0 {
			out = append(out, purposeRow{Title: title})
			i = len(out) - 1
		}
		out[i].Opened, out[i].Looked, out[i].Refused = out[i].Opened+t.Opened, out[i].Looked+t.Looked, out[i].Refused+t.Refused
	}
	slices.SortStableFunc(out, func(a, b purposeRow) int { return cmp.Compare(b.Opened+b.Looked, a.Opened+a.Looked) })
	return out
}

// personRows returns who opened how much from a day on, the most first.
func (d *Desk) personRows(ctx context.Context, tx *store.Tx, from day) ([]personRow, error) {
	all, err := d.tallies(ctx, tx, from, "")
	if err != nil {
		return nil, err
	}
	alarms, err := d.alarmed(ctx, tx, from)
	if err != nil {
		return nil, err
	}
	out := []personRow{}
	for _, t := range together(all) {
		m, _, err := d.Member(ctx, tx, t.Account)
		if err != nil {
			return nil, err
		}
		row := personRow{
			Name: cmp.Or(m.Name, "An account that is no more"), Roles: d.roleTitles(m.Roles),
			Opened: t.Opened, Looked: t.Looked, Refused: t.Refused, Alarms: alarms[t.Account], Href: "/console/staff/" + t.Account,
		}
		row.Purposes = d.purposeRows(slices.DeleteFunc(slices.Clone(all), func(o tally) bool { return o.Account != t.Account }))
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b personRow) int { return cmp.Compare(b.Opened+b.Looked, a.Opened+a.Looked) })
	return out, nil
}
