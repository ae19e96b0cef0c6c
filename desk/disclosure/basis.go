package disclosure

import (
	"slices"

	"loot/statement"
)

// The kinds of requests.
const (
	answering    = "answer"       // details are to be handed over
	preservation = "preservation" // details are to be kept for the time being
	proceedings  = "proceedings"  // details play a part before a court, about the network
)

var kindTitles = map[string]string{
	answering: "Details are to be handed over", preservation: "Details are to be preserved", proceedings: "Proceedings about the network",
}

// A basis is a kind of legal ground, with what is looked at and the most that may be
// handed over on it.
type basis struct {
	id, title string
	of        string // kind of recipient
	level     int    // the highest level of confidentiality
	look      string // at what makes one valid
}

// danger is the basis of an emergency.
const danger = "danger"

// bases are those that the desk knows. The law itself is named in the request; levels
// are those of the statement.
var bases = []basis{
	{"order", "Order of a judge", "court", 3, "Signed by a judge, sealed or with a file number that the registry confirms, not appealed or suspended."},
	{"civil", "Disclosure in a civil case", "court", 2, "An order, and no mere letter of a party; it names us as the one who discloses."},
	{"production", "Production order or warrant", "authority", 3, "Issued by whom the law lets issue one, in writing, with the offence, dated, and not run out."},
	{"subscriber", "Request for subscriber details", "authority", 2, "In writing, names the law and its section, the offence or the duty, and who asks in which function."},
	{"tax", "Request of a tax office", "authority", 3, "In writing, names the section of the tax law and the period, and says why the person themself is not asked."},
	{"supervision", "Request of a data protection authority", "authority", 2, "In writing, with the file number and the power that is used (GDPR Article 58)."},
	{danger, "Danger to life or limb", "authority", 2, "Says what the danger is and why nothing slower does; the writing follows if it came by telephone."},
}

func basisOf(id string) (basis, bool) {
	i := slices.IndexFunc(bases, func(b basis) bool { return b.id == id })
	if i < 0 {
		return basis{}, false
	}
	return bases[i], true
}

// A question is one of the assessment. Each is answered with yes or no, and why.
type question struct{ id, title, hint string }

// questionsOf returns what is asked about a request on a basis.
func questionsOf(b basis) []question {
	return []question{
		{"sender", "Do they say that it is theirs?", "Call back by the verified contact of the register, never by the number on the request. Say whom you spoke to, and when."},
		{"validity", "Is it valid?", "The law that it names exists and says so. " + b.look},
		{"jurisdiction", "Does their law reach us?", "An authority of another country asks by way of ours, unless a treaty or a regulation lets it ask us."},
		{"competence", "Is it for them to ask?", "It lies within the functions of who asks, for what they say."},
		{"scope", tooBroad, "It names whom and what, and no more than the purpose needs. If not, they are asked for less."},
	}
}

// tooBroad is the question whose no asks for a smaller request.
const tooBroad = "Is it narrow enough?"

// limited returns the fields of customers that may be handed over: of the categories in
// scope, up to the level of the basis.
func limited(s *statement.Statement, r request) (out []statement.FieldDecl) {
	b, _ := basisOf(r.Basis)
	for _, f := range s.Fields(collection) {
		c, ok := s.Category(f.Category)
		if ok && c.Level <= b.level && slices.Contains(r.Scope, f.Category) {
			out = append(out, f)
		}
	}
	return out
}

// scopes returns the categories that a request can be about, in the statement's order.
func scopes(s *statement.Statement) (out []statement.Category) {
	for _, c := range s.Categories() {
		if slices.ContainsFunc(s.Fields(collection), func(f statement.FieldDecl) bool { return f.Category == c.ID }) {
			out = append(out, c)
		}
	}
	return out
}
