package main

import (
	"fmt"

	"loot"
	"loot/app"
)

type vaultCmd struct {
	Check vaultCheckCmd `cmd:"" help:"Open every value and file, which counts as openings of the program itself, and hold indexes and keys against the records."`
}

type vaultCheckCmd struct {
	app.Place
	app.Roots
	JSON bool `help:"Print JSON." name:"json"`
}

func (v *vaultCheckCmd) Run(c *command) error {
	return c.with(app.Config{Place: v.Place, Roots: v.Roots}, func(a *app.App) error {
		r, err := a.Vault.Check(c.ctx)
		if err != nil {
			return err
		}
		if v.JSON {
			if err := printJSON(c, r); err != nil {
				return err
			}
		} else {
			for _, p := range r.Problems {
				fmt.Fprintln(c.stdout, p)
			}
			fmt.Fprintf(c.stdout, "%s with %s, %s and %s; %s\n", loot.Plural(r.Records, "record", "records"), loot.Plural(r.Values, "value", "values"), loot.Plural(r.Files, "file", "files"), loot.Plural(r.Erased, "erased record", "erased records"), loot.Plural(len(r.Problems), "problem", "problems"))
		}
		if len(r.Problems) > 0 {
			return exit(1)
		}
		return nil
	})
}
