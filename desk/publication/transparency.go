package publication

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// A half is half a year, in UTC.
type half struct{ year, n int } // n is 1 or 2

func halfOf(t time.Time) half {
	t = t.UTC()
	return half{t.Year(), 1 + (int(t.Month())-1)/6}
}

func (h half) begin() time.Time {
	return time.Date(h.year, time.Month(1+6*(h.n-1)), 1, 0, 0, 0, 0, time.UTC)
}
func (h half) end() time.Time { return h.begin().AddDate(0, 6, 0) }
func (h half) before() half {
	if h.n == 2 {
		return half{h.year, 1}
	}
	return half{h.year - 1, 2}
}
func (h half) String() string { return strconv.Itoa(h.year) + "-" + strconv.Itoa(h.n) }

// parseHalf reads the name of a half-year, such as "2026-1".
func parseHalf(name string) (half, bool) {
	year, n, _ := strings.Cut(name, "-")
	y, err := strconv.Atoi(year)
	h := half{y, 1 + strings.Index("12", n)}
	return h, err == nil && h.String() == name && h.n > 0
}

// Title says the half-year in words.
func (h half) Title() string {
	return map[int]string{1: "January to June ", 2: "July to December "}[h.n] + strconv.Itoa(h.year)
}

// A step of a request is what the desk of disclosures leaves as the input of an
// entry's facts: words to be counted, and nothing of whom it is about.
type step struct {
	Request   string    `json:"request"` // the same for each step
	Kind      string    `json:"kind"`
	Authority string    `json:"authority"` // of the statement's recipients
	Country   string    `json:"country"`   // of who asks, ISO 3166-1 alpha-2
	Outcome   string    `json:"outcome"`   // empty: none yet
	Accounts  int       `json:"accounts"`  // of which something was handed over
	Gag       bool      `json:"gag"`
	Emergency bool      `json:"emergency"`
	Entered   time.Time `json:"entered"`
	Answered  time.Time `json:"answered"`

	entry string
}

// A figure is one number of the report.
type figure struct {
	Group string // such as "Country"
	Key   string // such as "IE"
	Title string // such as "Ireland"
	Count int
	Ids   []string // of the entries that give it, sorted
	Wide  bool     // shown as "5 or more", as it would tell a row that is few
}

// few is below which a number is not told: by a smaller one, somebody could tell
// that it is about them.
const few = 5

// hidden reports whether the number is not shown as it is.
func (f figure) hidden() bool { return f.Wide || f.Count > 0 && f.Count < few }

// Value is how the figure is shown.
func (f figure) Value() string {
	switch {
	case f.Count == 0:
		return "0"
	case f.Count < few:
		return "1 to " + strconv.Itoa(few-1)
	case f.Wide:
		return strconv.Itoa(few) + " or more"
	}
	return strconv.Itoa(f.Count)
}

// Digest is the SHA-256 of what the figure is of and the ids of the entries that give
// it, one a line. Ids are random, so it tells nothing by itself, and of two figures not
// whether they are of the same entries; whoever is shown the entries sees by it that
// they are those that were counted.
func (f figure) Digest() string {
	sum := sha256.Sum256([]byte(f.Group + "\n" + f.Key + "\n" + strings.Join(f.Ids, "\n")))
	return hex.EncodeToString(sum[:])
}

// A tallyOf is the report of a half-year.
type tallyOf struct {
	Half    half
	Until   time.Time // steps up to then are counted
	Over    bool      // the half-year is over
	Figures []figure
	Days    string // how long an answer took on average; empty: too few
}

// The groups of figures.
const (
	groupAll     = "Requests"
	groupKind    = "What for"
	groupWho     = "Who asked"
	groupCountry = "Country"
	groupOutcome = "Outcome"
)

var groups = []string{groupAll, groupKind, groupWho, groupCountry, groupOutcome}

var (
	kindWords    = map[string]string{"answer": "Details to be handed over", "preservation": "Details to be preserved", "proceedings": "Proceedings about the network"}
	outcomeWords = map[string]string{
		"whole": "Answered", "part": "Answered in part", "refused": "Refused", "nothing": "Nothing is held", "withdrawn": "Withdrawn",
		"preserved": "Preserved", "over": "Proceedings are over", "": "Not decided yet",
	}
)

// latest returns how each request stands by the steps that the ledger has, of the
// requests that were entered in a half-year.
func latest(h half, rows iter.Seq2[ledger.FactsRow, error]) ([]step, error) {
	by := map[string]step{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(row.Facts.Note, ledger.Outside) {
			continue
		}
		var s step
		if err := json.Unmarshal(row.Facts.Input, &s); err != nil {
			return nil, fmt.Errorf("publication: facts of %s: %w", row.ID, err)
		}
		if s.Request == "" || halfOf(s.Entered) != h {
			continue
		}
		s.entry = row.ID
		by[s.Request] = s // rows come in order of time
	}
	return slices.SortedFunc(maps.Values(by), func(a, b step) int { return cmp.Compare(a.Request, b.Request) }), nil
}

// count makes the figures of the requests of a half-year. Without a statement they have
// no titles of recipients.
func count(s *statement.Statement, h half, steps []step) tallyOf {
	out := tallyOf{Half: h}
	sum := func(group, key, title string, weigh func(step) int) {
		f := figure{Group: group, Key: key, Title: title}
		for _, one := range steps {
			if n := weigh(one); n > 0 {
				f.Count += n
				f.Ids = append(f.Ids, one.entry)
			}
		}
		slices.Sort(f.Ids)
		out.Figures = append(out.Figures, f)
	}
	one := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	sum(groupAll, "requests", "Requests that were entered", func(step) int { return 1 })
	sum(groupAll, "accounts", "Accounts of which something was handed over", func(s step) int { return s.Accounts })
	sum(groupAll, "secret", "Requests under an order of secrecy that has ended", func(s step) int { return one(s.Gag) })
	sum(groupAll, "emergency", "Requests in an emergency", func(s step) int { return one(s.Emergency) })
	by := func(group string, value func(step) string, title func(string) string) {
		keys := map[string]bool{}
		for _, one := range steps {
			keys[value(one)] = true
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			sum(group, k, cmp.Or(title(k), k, "not said"), func(s step) int { return one(value(s) == k) })
		}
	}
	by(groupKind, func(s step) string { return s.Kind }, func(k string) string { return kindWords[k] })
	by(groupWho, func(s step) string { return s.Authority }, func(k string) string {
		if s == nil {
			return k
		}
		r, _ := s.Recipient(k)
		return r.Title
	})
	by(groupCountry, func(s step) string { return s.Country }, statement.CountryName)
	by(groupOutcome, func(s step) string { return s.Outcome }, func(k string) string { return outcomeWords[k] })
	out.widen()
	out.Days = averageDays(steps)
	return out
}

// widen hides more than the rows that are few, until none of those follows from the
// others: first the next larger rows of a group, and then the sum of all requests. Once
// that is hidden no group may say what it can be at most, so that each has a row that is
// told as so many or more; one that can have none is left out.
func (t *tallyOf) widen() {
	sum := &t.Figures[0]
	for _, group := range groups[1:] {
		for t.tells(group) {
			if next := t.next(group); next != nil {
				next.Wide = true
				continue
			}
			sum.Wide = true
		}
	}
	if !sum.hidden() {
		return
	}
	for _, group := range groups[1:] {
		of := func(f figure) bool { return f.Group == group }
		if slices.ContainsFunc(t.Figures, func(f figure) bool { return of(f) && f.Wide }) {
			continue
		}
		if next := t.next(group); next != nil {
			next.Wide = true
			continue
		}
		t.Figures = slices.DeleteFunc(t.Figures, of)
	}
}

// next returns the smallest row of a group that is shown as it is; nil: there is none.
func (t *tallyOf) next(group string) (next *figure) {
	for i := range t.Figures {
		if f := &t.Figures[i]; f.Group == group && f.Count > 0 && !f.hidden() && (next == nil || f.Count < next.Count) {
			next = f
		}
	}
	return next
}

// tells reports whether the sum of all requests and the rows of a group that are shown
// leave a row that is few less than all of what it is shown as.
func (t *tallyOf) tells(group string) bool {
	sum := t.Figures[0]
	if sum.hidden() {
		return false
	}
	left, small, wide := sum.Count, 0, 0
	for _, f := range t.Figures {
		switch {
		case f.Group != group:
		case !f.hidden():
			left -= f.Count
		case f.Wide:
			wide++
		default:
			small++
		}
	}
	if small == 0 {
		return false
	}
	most, least := few-1, small-1+wide*few // of the row, and of all others that are hidden
	return left < most+least || wide == 0 && left > 1+(small-1)*most
}

// averageDays says how long it took from the entry of a request to its answer.
func averageDays(steps []step) string {
	var sum time.Duration
	n := 0
	for _, s := range steps {
		if !s.Answered.IsZero() && s.Answered.After(s.Entered) {
			sum += s.Answered.Sub(s.Entered)
			n++
		}
	}
	if n < few {
		return ""
	}
	return strconv.FormatFloat((sum/time.Duration(n)).Hours()/24, 'f', 1, 64)
}

// report counts a half-year from the ledger. Whatever is under a gag is left out
// until its date.
func (p *publication) report(ctx context.Context, tx *store.Tx, h half) (tallyOf, error) {
	v, ok := p.Gate.InForce()
	if !ok {
		return tallyOf{}, loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	now := p.Now()
	steps, err := latest(h, p.Ledger.FromOutside(ctx, tx, h.begin(), now.Add(time.Microsecond)))
	if err != nil {
		return tallyOf{}, err
	}
	t := count(v.Statement, h, steps)
	t.Until, t.Over = now, !now.Before(h.end())
	return t, nil
}

// halves returns the half-years since the first statement, the latest first, with
// the running one or without it.
func (p *publication) halves(ctx context.Context, running bool) (out []half, err error) {
	first := p.Now()
	if err := p.DB.ReadTx(ctx, func(tx *store.Tx) error {
		all, err := p.Gate.Versions(ctx, tx)
		for _, v := range all {
			if !v.Effective.IsZero() && v.Effective.Before(first) {
				first = v.Effective
			}
		}
		return err
	}); err != nil {
		return nil, err
	}
	h := halfOf(p.Now())
	if !running {
		h = h.before()
	}
	for ; h.end().After(first); h = h.before() {
		out = append(out, h)
	}
	return out, nil
}

// half returns the half-year of that name, if there is a report of it.
func (p *publication) half(ctx context.Context, name string, running bool) (half, error) {
	all, err := p.halves(ctx, running)
	if err != nil {
		return half{}, err
	}
	i := slices.IndexFunc(all, func(h half) bool { return h.String() == name })
	if i < 0 {
		return half{}, errNoReport
	}
	return all[i], nil
}
