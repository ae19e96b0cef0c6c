package rights

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var entryPage = web.NewPage[enterView](pageFiles, "pages/entry.html")

const entryPath = "/console/requests/new"

// oldest is how long ago a request may have come that is entered now, in years: a year
// that was mistyped is none.
const oldest = 3

// A way is one on which a request comes that a colleague enters.
type way struct{ id, title, label string }

var ways = []way{
	{"letter", "A letter", "by letter"},
	{"telephone", "A call", "by telephone"},
	{"mail", "An e-mail", "by e-mail"},
	{"visit", "They were here", "in person"},
}

func wayOf(id string) way {
	for _, w := range ways {
		if w.id == id {
			return w
		}
	}
	return way{}
}

// correction is what people ask for by letter to put a detail right (GDPR Article 16), which
// no agent can.
var correction = action{"correction", "Correction", "to put right what we hold about you", place{
	"/portal", "", "Sign in and correct it, or have us check it: each detail has a link beside it in your portal.",
}}

// rightOf returns the action of a kind of request that is done once it is confirmed.
func rightOf(kind string) action {
	if kind == correction.name {
		return correction
	}
	return actionOf(kind)
}

// counts reports whether what a kind of request asks for counts until it ends.
func counts(kind string) bool { return kind == restriction || kind == objection }

// asks says in a letter what a request asks for; why, and what for, stands in the portal.
func asks(r request) string {
	switch r.Kind {
	case restriction:
		return "to leave your record alone"
	case objection:
		return "to end a use of your record"
	}
	return rightOf(r.Kind).asks
}

// noted is what a colleague entered of a request: its owner's once they confirmed it, as
// until then it may be somebody else's.
func noted(r request, notes []desk.Note) string {
	if !r.proved() {
		return ""
	}
	return desk.LatestNote(notes, "entered")
}

type enterView struct {
	web.View
	Barred *web.Alert
	Form   web.Fields
	Wrong  *web.Problems
}

// entryForm asks for a request that came otherwise than through the portal.
func (d *Rights) entryForm(s *statement.Statement) web.Fields {
	rights := []web.Option{{Label: "Which right?"}}
	for _, a := range append(slices.DeleteFunc(slices.Clone(actions), func(a action) bool { return a.name == "access:specific" }), correction) {
		rights = append(rights, web.Option{Value: a.name, Label: a.title})
	}
	if restricting(s, d.Now()) != "" {
		for _, g := range grounds {
			rights = append(rights, web.Option{Value: restriction + "/" + g.id, Label: g.staff, Group: "Restriction"})
		}
	}
	for _, p := range objectable(s) {
		rights = append(rights, web.Option{Value: objection + "/" + string(p.ID), Label: p.Title, Group: "Objection"})
	}
	came := []web.Option{{Label: "How?"}}
	for _, w := range ways {
		came = append(came, web.Option{Value: w.id, Label: w.title})
	}
	today := desk.DayOf(d.Now())
	return web.Fields{
		{Name: "right", Label: "What they ask for", Type: "select", Required: true, Options: rights, Wide: true},
		{Name: "way", Label: "How it came", Type: "select", Required: true, Options: came},
		{Name: "day", Label: "Day on which it came", Type: "date", Required: true, Max: today.Format(time.DateOnly), Hint: "The time to answer runs from it."},
		{Name: "customer", Label: "Whose right it is", MaxLen: 254, Wide: true, Hint: "Id of the customer, or the e-mail address of their record. Empty: nobody who is known here; they are answered outside, within the same time."},
		{Name: "text", Label: "What it says", Type: "textarea", MaxLen: 2000, Rows: 4, Wide: true, Hint: "It is kept sealed. Only a colleague who answers reads it, and its owner once they confirm it."},
	}
}

// entryPage shows the form.
func (d *Rights) entryPage(w http.ResponseWriter, r *http.Request) error {
	return d.showEntry(w, r, http.StatusOK, nil, nil)
}

func (d *Rights) showEntry(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := enterView{View: web.ViewOf(r, "Enter a request"), Form: d.entryForm(s)}
	v.Lead = "For a request that came by letter, telephone or e-mail. Whom it names gets a letter with a link, and nothing is done before they confirm it."
	v.Crumbs = []web.Crumb{{Label: "Requests", Href: "/console/requests"}}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error { return d.signed(r.Context(), tx, web.ActorOf(r.Context())) }); loot.KindOf(err) == loot.Denied {
		v.Form, v.Barred = nil, &web.Alert{Tone: web.Info, Title: "You cannot enter a request yet.", Text: loot.Message(err), Actions: []web.Action{web.SignUndertaking}}
	} else if err != nil {
		return err
	}
	if typed != nil {
		v.Form = v.Form.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return entryPage.Render(w, r, status, v)
}

// signed refuses whoever has not signed the undertaking.
func (d *Rights) signed(ctx context.Context, tx *store.Tx, by loot.Actor) error {
	signed, err := d.needs.Staff.Signed(ctx, tx, by.ID)
	if err == nil && signed.IsZero() {
		err = errUnsigned
	}
	return err
}

// enter keeps a request that came otherwise, and writes to whom it names.
func (d *Rights) enter(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	one, err := d.readEntry(s, typed)
	if err == nil {
		ctx, by := r.Context(), web.ActorOf(r.Context())
		err = d.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			if err := d.signed(ctx, tx, by); err != nil {
				return err
			}
			if one.Subject, err = d.whose(ctx, tx, s, by, strings.TrimSpace(typed.Get("customer"))); err != nil {
				return err
			}
			return d.keepEntered(ctx, tx, one, by, typed.Get("text"))
		})
	}
	if _, no := errors.AsType[*gate.Refusal](err); no {
		err = web.Invalid("", map[string]string{"customer": "The statement in force lets nobody be found by an address for this. Give the id of the customer."})
	}
	if web.Wrong(err) != nil {
		return d.showEntry(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	if err != nil {
		return err
	}
	said := "Entered. They are written to, and confirm it by the link in that letter."
	if one.Subject == "" {
		said = "Entered. Nobody is written to: answer it outside of here, and close it with a reason."
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/requests/"+url.PathEscape(one.ID))
}

// readEntry reads all of a form but whose right it is.
func (d *Rights) readEntry(s *statement.Statement, typed url.Values) (request, error) {
	if err := d.entryForm(s).Check(typed); err != nil {
		return request{}, err
	}
	today := desk.DayOf(d.Now())
	came, err := time.Parse(time.DateOnly, typed.Get("day"))
	switch {
	case err != nil:
		return request{}, web.Invalid("", map[string]string{"day": "Please give a day, such as " + today.Format(time.DateOnly) + "."})
	case came.After(today):
		return request{}, web.Invalid("", map[string]string{"day": "This day is still to come. Give the one on which the request came."})
	case came.Before(today.AddDate(-oldest, 0, 0)):
		return request{}, web.Invalid("", map[string]string{"day": fmt.Sprintf("This is more than %d years ago. Look at the year again.", oldest)})
	}
	r := request{ID: loot.NewID("q"), Way: typed.Get("way"), Opened: came, Due: dueAfter(came, toAnswer)}
	kind, of, _ := strings.Cut(typed.Get("right"), "/")
	switch r.Kind = kind; kind {
	case restriction:
		r.Ground = of
	case objection:
		r.Purpose = loot.Purpose(of)
	}
	return r, nil
}

// whose returns the customer whom a colleague names by id or address; empty: nobody is named.
// Whether somebody has an address is learned only by colleagues who answer requests.
func (d *Rights) whose(ctx context.Context, tx *store.Tx, s *statement.Statement, by loot.Actor, typed string) (loot.Subject, error) {
	wrong := func(text string) error { return web.Invalid("", map[string]string{"customer": text}) }
	if typed == "" {
		return "", nil
	}
	found := []loot.Subject{loot.Subject(typed)}
	if strings.Contains(typed, "@") {
		if !answers(s, by) {
			return "", wrong("None of your roles looks for an address here. Give the id of the customer.")
		}
		var err error
		if found, err = d.named(ctx, tx, s, typed); err != nil {
			return "", err
		}
	}
	switch len(found) {
	case 0:
		return "", wrong("No record has this address. Leave it empty if nobody who is known here asks.")
	case 1:
	default:
		return "", wrong("Several records have this address. Give the id of the customer.")
	}
	row, err := d.Vault.Row(ctx, tx, found[0], collection)
	if loot.KindOf(err) == loot.NotFound || err == nil && row.Erased() {
		return "", wrong("No record has this id, or it was erased. Leave it empty if nobody who is known here asks.")
	}
	return found[0], err
}

// keepEntered keeps a request, with what it says, and has whom it names written to.
func (d *Rights) keepEntered(ctx context.Context, tx *store.Tx, r request, by loot.Actor, text string) error {
	if r.Subject != "" {
		r.Confirm = d.Now().Add(toConfirm)
	}
	fresh, err := insertRequest(ctx, tx, r)
	if err != nil {
		return err
	}
	if !fresh {
		return web.Invalid("", map[string]string{"right": "They have asked for this already, and it is not over. You find it under Requests."})
	}
	if text != "" {
		if err := d.notes.Add(ctx, tx, r.ID, desk.Note{At: d.Now(), Author: by.ID, Kind: "entered", Text: text}); err != nil {
			return err
		}
	}
	if err := d.record(ctx, tx, r, by, "request.entered"); err != nil || r.Subject == "" {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, askOwnerArgs{r.ID})
}

// askOwnerArgs asks for the letter with the link by which somebody confirms a request that
// a colleague entered.
type askOwnerArgs struct {
	Request string `json:"request"`
}

// Kind names the job.
func (askOwnerArgs) Kind() string { return "rights.askowner" }

// askOwner writes to whom an entered request names.
func (d *Rights) askOwner(ctx context.Context, a askOwnerArgs) error {
	var r request
	token := rand.Text()
	write := false
	if err := d.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		write = false
		r, err = findRequest(ctx, tx, a.Request)
		if loot.KindOf(err) == loot.NotFound {
			return nil // erased meanwhile
		}
		if err != nil || r.Confirm.IsZero() || !r.Closed.IsZero() {
			return err
		}
		write = true
		sum := sha256.Sum256([]byte(token))
		_, err = tx.Exec(ctx, `UPDATE rights_request SET link = $1 WHERE id = $2`, sum[:], r.ID)
		return err
	}); err != nil || !write {
		return err
	}
	sent, err := d.Write(ctx, desk.Errand{By: d.actor(), Purpose: forAccess, To: r.Subject, Collection: collection, ID: fmt.Sprintf("right-%s-%d", r.ID, r.Confirm.Unix()), Letter: mail.Letter{
		Subject: "Did you ask us to use your rights?", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("On " + r.Opened.Format("2 January 2006") + " we were asked " + r.By() + ", in your name, " + asks(r) + ". Nothing happens unless you confirm it."),
			mail.Button("Look at it", d.BaseURL+"/rights/request/"+token),
			mail.Note("The link works until " + r.Confirm.Format("2 January 2006") + ". If you know nothing of this, do nothing, or say so by the link."),
		},
		Why: "You get this because somebody asked it in your name.",
	}})
	if err == nil && !sent {
		d.Log.WarnContext(ctx, "somebody could not be asked to confirm a request; it has to be answered otherwise", "request", r.ID)
	}
	return err
}

// confirming says how far whom a request names confirmed it, and offers to write to them
// once more: a day later, so that nobody is flooded.
func (d *Rights) confirming(r request) (said string, again *web.Action) {
	if r.Confirm.IsZero() || !r.Closed.IsZero() {
		return "", nil
	}
	said = "They were written to. The link works until " + r.Confirm.Format("2 January 2006") + "."
	if !r.Confirm.After(d.Now()) {
		said = "They were written to, and did not use the link in time."
	}
	if d.mayAskAgain(r) {
		again = &web.Action{Label: "Write again", Icon: "mail", Href: "/console/requests/" + url.PathEscape(r.ID) + "/letter", Post: true, Small: true}
	}
	return said, again
}

func (d *Rights) mayAskAgain(r request) bool {
	return !r.Confirm.IsZero() && r.Closed.IsZero() && !d.Now().Before(r.Confirm.Add(day-toConfirm))
}

// askOnceMore writes to whom a request names again; the link before works no longer.
func (d *Rights) askOnceMore(w http.ResponseWriter, r *http.Request) error {
	ctx, path := r.Context(), "/console/requests/"+url.PathEscape(r.PathValue("id"))
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, web.ActorOf(ctx)); err != nil {
			return err
		}
		one, err := findRequest(ctx, tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		if !d.mayAskAgain(one) {
			return loot.Errorf(loot.Conflict, "Nothing is to be confirmed here, or a letter went less than a day ago.")
		}
		one.Confirm = d.Now().Add(toConfirm)
		if err := updateRequest(ctx, tx, one); err != nil {
			return err
		}
		return d.Jobs.Enqueue(ctx, tx, askOwnerArgs{one.ID})
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "They are written to again.")
	return web.Redirect(w, r, path)
}

// toBeConfirmed returns the request that the link of a letter is for.
func (d *Rights) toBeConfirmed(ctx context.Context, tx *store.Tx, token string) (request, error) {
	if len(token) > 100 {
		return request{}, errNoLink
	}
	sum := sha256.Sum256([]byte(token))
	r, err := scanRequest(tx.QueryRow(ctx, `SELECT `+requestColumns+` FROM rights_request WHERE link = $1`, sum[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (!r.Closed.IsZero() || !r.Confirm.After(d.Now())):
		return r, errNoLink
	case err != nil:
		return r, fmt.Errorf("rights: link: %w", err)
	}
	return r, nil
}

// askedWhether asks somebody whether a request is theirs. A link opened by a program
// confirms nothing.
func (d *Rights) askedWhether(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	var one request
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		one, err = d.toBeConfirmed(r.Context(), tx, r.PathValue("token"))
		return err
	}); err != nil {
		return err
	}
	what := asks(one)
	if note := d.row(s, one).Note; note != "" {
		what += " (“" + note + "”)"
	}
	v := confirmView{View: web.ViewOf(r, "Did you ask us for this?"), Yes: "Yes, I asked for it", To: r.URL.Path}
	v.Text = "On " + one.Opened.Format("2 January 2006") + " we were asked " + one.By() + ", in your name, " + what + "."
	v.Layout = web.LayoutBare
	return confirmPage.Render(w, r, http.StatusOK, v)
}

// saidWhether does what was asked, or closes it as not theirs.
func (d *Rights) saidWhether(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := confirmView{View: web.ViewOf(r, "Nothing is done"), Text: "We close the request as one that you did not make."}
	v.Layout = web.LayoutBare
	if typed.Get("answer") == "yes" {
		v.Title = "Confirmed"
		v.Text, err = d.confirmed(r.Context(), s, r.PathValue("token"))
	} else {
		err = d.byOwner(r.Context(), r.PathValue("token"), func(ctx context.Context, tx *store.Tx, me loot.Actor, one request) error {
			one.Decision, one.Closed, one.Ended = disowned, d.Now(), d.Now()
			if err := updateRequest(ctx, tx, one); err != nil {
				return err
			}
			return d.record(ctx, tx, one, me, "request.disowned")
		})
	}
	if err != nil {
		return err
	}
	return confirmPage.Render(w, r, http.StatusOK, v)
}

// byOwner changes the request that the link of a letter is for, as whom it names wants it.
func (d *Rights) byOwner(ctx context.Context, token string, do func(context.Context, *store.Tx, loot.Actor, request) error) error {
	return d.Gate.InTx(ctx, func(tx *store.Tx) error {
		one, err := d.toBeConfirmed(ctx, tx, token)
		if err != nil {
			return err
		}
		return do(ctx, tx, loot.Actor{Kind: loot.Person, ID: string(one.Subject)}, one)
	})
}

// confirmed does what whom a request names confirmed, and says what was done. What counts
// until it ends is answered by a colleague; for the rest the click is all.
func (d *Rights) confirmed(ctx context.Context, s *statement.Statement, token string) (said string, err error) {
	var one request
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		one, err = d.toBeConfirmed(ctx, tx, token)
		return err
	}); err != nil {
		return "", err
	}
	if counts(one.Kind) {
		said = "It counts from this moment on. A colleague answers by " + one.Due.Format("2 January 2006") + ", in your portal and by mail."
	} else {
		what := rightOf(one.Kind)
		done, err := d.perform(ctx, one.Subject, what)
		if err != nil {
			return "", err
		}
		if said = what.place.said; said == "" {
			said = done.detail
		}
	}
	err = d.byOwner(ctx, token, func(ctx context.Context, tx *store.Tx, me loot.Actor, one request) error {
		one.Confirm = time.Time{}
		if !counts(one.Kind) {
			one.Decision, one.Closed, one.Ended = granted, d.Now(), d.Now()
		}
		if err := updateRequest(ctx, tx, one); err != nil {
			return err
		}
		if err := d.record(ctx, tx, one, me, "request.confirmed"); err != nil || !counts(one.Kind) {
			return err
		}
		return d.begin(ctx, tx, s, me, one)
	})
	if one.Kind == drpDeletion && loot.KindOf(err) == loot.NotFound {
		err = nil // it went with the record
	}
	return said, err
}

// What reports call what colleagues wrote of requests of people who are not known, and why
// it goes.
const (
	lapsing = "Requests of people who are not known"
	whyOver = "they are answered"
)

// unknown gives the requests of people who are not known of which there is still what
// colleagues wrote though it goes up to a time, as the purpose says.
func (d *Rights) unknown(ctx context.Context, tx *store.Tx, until time.Time) (out []request, kept statement.Span, err error) {
	s, err := d.inForce()
	if err != nil {
		return nil, kept, err
	}
	p, _ := s.Purpose(forAccess)
	list, err := requests(ctx, tx, `subject = '' AND closed > 0 AND closed <= $1 AND id IN (SELECT request FROM rights_note) ORDER BY closed, id LIMIT 10000`, p.Keep.AboutBefore(until).UnixMicro())
	return slices.DeleteFunc(list, func(r request) bool { return p.Keep.After(r.Closed).After(until) }), p.Keep, err
}

// sweepUnknown erases what colleagues wrote of requests of people who are not known. When
// one came, and that it was answered, stays, which is about nobody.
func (d *Rights) sweepUnknown(ctx context.Context, tx *store.Tx) error {
	over, _, err := d.unknown(ctx, tx, d.Now())
	if err != nil {
		return err
	}
	for _, r := range over {
		if _, err := tx.Exec(ctx, `DELETE FROM rights_note WHERE request = $1`, r.ID); err != nil {
			return fmt.Errorf("rights: sweep: %w", err)
		}
	}
	return d.Erased(ctx, tx, name, desk.Lapse{What: lapsing, Why: whyOver, Clause: "adequacy.visible", Count: len(over)})
}

// lapses foretells what [Rights.sweepUnknown] erases up to a time.
func (d *Rights) lapses(ctx context.Context, tx *store.Tx, until time.Time) (out []desk.Lapse, err error) {
	over, kept, err := d.unknown(ctx, tx, until)
	for _, r := range over {
		out = append(out, desk.Lapse{Day: desk.DayOf(kept.After(r.Closed)), What: lapsing, Why: whyOver, Clause: "adequacy.visible", Count: 1})
	}
	return out, err
}
