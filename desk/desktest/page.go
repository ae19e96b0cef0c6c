package desktest

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"loot/web/webtest"
)

// OK ends the test if there is an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// Text returns what a reader sees of a page, in one line.
func Text(page string) string {
	page = strings.ReplaceAll(page, "<wbr>", "") // parts no words
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// Shows fails unless the answer has the status and shows every one of the words.
func Shows(t testing.TB, a webtest.Answer, status int, words ...string) {
	t.Helper()
	page := Text(a.Body)
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, page)
	}
	for _, w := range words {
		if w = strings.ReplaceAll(w, "\u00a0", " "); !strings.Contains(page, w) {
			t.Errorf("the page does not show %q: %s", w, page)
		}
	}
}

// Hides fails if one of the words stands anywhere in the answer, seen or not.
func Hides(t testing.TB, a webtest.Answer, words ...string) {
	t.Helper()
	lacks(t, a.Body, words)
}

// Lacks fails if a reader of the page sees one of the words.
func Lacks(t testing.TB, a webtest.Answer, words ...string) {
	t.Helper()
	lacks(t, Text(a.Body), words)
}

func lacks(t testing.TB, page string, words []string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(page, w) {
			t.Errorf("the page shows %q", w)
		}
	}
}

// Leads fails unless the answer leads to a path.
func Leads(t testing.TB, a webtest.Answer, to string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Fatalf("status %d to %q, want 303 to %q: %s", a.Status, a.Header.Get("Location"), to, Text(a.Body))
	}
}
