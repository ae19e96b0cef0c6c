package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"loot/app"
)

// With no mail server, whoever runs the place confirms an address by opening
// the letter in the outbox and following its button.
func TestLetterInTheOutboxLeadsToItsLinks(t *testing.T) {
	h := &house{}
	h.start(t, app.Config{From: "Loot <no-reply@localhost>"})
	visitor := open(t, h.base, "")
	visitor.visit("/order/shared-hosting")
	visitor.fill(map[string]string{
		"company.name": "Waldkauz Hosting GmbH", "address.street": "Forstweg 7", "address.city": "Freiburg", "address.country": "DE",
		"contact.email": "kauz@example.net", "company.vat": "DE136695976",
	})
	visitor.press("form[method=post] .primary")

	admin := h.administrator(t)
	admin.visit("/console/outbox")
	admin.lacks("kauz@example.net")
	letter := eval[string](admin, `
		for (;;) {
			const page = new DOMParser().parseFromString(await (await fetch("/console/outbox")).text(), "text/html");
			const letter = [...page.querySelectorAll("main th a")].find(a => a.innerText === "Please confirm your address");
			if (letter) return letter.getAttribute("href");
			await new Promise(f => setTimeout(f, 100)); // it is written by a job
		}`)
	admin.visit(letter)
	admin.reads("Read and sign the undertaking")
	admin.lacks("kauz@example.net")
	admin.press("a[href='/console/undertaking']")
	admin.fill(map[string]string{"name": "Ada Admin", "word": "on"})
	admin.press(".primary")
	admin.visit(letter)
	admin.shoot("letter")
	admin.reads("kauz@example.net", "Where it leads", "As text")
	confirm := eval[string](admin, `return document.querySelector("main .facts a[href*='/signin/link/']").href`)
	for name, selector := range map[string]string{"as text": ".letter-text a[href*='/signin/link/']", "to the statement": "main .facts a[href$='/statement']"} {
		if n := eval[int](admin, `return document.querySelectorAll(a[0]).length`, selector); n != 1 {
			t.Errorf("%d links %s", n, name)
		}
	}

	// The letter's first link is its button. It opens a page of its own.
	eval[string](admin, `document.querySelector("iframe").focus(); return ""`)
	admin.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	admin.opens(confirm)
	admin.visit(confirm)
	admin.press("Sign in")
	admin.visit("/portal")
	admin.reads("Waldkauz Hosting GmbH")

	// Once, though its text and its HTML were both asked for.
	admin.visit("/portal/timeline")
	admin.reads("Refused: reading a letter to you", "Read a letter to you", "security.staff", "Administrator of machines and accounts")
	if n := strings.Count(admin.text("main"), "Read a letter to you"); n != 1 {
		t.Errorf("the letter was read %d times", n)
	}
}
