package disclosure

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/billing/invoice"
	"loot/desk/customers"
	"loot/desk/desktest"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

var ok, text, shows = desktest.OK, desktest.Text, desktest.Shows

func TestPages(t *testing.T) { webtest.CheckPages(t) }

// A house is this desk with those for customers and billing, whose portal people see.
type house struct {
	*desktest.House
	*webtest.Site
	desk *disclosure
	ages map[string]string // kind of authority to the key in the register
	told chan string       // uses of which somebody is told
}

func onEach(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel() // most of the time is spent waiting for jobs
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) { f(t, newHouse(t, db)) })
}

// onOne is for what no database has a part in.
func onOne(t *testing.T) *house {
	t.Helper()
	t.Parallel()
	return newHouse(t, desktest.One(t))
}

func newHouse(t testing.TB, db *store.DB) *house {
	t.Helper()
	h := &house{House: desktest.New(t, db, desktest.Base), ages: map[string]string{}, told: make(chan string, 100)}
	h.Kit.Gate.Fact("staff.undertaking", func(_ context.Context, _ *store.Tx, r gate.Request, in *statement.Input) error {
		if r.Actor.Kind == loot.Staff {
			in.Actor.Undertaking = desktest.Start.Add(-time.Hour)
		}
		return nil
	})
	h.Kit.Jobs.Listen("notify.subject", "test", func(_ context.Context, id string) error { h.told <- id; return nil })
	bill, err := billing.New(h.Kit, func(ctx context.Context, tx *store.Tx, id string) (billing.Order, error) {
		o, err := customers.FindOrder(ctx, tx, id)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, func(context.Context, *store.Tx, string) (time.Time, error) { return desktest.Start, nil })
	ok(t, err)
	bill.Sell(billing.MadeUpSeller)
	var desks []desk.Desk
	people, _ := customers.New(h.Kit, customers.Needs{
		Plans: bill.Plans, EndServices: bill.EndAll, Desks: func() []desk.Desk { return desks },
		Services: func(ctx context.Context, tx *store.Tx, s loot.Subject) (out []customers.Service, err error) {
			list, err := bill.Services(ctx, tx, s)
			for _, one := range list {
				out = append(out, customers.Service{Reference: one.Reference, Service: one.Service, Title: one.Title, Plan: one.Plan, Since: one.Since, Ended: one.Ended})
			}
			return out, err
		},
	})
	h.desk, err = build(h.Kit, Needs{
		ReadMail: func(content []byte) (Mail, error) {
			head, body, _ := strings.Cut(string(content), "\n\n")
			subject, id, _ := strings.Cut(head, "\nid ")
			id, _, _ = strings.Cut(id, "\n") // what follows is of the way
			return Mail{ID: id, From: "desk@police.example", Subject: subject, Text: body, Files: []MailFile{{Name: "order.pdf", Type: "application/pdf", Size: 9, SHA256: "ab12"}}}, nil
		},
		Letter: func(l Letter) ([]byte, error) {
			return bill.Letter(invoice.Letter{From: "Example Network", To: l.To, Made: l.Made, Language: "en", Title: l.Title, Paragraphs: l.Paragraphs, Rows: l.Rows, Watermark: l.Watermark, Data: l.Data})
		},
		Staff: desk.Staff{
			Name: func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil },
			Signed: func(_ context.Context, _ *store.Tx, id string) (at time.Time, err error) {
				if !strings.HasSuffix(id, "-unsigned") {
					at = desktest.Start
				}
				return at, nil
			},
			Everybody: func(context.Context, *store.Tx) ([]loot.Actor, error) {
				return []loot.Actor{staff("t-counsel"), staff("t-support"), staff("t-counsel-unsigned")}, nil
			},
			Member: func(_ context.Context, _ *store.Tx, id string) (loot.Actor, string, error) {
				return staff(id), id + "@staff.example", nil
			},
		},
	})
	ok(t, err)
	desks = []desk.Desk{people, bill.Desk(), h.desk.desk()}
	var routes [][]web.Route
	for _, d := range desks {
		routes = append(routes, d.Routes)
	}
	h.Open(desktest.Standard(t), desks...)
	h.Site = webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true, Identify: func(*http.Request) (web.Identity, error) {
		return web.Identity{Actor: h.Actor, Name: "Test", At: h.Clock.Now()}, nil
	}}, routes...)
	return h
}

// staff is a colleague whose id says the role: "t-counsel", "t-dpo-2".
func staff(id string) loot.Actor {
	role := strings.Split(strings.TrimPrefix(id, "t-"), "-")[0]
	return loot.Actor{Kind: loot.Staff, ID: id, Name: "Name of " + id, Roles: []loot.Role{loot.Role(role)}}
}

func (h *house) as(id string) { h.Actor = staff(id) }

var sentName = regexp.MustCompile(`name="sent" value="([^"]+)"`)

// person orders shared hosting as a visitor does.
func (h *house) person(email string) loot.Subject {
	h.Helper()
	was, before := h.Actor, h.everybody()
	defer func() { h.Actor = was }()
	h.Actor = loot.Actor{}
	m := sentName.FindStringSubmatch(h.Get("/order/shared-hosting").Body)
	a := h.Post("/order/shared-hosting", "company.name", "Example Meadow Ltd", "address.street", "1 Sample Quay", "address.city", "Exampleton", "address.country", "IE",
		"contact.email", email, "contact.phone", "+353 1 555 0100", "plan", "shared-small", "sent", m[1])
	if a.Status != http.StatusSeeOther {
		h.Fatalf("register: %d\n%s", a.Status, text(a.Body))
	}
	h.Confirm()
	for s := range h.everybody() {
		if !before[s] {
			return s
		}
	}
	h.Fatal("nobody was registered")
	return ""
}

func (h *house) everybody() map[loot.Subject]bool {
	h.Helper()
	out := map[loot.Subject]bool{}
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		rows, err := h.Kit.Vault.List(ctx, tx, collection, "", 1000)
		for _, r := range rows {
			out[r.Subject] = !r.Erased()
		}
		return err
	})
	return out
}

// multi is the body of a form with files, of which those that begin with @ are.
func multi(pairs ...string) (body, contentType string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, isFile := strings.CutPrefix(pairs[i], "@"); isFile {
			w, _ := m.CreateFormFile(name, "a.pdf")
			fmt.Fprint(w, pairs[i+1])
			continue
		}
		w, _ := m.CreateFormField(pairs[i])
		fmt.Fprint(w, pairs[i+1])
	}
	m.Close()
	return b.String(), m.FormDataContentType()
}

func (h *house) upload(path string, pairs ...string) webtest.Answer {
	h.Helper()
	body, kind := multi(pairs...)
	return h.Do(http.MethodPost, path, body, http.Header{"Content-Type": {kind}})
}

const scan = "%PDF-1.7 made up"

// authority returns one of the register, whose contact is verified.
func (h *house) authority(recipient string) string {
	h.Helper()
	was := h.Actor
	defer func() { h.Actor = was }()
	h.as("t-dpo")
	title := "Example " + recipient
	if id := h.registered(title); id != "" {
		return id
	}
	h.leads(h.Post(home+"/register", "title", title, "recipient", recipient, "country", "IE", "contact", "2 Sample Square\n+353 1 555 0199", "age", h.ages[recipient]))
	id := h.registered(title)
	h.as("t-counsel-2")
	h.leads(h.Post(home + "/register/" + id + "/verified"))
	return id
}

// registered returns the id of an authority of the register; empty: there is none.
func (h *house) registered(title string) (id string) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		list, err := h.desk.authorities(ctx, tx)
		for _, a := range list {
			if a.Title == title {
				id = a.ID
			}
		}
		return err
	})
	return id
}

// leads fails unless a form was taken.
func (h *house) leads(a webtest.Answer) {
	h.Helper()
	if a.Status != http.StatusSeeOther {
		h.Fatalf("status %d: %s", a.Status, text(a.Body))
	}
}

// inDays is a day as a form has it.
func (h *house) inDays(n int) string { return h.Clock.Now().AddDate(0, 0, n).Format(time.DateOnly) }

// enter enters a request and returns its id; pairs are put before what it has anyway.
func (h *house) enter(recipient, basis string, pairs ...string) string {
	h.Helper()
	who := h.authority(recipient)
	all := []string{"authority", who, "basis", basis, "asked", "Who has the address 192.0.2.7?"}
	for _, one := range [][2]string{{"kind", answering}, {"due", h.inDays(10)}, {"scope", "contact"}} {
		if !slices.Contains(pairs, one[0]) {
			all = append(all, one[0], one[1])
		}
	}
	a := h.upload(home+"/new", append(pairs, all...)...)
	h.leads(a)
	return strings.TrimPrefix(a.Header.Get("Location"), home+"/")
}

// request returns a request as it is.
func (h *house) request(id string) (r request) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
		r, err = findRequest(ctx, tx, id, "")
		return err
	})
	return r
}

// notes counts the entries of the ledger with a note, but for those that are secret.
func (h *house) notes(note string) (n int) {
	h.Helper()
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		n = 0
		for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Clock.Now().Add(time.Hour)) {
			if err != nil {
				return err
			}
			if row.Facts.Note == note {
				n++
			}
		}
		return nil
	})
	return n
}

// do does a step of a request, as it stands.
func (h *house) do(id, step string, pairs ...string) webtest.Answer {
	h.Helper()
	pairs = append(pairs, "version", fmt.Sprint(h.request(id).Version))
	if slices.ContainsFunc(pairs, func(p string) bool { return strings.HasPrefix(p, "@") }) {
		return h.upload(home+"/"+id+"/"+step, pairs...)
	}
	return h.Post(home+"/"+id+"/"+step, pairs...)
}

// lawful is an assessment in which every answer is yes.
func lawful(scope ...string) []string {
	var out []string
	for _, q := range questionsOf(basis{}) {
		out = append(out, q.id, yes, q.id+"-why", "Looked at for the test.")
	}
	for _, s := range scope {
		out = append(out, "covered", s)
	}
	return out
}

// vote has a colleague answer what a request asked the others.
func (h *house) vote(id, who string, yes bool) error {
	h.Helper()
	approval := h.request(id).Approval
	return h.Kit.Gate.InTx(h.Context(), func(tx *store.Tx) error {
		_, err := h.Kit.Gate.Vote(h.Context(), tx, approval, gate.Voter{Actor: staff(who), Since: h.Clock.Now().AddDate(-1, 0, 0)}, yes)
		return err
	})
}

// agreed takes a request, which is entered, to where it can be answered.
func (h *house) agreed(id string, s loot.Subject, voters ...string) {
	h.Helper()
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	h.leads(h.do(id, "assess", lawful("contact")...))
	h.leads(h.do(id, "ask", "field", "contact.email", "extent", whole))
	for _, who := range voters {
		ok(h, h.vote(id, who, true))
	}
}

// after lets time pass and has done what is done every hour and every day.
func (h *house) after(d time.Duration) {
	h.Helper()
	h.Clock.Advance(d)
	h.Drain()
	ok(h, h.desk.sweep(h.Context(), sweepArgs{}))
	ok(h, h.desk.remove(h.Context(), removeArgs{}))
	h.Drain()
}
