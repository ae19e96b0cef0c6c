package main

import (
	"encoding/json"
	"fmt"

	"loot"
	"loot/app"
	"loot/statement"
)

type proveCmd struct {
	Clause    []string `help:"Only the proofs of this clause; may be given more than once." placeholder:"ID"`
	Statement string   `help:"Statement to prove. Default: the one that comes with Loot." type:"path" placeholder:"FILE" env:"LOOT_STATEMENT"`
	Mutate    bool     `help:"Remove each rule and declaration in turn; fail unless some proof then fails."`
	Deep      bool     `help:"With --mutate: try every removal in a whole Loot of its own as well, by proofs that do not know what was removed. Takes minutes."`
	Strict    bool     `help:"Fail on anything planned or unproved, too."`
	JSON      bool     `help:"Print JSON." name:"json"`
}

func (p *proveCmd) Run(c *command) error {
	s, err := readStatement(p.Statement)
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
	survived := 0
	for _, m := range report {
		if !m.Killed {
			survived++
		}
	}
	if !p.JSON {
		fmt.Fprintf(c.stdout, "\n%d removed, %d noticed, %d not\n", len(report), len(report)-survived, survived)
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
