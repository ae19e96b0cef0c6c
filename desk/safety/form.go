package safety

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
	"loot/web"
)

var (
	reportPage = web.NewPage[reportView](pageFiles, "pages/report.html")
	statePage  = web.NewPage[stateView](pageFiles, "pages/state.html")
)

// mostForm is how much the public form takes, in bytes.
const mostForm = 12 << 20

type reportView struct {
	web.View
	Form  web.Fields
	Wrong *web.Problems
	Clear []string // what whoever reports should know
}

// reportForm asks for a report as the statement in force has its two details.
func (d *Safety) reportForm() (web.Fields, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	text, _ := s.Field(reporterText)
	email, _ := s.Field(reporterEmail)
	if text.ID == "" || email.ID == "" {
		return nil, loot.Errorf(loot.Unavailable, "The statement in force has nobody report misuse here. Please write to us.")
	}
	return web.Fields{
		{Name: "kind", Label: "What kind of misuse", Type: "select", Required: true, Options: append([]web.Option{{Label: "What is it?"}}, kindOptions()...)},
		{Name: "at", Label: "When", Type: "datetime-local", MaxLen: 40, Hint: "In UTC. Empty: just now."},
		{Name: "addresses", Label: "Internet addresses that it came from", Type: "textarea", Rows: 3, MaxLen: 3000, Wide: true, Hint: "One in a line, such as 192.0.2.7 or 2001:db8::7."},
		{Name: "urls", Label: "Web addresses", Type: "textarea", Rows: 3, MaxLen: mostURLs * mostURL, Wide: true, Hint: "One in a line, such as https://www.example.com/page. Nobody here opens them with a browser."},
		{Name: "text", Label: text.Title, Type: "textarea", Rows: 6, MaxLen: mostText, Required: true, Wide: true, Hint: "What you saw, and what shows it: headers of a mail, lines of a log, the work and who owns it."},
		{Name: "files", Label: "Files that show it", Type: "file", Wide: true, Hint: "A mail as it came, a log, a picture: " + web.Bytes(mostFile) + " at most. It is sealed and never run."},
		{Name: "email", Label: email.Title, Type: "email", Autocomplete: "email", MaxLen: 254, Hint: email.Hint, Why: email.Needed[forSafety]},
	}, nil
}

func (d *Safety) askReport(w http.ResponseWriter, r *http.Request) error {
	form, err := d.reportForm()
	if err != nil {
		return err
	}
	return d.showReport(w, r, http.StatusOK, form, nil)
}

func (d *Safety) showReport(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := reportView{View: web.ViewOf(r, "Report misuse"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Spam, phishing, an attack or anything else that comes from our network. You need no account and no name."
	v.Clear = []string{
		"A colleague looks at it, hears the customer and judges with reasons.",
		"The customer does not learn from us who reported it.",
		"If you leave an address you hear how it ended. It is sealed, kept with the case and used for nothing else.",
		"You get a page on which you see how it stands, and can erase what you gave.",
		"By the address that you left you can take a copy of what we hold of you at any time.",
	}
	return reportPage.Render(w, r, status, v)
}

// lines returns what stands in the lines of a text.
func lines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// parseAt reads a time with its zone, or without one as UTC.
func parseAt(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} { // as browsers send it
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Parse("2006-01-02 15:04", text)
}

// notTime is the complaint about what is no time.
const notTime = "This is no time. They look like 2026-02-28 14:30, in UTC, or 2026-02-28T14:30:00+01:00."

// readReport reads the public form.
func readReport(typed url.Values, files []web.File) (Report, error) {
	r := Report{Way: ByForm, Kind: Kind(typed.Get("kind")), Text: typed.Get("text"), Reporter: typed.Get("email"), URLs: lines(typed.Get("urls"))}
	wrong := map[string]string{}
	at, err := parseAt(typed.Get("at"))
	if err != nil {
		wrong["at"] = notTime
	}
	for _, text := range lines(typed.Get("addresses")) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			wrong["addresses"] = "One of these is no internet address. They look like 192.0.2.7 and 2001:db8::7."
			continue
		}
		r.Addresses = append(r.Addresses, Seen{a, at})
	}
	for _, f := range files {
		r.Evidence = append(r.Evidence, Evidence{Name: f.Name, Type: f.Type, Content: f.Content})
	}
	return r, web.Invalid("", wrong)
}

func (d *Safety) sendReport(w http.ResponseWriter, r *http.Request) error {
	form, err := d.reportForm()
	if err != nil {
		return err
	}
	var typed url.Values
	var files map[string][]web.File
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "multipart/form-data" {
		typed, files, err = web.Upload(r, mostForm)
	} else {
		typed, err = web.Form(r, 0)
	}
	if err != nil {
		return err
	}
	err = form.Check(typed)
	var report Report
	if err == nil {
		report, err = readReport(typed, files["files"])
	}
	var t Taken
	if err == nil {
		t, err = d.take(r.Context(), report)
	}
	if web.Wrong(err) != nil {
		return d.showReport(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	if t.Again {
		web.SetFlash(w, r, web.Good, "Thank you. This report had come before, and it is being looked into.")
		return web.Redirect(w, r, "/abuse")
	}
	web.SetFlash(w, r, web.Good, "Thank you. Your report is with the abuse desk. Keep the address of this page if you would like to see how it stands.")
	return web.Redirect(w, r, t.Follow)
}

type stateView struct {
	web.View
	Facts []web.Fact
	Rows  []stateRow
	Erase *web.Action
}

// A stateRow is how a case stands, as whoever reported it may know.
type stateRow struct {
	Reference string
	Title     string
	State     web.Badge
}

// followed returns the report that a link follows, with its cases.
func (d *Safety) followed(ctx context.Context, tx *store.Tx, token string) (f filed, in []matter, err error) {
	l, err := d.linkBy(ctx, tx, token, toFollow)
	if err != nil {
		return f, nil, err
	}
	if in, err = cases(ctx, tx, `id IN (SELECT matter FROM safety_about WHERE report = $1) ORDER BY id`, l.Report); err != nil {
		return f, nil, err
	}
	for _, c := range in {
		all, err := reportsOf(ctx, tx, c.ID)
		if err != nil {
			return f, nil, err
		}
		for _, one := range all {
			if one.ID == l.Report {
				f = one
			}
		}
	}
	if f.ID == "" {
		err = errNoLink
	}
	return f, in, err
}

// reportStands shows whoever reported something how it stands.
func (d *Safety) reportStands(w http.ResponseWriter, r *http.Request) error {
	v := stateView{View: web.ViewOf(r, "Your report")}
	v.Lead = "How it stands. Whoever has the address of this page sees it, so keep it to yourself."
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		f, in, err := d.followed(r.Context(), tx, r.PathValue("token"))
		if err != nil {
			return err
		}
		v.Rows, v.Erase = nil, nil
		given := "Nothing: you left no address."
		switch {
		case f.Subject == "":
			given = "It is erased."
		case len(f.Reporter) > 0:
			given = "Your address and what you wrote."
		}
		v.Facts = []web.Fact{
			{Term: "Came", Value: f.At.UTC().Format(letterDay)},
			{Term: "Kind", Value: kindTitle(anAbuse, f.Kind)},
			{Term: "Kept of you", Value: given},
		}
		for _, c := range in {
			v.Rows = append(v.Rows, stateRow{c.Reference(), kindTitle(c.What, c.Kind), publicState(c)})
		}
		if f.Subject != "" {
			v.Erase = &web.Action{
				Label: "Erase what I gave", Icon: "eraser", Danger: true, Post: true, Href: r.URL.Path,
				Confirm: "Your address, what you wrote and your files are erased at once. The case goes on without them, and you hear nothing of it.",
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return statePage.Render(w, r, http.StatusOK, v)
}

// publicState says how a case stands without saying anything about the customer.
func publicState(c matter) web.Badge {
	switch {
	case c.Outcome == elsewhere:
		return web.Badge{Text: "nobody here had the address", Icon: "circle-slash"}
	case c.Outcome == violation:
		return web.Badge{Tone: web.Good, Text: "misuse found", Icon: "gavel"}
	case c.Outcome != "":
		return web.Badge{Text: "no misuse found", Icon: "circle-check"}
	case !c.Acted.IsZero():
		return web.Badge{Tone: web.Info, Text: "being dealt with", Icon: "hourglass"}
	}
	return web.Badge{Tone: web.Info, Text: "waits for a colleague", Icon: "clock"}
}

// forgetReporter erases what somebody gave with a report, at their wish.
func (d *Safety) forgetReporter(w http.ResponseWriter, r *http.Request) error {
	var f filed
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		f, _, err = d.followed(r.Context(), tx, r.PathValue("token"))
		return err
	}); err != nil {
		return err
	}
	if f.Subject != "" {
		if err := d.forgetAtWish(r.Context(), f); err != nil {
			return err
		}
	}
	web.SetFlash(w, r, web.Good, "What you gave is erased.")
	return web.Redirect(w, r, r.URL.Path)
}

// forgetAtWish erases what somebody gave with a report, by a decision of its own.
func (d *Safety) forgetAtWish(ctx context.Context, f filed) error {
	return d.Gate.InTx(ctx, func(tx *store.Tx) error { return d.eraseReport(ctx, tx, reporterOf(f), f.ID, f.Subject) })
}

// eraseReport erases the record of whoever sent a report, with its words and files.
func (d *Safety) eraseReport(ctx context.Context, tx *store.Tx, by loot.Actor, id string, s loot.Subject) error {
	held, err := d.Vault.Held(ctx, tx, s, reporters)
	if err != nil {
		return err
	}
	var fields []loot.Field
	for f := range held {
		fields = append(fields, f)
	}
	p, err := d.Gate.Decide(ctx, tx, gate.Request{Action: loot.Erase, Actor: by, Desk: name, Purpose: forSafety, Subject: s, Collection: reporters, Fields: fields})
	if err != nil {
		return err
	}
	why := "their sender wants it"
	if by.Kind == loot.Desk {
		why = whyOver
	}
	if err := d.Erased(ctx, tx, name, desk.Lapse{What: "Reports of misuse", Why: why, Clause: Keeps[0], Count: 1}); err != nil {
		return err
	}
	if err := d.Vault.Erase(ctx, tx, p); err != nil {
		return err
	}
	return forgetSender(ctx, tx, id)
}

// forgetSender leaves nothing in a report of whoever sent it.
func forgetSender(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Exec(ctx, `UPDATE safety_report SET subject = '', reporter = $1 WHERE id = $2`, []byte{}, id); err != nil {
		return fmt.Errorf("safety: forget: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM safety_evidence WHERE report = $1`, id); err != nil {
		return fmt.Errorf("safety: forget: %w", err)
	}
	return nil
}
