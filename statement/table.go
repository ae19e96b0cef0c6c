package statement

import (
	"slices"

	"loot"
)

// A Part is a stretch of a clause as it is read: prose, then the tables of the
// declarations that stand behind it in the document.
type Part struct {
	HTML   string // safe, as [Clause.HTML] is
	Tables []Table
}

// A Table is what one block declares of one kind, in words for a reader.
type Table struct {
	Kind    string // as in the statement, such as "purposes"
	Title   string // "What details are used for"
	Anchor  string // for a link within the page; empty: the clause has a table of the kind already
	Long    bool   // folded until somebody wants it
	Columns []string
	Rows    []Row
}

// A Row is one declaration in words. Its first cell is its title and text.
type Row struct {
	Anchor string
	Title  string
	Text   string
	Cells  []Cell // one for each column but the first
	fine   []Cell // what only a comparison of versions shows
}

// A Cell is one thing that a declaration says.
type Cell struct {
	Label   string
	Text    string
	Of      []Mention
	derived bool // other declarations say it: a change shows there
}

// A Mention is another declaration that a cell names, with the reason.
type Mention struct {
	Title  string
	Href   string
	Why    string
	anchor string
}

// manyMentions are more than a cell shows at once.
const manyMentions = 4

// Folded reports whether the mentions take so much room that the cell shows
// how many there are, and them when they are wanted.
func (c Cell) Folded() bool {
	return len(c.Of) > manyMentions || slices.ContainsFunc(c.Of, func(m Mention) bool { return m.Why != "" })
}

// Empty reports whether there is nothing to show.
func (c Cell) Empty() bool { return c.Text == "" && len(c.Of) == 0 }

// Parts returns a clause with its tables where they stand in the document.
// What the tables mention is linked to on the page given; empty: on the same.
func (s *Statement) Parts(id loot.Clause, page string) []Part {
	sec, ok := lookup(s.parsed.doc.sections, func(sec *section) bool { return sec.id == id })
	if !ok {
		return nil
	}
	var out []Part
	said := map[string]bool{}
	from := 0
	for i, b := range sec.blocks {
		to := min(b.at, len(sec.html))
		if to > from || len(out) == 0 {
			out = append(out, Part{HTML: sec.html[from:to]})
			from = to
		}
		if b.lang != "yaml" {
			continue
		}
		end := int(^uint(0) >> 1)
		if i+1 < len(sec.blocks) {
			end = sec.blocks[i+1].line
		}
		for _, t := range s.tablesOf(id, b.line, end) {
			if !said[t.Kind] {
				t.Anchor = string(id) + ":" + t.Kind
			}
			said[t.Kind] = true
			t.link(page)
			out[len(out)-1].Tables = append(out[len(out)-1].Tables, t)
		}
	}
	if from < len(sec.html) || len(out) == 0 {
		out = append(out, Part{HTML: sec.html[from:]})
	}
	return out
}

// tablesOf returns the tables of the declarations between two lines of a clause.
func (s *Statement) tablesOf(id loot.Clause, from, to int) []Table {
	var out []Table
	for _, e := range s.parsed.entries {
		if e.at.clause != id || e.at.line < from || e.at.line >= to || !s.d.names[e.table][e.id] {
			continue
		}
		row, ok := s.row(e.table, e.id)
		if !ok {
			continue
		}
		at := slices.IndexFunc(out, func(t Table) bool { return t.Kind == e.table })
		if at < 0 {
			at = len(out)
			out = append(out, Table{Kind: e.table, Title: tableTitles[e.table][0], Columns: []string{tableTitles[e.table][1]}, Long: e.table == "fields"})
			for _, c := range row.Cells {
				out[at].Columns = append(out[at].Columns, c.Label)
			}
		}
		out[at].Rows = append(out[at].Rows, row)
	}
	for i := range out {
		out[i].dropEmpty()
	}
	return out
}

// dropEmpty leaves out the columns in which nothing stands.
func (t *Table) dropEmpty() {
	for i := len(t.Columns) - 2; i >= 0; i-- {
		if slices.ContainsFunc(t.Rows, func(r Row) bool { return !r.Cells[i].Empty() }) {
			continue
		}
		t.Columns = slices.Delete(t.Columns, i+1, i+2)
		for k := range t.Rows {
			t.Rows[k].Cells = slices.Delete(t.Rows[k].Cells, i, i+1)
		}
	}
}

// link gives every mention its address.
func (t *Table) link(page string) {
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			for i, m := range c.Of {
				if m.anchor != "" {
					c.Of[i].Href = page + "#" + m.anchor
				}
			}
		}
	}
}

// tableTitles name each table and what stands in its first column.
var tableTitles = map[string][2]string{
	"purposes":    {"What details are used for", "Purpose"},
	"levels":      {"How private details are", "Level"},
	"categories":  {"Kinds of detail", "Kind of detail"},
	"collections": {"The drawers that details are kept in", "Drawer"},
	"fields":      {"The details that are asked for, and what cannot be done without each", "Detail"},
	"checks":      {"When we look again", "Kind of detail"},
	"permissions": {"The permissions that you can give", "Permission"},
	"recipients":  {"Who can receive details", "Recipient"},
	"roles":       {"Which job opens records for which purposes", "Job"},
	"desks":       {"The parts of our program that act by themselves", "Part of the program"},
	"services":    {"What can be ordered, and what it needs", "Service"},
	"topics":      {"What letters can be about", "Topic"},
	"senders":     {"Whose letters they can be", "Sender"},
	"items":       {"What is kept on your device", "Item"},
	"tags":        {"What a page can load", "Tag"},
	"signals":     {"How we answer what your browser or device says", "Signal"},
}

func anchor(table, id string) string { return table + "/" + id }

// row puts one declaration into words.
func (s *Statement) row(table, id string) (Row, bool) {
	r, ok := s.rowOf(table, id)
	r.Anchor = anchor(table, id)
	return r, ok
}

// mentioning returns a cell that names other declarations, their number first
// where there are many.
func mentioning(label string, of []Mention, one, many, none string) Cell {
	c := Cell{Label: label, Of: of}
	switch {
	case len(of) == 0:
		c.Text = none
	case c.Folded():
		c.Text = loot.Plural(len(of), one, many)
	}
	return c
}

func (s *Statement) purposes(label string, list []loot.Purpose, none string) Cell {
	return mentioning(label, s.purposeMentions(list), "purpose", "purposes", none)
}

func (s *Statement) purposeMentions(list []loot.Purpose) []Mention {
	out := make([]Mention, 0, len(list))
	for _, id := range list {
		m := Mention{Title: string(id), anchor: anchor("purposes", string(id))}
		if p, ok := s.Purpose(id); ok {
			m.Title = p.Title
		}
		out = append(out, m)
	}
	return out
}

// fieldMentions names the fields that pass, with a reason if there is one.
func (s *Statement) fieldMentions(pass func(FieldDecl) (why string, ok bool)) []Mention {
	var out []Mention
	for _, f := range s.d.fields {
		if why, ok := pass(f); ok {
			out = append(out, Mention{Title: f.Title, anchor: anchor("fields", string(f.ID)), Why: why})
		}
	}
	return out
}
