package signin

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"loot"
	"loot/store"
	"loot/web"
)

// How long a session lasts: at most life, and no longer than idle after it
// was last seen.
type lasting struct{ idle, life time.Duration }

var lasts = map[loot.ActorKind]lasting{
	loot.Staff:  {idle: time.Hour, life: 12 * time.Hour},
	loot.Person: {idle: time.Hour, life: 24 * time.Hour},
}

// touch is how old the note of when a session was seen gets before it is
// written anew, so that looking at pages seldom writes.
const touch = time.Minute

// The ways of signing in, as a session and its owner's page name them.
const (
	byPasskey  = "passkey"
	byPassword = "password and code"
	byRecovery = "password and recovery code"
	byCompany  = "company sign-on"
	byLink     = "one-time link"
)

// Cookies. A member of staff may be a customer too, in the same browser.
const (
	staffCookie  = "loot-staff"
	personCookie = "loot"
)

// newSessions returns a manager that makes tokens, hashes them, encodes what
// a session holds and writes the cookie. When a session ends is decided by
// [sessionStore], on the desk's own clock.
func newSessions(d *Desk, kind loot.ActorKind) *scs.SessionManager {
	m := scs.New()
	if s, ok := m.Store.(*memstore.MemStore); ok {
		s.StopCleanup() // it is not used
	}
	m.Store = &sessionStore{d: d, kind: kind}
	m.Codec = codec{}
	m.HashTokenInStore = true
	m.Lifetime = lasts[kind].life
	m.Cookie.Name = d.cookieName(personCookie)
	if kind == loot.Staff {
		m.Cookie.Name = d.cookieName(staffCookie)
	}
	m.Cookie.Persist = false
	m.Cookie.Secure = d.https
	return m
}

// cookieName makes browsers hold a cookie to this very host and to https,
// where there is https.
func (d *Desk) cookieName(name string) string {
	if d.https {
		return "__Host-" + name
	}
	return name
}

// codec writes a session as JSON. All of its values are strings.
type codec struct{}

type encoded struct {
	Until  time.Time      `json:"until"`
	Values map[string]any `json:"values"`
}

func (codec) Encode(until time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(encoded{until, values})
}

func (codec) Decode(b []byte) (time.Time, map[string]any, error) {
	var e encoded
	if err := json.Unmarshal(b, &e); err != nil {
		return time.Time{}, nil, err
	}
	if e.Values == nil {
		e.Values = map[string]any{}
	}
	return e.Until, e.Values, nil
}

// Values of a session.
const (
	valueOwner = "owner"
	valueAt    = "at" // microseconds: when who they are was last proved
	valueWay   = "way"
)

// A sessionStore keeps the sessions of one kind of actor, sealed under the
// hash of their token: whoever can write to the database cannot make one
// session out of another.
type sessionStore struct {
	d    *Desk
	kind loot.ActorKind
}

var _ scs.CtxStore = (*sessionStore)(nil)

// A passage takes the transaction to the store past the session manager, whose
// interface knows none, and back from it when the session was last seen.
type passage struct {
	tx   *store.Tx
	seen time.Time
}

type passageKey struct{}

func through(ctx context.Context, p *passage) context.Context {
	return context.WithValue(ctx, passageKey{}, p)
}

// in runs f in the transaction that ctx carries, or else in one of its own.
func in(ctx context.Context, own func(context.Context, func(*store.Tx) error) error, f func(*store.Tx) error) error {
	if p, ok := ctx.Value(passageKey{}).(*passage); ok {
		return f(p.tx)
	}
	return own(ctx, f)
}

// FindCtx returns what a session holds while it lasts.
func (s *sessionStore) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	err = in(ctx, s.d.kit.DB.ReadTx, func(tx *store.Tx) error {
		var data []byte
		var seen, ends int64
		err := tx.QueryRow(ctx, `SELECT data, seen, ends FROM signin_session WHERE token = $1 AND kind = $2`, token, string(s.kind)).Scan(&data, &seen, &ends)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("signin: session: %w", err)
		}
		now := s.d.kit.Now().UnixMicro()
		if now >= ends || now >= seen+lasts[s.kind].idle.Microseconds() {
			return nil
		}
		if b, err = s.d.sessions.Open(data, []byte(token)); err != nil {
			s.d.kit.Log.WarnContext(ctx, "a session could not be unsealed; whoever has it must sign in again", "err", err)
			return nil
		}
		found = true
		if p, ok := ctx.Value(passageKey{}).(*passage); ok {
			p.seen = store.Instant(seen)
		}
		return nil
	})
	return b, found, err
}

// CommitCtx keeps a session. The end that the manager says is not used.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, b []byte, _ time.Time) error {
	_, values, err := codec{}.Decode(b)
	if err != nil {
		return fmt.Errorf("signin: session: %w", err)
	}
	owner, _ := values[valueOwner].(string)
	return in(ctx, s.d.kit.DB.InTx, func(tx *store.Tx) error {
		now := s.d.kit.Now()
		sealed, err := s.d.sessions.Seal(b, []byte(token))
		if err != nil {
			return fmt.Errorf("signin: session: %w", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO signin_session (token, id, owner, kind, data, made, seen, ends) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, seen = excluded.seen`,
			token, loot.NewID("n"), owner, string(s.kind), sealed, now.UnixMicro(), now.Add(lasts[s.kind].life).UnixMicro()); err != nil {
			return fmt.Errorf("signin: session: %w", err)
		}
		return nil
	})
}

// DeleteCtx ends a session.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return in(ctx, s.d.kit.DB.InTx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM signin_session WHERE token = $1`, token); err != nil {
			return fmt.Errorf("signin: session: %w", err)
		}
		return nil
	})
}

// Find is FindCtx for a caller without a context.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for a caller without a context.
func (s *sessionStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// Delete is DeleteCtx for a caller without a context.
func (s *sessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}

func (d *Desk) manager(kind loot.ActorKind) *scs.SessionManager {
	if kind == loot.Staff {
		return d.staff
	}
	return d.persons
}

// A begun session is in the database once its transaction is committed, and
// with the browser once it is written to the answer.
type begun struct {
	m     *scs.SessionManager
	ctx   context.Context // the manager keeps the session in it
	token string
	ends  time.Time
}

func (b begun) write(w http.ResponseWriter) { b.m.WriteSessionCookie(b.ctx, w, b.token, b.ends) }

// begin makes a session for somebody who proved at a given time, in a given
// way, who they are. It always has a new token.
func (d *Desk) begin(ctx context.Context, tx *store.Tx, kind loot.ActorKind, owner, way string, at time.Time) (begun, error) {
	m := d.manager(kind)
	ctx, err := m.Load(through(ctx, &passage{tx: tx}), "")
	if err != nil {
		return begun{}, fmt.Errorf("signin: session: %w", err)
	}
	m.Put(ctx, valueOwner, owner)
	m.Put(ctx, valueAt, strconv.FormatInt(at.UnixMicro(), 10))
	m.Put(ctx, valueWay, way)
	token, ends, err := m.Commit(ctx)
	if err != nil {
		return begun{}, err
	}
	return begun{m, ctx, token, ends}, nil
}

// enter ends the session that the browser has, if any, and begins another.
func (d *Desk) enter(r *http.Request, tx *store.Tx, kind loot.ActorKind, owner, way string, at time.Time) (begun, error) {
	if err := d.leave(r.Context(), tx, r, kind); err != nil {
		return begun{}, err
	}
	return d.begin(r.Context(), tx, kind, owner, way, at)
}

// leave ends the session of one kind that the browser has.
func (d *Desk) leave(ctx context.Context, tx *store.Tx, r *http.Request, kind loot.ActorKind) error {
	m := d.manager(kind)
	c, err := r.Cookie(m.Cookie.Name)
	if err != nil || len(c.Value) > maxToken {
		return nil //nolint:nilerr // there is no session to end
	}
	ctx, err = m.Load(through(ctx, &passage{tx: tx}), c.Value)
	if err != nil {
		return err
	}
	return m.Destroy(ctx)
}

// maxToken bounds what is looked up.
const maxToken = 128

// A held session is one that the browser has.
type held struct {
	kind  loot.ActorKind
	owner string
	at    time.Time
	way   string
	token string
	seen  time.Time
}

// hold returns the session of one kind that the browser has; its kind is
// empty if there is none.
func (d *Desk) hold(ctx context.Context, tx *store.Tx, r *http.Request, kind loot.ActorKind) (held, error) {
	m := d.manager(kind)
	c, err := r.Cookie(m.Cookie.Name)
	if err != nil || c.Value == "" || len(c.Value) > maxToken {
		return held{}, nil //nolint:nilerr // there is no session
	}
	p := &passage{tx: tx}
	ctx, err = m.Load(through(ctx, p), c.Value)
	if err != nil {
		return held{}, err
	}
	owner := m.GetString(ctx, valueOwner)
	at, err := strconv.ParseInt(m.GetString(ctx, valueAt), 10, 64)
	if owner == "" || err != nil {
		return held{}, nil //nolint:nilerr // it ended, or never was
	}
	return held{kind, owner, store.Instant(at), m.GetString(ctx, valueWay), c.Value, p.seen}, nil
}

// Identify returns who asks, for [web.Options]. In the console that is a
// member of staff with the roles that they have at this moment, elsewhere a
// customer first.
func (d *Desk) Identify(r *http.Request) (web.Identity, error) {
	kinds := []loot.ActorKind{loot.Person, loot.Staff}
	switch {
	case under(r.URL.Path, "/console"):
		kinds = []loot.ActorKind{loot.Staff}
	case under(r.URL.Path, "/portal"):
		kinds = []loot.ActorKind{loot.Person}
	}
	if !d.hasCookie(r, kinds) {
		return web.Identity{}, nil
	}
	ctx := r.Context()
	var who web.Identity
	var have held
	err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) error {
		who, have = web.Identity{}, held{}
		for _, k := range kinds {
			h, err := d.hold(ctx, tx, r, k)
			if err != nil {
				return err
			}
			if h.kind == "" {
				continue
			}
			actor := loot.Actor{Kind: loot.Person, ID: h.owner}
			if k == loot.Staff {
				if actor, err = d.accounts.Actor(ctx, tx, h.owner); err != nil {
					return err
				}
			}
			if actor.ID == "" {
				continue // the account was closed meanwhile
			}
			who, have = web.Identity{Actor: actor, Name: actor.Name, At: h.at}, h
			return nil
		}
		return nil
	})
	if err != nil || have.kind == "" {
		return web.Identity{}, err
	}
	d.note(ctx, have)
	return who, nil
}

func (d *Desk) hasCookie(r *http.Request, kinds []loot.ActorKind) bool {
	for _, k := range kinds {
		if _, err := r.Cookie(d.manager(k).Cookie.Name); err == nil {
			return true
		}
	}
	return false
}

// note keeps when a session was seen, at most once a minute. A note that
// cannot be written ends the session earlier, and does nothing else.
func (d *Desk) note(ctx context.Context, h held) {
	now := d.kit.Now()
	if now.Sub(h.seen) < touch {
		return
	}
	_, err := d.kit.DB.Exec(ctx, `UPDATE signin_session SET seen = $1 WHERE token = $2`, now.UnixMicro(), hashed(h.token))
	if err != nil && ctx.Err() == nil {
		d.kit.Log.WarnContext(ctx, "the use of a session could not be noted", "err", err)
	}
}

// hashed is what the session manager makes of a token before it is stored.
func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func under(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// A session is one as its owner sees it.
type session struct {
	ID      string
	Way     string
	Made    time.Time
	Seen    time.Time
	Current bool
}

// sessionsOf returns somebody's sessions that last, the latest first.
func (d *Desk) sessionsOf(r *http.Request, tx *store.Tx, kind loot.ActorKind, owner string) ([]session, error) {
	ctx, now := r.Context(), d.kit.Now()
	current := ""
	if c, err := r.Cookie(d.manager(kind).Cookie.Name); err == nil {
		current = hashed(c.Value)
	}
	rows, err := tx.Query(ctx, `SELECT token, id, data, made, seen FROM signin_session
		WHERE owner = $1 AND kind = $2 AND ends > $3 AND seen > $4 ORDER BY made DESC, id`,
		owner, string(kind), now.UnixMicro(), now.Add(-lasts[kind].idle).UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("signin: sessions: %w", err)
	}
	defer rows.Close()
	var out []session
	for rows.Next() {
		var s session
		var token string
		var data []byte
		var made, seen int64
		if err := rows.Scan(&token, &s.ID, &data, &made, &seen); err != nil {
			return nil, fmt.Errorf("signin: sessions: %w", err)
		}
		if b, err := d.sessions.Open(data, []byte(token)); err == nil {
			if _, values, err := (codec{}).Decode(b); err == nil {
				s.Way, _ = values[valueWay].(string)
			}
		}
		s.Made, s.Seen, s.Current = store.Instant(made), store.Instant(seen), token == current
		out = append(out, s)
	}
	return out, rows.Err()
}

// EndSessions ends every session of somebody, at once and everywhere: their
// account was closed, or their record erased.
func (d *Desk) EndSessions(ctx context.Context, tx *store.Tx, owner string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM signin_session WHERE owner = $1`, owner); err != nil {
		return fmt.Errorf("signin: end sessions: %w", err)
	}
	return nil
}

// endOthers ends every session of somebody but the one that asks.
func (d *Desk) endOthers(r *http.Request, tx *store.Tx, kind loot.ActorKind, owner string) error {
	c, err := r.Cookie(d.manager(kind).Cookie.Name)
	if err != nil {
		return d.EndSessions(r.Context(), tx, owner)
	}
	if _, err := tx.Exec(r.Context(), `DELETE FROM signin_session WHERE owner = $1 AND kind = $2 AND token <> $3`, owner, string(kind), hashed(c.Value)); err != nil {
		return fmt.Errorf("signin: end sessions: %w", err)
	}
	return nil
}
