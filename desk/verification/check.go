package verification

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"loot"
	"loot/desk/verification/register"
	"loot/mail"
	"loot/number"
	"loot/statement"
)

// An outcome is what checks found of a detail.
type outcome string

const (
	none   outcome = ""       // no check speaks of it
	passed outcome = "passed" // it can be right
	proved outcome = "proved" // somebody who knows says that it is right
	failed outcome = "failed" // something about it is wrong, or does not fit the rest
	later  outcome = "later"  // it can be right, and a register has not answered yet
)

// The checks, by the name under which what they found is kept, with what people
// see of each.
var checkTitles = map[string]string{
	"email.form":      "Form of the address (RFC 5321, RFC 6531)",
	"email.domain":    "Mail servers of the domain (MX)",
	"email.kept":      "No throw-away address (list of " + disposableDated + ")",
	"email.link":      "Single-use link in a letter to it",
	"phone.plan":      "Numbering plan of the country (E.164)",
	"address.form":    "Form of addresses: letters in street and town, the country's postcode",
	"address.letters": "Form of addresses: the format of this country is not known",
	"address.country": "Country that there is (ISO 3166-1)",
	"address.region":  "State or province that there is in the country (ISO 3166-2)",
	"region.letters":  "State or province: letters; it is looked for in no list of the country's",
	"vat.digits":      "Shape and check digit of the VAT number",
	"vat.country":     "VAT number and address in one country",
	"register.form":   "Shape and check digit of the register number",
	"register.vat":    "Register number beside the VAT number",
	"tax.form":        "Shape and check digit of the tax number",
	"tax.vat":         "Tax number beside the VAT number",
	"iban.digits":     "Length and check digits of the IBAN",
	"bic.form":        "Shape of the BIC",
	"bic.iban":        "BIC and IBAN of one country",
	"name.form":       "A name has letters",
	"vies":            "VIES, the EU's register of VAT numbers",
	"gleif":           "GLEIF, the register of legal entities",
	"vies.name":       "Name in VIES beside the VAT number",
	"gleif.name":      "Name in GLEIF beside the LEI",
	"vies.postcode":   "Postcode in VIES beside the VAT number",
	"gleif.postcode":  "Postcode in GLEIF beside the LEI",
	"vies.city":       "Town in VIES beside the VAT number",
	"gleif.city":      "Town in GLEIF beside the LEI",
	"vies.street":     "Street in VIES beside the VAT number",
	"gleif.street":    "Street in GLEIF beside the LEI",
	"person":          "Looked at by a colleague",
}

// A finding is what one check found.
type finding struct {
	Check    string // key of checkTitles
	Outcome  outcome
	Why      string // a sentence that holds nothing that anybody gave
	Evidence string // a register's name for the consultation; empty: none
	Wait     time.Duration
}

// record is what is checked: the values that were opened, by field.
type record struct {
	s      *statement.Statement
	values map[loot.Field]string
	fields []statement.FieldDecl // those of the collection, once they were asked for
}

// declared returns the fields of the collection.
func (r record) declared() []statement.FieldDecl {
	if r.fields != nil {
		return r.fields
	}
	return r.s.Fields(collection)
}

// by returns the value of the first field of a type, and of those whose name ends
// as given if the type is empty.
func (r record) by(kind, ending string) (loot.Field, string) {
	for _, d := range r.declared() {
		if value := r.values[d.ID]; value != "" && (kind != "" && d.Type == kind || kind == "" && strings.HasSuffix(string(d.ID), ending)) {
			return d.ID, value
		}
	}
	return "", ""
}

// asks reports whether a field whose name ends as given is declared.
func (r record) asks(ending string) bool {
	return slices.ContainsFunc(r.declared(), func(d statement.FieldDecl) bool { return strings.HasSuffix(string(d.ID), ending) })
}

func (r record) country() string { _, c := r.by("country", ""); return c }

// inspect runs every check that asks nobody.
func inspect(r record) map[loot.Field][]finding {
	out := map[loot.Field][]finding{}
	r.fields = r.declared()
	for _, d := range r.fields {
		value := r.values[d.ID]
		if value == "" {
			continue
		}
		switch {
		case d.Type == "email":
			out[d.ID] = inspectEmail(value)
		case d.Type == "tel":
			out[d.ID] = inspectPhone(value, r.country())
		case d.Type == "vat":
			out[d.ID] = inspectVAT(value, r.country())
		case d.Type == "iban":
			_, err := number.IBAN(value)
			out[d.ID] = []finding{ofNumber("iban.digits", err)}
		case strings.HasSuffix(string(d.ID), ".bic"):
			out[d.ID] = r.inspectBIC(value)
		case strings.HasSuffix(string(d.ID), ".register"):
			out[d.ID] = r.inspectRegister(value)
		case strings.HasSuffix(string(d.ID), ".name"):
			out[d.ID] = inspectName(value)
		case strings.HasSuffix(string(d.ID), ".tax"):
			out[d.ID] = r.inspectKind("tax", number.Tax, value)
		}
	}
	r.inspectAddress(out)
	return out
}

func ofNumber(check string, err error) finding {
	if err != nil {
		return finding{Check: check, Outcome: failed, Why: err.Error()}
	}
	return finding{Check: check, Outcome: passed}
}

func inspectEmail(value string) []finding {
	domain := mail.Domain(value)
	if domain == "" {
		return []finding{{Check: "email.form", Outcome: failed, Why: "This is no address that a mail server takes."}}
	}
	out := []finding{{Check: "email.form", Outcome: passed}}
	if isDisposable(domain) {
		return append(out, finding{Check: "email.kept", Outcome: failed, Why: "Addresses of this domain are thrown away after use, so that later letters reach nobody or a stranger."})
	}
	return append(out, finding{Check: "email.kept", Outcome: passed})
}

// inspectPhone reads a number by the plan of the country that its code names or,
// without one, of the country of the address.
func inspectPhone(value, country string) []finding {
	n, err := phonenumbers.Parse(value, country)
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return []finding{{Check: "phone.plan", Outcome: failed, Why: "The number has no country code that is in use, so that nobody abroad can call it."}}
	case err != nil || !phonenumbers.IsPossibleNumber(n):
		return []finding{{Check: "phone.plan", Outcome: failed, Why: "The number is shorter or longer than those of its country."}}
	case !phonenumbers.IsValidNumber(n):
		return []finding{{Check: "phone.plan", Outcome: failed, Why: "The country's numbering plan gives out no such numbers."}}
	}
	return []finding{{Check: "phone.plan", Outcome: passed}}
}

// inspectName says nothing of a name that can be one: whether it is the right one only a
// register or a person knows.
func inspectName(value string) []finding {
	if strings.IndexFunc(value, unicode.IsLetter) >= 0 && !repeats(value) {
		return nil
	}
	return []finding{{Check: "name.form", Outcome: failed, Why: "This has no letters, or one again and again. That can be right; somebody has to look."}}
}

// territories are those whose banks have accounts with the letters of another country.
var territories = map[string]string{
	"AX": "FI", "BL": "FR", "GF": "FR", "GG": "GB", "GP": "FR", "IM": "GB", "JE": "GB", "MF": "FR", "MQ": "FR", "NC": "FR", "PF": "FR", "PM": "FR", "RE": "FR", "SJ": "NO", "TF": "FR", "WF": "FR", "YT": "FR",
}

// inspectBIC compares the country of a bank with that of the account.
func (r record) inspectBIC(value string) []finding {
	n, err := number.BIC(value)
	out := []finding{ofNumber("bic.form", err)}
	_, typed := r.by("iban", "")
	account, wrong := number.IBAN(typed)
	if err != nil || wrong != nil {
		return out
	}
	country := n.Value[4:6]
	if cmp.Or(territories[country], country) == account.Value[:2] {
		return append(out, finding{Check: "bic.iban", Outcome: passed})
	}
	return append(out, finding{Check: "bic.iban", Outcome: failed, Why: "The BIC is of another country than the IBAN. That can be right, as of a bank that keeps accounts abroad; somebody has to look."})
}

func inspectVAT(value, country string) []finding {
	n, err := number.VAT(value)
	var out []finding
	of := elsewhere(value, err)
	if of == "" {
		if out = []finding{ofNumber("vat.digits", err)}; err != nil {
			return out
		}
		of = n.Scheme.Country
	}
	switch {
	case country == "":
		return out
	case of == country || of == "XI" && country == "GB":
		return append(out, finding{Check: "vat.country", Outcome: passed})
	}
	return append(out, finding{Check: "vat.country", Outcome: failed, Why: "The VAT number is of another country than the address. That can be right; somebody has to look."})
}

// elsewhere returns the country whose letters a VAT number begins with, if we do not know
// what those of that country look like.
func elsewhere(value string, err error) string {
	wrong, is := errors.AsType[*number.Error](err)
	letters := number.Compact(value)
	if !is || wrong.Wrong != number.WrongCountry || len(letters) < 4 || !statement.IsCountry(letters[:2]) {
		return ""
	}
	return letters[:2]
}

// inspectRegister takes an LEI, too.
func (r record) inspectRegister(value string) []finding {
	if _, err := number.LEI(value); err == nil {
		return []finding{{Check: "register.form", Outcome: passed}}
	}
	return r.inspectKind("register", number.Register, value)
}

// inspectKind takes a number that fits one of the schemes that the country of the
// address has for numbers of a kind. A country of whose schemes we know none passes
// nothing.
func (r record) inspectKind(kind string, read func(country, typed string) ([]number.Number, error), value string) []finding {
	given, err := read(r.country(), value)
	switch {
	case err != nil:
		return []finding{ofNumber(kind+".form", err)}
	case len(given) == 0:
		return nil
	}
	return append([]finding{{Check: kind + ".form", Outcome: passed}}, r.inspectTogether(kind, given)...)
}

// inspectTogether looks whether a number is the one that a VAT number of the same
// country is made of, where such are.
func (r record) inspectTogether(kind string, given []number.Number) []finding {
	_, vat := r.by("vat", "")
	n, err := number.VAT(vat)
	if err != nil || n.Scheme.Country != r.country() {
		return nil
	}
	one := finding{Check: kind + ".vat", Outcome: passed}
	switch yes, known := number.OfOneCompany(n, given); {
	case !known:
		return nil
	case !yes:
		one.Outcome, one.Why = failed, "The VAT number is made of another "+kind+" number. That can be right, as in a group of companies with one VAT number; somebody has to look."
	}
	return []finding{one}
}

// inquire asks the DNS and the registers about what inspect found no fault with.
// It sends numbers and the domain of an address, and nothing else.
func (v *Verification) inquire(ctx context.Context, r record, out map[loot.Field][]finding) {
	if f, value := r.by("email", ""); f != "" && v.options.Mailboxes != nil && sum(out[f]) == passed {
		out[f] = append(out[f], v.inquireDomain(ctx, mail.Domain(value)))
	}
	if f, value := r.by("vat", ""); f != "" && first(out[f]) == passed {
		if n, err := number.VAT(value); err == nil {
			v.inquireRegister(ctx, r, out, f, n)
		}
	}
	if f, value := r.by("", ".register"); f != "" {
		if n, err := number.LEI(value); err == nil {
			v.inquireRegister(ctx, r, out, f, n)
		}
	}
}

func (v *Verification) inquireDomain(ctx context.Context, domain string) finding {
	boxes, err := v.options.Mailboxes(ctx, domain)
	one := finding{Check: "email.domain", Outcome: passed}
	switch {
	case err != nil:
		one.Outcome, one.Why = later, "The DNS has not answered yet."
	case boxes == register.RefusesMail:
		one.Outcome, one.Why = failed, "The domain says that it takes no mail."
	case boxes == register.NoMailboxes:
		one.Outcome, one.Why = failed, "The domain does not exist, or has no mail server."
	}
	return one
}

// inquireRegister asks the register that holds a number, and compares the name and the
// address that it tells with what was given. What it would be compared with stays open
// as long as the register does not answer.
func (v *Verification) inquireRegister(ctx context.Context, r record, out map[loot.Field][]finding, f loot.Field, n number.Number) {
	company, name := r.by("", "company.name")
	at := r.address()
	for _, reg := range v.options.Registers {
		if !reg.Takes(n) {
			continue
		}
		id := strings.ToLower(reg.Name())
		a, err := reg.Ask(ctx, n)
		one := finding{Check: id, Outcome: proved, Evidence: a.Request}
		switch {
		case errors.Is(err, register.ErrRefused):
			v.Log.WarnContext(ctx, "a register refuses our questions; see its settings", "register", reg.Name(), "err", err)
			one.Outcome, one.Why = later, reg.Name()+" does not take our question."
		case err != nil:
			one.Outcome, one.Why = later, reg.Name()+" has not answered yet."
			if w, ok := errors.AsType[interface {
				error
				Wait() time.Duration
			}](err); ok {
				one.Wait = w.Wait()
			}
		case !a.Known:
			one.Outcome, one.Why = failed, reg.Name()+" does not know this number."
		case a.Fault != "":
			one.Outcome, one.Why = failed, a.Fault
		}
		out[f] = append(out[f], one)
		if one.Outcome == failed { // then what stands beside the number proves nothing either
			continue
		}
		beside := func(f loot.Field, what string, compare func(told register.Answer) (outcome, string)) outcome {
			found := one
			if found.Check = id + "." + what; err == nil {
				found.Outcome, found.Why = compare(a)
			}
			if found.Outcome != none {
				out[f] = append(out[f], found)
			}
			return found.Outcome
		}
		if company != "" {
			beside(company, "name", func(told register.Answer) (outcome, string) { return compareName(name, told) })
		}
		for _, p := range []struct {
			part
			what    string
			compare func(told register.Answer) (outcome, string)
		}{
			{at.postcode, "postcode", at.comparePostcode},
			{at.city, "city", at.compareCity},
			{at.street, "street", at.compareStreet},
		} {
			compare := func(told register.Answer) (outcome, string) {
				if why := at.elsewhere(told); why != "" {
					return failed, why
				}
				return p.compare(told)
			}
			// The parts belong together: an address elsewhere is one case, and no street of another town is verified.
			if first(out[p.field]) == passed && beside(p.field, p.what, compare) == failed {
				break
			}
		}
	}
}

// compareName compares the name that a register tells with the one that was given. It
// says nothing where the register tells none, or tells it in another script. Greece tells
// the name and those under which the company trades, divided by bars.
func compareName(given string, told register.Answer) (outcome, string) {
	ours := words(given)
	switch {
	case ours == "" || told.Name == "" || latin([]string{ours}) != latin([]string{words(told.Name)}):
		return none, ""
	case !slices.ContainsFunc(strings.Split(told.Name, "||"), func(name string) bool { return sameName(given, name) }):
		return failed, told.Register + " has another name beside the number."
	}
	return proved, ""
}

// sum is what all checks of a detail found together.
func sum(list []finding) outcome {
	at := none
	for _, f := range list {
		if weight(f.Outcome) > weight(at) {
			at = f.Outcome
		}
	}
	return at
}

func first(list []finding) outcome {
	if len(list) == 0 {
		return none
	}
	return list[0].Outcome
}

// weight orders outcomes: a fault counts above all, and the word of who knows above an
// answer that is still open, which counts above what only can be right.
func weight(o outcome) int {
	return map[outcome]int{none: 0, passed: 1, later: 2, proved: 3, failed: 4}[o]
}
