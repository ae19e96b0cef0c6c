package imports

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"loot/desk/imports/source"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var columnsPage = web.NewPage[columnsView](pageFiles, "pages/columns.html")

type columnsView struct {
	web.View
	Steps  []web.Step
	Wrong  *web.Problems
	Save   string
	Above  web.Fields
	Tables []columnsTable
	Below  web.Fields
}

type columnsTable struct {
	Title string
	Rows  []columnRow
}

// columnRow is a column with what it is.
type columnRow struct {
	Name, Shape string
	Field       web.Field
}

var rowWords = map[string]string{
	rowID: "Id in the other system", rowClient: "Id of its customer", rowService: "Product or service", rowSince: "Day of the order", rowEnded: "Day of the end",
	rowInvoiced: "Invoiced until", rowNext: "First day not invoiced", rowCycle: "Billing cycle", rowPrice: "Price for each cycle", rowQuantity: "How many at that price",
	rowStatus: "State, such as active or cancelled", rowDomain: "Domain name of the service", rowDialling: "Calling code of the country", rowNumber: "Number of the invoice", rowIssued: "Day of issue", rowDue: "Due on",
	rowCurrency: "Currency", rowNet: "Sum without tax", rowTax: "Tax", rowTotal: "Total", rowRate: "Rate of the tax", rowParty: "To whom it is written", rowText: "What it is for",
}

// dayForms are the ways to write a day.
var dayForms = map[string]string{"ymd": "year, month, day: 2026-11-23", "dmy": "day, month, year: 23.11.2026", "mdy": "month, day, year: 11/23/2026"}

// columns shows what each column is.
func (i *Imports) columns(w http.ResponseWriter, r *http.Request) error {
	return i.showColumns(w, r, http.StatusOK, nil, nil)
}

func (i *Imports) showColumns(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	ctx := r.Context()
	s, err := i.inForce()
	if err != nil {
		return err
	}
	one, err := i.mappable(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	all, as, err := i.asRemembered(r, one)
	if err != nil {
		return err
	}
	v := columnsView{View: web.ViewOf(r, "Name the columns"), Steps: web.Steps(2, "Bring", "Name columns", "Try", "Take over")}
	base := "/console/imports/" + url.PathEscape(one.ID)
	v.Crumbs = []web.Crumb{{Label: "Imports", Href: "/console/imports"}, {Label: one.Title, Href: base}}
	v.Lead = "What is left out is not taken over. Values are not shown: letters stand as a, digits as 9."
	v.Save = base + "/columns"
	for _, m := range all {
		if sameColumns(m.Mapping, one.Found) {
			v.Actions = append(v.Actions, web.Action{Label: "As in “" + m.Name + "”", Icon: "history", Href: v.Save + "?as=" + url.QueryEscape(m.Name)})
		}
	}
	if as != "" { // what the products are comes with it
		v.Save += "?as=" + url.QueryEscape(as)
	}
	if v.Above, v.Below, err = i.around(ctx, s, one); err != nil {
		return err
	}
	v.Above, v.Below = v.Above.With(typed, wrong), v.Below.With(typed, wrong)
	v.Wrong = web.ProblemsOf(wrong, v.Above, v.Below)
	for _, p := range one.Mapping.steps(one.Found) {
		v.Tables = append(v.Tables, i.columnsOf(s, one, p, typed))
	}
	return columnsPage.Render(w, r, status, v)
}

// asRemembered gives an import the mapping that the query names, if any is remembered so, and
// returns all that are.
func (i *Imports) asRemembered(r *http.Request, one *run) (all []saved, as string, err error) {
	q, err := web.Query(r)
	if err != nil {
		return nil, "", err
	}
	as = q.Get("as")
	if err := i.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		all, err = savedMappings(r.Context(), tx)
		return err
	}); err != nil {
		return nil, "", err
	}
	for _, m := range all {
		if m.Name == as {
			one.Mapping = m.knowing(one.Mapping)
		}
	}
	return all, as, nil
}

// sameColumns reports whether a mapping is of a file with these columns.
func sameColumns(m Mapping, f found) bool {
	for _, t := range f.Tables {
		for column := range m.Columns[t.Name] {
			if !slices.Contains(t.Columns, column) {
				return false
			}
		}
		if len(m.Columns[t.Name]) == 0 && f.Form == source.CSV {
			return false
		}
	}
	return true
}

// around returns the questions before and after those about the columns.
func (i *Imports) around(ctx context.Context, s *statement.Statement, one *run) (above, below web.Fields, err error) {
	m := one.Mapping
	if one.Found.Form == source.CSV {
		f := m.format(one.Found.Format)
		above = web.Fields{
			{Name: "kind", Type: "select", Label: "Each row is", Value: m.Kind, Plain: true, Options: []web.Option{{Value: clients, Label: "a customer"}, {Value: services, Label: "a service of a customer"}, {Value: invoices, Label: "an invoice, to be kept as it is"}}},
			{Name: "encoding", Type: "select", Label: "Encoding", Value: f.Encoding, Plain: true, Options: []web.Option{
				{Value: source.UTF8, Label: source.UTF8}, {Value: source.UTF16LE, Label: source.UTF16LE}, {Value: source.UTF16BE, Label: source.UTF16BE}, {Value: source.Windows1252, Label: source.Windows1252},
			}},
			{Name: "delimiter", Type: "select", Label: "Between the cells stands a", Value: f.Delimiter, Plain: true},
		}
		for _, d := range source.Delimiters {
			above[2].Options = append(above[2].Options, web.Option{Value: d, Label: delimiterWords[d]})
		}
	}
	above = append(above, web.Field{Name: "system", Label: "Taken over from", Value: m.System, MaxLen: 40, Required: true, Plain: true, Hint: "Customers read it beside each detail. Ids are known again under this name."},
		web.Field{Name: "dates", Type: "select", Label: "Days are written", Value: cmp.Or(m.Dates, "ymd"), Plain: true, Options: []web.Option{
			{Value: "ymd", Label: dayForms["ymd"]}, {Value: "dmy", Label: dayForms["dmy"]}, {Value: "mdy", Label: dayForms["mdy"]},
		}})
	if one.Found.Form == source.CSV {
		options, err := i.serviceOptions(ctx, s, "No service: refuse the row")
		if err != nil {
			return nil, nil, err
		}
		below = append(below, web.Field{Name: "service", Type: "select", Label: "Where no service is named", Value: m.Service, Options: options, Plain: true, Hint: "Nobody is kept without an order. Choose what these customers have."})
	}
	if slices.ContainsFunc(m.steps(one.Found), func(p part) bool { return p.kind != invoices }) {
		below = append(below, web.Field{Name: "otherwise", Type: "select", Label: "Where the price or the cycle is not that of the plan", Value: m.Otherwise, Plain: true, Hint: "The dry run shows both prices beside each such row. Nobody has a price of their own here.", Options: []web.Option{
			{Value: byPlan, Label: "Charge by the plan"}, {Value: bare, Label: "Take the row over without a price"}, {Value: leftOut, Label: "Leave the row out"},
		}})
	}
	below = append(below, web.Field{Name: "currency", Label: "Currency of amounts beside which none stands", Value: cmp.Or(m.Currency, "EUR"), MaxLen: 3, Plain: true, Hint: "ISO 4217, such as EUR."})
	below = append(below,
		web.Field{Name: "person", Type: "checkbox", Label: "Who has no company trades in their own name", Hint: "The name of the contact is taken for that of the company.", Value: tick(m.Person), Plain: true, Wide: true},
		web.Field{Name: "lenient", Type: "checkbox", Label: "Leave out details that are wrong, if they are not compulsory", Hint: "Otherwise the row is refused, and can be corrected and brought again.", Value: tick(m.Lenient), Plain: true, Wide: true},
		web.Field{Name: "invite", Type: "checkbox", Label: "Write to whom was taken over", Hint: "A letter says where their record is now and how they get in, to a hundred of them a minute. Otherwise nobody is written to.", Value: tick(m.Invite), Plain: true, Wide: true},
		rememberField(""),
	)
	return above, below, nil
}

// rememberField asks under which name a mapping is remembered.
func rememberField(as string) web.Field {
	return web.Field{Name: "remember", Label: "Remember as", Value: as, MaxLen: 60, Wide: true, Plain: true, Hint: "A name for the next file with these columns, with what its products are. Empty: it is not remembered."}
}

func tick(on bool) string {
	if on {
		return "on"
	}
	return ""
}

func columnName(table string, n int) string { return "column." + table + "." + strconv.Itoa(n) }

func (i *Imports) columnsOf(s *statement.Statement, one *run, p part, typed url.Values) columnsTable {
	t := one.Found.table(p.table)
	out := columnsTable{Title: "Columns"}
	if p.table != "" {
		out.Title = "Columns of " + p.table
	}
	if t == nil {
		return out
	}
	options := []web.Option{{Label: "Leave it out"}}
	fields := i.needs.Fields(s)
	for _, to := range targetsOf(p.kind, fields) {
		label, group := rowWords[to], "About the row"
		if at := slices.IndexFunc(fields, func(d statement.FieldDecl) bool { return string(d.ID) == to }); at >= 0 {
			label, group = fields[at].Title, "Details of the statement"
		}
		options = append(options, web.Option{Value: to, Label: label, Group: group})
	}
	for n, column := range t.Columns {
		f := web.Field{Name: columnName(p.table, n), Type: "select", Label: column, Value: one.Mapping.Columns[p.table][column], Options: options, Plain: true}
		if typed != nil {
			f.Value = typed.Get(f.Name)
		}
		out.Rows = append(out.Rows, columnRow{Name: column, Shape: t.Shapes[n], Field: f})
	}
	return out
}
