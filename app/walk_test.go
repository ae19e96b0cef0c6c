package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
)

// A walk is a whole Loot with a customer in it.
type walk struct {
	*testing.T
	app     *App
	world   *desk.World
	shell   *web.Shell
	subject loot.Subject
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	ctx, a, world := simulated(t, storetest.SQLite, nil)
	w := &walk{T: t, app: a, world: world}
	shell, mux, err := a.mount(true)
	w.ok(err)
	w.shell, w.world.HTTP = shell, shell.Handler(mux)
	w.subject, err = world.NewPerson(ctx)
	w.ok(err)
	w.ok(world.Drain(ctx))
	return w
}

func (w *walk) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// givenValue is what the made-up customer gave.
var givenValue = regexp.MustCompile(`Made-up|1 Sample Street|555 0142|@example\.com`)

var wildcard = regexp.MustCompile(`\{([^}]*)\}`)

// at fills in a pattern so that it leads to the customer.
func (w *walk) at(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, wildcard.ReplaceAllStringFunc(path, func(part string) string {
		if part == "{$}" {
			return ""
		}
		return string(w.subject)
	})
}

func (w *walk) ask(method, path string, who web.Identity, token, body string) *httptest.ResponseRecorder {
	w.Helper()
	ctx := w.Context()
	if who.Actor.Kind != "" {
		ctx = web.WithIdentity(ctx, who)
	}
	r := httptest.NewRequestWithContext(ctx, method, w.app.BaseURL+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	} else if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a := httptest.NewRecorder()
	w.world.HTTP.ServeHTTP(a, r)
	return a
}

// TestEveryRouteRefusesTheOthers asks every route that is mounted as everybody
// who is not its audience.
func TestEveryRouteRefusesTheOthers(t *testing.T) {
	w := newWalk(t)
	now := w.app.Now()
	visitor := web.Identity{}
	customer := web.Identity{Actor: loot.Actor{Kind: loot.Person, ID: string(w.subject)}, At: now}
	staff := func(at time.Time, roles ...loot.Role) web.Identity {
		who, err := w.world.NewStaff(t.Context(), true, roles...)
		w.ok(err)
		return web.Identity{Actor: who, At: at}
	}
	v, _ := w.app.Gate.InForce()
	var all []loot.Role
	for _, r := range v.Statement.Roles() {
		all = append(all, r.ID)
	}
	none, everything, long := staff(now), staff(now, all...), staff(now.AddDate(-1, 0, 0), all...)

	// refused reports whether an answer lets nobody in: to sign in, or not at all.
	refused := func(a *httptest.ResponseRecorder) bool {
		switch a.Code {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			return true
		case http.StatusSeeOther:
			to := a.Header().Get("Location")
			return strings.HasPrefix(to, w.app.site().SignIn) || strings.HasPrefix(to, w.app.site().StaffSignIn)
		}
		return false
	}
	wants := func(rt web.Route, as string, who web.Identity) {
		t.Helper()
		method, path := w.at(rt.Pattern)
		if a := w.ask(method, path, who, "", ""); !refused(a) {
			t.Errorf("%s, for %s, as %s: status %d, Location %q", rt.Pattern, rt.Audience, as, a.Code, a.Header().Get("Location"))
		}
	}
	if a := w.ask(http.MethodGet, "/portal", customer, "", ""); !givenValue.MatchString(a.Body.String()) {
		t.Errorf("the customer's own page shows nothing of what was given, so that nothing would be seen elsewhere: status %d", a.Code)
	}
	count := map[web.Audience]int{}
	for _, rt := range w.shell.Routes() {
		count[rt.Audience]++
		method, path := w.at(rt.Pattern)
		switch rt.Audience {
		case web.Public:
			if a := w.ask(method, path, visitor, "", ""); a.Code >= 500 {
				t.Errorf("%s: status %d", rt.Pattern, a.Code)
			}
		case web.Portal:
			wants(rt, "nobody", visitor)
			wants(rt, "staff", everything)
		case web.Console:
			wants(rt, "nobody", visitor)
			wants(rt, "a customer", customer)
			if len(rt.Roles) > 0 {
				wants(rt, "staff of no role", none)
				for _, r := range rt.Roles {
					if !slices.Contains(all, r) {
						t.Errorf("%s is for the role %s, which the statement does not have", rt.Pattern, r)
					}
				}
			} else if a := w.ask(method, path, none, "", ""); a.Code >= 500 || givenValue.MatchString(a.Body.String()) { // the statement's rules decide there
				t.Errorf("%s, for all staff, as staff of no role: status %d, with %q", rt.Pattern, a.Code, givenValue.FindString(a.Body.String()))
			}
		default:
			t.Errorf("%s names no audience", rt.Pattern)
		}
		if rt.Fresh {
			who := long
			if rt.Audience == web.Portal {
				who = web.Identity{Actor: customer.Actor, At: now.AddDate(-1, 0, 0)}
			}
			wants(rt, "somebody who signed in long ago", who)
		}
	}
	for _, a := range []web.Audience{web.Public, web.Portal, web.Console} {
		if count[a] == 0 {
			t.Errorf("no route is for the %s", a)
		}
	}
	mounted := map[string]bool{}
	for _, rt := range w.shell.Routes() {
		mounted[rt.Pattern] = true
	}
	for _, d := range w.app.Desks {
		for _, rt := range d.Routes {
			if !mounted[rt.Pattern] {
				t.Errorf("%s of %s is not mounted", rt.Pattern, d.Name)
			}
		}
	}
}

// TestEveryOperationNeedsItsScope asks every operation of the API without a
// token, with one that is none, and with one for everything else.
func TestEveryOperationNeedsItsScope(t *testing.T) {
	w := newWalk(t)
	doc := w.ask(http.MethodGet, "/api/openapi.json", web.Identity{}, "", "")
	var spec struct {
		Paths map[string]map[string]struct {
			Security []map[string][]api.Scope `json:"security"`
		} `json:"paths"`
	}
	w.ok(json.Unmarshal(doc.Body.Bytes(), &spec))
	who, err := w.world.NewStaff(t.Context(), true, "support")
	w.ok(err)
	person := loot.Actor{Kind: loot.Person, ID: string(w.subject)}
	seen := map[api.Scope]bool{}
	for path, item := range spec.Paths {
		for method, op := range item {
			name := strings.ToUpper(method) + " " + path
			var need []api.Scope
			for _, s := range op.Security {
				for _, scopes := range s {
					need = append(need, scopes...)
				}
			}
			if len(need) != 1 {
				t.Errorf("%s needs the scopes %v, want one", name, need)
				continue
			}
			seen[need[0]] = true
			method, at := w.at(name)
			body := ""
			if method != http.MethodGet {
				body = "{}"
			}
			var others []api.Scope
			for s := range w.app.scopes() {
				if s != need[0] {
					others = append(others, s)
				}
			}
			for _, owner := range []loot.Actor{who, person} {
				var token string
				w.ok(w.app.Gate.InTx(t.Context(), func(tx *store.Tx) (err error) {
					if err := w.app.signin.Forget(t.Context(), tx, owner.ID); err != nil { // an account has but so many
						return err
					}
					token, err = w.app.signin.ScratchToken(t.Context(), tx, owner, others...)
					return err
				}))
				if a := w.ask(method, at, web.Identity{}, token, body); a.Code != http.StatusForbidden {
					t.Errorf("%s without %s, by %s: status %d", name, need[0], owner.Kind, a.Code)
				}
				if a := w.ask(method, at, web.Identity{}, token[:len(token)-4]+"AAAA", body); a.Code != http.StatusUnauthorized {
					t.Errorf("%s with a token that is none: status %d", name, a.Code)
				}
			}
			if a := w.ask(method, at, web.Identity{Actor: who, At: w.app.Now()}, "", body); a.Code != http.StatusUnauthorized {
				t.Errorf("%s without a token, signed in on the console: status %d", name, a.Code)
			}
		}
	}
	for s := range w.app.scopes() {
		if !seen[s] {
			t.Errorf("no operation needs %s", s)
		}
	}
}

// remains are the tables in which an erased person's id may stand, and why.
var remains = map[string]string{
	"billing_invoice": "an invoice that the law wants kept: what it says is sealed apart, and the id leads to nobody",
	"billing_payment": "a payment that the law wants kept beside the invoice: what the bank said of it is sealed, and the id leads to nobody",
	"billing_archive": "an invoice of the system before, of which the same is true",
	"vault_record":    "that there was a record, so that one from an old backup is erased again",
	"river_job":       "work that was done, which the queue drops after a day",
}

// personal are the columns that hold a person's id.
var personal = []string{"subject", "owner"}

// ofStaff are the columns of such a name that hold no customer's id, and whose.
var ofStaff = map[string]string{
	"disclosure_request.owner": "the member of staff who looks after it",
	"incidents_case.owner":     "the member of staff who looks after it",
	"incidents_measure.owner":  "the member of staff who sees to it",
	"safety_case.owner":        "the member of staff who looks after it",
}

// TestNothingRemainsOfAnErasedPerson fills every table of the desks that holds
// something about a person, has the person erased, and looks for the id in
// every table there is.
func TestNothingRemainsOfAnErasedPerson(t *testing.T) {
	w := newWalk(t)
	ctx := t.Context()
	leave := func(who loot.Subject) string {
		a, err := desk.Browser{World: w.world, Who: loot.Actor{Kind: loot.Person, ID: string(who)}}.Post(ctx, "/portal/account/erase", url.Values{"sure": {"on"}})
		w.ok(err)
		if a.Status != http.StatusSeeOther {
			w.Fatalf("asked to leave: status %d: %s", a.Status, &a.Body)
		}
		return a.Header().Get("Location")
	}
	short, err := w.world.NewPerson(ctx)
	w.ok(err)
	if to := leave(short); to != "/goodbye" {
		t.Errorf("whom nothing is to be invoiced asked to leave, and is sent to %q", to)
	}
	w.world.Clock.Advance(48 * time.Hour) // then something is
	if to := leave(w.subject); to != "/portal/account" {
		t.Fatalf("the person asked to leave, and is sent to %q", to)
	}
	w.ok(w.world.Drain(ctx))
	w.world.Clock.Advance(12 * 365 * 24 * time.Hour) // no law holds the record any longer
	tables := w.tables()
	desks := map[string]desk.Desk{}
	for _, d := range w.app.Desks {
		desks[d.Name] = d
	}
	filled := 0
	for table, columns := range tables {
		owner, _, _ := strings.Cut(table, "_")
		d, ok := desks[owner]
		if !ok || !slices.ContainsFunc(columns, func(c tableColumn) bool { return c.personal(table) }) {
			continue
		}
		if d.Erase == nil || d.Export == nil {
			t.Errorf("%s is about people, and the desk %s does not export and erase what it holds about one", table, owner)
		}
		w.ok(w.app.DB.InTx(ctx, func(tx *store.Tx) error { return w.fill(tx, tables, table) }))
		filled++
	}
	if filled < 9 {
		t.Errorf("%d tables of desks are about people; the walk does not see them", filled)
	}
	for name, why := range remains {
		if _, ok := tables[name]; !ok {
			t.Errorf("there is no table %s in which something may remain: %s", name, why)
		}
	}
	before := w.holding(tables)
	if len(before) < filled {
		t.Errorf("the person is found in %v, want every table that was filled", before)
	}
	if to := leave(w.subject); to != "/goodbye" {
		t.Fatalf("the person is not erased, and is sent to %q", to)
	}
	w.ok(w.world.Drain(ctx))
	for _, table := range w.holding(tables) {
		if remains[table] == "" {
			t.Errorf("%s still holds the erased person's id", table)
		}
	}
}

// leftOut are the tables about a person that their copy says nothing of, and why.
var leftOut = map[string]string{
	"billing_aside":         "what an order holds beyond its time, which must not show",
	"billing_previewed":     "what a month would come to by what else is in the copy: worked out anew from that, and kept a week",
	"billing_previewed_sum": "the same, in sums",
	"disclosure_file":       "the letter of an authority, as it came, and the answer to it: the copy has who asked, on which basis and what went",
	"disclosure_note":       "the work of colleagues on it, of which the copy has the outcome",
	"imports_newcomer":      "a mark that stands while an import runs",
	"imports_row":           "the report on a file, which leads to who was taken over; that they were is in the copy",
	"safety_about":          "what somebody else reported, which would tell who: the copy has the case and its reasons",
	"safety_evidence":       "what somebody else reported, too",
	"safety_link":           "a single-use token",
	"safety_report":         "of whoever reported, who has no portal and is known by their report alone",
	"signin_link":           "a single-use token",
}

// TestEveryTableIsInTheCopy adds a row about the person to each table of the desks that
// holds something about one, or belongs to a row that does, and looks whether their copy
// changes by it. What is sealed there is made up and cannot be opened: that the copy then
// fails shows that it is in it.
func TestEveryTableIsInTheCopy(t *testing.T) {
	w := newWalk(t)
	tables := w.tables()
	desks := map[string]desk.Desk{}
	for _, d := range w.app.Desks {
		desks[d.Name] = d
	}
	for name, why := range leftOut {
		if _, ok := tables[name]; !ok {
			t.Errorf("there is no table %s that is left out: %s", name, why)
		}
	}
	undone := errors.New("undone")
	seen := 0
	for table := range tables {
		owner, _, _ := strings.Cut(table, "_")
		d, ok := desks[owner]
		if !ok || !about(tables, table) {
			continue
		}
		seen++
		var before, after string
		if err := w.app.Gate.InTx(t.Context(), func(tx *store.Tx) error {
			if err := w.fillBefore(tx, tables, table); err != nil {
				return err
			}
			before = w.copied(tx, d)
			if err := w.insert(tx, tables, table, "REPLACE"); err != nil { // of what the person has one row
				return err
			}
			after = w.copied(tx, d)
			return undone
		}); !errors.Is(err, undone) {
			t.Errorf("%s: %v", table, err)
		}
		switch there := before != after; {
		case !there && leftOut[table] == "":
			t.Errorf("%s is about people, and their copy says nothing of it", table)
		case there && leftOut[table] != "":
			t.Errorf("%s is in the copy, and is said to be left out: %s", table, leftOut[table])
		}
	}
	if seen < 40 {
		t.Errorf("%d tables of desks are about people; the walk does not see them", seen)
	}
}

// about reports whether rows of a table are about a person, or belong to one that is.
func about(tables map[string][]tableColumn, table string) bool {
	return slices.ContainsFunc(tables[table], func(c tableColumn) bool {
		return c.personal(table) || c.table != "" && about(tables, c.table)
	})
}

// copied is what a desk gives the person to take along, or why it cannot.
func (w *walk) copied(tx *store.Tx, d desk.Desk) string {
	var part any
	var documents []desk.Document
	var err error
	if d.Export != nil {
		part, err = d.Export(w.Context(), tx, w.subject)
	}
	if err == nil && d.Documents != nil {
		documents, err = d.Documents(w.Context(), tx, loot.Actor{Kind: loot.Person, ID: string(w.subject)})
	}
	if err != nil {
		return err.Error()
	}
	var files []string
	for _, one := range documents {
		files = append(files, one.Files...)
	}
	text, err := json.Marshal([]any{part, files})
	w.ok(err)
	return string(text)
}

// A tableColumn is of a type, and may refer to another table's column.
type tableColumn struct{ name, kind, table, column string }

// personal reports whether a customer's id stands in it.
func (c tableColumn) personal(table string) bool {
	return slices.Contains(personal, c.name) && ofStaff[table+"."+c.name] == ""
}

// tables returns the columns of every table of the records' database.
func (w *walk) tables() map[string][]tableColumn {
	w.Helper()
	out := map[string][]tableColumn{}
	w.ok(w.app.DB.ReadTx(w.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(w.Context(), `SELECT m.name, c.name, upper(c.type), coalesce(f."table", ''), coalesce(f."to", '') FROM sqlite_master m, pragma_table_info(m.name) c
			LEFT JOIN pragma_foreign_key_list(m.name) f ON f."from" = c.name WHERE m.type = 'table' ORDER BY m.name, c.cid`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var table string
			var c tableColumn
			if err := rows.Scan(&table, &c.name, &c.kind, &c.table, &c.column); err != nil {
				return err
			}
			if to, ok := refers[table+"."+c.name]; ok {
				c.table, c.column, _ = strings.Cut(to, ".")
			}
			out[table] = append(out[table], c)
		}
		return rows.Err()
	}))
	return out
}

// refers are the columns that name a row of another table, where no foreign key says so.
var refers = map[string]string{
	"billing_address.service":      "billing_service.reference",
	"billing_credit.original":      "billing_invoice.number",
	"billing_delivery.event":       "billing_event.id",
	"billing_delivery.hook":        "billing_hook.id",
	"billing_letter.invoice":       "billing_invoice.number",
	"billing_paid.invoice":         "billing_invoice.number",
	"billing_paid.payment":         "billing_payment.id",
	"billing_removed.number":       "billing_invoice.number",
	"billing_state.service":        "billing_service.reference",
	"billing_usage.service":        "billing_service.reference",
	"imports_row.name":             "imports_known.name",
	"incidents_person.note":        "incidents_note.id",
	"partners_told.notice":         "partners_notice.id",
	"safety_link.matter":           "safety_case.id",
	"verification_evidence.matter": "verification_case.id",
}

// columnValues are what a column holds that the program reads.
var columnValues = map[string]any{
	"billing_archive.currency":    "EUR",
	"billing_archive.issued":      "2026-02-28",
	"billing_event.body":          "{}",
	"billing_invoice.began":       "2026-02-01",
	"billing_invoice.currency":    "EUR",
	"billing_invoice.due":         "2026-03-14",
	"billing_invoice.ended":       "2026-02-28",
	"billing_invoice.issued":      "2026-02-28",
	"billing_payment.currency":    "EUR",
	"billing_payment.day":         "2026-02-28",
	"billing_payment.sealed":      nil,
	"billing_service.state":       "ended",
	"disclosure_request.kind":     "answer",
	"partners_sent.fields":        "[]",
	"verification_last.fields":    `{"contact.email": {"outcome": "passed", "at": 1}}`,
	"verification_request.answer": "[]",
	"billing_aside.file":          "",
	"disclosure_request.closed":   0,
	"safety_case.aside":           0,
}

// fill adds a row about the person, and before it those that it refers to.
func (w *walk) fill(tx *store.Tx, tables map[string][]tableColumn, table string) error {
	if err := w.fillBefore(tx, tables, table); err != nil {
		return err
	}
	return w.insert(tx, tables, table, "IGNORE")
}

// fillBefore adds the rows that one of a table refers to.
func (w *walk) fillBefore(tx *store.Tx, tables map[string][]tableColumn, table string) error {
	for _, c := range tables[table] {
		if c.table != "" {
			if err := w.fill(tx, tables, c.table); err != nil {
				return err
			}
		}
	}
	return nil
}

// insert adds a row about the person; or says what becomes of one that is there already.
func (w *walk) insert(tx *store.Tx, tables map[string][]tableColumn, table, or string) error {
	var names, places []string
	var values []any
	for i, c := range tables[table] {
		names, places = append(names, c.name), append(places, fmt.Sprintf("$%d", i+1))
		value, set := columnValues[table+"."+c.name]
		switch {
		case c.table != "":
			values = append(values, c.table+c.column)
		case c.personal(table):
			values = append(values, string(w.subject))
		case set:
			values = append(values, value)
		case c.kind == "BLOB":
			values = append(values, []byte(table+c.name))
		case c.kind == "TEXT":
			values = append(values, table+c.name)
		default:
			values = append(values, int64(1))
		}
	}
	_, err := tx.Exec(w.Context(), `INSERT OR `+or+` INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(places, ", ")+`)`, values...)
	return err
}

// holding returns the tables in which the person's id stands in any form.
func (w *walk) holding(tables map[string][]tableColumn) (out []string) {
	w.Helper()
	w.ok(w.app.DB.ReadTx(w.Context(), func(tx *store.Tx) error {
		out = nil
		for table, columns := range tables {
			for _, c := range columns {
				found, err := w.in(tx, table, c.name)
				if err != nil {
					return fmt.Errorf("%s.%s: %w", table, c.name, err)
				}
				if found {
					out = append(out, table)
					break
				}
			}
		}
		return nil
	}))
	slices.Sort(out)
	return out
}

func (w *walk) in(tx *store.Tx, table, column string) (bool, error) {
	rows, err := tx.Query(w.Context(), `SELECT CAST(`+column+` AS BLOB) FROM `+table+` WHERE `+column+` IS NOT NULL`)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return false, err
		}
		if bytes.Contains(b, []byte(w.subject)) || bytes.Contains(b, w.subject.Compact()) {
			return true, nil
		}
	}
	return false, rows.Err()
}
