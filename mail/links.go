package mail

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Link is one that a message holds. Text that leads nowhere has no URL.
type Link struct{ Text, URL string }

// Links returns where the message's HTML leads, each address once and under
// the words that stood on it first.
func (m Message) Links() []Link {
	var links []Link
	var open *Link
	for z := html.NewTokenizer(strings.NewReader(m.HTML)); ; {
		kind := z.Next()
		switch token := z.Token(); {
		case kind == html.ErrorToken:
			return links
		case kind == html.StartTagToken && token.Data == "a":
			open = &Link{}
			for _, a := range token.Attr {
				if a.Key == "href" {
					open.URL = a.Val
				}
			}
		case kind == html.TextToken && open != nil:
			open.Text += token.Data
		case kind == html.EndTagToken && token.Data == "a" && open != nil:
			if strings.HasPrefix(open.URL, "http") && !slices.ContainsFunc(links, func(l Link) bool { return l.URL == open.URL }) {
				links = append(links, *open)
			}
			open = nil
		}
	}
}

var webAddress = regexp.MustCompile(`\bhttps?://[^\s<>"]+`)

// Linked returns the message's text in pieces, of which the web addresses are
// links.
func (m Message) Linked() []Link {
	var parts []Link
	done := 0
	for _, at := range webAddress.FindAllStringIndex(m.Text, -1) {
		end := at[0] + len(strings.TrimRight(m.Text[at[0]:at[1]], ".,;:!?)")) // the sentence's, not the address's
		parts = append(parts, Link{Text: m.Text[done:at[0]]}, Link{Text: m.Text[at[0]:end], URL: m.Text[at[0]:end]})
		done = end
	}
	return append(parts, Link{Text: m.Text[done:]})
}
