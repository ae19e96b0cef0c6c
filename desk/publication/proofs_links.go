package publication

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"loot"
	"loot/desk"
)

// linkProofs try, by the front door, what the statement says of links to other
// sites.
func linkProofs() []desk.Proof {
	const clause = "network.links"
	return []desk.Proof{
		{Clause: clause, Name: "every link to another site is marked, and tells it nothing of where it was", Run: func(ctx context.Context, w *desk.World) (string, error) {
			_, found, err := linksOf(ctx, w)
			if err != nil {
				return "", err
			}
			for _, l := range found {
				if !strings.Contains(l.text, "(another site)") || !strings.Contains(l.text, "<svg") {
					return "", fmt.Errorf("the link to %s is not marked", l.to)
				}
				if l.href == l.to && !strings.Contains(l.tag, `rel="noopener noreferrer"`) {
					return "", fmt.Errorf("the link to %s tells that site where it was", l.to)
				}
			}
			return loot.Plural(len(found), "link", "links") + " of the statement, all marked; none tells anything", nil
		}},
		{Clause: clause, Name: "a link leads over the notice if the statement says so, and at once if not", Run: func(ctx context.Context, w *desk.World) (string, error) {
			notice, found, err := linksOf(ctx, w)
			if err != nil {
				return "", err
			}
			for _, l := range found {
				if over := strings.HasPrefix(l.href, "/leave?"); over != notice {
					return "", fmt.Errorf("the link to %s leads over a notice: %v", l.to, over)
				}
				if !notice {
					continue
				}
				a, err := desk.Browser{World: w}.Get(ctx, l.href)
				if err != nil {
					return "", err
				}
				u, err := url.Parse(l.to)
				if err != nil {
					return "", err
				}
				on := linksIn(a.Body.String())
				i := slices.IndexFunc(on, func(o link) bool { return o.href == l.to })
				if a.Status != http.StatusOK || !strings.Contains(html.UnescapeString(strings.ReplaceAll(a.Body.String(), "<wbr>", "")), u.Host) || i < 0 || !strings.Contains(on[i].tag, `rel="noopener noreferrer"`) {
					return "", fmt.Errorf("the notice before %s does not name the site and lead there without telling where from", l.to)
				}
			}
			if !notice {
				return loot.Plural(len(found), "link leads", "links lead") + " there at once", nil
			}
			return loot.Plural(len(found), "link leads", "links lead") + " over the notice, which names the site", nil
		}},
		{Clause: clause, Name: "the notice leads nowhere but where a page of ours links to", Run: func(ctx context.Context, w *desk.World) (string, error) {
			const strange = "https://strange.example/login"
			_, found, err := linksOf(ctx, w)
			if err != nil {
				return "", err
			}
			tries := []url.Values{{"to": {strange}}, {"to": {strange}, "by": {strings.Repeat("A", 43)}}}
			for _, l := range found {
				if u, err := url.Parse(l.href); err == nil && u.Host == "" {
					q := u.Query()
					q.Set("to", strange)
					tries = append(tries, q)
				}
			}
			for _, q := range tries {
				a, err := desk.Browser{World: w}.Get(ctx, "/leave?"+q.Encode())
				if err != nil {
					return "", err
				}
				if a.Status != http.StatusNotFound || slices.ContainsFunc(linksIn(a.Body.String()), func(l link) bool { return strings.Contains(l.href, "strange.example") }) {
					return "", fmt.Errorf("an address that nobody linked to was answered with %d", a.Status)
				}
			}
			return loot.Plural(len(tries), "forged address", "forged addresses") + " refused, and no link shown", nil
		}},
	}
}

// A link is one of a page, as it stands there.
type link struct{ tag, href, to, text string }

var (
	anchor    = regexp.MustCompile(`(?s)(<a\s[^>]*\bhref="([^"]*)"[^>]*>)(.*?)</a>`)
	elsewhere = regexp.MustCompile(`<a href="(https://[^"]*)"`)
)

func linksIn(page string) []link {
	var out []link
	for _, m := range anchor.FindAllStringSubmatch(page, -1) {
		l := link{tag: m[1], href: html.UnescapeString(m[2]), text: m[3]}
		l.to = l.href
		if u, err := url.Parse(l.href); err == nil && u.Path == "/leave" {
			l.to = u.Query().Get("to")
		}
		out = append(out, l)
	}
	return out
}

// linksOf returns the links to other sites on the page of the statement in
// force, as many as its text has, and whether they are to lead over the notice.
func linksOf(ctx context.Context, w *desk.World) (notice bool, found []link, err error) {
	a, err := desk.Browser{World: w}.Get(ctx, "/statement")
	if err != nil {
		return false, nil, err
	}
	if p := a.Header().Get("Referrer-Policy"); p != "same-origin" && p != "no-referrer" {
		return false, nil, fmt.Errorf("the page lets browsers tell other sites of it: its Referrer-Policy is %q", p)
	}
	s, err := w.Statement()
	if err != nil {
		return false, nil, err
	}
	text := s.Intro()
	for _, c := range s.Chapters() {
		text += c.Intro
	}
	for _, c := range s.Clauses() {
		text += c.HTML
	}
	on := linksIn(a.Body.String())
	for _, m := range elsewhere.FindAllStringSubmatch(text, -1) {
		to := html.UnescapeString(m[1])
		if strings.HasPrefix(to+"/", w.BaseURL+"/") {
			continue
		}
		i := slices.IndexFunc(on, func(l link) bool { return l.to == to })
		if i < 0 {
			return false, nil, fmt.Errorf("the page has no link to %s, which the text has", to)
		}
		found = append(found, on[i])
		on = slices.Delete(on, i, i+1)
	}
	return s.Front().Links == "notice", found, nil
}
