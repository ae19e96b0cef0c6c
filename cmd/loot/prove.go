package main

import (
	"encoding/json"
	"fmt"

	"github.com/alecthomas/kong"

	"loot"
	"loot/app"
	"loot/statement"
)

type proveCmd struct {
	app.Place
	app.Roots
	Clause    []string `help:"Only the proofs of this clause; may be given more than once." placeholder:"ID"`
	Statement string   `help:"Statement to prove. Default: the version in force where the data or store option says, or else the one that comes with Loot." type:"path" placeholder:"FILE" env:"LOOT_STATEMENT"`
	Mutate    bool     `help:"Remove each rule and declaration in turn; fail unless some proof then fails."`
	Deep      bool     `help:"With --mutate: try every removal in a whole Loot of its own as well, even if it was noticed without one. Takes minutes."`
	Strict    bool     `help:"Fail on anything planned or unproved, too."`
	JSON      bool     `help:"Print JSON." name:"json"`
	running   bool
}

// AfterApply proves what is in force only where it was said whose; a file that
// is named on the command line is what is meant even so.
func (p *proveCmd) AfterApply(k *kong.Context) error { //nolint:unparam // kong wants the error
	p.running = flagged(k, "data", "store") && !flagged(k, "statement")
	return nil
}

// read returns the statement that is to be proved, and where it is from.
func (p *proveCmd) read(c *command) (s *statement.Statement, from string, err error) {
	switch {
	case p.running:
		s, _, err = inForce(c, p.Place, p.Roots)
		return s, "in force", err
	case p.Statement != "":
		from = p.Statement
	default:
		from = "comes with Loot"
	}
	s, err = readStatement(p.Statement)
	return s, from, err
}

func (p *proveCmd) Run(c *command) error {
	s, from, err := p.read(c)
	if err != nil {
		return err
	}
	only := make([]loot.Clause, len(p.Clause))
	for i, id := range p.Clause {
		only[i] = loot.Clause(id)
		if _, ok := s.Clause(only[i]); !ok {
			return loot.Errorf(loot.Invalid, "The statement has no clause %q.", id)
		}
	}
	out := c.stdout
	if p.JSON {
		out = c.stderr // the array on the other is all that programs read
	}
	fmt.Fprintf(out, "version %s (%s), SHA-256 %s\n\n", s.Front().Version, from, s.Hash())
	if p.Mutate {
		return p.mutate(c, s, only)
	}
	report, err := app.Prove(c.ctx, s, only, c.now())
	if err != nil {
		return err
	}
	if p.JSON {
		err = printJSON(c, report)
	} else {
		err = printProofs(c, report)
	}
	if err != nil {
		return err
	}
	for _, r := range report {
		if r.State == app.Failed || p.Strict && r.State != app.Passed {
			return exit(1)
		}
	}
	return nil
}

func printProofs(c *command, report []app.Proved) error {
	for _, r := range report {
		mark := map[app.ProofState]string{app.Passed: "✓", app.Failed: "✗", app.Unproved: "–"}[r.State]
		fmt.Fprintf(c.stdout, "%s %-26s %s\n", mark, r.Clause, r.State)
		for _, t := range r.Tried {
			fmt.Fprintf(c.stdout, "    %s\n      %s\n", t.Name, t.Outcome)
		}
	}
	counts := map[app.ProofState]int{}
	for _, r := range report {
		counts[r.State]++
	}
	_, err := fmt.Fprintf(c.stdout, "\n%d passed, %d failed, %d unproved\n", counts[app.Passed], counts[app.Failed], counts[app.Unproved])
	return err
}

func (p *proveCmd) mutate(c *command, s *statement.Statement, only []loot.Clause) error {
	report, err := app.Mutate(c.ctx, s, app.Removal{Only: only, Deep: p.Deep, Done: func(m app.Mutation) {
		if !p.JSON {
			fmt.Fprintln(c.stdout, m)
		}
	}}, c.now())
	if err != nil {
		return err
	}
	if p.JSON {
		if err := printJSON(c, report); err != nil {
			return err
		}
	}
	survived, world := 0, 0
	noticed := map[app.Notice]int{}
	for _, m := range report {
		noticed[m.How]++
		if m.World != "" {
			world++
		}
		if !m.Killed {
			survived++
		}
	}
	if !p.JSON {
		fmt.Fprintf(c.stdout, "\n%d removed, %d noticed, %d not\n", len(report), len(report)-survived, survived)
		for _, how := range []struct {
			app.Notice
			words string
		}{
			{app.Unsound, "by the check: something else in the statement speaks of it"},
			{app.Decided, "by a decision that came out differently"},
			{app.Lost, "in a world, where what it promised did not happen"},
			{app.Happened, "in a world, by another proof of its clause"},
			{app.Unread, "by readers alone: declared, and no part of the program goes by it yet"},
		} {
			if n := noticed[how.Notice]; n > 0 {
				fmt.Fprintf(c.stdout, "  %d %s\n", n, how.words)
			}
		}
		if p.Deep {
			fmt.Fprintf(c.stdout, "%d left a sound statement and were tried in a world, %d of them noticed there\n", len(report)-noticed[app.Unsound], world)
		}
	}
	if survived > 0 {
		return exit(1)
	}
	return nil
}

func printJSON(c *command, v any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
