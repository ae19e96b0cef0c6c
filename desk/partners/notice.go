package partners

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// The kinds of notices.
const (
	cooperation = "cooperation" // the partner helps with what was ordered
	succession  = "succession"  // the company, or a part of the network, goes to the partner
)

// toSucceed is the purpose to which somebody objects who does not want to be moved.
const toSucceed loot.Purpose = "succession"

// pageSize is how many people one job tells of a partner.
const pageSize = 200

// A notice tells everybody concerned who a partner is, before anything goes there.
type notice struct {
	ID        string
	Partner   string
	Kind      string
	Purposes  []loot.Purpose
	Services  []string // of a succession: what moves; none: everything
	Words     string
	Made      time.Time
	Author    string
	Announced time.Time // zero: its letters are still going out
	Due       time.Time
	Ended     time.Time // zero: it counts
	Approval  string    // that its letters wait for; empty: they go
}

// goes reports whether a notice counts and waits for nobody, see also toldOf.
func (n notice) goes() bool { return n.Ended.IsZero() && n.Approval == "" }

// notices returns the notices that a condition takes, latest first.
func notices(ctx context.Context, tx *store.Tx, where string, args ...any) (out []notice, err error) {
	rows, err := tx.Query(ctx, `SELECT id, partner, kind, purposes, services, words, made, author, announced, due, ended, approval FROM partners_notice
		WHERE `+where+` ORDER BY made DESC, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("partners: notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n notice
		var purposes, services string
		var made, announced, due, ended int64
		if err := rows.Scan(&n.ID, &n.Partner, &n.Kind, &purposes, &services, &n.Words, &made, &n.Author, &announced, &due, &ended, &n.Approval); err != nil {
			return nil, fmt.Errorf("partners: notices: %w", err)
		}
		if err := errors.Join(json.Unmarshal([]byte(purposes), &n.Purposes), json.Unmarshal([]byte(services), &n.Services)); err != nil {
			return nil, fmt.Errorf("partners: notice: %w", err)
		}
		n.Made, n.Announced, n.Due, n.Ended = store.Instant(made), store.Instant(announced), store.Instant(due), store.Instant(ended)
		out = append(out, n)
	}
	return out, rows.Err()
}

// anyNotice returns a notice, also one that was taken back; the zero notice if there is none.
func anyNotice(ctx context.Context, tx *store.Tx, id string) (notice, error) {
	list, err := notices(ctx, tx, `id = $1`, id)
	if err != nil || len(list) == 0 {
		return notice{}, err
	}
	return list[0], nil
}

// findNotice returns a notice that counts; false: there is none.
func findNotice(ctx context.Context, tx *store.Tx, id string) (notice, bool, error) {
	n, err := anyNotice(ctx, tx, id)
	if err != nil || n.ID == "" || !n.Ended.IsZero() {
		return notice{}, false, err
	}
	return n, true, nil
}

// announce begins to tell everybody concerned of a partner. The time to object begins when
// the last letter has gone.
func (d *Partners) announce(ctx context.Context, tx *store.Tx, by loot.Actor, n notice) (string, error) {
	n.ID = loot.NewID("p")
	if err := d.keep(ctx, tx, by, n); err != nil {
		return "", err
	}
	return n.ID, d.begun(ctx, tx, by, n)
}

// keep keeps a new notice.
func (d *Partners) keep(ctx context.Context, tx *store.Tx, by loot.Actor, n notice) error {
	purposes, perr := json.Marshal(n.Purposes)
	services, serr := json.Marshal(n.Services)
	if err := errors.Join(perr, serr); err != nil {
		return fmt.Errorf("partners: announce: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO partners_notice (id, partner, kind, purposes, services, words, made, author, announced, due, ended, approval) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9)`,
		n.ID, n.Partner, n.Kind, string(purposes), string(services), n.Words, d.Now().UnixMicro(), by.ID, n.Approval); err != nil {
		return fmt.Errorf("partners: announce: %w", err)
	}
	return nil
}

// begun has the letters of a notice go.
func (d *Partners) begun(ctx context.Context, tx *store.Tx, by loot.Actor, n notice) error {
	if _, err := d.Gate.Note(ctx, tx, by, n.Kind+".announced", n.Partner); err != nil {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, tellPageArgs{Notice: n.ID})
}

// withdrawNotice takes a notice back: whom it told counts as not told, and hears of it.
func (d *Partners) withdrawNotice(ctx context.Context, tx *store.Tx, by loot.Actor, id string) error {
	n, ok, err := findNotice(ctx, tx, id)
	if err != nil {
		return err
	}
	if !ok {
		return loot.Errorf(loot.Conflict, "This announcement has been taken back already.")
	}
	if _, err := tx.Exec(ctx, `UPDATE partners_notice SET ended = $1 WHERE id = $2`, d.Now().UnixMicro(), id); err != nil {
		return fmt.Errorf("partners: notice: %w", err)
	}
	if _, err := d.Gate.Note(ctx, tx, by, n.Kind+".taken_back", n.Partner); err != nil {
		return err
	}
	if n.Approval != "" {
		if err := d.Gate.TakeBack(ctx, tx, by, Kind, n.Approval); err != nil {
			return err
		}
	}
	if err := d.Jobs.Enqueue(ctx, tx, unsayPageArgs{Notice: id}); err != nil {
		return err
	}
	return d.refresh(ctx, tx, by, n.Partner)
}

// refresh has the gate decide by what stands about a partner now.
func (d *Partners) refresh(ctx context.Context, tx *store.Tx, by loot.Actor, partner string) error {
	a, err := standing(ctx, tx, partner)
	if err != nil || a.ID == "" {
		return err
	}
	return d.tellGate(ctx, tx, by, a)
}

// tellPageArgs asks for the next people to be told of a partner.
type tellPageArgs struct {
	Notice string       `json:"notice"`
	After  loot.Subject `json:"after"` // the last of the page before
}

// Kind names the job.
func (tellPageArgs) Kind() string { return "partners.tell_page" }

// tellOneArgs tells one person of a partner.
type tellOneArgs struct {
	Notice  string       `json:"notice"`
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (tellOneArgs) Kind() string { return "partners.tell" }

// tellPage writes to the next people who were not told. After the last of them the time to
// object begins.
func (d *Partners) tellPage(ctx context.Context, a tellPageArgs) error {
	var page []loot.Subject
	var n notice
	var last loot.Subject
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		page, last = nil, ""
		var ok bool
		var err error
		if n, ok, err = findNotice(ctx, tx, a.Notice); err != nil || !ok {
			return err
		}
		rows, err := d.Vault.List(ctx, tx, collection, a.After, pageSize)
		if err != nil {
			return err
		}
		if len(rows) == pageSize {
			last = rows[pageSize-1].Subject
		}
		for _, r := range rows {
			if r.Erased() {
				continue
			}
			concerned, err := d.concerned(ctx, tx, n, r.Subject)
			if err != nil {
				return err
			}
			if at, err := toldAt(ctx, tx, n.ID, r.Subject); err != nil {
				return err
			} else if concerned && at.IsZero() {
				page = append(page, r.Subject)
			}
		}
		return nil
	}); err != nil || n.ID == "" {
		return err
	}
	for _, s := range page {
		if err := d.tell(ctx, n, s); err != nil {
			return err
		}
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if last != "" {
			return d.Jobs.Enqueue(ctx, tx, tellPageArgs{Notice: n.ID, After: last})
		}
		v, err := d.inForce()
		if err != nil {
			return err
		}
		changed, err := tx.Exec(ctx, `UPDATE partners_notice SET announced = $1, due = $2 WHERE id = $3 AND announced = 0 AND ended = 0`,
			d.Now().UnixMicro(), d.Now().AddDate(0, 0, v.Front().NoticeDays).UnixMicro(), n.ID)
		if err != nil {
			return fmt.Errorf("partners: announced: %w", err)
		}
		if changed == 0 {
			return nil // those who came later have a time of their own
		}
		return d.refresh(ctx, tx, d.actor(), n.Partner)
	})
}

// registered tells somebody new of the partners that were announced before they came.
func (d *Partners) registered(ctx context.Context, id string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := notices(ctx, tx, `ended = 0`)
		if err != nil {
			return err
		}
		for _, n := range all {
			if !n.goes() {
				continue
			}
			if err := d.Jobs.Enqueue(ctx, tx, tellOneArgs{n.ID, loot.Subject(id)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Partners) tellOne(ctx context.Context, a tellOneArgs) error {
	var n notice
	tell := false
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		var ok bool
		var err error
		if n, ok, err = findNotice(ctx, tx, a.Notice); err != nil || !ok {
			return err
		}
		at, err := toldAt(ctx, tx, n.ID, a.Subject)
		if err != nil || !at.IsZero() {
			return err
		}
		tell, err = d.concerned(ctx, tx, n, a.Subject)
		return err
	}); err != nil || !tell {
		return err
	}
	return d.tell(ctx, n, a.Subject)
}

// concerned reports whether a notice is about somebody: with a succession of a part, it is
// about those who have a service of that part.
func (d *Partners) concerned(ctx context.Context, tx *store.Tx, n notice, s loot.Subject) (bool, error) {
	if len(n.Services) == 0 {
		return true, nil
	}
	have, err := d.needs.Services(ctx, tx, s)
	return slices.ContainsFunc(have, func(id string) bool { return slices.Contains(n.Services, id) }), err
}

// tell writes to one person. Whom no letter reaches was not told, and nothing of theirs goes.
func (d *Partners) tell(ctx context.Context, n notice, s loot.Subject) error {
	st, to, err := d.partner(n.Partner)
	if loot.KindOf(err) == loot.NotFound {
		return nil // a later version of the statement does not name it
	}
	if err != nil {
		return err
	}
	days := st.Front().NoticeDays
	sent, err := d.Write(ctx, desk.Errand{
		By: d.actor(), Purpose: "notice", To: s, Collection: collection, ID: "partner-" + n.ID + "-" + string(s),
		Letter: letterOf(st, to, n, days, d.BaseURL),
	})
	if err != nil || !sent {
		return err
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		note := "partner.announced"
		if n.Kind == succession {
			note = "partner.successor"
		}
		changed, err := tx.Exec(ctx, `INSERT INTO partners_told (notice, subject, at) VALUES ($1, $2, $3) ON CONFLICT (notice, subject) DO NOTHING`, n.ID, s, d.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("partners: told: %w", err)
		}
		if changed == 0 {
			return nil
		}
		var ended int64
		if err := tx.QueryRow(ctx, `SELECT ended FROM partners_notice WHERE id = $1`+tx.ForShare(), n.ID).Scan(&ended); err != nil {
			return fmt.Errorf("partners: told: %w", err)
		}
		if ended != 0 { // taken back while the letter went
			if err := d.Jobs.Enqueue(ctx, tx, unsayArgs{n.ID, s}); err != nil {
				return err
			}
		}
		return d.Gate.NoteAbout(ctx, tx, s, collection, d.actor(), note, clauseOf(n.Kind))
	})
}

func clauseOf(kind string) loot.Clause {
	if kind == succession {
		return "network.exceptions"
	}
	return "disclosure.partners"
}

// letterOf is the letter that names a partner.
func letterOf(s *statement.Statement, to statement.Recipient, n notice, days int, url string) mail.Letter {
	where := to.Title + ", " + statement.CountryName(to.Country)
	titles := titlesOf(s, n.Purposes)
	l := mail.Letter{
		Subject: to.Title + " is going to help with your services",
		Preview: "Who it is, what it receives, and how you object.",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("We are going to work with " + where + ". It has signed an agreement to keep what it receives confidential. It receives what it needs for this, and nothing else: " + titles + "."),
			mail.Para(fmt.Sprintf("Nothing goes there before %d days have passed. You can object in these days and at any time after them; nothing of yours goes there then.", days)),
		},
		Why: "You get this because our privacy statement promises to name a partner to you before anything goes there.",
	}
	if n.Kind == succession {
		l.Subject = to.Title + " takes over " + whatMoves(s, n)
		l.Preview = "What moves, when, and how you object."
		l.Blocks[0] = mail.Para(where + ", takes over " + whatMoves(s, n) + ". It has signed the same agreement as every partner. With it move the details that it needs for: " + titles + ".")
		l.Blocks[1] = mail.Para(fmt.Sprintf("Nothing of yours moves before %d days have passed. If you object in these days, nothing of yours moves.", days))
		l.Why = "You get this because our privacy statement promises to tell you before a service of yours goes to another company."
	}
	if n.Words != "" {
		l.Blocks = append(l.Blocks, mail.Note(n.Words))
	}
	l.Blocks = append(l.Blocks, mail.Button("See who receives what, or object", url+"/portal/partners"))
	return l
}

func whatMoves(s *statement.Statement, n notice) string {
	if len(n.Services) == 0 {
		return "our network"
	}
	titles := make([]string, len(n.Services))
	for i, id := range n.Services {
		titles[i] = id
		if sv, ok := s.Service(id); ok {
			titles[i] = loot.LowerFirst(sv.Title)
		}
	}
	return "this part of our network: " + strings.Join(titles, ", ")
}

// titlesOf names purposes in a sentence.
func titlesOf(s *statement.Statement, list []loot.Purpose) string {
	titles := make([]string, len(list))
	for i, id := range list {
		titles[i] = string(id)
		if p, ok := s.Purpose(id); ok {
			titles[i] = loot.LowerFirst(p.Title)
		}
	}
	return strings.Join(titles, ", ")
}

// toldAt returns when somebody was told by a notice; zero: not.
func toldAt(ctx context.Context, tx *store.Tx, notice string, s loot.Subject) (time.Time, error) {
	var at int64
	err := tx.QueryRow(ctx, `SELECT coalesce(max(at), 0) FROM partners_told WHERE notice = $1 AND subject = $2`, notice, s).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("partners: told: %w", err)
	}
	return store.Instant(at), nil
}

// toldBy returns how many were told by a notice.
func toldBy(ctx context.Context, tx *store.Tx, notice string) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM partners_told WHERE notice = $1`, notice).Scan(&n); err != nil {
		return 0, fmt.Errorf("partners: told: %w", err)
	}
	return n, nil
}

// announced offers the gate when the very person was told of a partner, and when their time
// to object is over. Of a partner that nobody announced here the gate knows by itself.
func (d *Partners) announced(ctx context.Context, tx *store.Tx, r gate.Request, in *statement.Input) error {
	if r.Actor.Kind != loot.Partner || in.Context.Announced.IsZero() {
		return nil
	}
	s, to, err := d.partner(r.Actor.ID)
	if err != nil {
		return err
	}
	told, known, err := toldOf(ctx, tx, r, s.Front().NoticeDays)
	if err != nil || !known {
		return err
	}
	way := told[cooperation] // the zero telling: not told, so nothing goes
	switch {
	case slices.Contains(to.Cooperation, r.Purpose):
		// Cooperation goes on by its own notice. The rules read one time for both ways, so the
		// partner is no successor here before the time to object to the succession is over.
		moves, known := told[succession]
		in.Actor.Successor = in.Actor.Successor && known && !moves.due.After(d.Now())
	case in.Actor.Successor:
		way = told[succession]
	}
	in.Context.Announced, in.Context.Due = way.at, way.due
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A telling is when somebody was told, and when their time to object ends.
type telling struct{ at, due time.Time }

// toldOf returns by kind how the person of a request was told of its partner for its
// purpose, and whether the partner was announced at all.
func toldOf(ctx context.Context, tx *store.Tx, r gate.Request, days int) (out map[string]telling, known bool, err error) {
	rows, err := tx.Query(ctx, `SELECT n.kind, n.purposes, n.announced, n.due, coalesce(t.at, 0) FROM partners_notice n
		LEFT JOIN partners_told t ON t.notice = n.id AND t.subject = $1 WHERE n.partner = $2 AND n.ended = 0 AND n.approval = ''`, r.Subject, r.Actor.ID)
	if err != nil {
		return nil, false, fmt.Errorf("partners: told of: %w", err)
	}
	defer rows.Close()
	out = map[string]telling{}
	for rows.Next() {
		var kind, text string
		var announced, due, at int64
		if err := rows.Scan(&kind, &text, &announced, &due, &at); err != nil {
			return nil, false, fmt.Errorf("partners: told of: %w", err)
		}
		known = true
		var purposes []loot.Purpose
		if err := json.Unmarshal([]byte(text), &purposes); err != nil {
			return nil, false, fmt.Errorf("partners: told of: %w", err)
		}
		if at == 0 || announced == 0 || !slices.Contains(purposes, r.Purpose) {
			continue
		}
		t := telling{store.Instant(at), later(store.Instant(due), store.Instant(at).AddDate(0, 0, days))}
		if old, ok := out[kind]; !ok || t.due.Before(old.due) {
			out[kind] = t
		}
	}
	return out, known, rows.Err()
}

type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "partners.sweep" }

// sweep tells those whom a notice did not find before, and reminds partners of what they
// were asked to delete.
func (d *Partners) sweep(ctx context.Context, _ sweepArgs) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := notices(ctx, tx, `ended = 0`)
		if err != nil {
			return err
		}
		for _, n := range all {
			if !n.Announced.IsZero() {
				if err := d.Jobs.Enqueue(ctx, tx, tellPageArgs{Notice: n.ID}, job.Unique()); err != nil {
					return err
				}
			}
		}
		return d.Jobs.Enqueue(ctx, tx, remindArgs{}, job.Unique())
	})
}
