package publication

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// A Canary is what an operator says as long as it is true, such as that no order
// of secrecy was received.
type Canary struct {
	Text    string
	Renewed time.Time // the day on which it was said last
}

// canaryLife is after how long a canary that is not renewed says nothing any more.
const canaryLife = 92 * 24 * time.Hour

type canaryView struct {
	Canary
	Silent bool // it was not renewed in time
}

type transparencyView struct {
	web.View
	Halves []half
	Base   string // "/transparency" or "/console/transparency"
	Canary *canaryView
}

type reportView struct {
	web.View
	Report tallyOf
	Groups []groupView
	Files  []web.Action
	Canary *canaryView
	Key    string
}

type groupView struct {
	ID    string
	Title string
	Rows  []figure
}

func (p *publication) transparencyRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /transparency", Audience: web.Public, Serve: p.transparency},
		{Pattern: "GET /transparency/{file}", Audience: web.Public, Serve: p.transparencyReport},
		{Pattern: "GET /console/transparency", Audience: web.Console, Serve: p.consoleTransparency},
		{Pattern: "GET /console/transparency/{file}", Audience: web.Console, Serve: p.consoleReport},
		{Pattern: "GET /console/transparency/{half}/entries", Audience: web.Console, Serve: p.reportEntries},
	}
}

// canary returns what the operator says; nil: nothing.
func (p *publication) canary() (*canaryView, error) {
	if p.others.Canary == nil {
		return nil, nil
	}
	c, err := p.others.Canary()
	if err != nil || c.Text == "" {
		return nil, err
	}
	v := &canaryView{Canary: c, Silent: p.Now().After(c.Renewed.Add(canaryLife))}
	if v.Silent {
		v.Text = ""
	}
	return v, nil
}

func (p *publication) transparency(w http.ResponseWriter, r *http.Request) error {
	return p.listReports(w, r, "/transparency", false)
}

func (p *publication) consoleTransparency(w http.ResponseWriter, r *http.Request) error {
	return p.listReports(w, r, "/console/transparency", true)
}

func (p *publication) listReports(w http.ResponseWriter, r *http.Request, base string, running bool) (err error) {
	data := transparencyView{View: web.ViewOf(r, "Transparency report"), Base: base}
	data.Lead = "Who outside asked us about customers, and what became of it. Every figure is counted from the ledger and typed by nobody."
	if data.Halves, err = p.halves(r.Context(), running); err != nil {
		return err
	}
	if data.Canary, err = p.canary(); err != nil {
		return err
	}
	return transparencyPage.Render(w, r, http.StatusOK, data)
}

func (p *publication) transparencyReport(w http.ResponseWriter, r *http.Request) error {
	return p.showReport(w, r, "/transparency", false)
}

func (p *publication) consoleReport(w http.ResponseWriter, r *http.Request) error {
	return p.showReport(w, r, "/console/transparency", true)
}

var errNoReport = loot.Errorf(loot.NotFound, "There is no such report. The list has a report for each half-year that is over.")

// showReport shows a half-year as a page, as CSV or as JSON, by the ending of the
// address.
func (p *publication) showReport(w http.ResponseWriter, r *http.Request, base string, running bool) (err error) {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	h, err := p.half(r.Context(), name, running)
	if err != nil {
		return err
	}
	var t tallyOf
	if err := p.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		t, err = p.report(r.Context(), tx, h)
		return err
	}); err != nil {
		return err
	}
	switch format {
	case "":
	case "csv":
		return writeCSV(w, t)
	case "json":
		return p.writeJSON(w, t)
	default:
		return errNoReport
	}
	data := reportView{View: web.ViewOf(r, h.Title()), Report: t, Key: p.Ledger.VerifierKey()}
	data.Crumbs = []web.Crumb{{Label: "Transparency report", Href: base}}
	data.Files = []web.Action{
		{Label: "CSV", Icon: "download", Href: base + "/" + name + ".csv"},
		{Label: "JSON", Icon: "download", Href: base + "/" + name + ".json"},
	}
	if running {
		data.Files = append(data.Files, web.Action{Label: "Entries with their proofs", Icon: "file-check", Href: base + "/" + name + "/entries"})
	}
	for i, g := range groups {
		v := groupView{ID: "group-" + strconv.Itoa(i), Title: g}
		for _, f := range t.Figures {
			if f.Group == g {
				v.Rows = append(v.Rows, f)
			}
		}
		if len(v.Rows) > 0 {
			data.Groups = append(data.Groups, v)
		}
	}
	if data.Canary, err = p.canary(); err != nil {
		return err
	}
	return reportPage.Render(w, r, http.StatusOK, data)
}

func writeCSV(w http.ResponseWriter, t tallyOf) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="transparency-`+t.Half.String()+`.csv"`)
	out := csv.NewWriter(w)
	rows := [][]string{{"half_year", "group", "key", "title", "value", "entries_sha256"}}
	for _, f := range t.Figures {
		rows = append(rows, []string{t.Half.String(), f.Group, f.Key, f.Title, f.Value(), f.Digest()})
	}
	rows = append(rows, []string{t.Half.String(), groupAll, "days", "Days until an answer, on average", t.Days, ""})
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}

// A told figure is one as JSON has it.
type toldFigure struct {
	Group   string   `json:"group"`
	Key     string   `json:"key"`
	Title   string   `json:"title"`
	Value   string   `json:"value"`
	Digest  string   `json:"entries_sha256"`
	Entries []string `json:"entries,omitempty"` // ids, where they are opened
}

// A toldReport is a report as JSON has it.
type toldReport struct {
	Half       string            `json:"half_year"`
	Over       bool              `json:"over"`
	Until      time.Time         `json:"until"`
	Log        string            `json:"log"`        // key of the ledger
	Checkpoint string            `json:"checkpoint"` // signed: the ledger that it was counted from
	Figures    []toldFigure      `json:"figures"`
	Days       string            `json:"days_until_answer"` // on average; empty: too few
	Proofs     map[string]string `json:"proofs,omitzero"`   // of each entry, by its id; nil: it comes without them
}

func (p *publication) told(t tallyOf, opened bool) (toldReport, error) {
	c, err := p.Ledger.Checkpoint()
	if err != nil {
		return toldReport{}, err
	}
	out := toldReport{Half: t.Half.String(), Over: t.Over, Until: t.Until.UTC(), Log: p.Ledger.VerifierKey(), Checkpoint: string(c), Days: t.Days, Figures: []toldFigure{}}
	for _, f := range t.Figures {
		one := toldFigure{Group: f.Group, Key: f.Key, Title: f.Title, Value: f.Value(), Digest: f.Digest()}
		if opened {
			one.Entries = f.Ids
		}
		out.Figures = append(out.Figures, one)
	}
	return out, nil
}

func (p *publication) writeJSON(w http.ResponseWriter, t tallyOf) error {
	out, err := p.told(t, false)
	if err != nil {
		return err
	}
	return sendJSON(w, "transparency-"+t.Half.String(), out)
}

func sendJSON(w http.ResponseWriter, name string, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.json"`)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// reportEntries hands out the entries that give the figures, each with the proof
// that it is in the ledger. It opens their facts and names nobody; as few of them
// could tell more than the figures do, it is for staff who approve.
func (p *publication) reportEntries(w http.ResponseWriter, r *http.Request) error {
	h, err := p.half(r.Context(), r.PathValue("half"), true)
	if err != nil {
		return err
	}
	if !p.Gate.Approves(web.ActorOf(r.Context())) {
		return loot.Errorf(loot.Denied, "None of your roles may see the entries behind the figures. Those who approve may.")
	}
	var out toldReport
	if err := p.DB.InTx(r.Context(), func(tx *store.Tx) error {
		t, err := p.report(r.Context(), tx, h)
		if err != nil {
			return err
		}
		if out, err = p.proven(r.Context(), tx, t); err != nil {
			return err
		}
		_, err = p.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), "transparency.entries "+h.String(), "")
		return err
	}); err != nil {
		return err
	}
	return sendJSON(w, "transparency-"+h.String()+"-entries", out)
}

func (p *publication) proven(ctx context.Context, tx *store.Tx, t tallyOf) (toldReport, error) {
	out, err := p.told(t, true)
	if err != nil {
		return out, err
	}
	out.Proofs = map[string]string{}
	for _, f := range out.Figures {
		for _, id := range f.Entries {
			if out.Proofs[id] != "" {
				continue
			}
			b, err := p.Ledger.Proof(ctx, tx, id)
			if err != nil {
				return out, err
			}
			out.Proofs[id] = string(b)
		}
	}
	return out, nil
}
