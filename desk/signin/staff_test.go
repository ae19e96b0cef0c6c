package signin

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"loot/store"
	"loot/web/webtest"
)

// code is what the authenticator app shows at the house's time.
func (h *house) code(secret string) string {
	h.Helper()
	c, err := codeAt(secret, h.Clock.Now())
	ok(h, err)
	return c
}

func codeAt(secret string, at time.Time) (string, error) {
	return totp.GenerateCodeCustom(secret, at, codes)
}

// signIn signs a member of staff in with password and code.
func (h *house) signIn(s *webtest.Site, email, secret string) webtest.Answer {
	h.Helper()
	leads(h, s.Post("/console/signin", "email", email, "password", goodPassword), "/console/signin/code")
	a := s.Post("/console/signin/code", "code", h.code(secret))
	h.Clock.Advance(30 * time.Second) // the same code is not taken twice
	return a
}

func TestStaffSignInWithPasswordAndCode(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		leads(t, h.Get("/console"), "/console/signin?next=%2Fconsole")
		shows(t, h.Get("/console/signin?next=/console/fresh"), http.StatusOK, "Sign in to the console")
		leads(t, h.Post("/console/signin", "email", "ANNA@network.example", "password", goodPassword, "next", "/console/fresh"), "/console/signin/code")
		if got := h.Get("/whoami").Body; got != "you are visitor " {
			t.Fatalf("after the password alone: %s", got)
		}
		leads(t, h.Get("/console"), "/console/signin?next=%2Fconsole")
		code := h.code(secret)
		leads(t, h.Post("/console/signin/code", "code", code), "/console/fresh")
		if got := h.Get("/console/fresh").Body; got != "you are staff "+a.ID {
			t.Fatalf("signed in: %s", got)
		}

		// The same code once more, in another browser: it was used.
		other := h.browser()
		leads(t, other.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
		shows(t, other.Post("/console/signin/code", "code", code), http.StatusUnprocessableEntity, "not right, or it was used before")
		h.Clock.Advance(30 * time.Second)
		leads(t, other.Post("/console/signin/code", "code", h.code(secret)), "/console")

		// The step is over: going back to it begins again.
		leads(t, other.Post("/console/signin/code", "code", h.code(secret)), "/console/signin")
	})
}

func TestWrongPasswordSaysNothingOfTheAccount(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Anna Example", anna, "support")
	h.withPassword(a)
	known := h.Post("/console/signin", "email", anna, "password", "something else entirely")
	unknown := h.Post("/console/signin", "email", "nobody@network.example", "password", "something else entirely")
	shows(t, known, http.StatusUnprocessableEntity, "do not belong together")
	if strings.ReplaceAll(known.Body, anna, "X") != strings.ReplaceAll(unknown.Body, "nobody@network.example", "X") {
		t.Error("the answers for a known and an unknown address differ")
	}
	if strings.Contains(known.Body, "something else") {
		t.Error("the password came back")
	}
	// Somebody without a password is as unknown.
	h.colleague("Ben Example", "ben@network.example", "support")
	shows(t, h.Post("/console/signin", "email", "ben@network.example", "password", goodPassword), http.StatusUnprocessableEntity, "do not belong together")
}

func TestTriesAreLockedWithBackOff(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		wrong := func(email string) webtest.Answer {
			return h.Post("/console/signin", "email", email, "password", "not the right one at all")
		}
		for _, email := range []string{anna, "nobody@network.example"} {
			for i := range freeTries + 1 {
				if got := wrong(email); got.Status != http.StatusUnprocessableEntity {
					t.Fatalf("try %d: %d", i+1, got.Status)
				}
			}
			shows(t, wrong(email), http.StatusTooManyRequests, "wait 30 seconds")
		}
		// Locked is locked, for the right password too.
		shows(t, h.Post("/console/signin", "email", anna, "password", goodPassword), http.StatusTooManyRequests, "too often")
		h.Clock.Advance(31 * time.Second)
		shows(t, wrong(anna), http.StatusUnprocessableEntity)
		shows(t, wrong(anna), http.StatusTooManyRequests, "wait 60 seconds")
		h.Clock.Advance(61 * time.Second)
		leads(t, h.signIn(h.Site, anna, secret), "/console")
		// A success forgets the tries.
		for range freeTries {
			shows(t, wrong(anna), http.StatusUnprocessableEntity)
		}
	})
}

func TestCodesAreLockedToo(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Anna Example", anna, "support")
	secret, _ := h.withPassword(a)
	leads(t, h.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
	for range freeTries + 1 {
		shows(t, h.Post("/console/signin/code", "code", "000000"), http.StatusUnprocessableEntity)
	}
	shows(t, h.Post("/console/signin/code", "code", h.code(secret)), http.StatusTooManyRequests, "too often")
}

func TestRecoveryCodeWorksOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		_, recovery := h.withPassword(a)
		leads(t, h.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
		leads(t, h.Post("/console/signin/code", "code", strings.ToUpper(strings.ReplaceAll(recovery[3], "-", " "))), "/console")
		h.Drain()
		if m, _ := h.Mail.Last(anna); !strings.Contains(m.Text, "recovery code") {
			t.Errorf("the owner was not told: %q", m.Text)
		}
		other := h.browser()
		leads(t, other.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
		shows(t, other.Post("/console/signin/code", "code", recovery[3]), http.StatusUnprocessableEntity)
		leads(t, other.Post("/console/signin/code", "code", recovery[4]), "/console")
		shows(t, other.Get("/console/account"), http.StatusOK, "8 recovery codes left")
	})
}

func TestSessionsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		in := func(s *webtest.Site) bool { return s.Get("/console").Status == http.StatusOK }
		leads(t, h.signIn(h.Site, anna, secret), "/console")
		// In use it lasts, up to its whole life.
		for range 20 {
			h.Clock.Advance(35 * time.Minute)
			if !in(h.Site) {
				t.Fatal("ended while in use")
			}
		}
		h.Clock.Advance(35 * time.Minute)
		if in(h.Site) {
			t.Error("lasts longer than its life")
		}
		// Out of use it ends early.
		leads(t, h.signIn(h.Site, anna, secret), "/console")
		h.Clock.Advance(59 * time.Minute)
		if !in(h.Site) {
			t.Error("ended within its idle time")
		}
		h.Clock.Advance(61 * time.Minute)
		if in(h.Site) {
			t.Error("lasts longer than its idle time")
		}
		// What needs a fresh sign-in asks for one, and gets it.
		leads(t, h.signIn(h.Site, anna, secret), "/console")
		shows(t, h.Get("/console/fresh"), http.StatusOK)
		h.Clock.Advance(16 * time.Minute)
		leads(t, h.Get("/console/fresh"), "/console/signin?next=%2Fconsole%2Ffresh")
		shows(t, h.Get("/console/signin?next=/console/fresh"), http.StatusOK, "Once more, please", "Anna Example")
		again := h.signIn(h.Site, anna, secret)
		shows(t, h.Get("/console/fresh"), http.StatusOK)

		// Sign out, and the cookie is worth nothing, even put back.
		kept := cookie(t, again, staffCookie)
		leads(t, h.Post("/signout"), "/")
		if in(h.Site) {
			t.Error("signed out, and yet in")
		}
		if a := h.Do(http.MethodGet, "/console", "", http.Header{"Cookie": {kept}}); a.Status == http.StatusOK {
			t.Error("a cookie from before signing out lets in")
		}
	})
}

// cookie returns a cookie that an answer sets, as the header of a request.
func cookie(t *testing.T, a webtest.Answer, name string) string {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == "__Host-"+name {
			if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("the cookie %s is loose: %s", name, c)
			}
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("no cookie %s", name)
	return ""
}

func TestSignInRenewsTheSession(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Anna Example", anna, "support")
	secret, _ := h.withPassword(a)
	first := cookie(t, h.signIn(h.Site, anna, secret), staffCookie)
	if first == cookie(t, h.signIn(h.Site, anna, secret), staffCookie) {
		t.Error("the session has the same name after a new sign-in")
	}
	if got := h.Do(http.MethodGet, "/console", "", http.Header{"Cookie": {first}}); got.Status == http.StatusOK {
		t.Error("the session from before the new sign-in still lets in")
	}
}

// Whoever can write to the database cannot make one session out of another.
func TestStolenRowIsNoSession(t *testing.T) {
	h := onOne(t, base, Options{})
	a, b := h.colleague("Anna Example", anna, "support"), h.colleague("Ben Example", "ben@network.example", "dpo")
	secret, _ := h.withPassword(a)
	secretOfB, _ := h.withPassword(b)
	h.signIn(h.Site, anna, secret)
	other := h.browser()
	h.signIn(other, "ben@network.example", secretOfB)
	for s, want := range map[*webtest.Site]string{h.Site: a.ID, other: b.ID} {
		if got := s.Get("/console").Body; got != "you are staff "+want {
			t.Fatalf("signed in: %s", got)
		}
	}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE signin_session SET owner = $1, data = (SELECT data FROM signin_session WHERE owner = $1) WHERE owner = $2`, b.ID, a.ID)
		return err
	})
	if got := h.Get("/console"); got.Status == http.StatusOK {
		t.Errorf("a copied row lets in: %s", got.Body)
	}
}

func TestClosedAccountIsOutAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		h.signIn(h.Site, anna, secret)
		shows(t, h.Get("/console"), http.StatusOK)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE staff_account SET state = 'suspended' WHERE id = $1`, a.ID) // as the staff desk does
			return err
		})
		leads(t, h.Get("/console"), "/console/signin?next=%2Fconsole")
		shows(t, h.Post("/console/signin", "email", anna, "password", goodPassword), http.StatusUnprocessableEntity)
	})
}
