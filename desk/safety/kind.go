package safety

import (
	"time"

	"loot"
	"loot/web"
)

// A Kind is of misuse that is reported.
type Kind string

// The kinds of misuse.
const (
	Spam      Kind = "spam"
	Phishing  Kind = "phishing"
	Malware   Kind = "malware"
	Attack    Kind = "attack"
	Copyright Kind = "copyright"
	Illegal   Kind = "illegal"
	Fraud     Kind = "fraud"
	Other     Kind = "other" // what nobody said of which kind it is
)

const hour = time.Hour

// A playbook says how cases of a kind are dealt with. Category and keyword are those of
// the DSA Transparency Database for statements of reasons.
type playbook struct {
	Kind     Kind
	Title    string
	First    time.Duration // until something is done
	Answer   time.Duration // that the customer has
	Measure  string        // that is proposed where the customer does not stop it
	Steps    string        // for whoever deals with it
	Category string
	Keyword  string
}

// The most pressing kinds first: a case has the first of those that are reported.
var playbooks = []playbook{
	{
		Phishing, "Phishing", 4 * hour, 24 * hour, suspended,
		"Look at the evidence, not at the page. Suspend at once if passwords are being collected, and ask the customer afterwards: most such servers were broken into.",
		"STATEMENT_CATEGORY_SCAMS_AND_FRAUD", "KEYWORD_PHISHING",
	},
	{
		Malware, "Malware", 4 * hour, 24 * hour, suspended,
		"Suspend if it is spreading or controls other machines. Tell the customer which file or connection it is, so that they can look for how it came in.",
		"STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "KEYWORD_OTHER",
	},
	{
		Attack, "Attack on others", 4 * hour, 24 * hour, limited,
		"Limit what the attack needs, such as outgoing connections to one port, before you suspend all of it.",
		"STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "KEYWORD_OTHER",
	},
	{
		Illegal, "Illegal content", 12 * hour, 48 * hour, suspended,
		"Name the law. What endangers children or lives goes to the police at once and to nobody else; do not copy it.",
		"STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE", "KEYWORD_OTHER",
	},
	{
		Fraud, "Fraud", 24 * hour, 48 * hour, suspended,
		"Ask for the customer's side before you judge: a rival may have reported it.",
		"STATEMENT_CATEGORY_SCAMS_AND_FRAUD", "KEYWORD_OTHER",
	},
	{
		Spam, "Spam", 24 * hour, 48 * hour, limited,
		"Ask the customer to stop it and say how. Limit outgoing mail if it goes on.",
		"STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "KEYWORD_OTHER",
	},
	{
		Copyright, "Copyright", 72 * hour, 7 * 24 * hour, limited,
		"Check that the report names the work and who owns it. Pass it on and wait for the customer's side; suspending is for those who repeat it.",
		"STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS", "KEYWORD_COPYRIGHT_INFRINGEMENT",
	},
	{
		Other, "Something else", 24 * hour, 48 * hour, limited,
		"Read the report first: it does not say of which kind it is, or no program could tell.",
		"STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "KEYWORD_OTHER",
	},
}

// Times of cases that no playbook gives.
const (
	toSettle = 14 * 24 * hour  // a dispute, from when it was opened
	toAppeal = 183 * 24 * hour // from the judgment (DSA Article 20(1): six months at least)
	toReview = 14 * 24 * hour  // an appeal
	toJudge  = 24 * hour       // what was answered, or was not in time
	window   = 7 * 24 * hour   // misuse of one address that was seen so near to another is one case
)

func playbookOf(k Kind) (playbook, bool) {
	for _, p := range playbooks {
		if p.Kind == k {
			return p, true
		}
	}
	return playbook{}, false
}

// pressing returns the more pressing of two kinds.
func pressing(a, b Kind) Kind {
	for _, p := range playbooks {
		if p.Kind == a || p.Kind == b {
			return p.Kind
		}
	}
	return a
}

// What disputes are about.
var disputes = []web.Option{
	{Value: "invoice", Label: "An invoice"},
	{Value: "service", Label: "A service"},
	{Value: "judgment", Label: "A judgment"},
}

// kindTitle writes what a case is about.
func kindTitle(what, kind string) string {
	if what == aDispute {
		for _, o := range disputes {
			if o.Value == kind {
				return "Dispute: " + loot.LowerFirst(o.Label)
			}
		}
		return "Dispute"
	}
	if p, ok := playbookOf(Kind(kind)); ok {
		return p.Title
	}
	return kind
}

func kindOptions() (out []web.Option) {
	for _, p := range playbooks {
		out = append(out, web.Option{Value: string(p.Kind), Label: p.Title})
	}
	return out
}

// purposeOf is the purpose for which a case opens details.
func purposeOf(what string) loot.Purpose {
	if what == aDispute {
		return forDispute
	}
	return forSafety
}
