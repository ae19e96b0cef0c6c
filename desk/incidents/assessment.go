package incidents

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// An assessment is what was found about the risk to the people concerned, and
// what was decided from it (GDPR Articles 33(1) and 34).
type assessment struct {
	Note       string // id of the note with the reasons; empty: nothing was assessed yet
	Likelihood int    // that somebody comes to harm: 1 unlikely, 2 possible, 3 likely
	Severity   int    // of that harm: 1 slight, 2 noticeable, 3 grave
	People     int    // how many are concerned, about
	Categories []loot.Category
	Regulator  string // "tell" or "not"
	Persons    string // "tell", or why not: "not", "unreadable", "averted", "published"
}

// risk is the word for likelihood times severity: only what is both unlikely and
// slight is no risk, and what is at least likely and noticeable is a high one.
func (a assessment) risk() string {
	switch n := a.Likelihood * a.Severity; {
	case n >= 6:
		return "high"
	case n > 1:
		return "some"
	}
	return "none"
}

var (
	likelihoods = []web.Option{{Value: "1", Label: "Unlikely"}, {Value: "2", Label: "Possible"}, {Value: "3", Label: "Likely"}}
	severities  = []web.Option{{Value: "1", Label: "Slight: a nuisance that passes"}, {Value: "2", Label: "Noticeable: money, time or standing is lost"}, {Value: "3", Label: "Grave: lasting harm"}}
	regulating  = []web.Option{{Value: "tell", Label: "It is told"}, {Value: "not", Label: "It is not told: there is no risk"}}
	telling     = []web.Option{
		{Value: "tell", Label: "They are told"},
		{Value: "not", Label: "Not told: the risk is not high"},
		{Value: "unreadable", Label: "Not told: nobody who has it can read it"},
		{Value: "averted", Label: "Not told: what was done since takes the high risk away"},
		{Value: "published", Label: "Not one by one, which would be out of proportion: it is published"},
	}
)

// What was decided, in whole sentences.
var (
	decidedRegulator = map[string]string{"tell": "The regulator is told.", "not": "The regulator is not told, as there is no risk."}
	decidedPersons   = map[string]string{
		"tell":       "The people concerned are told.",
		"not":        "The people concerned are not told, as the risk is not high.",
		"unreadable": "The people concerned are not told, as nobody who has it can read it.",
		"averted":    "The people concerned are not told, as what was done since takes the high risk away.",
		"published":  "The people concerned are not told one by one, which would be out of proportion: it is published.",
	}
)

// labelOf returns the label of an option.
func labelOf(options []web.Option, value string) string {
	if i := slices.IndexFunc(options, func(o web.Option) bool { return o.Value == value }); i >= 0 {
		return options[i].Label
	}
	return value
}

// The forms of an incident's page beside the next step and those about people.
const (
	assessing = "assess"
	planning  = "measure"
	finishing = "done"
)

// assessForm asks for an assessment; was is the one that counts so far.
func (d *incidents) assessForm(version int64, was assessment) web.Fields {
	var categories []web.Option
	if v, ok := d.Gate.InForce(); ok {
		for _, c := range v.Statement.Categories() {
			categories = append(categories, web.Option{Value: string(c.ID), Label: c.Title})
		}
	}
	number := func(n int) string {
		if was.Note == "" {
			return ""
		}
		return strconv.Itoa(n)
	}
	kinds := make([]string, len(was.Categories))
	for i, c := range was.Categories {
		kinds[i] = string(c)
	}
	fields := web.Fields{
		{Name: "version", Type: "hidden", Value: strconv.FormatInt(version, 10)},
		{Name: "likelihood", Label: "How likely is harm to the people concerned?", Type: "select", Required: true, Value: number(was.Likelihood), Options: slices.Concat([]web.Option{web.Choose}, likelihoods)},
		{Name: "severity", Label: "How bad would it be?", Type: "select", Required: true, Value: number(was.Severity), Options: slices.Concat([]web.Option{web.Choose}, severities)},
		{Name: "number", Label: "How many people are concerned, about?", InputMode: "numeric", Pattern: "[0-9]*", MaxLen: 9, Required: true, Value: number(was.People)},
		{Name: "categories", Label: "Kinds of details", Type: "checkboxes", Options: categories, Values: kinds, Wide: true},
		{Name: "regulator", Label: "The regulator", Type: "select", Required: true, Value: was.Regulator, Options: slices.Concat([]web.Option{web.Choose}, regulating)},
		{Name: "persons", Label: "The people concerned", Type: "select", Required: true, Value: was.Persons, Options: slices.Concat([]web.Option{web.Choose}, telling)},
		{Name: "text", Label: "Why", Type: "textarea", Required: true, MaxLen: 4000, Rows: 4, Wide: true, Hint: "What speaks for this likelihood and severity, and for what is decided. A regulator may ask for it years later."},
	}
	for i := range fields {
		fields[i].Form = assessing
	}
	return fields
}

// readAssessment reads the form, and refuses a decision that the risk does not
// allow (GDPR Articles 33(1) and 34(3)).
func readAssessment(form url.Values) (assessment, error) {
	a := assessment{Regulator: form.Get("regulator"), Persons: form.Get("persons"), Categories: []loot.Category{}}
	a.Likelihood, _ = strconv.Atoi(form.Get("likelihood")) // one of those offered
	a.Severity, _ = strconv.Atoi(form.Get("severity"))
	for _, c := range form["categories"] {
		if c != "" {
			a.Categories = append(a.Categories, loot.Category(c))
		}
	}
	wrong := map[string]string{}
	var err error
	if a.People, err = strconv.Atoi(strings.TrimSpace(form.Get("number"))); err != nil || a.People < 0 {
		wrong["number"] = "Please give a whole number, such as 12; 0 if nobody is."
	}
	switch risk := a.risk(); {
	case risk != "none" && a.Regulator == "not":
		wrong["regulator"] = "There is a risk, so the regulator is told. Only what is both unlikely and slight is not told."
	case risk == "high" && a.Persons == "not":
		wrong["persons"] = "The risk is high, so they are told, or one of the three exceptions holds."
	case risk != "high" && a.Persons != "tell" && a.Persons != "not":
		wrong["persons"] = "This exception is for a high risk, and there is none."
	}
	return a, web.Invalid("", wrong)
}

// assess keeps an assessment with its reasons.
func (d *incidents) assess(ctx context.Context, tx *store.Tx, i incident, by loot.Actor, form url.Values, alone bool) error {
	if !i.Closed.IsZero() {
		return errClosed
	}
	if err := d.assessForm(i.Version, assessment{}).Check(form); err != nil {
		return err
	}
	a, err := readAssessment(form)
	if err != nil {
		return err
	}
	a.Note = loot.NewID("n")
	categories, err := json.Marshal(a.Categories)
	if err != nil {
		return fmt.Errorf("incidents: assessment: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incidents_assessment (note, incident, at, likelihood, severity, people, categories, regulator, persons)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.Note, i.ID, d.Now().UnixMicro(), a.Likelihood, a.Severity, a.People, string(categories), a.Regulator, a.Persons); err != nil {
		return fmt.Errorf("incidents: assessment: %w", err)
	}
	i.Risk = a.risk()
	text := fmt.Sprintf("Harm is %s and would be %s; %s concerned. %s %s\n\n%s",
		strings.ToLower(labelOf(likelihoods, strconv.Itoa(a.Likelihood))), strings.ToLower(strings.Split(labelOf(severities, strconv.Itoa(a.Severity)), ":")[0]),
		loot.Plural(a.People, "person is", "people are"), decidedRegulator[a.Regulator], decidedPersons[a.Persons], form.Get("text"))
	return d.keep(ctx, tx, i, by, note{ID: a.Note, Kind: "assessment", Text: text, Alone: alone}, "")
}

// assessed returns the assessment that counts; the zero one if there is none.
func assessed(ctx context.Context, tx *store.Tx, incidentID string) (a assessment, err error) {
	var categories string
	err = tx.QueryRow(ctx, `SELECT note, likelihood, severity, people, categories, regulator, persons FROM incidents_assessment
		WHERE incident = $1 ORDER BY at DESC, note DESC LIMIT 1`, incidentID).
		Scan(&a.Note, &a.Likelihood, &a.Severity, &a.People, &categories, &a.Regulator, &a.Persons)
	if errors.Is(err, sql.ErrNoRows) {
		return assessment{}, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(categories), &a.Categories)
	}
	if err != nil {
		return assessment{}, fmt.Errorf("incidents: assessment: %w", err)
	}
	return a, nil
}

// kinds says the categories of an assessment in the statement's words.
func (a assessment) kinds(s *statement.Statement) string {
	var out []string
	for _, id := range a.Categories {
		if c, ok := s.Category(id); ok {
			out = append(out, c.Title)
		}
	}
	return strings.Join(out, ", ")
}
