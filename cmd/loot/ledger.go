package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"loot"
	"loot/app"
	"loot/ledger"
	"loot/store"
)

type ledgerCmd struct {
	Verify     ledgerVerifyCmd     `cmd:"" help:"Check the whole ledger for deletion, change, reordering, a cut tail and, against a checkpoint or witness, a rewind or a second history."`
	Checkpoint ledgerCheckpointCmd `cmd:"" help:"Print the signed checkpoint, to be kept elsewhere."`
	Proof      ledgerProofCmd      `cmd:"" help:"Print the proof of one entry, in the format of C2SP tlog-proof."`
}

type ledgerVerifyCmd struct {
	app.Place
	app.Roots
	app.Witnessing
	Against []string `help:"A file with a saved checkpoint, or a witness as VKEY=URL. Default: the witnesses that --witness names, as far as they answer." placeholder:"FILE|VKEY=URL"`
	JSON    bool     `help:"Print JSON." name:"json"`
}

// with opens Loot without starting it, for a command that looks or mends.
func (c *command) with(config app.Config, f func(*app.App) error) error {
	config.BaseURL = "http://localhost" // nobody is served, and passkeys need a name all the same
	a, err := app.New(c.ctx, config, app.Options{Now: c.now, Existing: true, Log: slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer a.Close()
	return f(a)
}

func (l *ledgerVerifyCmd) Run(c *command) error {
	against := ledger.Against{OwnWitnesses: len(l.Against) == 0}
	for _, text := range l.Against {
		if w, err := app.ParseWitness(text); err == nil {
			against.Witnesses = append(against.Witnesses, w)
			continue
		}
		b, err := os.ReadFile(text)
		if err != nil {
			return loot.Wrap(loot.Invalid, err, "--against: "+text+" is neither a readable file nor a witness written VKEY=URL.")
		}
		if against.Checkpoint != nil {
			return loot.Errorf(loot.Invalid, "--against: %s is a second file with a checkpoint. Name one file at a time.", text)
		}
		against.Checkpoint = b
	}
	return c.with(app.Config{Place: l.Place, Roots: l.Roots, Witnessing: l.Witnessing}, func(a *app.App) error {
		report, err := a.Ledger.Verify(c.ctx, against)
		if err != nil {
			return err
		}
		if l.JSON {
			err = printJSON(c, report)
		} else {
			_, err = fmt.Fprintln(c.stdout, strings.TrimSuffix(report.String(), "\n"))
		}
		if err != nil {
			return err
		}
		if !report.OK() {
			return exit(1)
		}
		return nil
	})
}

type ledgerCheckpointCmd struct {
	app.Place
	app.Roots
	app.Witnessing
}

func (l *ledgerCheckpointCmd) Run(c *command) error {
	return c.with(app.Config{Place: l.Place, Roots: l.Roots, Witnessing: l.Witnessing}, func(a *app.App) error {
		b, err := a.Ledger.Checkpoint()
		if err != nil {
			return err
		}
		_, err = c.stdout.Write(b)
		return err
	})
}

type ledgerProofCmd struct {
	app.Place
	app.Roots
	app.Witnessing
	Entry string `arg:"" help:"Id of the entry."`
}

func (l *ledgerProofCmd) Run(c *command) error {
	return c.with(app.Config{Place: l.Place, Roots: l.Roots, Witnessing: l.Witnessing}, func(a *app.App) error {
		var proof []byte
		if err := a.DB.ReadTx(c.ctx, func(tx *store.Tx) (err error) {
			proof, err = a.Ledger.Proof(context.WithoutCancel(c.ctx), tx, l.Entry)
			return err
		}); err != nil {
			return err
		}
		_, err := c.stdout.Write(proof)
		return err
	})
}
