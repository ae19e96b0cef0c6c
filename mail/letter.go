package mail

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Letter is a mail in the making, from which both its writings are drawn,
// so that they cannot differ.
type Letter struct {
	Language string // of BCP 47, in which it is written; empty: English
	Subject  string
	Preview  string // what a mail program shows behind the subject
	Greet    string // such as "Good day"
	Blocks   []Block
	Why      string // why this person gets it, at the foot
	// Leave is the address at which such letters are ended: by whoever opens it,
	// and by a mail program at one click (RFC 8058). Empty: there is none.
	Leave string
}

// House is whose letter it is.
type House struct {
	Name    string // "Loot"
	Company string // who is responsible, with the address
	From    string // "Loot <noreply@loot.example>"
	URL     string // of the site
	Privacy string // URL of the statement
}

// A Block is one part of a letter's body.
type Block struct {
	kind string
	Text string
	URL  string
	Rows []Row
}

// A Row is a line of a small table: what it is about, a value, and what is said
// beside the value.
type Row struct{ Term, Value, Note string }

// Noted reports whether anything is said beside a value of the table. Where nothing is,
// values are words as much as figures: they begin below one another and go on in lines.
func (b Block) Noted() bool {
	return slices.ContainsFunc(b.Rows, func(r Row) bool { return r.Note != "" })
}

// Para is a paragraph.
func Para(text string) Block { return Block{kind: "para", Text: text} }

// Button is what the person is asked to do: there should be one.
func Button(label, url string) Block { return Block{kind: "button", Text: label, URL: url} }

// Note is an aside in smaller letters.
func Note(text string) Block { return Block{kind: "note", Text: text} }

// Table is a heading with rows of values below it.
func Table(heading string, rows ...Row) Block {
	return Block{kind: "table", Text: heading, Rows: rows}
}

// Kind returns which part of the layout draws the block.
func (b Block) Kind() string { return b.kind }

type letterData struct {
	Letter
	House House
	Words words
	Other string // the language of the words, where it is not the letter's; empty: it is
}

func (l Letter) data(h House) letterData {
	l.Language = cmp.Or(l.Language, languages[0].Language)
	d := letterData{Letter: l, House: h, Words: wordsOf(l.Language)}
	if language, _, _ := strings.Cut(strings.ToLower(l.Language), "-"); language != d.Words.Language {
		d.Other = d.Words.Language
	}
	return d
}

// Message writes the letter to one person. The id is the caller's, so that
// a second try is the same message.
func (l Letter) Message(h House, id, to string) (Message, error) {
	var page strings.Builder
	if err := letterHTML.Execute(&page, l.data(h)); err != nil {
		return Message{}, fmt.Errorf("mail: letter: %w", err)
	}
	m := Message{ID: id, From: h.From, To: to, Subject: l.Subject, Text: l.text(h), HTML: page.String()}
	if l.Leave != "" {
		m.Headers = map[string]string{"List-Unsubscribe": "<" + l.Leave + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
	}
	return m, nil
}

// text writes the letter as plain text, wrapped as people who read it so
// are used to.
func (l Letter) text(h House) string {
	var b strings.Builder
	w := wordsOf(l.Language)
	line := func(s string) { b.WriteString(s + "\n") }
	if l.Greet != "" {
		line(l.Greet + w.Greeted)
		line("")
	}
	for _, block := range l.Blocks {
		switch block.kind {
		case "button":
			line(block.Text + w.Led)
			line(block.URL)
		case "table":
			line(wrap(block.Text, 72))
			for _, r := range block.Rows {
				line(r.text())
			}
		default:
			line(wrap(block.Text, 72))
		}
		line("")
	}
	line("-- ") // mail programs know a signature by this
	name := h.Name
	if strings.HasPrefix(h.Company, name) {
		name = "" // it is named there
	}
	for _, s := range []string{name, h.Company, l.Why} {
		if s != "" {
			line(wrap(s, 72))
		}
	}
	if l.Leave != "" {
		line(w.Leave + w.Led + " " + l.Leave)
	}
	if h.Privacy != "" {
		line(w.Privacy + w.Led + " " + h.Privacy)
	}
	return b.String()
}

// text writes the row on one line, its value where those of the others stand as
// far as its term allows it.
func (r Row) text() string {
	out := "  " + r.Term + strings.Repeat(" ", max(1, 44-utf8.RuneCountInString(r.Term))) + r.Value
	if r.Note != "" {
		out += "  " + r.Note
	}
	return out
}

// wrap breaks text at spaces so that lines have at most width letters where
// words allow it. Line ends in it stay.
func wrap(text string, width int) string {
	var out []string
	for _, para := range strings.Split(text, "\n") {
		now, n := "", 0
		for _, word := range strings.Fields(para) {
			size := utf8.RuneCountInString(word)
			if n > 0 && n+1+size > width {
				out = append(out, now)
				now, n = "", 0
			}
			if n > 0 {
				now += " "
				n++
			}
			now += word
			n += size
		}
		out = append(out, now)
	}
	return strings.Join(out, "\n")
}

var letterHTML = template.Must(template.New("letter").Parse(letterLayout))
