package loot

import (
	"errors"
	"net/http"
	"slices"
	"time"
)

// A Problem is a kind of answer that refuses, as RFC 9457 has it: its type leads
// to a page that explains it, and its title is the same each time.
type Problem struct {
	Name   string // such as "denied"
	Status int    // of HTTP
	Title  string
	Text   string // what it means and what to do
}

// Type returns the URI of the type, which is resolved against the address that
// was asked.
func (p Problem) Type() string {
	if p.Name == "" {
		return "about:blank"
	}
	return "/problems/" + p.Name
}

// Problems returns all kinds of problem, by status.
func Problems() []Problem { return slices.Clone(problems) }

var problems = []Problem{
	{"unreadable", http.StatusBadRequest, "The body cannot be read", "The body is not the JSON that this takes: it is no JSON at all, is cut short, says a name twice or is not UTF-8. Send it again as the document of the interface describes it."},
	{"sign-in", http.StatusUnauthorized, "Nobody is signed in", "The request has no token, or one that is unknown, has expired or was withdrawn. Send a valid one as “Authorization: Bearer …”. Some pages want a sign-in of the last minutes."},
	{"denied", http.StatusForbidden, "Not permitted", "Whoever asks may not do this: the token lacks the scope, the person lacks the role, or the request came from another site. Asking again changes nothing."},
	{"refused", http.StatusForbidden, "The statement does not permit this", "A clause of the privacy statement refused. The member “clause” names it, “clause_title” is its title and “needed” says what would be needed. Where other people can agree, “approval” says how their agreement stands. The refusal is on the ledger."},
	{"not-found", http.StatusNotFound, "Nothing is there", "There is nothing at this address, or nothing that may be seen by whoever asks."},
	{"method", http.StatusMethodNotAllowed, "Not asked in this way", "The address exists and does not take this method. The header “Allow” lists those that it takes."},
	{"slow", http.StatusRequestTimeout, "The body took too long", "The body did not arrive in time. Nothing was changed; send it again."},
	{"conflict", http.StatusConflict, "It changed in the meantime", "Something was changed since it was read, or is already done. Read it again, and decide anew."},
	{"too-large", http.StatusRequestEntityTooLarge, "The body is too large", "The body is more than this takes. Send less at once."},
	{"unsupported", http.StatusUnsupportedMediaType, "Not a type that is read", "The body is not of a type that is read here. Operations of the interface take JSON, sent as application/json; pages take forms."},
	{"invalid", http.StatusUnprocessableEntity, "Some values are not right", "The request could be read, and some values in it are missing or wrong. The members “errors” or “fields” say which and why; a value is never repeated."},
	{"limited", http.StatusTooManyRequests, "Asked too often", "There were more requests than are taken from one address. Wait for as many seconds as “Retry-After” says."},
	{"internal", http.StatusInternalServerError, "A fault of ours", "Something went wrong on the server. The log knows it by the number in “instance”, and nothing was changed."},
	{"unavailable", http.StatusServiceUnavailable, "Not just now", "The ledger, a key or a database cannot be reached. It usually passes in a moment: wait for as many seconds as “Retry-After” says. Nothing was done, unless “detail” says that this is not known."},
}

// ProblemOf returns the kind of problem that a status is, refused by a clause or
// not.
func ProblemOf(status int, clause Clause) Problem {
	for _, p := range problems {
		if p.Status == status && (p.Name == "refused") == (clause != "" && status == http.StatusForbidden) {
			return p
		}
	}
	return Problem{Status: status, Title: http.StatusText(status)}
}

// Instance returns the URI of one problem, by the number under which the log
// knows the request; empty: it has none.
func Instance(request string) string {
	if request == "" {
		return ""
	}
	return "urn:loot:request:" + request
}

// Status returns the status of HTTP that answers an error of the kind.
func (k Kind) Status() int { return statuses[k] }

var statuses = map[Kind]int{
	Internal:    http.StatusInternalServerError,
	Invalid:     http.StatusUnprocessableEntity,
	Denied:      http.StatusForbidden,
	NotFound:    http.StatusNotFound,
	Conflict:    http.StatusConflict,
	Unavailable: http.StatusServiceUnavailable,
	Limited:     http.StatusTooManyRequests,
	TooLarge:    http.StatusRequestEntityTooLarge,
	Unsupported: http.StatusUnsupportedMediaType,
	SignIn:      http.StatusUnauthorized,
}

// RetryAfter returns after how many seconds it is worth to try again what err
// refused; 0: waiting does not help.
func RetryAfter(err error) int {
	if e, ok := errors.AsType[waiter](err); ok {
		return max(1, int(e.Wait().Seconds()+0.999))
	}
	switch KindOf(err) {
	case Limited, Unavailable:
		return 2
	}
	return 0
}

// A waiter is an error that knows when it is over.
type waiter interface {
	error
	Wait() time.Duration
}
