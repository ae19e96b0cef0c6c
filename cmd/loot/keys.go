package main

import (
	"fmt"

	"loot"
	"loot/app"
)

type keysCmd struct {
	Rotate keysRotateCmd `cmd:"" help:"Give every collection a new epoch key and each of the program's own keys a new version. What they sealed is sealed anew in batches, then the old ones are destroyed: epochs at once, versions by the server after an hour. May run while the server serves, and goes on where it was interrupted, within 72 hours of its beginning where colleagues had to agree. Secrets, such as the key that signs the ledger, are never replaced; --also-root wraps them anew. With that, or --root-only, the root gets a new key; with --former-root, which names it, another root replaces it, the one that --root names. Where colleagues can approve, two have to: the first call asks them, under Approvals in the console, and exits with 4, as each does until they agreed; the same call then rotates. What one of them refused exits with 1."`
	Check  keysCheckCmd  `cmd:"" help:"Open every key file and every person's key, name what is damaged or missing, and count what is sealed by a version that was replaced."`
}

type keysRotateCmd struct {
	app.Place
	app.Roots
	Collection []loot.Collection `help:"Only this collection; may be given more than once." placeholder:"ID" xor:"only"`
	OwnOnly    bool              `help:"Only the program's own keys: accountability of staff, approvals, incidents, mail, sessions, ways to sign in." xor:"only"`
	RootOnly   bool              `help:"Only the root: wrap every key file by a new key of the root or, with --former-root, by the root that replaces it." xor:"only"`
	AlsoRoot   bool              `help:"The root, too."`
	Reason     string            `help:"Why: for the ledger, under seal, and for the colleagues who have to agree. Needed to ask them; what they agreed to keeps its reason." placeholder:"TEXT"`
}

// exitAwaits is how a command ends that others have to agree to first.
const exitAwaits exit = 4

func (k *keysRotateCmd) Run(c *command) error {
	return c.with(app.Config{Place: k.Place, Roots: k.Roots}, func(a *app.App) error {
		r := app.Rotation{
			All:         len(k.Collection) == 0 && !k.OwnOnly && !k.RootOnly,
			Collections: k.Collection,
			Own:         len(k.Collection) == 0 && !k.RootOnly,
		}
		if k.RootOnly || k.AlsoRoot {
			r.Root, r.Former = a.Config.RootNames()
		} else if k.FormerRoot != "" {
			fmt.Fprintln(c.stdout, "The root is not replaced by this: add --also-root, or call it with --root-only. Until then, keep the former root.")
		}
		agreed, err := a.RotateKeys(c.ctx, r, k.Reason, c.stdout)
		if err == nil && !agreed {
			return exitAwaits
		}
		return err
	})
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
			fmt.Fprintf(c.stdout, "%s and %s open; %s destroyed; %s\n", loot.Plural(r.Files, "key file", "key files"), loot.Plural(r.Keys, "person's key", "persons' keys"),
				loot.Plural(r.Destroyed, "person's key was", "persons' keys were"), loot.Plural(len(r.Problems), "problem", "problems"))
			fmt.Fprintf(c.stdout, "of the files, %s and %s; %s replaced and not destroyed yet, and %s still sealed by former versions\n",
				loot.Plural(r.System, "is a key of the program's own", "are the program's own keys"), loot.Plural(r.Secrets, "a secret of it", "its secrets"),
				loot.Plural(r.Former, "version of those keys is", "versions of those keys are"), loot.Plural(r.Waiting, "value is", "values are"))
			if r.OldRoot > 0 {
				fmt.Fprintf(c.stdout, "%s wrapped by the former root; loot keys rotate --root-only wraps all by the new one\n", loot.Plural(r.OldRoot, "key file is", "key files are"))
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
