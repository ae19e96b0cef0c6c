package signin

import (
	"net/http"
	"testing"

	"loot/mail"
)

// TestSigningInSaysWhereTheLetterIs: nothing is said to be sent where no mail
// server is set, and nothing of an outbox where one is.
func TestSigningInSaysWhereTheLetterIs(t *testing.T) {
	h := onOne(t, base, Options{})
	shows(t, h.Get("/signin"), http.StatusOK, "we send you a link", "Send me a link")
	hides(t, h.Get("/signin"), "outbox")
	a := h.Get("/signin/sent")
	shows(t, a, http.StatusOK, "Look into your mail", "on its way")
	hides(t, a, "outbox")

	h.desk.kit.Mail = &mail.Outbox{}
	a = h.Get("/signin")
	shows(t, a, http.StatusOK, "the link waits in the outbox of the console")
	hides(t, a, "we send you", "Send me a link")
	a = h.Get("/signin/sent")
	shows(t, a, http.StatusOK, "nothing was sent", "waits in the outbox of the console")
	hides(t, a, "Look into your mail", "on its way")
}
