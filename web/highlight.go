package web

import (
	"html/template"
	"strings"
)

// Code returns source with its words marked for the colours of the page.
// Syntax is "cedar", "yaml", "json" or anything else for plain text.
func Code(syntax, source string) template.HTML {
	var b strings.Builder
	b.WriteString(`<pre class="code" tabindex="0"><code>`)
	switch syntax {
	case "cedar":
		paint(&b, source, cedarWords, "//")
	case "yaml":
		paintYAML(&b, source)
	case "json":
		paint(&b, source, jsonWords, "")
	default:
		b.WriteString(template.HTMLEscapeString(source))
	}
	b.WriteString(`</code></pre>`)
	return template.HTML(b.String())
}

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

var (
	cedarWords = wordSet("permit forbid when unless principal action resource context in is has like if then else true false")
	jsonWords  = wordSet("true false null")
)

func span(b *strings.Builder, class, text string) {
	b.WriteString(`<span class="` + class + `">` + template.HTMLEscapeString(text) + `</span>`)
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// paint marks comments, strings, annotations and the words of a language.
func paint(b *strings.Builder, s string, words map[string]bool, comment string) {
	for i := 0; i < len(s); {
		j := i + 1
		switch c := s[i]; {
		case comment != "" && strings.HasPrefix(s[i:], comment):
			if j = strings.IndexByte(s[i:], '\n'); j < 0 {
				j = len(s)
			} else {
				j += i
			}
			span(b, "cc", s[i:j])
		case c == '"':
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j+1, len(s))
			span(b, "cs", s[i:j])
		case c == '@':
			for j < len(s) && wordByte(s[j]) {
				j++
			}
			span(b, "ca", s[i:j])
		case wordByte(c):
			for j < len(s) && wordByte(s[j]) {
				j++
			}
			switch w := s[i:j]; {
			case words[w]:
				span(b, "ck", w)
			case c >= 'A' && c <= 'Z':
				span(b, "ct", w)
			default:
				b.WriteString(template.HTMLEscapeString(w))
			}
		default:
			b.WriteString(template.HTMLEscapeString(s[i:j]))
		}
		i = j
	}
}

// paintYAML marks comments and keys, line by line.
func paintYAML(b *strings.Builder, s string) {
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		body, comment := line, ""
		if at := strings.Index(line, "#"); at == 0 || at > 0 && line[at-1] == ' ' {
			body, comment = line[:at], line[at:]
		}
		trimmed := strings.TrimLeft(body, " -")
		if at := strings.Index(trimmed, ":"); at > 0 && (at+1 == len(trimmed) || trimmed[at+1] == ' ') && !strings.ContainsAny(trimmed[:at], ` "'{[`) {
			b.WriteString(template.HTMLEscapeString(body[:len(body)-len(trimmed)]))
			span(b, "ck", trimmed[:at])
			paint(b, trimmed[at:], jsonWords, "")
		} else {
			paint(b, body, jsonWords, "")
		}
		if comment != "" {
			span(b, "cc", comment)
		}
	}
}
