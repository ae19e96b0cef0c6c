package safety

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// The bounds of a report.
const (
	mostText      = 20000
	mostAddresses = 50
	mostURLs      = 50
	mostURL       = 2000
	mostFiles     = 20
	mostFile      = 10 << 20 // bytes
)

// The ways in which reports come.
const (
	ByForm = "form"
	ByAPI  = "api"
	ByMail = "mail"
	ByFeed = "feed"
)

// A Report is one of misuse, whichever way it came.
type Report struct {
	Way       string // one of [ByForm], [ByAPI], [ByMail] and [ByFeed]
	Kind      Kind
	Addresses []Seen
	URLs      []string
	Text      string
	Reporter  string // e-mail address of the sender; empty: not given
	Proven    bool   // that the address is the sender's was shown, by a token or a signature
	Key       string // by which the sender tells it from others, such as a Message-ID; empty: what it says does
	Evidence  []Evidence
	Warnings  []string // what a reader of the report should know before they rely on it
}

// Seen is an address with the time at which the misuse was seen.
type Seen struct {
	Address netip.Addr
	At      time.Time // zero: when the report came
}

// Evidence is a file as it came. It is sealed, and never run or rendered.
type Evidence struct {
	Name    string
	Type    string // media type
	Content []byte
	SHA256  string // hexadecimal, as the sender says it; empty: it is computed
}

// Taken says what became of a report.
type Taken struct {
	ID     string   // of the report
	Cases  []string // that it is in
	Again  bool     // it had come before
	Follow string   // path of the page that says what becomes of it; empty: it had come before
}

// clean checks a report, and adds the addresses that stand in web addresses.
func (d *Safety) clean(r Report) (Report, error) {
	now := d.Now()
	wrong := map[string]string{}
	if _, ok := playbookOf(r.Kind); !ok {
		wrong["kind"] = "Say what kind of misuse it is."
	}
	if r.Text = strings.TrimSpace(r.Text); len([]rune(r.Text)) > mostText || !utf8.ValidString(r.Text) || strings.ContainsRune(r.Text, 0) {
		wrong["text"] = "This is too long, or holds what is not text."
	}
	if r.Reporter != "" && !mail.ValidAddress(r.Reporter) {
		wrong["email"] = web.NotEmail
	}
	r.URLs = slices.Clone(r.URLs)
	r.Addresses = slices.Clone(r.Addresses)
	for _, text := range r.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(text) > mostURL {
			wrong["urls"] = "One of these is no web address. They look like https://www.example.com/page."
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Zone() == "" && !slices.ContainsFunc(r.Addresses, func(s Seen) bool { return s.Address == a }) {
			r.Addresses = append(r.Addresses, Seen{Address: a})
		}
	}
	for i, s := range r.Addresses {
		switch {
		case !s.Address.IsValid() || s.Address.Zone() != "":
			wrong["addresses"] = "One of these is no internet address. They look like 192.0.2.7 and 2001:db8::7."
		case s.At.IsZero():
			r.Addresses[i].At = now
		case s.At.After(now.Add(hour)):
			wrong["at"] = "This time is still to come."
		}
	}
	switch {
	case len(r.Addresses) > mostAddresses:
		wrong["addresses"] = "Name " + strconv.Itoa(mostAddresses) + " addresses at most."
	case len(r.URLs) > mostURLs:
		wrong["urls"] = "Name " + strconv.Itoa(mostURLs) + " web addresses at most."
	case len(r.Addresses)+len(r.URLs) == 0 && r.Way != ByMail && wrong["addresses"] == "" && wrong["urls"] == "":
		wrong["addresses"] = "Name an internet address or a web address: without one nobody can look into it."
	case len(r.Evidence) > mostFiles:
		wrong["files"] = "Send " + strconv.Itoa(mostFiles) + " files at most."
	}
	for i := range r.Evidence {
		e := &r.Evidence[i]
		sum := sha256.Sum256(e.Content)
		found := hex.EncodeToString(sum[:])
		switch {
		case len(e.Content) > mostFile:
			wrong["files"] = "A file is larger than " + web.Bytes(mostFile) + "."
		case e.SHA256 != "" && !strings.EqualFold(e.SHA256, found):
			wrong["files"] = "A file is not the one whose SHA-256 was named."
		}
		e.SHA256, e.Type = found, cmp.Or(e.Type, "application/octet-stream")
	}
	return r, web.Invalid("", wrong)
}

// digest tells a report from any other: by the sender's own name for it or, if it has
// none, by what it says.
func (d *Safety) digest(r Report) []byte {
	parts := []string{strings.ToLower(r.Reporter), string(r.Kind)}
	if r.Key != "" {
		return d.keyed("key", append(parts, r.Key)...)
	}
	var names []string
	for _, s := range r.Addresses {
		names = append(names, s.Address.Unmap().String())
	}
	names = append(names, r.URLs...)
	slices.Sort(names)
	parts = append(append(parts, strings.Join(strings.Fields(r.Text), " ")), slices.Compact(names)...)
	for _, e := range r.Evidence {
		parts = append(parts, e.SHA256)
	}
	return d.keyed("report", parts...)
}

// A pointed address is one that a report is about, with who had it.
type pointed struct {
	mark   []byte
	at     time.Time
	said   said
	addr   netip.Addr
	looked bool // it was looked for who had it
	holder Holder
}

// points returns what a report is about: its addresses or, where it names none, the hosts
// of its web addresses, whose addresses a colleague finds out.
func (d *Safety) points(ctx context.Context, r Report) (out []pointed, err error) {
	add := func(p pointed) {
		if i := slices.IndexFunc(out, func(o pointed) bool { return bytes.Equal(o.mark, p.mark) }); i < 0 {
			out = append(out, p)
		}
	}
	for _, s := range r.Addresses {
		p := pointed{mark: d.markOf(s.Address), at: s.At, addr: s.Address.Unmap(), said: said{s.Address.Unmap().String(), r.URLs, r.Warnings}}
		if p.holder, p.looked, err = d.lookUp(ctx, p.addr, p.at); err != nil {
			return nil, err
		}
		add(p)
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, text := range r.URLs {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("safety: web address: %w", err)
		}
		add(pointed{mark: d.keyed("host", strings.ToLower(u.Hostname())), at: d.Now(), said: said{URLs: r.URLs, Warnings: r.Warnings}})
	}
	if len(out) == 0 { // a mail in which no program finds one: a colleague reads it
		add(pointed{mark: d.keyed("unnamed", hex.EncodeToString(d.digest(r))), at: d.Now(), said: said{Warnings: r.Warnings}})
	}
	return out, nil
}

// lookUp returns who had an address, and false if the statement in force does not let the
// program look: a colleague does so then.
func (d *Safety) lookUp(ctx context.Context, a netip.Addr, at time.Time) (h Holder, looked bool, err error) {
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		h, _, err = d.needs.WhoHad(ctx, tx, d.actor(), forSafety, "a report of misuse", a, at)
		return err
	})
	if _, no := errors.AsType[*gate.Refusal](err); no {
		return Holder{}, false, nil
	}
	return h, err == nil, err
}

// take takes a report in: once, however often it comes, and sorted into a case for each
// address that it names. What is wrong with it is an error of kind Invalid.
func (d *Safety) take(ctx context.Context, r Report) (t Taken, err error) {
	if r, err = d.clean(r); err != nil {
		return t, err
	}
	digest := d.digest(r)
	if t, err = d.again(ctx, digest); err != nil || t.Again {
		return t, err
	}
	points, err := d.points(ctx, r)
	if err != nil {
		return t, err
	}
	subject := loot.NewSubject()
	if err := d.Keyring.Create(ctx, subject, reporters); err != nil {
		return t, err
	}
	files := make([]string, len(r.Evidence))
	for i, e := range r.Evidence {
		if files[i], err = d.Vault.Stage(ctx, subject, reporters, reporterText, e.Name, e.Type, bytes.NewReader(e.Content)); err != nil {
			return t, err
		}
	}
	slices.SortFunc(points, func(a, b pointed) int { return bytes.Compare(a.mark, b.mark) }) // whoever takes several turns takes them in one order
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		t, err = d.file(ctx, tx, r, subject, digest, points, files)
		return err
	})
	if errors.Is(err, errAgain) {
		return d.again(ctx, digest)
	}
	return t, err
}

// errAgain says that the same report was taken in meanwhile.
var errAgain = errors.New("safety: the report is there")

// again counts a report that came before.
func (d *Safety) again(ctx context.Context, digest []byte) (t Taken, err error) {
	return t, d.DB.InTx(ctx, func(tx *store.Tx) error {
		t = Taken{}
		n, err := tx.Exec(ctx, `UPDATE safety_report SET repeats = repeats + 1 WHERE digest = $1`, digest)
		if err != nil || n == 0 {
			return err
		}
		t.Again = true
		rows, err := tx.Query(ctx, `SELECT r.id, a.matter FROM safety_report r JOIN safety_about a ON a.report = r.id WHERE r.digest = $1 ORDER BY a.matter`, digest)
		if err != nil {
			return fmt.Errorf("safety: report: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&t.ID, &id); err != nil {
				return fmt.Errorf("safety: report: %w", err)
			}
			t.Cases = append(t.Cases, id)
		}
		return rows.Err()
	})
}

// file keeps a report and sorts it into its cases.
func (d *Safety) file(ctx context.Context, tx *store.Tx, r Report, subject loot.Subject, digest []byte, points []pointed, files []string) (t Taken, err error) {
	now := d.Now()
	t = Taken{ID: loot.NewID("r")}
	reporter := d.markOfReporter(r.Reporter)
	trusted := false
	if r.Proven && len(reporter) > 0 {
		if _, trusted, err = trustOf(ctx, tx, reporter); err != nil {
			return t, err
		}
	}
	n, err := tx.Exec(ctx, `INSERT INTO safety_report (id, subject, at, way, kind, digest, reporter, proven, trusted, repeats) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
		ON CONFLICT (digest) DO NOTHING`, t.ID, subject, now.UnixMicro(), r.Way, string(r.Kind), digest, reporter, one(r.Proven), one(trusted))
	if err != nil {
		return t, fmt.Errorf("safety: report: %w", err)
	}
	if n == 0 {
		return t, errAgain
	}
	if err := d.keep(ctx, tx, r, subject, t.ID, files); err != nil {
		return t, err
	}
	for _, p := range points {
		c, err := d.sort(ctx, tx, r.Kind, p, trusted)
		if err != nil {
			return t, err
		}
		id := loot.NewID("b")
		text, err := json.Marshal(p.said)
		if err == nil {
			text, err = d.key.Seal(text, []byte(id))
		}
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO safety_about (id, report, matter, at, said) VALUES ($1, $2, $3, $4, $5)`, id, t.ID, c.ID, p.at.UnixMicro(), text)
		}
		if err != nil {
			return t, fmt.Errorf("safety: report: %w", err)
		}
		if c.Outcome == elsewhere {
			if err := d.Jobs.Enqueue(ctx, tx, tellArgs{Case: c.ID, Step: "outcome", Of: t.ID}); err != nil {
				return t, err
			}
		}
		t.Cases = append(t.Cases, c.ID)
	}
	l, err := d.makeLink(ctx, tx, link{Report: t.ID, Purpose: toFollow, Expires: now.AddDate(1, 0, 0)})
	t.Follow = l.path(d)
	return t, err
}

// keep seals what the sender gave of themself, what they wrote and what they sent.
func (d *Safety) keep(ctx context.Context, tx *store.Tx, r Report, subject loot.Subject, id string, files []string) error {
	given := map[loot.Field]string{reporterText: cmp.Or(r.Text, "Nothing was written.")}
	fields := []loot.Field{reporterText}
	if r.Reporter != "" {
		given[reporterEmail] = r.Reporter
		fields = append(fields, reporterEmail)
	}
	ask := gate.Request{Action: loot.Collect, Actor: d.actor(), Desk: name, Purpose: forSafety, Subject: subject, Collection: reporters, Fields: fields}
	p, err := d.Gate.Decide(ctx, tx, ask)
	if err != nil {
		return err
	}
	if err := d.Vault.Create(ctx, tx, p, given, vault.Source("your report of misuse")); err != nil {
		return err
	}
	ask.Fields = []loot.Field{reporterText}
	for i, e := range r.Evidence {
		p, err := d.Gate.Decide(ctx, tx, ask)
		if err != nil {
			return err
		}
		if err := d.Vault.KeepFile(ctx, tx, p, files[i], "your report of misuse"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO safety_evidence (id, report, kind, size, sha256) VALUES ($1, $2, $3, $4, $5)`, files[i], id, e.Type, len(e.Content), e.SHA256); err != nil {
			return fmt.Errorf("safety: evidence: %w", err)
		}
	}
	return nil
}

// sort returns the case that a report of an address belongs to, a new one if there is none.
func (d *Safety) sort(ctx context.Context, tx *store.Tx, k Kind, p pointed, trusted bool) (matter, error) {
	now := d.Now()
	if _, err := tx.Exec(ctx, `INSERT INTO safety_turn (mark, at) VALUES ($1, $2) ON CONFLICT (mark) DO UPDATE SET at = $2`, p.mark, now.UnixMicro()); err != nil {
		return matter{}, fmt.Errorf("safety: turn: %w", err)
	}
	plan, _ := playbookOf(k)
	due := now.Add(plan.First)
	if trusted {
		due = now.Add(plan.First / 2)
	}
	found, err := cases(ctx, tx, `what = $1 AND mark = $2 AND subject = $3 AND service = $4 AND (closed = 0 AND outcome = '' OR outcome = $5) AND earliest <= $6 AND latest >= $7 ORDER BY opened DESC, id LIMIT 1`,
		anAbuse, p.mark, p.holder.Subject, p.holder.Service, elsewhere, p.at.Add(window).UnixMicro(), p.at.Add(-window).UnixMicro())
	if err != nil {
		return matter{}, err
	}
	if len(found) > 0 {
		c := found[0]
		if p.at.Before(c.Earliest) {
			c.Earliest = p.at
		}
		if p.at.After(c.Latest) {
			c.Latest = p.at
		}
		c.Kind = string(pressing(Kind(c.Kind), k))
		if c.Acted.IsZero() && due.Before(c.Due) {
			c.Due = due
		}
		if c.Outcome == elsewhere {
			c.Closed = time.Time{} // until its reporter was told
		}
		return c, updateCase(ctx, tx, c)
	}
	c := matter{
		ID: loot.NewID(casePrefix), What: anAbuse, Kind: string(k), Mark: p.mark, Subject: p.holder.Subject, Service: p.holder.Service,
		Earliest: p.at, Latest: p.at, Opened: now, Due: due,
	}
	switch {
	case c.Subject != "":
		c.Network = networkOf(p.addr)
	case p.looked:
		c.Outcome = elsewhere
	}
	return c, insertCase(ctx, tx, c)
}
