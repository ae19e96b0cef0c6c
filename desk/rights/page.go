package rights

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	"loot"
	"loot/desk"
)

//go:embed archive/*.html
var archiveFiles embed.FS

// archiveParts are the parts of the page that an archive holds. It is read without a
// network and for years, so that all of its looks is within it and it has no script.
var archiveParts = template.Must(template.New("archive").Funcs(template.FuncMap{
	"moment": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2 January 2006, 15:04 UTC")
	},
	"iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(archiveFiles, "archive/*.html"))

// A headView is the page up to its timeline.
type headView struct {
	desk.Copy
	Details     []detailView
	Offers      []offerView
	Objected    []string
	Collections map[loot.Collection]string
	Documents   []documentView
	Elsewhere   []partView
	BaseURL     string
}

type detailView struct {
	desk.CopiedField
	For string
}

type offerView struct {
	Title string
	Given bool
}

type documentView struct {
	Title string
	At    time.Time
	Files []string
}

// A partView is what one part of the program keeps.
type partView struct {
	Title string
	Value node
}

// An entryView is an entry of the timeline with where its details were given.
type entryView struct {
	desk.CopiedEntry
	In string // title of the collection; empty: that of customers
}

// writePage writes the page that people read.
func (d *Rights) writePage(ctx context.Context, out *bufio.Writer, a archive) error {
	v, err := d.headOf(a)
	if err != nil {
		return err
	}
	if err := archiveParts.ExecuteTemplate(out, "head", v); err != nil {
		return fmt.Errorf("rights: page: %w", err)
	}
	if err := d.eachEntry(ctx, a, false, func(e desk.CopiedEntry) error {
		one := entryView{CopiedEntry: e}
		if e.Collection != collection {
			one.In = v.Collections[e.Collection]
		}
		return archiveParts.ExecuteTemplate(out, "entry", one)
	}); err != nil {
		return err
	}
	return archiveParts.ExecuteTemplate(out, "foot", v)
}

func (d *Rights) headOf(a archive) (headView, error) {
	v := headView{Copy: a.copied, BaseURL: d.BaseURL, Collections: map[loot.Collection]string{}}
	titles := map[loot.Purpose]string{}
	for _, p := range a.copied.Purposes {
		titles[p.ID] = p.Title
	}
	for _, c := range a.s.Collections() {
		v.Collections[c.ID] = c.Title
	}
	for _, f := range a.copied.Fields {
		var list []string
		for _, p := range f.Purposes {
			list = append(list, titles[p])
		}
		v.Details = append(v.Details, detailView{f, strings.Join(list, "; ")})
	}
	for _, o := range a.s.Offers() {
		if given, offered := a.copied.Permissions[o.ID]; offered {
			v.Offers = append(v.Offers, offerView{o.Title, given})
		}
	}
	for _, p := range a.copied.Objections {
		v.Objected = append(v.Objected, titles[p])
	}
	for _, doc := range a.documents {
		one := documentView{Title: doc.Title, At: doc.At}
		for _, f := range doc.Files {
			one.Files = append(one.Files, folder+f)
		}
		v.Documents = append(v.Documents, one)
	}
	for _, other := range d.needs.Desks() {
		part, kept := a.copied.Elsewhere[other.Name]
		if !kept {
			continue
		}
		value, err := nodeOf(part)
		if err != nil {
			return v, err
		}
		title := inWords(other.Name)
		if decl, ok := a.s.Desk(other.Name); ok {
			title = decl.Title
		}
		v.Elsewhere = append(v.Elsewhere, partView{title, value})
	}
	return v, nil
}

// A node is a value of JSON as a page shows it.
type node struct {
	Text  string
	Pairs []pair // of an object, in its order
	Items []node // of a list
}

type pair struct {
	Name  string
	Value node
}

// nodeOf shows what any part of the program says as JSON.
func nodeOf(v any) (node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return node{}, fmt.Errorf("rights: page: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	n, err := readNode(dec)
	if err != nil {
		return node{}, fmt.Errorf("rights: page: %w", err)
	}
	return n, nil
}

func readNode(dec *json.Decoder) (n node, err error) {
	t, err := dec.Token()
	if err != nil {
		return n, err
	}
	switch v := t.(type) {
	case json.Delim:
		for dec.More() {
			if v == '[' {
				one, err := readNode(dec)
				if err != nil {
					return n, err
				}
				n.Items = append(n.Items, one)
				continue
			}
			key, err := dec.Token()
			if err != nil {
				return n, err
			}
			one, err := readNode(dec)
			if err != nil {
				return n, err
			}
			n.Pairs = append(n.Pairs, pair{inWords(fmt.Sprint(key)), one})
		}
		_, err = dec.Token() // the end
		return n, err
	case bool:
		n.Text = "no"
		if v {
			n.Text = "yes"
		}
	case nil:
		n.Text = "–"
	default:
		n.Text = fmt.Sprint(v)
		if at, err := time.Parse(time.RFC3339Nano, n.Text); err == nil {
			n.Text = at.UTC().Format("2 January 2006, 15:04 UTC")
		}
	}
	return n, nil
}

// inWords reads a name of JSON as words: "answer_by" is "Answer by".
func inWords(name string) string {
	name = strings.NewReplacer("_", " ", "-", " ").Replace(name)
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
