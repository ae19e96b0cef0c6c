package publication

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"loot/ledger"
)

// A Recount is what became of counting a transparency report again from the proofs of
// its entries.
type Recount struct {
	Verdict ledger.Verdict `json:"verdict"`
	Half    string         `json:"half_year"`
	Entries int            `json:"entries"`                   // whose proofs are in it
	Figures int            `json:"figures"`                   // that it says
	Wrong   []string       `json:"wrong"`                     // in words, what is not as the proofs have it
	Signer  string         `json:"signer,omitempty"`          // of the checkpoint and every proof
	Without bool           `json:"without_entries,omitempty"` // it is a report, and has nothing to count again from
}

// maxReport bounds a report with its proofs, in bytes.
const maxReport = 256 << 20

// RecountReport reads a report with its entries, checks its checkpoint and each proof by
// the key of the ledger and by the witnesses' keys, and counts every figure again from
// what the proofs open. Without a key the verdict is [ledger.Consistent] at best; a report
// without its entries, as the public has it, is [ledger.NotAProof]. Its errors are those
// of reading, and of the kind [loot.Invalid] for a key that is none.
func RecountReport(r io.Reader, key string, witnesses []string) (Recount, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return Recount{}, err
	}
	var told toldReport
	if len(b) > maxReport || json.Unmarshal(b, &told) != nil {
		told = toldReport{} // which is none; the keys are read all the same
	}
	return recount(told, key, witnesses)
}

func recount(told toldReport, key string, witnesses []string) (Recount, error) {
	verdict, fault, err := ledger.VerifyCheckpoint(told.Checkpoint, told.Log, key, witnesses)
	if err != nil {
		return Recount{}, err
	}
	h, ok := parseHalf(told.Half)
	if !ok {
		return Recount{Verdict: ledger.NotAProof}, nil
	}
	out := Recount{Verdict: verdict, Half: told.Half, Entries: len(told.Proofs), Figures: len(told.Figures), Wrong: []string{}}
	if told.Proofs == nil {
		out.Verdict, out.Without = ledger.NotAProof, true
		return out, nil
	}
	wrong := func(format string, args ...any) {
		out.Verdict, out.Wrong = ledger.DoesNotHold, append(out.Wrong, fmt.Sprintf(format, args...))
	}
	if fault != "" {
		wrong("%s", fault)
	} else {
		out.Signer = told.Log
	}
	if told.Until.Before(h.begin()) || told.Over == told.Until.Before(h.end()) {
		wrong("it is counted until %s, and says of the half-year that it is over: %t", told.Until.UTC().Format(time.RFC3339), told.Over)
	}
	var rows []ledger.FactsRow
	for _, id := range slices.Sorted(maps.Keys(told.Proofs)) {
		res, err := ledger.VerifyReceipt([]byte(told.Proofs[id]), key, witnesses)
		if err != nil {
			return out, err
		}
		switch {
		case res.Fault != nil:
			wrong("the proof of %s: %s", id, res.Fault)
			continue
		case res.Verdict == ledger.NotAProof || res.Facts == nil:
			wrong("the proof of %s is none", id)
			continue
		case res.Signer != told.Log:
			wrong("the proof of %s is signed by another ledger", id)
		case res.Facts.At.After(told.Until):
			wrong("the entry %s is later than the time until which it is counted", id)
		}
		rows = append(rows, ledger.FactsRow{ID: id, At: res.Facts.At, Facts: *res.Facts})
	}
	slices.SortFunc(rows, func(a, b ledger.FactsRow) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	steps, err := latest(h, func(yield func(ledger.FactsRow, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
	if err != nil {
		wrong("the facts of an entry are no step of a request")
		return out, nil //nolint:nilerr // it is told as what is wrong
	}
	again := map[[2]string]figure{} // by group and key
	t := count(nil, h, steps)
	for _, f := range t.Figures {
		again[[2]string{f.Group, f.Key}] = f
	}
	for _, one := range told.Figures {
		is := [2]string{one.Group, one.Key}
		f, ok := again[is]
		delete(again, is)
		switch {
		case !ok:
			wrong("%s, %s: it says %s, and the entries give none", one.Group, one.Title, one.Value)
		case f.Group != groupWho && f.Title != one.Title: // who asked has its title from the statement
			wrong("%s, %s: the entries call it %s", one.Group, one.Title, f.Title)
		case f.Value() != one.Value:
			wrong("%s, %s: it says %s, and the entries give %s", one.Group, one.Title, one.Value, f.Value())
		case f.Digest() != one.Digest || !slices.Equal(f.Ids, one.Entries):
			wrong("%s, %s: it is not of these entries", one.Group, one.Title)
		}
	}
	for _, f := range t.Figures {
		if _, left := again[[2]string{f.Group, f.Key}]; left {
			wrong("%s, %s: the entries give %s, and it says nothing of it", f.Group, f.Title, f.Value())
		}
	}
	if t.Days != told.Days {
		wrong("days until an answer: it says %q, and the entries give %q", told.Days, t.Days)
	}
	return out, nil
}

// reportKeys are those of a report's JSON, any of which may come first: programs sort them.
var reportKeys = []string{"half_year", "over", "until", "log", "checkpoint", "figures", "days_until_answer", "proofs"}

// IsReport reports whether a file that begins so is a transparency report, by its first
// key. The beginning may be cut off behind that.
func IsReport(begin []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(begin))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	key, _ := dec.Token()
	name, _ := key.(string)
	return slices.Contains(reportKeys, name)
}
