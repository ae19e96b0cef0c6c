package statement

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"loot"
)

// maxSource bounds a statement, so that a hostile file costs little.
const maxSource = 1 << 20

// A block is the text of a fenced block or of the front matter. Its line is
// that of its first line of content; a block always starts in column 1.
type block struct {
	lang string
	text string
	line int
	at   int // how much of the clause's rendered prose stands before it
}

// A section is a clause as it stands in the file.
type section struct {
	id      loot.Clause
	chapter string
	title   string
	prose   string
	html    string
	line    int
	blocks  []block
}

// A document is a statement taken apart, not yet understood.
type document struct {
	front    block
	title    string
	intro    string // rendered prose before the first chapter
	chapters []Chapter
	sections []*section
	unsure   bool // something may have been meant as a clause or a block and is none
}

// The one way to write each construct. Markdown knows many ways, and some of
// them look like a clause or a rule to a reader and are none to the parser, or
// the other way round; so everything but these is refused.
var (
	clauseLine  = regexp.MustCompile(`^### +(.*?) +\{#([^\s{}]+)\}$`)
	headingLine = regexp.MustCompile(`^#{1,6} +[^#{}\s][^{}]*$`)
	openLine    = regexp.MustCompile("^(`{3,}|~{3,})(cedar|yaml)[ \t]*$")
	runBlank    = regexp.MustCompile(`\n{3,}`)
	newLine     = regexp.MustCompile(`^#{1,3}(?: |$)`) // ends the clause before it
	nested      = regexp.MustCompile(`^(?:[ \t]*(?:>|[-*+](?:[ \t]|$)|[0-9]{1,9}[.)](?:[ \t]|$))){9}`)
)

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table),
	goldmark.WithParserOptions(parser.WithHeadingAttribute()),
)

// reader takes a statement's Markdown apart.
type reader struct {
	*reporter
	src    []byte // with \n line ends, the front matter blanked out
	lines  []string
	starts []int // offset of each line
	within []loot.Clause
	known  []bool
	doc    *document
	cur    *section
}

// readMarkdown takes src apart and reports everything that could be read in
// two ways. src has \n line ends only.
func readMarkdown(rep *reporter, src []byte) *document {
	r := &reader{reporter: rep, doc: &document{}}
	r.lines = strings.Split(string(src), "\n")
	r.known, r.within = make([]bool, len(r.lines)), clausesOf(r.lines)
	for i, off := 0, 0; i < len(r.lines); i++ {
		r.starts = append(r.starts, off)
		off += len(r.lines[i]) + 1
	}
	end := r.frontMatter()
	r.src = bytes.Clone(src)
	if end > 0 {
		for i := range r.starts[end] {
			if r.src[i] != '\n' {
				r.src[i] = ' '
			}
		}
	}
	if !r.reasonable(end) {
		return r.doc
	}
	ctx := parser.NewContext()
	root := markdown.Parser().Parse(text.NewReader(r.src), parser.WithContext(ctx))
	r.top(root)
	r.refuseHidden(root)
	r.refuseLookalikes()
	return r.doc
}

// clausesOf returns the clause in which each line stands, by its headings alone:
// what is wrong with a file is told before the file is understood.
func clausesOf(lines []string) []loot.Clause {
	out := make([]loot.Clause, len(lines))
	var clause loot.Clause
	fence := ""
	for i, line := range lines {
		if m := openLine.FindStringSubmatch(line); fence == "" && m != nil {
			fence = m[1]
		} else if fence != "" && closes(line, fence) {
			fence = ""
		} else if fence == "" && newLine.MatchString(line) {
			clause = ""
			if m := clauseLine.FindStringSubmatch(strings.TrimRight(line, " \t")); m != nil && loot.ValidName(m[2]) {
				clause = loot.Clause(m[2])
			}
		}
		out[i] = clause
	}
	return out
}

// add reports a problem for which something may not have been read as it was
// meant.
func (r *reader) add(at place, format string, args ...any) {
	r.doc.unsure = true
	r.remark(at, format, args...)
}

// remark reports a problem in the clause in which it stands.
func (r *reader) remark(at place, format string, args ...any) {
	if i := at.line - 1; i >= 0 && i < len(r.within) {
		at.clause = r.within[i]
	}
	r.reporter.add(at, format, args...)
}

// frontMatter finds the front matter and returns the index of the line after it.
func (r *reader) frontMatter() int {
	if strings.TrimRight(r.lines[0], " \t") != "---" {
		r.add(place{line: 1, col: 1}, "The statement must begin with its front matter between two lines of ---.")
		return 0
	}
	for i := 1; i < len(r.lines); i++ {
		if strings.TrimRight(r.lines[i], " \t") == "---" {
			r.doc.front = block{lang: "yaml", text: strings.Join(r.lines[1:i], "\n") + "\n", line: 2}
			for k := range i + 1 {
				r.known[k] = true
			}
			return i + 1
		}
	}
	r.add(place{line: 1, col: 1}, "The front matter is not closed by a line of ---.")
	for k := range r.known {
		r.known[k] = true
	}
	return len(r.lines) - 1
}

// Bounds of the prose, so that no hostile file keeps the Markdown parser busy.
const (
	maxLine      = 4000
	maxParagraph = 16 << 10
)

// reasonable reports whether prose has lines and paragraphs that a person would
// write.
func (r *reader) reasonable(from int) bool {
	fence, size := "", 0
	for i, line := range r.lines[from:] {
		at := place{line: from + i + 1, col: 1}
		if len(line) > maxLine {
			r.add(at, "The line is longer than %d characters.", maxLine)
			return false
		}
		if fence != "" {
			if closes(line, fence) {
				fence = ""
			}
			continue
		}
		if m := openLine.FindStringSubmatch(line); m != nil {
			fence, size = m[1], 0
			continue
		}
		if size += len(line) + 1; strings.TrimSpace(line) == "" {
			size = 0
		}
		if size > maxParagraph {
			r.add(at, "The paragraph is longer than %d characters.", maxParagraph)
			return false
		}
		if nested.MatchString(line) {
			r.add(at, "Lists and quotations are nested too deeply.")
			return false
		}
	}
	return true
}

// top walks the top level of the document: headings, fenced blocks and prose.
func (r *reader) top(root ast.Node) {
	var prose strings.Builder // rendered prose of what is open
	from := 0                 // where the prose of the clause goes on
	flush := func(upTo int) {
		switch {
		case r.cur != nil:
			r.cur.html += prose.String()
			r.cur.prose += string(r.src[from:max(from, upTo)])
		case len(r.doc.chapters) > 0:
			r.doc.chapters[len(r.doc.chapters)-1].Intro += prose.String()
		default:
			r.doc.intro += prose.String()
		}
		prose.Reset()
	}
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level > 3 {
				r.subheading(n)
				r.render(&prose, n)
				continue
			}
			line := r.lineOf(n)
			flush(r.starts[line-1])
			r.heading(n, line)
			from = r.startOf(line + 1)
		case *ast.FencedCodeBlock:
			open, closing, ok := r.fence(n)
			if !ok {
				continue
			}
			flush(r.starts[open-1])
			r.block(n, open)
			from = r.startOf(closing + 1)
		default:
			r.render(&prose, n)
		}
	}
	flush(len(r.src))
	for _, s := range r.doc.sections {
		s.prose = strings.TrimSpace(runBlank.ReplaceAllString(s.prose, "\n\n"))
		s.html = strings.TrimSpace(s.html)
	}
}

func (r *reader) render(w *strings.Builder, n ast.Node) {
	if err := markdown.Renderer().Render(w, r.src, n); err != nil {
		r.add(place{line: r.lineOf(n), col: 1}, "This could not be rendered: %v.", err)
	}
}

// heading opens a title, a chapter or a clause.
func (r *reader) heading(n *ast.Heading, line int) {
	raw := strings.TrimRight(r.lines[line-1], " \t")
	at := place{line: line, col: 1}
	if !strings.HasPrefix(raw, "#") {
		r.add(at, "Write a heading as # Title, not underlined.")
		return
	}
	r.known[line-1] = true
	m := clauseLine.FindStringSubmatch(raw)
	if n.Level != 3 {
		if m != nil || !headingLine.MatchString(raw) || len(n.Attributes()) > 0 {
			r.add(at, "This heading must be plain text; only a clause (###) has an id.")
			return
		}
		title := r.textOf(n)
		r.cur = nil
		if n.Level == 2 {
			r.doc.chapters = append(r.doc.chapters, Chapter{Title: title})
			return
		}
		if r.doc.title != "" || len(r.doc.chapters) > 0 {
			r.add(at, "The statement has one title (#), and it comes first.")
		}
		r.doc.title = title
		return
	}
	s := &section{line: line, title: r.textOf(n)}
	r.cur = s
	// Whatever is wrong with its id, what stands in a clause is read, so that its
	// own faults are told and what it declares is there.
	r.doc.sections = append(r.doc.sections, s)
	if m == nil {
		r.add(at, "A clause is written as ### Title {#id}, with one id and nothing else between the braces.")
		return
	}
	at.col = strings.LastIndex(raw, "{#") + 3
	if id, ok := n.AttributeString("id"); !ok || len(n.Attributes()) != 1 || string(asBytes(id)) != m[2] {
		r.add(at, "The id %q is not read as an id.", m[2])
		return
	}
	if !loot.ValidName(m[2]) {
		r.add(at, "%q is no clause id: write letters a-z, digits, dots and dashes.", m[2])
		return
	}
	s.id = loot.Clause(m[2])
	if len(r.doc.chapters) == 0 {
		r.add(at, "The clause stands before the first chapter (##).")
	} else {
		last := &r.doc.chapters[len(r.doc.chapters)-1]
		s.chapter = last.Title
		last.Clauses = append(last.Clauses, s.id)
	}
	for _, other := range r.doc.sections {
		if other != s && other.id == s.id {
			r.add(at, "The clause %s is already on line %d.", s.id, other.line)
			return
		}
	}
}

func (r *reader) subheading(n *ast.Heading) {
	line := r.lineOf(n)
	if raw := strings.TrimRight(r.lines[line-1], " \t"); !headingLine.MatchString(raw) || len(n.Attributes()) > 0 {
		r.add(place{line: line, col: 1}, "This heading must be plain text; only a clause (###) has an id.")
	}
	r.known[line-1] = true
}

func asBytes(v any) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		return nil
	}
}

// fence checks the two lines around a fenced block and returns them.
func (r *reader) fence(n *ast.FencedCodeBlock) (open, closing int, ok bool) {
	switch {
	case n.Lines().Len() > 0:
		open = r.lineAt(n.Lines().At(0).Start) - 1
	case n.Info != nil:
		open = r.lineAt(n.Info.Segment.Start)
	default:
		open = r.lineAt(max(n.Pos(), 0))
	}
	closing = open + n.Lines().Len() + 1
	for k := open; k <= min(closing, len(r.lines)); k++ {
		r.known[k-1] = true
	}
	at := place{line: open, col: 1}
	m := openLine.FindStringSubmatch(r.lines[open-1])
	if m == nil {
		r.add(at, "A fenced block is opened by ```cedar or ```yaml at the start of the line, in exactly these letters.")
		return 0, 0, false
	}
	if closing > len(r.lines) || !closes(r.lines[closing-1], m[1]) {
		r.add(at, "The block is not closed by %s at the start of a line.", m[1])
		return 0, 0, false
	}
	return open, closing, true
}

func closes(line, fence string) bool {
	line = strings.TrimRight(line, " \t")
	return len(line) >= len(fence) && strings.Trim(line, fence[:1]) == ""
}

// block keeps a fenced block with its clause.
func (r *reader) block(n *ast.FencedCodeBlock, open int) {
	at := place{line: open, col: 1}
	if r.cur == nil {
		r.add(at, "The block stands outside a clause.")
		return
	}
	from, to := open, open+n.Lines().Len()
	if strings.TrimSpace(strings.Join(r.lines[from:to], "")) == "" {
		r.add(at, "The block is empty.")
		return
	}
	lang := string(n.Language(r.src))
	keep := func(upTo int) {
		if text := strings.Join(r.lines[from:upTo], "\n") + "\n"; strings.TrimSpace(text) != "" && lang != "" {
			r.cur.blocks = append(r.cur.blocks, block{lang: lang, text: text, line: from + 1, at: len(r.cur.html)})
		}
	}
	for i, line := range r.lines[open:to] {
		fence := strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~")
		clause := strings.HasPrefix(line, "#") && strings.Contains(line, "{#")
		if !fence && !clause {
			continue
		}
		r.add(place{line: open + i + 1, col: 1}, "A fence or a clause inside a block: is the block above not closed?")
		keep(open + i)
		if lang, from = "", open+i+1; fence {
			if m := openLine.FindStringSubmatch(line); m != nil {
				lang = m[2]
			}
		}
	}
	keep(to)
}

// refuseHidden walks the whole tree and refuses what a reader does not see as
// it is: raw HTML, code that is no block of ours, blocks and headings inside
// lists or quotations, pictures, and links to odd places.
func (r *reader) refuseHidden(root ast.Node) {
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n == root {
			return ast.WalkContinue, nil
		}
		inner := n.Parent() != root
		say := func(text string) { r.add(place{line: r.lineOf(n), col: 1}, "%s", text) }
		remark := func(text string) { r.remark(place{line: r.lineOf(n), col: 1}, "%s", text) }
		const html, link = "Raw HTML is not allowed in a statement.", "A link leads to https://, mailto:, a path of this site (/) or a clause (#)."
		switch n := n.(type) {
		case *ast.RawHTML:
			remark(html)
		case *ast.HTMLBlock:
			say(html)
		case *ast.CodeBlock:
			say("Text indented by four spaces is code to Markdown; write it without, or as a fenced block.")
		case *ast.FencedCodeBlock:
			if inner {
				say("A block inside a list or a quotation does not count; move it to the margin.")
			}
		case *ast.Heading:
			if inner {
				say("A heading inside a list or a quotation does not count; move it to the margin.")
			}
		case *ast.Image:
			remark("A statement shows no pictures, since they are loaded from elsewhere.")
		case *ast.Link:
			if !safeLink(string(n.Destination)) {
				remark(link)
			}
		case *ast.LinkReferenceDefinition:
			remark("Write the address of a link beside its text, not in a definition that no reader sees.")
		case *ast.AutoLink:
			if !safeLink(string(n.URL(r.src))) && n.AutoLinkType != ast.AutoLinkEmail {
				remark(link)
			}
		}
		return ast.WalkContinue, nil
	})
}

func safeLink(to string) bool {
	if strings.HasPrefix(to, "/") {
		return !strings.HasPrefix(to, "//") && !strings.Contains(to, "\\")
	}
	if strings.HasPrefix(to, "https://") {
		u, err := url.Parse(to)
		return err == nil && u.Hostname() != ""
	}
	return strings.HasPrefix(to, "mailto:") || strings.HasPrefix(to, "#")
}

// refuseLookalikes refuses prose that looks like a heading, an id or a fence
// but is none: to a reader it would be a clause or a rule.
func (r *reader) refuseLookalikes() {
	for i, line := range r.lines {
		if r.known[i] {
			continue
		}
		at := place{line: i + 1, col: 1}
		switch bare := strings.TrimLeft(line, " \t>"); {
		case strings.HasPrefix(bare, "#"):
			r.add(at, "This looks like a heading and is none: write # at the start of the line, a space, and the title.")
		case strings.Contains(line, "{#"):
			before, _, _ := strings.Cut(line, "{#")
			at.col = utf8.RuneCountInString(before) + 1
			r.add(at, "This looks like the id of a clause and is none.")
		case strings.Contains(line, "```") || strings.Contains(line, "~~~"):
			r.add(at, "This looks like a fenced block and is none.")
		case strings.HasPrefix(line, "[") && strings.Contains(line, "]:"):
			r.remark(at, "Write the address of a link beside its text, not in a definition that no reader sees.")
		}
	}
}

// lineAt returns the number of the line that holds the offset.
func (r *reader) lineAt(offset int) int {
	lo, hi := 0, len(r.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; r.starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1
}

// startOf returns the offset of a line, or the end of the source.
func (r *reader) startOf(line int) int {
	if line > len(r.starts) {
		return len(r.src)
	}
	return r.starts[line-1]
}

// lineOf returns the line of a node: its own, its first text's or its parent's.
func (r *reader) lineOf(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		found := -1
		_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
			if !entering || found >= 0 {
				return ast.WalkStop, nil
			}
			switch c := c.(type) {
			case *ast.Text:
				found = c.Segment.Start
			case *ast.RawHTML:
				if c.Segments.Len() > 0 {
					found = c.Segments.At(0).Start
				}
			default:
				if c.Type() == ast.TypeBlock && c.Lines() != nil && c.Lines().Len() > 0 {
					found = c.Lines().At(0).Start
				} else if c.Pos() > 0 {
					found = c.Pos()
				}
			}
			if found >= 0 {
				return ast.WalkStop, nil
			}
			return ast.WalkContinue, nil
		})
		if found >= 0 {
			return r.lineAt(found)
		}
	}
	return 1
}

// textOf returns the plain text of a heading.
func (r *reader) textOf(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := c.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(r.src))
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}
