package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// A password is what an account has of password and code, which only come
// together.
type password struct {
	hash   string
	secret string
	step   int64
	made   time.Time
}

// passwordOf returns an account's password; false if it has none. The lock is
// what the transaction has for one, or empty.
func (d *Desk) passwordOf(ctx context.Context, tx *store.Tx, owner, lock string) (password, bool, error) {
	var hash, secret []byte
	var p password
	var made int64
	err := tx.QueryRow(ctx, `SELECT hash, secret, step, made FROM signin_password WHERE owner = $1`+lock, owner).Scan(&hash, &secret, &p.step, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return password{}, false, nil
	}
	if err != nil {
		return password{}, false, fmt.Errorf("signin: password: %w", err)
	}
	if p.hash, err = d.open(hash, "password", owner); err != nil {
		return password{}, false, err
	}
	if p.secret, err = d.open(secret, "app", owner); err != nil {
		return password{}, false, err
	}
	p.made = store.Instant(made)
	return p, true, nil
}

// setPassword keeps a password with the authenticator app that goes with it.
func (d *Desk) setPassword(ctx context.Context, tx *store.Tx, owner, hash, secret string, step int64) error {
	sealedHash, err := d.seal(hash, "password", owner)
	if err != nil {
		return err
	}
	sealedSecret, err := d.seal(secret, "app", owner)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO signin_password (owner, hash, secret, step, made) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (owner) DO UPDATE SET hash = excluded.hash, secret = excluded.secret, step = excluded.step, made = excluded.made`,
		owner, sealedHash, sealedSecret, step, d.kit.Now().UnixMicro()); err != nil {
		return fmt.Errorf("signin: keep password: %w", err)
	}
	return nil
}

// dropPassword takes password, app and recovery codes from an account.
func (d *Desk) dropPassword(ctx context.Context, tx *store.Tx, owner string) error {
	for _, q := range []string{`DELETE FROM signin_password WHERE owner = $1`, `DELETE FROM signin_recovery WHERE owner = $1`} {
		if _, err := tx.Exec(ctx, q, owner); err != nil {
			return fmt.Errorf("signin: remove password: %w", err)
		}
	}
	return nil
}

// checkCode takes a code of the authenticator app, or one of the recovery
// codes, and returns by which way that signs in; empty if it is neither.
func (d *Desk) checkCode(ctx context.Context, tx *store.Tx, owner, code string) (string, error) {
	p, ok, err := d.passwordOf(ctx, tx, owner, tx.ForUpdate())
	if err != nil || !ok {
		return "", err
	}
	if step, ok := stepOf(code, p.secret, d.kit.Now(), p.step); ok {
		n, err := tx.Exec(ctx, `UPDATE signin_password SET step = $1 WHERE owner = $2 AND step < $1`, step, owner)
		if err != nil {
			return "", fmt.Errorf("signin: code: %w", err)
		}
		if n == 1 {
			return byPassword, nil
		}
		return "", nil
	}
	used, err := d.useRecoveryCode(ctx, tx, owner, code)
	if err != nil || !used {
		return "", err
	}
	return byRecovery, nil
}

// An offered app is a secret that the browser holds, sealed, while somebody
// takes it over into their authenticator app: nothing is kept until they
// showed that they have it.
func (d *Desk) offerApp(owner, secret string) (string, error) {
	until := expires(d.kit.Now(), flowLife[flowSetUp])
	sealed, err := d.seal(fmt.Sprintf("%s %d", secret, until), "offer", owner)
	return letters.EncodeToString(sealed), err
}

func (d *Desk) offeredApp(owner, sealed string) (string, bool) {
	b, err := letters.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	plain, err := d.open(b, "offer", owner)
	if err != nil {
		return "", false
	}
	secret, rest, _ := strings.Cut(plain, " ")
	var until int64
	if _, err := fmt.Sscan(rest, &until); err != nil || d.kit.Now().UnixMicro() > until {
		return "", false
	}
	return secret, true
}

// A Methods says how somebody can sign in.
type Methods struct {
	Passkeys int
	Password bool
	Company  bool
	Recovery int       // recovery codes left
	Seen     time.Time // when they last were here, while a session of theirs lasts
}

// Any reports whether there is a way at all.
func (m Methods) Any() bool { return m.Passkeys > 0 || m.Password || m.Company }

// Methods returns how somebody can sign in.
func (d *Desk) Methods(ctx context.Context, tx *store.Tx, owner string) (Methods, error) {
	var m Methods
	var passwords, companies int
	var seen sql.NullInt64
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM signin_passkey WHERE owner = $1), (SELECT count(*) FROM signin_password WHERE owner = $1),
		(SELECT count(*) FROM signin_company WHERE owner = $1), (SELECT count(*) FROM signin_recovery WHERE owner = $1),
		(SELECT max(seen) FROM signin_session WHERE owner = $1)`, owner).Scan(&m.Passkeys, &passwords, &companies, &m.Recovery, &seen)
	if err != nil {
		return Methods{}, fmt.Errorf("signin: methods: %w", err)
	}
	m.Password, m.Company, m.Seen = passwords > 0, companies > 0, store.Instant(seen.Int64)
	return m, nil
}

// Ways says in words how somebody signs in; empty: not at all yet.
func (d *Desk) Ways(ctx context.Context, tx *store.Tx, owner string) (string, error) {
	m, err := d.Methods(ctx, tx, owner)
	if err != nil {
		return "", err
	}
	var words []string
	if m.Passkeys == 1 {
		words = append(words, "a passkey")
	} else if m.Passkeys > 1 {
		words = append(words, fmt.Sprintf("%d passkeys", m.Passkeys))
	}
	if m.Password {
		words = append(words, "password and authenticator app")
	}
	if m.Company {
		words = append(words, "the company's sign-on")
	}
	return strings.Join(words, ", "), nil
}

// Invite sends an account a one-time link to set up how it signs in. It is
// for an account that is new, or whose ways were all taken by [Desk.Reset].
func (d *Desk) Invite(ctx context.Context, tx *store.Tx, account string) error {
	return d.kit.Jobs.Enqueue(ctx, tx, inviteJob{Account: account})
}

// Reset takes every way of signing in from an account, ends its sessions and
// its tokens, and invites it anew.
func (d *Desk) Reset(ctx context.Context, tx *store.Tx, account string) error {
	if err := d.Forget(ctx, tx, account); err != nil {
		return err
	}
	return d.Invite(ctx, tx, account)
}

// Forget takes every way of signing in from an account or a customer, and ends
// their sessions and tokens.
func (d *Desk) Forget(ctx context.Context, tx *store.Tx, owner string) error {
	for _, q := range []string{
		`DELETE FROM signin_session WHERE owner = $1`, `DELETE FROM signin_link WHERE owner = $1`,
		`DELETE FROM signin_password WHERE owner = $1`, `DELETE FROM signin_recovery WHERE owner = $1`,
		`DELETE FROM signin_passkey WHERE owner = $1`, `DELETE FROM signin_company WHERE owner = $1`,
		`DELETE FROM signin_token WHERE owner = $1`,
	} {
		if _, err := tx.Exec(ctx, q, owner); err != nil {
			return fmt.Errorf("signin: forget: %w", err)
		}
	}
	return nil
}

// erase forgets a customer whose record is erased.
func (d *Desk) erase(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	return d.Forget(ctx, tx, string(s))
}

// An exported is what this desk keeps about a customer.
type exported struct {
	Passkeys []exportedKey     `json:"passkeys"`
	Sessions []exportedSession `json:"sessions"`
	Tokens   []exportedToken   `json:"tokens"`
	Password time.Time         `json:"password_since,omitzero"`
	Company  time.Time         `json:"company_sign_in_since,omitzero"`
	Recovery int               `json:"recovery_codes_left,omitempty"`
}

type exportedToken struct {
	Title  string    `json:"title"`
	Scopes []string  `json:"scopes"`
	Made   time.Time `json:"made"`
	Ends   time.Time `json:"ends"`
	Used   time.Time `json:"used,omitzero"`
}

type exportedKey struct {
	Label string    `json:"label"`
	Made  time.Time `json:"made"`
	Used  time.Time `json:"used,omitzero"`
}

type exportedSession struct {
	Made time.Time `json:"made"`
	Seen time.Time `json:"seen"`
}

func (d *Desk) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	keys, err := d.keysOf(ctx, tx, string(s))
	if err != nil {
		return nil, err
	}
	out := exported{Passkeys: []exportedKey{}, Sessions: []exportedSession{}, Tokens: []exportedToken{}}
	for _, k := range keys {
		out.Passkeys = append(out.Passkeys, exportedKey{k.Label, k.made, k.used})
	}
	tokens, err := d.tokens(ctx, tx, string(s))
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		out.Tokens = append(out.Tokens, exportedToken{t.Title, t.Scopes, t.Made, t.Ends, t.Used})
	}
	var password, company int64
	if err := tx.QueryRow(ctx, `SELECT (SELECT COALESCE(max(made), 0) FROM signin_password WHERE owner = $1), (SELECT COALESCE(max(made), 0) FROM signin_company WHERE owner = $1),
		(SELECT count(*) FROM signin_recovery WHERE owner = $1)`, string(s)).Scan(&password, &company, &out.Recovery); err != nil {
		return nil, fmt.Errorf("signin: export: %w", err)
	}
	out.Password, out.Company = store.Instant(password), store.Instant(company)
	rows, err := tx.Query(ctx, `SELECT made, seen FROM signin_session WHERE owner = $1 ORDER BY made`, string(s))
	if err != nil {
		return nil, fmt.Errorf("signin: export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var made, seen int64
		if err := rows.Scan(&made, &seen); err != nil {
			return nil, fmt.Errorf("signin: export: %w", err)
		}
		out.Sessions = append(out.Sessions, exportedSession{store.Instant(made), store.Instant(seen)})
	}
	return out, rows.Err()
}

// lastWay refuses to take the only way of signing in that somebody has.
func lastWay(m Methods) error {
	n := m.Passkeys
	if m.Password {
		n++
	}
	if m.Company {
		n++
	}
	if n <= 1 {
		return loot.Errorf(loot.Conflict, "This is the only way in which you can sign in. Add another one first.")
	}
	return nil
}

// validLabel checks what somebody calls a passkey or a token.
func validLabel(name, label string) error {
	return web.Fields{{Name: name, Required: true, MaxLen: 60}}.Check(map[string][]string{name: {label}})
}
