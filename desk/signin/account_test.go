package signin

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/desktest"
	"loot/ledger"
	"loot/store"
	"loot/web/webtest"
)

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }

var shownToken = regexp.MustCompile(`loot_[a-z2-7]+`)

func TestTokens(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		h.signIn(h.Site, anna, secret)
		shows(t, h.Get("/console/tokens"), http.StatusOK, "No tokens")
		shows(t, h.Post("/console/tokens", "title", "", "days", "9999", "scopes", "everything"), http.StatusUnprocessableEntity, "Please fill this in", "Please choose one of those offered")
		page := h.Post("/console/tokens", "title", "Nightly sync", "days", "30", "scopes", "customers:read")
		shows(t, page, http.StatusOK, "Your new token", "shown this one time")
		token := shownToken.FindString(page.Body)
		if again := h.Get("/console/tokens"); shownToken.MatchString(again.Body) || !strings.Contains(again.Body, "Nightly sync") {
			t.Error("the token is shown twice, or not listed")
		}

		who, err := h.desk.Authenticate(ctx, token)
		ok(t, err)
		if who.Actor.ID != a.ID || who.Actor.Roles[0] != "support" || len(who.Scopes) != 1 || who.Scopes[0] != api.Scope("customers:read") {
			t.Errorf("the token is of %v", who)
		}
		refused := func(what, token string) {
			t.Helper()
			if _, err := h.desk.Authenticate(ctx, token); loot.KindOf(err) != loot.SignIn {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("nothing", "")
		refused("another", newToken())
		refused("a letter changed", token[:len(token)-1]+"x")
		refused("a hostile one", strings.Repeat("x", 1<<16))

		// It acts with the roles of the moment, and not at all once its owner may not sign in.
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE staff_account SET state = 'suspended' WHERE id = $1`, a.ID)
			return err
		})
		refused("of a suspended account", token)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE staff_account SET state = 'active' WHERE id = $1`, a.ID)
			return err
		})
		shows(t, h.Get("/console/tokens"), http.StatusOK, "Nightly sync", "23 Nov 2026")
		h.Clock.Advance(31 * 24 * time.Hour)
		refused("an old one", token)

		h.signIn(h.Site, anna, secret)
		page = h.Post("/console/tokens", "title", "Another", "days", "7", "scopes", "customers:read", "scopes", "customers:write")
		token = shownToken.FindString(page.Body)
		id := regexp.MustCompile(`/console/tokens/([a-z2-7]+)/withdraw`).FindStringSubmatch(page.Body)[1]
		other := h.browser()
		b := h.colleague("Ben Example", "ben@network.example", "support")
		secretOfB, _ := h.withPassword(b)
		h.signIn(other, "ben@network.example", secretOfB)
		shows(t, other.Post("/console/tokens/"+id+"/withdraw"), http.StatusNotFound)
		leads(t, h.Post("/console/tokens/"+id+"/withdraw"), "/console/tokens")
		refused("a withdrawn one", token)
	})
}

// TestCustomersHaveTokensOfTheirOwn: for their own record and nothing else, as
// staff have none for that.
func TestCustomersHaveTokensOfTheirOwn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.customer(jo)
		h.Post("/signin", "email", jo)
		h.Drain()
		leads(t, h.Post(h.linkTo(jo)), "/portal")
		page := h.Get("/portal/tokens")
		shows(t, page, http.StatusOK, "No tokens", "Read one's own record")
		if strings.Contains(page.Body, "customers:") {
			t.Error("a customer is offered what staff do")
		}
		shows(t, h.Post("/portal/tokens", "title", "My books", "days", "30", "scopes", "customers:read"), http.StatusUnprocessableEntity, "one of those offered")
		page = h.Post("/portal/tokens", "title", "My books", "days", "30", "scopes", "me:read", "scopes", "me:read")
		shows(t, page, http.StatusOK, "Your new token", "My books", "23 Dec 2026")
		token := shownToken.FindString(page.Body)
		who, err := h.desk.Authenticate(t.Context(), token)
		ok(t, err)
		if who.Actor.Kind != loot.Person || who.Actor.ID != string(s) || len(who.Scopes) != 1 || who.Scopes[0] != "me:read" {
			t.Errorf("the token is of %+v", who)
		}
		h.Drain()
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, s, customers, "", 10)
			if !slices.ContainsFunc(items, func(it ledger.Item) bool { return it.Facts.Note == "token.made" }) {
				t.Errorf("their timeline does not say that a token was made: %+v", items)
			}
			out, err2 := h.desk.export(ctx, tx, s)
			if e, _ := out.(exported); len(e.Tokens) != 1 || e.Tokens[0].Title != "My books" {
				t.Errorf("the export shows %v", out)
			}
			return errors.Join(err, err2)
		})

		// Of another's, nobody knows.
		id := regexp.MustCompile(`/portal/tokens/([a-z2-7]+)/withdraw`).FindStringSubmatch(page.Body)[1]
		other := h.browser()
		secret, _ := h.withPassword(h.colleague("Anna Example", anna, "support"))
		h.signIn(other, anna, secret)
		if strings.Contains(other.Get("/console/tokens").Body, "me:read") {
			t.Error("staff are offered what only customers have")
		}
		shows(t, other.Post("/console/tokens", "title", "x", "days", "7", "scopes", "me:read"), http.StatusUnprocessableEntity, "one of those offered")
		shows(t, other.Post("/console/tokens/"+id+"/withdraw"), http.StatusNotFound)
		leads(t, h.Post("/portal/tokens/"+id+"/withdraw"), "/portal/tokens")
		if _, err := h.desk.Authenticate(t.Context(), token); loot.KindOf(err) != loot.SignIn {
			t.Errorf("a withdrawn token: %v", err)
		}

		// It goes with the record, and needs a fresh sign-in to be made.
		token = shownToken.FindString(h.Post("/portal/tokens", "title", "x", "days", "7", "scopes", "me:read").Body)
		h.Clock.Advance(20 * time.Minute)
		if a := h.Post("/portal/tokens", "title", "y", "days", "7", "scopes", "me:read"); a.Status != http.StatusUnauthorized {
			t.Errorf("status %d without a fresh sign-in", a.Status)
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.desk.erase(ctx, tx, s) })
		if _, err := h.desk.Authenticate(t.Context(), token); loot.KindOf(err) != loot.SignIn {
			t.Errorf("a token of somebody who is erased: %v", err)
		}
	})
}

func TestMakingATokenNeedsAFreshSignIn(t *testing.T) {
	h := onOne(t, base, Options{Scopes: scopes})
	a := h.colleague("Anna Example", anna, "support")
	secret, _ := h.withPassword(a)
	h.signIn(h.Site, anna, secret)
	h.Clock.Advance(20 * time.Minute)
	if got := h.Post("/console/tokens", "title", "Nightly sync", "days", "30", "scopes", "customers:read"); got.Status != http.StatusUnauthorized {
		t.Errorf("status %d", got.Status)
	}
}

func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		other := h.browser()
		h.signIn(other, anna, secret)
		h.signIn(h.Site, anna, secret)
		shows(t, h.Get("/console/account"), http.StatusOK, "This browser", "Another browser", "password and code", "10 recovery codes left")
		page := h.Get("/console/account/password")
		shows(t, page, http.StatusOK, "Scan this with an authenticator app")
		leads(t, h.choosePassword(h.Site, page.Body, "/console/account/password"), "/console/account/codes")
		shows(t, h.Get("/console"), http.StatusOK)
		leads(t, other.Get("/console"), "/console/signin?next=%2Fconsole")
		h.Drain()
		if m, _ := h.Mail.Last(anna); !strings.Contains(m.Text, "password and the authenticator app were set") {
			t.Errorf("the owner was not told: %q", m.Text)
		}
		// The old app is worth nothing now.
		leads(t, other.Post("/console/signin", "email", anna, "password", goodPassword), "/console/signin/code")
		shows(t, other.Post("/console/signin/code", "code", h.code(secret)), http.StatusUnprocessableEntity)

		// The only way of signing in stays.
		shows(t, h.Post("/console/account/password/remove"), http.StatusConflict, "only way")
		leads(t, h.Post("/console/account/codes"), "/console/account/codes")
	})
}

func TestEndOtherSessions(t *testing.T) {
	h := onOne(t, base, Options{})
	a := h.colleague("Anna Example", anna, "support")
	secret, _ := h.withPassword(a)
	other := h.browser()
	h.signIn(other, anna, secret)
	h.signIn(h.Site, anna, secret)
	leads(t, h.Post("/console/account/sessions"), "/console/account")
	shows(t, h.Get("/console/account"), http.StatusOK, "Every other session of yours has ended")
	leads(t, other.Get("/console"), "/console/signin?next=%2Fconsole")
}

func TestTokenFormat(t *testing.T) {
	token := newToken()
	if !tokenShaped(token) {
		t.Fatalf("a new token is not shaped like one: %d letters", len(token))
	}
	for i := range token {
		changed := []byte(token)
		if changed[i]++; changed[i] == 'z'+1 {
			changed[i] = 'a'
		}
		if tokenShaped(string(changed)) {
			t.Errorf("a slip at letter %d is not noticed", i)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for _, good := range []string{goodPassword, "Tr0ub4dor&3-with-more", "überraschend grüner Bagger fliegt", strings.Repeat("x7!Kq", 40)} {
		if err := checkPassword("password", good, "Anna Example", anna); err != nil {
			t.Errorf("a good password is refused: %v", err)
		}
	}
	for _, bad := range []string{
		"", "elevenchars", "password1234", "aaaaaaaaaaaaaaaa", "123456789012", "qwertzuiopas", "iloveyou2024", "Anna-Example-1", "anna.network.example",
		strings.Repeat("a", 300), "zaq12wsxcde3",
	} {
		if checkPassword("password", bad, "Anna Example", anna) == nil {
			t.Errorf("a bad password is taken: %q", bad)
		}
	}
}

func TestHashes(t *testing.T) {
	ctx, h := t.Context(), newHashing()
	a, err := h.hash(ctx, goodPassword)
	ok(t, err)
	b, err := h.hash(ctx, goodPassword)
	ok(t, err)
	if a == b {
		t.Error("the same password has the same hash twice")
	}
	for _, full := range []string{a, h.nobodys()} {
		if !strings.HasPrefix(full, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("a hash does not cost what it has to: %s", full)
		}
	}
	for hash, want := range map[string]bool{a: true, b: true, h.nobodys(): false} {
		got, err := h.matches(ctx, hash, goodPassword)
		ok(t, err)
		if got != want {
			t.Errorf("%s: %v", hash[:20], got)
		}
	}
	for _, broken := range []string{"", "$argon2id$", "$argon2id$v=19$m=99999999999,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=0,t=0,p=0$AAAA$AAAA", "$2a$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1$!!$!!", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$"} {
		if got, err := h.matches(ctx, broken, goodPassword); err == nil || got {
			t.Errorf("a broken hash %q: %v %v", broken, got, err)
		}
	}
}

func TestStepOf(t *testing.T) {
	secret := newAppSecret()
	now := desktest.Start
	at := func(d time.Duration) string {
		c, err := codeAt(secret, now.Add(d))
		ok(t, err)
		return c
	}
	step, found := stepOf(at(0), secret, now, 0)
	if !found {
		t.Fatal("the code of now is not taken")
	}
	for name, c := range map[string]struct {
		code string
		last int64
		want bool
	}{
		"with a space":      {at(0)[:3] + " " + at(0)[3:], 0, true},
		"half a minute ago": {at(-30 * time.Second), 0, true},
		"in half a minute":  {at(30 * time.Second), 0, true},
		"two minutes ago":   {at(-2 * time.Minute), 0, false},
		"in two minutes":    {at(2 * time.Minute), 0, false},
		"used":              {at(0), step, false},
		"before a used one": {at(-30 * time.Second), step, false},
		"after a used one":  {at(30 * time.Second), step, true},
		"short":             {at(0)[:5], 0, false},
		"empty":             {"", 0, false},
		"letters":           {"abcdef", 0, false},
	} {
		if _, got := stepOf(c.code, secret, now, c.last); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLockAfter(t *testing.T) {
	for tries, want := range map[int64]time.Duration{1: 0, 5: 0, 6: 30 * time.Second, 7: time.Minute, 8: 2 * time.Minute, 13: time.Hour, 1000: time.Hour} {
		if got := lockAfter(tries); got != want {
			t.Errorf("after %d tries: %v, want %v", tries, got, want)
		}
	}
}
