package main

import (
	"fmt"
	"slices"

	"loot"
	"loot/app"
)

type keysCmd struct {
	Rotate keysRotateCmd `cmd:"" help:"Give every collection a new epoch key: persons' keys are wrapped anew and blind indexes made anew in batches, then the old epoch is destroyed. May run while the server serves, and goes on where it was interrupted."`
	Check  keysCheckCmd  `cmd:"" help:"Open every key file and every person's key, and name what is damaged or missing."`
}

type keysRotateCmd struct {
	app.Config
	Collection []loot.Collection `help:"Only this collection; may be given more than once." placeholder:"ID"`
	RootOnly   bool              `help:"Only the root: wrap every key file by a new root key."`
	AlsoRoot   bool              `help:"The root, too."`
}

func (k *keysRotateCmd) Run(c *command) error {
	return c.with(k.Config, func(a *app.App) error {
		if k.RootOnly || k.AlsoRoot {
			n, err := a.Keyring.RotateRoot(c.ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "The root is new; %d key files were wrapped by it.\n", n)
		}
		if k.RootOnly {
			return nil
		}
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
	})
}

type keysCheckCmd struct {
	app.Config
	JSON bool `help:"Print JSON." name:"json"`
}

func (k *keysCheckCmd) Run(c *command) error {
	return c.with(k.Config, func(a *app.App) error {
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
			fmt.Fprintf(c.stdout, "%d key files and %d persons' keys open; %d persons' keys were destroyed; %d problems\n", r.Files, r.Keys, r.Destroyed, len(r.Problems))
		}
		if len(r.Problems) > 0 {
			return exit(1)
		}
		return nil
	})
}
