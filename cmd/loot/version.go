package main

import (
	"fmt"

	"loot/app"
)

type versionCmd struct{}

func (versionCmd) Run(c *command) error {
	_, err := fmt.Fprintln(c.stdout, "loot", app.Version())
	return err
}
