package safety

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"loot"
	"loot/store"
)

func freshKey() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return b
}

// keyed hashes parts, so that they can be compared and nobody who reads the database
// can try out what they were.
func (d *Safety) keyed(what string, parts ...string) []byte {
	h := hmac.New(sha256.New, d.marks)
	for _, p := range append([]string{what}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)[:20]
}

// markOf marks the address that a report is about: all of a subscriber's network of
// IPv6 is one (RFC 6177).
func (d *Safety) markOf(a netip.Addr) []byte {
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // of an address without a zone there is one
	return d.keyed("address", p.String())
}

func (d *Safety) markOfReporter(address string) []byte {
	if address == "" {
		return []byte{}
	}
	return d.keyed("reporter", strings.ToLower(address))
}

// networkOf returns the network that an address is counted in, too wide to tell anybody
// by it.
func networkOf(a netip.Addr) string {
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// What links are for.
const (
	toAnswerBy = "answer"
	toAppealBy = "appeal"
	toFollow   = "report"
	toHeld     = "held"
)

// A link is what an address in a letter lets somebody do without signing in: one thing,
// for a time.
type link struct {
	ID      string
	Matter  string
	Report  string
	Purpose string
	Expires time.Time
	Used    time.Time
}

var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// token returns what stands in the address. It is made from the id each time, so that
// a letter that is tried again is the same.
func (d *Safety) token(id string) string {
	return id + "-" + tokenText.EncodeToString(d.keyed("link", id))
}

func (l link) path(d *Safety) string {
	switch l.Purpose {
	case toFollow:
		return "/abuse/report/" + d.token(l.ID)
	case toHeld:
		return "/abuse/mine/" + d.token(l.ID)
	}
	return "/abuse/answer/" + d.token(l.ID)
}

func (d *Safety) makeLink(ctx context.Context, tx *store.Tx, l link) (link, error) {
	l.ID = loot.NewID("l")
	if _, err := tx.Exec(ctx, `INSERT INTO safety_link (id, matter, report, purpose, expires, used) VALUES ($1, $2, $3, $4, $5, 0)`,
		l.ID, l.Matter, l.Report, l.Purpose, l.Expires.UnixMicro()); err != nil {
		return l, fmt.Errorf("safety: link: %w", err)
	}
	return l, nil
}

var errNoLink = loot.Errorf(loot.NotFound, "This link leads nowhere any more: it is too old, or what it was for is over. If a letter brought you here, look for a newer one.")

// linkBy returns the link that a token is for, of which the purpose is among those given.
func (d *Safety) linkBy(ctx context.Context, tx *store.Tx, token string, purposes ...string) (link, error) {
	id, _, ok := strings.Cut(token, "-")
	if !ok || len(token) > 100 || !hmac.Equal([]byte(token), []byte(d.token(id))) {
		return link{}, errNoLink
	}
	all, err := links(ctx, tx, `id = $1`, id)
	if err != nil {
		return link{}, err
	}
	for _, l := range all {
		for _, p := range purposes {
			if l.Purpose == p && l.Expires.After(d.Now()) {
				return l, nil
			}
		}
	}
	return link{}, errNoLink
}

func links(ctx context.Context, tx *store.Tx, where string, args ...any) (out []link, err error) {
	rows, err := tx.Query(ctx, `SELECT id, matter, report, purpose, expires, used FROM safety_link WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("safety: links: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l link
		var expires, used int64
		if err := rows.Scan(&l.ID, &l.Matter, &l.Report, &l.Purpose, &expires, &used); err != nil {
			return nil, fmt.Errorf("safety: links: %w", err)
		}
		l.Expires, l.Used = store.Instant(expires), store.Instant(used)
		out = append(out, l)
	}
	return out, rows.Err()
}

// spend uses a link up. The error is of kind Conflict if it was used already.
func (d *Safety) spend(ctx context.Context, tx *store.Tx, l link) error {
	n, err := tx.Exec(ctx, `UPDATE safety_link SET used = $1 WHERE id = $2 AND used = 0`, d.Now().UnixMicro(), l.ID)
	if err != nil {
		return fmt.Errorf("safety: link: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "This was answered already by the same link. What was said counts; your portal takes more.")
	}
	return nil
}
