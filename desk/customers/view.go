package customers

import (
	"embed"
	"net/http"

	"loot/mail"
	"loot/statement"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	orderPage  = web.NewPage[orderView](pageFiles, "pages/order.html")
	thanksPage = web.NewPage[thanksView](pageFiles, "pages/thanks.html")

	heldPage        = web.NewPage[heldView](pageFiles, "pages/held.html")
	permissionsPage = web.NewPage[permissionsView](pageFiles, "pages/permissions.html")
	timelinePage    = web.NewPage[timelineView](pageFiles, "pages/timeline.html")
	accountPage     = web.NewPage[accountView](pageFiles, "pages/account.html")
	goodbyePage     = web.NewPage[goodbyeView](pageFiles, "pages/goodbye.html")
	correctPage     = web.NewPage[correctView](pageFiles, "pages/correct.html")

	listPage = web.NewPage[listView](pageFiles, "pages/list.html")
	cardPage = web.NewPage[cardView](pageFiles, "pages/card.html")
)

// An orderView is the form of a service.
type orderView struct {
	web.View
	Form    orderForm
	Wrong   *web.Problems
	Sent    string // random name of this form
	Post    string
	Button  string
	Foot    string
	Version string
	Permits []statement.Purpose
}

func (c *customers) showOrder(w http.ResponseWriter, r *http.Request, status int, s *statement.Statement, form orderForm, v orderView) error {
	v.View = web.ViewOf(r, "Order: "+form.Service.Title)
	v.Lead = "By ordering you register. We ask what the service needs, and beside each detail you read what for."
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/services"}}
	v.Form, v.Version, v.Post = form, s.Front().Version, r.URL.Path
	for _, id := range form.Service.Purposes {
		if p, ok := s.Purpose(id); ok {
			v.Permits = append(v.Permits, p)
		}
	}
	v.Button, v.Foot = "Order and register", "We send a link to your address. Nothing is charged before you have opened it."
	if mail.Kept(c.Mail) {
		v.Foot = "No mail server is set up yet: the link to your address waits in the outbox of the console. Nothing is charged before you have opened it."
	}
	if v.Layout == web.LayoutPortal {
		v.Lead = "You are known already, so we ask only what is missing."
		v.Button, v.Foot = "Order", "It begins at once."
	}
	return orderPage.Render(w, r, status, v)
}

type thanksView struct {
	web.View
	Steps []web.Step
	Kept  bool // the letter is not sent: no mail server is set
}

func (c *customers) thanks(w http.ResponseWriter, r *http.Request) error {
	v := thanksView{View: web.ViewOf(r, "One more step"), Steps: web.Steps(2, "Order", "Confirm your address", "Your portal"), Kept: mail.Kept(c.Mail)}
	v.Lead = "Your order has arrived."
	return thanksPage.Render(w, r, http.StatusOK, v)
}
