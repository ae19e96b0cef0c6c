package web_test

import (
	"context"
	"embed"
	"flag"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/web"
	"loot/web/chart"
	"loot/web/webtest"
)

// The gallery shows every part of the layouts with made-up content. To look
// at it: go test ./web -run TestGallery -gallery localhost:8099
var gallery = flag.String("gallery", "", "serve the gallery at this address until interrupted")

//go:embed testdata/gallery/*.html
var galleryFiles embed.FS

var noon = time.Date(2026, 3, 12, 12, 4, 9, 0, time.UTC)

type (
	tile     struct{ Icon, Title, Text, Href string }
	homeView struct {
		web.View
		Tiles []tile
		Chart template.HTML
	}
	clause struct {
		ID, Title string
		Badge     *web.Badge
		Text      []string
		Rules     []web.Rule
	}
	part struct {
		ID, Title string
		Clauses   []clause
	}
	statementView struct {
		web.View
		Parts []part
	}
	formView struct {
		web.View
		Steps []web.Step
		Wrong *web.Problems
		Sets  []fieldset
		Facts []web.Fact
		Note  web.Alert
	}
	fieldset struct {
		Legend string
		Hint   string
		Fields web.Fields
	}
	signinView struct {
		web.View
		Fields web.Fields
	}
	held struct {
		Name, Value, For, Kept string
		State                  web.Badge
	}
	row struct {
		Title, Text string
		State       web.Badge
		Meta        []string
		Action      web.Action
	}
	portalView struct {
		web.View
		Stats       []web.Stat
		Held        []held
		Permissions []row
		Days        []web.Day
	}
	consoleView struct {
		web.View
		Alert web.Alert
		Stats []web.Stat
		Chart template.HTML
		Queue []row
	}
	customer struct {
		ID             string
		State          web.Badge
		Since, Changed time.Time
		Services, Uses int
	}
	customersView struct {
		web.View
		Tabs  []web.Tab
		Rows  []customer
		Pager web.Pager
	}
	secretRow struct {
		Term   string
		Secret web.Secret
	}
	recordView struct {
		web.View
		Refusal *web.Refusal
		State   web.Badge
		Secrets []secretRow
		Days    []web.Day
		Fields  web.Fields
		Facts   []web.Fact
	}
	partsView struct {
		web.View
		Alerts  []web.Alert
		Fields  web.Fields
		Buttons []web.Action
		Badges  []web.Badge
		Dialog  web.Dialog
		Rule    web.Rule
		Empty   web.Empty
		Mail    web.Frame
	}
)

var (
	homePage      = web.NewPage[homeView](galleryFiles, "testdata/gallery/home.html")
	statementPage = web.NewPage[statementView](galleryFiles, "testdata/gallery/statement.html")
	formPage      = web.NewPage[formView](galleryFiles, "testdata/gallery/form.html")
	signinPage    = web.NewPage[signinView](galleryFiles, "testdata/gallery/signin.html")
	portalPage    = web.NewPage[portalView](galleryFiles, "testdata/gallery/portal.html")
	consolePage   = web.NewPage[consoleView](galleryFiles, "testdata/gallery/console.html")
	customersPage = web.NewPage[customersView](galleryFiles, "testdata/gallery/customers.html")
	recordPage    = web.NewPage[recordView](galleryFiles, "testdata/gallery/record.html")
	partsPage     = web.NewPage[partsView](galleryFiles, "testdata/gallery/parts.html")
)

func TestGallery(t *testing.T) {
	s := webtest.New(t, galleryOptions(), galleryRoutes())
	for _, path := range []string{"/", "/statement", "/order", "/signin", "/nothing", "/portal", "/console", "/console/customers", "/console/record", "/console/parts", "/console/mail/frame"} {
		a := s.Get(path)
		want := http.StatusOK
		if path == "/nothing" {
			want = http.StatusNotFound
		}
		if a.Status != want {
			t.Errorf("GET %s: status %d, want %d", path, a.Status, want)
		}
		if strings.Contains(a.Body, "<no value>") || strings.Contains(a.Body, "ZgotmplZ") {
			t.Errorf("GET %s: a value is missing or was refused", path)
		}
	}
	if a := s.Get("/console/refused"); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "security.levels") {
		t.Errorf("the refusal is answered with %d", a.Status)
	}
	if *gallery != "" {
		serveGallery(t)
	}
}

func serveGallery(t *testing.T) {
	o := galleryOptions()
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	o.Now = func() time.Time { return noon }
	shell := web.New(o)
	mux := http.NewServeMux()
	shell.Mount(mux, galleryRoutes())
	l, err := net.Listen("tcp", *gallery)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	srv := &http.Server{Handler: shell.Handler(mux)}
	go func() { <-ctx.Done(); srv.Close() }()
	if err := srv.Serve(l); err != http.ErrServerClosed {
		t.Fatal(err)
	}
}

func galleryOptions() web.Options {
	nav := []web.Nav{
		{Audience: web.Public, Label: "Services", Icon: "server", Href: "/order", Order: 10},
		{Audience: web.Public, Label: "Check a proof", Icon: "badge-check", Href: "/verify", Order: 20},
		{Audience: web.Public, Group: web.Footer, Label: "Questions", Href: "/questions", Order: 10},
		{Audience: web.Public, Group: web.Footer, Label: "Transparency report", Href: "/transparency", Order: 20},
		{Audience: web.Public, Group: web.Footer, Label: "Report abuse", Href: "/abuse", Order: 30},
		{Audience: web.Public, Group: web.Footer, Label: "Programming interface", Href: "/api", Order: 40},
		{Audience: web.Portal, Label: "Overview", Icon: "house", Href: "/portal", Exact: true, Order: 10},
		{Audience: web.Portal, Label: "Services", Icon: "server", Href: "/portal/services", Order: 20},
		{Audience: web.Portal, Label: "Invoices", Icon: "receipt-text", Href: "/portal/invoices", Order: 30},
		{Audience: web.Portal, Label: "Your data", Icon: "contact", Href: "/portal/data", Order: 40},
		{Audience: web.Portal, Label: "Timeline", Icon: "history", Href: "/portal/timeline", Order: 50},
		{Audience: web.Console, Label: "Overview", Icon: "layout-dashboard", Href: "/console", Exact: true, Order: 10},
	}
	count := func(n int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return n, nil }
	}
	for i, e := range []struct {
		group, label, icon, href string
		count                    int
	}{
		{"Work", "Approvals", "users", "/console/approvals", 2},
		{"Work", "Checks", "list-checks", "/console/checks", 14},
		{"Work", "Incidents", "siren", "/console/incidents", 1},
		{"Work", "Authority requests", "landmark", "/console/authority", 3},
		{"Records", "Customers", "users", "/console/customers", 0},
		{"Records", "Services", "server", "/console/services", 0},
		{"Records", "Partners", "handshake", "/console/partners", 0},
		{"Records", "Mail", "inbox", "/console/mail", 0},
		{"Promise", "Statement", "scroll-text", "/console/statement", 0},
		{"Promise", "Ledger", "book-lock", "/console/ledger", 0},
		{"Promise", "Keys", "key-round", "/console/keys", 0},
		{"Company", "Staff and roles", "id-card", "/console/staff", 0},
		{"Company", "Settings", "sliders-horizontal", "/console/settings", 0},
	} {
		nav = append(nav, web.Nav{Audience: web.Console, Group: e.group, Label: e.label, Icon: e.icon, Href: e.href, Order: 20 + i, Count: count(e.count)})
	}
	return web.Options{
		Nav: nav,
		Site: func() web.Site {
			return web.Site{Name: "Loot", Company: "Nordwind Hosting GmbH, Speicherstadt 4, 20457 Hamburg", Statement: "/statement", Version: "2026-02", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout", Demo: true}
		},
		Identify: func(r *http.Request) (web.Identity, error) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/console"):
				return web.Identity{Actor: loot.Actor{Kind: loot.Staff, ID: "st1", Roles: []loot.Role{"support", "verifier"}}, Name: "Mira Okafor", At: noon}, nil
			case strings.HasPrefix(r.URL.Path, "/portal"):
				return web.Identity{Actor: loot.Actor{Kind: loot.Person, ID: "s1"}, Name: "Blaue Düne e.K.", At: noon}, nil
			}
			return web.Identity{}, nil
		},
	}
}

type refused struct{}

func (refused) Error() string   { return "Support may not open bank details to answer a question." }
func (refused) Kind() loot.Kind { return loot.Denied }
func (refused) Refused() (loot.Clause, string, []string) {
	return "security.levels", "Protection fitted to the data", []string{
		"the approval of a second person, who is not you",
		"a purpose that bank details were given for: “invoice” or “refund”",
	}
}

func galleryRoutes() []web.Route {
	show := func(pattern string, a web.Audience, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Audience: a, Serve: h}
	}
	return []web.Route{
		show("GET /{$}", web.Public, showHome),
		show("GET /statement", web.Public, showStatement),
		show("GET /order", web.Public, showForm),
		show("GET /signin", web.Public, func(w http.ResponseWriter, r *http.Request) error {
			v := web.ViewOf(r, "Sign in")
			v.Layout = web.LayoutBare
			return signinPage.Render(w, r, 200, signinView{v, web.Fields{{Name: "email", Label: "E-mail", Type: "email", Autocomplete: "email", Required: true, Plain: true}}})
		}),
		show("GET /portal", web.Portal, showPortal),
		show("GET /console", web.Console, showConsole),
		show("GET /console/customers", web.Console, showCustomers),
		show("GET /console/record", web.Console, showRecord),
		show("GET /console/parts", web.Console, showParts),
		show("POST /console/refused", web.Console, func(http.ResponseWriter, *http.Request) error { return refused{} }),
		show("GET /console/refused", web.Console, func(http.ResponseWriter, *http.Request) error { return refused{} }),
		show("GET /console/mail/frame", web.Console, func(w http.ResponseWriter, r *http.Request) error {
			return web.WriteUntrusted(w, `<!DOCTYPE html><html lang="en"><title>Mail</title><body style="font:16px sans-serif;padding:24px"><h1>Confirm your address</h1><p>Good day,</p><p>please press the button.</p><script>document.body.textContent="script ran"</script></body></html>`)
		}),
	}
}

func months() []string {
	return strings.Fields("Apr May Jun Jul Aug Sep Oct Nov Dec Jan Feb Mar")
}

func showHome(w http.ResponseWriter, r *http.Request) error {
	return homePage.Render(w, r, 200, homeView{web.ViewOf(r, "Loot"), []tile{
		{"server", "Dedicated servers", "From one machine to a rack, in Hamburg, Tallinn and Lisbon.", "/order"},
		{"database-backup", "Backups", "Nightly, sealed on your machine, kept in another country.", "/order?service=backup"},
		{"globe-lock", "Domains", "Registered in your name, with ours in front if you like.", "/order?service=domain"},
		{"badge-check", "Check a proof", "A file from your timeline, checked in your browser alone.", "/verify"},
	}, chart.Bars{
		Title: "Openings and disclosures a month", Unit: "Month", Labels: months(),
		Series: []chart.Series{
			{Name: "Opened inside", Values: []int{310, 342, 298, 401, 388, 366, 420, 455, 390, 412, 431, 180}},
			{Name: "To partners", Values: []int{40, 38, 44, 41, 52, 47, 43, 49, 51, 48, 50, 21}},
			{Name: "To authorities", Values: []int{2, 0, 1, 3, 0, 1, 2, 1, 0, 4, 1, 1}},
		},
	}.Figure()})
}

func showStatement(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "Privacy statement")
	v.Lead = "Version 2026-02, in force since 1 February 2026. Beside each clause stands the rule that our servers obey."
	v.Actions = []web.Action{{Label: "Earlier versions", Icon: "history", Href: "/statement/versions"}, {Label: "As a file", Icon: "download", Href: "/statement.md"}}
	rule := web.Rule{
		Title: "The rule that runs", Lines: "lines 212–224", Open: true, Syntax: "cedar",
		Plain: []string{"A partner may receive a record if the agreement is signed and has not ended, and you gave permission for that purpose and that partner.", "You are told of it."},
		Code: `@notify("subject")
@needs1("a signed agreement that has not ended")
permit (
  principal is Partner,
  action == Action::"transfer",
  resource
) when {
  // an agreement in force, and your permission
  principal has agreement && principal.agreement.ends > context.now &&
  resource.subject.hasTag(context.purpose) &&
  resource.subject.getTag(context.purpose).contains(principal.key)
};`,
	}
	yaml := web.Rule{Title: "What is declared", Lines: "lines 40–52", Syntax: "yaml", Plain: []string{"Company name: for invoices. Without it no invoice can be drawn."}, Code: "fields:\n  company.name:   # as registered\n    title: \"Company name\"\n    category: identity\n    needed: {invoice: \"no invoice can be drawn\"}\n    max: 120\n"}
	return statementPage.Render(w, r, 200, statementView{v, []part{
		{"collection", "What is asked, and why", []clause{
			{"collection.compulsory", "What a service cannot do without", nil, []string{
				"When you order a service we ask for what that service needs, and beside each field we say what could not be done without it. Nothing else is ever demanded. What is merely useful is marked as optional, and leaving it out costs you nothing.",
				"Should a new service need something more, you are asked then, and told beforehand.",
			}, []web.Rule{yaml}},
			{"collection.invoice", "For your invoices", nil, []string{"An invoice needs the name of your company, where it is registered, and the services it used. Invoices are drawn from exactly these."}, nil},
		}},
		{"disclosure", "Nobody else gets it", []clause{
			{"disclosure.permission", "Only with your permission", nil, []string{"What you gave us stays with us. By ordering you permit what the order needs, and no more. Every other use waits for your yes, and your no counts from the moment you say it."}, []web.Rule{rule}},
			{"disclosure.partners", "Partners under agreement", &web.Badge{Text: "Planned", Tone: web.Warn, Icon: "clock"}, []string{"A partner company may receive a record only under a confidentiality agreement that is signed, dated and has not ended."}, nil},
		}},
	}})
}

var orderSets = []fieldset{
	{Legend: "Your company", Hint: "As it stands in the register, since the invoice is drawn from it.", Fields: web.Fields{
		{Name: "company", Label: "Company name", Required: true, MaxLen: 120, Autocomplete: "organization", Why: "Invoices: without it none can be drawn."},
		{Name: "vat", Label: "VAT number", Placeholder: "DE123456789", Why: "Invoices across borders: without it we have to charge VAT."},
		{Name: "country", Label: "Country", Type: "select", Required: true, Autocomplete: "country", Options: []web.Option{web.Choose, {Value: "DE", Label: "Germany", Group: "European Union"}, {Value: "EE", Label: "Estonia", Group: "European Union"}, {Value: "CH", Label: "Switzerland", Group: "Elsewhere"}}},
		{Name: "address", Label: "Registered address", Type: "textarea", Rows: 3, Required: true, Wide: true, Autocomplete: "street-address", Why: "Invoices: the law asks for it."},
	}},
	{Legend: "How to reach you", Fields: web.Fields{
		{Name: "email", Label: "E-mail", Type: "email", Required: true, Autocomplete: "email", Hint: "We send a link to it, to be sure that it is yours."},
		{Name: "phone", Label: "Telephone", Type: "tel", Autocomplete: "tel", Why: "Faults: without it we can only write."},
	}},
	{Legend: "What you permit", Hint: "Nothing is ticked for you. Each can be given and withdrawn at any time.", Fields: web.Fields{
		{Name: "recommend", Label: "Recommend servers that fit what I use", Type: "checkbox", Hint: "From your usage and your invoices, by us alone.", Wide: true},
		{Name: "news", Label: "Write to me about new servers", Type: "checkbox", Hint: "At most once a month.", Wide: true},
		{Name: "term", Label: "How long for", Type: "radio", Value: "12", Required: true, Options: []web.Option{{Value: "1", Label: "By the month"}, {Value: "12", Label: "A year", Hint: "Two months free"}}},
	}},
}

func showForm(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "Order a backup server")
	v.Lead = "Every field says what needs it and what cannot be done without it."
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/services"}, {Label: "Backups", Href: "/services/backup"}}
	data := formView{
		View: v, Steps: web.Steps(2, "Service", "Your data", "Confirm"), Sets: orderSets,
		Facts: []web.Fact{{Term: "Service", Value: "Backup, 2 TB, Tallinn"}, {Term: "Price", Value: "19.00 € a month"}, {Term: "From", Value: "1 April 2026"}, {Term: "Ends", Value: "one month after notice"}},
		Note:  web.Alert{Tone: web.Info, Title: "Kept for ten years.", Text: "Invoices are, by law. Everything else goes when the service ends."},
	}
	if r.URL.Query().Has("wrong") {
		err := web.Invalid("", map[string]string{"vat": "The check digit does not fit. Is a digit missing?", "email": "This is not an e-mail address."})
		typed := url.Values{"company": {"Blaue Düne e.K."}, "vat": {"DE12345678"}, "email": {"buero@"}, "country": {"DE"}, "term": {"1"}, "recommend": {"on"}}
		var all []web.Fields
		data.Sets = nil
		for _, s := range orderSets {
			s.Fields = s.Fields.With(typed, err)
			data.Sets = append(data.Sets, s)
			all = append(all, s.Fields)
		}
		data.Wrong = web.ProblemsOf(err, all...)
	}
	return formPage.Render(w, r, 200, data)
}

func days() []web.Day {
	at := func(d, h, m int) time.Time { return time.Date(2026, 3, d, h, m, 41, 0, time.UTC) }
	return web.Days([]web.Event{
		{
			At: at(12, 11, 58), Icon: "eye", Title: "Your record was opened", Who: "Support", Text: "to answer your question of 11 March", Clause: "disclosure.permission", Href: "/statement#disclosure.permission",
			Facts: []web.Fact{{Term: "Fields", Value: "Company name, e-mail"}, {Term: "Purpose", Value: "Answering questions"}, {Term: "Entry", Value: "e7k2m9q4xw", Code: true}}, Actions: []web.Action{{Label: "Proof", Icon: "download", Href: "/portal/proof/e7k2", Small: true}},
		},
		{At: at(12, 9, 12), Icon: "ban", Tone: web.Bad, Title: "A use was refused", Who: "Sales", Text: "tried to open your telephone number for advertising", Clause: "network.purpose", Href: "/statement#network.purpose", Badge: &web.Badge{Text: "Refused", Tone: web.Bad}},
		{At: at(10, 15, 30), Icon: "receipt-text", Tone: web.Good, Title: "Invoice 2026-0314 was drawn", Who: "Billing", Text: "from company name, address, services", Clause: "collection.invoice", Href: "/statement#collection.invoice", Actions: []web.Action{{Label: "Proof", Icon: "download", Href: "/portal/proof/e7k3", Small: true}}},
	})
}

func showPortal(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "Your portal")
	v.Lead = "What you use, what we know, and what was done with it."
	v.Actions = []web.Action{{Label: "Take your data along", Icon: "download", Href: "/portal/rights"}, {Label: "Order a service", Icon: "plus", Href: "/order", Primary: true}}
	good, open, bad := web.Badge{Text: "Verified", Tone: web.Good, Icon: "check"}, web.Badge{Text: "Not checked"}, web.Badge{Text: "Disputed", Tone: web.Warn}
	return portalPage.Render(w, r, 200, portalView{
		v,
		[]web.Stat{
			{Label: "Services", Value: "3", Note: "next invoice on 1 April", Icon: "server", Href: "/portal/services"},
			{Label: "Fields held", Value: "9", Note: "7 of them verified", Icon: "contact", Href: "/portal/data"},
			{Label: "Uses this month", Value: "12", Note: "1 refused", Icon: "history", Href: "/portal/timeline"},
			{Label: "Permissions", Value: "1 of 3", Note: "changed on 2 March", Icon: "hand", Href: "/portal/permissions"},
		},
		[]held{
			{"Company name", "Blaue Düne e.K.", "Invoices, services", "10 years", good},
			{"VAT number", "DE814584193", "Invoices", "10 years", good},
			{"Registered address", "Donaudampfschifffahrtsgesellschaftsstraße 12, 20457 Hamburg", "Invoices", "10 years", bad},
			{"E-mail", "buero@blaue-duene.example", "Services, questions", "until the service ends", good},
			{"Telephone", "+49 40 5550 123", "Faults", "until the service ends", open},
		},
		[]row{
			{"Recommendations", "Servers that fit what you use, chosen by us from usage and invoices.", web.Badge{Text: "Given", Tone: web.Good}, []string{"since 2 March 2026", "for us alone"}, web.Action{Label: "Withdraw", Href: "/portal/permissions/recommend", Post: true, Small: true, Confirm: "From this moment nothing is recommended to you. You can give the permission again at any time.", Danger: true}},
			{"News by e-mail", "New servers and products, at most once a month.", web.Badge{Text: "Not given"}, []string{"never given"}, web.Action{Label: "Give", Href: "/portal/permissions/news", Post: true, Small: true}},
			{"Domains by Sternwarte OÜ", "They register domains for you and need your name and address to do so.", web.Badge{Text: "Withdrawn", Tone: web.Warn}, []string{"withdrawn on 2 March 2026", "partner in Estonia"}, web.Action{Label: "Give again", Href: "/portal/permissions/domains", Post: true, Small: true}},
		},
		days(),
	})
}

func showConsole(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "Good morning, Mira")
	v.Lead = "Statement 2026-02 is in force. The ledger answers, and its last checkpoint is two seconds old."
	return consolePage.Render(w, r, 200, consoleView{
		v,
		web.Alert{Tone: web.Warn, Title: "One incident has no owner.", Text: "It has to be assessed before tomorrow, 14:00.", Actions: []web.Action{{Label: "Take it", Href: "/console/incidents/4", Small: true}}},
		[]web.Stat{
			{Label: "Customers", Value: "2 408", Note: "31 new this month"},
			{Label: "Openings today", Value: "184", Note: "by 9 people"},
			{Label: "Refused today", Value: "3", Note: "all for “advertising”", Tone: web.Warn, Href: "/console/refusals"},
			{Label: "Receipt ready", Value: "0.9 s", Note: "p99 of the last hour"},
		},
		chart.Bars{Title: "Decisions a month", Unit: "Month", Labels: months(), Series: []chart.Series{
			{Name: "Permitted", Values: []int{2900, 3100, 2800, 3300, 3500, 3200, 3900, 4100, 3700, 4000, 4200, 1800}},
			{Name: "Refused", Values: []int{60, 80, 40, 120, 90, 70, 60, 150, 80, 90, 70, 30}, Colour: 3},
		}}.Figure(),
		[]row{
			{"Approval: publish statement 2026-03", "Asked by J. Lindqvist, 20 minutes ago. Two people other than the author have to agree.", web.Badge{Text: "1 of 2", Tone: web.Warn}, nil, web.Action{Label: "Look at it", Href: "/console/approvals/1", Small: true}},
			{"Check a company's name", "The register spells it differently.", web.Badge{Text: "Due today", Tone: web.Bad, Icon: "clock"}, nil, web.Action{Label: "Check", Href: "/console/checks/9", Small: true}},
		},
	})
}

func showCustomers(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "Customers")
	v.Lead = "Found by an exact value and opened for a purpose. The list itself names nobody."
	v.Wide = true
	v.Actions = []web.Action{{Label: "Open for a purpose", Icon: "eye", Href: "#", Primary: true}}
	states := []web.Badge{{Text: "Active", Tone: web.Good}, {Text: "Unconfirmed", Tone: web.Warn}, {Text: "Restricted", Tone: web.Bad}, {Text: "Erased"}}
	var rows []customer
	for i, id := range []string{"s4qx7m2kd9vbn3hz", "s8hw2plr5tcy6jf", "sk3n9d7zqa1mxv4", "sb6t2c8whr5ygpe", "sz1m4v7kq9xn3dl", "sp5j8f2trc6hwby", "sa9e3g7uo1ilmsk", "sq2d6x8zvnh4wpt"} {
		rows = append(rows, customer{id, states[[]int{0, 0, 1, 0, 2, 0, 3, 0}[i]], noon.AddDate(0, -i*3, -i*5), noon.Add(-time.Duration(i*i*7) * time.Hour), i % 4, 12 + i*i*311})
	}
	return customersPage.Render(w, r, 200, customersView{v, []web.Tab{{Label: "All", Href: "/console/customers", Current: true}, {Label: "Unconfirmed", Href: "?state=unconfirmed", Count: "12"}, {Label: "Restricted", Href: "?state=restricted"}, {Label: "Erased", Href: "?state=erased"}}, rows, web.Pager{Shown: "50 of 2 408", Next: web.After(r.URL, "sq2d6x8zvnh4wpt")}})
}

func showRecord(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r, "s4qx7m2kd9vbn3hz")
	v.Lead = "Opened for “answering questions”. Bank details stay closed for it."
	v.Crumbs = []web.Crumb{{Label: "Console", Href: "/console"}, {Label: "Customers", Href: "/console/customers"}}
	ref, _ := web.RefusalOf(refused{})
	ref.Href = "/statement#security.levels"
	reveal := func(f string) web.Action {
		return web.Action{Label: "Reveal", Icon: "eye", Href: "/console/customers/s4/reveal", Post: true, Small: true, Hidden: []web.Hidden{{Name: "field", Value: f}}}
	}
	return recordPage.Render(w, r, 200, recordView{
		v, &ref,
		web.Badge{Text: "Active", Tone: web.Good},
		[]secretRow{
			{"Company name", web.Secret{Shown: "Blaue Düne e.K.", Copyable: true}},
			{"E-mail", web.Secret{Shown: "b•••@b•••.example", Masked: true, Reveal: reveal("email")}},
			{"Telephone", web.Secret{Shown: "+49 •• •••• •23", Masked: true, Reveal: reveal("phone")}},
			{"Bank account", web.Secret{Shown: "closed", Masked: true, Why: "Not given for this purpose."}},
		},
		days(),
		web.Fields{
			{Name: "purpose", Label: "Purpose", Type: "select", Required: true, Plain: true, Options: []web.Option{{Value: "support", Label: "Answering questions"}, {Value: "invoice", Label: "Invoices"}, {Value: "ads", Label: "Advertising"}}},
			{Name: "reason", Label: "Reason", Type: "textarea", Rows: 3, Required: true, Plain: true, Hint: "Sealed. It is opened only when an opening is questioned."},
		},
		[]web.Fact{{Term: "Record", Value: "s4qx7m2kd9vbn3hz", Code: true}, {Term: "Since", Value: "4 May 2024"}, {Term: "Statement", Value: "2026-02"}, {Term: "Gag", Value: ""}},
	})
}

func showParts(w http.ResponseWriter, r *http.Request) error {
	web.Policy{Frames: true}.Set(w)
	v := web.ViewOf(r, "Parts")
	v.Flash = &web.Flash{Tone: web.Good, Text: "The change is saved."}
	return partsPage.Render(w, r, 200, partsView{
		v,
		[]web.Alert{{Tone: web.Good, Text: "The backup of last night was restored on a trial basis, and holds."}, {Tone: web.Bad, Title: "The ledger cannot be reached.", Text: "Until it can, no record opens.", List: []string{"since 11:58", "the folder is full"}}},
		web.Fields{
			{Name: "a", Label: "Amount", Type: "number", Prefix: "€", Suffix: "a month", Value: "19"},
			{Name: "b", Label: "Day", Type: "date", Value: "2026-03-12"},
			{Name: "c", Label: "Scan of the letter", Type: "file", Hint: "PDF or picture, at most 10 MB."},
			{Name: "d", Label: "Not to be changed", Value: "collection.invoice", ReadOnly: true, Plain: true},
			{Name: "e", Label: "Purposes", Type: "checkboxes", Values: []string{"x"}, Options: []web.Option{{Value: "x", Label: "Invoices"}, {Value: "y", Label: "Recommendations", Hint: "needs permission"}, {Value: "z", Label: "Advertising", Disabled: true}}},
			{Name: "f", Label: "Password", Type: "password", Autocomplete: "current-password", Required: true, Error: "Please fill this in."},
		},
		[]web.Action{{Label: "Primary", Primary: true, Href: "#p"}, {Label: "Plain", Icon: "download", Href: "#"}, {Label: "Erase the record", Icon: "trash-2", Danger: true, Post: true, Href: "/console/erase", Confirm: "The keys are destroyed. Nobody can bring the record back, we included."}, {Label: "Small", Small: true, Href: "#"}, {Label: "Not now", Post: true, Disabled: true, Href: "/x"}},
		[]web.Badge{{Text: "Neutral"}, {Text: "Good", Tone: web.Good}, {Text: "Warn", Tone: web.Warn}, {Text: "Bad", Tone: web.Bad}, {Text: "Info", Tone: web.Info, Icon: "info"}},
		web.Dialog{ID: "ask", Title: "Agree to publish 2026-03?", Text: "You are the second of two. It is announced at once and comes into force on 12 April.", Fields: web.Fields{{Name: "note", Label: "Remark", Type: "textarea", Rows: 2}}, Confirm: web.Action{Label: "Agree", Icon: "check", Primary: true, Href: "/console/approvals/1"}},
		web.Rule{Plain: []string{"No field of level 3 opens without a second person."}, Syntax: "json", Code: `{"verdict": "refused", "clauses": ["security.levels"], "approvals": 1, "mask": null}`},
		web.Empty{Icon: "inbox", Title: "No message has been written yet", Text: "With no mail server configured, messages wait here to be looked at.", Action: &web.Action{Label: "Write a test message", Href: "#"}},
		web.Frame{Title: "The message as HTML", Src: "/console/mail/frame", Wide: 230, Narrow: 260},
	})
}
