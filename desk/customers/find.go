package customers

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// perPage is how many customers stand on one page: ids, states and dates, as
// a list with names would be an opening of every one of them.
const perPage = 50

type listView struct {
	web.View
	Find  findForm
	Rows  []listRow
	Pager web.Pager
	Empty web.Empty
}

type listRow struct {
	Subject loot.Subject
	Href    string
	State   web.Badge
	Row     vault.Row
}

// A findForm looks for one customer by an exact value.
type findForm struct {
	Fields  web.Fields
	Wrong   *web.Problems
	Refusal *web.Refusal
	Done    bool
	Hits    []listRow
	Purpose string // in words
	Case    string // that whatever is opened counts for; empty: none was named
}

// list shows who is a customer, and the form that finds one.
func (c *customers) list(w http.ResponseWriter, r *http.Request) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	return c.showList(w, r, http.StatusOK, findForm{Fields: findFields(s, web.ActorOf(r.Context())), Case: loot.Cut(q.Get("case"), 64)})
}

func (c *customers) showList(w http.ResponseWriter, r *http.Request, status int, f findForm) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	after := loot.Subject(q.Get("after"))
	var rows []vault.Row
	if err := c.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		rows, err = c.Vault.List(r.Context(), tx, collection, after, perPage+1)
		return err
	}); err != nil {
		return err
	}
	v := listView{View: web.ViewOf(r, "Customers"), Find: f}
	v.Lead = "This list names nobody. State a purpose to find or open somebody; both are written down."
	v.Empty = web.Empty{Icon: "users", Title: "No customers yet", Text: "Whoever orders a service becomes one."}
	more := len(rows) > perPage
	if more {
		rows = rows[:perPage]
	}
	for _, row := range rows {
		v.Rows = append(v.Rows, f.rowOf(row))
	}
	here := url.URL{Path: "/console/customers", RawQuery: f.query()}
	if more {
		v.Pager.Next = web.After(&here, string(rows[perPage-1].Subject))
	}
	if after != "" {
		v.Pager.Prev = web.After(&here, "")
	}
	v.Pager.Shown = loot.Plural(len(rows), "customer on this page", "customers on this page")
	return listPage.Render(w, r, status, v)
}

func (f findForm) rowOf(row vault.Row) listRow {
	href := desk.CustomerPath(row.Subject)
	if with := f.query(); with != "" {
		href += "?" + with
	}
	return listRow{Subject: row.Subject, Href: href, State: rowState(row), Row: row}
}

// query takes the case along to the record.
func (f findForm) query() string {
	if f.Case == "" {
		return ""
	}
	return url.Values{"case": {f.Case}}.Encode()
}

func rowState(row vault.Row) web.Badge {
	if row.Erased() {
		return web.Badge{Text: "erased", Icon: "eraser"}
	}
	return web.Badge{Tone: web.Good, Text: "active"}
}

// findFields is what a search asks: the purpose first, then by what.
func findFields(s *statement.Statement, me loot.Actor) web.Fields {
	by := []web.Option{}
	for _, d := range s.Fields(collection) {
		if d.Index {
			by = append(by, web.Option{Value: string(d.ID), Label: d.Title})
		}
	}
	return web.Fields{
		purposeField(s, me, nil), // an emergency opens a record and searches for none
		{Name: "field", Type: "select", Label: "Find by", Options: by, Required: true, Plain: true},
		{Name: "value", Type: "search", Label: "Exact value", Required: true, Plain: true, MaxLen: 254, Hint: "The whole of it. Nothing is found by a part, and a search that finds nobody is written down too."},
	}
}

// toSearch leads to the form from the address of its answers, which an id would
// otherwise be read from.
func (c *customers) toSearch(w http.ResponseWriter, r *http.Request) error {
	return web.Redirect(w, r, "/console/customers")
}

// find looks for a customer by an exact value, for a purpose that is stated.
func (c *customers) find(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	f := findForm{Fields: findFields(s, me), Case: loot.Cut(typed.Get("case"), 64)}
	value, err := readFind(s, f.Fields, typed)
	if web.Wrong(err) != nil {
		f.Fields = f.Fields.With(typed, err)
		f.Wrong = web.ProblemsOf(err, f.Fields)
		return c.showList(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	purpose := loot.Purpose(typed.Get("purpose"))
	rows, err := c.search(ctx, me, purpose, loot.Field(typed.Get("field")), value)
	f.Fields = f.Fields.With(typed, nil)
	if refusal, refused := errors.AsType[*gate.Refusal](err); refused {
		f.Refusal = refusalView(refusal, "Nobody was looked for")
		return c.showList(w, r, http.StatusForbidden, f)
	}
	if err != nil {
		return err
	}
	f.Done = true
	if p, ok := s.Purpose(purpose); ok {
		f.Purpose = p.Title
	}
	for _, row := range rows {
		f.Hits = append(f.Hits, f.rowOf(row))
	}
	return c.showList(w, r, http.StatusOK, f)
}

func readFind(s *statement.Statement, fields web.Fields, typed url.Values) (string, error) {
	if err := fields.Check(typed); err != nil {
		return "", err
	}
	d, _ := s.Field(loot.Field(typed.Get("field")))
	value, complaint := check(d, typed.Get("value"))
	if complaint != "" {
		return "", web.Invalid("", map[string]string{"value": complaint})
	}
	return value, nil
}

// search finds customers by an exact value; who looked, for what and by which
// field is on the ledger, whether anybody was found or not.
func (c *customers) search(ctx context.Context, me loot.Actor, purpose loot.Purpose, field loot.Field, value string) (rows []vault.Row, err error) {
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		rows = nil
		p, err := c.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Find, Actor: me, Desk: name, Purpose: purpose, Collection: collection, Fields: []loot.Field{field},
		})
		if err != nil {
			return err
		}
		found, err := c.Vault.Find(ctx, tx, p, field, value)
		if err != nil {
			return err
		}
		for _, subject := range found {
			row, err := c.Vault.Row(ctx, tx, subject, collection)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}
