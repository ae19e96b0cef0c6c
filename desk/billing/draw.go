package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// The purposes under which invoices are drawn and kept, and the collection that
// holds them.
const (
	forInvoice     loot.Purpose    = "invoice"
	forBookkeeping loot.Purpose    = "bookkeeping"
	invoices       loot.Collection = "invoice"
	partyField     loot.Field      = "invoice.party"
)

// terms say which term of an invoice a field of the statement is. What else the
// statement gives for invoices is not looked at.
const (
	companyName     loot.Field = "company.name"     // BT-44
	companyVAT      loot.Field = "company.vat"      // BT-48
	companyRegister loot.Field = "company.register" // BT-47
	street          loot.Field = "address.street"   // BT-50, 51, 163
	town            loot.Field = "address.city"     // BT-52
	postcode        loot.Field = "address.postcode" // BT-53
	region          loot.Field = "address.region"   // BT-54
	country         loot.Field = "address.country"  // BT-55
)

var terms = []loot.Field{companyName, companyVAT, companyRegister, street, town, postcode, region, country}

// used holds what services were used and how much: about nobody by its level, so
// that it lies in the desk's own tables; who looks at it for whom is decided as
// every use is.
const used loot.Collection = "usage"

// lookAtUse asks whether what a customer used may be looked at for a purpose.
func (b *Billing) lookAtUse(ctx context.Context, tx *store.Tx, by loot.Actor, s loot.Subject, purpose loot.Purpose) error {
	p, err := b.Gate.Decide(ctx, tx, gate.Request{
		Action: loot.Use, Actor: by, Desk: name, Purpose: purpose, Subject: s, Collection: used, Fields: []loot.Field{Services},
	})
	if err != nil {
		return err
	}
	_, err = p.Spend(tx, loot.Use)
	return err
}

// drawnFrom returns the fields that the statement gives for invoices, in its
// order, and those without which there is none: what a service that was held
// cannot be ordered without.
func drawnFrom(s *statement.Statement, uses []use) (all, must []loot.Field) {
	for _, d := range s.Fields(collection) {
		if _, ok := d.Needed[forInvoice]; !ok || !slices.Contains(terms, d.ID) {
			continue
		}
		all = append(all, d.ID)
		if slices.ContainsFunc(d.Services, func(id string) bool {
			return id == "*" || slices.ContainsFunc(uses, func(u use) bool { return u.Service.Service == id })
		}) {
			must = append(must, d.ID)
		}
	}
	return all, must
}

// A draft is an invoice that lacks nothing but its number.
type draft struct {
	record  invoice.Record
	subject loot.Subject
	version string // hash of the statement
	newer   bool   // than the copy of the party, which is taken again
	quiet   bool   // the letter about what stands for it says all
}

// A drawing is what came of a customer's month: drafts, one for each currency, or
// why it waits; neither: there is nothing to charge.
type drawing struct {
	drafts []draft
	waits  *pending
}

// draw opens what the invoice of a customer for a month is drawn from, and draws
// it. What is missing is seen before anything is opened.
func (b *Billing) draw(ctx context.Context, s loot.Subject, m Month) (out drawing, err error) {
	v, err := b.inForce()
	if err != nil {
		return out, err
	}
	seller, titles := b.seller.of(v.Front()), b.titles()
	at := seller.place()
	from, to := m.span(at)
	now := b.Now() // before anything is looked at
	if now.Before(to) {
		return out, loot.Errorf(loot.Conflict, "%s is not over yet, so it cannot be invoiced.", m)
	}
	waits := func(missing []loot.Field, wrong finding) drawing {
		return drawing{waits: &pending{Subject: s, Month: m, Missing: missing, Finding: wrong, Since: now}}
	}
	if err := b.keyOfUse(ctx, s); err != nil {
		return out, err
	}
	err = b.Gate.InTx(ctx, func(tx *store.Tx) error {
		out = drawing{}
		done, err := invoicedIn(ctx, tx, []loot.Subject{s}, m)
		if err != nil {
			return err
		}
		held, unread := b.Vault.Held(ctx, tx, s, collection)
		if loot.KindOf(unread) == loot.NotFound {
			return nil // erased meanwhile
		}
		if unread != nil && !vault.Damaged(unread) {
			return unread
		}
		person, err := b.Gate.Person(ctx, tx, s)
		if err != nil {
			return err
		}
		if person.Disputed(Services) {
			out = waits(nil, finding{Text: disputedWords(v, Services)})
			return nil
		}
		if err := b.lookAtUse(ctx, tx, b.actor(), s, forInvoice); err != nil {
			return err
		}
		uses, err := usesOf(ctx, tx, titles, []loot.Subject{s}, from, to)
		if err != nil {
			return err
		}
		chosen, err := languageOf(ctx, tx, s)
		if err != nil {
			return err
		}
		seller.Language = cmp.Or(chosen, b.seller.Language)
		by, currencies, wrong := charged(uses[s], m, at, seller.Language)
		if wrong.Text != "" {
			out = waits(nil, wrong)
			return nil
		}
		currencies = slices.DeleteFunc(currencies, func(c string) bool { return done[s][c] })
		if len(currencies) == 0 {
			return nil
		}
		if unread != nil { // nobody waits for it who has nothing to be charged
			return unread
		}
		all, must := drawnFrom(v, uses[s])
		if missing := slices.DeleteFunc(must, func(f loot.Field) bool { _, ok := held[f]; return ok }); len(missing) > 0 {
			out = waits(missing, finding{})
			return nil
		}
		if f := disputed(held, all); f != "" {
			out = waits(nil, finding{Text: disputedWords(v, f)})
			return nil
		}
		p, err := b.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Use, Actor: b.actor(), Desk: name, Purpose: forInvoice, Subject: s, Collection: collection,
			Fields: slices.DeleteFunc(all, func(f loot.Field) bool { _, ok := held[f]; return !ok }),
		})
		if err != nil {
			return err
		}
		values, err := b.Vault.Open(ctx, tx, p)
		if err != nil {
			return err
		}
		copied, err := b.Vault.Row(ctx, tx, s, invoices)
		if err != nil && loot.KindOf(err) != loot.NotFound {
			return err
		}
		known := err == nil && !copied.Erased()
		exempt, err := exemptPlans(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range currencies {
			d := draft{subject: s, version: v.Hash(), record: invoice.Record{Language: seller.Language, Known: b.known(v, values, at, seller.Language)}}
			d.newer = !known || newest(values).After(copied.Changed)
			d.record.Foot = []string{ledgerWords[seller.Language] + " " + b.Ledger.VerifierKey()}
			d.record.Invoice = b.write(seller, values, exempt, m, c, by[c].lines)
			wrong, err := b.faultOf(ctx, tx, v, s, &d.record.Invoice)
			if err != nil {
				return err
			}
			if wrong.Fault != "" {
				out = waits(nil, wrong)
				return nil
			}
			d.record.Known = append(d.record.Known, b.knownServices(v.Titles(Services)[0], by[c].came, &d.record)...)
			text, err := account(ctx, tx, &d.record.Invoice, seller.Language)
			if err != nil {
				return err
			}
			wrong = finding{Text: text}
			if text == "" {
				wrong = finding{Text: findings(&d.record.Invoice, seller), Unregistered: seller.unregistered(&d.record.Invoice) != ""}
			}
			if wrong.Text != "" {
				out = waits(nil, wrong)
				return nil
			}
			out.drafts = append(out.drafts, d)
		}
		return nil
	})
	if refusal, refused := errors.AsType[*gate.Refusal](err); refused {
		return waits(nil, finding{Text: "The statement does not let this customer's details be opened for an invoice (clause " + string(refusal.Clause) + ")."}), nil
	}
	if vault.Damaged(err) {
		b.Log.ErrorContext(ctx, "an invoice waits, as its customer's record cannot be read", "subject", s, "month", m, "err", err)
		return waits(nil, finding{Text: unreadable}), nil
	}
	return out, err
}

// unreadable says that a customer's record, or its key, is not what was written.
const unreadable = "The customer's record cannot be read: it or its key is damaged. “loot vault check” says what; restore it from a backup, and the invoice goes out within an hour."

// disputed returns the first of the fields of which the customer says that it is
// wrong; empty: none. The gate would refuse it, and say less well why.
func disputed(held map[loot.Field]vault.About, fields []loot.Field) loot.Field {
	for _, f := range fields {
		if held[f].State == vault.Disputed {
			return f
		}
	}
	return ""
}

// reported returns the first of what a customer says is wrong of what their invoices are
// drawn from, be it the services; empty: nothing.
func (b *Billing) reported(ctx context.Context, tx *store.Tx, s loot.Subject, held map[loot.Field]vault.About, fields []loot.Field) (loot.Field, error) {
	if f := disputed(held, fields); f != "" {
		return f, nil
	}
	person, err := b.Gate.Person(ctx, tx, s)
	if err != nil || !person.Disputed(Services) {
		return "", err
	}
	return Services, nil
}

func disputedWords(s *statement.Statement, f loot.Field) string {
	return "The customer says that “" + s.Titles(f)[0] + "” is wrong, and nobody has decided that under Checks yet."
}

// faultOf says that the VAT number by which a customer owes the tax is no valid one, as a
// register or a colleague has found. A number that is valid shows that it is a business
// (Implementing Regulation 282/2011, Article 18); one that is not shows nothing, so that
// neither reverse charge nor tax is surely right before that is decided. What nobody has
// answered yet, or has grown old, is no fault.
func (b *Billing) faultOf(ctx context.Context, tx *store.Tx, v *statement.Statement, s loot.Subject, inv *invoice.Invoice) (finding, error) {
	if b.faulty == nil || !has(inv, invoice.ReverseCharge) {
		return finding{}, nil
	}
	wrong, err := b.faulty(ctx, tx, s, companyVAT)
	if err != nil || !wrong {
		return finding{}, err
	}
	title := v.Titles(companyVAT)[0]
	return finding{Fault: companyVAT, Text: "By “" + title + "” the customer would owe the tax, and it was found not to be valid. Under Checks a colleague decides whether it was valid in that month, or the customer gives another one."}, nil
}

// Faulty has the desk ask whether a register or a colleague found a fault in a detail of
// a customer, as it is held.
func (b *Billing) Faulty(ask func(ctx context.Context, tx *store.Tx, s loot.Subject, f loot.Field) (bool, error)) {
	b.faulty = ask
}

var ledgerWords = map[string]string{
	"en": "Every use of your details is on our ledger. Its key:",
	"de": "Jede Nutzung Ihrer Angaben steht in unserem Protokoll. Dessen Schlüssel:",
	"es": "Cada uso de sus datos consta en nuestro registro. Su clave:",
	"fr": "Chaque utilisation de vos données figure dans notre registre. Sa clé\u00a0:",
	"nl": "Elk gebruik van uw gegevens staat in ons register. De sleutel ervan:",
}

// A finding is what stands against an invoice; its zero value is nothing.
type finding struct {
	Text    string
	Service string     // reference of the one that has no plan; empty: it is about something else
	Fault   loot.Field // detail in which a fault was found; empty: it is about something else

	Unregistered bool // the seller has no VAT number; see [Seller.unregistered]
}

// outcome says whether the invoice waits for its customer's details, or is the company's to
// mend.
func (f finding) outcome() outcome {
	if f.Fault != "" {
		return itWaits
	}
	return isWrong
}

// A charge is what an invoice charges, and how each line of it came.
type charge struct {
	lines []invoice.Line
	came  []origin
}

// charged returns what is charged in each currency, and what stands against charging
// anything.
func charged(uses []use, m Month, at *time.Location, lang string) (by map[string]charge, currencies []string, wrong finding) {
	by = map[string]charge{}
	for _, u := range uses {
		if u.each == "" {
			return nil, nil, finding{Text: "The service " + u.Reference + " (" + u.Title + ") has no plan, so nothing says what it costs.", Service: u.Reference}
		}
		for _, l := range u.lines(m, at, lang) {
			one, begun := by[u.currency]
			if !begun {
				currencies = append(currencies, u.currency)
			}
			l.ID = fmt.Sprint(len(one.lines) + 1)
			by[u.currency] = charge{append(one.lines, l), append(one.came, u.cameBy(l))}
		}
	}
	return by, currencies, finding{}
}

// write fills in all of an invoice but its number and its days.
func (b *Billing) write(seller Seller, values vault.Values, exempt map[string]invoice.Exemption, m Month, currency string, lines []invoice.Line) invoice.Invoice {
	inv := invoice.Invoice{
		Kind: invoice.Commercial, Period: m.days(), Currency: currency, Seller: seller.party(), Lines: lines, Payment: seller.payment(currency),
		Buyer: buyerOf(func(f loot.Field) string {
			return values[f].Reveal() //nolint:forbidigo // it stands on the customer's own invoice
		}),
	}
	settle(&inv, seller, exempt)
	return inv
}

// buyerOf is who an invoice is to, by what stands in a customer's fields.
func buyerOf(text func(loot.Field) string) invoice.Party {
	p := invoice.Party{
		Name: text(companyName), VAT: text(companyVAT), Register: invoice.Identifier{Value: text(companyRegister)},
		Address: invoice.Address{City: text(town), Postcode: text(postcode), Region: text(region), Country: text(country)},
	}
	for line := range strings.Lines(text(street)) {
		if line = strings.TrimSpace(line); line != "" {
			p.Address.Lines = append(p.Address.Lines, line)
		}
	}
	return p
}

// numbered gives an invoice its number and its days.
func numbered(inv *invoice.Invoice, seller Seller, series string, sequence int64, now time.Time) {
	inv.Number = fmt.Sprintf("%s-%06d", series, sequence)
	inv.Issued = invoice.DateOf(now.In(seller.place()))
	inv.Due = inv.Issued.AddDays(seller.Days)
	if inv.Kind == invoice.CreditNote { // by which nothing is to be paid
		inv.Due = invoice.Date{}
	}
	if inv.Payment.Means != "" {
		inv.Payment.Reference = inv.Number
	}
}

// findings computes an invoice and returns what stands against issuing it, a
// sentence each; empty: nothing.
func findings(inv *invoice.Invoice, seller Seller) string {
	try := *inv
	try.Number, try.Issued = "0", try.Period.To
	for _, p := range try.Preceding {
		try.Issued = p.Issued
	}
	try.Due = try.Issued
	if err := try.Compute(); err != nil {
		return "The sums cannot be worked out: " + err.Error() + "."
	}
	return strings.TrimSpace(seller.unregistered(inv) + " " + inLine(try.Check()))
}

// inLine says which rules an invoice breaks, by name, and what to do.
func inLine(found []invoice.Finding) string {
	out := make([]string, len(found))
	for i, f := range found {
		out[i] = f.String()
	}
	return strings.Join(out, " ")
}

// known is what is known about the customer for the invoice, each field with
// where it came from, when, and where a mistake in it is reported.
func (b *Billing) known(s *statement.Statement, values vault.Values, at *time.Location, language string) (out []invoice.Known) {
	for _, d := range s.Fields(collection) {
		v, ok := values[d.ID]
		if !ok {
			continue
		}
		out = append(out, b.knownAs(d, v.Reveal(), v.Source, v.At.In(at), language)) //nolint:forbidigo // it stands on the customer's own invoice
	}
	return out
}

// knownAs is a field as an invoice in a language shows it, with the way to say that it is wrong.
func (b *Billing) knownAs(d statement.FieldDecl, value, source string, since time.Time, language string) invoice.Known {
	value = strings.ReplaceAll(value, "\n", ", ")
	if d.Type == "country" {
		value = invoice.Country(value, language)
	}
	return invoice.Known{
		Field: d.Title, Value: value, Source: sourceIn(source, language, b.titles()), Since: invoice.DateOf(since), Wrong: b.BaseURL + "/portal/checks/wrong?field=" + url.QueryEscape(string(d.ID)),
	}
}

// sourceIn says in a language how a detail came; what those who run Loot have named
// stays as it is, and so does what is none of [desk.Sources]. Only English begins the
// title of a service with a small letter within a sentence.
func sourceIn(source, language string, titles map[string]string) string {
	w := invoice.SourceWordsIn(language)
	from, named := desk.ReadSource(source)
	says, known := map[desk.Source]string{
		desk.FromPortal: w.Portal, desk.FromStaff: w.Staff, desk.FromPurpose: w.Purpose, desk.FromCheck: w.Check,
		desk.FromOrder: w.Order, desk.FromProgram: w.Program, desk.FromFormer: w.Former, desk.FromSystem: w.System,
	}[from]
	if !known || says == string(from) {
		return source
	}
	for _, title := range titles {
		if (from == desk.FromOrder || from == desk.FromProgram) && named[0] == loot.LowerFirst(title) {
			named[0] = title
		}
	}
	if from == desk.FromFormer || from == desk.FromSystem {
		last := len(named) - 1
		if day, err := time.Parse(desk.SourceDay, fmt.Sprint(named[last])); err == nil {
			named[last] = invoice.DateOf(day).Words(language)
		}
	}
	return fmt.Sprintf(says, named...)
}

// knownServices is what is known about the services that an invoice charges, line by line.
func (b *Billing) knownServices(field string, came []origin, r *invoice.Record) (out []invoice.Known) {
	for i, l := range r.Invoice.Lines {
		since := invoice.DateOf(came[i].at.In(b.seller.place()))
		wrong := b.BaseURL + "/portal/checks/wrong?" + url.Values{"field": {string(Services)}, "line": {l.ID}}.Encode()
		out = append(out, invoice.Charged(l, field, came[i].from, since, r.Language, wrong))
	}
	return out
}

// fieldOf returns which field of the statement something known is.
func fieldOf(k invoice.Known) loot.Field {
	u, err := url.Parse(k.Wrong)
	if err != nil {
		return ""
	}
	return loot.Field(u.Query().Get("field"))
}

func newest(values vault.Values) (at time.Time) {
	for _, v := range values {
		if v.At.After(at) {
			at = v.At
		}
	}
	return at
}

// party is the copy of who an invoice is to.
func party(p invoice.Party) string {
	a := p.Address
	lines := slices.Concat([]string{p.Name}, a.Lines, a.Town(a.Country))
	if p.VAT != "" {
		lines = append(lines, p.VAT)
	}
	return loot.Cut(strings.Join(lines, "\n"), 600)
}

func (b *Billing) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }
