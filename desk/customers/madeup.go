package customers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// madeUp returns an answer to a field that nobody could take for a real one.
func madeUp(d statement.FieldDecl) string {
	switch d.Type {
	case "email":
		return loot.NewID("p") + "@example.com"
	case "tel":
		return "+353 1 555 0142" // not the example of a hint, which anybody may read
	case "vat":
		return "IE1234567T"
	case "iban":
		return madeUpIBAN
	case "country":
		return "IE"
	case "language":
		return "en"
	case "lines":
		return "1 Sample Street"
	}
	return loot.Cut("Made-up "+strings.ToLower(d.Title), limit(d))
}

// madeUpIBAN is of a bank that does not exist.
const madeUpIBAN = "IE25MADE00000000000000"

// filled returns the form of a service, filled in with made-up answers: those
// it cannot do without, and the optional ones too if all is set.
func (f *orderForm) filled(all bool) url.Values {
	values := url.Values{"sent": {loot.NewID("f")}}
	for _, q := range f.questions() {
		if q.Required || all {
			values.Set(q.Name, madeUp(q.Decl))
			if q.Decl.Type == "country" {
				values.Set(q.Name, f.nothingAssumed())
			}
		}
	}
	return values
}

// nothingAssumed is where whoever is made up lives: in a country in which no
// permission is on without a click.
func (f *orderForm) nothingAssumed() string {
	somewhere := append([]statement.Country{{Code: "IE"}, {Code: "DE"}, {Code: "FR"}}, statement.Countries()...)
	for _, c := range somewhere {
		if !slices.ContainsFunc(f.offered, func(o statement.Offer) bool { return o.AssumedIn(c.Code) }) {
			return c.Code
		}
	}
	return somewhere[0].Code
}

// NewPerson registers a made-up customer who orders the first service of the
// statement in force, on the page that every customer uses.
func NewPerson(ctx context.Context, w *desk.World) (loot.Subject, error) {
	s, err := w.Statement()
	if err != nil {
		return "", fmt.Errorf("customers: %w", err)
	}
	services := s.Services()
	if len(services) == 0 {
		return "", fmt.Errorf("customers: the statement declares no service")
	}
	form := draw(s, services[0], nil, nil)
	return registerBy(ctx, w, s, services[0].ID, form.filled(true))
}

// registerBy sends the form of a service and returns who that made a customer.
func registerBy(ctx context.Context, w *desk.World, s *statement.Statement, service string, form url.Values) (loot.Subject, error) {
	if !form.Has("plan") {
		plan, err := firstPlan(ctx, w, service)
		if err != nil {
			return "", err
		}
		if plan != "" {
			form.Set("plan", plan)
		}
	}
	a, err := desk.Browser{World: w}.Post(ctx, "/order/"+url.PathEscape(service), form)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("ordering %s was answered with %d instead of being taken", service, a.Status)
	}
	field := addressField(s)
	var found []loot.Subject
	err = w.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Find, Actor: loot.Actor{Kind: loot.Desk, ID: name}, Desk: name, Purpose: forService, Collection: collection, Fields: []loot.Field{field},
		})
		if err != nil {
			return err
		}
		found, err = w.Vault.Find(ctx, tx, p, field, form.Get(string(field)))
		return err
	})
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the order of %s was taken, and %d customers have its address instead of one", service, len(found))
	}
	return found[0], nil
}

// firstPlan returns the plan that the form of a service offers first, if any.
func firstPlan(ctx context.Context, w *desk.World, service string) (string, error) {
	a, err := desk.Browser{World: w}.Get(ctx, "/order/"+url.PathEscape(service))
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(a.Body.String(), `name="plan" value="`)
	if !found {
		return "", nil
	}
	plan, _, _ := strings.Cut(rest, `"`)
	return plan, nil
}

// valueOf returns what a person gave for a field, opened as the person.
func valueOf(ctx context.Context, w *desk.World, s *statement.Statement, subject loot.Subject, f loot.Field) (string, error) {
	var value string
	err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		me := loot.Actor{Kind: loot.Person, ID: string(subject)}
		p, err := w.Gate.Decide(ctx, tx, own(me, loot.Export, purposeOf(s), []loot.Field{f}))
		if err != nil {
			return err
		}
		values, err := w.Vault.Open(ctx, tx, p)
		if err != nil {
			return err
		}
		value = values[f].Reveal() //nolint:forbidigo // a made-up person's made-up answer
		return nil
	})
	return value, err
}

// servedBy returns the first field of the collection that is needed for p.
func servedBy(s *statement.Statement, p loot.Purpose) (statement.FieldDecl, bool) {
	fields := s.Fields(collection)
	i := slices.IndexFunc(fields, func(d statement.FieldDecl) bool { _, ok := d.Needed[p]; return ok })
	if i < 0 {
		return statement.FieldDecl{}, false
	}
	return fields[i], true
}
