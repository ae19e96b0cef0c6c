package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/mail"
	"loot/store"
)

// linkJob sends a customer a one-time link. Without a subject it does nothing:
// asking for a link is the same work whether the address is known or not.
type linkJob struct {
	Subject loot.Subject `json:"subject"`
	Next    string       `json:"next"`
	Welcome bool         `json:"welcome,omitempty"` // the first one, which confirms the address
}

// Kind names the job.
func (linkJob) Kind() string { return "signin.link" }

// inviteJob sends a member of staff a link to set up how they sign in.
type inviteJob struct {
	Account string `json:"account"`
}

// Kind names the job.
func (inviteJob) Kind() string { return "signin.invite" }

// changedJob tells a member of staff that their ways of signing in changed.
type changedJob struct {
	Account string `json:"account"`
	What    string `json:"what"` // key of changes
}

// Kind names the job.
func (changedJob) Kind() string { return "signin.changed" }

// sweepJob removes what has ended.
type sweepJob struct{}

// Kind names the job.
func (sweepJob) Kind() string { return "signin.sweep" }

func (d *Desk) register() {
	// A link that cannot be sent within its own lifetime is of no use to
	// somebody who sits and waits for it: they ask again.
	job.Register(d.kit.Jobs, d.sendLink, job.MaxAttempts(5))
	job.Register(d.kit.Jobs, d.sendInvitation, job.MaxAttempts(10))
	job.Register(d.kit.Jobs, d.sendChanged, job.MaxAttempts(10))
	job.Register(d.kit.Jobs, d.sweep)
	d.kit.Jobs.Periodic(time.Hour, sweepJob{})
	d.kit.Jobs.Listen("person.registered", "signin", func(ctx context.Context, id string) error {
		return d.sendLink(ctx, linkJob{Subject: loot.Subject(id), Next: "/portal", Welcome: true})
	}, job.MaxAttempts(10))
	d.kit.Jobs.Listen("address.proposed", "signin", d.askToConfirm, job.MaxAttempts(10))
	d.kit.Jobs.Listen("person.erased", "signin", func(ctx context.Context, id string) error {
		return d.kit.DB.InTx(ctx, func(tx *store.Tx) error { return d.erase(ctx, tx, loot.Subject(id)) })
	})
}

// sendLink makes a link and mails it. The address is opened for just that, by
// the same door as anybody else's.
func (d *Desk) sendLink(ctx context.Context, j linkJob) error {
	if j.Subject == "" {
		return nil
	}
	var to, token string
	err := d.kit.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		if to, err = d.addressOf(ctx, tx, j.Subject); err == nil {
			token, err = d.makeLink(ctx, tx, linkEnter, string(j.Subject), j.Next)
		}
		return err
	})
	if _, refused := errors.AsType[*gate.Refusal](err); refused || loot.KindOf(err) == loot.NotFound {
		d.kit.Log.InfoContext(ctx, "a link to sign in was not sent", "err", err)
		return nil // trying again changes nothing
	}
	if err != nil {
		return err
	}
	m, err := d.linkLetter(j.Welcome, d.kit.BaseURL+enterPath+token).Message(d.kit.House(), loot.NewID("m"), to)
	if err != nil {
		return err
	}
	m.About, m.Collection = j.Subject, customers
	return d.send(ctx, m)
}

// addressOf opens a customer's address.
func (d *Desk) addressOf(ctx context.Context, tx *store.Tx, s loot.Subject) (string, error) {
	to, err := d.reach()
	if err != nil {
		return "", err
	}
	permit, err := d.kit.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: "signin"}, Desk: "signin", Purpose: to.purpose,
		Subject: s, Collection: customers, Fields: []loot.Field{to.field},
	})
	if err != nil {
		return "", err
	}
	values, err := d.kit.Vault.Open(ctx, tx, permit)
	if err != nil {
		return "", err
	}
	//nolint:forbidigo // the address that the letter goes to
	address := values[to.field].Reveal()
	if address == "" {
		return "", loot.Errorf(loot.NotFound, "There is no address to write to.")
	}
	return address, nil
}

func (d *Desk) linkLetter(welcome bool, url string) mail.Letter {
	if welcome {
		return mail.Letter{
			Subject: "Please confirm your address", Preview: "One click, and you are in your portal.", Greet: "Good day",
			Blocks: []mail.Block{
				mail.Para("You have just registered with this address. The button below shows that it is yours, and takes you to your portal."),
				mail.Button("Confirm and go to my portal", url),
				mail.Note(fmt.Sprintf("The link works once, and for %d minutes. After that, ask for a new one where you sign in.", int(linkLife[linkEnter].Minutes()))),
				mail.Para("In the portal you see everything that we hold about you, for what, and who looked at it."),
			},
			Why: "You get this because somebody registered with this address. If that was not you, do nothing: without the click the address stays unconfirmed.",
		}
	}
	return mail.Letter{
		Subject: "Your link to sign in", Preview: "It works once.", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("Here is the link to your portal that you asked for."),
			mail.Button("Sign in", url),
			mail.Note(fmt.Sprintf("It works once, and for %d minutes.", int(linkLife[linkEnter].Minutes()))),
		},
		Why: "You get this because somebody asked for it where customers sign in. If that was not you, do nothing: without the link nobody gets in.",
	}
}

// sendInvitation mails the link with which an account sets up how it signs in.
func (d *Desk) sendInvitation(ctx context.Context, j inviteJob) error {
	var m mail.Message
	err := d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		a, ok, err := d.accounts.Account(ctx, tx, j.Account)
		if err != nil {
			return err
		}
		if !ok {
			return errGone
		}
		if err := d.dropLinks(ctx, tx, linkJoin, j.Account); err != nil {
			return err
		}
		token, err := d.makeLink(ctx, tx, linkJoin, j.Account, "/console")
		if err != nil {
			return err
		}
		m, err = mail.Letter{
			Subject: "Your account for the console", Preview: "Set up how you sign in.", Greet: "Good day " + a.Actor.Name,
			Blocks: []mail.Block{
				mail.Para("There is an account for you in the console of " + d.site() + ". Please set up how you sign in: with a passkey, or with a password and an authenticator app."),
				mail.Button("Set up how I sign in", d.kit.BaseURL+welcomePath+token),
				mail.Note("The link works once, and for three days. Nobody but you should open it."),
			},
			Why: "You get this because a colleague made or renewed your account.",
		}.Message(d.kit.House(), loot.NewID("m"), a.Email)
		return err
	})
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.send(ctx, m)
}

// errGone says that an account was closed before its letter was written.
var errGone = errors.New("signin: no such account")

// changes are what a member of staff is told about.
var changes = map[string]string{
	"passkey":  "A passkey was added.",
	"removed":  "A passkey was removed.",
	"password": "The password and the authenticator app were set.",
	"dropped":  "The password and the authenticator app were removed.",
	"codes":    "The recovery codes were replaced.",
	"recovery": "Somebody signed in with a recovery code.",
	"token":    "A token of the API was made.",
}

// changed has a member of staff told that how they sign in changed: if it was
// not they, they learn of it.
func (d *Desk) changed(ctx context.Context, tx *store.Tx, account, what string) error {
	return d.kit.Jobs.Enqueue(ctx, tx, changedJob{Account: account, What: what})
}

func (d *Desk) sendChanged(ctx context.Context, j changedJob) error {
	var a Account
	var ok bool
	err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		a, ok, err = d.accounts.Account(ctx, tx, j.Account)
		return err
	})
	if err != nil || !ok || changes[j.What] == "" {
		return err
	}
	m, err := mail.Letter{
		Subject: "How you sign in was changed", Preview: changes[j.What], Greet: "Good day " + a.Actor.Name,
		Blocks: []mail.Block{
			mail.Para(changes[j.What] + " If that was you, there is nothing to do."),
			mail.Para("If it was not, please tell an administrator at once. They can end your sessions and have your ways of signing in renewed."),
			mail.Button("See how I sign in", d.kit.BaseURL+accountPath),
		},
		Why: "Every change of how you sign in is told to you.",
	}.Message(d.kit.House(), loot.NewID("m"), a.Email)
	if err != nil {
		return err
	}
	return d.send(ctx, m)
}

// send hands a message over. One that is refused for good is not tried again.
func (d *Desk) send(ctx context.Context, m mail.Message) error {
	err := d.kit.Mail.Send(ctx, m)
	if errors.Is(err, mail.ErrRejected) {
		d.kit.Log.WarnContext(ctx, "a letter was refused for good", "err", err)
		return nil
	}
	return err
}

func (d *Desk) sweep(ctx context.Context, _ sweepJob) error {
	now := d.kit.Now()
	return d.kit.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, q := range []struct {
			text   string
			before time.Time
		}{
			{`DELETE FROM signin_session WHERE ends < $1`, now},
			{`DELETE FROM signin_session WHERE seen < $1`, now.Add(-longestIdle)},
			{`DELETE FROM signin_link WHERE ends < $1`, now},
			{`DELETE FROM signin_flow WHERE ends < $1`, now},
			{`DELETE FROM signin_token WHERE ends < $1`, now.Add(-tokenKept)},
			{`DELETE FROM signin_attempt WHERE last < $1`, now.Add(-triesForget)},
		} {
			if _, err := tx.Exec(ctx, q.text, q.before.UnixMicro()); err != nil {
				return fmt.Errorf("signin: sweep: %w", err)
			}
		}
		return nil
	})
}

const (
	// longestIdle is after which no session of any kind lasts.
	longestIdle = 2 * time.Hour
	// tokenKept is how long a token that expired is still shown to its owner.
	tokenKept = 30 * 24 * time.Hour
)
