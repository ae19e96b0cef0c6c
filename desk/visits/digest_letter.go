package visits

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"

	"loot"
	"loot/column"
	"loot/mail"
	"loot/store"
	"loot/web"
)

// digestJob writes a digest about some days.
type digestJob struct {
	Digest string     `json:"digest"`
	From   column.Day `json:"from"`
	To     column.Day `json:"to"`
}

// Kind names the job.
func (digestJob) Kind() string { return "visits.digest" }

// inDigest are the panels of a digest, with what its letter calls them.
var inDigest = []struct{ dimension, heading string }{{"path", "Most read pages"}, {"source", "Sources"}, {"country", "Countries"}}

// fewInDigest is how many rows each has.
const fewInDigest = 5

// sendDigest writes a digest, if whoever subscribed may still see reports and did
// not end it meanwhile. Killed before it is noted that it went, it is written
// again under the same id, and mail programs show it as the same letter.
func (d *Visits) sendDigest(ctx context.Context, j digestJob) error {
	var s subscription
	var to reader
	var ok bool
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if s, ok, err = findDigest(ctx, tx, j.Digest); err != nil || !ok {
			return err
		}
		to, ok, err = d.reader(ctx, tx, s.Who)
		return err
	}); err != nil || !ok {
		return err
	}
	reports, crowd, err := d.ownReports()
	if loot.KindOf(err) == loot.Denied {
		return nil
	}
	if err != nil {
		return err
	}
	site, err := d.sites.numbered(ctx, s.Site)
	if err != nil {
		return err
	}
	if err := reports.Renew(ctx, site.Number); err != nil {
		return err
	}
	l, err := d.digestLetter(ctx, reports, crowd, site, s, j)
	if err != nil {
		return err
	}
	l.Greet = "Good morning " + to.Name
	if err := d.write(ctx, to, "visits-digest-"+s.ID+"-"+j.To.String(), l); err != nil {
		return err
	}
	_, err = d.DB.Exec(ctx, `UPDATE visits_digest SET sent = $1 WHERE id = $2`, d.Now().UnixMicro(), s.ID)
	return err
}

// before returns the days that a digest compares its own with: a day with the
// same weekday, a week and a month with the one before.
func (j digestJob) before(every string) (from, to column.Day) {
	switch every {
	case daily, weekly:
		return j.From - 7, j.To - 7
	}
	return monthOf(j.From, -1), j.From - 1
}

func (d *Visits) digestLetter(ctx context.Context, reports *Reports, crowd int, site *Site, s subscription, j digestJob) (mail.Letter, error) {
	a, err := d.ask(site, address{From: j.From.String(), To: j.To.String(), Filters: filterTexts(s.Filters)})
	if err != nil {
		return mail.Letter{}, err
	}
	q := Question{Site: site.Number, From: j.From, To: j.To, Filters: s.Filters}
	for _, p := range inDigest {
		q.Dimensions = append(q.Dimensions, p.dimension)
	}
	now, err := reports.Answer(ctx, q)
	if err != nil {
		return mail.Letter{}, err
	}
	q.From, q.To = j.before(s.Every)
	before, err := reports.Answer(ctx, q)
	if err != nil {
		return mail.Letter{}, err
	}
	when := daysWords(j.From, j.To)
	l := mail.Letter{Subject: site.Name + ": " + when, Preview: "What the visits came to, and what changed.", Leave: d.BaseURL + leaveHref(s.ID, d.digestMAC(s.ID)), Why: "You get this because you subscribed to it in the console, under Visits, Digest."}
	about := "Visits to " + site.Name + ", " + when + ", compared with " + daysWords(q.From, q.To) + "."
	if len(s.Filters) > 0 {
		about += " Only these: " + filtersWords(s.Filters) + "."
	}
	l.Blocks = append(l.Blocks, mail.Para(about))
	if now.Few || now.Total.Visitors < int64(crowd) {
		l.Blocks = append(l.Blocks, mail.Para("Fewer than "+strconv.Itoa(crowd)+" visitors are told of, so there is nothing more to say."))
	} else {
		l.Blocks = append(l.Blocks, digestTables(&a, now, before)...)
	}
	if now.Left > 0 {
		l.Blocks = append(l.Blocks, mail.Note(a.told(now, crowd)[0]))
	}
	l.Blocks = append(l.Blocks, mail.Button("Open the report", d.BaseURL+a.href()))
	return l, nil
}

func digestTables(a *asked, now, before *Answer) (out []mail.Block) {
	var rows []mail.Row
	for _, m := range measuresOf(a.site) {
		row := mail.Row{Term: m.label, Value: m.word(now.Total)}
		if !before.Few && before.Total != (Sum{}) {
			row.Note = m.change(now.Total, before.Total, false).letter()
		}
		rows = append(rows, row)
	}
	out = append(out, mail.Table("In all", rows...))
	for _, of := range inDigest {
		d, _ := findDimension(of.dimension)
		p := panelOf(now, d)
		rows = nil
		for _, row := range p.Rows[:min(fewInDigest, len(p.Rows))] {
			name, _ := nameOf(d.Name, row.Value)
			rows = append(rows, mail.Row{Term: name, Value: number(int(row.Visitors)), Note: loot.Plural(row.Views, "view", "views")})
		}
		if len(rows) == 0 {
			continue
		}
		out = append(out, mail.Table(of.heading+", by visitors", rows...))
		for _, s := range a.sources {
			if n := s.Notice(); d.file && n.Href != "" {
				out = append(out, mail.Note(n.Words+", "+n.Href))
			}
		}
	}
	rows = nil
	for _, m := range moved(now.Panels, before.Panels, 6, 2) {
		name, _ := nameOf(m.Name, m.value)
		rows = append(rows, mail.Row{Term: filterWord(m.dimension) + " " + name, Value: number(int(m.before)) + " → " + number(int(m.now))})
	}
	if len(rows) > 0 {
		out = append(out, mail.Table("What changed, in views", rows...))
	}
	return out
}

// letter writes a change in words; nil: none.
func (c *changed) letter() string {
	switch {
	case c == nil:
		return ""
	case c.Icon == "minus":
		return c.Text
	case c.Icon == "arrow-up":
		return "up " + c.Text
	}
	return "down " + c.Text
}

// digestMAC proves that an address that ends a digest stood in one of its
// letters.
func (d *Visits) digestMAC(id string) string {
	mac := hmac.New(sha256.New, d.imports.secret)
	mac.Write([]byte("digest\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func leaveHref(id, mac string) string { return "/visits/digest/" + id + "/" + mac }

var leavePage = web.NewPage[leaveView](pageFiles, "pages/leave.html")

type leaveView struct {
	web.View
	About  string
	Ended  bool
	Action web.Action
}

// leaving returns the digest that an address of a letter ends.
func (d *Visits) leaving(r *http.Request) (s subscription, err error) {
	gone := loot.Errorf(loot.NotFound, "There is no such digest, or it was ended already.")
	id := r.PathValue("id")
	if !hmac.Equal([]byte(r.PathValue("mac")), []byte(d.digestMAC(id))) {
		return s, gone
	}
	err = d.DB.Read(r.Context(), func(tx *store.Tx) error {
		var there bool
		if s, there, err = findDigest(r.Context(), tx, id); err == nil && !there {
			err = gone
		}
		return err
	})
	return s, err
}

// leave asks whoever opens the address whether the digest is to end; a mail
// program that follows all links ends nothing.
func (d *Visits) leave(w http.ResponseWriter, r *http.Request) error {
	s, err := d.leaving(r)
	if err != nil {
		return err
	}
	v, err := d.leaveView(r, s)
	if err != nil {
		return err
	}
	v.Action = web.Action{Label: "End it", Icon: "mail-x", Primary: true, Post: true, Href: r.URL.Path}
	return leavePage.Render(w, r, http.StatusOK, v)
}

// left ends a digest by the button, or at one click in a mail program.
func (d *Visits) left(w http.ResponseWriter, r *http.Request) error {
	s, err := d.leaving(r)
	if err != nil {
		return err
	}
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error { return deleteDigest(r.Context(), tx, s.ID) }); err != nil {
		return err
	}
	v, err := d.leaveView(r, s)
	if err != nil {
		return err
	}
	v.Ended = true
	return leavePage.Render(w, r, http.StatusOK, v)
}

func (d *Visits) leaveView(r *http.Request, s subscription) (leaveView, error) {
	site, err := d.sites.numbered(r.Context(), s.Site)
	if err != nil {
		return leaveView{}, fmt.Errorf("visits: digest: %w", err)
	}
	v := leaveView{View: web.ViewOf(r, "A digest of visits"), About: site.Name}
	v.Layout = web.LayoutBare
	return v, nil
}
