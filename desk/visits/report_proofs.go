package visits

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

// crowds has n visitors look at a path, each from an address of their own.
func (d *Visits) crowds(ctx context.Context, w *desk.World, path string, n, from int) error {
	for i := range n {
		a, err := d.send(ctx, w, trial{
			from: fmt.Sprintf("203.0.113.%d", from+i),
			body: fmt.Sprintf(`{"kind":"view","page":"%d","url":"https://%s%s"}`, randomID(), triedHost, path),
		})
		if err != nil {
			return err
		}
		if a.Status != http.StatusAccepted {
			return fmt.Errorf("a visitor's view was answered with %d", a.Status)
		}
	}
	return nil
}

// reportTo returns today's report of the site of the proofs as somebody sees it,
// which has to know of a page.
func (d *Visits) reportTo(ctx context.Context, w *desk.World, who loot.Actor, page string) (string, error) {
	s, err := d.tried(ctx)
	if err != nil {
		return "", err
	}
	if crowd := d.ruling.rules().crowd; crowd > 0 {
		if err := d.reportsIn(crowd).Renew(ctx, s.Number); err != nil { // rather than beside one that is asked for
			return "", err
		}
	}
	a, err := desk.Browser{World: w, Who: who}.Get(ctx, fmt.Sprintf("/console/visits?site=%d&period=today", s.Number))
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("the report was answered with %d", a.Status)
	}
	if !strings.Contains(a.Body.String(), page) {
		return "", fmt.Errorf("the report does not show %s", page)
	}
	return a.Body.String(), nil
}

func (d *Visits) proveCrowd(ctx context.Context, w *desk.World) (string, error) {
	crowd := d.ruling.rules().crowd
	if crowd < 2 || crowd > 50 {
		return fmt.Sprintf("the statement asks for a crowd of %d, of which nothing can be folded here", crowd), nil
	}
	// A day by itself; at noon, when a digest of the day before is due whatever the
	// time is at which this is tried.
	noon := w.Now().UTC().Truncate(24 * time.Hour).Add((24 + 24 + 12) * time.Hour)
	w.Clock.Advance(noon.Sub(w.Now()))
	if err := errors.Join(
		d.crowds(ctx, w, "/of-a-few", crowd-1, 1),
		d.crowds(ctx, w, "/with-them", crowd, 60), // so that the few are a crowd together with these
		d.crowds(ctx, w, "/of-many", 2*crowd, 120),
	); err != nil {
		return "", err
	}
	who, err := w.NewStaff(ctx, true, "support")
	if err != nil {
		return "", err
	}
	page, err := d.reportTo(ctx, w, who, "/of-many")
	if err != nil {
		return "", err
	}
	if strings.Contains(page, "/of-a-few") {
		return "", fmt.Errorf("%d visitors stand alone", crowd-1)
	}
	return fmt.Sprintf("a page of %d visitors is shown, one of %d is folded into the others", 2*crowd, crowd-1), nil
}

// reportsAt are the addresses at which the console tells of a site's visits, in
// every way that there is.
func reportsAt(s *Site, page string) (out []string) {
	about := fmt.Sprintf("?site=%d&period=today", s.Number)
	for _, path := range []string{
		reportHref, panelsHref + "/path", goalsHref, funnelsHref, journeysHref, hoursHref, // as they are, then filtered and compared
	} {
		out = append(out, path+about, path+about+"&compare=year&filter="+url.QueryEscape("path:is:"+page), path+about+"&format=csv")
	}
	return append(out, liveHref+about, notesHref+about+"&format=csv", segmentsHref+about, alertsHref+about, digestsHref+about)
}

func (d *Visits) proveReport(ctx context.Context, w *desk.World) (string, error) {
	person, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	crowd := max(d.ruling.rules().crowd, 1)
	if err := d.crowds(ctx, w, "/reported", 2*crowd, 1); err != nil {
		return "", err
	}
	signed, err := w.NewStaff(ctx, true, "support")
	if err != nil {
		return "", err
	}
	if _, err := d.reportTo(ctx, w, signed, "/reported"); err != nil {
		return "", err
	}
	unsigned, err := w.NewStaff(ctx, false, "support")
	if err != nil {
		return "", err
	}
	s, err := d.tried(ctx)
	if err != nil {
		return "", err
	}
	pages := reportsAt(s, "/reported")
	for _, path := range pages {
		page, err := desk.Browser{World: w, Who: signed}.Get(ctx, path)
		if err != nil {
			return "", err
		}
		if page.Status != http.StatusOK {
			return "", fmt.Errorf("%s was answered with %d to a colleague who signed", path, page.Status)
		}
		for _, who := range []string{string(person), "203.0.113.", "Mozilla"} {
			if strings.Contains(page.Body.String(), who) {
				return "", fmt.Errorf("%s knows somebody", path)
			}
		}
		for who, actor := range map[loot.ActorKind]loot.Actor{loot.Staff: unsigned, loot.Person: {Kind: loot.Person, ID: string(person)}, loot.Visitor: {}} {
			a, err := desk.Browser{World: w, Who: actor}.Get(ctx, path)
			if err != nil {
				return "", err
			}
			if a.Status < 300 || strings.Contains(a.Body.String(), "/reported") {
				return "", fmt.Errorf("%s was answered with %d to %s without the right", path, a.Status, who)
			}
		}
	}
	had, err := d.digestsOf(ctx, s)
	if err != nil {
		return "", err
	}
	for who, more := range map[*loot.Actor]int{&unsigned: 0, &signed: 1} {
		if _, err := (desk.Browser{World: w, Who: *who}).Post(ctx, fmt.Sprintf("%s?site=%d", digestsHref, s.Number), url.Values{"every": {daily}}); err != nil {
			return "", err
		}
		has, err := d.digestsOf(ctx, s)
		if err != nil {
			return "", err
		}
		if has-had != more {
			return "", fmt.Errorf("%s more to a colleague than there were", loot.Plural(has-had, "digest goes", "digests go"))
		}
		had = has
	}
	if err := d.endDigests(ctx, s); err != nil {
		return "", err
	}
	return loot.Plural(len(pages), "address", "addresses") + " of reports, live, filtered, compared, of goals and as files: shown to a colleague who signed, refused to one who did not, to a customer and to a visitor; of the two colleagues one can have a digest", nil
}

// digestsOf returns how many digests of a site there are.
func (d *Visits) digestsOf(ctx context.Context, s *Site) (n int, err error) {
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		all, err := listDigests(ctx, tx, s.Number, "")
		n = len(all)
		return err
	})
	return n, err
}

// endDigests ends those of a site: letters that go on would be found by what is
// tried later.
func (d *Visits) endDigests(ctx context.Context, s *Site) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := listDigests(ctx, tx, s.Number, "")
		for _, one := range all {
			err = errors.Join(err, deleteDigest(ctx, tx, one.ID))
		}
		return err
	})
}

// atWork has this desk draw up reports for others by itself, as s says: a digest,
// and the report to which a link leads.
func (d *Visits) atWork(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	crowd := 1
	for !s.Decide(analyse(s, statement.Actor{Kind: loot.Desk, Desk: Name}, crowd, w.Now())).Allowed {
		if crowd++; crowd > mostCrowd {
			return "", nil
		}
	}
	// A day by itself; at noon, when a digest of the day before is due whatever the
	// time is at which this is tried.
	noon := w.Now().UTC().Truncate(24 * time.Hour).Add((24 + 24 + 12) * time.Hour)
	w.Clock.Advance(noon.Sub(w.Now()))
	if err := d.crowds(ctx, w, "/drawn-up", 2*crowd, 1); err != nil {
		return "", err
	}
	site, err := d.tried(ctx)
	if err != nil {
		return "", err
	}
	about := fmt.Sprintf("?site=%d", site.Number)
	reader, err := w.NewStaff(ctx, true, "support")
	if err != nil {
		return "", err
	}
	if a, err := (desk.Browser{World: w, Who: reader}).Post(ctx, digestsHref+about, url.Values{"every": {daily}}); err != nil || a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the digest was answered with %d: %w", a.Status, err)
	}
	keeper, err := w.NewStaff(ctx, true, keepers[0])
	if err != nil {
		return "", err
	}
	made, err := desk.Browser{World: w, Who: keeper}.Post(ctx, linksHref+about, url.Values{"name": {"Somebody"}, "days": {"9"}})
	if err != nil {
		return "", err
	}
	_, link, ok := strings.Cut(made.Body.String(), d.BaseURL+sharedHref)
	if !ok {
		return "", fmt.Errorf("a link was answered with %d, and shows no address", made.Status)
	}
	link = sharedHref + link[:strings.IndexAny(link+"<", `<"& `)]

	w.Clock.Advance(24 * time.Hour)
	sent := w.Sent()
	if err := errors.Join(d.Turn(ctx), d.Look(ctx), w.Drain(ctx), d.endDigests(ctx, site)); err != nil {
		return "", err
	}
	if w.Sent() != sent+1 {
		return "", fmt.Errorf("%s sent, and one digest is due", loot.Plural(w.Sent()-sent, "letter was", "letters were"))
	}
	a, err := desk.Browser{World: w}.Get(ctx, link+"?period=yesterday")
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK || !strings.Contains(a.Body.String(), "/drawn-up") {
		return "", fmt.Errorf("the link was answered with %d, or without what was visited", a.Status)
	}
	return "a digest was drawn up and sent to a colleague, and the report that a link leads to for somebody without an account", nil
}
