package billing

import (
	"net/http"
	"net/url"

	"loot"
	"loot/store"
	"loot/web"
)

var (
	hooksPage = web.NewPage[hooksView](pageFiles, "pages/webhooks.html")
	hookPage  = web.NewPage[hookView](pageFiles, "pages/webhook.html")
)

// tellers are who may say which systems are told.
var tellers = []loot.Role{"administrator"}

type hooksView struct {
	web.View
	Rows  []hookRow
	Form  web.Fields
	Wrong *web.Problems
	Empty web.Empty
}

type hookRow struct {
	webhook
	Href  string
	State web.Badge
}

func (h webhook) badge() web.Badge {
	if h.Ended.IsZero() {
		return web.Badge{Tone: web.Good, Text: "is told"}
	}
	return web.Badge{Text: "ended"}
}

func hookPath(id string) string { return "/console/billing/webhooks/" + url.PathEscape(id) }

func hookFields() web.Fields {
	address := web.Field{Name: "url", Type: "url", Label: "Address", MaxLen: 500, Required: true, Plain: true, Wide: true, Hint: "Such as https://panel.example.com/hooks."}
	return append(web.Fields{address}, toldFields(webhook{Events: eventTypes})...)
}

// toldFields ask what a webhook is told of.
func toldFields(h webhook) web.Fields {
	var events []web.Option
	for _, e := range eventTypes {
		events = append(events, web.Option{Value: e, Label: e})
	}
	provisions := web.Field{Name: "provisions", Type: "checkbox", Label: "Services wait until it says that they are set up", Plain: true}
	if h.Provisions {
		provisions.Value = "on"
	}
	return web.Fields{{Name: "events", Type: "checkboxes", Label: "It is told of", Options: events, Values: h.Events, Required: true, Plain: true}, provisions}
}

// webhooks lists who is told.
func (b *Billing) webhooks(w http.ResponseWriter, r *http.Request) error {
	return b.showHooks(w, r, http.StatusOK, hookFields(), nil)
}

func (b *Billing) showHooks(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := hooksView{View: web.ViewOf(r, "Webhooks"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Which systems are told what happens to services. A message holds ids, and nothing else about anybody."
	v.Empty = web.Empty{Icon: "webhook", Title: "Nobody is told", Text: "Services run as soon as they are ordered."}
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Rows = nil
		all, err := readHooks(r.Context(), tx, `ORDER BY h.ended, h.made DESC LIMIT 100`)
		for _, h := range all {
			v.Rows = append(v.Rows, hookRow{h, hookPath(h.ID), h.badge()})
		}
		return err
	}); err != nil {
		return err
	}
	return hooksPage.Render(w, r, status, v)
}

// addWebhook adds one, and shows its secret this once.
func (b *Billing) addWebhook(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := hookFields()
	err = form.Check(typed)
	if err == nil {
		if wrong := b.messenger.CheckURL(typed.Get("url")); wrong != nil {
			err = wrongIn("url", loot.Message(wrong))
		}
	}
	var h webhook
	var secret string
	if err == nil {
		h, secret, err = b.addHook(r.Context(), web.ActorOf(r.Context()), webhook{URL: typed.Get("url"), Events: typed["events"], Provisions: typed.Get("provisions") != ""})
	}
	if loot.KindOf(err) == loot.Conflict {
		err = wrongIn("url", loot.Message(err))
	}
	if web.Wrong(err) != nil {
		return b.showHooks(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	return b.showHook(w, r, http.StatusOK, h.ID, secret, nil, nil)
}

// mostTold is how many messages to a webhook its page shows.
const mostTold = 100

type hookView struct {
	web.View
	Facts  []web.Fact
	Secret string
	Change string // where the form goes; empty: it is told nothing any more
	Form   web.Fields
	Wrong  *web.Problems
	Rows   []deliveryRow
	Latest int // how many rows there are at most, once there are so many
	Empty  web.Empty
}

type deliveryRow struct {
	delivery
	Badge  web.Badge
	Answer string
	Again  *web.Action
}

var deliveryBadges = map[string]web.Badge{
	"waiting": {Tone: web.Info, Text: "waits", Icon: "hourglass"}, "delivered": {Tone: web.Good, Text: "taken", Icon: "check"}, "failed": {Tone: web.Bad, Text: "failed", Icon: "x"},
}

// webhook shows one with what it was told.
func (b *Billing) webhook(w http.ResponseWriter, r *http.Request) error {
	return b.showHook(w, r, http.StatusOK, r.PathValue("id"), "", nil, nil)
}

// changeWebhook takes what one is told of from now on.
func (b *Billing) changeWebhook(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err = toldFields(webhook{}).Check(typed); err == nil {
		err = b.changeHook(r.Context(), web.ActorOf(r.Context()), webhook{ID: id, Events: typed["events"], Provisions: typed.Get("provisions") != ""})
	}
	if web.Wrong(err) != nil {
		return b.showHook(w, r, http.StatusUnprocessableEntity, id, "", typed, err)
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "It is told of this from now on.")
	return web.Redirect(w, r, hookPath(id))
}

// showHook shows a webhook: with its secret if it was just made, with what was typed if
// that is wrong.
func (b *Billing) showHook(w http.ResponseWriter, r *http.Request, status int, id, secret string, typed url.Values, wrong error) error {
	v := hookView{Secret: secret}
	var h webhook
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Rows = nil
		all, err := readHooks(r.Context(), tx, `WHERE h.id = $1`, id)
		if err == nil && len(all) == 0 {
			err = loot.Errorf(loot.NotFound, "There is no such webhook.")
		}
		if err != nil {
			return err
		}
		h = all[0]
		list, err := readDeliveries(r.Context(), tx, `WHERE d.hook = $1 ORDER BY d.made DESC, d.id LIMIT $2`, id, mostTold)
		for _, d := range list {
			row := deliveryRow{delivery: d, Badge: deliveryBadges[d.State], Answer: b.answer(d)}
			if d.State != "waiting" && h.Ended.IsZero() {
				row.Again = &web.Action{Label: "Send again", Icon: "repeat", Small: true, Post: true, Href: "/console/billing/deliveries/" + url.PathEscape(d.ID)}
			}
			v.Rows = append(v.Rows, row)
		}
		return err
	}); err != nil {
		return err
	}
	if len(v.Rows) == mostTold {
		v.Latest = mostTold
	}
	v.View = web.ViewOf(r, "Webhook")
	v.Crumbs = []web.Crumb{{Label: "Webhooks", Href: "/console/billing/webhooks"}}
	v.Empty = web.Empty{Icon: "send", Title: "Nothing was told yet", Text: "What happens to services from now on appears here."}
	state := h.badge()
	v.Facts = []web.Fact{{Term: "State", Badge: &state}, {Term: "Address", Value: h.URL, Code: true}}
	if h.Ended.IsZero() {
		v.Change, v.Form = hookPath(id), toldFields(h)
		if wrong != nil {
			v.Form = v.Form.With(typed, wrong)
			v.Wrong = web.ProblemsOf(wrong, v.Form)
		}
		v.Actions = []web.Action{
			{Label: "New secret", Icon: "key", Post: true, Href: hookPath(id) + "/secret", Confirm: "Sign with a new secret? The former one signs beside it for a day, so that the other side can be changed."},
			{Label: "End", Icon: "power", Danger: true, Post: true, Href: hookPath(id) + "/end", Confirm: "Tell this system nothing any more? What waits for it is not sent."},
		}
	}
	return hookPage.Render(w, r, status, v)
}

// rotateWebhook gives one a new secret, and shows it this once.
func (b *Billing) rotateWebhook(w http.ResponseWriter, r *http.Request) error {
	secret, err := b.rotateHook(r.Context(), web.ActorOf(r.Context()), r.PathValue("id"))
	if err != nil {
		return err
	}
	return b.showHook(w, r, http.StatusOK, r.PathValue("id"), secret, nil, nil)
}

// endWebhook ends one.
func (b *Billing) endWebhook(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		if _, err := liveHook(r.Context(), tx, id); err != nil {
			return err
		}
		return b.endHook(r.Context(), tx, web.ActorOf(r.Context()), id)
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, hookPath(id))
}

// sendAgain sends a message once more.
func (b *Billing) sendAgain(w http.ResponseWriter, r *http.Request) error {
	d, err := b.again(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The message is sent again.")
	return web.Redirect(w, r, hookPath(d.Hook))
}

func (b *Billing) hookRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /console/billing/webhooks", Audience: web.Console, Serve: b.webhooks, Roles: tellers},
		{Pattern: "POST /console/billing/webhooks", Audience: web.Console, Serve: b.addWebhook, Roles: tellers},
		{Pattern: "GET /console/billing/webhooks/{id}", Audience: web.Console, Serve: b.webhook, Roles: tellers},
		{Pattern: "POST /console/billing/webhooks/{id}", Audience: web.Console, Serve: b.changeWebhook, Roles: tellers},
		{Pattern: "POST /console/billing/webhooks/{id}/secret", Audience: web.Console, Serve: b.rotateWebhook, Roles: tellers},
		{Pattern: "POST /console/billing/webhooks/{id}/end", Audience: web.Console, Serve: b.endWebhook, Roles: tellers},
		{Pattern: "POST /console/billing/deliveries/{id}", Audience: web.Console, Serve: b.sendAgain, Roles: tellers},
	}
}
