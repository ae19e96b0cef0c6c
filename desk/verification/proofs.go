package verification

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/verification/register"
	"loot/number"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

func (v *Verification) proofs() []desk.Proof {
	return slices.Concat([]desk.Proof{
		{Clause: "adequacy.verification", Name: "each detail is checked when it is given, and a fault waits for a person", Run: v.provesChecks},
		{Clause: "adequacy.verification", Name: "what a colleague found right is verified, until it has grown old and is checked again", Run: v.provesAge},
		{Clause: "adequacy.verification", Name: "a register that does not answer makes nothing wrong", Run: v.provesSilence},
		{Clause: "adequacy.request", Name: "a customer asks with one click, sees the day, and finds the answer there", Run: v.provesRequest},
	}, v.mistakeProofs())
}

// A standing is how a customer's details stand.
type standing struct {
	held  map[loot.Field]vault.About
	lasts map[loot.Field]last
	cases []matter
}

func (v *Verification) standing(ctx context.Context, s loot.Subject) (out standing, err error) {
	err = v.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if out.held, err = v.Vault.Held(ctx, tx, s, collection); err != nil {
			return err
		}
		if out.lasts, err = lastOf(ctx, tx, s); err != nil {
			return err
		}
		out.cases, err = mattersOf(ctx, tx, s)
		return err
	})
	return out, err
}

// tried makes a customer and lets the checks run.
func (v *Verification) tried(ctx context.Context, w *desk.World) (loot.Subject, *statement.Statement, standing, error) {
	s, err := v.inForce()
	if err != nil {
		return "", nil, standing{}, err
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", nil, standing{}, err
	}
	if err := w.Drain(ctx); err != nil {
		return "", nil, standing{}, err
	}
	st, err := v.standing(ctx, subject)
	return subject, s, st, err
}

func (v *Verification) provesChecks(ctx context.Context, w *desk.World) (string, error) {
	_, s, st, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	right, faults := 0, 0
	for _, d := range checked(s) {
		about, held := st.held[d.ID]
		l, was := st.lasts[d.ID]
		switch {
		case !held || !was:
			continue
		case l.Outcome == failed && about.State == vault.Unverified && openCase(st.cases, d.ID) != nil:
			faults++
		case l.Outcome != failed && (about.State == vault.Checked || about.State == vault.Verified):
			right++
		default:
			return "", fmt.Errorf("“%s” is %s after a check that it %s", d.Title, about.State, l.Outcome)
		}
	}
	if right == 0 {
		return "", errors.New("nothing that a new customer gave was checked")
	}
	return fmt.Sprintf("%s found to be possible, %s put before a person", loot.Plural(right, "detail", "details"), loot.Plural(faults, "fault", "faults")), nil
}

func openCase(cases []matter, f loot.Field) *matter {
	for i, m := range cases {
		if m.Field == f && m.Closed.IsZero() {
			return &cases[i]
		}
	}
	return nil
}

// checker is a member of staff whose role checks records.
func checker(ctx context.Context, w *desk.World, s *statement.Statement) (loot.Actor, error) {
	for _, r := range s.Roles() {
		if checksRecords(r) {
			return w.NewStaff(ctx, true, r.ID)
		}
	}
	return loot.Actor{}, errors.New("the statement has no role that checks records")
}

// decideOpen decides every open case of a customer on its page.
func (v *Verification) decideOpen(ctx context.Context, w *desk.World, s *statement.Statement, cases []matter) (n int, err error) {
	who, err := checker(ctx, w, s)
	if err != nil {
		return 0, err
	}
	for _, m := range cases {
		if !m.Closed.IsZero() || secondNeeded(s, m.Field) {
			continue
		}
		a, err := desk.Browser{World: w, Who: who}.Post(ctx, "/console/checks/"+m.ID, url.Values{
			"version": {strconv.FormatInt(m.Version, 10)}, "decision": {"right"}, "reason": {"Seen in the register on paper."},
		})
		if err != nil {
			return n, err
		}
		if a.Status != http.StatusSeeOther {
			return n, fmt.Errorf("the decision of a colleague whose role it is was answered with %d", a.Status)
		}
		n++
	}
	return n, w.Drain(ctx)
}

// askFor sends the one click.
func askFor(ctx context.Context, w *desk.World, s loot.Subject, f loot.Field) (page string, err error) {
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(s)}}
	a, err := me.Post(ctx, "/portal/checks", url.Values{"field": {string(f)}})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the click was answered with %d", a.Status)
	}
	return mine(ctx, w, s)
}

func mine(ctx context.Context, w *desk.World, s loot.Subject) (string, error) {
	a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(s)}}.Get(ctx, "/portal/checks")
	if err != nil {
		return "", err
	}
	return html.UnescapeString(a.Body.String()), nil
}

func (v *Verification) provesAge(ctx context.Context, w *desk.World) (string, error) {
	subject, s, _, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	if _, err := askFor(ctx, w, subject, ""); err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	st, err := v.standing(ctx, subject)
	if err != nil {
		return "", err
	}
	if n, err := v.decideOpen(ctx, w, s, st.cases); err != nil || n == 0 {
		return "", errors.Join(err, errors.New("no case that a person could decide"))
	}
	if st, err = v.standing(ctx, subject); err != nil {
		return "", err
	}
	var by loot.Field
	for f, l := range st.lasts {
		if l.Actor != "" && st.held[f].State == vault.Verified {
			by = f
		}
	}
	if by == "" {
		return "", errors.New("what a colleague found right is not verified")
	}
	before, due := st.lasts, w.Now()
	for f, l := range before {
		if st.held[f].State == vault.Verified && l.Next.IsZero() {
			return "", fmt.Errorf("“%s” was found right and is never looked at again", titleOf(s, f))
		}
		if l.Next.After(due) {
			due = l.Next
		}
	}
	w.Clock.Advance(due.Sub(w.Now()) + time.Minute)
	if err := v.sweep(ctx, sweepArgs{}); err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	if st, err = v.standing(ctx, subject); err != nil {
		return "", err
	}
	again := 0
	for f, l := range before {
		if st.lasts[f].At.After(l.At) {
			again++
		}
	}
	if state := st.held[by].State; again == 0 || state == vault.Verified {
		return "", fmt.Errorf("%d details were checked again when they had grown old, and what a colleague found is %s", again, state)
	}
	return "verified by a person, and " + loot.Plural(again, "detail", "details") + " checked again when their day came", nil
}

// A silent register never answers.
type silent struct{}

func (silent) Name() string             { return "Silence" }
func (silent) Takes(number.Number) bool { return true }
func (silent) Ask(context.Context, number.Number) (register.Answer, error) {
	return register.Answer{}, register.ErrNotYet
}

func (v *Verification) provesSilence(ctx context.Context, w *desk.World) (string, error) {
	subject, s, before, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	asks := *v
	asks.options.Registers = []register.Register{silent{}}
	asks.options.Mailboxes = func(context.Context, string) (register.Mailboxes, error) { return 0, register.ErrNotYet }
	if err := asks.check(ctx, checkArgs{subject}); err != nil {
		return "", err
	}
	st, err := v.standing(ctx, subject)
	if err != nil {
		return "", err
	}
	open := 0
	for _, d := range checked(s) {
		if st.lasts[d.ID].Outcome != later {
			continue
		}
		if state := st.held[d.ID].State; state != vault.Checked && state != before.held[d.ID].State || openCase(st.cases, d.ID) != nil {
			return "", fmt.Errorf("“%s” is %s because nobody answered", d.Title, state)
		}
		open++
	}
	if open == 0 {
		return "", errors.New("nobody was asked about anything")
	}
	return loot.Plural(open, "question", "questions") + " without an answer; nothing became wrong, and each is asked again", nil
}

func (v *Verification) provesRequest(ctx context.Context, w *desk.World) (string, error) {
	subject, s, _, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	page, err := askFor(ctx, w, subject, "")
	if err != nil {
		return "", err
	}
	if by := day(w.Now().Add(v.options.Answer)); !strings.Contains(page, "answer by") || !strings.Contains(page, by) && !strings.Contains(page, w.Now().Add(v.options.Answer).UTC().Format("2 January 2006")) {
		return "", fmt.Errorf("the page does not name the day by which there is an answer, %s", by)
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	st, err := v.standing(ctx, subject)
	if err != nil {
		return "", err
	}
	before := w.Sent()
	decided, err := v.decideOpen(ctx, w, s, st.cases)
	if err != nil {
		return "", err
	}
	if page, err = mine(ctx, w, subject); err != nil {
		return "", err
	}
	if !strings.Contains(page, "answered") || strings.Contains(page, "answer by") {
		return "", errors.New("everything is decided, and the answer is not on the page")
	}
	if decided > 0 && w.Sent() == before {
		return "", errors.New("no letter says that there is an answer")
	}
	return "answered after " + loot.Plural(decided, "decision of a person", "decisions of a person") + ", on the page and by a letter", nil
}

// TryAgain tries in a world what the statement s promises of a kind of detail: each
// of it that was checked is looked at again on its day, which the customer sees. No
// outcome: nothing of the kind was checked.
func TryAgain(ctx context.Context, w *desk.World, s *statement.Statement, kind loot.Category) (string, error) {
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	a, err := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}.Get(ctx, "/portal/checks")
	if err != nil {
		return "", err
	}
	seen := 0
	for _, d := range checked(s) {
		if d.Category != kind {
			continue
		}
		row := regexp.MustCompile(`<th scope="row">` + regexp.QuoteMeta(html.EscapeString(d.Title)) + `</th>[^\n]*?data-label="On"><time datetime="([^"]+)">[^<]*</time></td><td data-label="Again">(.*?)</td>`).FindStringSubmatch(a.Body.String())
		if row == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, row[1])
		if err != nil {
			return "", err
		}
		if next := day(s.Again(kind).After(at)); !strings.Contains(row[2], next) {
			return "", fmt.Errorf("“%s” was checked, and the page does not say that it is looked at again on %s", d.Title, next)
		}
		seen++
	}
	if seen == 0 {
		return "", nil
	}
	return fmt.Sprintf("%s after a check %s looked at again, and the customer sees the day", s.Again(kind).Words(), loot.Plural(seen, "detail is", "details are")), nil
}
