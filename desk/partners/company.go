package partners

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk/partners/sftp"
	"loot/store"
	"loot/web"
)

// A company is how a partner is reached.
type company struct {
	Partner   string
	Contact   string      // the address that requests to delete go to; empty: none
	Recipient string      // age recipient that files are sealed to; empty: none
	Server    sftp.Server // where files are put; the zero Server: nowhere
	Tokened   time.Time
}

func (d *Partners) company(ctx context.Context, tx *store.Tx, partner string) (company, error) {
	c := company{Partner: partner}
	var contact []byte
	var tokened int64
	err := tx.QueryRow(ctx, `SELECT contact, recipient, server, account, folder, hostkey, tokened FROM partners_company WHERE partner = $1`, partner).
		Scan(&contact, &c.Recipient, &c.Server.Address, &c.Server.Account, &c.Server.Folder, &c.Server.HostKey, &tokened)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("partners: company: %w", err)
	}
	c.Tokened = store.Instant(tokened)
	if len(contact) > 0 {
		text, err := d.key.Open(contact, bound("contact", partner))
		if err != nil {
			return c, fmt.Errorf("partners: contact: %w", err)
		}
		c.Contact = string(text)
	}
	return c, nil
}

// reach keeps how a partner is reached.
func (d *Partners) reach(ctx context.Context, tx *store.Tx, by loot.Actor, c company) error {
	var contact any
	if c.Contact != "" {
		sealed, err := d.key.Seal([]byte(c.Contact), bound("contact", c.Partner))
		if err != nil {
			return fmt.Errorf("partners: contact: %w", err)
		}
		contact = sealed
	}
	if _, err := tx.Exec(ctx, `INSERT INTO partners_company (partner, contact, recipient, token, tokened, server, account, folder, hostkey) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8)
		ON CONFLICT (partner) DO UPDATE SET contact = excluded.contact, recipient = excluded.recipient, server = excluded.server, account = excluded.account,
			folder = excluded.folder, hostkey = excluded.hostkey`,
		c.Partner, contact, c.Recipient, []byte{}, c.Server.Address, c.Server.Account, c.Server.Folder, c.Server.HostKey); err != nil {
		return fmt.Errorf("partners: company: %w", err)
	}
	if _, err := d.Gate.Note(ctx, tx, by, "partner.reached", c.Partner); err != nil {
		return err
	}
	return d.Jobs.Enqueue(ctx, tx, remindArgs{Partner: c.Partner}) // what waited for an address goes
}

// giveKey gives a partner a new key for pulling, in place of one that it has.
func (d *Partners) giveKey(ctx context.Context, tx *store.Tx, by loot.Actor, partner string) (string, error) {
	token := "partner_" + rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(token))
	if _, err := tx.Exec(ctx, `INSERT INTO partners_company (partner, contact, recipient, token, tokened) VALUES ($1, NULL, '', $2, $3)
		ON CONFLICT (partner) DO UPDATE SET token = excluded.token, tokened = excluded.tokened`, partner, sum[:], d.Now().UnixMicro()); err != nil {
		return "", fmt.Errorf("partners: key: %w", err)
	}
	_, err := d.Gate.Note(ctx, tx, by, "partner.key", partner)
	return token, err
}

// byToken returns the partner that has a key for pulling; empty: none has it.
func byToken(ctx context.Context, tx *store.Tx, token string) (partner string, err error) {
	sum := sha256.Sum256([]byte(token))
	err = tx.QueryRow(ctx, `SELECT partner FROM partners_company WHERE token = $1`, sum[:]).Scan(&partner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("partners: key: %w", err)
	}
	return partner, nil
}

// recipientOf reads an age recipient: "age1…", X25519 or the hybrid of a newer version.
func recipientOf(text string) (age.Recipient, error) {
	x, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, loot.Errorf(loot.Invalid, "This is no age recipient. One begins with “age1” and is what age-keygen prints as the public key.")
	}
	return x, nil
}

func (d *Partners) takeCompany(w http.ResponseWriter, r *http.Request) error {
	_, to, typed, err := d.typed(r)
	if err != nil {
		return err
	}
	c, err := readCompany(to.Key, typed)
	if web.Wrong(err) != nil {
		return d.showPartner(w, r, showing{http.StatusUnprocessableEntity, formCompany, typed, err, ""})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, "Kept.", func(ctx context.Context, tx *store.Tx, by loot.Actor) error { return d.reach(ctx, tx, by, c) })
}

// newKey gives a partner a key for pulling, and shows it this once.
func (d *Partners) newKey(w http.ResponseWriter, r *http.Request) error {
	_, to, _, err := d.typed(r)
	if err != nil {
		return err
	}
	var token string
	ctx, by := r.Context(), web.ActorOf(r.Context())
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		token, err = d.giveKey(ctx, tx, by, to.Key)
		return err
	}); err != nil {
		return err
	}
	return d.showPartner(w, r, showing{status: http.StatusOK, token: token})
}
