package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"loot"
	"loot/app"
	"loot/statement"
	"loot/store"
)

type statementCmd struct {
	Check  statementCheckCmd  `cmd:"" help:"Say everything that is wrong with a statement, with file, line, column and clause."`
	Show   statementShowCmd   `cmd:"" help:"Print a statement clause by clause: its words and what runs."`
	Diff   statementDiffCmd   `cmd:"" help:"Print what changes between two statements: text, declarations, rules and, with --data or --store, recorded decisions that would come out differently."`
	Export statementExportCmd `cmd:"" help:"Write the statement for others: W3C DPV as JSON-LD, the record of processing activities as CSV or HTML, its rules and their schema for Cedar's tools, the source, the JSON Schema of the declarations."`
}

// readStatement reads and compiles the statement in a file; with no file the
// one that comes with Loot.
func readStatement(path string) (*statement.Statement, error) {
	name, src, err := readSource(path)
	if err != nil {
		return nil, err
	}
	return statement.Parse(name, src)
}

func readSource(path string) (name string, src []byte, err error) {
	if path == "" {
		return "statement.md", statement.Default(), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", nil, loot.Wrap(loot.Invalid, err, "The statement "+path+" cannot be read: "+whyUnread(err)+". Name a Markdown file; loot statement export --as source prints the one that comes with Loot.")
	}
	return path, b, nil
}

type statementCheckCmd struct {
	Files []string `arg:"" optional:"" help:"Statements; none: the one that comes with Loot." type:"path"`
	JSON  bool     `help:"Print JSON." name:"json"`
}

// checked is what checking one file found.
type checked struct {
	File     string             `json:"file"`
	Sound    bool               `json:"sound"`
	Version  string             `json:"version,omitempty"`
	Hash     string             `json:"hash,omitempty"`
	Clauses  int                `json:"clauses"`
	Planned  []loot.Clause      `json:"planned"`
	Rules    int                `json:"rules"`
	Problems statement.Problems `json:"problems"`
}

func (s *statementCheckCmd) Run(c *command) error {
	files := s.Files
	if len(files) == 0 {
		files = []string{""}
	}
	var all []checked
	sound := true
	for _, f := range files {
		r, err := check(f)
		if err != nil {
			return err
		}
		sound = sound && r.Sound
		all = append(all, r)
	}
	if s.JSON {
		if err := printJSON(c, all); err != nil {
			return err
		}
	} else {
		for _, r := range all {
			for _, p := range r.Problems {
				fmt.Fprintln(c.stdout, p)
			}
			if r.Sound {
				fmt.Fprintf(c.stdout, "%s: version %s is sound: %s with %s, %d of them planned\n", r.File, r.Version, loot.Plural(r.Clauses, "clause", "clauses"), loot.Plural(r.Rules, "rule", "rules"), len(r.Planned))
			} else {
				fmt.Fprintf(c.stdout, "%s: %s\n", r.File, loot.Plural(len(r.Problems), "problem", "problems"))
			}
		}
	}
	if !sound {
		return exit(1)
	}
	return nil
}

func check(path string) (checked, error) {
	r := checked{File: path, Planned: []loot.Clause{}, Problems: statement.Problems{}}
	if path == "" {
		r.File = "statement.md (comes with Loot)"
	}
	name, src, err := readSource(path)
	if err != nil {
		return r, err
	}
	s, problems := statement.Read(name, src, app.Keepers(), nil)
	r.Problems = append(r.Problems, problems...)
	if s == nil {
		return r, nil
	}
	r.Version, r.Hash, r.Clauses, r.Rules = s.Front().Version, s.Hash(), len(s.Clauses()), len(s.Rules())
	for _, clause := range s.Clauses() {
		if clause.Planned {
			r.Planned = append(r.Planned, clause.ID)
		}
	}
	r.Sound = len(r.Problems) == 0
	return r, nil
}

type statementShowCmd struct {
	File   string   `arg:"" optional:"" help:"Statement; none: the one that comes with Loot." type:"path"`
	Clause []string `help:"Only this clause; may be given more than once." placeholder:"ID"`
	JSON   bool     `help:"Print JSON." name:"json"`
}

func (s *statementShowCmd) Run(c *command) error {
	st, err := readStatement(s.File)
	if err != nil {
		return err
	}
	var clauses []statement.Clause
	for _, clause := range st.Clauses() {
		if len(s.Clause) == 0 || slices.Contains(s.Clause, string(clause.ID)) {
			clauses = append(clauses, clause)
		}
	}
	if len(clauses) == 0 {
		return loot.Errorf(loot.Invalid, "The statement has no such clause.")
	}
	if s.JSON {
		return printJSON(c, struct {
			Front   statement.Front    `json:"front"`
			Hash    string             `json:"hash"`
			Clauses []statement.Clause `json:"clauses"`
		}{st.Front(), st.Hash(), clauses})
	}
	fmt.Fprintf(c.stdout, "%s\nversion %s, SHA-256 %s\n", st.Front().Title, st.Front().Version, st.Hash())
	for _, clause := range clauses {
		state := ""
		if clause.Planned {
			state = " (planned)"
		}
		fmt.Fprintf(c.stdout, "\n%s%s\n%s\n\n%s\n", clause.ID, state, clause.Title, strings.TrimSpace(clause.Prose))
		if clause.NoRule != "" {
			fmt.Fprintf(c.stdout, "\n  no rule: %s\n", clause.NoRule)
		}
		for _, r := range clause.Rules {
			fmt.Fprintf(c.stdout, "\n  %s: %s\n    %s\n", r.ID, r.Words, strings.ReplaceAll(strings.TrimSpace(r.Text), "\n", "\n    "))
		}
	}
	return nil
}

type statementDiffCmd struct {
	app.Place
	app.Roots
	Before string `arg:"" help:"Statement as it is. If it is the only one, it is the new one, and compared with the version in force of --data or --store, or else with the one that comes with Loot." type:"path"`
	After  string `arg:"" optional:"" help:"Statement as it becomes." type:"path"`
	Days   int    `help:"With --data or --store: how many days of recorded decisions are decided again under both." default:"90"`
	JSON   bool   `help:"Print JSON." name:"json"`
	replay bool
}

// AfterApply decides recorded decisions again only where it was said whose.
func (s *statementDiffCmd) AfterApply(k *kong.Context) error { //nolint:unparam // kong wants the error
	s.replay = flagged(k, "data", "store")
	return nil
}

// flagged reports whether one of the flags was given, and not only its default.
func flagged(k *kong.Context, flags ...string) bool {
	return slices.ContainsFunc(k.Path, func(p *kong.Path) bool { return p.Flag != nil && slices.Contains(flags, p.Flag.Name) })
}

// inForce returns the version in force of an installation, and since when.
func inForce(c *command, place app.Place, roots app.Roots) (s *statement.Statement, since time.Time, err error) {
	err = c.with(app.Config{Place: place, Roots: roots}, func(a *app.App) error {
		s, since, err = versionOf(a)
		return err
	})
	return s, since, err
}

// versionOf returns the version in force, and since when.
func versionOf(a *app.App) (*statement.Statement, time.Time, error) {
	v, ok := a.Gate.InForce()
	if !ok {
		return nil, time.Time{}, loot.Errorf(loot.Unavailable, "The ledger knows of none of the versions that the database says were announced, so none is in force. Run loot ledger verify to see what was changed.")
	}
	return v.Statement, v.Effective, nil
}

func (s *statementDiffCmd) Run(c *command) error {
	from, to := s.Before, s.After
	if to == "" {
		from, to = "", s.Before
	}
	before, err := readStatement(from)
	if err != nil {
		return err
	}
	after, err := readStatement(to)
	if err != nil {
		return err
	}
	var ins []statement.Input
	if s.replay {
		var current *statement.Statement
		if ins, current, err = s.decisions(c); err != nil {
			return err
		}
		if from == "" {
			before = current
		}
	}
	out := struct {
		Changes []statement.Change `json:"changes"`
		Replay  *statement.Replay  `json:"replay,omitempty"`
	}{Changes: statement.Diff(before, after)}
	if s.replay {
		r := statement.ReplayInputs(before, after, ins)
		out.Replay = &r
	}
	if s.JSON {
		return printJSON(c, out)
	}
	for _, ch := range out.Changes {
		what := ch.What
		if ch.Kind != "declaration" && ch.Clause != "" {
			what = string(ch.Clause) + " " + what
		}
		fmt.Fprintf(c.stdout, "%s %s: %s\n", ch.Kind, ch.State, what)
		if ch.Kind == "rule" {
			ch.Before, ch.After = ch.BeforeCode, ch.AfterCode
		}
		printIndented(c, "-", ch.Before)
		printIndented(c, "+", ch.After)
	}
	if len(out.Changes) == 0 {
		fmt.Fprintln(c.stdout, "They say the same.")
	}
	if out.Replay != nil {
		fmt.Fprintf(c.stdout, "\n%s decided again\n", loot.Plural(out.Replay.Tried, "recorded decision was", "recorded decisions were"))
		if len(out.Replay.Changed) == 0 && out.Replay.Tried > 0 {
			fmt.Fprintln(c.stdout, "  each came out as before")
		}
		for _, r := range out.Replay.Changed {
			fmt.Fprintf(c.stdout, "  %d × %s by %s for %s: %s before, %s after\n", r.Times, r.Action, r.Actor, r.Purpose, verdict(r.Before), verdict(r.After))
		}
	}
	return nil
}

func verdict(allowed bool) string {
	if allowed {
		return "permitted"
	}
	return "refused"
}

func printIndented(c *command, mark, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		fmt.Fprintf(c.stdout, "  %s %s\n", mark, line)
	}
}

// decisions returns the inputs of the decisions that an installation recorded,
// and its version in force.
func (s *statementDiffCmd) decisions(c *command) (ins []statement.Input, current *statement.Statement, err error) {
	err = c.with(app.Config{Place: s.Place, Roots: s.Roots}, func(a *app.App) error {
		if current, _, err = versionOf(a); err != nil {
			return err
		}
		return a.DB.ReadTx(c.ctx, func(tx *store.Tx) error {
			ins, err = a.Gate.Recorded(c.ctx, tx, c.now().AddDate(0, 0, -s.Days), 0)
			return err
		})
	})
	return ins, current, err
}

type statementExportCmd struct {
	app.Place
	app.Roots
	File    string `arg:"" optional:"" help:"Statement; none: the version in force of --data or --store, with the day from which it counts, or else the one that comes with Loot." type:"path"`
	As      string `help:"dpv (JSON-LD), record-csv, record-html, cedar (every rule), cedar-schema, cedar-schema-json, source or schema." enum:"dpv,record-csv,record-html,cedar,cedar-schema,cedar-schema-json,source,schema" default:"dpv"`
	JSON    bool   `help:"The same as --as dpv." name:"json"`
	running bool
}

// AfterApply exports what is in force only where it was said whose.
func (s *statementExportCmd) AfterApply(k *kong.Context) error { //nolint:unparam // kong wants the error
	s.running = flagged(k, "data", "store") && s.File == ""
	return nil
}

func (s *statementExportCmd) Run(c *command) error {
	if s.As == "schema" {
		_, err := c.stdout.Write(statement.JSONSchema())
		return err
	}
	var st *statement.Statement
	var since time.Time
	var err error
	if s.running {
		st, since, err = inForce(c, s.Place, s.Roots)
	} else {
		st, err = readStatement(s.File)
	}
	if err != nil {
		return err
	}
	out := st.ExportDPV(since)
	switch {
	case s.JSON:
	case s.As == "record-csv":
		out = st.ExportRecordCSV()
	case s.As == "record-html":
		out = st.ExportRecordHTML(since)
	case s.As == "cedar":
		out = []byte(st.CedarText())
	case s.As == "cedar-schema":
		out = []byte(st.CedarSchema())
	case s.As == "cedar-schema-json":
		out = st.CedarSchemaJSON()
	case s.As == "source":
		out = st.Source()
	}
	_, err = c.stdout.Write(out)
	return err
}
