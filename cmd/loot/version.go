package main

import (
	"fmt"

	"loot/app"
)

type versionCmd struct{}

func (versionCmd) Run(c *command) error {
	fmt.Fprintln(c.stdout, "loot", app.Version())
	return nil
}
