package signin

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/desktest"
	"loot/gate"
	"loot/job"
	"loot/ledger"
	"loot/mail"
	"loot/statement"
	"loot/store"
	"loot/web/webtest"
)

const jo = "jo@example.com"

func TestCustomerSignsInByLink(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.customer(jo)
		leads(t, h.Get("/portal/orders"), "/signin?next=%2Fportal%2Forders")
		page := h.Get("/signin?next=/portal/orders")
		shows(t, page, http.StatusOK, "Send me a link")
		leads(t, h.Post("/signin", "email", "Jo@Example.com", "next", hidden(t, page.Body, "next")), "/signin/sent")
		shows(t, h.Get("/signin/sent"), http.StatusOK, "a link is on its way to it")
		h.Drain()
		path := h.linkTo(jo)

		// A program that looks at mail opens the link, twice: nothing happens.
		for range 2 {
			shows(t, h.browser().Get(path), http.StatusOK, "One more click")
			h.browser().Do(http.MethodHead, path, "", nil)
		}
		if confirmed(h, s) {
			t.Error("a GET confirmed the address")
		}
		leads(t, h.Post(path), "/portal/orders")
		if got := h.Get("/portal/orders").Body; got != "you are person "+string(s) {
			t.Fatalf("signed in: %s", got)
		}
		if !confirmed(h, s) {
			t.Error("the link did not confirm the address it was sent to")
		}

		// It works once.
		other := h.browser()
		shows(t, other.Post(path), http.StatusNotFound, "does not work any more")
		shows(t, other.Get(path), http.StatusNotFound, "does not work any more")
		leads(t, other.Get("/portal"), "/signin?next=%2Fportal")
	})
}

func confirmed(h *house, s loot.Subject) (yes bool) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		p, err := h.Kit.Gate.Person(ctx, tx, s)
		yes = p.Confirmed
		return err
	})
	return yes
}

// Nobody finds out who is a customer: the answers are the same byte for byte,
// a job runs either way, and the search is on the ledger either way.
func TestNobodyFindsOutWhoIsACustomer(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer(jo)
		known, unknown := h.Post("/signin", "email", jo), h.browser().Post("/signin", "email", "someone@example.com")
		leads(t, known, "/signin/sent")
		sameAnswer(t, known, unknown)
		h.Drain()
		if h.Mail.Count() != 1 {
			t.Errorf("%d letters were sent, want 1", h.Mail.Count())
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			var jobs int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = 'signin.link'`).Scan(&jobs)
			if jobs != 2 {
				t.Errorf("%d jobs ran, want 2", jobs)
			}
			return err
		})
		searches := 0
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			searches = 0
			for row, err := range h.Kit.Ledger.Facts(ctx, tx, desktest.Start.Add(-time.Hour), desktest.Start.Add(time.Hour)) {
				if err != nil {
					return err
				}
				if row.Facts.Action == loot.Find && row.Facts.Verdict == ledger.Permitted {
					searches += max(1, row.Count)
				}
			}
			return nil
		})
		if searches != 2 {
			t.Errorf("%d searches are on the ledger, want 2", searches)
		}
	})
}

func TestLinkEnds(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer(jo)
		ask := func() string {
			t.Helper()
			leads(t, h.Post("/signin", "email", jo), "/signin/sent")
			h.Drain()
			return h.linkTo(jo)
		}
		late := ask()
		h.Clock.Advance(16 * time.Minute)
		shows(t, h.Post(late), http.StatusNotFound, "does not work any more")
		// Using one makes the others worthless.
		first, second := ask(), ask()
		leads(t, h.Post(second), "/portal")
		shows(t, h.browser().Post(first), http.StatusNotFound, "does not work any more")
		// A link for customers opens nothing for staff.
		third := ask()
		shows(t, h.Post(strings.Replace(third, enterPath, welcomePath, 1)), http.StatusNotFound, "does not work any more")
		// And one that nobody made, nothing at all.
		shows(t, h.Post(enterPath+newSecret()), http.StatusNotFound)
		shows(t, h.Get(enterPath+strings.Repeat("x", 4000)), http.StatusNotFound)
	})
}

// Of two who use a link at the same time, one comes in.
func TestLinkIsUsedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer(jo)
		leads(t, h.Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		path := h.linkTo(jo)
		const n = 6
		in := make(chan bool, n)
		for range n {
			s := h.browser()
			go func() {
				came := false
				defer func() { in <- came }()
				came = s.Post(path).Status == http.StatusSeeOther
			}()
		}
		came := 0
		for range n {
			if <-in {
				came++
			}
		}
		if came != 1 {
			t.Errorf("%d came in by one link", came)
		}
	})
}

func TestRegisteringSendsTheLinkThatConfirms(t *testing.T) {
	h := onOne(t, base, Options{})
	s := h.customer(jo)
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "person.registered", ID: string(s)})
	})
	h.Drain()
	m, _ := h.Mail.Last(jo)
	if m.Subject != "Please confirm your address" {
		t.Fatalf("the letter is %q", m.Subject)
	}
	leads(t, h.Post(h.linkTo(jo)), "/portal")
	if !confirmed(h, s) {
		t.Error("not confirmed")
	}
}

// Browsers would hold back an address with quotes or with letters of other scripts before its
// @, which is one here.
func TestNoBrowserJudgesAddresses(t *testing.T) {
	h := onOne(t, base, Options{})
	for _, path := range []string{"/signin", "/console/signin", h.firstLink()} {
		before, _, is := strings.Cut(h.Get(path).Body, `type="email"`)
		form, _, _ := strings.Cut(before[strings.LastIndex(before, "<form ")+1:], ">")
		if !is || !strings.Contains(form, "novalidate") {
			t.Errorf("%s: the browser judges what is typed", path)
		}
	}
}

// What is wrong with a form stands beside the field, and what was typed stays.
func TestDoorsTakeBadInput(t *testing.T) {
	h := onOne(t, base, Options{})
	for name, c := range map[string]struct {
		path   string
		pairs  []string
		status int
		says   string
	}{
		"nothing":            {"/signin", nil, 422, "Please fill this in"},
		"no address":         {"/signin", []string{"email", "not an address"}, 422, "not an e-mail address"},
		"too long":           {"/signin", []string{"email", strings.Repeat("a", 300) + "@example.com"}, 422, "longer than fits here. At most 254"},
		"twice":              {"/signin", []string{"email", "a@example.com", "email", "b@example.com"}, 422, "sent twice"},
		"broken text":        {"/signin", []string{"email", "a\xff@example.com"}, 422, "not text"},
		"NUL":                {"/signin", []string{"email", "a\x00@example.com"}, 422, "not text"},
		"staff, nothing":     {"/console/signin", nil, 422, "Please fill this in"},
		"staff, long secret": {"/console/signin", []string{"email", anna, "password", strings.Repeat("p", 300)}, 422, "longer than fits here. At most 256"},
		"a step not begun":   {"/console/signin/code", []string{"code", "123456"}, 303, ""},
		"a company not here": {"/console/signin/company", nil, 404, "no sign-on"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.Post(c.path, c.pairs...)
			if c.says == "" {
				if a.Status != c.status {
					t.Errorf("status %d, want %d", a.Status, c.status)
				}
				return
			}
			shows(t, a, c.status, c.says)
		})
	}
	if a := h.Post("/signin", "email", "typed but wrong"); !strings.Contains(a.Body, `value="typed but wrong"`) {
		t.Error("what was typed did not come back")
	}
	if a := h.Post("/console/signin", "email", anna, "password", "the secret that was typed"); strings.Contains(a.Body, "the secret that was typed") {
		t.Error("the password came back")
	}
}

// A path that leads elsewhere is not followed.
func TestNextStaysHere(t *testing.T) {
	for next, want := range map[string]string{
		"/portal/orders?a=b": "/portal/orders?a=b", "//evil.example/": "/portal", "https://evil.example": "/portal", `/\evil.example`: "/portal",
		"": "/portal", "/console": "/portal", "/signin/link/x": "/portal", "/order/hosting": "/order/hosting",
	} {
		if got := leadsTo(loot.Person, next); got != want {
			t.Errorf("customer, %q: %q, want %q", next, got, want)
		}
	}
	for next, want := range map[string]string{
		"/console/staff": "/console/staff", "/portal": "/console", "/consolex": "/console", "/console/signin": "/console", "/console/welcome/x": "/console", "//x": "/console",
	} {
		if got := leadsTo(loot.Staff, next); got != want {
			t.Errorf("staff, %q: %q, want %q", next, got, want)
		}
	}
}

// A letter that cannot be sent now is tried again, and one that is refused for
// good is not.
func TestLetterIsTriedAgain(t *testing.T) {
	h := onOne(t, base, Options{})
	s := h.customer(jo)
	h.Mail.Fail(errors.New("no connection"))
	if err := h.desk.sendLink(t.Context(), linkJob{Subject: s, Next: "/portal"}); err == nil {
		t.Error("a letter that was not sent counts as sent")
	}
	h.Mail.Fail(mail.ErrRejected)
	ok(t, h.desk.sendLink(t.Context(), linkJob{Subject: s, Next: "/portal"}))
	h.Mail.Fail(nil)
	ok(t, h.desk.sendLink(t.Context(), linkJob{Subject: s, Next: "/portal"}))
	if h.Mail.Count() != 1 {
		t.Errorf("%d letters", h.Mail.Count())
	}
}

// TestNoClauseNoLink: under a statement that says nothing of reaching one's
// record, somebody whose service ended is not written to, and nothing is tried
// again.
func TestNoClauseNoLink(t *testing.T) {
	h := onOneUnder(t, bytes.Replace(statement.Default(), []byte(`unless { context.purpose == Purpose::"access" }`), nil, 1))
	order := h.ordered(jo)
	ok(t, h.desk.sendLink(t.Context(), linkJob{Subject: order.Subject, Next: "/portal"}))
	h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.EndOrder(ctx, tx, order) })
	ok(t, h.desk.sendLink(t.Context(), linkJob{Subject: order.Subject, Next: "/portal"}))
	if h.Mail.Count() != 0 {
		t.Errorf("%d letters were sent that no clause permits", h.Mail.Count())
	}
}

// world shows the house as a proof sees it.
func (h *house) world() *desk.World {
	w := h.World()
	w.HTTP = h.Server.Config.Handler
	return w
}

// TestOneReachesOnesRecordAsLongAsThereIsOne runs the proof, and sees it fail
// without each rule that it is about.
func TestOneReachesOnesRecordAsLongAsThereIsOne(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		for _, p := range h.desk.proofs() {
			outcome, err := p.Run(t.Context(), h.world())
			ok(t, err)
			if outcome == "" {
				t.Errorf("%s says nothing", p.Name)
			}
		}
	})
	for what, old := range map[string]string{
		"the exception for the way in":   `unless { context.purpose == Purpose::"access" }`,
		"the part that sends":            `unless { principal == Desk::"signin" || principal == Desk::"customers" || principal == Desk::"rights" }`,
		"the search for whom it belongs": "@needs1(\"somebody asks to sign in\")\npermit (principal == Desk::\"signin\", action == Action::\"find\", resource in Collection::\"customer\")\nwhen { context.purpose == Purpose::\"access\" };",
	} {
		t.Run(what, func(t *testing.T) {
			source := bytes.Replace(statement.Default(), []byte(old), nil, 1)
			if bytes.Equal(source, statement.Default()) {
				t.Fatal("the statement does not say this any more")
			}
			h := onOneUnder(t, source)
			for _, p := range h.desk.proofs() {
				if _, err := p.Run(t.Context(), h.world()); err == nil {
					t.Errorf("%q does not notice", p.Name)
				}
			}
		})
	}
}

// TestNobodyFindsOutWhoWasErased: somebody whose record was erased is answered
// as a stranger is, gets nothing, and a link that waits leads nowhere.
func TestNobodyFindsOutWhoWasErased(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		order := h.ordered(jo)
		h.Tx(func(ctx context.Context, tx *store.Tx) error { return h.Kit.Gate.EndOrder(ctx, tx, order) })
		h.Clock.Advance(365 * 24 * time.Hour)
		leads(t, h.Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		waiting := h.linkTo(jo)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			p, err := h.Kit.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Erase, Actor: loot.Actor{Kind: loot.Person, ID: string(order.Subject)}, Desk: "customers", Purpose: "access",
				Subject: order.Subject, Collection: customers, Fields: []loot.Field{"contact.email"},
			})
			if err != nil {
				return err
			}
			return h.Kit.Vault.Erase(ctx, tx, p)
		})
		// A job that was asked for before the erasure sends nothing after it.
		ok(t, h.desk.sendLink(t.Context(), linkJob{Subject: order.Subject, Next: "/portal"}))
		h.Drain()
		erased, unknown := h.browser().Post("/signin", "email", jo), h.browser().Post("/signin", "email", "someone@example.com")
		sameAnswer(t, erased, unknown)
		h.Drain()
		if h.Mail.Count() != 1 {
			t.Errorf("%d letters were sent, want only the one before the erasure", h.Mail.Count())
		}
		shows(t, h.Post(waiting), http.StatusNotFound, "does not work any more")
	})
}

// sameAnswer fails if two answers can be told apart.
func sameAnswer(t *testing.T, one, other webtest.Answer) {
	t.Helper()
	for _, a := range []webtest.Answer{one, other} {
		a.Header.Del("Request-Id")
		a.Header.Del("Date")
	}
	if one.Status != other.Status || one.Body != other.Body || !maps.EqualFunc(one.Header, other.Header, slices.Equal) {
		t.Errorf("the answers differ: %v %v", one, other)
	}
}

// Nothing in the database or in a job lets anybody in or says who somebody is.
func TestDatabaseLetsNobodyIn(t *testing.T) {
	db := desktest.One(t)
	h := newHouse(t, db, base, Options{Scopes: scopes})
	h.customer(jo)
	a := h.colleague("Anna Example", anna, "support")
	secret, recovery := h.withPassword(a)
	leads(t, h.Post("/signin", "email", jo), "/signin/sent")
	h.Drain()
	path := h.linkTo(jo)
	_, token, _ := strings.Cut(path, enterPath)
	h.signIn(h.Site, anna, secret)
	dump := everything(t, db)
	for what, value := range map[string]string{
		"the link": token, "the address": jo, "a colleague's address": anna, "a colleague's name": "Anna Example",
		"the app's secret": secret, "a recovery code": recovery[0], "the password": goodPassword, "the password's hash": "argon2id",
	} {
		if strings.Contains(strings.ToLower(dump), strings.ToLower(value)) {
			t.Errorf("%s stands in the database", what)
		}
	}
	// Using the link is still possible, so the dump was of the real thing.
	leads(t, h.browser().Post(path), "/portal")
}

// everything returns all that the tables of a database hold.
func everything(t *testing.T, db *store.DB) string {
	t.Helper()
	var b strings.Builder
	ok(t, db.ReadTx(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table'`)
		if err != nil {
			return err
		}
		var names []string
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				return err
			}
			names = append(names, n)
		}
		rows.Close()
		for _, n := range names {
			rows, err := tx.Query(t.Context(), `SELECT * FROM "`+n+`"`)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			for rows.Next() {
				cells := make([]any, len(columns))
				for i := range cells {
					cells[i] = new([]byte)
				}
				if err := rows.Scan(cells...); err != nil {
					return err
				}
				for _, c := range cells {
					b.Write(*c.(*[]byte))
					b.WriteByte('\n')
				}
			}
			rows.Close()
		}
		return nil
	}))
	if b.Len() < 1000 {
		t.Fatal("the dump is empty")
	}
	return b.String()
}

func TestErasureForgetsEverything(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		s := h.customer(jo)
		leads(t, h.Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		leads(t, h.Post(h.linkTo(jo)), "/portal")
		leads(t, h.browser().Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		unused := h.linkTo(jo)
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			out, err := h.desk.export(ctx, tx, s)
			if e, _ := out.(exported); len(e.Sessions) != 1 {
				t.Errorf("the export shows %v", out)
			}
			return err
		})
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return h.Kit.Jobs.Publish(ctx, tx, job.Notice{Name: "person.erased", ID: string(s)})
		})
		h.Drain()
		leads(t, h.Get("/portal"), "/signin?next=%2Fportal")
		shows(t, h.Post(unused), http.StatusNotFound)
	})
}

func TestSweepRemovesWhatEnded(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer(jo)
		a := h.colleague("Anna Example", anna, "support")
		secret, _ := h.withPassword(a)
		leads(t, h.Post("/signin", "email", jo), "/signin/sent")
		h.Drain()
		h.signIn(h.Site, anna, secret)
		h.Post("/console/signin", "email", "nobody@network.example", "password", "not the right one")
		h.Post("/console/signin", "email", anna, "password", goodPassword)
		h.Clock.Advance(40 * 24 * time.Hour)
		ok(t, h.desk.sweep(t.Context(), sweepJob{}))
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for _, table := range []string{"session", "link", "flow", "attempt"} {
				var n int
				if err := tx.QueryRow(ctx, `SELECT count(*) FROM signin_`+table).Scan(&n); err != nil {
					return err
				}
				if n != 0 {
					t.Errorf("%d rows of %s are left", n, table)
				}
			}
			return nil
		})
	})
}

// A link that no mail server carries is not said to be on its way.
func TestALinkSaysWhereItIs(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.desk.kit.Mail = &mail.Outbox{}
		page := h.Get("/signin/sent")
		shows(t, page, http.StatusOK, "The letter waits here", "waits in the outbox of the console")
		if strings.Contains(page.Body, "on its way") || strings.Contains(page.Body, "unwanted mail") {
			t.Error("a letter is said to be on its way")
		}
	})
}
