package disclosure

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/web"
)

var queuePage = web.NewPage[queueView](pageFiles, "pages/queue.html")

// listed is how many requests a list has at most.
const listed = 500

type queueView struct {
	web.View
	Tabs   []web.Tab
	Mails  []mailRow
	Aside  []mailRow
	Groups []queueGroup
	Others *web.Alert // how many do not open for whoever looks; nil: none
	Work   []workRow
	Empty  web.Empty
}

// A queueGroup is what is due in one span of time.
type queueGroup struct {
	Title string
	ID    string
	Until string // what the day of each is
	Rows  []queueRow
}

// A queueRow is a request in a list: nothing that anybody wrote, and nobody whom it is about.
type queueRow struct {
	request
	Title string
	Note  string
	Owner string
	Href  string
	State []web.Badge

	approval gate.Approval // of which it may be answered; zero: nothing depends on one
}

// A listing is what opens of some requests for whoever looks.
type listing struct {
	sees sight
	rows []queueRow
}

// A workRow is how much a colleague has to do.
type workRow struct {
	Name    string
	Open    int
	Overdue int
	Next    time.Time // zero: nothing is to be answered
}

func tabs(current string) []web.Tab {
	var out []web.Tab
	for _, one := range []struct{ id, label, href string }{{"", "Open", home}, {"calendar", "Calendar", home + "/calendar"}, {"closed", "Closed", home + "?state=closed"}, {"register", "Register", home + "/register"}} {
		out = append(out, web.Tab{Label: one.label, Href: one.href, Current: one.id == current})
	}
	return out
}

// spans are the spans of time in which open requests are due, the nearest first.
var spans = []struct {
	title, id string
	days      int // until the end of it
}{{"Overdue", "overdue", 0}, {"Today", "today", 1}, {"Within 7 days", "week", 7}, {"Within 30 days", "month", 30}, {"Later", "later", mostDays}}

func (d *disclosure) queue(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	closed := q.Get("state") == "closed"
	v := queueView{View: web.ViewOf(r, "Disclosures")}
	v.Lead = "What authorities and courts asked for, by the day on which an answer is due."
	v.Wide = true
	v.Actions = []web.Action{{Label: "Enter a request", Icon: "plus", Primary: true, Href: home + "/new"}}
	v.Tabs = tabs(q.Get("state"))
	v.Empty = web.Empty{Icon: "landmark", Title: "Nothing here", Text: "Requests stand here from the moment they are entered."}
	where, order := `closed = 0`, `CASE WHEN outcome = 'preserved' THEN 1 ELSE 0 END, due, id`
	if closed {
		where, order = `closed > 0`, `closed DESC, id`
	}
	by := web.ActorOf(r.Context())
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Mails, v.Aside, v.Groups, v.Work, v.Others = nil, nil, nil, nil, nil
		list, err := d.list(r.Context(), tx, by, order, where)
		if err != nil {
			return err
		}
		if v.Others, err = others(r.Context(), tx, list.sees, by, where); err != nil {
			return err
		}
		loads := !closed && list.sees == everything
		if loads {
			if v.Mails, err = mails(r.Context(), tx, thatWaits); err != nil {
				return err
			}
			if v.Aside, err = mails(r.Context(), tx, thatIsOff); err != nil {
				return err
			}
		}
		work := map[string]*workRow{}
		for _, row := range list.rows {
			title, id := d.span(row.request)
			row.State = d.badges(row)
			if n := len(v.Groups); n == 0 || v.Groups[n-1].ID != id {
				v.Groups = append(v.Groups, queueGroup{Title: title, ID: id, Until: "Answer by"})
				if id == preserved {
					v.Groups[n].Until = "Preserved until"
				}
			}
			last := &v.Groups[len(v.Groups)-1]
			last.Rows = append(last.Rows, row)
			if !loads {
				continue
			}
			load := work[row.request.Owner]
			if load == nil {
				load = &workRow{Name: row.Owner}
				work[row.request.Owner] = load
			}
			load.Open++
			if load.Next.IsZero() && row.Outcome != preserved {
				load.Next = row.LastDay()
			}
			if d.overdue(row.request) {
				load.Overdue++
			}
		}
		for _, load := range work {
			v.Work = append(v.Work, *load)
		}
		slices.SortFunc(v.Work, func(a, b workRow) int { return cmp.Or(cmp.Compare(b.Open, a.Open), cmp.Compare(a.Name, b.Name)) })
		return nil
	}); err != nil {
		return err
	}
	return queuePage.Render(w, r, http.StatusOK, v)
}

// list reads such requests as far as they open for whoever looks. Nothing that was written of
// them is unsealed: there are many.
func (d *disclosure) list(ctx context.Context, tx *store.Tx, by loot.Actor, order, where string, args ...any) (l listing, err error) {
	if l.sees, err = d.sight(ctx, tx, by); err != nil || l.sees == nothingYet {
		return l, err
	}
	if l.sees == theirs {
		args = append(args, by.ID)
		where = fmt.Sprintf(`(%s) AND owner = $%d`, where, len(args))
	}
	found, err := requests(ctx, tx, fmt.Sprintf(`%s ORDER BY %s LIMIT %d`, where, order, listed), args...)
	if err != nil {
		return l, err
	}
	all, err := d.authorities(ctx, tx)
	if err != nil {
		return l, err
	}
	names := map[string]string{}
	for _, one := range found {
		if _, known := names[one.Owner]; !known {
			if names[one.Owner], err = d.needs.Staff.Name(ctx, tx, one.Owner); err != nil {
				return l, err
			}
		}
		row := queueRow{request: one, Title: titleOf(all, one.Authority), Note: kindTitles[one.Kind], Owner: names[one.Owner], Href: home + "/" + one.ID}
		if b, ok := basisOf(one.Basis); ok {
			row.Note = b.title
		}
		if one.Outcome == "" && one.Approval != "" {
			if row.approval, err = d.Gate.Standing(ctx, tx, one.Approval); err != nil {
				return l, err
			}
		}
		l.rows = append(l.rows, row)
	}
	return l, nil
}

// others says how many requests do not open for whoever looks, and nothing else of them: an
// order of secrecy binds colleagues, too.
func others(ctx context.Context, tx *store.Tx, sees sight, by loot.Actor, where string) (*web.Alert, error) {
	if sees == everything {
		return nil, nil
	}
	mine := by.ID
	if sees == nothingYet {
		mine = "" // nobody: none of them opens
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM disclosure_request WHERE (`+where+`) AND owner <> $1`, mine).Scan(&n); err != nil {
		return nil, fmt.Errorf("disclosure: count: %w", err)
	}
	a := &web.Alert{Tone: web.Info, Text: openTo}
	if n > 0 {
		a.Title = loot.Plural(n, "request is dealt with by others.", "requests are dealt with by others.")
	}
	switch {
	case sees == nothingYet:
		a.Text, a.Actions = loot.Message(errUnsigned), []web.Action{web.SignUndertaking}
	case n == 0:
		return nil, nil
	}
	return a, nil
}

func titleOf(all []authority, id string) string {
	for _, a := range all {
		if a.ID == id {
			return a.Title
		}
	}
	return ""
}

func (d *disclosure) overdue(r request) bool {
	return r.Closed.IsZero() && r.Outcome == "" && d.Now().After(r.Due)
}

// span says in which span of time a request is due.
func (d *disclosure) span(r request) (title, id string) {
	switch {
	case !r.Closed.IsZero():
		return "Closed", "closed"
	case r.Outcome == preserved:
		return "Preserved", "preserved"
	}
	today := desk.DayOf(d.Now())
	for _, s := range spans {
		if !r.Due.After(today.AddDate(0, 0, s.days)) {
			return s.title, s.id
		}
	}
	return spans[len(spans)-1].title, spans[len(spans)-1].id
}

// The outcomes of a request.
const (
	whole     = "whole"
	part      = "part"
	refused   = "refused"
	nothing   = "nothing"
	withdrawn = "withdrawn"
	preserved = "preserved"
	over      = "over" // of proceedings
)

var outcomes = map[string]web.Badge{
	whole:     {Tone: web.Good, Text: "answered", Icon: "check"},
	part:      {Tone: web.Good, Text: "answered in part", Icon: "check"},
	refused:   {Text: "refused", Icon: "x"},
	nothing:   {Text: "nothing is held", Icon: "circle-slash"},
	withdrawn: {Text: "withdrawn", Icon: "undo-2"},
	preserved: {Tone: web.Info, Text: "preserved", Icon: "lock"},
	over:      {Text: "over", Icon: "check"},
}

// badges say where a request of the queue stands, and what it is besides.
func (d *disclosure) badges(r queueRow) []web.Badge {
	out := []web.Badge{stand{r: r.request, approval: r.approval, now: d.Now()}.state()}
	if d.overdue(r.request) {
		out = append(out, overdueBadge)
	}
	if r.Emergency {
		out = append(out, emergencyBadge)
	}
	return out
}

// These stand beside the state, as neither says what is to be done next.
var (
	overdueBadge   = web.Badge{Tone: web.Bad, Text: "overdue", Icon: "clock-alert"}
	emergencyBadge = web.Badge{Tone: web.Bad, Text: "emergency", Icon: "siren"}
)

// state says in words where a request stands: in the queue what its page says.
func (st stand) state() web.Badge {
	switch r := st.r; {
	case r.Outcome != "":
		return outcomes[r.Outcome]
	case r.Kind == proceedings:
		return web.Badge{Tone: web.Info, Text: "under way", Icon: "gavel"}
	case r.Kind == answering && !st.now.Before(r.Until):
		return web.Badge{Tone: web.Bad, Text: "has run out: refuse it", Icon: "clock-alert"}
	}
	switch st.approval.State {
	case gate.Pending:
		return web.Badge{Tone: web.Info, Text: "others were asked", Icon: "users"}
	case gate.Approved:
		return web.Badge{Tone: web.Good, Text: "others agreed: answer it", Icon: "send"}
	case gate.Refused:
		return web.Badge{Tone: web.Warn, Text: "somebody said no", Icon: "x"}
	case gate.Expired:
		if st.approval.Granted < st.approval.Needed {
			return web.Badge{Tone: web.Warn, Text: "not all answered: ask again", Icon: "clock"}
		}
		return web.Badge{Tone: web.Warn, Text: "agreement ran out: ask again", Icon: "clock"}
	case gate.Begun, gate.Used:
	}
	switch st.r.Assessed {
	case passed:
		return web.Badge{Tone: web.Info, Text: "checked", Icon: "clipboard-check"}
	case broad:
		return web.Badge{Tone: web.Info, Text: "waits for their narrower request", Icon: "hourglass"}
	case unlawful:
		return web.Badge{Tone: web.Warn, Text: "not lawful as it stands", Icon: "x"}
	}
	return web.Badge{Tone: web.Warn, Text: "to be checked", Icon: "hourglass"}
}

// reference is what a request is called in letters.
func reference(id string) string { return desk.Reference("D", id) }

// LastDay is the last day on which an answer is in time, or until which what is to be
// preserved is kept.
func (r queueRow) LastDay() time.Time {
	if r.Outcome == preserved && r.Closed.IsZero() {
		return lastDay(r.Hold)
	}
	return lastDay(r.Due)
}

// SecretTo is the last day of secrecy.
func (r queueRow) SecretTo() time.Time { return lastDay(r.Gag) }
