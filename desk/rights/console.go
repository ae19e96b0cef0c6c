package rights

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var (
	queuePage   = web.NewPage[queueView](pageFiles, "pages/queue.html")
	requestPage = web.NewPage[requestView](pageFiles, "pages/request.html")
)

// perPage is how many requests stand on one page.
const perPage = 50

type queueView struct {
	web.View
	Tabs  []web.Tab
	Rows  []requestRow
	Pager web.Pager
	Empty web.Empty
}

// A requestRow is a request in a list: nothing that anybody wrote.
type requestRow struct {
	request
	Title string
	Note  string
	Href  string
	State web.Badge
}

// A queueKind is a list of the queue. Each goes on after the time and the id of the last
// request on the page before.
type queueKind struct {
	id, label, where string
	from             int64 // before all
	at               func(request) time.Time
}

// The lists of the queue.
var queues = []queueKind{
	{"", "Open", `closed = 0 AND (due, id) > ($1, $2) ORDER BY due, id`, 0, func(r request) time.Time { return r.Due }},
	{"counts", "In force", `closed > 0 AND ended = 0 AND (opened, id) > ($1, $2) ORDER BY opened, id`, 0, func(r request) time.Time { return r.Opened }},
	{"over", "Over", `closed > 0 AND ended > 0 AND (ended, id) < ($1, $2) ORDER BY ended DESC, id DESC`, math.MaxInt64, func(r request) time.Time { return r.Ended }},
}

func (d *Rights) queue(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := queueView{View: web.ViewOf(r, "Requests")}
	v.Lead = "What people asked for who use a right, and by when it has to be answered. What they asked in their portal counts from that moment; what came otherwise, once they confirm it."
	v.Wide = true
	v.Actions = []web.Action{{Label: "Enter a request", Icon: "plus", Href: entryPath}}
	v.Empty = web.Empty{Icon: "scale", Title: "Nothing here", Text: "A request stands here as soon as somebody makes one."}
	chosen := queues[0]
	for _, one := range queues {
		if one.id == q.Get("state") {
			chosen = one
		}
	}
	v.Tabs = tabs(chosen.id)
	after := q.Get("after")
	var list []request
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		from := chosen.from
		if after != "" {
			last, err := findRequest(r.Context(), tx, after)
			if err != nil {
				return err
			}
			from = store.Micro(chosen.at(last))
		}
		list, err = requests(r.Context(), tx, chosen.where+` LIMIT $3`, from, after, d.page+1)
		return err
	}); err != nil {
		return err
	}
	here := &url.URL{Path: "/console/requests"}
	if chosen.id != "" {
		here.RawQuery = url.Values{"state": {chosen.id}}.Encode()
	}
	if len(list) > d.page {
		list = list[:d.page]
		v.Pager.Next = web.After(here, list[d.page-1].ID)
	}
	if after != "" {
		v.Pager.Prev = web.After(here, "")
	}
	for _, one := range list {
		v.Rows = append(v.Rows, d.staffRow(s, one))
	}
	return queuePage.Render(w, r, http.StatusOK, v)
}

// tabs lead to the lists of the queue and to the agents.
func tabs(current string) (out []web.Tab) {
	for _, one := range queues {
		href := "/console/requests"
		if one.id != "" {
			href += "?state=" + one.id
		}
		out = append(out, web.Tab{Label: one.label, Href: href, Current: one.id == current})
	}
	return append(out, web.Tab{Label: "By agents", Href: "/console/requests/agents", Current: current == "agents"})
}

func (d *Rights) waiting(ctx context.Context) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = countOpen(ctx, tx)
		return err
	})
	return n, err
}

// staffRow is row in words for staff.
func (d *Rights) staffRow(s *statement.Statement, r request) requestRow {
	row := d.row(s, r)
	row.Note = cmp.Or(groundOf(r.Ground).staff, row.Note)
	return row
}

// row is a request in the words of its owner.
func (d *Rights) row(s *statement.Statement, r request) requestRow {
	row := requestRow{request: r, Title: "Restriction", Note: groundOf(r.Ground).title, Href: "/console/requests/" + url.PathEscape(r.ID)}
	switch {
	case !counts(r.Kind):
		row.Title, row.Note = rightOf(r.Kind).title, ""
	case r.Kind == objection:
		row.Title, row.Note = "Objection", string(r.Purpose)
		if p, ok := s.Purpose(r.Purpose); ok {
			row.Note = p.Title
		}
	}
	row.State = d.state(r)
	return row
}

// state says in words where a request stands.
func (d *Rights) state(r request) web.Badge {
	switch {
	case r.Decision == withdrawn:
		return web.Badge{Text: "taken back"}
	case r.Decision == refused:
		return web.Badge{Text: "refused", Icon: "x"}
	case r.Decision == lifted:
		return web.Badge{Text: "lifted", Icon: "lock-open"}
	case r.Decision == answered:
		return web.Badge{Tone: web.Good, Text: "answered outside", Icon: "check"}
	case r.Decision == disowned:
		return web.Badge{Text: "not theirs", Icon: "x"}
	case r.Decision == granted && !counts(r.Kind):
		return web.Badge{Tone: web.Good, Text: "done", Icon: "check"}
	case r.Decision == granted:
		return web.Badge{Tone: web.Good, Text: "granted", Icon: "check"}
	case d.Now().After(r.Due):
		return web.Badge{Tone: web.Bad, Text: "overdue", Icon: "clock-alert"}
	case d.Now().After(r.Due.Add(-remindBefore)):
		return web.Badge{Tone: web.Warn, Text: "due soon", Icon: "clock"}
	}
	if r.Subject != "" && !r.Confirm.IsZero() {
		return web.Badge{Tone: web.Info, Text: "waits for the person", Icon: "hourglass"}
	}
	return web.Badge{Tone: web.Info, Text: "waits for an answer", Icon: "hourglass"}
}

type requestView struct {
	web.View
	Request  requestRow
	Customer string
	Confirm  string      // how far whom it names confirmed it; empty: they did, or need not
	Resend   *web.Action // writes to them once more; nil: not now
	Counts   string      // what is not done at present, and is with the request's end; empty: it ended
	Decider  string
	Barred   *web.Alert
	Notes    []noteView
	Form     web.Fields
	Wrong    *web.Problems
	Read     string // where what its owner wrote is opened; empty: nothing, or it is open
}

type noteView struct {
	desk.Note
	Who  string
	What string
}

var noteTitles = map[string]string{"asked": "wrote", "reason": "answered", "extension": "took more time", "entered": "entered what came"}

// answerForm asks what is decided, and why.
func answerForm(s *statement.Statement, r request) web.Fields {
	options := []web.Option{{Label: "What do you decide?"}}
	switch {
	case !r.Ended.IsZero() || r.Decision == refused || r.Decision == lifted:
		return nil
	case r.Closed.IsZero() && !r.proved():
		options = append(options, web.Option{Value: answered, Label: "It is answered outside of here"})
		if !againstMarketing(s, r) {
			options = append(options, web.Option{Value: refused, Label: "It is refused: they do not prove who they are, say"})
		}
		options = append(options, mayExtend(r)...)
	case r.Closed.IsZero():
		options = append(options, web.Option{Value: granted, Label: "It stays as they asked"})
		if !againstMarketing(s, r) {
			options = append(options, web.Option{Value: refused, Label: "It ends: they are told first"})
		}
		options = append(options, mayExtend(r)...)
	case r.Decision == granted && r.Kind == restriction:
		options = append(options, web.Option{Value: lifted, Label: "The reason for it is gone: it ends, they are told first"})
	default:
		return nil
	}
	hint := "They read it. It ends only where the reason that they gave does not hold, or holds no longer."
	switch {
	case r.Subject == "":
		hint = "Colleagues read it, until it is erased soon after the answer. Tell whoever asked outside of here: they are written to by nobody else."
	case !r.proved():
		hint = "They read it in their portal, and a letter leads there. Nothing else is done."
	case againstMarketing(s, r):
		hint = "They read it. An objection to direct marketing is never refused (GDPR Article 21(3))."
	case r.Kind == objection:
		hint = "They read it. An objection can be refused only for reasons that weigh more than theirs, or for legal claims."
	}
	return web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(r.Version, 10)},
		{Name: "decision", Label: "Decision", Type: "select", Required: true, Options: options},
		{Name: "reason", Label: "Reason", Type: "textarea", Required: true, MaxLen: 2000, Rows: 4, Wide: true, Hint: hint},
	}
}

// mayExtend offers more time, once.
func mayExtend(r request) []web.Option {
	if !r.Extended.IsZero() {
		return nil
	}
	return []web.Option{{Value: "extend", Label: "We need two months more"}}
}

var errUnsigned = loot.Errorf(loot.Denied, "Whoever answers requests signs the confidentiality undertaking first. You find it under Undertaking.")

// may refuses whoever has no role that answers, or has not signed.
func (d *Rights) may(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor) error {
	signed, err := d.needs.Staff.Signed(ctx, tx, by.ID)
	switch {
	case err != nil:
		return err
	case signed.IsZero():
		return errUnsigned
	case !answers(s, by):
		return loot.Errorf(loot.Denied, "None of your roles answers requests: those do that approve what others ask for.")
	}
	return nil
}

func (d *Rights) show(w http.ResponseWriter, r *http.Request) error {
	return d.showRequest(w, r, http.StatusOK, false, nil, nil)
}

// read shows what the owner of a request wrote, which stands in their timeline.
func (d *Rights) read(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	by := web.ActorOf(r.Context())
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		one, err := findRequest(r.Context(), tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := d.may(r.Context(), tx, s, by); err != nil {
			return err
		}
		return d.record(r.Context(), tx, one, by, "request.read")
	}); err != nil {
		return err
	}
	return d.showRequest(w, r, http.StatusOK, true, nil, nil)
}

func (d *Rights) showRequest(w http.ResponseWriter, r *http.Request, status int, open bool, typed url.Values, wrong error) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var v requestView
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		one, err := findRequest(ctx, tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		v = requestView{Request: d.staffRow(s, one)}
		if one.Subject != "" {
			v.Customer = desk.CustomerPath(one.Subject)
		}
		v.Confirm, v.Resend = d.confirming(one)
		v.Counts = d.counts(s, one)
		if one.Decider != "" {
			if v.Decider, err = d.needs.Staff.Name(ctx, tx, one.Decider); err != nil {
				return err
			}
		}
		if err := d.may(ctx, tx, s, by); loot.KindOf(err) == loot.Denied {
			v.Barred = &web.Alert{Tone: web.Info, Title: "You can look at the queue, and not into its requests.", Text: loot.Message(err)}
			if err == errUnsigned { //nolint:errorlint // the very value
				v.Barred.Actions = []web.Action{web.SignUndertaking}
			}
			return nil
		} else if err != nil {
			return err
		}
		v.Form = answerForm(s, one)
		v.Notes, v.Read, err = d.notesFor(ctx, tx, one, open)
		return err
	}); err != nil {
		return err
	}
	v.View = web.ViewOf(r, v.Request.Title)
	if v.Request.Note != "" {
		v.Title += ": " + loot.LowerFirst(v.Request.Note)
	}
	v.Crumbs = []web.Crumb{{Label: "Requests", Href: "/console/requests"}}
	if typed != nil && len(v.Form) > 0 {
		version := v.Form[0].Value
		v.Form = v.Form.With(typed, wrong)
		v.Form[0].Value = version
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return requestPage.Render(w, r, status, v)
}

// counts says what a request has left undone as long as it counts.
func (d *Rights) counts(s *statement.Statement, r request) string {
	switch {
	case !r.Ended.IsZero():
		return ""
	case r.Subject == "":
		return "Nothing is done here: nobody who is known asked for it."
	case !r.proved():
		return "Nothing is done before they confirm who they are."
	case r.Kind == objection:
		return "Nothing is opened or handed over for this purpose, unless a rule lets others agree to a case."
	}
	return "The record is kept and left alone, as " + cmp.Or(string(restricting(s, d.Now())), "no clause in force") + " says."
}

// notesFor returns what was written about a request, and where what its owner wrote is
// opened; empty: it is, or there is nothing.
func (d *Rights) notesFor(ctx context.Context, tx *store.Tx, r request, open bool) (out []noteView, read string, err error) {
	notes, err := d.notes.Of(ctx, tx, r.ID)
	if err != nil {
		return nil, "", err
	}
	for _, n := range notes {
		one := noteView{n, "The customer", noteTitles[n.Kind]}
		if n.Author != "" {
			if one.Who, err = d.needs.Staff.Name(ctx, tx, n.Author); err != nil {
				return nil, "", err
			}
		}
		if (n.Author == "" || n.Kind == "entered") && !open {
			one.Text, read = "", "/console/requests/"+url.PathEscape(r.ID)+"/read"
		}
		out = append(out, one)
	}
	return out, read, nil
}

// decide keeps what a colleague decided.
func (d *Rights) decide(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	said := "Kept. They are written to, and read the reason in their portal."
	err = d.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := findRequest(ctx, tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := d.may(ctx, tx, s, by); err != nil {
			return err
		}
		if err := answerForm(s, one).Check(typed); err != nil {
			return err
		}
		if typed.Get("version") != strconv.FormatInt(one.Version, 10) {
			return loot.Errorf(loot.Conflict, "Somebody else changed this request meanwhile. Nothing of theirs was overwritten; look again.")
		}
		if one.Subject == "" {
			said = "Kept. Nobody is written to: whoever asked is told outside of here."
		}
		return d.rule(ctx, tx, one, by, ruling{typed.Get("decision"), typed.Get("reason")})
	})
	if web.Wrong(err) != nil {
		return d.showRequest(w, r, http.StatusUnprocessableEntity, false, typed, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/requests/"+url.PathEscape(r.PathValue("id")))
}
