package safety

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
	"loot/web"
)

// An outcome is how a case ended, in words for its readers.
type outcome struct {
	staff    string
	customer string // empty: the same
}

func (o outcome) words(to reader) string {
	if to == toStaff {
		return o.staff
	}
	return cmp.Or(o.customer, o.staff)
}

// outcomes of a judgment, and what they are called.
var outcomes = map[string]outcome{
	violation: {staff: "misuse found"},
	none:      {staff: "no misuse found"},
	elsewhere: {staff: "nobody here had the address"},
	granted:   {"decided for the customer", "decided for you"},
	refused:   {"decided against the customer", "decided against you"},
	gone:      {"the customer is erased", "your account is erased"},
	upheld:    {staff: "the judgment stands"},
	milder:    {staff: "misuse found, and a milder measure is enough"},
	reversed:  {staff: "the judgment is reversed"},
}

var measureTitles = map[string]string{"": "Nothing more is done", removed: "What was reported is gone for good", limited: "The service is limited", suspended: "The service is suspended"}

// measures from the mildest on.
var measures = []string{"", removed, limited, suspended}

func measureOptions(of []string) (out []web.Option) {
	for _, m := range of {
		out = append(out, web.Option{Value: m, Label: measureTitles[m]})
	}
	return out
}

// nothing is how a form says that nothing is chosen on purpose.
const nothing = "nothing"

var groundTitles = map[string]string{"law": "A law", "terms": "Our terms"}

func judgeFields(c matter) web.Fields {
	fields := web.Fields{}
	if c.What == aDispute {
		fields = append(fields, web.Field{Name: "outcome", Label: "Decision", Type: "select", Required: true, Options: []web.Option{
			{Label: "For whom?"}, {Value: granted, Label: "For the customer"}, {Value: refused, Label: "Against the customer"},
		}})
	} else {
		fields = append(
			fields,
			web.Field{Name: "outcome", Label: "Was it misuse?", Type: "select", Required: true, Options: []web.Option{
				{Label: "What do you find?"}, {Value: violation, Label: "Yes"}, {Value: none, Label: "No"},
			}},
			web.Field{Name: "measure", Label: "What follows", Type: "select", Options: measureOptions(measures)},
			web.Field{Name: "ground", Label: "By what", Type: "select", Required: true, Options: []web.Option{web.Choose, {Value: "terms", Label: "Our terms"}, {Value: "law", Label: "A law"}, {Value: nothing, Label: "Nothing is violated"}}},
			web.Field{Name: "automated", Label: "A program had found it", Type: "checkbox", Plain: true, Hint: "Such as a sensor or a trap. The judgment itself is always a person's."},
		)
	}
	return append(
		fields,
		web.Field{Name: "rule", Label: "Rule", MaxLen: 500, Wide: true, Hint: "The law and its article, or the section of the terms."},
		web.Field{Name: "facts", Label: "Facts", Type: "textarea", Required: true, MaxLen: 5000, Rows: 4, Wide: true, Hint: "What happened and what shows it. They are exported: name nobody, and no address."},
		web.Field{Name: "reasons", Label: "Reasons", Type: "textarea", Required: true, MaxLen: 2000, Rows: 4, Wide: true, Hint: "Why the rule applies, and why this follows and nothing milder."},
	)
}

// judge decides a case with a statement of reasons (DSA Article 17).
func (d *Safety) judge(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
	now := d.Now()
	j := judgment{
		ID: loot.NewID("j"), Matter: c.ID, At: now, Author: by.ID, Outcome: typed.Get("outcome"), Measure: typed.Get("measure"), Ground: typed.Get("ground"), Automated: typed.Get("automated") != "",
		Because: because{typed.Get("rule"), typed.Get("facts"), typed.Get("reasons")},
	}
	if j.Ground == nothing {
		j.Ground = ""
	}
	wrong := map[string]string{}
	switch {
	case j.Outcome == violation && j.Ground == "":
		wrong["ground"] = "Say whether it is a law or our terms."
	case j.Outcome == violation && j.Because.Rule == "":
		wrong["rule"] = "Name the rule: nobody can object to one that they do not know."
	case j.Outcome == violation && c.Subject == "":
		wrong["outcome"] = "It is not known whose address it was. Look for that first."
	case j.Outcome == none && (j.Measure != "" || j.Ground != ""):
		wrong["measure"] = "Nothing follows where no misuse was found."
	}
	if err := web.Invalid("", wrong); err != nil {
		return err
	}
	if c.What == anAbuse {
		var err error
		if c, err = d.setMeasure(ctx, tx, c, by, j.Measure); err != nil {
			return err
		}
	}
	c.Outcome, c.Judge, c.Owner, c.Due = j.Outcome, by.ID, cmp.Or(c.Owner, by.ID), now.Add(toAppeal)
	if c.Acted.IsZero() {
		c.Acted = now
	}
	if c.Subject != "" {
		if _, err := d.makeLink(ctx, tx, link{Matter: c.ID, Purpose: toAppealBy, Expires: c.Due}); err != nil {
			return err
		}
	}
	return d.pronounce(ctx, tx, c, by, j, "judged")
}

// pronounce keeps a judgment and has everybody told of it whom it concerns.
func (d *Safety) pronounce(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, j judgment, kind string) error {
	if err := d.addJudgment(ctx, tx, j); err != nil {
		return err
	}
	if err := d.keepStep(ctx, tx, c, by, kind, outcomes[j.Outcome].staff); err != nil {
		return err
	}
	if c.Subject != "" {
		if err := d.Gate.NoteAbout(ctx, tx, c.Subject, customer, by, "case."+kind, Keeps[0]); err != nil {
			return err
		}
	}
	return d.Jobs.Enqueue(ctx, tx, tellArgs{Case: c.ID, Step: "outcome", Of: j.ID})
}

// appeal asks for another look at what was judged against a customer.
func (d *Safety) appeal(ctx context.Context, tx *store.Tx, c matter, text string) error {
	now := d.Now()
	switch {
	case c.Outcome != violation && c.Outcome != refused || c.Judge == "":
		return loot.Errorf(loot.Conflict, "Nothing was judged against you here, so there is nothing to object to.")
	case !c.Appealed.IsZero():
		return loot.Errorf(loot.Conflict, "Somebody else has been asked to look again already. Your portal takes a dispute about a judgment.")
	case now.After(c.Due):
		return loot.Errorf(loot.Conflict, "The time to object is over. Your portal takes a dispute about a judgment.")
	}
	c.Appealed, c.Due, c.Closed, c.Owner, c.Reminded = now, now.Add(toReview), time.Time{}, "", time.Time{}
	if err := updateCase(ctx, tx, c); err != nil {
		return err
	}
	if err := d.notes.Add(ctx, tx, c.ID, desk.Note{At: now, Kind: "appeal", Text: text}); err != nil {
		return err
	}
	return d.Gate.NoteAbout(ctx, tx, c.Subject, customer, loot.Actor{Kind: loot.Person, ID: string(c.Subject)}, "case.appealed", Keeps[0])
}

func reviewFields(c matter) web.Fields {
	outcome := web.Field{Name: "outcome", Label: "Decision", Type: "select", Required: true, Options: []web.Option{
		{Label: "What do you decide?"}, {Value: upheld, Label: "The judgment stands"}, {Value: reversed, Label: "It is reversed: what followed is undone"},
	}}
	measure := web.Field{Name: "measure", Label: "What follows instead", Type: "select", Options: []web.Option{{Label: "What is enough?"}, {Value: nothing, Label: measureTitles[""]}}}
	measure.Options = append(measure.Options, measureOptions(measures[1:max(1, slices.Index(measures, c.Measure))])...)
	fields := web.Fields{outcome}
	if c.What == anAbuse {
		fields[0].Options = append(fields[0].Options, web.Option{Value: milder, Label: "It was misuse, and a milder measure is enough"})
		fields = append(fields, measure)
	}
	return append(
		fields,
		web.Field{Name: "facts", Label: "Facts", Type: "textarea", Required: true, MaxLen: 5000, Rows: 3, Wide: true, Hint: "That you looked at."},
		web.Field{Name: "reasons", Label: "Reasons", Type: "textarea", Required: true, MaxLen: 2000, Rows: 4, Wide: true, Hint: "They read them."},
	)
}

// decidedWords says who hears what was decided on an appeal.
func decidedWords(c matter, outcome string) string {
	if c.What == aDispute || outcome == upheld { // what reporters were told stands
		return "Decided. The customer is told."
	}
	return "Decided. The customer is told, and so is whoever reported it and left an address."
}

var errSame = loot.Errorf(loot.Denied, "You judged this case, so somebody else decides the appeal.")

// review decides an appeal: another person than the one who judged.
func (d *Safety) review(ctx context.Context, tx *store.Tx, c matter, by loot.Actor, typed url.Values) error {
	if by.ID == c.Judge {
		return errSame
	}
	now := d.Now()
	j := judgment{ID: loot.NewID("j"), Matter: c.ID, At: now, Author: by.ID, Appeal: true, Outcome: typed.Get("outcome"), Because: because{Facts: typed.Get("facts"), Reasons: typed.Get("reasons")}}
	c.Decided, c.Owner = now, cmp.Or(c.Owner, by.ID)
	var err error
	switch to := typed.Get("measure"); {
	case j.Outcome == milder:
		if j, err = d.lessened(ctx, tx, j, to); err != nil {
			return err
		}
		if c, err = d.setMeasure(ctx, tx, c, by, j.Measure); err != nil {
			return err
		}
	case to != "":
		return web.Invalid("", map[string]string{"measure": "Choose this only where a milder measure is enough."})
	case j.Outcome == reversed:
		if c, err = d.setMeasure(ctx, tx, c, by, ""); err != nil {
			return err
		}
		c.Reversed = true
		c.Outcome = map[string]string{violation: none, refused: granted}[c.Outcome]
	}
	return d.pronounce(ctx, tx, c, by, j, "reviewed")
}

// lessened has a decision on an appeal put a milder measure in place of what was judged. It
// is a statement of reasons of its own, by the same rule.
func (d *Safety) lessened(ctx context.Context, tx *store.Tx, j judgment, to string) (judgment, error) {
	js, err := d.judgments(ctx, tx, `matter = $1 AND appeal = 0`, j.Matter)
	if err != nil {
		return j, err
	}
	if j.Measure = to; to == nothing {
		j.Measure = ""
	}
	switch {
	case to == "":
		return j, web.Invalid("", map[string]string{"measure": "Say what follows instead."})
	case len(js) != 1 || slices.Index(measures, j.Measure) >= slices.Index(measures, js[0].Measure):
		return j, web.Invalid("", map[string]string{"measure": "This is not milder than what was judged."})
	}
	j.Ground, j.Automated, j.Because.Rule = js[0].Ground, js[0].Automated, js[0].Because.Rule
	return j, nil
}

// hear keeps what a customer answered.
func (d *Safety) hear(ctx context.Context, tx *store.Tx, c matter, text string) error {
	if !undecided(c) {
		return loot.Errorf(loot.Conflict, "This case is decided. Whoever disagrees can object to the judgment.")
	}
	now := d.Now()
	c.Answered, c.Due, c.Reminded = now, now.Add(toJudge), time.Time{}
	if err := updateCase(ctx, tx, c); err != nil {
		return err
	}
	return d.notes.Add(ctx, tx, c.ID, desk.Note{At: now, Kind: "answered", Text: text})
}
