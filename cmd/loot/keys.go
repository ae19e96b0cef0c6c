package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/app"
)

type keysCmd struct {
	Rotate keysRotateCmd `cmd:"" help:"Give every collection a new epoch key and each of the program's own keys a new version. What they sealed is sealed anew in batches, then the old ones are destroyed: epochs at once, versions an hour later. May run while the server serves, and goes on where it was interrupted. Secrets, such as the key that signs the ledger, are never replaced; --also-root wraps them anew. With that, or --root-only, the root gets a new key; with --former-root, which names it, another root replaces it, the one that --root names."`
	Check  keysCheckCmd  `cmd:"" help:"Open every key file and every person's key, name what is damaged or missing, and count what is sealed by a version that was replaced."`
}

type keysRotateCmd struct {
	app.Place
	app.Roots
	Collection []loot.Collection `help:"Only this collection; may be given more than once." placeholder:"ID" xor:"only"`
	OwnOnly    bool              `help:"Only the program's own keys: accountability of staff, approvals, incidents, mail, sessions, ways to sign in." xor:"only"`
	RootOnly   bool              `help:"Only the root: wrap every key file by a new key of the root or, with --former-root, by the root that replaces it." xor:"only"`
	AlsoRoot   bool              `help:"The root, too."`
}

func (k *keysRotateCmd) Run(c *command) error {
	return c.with(app.Config{Place: k.Place, Roots: k.Roots}, func(a *app.App) error {
		if k.RootOnly || k.AlsoRoot {
			n, err := a.Keyring.RotateRoot(c.ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "The root is new; %s wrapped by it.\n", loot.Plural(n, "key file was", "key files were"))
			if k.FormerRoot != "" {
				fmt.Fprintf(c.stdout, "It is %s, and the former root opens none of them any more. Start each server with --root as given here and without --former-root. Older backups of the keys still open with the former root.\n", a.Keyring.Root.ID())
			}
		} else if k.FormerRoot != "" {
			fmt.Fprintln(c.stdout, "The root is not replaced by this: add --also-root, or call it with --root-only. Until then, keep the former root.")
		}
		if k.RootOnly {
			return nil
		}
		if !k.OwnOnly {
			if err := k.collections(c, a); err != nil {
				return err
			}
		}
		if len(k.Collection) > 0 {
			return nil
		}
		return k.own(c, a)
	})
}

// collections gives each collection a new epoch.
func (k *keysRotateCmd) collections(c *command, a *app.App) error {
	collections := a.Keyring.Collections()
	if len(collections) == 0 {
		fmt.Fprintln(c.stdout, "No collection holds anything yet, so there is no epoch to end.")
	}
	if len(k.Collection) > 0 {
		if i := slices.IndexFunc(k.Collection, func(id loot.Collection) bool { return !slices.Contains(collections, id) }); i >= 0 {
			return loot.Errorf(loot.Invalid, "--collection: no collection %q holds anything.", k.Collection[i])
		}
		collections = k.Collection
	}
	for _, collection := range collections {
		if err := a.Vault.Rotate(c.ctx, collection); err != nil {
			return err
		}
		epoch, err := a.Keyring.Epoch(c.ctx, collection)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s: epoch %d; everything is under it, the older ones are destroyed\n", collection, epoch)
	}
	return nil
}

// own gives each of the program's own keys a new version, and says what is not
// replaced.
func (k *keysRotateCmd) own(c *command, a *app.App) error {
	var all error
	for _, key := range a.Keyring.SystemKeys() {
		if err := key.Rotate(c.ctx); err != nil {
			return err
		}
		r, err := key.Finish(c.ctx)
		switch {
		case err != nil:
			all = errors.Join(all, err)
		case r.Former == 0:
			fmt.Fprintf(c.stdout, "%s: %s sealed anew; the former version is destroyed\n", key.Name(), loot.Plural(r.Resealed, "value was", "values were"))
		default:
			fmt.Fprintf(c.stdout, "%s: a new version since %s; %s sealed anew; the server, or this command, destroys the former version after %s\n",
				key.Name(), r.Since.Format(time.RFC3339), loot.Plural(r.Resealed, "value was", "values were"), r.Due.Format(time.RFC3339))
		}
	}
	secrets, err := a.Keyring.Secrets()
	if err != nil {
		return errors.Join(all, err)
	}
	for _, name := range secrets {
		fmt.Fprintf(c.stdout, "%s: not replaced, %s; it is wrapped anew when the root is rotated\n", name, app.WhyKept(name))
	}
	return all
}

type keysCheckCmd struct {
	app.Place
	app.Roots
	JSON bool `help:"Print JSON." name:"json"`
}

func (k *keysCheckCmd) Run(c *command) error {
	return c.with(app.Config{Place: k.Place, Roots: k.Roots}, func(a *app.App) error {
		r, err := a.Keyring.Check(c.ctx)
		if err != nil {
			return err
		}
		if k.JSON {
			if err := printJSON(c, r); err != nil {
				return err
			}
		} else {
			for _, p := range r.Problems {
				fmt.Fprintln(c.stdout, p)
			}
			fmt.Fprintf(c.stdout, "%s and %s; %s destroyed; %s\n", loot.Plural(r.Files, "key file", "key files"), loot.Plural(r.Keys, "person's key open", "persons' keys open"), loot.Plural(r.Destroyed, "person's key was", "persons' keys were"), loot.Plural(len(r.Problems), "problem", "problems"))
			fmt.Fprintf(c.stdout, "of the files, %d are the program's own keys and %d its secrets; %s replaced and not destroyed yet, and %s still sealed by them\n",
				r.System, r.Secrets, loot.Plural(r.Former, "version of those keys is", "versions of those keys are"), loot.Plural(r.Waiting, "value is", "values are"))
			if r.OldRoot > 0 {
				fmt.Fprintf(c.stdout, "%s wrapped by the former root; loot keys rotate --root-only wraps them by the new one\n", loot.Plural(r.OldRoot, "key file is", "key files are"))
			} else if k.FormerRoot != "" {
				fmt.Fprintln(c.stdout, "none of the files is wrapped by the former root; the settings need not name it")
			}
		}
		if len(r.Problems) > 0 {
			return exit(1)
		}
		return nil
	})
}
