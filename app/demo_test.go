package app_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"loot/app"
	"loot/gate"
)

// A visitor reaches the demonstration with a browser's cookies.
type visitor struct {
	*testing.T
	*http.Client
	base string
}

func visit(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, &http.Client{Jar: jar}, base}
}

// by follows a guest's link.
func (v *visitor) by(g app.Guest) {
	v.Helper()
	u, err := url.Parse(g.Link)
	if err != nil {
		v.Fatal(err)
	}
	answer, err := v.PostForm(v.base+u.Path, nil)
	if err != nil {
		v.Fatal(err)
	}
	answer.Body.Close()
}

var tag = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// shows fails unless a page shows every one of the words, and returns it.
func (v *visitor) shows(path string, words ...string) (page string) {
	v.Helper()
	answer, err := v.Get(v.base + path)
	if err != nil {
		v.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Fatal(err)
	}
	text := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(string(body), " "))), " ")
	for _, w := range append(words, "Demonstration. Nobody here is real.") {
		if !strings.Contains(text, w) {
			v.Errorf("%s (%d) does not show %q:\n%s", path, answer.StatusCode, w, text)
		}
	}
	return string(body)
}

// TestTheDemonstrationHasSomethingToSee fills a demonstration and looks round
// in it as its guests do.
func TestTheDemonstrationHasSomethingToSee(t *testing.T) {
	now := func() time.Time { return provedAt }
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := app.Config{Place: app.Place{Data: filepath.Join(t.TempDir(), "data")}, Listen: "127.0.0.1:0", From: "Loot <no-reply@loot.example>"}
	begun := 0
	for range 2 { // the second start finds it filled
		if err := app.FillDemo(t.Context(), c, app.Options{Now: now, Log: log}, func() { begun++ }); err != nil || begun != 1 {
			t.Fatalf("begun %d times: %v", begun, err)
		}
	}
	a, err := app.New(t.Context(), c, app.Options{Now: now, Simulated: true, Log: log}) // as loot serve does
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	handler, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	guests, err := a.Guests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	guest := map[string]app.Guest{} // by role
	for _, g := range guests {
		guest[g.As] = g
	}

	next, ok := a.Gate.Coming()
	if !ok {
		t.Fatal("no version is announced")
	}
	if problems := next.Statement.Check(app.Keepers()); len(problems) > 0 {
		t.Errorf("the announced version is not sound: %v", problems)
	}
	day := next.Effective.UTC().Format("2 January 2006")
	if v, _ := a.Gate.InForce(); next.Effective.Sub(next.Announced) < time.Duration(v.Statement.Front().NoticeDays)*24*time.Hour || gate.StateOf(next, []gate.Version{v, next}, provedAt) != gate.Announced {
		t.Errorf("announced %s, effective %s", next.Announced, next.Effective)
	}
	if v, _ := a.Gate.InForce(); v.Statement.Front().Changed.After(v.Effective) {
		t.Errorf("the statement in force since %s was last changed %s", v.Effective, v.Statement.Front().Changed)
	}
	public := visit(t, server.URL)
	public.shows("/", "Demonstration. Nobody here is real.", "On "+day+" the privacy statement changes", "See what changes")
	if page := public.shows("/statement", "On "+day+" the privacy statement changes"); !strings.Contains(page, `href="/statement/versions/`+next.Statement.Hash()+`"`) {
		t.Error("no link to what changes")
	}
	public.shows("/statement/versions/"+next.Statement.Hash(), "announced", "What changes against version 2026-1", "no patience either", "Address for alarms", "90 days", "60 days")

	customer := visit(t, server.URL)
	customer.by(guest["the portal"])
	customer.shows("/portal", "On "+day+" the privacy statement changes", "See what changes")
	customer.shows("/portal/permissions", "Offers from Tallowmere Software on")
	customer.shows("/portal/services", "You could use the plan “2 TB”, because the disk of your backup space is 91 % full.")
	customer.shows("/portal/timeline", "Received 2 details", "Tallowmere Software", "to Tallowmere Software", "announcing changes of this statement")

	german := visit(t, server.URL)
	german.by(guest["the portal, with invoices in German"])
	invoices := german.shows("/portal/invoices", "corrected", "credit note", "taken back", "overdue")
	var seen []string
	for _, link := range regexp.MustCompile(`href="(/portal/invoices/[^"]+)"`).FindAllStringSubmatch(invoices, -1) {
		seen = append(seen, german.shows(link[1], "Leistungszeitraum", "Steuerschuldnerschaft des Leistungsempfängers.", "Ihre Bestellung: Dedicated server"))
	}
	for _, title := range []string{">Rechnung EX-", ">Rechnungskorrektur EX-", ">Berichtigte Rechnung EX-"} {
		if !strings.Contains(strings.Join(seen, ""), title) {
			t.Errorf("none of %d documents is a %s", len(seen), title)
		}
	}

	officer := visit(t, server.URL)
	officer.by(guest["Data protection officer"])
	if page := officer.shows("/console", "Incidents 1", "Approvals 1"); strings.Contains(page, "No record opens") {
		t.Error("whoever has signed the undertaking is asked to sign it")
	}
	officer.shows("/console/approvals", "Open a record", "Bank account (IBAN)", "A refund to the account that they gave", "0 of 1 said yes", "Publish a statement", "2 of 2 said yes")
	list := officer.shows("/console/incidents", "A laptop was left on the early train", "h left", "A customer rang", "closed")
	paths := regexp.MustCompile(`href="(/console/incidents/[^"]+)"`).FindAllStringSubmatch(list, -1)
	if len(paths) != 2 {
		t.Fatalf("%d incidents, want 2", len(paths))
	}
	officer.shows(paths[0][1], "Keys and sessions of the laptop withdrawn", "Next step")
	officer.shows(paths[1][1], "Regulator told", "The letter is back")

	newcomer := visit(t, server.URL)
	newcomer.by(guest["Customer support, has not signed the undertaking"])
	newcomer.shows("/console", "No record opens for you yet", "Read and sign the undertaking")

	clerk := visit(t, server.URL)
	clerk.by(guest["Billing"])
	clerk.shows("/console/approvals", "Asked by Tomasz Brandt (you)", "0 of 1 said yes")
	clerk.shows("/console/checks?kind=check", "Town or city", "A check found a fault", "A street and a town have names, with letters; this has none.")
}
