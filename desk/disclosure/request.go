package disclosure

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var requestPage = web.NewPage[requestView](pageFiles, "pages/request.html")

type requestView struct {
	web.View
	Barred   *web.Alert
	Alerts   []web.Alert
	Refusal  *web.Refusal
	Password string // of the sealed answer, where it was asked for; empty: none
	Facts    []web.Fact
	Way      []web.Step
	Panels   []panel
	More     []panel // what is done less often
	Files    []fileRow
	Notes    []noteView
	Manifest string
}

// A panel is one step that whoever looks can do.
type panel struct {
	ID, Title, Text, Icon, Button, Action string
	Upload, Danger                        bool
	Folded                                bool // it is done, or done less often
	Version                               int64
	Fields                                web.Fields
	Wrong                                 *web.Problems
}

type fileRow struct {
	file
	Title, Who, Weight, Href string
}

// A noteView is what was written at once: one note, or an assessment with its answers.
type noteView struct {
	Title, Who, Text string
	At               time.Time
	Answers          []web.Fact
}

// shown is what a page shows besides how the request stands.
type shown struct {
	step    string // whose form was sent and is wrong; empty: none
	typed   url.Values
	wrong   error
	refusal *web.Refusal
	once    string
}

func (d *disclosure) show(w http.ResponseWriter, r *http.Request) error {
	return d.showRequest(w, r, http.StatusOK, shown{})
}

// rarely are the steps that stand below the others.
var rarely = []string{takeStep.id, passwordStep.id, refuseStep.id, preserveStep.id, secrecyStep.id, documentStep.id}

func (d *disclosure) showRequest(w http.ResponseWriter, r *http.Request, status int, sh shown) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by, id := r.Context(), web.ActorOf(r.Context()), r.PathValue("id")
	v := requestView{View: web.ViewOf(r, reference(id)), Refusal: sh.refusal, Password: sh.once}
	v.Crumbs = []web.Crumb{{Label: "Disclosures", Href: home}}
	var st stand
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Files, v.Notes = nil, nil
		if st, err = d.stand(ctx, tx, s, id, "", by); err != nil {
			return err
		}
		name := func(staff string) string {
			who, nameErr := d.needs.Staff.Name(ctx, tx, staff)
			if nameErr != nil {
				err = nameErr
			}
			return who
		}
		v.Facts = d.factsOf(st, name)
		list, err := files(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, f := range list {
			v.Files = append(v.Files, fileRow{file: f, Title: fileTitles[f.Kind], Who: name(f.Author), Weight: web.Bytes(f.Size), Href: home + "/" + id + "/file/" + f.ID})
		}
		v.Notes = written(st.notes, name)
		return err
	})
	if loot.KindOf(err) == loot.Denied {
		v.Barred = &web.Alert{Tone: web.Info, Title: "This request does not open for you.", Text: loot.Message(err)}
		if err == errUnsigned { //nolint:errorlint // the very value
			v.Barred.Actions = []web.Action{web.SignUndertaking}
		}
		return requestPage.Render(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	v.Title = st.authority.Title
	v.Lead = kindTitles[st.r.Kind] + ". " + reference(id)
	v.Way, v.Alerts = st.way(), st.alerts()
	if !st.r.Answered.IsZero() {
		v.Manifest = home + "/" + id + "/manifest"
	}
	for _, k := range steps {
		if !k.offered(st) {
			continue
		}
		p := panel{ID: k.id, Title: k.title, Text: k.text, Icon: k.icon, Button: k.button, Upload: k.upload, Danger: k.danger, Action: home + "/" + id + "/" + k.id, Version: st.r.Version}
		if k.fields != nil {
			p.Fields = k.fields(st)
		}
		if k.id == sh.step {
			p.Fields = p.Fields.With(sh.typed, sh.wrong)
		}
		for i := range p.Fields {
			p.Fields[i].Form = k.id
		}
		if k.id == sh.step {
			p.Wrong = web.ProblemsOf(sh.wrong, p.Fields)
		}
		p.Folded = slices.Contains(rarely, k.id) || k.id == personStep.id && st.r.Subject != "" || k.id == assessStep.id && st.r.valid()
		if slices.Contains(rarely, k.id) {
			v.More = append(v.More, p)
		} else {
			v.Panels = append(v.Panels, p)
		}
	}
	return requestPage.Render(w, r, status, v)
}

// written returns what was written, the latest first, with the answers of an assessment in
// one.
func written(notes []desk.Note, name func(string) string) (out []noteView) {
	round := map[string]bool{} // the questions that the last assessment has answered; nil: the last is none
	for _, n := range notes {
		if n.Kind == notePassword {
			continue
		}
		id, title := answerOf(n.Kind)
		if id == "" {
			round = nil
			out = append(out, noteView{Title: cmp.Or(noteTitles[n.Kind], n.Kind), Who: name(n.Author), Text: n.Text, At: n.At})
			continue
		}
		if last := len(out) - 1; len(round) == 0 || round[id] || !out[last].At.Equal(n.At) {
			round = map[string]bool{}
			out = append(out, noteView{Title: "Assessment", Who: name(n.Author), At: n.At})
		}
		round[id] = true
		last := &out[len(out)-1]
		last.Answers = append(last.Answers, web.Fact{Term: title, Value: n.Text})
	}
	slices.Reverse(out)
	return out
}

// factsOf are what stands about a request.
func (d *disclosure) factsOf(st stand, name func(string) string) []web.Fact {
	r, state := st.r, st.state()
	b, _ := basisOf(r.Basis)
	day := "2 January 2006"
	due := web.Fact{Term: "Answer by", Value: lastDay(r.Due).Format(day), Note: "The request runs out on " + lastDay(r.Until).Format(day) + "."}
	if d.overdue(r) {
		due.Badge = &overdueBadge
	}
	out := []web.Fact{
		{Term: "State", Badge: &state},
		{Term: "Who asks", Value: st.authority.Title, Note: statement.CountryName(st.authority.Country)},
		{Term: "Call back", Value: st.authority.Contact},
		{Term: "Legal basis", Value: b.title},
		due,
		{Term: "Entered", Value: r.Opened.UTC().Format(day), Note: name(r.Author)},
		{Term: "Dealt with by", Value: name(r.Owner)},
		{Term: "Case", Value: r.ID, Code: true},
	}
	if r.Emergency {
		out = append(out, web.Fact{Term: "Emergency", Badge: &emergencyBadge})
	}
	if len(r.Scope) > 0 {
		var scope []string
		for _, c := range r.Scope {
			scope = append(scope, desk.Details(st.s, collection, c))
		}
		out = append(out, web.Fact{Term: "Kinds of details", Value: strings.Join(scope, "; ")})
	}
	if r.Subject != "" {
		out = append(out, web.Fact{Term: "Person", Value: string(r.Subject), Code: true})
	}
	if len(r.Fields) > 0 {
		out = append(out, web.Fact{Term: "Chosen", Value: strings.Join(desk.Titles(st.s, r.Fields...), ", ")})
	}
	if !r.Gag.IsZero() {
		out = append(out, web.Fact{Term: "Secrecy", Value: "until " + lastDay(r.Gag).Format(day), Badge: &web.Badge{Tone: web.Warn, Text: "secret", Icon: "eye-off"}})
		if !r.Gag.After(st.now) {
			out[len(out)-1].Badge = &web.Badge{Text: "ended", Icon: "eye"}
		}
	}
	if !r.Hold.IsZero() {
		out = append(out, web.Fact{Term: "Preserved", Value: "until " + lastDay(r.Hold).Format(day)})
	}
	return out
}

// way is how far a request has come.
func (st stand) way() []web.Step {
	if st.r.Kind != answering {
		return nil
	}
	n := 1
	switch {
	case !st.r.Closed.IsZero():
		n = 6
	case !st.r.Answered.IsZero():
		n = 5
	case st.approval.State == gate.Approved:
		n = 4
	case st.r.valid() && st.r.Subject != "":
		n = 3
	case st.r.Subject != "":
		n = 2
	}
	return web.Steps(n, "Person", "Assessment", "Others agree", "Answer", "Handed over")
}

// alerts say what stands in the way, or is waited for.
func (st stand) alerts() (out []web.Alert) {
	add := func(tone web.Tone, title, text string) {
		out = append(out, web.Alert{Tone: tone, Title: title, Text: text})
	}
	if st.r.Closed.IsZero() && st.authority.Verified.IsZero() {
		add(web.Warn, "The contact of who asks is not verified.", "Until another colleague has verified it in the register, calling back proves nothing.")
	}
	if st.open() && st.r.Kind == answering && !st.now.Before(st.r.Until) {
		add(web.Bad, "The request has run out.", "It cannot be answered any more. Refuse it, or enter the new one.")
	}
	if st.open() {
		st.agreeing(add)
	}
	if why := st.closing(); why != "" && st.r.Closed.IsZero() {
		add(web.Warn, "It has to be reviewed.", why)
	}
	if st.open() && st.r.valid() && st.r.Subject != "" && st.r.Kind == answering && len(st.fieldsOffered()) == 0 {
		add(web.Info, "Nothing is held of what it covers.", "Then that is the answer: hand over nothing.")
	}
	return out
}

// agreeing says how far the others are, to whom it still matters.
func (st stand) agreeing(add func(tone web.Tone, title, text string)) {
	a := st.approval
	switch {
	case a.State == gate.Pending:
		add(web.Info, "The others are asked.", loot.Plural(a.Granted, "has", "have")+" agreed, of "+loot.Plural(a.Needed, "who is needed.", "who are needed.")+" They find it under Approvals.")
	case a.State == gate.Approved && a.Requester != st.by.ID:
		add(web.Info, "The others agreed.", "Whoever asked them seals the answer.")
	case a.State == gate.Refused:
		add(web.Warn, "Somebody said no.", "Talk to them; then choose less, or refuse the request.")
	case a.State == gate.Expired && a.Granted < a.Needed:
		add(web.Warn, "Not all of the others answered in time.", "They have to be asked again.")
	case a.State == gate.Expired:
		add(web.Warn, "What the others agreed to was not used in time.", "They have to be asked again.")
	}
}
