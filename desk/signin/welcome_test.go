package signin

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

// app reads from a page the secret that the authenticator app would scan.
func app(t testing.TB, page string) string {
	t.Helper()
	m := regexp.MustCompile(`<code>([A-Z2-7 ]{30,})</code>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no secret on the page: %s", text(page))
	}
	return strings.ReplaceAll(m[1], " ", "")
}

// setUp chooses password and app on the page that is open.
func (h *house) choosePassword(s *webtest.Site, page, to string) webtest.Answer {
	h.Helper()
	return s.Post(to, "app", hidden(h, page, "app"), "password", goodPassword, "password-again", goodPassword, "code", h.code(app(h, page)))
}

func (h *house) firstLink() string {
	h.Helper()
	url, err := h.desk.FirstAdminLink(h.Context())
	ok(h, err)
	return strings.TrimPrefix(url, base)
}

func TestFirstStartMakesTheAdministrator(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		old := h.firstLink()
		path := h.firstLink()
		shows(t, h.Get(old), http.StatusNotFound) // each start prints a new one
		shows(t, h.Get(path), http.StatusOK, "Welcome to your Loot", "Your name")
		shows(t, h.Post(path, "name", "", "email", "no address"), http.StatusUnprocessableEntity, "Please fill this in")
		shows(t, h.Post(path, "name", "Anna Example", "email", "no address"), http.StatusUnprocessableEntity, "is not an e-mail address")
		leads(t, h.Post(path, "name", "Anna Example", "email", anna), "/console/set-up")
		page := h.Get("/console/set-up")
		shows(t, page, http.StatusOK, "How would you like to sign in?", "With a passkey", "With a password")
		if got := h.Get("/whoami").Body; got != "you are visitor " {
			t.Fatalf("in before a way of signing in was set up: %s", got)
		}
		leads(t, h.choosePassword(h.Site, page.Body, "/console/set-up/password"), "/console/account/codes")
		codesShown := h.Get("/console/account/codes")
		shows(t, codesShown, http.StatusOK, "Your recovery codes")
		if n := strings.Count(codesShown.Body, "<li>"); n < recoveryCodes {
			t.Errorf("%d recovery codes are shown", n)
		}
		leads(t, h.Post("/console/account/codes/kept"), "/console")
		leads(t, h.Get("/console/account/codes"), "/console/account")

		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			m, found, err := h.staff.Find(ctx, tx, anna)
			if err != nil || !found {
				t.Fatalf("no account: %v", err)
			}
			a, err := h.staff.Actor(ctx, tx, m.ID)
			if len(a.Roles) != 1 || a.Roles[0] != "administrator" {
				t.Errorf("roles %v", a.Roles)
			}
			noted := false
			for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.Add(-time.Hour), desktest.Start.Add(time.Hour)) {
				if err != nil {
					return err
				}
				noted = noted || row.Facts.Note == "staff.first" && row.Facts.Verdict == ledger.Recorded
			}
			if !noted {
				t.Error("the ledger does not say that the first administrator was made")
			}
			return err
		})
		// The link is used up, and there is none any more.
		shows(t, h.browser().Get(path), http.StatusNotFound, "does not work any more")
		if again := h.firstLink(); again != "" {
			t.Errorf("there is an administrator, and yet a link: %s", again)
		}
		// The way that was set up works.
		h.Clock.Advance(time.Minute)
		secret := app(t, page.Body)
		leads(t, h.signIn(h.browser(), anna, secret), "/console")
	})
}

// Of two who set up with one link, one becomes the administrator.
func TestOneFirstAdministrator(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.firstLink()
		one, two := h.browser(), h.browser()
		leads(t, one.Post(path, "name", "Anna Example", "email", anna), "/console/set-up")
		leads(t, two.Post(path, "name", "Mallory Example", "email", "mallory@example.com"), "/console/set-up")
		pageOne, pageTwo := one.Get("/console/set-up"), two.Get("/console/set-up")
		leads(t, h.choosePassword(one, pageOne.Body, "/console/set-up/password"), "/console/account/codes")
		shows(t, h.choosePassword(two, pageTwo.Body, "/console/set-up/password"), http.StatusNotFound, "does not work any more")
		leads(t, two.Get("/console"), "/console/signin?next=%2Fconsole")
	})
}

func TestSetUpRefusesWeakPasswords(t *testing.T) {
	h := onOne(t, base, Options{})
	leads(t, h.Post(h.firstLink(), "name", "Anna Example", "email", anna), "/console/set-up")
	page := h.Get("/console/set-up").Body
	for name, c := range map[string]struct{ password, again, code, says string }{
		"short":      {"short", "short", "", "at least 12"},
		"common":     {"password123456", "password123456", "", "among the first"},
		"own name":   {"annaexample2026", "annaexample2026", "", "among the first"},
		"a row":      {"qwertyuiopasdf", "qwertyuiopasdf", "", "among the first"},
		"different":  {goodPassword, goodPassword + "x", "", "not the same"},
		"wrong code": {goodPassword, goodPassword, "000000", "code is not right"},
		"no code":    {goodPassword, goodPassword, " ", "Please fill this in"},
	} {
		t.Run(name, func(t *testing.T) {
			code := c.code
			if code == "" {
				code = h.code(app(t, page))
			}
			a := h.Post("/console/set-up/password", "app", hidden(t, page, "app"), "password", c.password, "password-again", c.again, "code", code)
			shows(t, a, http.StatusUnprocessableEntity, c.says)
			if app(t, a.Body) != app(t, page) {
				t.Error("the app has to be set up again after a slip")
			}
		})
	}
	// All that is wrong is said at once.
	all := h.Post("/console/set-up/password", "app", hidden(t, page, "app"), "password", "short", "password-again", "shorter", "code", "000000")
	shows(t, all, http.StatusUnprocessableEntity, "at least 12", "not the same", "code is not right")
	// A secret that somebody else made up is not taken.
	a := h.Post("/console/set-up/password", "app", "made up", "password", goodPassword, "password-again", goodPassword, "code", h.code(newAppSecret()))
	shows(t, a, http.StatusUnprocessableEntity, "scan the new code")
}

func TestInvitedColleagueJoins(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		ben := "ben@network.example"
		a := h.colleague("Ben Example", ben, "support")
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.Reset(ctx, tx, a.ID) })
		h.Drain()
		path := h.linkTo(ben)
		shows(t, h.Get(path), http.StatusOK, "Good day Ben Example", "Customer support")
		leads(t, h.Post(path), "/console/set-up")
		page := h.Get("/console/set-up")
		leads(t, h.choosePassword(h.Site, page.Body, "/console/set-up/password"), "/console/account/codes")
		shows(t, h.Get("/console"), http.StatusOK)
		shows(t, h.browser().Get(path), http.StatusNotFound)

		// Reset takes everything away at once: the session, the password, tokens.
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.Reset(ctx, tx, a.ID) })
		leads(t, h.Get("/console"), "/console/signin?next=%2Fconsole")
		shows(t, h.Post("/console/signin", "email", ben, "password", goodPassword), http.StatusUnprocessableEntity)
		h.Drain()
		if h.linkTo(ben) == path {
			t.Error("no new invitation")
		}
		// The invitation ends.
		h.Clock.Advance(73 * time.Hour)
		shows(t, h.Get(h.linkTo(ben)), http.StatusNotFound)
	})
}

func TestDemoLinksLetLookRound(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Ben Example", "ben@network.example", "support")
	s := h.customer(jo)
	var staffURL, customerURL string
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if staffURL, err = h.desk.DemoLink(ctx, tx, a.ID); err != nil {
			return err
		}
		customerURL, err = h.desk.DemoCustomerLink(ctx, tx, s)
		return err
	})
	path := strings.TrimPrefix(staffURL, base)
	shows(t, h.Get(path), http.StatusOK, "In this demonstration you look round as Ben Example, Customer support")
	leads(t, h.Post(path), "/console")
	leads(t, h.browser().Post(path), "/console")
	leads(t, h.Post(strings.TrimPrefix(customerURL, base)), "/portal")
	// In one browser, the console is the colleague's and the portal the customer's.
	if got := h.Get("/console").Body; got != "you are staff "+a.ID {
		t.Error(got)
	}
	if got := h.Get("/portal").Body; got != "you are person "+string(s) {
		t.Error(got)
	}
	// Neither opens the other's door.
	shows(t, h.Post(strings.Replace(path, welcomePath, enterPath, 1)), http.StatusNotFound)
}
