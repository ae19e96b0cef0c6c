package customers

import (
	"net/http"
	"testing"

	"loot/mail"
)

// TestThanksSaysWhereTheLetterIs: nothing is said to be sent where no mail
// server is set, and nothing of an outbox where one is.
func TestThanksSaysWhereTheLetterIs(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.Get("/order/shared-hosting/thanks")
		shows(t, a, http.StatusOK, "Look into your mail", "We have sent a link")
		hides(t, a, "outbox", "nothing was sent")

		h.desk.Mail = &mail.Outbox{}
		a = h.Get("/order/shared-hosting/thanks")
		shows(t, a, http.StatusOK, "nothing was sent", "waits in the outbox of the console")
		hides(t, a, "Look into your mail", "We have sent")
	})
}
