package customers

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// pageLength is how many entries of a timeline stand on one page.
const pageLength = 40

type timelineView struct {
	web.View
	Days  []web.Day
	Empty web.Empty
	Pager web.Pager
	Newer string // address that answers when there is something newer; empty: not the newest page
	News  string // address of the stream that says so
	Key   string // verifier key of the log
}

// timeline shows every use of a person's record, newest first.
func (c *customers) timeline(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := c.inForce()
	if err != nil {
		return err
	}
	before, seen := q.Get("after"), q.Get("seen")
	var events []web.Event
	var newest, next string
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if newest, err = c.shows(ctx, tx, loot.Subject(me.ID)); err != nil || seen != "" && seen == newest {
			return err
		}
		events, next, err = c.events(ctx, tx, s, loot.Subject(me.ID), before, pageLength)
		return err
	}); err != nil {
		return err
	}
	if seen != "" && seen == newest {
		w.WriteHeader(http.StatusNoContent) // nothing is newer than what is shown
		return nil
	}
	v := timelineView{View: web.ViewOf(r, "Who used your details"), Days: web.Days(events), Key: c.Ledger.VerifierKey()}
	v.Lead = "Every opening, every refusal and every change, as it stands in a log that nobody can alter quietly. Each entry has a proof that you can keep and check on your own computer."
	v.Empty = web.Empty{Icon: "history", Title: "Nothing yet", Text: "As soon as somebody uses your details, it is written down here."}
	if next != "" {
		v.Pager.Next = web.After(&url.URL{Path: "/portal/timeline"}, next)
	}
	if before != "" {
		v.Pager.Prev = "/portal/timeline"
	} else {
		query := "?seen=" + url.QueryEscape(cmp.Or(newest, "none"))
		v.Newer, v.News = "/portal/timeline"+query, "/portal/timeline/news"+query
	}
	if seen != "" {
		return timelinePage.RenderPart(w, r, http.StatusOK, "entries", v)
	}
	return timelinePage.Render(w, r, http.StatusOK, v)
}

// newsLasts is how long one stream is held open. The browser begins the next
// one by itself, which asks again who they are; proxies cut what is silent for
// a minute.
const newsLasts = 50 * time.Second

// news says whenever the timeline has something newer than was seen: server-sent
// events without content, after which the page asks for its entries again.
func (c *customers) news(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), loot.Subject(web.ActorOf(r.Context()).ID)
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects the answer would keep the news
	web.Stream(w, func(w http.ResponseWriter) error {
		news, stop, err := c.Ledger.Follow(ctx, me, collection)
		if err != nil {
			return err
		}
		defer stop()
		var newest string
		if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			newest, err = c.shows(ctx, tx, me)
			return err
		}); err != nil {
			return err
		}
		event, out := "retry: 500\n\n", http.NewResponseController(w)
		if cmp.Or(newest, "none") != q.Get("seen") {
			event += newsEvent
		}
		end := time.NewTimer(newsLasts)
		defer end.Stop()
		for {
			if _, err := io.WriteString(w, event); err != nil {
				return err
			}
			if err := out.Flush(); err != nil {
				return err
			}
			select {
			case _, open := <-news:
				if !open {
					return nil
				}
				event = newsEvent
			case <-end.C:
				return nil
			case <-ctx.Done():
				return nil
			}
		}
	})
	return nil
}

const newsEvent = "data: new\n\n"

// newest returns the newest entry about a person; without an id if there is none.
func (c *customers) newest(ctx context.Context, tx *store.Tx, s loot.Subject) (ledger.Item, error) {
	items, err := c.Ledger.Timeline(ctx, tx, s, collection, "", 1)
	if err != nil || len(items) == 0 {
		return ledger.Item{}, err
	}
	return items[0], nil
}

// shows names what a person's timeline shows at its top: the newest entry, and
// whether it has its proof.
func (c *customers) shows(ctx context.Context, tx *store.Tx, s loot.Subject) (string, error) {
	it, err := c.newest(ctx, tx, s)
	if it.Proved {
		return it.ID + ".proved", err
	}
	return it.ID, err
}

// byOthers returns the newest n entries about a person that do not just say
// that they looked at their own record.
func (c *customers) byOthers(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, n int) (events []web.Event, err error) {
	items, err := c.Ledger.Timeline(ctx, tx, subject, collection, "", 8*n)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if looksAtOwn(it) || len(events) == n {
			continue
		}
		e, err := c.event(ctx, tx, s, it)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// events returns up to n entries about a person as they are shown to them, and
// the entry to go on after. Entries that only say that they looked at their own
// record, one after another, are shown as one.
func (c *customers) events(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, before string, n int) (events []web.Event, next string, err error) {
	read := 8 * n // so that what is shown as one does not shorten the page
	items, err := c.Ledger.Timeline(ctx, tx, subject, collection, before, read)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(items); {
		if len(events) == n {
			return events, items[i-1].ID, nil
		}
		it := items[i]
		e, err := c.event(ctx, tx, s, it)
		if err != nil {
			return nil, "", err
		}
		looks := 1
		for i++; i < len(items) && looksAtOwn(it) && looksAtOwn(items[i]) && it.Facts.Note == items[i].Facts.Note && sameDay(it, items[i]); i++ {
			looks++
			at := web.Fact{Term: items[i].At.UTC().Format("15:04:05 MST"), Value: items[i].ID, Code: true}
			if items[i].Proved {
				at.Action = proofAction(items[i])
			}
			e.Facts = append(e.Facts, at)
		}
		if looks > 1 {
			e.Badge = &web.Badge{Text: strconv.Itoa(looks) + " times"}
		}
		events = append(events, e)
	}
	if len(items) == read {
		next = items[read-1].ID
	}
	return events, next, nil
}

func proofAction(it ledger.Item) *web.Action {
	return &web.Action{Label: "Proof", Icon: "file-check", Href: "/portal/proof/" + url.PathEscape(it.ID), Small: true}
}

func looksAtOwn(it ledger.Item) bool {
	return it.Facts.Action == loot.Export && it.Facts.ActorKind == loot.Person && it.Facts.Verdict == ledger.Permitted
}

func sameDay(a, b ledger.Item) bool {
	return a.At.UTC().Format("2006-01-02") == b.At.UTC().Format("2006-01-02")
}

// event puts one entry into words.
func (c *customers) event(ctx context.Context, tx *store.Tx, s *statement.Statement, it ledger.Item) (web.Event, error) {
	if past := c.version(it.Facts.Statement); past != nil {
		s = past // the words are those of the version that decided
	}
	who, err := c.whoActed(ctx, tx, s, it)
	if err != nil {
		return web.Event{}, err
	}
	e := web.Event{At: it.At, Who: who}
	describeEvent(s, it, &e)
	if len(it.Facts.Clauses) > 0 {
		e.Clause = it.Facts.Clauses[0]
		e.Href = "/statement#" + string(e.Clause)
	}
	e.Facts = eventFacts(s, it)
	if it.Proved {
		e.Actions = []web.Action{*proofAction(it)}
	} else {
		e.Facts = append(e.Facts, web.Fact{Term: "Proof", Value: "Being made; ready within two seconds."})
	}
	return e, nil
}

// whoActed names who acted as the statement says, by the role in which it was done.
func (c *customers) whoActed(ctx context.Context, tx *store.Tx, s *statement.Statement, it ledger.Item) (string, error) {
	switch it.Facts.ActorKind {
	case loot.Person:
		if it.Facts.Note == gate.ByToken {
			return "A program with a token of yours", nil
		}
		return "You", nil
	case loot.Staff:
		d, _ := s.Role(it.Facts.Role)
		if !d.Named {
			return d.Shown(""), nil
		}
		a, err := c.Ledger.Actor(ctx, tx, it.ID)
		return d.Shown(a.Name), err
	case loot.Desk:
		a, err := c.Ledger.Actor(ctx, tx, it.ID)
		if err != nil {
			return "", err
		}
		d, _ := s.Desk(a.ID)
		return d.Shown(), nil
	case loot.Partner, loot.Sponsorer, loot.Authority, loot.Court:
		if to, ok := s.Recipient(it.Subject.Recipient); ok {
			return to.Title, nil
		}
	case loot.Visitor:
	}
	return "Loot", nil
}

// describeEvent sets title, text, icon and tone of an entry.
func describeEvent(s *statement.Statement, it ledger.Item, e *web.Event) {
	purpose := string(it.Facts.Purpose)
	if p, ok := s.Purpose(it.Facts.Purpose); ok {
		purpose = p.Title
	}
	n := loot.Plural(it.Facts.Fields, "detail", "details")
	if it.Facts.Verdict == ledger.Refused && it.Facts.Note == "letter.read" {
		e.Icon, e.Tone, e.Title, e.Text = "shield-x", web.Warn, "Refused: reading a letter to you", "Nothing was opened."
		return
	}
	if it.Facts.Verdict == ledger.Refused {
		e.Icon, e.Tone = "shield-x", web.Warn
		e.Title = "Refused: " + loot.LowerFirst(refusedTitle(it.Facts.Action, n))
		e.Text = "For “" + loot.LowerFirst(purpose) + "”. Nothing was opened."
		if it.Facts.Note == gate.Unagreed {
			e.Icon, e.Tone = "users", web.Neutral
			e.Title = "Not by one person alone: " + loot.LowerFirst(refusedTitle(it.Facts.Action, n))
			e.Text = "For “" + loot.LowerFirst(purpose) + "”. Nothing was opened: others have to agree first."
		}
		if it.Count > 1 {
			e.Badge = &web.Badge{Text: strconv.Itoa(it.Count) + " times that day"}
		}
		return
	}
	if it.Facts.Verdict == ledger.Recorded {
		describeNote(s, it, e, purpose)
		return
	}
	e.Text = "For “" + loot.LowerFirst(purpose) + "”"
	if names := slices.Compact(s.Titles(it.Subject.Fields...)); len(names) > 0 && len(names) <= 3 {
		e.Text += ": " + strings.ReplaceAll(inSentence(names), "E-mail", "E-\u2060mail") // a word joiner: no line ends within the word
	}
	e.Text += "."
	switch it.Facts.Action {
	case loot.Use:
		e.Icon, e.Tone = "eye", web.Info
		e.Title = "Opened " + n
		if it.Facts.ActorKind == loot.Desk {
			e.Icon, e.Tone = "cog", web.Neutral
			e.Title = "Used " + n
		} else {
			e.Title += shownHow(it)
		}
	case loot.Collect:
		e.Icon = "pencil"
		e.Title = "Took in " + n
		switch it.Facts.ActorKind {
		case loot.Person:
			e.Title = "You changed " + n
		case loot.Staff:
			e.Title, e.Tone = "Corrected "+n, web.Info
		}
	case loot.Export:
		e.Icon, e.Title, e.Text = "user-round", "Looked at your record", "In your portal."
		if it.Facts.Note == gate.ByToken {
			e.Icon, e.Text = "cog", ""
		}
	case loot.Erase:
		// Of a record that is erased as a whole nobody sees the entry.
		why := "No service, no law and no switch of yours needs this any longer: "
		if it.Facts.ActorKind == loot.Person {
			why = "You asked for your account to be erased, and no law kept this: "
		}
		e.Icon, e.Title, e.Text = "eraser", "Erased "+n, why+inSentence(slices.Compact(s.Titles(it.Subject.Fields...)))+"."
	case loot.Transfer, loot.Sponsor, loot.Answer:
		e.Icon, e.Tone, e.Title = "arrow-up-right", web.Warn, "Received "+n
		if it.Subject.Told != "" {
			e.Text += " " + it.Subject.Told
		}
	case loot.Contact:
		e.Icon, e.Title = "mail", "Wrote to you"
	default:
		e.Icon, e.Title = "activity", "Used "+n
	}
}

// shownHow says how much of the opened details was shown.
func shownHow(it ledger.Item) string {
	switch covered := len(it.Subject.Covered); {
	case it.Facts.Fields == 0:
		return ""
	case covered == 0:
		return ", shown in full"
	case covered == it.Facts.Fields:
		return ", covered"
	default:
		return ": " + strconv.Itoa(covered) + " covered, " + strconv.Itoa(it.Facts.Fields-covered) + " shown in full"
	}
}

func refusedTitle(a loot.Action, n string) string {
	switch a {
	case loot.Use:
		return "Opening " + n
	case loot.Transfer, loot.Sponsor, loot.Answer:
		return "Handing over " + n
	case loot.Collect:
		return "Taking in " + n
	case loot.Erase:
		return "Erasing your record"
	case loot.Contact:
		return "Writing to you"
	default:
		return "Using " + n
	}
}

// notes says what each note of the ledger means to the person it is about.
var notes = map[string]struct {
	icon  string
	tone  web.Tone
	title string
}{
	"permission.given":     {"toggle-right", web.Good, "Permission given"},
	"permission.assumed":   {"toggle-right", web.Info, "On where you live"},
	"permission.ended":     {"toggle-left", web.Neutral, "Not on where you live any longer"},
	"permission.declined":  {"toggle-left", web.Neutral, "Permission refused"},
	"permission.withdrawn": {"toggle-left", web.Neutral, "Permission taken back"},
	"objection.made":       {"hand", web.Neutral, "Objection made"},
	"objection.withdrawn":  {"hand", web.Neutral, "Objection taken back"},
	"partner.announced":    {"handshake", web.Info, "You were told of a company that works with us"},
	"partner.successor":    {"handshake", web.Info, "You were told of a company that takes over services"},
	"partner.asked":        {"eraser", web.Info, "A partner was asked to delete what it received of you"},
	"restriction.made":     {"lock", web.Info, "Your record was frozen"},
	"restriction.ended":    {"lock-open", web.Neutral, "Your record is no longer frozen"},
	"request.read":         {"eye", web.Info, "Looked into a request of yours"},
	"request.answered":     {"scale", web.Info, "Answered a request of yours"},
	"request.entered":      {"mail", web.Info, "Entered a request that came in your name by letter, telephone or mail"},
	"request.confirmed":    {"check", web.Info, "You confirmed a request that came in your name"},
	"request.disowned":     {"x", web.Neutral, "You said that a request in your name is not yours"},
	"service.ordered":      {"package-check", web.Good, "Service ordered"},
	"service.imported":     {"package-check", web.Info, "An order of yours was taken over from the system before"},
	"service.ended":        {"package-x", web.Neutral, "Service ended"},
	"service.active":       {"play", web.Good, "Service set up or resumed"},
	"service.suspended":    {"pause", web.Warn, "Service suspended"},
	"service.plan":         {"tag", web.Info, "Another plan of a service"},
	"address.released":     {"undo-2", web.Info, "Took an address of a service of yours back"},
	"approval.asked":       {"users", web.Neutral, "A second person was asked to agree"},
	"person.told":          {"siren", web.Warn, "You were told that something went wrong"},
	"letter.read":          {"mail-open", web.Info, "Read a letter to you"},
	"detail.checked":       {"badge-check", web.Info, "Decided a case about a detail of yours"},
	"detail.disputed":      {"flag", web.Neutral, "You reported a mistake"},
	"invoice.corrected":    {"receipt-text", web.Good, "Took a wrong invoice back and wrote it again"},
	"invoice.credited":     {"undo-2", web.Info, "Took an invoice back by a credit note"},
	"report.read":          {"eye", web.Info, "Looked into a case about a detail of yours"},
	"invoice.opened":       {"eye", web.Info, "Opened the copy of an invoice of yours"},
	"invoice.fetched":      {"terminal", web.Info, "A program of yours fetched an invoice"},
	"payment.read":         {"eye", web.Info, "Looked at what a bank says of a payment of yours"},
	"record.found":         {"search", web.Info, "Looked you up"},
	"case.opened":          {"gavel", web.Neutral, "You opened a dispute"},
	"case.judged":          {"gavel", web.Warn, "Judged a case that concerns you"},
	"case.appealed":        {"scale", web.Neutral, "You objected to a judgment"},
	"case.reviewed":        {"scale", web.Info, "Decided your objection to a judgment"},
	"copy.taken":           {"download", web.Neutral, "You took a copy of everything"},
	"token.made":           {"terminal", web.Info, "You made a token for a program"},
	"token.withdrawn":      {"terminal", web.Neutral, "You withdrew a token"},
	"key.destroyed":        {"key", web.Neutral, "The key to your record was destroyed"},
}

func describeNote(s *statement.Statement, it ledger.Item, e *web.Event, purpose string) {
	word, _, _ := strings.Cut(it.Facts.Note, " ")
	n, ok := notes[word]
	if !ok {
		e.Icon, e.Title = "activity", "Recorded: "+word
		return
	}
	e.Icon, e.Tone, e.Title = n.icon, n.tone, n.title
	switch word {
	case "service.ordered", "service.imported":
		e.Text = "It permits what its contract needs, until it ends."
	case "letter.read":
		e.Text = "In the outbox of the console, where letters stay while no mail server is set."
	case "permission.assumed":
		e.Text = "The statement has it on in the country of your record, until you switch it off with one click under Permissions. "
	case "permission.ended":
		e.Text = "The statement has it on in some countries without a click, and yours is none of them. "
	case "service.ended":
		e.Text = "What its contract permitted ended with it."
	}
	if purpose == "" {
		return
	}
	if word == "record.found" {
		e.Text = "By the exact value of: " + inSentence(slices.Compact(s.Titles(it.Subject.Fields...))) + ". "
	}
	e.Text += "For “" + loot.LowerFirst(purpose) + "”"
	if r, ok := s.Recipient(it.Subject.Recipient); ok && r.Kind != self {
		e.Text += ", to " + r.Title
	}
	e.Text += "."
}

func eventFacts(s *statement.Statement, it ledger.Item) []web.Fact {
	var facts []web.Fact
	if names := slices.Compact(s.Titles(it.Subject.Fields...)); len(names) > 0 && it.Facts.Action != loot.Export {
		facts = append(facts, web.Fact{Term: "Which", Value: list(names)})
	}
	if p, ok := s.Purpose(it.Facts.Purpose); ok && it.Facts.Action != loot.Export {
		facts = append(facts, web.Fact{Term: "Purpose", Value: p.Title, Note: p.Why})
	}
	var clauses []string
	for _, id := range it.Facts.Clauses {
		clauses = append(clauses, string(id))
	}
	if len(clauses) > 0 {
		facts = append(facts, web.Fact{Term: "Decided by", Value: strings.Join(clauses, ", ")})
	}
	if it.Facts.Statement != "" {
		facts = append(facts, web.Fact{Term: "Statement", Value: "version " + s.Front().Version})
	}
	return append(facts, web.Fact{Term: "Entry", Value: it.ID, Code: true})
}

// proof hands out the receipt of an entry about whoever asks.
func (c *customers) proof(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("entry")
	var receipt []byte
	if err := c.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		receipt, err = c.Ledger.Receipt(r.Context(), tx, loot.Subject(web.ActorOf(r.Context()).ID), collection, id)
		return err
	}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(id)+`.tlog-proof"`)
	_, err := w.Write(receipt)
	return err
}

// fileName keeps what may stand in the name of a file.
func fileName(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, id)
}
