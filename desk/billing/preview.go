package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk/billing/invoice"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

const (
	previewedTogether = 100                // customers, in a transaction that holds what is said of each
	previewFresh      = time.Hour          // so long what was worked out is shown before that is done anew by itself
	previewKept       = 7 * 24 * time.Hour // after that nobody reads it any more
)

// An outcome is what drawing a month does for a customer, as far as that is known without
// opening anything.
type outcome string

const (
	toIssue   outcome = "due"
	isIssued  outcome = "issued"
	itWaits   outcome = "waits"
	isWrong   outcome = "wrong"
	cameLater outcome = "later"
	noCharge  outcome = "nothing"
	whoIsGone outcome = "erased"
)

// outcomes are all of them, in the order in which they are shown.
var outcomes = []struct {
	id    outcome
	title string
	tone  web.Tone
}{
	{toIssue, "To be issued", web.Info},
	{isIssued, "Issued", web.Good},
	{itWaits, "Waits", web.Warn},
	{isWrong, "Wrong", web.Bad},
	{cameLater, "Came later", web.Warn},
	{noCharge, "Nothing to charge", web.Neutral},
	{whoIsGone, "Erased", web.Neutral},
}

func (o outcome) badge() web.Badge {
	for _, one := range outcomes {
		if one.id == o {
			return web.Badge{Tone: one.tone, Text: loot.LowerFirst(one.title)}
		}
	}
	return web.Badge{Text: string(o)}
}

// A previewed month is what becomes of it for a customer.
type previewed struct {
	Subject loot.Subject
	State   outcome
	Why     string
	Service string // reference of the one that has no plan; empty: it is about something else
	Nets    []net
}

// A net is a sum without tax.
type net struct {
	Currency string
	Units    int64 // the smallest of the currency
}

func (n net) String() string { return money(n.Units, n.Currency) }

// A preview is how far it is worked out what drawing a month would come to.
type preview struct {
	Month   Month
	Pass    int64
	Began   time.Time
	Members int
	Seen    int
	Last    loot.Subject
	Shown   int64     // the pass that is shown; 0: none is yet
	At      time.Time // when that began
}

// underWay reports whether it is just being worked out.
func (p preview) underWay() bool { return p.Shown != p.Pass }

func findPreview(ctx context.Context, tx *store.Tx, m Month) (p preview, known bool, err error) {
	var began, at int64
	err = tx.QueryRow(ctx, `SELECT month, pass, began, members, seen, last, shown, at FROM billing_preview WHERE month = $1`, string(m)).
		Scan(&p.Month, &p.Pass, &began, &p.Members, &p.Seen, &p.Last, &p.Shown, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return preview{Month: m}, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("billing: preview: %w", err)
	}
	p.Began, p.At = store.Instant(began), store.Instant(at)
	return p, true, nil
}

// previewArgs asks for a month to be worked out.
type previewArgs struct {
	Month Month `json:"month"`
	Pass  int64 `json:"pass"`
}

// Kind names the job.
func (previewArgs) Kind() string { return "billing.preview" }

// startPreview has a month worked out anew if that was begun last at some moment or before
// it, or, with done, if that is through.
func (b *Billing) startPreview(ctx context.Context, tx *store.Tx, m Month, last time.Time, done bool) error {
	from, to := m.span(b.seller.place())
	members, err := countMembers(ctx, tx, from, to)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO billing_preview (month, pass, began, members, seen, last, shown, at) VALUES ($1, 1, $2, $3, 0, '', 0, 0)
		ON CONFLICT (month) DO UPDATE SET pass = billing_preview.pass + 1, began = excluded.began, members = excluded.members, seen = 0, last = ''
			WHERE billing_preview.began <= $4 OR $5 = 1 AND billing_preview.shown = billing_preview.pass`,
		string(m), b.Now().UnixMicro(), members, last.UnixMicro(), store.Flag(done))
	if err != nil {
		return fmt.Errorf("billing: preview: %w", err)
	}
	if n == 0 {
		return nil
	}
	p, _, err := findPreview(ctx, tx, m)
	if err != nil {
		return err
	}
	return b.Jobs.Enqueue(ctx, tx, previewArgs{m, p.Pass})
}

// freshPreview has a month worked out that is not, or was so long ago.
func (b *Billing) freshPreview(ctx context.Context, m Month) error {
	old := b.Now().Add(-previewFresh)
	var p preview
	var known bool
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		p, known, err = findPreview(ctx, tx, m)
		return err
	}); err != nil || known && p.Began.After(old) {
		return err
	}
	return b.DB.InTx(ctx, func(tx *store.Tx) error { return b.startPreview(ctx, tx, m, old, false) })
}

// previewMonth works a month out, a page of customers after the other. It may be killed
// at any point and done again: it goes on from where the month is, and ends when that is
// begun anew meanwhile.
func (b *Billing) previewMonth(ctx context.Context, a previewArgs) error {
	for {
		more, err := b.previewPage(ctx, a)
		if err != nil || !more {
			return err
		}
	}
}

// previewPage works the next customers of a month out, and reports whether there may be
// more. What is said of one is held until it is written down, so that nothing of
// somebody is who is erased meanwhile.
func (b *Billing) previewPage(ctx context.Context, a previewArgs) (more bool, err error) {
	s, err := b.inForce()
	if err != nil {
		return false, err
	}
	from, to := a.Month.span(b.seller.place())
	var p preview
	var members []loot.Subject
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if p, _, err = findPreview(ctx, tx, a.Month); err != nil || p.Pass != a.Pass || !p.underWay() {
			members = nil
			return err
		}
		members, err = membersOf(ctx, tx, from, to, p.Last, b.previewed)
		return err
	}); err != nil || p.Pass != a.Pass || !p.underWay() {
		return false, err
	}
	if err := b.Keyring.ReadAhead(ctx, collection, members...); err != nil {
		return false, err
	}
	last := p.Last
	if len(members) > 0 {
		last = members[len(members)-1]
	}
	b.step("to preview")
	err = b.DB.InTx(ctx, func(tx *store.Tx) error {
		more = false
		n, err := tx.Exec(ctx, `UPDATE billing_preview SET seen = seen + $1, last = $2 WHERE month = $3 AND pass = $4 AND shown <> pass AND last = $5`, len(members), last, string(a.Month), a.Pass, p.Last)
		if err != nil {
			return fmt.Errorf("billing: preview: %w", err)
		}
		if n == 0 {
			return nil // it was begun anew, or the same page was done before
		}
		all, err := b.previewOf(ctx, tx, s, a.Month, members)
		if err != nil {
			return err
		}
		for _, one := range all {
			tx.Add(`INSERT INTO billing_previewed (month, pass, subject, state, why, service) VALUES`, string(a.Month), a.Pass, one.Subject, string(one.State), one.Why, one.Service)
			for _, n := range one.Nets {
				tx.Add(`INSERT INTO billing_previewed_sum (month, pass, subject, currency, state, net) VALUES`, string(a.Month), a.Pass, one.Subject, n.Currency, string(one.State), n.Units)
			}
		}
		if more = len(members) == b.previewed; more {
			return nil
		}
		return showPreview(ctx, tx, a)
	})
	return more, err
}

// showPreview has a month shown as it was worked out, and removes what was before.
func showPreview(ctx context.Context, tx *store.Tx, a previewArgs) error {
	for _, q := range []string{
		`UPDATE billing_preview SET shown = pass, at = began WHERE month = $1 AND pass = $2`,
		`DELETE FROM billing_previewed WHERE month = $1 AND pass < $2`,
		`DELETE FROM billing_previewed_sum WHERE month = $1 AND pass < $2`,
	} {
		if _, err := tx.Exec(ctx, q, string(a.Month), a.Pass); err != nil {
			return fmt.Errorf("billing: preview: %w", err)
		}
	}
	return nil
}

// sweepPreviews removes what was worked out so long ago that nobody reads it.
func (b *Billing) sweepPreviews(ctx context.Context) error {
	return b.DB.InTx(ctx, func(tx *store.Tx) error {
		old := b.Now().Add(-previewKept).UnixMicro()
		for _, q := range []string{
			`DELETE FROM billing_previewed WHERE month IN (SELECT month FROM billing_preview WHERE began <= $1)`,
			`DELETE FROM billing_previewed_sum WHERE month IN (SELECT month FROM billing_preview WHERE began <= $1)`,
			`DELETE FROM billing_preview WHERE began <= $1`,
		} {
			if _, err := tx.Exec(ctx, q, old); err != nil {
				return fmt.Errorf("billing: preview: %w", err)
			}
		}
		return nil
	})
}

// A forecast is what customers' months are worked out from.
type forecast struct {
	statement *statement.Statement
	month     Month
	uses      map[loot.Subject][]use
	done      map[loot.Subject]map[string]bool
	waits     map[loot.Subject]pending
	drawn     bool              // the month was, so that who gets an invoice now came later
	rates     map[string]string // which rate of exchange is missing, by currency; empty: none
}

// previewOf says what customers get for a month, and opens nothing. Of who was erased
// meanwhile, with what they had, nothing is said.
func (b *Billing) previewOf(ctx context.Context, tx *store.Tx, s *statement.Statement, m Month, members []loot.Subject) (out []previewed, err error) {
	if len(members) == 0 {
		return nil, nil
	}
	if err := b.Gate.ReadAhead(ctx, tx, members...); err != nil {
		return nil, err
	}
	if err := b.Vault.ReadAhead(ctx, tx, collection, false, members...); err != nil {
		return nil, err
	}
	from, to := m.span(b.seller.place())
	f := forecast{statement: s, month: m, waits: map[loot.Subject]pending{}, rates: map[string]string{}}
	if f.uses, err = usesOf(ctx, tx, b.titles(), members, from, to); err != nil {
		return nil, err
	}
	if f.done, err = invoicedIn(ctx, tx, members, m); err != nil {
		return nil, err
	}
	waits, err := readPending(ctx, tx, `WHERE month = $1 AND `+among("subject", 2, members), asked(members, string(m))...)
	if err != nil {
		return nil, err
	}
	for _, p := range waits {
		f.waits[p.Subject] = p
	}
	r, _, err := findRun(ctx, tx, m)
	if err != nil {
		return nil, err
	}
	f.drawn = !r.Done.IsZero()
	for _, subject := range members {
		one, err := b.foretell(ctx, tx, f, subject)
		if err != nil {
			return nil, err
		}
		if one.State != whoIsGone || len(f.uses[subject]) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

// foretell says what a customer gets.
func (b *Billing) foretell(ctx context.Context, tx *store.Tx, f forecast, subject loot.Subject) (out previewed, err error) {
	s, uses := f.statement, f.uses[subject]
	out.Subject = subject
	by, currencies, wrong := charged(uses, f.month, b.seller.place(), b.seller.Language)
	for _, c := range currencies {
		inv := invoice.Invoice{Currency: c, Lines: by[c].lines}
		if err := inv.Compute(); err != nil {
			wrong = finding{Text: "The sums cannot be worked out: " + err.Error() + "."}
			continue
		}
		n, err := smallest(inv.Totals.WithoutTax, c)
		if err != nil {
			return out, err
		}
		out.Nets = append(out.Nets, net{c, n})
	}
	if waits, is := f.waits[subject]; is && wrong.Text == "" {
		wrong = waits.Finding
	}
	all, must := drawnFrom(s, uses)
	held, unread := b.Vault.Held(ctx, tx, subject, collection)
	erased := loot.KindOf(unread) == loot.NotFound
	if unread != nil && !erased && !vault.Damaged(unread) {
		return out, unread
	}
	open, err := b.reported(ctx, tx, subject, held, all)
	if err != nil {
		return out, err
	}
	missing := slices.DeleteFunc(must, func(f loot.Field) bool { _, ok := held[f]; return ok })
	switch {
	case len(currencies) > 0 && !slices.ContainsFunc(currencies, func(c string) bool { return !f.done[subject][c] }):
		out.State = isIssued
	case erased:
		out.State, out.Nets = whoIsGone, nil // nobody is charged
	case open != "":
		out.State, out.Why = itWaits, disputedWords(s, open)
	case wrong.Text != "":
		out.State, out.Why, out.Service = wrong.outcome(), wrong.Text, wrong.Service
	case len(currencies) == 0:
		out.State = noCharge
	case unread != nil:
		out.State, out.Why = isWrong, unreadable
	case len(missing) > 0:
		out.State, out.Why = itWaits, missingWords(s, missing)
	case f.drawn:
		out.State, out.Why = cameLater, "When the month was drawn, there was nothing to charge."
	default:
		out.State = toIssue
		out.Why, err = b.mayWait(ctx, tx, f, subject, held, currencies)
		out.Why = strings.TrimSpace(lateWords(uses) + " " + out.Why)
	}
	return out, err
}

func missingWords(s *statement.Statement, missing []loot.Field) string {
	return "Missing: " + strings.Join(s.Titles(missing...), ", ") + "."
}

// mayWait says what an invoice may yet wait for, by what is known without opening anything.
func (b *Billing) mayWait(ctx context.Context, tx *store.Tx, f forecast, subject loot.Subject, held map[loot.Field]vault.About, currencies []string) (string, error) {
	if _, has := held[companyVAT]; has && b.faulty != nil {
		wrong, err := b.faulty(ctx, tx, subject, companyVAT)
		if err != nil {
			return "", err
		}
		if wrong {
			return "It waits if the customer would owe the tax by “" + f.statement.Titles(companyVAT)[0] + "”, which was found not to be valid.", nil
		}
	}
	own := accountingOf(b.seller.of(f.statement.Front()).party())
	for _, c := range currencies {
		if c == own {
			continue
		}
		missing, known := f.rates[c]
		if !known {
			var err error
			if _, missing, err = ratesOf(ctx, tx, own, c, f.month.days().To); err != nil {
				return "", err
			}
			f.rates[c] = missing
		}
		if missing != "" {
			return "It waits if there is tax on it: " + missing, nil
		}
	}
	return "", nil
}

// A tally is how many customers' months come to something, and to what.
type tally struct {
	customers int
	totals    []totalIn
}

// A totalIn is what customers' months come to in a currency.
type totalIn struct {
	net
	customers int
}

// add counts what so many more customers come to.
func (t *tally) add(more totalIn) {
	i := slices.IndexFunc(t.totals, func(one totalIn) bool { return one.Currency == more.Currency })
	if i < 0 {
		t.totals = append(t.totals, more)
		return
	}
	t.totals[i].Units += more.Units
	t.totals[i].customers += more.customers
}

// tallies sums a month up that was worked out, by what becomes of it, and all of it.
func tallies(ctx context.Context, tx *store.Tx, p preview) (by map[outcome]*tally, all *tally, err error) {
	by, all = map[outcome]*tally{}, &tally{}
	for _, o := range outcomes {
		by[o.id] = &tally{}
	}
	counted, err := tx.Query(ctx, `SELECT state, COUNT(*) FROM billing_previewed WHERE month = $1 AND pass = $2 GROUP BY state`, string(p.Month), p.Shown)
	if err != nil {
		return nil, nil, fmt.Errorf("billing: preview: %w", err)
	}
	defer counted.Close()
	for counted.Next() {
		var o outcome
		var n int
		if err := counted.Scan(&o, &n); err != nil {
			return nil, nil, fmt.Errorf("billing: preview: %w", err)
		}
		by[o].customers = n
		all.customers += n
	}
	if err := errors.Join(counted.Err(), counted.Close()); err != nil {
		return nil, nil, fmt.Errorf("billing: preview: %w", err)
	}
	summed, err := tx.Query(ctx, `SELECT state, currency, COUNT(*), CAST(SUM(net) AS BIGINT) FROM billing_previewed_sum WHERE month = $1 AND pass = $2 GROUP BY state, currency ORDER BY currency, state`, string(p.Month), p.Shown)
	if err != nil {
		return nil, nil, fmt.Errorf("billing: preview: %w", err)
	}
	defer summed.Close()
	for summed.Next() {
		var o outcome
		var t totalIn
		if err := summed.Scan(&o, &t.Currency, &t.customers, &t.Units); err != nil {
			return nil, nil, fmt.Errorf("billing: preview: %w", err)
		}
		by[o].add(t)
		all.add(t)
	}
	return by, all, summed.Err()
}

// listPreviewed returns the next n customers of a month that was worked out, after one;
// with an outcome, of those of whom it is that.
func listPreviewed(ctx context.Context, tx *store.Tx, p preview, of outcome, after loot.Subject, n int) (out []previewed, err error) {
	where, args := `month = $1 AND pass = $2 AND subject > $3`, []any{string(p.Month), p.Shown, after, n}
	if of != "" {
		where, args = where+` AND state = $5`, append(args, string(of))
	}
	rows, err := tx.Query(ctx, `SELECT subject, state, why, service FROM billing_previewed WHERE `+where+` ORDER BY subject LIMIT $4`, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: preview: %w", err)
	}
	defer rows.Close()
	at := map[loot.Subject]int{}
	args = []any{string(p.Month), p.Shown}
	for rows.Next() {
		var one previewed
		if err := rows.Scan(&one.Subject, &one.State, &one.Why, &one.Service); err != nil {
			return nil, fmt.Errorf("billing: preview: %w", err)
		}
		at[one.Subject], args = len(out), append(args, one.Subject)
		out = append(out, one)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(out) == 0 {
		return nil, err
	}
	sums, err := tx.Query(ctx, `SELECT subject, currency, net FROM billing_previewed_sum WHERE month = $1 AND pass = $2 AND subject IN (`+store.Placeholders(3, len(out))+`) ORDER BY subject, currency`, args...)
	if err != nil {
		return nil, fmt.Errorf("billing: preview: %w", err)
	}
	defer sums.Close()
	for sums.Next() {
		var s loot.Subject
		var one net
		if err := sums.Scan(&s, &one.Currency, &one.Units); err != nil {
			return nil, fmt.Errorf("billing: preview: %w", err)
		}
		out[at[s]].Nets = append(out[at[s]].Nets, one)
	}
	return out, sums.Err()
}
