package verification

import (
	"slices"
	"strings"
	"time"

	"loot/statement"
	"loot/vault"
)

// Known is what there is to go by when a detail is judged.
type known struct {
	about     vault.About
	before    last      // zero: it was never checked
	confirmed time.Time // when a link in a letter to this address was opened; zero: it is no address, or it was not
	found     []finding
	requested bool // a customer waits for an answer
}

// A judgment is how a detail stands after a check.
type judgment struct {
	last
	State string // for the vault
	Case  string // kind of the case to open; empty: none
	Fault bool   // a case about a fault stays open
}

// judge says how a detail stands. What a person or a register said of the very value that
// is held counts until it has grown old and, where a register is silent then, until that
// answers; a fault that a register told counts until it tells otherwise. What a program
// finds right only says that it can be right. It grows old after as long as the statement
// says, and never by date where that says nothing (again is zero).
func judge(k known, now time.Time, again statement.Span) judgment {
	same := !k.before.At.IsZero() && !k.before.At.Before(k.about.At) // it was checked since it was given
	tries := k.before.Tries
	if k.before.Tries = 0; same && (k.before.Next.IsZero() || tries > 0 && k.before.Outcome == proved) { // which then says when a register is asked again
		k.before.Next = after(k.before.At, again)
	}
	fresh := same && (k.before.Next.IsZero() || now.Before(k.before.Next))
	if same && k.before.Actor != "" && fresh {
		return judgment{last: k.before, State: k.about.State}
	}
	found, at := k.found, now
	linked := !k.confirmed.IsZero() && !k.confirmed.Before(k.about.At) && (k.about.State == vault.Verified || k.about.State == vault.Expired)
	if linked && (again.IsZero() || now.Before(again.After(k.confirmed))) && sum(found) != failed && sum(found) != later {
		found, at = append(slices.Clip(found), finding{Check: "email.link", Outcome: proved}), k.confirmed
	}
	j := judgment{last: last{Outcome: sum(found), At: at, Next: after(at, again)}, State: k.about.State}
	told := same && k.before.Outcome == failed && unanswered(k.before, found)
	if told && j.Outcome == proved { // by another, which takes nothing of it back
		j.Outcome = later
	}
	j.Method, j.Evidence, j.Result = decidedBy(found, j.Outcome)
	held := same && k.before.Outcome == proved || linked // it was more than checked once
	switch j.Outcome {
	case failed:
		j.State, j.Case, j.Fault = vault.Unverified, kindCheck, true
	case proved:
		j.State = vault.Verified
	case later:
		some := slices.ContainsFunc(found, func(f finding) bool { return f.Outcome == passed })
		switch {
		case told:
			j.last, j.Fault = k.before, true
		case same && k.before.Outcome == proved:
			j.last = k.before
		case k.requested && k.about.State != vault.Verified && !some:
			j.Case = kindAsked
		case k.about.State == vault.Unverified && some:
			j.State = vault.Checked
		}
		j.Tries = tries + 1
		j.Next = now.Add(delay(j.Tries, found))
	case passed:
		switch {
		case held && fresh:
			j.last, j.State = k.before, k.about.State
		case held && k.before.Actor != "":
			j.State, j.Case = vault.Expired, kindOld
		case held:
			j.State = vault.Expired
		default:
			j.State = vault.Checked
		}
	default:
		byProgram := k.before.Outcome == failed && k.before.Actor == "" // a fault of which nobody tells any more
		if j.last = (last{}); same && k.before.Outcome != later && !byProgram {
			if j.last = k.before; !fresh { // nothing would look again
				j.Next = time.Time{}
			}
		}
		switch {
		case held && !fresh:
			j.State, j.Case = vault.Expired, kindOld
		case k.requested && k.about.State != vault.Verified:
			j.Case = kindAsked
		}
	}
	if k.about.State == vault.Disputed { // until it is answered
		j.State, j.Case = vault.Disputed, ""
	}
	return j
}

// unanswered reports whether a check that decided before has no answer now.
func unanswered(before last, found []finding) bool {
	return slices.ContainsFunc(found, func(f finding) bool {
		return f.Outcome == later && slices.Contains(strings.Split(before.Method, ","), f.Check)
	})
}

// after returns when a detail is looked at again that was checked at t; zero: not by
// itself.
func after(t time.Time, again statement.Span) time.Time {
	if again.IsZero() {
		return time.Time{}
	}
	return again.After(t)
}

// decidedBy returns the checks that made the outcome, by comma, with what they
// say of it.
func decidedBy(found []finding, o outcome) (methods, evidence, why string) {
	var ids, reasons []string
	for _, f := range found {
		if f.Outcome != o {
			continue
		}
		ids = append(ids, f.Check)
		if f.Evidence != "" {
			evidence = f.Evidence
		}
		if f.Why != "" {
			reasons = append(reasons, f.Why)
		}
	}
	return strings.Join(ids, ","), evidence, strings.Join(reasons, " ")
}

const (
	firstDelay   = time.Hour
	longestDelay = 24 * time.Hour
)

// delay is how long a register that did not answer is left alone: twice as long
// each time, and at least as long as it asked for.
func delay(tries int, found []finding) time.Duration {
	d := firstDelay
	for range tries - 1 {
		d = min(2*d, longestDelay)
	}
	for _, f := range found {
		if f.Outcome == later {
			d = max(d, f.Wait)
		}
	}
	return d
}
