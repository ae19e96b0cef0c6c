package app

import (
	"embed"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	overviewPage = web.NewPage[overviewView](pageFiles, "pages/overview.html")
	outboxPage   = web.NewPage[outboxView](pageFiles, "pages/outbox.html")
	letterPage   = web.NewPage[letterView](pageFiles, "pages/letter.html")
)

type overviewView struct {
	web.View
	Stats    []web.Stat
	Queues   []queueView
	Ready    *web.Alert
	Unsigned *web.Alert
}

// A queueView is a work queue with how much waits in it.
type queueView struct {
	web.NavItem
	Waits bool
}

type outboxView struct {
	web.View
	Items []mail.Item
	Pager web.Pager
}

type letterView struct {
	web.View
	Item  mail.Item
	Frame *web.Frame
}

// overview is where staff begin: what waits, and whether all is well.
func (a *App) overview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	data := overviewView{View: web.ViewOf(r, "Overview")}
	data.View.Lead = "What waits for somebody, and whether all is well."
	for _, g := range data.View.Nav {
		for _, item := range g.Items {
			if item.Count != "" {
				data.Queues = append(data.Queues, queueView{item, true})
			}
		}
	}
	var people int
	var signed time.Time
	if err := a.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if signed, err = a.staff.Signed(ctx, tx, web.ActorOf(ctx).ID); err != nil {
			return err
		}
		people, err = a.Vault.Count(ctx, tx, "customer")
		return err
	}); err != nil {
		return err
	}
	data.Stats = []web.Stat{
		{Label: "Customers", Value: web.Number(people), Icon: "users", Href: "/console/customers"},
		{Label: "Entries in the ledger", Value: web.Number(int(a.Ledger.Entries())), Icon: "book-lock", Href: "/console/ledger"},
	}
	if v, ok := a.Gate.InForce(); ok {
		data.Stats = append(data.Stats, web.Stat{Label: "Statement in force", Value: v.Statement.Front().Version, Icon: "scroll-text", Href: "/console/statement", Note: "since " + v.Effective.Format("2 Jan 2006")})
	}
	if signed.IsZero() {
		data.Unsigned = &web.Alert{
			Tone: web.Info, Title: "No record opens for you yet, and no letter to a customer.", Text: "Everybody here first signs the confidentiality undertaking.",
			Actions: []web.Action{web.SignUndertaking},
		}
	}
	if err := a.Ledger.Ready(); err != nil {
		data.Ready = &web.Alert{Tone: web.Bad, Title: "The ledger takes no entries.", Text: "Nothing about a customer can be used until it does. " + loot.Message(err)}
	}
	return overviewPage.Render(w, r, http.StatusOK, data)
}

const outboxPageSize = 50

func (a *App) listOutbox(w http.ResponseWriter, r *http.Request) error {
	if a.outbox == nil {
		return loot.Errorf(loot.NotFound, "Mail is sent by a mail server, so there is no outbox.")
	}
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	data := outboxView{View: web.ViewOf(r, "Outbox")}
	data.View.Lead = "No mail server is set, so messages stay here and go to nobody. This list names no customer. Whoever opens a letter may follow its links; that is on the ledger, and the customer sees it. After 30 days a letter is forgotten."
	if data.Items, err = a.outbox.List(r.Context(), q.Get("after"), outboxPageSize); err != nil {
		return err
	}
	if len(data.Items) == outboxPageSize {
		data.Pager.Next = web.After(r.URL, data.Items[len(data.Items)-1].ID)
	}
	if q.Get("after") != "" {
		data.Pager.Prev = web.After(r.URL, "")
	}
	return outboxPage.Render(w, r, http.StatusOK, data)
}

// letter opens a message for whoever asks. A letter to a customer shows what an
// opened record does, and more, so the undertaking comes first, and it is not shown
// unless that is on the ledger.
func (a *App) letter(r *http.Request) (mail.Item, error) {
	if a.outbox == nil {
		return mail.Item{}, loot.Errorf(loot.NotFound, "Mail is sent by a mail server, so there is no outbox.")
	}
	ctx := r.Context()
	item, err := a.outbox.Show(ctx, r.PathValue("id"))
	if err != nil {
		return mail.Item{}, err
	}
	return item, a.Gate.InTx(ctx, func(tx *store.Tx) error {
		return a.Gate.LetterRead(ctx, tx, web.ActorOf(ctx), item.ID, item.About, item.Collection)
	})
}

func (a *App) showMail(w http.ResponseWriter, r *http.Request) error {
	item, err := a.letter(r)
	if err != nil {
		return err
	}
	data := letterView{View: web.ViewOf(r, item.Subject), Item: item}
	data.View.Crumbs = []web.Crumb{{Label: "Outbox", Href: "/console/outbox"}}
	if item.HTML != "" {
		data.Frame = &web.Frame{
			Title: item.Subject, Src: r.URL.Path + "/html",
			Wide: letterHeight(item.Text, 58), Narrow: letterHeight(item.Text, 34),
		}
	}
	web.Policy{Frames: true}.Set(w)
	return letterPage.Render(w, r, http.StatusOK, data)
}

// letterHeight guesses from a letter's text how many pixels tall its HTML is
// where so many characters stand on a line. It is rather too tall than too
// short; what it misses is reached by scrolling the frame.
func letterHeight(text string, perLine int) int {
	const margins, row, gap = 170, 25, 8 // in pixels, as the layout of letters has them
	height := margins
	for line := range strings.Lines(text) {
		height += gap + row*((utf8.RuneCountInString(line)-1)/perLine)
		if line != "\n" {
			height += row - gap
		}
	}
	return height
}

func (a *App) showMailHTML(w http.ResponseWriter, r *http.Request) error {
	item, err := a.letter(r)
	if err != nil {
		return err
	}
	return web.WriteUntrusted(w, item.HTML)
}
