package staff

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/web"
)

var approvalsPage = web.NewPage[approvalsView](pageFiles, "pages/approvals.html")

const approvalsShown = 100

// The collection that customers are in.
const customers loot.Collection = "customer"

type approvalsView struct {
	web.View
	Waiting []approvalRow
	Done    []approvalRow
	Note    string // why whoever looks cannot approve; empty: they can
}

// An approvalRow is one approval as it is shown.
type approvalRow struct {
	ID      string
	Title   string
	Text    string
	Href    string
	Reason  string
	Who     string
	Facts   []web.Fact
	State   web.Badge
	Count   string
	Mine    bool
	Back    *web.Action // to what they asked for; nil: there is none
	CanVote bool
	SaidYes bool   // they answered, and others have not yet
	Next    string // what somebody has to do now that others agreed
	Made    time.Time
	Expires time.Time
}

// renderApprovals shows what waits for a second person: to those who approve
// all of it, to the others what they asked for.
func (d *Desk) renderApprovals(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.IdentityOf(r.Context())
	v := approvalsView{View: web.ViewOf(r, "Approvals")}
	v.Lead = "What one person must not decide alone. A single no ends it."
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Waiting, v.Done, v.Note = nil, nil, ""
		me, err := d.ballot(ctx, tx, who.Actor)
		if err != nil {
			return err
		}
		v.Note = me.Note
		list, err := d.kit.Gate.Approvals(ctx, tx, approvalsShown)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Requester != who.Actor.ID && !me.Approves {
				continue
			}
			row, err := d.approvalRow(ctx, tx, a)
			if err != nil {
				return err
			}
			if row.Mine = a.Requester == who.Actor.ID; !row.Mine {
				row.Back = nil
			}
			if a.State != gate.Pending {
				v.Done = append(v.Done, row)
				continue
			}
			row.CanVote, row.SaidYes = me.canAnswer(a), me.SaidYes[a.ID]
			v.Waiting = append(v.Waiting, row)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(v.Waiting) > 0 && v.Note == "" {
		v.Again = web.SignInAgain(r, d.kit.Now(), "Saying yes or no")
	}
	return approvalsPage.Render(w, r, http.StatusOK, v)
}

// A ballot is what somebody may do with what waits.
type ballot struct {
	Who      loot.Actor
	Approves bool            // by their roles, and so sees all of it
	Note     string          // why they cannot answer; empty: they can
	SaidYes  map[string]bool // approvals that wait for others only
}

func (b ballot) canAnswer(a gate.Approval) bool {
	return b.Note == "" && a.Requester != b.Who.ID && !b.SaidYes[a.ID]
}

func (d *Desk) ballot(ctx context.Context, tx *store.Tx, who loot.Actor) (ballot, error) {
	b := ballot{Who: who, Approves: d.kit.Gate.Approves(who)}
	me, err := d.voter(ctx, tx, who)
	if err != nil {
		return b, err
	}
	switch {
	case !b.Approves:
		b.Note = "None of your roles approves, so you see what you asked for yourself."
	case d.kit.Now().Sub(me.Since) < gate.YoungAccount:
		b.Note = "Your account was made, or its roles were changed, less than 72 hours ago. Until then it approves nothing."
	}
	b.SaidYes, err = d.kit.Gate.SaidYes(ctx, tx, who)
	return b, err
}

// waiting counts, for the navigation, what waits for whoever looks: what they
// can answer, and what they asked for.
func (d *Desk) waiting(ctx context.Context) (n int, err error) {
	who := web.ActorOf(ctx)
	err = d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n = 0
		me, err := d.ballot(ctx, tx, who)
		if err != nil {
			return err
		}
		list, err := d.kit.Gate.Approvals(ctx, tx, approvalsShown)
		for _, a := range list {
			if a.State == gate.Pending && (a.Requester == who.ID || me.canAnswer(a)) {
				n++
			}
		}
		return err
	})
	return n, err
}

func (d *Desk) approvalRow(ctx context.Context, tx *store.Tx, a gate.Approval) (approvalRow, error) {
	a, request, matter, reason, err := d.kit.Gate.Approval(ctx, tx, a.ID)
	if err != nil {
		return approvalRow{}, err
	}
	row := approvalRow{ID: a.ID, Reason: reason, State: approvalBadge(a.State), Count: fmt.Sprintf("%d of %d", a.Granted, a.Needed), Made: a.Made, Expires: a.Expires}
	if row.Who, err = d.Name(ctx, tx, a.Requester); err != nil {
		return approvalRow{}, err
	}
	row.Who = cmp.Or(row.Who, d.options.Matters[a.Kind].By, "a part of the program")
	switch {
	case request != nil:
		d.describeRequest(&row, *request, a.Requester == web.ActorOf(ctx).ID)
		row.Back = d.wayBack(a, *request)
	case strings.HasPrefix(a.Kind, "staff."):
		return row, d.describeChange(ctx, tx, &row, a.Kind, matter)
	default:
		m, ok := d.options.Matters[a.Kind]
		row.Title = m.Title
		if !ok {
			row.Title = a.Kind
		}
		if m.Describe != nil {
			row.Text, row.Href, err = m.Describe(ctx, tx, matter)
		}
		if a.State == gate.Approved {
			row.Next = m.Next
		}
	}
	return row, err
}

func approvalBadge(s gate.ApprovalState) web.Badge {
	switch s {
	case gate.Expired:
		return web.Badge{Text: "Expired", Icon: "clock"}
	case gate.Approved:
		return web.Badge{Tone: web.Good, Text: "Approved", Icon: "check"}
	case gate.Refused:
		return web.Badge{Tone: web.Bad, Text: "Refused", Icon: "x"}
	case gate.Begun:
		return web.Badge{Tone: web.Warn, Text: "Under way", Icon: "hourglass"}
	case gate.Used:
		return web.Badge{Text: "Done", Icon: "check-check"}
	case gate.Pending:
	}
	return web.Badge{Tone: web.Info, Text: "Waits", Icon: "clock"}
}

// wayBack leads whoever asked back to what they asked for: to the page where it is carried
// out, or to the record, which it opens at once if the others agreed.
func (d *Desk) wayBack(a gate.Approval, r gate.Request) *web.Action {
	if r.Page != "" {
		return &web.Action{Label: "To its page", Icon: "arrow-right", Primary: a.State == gate.Approved, Small: true, Href: r.Page}
	}
	if r.Collection != customers || a.State == gate.Expired {
		return nil
	}
	record := desk.CustomerPath(r.Subject)
	if a.State == gate.Approved {
		return &web.Action{Label: "Open now", Icon: "lock-open", Primary: true, Small: true, Post: true, Href: record + "/open", Hidden: []web.Hidden{{Name: "approval", Value: a.ID}}}
	}
	return &web.Action{Label: "To the record", Icon: "arrow-right", Small: true, Href: record + "?approval=" + url.QueryEscape(a.ID)}
}

// tellAsker writes to whoever asked for the opening of a record, or for the answer to a
// request from outside, that the others agreed, as that holds for a while only.
func (d *Desk) tellAsker(ctx context.Context, id string) error {
	var to Member
	var until time.Time
	var answers bool
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		to = Member{}
		a, request, _, _, err := d.kit.Gate.Approval(ctx, tx, id)
		if err != nil || request == nil || a.State != gate.Approved {
			return err
		}
		until, answers = a.Expires, request.Action == loot.Answer
		to, _, err = d.Member(ctx, tx, a.Requester)
		return err
	}); err != nil || to.Email == "" {
		return err
	}
	can, agreed := "You can open it once", "the opening of a record that you asked for"
	if answers {
		can, agreed = "You can seal the answer once", "the answer to a request from outside that you asked for"
	}
	m, err := mail.Letter{
		Subject: "What you asked for was agreed to", Preview: can + ".", Greet: "Good day " + to.Name,
		Blocks: []mail.Block{
			mail.Para("The others have agreed to " + agreed + ". " + can + ", until " + until.UTC().Format("2 January, 15:04 UTC") + "."),
			mail.Button("See my approvals", d.kit.BaseURL+"/console/approvals"),
		},
		Why: "You get this because you asked colleagues to agree. What it is about stands in the console alone.",
	}.Message(d.kit.House(), "approval-"+id, to.Email)
	if err != nil {
		return err
	}
	if err := d.kit.Mail.Send(ctx, m); !errors.Is(err, mail.ErrRejected) {
		return err
	}
	d.kit.Log.WarnContext(ctx, "a letter was refused for good")
	return nil
}

// describeRequest says what opening of a record is asked for. It leads to the record
// only whoever asked: to agree, nobody has to look.
func (d *Desk) describeRequest(row *approvalRow, r gate.Request, mine bool) {
	row.Title = "Open a record"
	purpose, to := string(r.Purpose), r.Recipient
	var fields []string
	if s, ok := d.inForce(); ok {
		if decl, ok := s.Recipient(r.Recipient); ok {
			to = decl.Title
		}
		if p, ok := s.Purpose(r.Purpose); ok {
			purpose = p.Title
		}
		for _, f := range r.Fields {
			title := string(f)
			if decl, ok := s.Field(f); ok {
				title = decl.Title
			}
			fields = append(fields, title)
		}
	}
	record := web.Fact{Term: "Record", Value: loot.Cut(string(r.Subject), 7) + "…"}
	if r.Collection == customers {
		record.Value = "Customer " + record.Value
		if mine && r.Action != loot.Answer {
			record.Href = desk.CustomerPath(r.Subject)
		}
	}
	row.Facts = []web.Fact{{Term: "Purpose", Value: purpose}, {Term: "Fields", Value: strings.Join(fields, ", ")}, record}
	if r.Case != "" {
		row.Facts = append(row.Facts, caseFact(r))
	}
	if r.Action == loot.Answer {
		row.Title, row.Text, row.Href = "Hand over details", "see what was asked", r.Page
	}
	if to != "" {
		row.Facts = append(row.Facts, web.Fact{Term: "Goes to", Value: to})
	}
}

// caseFact says for which case a record is opened, and leads there where the case
// says by itself whose it is: requests from outside and incidents have a reference.
func caseFact(r gate.Request) web.Fact {
	f := web.Fact{Term: "Case", Value: r.Case}
	switch path := url.PathEscape(r.Case); {
	case r.Action == loot.Answer:
		f.Value, f.Href = desk.Reference("D", r.Case), r.Page
	case desk.IsID("i", r.Case), desk.IsReference("I", r.Case): // as staff name an incident
		f.Value, f.Href = desk.Reference("I", r.Case), "/console/incidents/"+path
	case len(r.Case) > shortCase:
		f.Value = "…" + strings.ToUpper(r.Case[len(r.Case)-8:])
	}
	return f
}

// shortCase is how long a reference of a case may be that is shown whole.
const shortCase = 20

var changeTitles = map[string]string{
	kindNew: "A new colleague", kindRoles: "Other roles", kindReset: "Renew how somebody signs in", kindRemove: "Remove an account",
}

// describeChange says which change of an account is asked for.
func (d *Desk) describeChange(ctx context.Context, tx *store.Tx, row *approvalRow, kind string, matter []byte) error {
	var c change
	if err := json.Unmarshal(matter, &c); err != nil {
		return fmt.Errorf("staff: approval %s: %w", row.ID, err)
	}
	row.Title = changeTitles[kind]
	m, ok, err := d.Member(ctx, tx, c.Account)
	if err != nil {
		return err
	}
	if !ok {
		row.Text = "The proposal was withdrawn."
		return nil
	}
	row.Text, row.Href = m.Name, "/console/staff/"+m.ID
	switch kind {
	case kindNew:
		row.Facts = []web.Fact{{Term: "Roles", Value: d.roleTitles(c.Roles)}, {Term: "E-mail", Value: m.Email, Mail: true}}
	case kindRoles:
		row.Facts = []web.Fact{{Term: "So far", Value: d.roleTitles(m.Roles)}, {Term: "From then on", Value: d.roleTitles(c.Roles)}}
		if row.State.Text != "Waits" {
			row.Facts = row.Facts[1:]
		}
	}
	return nil
}
