package billing

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var (
	addressesPage = web.NewPage[addressesView](pageFiles, "pages/addresses.html")
	whoHadPage    = web.NewPage[whoHadView](pageFiles, "pages/who_had.html")
)

// lookers are who may look for whose address it was, if the statement lets them.
var lookers = []loot.Role{"abuse"}

// addressRow is an address as pages show it.
type addressRow struct {
	ID     string
	Shown  string // empty: it was not opened
	Masked bool
	Since  time.Time
	Until  time.Time
	Take   *web.Action // takes it back
}

func addressRows(all []Assigned) (out []addressRow) {
	for _, a := range all {
		//nolint:forbidigo // on the page of whom it was decided for, masked as the level says
		out = append(out, addressRow{ID: a.ID, Shown: a.Address.Reveal(), Masked: a.Masked, Since: a.Since, Until: a.Until})
	}
	return out
}

// looksAtAddresses tells when others opened, looked for or tried to open somebody's addresses.
func looksAtAddresses(s *statement.Statement, items []ledger.Item) []web.Day {
	var events []web.Event
	for _, item := range items {
		found := item.Facts.Note == "record.found"
		if !slices.Contains(item.Subject.Fields, addressOn) || !found && item.Facts.Action != loot.Use {
			continue
		}
		e := lookAt(s, item, "Addresses of your services were opened", "Somebody tried to open addresses of your services, and was refused")
		if found {
			e.Icon, e.Title = "search", "An address was looked up, and one of your services had it"
		}
		if p, ok := s.Purpose(item.Facts.Purpose); ok {
			e.Text = p.Title
		}
		events = append(events, e)
	}
	return web.Days(events)
}

type addressesView struct {
	web.View
	Rows    []addressRow
	Opened  bool
	Open    web.Fields
	Shut    *web.Problems // why they are not opened
	Assign  web.Fields
	Wrong   *web.Problems
	Refusal *web.Refusal
	Href    string
	Empty   web.Empty
}

func assignFields() web.Fields {
	return web.Fields{
		{Name: "address", Label: "Address, prefix or domain name", MaxLen: mostName + 1, Required: true, Plain: true, Hint: "Such as 192.0.2.7, 192.0.2.0/28, 2001:db8:1::/56 or www.example.org."},
		{Name: "from", Label: "From", MaxLen: 40, Hint: "Such as 2026-02-28T14:30:00Z. Empty: now."},
		{Name: "to", Label: "Until", MaxLen: 40, Hint: "Empty: until it is taken back."},
	}
}

// openingFields ask why addresses are opened: for a purpose that the statement gives
// them and a role of whoever asks has.
func openingFields(s *statement.Statement, who loot.Actor) web.Fields {
	var options []web.Option
	d, _ := s.Field(addressOn)
	for _, r := range who.Roles {
		role, _ := s.Role(r)
		for _, id := range role.Purposes {
			p, ok := s.Purpose(id)
			if _, needed := d.Needed[id]; ok && needed && !slices.ContainsFunc(options, func(o web.Option) bool { return o.Value == string(id) }) {
				options = append(options, web.Option{Value: string(id), Label: p.Title})
			}
		}
	}
	if len(options) == 0 {
		return nil
	}
	return web.Fields{
		{Name: "purpose", Type: "select", Label: "Purpose", Options: options, Value: options[0].Value, Required: true, Plain: true},
		{Name: "case", Label: "Case", MaxLen: 64, Hint: "If there is one."},
		{Name: "reason", Label: "Reason", MaxLen: 200, Required: true, Plain: true, Hint: "Such as a ticket's number. It goes on the ledger under your name."},
		{Name: "reveal", Type: "checkbox", Label: "Uncover them", Plain: true},
	}
}

// addresses shows when a service had addresses, and opens none.
func (b *Billing) addresses(w http.ResponseWriter, r *http.Request) error {
	return b.listAddresses(w, r, http.StatusOK, addressesView{})
}

func (b *Billing) listAddresses(w http.ResponseWriter, r *http.Request, status int, v addressesView) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	var one Service
	var all []Assignment
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		if one, err = b.findService(r.Context(), tx, r.PathValue("reference")); err != nil {
			return err
		}
		all, err = readAssignments(r.Context(), tx, `WHERE a.service = $1 ORDER BY a.since DESC, a.id LIMIT 500`, one.Reference)
		return err
	}); err != nil {
		return err
	}
	v.View = web.ViewOf(r, "Addresses")
	v.Lead = "What “" + one.Title + "” had, from when until when. Opening them needs a purpose, and the customer sees that they were opened."
	v.Href = servicePath(one.Reference) + "/addresses"
	v.Crumbs = []web.Crumb{{Label: "Services", Href: "/console/billing"}, {Label: one.Title, Href: servicePath(one.Reference)}}
	v.Empty = web.Empty{Icon: "network", Title: "No address", Text: "What is assigned appears here."}
	if !v.Opened {
		for _, a := range all {
			v.Rows = append(v.Rows, addressRow{ID: a.ID, Since: a.Since, Until: a.Until})
		}
	}
	for i, row := range v.Rows {
		if row.Until.IsZero() {
			v.Rows[i].Take = &web.Action{
				Label: "Take back", Icon: "undo-2", Small: true, Post: true, Href: "/console/billing/addresses/" + url.PathEscape(row.ID) + "/release",
				Confirm: "Take this address back now? Another service can have it then.",
			}
		}
	}
	if v.Open == nil {
		v.Open = openingFields(s, web.ActorOf(r.Context()))
	}
	if v.Assign == nil {
		v.Assign = assignFields()
	}
	return addressesPage.Render(w, r, status, v)
}

// parseLease reads what was typed or sent about an address that is to be assigned.
func (b *Billing) parseLease(service, address, from, to string) (lease, error) {
	l := lease{Service: service, From: b.Now()}
	wrong := map[string]string{}
	var err error
	if l.Prefix, err = parsePrefix(address); err != nil {
		if name := desk.Hostname(address); strings.Contains(name, ".") {
			l.Name = name
		} else {
			wrong["address"] = loot.Message(err)
		}
	}
	for _, one := range []struct {
		name, text string
		to         *time.Time
	}{{"from", from, &l.From}, {"to", to, &l.To}} {
		if one.text == "" {
			continue
		}
		if *one.to, err = parseMoment(one.text, b.seller.place()); err != nil {
			wrong[one.name] = loot.Message(err)
		}
	}
	return l, web.Invalid("", wrong)
}

// assignAddress gives a service an address.
func (b *Billing) assignAddress(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := assignFields()
	err = form.Check(typed)
	if err == nil {
		var l lease
		if l, err = b.parseLease(r.PathValue("reference"), typed.Get("address"), typed.Get("from"), typed.Get("to")); err == nil {
			_, err = b.assign(r.Context(), web.ActorOf(r.Context()), l)
		}
	}
	if loot.KindOf(err) == loot.Conflict {
		err = wrongIn("address", loot.Message(err))
	}
	if web.Wrong(err) != nil {
		form = form.With(typed, err)
		return b.listAddresses(w, r, http.StatusUnprocessableEntity, addressesView{Assign: form, Wrong: web.ProblemsOf(err, form)})
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Assigned. The customer sees it.")
	return web.Redirect(w, r, servicePath(r.PathValue("reference"))+"/addresses")
}

// showAddresses opens the addresses of a service for a member of staff, who says why.
func (b *Billing) showAddresses(w http.ResponseWriter, r *http.Request) error {
	s, err := b.inForce()
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	me := web.ActorOf(r.Context())
	form := openingFields(s, me)
	if err := form.Check(typed); web.Wrong(err) != nil {
		form = form.With(typed, err)
		return b.listAddresses(w, r, http.StatusUnprocessableEntity, addressesView{Open: form, Shut: web.ProblemsOf(err, form)})
	} else if err != nil {
		return err
	}
	v := addressesView{Opened: true, Open: form.With(typed, nil)}
	all, err := b.openFor(r.Context(), r.PathValue("reference"), gate.Request{
		Action: loot.Use, Actor: me, Purpose: loot.Purpose(typed.Get("purpose")), Case: typed.Get("case"), Reason: typed.Get("reason"), Unmask: typed.Get("reveal") != "",
	})
	if refusal, refused := web.RefusalOf(err); refused {
		v.Opened, v.Refusal = false, &refusal
		return b.listAddresses(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	v.Rows = addressRows(all)
	return b.listAddresses(w, r, http.StatusOK, v)
}

// openFor opens the addresses of a service for whoever a request names.
func (b *Billing) openFor(ctx context.Context, reference string, req gate.Request) (out []Assigned, err error) {
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		one, err := b.findService(ctx, tx, reference)
		if err != nil {
			return err
		}
		req.Subject = one.Subject
		out, err = b.openAddresses(ctx, tx, req, reference)
		return err
	})
	return out, err
}

// releaseAddress takes an address back.
func (b *Billing) releaseAddress(w http.ResponseWriter, r *http.Request) error {
	var a Assignment
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
		a, err = b.release(r.Context(), tx, web.ActorOf(r.Context()), r.PathValue("id"), b.Now())
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "The address was taken back.")
	return web.Redirect(w, r, servicePath(a.Service)+"/addresses")
}

type whoHadView struct {
	web.View
	Form    web.Fields
	Wrong   *web.Problems
	Refusal *web.Refusal
	Looked  bool
	Facts   []web.Fact
}

func whoHadFields() web.Fields {
	return web.Fields{
		{Name: "address", Label: "Address", MaxLen: 50, Required: true, Plain: true, Hint: "One address, such as 192.0.2.7 or 2001:db8::7."},
		{Name: "at", Label: "When", MaxLen: 40, Required: true, Plain: true, Hint: "Such as 2026-02-28T14:30:00Z: with its zone, as logs differ."},
		{Name: "reason", Label: "Reason", MaxLen: 200, Required: true, Plain: true, Hint: "Such as the number of the report. It goes on the ledger under your name."},
	}
}

// whoHad asks for an address and a time.
func (b *Billing) whoHad(w http.ResponseWriter, r *http.Request) error {
	return showWhoHad(w, r, http.StatusOK, whoHadView{Form: whoHadFields()})
}

func showWhoHad(w http.ResponseWriter, r *http.Request, status int, v whoHadView) error {
	v.View = web.ViewOf(r, "Who had an address")
	v.Lead = "For a report of misuse. The search is on the ledger, whether it finds somebody or not, and whoever is found sees it."
	return whoHadPage.Render(w, r, status, v)
}

// forSafety is the purpose for which the abuse desk looks for who had an address.
const forSafety loot.Purpose = "safety"

// parseLook reads which address was typed or sent, and for when its holder is looked for.
func (b *Billing) parseLook(address, when string) (netip.Addr, time.Time, error) {
	wrong := map[string]string{}
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		wrong["address"] = "This is not one address. They look like 192.0.2.7 and 2001:db8::7."
	}
	at, err := parseMoment(when, b.seller.place())
	if err != nil {
		wrong["at"] = loot.Message(err)
	}
	return a, at, web.Invalid("", wrong)
}

// lookWhoHad looks for who had an address at a time.
func (b *Billing) lookWhoHad(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := whoHadFields()
	err = form.Check(typed)
	var addr netip.Addr
	var at time.Time
	if err == nil {
		addr, at, err = b.parseLook(typed.Get("address"), typed.Get("at"))
	}
	v := whoHadView{Form: form.With(typed, err), Looked: true}
	if web.Wrong(err) != nil {
		v.Looked, v.Wrong = false, web.ProblemsOf(err, v.Form)
		return showWhoHad(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	var found Assignment
	var ok bool
	err = b.Gate.InTx(r.Context(), func(tx *store.Tx) (err error) {
		found, ok, err = b.WhoHad(r.Context(), tx, web.ActorOf(r.Context()), forSafety, typed.Get("reason"), addr, at)
		return err
	})
	if refusal, refused := web.RefusalOf(err); refused {
		v.Looked, v.Refusal = false, &refusal
		return showWhoHad(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	if ok {
		v.Facts = []web.Fact{
			{Term: "Service", Value: found.Service, Code: true, Action: &web.Action{Label: "Service", Icon: "server", Small: true, Href: servicePath(found.Service)}},
			{Term: "Customer", Value: string(found.Subject), Code: true, Action: &web.Action{Label: "Customer", Icon: "user", Small: true, Href: desk.CustomerPath(found.Subject)}},
			{Term: "From", Value: found.Since.UTC().Format("2 January 2006, 15:04 MST")},
		}
		until := "still has it"
		if !found.Until.IsZero() {
			until = found.Until.UTC().Format("2 January 2006, 15:04 MST")
		}
		v.Facts = append(v.Facts, web.Fact{Term: "Until", Value: until})
	}
	return showWhoHad(w, r, http.StatusOK, v)
}
