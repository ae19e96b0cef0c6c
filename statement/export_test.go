package statement

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestExports(t *testing.T) {
	s := load(t, "full.md")
	golden(t, "testdata/full.jsonld", s.ExportDPV(time.Time{}))
	golden(t, "testdata/full.csv", s.ExportRecordCSV())
	golden(t, "testdata/full.html", s.ExportRecordHTML(time.Time{}))
	golden(t, "testdata/full.cedar", []byte(s.CedarText()))
	golden(t, "testdata/full.cedarschema", []byte(s.CedarSchema()))
	golden(t, "testdata/full.cedarschema.json", s.CedarSchemaJSON())
}

// properties are the terms of the vocabulary that the export uses besides those
// that a statement names.
var properties = strings.Fields(`dpv:PrivacyNotice dpv:DataController dpv:hasName dpv:hasAddress dpv:hasContact dpv:Purpose dpv:PersonalData
	dpv:ThirdParty dpv:Authority dpv:Recipient dpv:hasCountry dpv:PersonalDataHandling dpv:hasDataController dpv:hasDataSubject dpv:hasPurpose
	dpv:hasLegalBasis dpv:hasPersonalData dpv:hasTechnicalOrganisationalMeasure dpv:EncryptionAtRest dpv:hasNotice dpv:hasStorageCondition
	dpv:StorageCondition dpv:hasDuration dpv:StorageDuration dpv:hasApplicableLaw dpv:hasRecipient dpv:Contract dpv:LegalObligation dpv:Consent
	dpv:LegitimateInterest dpv:DataSubject eu-gdpr:A6-1-a eu-gdpr:A6-1-b eu-gdpr:A6-1-c eu-gdpr:A6-1-f`)

// Every reference of the export leads to a node of it or to a known term, so
// that a reader of linked data loses nothing silently.
func TestDPVHoldsTogether(t *testing.T) {
	for name, s := range map[string]*Statement{"full.md": load(t, "full.md"), "default": inForce(t, "statement.md", Default())} {
		var doc struct {
			Graph []map[string]any `json:"@graph"`
		}
		if err := json.Unmarshal(s.ExportDPV(time.Time{}), &doc); err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, p := range properties {
			known[p] = true
		}
		for term := range dpvTerms {
			known[term] = true
		}
		for _, n := range doc.Graph {
			id := n["@id"].(string)
			if known[id] {
				t.Errorf("%s: %s is there twice", name, id)
			}
			known[id] = true
		}
		var walk func(v any)
		check := func(term string) {
			if !known[term] && !strings.HasPrefix(term, "dct:") && !strings.HasPrefix(term, "xsd:") && !strings.HasPrefix(term, "rdf:") {
				t.Errorf("%s: %s is not known", name, term)
			}
		}
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for k, inner := range v {
					if !strings.HasPrefix(k, "@") {
						check(k)
					}
					if text, ok := inner.(string); ok && (k == "@id" || k == "@type") {
						check(text)
					} else if list, ok := inner.([]any); ok && k == "@type" {
						for _, x := range list {
							check(x.(string))
						}
					} else {
						walk(inner)
					}
				}
			case []any:
				for _, x := range v {
					walk(x)
				}
			}
		}
		for _, n := range doc.Graph {
			walk(n)
		}
	}
}

func TestRecordIsNoSpreadsheetFormula(t *testing.T) {
	src := bytes.Replace(read1(t, "full.md"), []byte("title: Customers"), []byte(`title: "=HYPERLINK(1)"`), 1)
	s, err := parse("full.md", src)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(s.ExportRecordCSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, text := range row {
			if strings.HasPrefix(text, "=") {
				t.Errorf("%q is a formula", text)
			}
		}
	}
	if len(rows) < 5 {
		t.Errorf("got %d rows", len(rows))
	}
}

func TestPlannedIsNotInTheRecord(t *testing.T) {
	if got := load(t, "full.md").ExportRecordCSV(); bytes.Contains(got, []byte("Applicants")) {
		t.Errorf("the record has what is only planned:\n%s", got)
	}
}

// What is exported of a version in force says the day for which it was announced.
func TestExportsSayTheAnnouncedDay(t *testing.T) {
	s, since := load(t, "full.md"), time.Date(2031, 5, 7, 10, 0, 0, 0, time.UTC)
	for name, out := range map[string][]byte{"DPV": s.ExportDPV(since), "record": s.ExportRecordHTML(since)} {
		if !bytes.Contains(out, []byte("2031-05-07")) || bytes.Contains(out, []byte(s.Front().Effective.Format(time.DateOnly))) {
			t.Errorf("the %s does not say the day", name)
		}
	}
}
