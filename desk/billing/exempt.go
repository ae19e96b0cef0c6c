package billing

import (
	"cmp"
	"slices"
	"strings"

	"loot"
	"loot/desk/billing/invoice"
)

// An Exemption is a span of days on which what a seller supplies at home is exempt, and
// why it is.
type Exemption struct {
	Text  string // why, in words for invoices
	Code  string // of the list VATEX, if one fits
	From  string // the first day, as 2026-01-01
	Until string // the last; empty: none is known

	written string // as the setting for spans has it; empty: each part is a setting of its own
}

// ExemptionOf reads a span that is written in one line, as
// "2027-01-01/2027-12-31 VATEX-FR-FRANCHISE art. 293 B du CGI". What is wrong with it
// is said by [Seller.Check].
func ExemptionOf(line string) Exemption {
	e := Exemption{written: strings.TrimSpace(line)}
	days, why, _ := strings.Cut(e.written, " ")
	if from, until, ok := strings.Cut(days, "/"); ok {
		e.From, e.Until = from, until
	}
	e.Text = strings.TrimSpace(why)
	if code, text, _ := strings.Cut(e.Text, " "); strings.HasPrefix(strings.ToUpper(code), "VATEX") {
		e.Code, e.Text = code, strings.TrimSpace(text)
	}
	return e
}

// String writes its days.
func (e Exemption) String() string { return e.From + "/" + e.Until }

// wrong says what is wrong with a part of it, by the name of the setting.
func (e Exemption) wrong(part, what string) error {
	if e.written == "" {
		return loot.Errorf(loot.Invalid, "--seller-exempt%s %s", part, what)
	}
	named := map[string]string{":": "", "-code": "the code ", "-from": "the first day ", "-until": "the last day "}[part]
	return loot.Errorf(loot.Invalid, "--seller-exempt-span “%s”: %s%s A span is written FIRST/LAST CODE REASON, such as 2027-01-01/2027-12-31 VATEX-FR-FRANCHISE art. 293 B du CGI; "+
		"leave the last day out while none is known, and the code if none fits.", e.written, named, what)
}

func (e Exemption) check() error {
	if e.Text == "" {
		return e.wrong(":", "the reason for the exemption is missing. It stands on the invoices.")
	}
	if wrong := wrongExemptCode(e.Code); wrong != "" {
		return e.wrong("-code", wrong)
	}
	for _, one := range []struct{ part, day string }{{"-from", e.From}, {"-until", cmp.Or(e.Until, e.From)}} {
		if d, err := invoice.ParseDate(one.day); err != nil || !d.Valid() {
			return e.wrong(one.part, "is a day, such as 2026-01-01.")
		}
	}
	if e.Until != "" && e.Until < e.From {
		return e.wrong("-until", "lies before the first day; an exemption ends on the day on which it begins, or later.")
	}
	return nil
}

// checkExemptions says what is wrong with the days on which a seller is exempt.
func checkExemptions(all []Exemption) error {
	for _, e := range all {
		if err := e.check(); err != nil {
			return err
		}
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b Exemption) int { return cmp.Compare(a.From, b.From) })
	for i := 1; i < len(all); i++ {
		if before := all[i-1]; before.Until == "" || before.Until >= all[i].From {
			return loot.Errorf(loot.Invalid, "Two exemptions of the seller overlap: %s and %s. A day is of one at most: let the first end on the day before the other begins (--seller-exempt-until, --seller-exempt-span).", before, all[i])
		}
	}
	return nil
}

// notExempt are the codes of VATEX for reverse charge, exports, supplies within the Union
// and what is out of scope: each belongs to a category of its own, and none to E.
var notExempt = []string{"VATEX-EU-AE", "VATEX-EU-G", "VATEX-EU-IC", "VATEX-EU-O", "VATEX-FR-AE"}

// wrongExemptCode says what is wrong with the code of an exemption; empty: nothing. There
// may be none.
func wrongExemptCode(code string) string {
	switch {
	case code != "" && !invoice.IsExemption(code):
		return "is one of the list VATEX, such as VATEX-FR-FRANCHISE; leave it empty if it has none that fits."
	case slices.Contains(notExempt, code):
		return "is of an exemption: " + code + " says that the customer owes the tax, or that the supply is none at home. Leave it empty if no other fits."
	}
	return ""
}

// exemptOn returns the exemption of what the seller supplies at home on a day; nil: none.
func (s Seller) exemptOn(d invoice.Date) *Exemption {
	day := d.String()
	i := slices.IndexFunc(s.Exempt, func(e Exemption) bool { return e.From <= day && (e.Until == "" || day <= e.Until) })
	if i < 0 {
		return nil
	}
	return &s.Exempt[i]
}
