package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"loot"
	"loot/job"
	"loot/keyring"
	"loot/ledger"
	"loot/mail"
)

// roots opens what seals the key folder, and what sealed it before.
func (c Config) roots(ctx context.Context) (root keyring.Root, former []keyring.Root, err error) {
	if root, err = c.root(ctx, "--root", c.Root, "--transit-token-file", c.TokenFile); err != nil || c.FormerRoot == "" {
		return root, nil, err
	}
	one, err := c.root(ctx, "--former-root", c.FormerRoot, "--former-transit-token-file", cmp.Or(c.FormerTokenFile, c.TokenFile))
	return root, []keyring.Root{one}, err
}

func (c Config) root(ctx context.Context, flag, value, tokenFlag, tokenFile string) (keyring.Root, error) {
	kind, rest, _ := strings.Cut(value, ":")
	switch kind {
	case "file":
		return keyring.FileRoot(rest, c.Data, c.KeyFolder)
	case "passphrase":
		phrase, err := secretFile(rest, "the passphrase of "+flag)
		if err != nil {
			return nil, err
		}
		return keyring.PassphraseRoot(phrase)
	case "transit":
		return transit(flag, rest, tokenFlag, tokenFile)
	case "aws-kms":
		return keyring.AWSRoot(ctx, rest)
	case "gcp-kms":
		return keyring.GCPRoot(ctx, rest)
	}
	return nil, loot.Errorf(loot.Invalid, "%s: %q is none of file:PATH, passphrase:PATH, transit:URL#KEY, aws-kms:ARN and gcp-kms:KEY.", flag, value)
}

func transit(flag, address, tokenFlag, tokenFile string) (keyring.Root, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Fragment == "" {
		return nil, loot.Errorf(loot.Invalid, "%s: a transit root is written transit:https://HOST:PORT#KEY.", flag)
	}
	if tokenFile == "" {
		return nil, loot.Errorf(loot.Invalid, "%s names no file with the token.", tokenFlag)
	}
	key := u.Fragment
	u.Fragment = ""
	return keyring.TransitRoot(keyring.Transit{
		Address: strings.TrimSuffix(u.String(), "/"), Key: key, TokenFile: tokenFile, Client: &http.Client{Timeout: 10 * time.Second},
	})
}

// secretFile reads a secret. Its value is in no error.
func secretFile(path, what string) (string, error) {
	if path == "" {
		return "", loot.Errorf(loot.Invalid, "No file is named for %s.", what)
	}
	return loot.ReadSecret(path, what)
}

// origin returns the ledger's name, which is chosen at the first start and
// stays whatever the public address becomes.
func (c Config) origin(keys *keyring.Keyring) (string, error) {
	name, err := keys.Secret("ledger-origin", func() []byte {
		host := "loot.local"
		if u, err := url.Parse(c.BaseURL); err == nil && u.Hostname() != "" && !strings.HasPrefix(u.Hostname(), "127.") {
			host = u.Hostname()
		}
		var b [6]byte
		rand.Read(b[:]) // never fails
		return []byte(host + "/ledger/" + hex.EncodeToString(b[:]))
	})
	return string(name), err
}

// whyKept says why a secret is never replaced, by its name.
func whyKept(secret string) string {
	if why, ok := map[string]string{
		"billing":       "because a payment that a bank tells of again, and who had an address, are found by the marks that it made",
		"imports":       "because a row that comes again is told by the hash that it made",
		"ledger":        "because receipts, the statement and invoices name this key as the one that signs the ledger",
		"ledger-origin": "because it is the name of the ledger, which every checkpoint carries",
		"ledger-repeat": "because what happens again on a day is found by it",
		"safety":        "because reports, addresses and reporters are compared by the marks that it made, and the links in letters work by it",
		"signin":        "because recovery codes and company accounts are found by the hashes that it made",
		"partners":      "because partners check what is signed by it, and have people under the references that it made",
		"staff":         "because an account is found by the hash of its address that it made",
		"visits":        "because a line of a log that comes again is told by the hash that it made",
		"web":           "because every server that runs signs with it what a browser keeps until its next page",
	}[secret]; ok {
		return why
	}
	return "because what it made must stay"
}

// sender returns how mail goes out: by SMTP, or into an outbox that the
// console shows.
func (a *App) sender(c Config) (mail.Sender, error) {
	key, err := a.Keyring.System("mail")
	if err != nil {
		return nil, err
	}
	key.Hold(a.DB, mail.Sealed()) // also what lies there from before there was a mail server
	key.Hold(a.DB, mail.SealedReceived()...)
	if err := a.receiver(key); err != nil {
		return nil, err
	}
	if c.SMTP == "" {
		a.outbox = mail.NewOutbox(a.DB, key, func(ctx context.Context, s loot.Subject, c loot.Collection) (mail.Sealer, error) {
			return a.Vault.LetterKey(ctx, s, c)
		}, a.Now)
		job.Register(a.Jobs, a.sweepOutbox)
		a.Jobs.Periodic(24*time.Hour, sweepOutbox{})
		return a.outbox, nil
	}
	out, err := c.smtp(a.Now, a.Log)
	if err != nil {
		return nil, err
	}
	a.stop = append(a.stop, func() {
		if err := out.Close(); err != nil {
			a.Log.Warn("the mail server's connections did not close", "err", err)
		}
	})
	return out, nil
}

// smtp returns the mail server that is set; nil: none is.
func (c Config) smtp(now func() time.Time, log *slog.Logger) (*mail.SMTP, error) {
	if c.SMTP == "" {
		return nil, nil
	}
	u, err := url.Parse(c.SMTP)
	if err != nil || u.Hostname() == "" {
		return nil, loot.Errorf(loot.Invalid, "--smtp: an address is written smtp://USER@HOST:PORT or smtps://USER@HOST:PORT.")
	}
	s := mail.Server{Address: u.Host, Security: mail.STARTTLS, Username: u.User.Username(), PasswordFile: c.SMTPSecret, Now: now, Log: log}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		s.Security = mail.TLS
	case "smtp+plain":
		s.Security = mail.Plain
	default:
		return nil, loot.Errorf(loot.Invalid, "--smtp: %q is none of smtp, smtps and smtp+plain.", u.Scheme)
	}
	return mail.NewSMTP(s)
}

// house says whose letters go out.
func (a *App) house() mail.House {
	h := mail.House{Name: "Loot", From: a.Config.From, URL: a.BaseURL, Privacy: a.BaseURL + "/statement"}
	if v, ok := a.Gate.InForce(); ok {
		c := v.Statement.Front().Controller
		h.Name, h.Company = c.Name, c.Name+", "+c.Address
	}
	return h
}

// ParseWitness reads a witness written VKEY=URL. A key may itself end in "=",
// so the address begins at the last "=http".
func ParseWitness(text string) (ledger.WitnessAt, error) {
	i := strings.LastIndex(text, "=http")
	if i < 0 {
		return ledger.WitnessAt{}, loot.Errorf(loot.Invalid, "A witness is written VKEY=URL, its key and where it is asked.")
	}
	return ledger.WitnessAt{Key: text[:i], URL: text[i+1:]}, nil
}

func (c Config) witnesses() ([]ledger.WitnessAt, error) {
	var out []ledger.WitnessAt
	for _, text := range c.Witnesses {
		w, err := ParseWitness(text)
		if err != nil {
			return nil, err
		}
		if err := ledger.CheckKey(w.Key); err != nil {
			return nil, loot.Wrap(loot.KindOf(err), err, "--witness: "+loot.Message(err))
		}
		out = append(out, w)
	}
	if c.WitnessQuorum < 0 || c.WitnessQuorum > len(out) {
		return nil, loot.Errorf(loot.Invalid, "--witness-quorum asks for %s, and --witness names %d.", loot.Plural(c.WitnessQuorum, "witness", "witnesses"), len(out))
	}
	return out, nil
}
