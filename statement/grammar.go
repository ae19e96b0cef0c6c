package statement

// maxText bounds a text of a declaration, in characters.
const maxText = 2000

func textShape(doc string) *shape { return &shape{kind: kindText, max: maxText, doc: doc} }
func formShape(f *form, doc string) *shape {
	return &shape{kind: kindText, max: maxText, form: f, doc: doc}
}
func flagShape(doc string) *shape { return &shape{kind: kindFlag, doc: doc} }
func refShape(table, doc string, also ...string) *shape {
	return &shape{kind: kindRef, ref: table, words: also, doc: doc}
}

func refsShape(table, doc string, also ...string) *shape {
	return &shape{kind: kindList, of: refShape(table, "", also...), doc: doc}
}

func choiceShape(doc string, words ...string) *shape {
	return &shape{kind: kindChoice, words: words, doc: doc}
}

func need(name string, s *shape) member { return member{name: name, required: true, shape: s} }
func may(name string, s *shape) member  { return member{name: name, shape: s} }

func table(doc string, keys ...member) *shape {
	return &shape{kind: kindMap, doc: doc, key: &shape{kind: kindName}, of: &shape{kind: kindObject, keys: keys}}
}

// singular names one entry of each table, in the order in which they are shown.
var singular = map[string]string{
	"purposes": "purpose", "levels": "level", "categories": "category", "collections": "collection", "fields": "field", "checks": "check",
	"permissions": "permission", "recipients": "recipient", "roles": "role", "desks": "desk", "services": "service",
	"topics": "topic", "senders": "sender", "items": "item", "tags": "tag", "signals": "signal", "regions": "region",
}

// The words of the closed lists.
var (
	bases       = []string{"contract", "duty", "permission", "interest"}
	masks       = []string{"none", "partly", "fully"}
	itemKinds   = []string{"cookie", "pixel", "storage", "device", "sdk"}
	signalNames = []string{"dnt", "gpc", "lat"}
)

// blockShape is what a yaml block under a clause may hold.
var blockShape = &shape{kind: kindObject, doc: "The declarations of a clause; several blocks merge.", keys: []member{
	may("status", choiceShape("The part of the program that keeps this clause is not there yet.", "planned")),
	may("norule", textShape("Why the clause has no rule: it informs only.")),
	may("purposes", table("Reasons for using data.",
		need("title", textShape("What is done, such as \"Drawing invoices\".")),
		need("why", textShape("A sentence for the customer.")),
		need("basis", choiceShape("Legal basis.", bases...)),
		may("law", textShape("For a duty: the law that is named.")),
		may("dpv", formShape(termForm, "Term of the W3C Data Privacy Vocabulary.")),
		may("retain", &shape{kind: kindSpan, doc: "How long data is kept for it after the service, the permission or the case ended."}))),
	may("levels", &shape{
		kind: kindMap, doc: "Confidentiality levels, 1 being the lowest.", key: &shape{kind: kindNumber, min: 1, max: 9},
		of: &shape{kind: kindObject, keys: []member{
			need("title", textShape("Name of the level.")),
			may("mask", choiceShape("What is shown before a field is revealed.", masks...)),
			may("approvals", &shape{kind: kindNumber, min: 0, max: mostApprovals, doc: "People other than the requester who must approve an opening by staff."}),
		}},
	}),
	may("categories", table("Kinds of data.",
		need("title", textShape("Name of the category.")),
		need("level", &shape{kind: kindNumber, min: 1, max: 9, doc: "Its confidentiality level."}),
		may("dpv", formShape(termForm, "Term of the W3C Data Privacy Vocabulary.")))),
	may("collections", table("Ways in.",
		need("title", textShape("Name of the collection.")),
		may("way", choiceShape("Which of the three ways to give identifying data.", "order", "subscribe", "apply")),
		may("identifying", flagShape("Its fields may identify a person.")),
		need("purposes", refsShape("purposes", "The only purposes its records may be used for.")),
		may("subject", formShape(termForm, "Term of the W3C Data Privacy Vocabulary for the data subject.")))),
	may("fields", table("Items of data that are asked or recorded.",
		need("title", textShape("Label in forms.")),
		may("hint", textShape("Help beside the label.")),
		need("category", refShape("categories", "Its kind of data.")),
		need("collections", &shape{kind: kindList, min: 1, of: refShape("collections", ""), doc: "Where it is asked."}),
		may("type", choiceShape("How it is entered.", "text", "email", "tel", "country", "language", "vat", "iban", "lines")),
		may("max", &shape{kind: kindNumber, min: 1, max: 100000, doc: "Most characters."}),
		may("identifying", flagShape("It identifies a person.")),
		may("index", flagShape("It can be looked up by exact value.")),
		may("needed", &shape{
			kind: kindMap, key: refShape("purposes", ""), of: textShape(""),
			doc: "For each purpose what cannot be done without it.",
		}),
		may("services", refsShape("services", "Services that cannot be ordered without it; \"*\" is any.", "*")),
		may("since", &shape{kind: kindDate, doc: "Effective date of the version that first asks for it."}))),
	may("checks", &shape{
		kind: kindMap, doc: "When details of a category that were checked are looked at again; those of others are not, by date.", key: refShape("categories", ""),
		of: &shape{kind: kindObject, keys: []member{
			need("again", &shape{kind: kindSpan, doc: "How long after a check a detail is looked at again."}),
		}},
	}),
	may("permissions", table("Permissions that are offered, and off until they are given but for where they are assumed.",
		need("title", textShape("What is permitted.")),
		may("text", textShape("What it means for the customer.")),
		need("purpose", refShape("purposes", "The purpose that is permitted.")),
		need("recipient", refShape("recipients", "Who may then use it; \"self\" is the company.", "self")),
		may("assumed", &shape{kind: kindList, of: formShape(countryForm, ""), doc: "Countries (ISO 3166-1 alpha-2) in which it is on until somebody switches it off; none if nothing is said."}))),
	may("recipients", table("Who may be disclosed to.",
		need("title", textShape("Name.")),
		need("kind", choiceShape("Kind of recipient.", "self", "partner", "authority", "court", "sponsor")),
		may("country", formShape(countryForm, "Country, as two letters.")),
		may("cooperation", refsShape("purposes", "Compatible purposes: agreement, notice and objection suffice.")))),
	may("roles", table("What members of staff are employed for.",
		need("title", textShape("Name of the role.")),
		may("purposes", refsShape("purposes", "Purposes for which it may open records.")),
		may("named", flagShape("The customer sees the person's name, else the role only.")),
		may("approves", flagShape("May approve as a second person.")),
		may("administers", flagShape("Administers accounts and keys, and so approves nothing.")))),
	may("desks", table("Parts of the program that act on their own.",
		need("title", textShape("Name of the desk.")),
		may("purposes", refsShape("purposes", "Purposes for which it may open records.")))),
	may("services", table("What can be ordered.",
		need("title", textShape("Name of the service.")),
		may("text", textShape("What it is.")),
		need("purposes", refsShape("purposes", "Purposes that it needs.")))),
	may("topics", table("What a mailing can be about.",
		need("title", textShape("Name of the topic.")), may("text", textShape("What it brings.")))),
	may("senders", table("In whose name a mailing goes out.", need("title", textShape("Name of the sender.")))),
	may("items", table("The register of what is stored on or read from a visitor's device.",
		need("title", textShape("Name of the item.")),
		need("kind", choiceShape("Kind of item.", itemKinds...)),
		need("purpose", refShape("purposes", "What it is for.")),
		need("lifetime", &shape{kind: kindLife, doc: "\"session\", or how long it stays."}),
		may("owner", textShape("Who sets it.")),
		may("third", flagShape("It belongs to a third party.")),
		need("without", textShape("What stops working without it.")))),
	may("tags", table("The register of tags that pages load.",
		need("title", textShape("Name of the tag.")),
		need("purpose", refShape("purposes", "What it is for.")),
		may("owner", textShape("Whose it is.")),
		may("third", flagShape("It belongs to a third party.")),
		need("without", textShape("What stops working without it.")))),
	may("signals", &shape{
		kind: kindMap, doc: "Answers to signals of browsers and devices, by region.", key: choiceShape("", signalNames...),
		of: &shape{kind: kindMap, key: refShape("regions", ""), of: choiceShape("", "honour", "none")},
	}),
}}

// frontShape is what the front matter may hold.
var frontShape = &shape{kind: kindObject, doc: "The front matter of a statement.", keys: []member{
	need("version", textShape("Such as \"2026-1\".")),
	need("title", textShape("Title of the statement.")),
	need("controller", &shape{kind: kindObject, doc: "The company that answers for the data.", keys: []member{
		need("name", textShape("Name of the company.")),
		need("address", textShape("Where it is registered.")),
		need("email", textShape("Its e-mail address.")),
	}}),
	need("contact", textShape("Address for questions about the statement.")),
	may("log_key", formShape(logKeyForm, "Verifier key of the ledger, as the server shows it on /ledger; empty: that one.")),
	need("effective", &shape{kind: kindDate, doc: "The day for which it is announced, when it takes effect unless it was agreed to too late."}),
	may("changed", &shape{kind: kindDate, doc: "When it was last changed."}),
	need("notice_days", &shape{kind: kindNumber, min: 0, max: 365, doc: "How long a change is announced before it takes effect."}),
	need("key_days", &shape{kind: kindNumber, min: 1, max: 3650, doc: "How long an epoch of keys and its backups live."}),
	need("regions", &shape{kind: kindList, min: 1, of: &shape{kind: kindName}, doc: "Regions that are told apart, \"other\" among them."}),
	may("links", choiceShape("Whether a link to another site leads there at once, or over a notice that says where it leads; at once if nothing is said.", "direct", "notice")),
}}

// tables are the tables of blockShape in their order.
func tables() []string {
	var out []string
	for _, m := range blockShape.keys {
		if m.shape.kind == kindMap {
			out = append(out, m.name)
		}
	}
	return out
}
