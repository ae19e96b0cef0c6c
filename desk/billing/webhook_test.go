package billing

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk/billing/hook"
	"loot/desk/desktest"
	"loot/store"
)

// A panel is a provisioning system that keeps what it is told.
type panel struct {
	mu     sync.Mutex
	status int
	got    []*http.Request
	bodies []string
}

func (p *panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	p.got, p.bodies = append(p.got, r), append(p.bodies, string(body))
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, "seen by the panel")
}

func (p *panel) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// told returns the types of what came since it was asked last, and the last body.
func (p *panel) told() (types []string, last *http.Request, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, text := range p.bodies {
		var h happened
		_ = json.Unmarshal([]byte(text), &h)
		types, last, body = append(types, h.Type), p.got[i], text
	}
	p.got, p.bodies = nil, nil
	slices.Sort(types) // messages may overtake each other
	return types, last, body
}

// A provisioning system is told what happens to services, signed, until it says that
// it took it, and services wait for it.
func TestAProvisioningSystemIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		system := &panel{status: http.StatusOK}
		server := httptest.NewServer(system)
		t.Cleanup(server.Close)
		o.asStaff("administrator")
		add := func(url string) (status int, page string) {
			a := o.Post("/console/billing/webhooks", "url", url, "provisions", "on", "events", "service.ordered", "events", "service.active", "events", "service.ended", "events", "address.assigned", "events", "address.released")
			return a.Status, a.Body
		}
		for _, bad := range []string{server.URL, "https://10.0.0.1/", "http://panel.example.com/", "nothing"} {
			if status, _ := add(bad); status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", bad, status)
			}
		}
		o.b.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
		status, page := add(server.URL)
		secret := regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`).FindString(strings.ReplaceAll(page, "&#43;", "+"))
		if status != http.StatusOK || secret == "" {
			t.Fatalf("%d: %s", status, desktest.Text(page))
		}
		at := regexp.MustCompile(`/console/billing/webhooks/h[a-z0-9]+`).FindString(page)
		desktest.Hides(t, o.Get(at), secret)

		s, id := o.server()
		o.Drain()
		types, last, body := system.told()
		if fmt.Sprint(types) != "[service.ordered service.ordered]" {
			t.Fatalf("told of %v", types)
		}
		for _, personal := range []string{"ExampleMeadow", "jo@example.com", "5550100"} { // ids have neither 0 nor 1
			if strings.Contains(strings.ReplaceAll(body, " ", ""), personal) {
				t.Errorf("the message holds %q: %s", personal, body)
			}
		}
		if !strings.Contains(body, string(s)) || !strings.Contains(body, id) && !strings.Contains(body, "o-"+string(s)) {
			t.Errorf("%s", body)
		}
		want, err := hook.Sign(hook.Message{ID: last.Header.Get("Webhook-Id"), At: o.Clock.Now(), Body: []byte(body)}, secret)
		if err != nil || last.Header.Get("Webhook-Signature") != want {
			t.Errorf("signed %s, want %s", last.Header.Get("Webhook-Signature"), want)
		}

		// It is not charged until it is set up.
		for _, one := range o.of(s) {
			if one.State != Ordered {
				t.Errorf("%s is %s", one.Title, one.State)
			}
		}
		o.Clock.Advance(48 * time.Hour)
		c := o.api([]api.Scope{"services:write", "addresses:assign"}, "support")
		state := func(status int, body string) {
			t.Helper()
			c.call(status, http.MethodPost, "/api/services/"+id+"/state", body)
		}
		state(http.StatusConflict, `{"state":"suspended","reason":"unpaid"}`)
		state(http.StatusOK, `{"state":"active","reason":"set-up"}`)
		state(http.StatusOK, `{"state":"active","reason":"set-up"}`)
		if since := o.of(s)[0].Since; !since.Equal(o.Clock.Now()) {
			t.Errorf("charged from %v", since)
		}
		c.call(http.StatusOK, http.MethodPost, "/api/services/"+id+"/addresses", `{"address":"192.0.2.77"}`)
		state(http.StatusUnprocessableEntity, `{"state":"suspended","reason":"unpaid","ticket":"Jo Example"}`)
		state(http.StatusOK, `{"state":"suspended","reason":"unpaid","ticket":"T-1"}`)
		o.Drain()
		types, _, body = system.told()
		if fmt.Sprint(types) != "[address.assigned service.active]" || strings.Contains(body, "192.0.2") {
			t.Errorf("told of %v: %s", types, body)
		}

		// It is told of other events from then on.
		o.asStaff("administrator")
		shows(t, o.Post(at), http.StatusUnprocessableEntity, "It is told of : Please choose at least one.")
		shows(t, o.Post(at, "events", "service.eaten"), http.StatusUnprocessableEntity)
		desktest.Leads(t, o.Post(at, "provisions", "on", "events", "service.suspended", "events", "service.ended"), at)
		ticked := regexp.MustCompile(`value="[a-z.]+"[^>]* checked`).FindAllString(o.Get(at).Body, -1)
		if want := []string{`value="service.suspended" checked`, `value="service.ended" checked`, `value="on" checked`}; !slices.Equal(ticked, want) {
			t.Errorf("ticked: %q", ticked)
		}
		state(http.StatusOK, `{"state":"active","reason":"settled"}`)
		state(http.StatusOK, `{"state":"suspended","reason":"unpaid"}`)
		o.Drain()
		if types, _, _ = system.told(); fmt.Sprint(types) != "[service.suspended]" {
			t.Errorf("told of %v", types)
		}
		desktest.Leads(t, o.Post(at, "provisions", "on", "events", "service.ordered", "events", "service.ended", "events", "address.released"), at)

		// What it does not take comes again, with the same id, and by hand once it is given up.
		system.answer(http.StatusInternalServerError)
		o.asStaff("support")
		shows(t, o.Post(servicePath(id), "to", "ended", "why", "asked", "sure", "on"), http.StatusSeeOther)
		o.Drain()
		types, _, _ = system.told()
		if len(types) < 2 {
			t.Fatalf("told of %v", types)
		}
		o.asStaff("administrator")
		shows(t, o.Get(at), http.StatusOK, "waits", "500", "seen by the panel", "taken")
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE billing_delivery SET tries = $1 WHERE state = 'waiting'`, mostTries-1)
			return err
		}))
		o.Clock.Advance(time.Hour)
		o.Drain()
		again, _, _ := system.told()
		if len(again) != len(types) {
			t.Errorf("came again: %v, of %v", again, types)
		}
		page = o.Get(at).Body
		if strings.Contains(desktest.Text(page), "waits 1") || !strings.Contains(page, "failed") {
			t.Errorf("%s", desktest.Text(page))
		}
		system.answer(http.StatusOK)
		failed := regexp.MustCompile(`failed(?s:.*?)(/console/billing/deliveries/d[a-z0-9]+)`).FindStringSubmatch(page)
		rotated := o.Post(at + "/secret")
		fresh := regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`).FindString(strings.ReplaceAll(rotated.Body, "&#43;", "+"))
		if fresh == "" || fresh == secret {
			t.Fatalf("a new secret: %q", fresh)
		}
		for _, signs := range [][]string{{fresh, secret}, {fresh}} {
			desktest.Leads(t, o.Post(failed[1]), at)
			o.Drain()
			if types, last, body = system.told(); len(types) != 1 {
				t.Fatalf("sent again: %v", types)
			}
			want, err := hook.Sign(hook.Message{ID: last.Header.Get("Webhook-Id"), At: o.Clock.Now(), Body: []byte(body)}, signs...)
			if err != nil || last.Header.Get("Webhook-Signature") != want {
				t.Errorf("by %d secrets: %q, want %q %v", len(signs), last.Header.Get("Webhook-Signature"), want, err)
			}
			o.Clock.Advance(bothFor)
		}

		// Who says that it is gone is told no more.
		system.answer(http.StatusGone)
		desktest.Leads(t, o.Post(failed[1]), at)
		o.Drain()
		shows(t, o.Get(at), http.StatusOK, "State ended", "410")
		shows(t, o.Post(failed[1]), http.StatusNotFound, "it was ended")
		shows(t, o.Post(at, "events", "service.ended"), http.StatusNotFound, "it was ended")
		o.customer(meadow)
		o.Drain()
		if types, _, _ := system.told(); len(types) != 1 {
			t.Errorf("told after it was gone: %v", types)
		}
		ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error { return o.b.forget(t.Context(), tx, s) }))
		shows(t, o.Get(at), http.StatusOK, "Nothing was told yet")
		o.asStaff("billing")
		shows(t, o.Get("/console/billing/webhooks"), http.StatusForbidden)
	})
}

// A system that sets nothing up is told of all that a service becomes, of one that
// ended before it was begun, too.
func TestAllThatAServiceBecomesIsTold(t *testing.T) {
	o := newOffice(t, desktest.One(t))
	system := &panel{status: http.StatusOK}
	server := httptest.NewServer(system)
	t.Cleanup(server.Close)
	o.b.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
	_, _, err := o.b.addHook(t.Context(), loot.Actor{Kind: loot.Staff, ID: "member-one"}, webhook{URL: server.URL, Events: eventTypes})
	ok(t, err)
	s := loot.NewSubject()
	o.order("one", s, "backup", "backup-500")
	o.Drain()
	if types, _, _ := system.told(); fmt.Sprint(types) != "[service.active service.ordered]" {
		t.Errorf("told of %v", types)
	}
	ok(t, o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
		return o.b.begin(t.Context(), tx, "two", Order{Subject: s, Service: "backup", Plan: "backup-500", Made: o.Clock.Now().Add(-time.Hour), Ended: o.Clock.Now()})
	}))
	o.Drain()
	if types, _, _ := system.told(); fmt.Sprint(types) != "[service.active service.ended service.ordered]" {
		t.Errorf("told of %v", types)
	}
}

// A provisioning system is told of another plan when it is set, whoever sets it, and
// again when it is taken back before its month, so that the machine becomes what is charged.
func TestAChangeOfThePlanIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, o *office) {
		system := &panel{status: http.StatusOK}
		server := httptest.NewServer(system)
		t.Cleanup(server.Close)
		o.b.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
		o.asStaff("administrator")
		shows(t, o.Post("/console/billing/webhooks", "url", server.URL, "events", "service.planned"), http.StatusOK, "service.planned")
		s := o.customer(meadow)
		o.order("space", s, "backup", "backup-500")
		told := func(how string, want ...eventData) {
			t.Helper()
			o.Drain()
			types, _, body := system.told()
			if len(types) != len(want) {
				t.Fatalf("%s: told of %v, want %d messages", how, types, len(want))
			}
			for _, d := range want {
				var got happened
				ok(t, json.Unmarshal([]byte(body), &got))
				d.Service, d.Customer, d.Kind, d.State, d.Reason = "space", s, "backup", Active, NewPlan
				if got.Type != "service.planned" || got.Data != d {
					t.Errorf("%s: %s, want %+v", how, body, d)
				}
			}
		}
		told("nothing changed")

		o.permit(s, true)
		o.Clock.Advance(time.Hour)
		_, err := o.b.record(t.Context(), loot.Actor{}, []Record{{Service: "space", Meter: "disk", Key: "1", At: o.Clock.Now(), Amount: 91 * oneUnit}}, true)
		ok(t, err)
		ok(t, o.b.hints(t.Context(), hintArgs{}))
		o.as(s)
		suggested := regexp.MustCompile(`/portal/suggestions/n[a-z0-9]+`).FindString(o.Get("/portal/services").Body)
		desktest.Leads(t, o.Post(suggested, "do", "change"), "/portal/services")
		told("the customer took what was suggested", eventData{Plan: "backup-2000", Former: "backup-500", From: "2026-12"})

		const at = "/console/billing/services/space"
		o.asStaff("billing")
		desktest.Leads(t, o.Post(at+"/plan", "plan", "backup-500", "from", "2026-12"), at)
		told("a colleague took it back", eventData{Plan: "backup-500", Former: "backup-2000", From: "2026-12"})
		shows(t, o.Post(at+"/plan", "plan", "backup-500", "from", "2026-12"), http.StatusConflict)
		told("it has the plan anyway")

		c := o.api([]api.Scope{"services:plan"}, "billing")
		for range 2 { // the second time changes nothing
			c.call(http.StatusOK, http.MethodPost, "/api/services/space/plan", `{"plan":"backup-2000","from":"2027-01"}`)
		}
		told("a program set it", eventData{Plan: "backup-2000", Former: "backup-500", From: "2027-01"})

		undone := errors.New("undone")
		if err := o.b.DB.InTx(t.Context(), func(tx *store.Tx) error {
			one, err := o.b.findService(t.Context(), tx, "space")
			return errors.Join(err, o.b.replan(t.Context(), tx, one, "backup-500", "2027-02", "", clerk), undone)
		}); err == nil || !strings.HasSuffix(err.Error(), "undone") {
			t.Fatal(err)
		}
		told("the transaction failed")
	})
}

// For a day both secrets sign, and then the new one alone.
func TestTheFormerSecretSignsForADay(t *testing.T) {
	now := desktest.Start
	s := secrets{Now: "b", Former: "a", Until: now.Add(bothFor)}
	for at, want := range map[time.Time]string{now: "[b a]", now.Add(bothFor - 1): "[b a]", now.Add(bothFor): "[b]"} {
		if got := fmt.Sprint(s.sign(at)); got != want {
			t.Errorf("%v: %s", at, got)
		}
	}
}
