package rights

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// The Data Rights Protocol 1.0 of Consumer Reports, on the side of the covered business:
// agents whom people authorise ask for them, each message signed by Ed25519.
const (
	drpVersion = "1.0"
	drpBase    = "/drp"
	maxMessage = 64 << 10  // bytes, in base64
	maxWindow  = time.Hour // for which a message may be good
	maxHour    = 600       // requests of one agent in an hour
	maxLetters = 3         // to one person in a day
	toConfirm  = 7 * 24 * time.Hour
)

// The actions by whose name something is done; [actions] has all of them.
const (
	drpDeletion = "deletion"
	drpOptOut   = "sale:opt-out"

	drpOptOutBefore = "sale:opt_out" // as versions before the first wrote it
)

// agentID is what the protocol's directory names an agent.
var agentID = regexp.MustCompile(`^[A-Z][A-Z_]{1,59}$`)

// An agent may ask for people who authorised it.
type agent struct {
	ID    string
	Title string
	Key   ed25519.PublicKey
	Hosts []string // where it may be called, as in an address
	Made  time.Time
	Ended time.Time // zero: it may ask
}

// key is how the agent's is written.
func (a agent) key() string { return base64.StdEncoding.EncodeToString(a.Key) }

const agentColumns = `id, title, key, hosts, made, ended`

func scanAgent(row store.Row) (a agent, err error) {
	var key, hosts string
	var made, ended int64
	if err := row.Scan(&a.ID, &a.Title, &key, &hosts, &made, &ended); err != nil {
		return a, err
	}
	a.Made, a.Ended = store.Instant(made), store.Instant(ended)
	a.Hosts = strings.Fields(hosts)
	a.Key, err = publicKey(key)
	return a, err
}

// publicKey reads an Ed25519 key in base64 (RFC 8032, 32 bytes).
func publicKey(text string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, loot.Errorf(loot.Invalid, "This is no Ed25519 key: it has 32 bytes, in base64.")
	}
	return b, nil
}

func agents(ctx context.Context, tx *store.Tx) (out []agent, err error) {
	rows, err := tx.Query(ctx, `SELECT `+agentColumns+` FROM rights_agent ORDER BY ended, id`)
	if err != nil {
		return nil, fmt.Errorf("rights: agents: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanAgent(rows)
		if err != nil {
			return nil, fmt.Errorf("rights: agents: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// agentBy returns the agent that may ask and of which a column has a value; false: none.
func agentBy(ctx context.Context, tx *store.Tx, column string, value any) (agent, bool, error) {
	a, err := scanAgent(tx.QueryRow(ctx, `SELECT `+agentColumns+` FROM rights_agent WHERE ended = 0 AND `+column+` = $1`, value))
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("rights: agent: %w", err)
	}
	return a, true, nil
}

// A drpError is how the protocol says that something went wrong (section 3.06).
type drpError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Fatal   bool   `json:"fatal,omitempty"`
	status  int
}

func (e *drpError) Error() string { return e.Message }

func drpErrorf(status int, fatal bool, format string, args ...any) error {
	return &drpError{fmt.Sprint(status), fmt.Sprintf(format, args...), fatal, status}
}

// speaks answers in the protocol's form.
func (d *Rights) speaks(f func(*http.Request) (any, error)) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer, err := f(r)
		status := http.StatusOK
		if err != nil {
			said, known := errors.AsType[*drpError](err)
			switch kind := loot.KindOf(err); {
			case known:
			case kind == loot.Internal || kind == loot.Unavailable:
				return err
			default:
				said = &drpError{Code: fmt.Sprint(web.Status(err)), Message: loot.Message(err), status: web.Status(err)}
			}
			answer, status = said, said.status
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		return json.NewEncoder(w).Encode(answer)
	}
}

// A message is what an agent signs (sections 2.01 and 2.05).
type message struct {
	Agent    string    `json:"agent-id"`
	Business string    `json:"business-id"`
	Issued   time.Time `json:"issued-at"`
	Expires  time.Time `json:"expires-at"`
	Version  string    `json:"drp.version"`
	Named    string    `json:"agent-request-id"`
	Exercise string    `json:"exercise"`
	Regime   string    `json:"regime"`
	Email    string    `json:"email"`
	Callback string    `json:"status_callback"`
}

// opened returns the signed JSON of a body, and the hash by which it is known again.
func opened(body []byte, key ed25519.PublicKey) (text, hash []byte, err error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body)))
	if err != nil || len(raw) < ed25519.SignatureSize {
		return nil, nil, drpErrorf(http.StatusBadRequest, true, "The body is not a signature of 64 bytes with the JSON behind it, in base64.")
	}
	signature, text := raw[:ed25519.SignatureSize], raw[ed25519.SignatureSize:]
	if !ed25519.Verify(key, text, signature) {
		return nil, nil, drpErrorf(http.StatusForbidden, true, "The signature is not that of the agent.")
	}
	sum := sha256.Sum256(text)
	return text, sum[:], nil
}

// checked reads a signed message as section 3.07 asks: signature, agent, business, and the
// time for which it is good.
func (d *Rights) checked(body []byte, a agent) (m message, hash []byte, err error) {
	text, hash, err := opened(body, a.Key)
	if err != nil {
		return m, nil, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, nil, drpErrorf(http.StatusBadRequest, true, "What was signed is not the JSON of the protocol: times are written as 2026-11-29T12:00:00Z.")
	}
	now := d.Now()
	switch {
	case m.Agent != a.ID:
		err = drpErrorf(http.StatusForbidden, true, "The message is of another agent than the one that sends it.")
	case m.Business == "" || m.Business != d.business():
		err = drpErrorf(http.StatusForbidden, true, "The message is for another business.")
	case m.Issued.After(now):
		err = drpErrorf(http.StatusForbidden, false, "The message was issued after this moment: a clock goes wrong.")
	case !m.Expires.After(now):
		err = drpErrorf(http.StatusForbidden, true, "The message has expired.")
	case m.Expires.Sub(m.Issued) > maxWindow:
		err = drpErrorf(http.StatusBadRequest, true, "A message is good for an hour at most.")
	case m.Version != drpVersion:
		err = drpErrorf(http.StatusBadRequest, true, "This speaks version %s of the protocol.", drpVersion)
	}
	return m, hash, err
}

// once refuses a message that was taken before.
func once(ctx context.Context, tx *store.Tx, hash []byte, m message) error {
	n, err := tx.Exec(ctx, `INSERT INTO rights_message (hash, ends) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, m.Expires.UnixMicro())
	if err != nil {
		return fmt.Errorf("rights: message: %w", err)
	}
	if n == 0 {
		return drpErrorf(http.StatusConflict, false, "This very message was taken before.")
	}
	return nil
}

// business is the id of the controller in the protocol's directory.
func (d *Rights) business() string {
	s, err := d.inForce()
	if err != nil {
		return ""
	}
	id := strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, strings.ToUpper(s.Front().Controller.Name))
	return strings.Trim(id, "_")
}

// A directoryEntry is what agents learn of the business (section 3.05.2).
type directoryEntry struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Logo          *string  `json:"logo"`
	Base          string   `json:"api_base"`
	Actions       []string `json:"supported_actions"`
	Verifications []string `json:"supported_verifications"`
	Policy        string   `json:"privacy_policy_url"`
	Web           string   `json:"web_url"`
	Technical     string   `json:"technical_contact"`
	Contact       string   `json:"business_contact"`
}

// entry is handed to whoever keeps a directory, and stands at the place where the protocol
// had it before there was one.
func (d *Rights) entry(*http.Request) (any, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	front := s.Front()
	return directoryEntry{
		ID: d.business(), Name: front.Controller.Name, Base: d.BaseURL + drpBase, Actions: actionNames(), Verifications: []string{"email"},
		Policy: d.BaseURL + "/statement", Web: d.BaseURL, Technical: front.Contact, Contact: front.Contact,
	}, nil
}

// setUp gives an agent a token for the message that it signed (section 2.05). What is
// wrong with it is not said.
func (d *Rights) setUp(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	body, err := readBody(r)
	if err != nil {
		return err
	}
	token := rand.Text() + rand.Text()
	err = d.DB.InTx(ctx, func(tx *store.Tx) error {
		a, known, err := agentBy(ctx, tx, "id", r.PathValue("agent"))
		if err != nil {
			return err
		}
		if !known {
			return drpErrorf(http.StatusForbidden, true, "")
		}
		m, hash, err := d.checked(body, a)
		if err != nil {
			return err
		}
		if err := once(ctx, tx, hash, m); err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(token))
		if _, err := tx.Exec(ctx, `UPDATE rights_agent SET token = $1 WHERE id = $2`, sum[:], a.ID); err != nil {
			return fmt.Errorf("rights: token: %w", err)
		}
		_, err = d.Gate.Note(ctx, tx, d.actor(), "agent.token", "")
		return err
	})
	if _, wrong := errors.AsType[*drpError](err); wrong {
		w.WriteHeader(http.StatusForbidden)
		return nil
	}
	if err != nil {
		return err
	}
	return d.speaks(func(*http.Request) (any, error) {
		return map[string]string{"agent-id": r.PathValue("agent"), "token": token}, nil
	})(w, r)
}

// caller returns the agent whose token a request carries.
func (d *Rights) caller(ctx context.Context, tx *store.Tx, r *http.Request) (agent, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || len(token) > 200 {
		return agent{}, drpErrorf(http.StatusUnauthorized, false, "Send the token that POST %s/v1/agent/ID gave you, as a bearer token.", drpBase)
	}
	sum := sha256.Sum256([]byte(token))
	a, known, err := agentBy(ctx, tx, "token", sum[:])
	if err == nil && !known {
		err = drpErrorf(http.StatusUnauthorized, false, "This token is none, or an agent's that asked for another since.")
	}
	return a, err
}

// information tells an agent that its token is good (section 2.06).
func (d *Rights) information(r *http.Request) (any, error) {
	err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		a, err := d.caller(r.Context(), tx, r)
		if err == nil && a.ID != r.PathValue("agent") {
			err = drpErrorf(http.StatusForbidden, false, "The token is another agent's.")
		}
		return err
	})
	return struct{}{}, err
}
