package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/desk"
	"loot/desk/imports/source"
	"loot/statement"
)

// A judge says of rows what they would become. It asks nobody who is known: that
// is looked up when they are taken over.
type judge struct {
	i       *Imports
	r       *run
	s       *statement.Statement
	now     time.Time
	address loot.Field
	longest int // characters of the name of a service
	fields  map[string]statement.FieldDecl
	plans   map[string]Plan // by how they are chosen
	source  string
	side    side
	orders  map[nameOf][]ordered // by their client

	columns []string // of the row before, with what they are
	to      []string
}

// An ordered service is one of a dump whose customer comes with it.
type ordered struct {
	name nameOf
	Order
}

// A candidate is a row that was looked at.
type candidate struct {
	verdict
	name     nameOf
	client   nameOf // of a service or an invoice
	address  string
	customer *Customer    // of a row of clients
	names    []nameOf     // of the customer's orders
	order    *Order       // of a row of services
	invoice  *Invoice     // of a row of invoices
	came     bool         // it was taken over together with its customer
	link     loot.Subject // who is here already and is meant by the row
}

// named reports whether a service of a candidate has a name.
func (c candidate) named() bool {
	return c.order != nil && c.order.named() || c.customer != nil && slices.ContainsFunc(c.customer.Orders, Order.named)
}

// service returns the service that a row itself tells of; nil: none. Those of a customer
// of a dump have rows of their own.
func (c candidate) service() *Order {
	if c.customer != nil && len(c.names) == 0 {
		return &c.customer.Orders[0]
	}
	return c.order
}

func (i *Imports) judge(ctx context.Context, r *run) (*judge, error) {
	s, err := i.inForce()
	if err != nil {
		return nil, err
	}
	j := &judge{
		i: i, r: r, s: s, now: i.Now(), address: i.needs.Address(s), longest: i.needs.LongestName(s), fields: map[string]statement.FieldDecl{}, plans: map[string]Plan{},
		source: i.needs.SourceOf(r.Mapping.System, i.Now()),
	}
	for _, d := range i.needs.Fields(s) {
		j.fields[string(d.ID)] = d
	}
	plans, err := i.needs.Plans(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		j.plans[p.choice()] = p
	}
	if r.Found.Form != source.CSV {
		err = j.preload(ctx)
	}
	return j, err
}

// mostServices are how many services of a dump are held in memory, so that each
// customer comes with theirs.
const mostServices = 2_000_000

// preload reads what the rows of a dump refer to.
func (j *judge) preload(ctx context.Context) error {
	steps := j.r.Mapping.steps(j.r.Found)
	written := j.r.Found.table("tblinvoices") != nil // to whom stands beside the clients there, and so does the currency of all
	parties := written || slices.ContainsFunc(steps, func(p part) bool { return p.kind == services })
	in, err := j.i.open(ctx, j.r, func(t string) bool { return slices.Contains(beside, t) || parties && t == "tblclients" })
	if err != nil {
		return err
	}
	j.side = side{written: written, products: map[string]string{}, addons: map[string]string{}, names: map[string]string{}, currencies: map[string]string{}, parties: map[string]party{}, lines: map[string][]rawLine{}}
	j.orders = map[nameOf][]ordered{}
	if err := each(in, j.side.see); err != nil {
		return err
	}
	if !slices.ContainsFunc(steps, func(p part) bool { return p.kind == clients }) {
		return nil
	}
	if in, err = j.i.open(ctx, j.r, func(t string) bool { return slices.Contains(steps, part{services, t}) }); err != nil {
		return err
	}
	n := 0
	return each(in, func(row *source.Row) error {
		if n++; n > mostServices {
			return &source.Error{What: fmt.Sprintf("There are more than %d services in one file. Divide it.", mostServices)}
		}
		if c := j.row(services, row, 0); c.is != refused {
			j.orders[c.client] = append(j.orders[c.client], ordered{c.name, *c.order})
		}
		return nil
	})
}

func each(in source.Reader, f func(*source.Row) error) error {
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(row)
		}
		if err != nil {
			return err
		}
	}
}

// lined are the things of which each column is a line: words of one are read together, and
// so would be the parts of an amount whose thousands are divided by a space.
var lined = []string{rowParty, rowInvoiced, rowNext, rowNet, rowTax, rowTotal}

// values returns the cells of a row by what their columns are. Several columns
// that are one thing are joined, as first and last name.
func (j *judge) values(row *source.Row) map[string]string {
	if len(j.columns) != len(row.Columns) || len(row.Columns) > 0 && &j.columns[0] != &row.Columns[0] {
		j.columns, j.to = row.Columns, make([]string, len(row.Columns))
		for n, c := range row.Columns {
			j.to[n] = j.r.Mapping.Columns[row.Table][c]
		}
	}
	out := make(map[string]string, len(row.Cells))
	for n, cell := range row.Cells {
		to := j.to[n]
		if to == "" {
			continue
		}
		cell = unfolded(cell)
		switch before := out[to]; {
		case cell == "":
		case before == "":
			out[to] = cell
		case to == rowDomain: // of a domain and a host, the first that is a name
			if desk.Hostname(before) == "" && desk.Hostname(cell) != "" {
				out[to] = cell
			}
		case j.fields[to].Type == "lines" || slices.Contains(lined, to):
			out[to] = before + "\n" + cell
		default:
			out[to] = before + " " + cell
		}
	}
	if name := j.side.name(row); name != "" {
		out[rowDomain] = name
	}
	if row.Table == tableDomains && out[rowCycle] != "" {
		out[rowCycle] += "Y" // names are registered for so many years
	}
	if product := out[rowService]; product != "" {
		// Orders of FOSSBilling were mapped by their titles before.
		if _, is := j.r.Mapping.choiceOf(productOf(out)); !is || row.Table != "client_order" {
			out[rowService] = j.side.product(row, product)
		}
	}
	if row.Table == tableDomains { // it ends on the day on which its registration does, and not before that day
		if day, read := j.day(out[rowEnded]); read && day.After(j.now) {
			delete(out, rowEnded)
		}
	}
	if id := out[rowID]; id != "" {
		out[rowID] = countedApart[row.Table] + id
	}
	return out
}

// unfolded undoes what guards a cell from being taken for a formula: it is how
// reports of this desk are written.
func unfolded(cell string) string {
	cell = strings.TrimSpace(cell)
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte(formulaStart, cell[1]) >= 0 {
		return cell[1:]
	}
	return cell
}

// row judges a row of a kind.
func (j *judge) row(kind string, row *source.Row, number int64) candidate {
	c := candidate{verdict: verdict{number: number, line: row.Line, is: taken}}
	if row.Wrong != "" {
		return c.refuse(row.Wrong)
	}
	v := j.values(row)
	switch kind {
	case services:
		return j.service(c, v)
	case invoices:
		return j.invoice(c, v)
	}
	return j.client(c, v)
}

// client judges a row of customers, of which these are the values.
func (j *judge) client(c candidate, v map[string]string) candidate {
	raw := map[loot.Field]string{}
	for id, d := range j.fields {
		if value := v[id]; value != "" {
			raw[loot.Field(id)] = j.spelt(d, value, v)
		}
	}
	if j.r.Mapping.Person && raw["company.name"] == "" && raw["contact.name"] != "" {
		raw["company.name"] = raw["contact.name"]
	}
	c.address = raw[j.address]
	id := cmp.Or(v[rowID], strings.ToLower(c.address))
	if id == "" {
		return c.refuse("It has neither an id nor the address that letters go to, so it could not be known again.")
	}
	c.name = j.i.nameOf(j.r.Mapping.System, clients, id)
	customer := &Customer{Given: map[loot.Field]string{}, Source: j.source}
	if j.r.Found.Form == source.CSV {
		o, remark, why := j.orderOf(v, j.r.Mapping.Service)
		c.why = remark
		customer.Orders = []Order{o} // it is known again with its customer
		if why != "" {
			_, wrong := j.i.needs.Check(j.s, customer.Orders, raw)
			return c.refuse(strings.Join(append([]string{why}, j.complaints(wrong)...), " "))
		}
	}
	for _, o := range j.orders[c.name] {
		customer.Orders, c.names = append(customer.Orders, o.Order), append(c.names, o.name)
	}
	switch {
	case len(customer.Orders) == 0:
		return c.refuse("No service that is taken over is theirs: without an order there is no permission to keep anything.")
	case !slices.ContainsFunc(customer.Orders, func(o Order) bool { return !j.i.needs.Lapsed(j.s, o) }):
		return c.refuse("Their last service ended so long ago that nothing may be kept any more.")
	}
	given, wrong := j.i.needs.Check(j.s, customer.Orders, raw)
	var without []string
	if len(wrong) > 0 && j.r.Mapping.Lenient {
		without = j.complaints(wrong)
		for f := range wrong {
			delete(raw, f)
		}
		given, wrong = j.i.needs.Check(j.s, customer.Orders, raw)
	}
	if len(wrong) > 0 {
		return c.refuse(strings.Join(j.complaints(wrong), " "))
	}
	if given[j.address] == "" {
		return c.refuse(j.about(string(j.address), j.fields[string(j.address)].Title) + ": this is missing, and without it nobody can reach their own record.")
	}
	if len(without) > 0 {
		c.why = joined(" ", c.why, "Without what is wrong. "+strings.Join(without, " "))
	}
	c.address = given[j.address]
	customer.Given, c.customer = given, customer
	return c
}

func (c candidate) refuse(why string) candidate {
	c.is, c.why = refused, why
	return c
}

// complaints says what is wrong, in the order of the statement.
func (j *judge) complaints(wrong map[loot.Field]string) (out []string) {
	for _, d := range j.i.needs.Fields(j.s) {
		if why, is := wrong[d.ID]; is {
			out = append(out, j.about(string(d.ID), d.Title)+": "+why)
		}
	}
	return out
}

// about names something of a row with the columns in which it stands, if any does.
func (j *judge) about(to, title string) string {
	var names []string
	for n, one := range j.to {
		if one == to {
			names = append(names, "“"+j.columns[n]+"”")
		}
	}
	if len(names) == 0 {
		return title
	}
	return title + " (" + strings.Join(names, ", ") + ")"
}

// unread says of a day that it cannot be read, and how it is expected.
func (j *judge) unread(to string) string {
	return j.about(to, rowWords[to]) + ": this is no day that can be read. It is expected as " + cmp.Or(dayForms[j.r.Mapping.Dates], dayForms["ymd"]) + "."
}

// spelt turns a value into one that the statement's field takes.
func (j *judge) spelt(d statement.FieldDecl, value string, v map[string]string) string {
	switch d.Type {
	case "country":
		return cmp.Or(j.i.needs.Country(value), "??") // which is none
	case "tel":
		value = strings.Replace(value, ".", " ", 1) // WHMCS writes +353.15550100
		if code := v[rowDialling]; code != "" && !strings.HasPrefix(value, "+") {
			return "+" + strings.TrimPrefix(code, "+") + " " + strings.TrimPrefix(value, "0")
		}
	case "lines":
		return value
	case "language":
		if code, _, ok := strings.Cut(value, "_"); ok { // de_DE
			return code
		}
	}
	return strings.Join(strings.Fields(value), " ")
}

// service judges a row of services.
func (j *judge) service(c candidate, v map[string]string) candidate {
	if v[rowID] == "" || v[rowClient] == "" {
		return c.refuse("The id of the service or that of its customer is missing.")
	}
	c.name = j.i.nameOf(j.r.Mapping.System, services, v[rowID])
	c.client = j.i.nameOf(j.r.Mapping.System, clients, v[rowClient])
	o, remark, why := j.orderOf(v, "")
	c.why = remark
	if why != "" {
		return c.refuse(why)
	}
	if j.i.needs.Lapsed(j.s, o) {
		return c.refuse("It ended so long ago that nothing may be kept of it any more.")
	}
	c.order = &o
	return c
}

// nameIn returns the name of the service that a row tells of; empty: it has none that is kept.
func (j *judge) nameIn(v map[string]string) string {
	if name := desk.Hostname(v[rowDomain]); utf8.RuneCountInString(name) <= j.longest {
		return name
	}
	return ""
}

// nameless says of a service why what stands for its name is left out.
func (j *judge) nameless(v map[string]string) string {
	why := "this is none."
	switch {
	case desk.Hostname(v[rowDomain]) == "":
	case j.longest == 0:
		why = "the statement in force keeps none."
	default:
		why = fmt.Sprintf("this is longer than the %s that the statement in force allows.", loot.Plural(j.longest, "character", "characters"))
	}
	return "Without its name. " + j.about(rowDomain, rowWords[rowDomain]) + ": " + why
}

// orderOf returns the order that a row tells of and what is remarkable about it, or why
// there is none.
func (j *judge) orderOf(v map[string]string, otherwise string) (o Order, remark, why string) {
	choice := otherwise
	if v[rowService] != "" {
		choice = j.choice(productOf(v))
	}
	switch choice {
	case "":
		return o, "", "Its product is none that is mapped to a service."
	case leftOut:
		return o, "", "Its product is left out."
	}
	o.ID, o.Name = loot.NewID("o"), j.nameIn(v)
	o.Service, o.Plan = chosen(choice)
	plan, planned := j.plans[choice]
	if _, ok := j.s.Service(o.Service); !ok {
		return o, "", "Its product is mapped to a service that the statement in force does not have."
	} else if o.Plan != "" && !planned {
		return o, "", "Its product is mapped to a plan that cannot be chosen any more."
	}
	if why := j.dated(&o, v); why != "" {
		return o, "", why
	}
	if !o.Ended.IsZero() { // it has no name here, and nothing of it is charged
		return o, "", ""
	}
	if v[rowDomain] != "" && o.Name == "" {
		remark = j.nameless(v)
	}
	priced := ""
	if planned {
		priced = j.priced(v, plan)
	}
	switch {
	case priced == "":
	case j.r.Mapping.Otherwise == leftOut:
		return o, "", priced + " Such rows are left out."
	case j.r.Mapping.Otherwise == bare:
		o.Plan, priced = "", priced+" It is taken over without a price."
	default:
		priced += " It is charged by the plan."
	}
	return o, joined(" ", priced, remark), ""
}

// dated reads from when to when an order is, and from when it is charged; it returns why
// there is none.
func (j *judge) dated(o *Order, v map[string]string) string {
	var made, ended bool
	var unread []string
	if o.Made, made = j.day(v[rowSince]); !made {
		unread = append(unread, j.unread(rowSince))
	}
	if o.Ended, ended = j.day(v[rowEnded]); !ended {
		unread = append(unread, j.unread(rowEnded))
	}
	ends, begun := endedAs(v[rowStatus])
	var faults []string
	over := !o.Ended.IsZero() && !o.Ended.After(j.now) && (ends || v[rowStatus] == "")
	o.Charged, faults = j.notInvoiced(v, over)
	if unread = append(unread, faults...); len(unread) > 0 {
		return strings.Join(unread, " ")
	}
	if o.Made.IsZero() {
		o.Made = j.now
	}
	switch {
	case !begun:
		return "It never began: it waits for something, or was found to be fraud."
	case o.Made.After(j.now):
		return "It is ordered in the future."
	case o.Ended.After(j.now):
		o.Ended = time.Time{} // it runs until then, and ends here when it does
	case o.Ended.IsZero() && ends:
		return "It has ended, and it is not said when."
	case !o.Ended.IsZero() && !ends && v[rowStatus] != "":
		o.Ended = time.Time{} // it began again
	case !o.Ended.IsZero() && o.Ended.Before(o.Made):
		return "It ended before it was ordered."
	}
	if !o.Ended.IsZero() {
		o.Charged = time.Time{} // nothing of it is
	}
	return ""
}

// mostAhead is how many years ahead a system can have invoiced: names are registered for as long.
const mostAhead = 10

// notInvoiced returns the first day that the system before has not invoiced, as the
// latest of what a row says, and what of that cannot be. Of a service that is over it
// does not matter how far ahead the day is.
func (j *judge) notInvoiced(v map[string]string, over bool) (day time.Time, faults []string) {
	for _, one := range []struct {
		to    string
		later int // days from what is written to the day
	}{{rowInvoiced, 1}, {rowNext, 0}} {
		var fault string
		for text := range strings.SplitSeq(v[one.to], "\n") {
			at, read := j.day(text)
			if !read {
				fault = j.unread(one.to)
				break
			}
			if at.IsZero() {
				continue
			}
			if at = at.AddDate(0, 0, one.later); at.After(day) {
				day = at
			}
			if !over && at.AddDate(0, 0, -1).After(j.now.AddDate(mostAhead, 0, 0)) {
				fault = fmt.Sprintf("%s: this is more than %d years ahead, which no period is.", j.about(one.to, rowWords[one.to]), mostAhead)
			}
		}
		if fault != "" {
			faults = append(faults, fault)
		}
	}
	return day, faults
}

// choice returns the service that a product is mapped to; one that is called as a
// service of the statement is that service.
func (j *judge) choice(p product) string {
	if c, asked := j.r.Mapping.choiceOf(p); asked {
		return c
	}
	for _, s := range j.s.Services() {
		if strings.EqualFold(s.ID, p.name) || strings.EqualFold(s.Title, p.name) {
			return s.ID
		}
	}
	return ""
}

// endedAs tells by its status whether a service has ended, and whether it began.
func endedAs(status string) (ended, begun bool) {
	switch plainName(status) {
	case "cancelled", "canceled", "terminated", "completed", "closed", "expired", "ended", "gekündigt", "beendet", "transferredaway", "redemption":
		return true, true
	case "pending", "fraud", "pendingsetup", "failedsetup", "failedrenew", "pendingregistration", "pendingtransfer":
		return false, false
	}
	return false, true
}

// day reads a day, with or without a time; the zero time is no day.
func (j *judge) day(text string) (time.Time, bool) { return parseDay(text, j.r.Mapping.Dates) }

func parseDay(text, order string) (time.Time, bool) {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "T")
	text, _, _ = strings.Cut(text, " ")
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '.' || r == '/' })
	if text == "" || strings.Trim(text, "0-./") == "" {
		return time.Time{}, true
	}
	if len(parts) != 3 {
		return time.Time{}, false
	}
	var n [3]int
	for k, p := range parts {
		var err error
		if n[k], err = strconv.Atoi(p); err != nil || len(p) > 4 {
			return time.Time{}, false
		}
	}
	y, m, d := n[0], n[1], n[2]
	if len(parts[0]) != 4 {
		switch y = n[2]; order {
		case "mdy":
			m, d = n[0], n[1]
		default:
			m, d = n[1], n[0]
		}
	}
	if y < 1970 || y > 2200 || m < 1 || m > 12 || d < 1 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == d
}
