package desk

import (
	"context"
	"time"

	"loot"
	"loot/ledger"
	"loot/statement"
)

// CopyVersion is the version of the form that a [Copy] has as JSON. It rises when
// something is taken out or given another meaning; what is added leaves it as it is.
const CopyVersion = 1

// A Copy is everything that is held about a person, as they take it along (GDPR
// Articles 15 and 20). The schema of its JSON lies beside it in the archive.
type Copy struct {
	Version     int                 `json:"version" doc:"Of the form of this copy."`
	Made        time.Time           `json:"made"`
	Controller  string              `json:"controller"`
	Statement   string              `json:"statement" doc:"Version in force."`
	Subject     loot.Subject        `json:"id"`
	Fields      []CopiedField       `json:"fields"`
	Permissions map[string]bool     `json:"permissions" doc:"Id of each permission that is offered to whether it is given."`
	Objections  []loot.Purpose      `json:"objections"`
	Services    []CopiedService     `json:"services"`
	Elsewhere   map[string]any      `json:"elsewhere,omitempty" doc:"What each part of the program keeps besides."`
	Purposes    []statement.Purpose `json:"purposes"`
	LedgerKey   string              `json:"ledger_key" doc:"Signs the receipts; to be compared with the statement's."`
	Timeline    []CopiedEntry       `json:"timeline,omitempty"` // last, so that it can be written as it is read
}

// A CopiedField is one detail in a [Copy].
type CopiedField struct {
	Field     loot.Field     `json:"field"`
	Title     string         `json:"title"`
	Value     string         `json:"value"`
	Source    string         `json:"source"`
	Since     time.Time      `json:"since,omitzero"`
	Statement string         `json:"statement"` // hash of the version in force then
	State     string         `json:"state"`
	Waiting   string         `json:"waits_for_confirmation,omitempty"`
	Purposes  []loot.Purpose `json:"purposes"`
	Openers   []string       `json:"may_be_opened_by"`
	Kept      []string       `json:"kept"`
	Earlier   []CopiedFormer `json:"earlier_values,omitempty"` // latest first
}

// A CopiedFormer is a value that was corrected or removed.
type CopiedFormer struct {
	Value     string    `json:"value"`
	Source    string    `json:"source"`
	Since     time.Time `json:"since"`
	Replaced  time.Time `json:"replaced"`
	Statement string    `json:"statement"`
	State     string    `json:"state"`
	Kept      string    `json:"kept"`
}

// A CopiedService is one that the person has or had.
type CopiedService struct {
	Reference string    `json:"reference"`
	Service   string    `json:"service"`
	Title     string    `json:"title"`
	Plan      string    `json:"plan,omitempty"`
	Since     time.Time `json:"since"`
	Ended     time.Time `json:"ended,omitzero"`
}

// A CopiedEntry is an entry of the person's timeline with its receipt, in words too.
type CopiedEntry struct {
	ledger.CopiedEntry
	Collection loot.Collection `json:"collection,omitempty"` // that was used
	What       string          `json:"what"`
	Who        string          `json:"who"`
	Unproved   string          `json:"unproved,omitempty"` // why there is no receipt
}

// A Document is what a person takes along beside their [Copy], such as an invoice.
type Document struct {
	Title string
	At    time.Time
	Files []string // names, without a folder
	// Read opens the files for the person, by one decision, in their order.
	Read func(context.Context) ([][]byte, error)
}

// A Bundled is a [Copy] of one of several records that somebody takes along in one archive,
// with the documents that belong to it.
type Bundled struct {
	Folder    string          // in the archive, such as "report-1/"
	In        loot.Collection // of the record
	Copy      Copy
	Documents []Document
}
