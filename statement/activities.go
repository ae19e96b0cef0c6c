package statement

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

//go:embed activities.html
var activitiesPage string

var activitiesTemplate = template.Must(template.New("activities").Parse(activitiesPage))

// activityColumns are the headings of the record of processing activities (GDPR
// Article 30), with the columns that our own rules add.
var activityColumns = []string{
	"Controller", "Contact", "Processing activity", "Purpose", "Legal basis", "Law", "Data subjects", "Kinds of data", "Data",
	"Recipients", "Countries outside the EEA", "Kept afterwards", "Protection", "Opened by", "Clause",
}

// eea are the countries of the European Economic Area.
var eea = strings.Fields("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO")

func (s *Statement) activityRows() [][]string {
	f := s.Front()
	var rows [][]string
	for _, a := range s.activities() {
		var outside []string
		for _, r := range a.recipients {
			if r.Country != "" && !slices.Contains(eea, r.Country) && !slices.Contains(outside, r.Country) {
				outside = append(outside, r.Country)
			}
		}
		kept := ""
		if a.keepKnown {
			kept = a.purpose.Keep.Words()
		}
		rows = append(rows, []string{
			f.Controller.Name + ", " + f.Controller.Address,
			f.Controller.Email,
			a.collection.Title + ": " + a.purpose.Title,
			a.purpose.Why,
			basisWords[a.purpose.Basis],
			a.purpose.Law,
			a.collection.Title,
			strings.Join(ids(a.categories, func(c Category) string { return c.Title }), "; "),
			strings.Join(ids(a.fields, func(f FieldDecl) string { return f.Title }), "; "),
			strings.Join(ids(a.recipients, func(r Recipient) string { return r.Title }), "; "),
			strings.Join(outside, "; "),
			kept,
			s.protection(a),
			strings.Join(append(
				ids(a.roles, func(r RoleDecl) string { return r.Title }),
				ids(a.desks, func(d DeskDecl) string { return d.Title + " (program)" })...), "; "),
			string(a.purpose.Clause),
		})
	}
	return rows
}

// protection says how the levels of the data are treated.
func (s *Statement) protection(a activity) string {
	var out []string
	for _, l := range s.d.levels {
		if !slices.ContainsFunc(a.categories, func(c Category) bool { return c.Level == l.Level }) {
			continue
		}
		words := l.Title
		switch l.Mask {
		case "partly":
			words += ", partly covered until revealed"
		case "fully":
			words += ", covered until revealed"
		}
		switch {
		case l.Approvals == 1:
			words += ", opened by staff with one approval"
		case l.Approvals > 1:
			words += fmt.Sprintf(", opened by staff with %s approvals", number(l.Approvals))
		}
		out = append(out, words)
	}
	return strings.Join(out, "; ")
}

// ExportRecordCSV returns the record of processing activities as CSV.
func (s *Statement) ExportRecordCSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := append([][]string{activityColumns}, s.activityRows()...)
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		panic(fmt.Sprintf("statement: record: %v", err)) // cannot be: it writes to memory
	}
	return b.Bytes()
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

// ExportRecordHTML returns the record of processing activities as a page that
// stands by itself.
func (s *Statement) ExportRecordHTML(since time.Time) []byte {
	var b bytes.Buffer
	err := activitiesTemplate.Execute(&b, struct {
		Front   Front
		Hash    string
		Columns []string
		Rows    [][]string
	}{s.frontOf(since), s.Hash(), activityColumns[2:], tail(s.activityRows())})
	if err != nil {
		panic(fmt.Sprintf("statement: record: %v", err)) // cannot be: the template is tested
	}
	return b.Bytes()
}

// tail leaves out the controller, which the page names once.
func tail(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = row[2:]
	}
	return out
}
