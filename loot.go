// Package loot holds the words that every other package of Loot speaks: who
// acts, whose data it is, what kind of data, for which purpose, and what can
// go wrong. It imports nothing but the standard library.
package loot

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Subject is the person (or sole company) whose data is meant, the "data
// subject" of GDPR Article 4. It is random and says nothing about the person.
// A subject belongs to the collection it was made in: what the same human gives
// as an applicant and as a customer has two subjects that nothing links.
type Subject string

// NewSubject returns a fresh random subject: "s" and 128 random bits in
// lower-case base32.
func NewSubject() Subject { return Subject("s" + token()) }

// Compact returns the subject in 16 bytes, the form in which tables with a row
// a person keep it.
func (s Subject) Compact() []byte {
	if raw, err := base32Lower.DecodeString(strings.TrimPrefix(string(s), "s")); err == nil && len(raw) == 16 && SubjectOf(raw) == s {
		return raw
	}
	// One that NewSubject did not make is told apart by zeroes and length.
	b := append([]byte{0}, s...)
	if len(b) == 16 {
		b = append([]byte{0}, b...)
	}
	return b
}

// SubjectOf is the reverse of [Subject.Compact].
func SubjectOf(b []byte) Subject {
	if len(b) == 16 {
		return Subject("s" + base32Lower.EncodeToString(b))
	}
	return Subject(strings.TrimLeft(string(b), "\x00"))
}

// NewID returns a fresh random identifier with the given prefix, such as
// "e" for a ledger entry. It is not a secret and not an order.
func NewID(prefix string) string { return prefix + token() }

// IDOf returns the identifier with the given prefix that some bytes, such as those of
// a hash, always have. It looks like one of [NewID].
func IDOf(prefix string, b [16]byte) string { return prefix + base32Lower.EncodeToString(b[:]) }

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func token() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return base32Lower.EncodeToString(b[:])
}

// LowerFirst returns a title as it stands within a sentence. What begins with more than
// one capital, such as "VAT number", stays.
func LowerFirst(title string) string {
	if len(title) > 1 && (title[1] >= 'a' && title[1] <= 'z' || title[1] == '-') {
		return strings.ToLower(title[:1]) + title[1:]
	}
	return title
}

// Cut returns the first n letters of a text, or all if there are fewer.
func Cut(s string, n int) string {
	if len(s) <= n { // of bytes: no letter is shorter than a byte
		return s
	}
	letters := []rune(s)
	return string(letters[:min(n, len(letters))])
}

// Plural writes a number with the words that go with it.
func Plural[N ~int | ~int64 | ~uint64](n N, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// The kinds of names that a statement declares. Each is a dotted or dashed
// lower-case word, such as "customer", "contact.email" or "collection.invoice".
type (
	// Clause is the id of a clause, such as "disclosure.permission".
	Clause string
	// Purpose is a reason for using data, such as "invoice".
	Purpose string
	// Collection is a way in: a set of fields given on one occasion, such as "customer".
	Collection string
	// Category is a kind of data with one confidentiality level, such as "contact".
	Category string
	// Field is one item of data, such as "contact.email".
	Field string
	// Role is what a member of staff is employed for, such as "support".
	Role string
)

// An Action is what an actor wants to do.
type Action string

// The actions. Disclose is decided as one of Transfer, Sponsor and Answer,
// according to who receives.
const (
	Collect  Action = "collect"  // take a field from somebody and keep it
	Use      Action = "use"      // open a record inside the company
	Find     Action = "find"     // look for a person by an exact value
	Transfer Action = "transfer" // disclose to a partner
	Sponsor  Action = "sponsor"  // disclose to the sponsor of an event
	Answer   Action = "answer"   // disclose to an authority or a court
	Contact  Action = "contact"  // write to a person
	Store    Action = "store"    // put an item on a visitor's device
	Load     Action = "load"     // load a third-party tag
	Export   Action = "export"   // hand a record to the person themself
	Erase    Action = "erase"    // erase a record
	Analyse  Action = "analyse"  // report over visits
)

// An ActorKind says what kind of actor acts or, for a disclosure, receives.
type ActorKind string

// The kinds of actor. The zero ActorKind is nobody and is permitted nothing.
const (
	Staff     ActorKind = "staff"
	Desk      ActorKind = "desk" // a part of the program that acts on its own
	Person    ActorKind = "person"
	Partner   ActorKind = "partner"
	Authority ActorKind = "authority"
	Court     ActorKind = "court"
	Sponsorer ActorKind = "sponsor"
	Visitor   ActorKind = "visitor"
)

// An Actor is who acts or receives.
type Actor struct {
	Kind  ActorKind
	ID    string // staff id, desk name, subject, partner id; empty for a visitor
	Name  string // of staff, for the ledger's sealed actor facet; never logged
	Roles []Role // of staff

	Program bool // a program acts for them, by a token of theirs
}

// Has reports whether the actor is a member of staff with the role.
func (a Actor) Has(r Role) bool {
	for _, have := range a.Roles {
		if a.Kind == Staff && have == r {
			return true
		}
	}
	return false
}

// Awaited is the approval of other people that was asked for: it waits or was
// given, and it can still be used.
type Awaited struct {
	ID     string    `json:"id" doc:"Of the approval."`
	Asked  time.Time `json:"asked" doc:"When it was asked for."`
	Until  time.Time `json:"until" doc:"Until when it can be given and used."`
	Agreed int       `json:"agreed" doc:"How many people agreed so far."`
	Needed int       `json:"needed" doc:"How many have to."`
}

// Given reports whether enough people agreed.
func (a Awaited) Given() bool { return a.Agreed >= a.Needed }

// A Kind classifies an error by what the caller can do about it.
type Kind uint8

// Kinds of error. The zero Kind is Internal, so an error that nobody
// classified is never shown to a visitor.
const (
	Internal    Kind = iota // a fault of ours; details stay in the log
	Invalid                 // the input is wrong; Fields says where
	Denied                  // the statement does not permit this
	NotFound                // no such thing, or not for this actor
	Conflict                // it changed meanwhile
	Unavailable             // not now: the ledger, a key or a database cannot be reached
	Limited                 // too often
	TooLarge                // more than is taken
	Unsupported             // sent in a form that this does not read
	SignIn                  // who acts is not known, or not known freshly enough
)

// An Error is an error whose message is meant for the person who asked. It
// never repeats a value that was entered.
type Error struct {
	Kind   Kind
	Msg    string
	Fields map[string]string // form field to message, for Invalid
	Err    error             // the cause, for the log; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an [Error] of the given kind for a person to read.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// Wrap returns an [Error] of the given kind that says msg to the person and
// keeps err for the log.
func Wrap(k Kind, err error, msg string) error { return &Error{Kind: k, Msg: msg, Err: err} }

// A Kinded error knows its kind, as a gate's refusal does.
type Kinded interface {
	error
	Kind() Kind
}

// KindOf returns the kind of err, and Internal for any error that has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if k, ok := errors.AsType[Kinded](err); ok {
		return k.Kind()
	}
	return Internal
}

// Message returns what may be shown to the person who asked.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Msg
	}
	if k, ok := errors.AsType[Kinded](err); ok && k.Kind() != Internal {
		return k.Error()
	}
	return "Something went wrong on our side. Nothing was changed; please try again."
}

// ValidName reports whether s is a name that a statement may declare: letters
// a-z, digits, dots and dashes, at most 64 bytes, starting with a letter.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-'
	}) < 0
}
