package e2e

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"loot/app"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/store/storetest"
)

// A house is a running Loot with its mail server.
type house struct {
	base  string
	post  *desktest.Postbox
	app   *app.App
	log   *bytes.Buffer
	ahead atomic.Int64 // of the time, in nanoseconds
}

// serve runs Loot as the command does, with an address, a folder and a mail server of
// its own.
func serve(t *testing.T, c app.Config) *house {
	t.Helper()
	return serveAhead(t, c, 0)
}

// serveAhead is serve at a time to come.
func serveAhead(t *testing.T, c app.Config, ahead time.Duration) *house {
	t.Helper()
	h := &house{post: desktest.NewPostbox(t)}
	h.ahead.Store(int64(ahead))
	c.SMTP, c.From = "smtp+plain://"+h.post.Address, "Loot <no-reply@localhost>"
	h.start(t, c)
	return h
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// pass lets time pass, once all that was entered is on the ledger.
func (h *house) pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := h.app.Ledger.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.ahead.Add(int64(d))
}

func (h *house) start(t *testing.T, c app.Config) {
	t.Helper()
	h.log = &bytes.Buffer{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.base = "http://localhost:" + ln.Addr().String()[strings.LastIndex(ln.Addr().String(), ":")+1:]
	ctx, cancel := context.WithCancel(t.Context())
	c.Data, c.Listen, c.BaseURL, c.Shutdown = filepath.Join(t.TempDir(), "data"), ln.Addr().String(), h.base, 20*time.Second
	a, err := app.New(ctx, c, app.Options{Now: h.now, Simulated: h.ahead.Load() != 0, Log: slog.New(slog.NewTextHandler(&locked{w: h.log}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, ln, nil, func() {}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serving ended with: %v", err)
		}
		a.Close()
		if strings.Contains(h.log.String(), "cannot count a queue") {
			t.Error("a page shows the queues without what waits in them")
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	h.app = a
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// administrator returns the browser of the first member of the staff, who is
// signed in.
func (h *house) administrator(t *testing.T) *browser {
	t.Helper()
	link, err := h.app.FirstAdministrator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, h.base, os.Getenv("LOOT_ARTEFACTS"))
	b.now = h.now
	b.visit(link)
	b.fill(map[string]string{"name": "Ada Admin", "email": "ada@example.org"})
	b.press(".primary")
	b.setUp("granite-otter-violin-4", false)
	return b
}

// customer returns the browser of somebody who has just ordered a virtual server and
// followed the link in the letter.
func (h *house) customer(t *testing.T) *browser {
	t.Helper()
	b := open(t, h.base, os.Getenv("LOOT_ARTEFACTS"))
	b.visit("/order/virtual-server")
	b.fill(map[string]string{
		"company.name": "Waldkauz Hosting GmbH", "address.street": "Forstweg 7", "address.postcode": "79100", "address.city": "Freiburg", "address.country": "DE", "contact.email": "kauz@example.net",
	})
	b.press("form[method=post] .primary")
	b.visit(h.post.Link(t, "kauz@example.net", "/signin/link/", within))
	b.press(".primary")
	return b
}

// A colleague is a member of the staff with a browser.
type colleague struct {
	*browser
	email, password, secret string
}

// hire has an administrator invite somebody with roles, who accepts and signs the
// undertaking.
func (h *house) hire(t *testing.T, admin *browser, name, email string, roles ...string) *colleague {
	t.Helper()
	admin.visit("/console/staff/new")
	admin.fill(map[string]string{"name": name, "email": email})
	for _, role := range roles {
		admin.fill(map[string]string{"roles": role})
	}
	admin.fillIfThere(map[string]string{"reason": "Joins."})
	admin.press(".primary")
	c := &colleague{browser: open(t, h.base, admin.dir), email: email, password: "velvet-harbour-kite-9"}
	c.now = h.now
	c.visit(h.post.Link(t, email, "/console/welcome/", within))
	c.press(".primary")
	c.secret = c.setUp(c.password, false)
	c.visit("/console/undertaking")
	c.fill(map[string]string{"name": name, "word": "on"})
	c.press(".primary")
	return c
}

// enter signs somebody in whose session has ended.
func (c *colleague) enter() {
	c.t.Helper()
	c.visit("/console/signin")
	c.fill(map[string]string{"email": c.email, "password": c.password})
	c.press("Go on to the code")
	code, err := totp.GenerateCode(c.secret, c.now())
	if err != nil {
		c.t.Fatal(err)
	}
	c.fill(map[string]string{"code": code})
	c.press("Sign in")
}

// step fills in the form of a page that leads to a step, and sends it.
func (c *colleague) step(step string, values map[string]string) {
	c.t.Helper()
	missing := eval[string](c.browser, `
		const [step, values] = a;
		const form = [...document.querySelectorAll("main form")].find(f => f.getAttribute("action").endsWith("/" + step));
		if (!form) return "there is no step " + step;
		for (const [name, value] of Object.entries(values)) {
			const all = [...form.elements].filter(e => e.name === name && e.type !== "hidden");
			const box = all.find(e => (e.type === "radio" || e.type === "checkbox") && e.value === value);
			if (box) { if (!box.checked) box.click(); continue; }
			if (!all.length) return step + " has no field " + name;
			all[0].value = value;
			if (all[0].value !== value) return name + " does not take " + value;
		}
		document.querySelectorAll("[data-step]").forEach(x => x.removeAttribute("data-step"));
		form.querySelector("button:not([type=button])").setAttribute("data-step", "");
		return "";`, step, values)
	if missing != "" {
		c.t.Fatalf("at %s: %s\n%s", c.location(), missing, c.text("main"))
	}
	c.press("[data-step]")
	if problems := c.text("main .alert.bad"); problems != "" {
		c.t.Fatalf("the step %s at %s: %s", step, c.location(), problems)
	}
}

// TestWalk goes the whole way, from reading the statement to a proof in the
// customer's hands, as people would.
func TestWalk(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walk(t, serve(t, app.Config{}), os.Getenv("LOOT_ARTEFACTS")) })
	t.Run("postgres", func(t *testing.T) {
		walk(t, serve(t, app.Config{Place: app.Place{Store: storetest.Postgres(t), Keys: storetest.Postgres(t)}}), judged)
	})
}

func walk(t *testing.T, h *house, artefacts string) {
	visitor := open(t, h.base, artefacts)

	// A visitor reads the statement and unfolds a rule.
	visitor.visit("/")
	visitor.shoot("home")
	visitor.visit("/statement")
	visitor.reads("Some details are compulsory", "SHA-256")
	shown := eval[string](visitor, `
		const fold = document.querySelector("#disclosure\\.permission details.rule");
		fold.querySelector("summary").click();
		return fold.innerText;`)
	if !strings.Contains(shown, "permit") && !strings.Contains(shown, "forbid") {
		t.Fatalf("the rule is not shown: %s", shown)
	}
	visitor.shoot("statement")

	// They order, and so register. What is missing is said beside the field.
	visitor.visit("/services")
	visitor.shoot("services")
	visitor.visit("/order/shared-hosting")
	visitor.reads("Compulsory", "Optional", "without it")
	if n := eval[int](visitor, `return document.querySelectorAll("main input[type=checkbox]:checked").length`); n != 0 {
		t.Fatalf("%d permissions are ticked beforehand", n)
	}
	visitor.fill(map[string]string{"company.name": "Waldkauz Hosting GmbH", "contact.email": "kauz@@example.net"})
	eval[string](visitor, `document.querySelector("main form[method=post]").noValidate = true; return ""`)
	visitor.press("form[method=post] .primary")
	visitor.reads("marked")
	visitor.shoot("order-wrong")
	visitor.fill(map[string]string{
		"company.name": "Waldkauz Hosting GmbH", "address.street": "Forstweg 7", "address.city": "Freiburg", "address.country": "DE",
		"contact.email": "kauz@example.net", "company.vat": "DE136695976", "contact.phone": "+49 761 555 0100",
	})
	visitor.shoot("order")
	visitor.press("form[method=post] .primary")
	visitor.shoot("thanks")

	// The address is confirmed by a link, which opens nothing by itself.
	visitor.visit(h.post.Link(t, "kauz@example.net", "/signin/link/", within))
	visitor.shoot("link")
	visitor.press(".primary")
	customer := visitor
	customer.visit("/portal")
	customer.reads("Waldkauz Hosting GmbH", "Forstweg 7", "your order", "2026-1", "who may open it", "how long it stays")
	customer.shoot("portal")

	// They give a permission and take it back.
	customer.visit("/portal/permissions")
	customer.press("Permit")
	customer.reads("on")
	customer.shoot("permissions")
	customer.press("Take back")

	// The first member of staff makes the first account, and a colleague.
	link, err := h.app.FirstAdministrator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin := open(t, h.base, artefacts)
	admin.visit(link)
	admin.shoot("welcome")
	admin.fill(map[string]string{"name": "Ada Admin", "email": "ada@example.org"})
	admin.press(".primary")
	admin.setUp("granite-otter-violin-4", artefacts != "")
	admin.visit("/console")
	admin.shoot("console")
	admin.visit("/console/staff/new")
	admin.fill(map[string]string{"name": "Sam Support", "email": "sam@example.org", "roles": "support"})
	admin.fillIfThere(map[string]string{"reason": "Joins the support team."})
	admin.shoot("staff-new")
	admin.press(".primary")

	staff := open(t, h.base, artefacts)
	staff.visit(h.post.Link(t, "sam@example.org", "/console/welcome/", within))
	staff.press(".primary")
	staff.setUp("velvet-harbour-kite-9", false)

	// Before the undertaking is signed, no record opens.
	staff.visit("/console/customers")
	staff.fill(map[string]string{"field": "contact.email", "value": "kauz@example.net", "purpose": "support"})
	staff.press("Find")
	staff.reads("undertaking")
	staff.shoot("not-signed")
	staff.visit("/console/undertaking")
	staff.fill(map[string]string{"name": "Sam Support", "word": "on"})
	staff.shoot("undertaking")
	staff.press(".primary")

	// Then the customer is found by exact e-mail, company name and VAT number.
	for field, value := range map[string]string{"company.name": "waldkauz  hosting gmbh", "company.vat": "DE 136695976", "contact.email": "Kauz@Example.net"} {
		staff.visit("/console/customers")
		staff.fill(map[string]string{"field": field, "value": value, "purpose": "support"})
		staff.press("Find")
		if n := eval[int](staff, `return document.querySelectorAll("main a[href^='/console/customers/s']").length`); n == 0 {
			t.Fatalf("not found by %s:\n%s", field, staff.text("main"))
		}
	}
	staff.shoot("found")
	card := eval[string](staff, `return document.querySelector("main a[href^='/console/customers/s']").getAttribute("href")`)

	// A purpose that no clause permits is refused, with what would be needed.
	staff.visit(card)
	staff.shoot("card")
	staff.fill(map[string]string{"purpose": "recommendation", "reason": "Curious."})
	staff.press("Open, covered")
	staff.reads("What would be needed")
	staff.shoot("refused")

	// The customer has the timeline open, which hears of what comes.
	customer.visit("/portal/timeline")
	customer.lacks("Opened ")

	// One that is permitted opens covered, and is revealed field by field.
	staff.visit(card)
	staff.fill(map[string]string{"purpose": "support", "reason": "Ticket 4711: mailbox is full."})
	staff.press("Open, covered")
	staff.reads("W•••", "k•••@e•••.net")
	staff.lacks("kauz@example.net", "Waldkauz")
	staff.shoot("opened")
	eval[string](staff, `
		const row = [...document.querySelectorAll("main tr")].find(r => r.innerText.includes("E-mail"));
		row.querySelector("form[action$=reveal] button").click(); return "";`)
	staff.do(chromedp.WaitVisible("body"), poll(`document.querySelector("main").innerText.includes("kauz@example.net")`))
	staff.shoot("revealed")

	// The page shows it to the customer by itself, and its proof too.
	customer.do(poll(`document.querySelector("main").innerText.includes("Opened ") && document.querySelector("main .event a[href^='/portal/proof/']") !== null`))
	customer.reads("Customer support")
	customer.shoot("timeline")

	// They download the proof and check it, offline and in the browser.
	receipt := eval[string](customer, `
		for (;;) {
			const link = document.querySelector("main a[href^='/portal/proof/']");
			if (link) { const r = await fetch(link.href); if (r.ok) return await r.text(); }
			await new Promise(f => setTimeout(f, 200));
			const p = await fetch(location.href); document.querySelector("main").innerHTML = new DOMParser().parseFromString(await p.text(), "text/html").querySelector("main").innerHTML;
		}`)
	key := h.app.Ledger.VerifierKey()
	res, err := ledger.VerifyReceipt([]byte(receipt), key, nil)
	if err != nil || res.Verdict != ledger.Holds {
		t.Fatalf("the receipt does not hold: %v %+v\n%s", err, res, receipt)
	}
	if strings.Contains(receipt, "kauz@example.net") || strings.Contains(receipt, "Waldkauz") {
		t.Error("the receipt holds what the customer gave")
	}
	file := filepath.Join(t.TempDir(), "proof.txt")
	changed := filepath.Join(t.TempDir(), "changed.txt")
	tampered := []byte(receipt)
	i := bytes.Index(tampered, []byte("extra ")) + 400 // within the facets, which are base64
	if tampered[i]++; tampered[i] > 'z' {
		tampered[i] = 'A'
	}
	for path, b := range map[string][]byte{file: []byte(receipt), changed: tampered} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	customer.visit("/verify")
	customer.do(chromedp.SetUploadFiles("input[type=file]", []string{file}), poll(`document.body.innerText.includes("holds")`))
	customer.shoot("verified")
	customer.visit("/verify")
	customer.do(chromedp.SetUploadFiles("input[type=file]", []string{changed}), poll(`document.body.innerText.includes("not hold")`))
	customer.shoot("tampered")

	// What they correct stays in their sight as long as it is held.
	customer.visit("/portal/correct/company.name")
	customer.fill(map[string]string{"company.name": "Waldkauz & Schleiereule Netzbetriebsgesellschaft für den Hochschwarzwald GmbH KG"})
	customer.press("Save")
	customer.visit("/portal")
	eval[string](customer, `[...document.querySelectorAll("main summary")].find(e => e.innerText.includes("1 earlier value")).click(); return "";`)
	customer.reads("Waldkauz Hosting GmbH", "Replaced", "Sealed, as long as the value that counts now")
	customer.shoot("portal-earlier")

	// Every colleague reports an incident; whose role approves none sees no button.
	staff.visit("/console/incidents")
	staff.fill(map[string]string{"text": "A list of addresses went to the wrong printer."})
	staff.press("Open a case")
	staff.reads("None of your roles may deal with an incident.")
	staff.lacks("Take it on", "Next step")
	staff.shoot("console-incident")

	for name, path := range map[string]string{
		"account": "/portal/account", "portal-services": "/portal/services", "versions": "/statement/versions", "ledger": "/ledger", "api": "/api", "problems": "/problems", "problem": "/problems/refused",
		"portal-categories": "/portal/rights/categories", "portal-tokens": "/portal/tokens", "portal-signin": "/portal/signin", "portal-order": "/portal/order/virtual-server", "address": "/portal/correct/contact.email",
	} {
		customer.visit(path)
		customer.shoot(name)
	}
	for name, path := range map[string]string{
		"console-staff": "/console/staff", "console-approvals": "/console/approvals", "console-incidents": "/console/incidents", "console-statement": "/console/statement",
		"console-ledger": "/console/ledger", "console-billing": "/console/billing", "console-tokens": "/console/tokens", "console-account": "/console/account",
		"console-openings": "/console/openings", "console-prices": "/console/billing/plans", "console-password": "/console/account/password",
	} {
		admin.visit(path)
		admin.shoot(name)
	}
	if log := h.log.String(); strings.Contains(log, "kauz") || strings.Contains(log, "sam@") {
		t.Errorf("the log names somebody:\n%s", log)
	}
}

func poll(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression))
		return err
	})
}

// setUp chooses a password and an authenticator app, whose secret it returns.
func (b *browser) setUp(password string, keep bool) (secret string) {
	b.t.Helper()
	if keep {
		b.shoot("set-up")
	}
	secret = eval[string](b, `return document.querySelector("main .scan code").innerText.replace(/\s/g, "")`)
	code, err := totp.GenerateCode(secret, b.now())
	if err != nil {
		b.t.Fatal(err)
	}
	b.fill(map[string]string{"password": password, "password-again": password, "code": code})
	eval[string](b, `document.getElementsByName("password")[0].form.querySelector("button.primary").setAttribute("data-submit", ""); return ""`)
	b.press("[data-submit]")
	if keep {
		b.shoot("recovery-codes")
	}
	return secret
}

func (b *browser) fillIfThere(values map[string]string) {
	for name, value := range values {
		if eval[int](b, `return document.getElementsByName(a[0]).length`, name) > 0 {
			b.fill(map[string]string{name: value})
		}
	}
}

var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("node_modules/axe-core/axe.min.js") })

// accessible holds the page against WCAG 2.2 AA, as far as a program can.
func (b *browser) accessible(name string) {
	b.t.Helper()
	script, err := axe()
	if err != nil {
		b.t.Fatal("the browser tests need axe-core; scripts/install-test-tools installs it")
	}
	eval[string](b, string(script)+`; return ""`)
	found := eval[string](b, `
		const frame = () => new Promise(f => requestAnimationFrame(f));
		await frame(); await frame();
		await Promise.all(document.getAnimations().map(x => x.finished.catch(() => {}))); // a colour on its way is none to judge
		const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]});
		return r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 160)).join("\n    ")).join("\n  ");`)
	if found != "" {
		b.t.Errorf("%s is not accessible:\n  %s", name, found)
	}
}

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("chromium"); err != nil {
		slog.Error("the tests need Debian's chromium; scripts/install-test-tools installs it")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
