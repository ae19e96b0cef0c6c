package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"loot"
	"loot/gate"
	"loot/store"
)

// dateAndTime is how a command writes a moment.
const dateAndTime = "2 January 2006, 15:04 MST"

// kindRotate is the kind of the approvals that a rotation of keys needs, and
// what its entries on the ledger begin with.
const kindRotate = "keys.rotate"

// commandLine is who asks where nobody is signed in, so that every colleague
// is another person.
var commandLine = loot.Actor{Kind: loot.Desk, ID: "command-line", Name: "The command line of the server"}

// A Rotation is which keys are rotated. Others agree to exactly this, so it
// stays the same until it is done: a root is named by where it is, as its id is
// another one as soon as it has a new key.
type Rotation struct {
	All         bool              `json:"all,omitempty"`         // collections
	Collections []loot.Collection `json:"collections,omitempty"` // only these, in order
	Own         bool              `json:"own,omitempty"`         // the program's own keys
	Root        string            `json:"root,omitempty"`        // gets a new key, or replaces the former
	Former      string            `json:"former,omitempty"`
}

// RootNames says where the root and the one that it replaces are, and nothing
// secret of either.
func (c Config) RootNames() (root, former string) { return rootName(c.Root), rootName(c.FormerRoot) }

func rootName(setting string) string {
	kind, rest, _ := strings.Cut(setting, ":")
	switch kind {
	case "file", "passphrase":
		if path, err := filepath.Abs(rest); err == nil {
			return kind + ":" + path
		}
	case "transit":
		if u, err := url.Parse(rest); err == nil {
			u.User = nil
			return kind + ":" + u.String()
		}
	}
	return setting
}

// words says what is rotated. With names, which only what is sealed may hold, it
// says where the roots are.
func (r Rotation) words(names bool) string {
	var out []string
	switch {
	case r.All:
		out = append(out, "new keys for every collection")
	case len(r.Collections) > 0:
		out = append(out, "new keys for the collection "+joined(r.Collections))
	}
	if r.Own {
		out = append(out, "a new version of each of the program's own keys")
	}
	switch {
	case r.Root != "" && r.Former != "" && names:
		out = append(out, "the root "+r.Root+" in place of "+r.Former)
	case r.Root != "" && r.Former != "":
		out = append(out, "another root in place of the one so far")
	case r.Root != "" && names:
		out = append(out, "a new key of the root "+r.Root)
	case r.Root != "":
		out = append(out, "a new key of the root")
	}
	return strings.Join(out, "; ")
}

func joined(list []loot.Collection) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// describeRotation says what others are asked to agree to.
func (a *App) describeRotation(_ context.Context, _ *store.Tx, matter []byte) (text, href string, err error) {
	var r Rotation
	if err := json.Unmarshal(matter, &r); err != nil {
		return "", "", fmt.Errorf("app: rotation: %w", err)
	}
	text = r.words(true)
	if r.All {
		text += ". Collections at present: " + joined(a.Keyring.Collections())
	}
	return text, "", nil
}

// canRotate refuses what could not begin, before anybody is asked.
func (a *App) canRotate(r Rotation) error {
	held := a.Keyring.Collections()
	if i := slices.IndexFunc(r.Collections, func(c loot.Collection) bool { return !slices.Contains(held, c) }); i >= 0 {
		return loot.Errorf(loot.Invalid, "--collection: no collection %q holds anything.", r.Collections[i])
	}
	if r.Root != "" {
		return a.Keyring.CanRotateRoot()
	}
	return nil
}

// RotateKeys rotates keys and says on out what was done, as soon as enough
// colleagues agreed to exactly that; the first call asks them, for which it needs
// a reason. Until then it says how far that is, and returns false. Where nobody
// else could agree, it needs nobody. Beginning, failure and end are on the
// ledger, for the reason that was agreed to. When it was interrupted or failed,
// the same call goes on while the approval lives (see [gate.Gate.Begin]).
func (a *App) RotateKeys(ctx context.Context, r Rotation, reason string, out io.Writer) (agreed bool, err error) {
	slices.Sort(r.Collections)
	r.Collections = slices.Compact(r.Collections)
	reason = strings.TrimSpace(reason)
	if err := a.canRotate(r); err != nil {
		return false, err
	}
	// Two at once would rotate twice under one approval.
	err = a.DB.Alone(ctx, kindRotate, func() error {
		t, err := a.takeUp(ctx, r, reason)
		if err != nil {
			return err
		}
		fmt.Fprint(out, t.says)
		if agreed = t.begins; !agreed {
			return nil
		}
		done, err := a.rotate(ctx, r, out)
		if err != nil {
			if ctx.Err() == nil { // an interruption is no failure
				err = errors.Join(err, a.noteFailed(ctx, r, done, t.reason))
			}
			return err
		}
		return a.DB.InTx(ctx, func(tx *store.Tx) error {
			if t.approval != "" {
				if err := a.Gate.End(ctx, tx, kindRotate, t.approval); err != nil {
					return err
				}
			}
			_, err := a.Gate.Note(ctx, tx, commandLine, kindRotate+" done: "+strings.Join(done, "; "), t.reason)
			return err
		})
	})
	return agreed, err
}

// noteFailed records that a rotation failed and how far it came. Why is for
// whoever called: an error may say where the root is.
func (a *App) noteFailed(ctx context.Context, r Rotation, done []string, reason string) error {
	return a.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := a.Gate.Note(ctx, tx, commandLine, kindRotate+" failed: "+r.words(false)+"; done before: "+cmp.Or(strings.Join(done, "; "), "nothing"), reason)
		return err
	})
}

// A takenUp is how far it is with others' agreement to a rotation.
type takenUp struct {
	begins   bool
	approval string // that is used; empty: it needs none
	reason   string // that was agreed to; that of the call where nobody had to
	says     string // to whoever called
}

// takeUp uses the approval of a rotation and records that it begins, or asks
// for the approval, or only says how far it is.
func (a *App) takeUp(ctx context.Context, r Rotation, reason string) (t takenUp, err error) {
	err = a.DB.InTx(ctx, func(tx *store.Tx) error {
		t = takenUp{reason: reason}
		needed, err := a.staff.Needed(ctx, tx, commandLine)
		if err != nil {
			return err
		}
		asked, err := a.Gate.Asked(ctx, tx, kindRotate, commandLine, r)
		if err != nil {
			return err
		}
		how := ""
		switch {
		case asked.State == gate.Begun:
			how, t.says = "resumed", "This did not come to its end, and goes on.\n"
		case asked.State == gate.Approved:
			how, err = "begun", a.Gate.Begin(ctx, tx, kindRotate, asked.ID)
		case needed == 0:
			how, asked.ID = "alone", ""
		case asked.State == gate.Pending:
			t.says = awaits(asked)
			return nil
		default:
			t.says, err = a.askToRotate(ctx, tx, r, asked, needed, reason)
			return err
		}
		if err != nil {
			return err
		}
		t.begins, t.approval = true, asked.ID
		if t.approval != "" {
			if _, _, _, t.reason, err = a.Gate.Approval(ctx, tx, t.approval); err != nil {
				return err
			}
		}
		_, err = a.Gate.Note(ctx, tx, commandLine, kindRotate+" "+how+": "+r.words(false), t.reason)
		return err
	})
	return t, err
}

// askToRotate asks for others' agreement. What one of them refused last is not
// asked again for the same reason while it could still be agreed to, so that a
// script which calls again and again does not wear them down. Whoever words it
// anew each time is not kept from asking.
func (a *App) askToRotate(ctx context.Context, tx *store.Tx, r Rotation, refused gate.Approval, needed int, reason string) (says string, err error) {
	if reason == "" {
		return "", loot.Errorf(loot.Invalid, "Say why with --reason: colleagues have to agree to this, and read it.")
	}
	if refused.ID != "" {
		_, _, _, before, err := a.Gate.Approval(ctx, tx, refused.ID)
		if err != nil {
			return "", err
		}
		if before == reason {
			return "", loot.Errorf(loot.Denied, "Nothing was rotated: a colleague refused it. To ask again, say another reason with --reason.")
		}
	}
	if _, err := a.Gate.Ask(ctx, tx, kindRotate, commandLine, r, needed, reason); err != nil {
		return "", err
	}
	asked, err := a.Gate.Asked(ctx, tx, kindRotate, commandLine, r)
	return "Asked for. " + awaits(asked), err
}

func awaits(a gate.Approval) string {
	who := "one colleague has"
	if a.Needed > 1 {
		who = fmt.Sprintf("%d colleagues have", a.Needed)
	}
	return fmt.Sprintf("Nothing was rotated yet: %s to agree, under Approvals in the console, until %s; %d agreed so far. Once they did, call the same command again.\n",
		who, a.Expires.UTC().Format(dateAndTime), a.Granted)
}

// rotate does what was agreed to, and returns for the ledger what came of it,
// also of one that failed.
func (a *App) rotate(ctx context.Context, r Rotation, out io.Writer) (done []string, err error) {
	if r.Root != "" {
		n, err := a.Keyring.RotateRoot(ctx)
		if err != nil {
			return nil, err
		}
		done = append(done, loot.Plural(n, "key file", "key files")+" wrapped by the root")
		fmt.Fprintf(out, "The root is new; %s wrapped by it.\n", loot.Plural(n, "key file was", "key files were"))
		if r.Former != "" {
			fmt.Fprintf(out, "It is %s, and the former root opens none of them any more. Start each server with --root as given here and without --former-root. Older backups of the keys still open with the former root.\n", a.Keyring.Root.ID())
		}
	}
	collections := r.Collections
	if r.All {
		if collections = a.Keyring.Collections(); len(collections) == 0 {
			fmt.Fprintln(out, "No collection holds anything yet, so there is no epoch to end.")
		}
	}
	for _, c := range collections {
		if err := a.Vault.Rotate(ctx, c); err != nil {
			return done, err
		}
		epoch, err := a.Keyring.Epoch(ctx, c)
		if err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("%s at epoch %d", c, epoch))
		fmt.Fprintf(out, "%s: epoch %d; everything is under it, the older ones are destroyed\n", c, epoch)
	}
	if !r.Own {
		return done, nil
	}
	own, err := a.rotateOwn(ctx, out)
	return append(done, own), err
}

// rotateOwn gives each of the program's own keys a new version, and says what is
// not replaced.
func (a *App) rotateOwn(ctx context.Context, out io.Writer) (done string, err error) {
	var renewed, ended int
	for _, key := range a.Keyring.SystemKeys() {
		failed := key.Rotate(ctx)
		if failed != nil {
			err = errors.Join(err, failed)
			break
		}
		renewed++
		r, failed := key.Finish(ctx)
		if r.Ended {
			ended++
		}
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case r.Former == 0:
			fmt.Fprintf(out, "The key %q: %s sealed anew; the former version is destroyed\n", key.Name(), loot.Plural(r.Resealed, "value was", "values were"))
		default:
			fmt.Fprintf(out, "The key %q: a new version since %s; %s sealed anew; the server destroys the former version after %s\n",
				key.Name(), r.Since.Format(dateAndTime), loot.Plural(r.Resealed, "value was", "values were"), r.Due.Format(dateAndTime))
		}
	}
	secrets, failed := a.Keyring.Secrets()
	for _, name := range secrets {
		fmt.Fprintf(out, "The secret %q: not replaced, %s; it is wrapped anew when the root is rotated\n", name, whyKept(name))
	}
	return fmt.Sprintf("%d own keys at a new version, the former version of %d destroyed", renewed, ended), errors.Join(err, failed)
}
