package staff

import (
	"context"
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
	"loot/store"
	"loot/web"
)

// byToken marks what a program did by somebody's token.
const byToken = gate.ByToken

// A review is an access that a rule raised.
type review struct {
	ID, Account, Rule             string
	Day                           day
	Entry                         string
	Number                        int
	Raised, Due, Answered, Closed time.Time
	Reviewer, Outcome             string
	told                          int64
}

// What of a review was written to whom.
const (
	toldRaised = 1 << iota
	toldOverdue
	toldReviewers
)

const reviewColumns = `id, account, rule, day, entry, number, raised, due, answered, closed, reviewer, outcome, told`

func scanReview(row interface{ Scan(...any) error }) (r review, err error) {
	var raised, due, answered, closed int64
	err = row.Scan(&r.ID, &r.Account, &r.Rule, &r.Day, &r.Entry, &r.Number, &raised, &due, &answered, &closed, &r.Reviewer, &r.Outcome, &r.told)
	r.Raised, r.Due, r.Answered, r.Closed = store.Instant(raised), store.Instant(due), store.Instant(answered), store.Instant(closed)
	return r, err
}

// reviewsShown is how many reviews a page shows.
const reviewsShown = 200

// reviews returns those that are open, then the latest of the others.
func reviews(ctx context.Context, tx *store.Tx) ([]review, error) {
	rows, err := tx.Query(ctx, `SELECT `+reviewColumns+` FROM staff_review ORDER BY CASE closed WHEN 0 THEN 0 ELSE 1 END, raised DESC, id LIMIT $1`, reviewsShown)
	if err != nil {
		return nil, fmt.Errorf("staff: reviews: %w", err)
	}
	defer rows.Close()
	var out []review
	for rows.Next() {
		r, err := scanReview(rows)
		if err != nil {
			return nil, fmt.Errorf("staff: reviews: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func findReview(ctx context.Context, tx *store.Tx, id string) (review, error) {
	r, err := scanReview(tx.QueryRow(ctx, `SELECT `+reviewColumns+` FROM staff_review WHERE id = $1`+tx.ForUpdate(), id))
	if errors.Is(err, sql.ErrNoRows) {
		return review{}, loot.Errorf(loot.NotFound, "There is no such review.")
	}
	if err != nil {
		return review{}, fmt.Errorf("staff: review: %w", err)
	}
	return r, nil
}

// reviewers returns who may record what became of a raised access: whoever
// approves or, as long as nobody does, whoever administers.
func (d *Desk) reviewers(ctx context.Context, tx *store.Tx) (out []string, err error) {
	all, err := d.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, may := range []func(loot.Actor) bool{d.kit.Gate.Approves, func(a loot.Actor) bool { return d.has(a.Roles, administers) }} {
		for _, a := range all {
			if may(a) {
				out = append(out, a.ID)
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out, nil
}

// mayReview reports whether somebody may record what became of an access: a
// reviewer who is not the person, or the person where there is no other.
func mayReview(reviewers []string, r review, by string) (may, alone bool) {
	others := slices.ContainsFunc(reviewers, func(id string) bool { return id != r.Account })
	if by == r.Account {
		return !others && slices.Contains(reviewers, by), true
	}
	return slices.Contains(reviewers, by), false
}

var errReviewUnsigned = loot.Errorf(loot.Denied, "Whoever reviews what colleagues opened signs the confidentiality undertaking first. You find it under Undertaking.")

var outcomes = []web.Option{
	{Value: "in-order", Label: "In order: the work needed it"},
	{Value: "advised", Label: "Not needed, and talked about"},
	{Value: "breach", Label: "A breach of the undertaking: it opens an incident"},
}

func answerForm(id string) web.Fields {
	return web.Fields{{Name: "text", Form: "answer-" + id, Label: "What did the work need it for?", Type: "textarea", Rows: 2, MaxLen: 1000, Required: true, Plain: true, Wide: true, Hint: "It is kept sealed. Name no customer."}}
}

func outcomeForm(id string) web.Fields {
	return web.Fields{
		{Name: "outcome", Form: "outcome-" + id, Label: "Outcome", Type: "select", Required: true, Plain: true, Options: slices.Concat([]web.Option{web.Choose}, outcomes)},
		{Name: "text", Form: "outcome-" + id, Label: "Why", Type: "textarea", Rows: 2, MaxLen: 1000, Required: true, Plain: true, Wide: true},
	}
}

var knowForm = web.Fields{{Name: "subject", Label: "Customer whom you know", MaxLen: desk.SubjectMax, Required: true, Plain: true, Hint: "Their id, or the address of the customer's page. Opening their record is then yours to answer for, so leave it to a colleague."}}

type reviewView struct {
	web.View
	Mine     []reviewRow
	Others   []reviewRow
	Done     []reviewRow
	Reviews  bool       // whoever looks reviews
	Unsigned *web.Alert // they would, and have to sign first
	Known    []acquaintance
	Form     web.Fields
	Wrong    *web.Problems
}

// A reviewRow is a review as it is shown.
type reviewRow struct {
	review
	What, Who, When string
	State           web.Badge
	Notes           []noteRow
	Answer, Decide  web.Fields
	Wrong           *web.Problems
}

type noteRow struct{ Title, Who, Text string }

func (d *Desk) reviewPage(w http.ResponseWriter, r *http.Request) error {
	return d.showReviews(w, r, http.StatusOK, "", nil, nil)
}

// showReviews shows everybody what they have to answer for, and reviewers what
// others have. The form named which was sent and was wrong.
func (d *Desk) showReviews(w http.ResponseWriter, r *http.Request, status int, which string, typed url.Values, wrong error) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	v := reviewView{View: web.ViewOf(r, "Access review"), Form: knowForm}
	v.Lead = "What was opened in an unusual way. Whoever opened it says why, and somebody else records what became of it."
	if which == "know" {
		v.Form = knowForm.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Mine, v.Others, v.Done = nil, nil, nil
		list, err := reviews(ctx, tx)
		if err != nil {
			return err
		}
		may, err := d.reviewers(ctx, tx)
		if err != nil {
			return err
		}
		signed, err := d.Signed(ctx, tx, me.ID)
		if err != nil {
			return err
		}
		v.Reviews, v.Unsigned = slices.Contains(may, me.ID) && !signed.IsZero(), nil
		if slices.Contains(may, me.ID) && signed.IsZero() {
			v.Unsigned = &web.Alert{Tone: web.Info, Title: "What colleagues answer for does not open for you yet.", Text: loot.Message(errReviewUnsigned), Actions: []web.Action{web.SignUndertaking}}
		}
		if v.Known, err = acquaintances(ctx, tx, me.ID); err != nil {
			return err
		}
		for _, one := range list {
			if one.Account != me.ID && !v.Reviews {
				continue
			}
			row, err := d.reviewRow(ctx, tx, one)
			if err != nil {
				return err
			}
			reviewing, _ := mayReview(may, one, me.ID)
			if reviewing && v.Reviews && one.Closed.IsZero() && d.ready(one) {
				row.Decide = outcomeForm(one.ID)
			}
			if one.Account == me.ID && one.Closed.IsZero() && one.Answered.IsZero() {
				row.Answer = answerForm(one.ID)
			}
			switch which {
			case "answer-" + one.ID:
				row.Wrong, row.Answer = web.ProblemsOf(wrong, row.Answer), row.Answer.With(typed, wrong)
			case "outcome-" + one.ID:
				row.Wrong, row.Decide = web.ProblemsOf(wrong, row.Decide), row.Decide.With(typed, wrong)
			}
			switch {
			case !one.Closed.IsZero():
				v.Done = append(v.Done, row)
			case one.Account == me.ID:
				v.Mine = append(v.Mine, row)
			default:
				v.Others = append(v.Others, row)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return reviewsPage.Render(w, r, status, v)
}

// ready reports whether an outcome can be recorded: the day is over, and it was
// answered or was to be by now.
func (d *Desk) ready(r review) bool {
	now := d.kit.Now()
	return !now.Before(r.Day.end()) && (!r.Answered.IsZero() || now.After(r.Due))
}

func (d *Desk) reviewRow(ctx context.Context, tx *store.Tx, r review) (row reviewRow, err error) {
	row = reviewRow{review: r, What: ruleWords[r.Rule], When: r.Day.start().Format("2 Jan 2006")}
	if row.Who, err = d.Name(ctx, tx, r.Account); err != nil {
		return row, err
	}
	switch {
	case !r.Closed.IsZero():
		row.State = web.Badge{Text: strings.Split(labelOf(outcomes, r.Outcome), ":")[0]}
		if r.Outcome == "breach" {
			row.State.Tone = web.Bad
		}
	case !r.Answered.IsZero():
		row.State = web.Badge{Tone: web.Info, Text: "answered"}
	case d.kit.Now().After(r.Due):
		row.State = web.Badge{Tone: web.Bad, Text: "overdue"}
	default:
		row.State = web.Badge{Tone: web.Warn, Text: "to be answered by " + r.Due.Format("2 Jan")}
	}
	notes, err := d.notes.Of(ctx, tx, r.ID)
	if err != nil {
		return row, err
	}
	for _, n := range notes {
		who, err := d.Name(ctx, tx, n.Author)
		if err != nil {
			return row, err
		}
		row.Notes = append(row.Notes, noteRow{map[string]string{"answer": "Answer", "outcome": "Outcome", "alone": "Outcome, alone: there is nobody else"}[n.Kind], who, n.Text})
	}
	return row, nil
}

func labelOf(options []web.Option, value string) string {
	if i := slices.IndexFunc(options, func(o web.Option) bool { return o.Value == value }); i >= 0 {
		return options[i].Label
	}
	return value
}

// takeReview reads a form about a review and does what it asks for.
func (d *Desk) takeReview(w http.ResponseWriter, r *http.Request, which string, fields func(string) web.Fields, do func(tx *store.Tx, one review, by loot.Actor, form url.Values) error) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err = fields(id).Check(form); err == nil {
		err = d.kit.DB.InTx(r.Context(), func(tx *store.Tx) error {
			one, err := findReview(r.Context(), tx, id)
			if err != nil {
				return err
			}
			if !one.Closed.IsZero() {
				return loot.Errorf(loot.Conflict, "What became of this access was recorded meanwhile.")
			}
			return do(tx, one, web.ActorOf(r.Context()), form)
		})
	}
	if web.Wrong(err) != nil {
		return d.showReviews(w, r, http.StatusUnprocessableEntity, which+"-"+id, form, err)
	}
	if err != nil {
		return err
	}
	said := "Your answer is kept. Whoever reviews it is written to once the day is over."
	switch {
	case which == "outcome" && form.Get("outcome") == "breach":
		said = "The outcome is recorded, and an incident is opened about it. Those who deal with incidents are written to within ten minutes."
	case which == "outcome":
		said = "The outcome is recorded. Whoever opened it reads it here."
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/access-review")
}

// answerReview takes the reason of whoever opened.
func (d *Desk) answerReview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	return d.takeReview(w, r, "answer", answerForm, func(tx *store.Tx, one review, by loot.Actor, form url.Values) error {
		switch {
		case one.Account != by.ID:
			return loot.Errorf(loot.Denied, "Only whoever opened it answers.")
		case !one.Answered.IsZero():
			return loot.Errorf(loot.Conflict, "You have answered this already.")
		}
		if _, err := tx.Exec(ctx, `UPDATE staff_review SET answered = $1 WHERE id = $2`, d.kit.Now().UnixMicro(), one.ID); err != nil {
			return fmt.Errorf("staff: review: %w", err)
		}
		if _, err := d.kit.Gate.Note(ctx, tx, by, "access.answered", one.ID); err != nil {
			return err
		}
		return d.notes.Add(ctx, tx, one.ID, desk.Note{At: d.kit.Now(), Author: by.ID, Kind: "answer", Text: form.Get("text")})
	})
}

// closeReview takes what became of an access. A breach opens an incident about
// the entry, which concerns whoever acted in it.
func (d *Desk) closeReview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	return d.takeReview(w, r, "outcome", outcomeForm, func(tx *store.Tx, one review, by loot.Actor, form url.Values) error {
		list, err := d.reviewers(ctx, tx)
		if err != nil {
			return err
		}
		signed, err := d.Signed(ctx, tx, by.ID)
		if err != nil {
			return err
		}
		may, alone := mayReview(list, one, by.ID)
		switch {
		case signed.IsZero():
			return errReviewUnsigned
		case !may && by.ID == one.Account:
			return loot.Errorf(loot.Denied, "This is about what you opened, so somebody else records what became of it.")
		case !may:
			return loot.Errorf(loot.Denied, "None of your roles may review what colleagues opened.")
		case !d.ready(one):
			return loot.Errorf(loot.Conflict, "This is recorded once it was answered and the day is over, or the time to answer is.")
		}
		outcome, kind := form.Get("outcome"), "outcome"
		if alone {
			kind = "alone"
		}
		if _, err := tx.Exec(ctx, `UPDATE staff_review SET closed = $1, reviewer = $2, outcome = $3 WHERE id = $4`, d.kit.Now().UnixMicro(), by.ID, outcome, one.ID); err != nil {
			return fmt.Errorf("staff: review: %w", err)
		}
		if outcome == "breach" {
			if _, err := d.kit.Gate.Incident(ctx, tx, "access.unjustified", one.Entry); err != nil {
				return err
			}
		}
		if _, err := d.kit.Gate.Note(ctx, tx, by, "access.reviewed "+outcome, one.ID); err != nil {
			return err
		}
		return d.notes.Add(ctx, tx, one.ID, desk.Note{At: d.kit.Now(), Author: by.ID, Kind: kind, Text: form.Get("text")})
	})
}

// know keeps that somebody knows a customer, or takes it back.
func (d *Desk) know(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s := desk.SubjectIn(form.Get("subject"))
	if err = knowForm.Check(form); err == nil {
		err = d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
			if form.Get("remove") != "" {
				_, err := tx.Exec(ctx, `DELETE FROM staff_acquaintance WHERE account = $1 AND subject = $2`, me.ID, s)
				return err
			}
			switch row, err := d.kit.Vault.Row(ctx, tx, s, customers); {
			case loot.KindOf(err) == loot.NotFound, err == nil && row.Erased():
				return web.Invalid("", map[string]string{"subject": "There is no customer with this id."})
			case err != nil:
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO staff_acquaintance (account, subject, declared) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, me.ID, s, d.kit.Now().UnixMicro())
			return err
		})
	}
	if web.Wrong(err) != nil {
		return d.showReviews(w, r, http.StatusUnprocessableEntity, "know", form, err)
	}
	if err != nil {
		return err
	}
	said := "The customer is on your list. Nobody else sees it, and opening their record is yours to answer for."
	if form.Get("remove") != "" {
		said = "The customer is no longer on your list."
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/access-review")
}

// reviewsWaiting counts what waits for whoever looks.
func (d *Desk) reviewsWaiting(ctx context.Context) (n int, err error) {
	me := web.ActorOf(ctx)
	err = d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n = 0
		list, err := reviews(ctx, tx)
		if err != nil {
			return err
		}
		may, err := d.reviewers(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range list {
			reviewing, _ := mayReview(may, r, me.ID)
			if r.Closed.IsZero() && (r.Account == me.ID && r.Answered.IsZero() || reviewing && d.ready(r)) {
				n++
			}
		}
		return nil
	})
	return n, err
}

// A reviewLetter asks to write to a colleague about a review.
type reviewLetter struct {
	Review string `json:"review"`
	Who    string `json:"who"`
	Stage  int64  `json:"stage"`
}

// Kind names the job.
func (reviewLetter) Kind() string { return "staff.review" }

// tellReviews claims the letters that are due, each once.
func (d *Desk) tellReviews(ctx context.Context) error {
	return d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		list, err := reviews(ctx, tx)
		if err != nil {
			return err
		}
		may, err := d.reviewers(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range list {
			if !r.Closed.IsZero() {
				break // the open ones come first
			}
			var due int64
			to := map[int64][]string{toldRaised: {r.Account}, toldOverdue: {r.Account}}
			if r.Answered.IsZero() {
				due |= toldRaised
				if d.kit.Now().After(r.Due) {
					due |= toldOverdue
				}
			}
			if d.ready(r) {
				due |= toldReviewers
				to[toldReviewers] = slices.DeleteFunc(slices.Clone(may), func(id string) bool { return id == r.Account })
			}
			due &^= r.told
			if due == 0 {
				continue
			}
			if n, err := tx.Exec(ctx, `UPDATE staff_review SET told = $1 WHERE id = $2 AND told = $3`, r.told|due, r.ID, r.told); err != nil || n == 0 {
				return err
			}
			for _, stage := range []int64{toldRaised, toldOverdue, toldReviewers} {
				if due&stage == 0 {
					continue
				}
				for _, who := range to[stage] {
					if err := d.kit.Jobs.Enqueue(ctx, tx, reviewLetter{r.ID, who, stage}); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// writeReview writes to a colleague about a review.
func (d *Desk) writeReview(ctx context.Context, j reviewLetter) error {
	var to Member
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		to, _, err = d.Member(ctx, tx, j.Who)
		return err
	}); err != nil || to.State != Active {
		return err
	}
	text := map[int64]string{
		toldRaised:    "Something that you opened is unusual, and your word is asked for: what did the work need it for?",
		toldOverdue:   "You were asked what the work needed something for that you opened. The time to answer is over.",
		toldReviewers: "What a colleague opened waits for you to record what became of it.",
	}[j.Stage]
	m, err := mail.Letter{
		Subject: "Access review: your word is asked for", Preview: text, Greet: "Good day " + to.Name,
		Blocks: []mail.Block{mail.Para(text), mail.Button("Open the access review", d.kit.BaseURL+"/console/access-review")},
		Why:    "You get this because everybody here answers by name for what they open. It cannot be switched off.",
	}.Message(d.kit.House(), fmt.Sprintf("review-%s-%d-%s", j.Review, j.Stage, j.Who), to.Email)
	if err == nil {
		err = d.kit.Mail.Send(ctx, m)
	}
	if errors.Is(err, mail.ErrRejected) {
		d.kit.Log.WarnContext(ctx, "a letter about a review was refused for good")
		return nil
	}
	return err
}
