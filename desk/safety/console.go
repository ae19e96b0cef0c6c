package safety

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var queuePage = web.NewPage[queueView](pageFiles, "pages/queue.html")

// listed is how many cases the queue shows at once.
const listed = 100

type queueView struct {
	web.View
	Tabs  []web.Tab
	Of    string // the list; empty: the open ones
	Kinds web.Fields
	Rows  []caseRow
	More  string // address of the next ones; empty: these are all
	Empty web.Empty
}

// A caseRow is a case in a list: nothing that anybody wrote.
type caseRow struct {
	matter
	Title  string
	Href   string
	State  web.Badge
	Owned  string
	Repeat int // earlier cases of the customer in which misuse was found
	Over   bool
}

// The lists of the queue.
var queues = []struct{ id, label, where string }{
	{"", "Open", `closed = 0 AND (outcome = '' OR appealed > 0 AND decided = 0)`},
	{"new", "New", `closed = 0 AND outcome = '' AND acted = 0`},
	{"late", "Overdue", `closed = 0 AND (outcome = '' OR appealed > 0 AND decided = 0)`},
	{"appeals", "Appeals", `closed = 0 AND appealed > 0 AND decided = 0`},
	{"disputes", "Disputes", `what = 'dispute'`},
	{"over", "Over", `outcome <> ''`},
}

func tabs(current, kind string) (out []web.Tab) {
	for _, one := range queues {
		out = append(out, web.Tab{Label: one.label, Href: queueHref(one.id, kind, ""), Current: current == one.id})
	}
	return append(
		out,
		web.Tab{Label: "Figures", Href: "/console/abuse/figures", Current: current == "figures"},
		web.Tab{Label: "Trusted reporters", Href: "/console/abuse/trusted", Current: current == "trusted"},
	)
}

func queueHref(state, kind, after string) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": state, "kind": kind, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return strings.TrimSuffix("/console/abuse?"+q.Encode(), "?")
}

func (d *Safety) queue(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	v := queueView{View: web.ViewOf(r, "Abuse and disputes")}
	v.Lead = "Reports of misuse, sorted into cases, and disagreements with customers. What a customer gave opens only with a case named."
	v.Wide = true
	v.Empty = web.Empty{Icon: "shield-check", Title: "Nothing here", Text: "A case stands here as soon as somebody reports misuse, at " + d.BaseURL + "/abuse, by mail or by program, or opens a dispute."}
	chosen := queues[0]
	for _, one := range queues {
		if one.id == q.Get("state") {
			chosen = one
		}
	}
	kind := q.Get("kind")
	v.Tabs = tabs(chosen.id, kind)
	v.Of = chosen.id
	v.Kinds = web.Fields{{Name: "kind", Label: "Kind", Type: "select", Plain: true, Value: kind, Options: append([]web.Option{{Label: "All kinds"}}, kindOptions()...)}}
	ctx := r.Context()
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Rows, v.More = nil, ""
		var args []any
		value := func(v any) string {
			args = append(args, v)
			return "$" + strconv.Itoa(len(args))
		}
		where := chosen.where
		if chosen.id == "late" {
			where += ` AND due <= ` + value(d.Now().UnixMicro())
		}
		if kind != "" {
			where += ` AND kind = ` + value(kind)
		}
		if id := q.Get("after"); id != "" {
			last, err := findCase(ctx, tx, id, "")
			if err != nil {
				return err
			}
			due := value(last.Due.UnixMicro())
			where += ` AND (due > ` + due + ` OR due = ` + due + ` AND id > ` + value(last.ID) + `)`
		}
		list, err := cases(ctx, tx, where+` ORDER BY due, id LIMIT `+value(listed+1), args...)
		if err != nil {
			return err
		}
		if len(list) > listed {
			list = list[:listed]
			v.More = queueHref(chosen.id, kind, list[listed-1].ID)
		}
		names := map[string]string{"": ""}
		for _, c := range list {
			row := d.row(c, "/console/abuse/", toStaff)
			name, known := names[c.Owner]
			if !known {
				if name, err = d.needs.Staff.Name(ctx, tx, c.Owner); err != nil {
					return err
				}
				names[c.Owner] = name
			}
			row.Owned = name
			if row.Repeat, err = repeats(ctx, tx, c, d.Now()); err != nil {
				return err
			}
			v.Rows = append(v.Rows, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return queuePage.Render(w, r, http.StatusOK, v)
}

// repeats counts the other cases of a customer, in the last year, in which misuse was found.
func repeats(ctx context.Context, tx *store.Tx, c matter, now time.Time) (n int, err error) {
	if c.Subject == "" {
		return 0, nil
	}
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM safety_case WHERE aside = 0 AND subject = $1 AND id <> $2 AND outcome = $3 AND opened > $4`,
		c.Subject, c.ID, violation, now.AddDate(-1, 0, 0).UnixMicro()).Scan(&n); err != nil {
		return 0, fmt.Errorf("safety: repeats: %w", err)
	}
	return n, nil
}

func (d *Safety) row(c matter, under string, to reader) caseRow {
	return caseRow{matter: c, Title: kindTitle(c.What, c.Kind), Href: under + url.PathEscape(c.ID), State: d.state(c, to), Over: c.Outcome != "" && !reviewing(c)}
}

// state says to a reader where a case stands.
func (d *Safety) state(c matter, to reader) web.Badge {
	now := d.Now()
	switch {
	case reviewing(c) && now.After(c.Due):
		return web.Badge{Tone: web.Bad, Text: "appeal overdue", Icon: "clock-alert"}
	case reviewing(c):
		return web.Badge{Tone: web.Warn, Text: "appeal", Icon: "scale"}
	case c.Reversed:
		return web.Badge{Tone: web.Info, Text: "reversed", Icon: "undo-2"}
	case c.Outcome == violation || c.Outcome == refused:
		return web.Badge{Text: outcomes[c.Outcome].words(to), Icon: "gavel"}
	case c.Outcome != "":
		return web.Badge{Tone: web.Good, Text: outcomes[c.Outcome].words(to), Icon: "circle-check"}
	case !c.Escalated.IsZero():
		return web.Badge{Tone: web.Bad, Text: "not answered in time", Icon: "clock-alert"}
	case !c.Answered.IsZero():
		return web.Badge{Tone: web.Info, Text: "answered", Icon: "message-square"}
	case !c.Notified.IsZero():
		whom := "the customer"
		if to == toCustomer {
			whom = "you"
		}
		return web.Badge{Tone: web.Info, Text: "waits for " + whom, Icon: "hourglass"}
	case now.After(c.Due):
		return web.Badge{Tone: web.Bad, Text: "overdue", Icon: "clock-alert"}
	}
	return web.Badge{Tone: web.Warn, Text: "new", Icon: "flag"}
}

// dealer refuses whoever may not deal with the case of a request, and returns the case.
func (d *Safety) dealer(ctx context.Context, tx *store.Tx, id, lock string) (matter, error) {
	s, err := d.inForce()
	if err != nil {
		return matter{}, err
	}
	c, err := findCase(ctx, tx, id, lock)
	if err != nil {
		return c, err
	}
	return c, d.mayDeal(ctx, tx, s, c, web.ActorOf(ctx))
}

// mayDeal refuses whoever does not deal with a case.
func (d *Safety) mayDeal(ctx context.Context, tx *store.Tx, s *statement.Statement, c matter, by loot.Actor) error {
	what := c.What
	if reviewing(c) && !deals(s, forSafety, by) {
		what = aDispute // an appeal is a dispute about the judgment
	}
	return d.may(ctx, tx, s, what, by)
}

// CaseOf returns what a case about a customer is called, for who names it by its id, and
// where somebody can look at it: whoever deals with it, and the customer themself. It has
// no name if the id is none of a case, and no place if they cannot, or it is erased.
func (d *Safety) CaseOf(ctx context.Context, tx *store.Tx, who loot.Actor, about loot.Subject, id string) (called, place string, err error) {
	if !desk.IsID(casePrefix, id) {
		return "", "", nil
	}
	called = matter{ID: id}.Reference()
	c, err := findCase(ctx, tx, id, "")
	if loot.KindOf(err) == loot.NotFound || err == nil && c.Subject != about {
		return called, "", nil
	}
	switch {
	case err != nil:
		return "", "", err
	case who.Kind == loot.Person && who.ID == string(about):
		return called, "/portal/cases/" + id, nil
	case who.Kind != loot.Staff:
		return called, "", nil
	}
	s, err := d.inForce()
	if err != nil {
		return "", "", err
	}
	if err := d.mayDeal(ctx, tx, s, c, who); loot.KindOf(err) == loot.Denied {
		return called, "", nil
	} else if err != nil {
		return "", "", err
	}
	return called, "/console/abuse/" + id, nil
}

// dealing refuses whoever deals with no cases of misuse.
func (d *Safety) dealing(ctx context.Context, tx *store.Tx) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	return d.may(ctx, tx, s, anAbuse, web.ActorOf(ctx))
}

// barredAlert says why somebody sees no more than the list, and what to do about it.
func barredAlert(err error) *web.Alert {
	a := &web.Alert{Tone: web.Info, Title: "You can look at the queue, and not into its cases.", Text: loot.Message(err)}
	if err == errUnsigned { //nolint:errorlint // the very value
		a.Actions = []web.Action{web.SignUndertaking}
	}
	return a
}
