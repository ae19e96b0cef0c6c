// Package register asks public registers of companies whether they know a
// number: VIES of the European Commission for VAT numbers and GLEIF for LEIs. A
// register that cannot answer now gives ErrNotYet, so nobody is found wrong
// because a register is down.
package register

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"loot"
	"loot/number"
)

// A Register is asked for one number at a time.
type Register interface {
	// Name is what people know it by, such as "VIES".
	Name() string
	// Takes reports whether the register holds numbers of this kind.
	Takes(n number.Number) bool
	// Ask asks for a number. The error is ErrNotYet or ErrRefused.
	Ask(ctx context.Context, n number.Number) (Answer, error)
}

var (
	// ErrNotYet: the register is slow, down, busy or does not make sense. Whether
	// it knows the number is open; ask again later, and not before the time that
	// the error's Wait says, if it has one.
	ErrNotYet = errors.New("not yet")
	// ErrRefused: the register does not take the question, now or later, such as
	// for the operator's own VAT number, which is wrong in the settings. Whether it
	// knows the number is open.
	ErrRefused = errors.New("refused")
)

// An Answer is what a register said, and the evidence that it did. It prints and
// logs without what may be about a person.
type Answer struct {
	Register string
	Known    bool
	Name     string    // as the register spells it; empty: not told
	Address  string    // in lines; empty: not told
	Street   string    // of the address, where it is told in parts, in lines; empty: not told so
	Postcode string    // likewise
	City     string    // likewise
	Country  string    // likewise, by ISO 3166-1; with it all that is told is told in parts
	Fault    string    // a sentence that says why a number that is known proves nothing, such as that it has lapsed; empty: it counts
	Asked    time.Time // when it answered, by our clock
	Dated    time.Time // VIES: the day of the consultation; GLEIF: when what it holds was published; zero: not told
	Request  string    // the register's name for the consultation, which a tax office recognises; empty: none
}

// Format implements [fmt.Formatter] for every verb.
func (a Answer) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s: known %t, request %q", a.Register, a.Known, a.Request)
}

// LogValue implements [slog.LogValuer].
func (a Answer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// A Line is how a register is reached.
type Line struct {
	Endpoint string        // empty: the published one
	Client   *http.Client  // required
	Timeout  time.Duration // of one question; 0: 20 s, since VIES asks the country's own register in turn
	Now      func() time.Time
}

const (
	usualTimeout = 20 * time.Second
	maxBody      = 1 << 20
	maxText      = 2000 // bytes of a name or an address
)

// holds refuses what a register does not take, and a number that nobody checked:
// it becomes part of a request as it is.
func holds(r Register, n number.Number) error {
	if r.Takes(n) {
		if again, err := n.Scheme.Check(n.Value); err == nil && again.Value == n.Value {
			return nil
		}
	}
	return fmt.Errorf("%w: it holds no such numbers", ErrRefused)
}

func (l Line) ready(published string) (Line, error) {
	if l.Endpoint == "" {
		l.Endpoint = published
	}
	u, err := url.Parse(l.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Line{}, loot.Errorf(loot.Invalid, "The address of a register starts with https:// and names a host, such as %s.", published)
	}
	if l.Client == nil || l.Now == nil {
		return Line{}, loot.Errorf(loot.Invalid, "A register needs an HTTP client and a clock.")
	}
	if l.Timeout <= 0 {
		l.Timeout = usualTimeout
	}
	l.Endpoint = strings.TrimSuffix(l.Endpoint, "/")
	return l, nil
}

// call sends a request and returns the status and the body of the answer.
func (l Line) call(ctx context.Context, req *http.Request) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	resp, err := l.Client.Do(req.WithContext(ctx))
	if err != nil {
		// The client's error names the address, which may hold the number.
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, nil, &later{why: "no answer", cause: err}
	}
	defer resp.Body.Close()
	wait := retryAfter(resp.Header.Get("Retry-After"), l.Now())
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return 0, nil, &later{why: "half an answer", after: wait, cause: err}
	case len(body) > maxBody:
		return 0, nil, &later{why: "an answer without end", after: wait}
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		return 0, nil, &later{why: resp.Status, after: wait}
	}
	return resp.StatusCode, body, nil
}

// later is an ErrNotYet with its reason.
type later struct {
	why   string
	after time.Duration
	cause error
}

func (e *later) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%v: %s: %v", ErrNotYet, e.why, e.cause)
	}
	return fmt.Sprintf("%v: %s", ErrNotYet, e.why)
}

func (e *later) Unwrap() []error {
	if e.cause == nil {
		return []error{ErrNotYet}
	}
	return []error{ErrNotYet, e.cause}
}

// Wait returns how long the register asked to be left alone; 0: it did not say.
func (e *later) Wait() time.Duration { return e.after }

func notYet(format string, args ...any) error { return &later{why: fmt.Sprintf(format, args...)} }

// maxAfter is the longest that a register is left alone because it says so.
const maxAfter = 24 * time.Hour

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	var after time.Duration
	if s, err := strconv.Atoi(header); err == nil {
		after = time.Duration(min(max(s, 0), int(maxAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), maxAfter)
}

// inParts keeps the address that a register tells in parts.
func (a *Answer) inParts(street, postcode, city, country string) (err error) {
	for _, part := range []struct {
		to   *string
		told string
	}{{&a.Street, street}, {&a.Postcode, postcode}, {&a.City, city}, {&a.Country, country}} {
		if *part.to, err = told(part.told); err != nil {
			return err
		}
	}
	return nil
}

// told returns a text of a register without empty lines and what is no text;
// what stands for "not told" becomes empty. What is too long is no name.
func told(text string) (string, error) {
	if len(text) > maxText || !utf8.ValidString(text) {
		return "", notYet("an answer with a text of %d bytes", len(text))
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' {
				return ' '
			}
			return r
		}, line)
		if line = strings.Join(strings.Fields(line), " "); strings.Trim(line, "-") != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), nil
}
