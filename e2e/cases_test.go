package e2e

import (
	"strings"
	"testing"
	"time"

	"loot/app"
)

// TestCases: a page that steals passwords is reported, judged and, on appeal, judged anew by
// somebody else. Then a court asks for the customer's address and orders secrecy: two people
// agree, the customer sees nothing of it, and once the secrecy has ended a letter tells them.
func TestCases(t *testing.T) {
	h := serveAhead(t, app.Config{}, time.Hour) // so that what a browser keeps has not ended by its own clock

	customer := h.customer(t)
	admin := h.administrator(t)
	one := h.hire(t, admin, "Cleo Counsel", "cleo@example.org", "abuse", "counsel", "billing")
	two := h.hire(t, admin, "Dan Data", "dan@example.org", "abuse", "dpo")
	h.pass(t, 4*24*time.Hour) // accounts approve nothing in their first days
	one.enter()
	two.enter()

	// The customer's server has an address, and somebody reports what is on it.
	one.visit("/console/billing")
	one.press(`a[href^="/console/billing/services/"]`)
	service := one.location()
	one.visit(service + "/addresses")
	one.fill(map[string]string{"address": "192.0.2.7"})
	one.press("Assign")
	reporter := customer // who is signed out by now
	reporter.visit("/abuse")
	reporter.fill(map[string]string{
		"kind": "phishing", "addresses": "192.0.2.7", "urls": "https://192.0.2.7/bank", "text": "It asks for the passwords of a bank.\n" + strings.Repeat("Received: from relay.example by mx.example; ", 12) + strings.Repeat("x", 200), "email": "ann@example.net",
	})
	reporter.shoot("abuse-report")
	reporter.press("form[enctype] .primary")
	reporter.reads("Phishing", "waits for a colleague")
	follow := reporter.location()
	reporter.shoot("abuse-follow")

	one.visit("/console/abuse")
	one.shoot("console-abuse")
	if y := eval[float64](one.browser, `
		document.querySelector(".side").style.maxHeight = "120px"; // of a long menu, of which the chosen entry stands low
		showChosen(true);
		const of = document.querySelector(".side").getBoundingClientRect(), is = document.querySelector(".side [aria-current]").getBoundingClientRect();
		return Math.max(0, is.bottom - of.bottom) + window.scrollY;`); y >= 1 {
		t.Errorf("the chosen entry of the menu is %v pixels out of sight, or the page moved", y)
	}
	one.press(`a[href^="/console/abuse/c"]`)
	one.lacks("passwords of a bank", "ann@example.net")
	one.press("Open what they say")
	one.reads("It asks for the passwords of a bank.", "ann@example.net")
	one.shoot("console-abuse-case")
	matter := one.location()[:strings.LastIndex(one.location(), "/")]
	one.step("notify", map[string]string{"text": "A page on your server imitates a bank. What happened?"})
	one.step("measure", map[string]string{"measure": "suspended", "text": "It collects passwords at this moment."})
	customer.visit(h.post.Link(t, "kauz@example.net", "/abuse/answer/", within))
	customer.reads("Your side", "imitates a bank")
	customer.shoot("abuse-answer")
	customer.fill(map[string]string{"text": "We were broken into, and the page is gone."})
	customer.press("Send the answer")
	one.visit(matter)
	one.reads("We were broken into")
	one.step("judge", map[string]string{
		"outcome": "violation", "measure": "suspended", "ground": "terms", "rule": "Terms, section 4", "facts": "A page imitated a bank for a day.", "reasons": "It harmed others, and nothing milder would have ended it.",
	})
	one.reads("Judgment", "Our terms: Terms, section 4")
	one.shoot("console-abuse-judged")
	customer.visit(h.post.Link(t, "kauz@example.net", "/abuse/answer/", within))
	customer.reads("Terms, section 4", "You can object until")
	customer.fill(map[string]string{"text": "The page was gone within the hour, and we told you so."})
	customer.press("Send it")
	one.visit(matter)
	one.reads("You judged this case, so somebody else decides the appeal.")
	two.visit(matter)
	two.step("review", map[string]string{"outcome": "reversed", "facts": "Logs show it gone within the hour.", "reasons": "The customer was the victim and acted at once."})
	two.shoot("console-abuse-reversed")
	reporter.visit(follow)
	reporter.reads("no misuse found")
	one.visit(service)
	one.reads("What stood against it is settled")

	// A court asks, and orders secrecy. The contact is entered by one and verified by another.
	one.visit("/console/disclosures/register")
	one.fill(map[string]string{"title": "Example Circuit Court, registry", "recipient": "court", "country": "IE", "contact": "2 Sample Square, Exampleton\n+353 1 555 0199"})
	one.press("form.form .primary")
	two.visit("/console/disclosures/register")
	two.press(`form[action$="/verified"] button.primary`)
	two.reads("verified")
	one.visit("/console/disclosures/new")
	one.fill(map[string]string{
		"authority": eval[string](one.browser, `return [...document.getElementsByName("authority")[0].options].find(o => o.text.startsWith("Example Circuit")).value`),
		"kind":      "answer", "basis": "order", "asked": "Order of the court in case TEST-2041: contact details of the defendant.", "scope": "contact",
		"due": h.now().AddDate(0, 0, 10).UTC().Format(time.DateOnly), "gag": h.now().AddDate(0, 0, 20).UTC().Format(time.DateOnly),
	})
	one.attach("order.txt", "The order, made up.")
	one.attachTo(`input[name="order"]`, "secrecy.txt", "Order of secrecy, made up.")
	one.shoot("console-disclosure-new")
	one.press("Enter it")
	request := one.location()
	one.visit("/console/disclosures/calendar")
	one.reads("Secrecy ends")
	one.shoot("console-disclosures-calendar")
	one.visit(request)
	one.step("person", map[string]string{"by": "contact.email", "value": "kauz@example.net"})
	answers := map[string]string{"covered": "contact"}
	for _, q := range []string{"sender", "validity", "jurisdiction", "competence", "scope"} {
		answers[q], answers[q+"-why"] = "yes", "Called back by the register's number; compared with the law."
	}
	one.step("assess", answers)
	one.reads("Choose the least that answers it", "••••••••")
	one.lacks("kauz@example.net")
	one.shoot("console-disclosure-least")
	one.step("ask", map[string]string{"field": "contact.email", "extent": "whole"})
	one.reads("The others are asked.")
	two.visit("/console/approvals")
	two.shoot("console-disclosure-approve")
	two.press("see what was asked")
	two.reads("Order of the court in case TEST-2041", "Called back by the register's number")
	two.visit("/console/approvals")
	two.press("button[value=yes]")
	one.visit(request)
	one.step("answer", map[string]string{})
	one.reads("The password of the sealed file.")
	one.shoot("console-disclosure-answered")
	one.step("close", map[string]string{"receipt": "By courier; the registry confirmed it. The password by telephone."})

	// The customer sees nothing of it, and hears of it on the day after its end.
	signIn := func() {
		t.Helper()
		customer.visit("/signin")
		customer.fill(map[string]string{"email": "kauz@example.net"})
		customer.press("Send me a link")
		customer.visit(h.post.Link(t, "kauz@example.net", "/signin/link/", within))
		customer.press(".primary")
	}
	signIn()
	customer.visit("/portal/timeline")
	customer.lacks("Courts", "disclosure.court")
	customer.shoot("portal-under-gag")
	h.pass(t, 22*24*time.Hour)
	h.post.Link(t, "kauz@example.net", "/portal/timeline", 4*within) // the letter came by itself
	signIn()
	customer.visit("/portal/timeline")
	customer.reads("disclosure.court")
	customer.shoot("portal-after-gag")
}
