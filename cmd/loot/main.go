// Command loot runs a hosting network's privacy statement.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"loot"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// A command is what every command is given.
type command struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
}

// An exit is an error with an exit code and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

type cli struct {
	Config kong.ConfigFlag `help:"YAML file with settings, named as the flags." placeholder:"FILE" env:"LOOT_CONFIG"`

	Serve     serveCmd     `cmd:"" help:"Run the server."`
	Demo      demoCmd      `cmd:"" help:"Run the server with a made-up network filled in."`
	Statement statementCmd `cmd:"" help:"Check, show, compare and export statements."`
	Prove     proveCmd     `cmd:"" help:"Try every promise of the statement on a scratch copy and say what happened."`
	Verify    verifyCmd    `cmd:"" help:"Check a receipt, or every receipt in a copy of what is held, offline."`
	Ledger    ledgerCmd    `cmd:"" help:"Check the ledger; print its checkpoint or the proof of an entry."`
	Witness   witnessCmd   `cmd:"" help:"Co-sign the checkpoints of other ledgers, on a second host."`
	Visits    visitsCmd    `cmd:"" help:"Import and follow logs of web servers, and import exports of other programs."`
	Import    importCmd    `cmd:"" help:"Take customers and services over from another system."`
	Vault     vaultCmd     `cmd:"" help:"Check the vault."`
	Keys      keysCmd      `cmd:"" help:"Rotate and check keys."`
	Backup    backupCmd    `cmd:"" help:"Back up data or keys, each on its own."`
	Restore   restoreCmd   `cmd:"" help:"Restore data or keys."`
	Bench     benchCmd     `cmd:"" help:"Measure speed and memory through the front door."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	BenchServer benchServerCmd `cmd:"" hidden:"" help:"Run the server that loot bench measures: without rate limits, never to be reached by anybody."`
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	code = -1
	parser, err := kong.New(&c,
		kong.Name("loot"),
		kong.Description("Loot runs a privacy statement: the document that customers read and the rules that the server obeys are one file."),
		kong.Configuration(yamlConfig),
		kong.Writers(stdout, stderr),
		kong.Exit(func(n int) { code = n }),
		kong.UsageOnError(),
	)
	if err != nil {
		panic(err) // the struct above is wrong
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // help was shown
	}
	if path, ok := errors.AsType[*os.PathError](err); ok { // the settings are all that is read so far
		fmt.Fprintf(stderr, "loot: The settings %s cannot be read: %v. Check the name that --config or LOOT_CONFIG gives, and that this user may read the file.\n", path.Path, path.Err)
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "loot:", err)
		return 2
	}
	err = k.Run(&command{ctx, stdin, stdout, stderr, time.Now})
	var quiet exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &quiet):
		return int(quiet)
	case loot.KindOf(err) != loot.Internal:
		fmt.Fprintln(stderr, "loot:", loot.Message(err))
		return 1
	}
	fmt.Fprintln(stderr, "loot:", err)
	return 1
}
