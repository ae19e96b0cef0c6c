package report

import (
	"strings"

	"golang.org/x/net/html"
)

// pageText returns the words of HTML and, each on a line, where its links lead.
// Nothing of it is followed or shown.
func pageText(page string) (text, links string) {
	var words, hrefs strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	hidden := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return words.String(), hrefs.String()
		case html.TextToken:
			if hidden == "" {
				words.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			switch tag {
			case "script", "style":
				hidden = tag
			case "br", "p", "div", "tr", "li", "pre", "h1", "h2", "h3", "td":
				words.WriteByte('\n')
			}
			for more {
				var key, value []byte
				key, value, more = z.TagAttr()
				if k := string(key); k == "href" || k == "action" {
					hrefs.Write(value)
					hrefs.WriteByte('\n')
				}
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
		}
	}
}
