package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Reference returns a page's body that describes every operation, drawn from
// the same document that programs read. It needs no script. The classes are
// those of the site's pages.
func (a *API) Reference() (template.HTML, error) {
	v := reference{Base: a.opts.BaseURL, Scopes: a.scopes()}
	spec := a.huma.OpenAPI()
	groups := map[string]*group{}
	for _, path := range slices.Sorted(maps.Keys(spec.Paths)) {
		for _, op := range methods(spec.Paths[path]) {
			tag := "General"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			if groups[tag] == nil {
				groups[tag] = &group{Name: tag, ID: slug(tag)}
			}
			groups[tag].Operations = append(groups[tag].Operations, a.described(path, op))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		v.Groups = append(v.Groups, *groups[name])
	}
	var b bytes.Buffer
	if err := referenceTemplate.Execute(&b, v); err != nil {
		return "", fmt.Errorf("api: reference: %w", err)
	}
	return template.HTML(b.String()), nil
}

type (
	reference struct {
		Base   string
		Scopes []scopeRow
		Groups []group
	}
	scopeRow struct {
		Name Scope
		Text string
	}
	group struct {
		Name, ID   string
		Operations []described
	}
	described struct {
		ID, Method, Path, Summary string
		Text                      []string
		Scope                     string
		Params                    []property
		Body                      []property
		Answer                    []property
		Curl, Shown               string
		Statuses                  []statusRow
	}
	property struct {
		Name, Type, Text string
		Required         bool
	}
	statusRow struct{ Code, Text string }
)

func (a *API) scopes() []scopeRow {
	rows := make([]scopeRow, 0, len(a.opts.Scopes))
	for _, s := range slices.Sorted(maps.Keys(a.opts.Scopes)) {
		rows = append(rows, scopeRow{s, a.opts.Scopes[s]})
	}
	return rows
}

func (a *API) described(path string, op *huma.Operation) described {
	d := described{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary}
	for _, para := range strings.Split(op.Description, "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			d.Text = append(d.Text, para)
		}
	}
	for _, s := range op.Security {
		d.Scope = strings.Join(s[security], ", ")
	}
	for _, p := range op.Parameters {
		d.Params = append(d.Params, property{Name: p.Name, Type: a.kind(p.Schema) + " in the " + p.In, Text: p.Description, Required: p.Required})
	}
	var example string
	if op.RequestBody != nil {
		if m := op.RequestBody.Content["application/json"]; m != nil {
			d.Body = a.properties(m.Schema, "", 0)
			example = sample(a.example(m.Schema, 0))
		}
	}
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[code]
		d.Statuses = append(d.Statuses, statusRow{code, r.Description})
		if m := r.Content["application/json"]; m != nil && strings.HasPrefix(code, "2") {
			d.Answer = a.properties(m.Schema, "", 0)
			for i := range d.Answer {
				d.Answer[i].Required = false // a word to those who write, not to those who read
			}
			d.Shown = sample(a.example(m.Schema, 0))
		}
	}
	d.Curl = a.curl(path, op, example)
	return d
}

// curl writes a call that can be pasted into a shell.
func (a *API) curl(path string, op *huma.Operation, body string) string {
	var b strings.Builder
	b.WriteString("curl")
	if op.Method != http.MethodGet {
		b.WriteString(" -X " + op.Method)
	}
	base := a.opts.BaseURL
	if base == "" {
		base = "https://loot.example"
	}
	b.WriteString(" " + base + path)
	if len(op.Security) > 0 {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	}
	if body != "" {
		b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(body, "'", `'\''`) + "'")
	}
	return b.String()
}

// deep bounds how far a body is described: a type may hold itself.
const deep = 5

func (a *API) resolve(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func (a *API) properties(s *huma.Schema, prefix string, depth int) []property {
	s = a.resolve(s)
	if s == nil || depth > deep {
		return nil
	}
	if s.Type == "array" {
		return a.properties(s.Items, prefix+"[]", depth+1)
	}
	var rows []property
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := a.resolve(s.Properties[name])
		if p == nil {
			continue
		}
		full := name
		if prefix != "" {
			full = prefix + "." + name
		}
		text := s.Properties[name].Description
		if text == "" {
			text = p.Description
		}
		rows = append(rows, property{Name: full, Type: a.kind(p), Text: text, Required: slices.Contains(s.Required, name)})
		rows = append(rows, a.properties(p, full, depth+1)...)
	}
	return rows
}

// kind says in words what a value is.
func (a *API) kind(s *huma.Schema) string {
	if s = a.resolve(s); s == nil {
		return "anything"
	}
	text := s.Type
	switch {
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return "one of " + strings.Join(words, ", ")
	case s.Type == "array":
		return "list of " + a.kind(s.Items)
	case s.Format != "":
		text += " (" + s.Format + ")"
	case s.Type == "":
		text = "anything"
	}
	if s.MaxLength != nil {
		text += ", at most " + strconv.Itoa(*s.MaxLength) + " letters"
	}
	if s.Minimum != nil {
		text += fmt.Sprintf(", from %g", *s.Minimum)
	}
	if s.Maximum != nil {
		text += fmt.Sprintf(", to %g", *s.Maximum)
	}
	return text
}

// example makes a value up that the schema permits.
func (a *API) example(s *huma.Schema, depth int) any {
	s = a.resolve(s)
	switch {
	case s == nil || depth > deep:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case "object":
		o := map[string]any{}
		for name, p := range s.Properties {
			o[name] = a.example(p, depth+1)
		}
		return o
	case "array":
		return []any{a.example(s.Items, depth+1)}
	case "integer", "number":
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return true
	case "string":
		switch s.Format {
		case "date-time":
			return "2026-03-01T12:00:00Z"
		case "date":
			return "2026-03-01"
		case "email":
			return "name@company.example"
		}
		return "text"
	}
	return nil
}

func sample(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil || string(b) == "null" {
		return ""
	}
	return string(b)
}

func slug(s string) string {
	return "api-" + strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, s)
}

var referenceTemplate = template.Must(template.New("reference").Parse(`
<div class="doc">
<nav class="toc" aria-label="Operations"><p class="toc-head">Operations</p><ul>
{{range .Groups}}<li class="toc-part"><a href="#{{.ID}}">{{.Name}}</a><ul>{{range .Operations}}<li><a href="#{{.ID}}">{{.Summary}}</a></li>{{end}}</ul></li>
{{end}}</ul></nav>
<div class="api">
<section class="card" aria-labelledby="api-begin">
<h2 id="api-begin">How to begin</h2>
<p>Every call takes and gives JSON. A token says who calls; send it with every call as <code>Authorization: Bearer …</code>. What a token may do, its scopes say. An answer that refuses is a problem after RFC 9457: it names its <a href="/problems">type</a>, what to do, and, where the statement refused, the clause and what would be needed. It never repeats what was sent.</p>
<p>The same as a file for tools: <a href="/api/openapi.json">openapi.json</a>, <a href="/api/openapi.yaml">openapi.yaml</a>.</p>
{{with .Scopes}}<h3>Scopes</h3><dl class="facts">{{range .}}<div><dt><code>{{.Name}}</code></dt><dd>{{.Text}}</dd></div>{{end}}</dl>{{end}}
</section>
{{range .Groups}}
<h2 class="api-group" id="{{.ID}}">{{.Name}}</h2>
{{range .Operations}}
<section class="card" id="{{.ID}}" aria-labelledby="{{.ID}}-title">
<div class="card-head"><h3 id="{{.ID}}-title">{{.Summary}}</h3>{{if .Scope}}<span class="badge">{{.Scope}}</span>{{else}}<span class="badge good">no token needed</span>{{end}}</div>
<p class="api-call"><span class="api-method">{{.Method}}</span> <code>{{.Path}}</code></p>
{{range .Text}}<p>{{.}}</p>{{end}}
{{with .Params}}<h4>Parameters</h4>{{template "properties" .}}{{end}}
{{with .Body}}<h4>Body</h4>{{template "properties" .}}{{end}}
{{with .Answer}}<h4>Answer</h4>{{template "properties" .}}{{end}}
<details class="fold"><summary>Example</summary><pre class="code" tabindex="0"><code>{{.Curl}}</code></pre>{{with .Shown}}<pre class="code" tabindex="0"><code>{{.}}</code></pre>{{end}}</details>
<details class="fold"><summary>Statuses</summary><dl class="facts">{{range .Statuses}}<div><dt>{{.Code}}</dt><dd>{{.Text}}</dd></div>{{end}}</dl></details>
</section>
{{end}}{{end}}
</div>
</div>
{{define "properties"}}<dl class="facts">{{range .}}<div><dt><code>{{.Name}}</code>{{if .Required}} <span class="mark must">required</span>{{end}}</dt><dd>{{with .Text}}{{.}} {{end}}<span class="fact-note">{{.Type}}</span></dd></div>{{end}}</dl>{{end}}
`))
