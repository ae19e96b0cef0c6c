// Package publication shows the statement and brings its versions into force:
// the page that customers read, the versions and their differences, the
// announcement with its notice, the ledger for everybody to check, and the report of
// who outside asked.
package publication

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// Others are the functions of other desks that this one needs.
type Others struct {
	// Needed is how many other people have to approve what this one asks for.
	Needed func(ctx context.Context, tx *store.Tx, by loot.Actor) (int, error)
	// Solo reports whether one person runs the installation, so that nobody
	// else can approve. The public page says so.
	Solo func(ctx context.Context, tx *store.Tx) (bool, error)
	// Name is the name of a member of staff.
	Name func(ctx context.Context, tx *store.Tx, account string) (string, error)
	// Canary returns what the operator says beside the transparency report; nil:
	// nothing.
	Canary func() (Canary, error)
}

type publication struct {
	desk.Kit
	others  Others
	keepers func() []loot.Clause
	checked sync.Map // hash to statement.Problems, of the versions that are kept
}

// New returns the desk. Keepers names the clauses that something in the
// program carries out.
func New(kit desk.Kit, others Others, keepers func() []loot.Clause) desk.Desk {
	p := &publication{Kit: kit, others: others, keepers: keepers}
	kit.Jobs.Listen("approval.given", "publication.announce", p.approved)
	kit.Jobs.Listen("statement.announced", "publication.notices", p.announced)
	job.Register(kit.Jobs, p.notifyPage)
	job.Register(kit.Jobs, p.notifyOne)
	return desk.Desk{
		Name:   "publication",
		Keeps:  Keeps,
		Routes: slices.Concat(p.routes(), p.transparencyRoutes()),
		Nav: []web.Nav{
			{Audience: web.Public, Order: 90, Label: "Check a proof", Icon: "shield-check", Href: "/verify"},
			{Audience: web.Public, Group: web.Footer, Order: 10, Label: "Versions", Href: "/statement/versions"},
			{Audience: web.Public, Group: web.Footer, Order: 20, Label: "The ledger", Href: "/ledger"},
			{Audience: web.Public, Group: web.Footer, Order: 30, Label: "Transparency report", Href: "/transparency"},
			{Audience: web.Console, Group: "Rules", Order: 80, Label: "Transparency", Icon: "chart-column", Href: "/console/transparency"},
			{Audience: web.Console, Group: "Rules", Order: 60, Label: "Statement", Icon: "scroll-text", Href: "/console/statement"},
			{Audience: web.Console, Group: "Rules", Order: 70, Label: "Ledger", Icon: "book-lock", Href: "/console/ledger"},
		},
		Proofs: slices.Concat(proofs(), linkProofs(), p.reportProofs()),
		Demo:   p.demo,
	}
}

// A matter is what is asked to be approved before a version is announced.
type matter struct {
	Hash      string    `json:"hash"`
	Effective time.Time `json:"effective"`
}

// Kind is the kind of the approvals that this desk asks for.
const Kind = "statement.publish"

// Describe says what an approval of this desk is about, and where to read what
// changes.
func Describe(g *gate.Gate, raw json.RawMessage) (text, href string, err error) {
	var m matter
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", "", fmt.Errorf("publication: matter: %w", err)
	}
	v, ok := g.Version(m.Hash)
	if !ok {
		return "", "", fmt.Errorf("publication: no version %s", m.Hash)
	}
	text = "version " + v.Statement.Front().Version
	now, ruled := g.InForce()
	if ruled && now.Statement != v.Statement {
		text += " in place of " + now.Statement.Front().Version
	}
	text += ", from " + m.Effective.Format("2 January 2006")
	if ruled {
		if what := inShort(now.Statement, v.Statement); what != "" {
			text += ". It changes " + what
		}
	}
	return text, "/console/statement/" + m.Hash, nil
}

// waiting returns the request to publish one of the versions that waits for
// others; nil if there is none.
func (p *publication) waiting(ctx context.Context, tx *store.Tx, of func(hash string) bool) (*askedView, error) {
	list, err := p.Gate.Approvals(ctx, tx, 100) // those that wait come first
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Kind != Kind || a.State != gate.Pending {
			continue
		}
		_, _, raw, reason, err := p.Gate.Approval(ctx, tx, a.ID)
		if err != nil {
			return nil, err
		}
		var m matter
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("publication: approval %s: %w", a.ID, err)
		}
		if !of(m.Hash) {
			continue
		}
		who, err := p.others.Name(ctx, tx, a.Requester)
		return &askedView{Who: who, Made: a.Made, Effective: m.Effective, Reason: reason, Agreed: a.Granted, Needed: a.Needed}, err
	}
	return nil, nil
}

// ask asks for the announcement of a draft for the day that its text says, or
// announces it where nobody else could approve.
func (p *publication) ask(ctx context.Context, tx *store.Tx, by loot.Actor, s *statement.Statement, reason string) (waiting bool, err error) {
	if by.ID == "" || !p.mayPublish(by) {
		return false, loot.Errorf(loot.Denied, "None of your roles may publish a statement.")
	}
	m := matter{Hash: s.Hash()}
	if m.Effective, err = p.dateOf(s); err != nil {
		return false, err
	}
	if asked, err := p.waiting(ctx, tx, func(hash string) bool {
		v, _ := p.Gate.Version(hash)
		return hash == m.Hash || v.Statement != nil && v.Statement.Front().Version == s.Front().Version // one number is announced once
	}); err != nil {
		return false, err
	} else if asked != nil {
		return false, loot.Errorf(loot.Conflict, "%s has asked for the publication of this version already. It waits under Approvals.", asked.Who)
	}
	needed, err := p.others.Needed(ctx, tx, by)
	if err != nil {
		return false, err
	}
	if needed == 0 {
		return false, p.Gate.Announce(ctx, tx, by, m.Hash, m.Effective, reason)
	}
	_, err = p.Gate.Ask(ctx, tx, Kind, by, m, needed, reason)
	return true, err
}

func (p *publication) mayPublish(by loot.Actor) bool {
	v, ok := p.Gate.InForce()
	if !ok {
		return false
	}
	for _, id := range by.Roles {
		if r, ok := v.Statement.Role(id); ok && (r.Approves || r.Administers) {
			return true
		}
	}
	return false
}

// approved announces a version once enough people agreed. When the wait for
// them took longer than there was between the date and the notice period, the
// date moves to the earliest possible one.
func (p *publication) approved(ctx context.Context, id string) error {
	return p.DB.InTx(ctx, func(tx *store.Tx) error {
		a, _, raw, reason, err := p.Gate.Approval(ctx, tx, id)
		if err != nil || a.Kind != Kind {
			return err
		}
		switch err := p.Gate.End(ctx, tx, Kind, id); {
		case loot.KindOf(err) == loot.Conflict:
			return nil // announced already: the notice came twice
		case err != nil:
			return err
		}
		var m matter
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("publication: approval %s: %w", id, err)
		}
		if earliest := p.earliest(); m.Effective.Before(earliest) {
			m.Effective = earliest
		}
		err = p.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Staff, ID: a.Requester}, m.Hash, m.Effective, reason)
		if e, ok := errors.AsType[*loot.Error](err); ok && e.Kind == loot.Conflict {
			return nil // by another approval
		}
		return err
	})
}

// earliest returns when a version that is announced now may take effect.
func (p *publication) earliest() time.Time {
	v, ok := p.Gate.InForce()
	if !ok {
		return p.Now()
	}
	return p.Now().AddDate(0, 0, v.Statement.Front().NoticeDays).Add(time.Minute).Truncate(time.Minute)
}

// dateOf returns when a draft that is announced now takes effect: on the day
// that its text says, once the notice period has passed.
func (p *publication) dateOf(s *statement.Statement) (time.Time, error) {
	effective, earliest := s.Front().Effective, p.earliest()
	if effective.Before(earliest.Truncate(24 * time.Hour)) {
		return time.Time{}, s.WrongFront("effective", "The statement takes effect on %s, it says, but the notice period of the version in force has passed on %s at the earliest: propose it with that day or a later one, so that there is time to agree to it.",
			effective.Format(time.DateOnly), earliest.UTC().Format(time.DateOnly))
	}
	if effective.Before(earliest) {
		effective = earliest
	}
	return effective, nil
}

// check returns what is wrong with a version. It takes a moment of all
// processors, so that of a version that was checked already is kept.
func (p *publication) check(s *statement.Statement) statement.Problems {
	if done, ok := p.checked.Load(s.Hash()); ok {
		return done.(statement.Problems)
	}
	problems := s.Check(p.keepers())
	p.checked.Store(s.Hash(), problems)
	return problems
}

// draft keeps source as a draft after it was checked, and returns what is
// wrong with it. Nothing else waits while it is checked.
func (p *publication) draft(ctx context.Context, by loot.Actor, source []byte) (*statement.Statement, error) {
	v, _ := p.Gate.InForce()
	s, problems := statement.Read("draft", source, p.keepers(), v.Statement)
	if len(problems) > 0 {
		return nil, problems
	}
	if err := OwnKey(p.Ledger, s); err != nil {
		return nil, err
	}
	if err := p.DB.InTx(ctx, func(tx *store.Tx) error { return p.keepDraft(ctx, tx, by, s) }); err != nil {
		return nil, err
	}
	p.checked.Store(s.Hash(), statement.Problems(nil)) // kept only of what is kept itself
	return s, nil
}

// OwnKey refuses a statement that names the key of another ledger: whoever read
// it would hold true receipts for false.
func OwnKey(l *ledger.Ledger, s *statement.Statement) error {
	if key := s.Front().LogKey; key != "" && key != l.VerifierKey() {
		return s.WrongFront("log_key", "This is not the key of this server's ledger, which is %s: write that one, or nothing.", l.VerifierKey())
	}
	return nil
}

func (p *publication) keepDraft(ctx context.Context, tx *store.Tx, by loot.Actor, s *statement.Statement) error {
	if err := p.Gate.Propose(ctx, tx, s); err != nil {
		return err
	}
	_, err := p.Gate.Note(ctx, tx, by, "statement.proposed "+s.Hash(), "")
	return err
}

// Coming returns a function that says which change is announced. What changes
// is worked out once for each announcement.
func Coming(g *gate.Gate) func() web.Coming {
	type told struct{ before, after, what string }
	var last atomic.Pointer[told]
	return func() web.Coming {
		next, ok := g.Coming()
		now, ruled := g.InForce()
		if !ok || !ruled {
			return web.Coming{}
		}
		t := last.Load()
		if t == nil || t.before != now.Statement.Hash() || t.after != next.Statement.Hash() {
			t = &told{now.Statement.Hash(), next.Statement.Hash(), inShort(now.Statement, next.Statement)}
			last.Store(t)
		}
		return web.Coming{Effective: next.Effective, What: t.what, Href: "/statement/versions/" + t.after}
	}
}

// inShort names the clauses that change.
func inShort(before, after *statement.Statement) string {
	var titles []string
	for _, c := range statement.Diff(before, after) {
		clause, ok := after.Clause(c.Clause)
		if !ok {
			clause, ok = before.Clause(c.Clause)
		}
		if title := "“" + clause.Title + "”"; ok && !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	switch n := len(titles); {
	case n == 0:
		return ""
	case n == 1:
		return titles[0]
	case n <= 3:
		return strings.Join(titles[:n-1], ", ") + " and " + titles[n-1]
	default:
		return fmt.Sprintf("%s, %s and %d other clauses", titles[0], titles[1], n-2)
	}
}

// versions returns every version with its state.
func (p *publication) versions(ctx context.Context) ([]version, error) {
	var out []version
	err := p.DB.ReadTx(ctx, func(tx *store.Tx) error {
		all, err := p.Gate.Versions(ctx, tx)
		if err != nil {
			return err
		}
		out = make([]version, len(all))
		for i, v := range all {
			out[len(all)-1-i] = version{v, gate.StateOf(v, all, p.Now())}
		}
		return nil
	})
	return out, err
}

// A version is a version with its state.
type version struct {
	gate.Version
	State gate.State
}

// Name returns what people call the version.
func (v version) Name() string { return "Version " + v.Statement.Front().Version }

// Tone says how the state is shown.
func (v version) Tone() web.Tone {
	switch v.State {
	case gate.InForce:
		return web.Good
	case gate.Announced:
		return web.Info
	case gate.Draft, gate.Superseded:
	}
	return web.Neutral
}

// Badge returns the state as a badge.
func (v version) Badge() web.Badge { return web.Badge{Tone: v.Tone(), Text: string(v.State)} }

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"alterations.notice", "network.links"}
