package billing

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"loot"
	"loot/desk/billing/invoice"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	cataloguePage = web.NewPage[catalogueView](pageFiles, "pages/catalogue.html")
	plansPage     = web.NewPage[plansView](pageFiles, "pages/plans.html")
)

type catalogueView struct {
	web.View
	Services []offered
}

// offered is a service as the catalogue shows it.
type offered struct {
	statement.ServiceDecl
	Icon  string
	Plans []Plan
	Must  []string // details that it cannot be ordered without
	For   []string // titles of the purposes that it needs
}

var serviceIcons = map[string]string{
	"shared-hosting": "app-window", "virtual-server": "server", "dedicated-server": "server-cog", "backup": "database-backup", "domain": "globe",
}

// catalogue shows what can be ordered, what it costs and what it asks.
func (b *Billing) catalogue(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	plans, err := b.listPlans(r.Context(), "", false)
	if err != nil {
		return err
	}
	v := catalogueView{View: web.ViewOf(r, "Services")}
	v.Lead = "Each service says what it costs and what it has to know about you."
	for _, d := range s.Services() {
		o := offered{ServiceDecl: d, Icon: serviceIcons[d.ID], Must: compulsory(s, d.ID)}
		if o.Icon == "" {
			o.Icon = "package"
		}
		for _, id := range d.Purposes {
			p, _ := s.Purpose(id)
			o.For = append(o.For, p.Title)
		}
		for _, p := range plans {
			if p.Service == d.ID {
				o.Plans = append(o.Plans, p)
			}
		}
		v.Services = append(v.Services, o)
	}
	return cataloguePage.Render(w, r, http.StatusOK, v)
}

func compulsory(s *statement.Statement, service string) []string {
	var names []string
	for _, d := range s.Fields(collection) {
		for _, id := range d.Services {
			if id == "*" || id == service {
				names = append(names, d.Title)
				break
			}
		}
	}
	return names
}

type plansView struct {
	web.View
	Groups []planGroup
	Form   web.Fields
	Wrong  *web.Problems
}

type planGroup struct {
	Service statement.ServiceDecl
	Plans   []planRow
}

type planRow struct {
	Plan
	Href   string
	Retire *web.Action
}

// plans shows the prices, to be changed.
func (b *Billing) plans(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	return b.showPlans(w, r, http.StatusOK, s, planFields(s), nil)
}

func planFields(s *statement.Statement) web.Fields {
	services := []web.Option{web.Choose}
	for _, d := range s.Services() {
		services = append(services, web.Option{Value: d.ID, Label: d.Title})
	}
	var each []web.Option
	for _, p := range periods {
		each = append(each, web.Option{Value: p.id, Label: p.label})
	}
	return web.Fields{
		{Name: "service", Type: "select", Label: "Service", Options: services, Required: true, Plain: true},
		{Name: "title", Label: "Name of the plan", MaxLen: 60, Required: true, Plain: true},
		{Name: "text", Label: "What it holds", MaxLen: 160, Hint: "One line."},
		{Name: "price", Label: "Price", InputMode: "decimal", MaxLen: 12, Required: true, Plain: true, Hint: "Such as 9.90, without tax."},
		{Name: "currency", Type: "select", Label: "Currency", Options: priceCurrencies, Required: true, Plain: true},
		{Name: "period", Type: "select", Label: "Each", Options: each, Required: true, Plain: true},
		{Name: "setup", Label: "To set it up, once", InputMode: "decimal", MaxLen: 12, Plain: true, Hint: "Empty: nothing."},
		{Name: "exempt", Label: "Why it is exempt from VAT", MaxLen: 160, Plain: true, Hint: "As it stands on invoices, with the provision, such as “vocational training, Article 132 (1)(i)”. Empty: it is taxed."},
		{Name: "code", Label: "Code of the exemption", MaxLen: 40, Plain: true, Hint: "Of the list VATEX, such as VATEX-EU-132-1I. Empty: none fits."},
	}
}

func (b *Billing) showPlans(w http.ResponseWriter, r *http.Request, status int, s *statement.Statement, form web.Fields, wrong error) error {
	plans, err := b.listPlans(r.Context(), "", true)
	if err != nil {
		return err
	}
	v := plansView{View: web.ViewOf(r, "Prices"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "A plan that is retired stays with those who have it. Nobody else can order it."
	for _, d := range s.Services() {
		g := planGroup{Service: d}
		for _, p := range plans {
			if p.Service != d.ID {
				continue
			}
			row := planRow{Plan: p, Href: "/console/billing/plans/" + url.PathEscape(p.ID)}
			if !p.Retired {
				row.Retire = &web.Action{Label: "Retire", Icon: "archive", Small: true, Post: true, Href: "/console/billing/plans/" + url.PathEscape(p.ID) + "/retire"}
			}
			g.Plans = append(g.Plans, row)
		}
		v.Groups = append(v.Groups, g)
	}
	return plansPage.Render(w, r, status, v)
}

var price = regexp.MustCompile(`^([0-9]{1,7})(?:[.,]([0-9]+))?$`)

// priceCurrencies are those in which a plan can be priced.
var priceCurrencies = []web.Option{
	{Value: "EUR", Label: "Euro"},
	{Value: "GBP", Label: "Pound"},
	{Value: "USD", Label: "US dollar"},
	{Value: "AUD", Label: "Australian dollar"},
	{Value: "BHD", Label: "Bahraini dinar"},
	{Value: "CAD", Label: "Canadian dollar"},
	{Value: "CHF", Label: "Swiss franc"},
	{Value: "CZK", Label: "Czech koruna"},
	{Value: "DKK", Label: "Danish krone"},
	{Value: "HUF", Label: "Forint"},
	{Value: "ISK", Label: "Icelandic króna"},
	{Value: "JPY", Label: "Yen"},
	{Value: "KRW", Label: "Won"},
	{Value: "KWD", Label: "Kuwaiti dinar"},
	{Value: "NOK", Label: "Norwegian krone"},
	{Value: "PLN", Label: "Złoty"},
	{Value: "RON", Label: "Romanian leu"},
	{Value: "SEK", Label: "Swedish krona"},
	{Value: "TND", Label: "Tunisian dinar"},
}

// priceOf counts a price that was typed in the smallest unit of its currency: with
// all the digits behind the point that the currency has, or none. What an invoice could
// not say exactly is no price, as nobody would be charged what the catalogue says.
func priceOf(text, currency string) (int64, error) {
	m := price.FindStringSubmatch(text)
	places, ok := invoice.Decimals(currency)
	if m == nil || !ok || m[2] != "" && len(m[2]) != places {
		return 0, loot.Errorf(loot.Invalid, "This is not a price. One looks like %s.", plainAmount(990, currency))
	}
	said, _ := invoice.Places(currency)
	if len(m[2]) > said && strings.Trim(m[2][said:], "0") != "" {
		return 0, loot.Errorf(loot.Invalid, "The amounts of an invoice have two digits behind the point at most (EN 16931), so that this price could not be charged exactly. Choose one whose last digit is 0, such as %s.", plainAmount(990, currency))
	}
	if m[2] == "" {
		m[2] = strings.Repeat("0", places)
	}
	n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("billing: price: %w", err)
	}
	return n, nil
}

// addPlan adds a plan.
func (b *Billing) addPlan(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := planFields(s)
	err = form.Check(typed)
	p := Plan{ID: loot.NewID("p"), Service: typed.Get("service"), Title: typed.Get("title"), Text: typed.Get("text"), Currency: typed.Get("currency"), Period: typed.Get("period"), Exempt: typed.Get("exempt"), Code: typed.Get("code")}
	if err == nil {
		wrong := map[string]string{}
		for name, to := range map[string]*int64{"price": &p.Cents, "setup": &p.Setup} {
			n, err := priceOf(typed.Get(name), p.Currency)
			if *to = n; err != nil && (name == "price" || typed.Get(name) != "") {
				wrong[name] = loot.Message(err)
			}
		}
		if what := wrongExemptCode(p.Code); what != "" {
			wrong["code"] = "The code " + what
		}
		if p.Code != "" && p.Exempt == "" {
			wrong["exempt"] = "Say in words why the plan is exempt, too: invoices say it. Or remove the code."
		}
		err = web.Invalid("", wrong)
	}
	if web.Wrong(err) != nil {
		return b.showPlans(w, r, http.StatusUnprocessableEntity, s, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		if err := insertPlan(r.Context(), tx, p); err != nil {
			return err
		}
		_, err := b.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), "plan.added", p.ID)
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The plan can be ordered from now on. If something of it is counted, say so before somebody orders it.")
	return web.Redirect(w, r, "/console/billing/plans/"+url.PathEscape(p.ID))
}

// retirePlan takes a plan out of the catalogue.
func (b *Billing) retirePlan(w http.ResponseWriter, r *http.Request) error {
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		retired, err := retirePlan(r.Context(), tx, r.PathValue("id"), b.Now())
		if err != nil {
			return err
		}
		if !retired {
			return loot.Errorf(loot.NotFound, "There is no such plan that could be retired.")
		}
		_, err = b.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), "plan.retired", r.PathValue("id"))
		return err
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/billing/plans")
}
