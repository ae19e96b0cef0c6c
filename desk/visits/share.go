package visits

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/store"
	"loot/web"
)

// A sharedLink leads people without an account to a report. Its address has a
// token of 256 random bits, of which only the hash is kept.
type sharedLink struct {
	ID      string
	Site    uint16
	Name    string // for the console: whom it was made for
	Filters []Filter
	Origins []string // of pages that may show it in a frame
	Writer  string
	Made    time.Time
	Ends    time.Time
	Revoked time.Time // zero: it is not
}

// The bounds of a link.
const (
	usualLife   = 90  // days
	mostLife    = 365 // days
	mostOrigins = 20
	mostLinks   = 100 // of a site that have not ended
)

func (l sharedLink) over(now time.Time) bool { return !l.Revoked.IsZero() || !now.Before(l.Ends) }

// newShareToken returns what stands in an address.
func newShareToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func shareHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// checkLife says what is wrong with how many days a link is to live.
func checkLife(days int) string {
	if days < 1 || days > mostLife {
		return "A link lives between 1 and " + strconv.Itoa(mostLife) + " days."
	}
	return ""
}

// readOrigins reads the origins of pages, and says what is wrong with them.
func readOrigins(all []string) (out []string, wrong string) {
	for _, text := range all {
		u, err := url.Parse(strings.ToLower(strings.TrimSuffix(text, "/")))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
			!validHost.MatchString(u.Hostname()) || strings.HasPrefix(u.Hostname(), "*") || strings.HasSuffix(u.Host, ":") {
			return nil, "One of these is not the origin of a site. One looks like https://www.example.com, without a path."
		}
		out = append(out, u.Scheme+"://"+u.Host)
	}
	if len(out) > mostOrigins {
		return nil, "A link may be shown on " + strconv.Itoa(mostOrigins) + " origins at most."
	}
	return out, ""
}

// addLink keeps a link, puts it on the ledger and returns its token, which is
// known to nobody afterwards.
func addLink(ctx context.Context, tx *store.Tx, g *gate.Gate, l sharedLink, by loot.Actor) (token string, err error) {
	if wrong := checkName(l.Name, mostName); wrong != "" {
		return "", web.Invalid("", map[string]string{"name": wrong})
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM visits_link WHERE site = $1 AND revoked = 0 AND ends > $2`, l.Site, l.Made.UnixMicro()).Scan(&have); err != nil {
		return "", fmt.Errorf("visits: links: %w", err)
	}
	if have >= mostLinks {
		return "", loot.Errorf(loot.Conflict, "A site has %d links at most. Revoke one first.", mostLinks)
	}
	token = newShareToken()
	if _, err := tx.Exec(ctx, `INSERT INTO visits_link (id, hash, site, name, filters, origins, writer, made, ends, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
		l.ID, shareHash(token), l.Site, l.Name, writeFilters(l.Filters), strings.Join(l.Origins, "\n"), l.Writer, l.Made.UnixMicro(), l.Ends.UnixMicro()); err != nil {
		return "", fmt.Errorf("visits: link: %w", err)
	}
	_, err = g.Note(ctx, tx, by, "visits.link made", fmt.Sprintf("%s, site %d, until %s", l.ID, l.Site, l.Ends.Format(time.DateOnly)))
	return token, err
}

const selectLink = `SELECT id, site, name, filters, origins, writer, made, ends, revoked FROM visits_link`

func scanLink(row store.Row) (l sharedLink, err error) {
	var filters, origins string
	var made, ends, revoked int64
	if err := row.Scan(&l.ID, &l.Site, &l.Name, &filters, &origins, &l.Writer, &made, &ends, &revoked); err != nil {
		return l, err
	}
	l.Origins, l.Made, l.Ends, l.Revoked = strings.Fields(origins), store.Instant(made), store.Instant(ends), store.Instant(revoked)
	l.Filters, err = readFilters(filters)
	return l, err
}

// listLinks returns the links to a site's report, the latest first.
func listLinks(ctx context.Context, tx *store.Tx, site uint16) ([]sharedLink, error) {
	rows, err := tx.Query(ctx, selectLink+` WHERE site = $1 ORDER BY made DESC, id`, site)
	return readRows(rows, err, "links", scanLink)
}

// errNoLink does not say whether a link never was, ended or was revoked.
var errNoLink = loot.Errorf(loot.NotFound, "This link does not lead anywhere. It may have ended, or been taken back. Ask whoever gave it to you.")

// openLink returns the link of a token that has not ended.
func openLink(ctx context.Context, tx *store.Tx, token string, now time.Time) (sharedLink, error) {
	l, err := scanLink(tx.QueryRow(ctx, selectLink+` WHERE hash = $1`, shareHash(token)))
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && l.over(now):
		return sharedLink{}, errNoLink
	case err != nil:
		return sharedLink{}, fmt.Errorf("visits: link: %w", err)
	}
	return l, nil
}

// revokeLink ends a link at once and puts that on the ledger.
func revokeLink(ctx context.Context, tx *store.Tx, g *gate.Gate, site uint16, id string, by loot.Actor, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE visits_link SET revoked = $1 WHERE id = $2 AND site = $3 AND revoked = 0 AND ends > $1`, now.UnixMicro(), id, site)
	if err != nil {
		return fmt.Errorf("visits: link: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.NotFound, "There is no such link, or it has ended already.")
	}
	_, err = g.Note(ctx, tx, by, "visits.link revoked", fmt.Sprintf("%s, site %d", id, site))
	return err
}
