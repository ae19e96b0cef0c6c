package statement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is declared is read: every declaration of the statement that comes with
// Loot stands once in a table of its clause, with something in each cell that
// the others of its kind have, and whatever it mentions is there to be read.
func TestEveryDeclarationStandsInATableOfItsClause(t *testing.T) {
	s, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	there, links := map[string]string{}, map[string]string{}
	for _, c := range s.Clauses() {
		html := ""
		for _, part := range s.Parts(c.ID, "/statement") {
			html += part.HTML
			for _, table := range part.Tables {
				if table.Title == "" || len(table.Rows) == 0 {
					t.Errorf("%s: an empty table: %+v", c.ID, table)
				}
				for _, row := range table.Rows {
					if row.Title == "" || there[row.Anchor] != "" {
						t.Errorf("%s: %q stands there again, or has no title", c.ID, row.Anchor)
					}
					there[row.Anchor] = string(c.ID)
					if len(row.Cells) != len(table.Columns)-1 {
						t.Errorf("%s: %d cells under %d columns", row.Anchor, len(row.Cells), len(table.Columns))
					}
					for _, cell := range row.Cells {
						for _, m := range cell.Of {
							links[m.Href] = row.Anchor
						}
					}
				}
			}
		}
		if html != c.HTML {
			t.Errorf("%s: the parts read otherwise than the clause", c.ID)
		}
	}
	for _, d := range s.Declarations() {
		if there[d.Table+"/"+d.ID] != string(d.Clause) {
			t.Errorf("%s %s stands under %q, want %s", d.Table, d.ID, there[d.Table+"/"+d.ID], d.Clause)
		}
	}
	for href, from := range links {
		if to, ok := strings.CutPrefix(href, "/statement#"); href != "" && (!ok || there[to] == "") {
			t.Errorf("%s mentions %s, which is nowhere", from, href)
		}
	}
}

func TestDeclarationsInWords(t *testing.T) {
	s, err := parse("statement.md", Default())
	if err != nil {
		t.Fatal(err)
	}
	words := func(table, id string) string {
		r, ok := s.row(table, id)
		if !ok {
			return "none"
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s. %s", r.Title, r.Text)
		for _, c := range r.Cells {
			fmt.Fprintf(&b, " | %s: %s", c.Label, c.Text)
			for _, m := range c.Of {
				fmt.Fprintf(&b, " [%s", m.Title)
				if m.Why != "" {
					fmt.Fprintf(&b, ": %s", m.Why)
				}
				b.WriteByte(']')
			}
		}
		return b.String()
	}
	for _, c := range []struct{ table, id, want string }{
		{"purposes", "payment", "Collecting payment. To collect what you owe from your account, if you asked us to. | Rests on: The contract with you | Kept afterwards: 90 days | Details and why: 1 detail [Bank account (IBAN): Without it we cannot collect by direct debit; you pay by transfer instead.]"},
		{"purposes", "suppression", "Remembering who cancelled. To be able to keep the promise not to write to you again. | Rests on: A law that obliges us: General Data Protection Regulation (EU) 2016/679, Article 21(3) | Kept afterwards: 10 years | Details and why: 1 detail [Scrambled mark of the address: Without it we could write to you again by mistake.]"},
		{"levels", "3", "3. Closest to you.  | A colleague sees at first: Nothing of it | Has to agree: 1 other person | Kinds of detail:  [Bank account]"},
		{"categories", "payment", "Bank account.  | How private:  [Closest to you] | Details:  [Bank account (IBAN)]"},
		{"checks", "payment", "Bank account.  | Looked at again: 1 year after a check"},
		{"fields", "contact.phone", "Telephone number. With the country code, such as +353 1 555 0100. | When: Compulsory for [Dedicated server] | Kind of detail:  [How to reach you] | Needed for: 4 purposes [Running your service: Without it nobody reaches you when your machine has to be opened at night.] [Helping you: Without it we can only answer in writing.] [Checking that your details are right: Without it we cannot check the number for typing errors before the night it is needed.] [Keeping the network safe: Without it an urgent warning waits until you read your mail.]"},
		{"recipients", "kelpwharf", "Kelpwharf Data Centres.  | What it is: A partner that works on what you ordered | Country: Ireland | Works with us on:  [Helping you] | Only if you permit: "},
		{"recipients", "tallowmere", "Tallowmere Software.  | What it is: A partner | Country: France | Works with us on:  | Only if you permit:  [Offers from Tallowmere Software] [Letters from Tallowmere Software, sent by us]"},
		{"roles", "counsel", "Legal counsel.  | Opens records for:  [Settling disputes] | You see: Name and job | Besides: Agrees as a second person"},
		{"permissions", "newsletter", "Your newsletters. News about servers and products. You pick the topics, and every letter has a link that stops it. | Who may then:  [We ourselves] | Purpose:  [Newsletters] | At first: Off"},
		{"items", "google-visitor", "Google's number for your browser.  | Kind: Cookie | Purpose:  [Statistics by others] | Stays: 13 months | Whose: Google Ireland Limited, not ours | Without it: Nothing for you."},
		{"items", "message", "A message for your next page, such as \"saved\", signed so that only we can write it.  | Kind: Cookie | Purpose:  [Making the page work] | Stays: 1 minute | Whose: Loot Example Network | Without it: You are not told that something was saved. It is saved all the same."},
		{"signals", "dnt", "Do Not Track.  | Honoured in: Nowhere | Not answered in: Everywhere"},
		{"signals", "nothing", "none"},
	} {
		if got := words(c.table, c.id); got != c.want {
			t.Errorf("%s %s:\n%s", c.table, c.id, cmp.Diff(c.want, got))
		}
	}
}

// A table stands where its block does, between the paragraphs around it.
func TestTablesStandWhereTheirBlockDoes(t *testing.T) {
	s := changed(t, "Incognito, and for better pages.", "Before it.\n\n```yaml\ntopics:\n  extra: {title: Something extra}\n```\n\nAfter it.")
	var got []string
	for _, part := range s.Parts("network.visits", "") {
		line := strings.TrimSpace(part.HTML)
		for _, table := range part.Tables {
			line += " +" + table.Anchor
		}
		got = append(got, line)
	}
	if len(got) < 2 || got[0] != "<p>Before it.</p> +network.visits:topics" || !strings.HasPrefix(got[1], "<p>After it.</p>") {
		t.Errorf("got %q", got)
	}
}

func TestCheckFindsLinksThatLeadNowhere(t *testing.T) {
	s := changed(t, "Incognito, and for better pages.", "See [this](#network.visits), [that](#purposes/service) and [those](#security.staff:roles).")
	if problems := s.Check(nil); len(problems) != 0 {
		t.Errorf("sound: %v", problems)
	}
	s = changed(t, "Incognito, and for better pages.", "See [this](#network.visit).")
	problems := s.Check(nil)
	if len(problems) != 1 || problems[0].Clause != "network.visits" || !strings.Contains(problems[0].Text, "#network.visit leads nowhere (did you mean network.visits?)") || problems[0].Line < 2 {
		t.Errorf("got %v", problems)
	}
}
