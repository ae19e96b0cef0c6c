// Package report reads reports of abuse: mail in the Abuse Reporting Format
// (ARF, RFC 5965), XARF of the versions 3 and 4 as JSON, in a mail or alone, and
// mail that somebody wrote. What it reads comes from anybody, so it keeps
// within limits whatever comes, runs, unpacks and renders nothing of it, and
// says in warnings what should make a reader careful.
package report

import (
	"fmt"
	"net/netip"
	"time"
)

// A Kind is what is reported.
type Kind string

// The kinds. Other is what fits none of them, and what says nothing of its kind.
const (
	Spam      Kind = "spam"
	Phishing  Kind = "phishing"
	Malware   Kind = "malware" // spread, controlled from, or suffered by the source
	Attack    Kind = "attack"  // on systems: scans, log-ins, floods
	Copyright Kind = "copyright"
	Illegal   Kind = "illegal" // content that the law forbids
	Fraud     Kind = "fraud"
	Other     Kind = "other"
)

// A Format is how a report was written.
type Format string

// The formats.
const (
	ARF   Format = "arf"   // RFC 5965
	XARF3 Format = "xarf3" // github.com/abusix/xarf, versions 1 to 3
	XARF4 Format = "xarf4" // github.com/xarf/xarf-spec
	Text  Format = "text"  // by a person, or by a program that follows none of these
)

// A Report is one report of abuse. All of it but Format, Kind, Size, SHA256 and
// Warnings is what somebody wrote, and personal: it belongs sealed, and in no
// log.
type Report struct {
	Format   Format
	Kind     Kind
	Reporter Reporter
	// ID is the reporter's own: XARF's report_id or ReporterCaseID, else the mail's
	// Message-ID without its brackets; at most 200 bytes, possibly empty.
	ID        string
	Date      time.Time // in UTC, when it was written, as it says; zero: it does not say
	Subject   string
	Text      string   // that people read, in UTF-8 with lines ended by "\n"; at most [MaxText] bytes
	Sources   []Source // the stated first; at most [MaxSources]
	Times     []Time   // that stand in Text
	Lines     []string // of Text that look like those of a log, at most [MaxLines]
	Incidents int      // how many it stands for, at least 1
	Evidence  []Part   // at most [MaxParts]
	Automatic bool     // a program sent it, and to answer it could begin a loop (RFC 3834)
	Size      int64    // of all that was read, in bytes
	SHA256    string   // of that, in hexadecimal
	Warnings  []Warning
}

// A Reporter is who reports, as they say themselves.
type Reporter struct {
	Address      string // e-mail; empty: none that can be one
	Name         string
	Organisation string
}

// A Source is something that a report says, or lets guess, abuse came from.
// Whether it is anything of ours is not known here.
type Source struct {
	Address netip.Addr // not valid: none is named
	Port    uint16     // 0: none is named
	URL     string     // as it leads there, also where it was written so that nobody follows it
	Domain  string     // in small letters and ASCII (RFC 5890); of URL if there is one
	First   time.Time  // in UTC; zero: no time is named
	Last    time.Time
	Zoned   bool // those times came with their time zone; else UTC was taken
	Stated  bool // in a field that is meant for it; else found in text or in an attached mail
}

// A Time is a time that stands in a text.
type Time struct {
	At    time.Time // in UTC
	Zoned bool      // it came with its time zone; else UTC was taken
}

// A Part is a piece of evidence: an attachment of a mail, or a sample within a
// XARF document. Of its content there is no more than what it hashes to.
type Part struct {
	// Path is where it stands: parts of a mail by their numbers from 1 on, as IMAP
	// counts them (RFC 3501, 6.4.5), and samples after a slash, such as "2/1".
	Path        string
	MediaType   string // as the sender calls it; in small letters, without parameters
	Name        string // of the file, as the sender calls it, without folders; often empty
	Description string
	Size        int64 // in bytes, once the transfer encoding is undone
	SHA256      string
}

// A Warning says in general words what a reader of a report should know before
// they rely on it. It holds nothing that anybody wrote.
type Warning string

// The warnings.
const (
	TooLarge      Warning = "It is larger than what is read; the end is missing."
	TextCut       Warning = "The text is longer than what is kept of it."
	TooManyParts  Warning = "It has more parts than are looked at; the rest is only in the mail as a whole."
	TooDeep       Warning = "Parts lie within parts deeper than is looked at."
	TooMany       Warning = "It names more addresses than are kept."
	BadStructure  Warning = "It is not well-formed mail; what could be read was taken as text."
	BadHeader     Warning = "A header holds lines that are no fields; they were left out."
	BadEncoding   Warning = "A part is not encoded as it says; it is kept as far as it could be read."
	BadCharset    Warning = "A text is in an unknown character set; letters may be wrong."
	NoReporter    Warning = "It names nobody who reports."
	NoSource      Warning = "It names no address, link or domain."
	NoZone        Warning = "Times stand in it without a time zone; UTC was taken."
	LateTime      Warning = "It tells of a time after it was written."
	BadField      Warning = "A field of the report does not hold what it should."
	MissingField  Warning = "A field that the format requires is missing or there twice."
	SeveralInOne  Warning = "It holds several reports; the first was taken."
	NotAsAttached Warning = "The address that it reports is not among those through which the attached mail came."
	OtherSender   Warning = "Who sent the mail is of another domain than who reports."
	HashDiffers   Warning = "A sample does not hash to what the report says."
	Nested        Warning = "A report of the machine-readable kind lies within another mail; it was not taken as one."
	NotAbuse      Warning = "It says itself that it reports no abuse."
)

// Limits on what is read and kept of a report. They also bound the memory that
// reading takes, whatever a mail holds: some ten times MaxText, and MaxJSON
// for a document of XARF.
const (
	MaxBytes   = 50 << 20
	MaxText    = 256 << 10
	MaxJSON    = 12 << 20
	MaxParts   = 1000
	MaxDepth   = 8
	MaxSources = 500
	MaxLines   = 200
)

const (
	maxHeader  = 128 << 10 // bytes of the header of a mail or a part
	maxSubject = 500       // bytes
	maxName    = 200       // bytes of what names something or somebody
	maxURL     = 2000      // bytes
	maxTimes   = 200
)

// String says what may be logged of a report.
func (r Report) String() string {
	return fmt.Sprintf("report of %s in %s: %d sources, %d parts, %d warnings", r.Kind, r.Format, len(r.Sources), len(r.Evidence), len(r.Warnings))
}

// GoString is String, so that no verb prints more.
func (r Report) GoString() string { return r.String() }

func (r *Report) warn(w Warning) {
	for _, have := range r.Warnings {
		if have == w {
			return
		}
	}
	r.Warnings = append(r.Warnings, w)
}
