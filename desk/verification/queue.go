package verification

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// perPage is how many cases a page of the queue shows, and mostCounted how many are counted
// at most beside the name of a list, so that years of closed ones slow nobody down.
const (
	perPage     = 50
	mostCounted = 1000
)

var kindTitles = map[string]string{
	kindCheck: "A check found a fault", kindAsked: "The customer asks", kindMistake: "The customer reports a mistake", kindOld: "Has grown old",
}

// The lists of the queue.
var queues = []struct{ id, label, where string }{
	{"", "Open", `closed = 0`},
	{"mine", "Mine", `closed = 0 AND owner = @by`},
	{"free", "Nobody's yet", `closed = 0 AND owner = ''`},
	{"late", "Overdue", `closed = 0 AND due <= @now`},
	{"closed", "Closed", `closed > 0`},
}

// A narrow says which cases a list has: those of a list of the queue and, unless these are
// empty, of one kind, about one detail and of one customer.
type narrow struct {
	state   string
	kind    string
	field   loot.Field
	subject loot.Subject
	by      string // staff id of whoever looks
}

// where is the condition of a narrow, with the values in it.
func (n narrow) where(now int64) (string, []any) {
	where, args := queues[0].where, []any{}
	for _, one := range queues {
		if one.id == n.state {
			where = one.where
		}
	}
	value := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if strings.Contains(where, "@by") {
		where = strings.ReplaceAll(where, "@by", value(n.by))
	}
	if strings.Contains(where, "@now") {
		where = strings.ReplaceAll(where, "@now", value(now))
	}
	for _, one := range []struct{ column, is string }{{"kind", n.kind}, {"field", string(n.field)}, {"subject", string(n.subject)}} {
		if one.is != "" {
			where += ` AND ` + one.column + ` = ` + value(one.is)
		}
	}
	return where, args
}

// href is the address of a list, narrowed in the same way.
func (n narrow) href() string {
	q := url.Values{}
	for name, value := range map[string]string{"state": n.state, "kind": n.kind, "field": string(n.field), "customer": string(n.subject)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return strings.TrimSuffix("/console/checks?"+q.Encode(), "?")
}

// list returns n of the cases of a list after one, unless that is empty: of those that are
// open the most urgent first, of those that are closed the latest.
func (v *Verification) list(ctx context.Context, tx *store.Tx, of narrow, after string, n int) ([]matter, error) {
	where, args := of.where(v.Now().UnixMicro())
	column, order, at := "due", `due, id`, int64(0)
	if of.state == "closed" {
		column, order, at = "closed", `closed DESC, id DESC`, math.MaxInt64
	}
	if after != "" {
		last, err := findMatter(ctx, tx, after, "")
		if err != nil {
			return nil, err
		}
		if at = store.Micro(last.Due); of.state == "closed" {
			at = store.Micro(last.Closed)
		}
	}
	sign := map[string]string{"due": ">", "closed": "<"}[column]
	return matters(ctx, tx, fmt.Sprintf(`%s AND (%s, id) %s ($%d, $%d) ORDER BY %s LIMIT $%d`, where, column, sign, len(args)+1, len(args)+2, order, len(args)+3), append(args, at, after, n)...)
}

// count says how many cases a list has, as far as they are counted.
func (v *Verification) count(ctx context.Context, tx *store.Tx, of narrow) (string, error) {
	where, args := of.where(v.Now().UnixMicro())
	var n int
	if err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 AS one FROM verification_case WHERE %s LIMIT %d) AS counted`, where, mostCounted), args...).Scan(&n); err != nil {
		return "", fmt.Errorf("verification: count: %w", err)
	}
	if n == mostCounted {
		return strconv.Itoa(mostCounted-1) + "+", nil
	}
	return strconv.Itoa(n), nil
}

// narrowing reads from an address which cases somebody wants to see, and the fields by which
// they choose. What there is none of is not asked for.
func (v *Verification) narrowing(s *statement.Statement, q url.Values, by loot.Actor) (narrow, web.Fields) {
	of := narrow{state: q.Get("state"), kind: q.Get("kind"), field: loot.Field(q.Get("field")), subject: desk.SubjectIn(q.Get("customer")), by: by.ID}
	kinds, details := []web.Option{{Label: "All kinds"}}, []web.Option{{Label: "All details"}}
	for _, id := range slices.Sorted(maps.Keys(kindTitles)) {
		kinds = append(kinds, web.Option{Value: id, Label: kindTitles[id]})
	}
	for _, d := range s.Fields(collection) {
		details = append(details, web.Option{Value: string(d.ID), Label: desk.Title(s, d.ID)})
	}
	if d, is := s.Field(v.invoices.Services); is {
		details = append(details, web.Option{Value: string(d.ID), Label: desk.Title(s, d.ID)})
	}
	one := func(list []web.Option, value string) string {
		if slices.ContainsFunc(list, func(o web.Option) bool { return o.Value == value }) {
			return value
		}
		return ""
	}
	of.kind, of.field = one(kinds, of.kind), loot.Field(one(details, string(of.field)))
	return of, web.Fields{
		{Name: "kind", Label: "Kind", Type: "select", Plain: true, Value: of.kind, Options: kinds},
		{Name: "field", Label: "Detail", Type: "select", Plain: true, Value: string(of.field), Options: details},
	}
}

func (v *Verification) queue(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := v.inForce()
	if err != nil {
		return err
	}
	of, filter := v.narrowing(s, q, web.ActorOf(r.Context()))
	data := queueView{View: web.ViewOf(r, "Checks"), Of: of.state, Customer: of.subject, Filter: filter, Narrowed: of.kind != "" || of.field != ""}
	data.Lead = "What needs a person: faults that a program found, questions of customers, and mistakes that they report."
	data.Wide = true
	if of.subject != "" {
		data.Lead, data.Crumbs = "Those of one customer.", []web.Crumb{{Label: "Checks", Href: "/console/checks"}, {Label: "Their record", Href: desk.CustomerPath(of.subject)}}
	}
	data.Everything = narrow{state: of.state, subject: of.subject}.href()
	ctx := r.Context()
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		data.Tabs, data.Cases, data.Pager = nil, nil, web.Pager{}
		for _, one := range queues {
			to := of
			to.state = one.id
			n, err := v.count(ctx, tx, to)
			if err != nil {
				return err
			}
			data.Tabs = append(data.Tabs, web.Tab{Label: one.label, Href: to.href(), Current: one.id == of.state, Count: n})
		}
		list, err := v.list(ctx, tx, of, q.Get("after"), perPage+1)
		if len(list) > perPage {
			list = list[:perPage]
			data.Pager.Next = web.After(r.URL, list[perPage-1].ID)
		}
		names := map[string]string{"": ""}
		for _, m := range list {
			row := v.view(s, m)
			name, known := names[m.Owner]
			if !known {
				if name, err = v.staff.Name(ctx, tx, m.Owner); err != nil {
					return err
				}
				names[m.Owner] = name
			}
			row.Owned = name
			data.Cases = append(data.Cases, row)
		}
		return err
	}); err != nil {
		return err
	}
	if q.Get("after") != "" {
		data.Pager.Prev = web.After(r.URL, "")
	}
	return queuePage.Render(w, r, http.StatusOK, data)
}

func (v *Verification) view(s *statement.Statement, m matter) matterView {
	one := matterView{matter: m, Title: desk.Title(s, m.Field), KindTitle: kindTitles[m.Kind], Href: "/console/checks/" + m.ID}
	switch {
	case !m.Closed.IsZero():
		one.State = web.Badge{Text: decisions[m.Decision]}
	case m.Decision != "":
		one.State = web.Badge{Tone: web.Info, Text: "needs a second person", Icon: "users"}
	case v.Now().After(m.Due):
		one.State = web.Badge{Tone: web.Bad, Text: "overdue", Icon: "clock-alert"}
	case v.Now().After(m.Due.Add(-v.margin())):
		one.State = web.Badge{Tone: web.Warn, Text: "due soon", Icon: "clock"}
	default:
		one.State = web.Badge{Tone: web.Info, Text: "open"}
	}
	return one
}

// ownerActions are what whoever looks at a case can do about who deals with it, which owner
// is called by name.
func ownerActions(m matterView, owner string, by loot.Actor) []web.Action {
	if !m.Closed.IsZero() {
		return nil
	}
	one := web.Action{Label: "Take it on", Icon: "user", Href: m.Href + "/take", Post: true, Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(m.Version, 10)}}}
	switch m.Owner {
	case "":
	case by.ID:
		one.Label, one.Icon, one.Href = "Give it back", "undo-2", m.Href+"/back"
	default:
		one.Label, one.Icon = "Take it over", "hand"
		one.Confirm = owner + " deals with this case, and gets a letter that you do from now on."
	}
	return []web.Action{one}
}

// take makes whoever asks the one who deals with a case. Who has dealt with it until then
// is told.
func (v *Verification) take(w http.ResponseWriter, r *http.Request) error {
	return v.handOver(w, r, "You deal with it now.", func(ctx context.Context, tx *store.Tx, m matter, by loot.Actor) error {
		former, kind, text := m.Owner, "taken", "Deals with the case from now on."
		switch former {
		case by.ID:
			return loot.Errorf(loot.Conflict, "You deal with this case already.")
		case "":
		default:
			kind = "over"
			if err := v.Jobs.Enqueue(ctx, tx, overArgs{Case: m.ID, From: former, By: by.ID, Version: m.Version}); err != nil {
				return err
			}
		}
		m.Owner = by.ID
		return v.keepOwner(ctx, tx, m, by, kind, text)
	})
}

// giveBack makes a case nobody's again.
func (v *Verification) giveBack(w http.ResponseWriter, r *http.Request) error {
	return v.handOver(w, r, "It waits for somebody to take it on.", func(ctx context.Context, tx *store.Tx, m matter, by loot.Actor) error {
		if m.Owner != by.ID {
			return loot.Errorf(loot.Conflict, "You do not deal with this case, so that you cannot give it back.")
		}
		m.Owner = ""
		return v.keepOwner(ctx, tx, m, by, "back", "Whoever deals with checks can take it on.")
	})
}

// handOver changes who deals with a case that is open and as its page showed it.
func (v *Verification) handOver(w http.ResponseWriter, r *http.Request, said string, do func(context.Context, *store.Tx, matter, loot.Actor) error) error {
	form, s, err := v.asked(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	if err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		m, err := seen(ctx, tx, r.PathValue("id"), form, tx.ForUpdate())
		if err != nil {
			return err
		}
		if err := v.may(ctx, tx, s, m.Field, by); err != nil {
			return err
		}
		if !m.Closed.IsZero() {
			return loot.Errorf(loot.Conflict, "This case is closed, so that nobody deals with it any longer.")
		}
		return do(ctx, tx, m, by)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/checks/"+url.PathEscape(r.PathValue("id")))
}

// seen returns a case unless it changed since the form was drawn.
func seen(ctx context.Context, tx *store.Tx, id string, form url.Values, lock string) (matter, error) {
	m, err := findMatter(ctx, tx, id, lock)
	if err == nil && form.Get("version") != strconv.FormatInt(m.Version, 10) {
		err = errChanged
	}
	return m, err
}

func (v *Verification) keepOwner(ctx context.Context, tx *store.Tx, m matter, by loot.Actor, kind, text string) error {
	if err := updateMatter(ctx, tx, m); err != nil {
		return err
	}
	return v.notes.Add(ctx, tx, m.ID, desk.Note{At: v.Now(), Author: by.ID, Kind: kind, Text: text})
}

// overArgs asks to tell a colleague that another one took a case over from them.
type overArgs struct {
	Case    string `json:"case"`
	From    string `json:"from"` // staff id
	By      string `json:"by"`   // staff id
	Version int64  `json:"version"`
}

// Kind names the job.
func (overArgs) Kind() string { return "verification.over" }

// tellOver writes to the colleague from whom a case was taken over.
func (v *Verification) tellOver(ctx context.Context, a overArgs) error {
	var address, name string
	var m matter
	if err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if m, err = findMatter(ctx, tx, a.Case, ""); err != nil {
			return err
		}
		if name, err = v.staff.Name(ctx, tx, a.By); err != nil {
			return err
		}
		_, address, err = v.staff.Member(ctx, tx, a.From)
		return err
	}); loot.KindOf(err) == loot.NotFound || err == nil && address == "" {
		return nil // erased meanwhile, or nobody is there to be told
	} else if err != nil {
		return err
	}
	letter := mail.Letter{
		Subject: "A check that you dealt with was taken over", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para(name + " deals from now on with a check that you had taken on. You need do nothing about it."),
			mail.Button("See the case", v.BaseURL+"/console/checks/"+m.ID),
		},
		Why: "You get this because you dealt with the case.",
	}
	sent, err := letter.Message(v.House(), fmt.Sprintf("over-%s-%d", a.Case, a.Version), address)
	if err != nil {
		return err
	}
	if err := v.Mail.Send(ctx, sent); err != nil && !errors.Is(err, mail.ErrRejected) {
		return err
	}
	return nil
}
