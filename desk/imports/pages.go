package imports

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/imports/source"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	listPage     = web.NewPage[listView](pageFiles, "pages/list.html")
	showPage     = web.NewPage[showView](pageFiles, "pages/show.html")
	columnsPage  = web.NewPage[columnsView](pageFiles, "pages/columns.html")
	productsPage = web.NewPage[productsView](pageFiles, "pages/products.html")
	rowsPage     = web.NewPage[rowsView](pageFiles, "pages/rows.html")
)

type listView struct {
	web.View
	Form  web.Fields
	Wrong *web.Problems
	Rows  []listRow
	Empty web.Empty
}

// listRow is an import in the list.
type listRow struct {
	Title, Href, Made string
	State             web.Badge
	Fresh, Known, Bad string
}

var badges = map[string]web.Badge{
	arriving: {Text: "arriving", Tone: web.Info, Icon: "hourglass"},
	fresh:    {Text: "columns to be named", Tone: web.Warn},
	trying:   {Text: "dry run", Tone: web.Info, Icon: "hourglass"},
	tried:    {Text: "tried", Tone: web.Info},
	running:  {Text: "runs", Tone: web.Info, Icon: "hourglass"},
	stopped:  {Text: "stopped", Tone: web.Warn},
	done:     {Text: "done", Tone: web.Good, Icon: "check"},
	failed:   {Text: "failed", Tone: web.Bad},
}

func bringFields() web.Fields {
	return web.Fields{
		{
			Name: "file", Type: "file", Label: "File", Accept: ".csv,.txt,.tsv,.sql,.json", Required: true, Plain: true, Wide: true,
			Hint: "CSV, or a dump of the database of WHMCS or FOSSBilling as SQL or JSON. At most 64 MiB here; larger ones by loot import on the command line. It is sealed as it arrives.",
		},
		{Name: "title", Label: "Title", MaxLen: 80, Plain: true, Wide: true, Hint: "Under which you find it here. Leave names of customers out."},
	}
}

// list shows the imports, and takes a file.
func (i *Imports) list(w http.ResponseWriter, r *http.Request) error {
	return i.showList(w, r, http.StatusOK, "", nil)
}

func (i *Imports) showList(w http.ResponseWriter, r *http.Request, status int, title string, wrong error) error {
	v := listView{View: web.ViewOf(r, "Imports"), Form: bringFields()}
	v.Lead = "Customers, services and invoices from the system that was used before. You see what would become of each row before anything is taken over."
	v.Empty = web.Empty{Icon: "upload", Title: "Nothing was brought yet", Text: "Begin with the customers: what belongs to them comes with them or after them."}
	if wrong != nil {
		v.Form = v.Form.With(url.Values{"title": {title}}, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	var all []*run
	if err := i.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		all, err = readRuns(r.Context(), tx, `ORDER BY made DESC, id LIMIT 100`)
		return err
	}); err != nil {
		return err
	}
	for _, one := range all {
		v.Rows = append(v.Rows, listRow{
			Title: one.Title, Href: "/console/imports/" + url.PathEscape(one.ID), Made: one.Made.UTC().Format("2 Jan 2006"), State: badges[one.State],
			Fresh: web.Number(int(one.Fresh)), Known: web.Number(int(one.Known)), Bad: web.Number(int(one.Refused)),
		})
	}
	return listPage.Render(w, r, status, v)
}

type showView struct {
	web.View
	Steps   []web.Step
	Alert   *web.Alert
	Facts   []web.Fact
	Stats   []web.Stat
	Href    string
	Poll    bool // it changes by itself
	Share   int  // percent of the rows that were read
	Busy    string
	Forward []web.Action
	Report  string // where refused rows are had; empty: there are none
	Kept    string // until when the file is there; empty: it is not
}

var kinds = map[string]string{clients: "customers", services: "services", invoices: "invoices"}

// apart names the rows of tables that are of a kind of services, one and all of them.
var apart = map[string]struct{ one, all string }{tableDomains: {"domain name", "domain names"}, tableAddons: {"add-on", "add-ons"}}

// show tells how far an import is, and what can be done next.
func (i *Imports) show(w http.ResponseWriter, r *http.Request) error {
	var one *run
	var remarks int
	if err := i.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if one, err = findRun(r.Context(), tx, r.PathValue("id")); err == nil {
			remarks, err = countRemarked(r.Context(), tx, one.ID)
		}
		return err
	}); err != nil {
		return err
	}
	base := "/console/imports/" + url.PathEscape(one.ID)
	v := showView{View: web.ViewOf(r, one.Title), Href: base}
	v.Crumbs = []web.Crumb{{Label: "Imports", Href: "/console/imports"}}
	at := map[string]int{arriving: 1, fresh: 2, trying: 3, tried: 3, running: 4, stopped: 4, done: 5, failed: 4}[one.State]
	v.Steps = web.Steps(at, "Bring", "Name columns", "Try", "Take over")
	state := badges[one.State]
	v.Facts = []web.Fact{{Term: "State", Badge: &state}, {Term: "File", Value: one.what(), Note: size(one.Size)}, {Term: "From", Value: one.Mapping.System}}
	var total, before int64
	steps := one.Mapping.steps(one.Found)
	for n, p := range steps {
		t := one.Found.table(p.table)
		if t == nil {
			continue
		}
		term := "Rows"
		if kind := cmp.Or(apart[p.table].all, kinds[p.kind]); kind != "" {
			term += " of " + kind
		}
		v.Facts = append(v.Facts, web.Fact{Term: term, Value: web.Number(int(t.Rows))})
		if total += t.Rows; n < one.Step {
			before += t.Rows
		}
	}
	if total > 0 {
		v.Share = int(100 * (before + one.At) / total)
	}
	if !one.Begun.IsZero() {
		v.Facts = append(v.Facts, web.Fact{Term: "Begun", Value: one.Begun.UTC().Format("2 Jan 2006, 15:04 MST")})
	}
	if !one.Ended.IsZero() {
		v.Facts = append(v.Facts, web.Fact{Term: "Ended", Value: one.Ended.UTC().Format("2 Jan 2006, 15:04 MST")})
	}
	v.Poll = one.works() || one.State == arriving
	i.showNext(&v, one, base, remarks)
	return showPage.Render(w, r, http.StatusOK, v)
}

// showNext says what was found, with so many remarks, and what can be done.
func (i *Imports) showNext(v *showView, one *run, base string, remarks int) {
	post := func(label, icon, path string) web.Action {
		return web.Action{Label: label, Icon: icon, Href: base + path, Post: true}
	}
	take := post("Take over", "play", "/run")
	take.Primary, take.Confirm = true, "Take the rows over now? "+one.letters()
	columns := web.Action{Label: "Name columns", Icon: "columns-3", Href: base + "/columns"}
	there := one.Removed.IsZero()
	switch one.State {
	case fresh:
		columns.Primary = true
		v.Forward = []web.Action{columns}
	case trying:
		v.Busy = fmt.Sprintf("Dry run: %d %% of the rows were looked at.", v.Share)
		v.Forward = []web.Action{post("Stop", "pause", "/stop")}
	case tried:
		v.Forward = []web.Action{take, columns}
		if one.Fresh == 0 {
			v.Forward = []web.Action{columns}
		}
	case running:
		v.Busy = fmt.Sprintf("Taking over: %d %% of the rows are through.", v.Share)
		v.Forward = []web.Action{post("Stop", "pause", "/stop")}
	case stopped:
		again := post("Go on", "play", "/run")
		again.Primary = true
		v.Forward = []web.Action{again}
	case failed:
		v.Alert = &web.Alert{
			Tone: web.Bad, Title: "It cannot go on.", Text: one.Fault + " Correct the file and bring it anew, or bring another one.",
			Actions: []web.Action{{Label: "Bring another file", Icon: "upload", Href: "/console/imports", Primary: true, Small: true}},
		}
		if there && one.Found.Form != "" && slices.ContainsFunc(one.Mapping.steps(one.Found), func(p part) bool { return p.kind != "" }) {
			v.Forward = []web.Action{columns}
		}
	case done:
		v.Alert = &web.Alert{Tone: web.Good, Title: "Taken over.", Text: one.letters() + " Details are checked in the background, a hundred customers each minute."}
	}
	if !there {
		v.Forward = nil
	}
	if one.Begun.IsZero() {
		return
	}
	words := map[bool][2]string{true: {"Taken over", "as new"}, false: {"Would be taken over", "as new"}}[one.State != trying && one.State != tried]
	v.Stats = []web.Stat{
		{Label: words[0], Value: web.Number(int(one.Fresh)), Href: base + "/rows?is=" + strconv.Itoa(taken), Icon: "check"},
		{Label: "Here already", Value: web.Number(int(one.Known)), Href: base + "/rows?is=" + strconv.Itoa(already), Icon: "copy-check"},
		{Label: "Refused", Value: web.Number(int(one.Refused)), Href: base + "/rows?is=" + strconv.Itoa(refused), Icon: "ban"},
	}
	if remarks > 0 {
		v.Stats = append(v.Stats, web.Stat{Label: "With a remark", Value: web.Number(remarks), Note: "of the new ones", Href: base + "/rows?is=" + strconv.Itoa(remarked), Icon: "message-square"})
	}
	if there && one.Refused > 0 && !one.works() {
		v.Report = base + "/refused"
	}
	if there && !one.works() {
		v.Kept = one.Touched.AddDate(0, 0, filesKept).UTC().Format("2 January 2006")
	}
}

// letters says whether those who are taken over are written to.
func (r *run) letters() string {
	if r.Mapping.Invite {
		return "Who is new here gets a letter, a hundred of them each minute."
	}
	return "Nobody is written to."
}

// what names the form of a file in words.
func (r *run) what() string {
	f := r.Mapping.format(r.Found.Format)
	switch f.Form {
	case source.CSV:
		return "CSV, " + f.Encoding + ", " + delimiterWords[f.Delimiter]
	case source.SQL:
		return "Dump as SQL, " + f.Encoding
	case source.JSON:
		return "Dump as JSON, " + f.Encoding
	}
	return "Not looked at yet"
}

var delimiterWords = map[string]string{",": "comma", ";": "semicolon", "\t": "tabulator", "|": "bar"}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return loot.Plural(int(n), "byte", "bytes")
}

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

// serviceOptions returns what a product can be mapped to.
func (i *Imports) serviceOptions(ctx context.Context, s *statement.Statement, none string) ([]web.Option, error) {
	plans, err := i.needs.Plans(ctx)
	if err != nil {
		return nil, err
	}
	out := []web.Option{{Label: none}}
	for _, service := range s.Services() {
		out = append(out, web.Option{Value: service.ID, Label: service.Title + ", without a price", Group: service.Title})
		for _, p := range plans {
			if p.Service == service.ID {
				out = append(out, web.Option{Value: p.choice(), Label: service.Title + ": " + p.Title + ", " + i.needs.Price(p.Amount, p.Currency, p.Months), Group: service.Title})
			}
		}
	}
	return out, nil
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

type productsView struct {
	web.View
	Steps  []web.Step
	Save   string
	Fields web.Fields
	Empty  web.Empty
}

type rowsView struct {
	web.View
	Tabs  []web.Tab
	Rows  []verdictRow
	Of    bool // services are among them
	Pager web.Pager
	Empty web.Empty
}

type verdictRow struct {
	Line  string
	What  string
	Href  string // of the customer whose it is; empty: nobody's here
	State web.Badge
	From  string // from when on its service is charged; empty: it has none
	Why   string
}

const perPage = 100

// kindOne names a row by its kind.
var kindOne = map[string]string{clients: "customer", services: "service", invoices: "invoice"}

// rowName names a row, to go on after; rowAfter reads that.
func rowName(step int, v verdict) string { return fmt.Sprintf("%d.%d", step, v.number) }

func rowAfter(name string) (step int, number int64) {
	a, b, _ := strings.Cut(name, ".")
	step, _ = strconv.Atoi(a) // from the beginning, if it is no name
	number, _ = strconv.ParseInt(b, 10, 64)
	return step, number
}

// rows lists what became, or would become, of each row.
func (i *Imports) rows(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	is, _ := strconv.Atoi(q.Get("is")) // all, if it is no number
	step, after := rowAfter(q.Get("after"))
	var one *run
	var all []verdict
	var steps []int
	var theirs map[nameOf]known
	var remarks int
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if one, err = findRun(ctx, tx, r.PathValue("id")); err == nil {
			all, steps, err = verdicts(ctx, tx, one.ID, is, step, after, perPage+1)
		}
		if err == nil {
			remarks, err = countRemarked(ctx, tx, one.ID)
		}
		if err != nil {
			return err
		}
		var names []nameOf
		for _, v := range all {
			if v.whose != (nameOf{}) {
				names = append(names, v.whose)
			}
		}
		theirs, err = knownOf(ctx, tx, names)
		return err
	}); err != nil {
		return err
	}
	base := "/console/imports/" + url.PathEscape(one.ID)
	v := rowsView{View: web.ViewOf(r, "Row by row")}
	v.Crumbs = []web.Crumb{{Label: "Imports", Href: "/console/imports"}, {Label: one.Title, Href: base}}
	v.Lead = "By the line of the file. What stands in a row is not shown, but for a price that is not that of its plan."
	v.Empty = web.Empty{Icon: "rows-3", Title: "No row", Text: "Of this kind there is none."}
	dry := one.State == trying || one.State == tried
	words := map[int]web.Badge{taken: {Tone: web.Good, Text: "taken over"}, already: {Text: "here already"}, refused: {Tone: web.Bad, Text: "refused"}}
	if dry {
		words[taken] = web.Badge{Tone: web.Good, Text: "would be taken over"}
	}
	for _, t := range []struct {
		is    int
		label string
		n     int64
	}{{0, "All", one.Fresh + one.Known + one.Refused}, {taken, "New", one.Fresh}, {remarked, "With a remark", int64(remarks)}, {already, "Here already", one.Known}, {refused, "Refused", one.Refused}} {
		v.Tabs = append(v.Tabs, web.Tab{Label: t.label, Href: base + "/rows?is=" + strconv.Itoa(t.is), Current: t.is == is, Count: web.Number(int(t.n))})
	}
	if len(all) > perPage {
		all = all[:perPage]
		v.Pager.Next = fmt.Sprintf("%s/rows?is=%d&after=%s", base, is, rowName(steps[perPage-1], all[perPage-1]))
	}
	if q.Get("after") != "" {
		v.Pager.Prev = fmt.Sprintf("%s/rows?is=%d", base, is)
	}
	parts := one.Mapping.steps(one.Found)
	for n, x := range all {
		row := verdictRow{Line: strconv.FormatInt(x.line, 10), State: words[x.is], From: x.chargedFrom(), Why: x.why}
		v.Of = v.Of || row.From != ""
		if steps[n] < len(parts) {
			p := parts[steps[n]]
			row.What = cmp.Or(apart[p.table].one, kindOne[p.kind])
		}
		if s := theirs[x.whose].subject; s != "" {
			row.Href = desk.CustomerPath(s)
		}
		v.Rows = append(v.Rows, row)
	}
	return rowsPage.Render(w, r, http.StatusOK, v)
}

// chargedFrom says from when on the service of a row is, or would be, charged.
func (v verdict) chargedFrom() string {
	if day, err := time.Parse(time.DateOnly, v.charged); err == nil {
		return day.Format("2 January 2006")
	}
	if v.charged == whenTaken {
		return "the day it is taken over"
	}
	return ""
}
