package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"loot"
	"loot/ledger"
)

// printEntry says in words what a receipt proves, as far as it opens it.
func printEntry(c *command, res ledger.Result) {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nWhat the entry says")
	line := func(term, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %s\t%s\n", term, printable(text))
		}
	}
	if f := res.Facts; f != nil {
		line("when", f.At.UTC().Format("2 January 2006, 15:04:05 MST"))
		line("what", whatHappened(*f))
		line("for", string(f.Purpose))
		line("by", whoActed(*f))
		line("to", strings.TrimSpace(f.Recipient+" "+f.Country))
		line("outcome", f.Verdict)
		line("by clause", joined(f.Clauses))
		if f.Statement != "" {
			line("statement", "the version with the SHA-256 "+f.Statement)
		}
	} else {
		line("what", "stays closed in this receipt")
	}
	if s := res.Subject; s != nil {
		line("about", string(s.Subject)+", collection "+string(s.Collection))
		line("details", joined(s.Fields))
	} else {
		line("about", "stays closed in this receipt")
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(c.stderr, "loot:", err)
	}
}

// printable leaves out what would steer a terminal: the text is another's.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, text)
}

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

var actionWords = map[loot.Action]string{
	loot.Collect:  "taking in",
	loot.Use:      "opening",
	loot.Find:     "finding a record by an exact value",
	loot.Transfer: "handing to a partner",
	loot.Sponsor:  "handing to a sponsor",
	loot.Answer:   "handing to an authority or a court",
	loot.Contact:  "writing to the person",
	loot.Store:    "storing on a device",
	loot.Load:     "loading what another site offers",
	loot.Export:   "showing the person their own record",
	loot.Erase:    "erasing the record",
	loot.Analyse:  "reporting over visits",
}

func whatHappened(f ledger.Facts) string {
	what := cmp.Or(actionWords[f.Action], string(f.Action), f.Note)
	if f.Fields > 0 {
		what += ", " + loot.Plural(f.Fields, "detail", "details")
	}
	if f.Action != "" && f.Note != "" {
		what += " (" + f.Note + ")"
	}
	return what
}

func whoActed(f ledger.Facts) string {
	who := map[loot.ActorKind]string{
		loot.Staff: "a member of staff", loot.Desk: "the program itself", loot.Person: "the person themself", loot.Partner: "a partner",
		loot.Authority: "an authority", loot.Court: "a court", loot.Sponsorer: "a sponsor", loot.Visitor: "a visitor",
	}[f.ActorKind]
	who = cmp.Or(who, string(f.ActorKind))
	if f.Role != "" {
		who += " in the role " + string(f.Role)
	}
	if f.Desk != "" {
		who += ", at the desk " + f.Desk
	}
	if f.ActorKind == loot.Staff {
		who += "; the name stays closed"
	}
	return who
}
