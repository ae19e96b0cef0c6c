package signin

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"loot"
	"loot/store"
)

// The steps between which something has to be kept.
const (
	flowCode    = "code"    // the password was right, the code is missing
	flowSetUp   = "set-up"  // a one-time link was opened, a way of signing in is missing
	flowEnter   = "enter"   // a passkey was asked for
	flowAdd     = "add"     // a new passkey was asked for
	flowCompany = "company" // gone to the company's sign-on
	flowCodes   = "codes"   // recovery codes are to be shown
)

var flowLife = map[string]time.Duration{
	flowCode: 10 * time.Minute, flowSetUp: time.Hour, flowEnter: 5 * time.Minute, flowAdd: 5 * time.Minute,
	flowCompany: 10 * time.Minute, flowCodes: time.Hour,
}

// A flow is what stands between two steps. It is sealed in the database, and
// the browser has a random name for it, so each step can be taken once.
type flow struct {
	Kind    string                `json:"kind"`
	Owner   string                `json:"owner,omitempty"`
	Next    string                `json:"next,omitempty"`
	Link    []byte                `json:"link,omitempty"`    // hash of the one-time link to use up at the end
	First   *newcomer             `json:"first,omitempty"`   // the first administrator to be
	Passkey *webauthn.SessionData `json:"passkey,omitempty"` // what was asked of the browser
	Company *sentAway             `json:"company,omitempty"`
	Codes   []string              `json:"codes,omitempty"`
	Label   string                `json:"label,omitempty"` // of a passkey to be

	hash []byte
}

// A newcomer is who the first administrator says they are.
type newcomer struct{ Name, Email string }

// flowCookie ties a flow to a browser.
const flowCookie = "loot-step"

// A started flow is in the database once its transaction is committed.
type started struct{ token string }

// startFlow keeps a flow.
func (d *Desk) startFlow(ctx context.Context, tx *store.Tx, f flow) (started, error) {
	token := newSecret()
	b, err := json.Marshal(f)
	if err != nil {
		return started{}, fmt.Errorf("signin: flow: %w", err)
	}
	hash := digest(token)
	sealed, err := d.secrets.Seal(b, flowPlace(f.Kind, hash))
	if err != nil {
		return started{}, fmt.Errorf("signin: flow: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO signin_flow (hash, kind, data, ends) VALUES ($1, $2, $3, $4)`,
		hash, f.Kind, sealed, expires(d.kit.Now(), flowLife[f.Kind])); err != nil {
		return started{}, fmt.Errorf("signin: flow: %w", err)
	}
	return started{token}, nil
}

// flowPlace binds a sealed flow to its row.
func flowPlace(kind string, hash []byte) []byte { return bound([]string{"flow", kind, string(hash)}) }

// carry gives the browser the name of a flow, until it is closed; when the flow
// ends is decided here.
func (d *Desk) carry(w http.ResponseWriter, s started) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(flowCookie), Value: s.token, Path: "/",
		HttpOnly: true, Secure: d.https, SameSite: http.SameSiteLaxMode,
	})
}

// drop takes the name of a flow from the browser.
func (d *Desk) drop(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(flowCookie), Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: d.https, SameSite: http.SameSiteLaxMode,
	})
}

// errLate is what somebody gets who took too long between two steps.
var errLate = loot.Errorf(loot.SignIn, "That took a little too long, or it was done already. Please begin again.")

// flowOf returns the flow of a kind that the browser is in.
func (d *Desk) flowOf(ctx context.Context, tx *store.Tx, r *http.Request, kind string) (flow, error) {
	c, err := r.Cookie(d.cookieName(flowCookie))
	if err != nil || len(c.Value) > maxToken {
		return flow{}, errLate
	}
	hash := digest(c.Value)
	var data []byte
	err = tx.QueryRow(ctx, `SELECT data FROM signin_flow WHERE hash = $1 AND kind = $2 AND ends > $3`, hash, kind, d.kit.Now().UnixMicro()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return flow{}, errLate
	}
	if err != nil {
		return flow{}, fmt.Errorf("signin: flow: %w", err)
	}
	b, err := d.secrets.Open(data, flowPlace(kind, hash))
	if err != nil {
		d.kit.Log.WarnContext(ctx, "a step of signing in could not be unsealed", "err", err)
		return flow{}, errLate
	}
	f := flow{hash: hash}
	if err := json.Unmarshal(b, &f); err != nil {
		return flow{}, fmt.Errorf("signin: flow: %w", err)
	}
	return f, nil
}

// readFlow is flowOf in a transaction of its own.
func (d *Desk) readFlow(r *http.Request, kind string) (f flow, err error) {
	err = d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		f, err = d.flowOf(r.Context(), tx, r, kind)
		return err
	})
	return f, err
}

// change keeps what was added to a flow.
func (d *Desk) change(ctx context.Context, tx *store.Tx, f flow) error {
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("signin: flow: %w", err)
	}
	sealed, err := d.secrets.Seal(b, flowPlace(f.Kind, f.hash))
	if err != nil {
		return fmt.Errorf("signin: flow: %w", err)
	}
	n, err := tx.Exec(ctx, `UPDATE signin_flow SET data = $1 WHERE hash = $2`, sealed, f.hash)
	if err != nil {
		return fmt.Errorf("signin: flow: %w", err)
	}
	if n == 0 {
		return errLate
	}
	return nil
}

// finish takes a flow's last step: of two who try at the same time, one does.
func (d *Desk) finish(ctx context.Context, tx *store.Tx, f flow) error {
	n, err := tx.Exec(ctx, `DELETE FROM signin_flow WHERE hash = $1`, f.hash)
	if err != nil {
		return fmt.Errorf("signin: flow: %w", err)
	}
	if n == 0 {
		return errLate
	}
	return nil
}
