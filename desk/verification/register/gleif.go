package register

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"loot/number"
)

// Where GLEIF publishes its interface; "/api/v1/lei-records/" and an LEI follow.
const gleifEndpoint = "https://api.gleif.org"

// GLEIF is the register of the Global Legal Entity Identifier Foundation, which
// holds every LEI.
type GLEIF struct{ line Line }

// NewGLEIF returns GLEIF; its endpoint goes without the path.
func NewGLEIF(l Line) (*GLEIF, error) {
	l, err := l.ready(gleifEndpoint)
	if err != nil {
		return nil, err
	}
	return &GLEIF{l}, nil
}

// Name implements [Register].
func (g *GLEIF) Name() string { return "GLEIF" }

// Takes implements [Register].
func (g *GLEIF) Takes(n number.Number) bool { return n.Scheme != nil && n.Scheme.ID == "lei" }

// gleifDocument is a document of JSON:API 1.0: data or errors.
type gleifDocument struct {
	Data *struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			Entity struct {
				LegalName struct {
					Name string `json:"name"`
				} `json:"legalName"`
				LegalAddress struct {
					Lines      []string `json:"addressLines"`
					City       string   `json:"city"`
					Region     string   `json:"region"`
					Country    string   `json:"country"`
					PostalCode string   `json:"postalCode"`
				} `json:"legalAddress"`
				Status string `json:"status"` // key of entityStatus
			} `json:"entity"`
			Registration struct {
				Status string `json:"status"` // key of registrationStatus
			} `json:"registration"`
		} `json:"attributes"`
	} `json:"data"`
	Errors []struct {
		Status string `json:"status"`
	} `json:"errors"`
	Meta struct {
		GoldenCopy struct {
			PublishDate time.Time `json:"publishDate"`
		} `json:"goldenCopy"`
	} `json:"meta"`
}

// Ask implements [Register].
func (g *GLEIF) Ask(ctx context.Context, n number.Number) (Answer, error) {
	if err := holds(g, n); err != nil {
		return Answer{}, fmt.Errorf("register: GLEIF: %w", err)
	}
	a, err := g.ask(ctx, n.Value)
	if err != nil {
		return Answer{}, fmt.Errorf("register: GLEIF: %w", err)
	}
	return a, nil
}

func (g *GLEIF) ask(ctx context.Context, lei string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.line.Endpoint+"/api/v1/lei-records/"+lei, http.NoBody)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Accept", "application/vnd.api+json")
	status, body, err := g.line.call(ctx, req)
	if err != nil {
		return Answer{}, err
	}
	var d gleifDocument
	if err := json.Unmarshal(body, &d); err != nil {
		return Answer{}, notYet("status %d and an answer that is no JSON:API", status)
	}
	a := Answer{Register: g.Name(), Asked: g.line.Now(), Dated: d.Meta.GoldenCopy.PublishDate}
	switch says := len(d.Errors) > 0 && d.Errors[0].Status == fmt.Sprint(status); {
	case status == http.StatusNotFound && says: // and not just some server's page that is not found
		return a, nil
	case status == http.StatusBadRequest && says:
		return Answer{}, fmt.Errorf("%w: status 400", ErrRefused)
	case status != http.StatusOK:
		return Answer{}, notYet("status %d", status)
	case d.Data == nil || d.Data.Type != "lei-records" || d.Data.ID != lei:
		return Answer{}, notYet("an answer about something else")
	}
	entity := d.Data.Attributes.Entity
	a.Known = true
	if a.Name, err = told(entity.LegalName.Name); err != nil {
		return Answer{}, err
	}
	if a.Name == "" { // which every record has
		return Answer{}, notYet("an answer without a name")
	}
	l := entity.LegalAddress
	if a.Address, err = told(strings.Join(append(l.Lines, l.PostalCode+" "+l.City, l.Region, l.Country), "\n")); err != nil {
		return Answer{}, err
	}
	if err := a.inParts(strings.Join(l.Lines, "\n"), l.PostalCode, l.City, l.Country); err != nil {
		return Answer{}, err
	}
	registration := d.Data.Attributes.Registration.Status
	if entity.Status == "" || registration == "" { // which every record has
		return Answer{}, notYet("an answer without a status")
	}
	a.Fault = cmp.Or(sense(registrationStatus, registration), sense(entityStatus, entity.Status))
	return a, nil
}

// What the states of a company and of its registration mean (LEI-CDF 3.1). Of what counts
// nothing is said: also of a registration that moves between offices, which both keep up.
var (
	entityStatus = map[string]string{
		"ACTIVE":   "",
		"INACTIVE": "GLEIF says that the company no longer operates, as after it was closed or merged with another.",
		"NULL":     "GLEIF does not say whether the company operates.",
	}
	registrationStatus = map[string]string{
		"ISSUED":             "",
		"PENDING_TRANSFER":   "",
		"PENDING_ARCHIVAL":   "",
		"LAPSED":             "GLEIF says that the registration of this LEI has lapsed: it was not renewed in time, and nobody looks whether what it says is still so.",
		"RETIRED":            "GLEIF says that this LEI is retired, as its company no longer operates.",
		"MERGED":             "GLEIF says that the company of this LEI was merged into another.",
		"DUPLICATE":          "GLEIF says that the company has another LEI, which is the one to use.",
		"ANNULLED":           "GLEIF says that this LEI was given out by mistake, and is void.",
		"CANCELLED":          "GLEIF says that this LEI was asked for and never given out.",
		"TRANSFERRED":        "GLEIF says that another office keeps this LEI now, and does not tell what that one knows.",
		"PENDING_VALIDATION": "GLEIF says that this LEI was asked for and is not given out yet.",
	}
)

func sense(of map[string]string, status string) string {
	if why, known := of[status]; known {
		return why
	}
	return "GLEIF says of this LEI something that this program does not know; somebody has to read it there."
}
