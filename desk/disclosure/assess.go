package disclosure

import (
	"context"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/web"
)

const yes, no = "yes", "no"

// What an assessment comes to.
const (
	passed   = "lawful"
	broad    = "broad" // nothing but the scope was answered with no
	unlawful = "unlawful"
)

var assessStep = stepKind{
	id: "assess", title: "Is it lawful?", icon: "clipboard-check", button: "Keep the assessment",
	text: "Each question is answered with a reason. One no, and nothing is handed over; “too broad” writes the letter that asks for less.",
	offered: func(st stand) bool {
		return st.open() && st.r.Kind != proceedings && st.approval.State != gate.Pending && st.approval.State != gate.Approved
	},
	fields: assessFields,
	do:     assess,
}

func assessFields(st stand) web.Fields {
	b, _ := basisOf(st.r.Basis)
	var out web.Fields
	for _, q := range questionsOf(b) {
		answer, why := answerTo(st.notes, q.id)
		out = append(out,
			web.Field{Name: q.id, Label: q.title, Type: "select", Required: true, Plain: true, Wide: true, Value: answer, Options: []web.Option{web.Choose, {Value: yes, Label: "Yes"}, {Value: no, Label: "No"}}, Hint: q.hint},
			web.Field{Name: q.id + "-why", Label: "Reason: " + loot.LowerFirst(q.title), Type: "textarea", Required: true, Plain: true, Wide: true, Value: why, MaxLen: 2000, Rows: 2},
		)
	}
	if st.r.Kind != answering {
		return out
	}
	f := web.Field{Name: "covered", Label: "Kinds of details that it covers", Type: "checkboxes", Wide: true, Hint: "Take away what it does not cover, or covers no longer after they asked for less."}
	for _, c := range scopes(st.s) {
		f.Options = append(f.Options, web.Option{Value: string(c.ID), Label: desk.Details(st.s, collection, c.ID)})
		if slices.Contains(st.r.Scope, c.ID) {
			f.Values = append(f.Values, string(c.ID))
		}
	}
	return append(out, f)
}

// answerTo returns the last answer to a question of the assessment, and its reason.
func answerTo(notes []desk.Note, question string) (answer, why string) {
	for _, n := range notes {
		if id, a, ok := strings.Cut(n.Kind, "."); ok && id == question {
			answer, why = a, n.Text
		}
	}
	return answer, why
}

func assess(ctx context.Context, do *doing) error {
	if do.typed.Get("sender") == yes && do.authority.Verified.IsZero() {
		return web.Invalid("", map[string]string{"sender": "The register's contact of this authority is not verified, so that calling back proves nothing. Have a colleague verify it first."})
	}
	covered := parted[loot.Category](strings.Join(do.typed["covered"], " "))
	if do.r.Kind == answering && len(covered) == 0 && do.typed.Get("scope") == yes {
		return web.Invalid("", map[string]string{"covered": "Say which kinds of details it covers."})
	}
	b, _ := basisOf(do.r.Basis)
	valid, others := true, true
	for _, q := range questionsOf(b) {
		answer := do.typed.Get(q.id)
		if err := do.note(ctx, q.id+"."+answer, do.typed.Get(q.id+"-why")); err != nil {
			return err
		}
		valid = valid && answer == yes
		others = others && (q.id == "scope" || answer == yes)
	}
	do.r.Approval, do.r.Fields = "", nil
	if len(covered) > 0 {
		do.r.Scope = covered
	}
	switch {
	case valid:
		do.r.Assessed = passed
		do.said = "It is lawful. Now choose the least that answers it."
	case others:
		do.r.Assessed = broad
		do.said = "It wants too much. The letter that asks for less lies with the documents; the request stays open."
		if err := do.letter(ctx, "narrowing", do.typed.Get("scope-why")); err != nil {
			return err
		}
	default:
		do.r.Assessed = unlawful
		do.said = "It is not lawful as it stands. Refuse it, or wait for what is missing."
	}
	return do.noted(ctx, "assessed", "")
}

var refuseStep = stepKind{
	id: "refuse", title: "Hand over nothing", icon: "circle-slash", button: "Decide so", danger: true,
	text:    "A refusal is an answer, too: with its reason, and with a letter.",
	offered: func(st stand) bool { return st.open() && st.r.Kind != proceedings },
	fields: func(stand) web.Fields {
		return web.Fields{
			{Name: "outcome", Label: "Outcome", Type: "select", Required: true, Options: []web.Option{
				{Value: refused, Label: "It is refused"}, {Value: nothing, Label: "Nothing is held of what they ask"}, {Value: withdrawn, Label: "They have withdrawn it"},
			}},
			{Name: "reason", Label: "Reason", Type: "textarea", Required: true, MaxLen: 2000, Rows: 3, Wide: true, Hint: "It stands in the letter. Name nobody of whom they do not know."},
		}
	},
	do: func(ctx context.Context, do *doing) error {
		do.r.Outcome, do.r.Closed = do.typed.Get("outcome"), do.now
		do.said = "Decided and closed."
		if err := do.note(ctx, "reason", do.typed.Get("reason")); err != nil {
			return err
		}
		if do.r.Outcome != withdrawn {
			if err := do.letter(ctx, do.r.Outcome, do.typed.Get("reason")); err != nil {
				return err
			}
		}
		if err := do.holds(ctx); err != nil { // what is closed holds nothing
			return err
		}
		return do.noted(ctx, "closed", do.r.Outcome)
	},
}

// letters are the templates, by kind: the title, and paragraphs with a place for the
// reason.
var letters = map[string]struct {
	title string
	text  []string
}{
	"narrowing": {"We ask you for a narrower request", []string{
		"We have your request on the grounds named below. As it stands it asks for more than its purpose needs, so that we may not answer it.",
		"REASON",
		"Please tell us which person, which kinds of details and which period are needed, and for what. Until then nothing is handed over. Your deadline does not make a wider answer lawful.",
	}},
	refused: {"We may not answer your request", []string{
		"We have your request on the grounds named below and have examined whether it is valid, whether the law that it names reaches us, whether it lies within your functions, and whether it covers what you ask.",
		"It does not oblige us, and so the law does not let us answer it:",
		"REASON",
		"If you see it otherwise, write to us and name the provision, or obtain an order of a court. This letter says nothing about whether anybody is a customer of ours.",
	}},
	nothing: {"We hold nothing of what you ask for", []string{
		"We have your request on the grounds named below and have looked for what it names.",
		"REASON",
		"Nothing of it is held here.",
	}},
	part: {"We answer your request in part", []string{
		"We have your request on the grounds named below. With this letter you receive what it covers, sealed to you, and nothing beyond.",
		"What is left out, and why:",
		"REASON",
	}},
}

// letter draws a letter from its template and keeps it with the request.
func (do *doing) letter(ctx context.Context, kind, reason string) error {
	t := letters[kind]
	l := Letter{To: []string{do.authority.Title}, Made: do.now, Title: t.title}
	for _, p := range t.text {
		if p == "REASON" {
			p = reason
		}
		l.Paragraphs = append(l.Paragraphs, p)
	}
	l.To = append(l.To, strings.Split(do.authority.Contact, "\n")...)
	b, _ := basisOf(do.r.Basis)
	l.Rows = [][2]string{{"Our reference", reference(do.r.ID)}, {"Legal basis", b.title}, {"Received", do.r.Opened.UTC().Format("2 January 2006")}}
	if theirs := desk.LatestNote(do.notes, "reference"); theirs != "" {
		l.Rows = append(l.Rows, [2]string{"Your reference", theirs})
	}
	l.Data = []byte(`{"kind":"` + kind + `","reference":"` + reference(do.r.ID) + `"}`)
	pdf, err := do.d.needs.Letter(l)
	if err != nil {
		return err
	}
	return do.d.keepFile(ctx, do.tx, do.r, do.by, "letter."+kind, "application/pdf", pdf)
}
