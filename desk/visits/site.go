package visits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/column"
	"loot/desk/visits/source"
	"loot/store"
	"loot/tag"
)

// A Site is one whose visits are recorded.
type Site struct {
	Number   uint16
	Name     string
	Hosts    []string // "*." before one stands for all below it
	Zone     string   // IANA, whose midnight ends a day
	Script   string   // name of the script and the beacons in addresses
	Full     bool     // the script knows events, too
	Hash     bool     // what follows # names a page, too
	Currency string   // ISO 4217, of what events are worth; empty: none
	Made     time.Time
	Ended    time.Time // zero: it is recorded

	place   *time.Location
	sources *source.Lists
}

// script is what the site's pages load.
func (s *Site) script() tag.Script {
	if s.Full {
		return tag.Full()
	}
	return tag.Core()
}

// local returns the day and the second of it that a time is at the site.
func (s *Site) local(t time.Time) (column.Day, uint32) {
	t = t.In(s.place)
	return column.DayOf(t), uint32(t.Hour()*3600 + t.Minute()*60 + t.Second())
}

// end returns when a day ends at the site.
func (s *Site) end(d column.Day) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day+1, 0, 0, 0, 0, s.place)
}

// has reports whether a host is one of the site's.
func (s *Site) has(host string) bool {
	return slices.ContainsFunc(s.Hosts, func(h string) bool {
		if below, ok := strings.CutPrefix(h, "*"); ok {
			return strings.HasSuffix(host, below)
		}
		return h == host
	})
}

var (
	validScript = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	validHost   = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// check completes a site and says what is wrong with it, by the names of the
// fields of its form.
func (s *Site) check(spam []string) (wrong map[string]string) {
	wrong = map[string]string{}
	if s.Name == "" {
		wrong["name"] = "A site needs a name."
	}
	var err error
	if s.place, err = time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		wrong["zone"] = "This is not a time zone. One looks like Europe/Dublin or UTC."
	}
	if !validScript.MatchString(s.Script) {
		wrong["script"] = "A name is made of small letters, digits, - and _, at most 32."
	}
	if len(s.Hosts) == 0 {
		wrong["hosts"] = "Name at least one host, such as www.example.com."
	}
	for _, h := range s.Hosts {
		_, err := netip.ParseAddr(strings.Trim(h, "[]"))
		if len(h) > 253 || err != nil && !validHost.MatchString(h) {
			wrong["hosts"] = "One of these is not a host. One looks like www.example.com or *.example.com, in letters of ASCII."
		}
	}
	if len(s.Hosts) > 100 {
		wrong["hosts"] = "A site has 100 hosts at most."
	}
	if s.Currency != "" && !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(s.Currency) {
		wrong["currency"] = "A currency has three capitals, such as EUR."
	}
	s.sources = source.New(s.Hosts, spam)
	return wrong
}

const selectSite = `SELECT number, name, hosts, zone, script, full_script, hash, currency, made, ended FROM visits_site`

func readSites(ctx context.Context, tx *store.Tx, spam []string) ([]*Site, error) {
	rows, err := tx.Query(ctx, selectSite+` ORDER BY number`)
	if err != nil {
		return nil, fmt.Errorf("visits: sites: %w", err)
	}
	defer rows.Close()
	var out []*Site
	for rows.Next() {
		var s Site
		var hosts string
		var full, hash, made, ended int64
		if err := rows.Scan(&s.Number, &s.Name, &hosts, &s.Zone, &s.Script, &full, &hash, &s.Currency, &made, &ended); err != nil {
			return nil, fmt.Errorf("visits: sites: %w", err)
		}
		s.Full, s.Hash = full != 0, hash != 0
		s.Hosts, s.Made = strings.Fields(hosts), time.UnixMicro(made).UTC()
		if ended != 0 {
			s.Ended = time.UnixMicro(ended).UTC()
		}
		if wrong := s.check(spam); len(wrong) > 0 {
			return nil, fmt.Errorf("visits: site %d: %v", s.Number, wrong)
		}
		out = append(out, &s)
	}
	return out, rows.Err()
}

var errScript = loot.Errorf(loot.Conflict, "Another site has this name in its addresses.")

// writeSite adds a site, or changes the one that has its number.
func writeSite(ctx context.Context, tx *store.Tx, s *Site) error {
	if s.Number == 0 {
		var most sql.NullInt64
		if err := tx.QueryRow(ctx, `SELECT max(number) FROM visits_site`).Scan(&most); err != nil {
			return fmt.Errorf("visits: site: %w", err)
		}
		if most.Int64 >= 1<<16-1 {
			return loot.Errorf(loot.Conflict, "There can be no more sites.")
		}
		s.Number = uint16(most.Int64) + 1
		_, err := tx.Exec(ctx, `INSERT INTO visits_site (number, name, hosts, zone, script, full_script, hash, currency, made, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
			s.Number, s.Name, strings.Join(s.Hosts, "\n"), s.Zone, s.Script, store.Flag(s.Full), store.Flag(s.Hash), s.Currency, s.Made.UnixMicro())
		return siteError(err)
	}
	ended := int64(0)
	if !s.Ended.IsZero() {
		ended = s.Ended.UnixMicro()
	}
	_, err := tx.Exec(ctx, `UPDATE visits_site SET name = $2, hosts = $3, zone = $4, script = $5, full_script = $6, hash = $7, currency = $8, ended = $9 WHERE number = $1`,
		s.Number, s.Name, strings.Join(s.Hosts, "\n"), s.Zone, s.Script, store.Flag(s.Full), store.Flag(s.Hash), s.Currency, ended)
	return siteError(err)
}

func siteError(err error) error {
	switch {
	case err == nil:
		return nil
	case store.IsUnique(err):
		return errScript
	}
	return fmt.Errorf("visits: site: %w", err)
}

// siteAge is how old the sites may be that another process may have changed.
const siteAge = 10 * time.Second

// sites are all sites, by what they are found by.
type sites struct {
	db   *store.DB
	now  func() time.Time
	spam []string

	mu       sync.Mutex
	read     time.Time
	all      []*Site
	byScript map[string]*Site
}

// list returns all sites, ended ones too.
func (s *sites) list(ctx context.Context) ([]*Site, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.read.IsZero() && now.Sub(s.read) < siteAge {
		return s.all, nil
	}
	var all []*Site
	err := s.db.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = readSites(ctx, tx, s.spam)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.all, s.read, s.byScript = all, now, map[string]*Site{}
	for _, one := range all {
		s.byScript[one.Script] = one
	}
	return s.all, nil
}

// forget has the sites read again.
func (s *sites) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = time.Time{}
}

var errNoSite = loot.Errorf(loot.NotFound, "There is no such site, or it is not recorded any more.")

// called returns the site of a script, ended or not.
func (s *sites) called(ctx context.Context, script string) (*Site, error) {
	if _, err := s.list(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.byScript[script]; one != nil {
		return one, nil
	}
	return nil, errNoSite
}

// named returns the site of a script that is recorded.
func (s *sites) named(ctx context.Context, script string) (*Site, error) {
	one, err := s.called(ctx, script)
	if err == nil && !one.Ended.IsZero() {
		return nil, errNoSite
	}
	return one, err
}

// numbered returns the site of a number, ended or not.
func (s *sites) numbered(ctx context.Context, number uint16) (*Site, error) {
	all, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(one *Site) bool { return one.Number == number })
	if i < 0 {
		return nil, errNoSite
	}
	return all[i], nil
}

// local returns the day and the second of it that a time is at the site of a
// number.
func (s *sites) local(number uint16, t time.Time) (column.Day, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.Number == number {
			return one.local(t)
		}
	}
	return (&Site{place: time.UTC}).local(t)
}

// keepScripts stores the scripts of this program, so that a later one serves
// them to the pages that ask for them by their hash.
func keepScripts(ctx context.Context, tx *store.Tx) error {
	for _, s := range []tag.Script{tag.Core(), tag.Full()} {
		if _, err := tx.Exec(ctx, `INSERT INTO visits_script (hash, script) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, s.Hash, s.Text); err != nil {
			return fmt.Errorf("visits: script: %w", err)
		}
	}
	return nil
}

// formerScript returns the script that was once served under a hash.
func formerScript(ctx context.Context, tx *store.Tx, hash string) (text string, err error) {
	err = tx.QueryRow(ctx, `SELECT script FROM visits_script WHERE hash = $1`, hash).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", loot.Errorf(loot.NotFound, "There is no such script.")
	}
	return text, err
}
