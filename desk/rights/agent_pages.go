package rights

import (
	"math"
	"net/http"
	"net/url"
	"strings"

	"loot"
	"loot/store"
	"loot/web"
)

var (
	agentsPage  = web.NewPage[agentsView](pageFiles, "pages/agents.html")
	confirmPage = web.NewPage[confirmView](pageFiles, "pages/confirm.html")
)

// keepers may let agents in.
var keepers = []loot.Role{"administrator", "dpo"}

type agentsView struct {
	web.View
	Tabs   []web.Tab
	Agents []agentRow
	Asked  []exerciseRow
	Pager  web.Pager  // of what they asked
	Form   web.Fields // empty: whoever looks may not
	Change string     // name of the agent that it changes; empty: it lets one in
	Wrong  *web.Problems
	Entry  string // where the business tells of itself
}

type agentRow struct {
	agent
	Key         string
	Change, End web.Action
}

type exerciseRow struct {
	exercise
	State web.Badge
}

func agentForm() web.Fields {
	return web.Fields{
		{Name: "id", Label: "Id", Required: true, MaxLen: 60, Hint: "As in the directory: capital letters and underscores."},
		{Name: "title", Label: "Name", Required: true, MaxLen: 80, Hint: "People read it in the letter that asks them."},
		{Name: "key", Label: "Verify key", Required: true, MaxLen: 60, Wide: true, Hint: "Ed25519, 32 bytes in base64."},
		{Name: "hosts", Label: "Where it may be called", MaxLen: 300, Wide: true, Hint: "The host of the address at which it wants to be told how its requests stand, such as agents.example.com; several with a space between. Empty: it is not called, and asks."},
	}
}

// listAgents shows the agents, and the form with what one of them has that is to be changed.
func (d *Rights) listAgents(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("agent")
	if id == "" {
		return d.showAgents(w, r, http.StatusOK, nil, nil)
	}
	var a agent
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		var known bool
		if a, known, err = agentBy(r.Context(), tx, "id", id); err == nil && !known {
			err = errNoAgent
		}
		return err
	}); err != nil {
		return err
	}
	return d.showAgents(w, r, http.StatusOK, url.Values{"id": {a.ID}, "title": {a.Title}, "key": {a.key()}, "hosts": {strings.Join(a.Hosts, " ")}}, nil)
}

var errNoAgent = loot.Errorf(loot.NotFound, "There is no such agent that may ask.")

func (d *Rights) showAgents(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong error) error {
	v := agentsView{View: web.ViewOf(r, "Agents"), Tabs: tabs("agents"), Form: agentForm(), Entry: d.BaseURL + "/.well-known/data-rights.json"}
	v.Lead = "Who may use rights for people who authorised them, by the Data Rights Protocol 1.0. Nothing happens before the person confirms it."
	v.Wide = true
	v.Again = web.SignInAgain(r, d.Now(), "Letting an agent in")
	after := r.URL.Query().Get("after")
	if by := web.ActorOf(r.Context()); !by.Has(keepers[0]) && !by.Has(keepers[1]) {
		v.Form, v.Again = nil, nil
	}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Agents, v.Asked, v.Change = nil, nil, ""
		all, err := agents(r.Context(), tx)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Ended.IsZero() && typed.Get("id") == a.ID {
				v.Change = a.Title
			}
			v.Agents = append(v.Agents, agentRow{
				a, a.key(),
				web.Action{Label: "Change", Icon: "pencil", Href: "/console/requests/agents?agent=" + url.QueryEscape(a.ID) + "#form", Small: true},
				web.Action{Label: "End", Icon: "ban", Href: "/console/requests/agents/" + url.PathEscape(a.ID) + "/end", Post: true, Small: true},
			})
		}
		from := int64(math.MaxInt64)
		if after != "" {
			last, err := findExercise(r.Context(), tx, "id", after)
			if err != nil {
				return err
			}
			from = last.Received.UnixMicro()
		}
		asked, err := exercises(r.Context(), tx, `(received, id) < ($1, $2) ORDER BY received DESC, id DESC LIMIT $3`, from, after, d.page+1)
		v.Pager = web.Pager{}
		if len(asked) > d.page {
			asked = asked[:d.page]
			v.Pager.Next = web.After(&url.URL{Path: "/console/requests/agents"}, asked[d.page-1].ID)
		}
		if after != "" {
			v.Pager.Prev = "/console/requests/agents"
		}
		for _, e := range asked {
			v.Asked = append(v.Asked, exerciseRow{e, exerciseState(e)})
		}
		return err
	}); err != nil {
		return err
	}
	if typed != nil {
		v.Form = v.Form.With(typed, wrong)
		v.Wrong = web.ProblemsOf(wrong, v.Form)
	}
	return agentsPage.Render(w, r, status, v)
}

func exerciseState(e exercise) web.Badge {
	switch {
	case e.State == fulfilled:
		return web.Badge{Tone: web.Good, Text: "done", Icon: "check"}
	case e.State == revoked:
		return web.Badge{Text: "taken back"}
	case e.State == denied:
		return web.Badge{Text: "not confirmed"}
	case e.Reason == unverified:
		return web.Badge{Tone: web.Info, Text: "waits for the person", Icon: "hourglass"}
	}
	return web.Badge{Tone: web.Info, Text: "waits for its day", Icon: "calendar-clock"}
}

// letIn registers an agent, or changes how one is called and where.
func (d *Rights) letIn(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	err = agentForm().Check(typed)
	var hosts []string
	if err == nil {
		wrong := map[string]string{}
		if !agentID.MatchString(typed.Get("id")) {
			wrong["id"] = "An id is made of capital letters and underscores."
		}
		if _, err := publicKey(typed.Get("key")); err != nil {
			wrong["key"] = loot.Message(err)
		}
		if hosts, err = d.readHosts(typed.Get("hosts")); err != nil {
			wrong["hosts"] = loot.Message(err)
		}
		err = web.Invalid("", wrong)
	}
	if err != nil {
		return d.showAgents(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var known bool
	err = d.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		note := "agent.registered"
		if _, known, err = agentBy(ctx, tx, "id", typed.Get("id")); err != nil {
			return err
		}
		if known {
			note = "agent.changed"
		}
		n, err := tx.Exec(ctx, `INSERT INTO rights_agent (id, title, key, hosts, token, made, author, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
			ON CONFLICT (id) DO UPDATE SET title = excluded.title, hosts = excluded.hosts WHERE rights_agent.key = excluded.key AND rights_agent.ended = 0`,
			typed.Get("id"), typed.Get("title"), typed.Get("key"), strings.Join(hosts, " "), []byte{}, d.Now().UnixMicro(), by.ID)
		if err != nil {
			return err
		}
		switch {
		case n == 0 && known:
			return web.Invalid("", map[string]string{"key": "The agent with this id has another key. One that gets another key gets another id too."})
		case n == 0:
			return web.Invalid("", map[string]string{"id": "An agent with this id was ended. One that is let in again gets another id."})
		}
		_, err = d.Gate.Note(ctx, tx, by, note, typed.Get("id"))
		return err
	})
	if web.Wrong(err) != nil {
		return d.showAgents(w, r, http.StatusUnprocessableEntity, typed, err)
	}
	if err != nil {
		return err
	}
	said := "The agent may ask from now on."
	switch {
	case known && len(hosts) == 0:
		said = "The agent is changed. It is called nowhere from now on."
	case known:
		said = "The agent is changed. It is called at " + strings.Join(hosts, ", ") + "."
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/console/requests/agents")
}

// endAgent lets an agent ask no longer. What it asked and nobody confirmed is not done.
func (d *Rights) endAgent(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE rights_agent SET ended = $1, token = $2 WHERE id = $3 AND ended = 0`, d.Now().UnixMicro(), []byte{}, r.PathValue("agent"))
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoAgent
		}
		_, err = d.Gate.Note(ctx, tx, web.ActorOf(ctx), "agent.ended", r.PathValue("agent"))
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The agent asks no longer.")
	return web.Redirect(w, r, "/console/requests/agents")
}

type confirmView struct {
	web.View
	Text string
	Yes  string // what they confirm
	To   string // where the answer goes; empty: there is nothing to answer
}

// lookForLetter is where agents lead people to confirm who they are.
func (d *Rights) lookForLetter(w http.ResponseWriter, r *http.Request) error {
	v := confirmView{View: web.ViewOf(r, "Look into your mail"), Text: "If we know the address that was named to us, a letter went there. The link in it shows what is asked for you, and lets you confirm it or not."}
	v.Layout = web.LayoutBare
	return confirmPage.Render(w, r, http.StatusOK, v)
}

// askPerson asks somebody whether an agent speaks for them. A link opened by a program
// confirms nothing.
func (d *Rights) askPerson(w http.ResponseWriter, r *http.Request) error {
	var e exercise
	var a agent
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		e, a, err = d.byLink(r.Context(), tx, r.PathValue("token"))
		return err
	}); err != nil {
		return err
	}
	v := confirmView{View: web.ViewOf(r, "Does "+a.Title+" speak for you?"), Text: "It asks, in your name, " + actionOf(e.Action).asks + ".", Yes: "Yes, I authorised it", To: r.URL.Path}
	v.Layout = web.LayoutBare
	return confirmPage.Render(w, r, http.StatusOK, v)
}

// answerAgent does what was asked, or has it denied.
func (d *Rights) answerAgent(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var e exercise
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		e, _, err = d.byLink(ctx, tx, r.PathValue("token"))
		return err
	}); err != nil {
		return err
	}
	v := confirmView{View: web.ViewOf(r, "Nothing is done"), Text: "We tell the agent that you did not confirm it."}
	v.Layout = web.LayoutBare
	if typed.Get("answer") == "yes" {
		if e, err = d.carryOut(ctx, e); err != nil {
			return err
		}
		v.Title, v.Text = "Confirmed", e.Detail
		if at := actionOf(e.Action).place; at.path != "" {
			v.Text = at.said
		}
	} else {
		e.State, e.Reason, e.Detail, e.Closed = denied, unproved, "The person did not confirm it.", d.Now()
	}
	if err := d.settle(ctx, e); err != nil {
		return err
	}
	return confirmPage.Render(w, r, http.StatusOK, v)
}
