package customers

import (
	"net/http"
	"testing"

	"loot/mail"
)

// TestOrdersSayWhereTheLetterIs: nothing is said to be sent where no mail
// server is set, and nothing of an outbox where one is.
func TestOrdersSayWhereTheLetterIs(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		form := h.Get("/order/shared-hosting")
		shows(t, form, http.StatusOK, "We send a link to your address.")
		hides(t, form, "outbox")
		a := h.Get("/order/shared-hosting/thanks")
		shows(t, a, http.StatusOK, "Look into your mail", "We have sent a link")
		hides(t, a, "outbox", "nothing was sent")

		h.desk.Mail = &mail.Outbox{}
		form = h.Get("/order/shared-hosting")
		shows(t, form, http.StatusOK, "the link to your address waits in the outbox of the console")
		hides(t, form, "We send a link to your address")
		a = h.Get("/order/shared-hosting/thanks")
		shows(t, a, http.StatusOK, "nothing was sent", "waits in the outbox of the console")
		hides(t, a, "Look into your mail", "We have sent")
	})
}
