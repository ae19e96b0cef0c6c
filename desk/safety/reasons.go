package safety

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/store"
	"loot/web"
)

// union are the countries of the European Union, in which a measure counts (ISO 3166-1).
var union = []string{
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}

// A StatementOfReasons is a judgment in the attributes of the DSA Transparency Database
// (Regulation (EU) 2022/2065, Articles 17 and 24(5)). It names nobody.
type StatementOfReasons struct {
	DecisionVisibility     []string `json:"decision_visibility,omitempty"`
	DecisionProvision      string   `json:"decision_provision,omitempty"`
	DecisionGround         string   `json:"decision_ground"`
	LegalGround            string   `json:"illegal_content_legal_ground,omitempty"`
	LegalExplanation       string   `json:"illegal_content_explanation,omitempty"`
	TermsGround            string   `json:"incompatible_content_ground,omitempty"`
	TermsExplanation       string   `json:"incompatible_content_explanation,omitempty"`
	Category               string   `json:"category"`
	CategorySpecification  []string `json:"category_specification,omitempty"`
	SpecificationOther     string   `json:"category_specification_other,omitempty"`
	ContentType            []string `json:"content_type"`
	ContentTypeOther       string   `json:"content_type_other,omitempty"`
	ContentDate            string   `json:"content_date"`
	TerritorialScope       []string `json:"territorial_scope"`
	ApplicationDate        string   `json:"application_date"`
	EndServiceRestriction  string   `json:"end_date_service_restriction,omitempty"`
	EndVisibility          string   `json:"end_date_visibility_restriction,omitempty"`
	DecisionFacts          string   `json:"decision_facts"`
	SourceType             string   `json:"source_type"`
	AutomatedDetection     string   `json:"automated_detection"`
	AutomatedDecision      string   `json:"automated_decision"`
	PlatformUniqueIdentity string   `json:"puid"`
}

// statementOf writes a judgment as a statement of reasons; false: it restricts nothing.
// What was decided on an appeal ends what was judged before it, unless that stands.
func statementOf(c matter, j judgment, reports []filed, appeals []judgment) (s StatementOfReasons, ok bool) {
	switch {
	case j.Outcome != violation && j.Outcome != milder:
		return s, false
	case j.Measure == removed:
		s.DecisionVisibility = []string{"DECISION_VISIBILITY_CONTENT_REMOVED"}
	case j.Measure == limited:
		s.DecisionProvision = "DECISION_PROVISION_PARTIAL_SUSPENSION"
	case j.Measure == suspended:
		s.DecisionProvision = "DECISION_PROVISION_TOTAL_SUSPENSION"
	default:
		return s, false
	}
	s.DecisionGround, s.TermsGround, s.TermsExplanation = "DECISION_GROUND_INCOMPATIBLE_CONTENT", j.Because.Rule, j.Because.Reasons
	if j.Ground == "law" {
		s.DecisionGround, s.TermsGround, s.TermsExplanation = "DECISION_GROUND_ILLEGAL_CONTENT", "", ""
		s.LegalGround, s.LegalExplanation = j.Because.Rule, j.Because.Reasons
	}
	p, _ := playbookOf(Kind(c.Kind))
	s.Category = cmp.Or(p.Category, "STATEMENT_CATEGORY_OTHER_VIOLATION_TC")
	if p.Keyword != "" {
		s.CategorySpecification = []string{p.Keyword}
	}
	if p.Keyword == "KEYWORD_OTHER" {
		s.SpecificationOther = p.Title
	}
	s.ContentType, s.ContentTypeOther = []string{"CONTENT_TYPE_OTHER"}, "Hosting service"
	s.ContentDate, s.ApplicationDate = c.Earliest.UTC().Format(time.DateOnly), j.At.UTC().Format(time.DateOnly)
	if i := slices.IndexFunc(appeals, func(a judgment) bool { return a.Outcome != upheld }); i >= 0 && !j.Appeal {
		if end := appeals[i].At.UTC().Format(time.DateOnly); j.Measure == removed {
			s.EndVisibility = end
		} else {
			s.EndServiceRestriction = end
		}
	}
	s.TerritorialScope = union
	s.DecisionFacts = j.Because.Facts
	s.SourceType = "SOURCE_ARTICLE_16"
	switch {
	case len(reports) == 0:
		s.SourceType = "SOURCE_VOLUNTARY"
	case slices.ContainsFunc(reports, func(f filed) bool { return f.Trusted }):
		s.SourceType = "SOURCE_TRUSTED_FLAGGER"
	case !slices.ContainsFunc(reports, func(f filed) bool { return f.Way != ByFeed }):
		s.SourceType = "SOURCE_TYPE_OTHER_NOTIFICATION"
	}
	s.AutomatedDetection, s.AutomatedDecision = "No", "AUTOMATED_DECISION_NOT_AUTOMATED"
	if j.Automated {
		s.AutomatedDetection = "Yes"
	}
	s.PlatformUniqueIdentity = j.ID
	return s, true
}

// exportReasons hands out the statements of reasons since a day as the database takes
// them: of a case, or of all, the next ones after a judgment.
func (d *Safety) exportReasons(w http.ResponseWriter, r *http.Request) error {
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	since := time.Time{}
	if text := q.Get("since"); text != "" {
		if since, err = time.Parse(time.DateOnly, text); err != nil {
			return loot.Errorf(loot.Invalid, "since: a day is written like 2026-02-28.")
		}
	}
	out := struct {
		Statements []StatementOfReasons `json:"statements"`
	}{[]StatementOfReasons{}}
	ctx := r.Context()
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out.Statements = []StatementOfReasons{}
		if err := d.dealing(ctx, tx); err != nil {
			return err
		}
		at, after := since.UnixMicro(), ""
		if since.IsZero() {
			at = 0
		}
		if id := q.Get("after"); id != "" {
			last, err := d.judgments(ctx, tx, `id = $1`, id)
			if err != nil {
				return err
			}
			if len(last) == 0 {
				return loot.Errorf(loot.NotFound, "after: there is no such judgment.")
			}
			at, after = last[0].At.UnixMicro(), id
		}
		where, args := `(at > $1 OR at = $1 AND id > $2) AND outcome IN ($3, $4) AND measure <> ''`, []any{at, after, violation, milder}
		if id := q.Get("case"); id != "" {
			where, args = where+` AND matter = $5`, append(args, id)
		}
		js, err := d.judgments(ctx, tx, where+` ORDER BY at, id LIMIT 100`, args...)
		if err != nil {
			return err
		}
		for _, j := range js {
			c, err := findCase(ctx, tx, j.Matter, "")
			if err != nil {
				return err
			}
			reports, err := reportsOf(ctx, tx, c.ID)
			if err != nil {
				return err
			}
			appeals, err := d.judgments(ctx, tx, `matter = $1 AND appeal = 1 ORDER BY at, id`, c.ID)
			if err != nil {
				return err
			}
			if s, ok := statementOf(c, j, reports, appeals); ok {
				out.Statements = append(out.Statements, s)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="statements-of-reasons.json"`)
	_, err = w.Write(append(b, '\n'))
	return err
}
