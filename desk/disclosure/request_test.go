package disclosure

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestAnAssessmentIsReadAsOne however often it was made, and what was written keeps its lines.
func TestAnAssessmentIsReadAsOne(t *testing.T) {
	h := onOne(t)
	h.as("t-counsel")
	id := h.enter("police", "subscriber")
	a := h.do(id, "assess")
	for _, q := range questionsOf(basis{}) {
		shows(t, a, http.StatusUnprocessableEntity, "Reason: "+strings.ToLower(q.title[:1])+strings.TrimSuffix(q.title[1:], "?")+" : Please fill this in.")
	}
	answers := lawful("contact")
	answers[slices.Index(answers, "sender-why")+1] = "First line\nSecond line"
	for range 3 {
		h.leads(h.do(id, "assess", answers...))
	}
	page := h.Get(home + "/" + id)
	if n := strings.Count(page.Body, `<p class="row-title">Assessment</p>`); n != 3 {
		t.Errorf("three assessments stand in %d rows", n)
	}
	if n := strings.Count(page.Body, "<pre>First line\nSecond line</pre>"); n != 3 {
		t.Errorf("of three reasons %d kept their lines", n)
	}
	shows(t, page, http.StatusOK, "Do they say that it is theirs? Yes")
}
