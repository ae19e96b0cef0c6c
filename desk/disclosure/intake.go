package disclosure

import (
	"context"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var intakePage = web.NewPage[intakeView](pageFiles, "pages/intake.html")

type intakeView struct {
	web.View
	Form  web.Fields
	Wrong *web.Problems
	Mail  *web.Alert // that it came by; nil: none
	Empty *web.Empty // the register has nobody; nil: it has
}

// fileKinds are the media types that are kept, with how a file of each ends when it is
// handed out. Nothing that a browser would run is among them.
var fileKinds = map[string]string{
	"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "text/plain": ".txt", mailType: ".eml", "application/zip": ".zip", sealedType: ".zip.age",
}

const fileHint = "PDF, PNG, JPEG, or a message as text; 10 MB at most. It is sealed, with its SHA-256."

const acceptFiles = ".pdf,.png,.jpg,.jpeg,.txt,.eml"

// checkFile says what is wrong with a file that was sent; empty: nothing.
func checkFile(f web.File) (media, wrong string) {
	media, _, _ = mime.ParseMediaType(f.Type)
	switch {
	case media == "application/zip" || media == sealedType || fileKinds[media] == "":
		return media, "This is no PDF, PNG, JPEG or text."
	case len(f.Content) == 0:
		return media, "This file is empty."
	}
	return media, ""
}

// intakeFields are what is written down of a request when it comes.
func intakeFields(s *statement.Statement, all []authority) web.Fields {
	// Nothing is chosen beforehand: who asks, what for and on what ground is read from the
	// request, and a guess that nobody looked at would pass as read.
	who, grounds, kinds, scope := []web.Option{web.Choose}, []web.Option{web.Choose}, []web.Option{web.Choose}, []web.Option(nil)
	for _, a := range all {
		if a.Ended.IsZero() {
			who = append(who, web.Option{Value: a.ID, Label: a.Title})
		}
	}
	for _, b := range bases {
		group := "Of an authority"
		if b.of == "court" {
			group = "Of a court"
		}
		grounds = append(grounds, web.Option{Value: b.id, Label: b.title, Group: group})
	}
	for _, k := range []string{answering, preservation, proceedings} {
		kinds = append(kinds, web.Option{Value: k, Label: kindTitles[k]})
	}
	for _, c := range scopes(s) {
		scope = append(scope, web.Option{Value: string(c.ID), Label: desk.Details(s, collection, c.ID)})
	}
	return web.Fields{
		{Name: "mail", Type: "hidden"}, // that it came by
		{Name: "authority", Label: "Who asks", Type: "select", Required: true, Options: who, Hint: "Of the register. One that is missing is entered there first."},
		{Name: "kind", Label: "What for", Type: "select", Required: true, Options: kinds},
		{Name: "basis", Label: "Legal basis", Type: "select", Required: true, Options: grounds},
		{Name: "reference", Label: "Their file number", MaxLen: 120},
		{Name: "asked", Label: "What they ask for", Type: "textarea", Required: true, MaxLen: 4000, Rows: 5, Wide: true, Hint: "In their words: the law, whom, which period, which details. It is sealed."},
		{Name: "scope", Label: "Kinds of details", Type: "checkboxes", Options: scope, Wide: true},
		{Name: "due", Label: "Answer by", Type: "date", Required: true},
		{Name: "until", Label: "The request runs out on", Type: "date", Hint: "Empty: 30 days after the answer is due."},
		{Name: "hold", Label: "Preserve until", Type: "date", Hint: "Only if an order to preserve says so. The record is not erased before."},
		{Name: "gag", Label: "Secrecy until", Type: "date", Hint: "Only if a court or a law orders it. The person is told on the next day, without anybody having to remember."},
		{Name: "document", Label: "The request", Type: "file", Accept: acceptFiles, Hint: fileHint},
		{Name: "order", Label: "The order of secrecy", Type: "file", Accept: acceptFiles, Hint: "Needed if secrecy is ordered."},
		{Name: "danger", Label: "Imminent danger", Type: "textarea", MaxLen: 2000, Rows: 2, Wide: true, Hint: "Only for an emergency, and always on that basis: what the danger is. Two people still agree; somebody else reviews it afterwards."},
	}
}

// dateOf reads a day of a form; zero: none was given.
func dateOf(typed url.Values, field string, wrong map[string]string) time.Time {
	text := typed.Get(field)
	if text == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		wrong[field] = "This is not a day. One is written as 2026-11-29."
	}
	return day
}

// endOf returns the moment at which a day of an order has ended. Orders end at moments
// of their own, as what an order hides is found by its end when it is extended.
func endOf(day time.Time) time.Time {
	if day.IsZero() {
		return day
	}
	return day.AddDate(0, 0, 1).Add(time.Duration(rand.IntN(1_000_000)) * time.Microsecond) //nolint:gosec // no secret
}

const (
	isPast   = "This day has passed."
	mostDays = 3660
	tooFar   = "This is more than ten years away."
)

// checkDay complains of a day that is over or further away than anybody orders.
func (d *disclosure) checkDay(day time.Time, field string, wrong map[string]string) {
	today := desk.DayOf(d.Now())
	switch {
	case day.IsZero() || wrong[field] != "":
	case day.Before(today):
		wrong[field] = isPast
	case day.After(today.AddDate(0, 0, mostDays)):
		wrong[field] = tooFar
	}
}

// readIntake reads a request that is entered, and what is wrong with it.
func (d *disclosure) readIntake(s *statement.Statement, all []authority, typed url.Values, sent map[string][]web.File) (request, error) {
	wrong := map[string]string{}
	r := request{
		ID: loot.NewID("d"), Kind: typed.Get("kind"), Authority: typed.Get("authority"), Basis: typed.Get("basis"), Opened: d.Now(), Scope: parted[loot.Category](strings.Join(typed["scope"], " ")),
		Emergency: typed.Get("danger") != "" || typed.Get("basis") == danger,
	}
	due, until := dateOf(typed, "due", wrong), dateOf(typed, "until", wrong)
	hold, gag := dateOf(typed, "hold", wrong), dateOf(typed, "gag", wrong)
	for field, day := range map[string]time.Time{"due": due, "until": until, "hold": hold, "gag": gag} {
		d.checkDay(day, field, wrong)
	}
	if until.IsZero() {
		until = due.AddDate(0, 0, 30)
	}
	r.Due, r.Until, r.Hold, r.Gag = due.AddDate(0, 0, 1), until.AddDate(0, 0, 1), endOf(hold), endOf(gag)
	if until.Before(due) && wrong["until"] == "" {
		wrong["until"] = "The request would have run out before its answer is due."
	}
	b, _ := basisOf(r.Basis)
	for _, a := range all {
		if a.ID != r.Authority {
			continue
		}
		switch kind := kindOf(s, a.Recipient); {
		case kind == "":
			wrong["authority"] = "The statement in force knows no recipient of this kind any more."
		case r.Kind == proceedings && kind != loot.Court:
			wrong["kind"] = "Proceedings are before a court."
		case r.Kind != proceedings && string(kind) != b.of:
			wrong["basis"] = "This is not a basis of such an authority."
		}
	}
	if r.Kind == answering && len(r.Scope) == 0 {
		wrong["scope"] = "Say which kinds of details are asked for."
	}
	if r.Kind == preservation && hold.IsZero() {
		wrong["hold"] = "Say until when it has to be preserved."
	}
	if r.Basis == danger && typed.Get("danger") == "" {
		wrong["danger"] = "Say what the danger is: on this basis it is an emergency."
	}
	if !gag.IsZero() && len(sent["order"]) == 0 {
		wrong["order"] = "Secrecy is kept only by its document."
	}
	for field, given := range sent {
		for _, f := range given {
			if _, complaint := checkFile(f); complaint != "" {
				wrong[field] = complaint
			}
		}
	}
	return r, web.Invalid("", wrong)
}

// intakeForm asks what is written down of a request, and begins with the words of the mail
// that it came by.
func (d *disclosure) intakeForm(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	if q.Get("mail") == "" {
		return d.showIntake(w, r, http.StatusOK, nil, nil)
	}
	var typed url.Values
	if err := d.withMail(r.Context(), q.Get("mail"), "read", "", func(_ *store.Tx, m letterIn) error {
		typed = url.Values{"mail": {m.ID}, "asked": {loot.Cut(m.Text, 4000)}}
		return nil
	}); err != nil {
		return err
	}
	return d.showIntake(w, r, http.StatusOK, typed, nil)
}

func (d *disclosure) showIntake(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := intakeView{View: web.ViewOf(r, "Enter a request")}
	v.Crumbs = []web.Crumb{{Label: "Disclosures", Href: home}}
	v.Lead = "Whatever a request came by, it is entered here before anything else is done. Nothing is answered from an inbox."
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var all []authority
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if err = d.signed(ctx, tx, by); err != nil {
			return err
		}
		if all, err = d.authorities(ctx, tx); err != nil {
			return err
		}
		if id := typed.Get("mail"); id != "" && d.approves(by) {
			v.Mail, err = attached(ctx, tx, id)
		}
		return err
	}); err != nil {
		return err
	}
	v.Form = intakeFields(s, all)
	if !slices.ContainsFunc(all, func(a authority) bool { return a.Ended.IsZero() }) {
		v.Empty = &web.Empty{Icon: "landmark", Title: "The register is empty", Text: "Who asks is entered there first, with a contact from an official source.", Action: &web.Action{Label: "Open the register", Href: home + "/register", Icon: "arrow-right"}}
	}
	if typed != nil {
		v.Form = v.Form.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return intakePage.Render(w, r, status, v)
}

// attached says that a mail becomes a document of the request, and leads back to it; nil: it
// does not wait any more.
func attached(ctx context.Context, tx *store.Tx, id string) (*web.Alert, error) {
	list, err := mails(ctx, tx, thatWaits+` AND id = $2`, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &web.Alert{
		Tone: web.Info, Title: "Attached: the mail of " + list[0].At.UTC().Format("2 January 2006, 15:04 MST") + ".",
		Text:    "It is kept whole with the request, as “" + fileTitles["request"] + "”. Choose a document below only if one came beside it.",
		Actions: []web.Action{{Label: "Read the mail", Icon: "mail", Small: true, Href: list[0].Href}},
	}, nil
}

// formOf reads a form, with its files if it has any.
func formOf(r *http.Request) (url.Values, map[string][]web.File, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		typed, err := web.Form(r, 0)
		return typed, nil, err
	}
	typed, sent, err := web.Upload(r, maxUpload)
	for field, list := range sent { // a browser sends a file of no name where none was chosen
		if len(list) == 1 && list[0].Name == "" {
			delete(sent, field)
		}
	}
	return typed, sent, err
}

// intake enters a request.
func (d *disclosure) intake(w http.ResponseWriter, r *http.Request) error {
	typed, sent, err := formOf(r)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var one request
	err = d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		all, err := d.authorities(ctx, tx)
		if err != nil {
			return err
		}
		if err := intakeFields(s, all).Check(typed); err != nil {
			return err
		}
		if one, err = d.readIntake(s, all, typed, sent); err != nil {
			return err
		}
		return d.enter(ctx, tx, one, by, typed, sent)
	})
	if web.Wrong(err) != nil {
		return d.showIntake(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Entered. You deal with it until somebody else takes it over.")
	return web.Redirect(w, r, home+"/"+one.ID)
}

// enter keeps a request with what was written and sent.
func (d *disclosure) enter(ctx context.Context, tx *store.Tx, r request, by loot.Actor, typed url.Values, sent map[string][]web.File) error {
	r.Author, r.Owner = by.ID, by.ID
	if err := insertRequest(ctx, tx, r); err != nil {
		return err
	}
	for _, kind := range []string{"asked", "reference", "danger"} {
		if text := typed.Get(kind); text != "" {
			if err := d.notes.Add(ctx, tx, r.ID, desk.Note{At: d.Now(), Author: by.ID, Kind: kind, Text: text}); err != nil {
				return err
			}
		}
	}
	for field, kind := range map[string]string{"document": "request", "order": "order"} {
		for _, f := range sent[field] {
			media, _ := checkFile(f)
			if err := d.keepFile(ctx, tx, r, by, kind, media, f.Content); err != nil {
				return err
			}
		}
	}
	if id := typed.Get("mail"); id != "" {
		if err := d.enterMail(ctx, tx, r, by, id); err != nil {
			return err
		}
	}
	a, err := d.findAuthority(ctx, tx, r.Authority, "")
	if err != nil {
		return err
	}
	return d.noted(ctx, tx, r, a, by, "entered", "")
}
