package customers

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/mail"
	"loot/store"
	"loot/web/webtest"
)

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }

func TestRegisteringMakesACustomer(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "permit.newsletter", "on")...)
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "Example Meadow Ltd", "jo@example.com", "+353 1 555 0100", "Ireland", "Shared hosting", "Small",
			"From your order: shared hosting", "Statement 2026-1", "Not given")
		shows(t, h.Get("/portal/permissions"), http.StatusOK, "Your newsletters on", "Suggestions that fit my servers off")
		shows(t, h.Get("/portal/timeline"), http.StatusOK, "Service ordered", "Permission given", "Took in")
		shows(t, h.Get("/portal/services"), http.StatusOK, "Shared hosting runs", "Small")
	})
}

// nothing fails if anybody is known or anything is on the ledger about a person.
func (h *house) nothing() {
	h.Helper()
	h.Confirm()
	if n := len(h.everybody()); n != 0 {
		h.Errorf("%d people are known", n)
	}
	ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) error {
		for row, err := range h.Kit.Ledger.Facts(h.Context(), tx, desktest.Start.AddDate(0, 0, -1), desktest.Start.AddDate(1, 0, 0)) {
			if err != nil {
				return err
			}
			if row.Facts.Action == loot.Collect {
				h.Errorf("entry %s says that something was collected", row.ID)
			}
		}
		return nil
	}))
}

func TestHostileContentIsTextAndNothingElse(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		const script = `<script>alert("x")</script>`
		s := h.register(with(jo, "company.name", script, "address.street", "1 Quay\n'; DROP TABLE vault_record; --")...)
		h.as(s)
		a := h.Get("/portal")
		shows(t, a, http.StatusOK, "DROP TABLE vault_record")
		hides(t, a, script)
		if !strings.Contains(a.Body, "&lt;script&gt;alert") {
			t.Error("the name is not shown as it was typed")
		}
	})
}

// One value that is not text spoils neither the form nor the other answers.
func TestValueThatIsNotTextIsSaidBesideItsField(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.Post("/order/shared-hosting", with(jo, "company.name", "Quill\xff\xfe", "sent", "y")...)
		shows(t, a, http.StatusUnprocessableEntity, "This holds characters that are not text")
		if !strings.Contains(a.Body, `value="jo@example.com"`) || strings.Count(a.Body, `aria-invalid="true"`) != 1 {
			t.Error("the other answers are lost, or the wrong field is marked")
		}
	})
}

func TestNothingTypedReachesTheLog(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		var log bytes.Buffer
		quiet := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		*h.Kit.Log = *quiet
		h.Post("/order/shared-hosting", with(jo, "contact.email", "quill@nowhere@example.com", "sent", "x")...)
		h.Post("/order/shared-hosting", with(jo, "company.name", "Quill\xff", "sent", "y")...)
		h.register(with(jo, "company.name", "Quillfeather")...)
		if log.Len() == 0 {
			t.Fatal("nothing was logged, so this shows nothing")
		}
		for _, word := range []string{"Quill", "quill", "jo@example.com", "555 0100"} {
			if strings.Contains(log.String(), word) {
				t.Errorf("the log holds %q", word)
			}
		}
	})
}

func TestWhatTheProgramWritesIsNotAsked(t *testing.T) {
	s := desktest.Standard(t)
	service, _ := s.Service("dedicated-server")
	asks := func(written ...loot.Field) bool {
		form := draw(s, service, nil, written)
		return slices.ContainsFunc(form.questions(), func(q question) bool { return q.Decl.ID == "contact.phone" })
	}
	if !asks() || asks("contact.phone") {
		t.Error("a field is asked that the program fills in, or one that it does not is left out")
	}
}

// TestNumbersThatCannotBeAreRefused: a number that no country has is a slip of
// the fingers, and a language is one of a list.
func TestNumbersThatCannotBeAreRefused(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		for field, tries := range map[string]map[string]string{
			"payment.iban":     {"DE00 1234": "22 letters and digits long", "IE28AIBK93115212345678": "check digit", "my account": "This is no IBAN"},
			"company.vat":      {"DE123456789": "check digit", "DE12345": "nine digits", "XX123": "not a VAT number", "1234567": "not a VAT number"},
			"contact.language": {"Klingon": "choose one of those offered"},
		} {
			for value, complaint := range tries {
				a := h.Post("/order/shared-hosting", append(with(jo, field, value), "sent", "x")...)
				shows(t, a, http.StatusUnprocessableEntity, complaint)
			}
		}
		// They are named in the order in which they stand on the page.
		shows(t, h.Post("/order/shared-hosting", append(with(with(jo, "company.vat", "DE12345"), "contact.email", ""), "sent", "x")...), http.StatusUnprocessableEntity,
			"that are marked. VAT number : This is no VAT number of Germany. One is DE and nine digits, such as DE136695976. E-mail address : Please fill this in.")
		h.nothing()
		s := h.register(with(jo, "payment.iban", "ie29 aibk 9311 5212 3456 78", "contact.language", "de")...)
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "IE29AIBK93115212345678", "German")
		shows(t, h.Get("/portal/correct/payment.iban"), http.StatusOK)
		v := version(t, h.Get("/portal/correct/payment.iban"))
		shows(t, h.Post("/portal/correct/payment.iban", "payment.iban", "DE00 1234", "version", v), http.StatusUnprocessableEntity, "22 letters and digits long")
	})
}

// TestAStateIsGiven: whose address has a state or province gives it, sees it, puts it right and
// takes it along; nobody else is asked twice.
func TestAStateIsGiven(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		shows(t, h.Get("/order/shared-hosting"), http.StatusOK, "State or province optional Where addresses in your country have one")
		h.register(with(jo, "contact.email", "without@example.com")...)
		s := h.register(with(jo, "address.region", "Vermont", "address.country", "US", "company.vat", "-")...)
		h.as(s)
		shows(t, h.Get("/portal"), http.StatusOK, "State or province Vermont")
		form := h.Get("/portal/correct/address.region")
		shows(t, form, http.StatusOK, "State or province")
		shows(t, h.Post("/portal/correct/address.region", "address.region", strings.Repeat("x", 101), "version", version(t, form)), http.StatusUnprocessableEntity, "100")
		if a := h.Post("/portal/correct/address.region", "address.region", "Maine", "version", version(t, form)); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, text(a.Body))
		}
		shows(t, h.Get("/portal"), http.StatusOK, "State or province Maine")
		if _, copied := h.copied(s); !strings.Contains(copied, `"address.region"`) || !strings.Contains(copied, "Maine") {
			t.Error("the copy lacks the state")
		}
		h.asStaff("member-one", "billing")
		shows(t, h.open(s, "invoice"), http.StatusOK, "State or province M•••")
	})
}

func TestTheSameFormOrdersOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		for range 3 {
			a := h.Post("/order/shared-hosting", append(jo, "sent", "the-same")...)
			if a.Status != http.StatusSeeOther {
				t.Fatalf("status %d", a.Status)
			}
		}
		h.Confirm()
		if n := len(h.everybody()); n != 1 {
			t.Errorf("%d customers, want 1", n)
		}
		for _, m := range h.Mail.Sent() {
			t.Errorf("%q was sent to somebody who pressed the button twice", m.Subject)
		}
	})
}

func TestWhoeverIsKnownIsNotGivenAway(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.register(jo...)
		again := with(jo, "company.name", "Somebody Else", "contact.email", "JO@example.COM")
		a := h.Post("/order/shared-hosting", append(again, "sent", "second")...)
		b := h.Post("/order/shared-hosting", append(with(jo, "contact.email", "new@example.com"), "sent", "third")...)
		if a.Status != b.Status || a.Header.Get("Location") != b.Header.Get("Location") || a.Body != b.Body {
			t.Error("the answer differs for somebody who is known")
		}
		h.Confirm()
		if n := len(h.everybody()); n != 2 {
			t.Errorf("%d customers, want 2", n)
		}
		found := false
		for _, m := range h.Mail.Sent() {
			found = found || m.To == "jo@example.com" && strings.Contains(m.Subject, "have an account")
		}
		if !found {
			t.Error("the owner of the address was not written to")
		}
	})
}

// TestWhoeverWasACustomerIsToldTheWayIn: an order with the address of somebody
// whose services ended long ago makes nobody, and its owner learns where to
// sign in.
func TestWhoeverWasACustomerIsToldTheWayIn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		_, _, err := h.desk.endAll(t.Context(), loot.Actor{Kind: loot.Person, ID: string(s)})
		ok(t, err)
		h.Confirm()
		h.Clock.Advance(200 * 24 * time.Hour)
		h.Actor = loot.Actor{}
		if a := h.Post("/order/shared-hosting", append(jo, "sent", "again")...); a.Status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", a.Status, text(a.Body))
		}
		h.Confirm()
		if n := len(h.everybody()); n != 1 {
			t.Errorf("%d customers, want 1", n)
		}
		if !slices.ContainsFunc(h.Mail.Sent(), func(m mail.Message) bool {
			return m.To == "jo@example.com" && strings.Contains(m.Subject, "have an account")
		}) {
			t.Errorf("the owner of the address was not told: %d letters", h.Mail.Count())
		}
	})
}

func TestAFurtherOrderAsksOnlyWhatIsMissing(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(with(jo, "contact.phone", "-")...)
		h.as(s)
		if a := h.Get("/order/dedicated-server"); a.Header.Get("Location") != "/portal/order/dedicated-server" {
			t.Errorf("somebody who is known is sent to %q", a.Header.Get("Location"))
		}
		a := h.Get("/portal/order/dedicated-server")
		shows(t, a, http.StatusOK, "Telephone number required", "Your name required", "Prices are without tax.")
		hides(t, a, "f-company.name", "f-contact.email", "f-permit.")
		for _, plan := range []string{"dedicated-16", "dedicated-32"} {
			body := h.Get("/portal/order/dedicated-server?plan=" + plan).Body
			if _, rest, _ := strings.Cut(body, `value="`+plan+`"`); !strings.Contains(strings.SplitN(rest, ">", 2)[0], "checked") {
				t.Errorf("the plan %s of the link is not ticked", plan)
			}
		}
		m := sentName.FindStringSubmatch(a.Body)
		shows(t, h.Post("/portal/order/dedicated-server", "plan", "dedicated-16", "sent", m[1]), http.StatusUnprocessableEntity, "Please fill this in.")
		for range 2 { // the second time orders nothing
			a = h.Post("/portal/order/dedicated-server", "plan", "dedicated-16", "contact.phone", "+353 1 555 0101", "contact.name", "Jo Testperson", "sent", m[1])
			if a.Status != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.Status, text(a.Body))
			}
		}
		const of = "This form was sent before and ordered something else, which stands. To order this too, begin with an empty form."
		a = h.Post("/portal/order/dedicated-server", "plan", "dedicated-32", "sent", m[1])
		shows(t, a, http.StatusConflict, of, "Begin with an empty form")
		if !strings.Contains(a.Body, `href="/portal/order/dedicated-server"`) {
			t.Error("nothing leads on from there")
		}
		shows(t, h.Post("/portal/order/backup", "plan", "backup-500", "sent", m[1]), http.StatusConflict, of)
		h.as(h.register(with(jo, "contact.email", "other@example.com")...))
		shows(t, h.Post("/portal/order/dedicated-server", "plan", "dedicated-16", "contact.name", "Al Testperson", "sent", m[1]), http.StatusConflict, of)
		h.as(s)
		h.Confirm()
		a = h.Get("/portal/services")
		shows(t, a, http.StatusOK, "Dedicated server", "16 cores", "Shared hosting")
		if n := strings.Count(a.Body, "/end\""); n != 2 {
			t.Errorf("%d services run, want 2", n)
		}
		shows(t, h.Get("/portal"), http.StatusOK, "Jo Testperson", "From your order: dedicated server")
	})
}

func TestAVisitorGetsNothingOfThePortal(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.register(jo...)
		for _, path := range []string{"/portal", "/portal/permissions", "/portal/timeline", "/portal/account", "/portal/correct/contact.email", "/console/customers", "/console/customers/" + string(s)} {
			h.Actor = loot.Actor{}
			if a := h.Get(path); a.Status != http.StatusUnauthorized && a.Status != http.StatusSeeOther {
				t.Errorf("%s: a visitor gets %d", path, a.Status)
			}
			if strings.HasPrefix(path, "/console") {
				h.as(s)
				if a := h.Get(path); a.Status != http.StatusNotFound {
					t.Errorf("%s: a customer gets %d", path, a.Status)
				}
			}
		}
	})
}

// TestTheOrderForm looks at a house in which nobody is known until the last
// part, so that whatever was refused is seen to have left nothing.
func TestTheOrderForm(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		for _, part := range []struct {
			name string
			run  func(*testing.T, *house)
		}{
			{"says what each field is for", theFormSaysWhatEachFieldIsFor},
			{"comes back with its answers", aWrongFormComesBackAndIsKeptNowhere},
			{"refuses what is broken", brokenRequestsAreRefusedPlainly},
			{"demands what is compulsory", eachCompulsoryFieldIsDemandedAndNoOther},
		} {
			t.Run(part.name, func(t *testing.T) { part.run(t, h) })
		}
	})
}

func theFormSaysWhatEachFieldIsFor(t *testing.T, h *house) {
	a := h.Get("/order/shared-hosting")
	shows(t, a, http.StatusOK, "Compulsory", "Optional", "Permissions", "Company name required",
		"Without it we cannot tell whose service it is", "Telephone number optional", "Your newsletters", "all off", "Prices are without tax.")
	for _, o := range h.S.Offers() {
		if strings.Contains(a.Body, `name="permit.`+o.ID+`" value="on" checked`) {
			t.Errorf("the permission %s is ticked beforehand", o.ID)
		}
	}
	// What belongs together stands together, compulsory or not, and each input
	// is described by what it is for.
	at := -1
	for _, part := range []string{"Registered address", `name="address.street"`, `name="address.postcode"`, `name="address.city"`, `autocomplete="address-level1"`, `name="address.country"`, "How to reach you"} {
		next := strings.Index(a.Body, part)
		if next <= at {
			t.Errorf("%s is not where it belongs", part)
		}
		at = next
	}
	service, _ := h.S.Service("shared-hosting")
	form := draw(h.S, service, nil, nil)
	for _, q := range form.Must {
		if !strings.Contains(a.Body, `id="`+q.Also+`"`) || !strings.Contains(a.Body, q.Also+`">`) {
			t.Errorf("%s is not described by what it is for", q.Name)
		}
	}
	// Every field that is asked names every purpose it may be used for, and
	// what cannot be done without it.
	if len(form.questions()) == 0 {
		t.Fatal("nothing is asked")
	}
	page := text(a.Body)
	for _, q := range form.questions() {
		for _, n := range append(q.More, q.First) {
			if !strings.Contains(page, n.Without) {
				t.Errorf("%s: the page does not say %q", q.Decl.ID, n.Without)
			}
		}
		if q.Required != compulsory(q.Decl, service.ID) {
			t.Errorf("%s: compulsory %v", q.Decl.ID, q.Required)
		}
	}
	// A dedicated server asks for more.
	shows(t, h.Get("/order/dedicated-server"), http.StatusOK, "Telephone number required")
	none := h.Get("/order/no-such")
	shows(t, none, http.StatusNotFound, "no such service")
	if !strings.Contains(none.Body, `class="button" href="/services"`) {
		t.Error("no way to the services there are")
	}
}

func aWrongFormComesBackAndIsKeptNowhere(t *testing.T, h *house) {
	typed := with(jo, "contact.email", "not-an-address", "address.city", "-", "company.vat", "DE1", "contact.name", "Quillfeather Testperson")
	a := h.Post("/order/shared-hosting", append(typed, "sent", "x", "permit.newsletter", "on")...)
	shows(t, a, http.StatusUnprocessableEntity, "This is not an e-mail address", "Please fill this in.", "This is no VAT number of Germany")
	for _, kept := range []string{`value="Example Meadow Ltd"`, `value="not-an-address"`, `value="Quillfeather Testperson"`, `name="permit.newsletter" value="on" checked`, `value="IE" selected`} {
		if !strings.Contains(a.Body, kept) {
			t.Errorf("the form lost %s", kept)
		}
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be kept by a cache")
	}
	if !strings.Contains(a.Body, `id="f-contact.email-error"`) || !strings.Contains(a.Body, `aria-invalid="true"`) {
		t.Error("the complaint does not stand beside its field")
	}
	h.nothing()
}

func brokenRequestsAreRefusedPlainly(t *testing.T, h *house) {
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	sent := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, tt := range map[string]struct {
		body   string
		status int
	}{
		"not UTF-8":         {form(with(jo, "company.name", "Gr\xfcn")...), 422},
		"NUL":               {form(with(jo, "company.name", "a\x00b")...), 422},
		"bad escape":        {"company.name=%zz", 422},
		"writing turned":    {form(with(jo, "company.name", "a\u202eb")...), 422},
		"too long":          {form(with(jo, "company.name", strings.Repeat("x", 201))...), 422},
		"sent twice":        {form(append(jo, "company.name", "Other")...), 422},
		"line break":        {form(with(jo, "company.name", "a\nb")...), 422},
		"no such plan":      {form(with(jo, "plan", "gold")...), 422},
		"plan of another":   {form(with(jo, "plan", "domain-year")...), 422},
		"too large":         {form(with(jo, "company.name", strings.Repeat("x", 300<<10))...), 413},
		"far too large":     {form(with(jo, "company.name", strings.Repeat("x", 2<<20))...), 413},
		"too many fields":   {strings.Repeat("a=b&", 600), 413},
		"another site":      {form(jo...), 403},
		"nothing whatever":  {"", 422},
		"an unlikely mail":  {form(with(jo, "contact.email", "a@b@c")...), 422},
		"header injection":  {form(with(jo, "contact.email", "jo@example.com\r\nBcc: x@example.com")...), 422},
		"country invented":  {form(with(jo, "address.country", "XX")...), 422},
		"telephone of text": {form(with(jo, "contact.phone", "ring me")...), 422},
	} {
		header := sent.Clone()
		if name == "another site" {
			header.Set("Sec-Fetch-Site", "cross-site")
		}
		a := h.Do(http.MethodPost, "/order/shared-hosting", tt.body, header)
		if a.Status != tt.status {
			t.Errorf("%s: status %d, want %d: %.300s", name, a.Status, tt.status, text(a.Body))
		}
	}
	h.nothing()
}

func eachCompulsoryFieldIsDemandedAndNoOther(t *testing.T, h *house) {
	service, _ := h.S.Service("shared-hosting")
	form := draw(h.S, service, nil, nil)
	for _, q := range form.Must {
		a := h.Post("/order/shared-hosting", append(with(jo, q.Name, "-"), "sent", "m"+q.Name)...)
		if a.Status != http.StatusUnprocessableEntity || strings.Count(a.Body, `-error"`) < 1 {
			t.Errorf("without %s: %d", q.Name, a.Status)
		}
	}
	h.nothing()
	var only []string
	for i := 0; i < len(jo); i += 2 {
		if name := jo[i]; name != "company.vat" && name != "contact.phone" {
			only = append(only, name, jo[i+1])
		}
	}
	h.register(only...)
}

// TestRegisteringDoesWithoutLooking: an operator whose statement does not let
// the program look for an address still gets customers.
func TestRegisteringDoesWithoutLooking(t *testing.T) {
	s := desktest.Standard(t)
	for _, r := range s.Rules() {
		if strings.Contains(r.Text, `Desk::"customers"`) && strings.Contains(r.Text, `"find"`) {
			less, err := s.Without(r.ID)
			ok(t, err)
			db := desktest.One(t)
			h := newHouse(t, db, less)
			h.register(jo...)
			return
		}
	}
	t.Fatal("the default statement has no such rule")
}
