package app

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/api"
	"loot/desk"
	"loot/desk/billing"
	"loot/desk/billing/hook"
	"loot/desk/customers"
	"loot/desk/disclosure"
	"loot/desk/imports"
	"loot/desk/incidents"
	"loot/desk/partners"
	"loot/desk/publication"
	"loot/desk/rights"
	"loot/desk/safety"
	"loot/desk/signin"
	"loot/desk/staff"
	"loot/desk/verification"
	"loot/desk/visits"
	"loot/outbound"
	"loot/store"
)

// Keepers returns the clauses that something in the program carries out: gate
// and vault by themselves, and every desk.
func Keepers() []loot.Clause {
	return slices.Concat(
		[]loot.Clause{"security.levels", "network.purpose", "network.reuse"},
		publication.Keeps, staff.Keeps, customers.Keeps, verification.Keeps, incidents.Keeps, visits.Keeps, billing.Keeps, partners.Keeps, disclosure.Keeps,
		safety.Keeps,
	)
}

// build makes the desks and wires what they need of one another.
func (a *App) build() error {
	var err error
	a.Lapsed = func(ctx context.Context, tx *store.Tx, of string, l desk.Lapse, stayed bool) error {
		return a.rights.Count(ctx, tx, of, l, stayed)
	}
	if a.staff, err = staff.New(a.Kit, staff.Options{Matters: map[string]staff.Matter{
		publication.Kind: {Title: "Publish a statement", Describe: func(_ context.Context, _ *store.Tx, matter []byte) (string, string, error) {
			return publication.Describe(a.Gate, json.RawMessage(matter))
		}},
		partners.Kind: {Title: "Announce a successor", Describe: func(ctx context.Context, tx *store.Tx, matter []byte) (string, string, error) {
			return a.partner.Describe(ctx, tx, matter)
		}},
		kindRotate: {Title: "Rotate keys", By: "the command line of the server", Next: "Whoever called the command calls it again now, and it does what was agreed to.", Describe: a.describeRotation},
	}}); err != nil {
		return err
	}
	company, err := a.Config.company()
	if err != nil {
		return err
	}
	if a.signin, err = signin.New(a.Kit, signin.Options{Company: company, Scopes: a.scopes()}, signin.Accounts{
		Actor:   a.staff.Actor,
		Account: account(a.staff.Invitee),
		Find:    account(a.staff.Find),
		Joined:  a.staff.Joined,
		Empty:   a.staff.Empty,
		First:   a.staff.First,
	}); err != nil {
		return err
	}
	a.staff.Connect(staff.SignIn{
		Invite: a.signin.Invite, Reset: a.signin.Reset, Forget: a.signin.Forget, EndSessions: a.signin.EndSessions,
		Ways: func(ctx context.Context, tx *store.Tx, id string) (string, error) {
			m, err := a.signin.Methods(ctx, tx, id)
			return ways(m), err
		},
	})
	if a.billing, err = billing.New(a.Kit, func(ctx context.Context, tx *store.Tx, reference string) (billing.Order, error) {
		o, err := customers.FindOrder(ctx, tx, reference)
		return billing.Order{Subject: o.Subject, Service: o.Service, Plan: o.Plan, Made: o.Made, Ended: o.Ended, Carrier: o.Carrier}, err
	}, a.staff.Signed); err != nil {
		return err
	}
	a.billing.Sell(a.Config.seller(a.demo || a.scratch))
	a.billing.DrawWith(a.Config.fonts)
	networks, err := a.Config.Outbound.networks()
	if err != nil {
		return err
	}
	a.billing.Tell(hook.NewSender(networks))
	if a.demo { // nobody outside is told of made-up people
		a.billing.Tell(billing.MadeUpMessenger{Sender: hook.NewSender(networks)})
	}
	colleagues := desk.Staff{Name: a.staff.Name, Signed: a.staff.Signed, Everybody: a.staff.Everybody, Member: a.readerOf}
	incident, err := incidents.New(a.Kit, colleagues)
	if err != nil {
		return err
	}
	outside, asked, err := disclosure.New(a.Kit, disclosure.Needs{Staff: colleagues, Letter: a.outsideLetter, ReadMail: readMail})
	if err != nil {
		return err
	}
	a.asked = asked
	verifying, err := a.Config.Verifying.options(a.Now)
	if err != nil {
		return err
	}
	if a.demo { // nobody asks outside about made-up people
		verifying.Mailboxes, verifying.Registers = nil, nil
	}
	if a.checks, err = verification.New(a.Kit, colleagues, a.invoicesOf(), verifying); err != nil {
		return err
	}
	a.billing.Disputed(a.checks.ReportedOn)
	a.billing.Faulty(a.checks.FaultIn)
	recording, err := a.Config.Visiting.options()
	if err != nil {
		return err
	}
	if a.visits, err = visits.New(a.Kit, a.rows, colleagues, recording); err != nil {
		return err
	}
	importing, err := imports.New(a.Kit, a.importing())
	if err != nil {
		return err
	}
	a.coming = publication.Coming(a.Gate)
	customer, records := customers.New(a.Kit, customers.Needs{
		Plans: a.billing.Plans, Services: a.services, EndServices: a.billing.EndAll, Fulfilled: a.billing.Fulfilled, Checks: besides(a.checks), Desks: func() []desk.Desk { return a.Desks },
	})
	a.checks.Leaving(records.Gone)
	if a.rights, err = rights.New(a.Kit, rights.Needs{
		Copy: records.Copy, Entries: records.Entries, Leave: records.Leave, Gone: records.Gone, Desks: func() []desk.Desk { return a.Desks }, Staff: colleagues,
		Client: outbound.NewClient(nil), // not even the operator's own networks: agents are strangers who keep their names themselves
	}); err != nil {
		return err
	}
	if a.partner, err = partners.New(a.Kit, partners.Needs{Staff: colleagues, Services: a.running, Needed: a.staff.Needed, Reach: networks}); err != nil {
		return err
	}
	if a.safety, err = safety.New(a.Kit, a.abuse(colleagues)); err != nil {
		return err
	}
	a.billing.Cases(a.safety.CaseOf)
	a.Desks = []desk.Desk{ // staff first: the demonstrations of the others need somebody who acts
		a.signin.Desk(),
		a.staff.Desk(),
		customer,
		a.billing.Desk(),
		a.checks.Desk(),
		a.rights.Desk(),
		importing.Desk(),
		a.partner.Desk(),
		incident,
		outside,
		a.safety.Desk(),
		a.visits.Desk(),
		publication.New(a.Kit, publication.Others{Needed: a.staff.Needed, Solo: a.staff.Solo, Name: a.staff.Name, Canary: a.Config.canary}, Keepers),
	}
	return nil
}

// invoicesOf tells the desk that puts mistakes right about the invoices on which
// they stand.
func (a *App) invoicesOf() verification.Invoices {
	return verification.Invoices{
		Concerned: func(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field, since time.Time, named string) (out []verification.Invoice, more int, err error) {
			list, more, err := a.billing.Concerned(ctx, tx, s, f, since, named)
			for _, i := range list {
				out = append(out, verification.Invoice{Number: i.Number, Words: i.Words()})
			}
			return out, more, err
		},
		Services: billing.Services,
		Lines: func(ctx context.Context, me loot.Actor, number string) (out []verification.Line, err error) {
			lines, err := a.billing.Lines(ctx, me, number)
			for _, l := range lines {
				out = append(out, verification.Line(l))
			}
			return out, err
		},
		WriteAgain: func(ctx context.Context, again verification.Again, decide func(*store.Tx) error) error {
			return a.billing.WriteAgain(ctx, billing.Again(again), decide)
		},
		Written: func(ctx context.Context, tx *store.Tx, reference string) (out []verification.Written, err error) {
			list, err := a.billing.Credits(ctx, tx, reference)
			for _, c := range list {
				out = append(out, verification.Written{Original: c.Original, Credit: c.Credit, Corrected: c.Corrected})
			}
			return out, err
		},
	}
}

// besides shows the portal what stands beside each detail that is checked.
func besides(v *verification.Verification) func(context.Context, *store.Tx, loot.Subject) (map[loot.Field]customers.Check, error) {
	return func(ctx context.Context, tx *store.Tx, s loot.Subject) (map[loot.Field]customers.Check, error) {
		shown, err := v.Beside(ctx, tx, s)
		out := make(map[loot.Field]customers.Check, len(shown))
		for f, one := range shown {
			out[f] = customers.Check(one)
		}
		return out, err
	}
}

// readerOf shows desks a member of staff whom they write to.
func (a *App) readerOf(ctx context.Context, tx *store.Tx, id string) (loot.Actor, string, error) {
	who, err := a.staff.Actor(ctx, tx, id)
	if err != nil || who.ID == "" {
		return loot.Actor{}, "", err
	}
	m, _, err := a.staff.Member(ctx, tx, id)
	return who, m.Email, err
}

// ways says in words how somebody can sign in.
func ways(m signin.Methods) string {
	var out []string
	if m.Passkeys > 0 {
		out = append(out, "passkey")
	}
	if m.Password {
		out = append(out, "password and code")
	}
	if m.Company {
		out = append(out, "company account")
	}
	return strings.Join(out, ", ")
}

// scopes are what tokens of the API can be for.
func (a *App) scopes() map[api.Scope]string {
	all := maps.Clone(customers.Scopes)
	maps.Copy(all, visits.Scopes)
	maps.Copy(all, imports.Scopes)
	maps.Copy(all, billing.Scopes)
	maps.Copy(all, partners.Scopes)
	maps.Copy(all, safety.Scopes)
	return all
}

func (a *App) services(ctx context.Context, tx *store.Tx, s loot.Subject) ([]customers.Service, error) {
	list, err := a.billing.Services(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	out := make([]customers.Service, len(list))
	for i, v := range list {
		out[i] = customers.Service{Reference: v.Reference, Service: v.Service, Title: v.Title, Plan: v.Plan, Since: v.Since, Ended: v.Ended}
	}
	return out, nil
}

// running returns the ids of the services of somebody that run.
func (a *App) running(ctx context.Context, tx *store.Tx, s loot.Subject) (out []string, err error) {
	list, err := a.billing.Services(ctx, tx, s)
	for _, v := range list {
		if v.Ended.IsZero() {
			out = append(out, v.Service)
		}
	}
	return out, err
}

// account shows signing in what it may know of a member of staff.
func account(find func(context.Context, *store.Tx, string) (staff.Member, bool, error)) func(context.Context, *store.Tx, string) (signin.Account, bool, error) {
	return func(ctx context.Context, tx *store.Tx, key string) (signin.Account, bool, error) {
		m, ok, err := find(ctx, tx, key)
		return signin.Account{Actor: m.Actor(), Email: m.Email, Joined: m.Joined()}, ok, err
	}
}

// company returns the sign-on of the operator's company; nil: none is set.
func (c Config) company() (*signin.Company, error) {
	if c.Company == "" {
		return nil, nil
	}
	secret, err := secretFile(c.ClientFile, "the client's secret (--oidc-client-secret-file)")
	if err != nil {
		return nil, err
	}
	return &signin.Company{Name: "company account", Issuer: c.Company, ClientID: c.ClientID, ClientSecret: secret}, nil
}

// FirstAdministrator returns the one-time link that makes the first
// administrator, and nothing once there is an account.
func (a *App) FirstAdministrator(ctx context.Context) (string, error) {
	return a.signin.FirstAdminLink(ctx)
}
