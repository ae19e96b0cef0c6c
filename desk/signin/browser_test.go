package signin

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"loot/store"
	"loot/web"
)

// A real is a real browser with an authenticator that says yes, on a house
// that it reaches under localhost.
type real struct {
	t    *testing.T
	h    *house
	base string
	ctx  context.Context
	n    int
}

func newReal(t *testing.T) *real {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is missing, so no real browser makes a passkey; scripts/install-test-tools installs it")
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ok(t, err)
	r := &real{t: t, base: "http://localhost:" + port}
	r.h = onOne(t, r.base, Options{Scopes: scopes})
	shell := web.New(web.Options{
		Now: r.h.Kit.Now, Log: r.h.Kit.Log, NoLimits: true, BaseURL: r.base, Identify: r.h.desk.Identify, Nav: append(r.h.desk.Desk().Nav, r.h.staff.Desk().Nav...),
		Site: func() web.Site {
			return web.Site{Name: "Example Network", Company: "Example AG", Statement: "/statement", SignIn: "/signin", StaffSignIn: "/console/signin", SignOut: "/signout"}
		},
	})
	mux := http.NewServeMux()
	shell.Mount(mux, r.h.desk.Desk().Routes, r.h.staff.Desk().Routes, r.h.pages())
	server := &http.Server{Handler: shell.Handler(mux), ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	r.ctx = ctx
	ok(t, chromedp.Do(r.ctx)) // starts the browser, which the time limits of steps must not end
	r.do(chromedp.EmulateViewport(1440, 900), func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return chromedp.Void{}, err
	})
	return r
}

// do takes steps, and says what was on the page if one of them is not possible.
func (r *real) do(steps ...chromedp.Action[chromedp.Void]) {
	r.t.Helper()
	for i, step := range steps {
		ctx, cancel := context.WithTimeout(r.ctx, 30*time.Second)
		err := chromedp.Do(ctx, step)
		cancel()
		if err != nil {
			r.t.Fatalf("step %d: %v; the page says: %s", i+1, err, r.says())
		}
	}
}

// says returns where the browser is and what the page there says.
func (r *real) says() string {
	ctx, cancel := context.WithTimeout(r.ctx, 5*time.Second)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + ": " + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return said
}

func (r *real) open(path string) {
	r.t.Helper()
	r.do(chromedp.Navigate(r.base + path))
}

// at waits until the browser is at a path.
func (r *real) at(path string) {
	r.t.Helper()
	where := ""
	for range 400 {
		var err error
		where, err = chromedp.Run(r.ctx, chromedp.Location())
		ok(r.t, err)
		if strings.TrimPrefix(where, r.base) == path {
			return
		}
		if _, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool](`new Promise((done) => setTimeout(() => done(true), 25))`, chromedp.EvalAwaitPromise)); err != nil {
			continue // the page is changing
		}
	}
	r.t.Fatalf("at %s, want %s: %s", where, path, r.says())
}

func (r *real) click(selector string) {
	r.t.Helper()
	r.do(chromedp.Click(chromedp.CSS(selector)))
}

// picture keeps what the page looks like, in light and dark, at a desk and on
// a phone, in the folder that LOOT_SCREENSHOTS names; and it fails if the page
// is wider than the phone.
func (r *real) picture(name string) {
	r.t.Helper()
	r.n++
	to := os.Getenv("LOOT_SCREENSHOTS")
	for _, look := range []struct {
		name   string
		width  int64
		scheme string
	}{{"desk-light", 1440, "light"}, {"desk-dark", 1440, "dark"}, {"phone-light", 390, "light"}, {"phone-dark", 390, "dark"}} {
		if to == "" && look.name != "phone-light" {
			continue
		}
		r.do(chromedp.EmulateViewport(look.width, 844), func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}})
			return chromedp.Void{}, err
		})
		// Colours take a moment to change.
		r.do(chromedp.Evaluate[chromedp.Void](`Promise.all(document.getAnimations().map((a) => a.finished.catch(() => 0))).then(() => undefined)`, chromedp.EvalAwaitPromise))
		wide, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
		ok(r.t, err)
		if wide {
			r.t.Errorf("%s is wider than its screen: %s", name, look.name)
		}
		if to != "" {
			b, err := chromedp.Run(r.ctx, chromedp.FullScreenshot(100))
			ok(r.t, err)
			ok(r.t, os.WriteFile(filepath.Join(to, "signin-"+name+"-"+look.name+".png"), b, 0o600))
		}
	}
	r.do(chromedp.EmulateViewport(1440, 900))
}

// A real browser goes the whole way: the first start's link, a passkey made
// and used by the page's own script under its policy, another one added, and a
// customer's.
func TestRealBrowserMakesAndUsesPasskeys(t *testing.T) {
	r := newReal(t)
	h := r.h
	link, err := h.desk.FirstAdminLink(t.Context())
	ok(t, err)
	r.open(strings.TrimPrefix(link, r.base))
	r.picture("first")
	r.do(
		chromedp.SendKeys(chromedp.CSS("#f-name"), "Anna Example"), chromedp.SendKeys(chromedp.CSS("#f-email"), anna),
		chromedp.Click(chromedp.CSS(".card button")), chromedp.WaitVisible(chromedp.CSS("form[data-passkey] button")),
	)
	r.picture("set-up")
	r.click("form[data-passkey] button")
	r.at("/console")

	r.open("/console/account")
	r.picture("account")
	r.open("/console/tokens")
	r.picture("tokens")
	r.open("/console/account/password")
	r.picture("password")
	r.open("/console/staff")
	r.picture("staff")
	r.open("/console/undertaking")
	r.picture("undertaking")

	// The same device is asked for another one: it has one already.
	r.open("/console/account")
	r.click(".add-key button")
	said := ""
	for range 200 {
		if said, err = chromedp.Run(r.ctx, chromedp.Evaluate[string](`new Promise((done) => setTimeout(() => done(document.querySelector(".passkey-said").textContent), 25))`, chromedp.EvalAwaitPromise)); err == nil && said != "" {
			break
		}
	}
	if !strings.Contains(said, "has a passkey for you already") {
		t.Errorf("the page says %q", said)
	}

	r.do(chromedp.Evaluate[chromedp.Void](`fetch("/signout", {method: "POST"}).then(() => undefined)`, chromedp.EvalAwaitPromise))
	r.open("/console/signin?next=/console/account")
	r.do(chromedp.WaitVisible(chromedp.CSS("form[data-passkey] button")))
	r.picture("staff-door")
	r.click("form[data-passkey] button")
	r.at("/console/account")

	// A customer, by link and then by passkey.
	s := h.customer(jo)
	url := ""
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		url, err = h.desk.DemoCustomerLink(ctx, tx, s)
		return err
	})
	r.open(strings.TrimPrefix(url, r.base))
	r.picture("link")
	r.click(".card button")
	r.at("/portal")
	r.open("/portal/signin")
	r.do(chromedp.WaitVisible(chromedp.CSS(".add-key button")))
	r.picture("portal")
	r.click(".add-key button")
	r.do(chromedp.WaitVisible(chromedp.CSS(".rows .button.danger")))
	r.do(chromedp.Evaluate[chromedp.Void](`fetch("/signout", {method: "POST"}).then(() => undefined)`, chromedp.EvalAwaitPromise))
	r.open("/signin")
	r.do(chromedp.WaitVisible(chromedp.CSS("form[data-passkey] button")))
	r.picture("customer-door")
	r.open("/signin/sent")
	r.picture("sent")
}
