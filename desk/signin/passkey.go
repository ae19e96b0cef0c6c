package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"loot"
	"loot/store"
)

// passkeyConfig asks for passkeys that say who their owner is and that check
// them, by finger, face or PIN: two factors in one. Where the device comes from
// is not asked.
func passkeyConfig(host, origin string) *webauthn.Config {
	return &webauthn.Config{
		RPID: host, RPDisplayName: "Loot", RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	}
}

// A passkey is one of somebody's.
type passkey struct {
	Label      string              `json:"label"`
	Credential webauthn.Credential `json:"credential"`

	id    []byte // hash of the credential's
	owner string
	kind  loot.ActorKind
	made  time.Time
	used  time.Time
}

// Name names a passkey in addresses and forms.
func (p passkey) Name() string { return letters.EncodeToString(p.id[:10]) }

// Synced reports whether the passkey is kept beyond one device.
func (p passkey) Synced() bool { return p.Credential.Flags.BackupState }

// A holder is somebody as the passkey library sees them.
type holder struct {
	owner, name, display string
	keys                 []passkey
}

func (h holder) WebAuthnID() []byte          { return handle(h.owner) }
func (h holder) WebAuthnName() string        { return h.name }
func (h holder) WebAuthnDisplayName() string { return h.display }
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(h.keys))
	for i, k := range h.keys {
		out[i] = k.Credential
	}
	return out
}

// handle is what a passkey keeps of its owner. It says nothing about them.
func handle(owner string) []byte {
	sum := sha256.Sum256(bound([]string{"loot passkey", owner}))
	return sum[:]
}

func credentialHash(id []byte) []byte {
	sum := sha256.Sum256(id)
	return sum[:]
}

// maxPasskeys bounds how many one person has.
const maxPasskeys = 10

// keysOf returns somebody's passkeys, the oldest first.
func (d *Desk) keysOf(ctx context.Context, tx *store.Tx, owner string) ([]passkey, error) {
	rows, err := tx.Query(ctx, `SELECT id, kind, data, made, used FROM signin_passkey WHERE owner = $1 ORDER BY made, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("signin: passkeys: %w", err)
	}
	defer rows.Close()
	var out []passkey
	for rows.Next() {
		p := passkey{owner: owner}
		var data []byte
		var made, used int64
		if err := rows.Scan(&p.id, &p.kind, &data, &made, &used); err != nil {
			return nil, fmt.Errorf("signin: passkeys: %w", err)
		}
		if err := d.openKey(&p, data, made, used); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func (d *Desk) openKey(p *passkey, data []byte, made, used int64) error {
	b, err := d.secrets.Open(data, passkeyPlace(string(p.id), p.owner, string(p.kind)))
	if err != nil {
		return fmt.Errorf("signin: unseal passkey: %w", err)
	}
	if err := json.Unmarshal(b, p); err != nil {
		return fmt.Errorf("signin: passkey: %w", err)
	}
	p.made, p.used = store.Instant(made), store.Instant(used)
	return nil
}

func (d *Desk) sealKey(p passkey) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("signin: passkey: %w", err)
	}
	return d.secrets.Seal(b, passkeyPlace(string(p.id), p.owner, string(p.kind)))
}

// passkeyPlace binds a sealed passkey to its row.
func passkeyPlace(id, owner, kind string) []byte { return bound([]string{"passkey", id, owner, kind}) }

// keyByID returns the passkey with a credential id, of one kind of owner.
func (d *Desk) keyByID(ctx context.Context, tx *store.Tx, rawID []byte, kind loot.ActorKind) (passkey, bool, error) {
	p := passkey{id: credentialHash(rawID), kind: kind}
	var data []byte
	var made, used int64
	err := tx.QueryRow(ctx, `SELECT owner, data, made, used FROM signin_passkey WHERE id = $1 AND kind = $2`+tx.ForUpdate(), p.id, string(kind)).Scan(&p.owner, &data, &made, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return passkey{}, false, nil
	}
	if err != nil {
		return passkey{}, false, fmt.Errorf("signin: passkey: %w", err)
	}
	if err := d.openKey(&p, data, made, used); err != nil {
		return passkey{}, false, err
	}
	return p, true, nil
}

// askNew returns what to ask the browser for to make a passkey.
func (d *Desk) askNew(h holder) (*protocol.CredentialCreation, *webauthn.SessionData, error) {
	if len(h.keys) >= maxPasskeys {
		return nil, nil, loot.Errorf(loot.Conflict, "You have %d passkeys already. Remove one first.", maxPasskeys)
	}
	known := webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()
	ask, session, err := d.passkeys.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, fmt.Errorf("signin: ask for a passkey: %w", err)
	}
	ask.Response.RelyingParty.Name = d.site()
	return ask, session, nil
}

// errPasskey is what a passkey that does not fit gets; why is in the log.
func errPasskey(err error) error {
	return loot.Wrap(loot.Invalid, detail(err), "This passkey could not be accepted. Please try again, or use another way.")
}

// detail keeps of the library's error what is about the protocol. Its developer
// information repeats what was sent.
func detail(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return errors.New("signin: passkey: " + e.Type)
	}
	return errors.New("signin: passkey refused")
}

// keepNew checks what the browser made and keeps it.
func (d *Desk) keepNew(ctx context.Context, tx *store.Tx, h holder, kind loot.ActorKind, session webauthn.SessionData, label string, answer []byte) error {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return errPasskey(err)
	}
	made, err := d.passkeys.CreateCredential(h, session, parsed)
	if err != nil {
		return errPasskey(err)
	}
	made.Attestation = webauthn.CredentialAttestation{} // not asked for, and not kept when sent all the same
	p := passkey{Label: label, Credential: *made, id: credentialHash(made.ID), owner: h.owner, kind: kind}
	data, err := d.sealKey(p)
	if err != nil {
		return err
	}
	now := d.kit.Now().UnixMicro()
	n, err := tx.Exec(ctx, `INSERT INTO signin_passkey (id, owner, kind, data, made, used) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (id) DO NOTHING`,
		p.id, p.owner, string(kind), data, now)
	if err != nil {
		return fmt.Errorf("signin: keep passkey: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Conflict, "This passkey is known already.")
	}
	return nil
}

// askAny returns what to ask the browser for to sign in with any passkey it has
// for this site.
func (d *Desk) askAny() (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	ask, session, err := d.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, fmt.Errorf("signin: ask for a passkey: %w", err)
	}
	return ask, session, nil
}

// errCopied tells of a passkey whose counter went backwards: two devices have it.
var errCopied = errors.New("signin: a passkey's counter went backwards")

// useKey checks the browser's answer and returns the passkey that gave it.
func (d *Desk) useKey(ctx context.Context, tx *store.Tx, kind loot.ActorKind, session webauthn.SessionData, answer []byte) (passkey, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return passkey{}, errPasskey(err)
	}
	var found passkey
	var failed error
	cred, err := d.passkeys.ValidateDiscoverableLogin(func(rawID, userHandle []byte) (webauthn.User, error) {
		p, ok, err := d.keyByID(ctx, tx, rawID, kind)
		if err != nil {
			failed = err
			return nil, err
		}
		if !ok || !bytes.Equal(userHandle, handle(p.owner)) {
			failed = loot.Errorf(loot.Invalid, "This passkey is not known here. It may have been removed, or it is for the other door.")
			return nil, failed
		}
		found = p
		return holder{owner: p.owner, keys: []passkey{p}}, nil
	}, session, parsed)
	switch {
	case failed != nil:
		return passkey{}, failed
	case err != nil:
		return passkey{}, errPasskey(err)
	case cred.Authenticator.CloneWarning:
		return passkey{}, errCopied
	}
	found.Credential = *cred
	data, err := d.sealKey(found)
	if err != nil {
		return passkey{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE signin_passkey SET data = $1, used = $2 WHERE id = $3`, data, d.kit.Now().UnixMicro(), found.id); err != nil {
		return passkey{}, fmt.Errorf("signin: passkey: %w", err)
	}
	return found, nil
}

// removeKey removes one of somebody's passkeys.
func (d *Desk) removeKey(ctx context.Context, tx *store.Tx, owner, name string) error {
	keys, err := d.keysOf(ctx, tx, owner)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Name() != name {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM signin_passkey WHERE id = $1`, k.id); err != nil {
			return fmt.Errorf("signin: remove passkey: %w", err)
		}
		return nil
	}
	return loot.Errorf(loot.NotFound, "There is no such passkey.")
}
