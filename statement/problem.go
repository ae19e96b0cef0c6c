package statement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"loot"
)

// A Problem is one thing that is wrong with a statement, and where.
type Problem struct {
	File   string      `json:"file"`
	Line   int         `json:"line"`   // from 1
	Col    int         `json:"column"` // in characters, from 1
	Clause loot.Clause `json:"clause,omitempty"`
	Text   string      `json:"text"`
}

// String returns "file:line:column: clause: text", which editors can follow.
func (p Problem) String() string {
	where := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Col)
	if p.Clause != "" {
		where += string(p.Clause) + ": "
	}
	return where + p.Text
}

// Problems is everything that is wrong with a statement, in the order of its
// lines. As an error it is meant for the person who wrote the statement.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Kind says that the input is wrong.
func (ps Problems) Kind() loot.Kind { return loot.Invalid }

// sorted returns the problems in order of place, each once.
func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(out)
}

// A place is a position in the statement.
type place struct {
	line, col int
	clause    loot.Clause
}

// reporter gathers problems of one file.
type reporter struct {
	file     string
	problems Problems
}

func (r *reporter) add(at place, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: max(at.line, 1), Col: max(at.col, 1), Clause: at.clause, Text: fmt.Sprintf(format, args...),
	})
}
