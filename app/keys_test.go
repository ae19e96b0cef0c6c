package app

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/billing/hook"
	"loot/gate"
	"loot/mail"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
	"loot/web/webtest"
)

// sealedColumns are the columns that the migrations call sealed by a key of the
// program. What vault and ledger seal by persons' keys is not among them.
func sealedColumns(t *testing.T) (out []string) {
	t.Helper()
	table := regexp.MustCompile(`CREATE TABLE ([a-z_]+)`)
	column := regexp.MustCompile(`^\s*([a-z_]+)\s+@BYTES@`)
	added := regexp.MustCompile(`ALTER TABLE ([a-z_]+) ADD COLUMN ([a-z_]+)\s+@BYTES@`)
	root := os.DirFS("..")
	files, err := fs.Glob(root, "*/migrations/*.sql")
	more, merr := fs.Glob(root, "desk/*/migrations/*.sql")
	if err != nil || merr != nil {
		t.Fatal(err, merr)
	}
	for _, f := range append(files, more...) {
		if strings.HasPrefix(f, "vault/") || strings.HasPrefix(f, "keyring/") {
			continue
		}
		b, err := fs.ReadFile(root, f)
		if err != nil {
			t.Fatal(err)
		}
		in, above, comment := "", "", false // the comment above is that of what is added
		for line := range strings.Lines(string(b)) {
			if was := comment; strings.HasPrefix(line, "--") {
				if comment = true; !was {
					above = ""
				}
				above += line
				continue
			}
			comment = false
			if m := added.FindStringSubmatch(line); m != nil && (m[2] == "sealed" || strings.Contains(line, "-- sealed") || strings.Contains(above, "sealed")) {
				out = append(out, m[1]+"."+m[2])
			}
			if m := table.FindStringSubmatch(line); m != nil {
				in = m[1]
			}
			if m := column.FindStringSubmatch(line); m != nil && (m[1] == "sealed" || strings.Contains(line, "-- sealed")) && !strings.Contains(line, "by the customer's key") {
				out = append(out, in+"."+m[1])
			}
		}
	}
	return append(out, "ledger_entry.actor")
}

// countNow is the job that looks at who opened what.
type countNow struct{}

func (countNow) Kind() string { return "staff.count" }

// removeNow asks the desk for invoices to remove what is kept no longer.
type removeNow struct{}

// Kind names the job.
func (removeNow) Kind() string { return "billing.sweep" }

// TestProgramsOwnKeysRotate: every key of the program says what it sealed, and
// gets a new version while all of it stays readable; then nothing in the
// database is sealed by the former one, which is destroyed.
func TestProgramsOwnKeysRotate(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, a, w := simulated(t, url, nil)

			// Something in each place, but for what signing in keeps, which its own
			// tests rotate.
			who, err := w.NewStaff(ctx, true, "support")
			if err != nil {
				t.Fatal(err)
			}
			visit := func(of string, as loot.Actor) *webtest.Site {
				i := slices.IndexFunc(w.Desks, func(d desk.Desk) bool { return d.Name == of })
				site := webtest.New(t, web.Options{Now: w.Clock.Now}, w.Desks[i].Routes)
				site.Actor = as
				return site
			}
			clerk := loot.Actor{Kind: loot.Staff, ID: who.ID, Roles: []loot.Role{"billing", "administrator"}}
			system := httptest.NewServer(http.NotFoundHandler())
			defer system.Close()
			a.billing.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
			visit("billing", clerk).Post("/console/billing/webhooks", "url", system.URL, "events", "service.ordered")
			person, err := w.NewPerson(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Drain(ctx); err != nil { // the person's details are checked
				t.Fatal(err)
			}
			// An invoice whose time is over is held by an order to preserve it.
			if err := a.billing.ArchiveKeys(ctx, person); err != nil {
				t.Fatal(err)
			}
			if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
				if err := w.Gate.Hold(ctx, tx, person, w.Clock.Now().AddDate(0, 1, 0)); err != nil {
					return err
				}
				if err := a.billing.Archive(ctx, tx, clerk, "a test", []billing.Former{{Subject: person, System: "before", Number: "1", Issued: w.Clock.Now().AddDate(-20, 0, 0), Currency: "EUR", Total: 100, Party: "Example Meadow Ltd"}}); err != nil {
					return err
				}
				return w.Jobs.Enqueue(ctx, tx, removeNow{})
			}); err != nil {
				t.Fatal(err)
			}
			own := loot.Actor{Kind: loot.Person, ID: string(person)}
			var approval string
			if err := w.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
				approval, err = w.Gate.Ask(ctx, tx, "test", who, "a matter", 1, "a reason")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := w.Gate.InTx(ctx, func(tx *store.Tx) error { // without a reason, so that it is answered for
				_, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Use, Actor: who, Desk: "customers", Purpose: "support", Subject: person, Collection: "customer", Fields: []loot.Field{"contact.email"},
				})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := w.DB.InTx(ctx, func(tx *store.Tx) error { return w.Jobs.Enqueue(ctx, tx, countNow{}) }); err != nil {
				t.Fatal(err)
			}
			if err := w.Drain(ctx); err != nil {
				t.Fatal(err)
			}
			if m := regexp.MustCompile(`/console/access-review/(w[0-9a-z]+)/answer`).FindString(visit("staff", who).Get("/console/access-review").Body); m == "" {
				t.Error("the opening is not raised")
			} else if a := visit("staff", who).Post(m, "text", "It was forgotten."); a.Status != http.StatusSeeOther {
				t.Errorf("%d, %s", a.Status, a.Body)
			}
			site := visit("incidents", who)
			report := site.Post("/console/incidents", "text", "A letter went to the wrong house.").Header.Get("Location")
			disputed := strings.TrimPrefix(visit("safety", own).Post("/portal/cases", "kind", "service", "text", "It does not run.").Header.Get("Location"), "/portal/cases/")
			authorised(t, visit("rights", clerk), w.Clock.Now().UTC())
			for _, a := range []webtest.Answer{
				visit("verification", own).Post("/portal/checks/wrong", "field", "address.city", "text", "We have moved."),
				visit("rights", own).Post("/portal/rights/restriction", "ground", "unlawful", "text", "Leave it alone."),
				visit("safety", loot.Actor{Kind: loot.Staff, ID: who.ID, Roles: []loot.Role{"abuse"}}).Post("/console/abuse/"+disputed+"/judge", "outcome", "refused", "facts", "F", "reasons", "R"),
				visit("safety", loot.Actor{}).Post("/abuse", "kind", "spam", "addresses", "192.0.2.7", "text", "Spam."),
			} {
				if a.Status != http.StatusSeeOther {
					t.Errorf("%d, %s", a.Status, a.Body)
				}
			}
			counsel := loot.Actor{Kind: loot.Staff, ID: who.ID, Roles: []loot.Role{"counsel"}}
			upload := func(as *webtest.Site, path, head, content string) {
				as.Do(http.MethodPost, path, "--b\r\nContent-Disposition: form-data; "+head+"\r\n\r\n"+content+"\r\n--b--\r\n", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}})
			}
			upload(visit("billing", clerk), "/console/billing/payments/statement", "name=statement; filename=a.xml",
				`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>`+
					`<BookgDt><Dt>2026-12-15</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>`)
			upload(visit("imports", clerk), "/console/imports", "name=file; filename=a.csv", "id,email\n1,one@example.com\n")
			partner := visit("partners", counsel)
			signed := ""
			for _, field := range [][2]string{{"purposes", "support"}, {"categories", "contact"}, {"signed", "2026-01-01"}, {"ends", "2036-01-01"}, {"country", "IE"}, {"signers", "Jo Doe"}} {
				signed += field[0] + "\r\n\r\n" + field[1] + "\r\n--b\r\nContent-Disposition: form-data; name="
			}
			upload(partner, "/console/partners/kelpwharf/agreement", "name="+signed+"document; filename=a.txt", "We keep it confidential.")
			partner.Post("/console/partners/kelpwharf/company", "contact", "privacy@partner.example")
			partner.Post("/console/partners/kelpwharf/revoke", "reason", "It was a test.")
			var arrived, content string // of a mail that nobody takes yet
			if err := a.mailbox.Register("keys@loot.example", func(_ context.Context, m *mail.Received) (func(context.Context, *store.Tx) error, error) {
				b, err := io.ReadAll(m.Open())
				arrived, content = m.ID, string(b)
				return nil, errors.Join(err, errors.New("not now"))
			}, 0); err != nil {
				t.Fatal(err)
			}
			if err := a.takes("requests@loot.example", a.asked, 0); err != nil {
				t.Fatal(err)
			}
			sendMail(t, a, "keys@loot.example", "A mail that waits.")
			sendMail(t, a, "requests@loot.example", "Who was it?")
			outside := visit("disclosure", who)
			outside.Post("/console/disclosures/register", "title", "Example Court", "recipient", "court", "country", "IE", "contact", "1 Sample Square")
			m := regexp.MustCompile(`register/([0-9a-z]+)/ended`).FindStringSubmatch(outside.Get("/console/disclosures/register").Body)
			if m == nil {
				t.Fatal("the register has no court")
			}
			day := w.Clock.Now().AddDate(0, 0, 9).Format(time.DateOnly)
			form := "--b"
			for _, one := range [][2]string{{"authority", m[1]}, {"kind", "proceedings"}, {"basis", "civil"}, {"asked", "A question"}, {"due", day}} {
				form += "\r\nContent-Disposition: form-data; name=" + one[0] + "\r\n\r\n" + one[1] + "\r\n--b"
			}
			form += "\r\nContent-Disposition: form-data; name=document; filename=a.txt\r\n\r\nA text\r\n--b--\r\n"
			if a := outside.Do(http.MethodPost, "/console/disclosures/new", form, http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}); a.Status != http.StatusSeeOther {
				t.Fatal(a.Status, a.Body)
			}
			if err := w.Drain(ctx); err != nil {
				t.Fatal(err)
			}

			var held []string
			former := map[string]bool{}
			rows := map[string]int{}
			for _, key := range w.Keyring.SystemKeys() {
				for _, c := range key.Holds() {
					held = append(held, c.String())
					marks, err := c.Marks(ctx, w.DB, 5)
					if err != nil {
						t.Fatal(err)
					}
					for mark, n := range marks {
						former[mark] = true
						rows[c.String()] += n
					}
				}
			}
			want := sealedColumns(t)
			slices.Sort(held)
			slices.Sort(want)
			if !slices.Equal(held, want) {
				t.Errorf("the keys hold %v; the tables have %v", held, want)
			}
			for _, c := range held {
				if rows[c] == 0 && !strings.HasPrefix(c, "signin_") {
					t.Errorf("nothing in %s is tried", c)
				}
			}

			for _, key := range w.Keyring.SystemKeys() {
				if err := key.Rotate(ctx); err != nil {
					t.Fatal(err)
				}
				r, err := key.Finish(ctx)
				want := 0
				for _, c := range key.Holds() {
					want += rows[c.String()]
				}
				if err != nil || r.Resealed < want || r.Former != 1 {
					t.Errorf("%s: %+v, %v; want %d values sealed anew", key.Name(), r, err, want)
				}
			}
			w.Clock.Advance(time.Hour)
			if err := w.Vault.Sweep(ctx); err != nil { // as the timetable has it
				t.Fatal(err)
			}
			r, err := w.Keyring.Check(ctx)
			if err != nil || r.System != len(w.Keyring.SystemKeys()) || r.Former != 0 || r.Waiting != 0 || len(r.Problems) > 0 {
				t.Errorf("%+v, %v", r, err)
			}
			if left := marked(t, w.DB, former); len(left) > 0 {
				t.Errorf("still sealed by a former version: %v", left)
			}

			if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
				_, _, _, reason, err := w.Gate.Approval(ctx, tx, approval)
				if err == nil && reason != "a reason" {
					err = fmt.Errorf("the reason is %q", reason)
				}
				if err != nil {
					return err
				}
				name, err := a.staff.Name(ctx, tx, who.ID)
				if err == nil && name != who.Name {
					err = fmt.Errorf("the name is %q", name)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
			if page := site.Get(report); !strings.Contains(page.Body, "A letter went to the wrong house.") || !strings.Contains(page.Body, who.Name) {
				t.Errorf("%s: %d, %s", report, page.Status, page.Body)
			}
			content = ""
			if err := a.mailbox.Deliver(ctx, arrived); err == nil || !strings.Contains(content, "A mail that waits.") {
				t.Errorf("%q, %v", content, err)
			}
			if mails, err := a.outbox.List(ctx, "", 10); err != nil || len(mails) == 0 {
				t.Errorf("%d letters, %v", len(mails), err)
			}
		})
	}
}

// authorised has an agent ask for somebody, and to be told where that stands.
func authorised(t *testing.T, site *webtest.Site, now time.Time) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	site.Post("/console/requests/agents", "id", "AGENT", "title", "Example Agents", "key", base64.StdEncoding.EncodeToString(public), "hosts", "agents.example.com")
	site.Actor = loot.Actor{}
	send := func(path, token string, more map[string]string) (a webtest.Answer) {
		said := map[string]string{
			"agent-id": "AGENT", "business-id": "LOOT_EXAMPLE_NETWORK_LTD", "drp.version": "1.0",
			"issued-at": now.Add(-time.Second).Format(time.RFC3339), "expires-at": now.Add(time.Minute).Format(time.RFC3339),
		}
		maps.Copy(said, more)
		text, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		a = site.Do(http.MethodPost, path, base64.StdEncoding.EncodeToString(append(ed25519.Sign(private, text), text...)), http.Header{"Content-Type": {"text/plain"}, "Authorization": {"Bearer " + token}})
		if a.Status != http.StatusOK {
			t.Errorf("%s: %d, %s", path, a.Status, a.Body)
		}
		return a
	}
	var given struct{ Token string }
	if err := json.Unmarshal([]byte(send("/drp/v1/agent/AGENT", "", nil).Body), &given); err != nil {
		t.Error(err)
	}
	send("/drp/v1/data-rights-request", given.Token, map[string]string{"exercise": "access", "email": "nobody@example.com", "status_callback": "https://agents.example.com/status"})
}

// marked returns every column of a database in which a value begins with one of
// the marks, whoever keeps it.
func marked(t *testing.T, db *store.DB, marks map[string]bool) (out []string) {
	t.Helper()
	ctx := t.Context()
	list := `SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND upper(p.type) LIKE '%BLOB%'`
	if db.Dialect() == store.Postgres {
		list = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'bytea'`
	}
	if err := db.ReadTx(ctx, func(tx *store.Tx) error {
		out = nil
		rows, err := tx.Query(ctx, list)
		if err != nil {
			return err
		}
		defer rows.Close()
		var columns [][2]string
		for rows.Next() {
			var c [2]string
			if err := rows.Scan(&c[0], &c[1]); err != nil {
				return err
			}
			columns = append(columns, c)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		if len(columns) < 20 {
			t.Errorf("only %d columns were looked at", len(columns))
		}
		for _, c := range columns {
			for mark := range marks {
				var n int
				if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM `+c[0]+` WHERE substr(`+c[1]+`, 1, 5) = $1`, []byte(mark)).Scan(&n); err != nil {
					return err
				}
				if n > 0 {
					out = append(out, c[0]+"."+c[1])
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEverySecretSaysWhyItStays: whoever rotates keys reads why these are not
// replaced.
func TestEverySecretSaysWhyItStays(t *testing.T) {
	a, err := New(t.Context(), Config{Place: Place{Data: filepath.Join(t.TempDir(), "data")}, BaseURL: "https://loot.example"}, Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Handler(); err != nil { // some secrets are made when a server runs
		t.Fatal(err)
	}
	secrets, err := a.Keyring.Secrets()
	if err != nil || len(secrets) < 6 {
		t.Errorf("%v, %v", secrets, err)
	}
	for _, s := range secrets {
		if whyKept(s) == whyKept("none such") {
			t.Errorf("nothing is said about %s", s)
		}
	}
}
