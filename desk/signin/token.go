package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/store"
)

// A token of the API is "loot_", 32 letters and digits of secret, and 7 of a
// checksum: programs that search for leaked secrets can tell one, and a
// mistyped one costs no query.
const (
	tokenPrefix = "loot_"
	tokenSecret = 32
	tokenSum    = 7
)

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newSecret returns 160 random bits as 32 letters and digits.
func newSecret() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return letters.EncodeToString(b[:])
}

func newToken() string { return withSum(tokenPrefix + newSecret()) }

func withSum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	return s + letters.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// tokenShaped reports whether s can be a token of ours.
func tokenShaped(s string) bool {
	if len(s) != len(tokenPrefix)+tokenSecret+tokenSum || !strings.HasPrefix(s, tokenPrefix) {
		return false
	}
	return withSum(s[:len(s)-tokenSum]) == s
}

// digest is how every token is kept: it is long and random, so a plain hash
// tells nothing.
func digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// An apiToken is a token as its owner sees it.
type apiToken struct {
	ID     string
	Title  string
	Scopes []string
	Made   time.Time
	Ends   time.Time
	Used   time.Time // to the hour; zero: never
}

// errToken does not say whether there is such a token.
var errToken = loot.Errorf(loot.SignIn, "This token is not valid. It may have expired, or it was withdrawn.")

// Authenticate returns who acts with a token of the API, and for what it may
// be used. The owner's roles are those that they have now; an owner who may no
// longer sign in has no working token.
func (d *Desk) Authenticate(ctx context.Context, token string) (api.Caller, error) {
	if !tokenShaped(token) {
		return api.Caller{}, errToken
	}
	now := d.kit.Now()
	var caller api.Caller
	var used int64
	err := d.kit.DB.Read(ctx, func(tx *store.Tx) error {
		caller = api.Caller{}
		var owner, list string
		var kind loot.ActorKind
		var ends int64
		err := tx.QueryRow(ctx, `SELECT owner, kind, scopes, ends, used FROM signin_token WHERE hash = $1`, digest(token)).
			Scan(&owner, &kind, &list, &ends, &used)
		if errors.Is(err, sql.ErrNoRows) {
			return errToken
		}
		if err != nil {
			return fmt.Errorf("signin: token: %w", err)
		}
		if ends <= now.UnixMicro() {
			return errToken
		}
		if err := json.Unmarshal([]byte(list), &caller.Scopes); err != nil {
			return fmt.Errorf("signin: scopes of a token: %w", err)
		}
		if kind == loot.Person { // whose tokens end with their record
			caller.Actor = loot.Actor{Kind: kind, ID: owner}
			return nil
		}
		if caller.Actor, err = d.accounts.Actor(ctx, tx, owner); err != nil {
			return err
		}
		if caller.Actor.ID == "" {
			return errToken
		}
		return nil
	})
	if err != nil {
		return api.Caller{}, err
	}
	if hour := now.Truncate(time.Hour).UnixMicro(); used < hour {
		_, err := d.kit.DB.Exec(ctx, `UPDATE signin_token SET used = $1 WHERE hash = $2`, hour, digest(token))
		if err != nil { // when it was last used is worth less than the use
			d.kit.Log.WarnContext(ctx, "the use of a token could not be noted", "err", err)
		}
	}
	return caller, nil
}

// maxTokens bounds how many tokens one account has.
const maxTokens = 20

func (d *Desk) makeToken(ctx context.Context, tx *store.Tx, by loot.Actor, t apiToken) (string, error) {
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM signin_token WHERE owner = $1`, by.ID).Scan(&have); err != nil {
		return "", fmt.Errorf("signin: tokens: %w", err)
	}
	if have >= maxTokens {
		return "", loot.Errorf(loot.Conflict, "An account has at most %d tokens. Withdraw one first.", maxTokens)
	}
	scopes, err := json.Marshal(t.Scopes)
	if err != nil {
		return "", fmt.Errorf("signin: scopes: %w", err)
	}
	token, id := newToken(), loot.NewID("t")
	title, err := d.seal(t.Title, "token", id)
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO signin_token (hash, id, owner, kind, title, scopes, made, ends, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		digest(token), id, by.ID, by.Kind, title, string(scopes), t.Made.UnixMicro(), t.Ends.UnixMicro()); err != nil {
		return "", fmt.Errorf("signin: make token: %w", err)
	}
	return token, d.noteToken(ctx, tx, by, "token.made", t.Title)
}

// noteToken notes what became of a token: of staff beside their name, of a
// customer in their timeline and without the words that they chose.
func (d *Desk) noteToken(ctx context.Context, tx *store.Tx, by loot.Actor, note, title string) error {
	if by.Kind == loot.Person {
		return d.kit.Gate.NoteAbout(ctx, tx, loot.Subject(by.ID), customers, by, note, "")
	}
	_, err := d.kit.Gate.Note(ctx, tx, by, note, title)
	return err
}

func (d *Desk) tokens(ctx context.Context, tx *store.Tx, owner string) ([]apiToken, error) {
	rows, err := tx.Query(ctx, `SELECT id, title, scopes, made, ends, used FROM signin_token WHERE owner = $1 ORDER BY made DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("signin: tokens: %w", err)
	}
	defer rows.Close()
	var out []apiToken
	for rows.Next() {
		var t apiToken
		var title []byte
		var scopes string
		var made, ends, used int64
		if err := rows.Scan(&t.ID, &title, &scopes, &made, &ends, &used); err != nil {
			return nil, fmt.Errorf("signin: tokens: %w", err)
		}
		if t.Title, err = d.open(title, "token", t.ID); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(scopes), &t.Scopes); err != nil {
			return nil, fmt.Errorf("signin: scopes of a token: %w", err)
		}
		t.Made, t.Ends, t.Used = store.Instant(made), store.Instant(ends), store.Instant(used)
		out = append(out, t)
	}
	return out, rows.Err()
}

func (d *Desk) revokeToken(ctx context.Context, tx *store.Tx, by loot.Actor, id string) error {
	n, err := tx.Exec(ctx, `DELETE FROM signin_token WHERE id = $1 AND owner = $2`, id, by.ID)
	if err != nil {
		return fmt.Errorf("signin: revoke token: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.NotFound, "There is no such token.")
	}
	return d.noteToken(ctx, tx, by, "token.withdrawn", "")
}

// ownScopes begin the names of what only customers' tokens are for: their own
// record.
const ownScopes = "me:"

// scopesFor returns what tokens of staff, or of customers, can be for.
func (d *Desk) scopesFor(kind loot.ActorKind) []api.Scope {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.options.Scopes)), func(s api.Scope) bool {
		return strings.HasPrefix(string(s), ownScopes) != (kind == loot.Person)
	})
}
