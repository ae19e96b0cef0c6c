package publication

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

func (p *publication) routes() []web.Route {
	tiles := func(w http.ResponseWriter, r *http.Request) error {
		http.StripPrefix("/log", p.Ledger.Handler()).ServeHTTP(w, r)
		return nil
	}
	return []web.Route{
		{Pattern: "GET /{$}", Audience: web.Public, Serve: p.home},
		{Pattern: "GET /statement", Audience: web.Public, Serve: p.current},
		{Pattern: "GET /statement.md", Audience: web.Public, Serve: p.source},
		{Pattern: "GET /statement.schema.json", Audience: web.Public, Serve: p.schema},
		{Pattern: "GET /statement/versions", Audience: web.Public, Serve: p.listVersions},
		{Pattern: "GET /statement/versions/{hash}", Audience: web.Public, Serve: p.showVersion},
		{Pattern: "GET /statement/versions/{hash}/text", Audience: web.Public, Serve: p.readVersion},
		{Pattern: "GET /ledger", Audience: web.Public, Serve: p.publicLedger},
		{Pattern: "GET /verify", Audience: web.Public, Serve: p.verifier},
		{Pattern: "GET /log/checkpoint", Audience: web.Public, Serve: tiles},
		{Pattern: "GET /log/tile/{path...}", Audience: web.Public, Serve: tiles},

		{Pattern: "GET /console/statement", Audience: web.Console, Serve: p.console},
		{Pattern: "POST /console/statement", Audience: web.Console, Serve: p.propose, Body: 2 << 20, Fresh: true},
		{Pattern: "GET /console/statement/{hash}", Audience: web.Console, Serve: p.consoleVersion},
		{Pattern: "POST /console/statement/{hash}/publish", Audience: web.Console, Serve: p.publish, Fresh: true},
		{Pattern: "GET /console/ledger", Audience: web.Console, Serve: p.consoleLedger},
		{Pattern: "POST /console/ledger/verify", Audience: web.Console, Serve: p.verifyLedger, Limit: web.PerMinute(6)},
	}
}

var errNoVersion = loot.Errorf(loot.NotFound, "There is no such version of the statement.")

func (p *publication) home(w http.ResponseWriter, r *http.Request) error {
	v, ok := p.Gate.InForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	s := v.Statement
	view := web.ViewOf(r, s.Front().Controller.Name)
	data := homeView{View: view, Controller: s.Front().Controller.Name, Version: s.Front().Version, Since: v.Effective}
	for service := range slices.Values(s.Services()) {
		data.Services = append(data.Services, service)
	}
	for clause := range slices.Values(s.Clauses()) {
		if !clause.Planned {
			data.Kept++
		}
	}
	data.Entries = int(p.Ledger.Entries())
	return homePage.Render(w, r, http.StatusOK, data)
}

func (p *publication) current(w http.ResponseWriter, r *http.Request) error {
	v, ok := p.Gate.InForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	return p.read(w, r, version{v, gate.InForce})
}

func (p *publication) source(w http.ResponseWriter, _ *http.Request) error {
	v, ok := p.Gate.InForce()
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
	_, err := w.Write(v.Statement.Source())
	return err
}

// schema is for whoever writes a statement in an editor that knows such.
func (p *publication) schema(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/schema+json")
	_, err := w.Write(statement.JSONSchema())
	return err
}

func (p *publication) find(r *http.Request, drafts bool) (version, []version, error) {
	all, err := p.versions(r.Context())
	if err != nil {
		return version{}, nil, err
	}
	for _, v := range all {
		if v.Statement.Hash() == r.PathValue("hash") && (drafts || v.State != gate.Draft) {
			return v, all, nil
		}
	}
	return version{}, nil, errNoVersion
}

func (p *publication) readVersion(w http.ResponseWriter, r *http.Request) error {
	v, _, err := p.find(r, false)
	if err != nil {
		return err
	}
	return p.read(w, r, v)
}

// read shows a version to be read.
func (p *publication) read(w http.ResponseWriter, r *http.Request, v version) error {
	s := v.Statement
	data := readView{
		View: web.ViewOf(r, s.Front().Title), Front: s.Front(), Version: v, Hash: s.Hash(), Key: p.Ledger.VerifierKey(),
		Intro: template.HTML(s.Intro()), // rendered by the statement package, which refuses raw HTML
	}
	data.View.Lead = "Version " + s.Front().Version + " · " + s.Front().Controller.Name
	if err := p.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		data.Solo, err = p.others.Solo(r.Context(), tx)
		return err
	}); err != nil {
		return err
	}
	for _, c := range s.Chapters() {
		ch := chapterView{Title: c.Title, Intro: template.HTML(c.Intro)}
		for _, id := range c.Clauses {
			if clause, ok := s.Clause(id); ok {
				ch.Clauses = append(ch.Clauses, viewClause(s, clause))
				if clause.Planned {
					data.Planned++
				} else {
					data.Kept++
				}
			}
		}
		data.Chapters = append(data.Chapters, ch)
	}
	return readPage.Render(w, r, http.StatusOK, data)
}

func viewClause(s *statement.Statement, c statement.Clause) clauseView {
	out := clauseView{ID: c.ID, Title: c.Title, Planned: c.Planned, NoRule: c.NoRule}
	for _, part := range s.Parts(c.ID, "") {
		out.Parts = append(out.Parts, partView{template.HTML(part.HTML), part.Tables})
	}
	var code []string
	rule := web.Rule{Title: "The rule that runs", Syntax: "cedar"}
	for _, ru := range c.Rules {
		if !slices.Contains(rule.Plain, ru.Words) {
			rule.Plain = append(rule.Plain, ru.Words)
		}
		text := strings.TrimSpace(ru.Text)
		if ru.Generated {
			text = "// written from the declarations of this clause\n" + text
		}
		code = append(code, text)
	}
	if len(c.Rules) > 1 {
		rule.Title = fmt.Sprintf("The %d rules that run", len(c.Rules))
	}
	if c.Planned {
		rule.Title = "The rule that will run"
	}
	rule.Code = strings.Join(code, "\n\n")
	if len(c.Rules) > 0 {
		out.Rule = &rule
	}
	return out
}

func (p *publication) listVersions(w http.ResponseWriter, r *http.Request) error {
	all, err := p.versions(r.Context())
	if err != nil {
		return err
	}
	data := versionsView{View: web.ViewOf(r, "Versions of the statement")}
	data.View.Lead = "Only one is in force at a time. A new one is announced first, and decides nothing before its date."
	for _, v := range all {
		if v.State != gate.Draft {
			data.Versions = append(data.Versions, v)
		}
	}
	return versionsPage.Render(w, r, http.StatusOK, data)
}

// showVersion lays a version beside the one before it, or beside another that is
// asked for.
func (p *publication) showVersion(w http.ResponseWriter, r *http.Request) error {
	v, all, err := p.find(r, false)
	if err != nil {
		return err
	}
	data := differenceView{View: web.ViewOf(r, "Version "+v.Statement.Front().Version), Version: v}
	data.View.Crumbs = []web.Crumb{{Label: "Versions", Href: "/statement/versions"}}
	data.View.Actions = []web.Action{{Label: "Read it whole", Icon: "scroll-text", Href: "/statement/versions/" + v.Statement.Hash() + "/text"}}
	before, compared := predecessor(v, all)
	after, was, becomes := v, "Until then", "From then on"
	if hash := r.URL.Query().Get("against"); hash != "" {
		i := slices.IndexFunc(all, func(o version) bool { return o.Statement.Hash() == hash && o.State != gate.Draft })
		if i < 0 {
			return loot.Errorf(loot.NotFound, "There is no such version of the statement to compare with. Choose one from the list of versions.")
		}
		if before, compared = all[i], true; hash == v.Statement.Hash() {
			return loot.Errorf(loot.Invalid, "A version is compared with another one, not with itself. Choose another from the list of versions.")
		}
		if before.Effective.After(v.Effective) {
			before, after = v, before
		}
		was, becomes = before.Name(), after.Name()
		data.Chosen = true
	}
	if compared {
		data.Before, data.After = &before, after
		data.Changes = viewDiff(was, becomes, before.Statement, after.Statement)
		data.Against = againstField(v, all, r.URL.Query().Get("against"), before)
	}
	return differencePage.Render(w, r, http.StatusOK, data)
}

// againstField asks which version v is laid beside: any other that is public.
func againstField(v version, all []version, chosen string, before version) web.Fields {
	f := web.Field{Name: "against", Label: "Compare with", Type: "select", Required: true, Plain: true, Value: chosen}
	if chosen == "" {
		f.Value = before.Statement.Hash()
	}
	for _, o := range all {
		if o.State != gate.Draft && o.Statement.Hash() != v.Statement.Hash() {
			f.Options = append(f.Options, web.Option{Value: o.Statement.Hash(), Label: o.Name() + ", " + string(o.State) + ", effective " + o.Effective.Format("2 Jan 2006")})
		}
	}
	return web.Fields{f}
}

// predecessor returns the version that v takes over from; for a draft, the
// one in force.
func predecessor(v version, all []version) (version, bool) {
	for _, other := range all { // latest first
		if other.Statement.Hash() == v.Statement.Hash() || other.State == gate.Draft {
			continue
		}
		if v.Effective.IsZero() && other.State == gate.InForce || !v.Effective.IsZero() && other.Effective.Before(v.Effective) {
			return other, true
		}
	}
	return version{}, false
}

func (p *publication) publicLedger(w http.ResponseWriter, r *http.Request) error {
	c, err := p.Ledger.Checkpoint()
	if err != nil {
		return err
	}
	data := ledgerView{View: web.ViewOf(r, "The ledger"), Size: int(p.Ledger.Entries()), Checkpoint: string(c), Key: p.Ledger.VerifierKey(), Witnesses: p.Ledger.Witnesses()}
	_, data.Page = ledger.VerifierPage(data.Key)
	data.View.Lead = "Every use of a customer's record is an entry here. Entries name nobody; whoever holds a proof can find theirs."
	return publicLedgerPage.Render(w, r, http.StatusOK, data)
}

func (p *publication) verifier(w http.ResponseWriter, _ *http.Request) error {
	page, _ := ledger.VerifierPage(p.Ledger.VerifierKey())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", ledger.VerifierCSP)
	_, err := w.Write(page)
	return err
}

func (p *publication) console(w http.ResponseWriter, r *http.Request) error {
	return p.showConsole(w, r, http.StatusOK, "", nil)
}

func (p *publication) showConsole(w http.ResponseWriter, r *http.Request, status int, typed string, problems []statement.Problem) error {
	all, err := p.versions(r.Context())
	if err != nil {
		return err
	}
	data := consoleView{View: web.ViewOf(r, "Statement"), Versions: all, Typed: typed, Problems: problems}
	data.View.Lead = "What is in force, what comes, and drafts. A changed text is a draft until enough people agreed and its notice period has passed."
	if data.MayPublish = p.mayPublish(web.ActorOf(r.Context())); data.MayPublish {
		data.Again = web.SignInAgain(r, p.Now(), "Proposing a version")
	}
	if v, ok := p.Gate.InForce(); ok && typed == "" {
		data.Typed = string(v.Statement.Source())
	}
	return consolePage.Render(w, r, status, data)
}

func (p *publication) propose(w http.ResponseWriter, r *http.Request) error {
	form, files, err := readDraft(r)
	if err != nil {
		return err
	}
	text := form
	if len(files) > 0 {
		text = string(files)
	}
	by := web.ActorOf(r.Context())
	if !p.mayPublish(by) {
		return loot.Errorf(loot.Denied, "None of your roles may propose a statement.")
	}
	s, err := p.draft(r.Context(), by, []byte(text))
	if problems, ok := errors.AsType[statement.Problems](err); ok {
		return p.showConsole(w, r, http.StatusUnprocessableEntity, text, problems)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/statement/"+s.Hash())
}

func readDraft(r *http.Request) (text string, file []byte, err error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		form, err := web.Form(r, 1<<20, "source")
		return form.Get("source"), nil, err
	}
	form, files, err := web.Upload(r, 1<<20, "source")
	if err != nil {
		return "", nil, err
	}
	for _, f := range files["file"] {
		file = f.Content
	}
	return form.Get("source"), bytes.TrimPrefix(file, []byte("\ufeff")), nil
}

func (p *publication) consoleVersion(w http.ResponseWriter, r *http.Request) error {
	return p.showVersionForm(w, r, http.StatusOK, nil)
}

func (p *publication) showVersionForm(w http.ResponseWriter, r *http.Request, status int, wrong error) error {
	v, all, err := p.find(r, true)
	if err != nil {
		return err
	}
	data := consoleVersionView{View: web.ViewOf(r, "Version "+v.Statement.Front().Version), Version: v, Hash: v.Statement.Hash()}
	data.View.Crumbs = []web.Crumb{{Label: "Statement", Href: "/console/statement"}}
	if before, ok := predecessor(v, all); ok {
		data.Before = &before
		data.Changes = viewDiff("Until then", "From then on", before.Statement, v.Statement)
		if data.Replay, err = p.replay(r, before.Statement, v.Statement); err != nil {
			return err
		}
		data.Replayed = viewReplay(before.Statement, data.Replay)
	}
	data.Warnings = p.check(v.Statement)
	if v.State == gate.Draft {
		if err := p.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
			data.Asked, err = p.waiting(r.Context(), tx, func(hash string) bool { return hash == data.Hash })
			return err
		}); err != nil {
			return err
		}
	}
	if v.State == gate.Draft && data.Asked == nil && p.mayPublish(web.ActorOf(r.Context())) {
		if data.Effective, err = p.dateOf(v.Statement); err != nil {
			data.Late = loot.Message(err)
		}
		data.Form = web.Fields{
			{Name: "reason", Label: "Why it changes", Type: "textarea", Required: true, MaxLen: 500, Wide: true, Hint: "Kept with the ledger's entry."},
		}
		data.MayPublish, data.Again = true, web.SignInAgain(r, p.Now(), "Publishing it")
		if wrong != nil {
			form, _ := web.Form(r, 0)
			data.Form = data.Form.With(form, wrong)
		}
		data.Wrong = web.ProblemsOf(wrong, data.Form)
	}
	return consoleVersionPage.Render(w, r, status, data)
}

func (p *publication) publish(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	by := web.ActorOf(r.Context())
	v, ok := p.Gate.Version(r.PathValue("hash"))
	if !ok {
		return errNoVersion
	}
	wrong := map[string]string{}
	if reason := form.Get("reason"); reason == "" || len(reason) > 2000 {
		wrong["reason"] = "Please say why, in at most 500 characters."
	}
	if err := web.Invalid("", wrong); err != nil {
		return p.showVersionForm(w, r, http.StatusUnprocessableEntity, err)
	}
	if _, err := p.dateOf(v.Statement); err != nil {
		return p.showVersionForm(w, r, http.StatusUnprocessableEntity, nil) // which says why
	}
	var waiting bool
	if err := p.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
		waiting, err = p.ask(r.Context(), tx, by, v.Statement, form.Get("reason"))
		return err
	}); err != nil {
		return err
	}
	text := "The version is announced. Everybody concerned is written to now."
	if waiting {
		text = "Two other people have to agree under Approvals; then the version is announced."
	}
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, "/console/statement/"+v.Statement.Hash())
}

// replaySpan is how far back recorded decisions are decided again.
const replaySpan = 90 * 24 * time.Hour

// replay decides the recorded decisions of the last months again under both
// versions and counts those that differ.
func (p *publication) replay(r *http.Request, before, after *statement.Statement) (statement.Replay, error) {
	var ins []statement.Input
	if err := p.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		ins, err = p.Gate.Recorded(r.Context(), tx, p.Now().Add(-replaySpan), maxReplay)
		return err
	}); err != nil {
		return statement.Replay{}, err
	}
	return statement.ReplayInputs(before, after, ins), nil
}

// maxReplay bounds how many decisions one page decides again.
const maxReplay = 50_000

func (p *publication) consoleLedger(w http.ResponseWriter, r *http.Request) error {
	return p.showLedger(w, r, nil)
}

func (p *publication) verifyLedger(w http.ResponseWriter, r *http.Request) error {
	report, err := p.Ledger.Verify(r.Context(), ledger.Against{OwnWitnesses: true})
	if err != nil {
		return err
	}
	return p.showLedger(w, r, viewCheck(report))
}

func (p *publication) showLedger(w http.ResponseWriter, r *http.Request, check *checkView) error {
	c, err := p.Ledger.Checkpoint()
	if err != nil {
		return err
	}
	data := ledgerView{View: web.ViewOf(r, "Ledger"), Size: int(p.Ledger.Entries()), Checkpoint: string(c), Key: p.Ledger.VerifierKey(), Witnesses: p.Ledger.Witnesses(), Check: check}
	data.View.Lead = "Every decision is an entry that nobody can change without it showing."
	return ledgerPage.Render(w, r, http.StatusOK, data)
}
