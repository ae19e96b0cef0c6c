package imports

import (
	"cmp"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"loot"
	"loot/desk/imports/source"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	listPage = web.NewPage[listView](pageFiles, "pages/list.html")
	showPage = web.NewPage[showView](pageFiles, "pages/show.html")
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
