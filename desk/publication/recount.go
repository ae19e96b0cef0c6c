package publication

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"loot/ledger"
)

// A Recount is what became of counting a transparency report again from the proofs of
// its entries.
type Recount struct {
	Verdict ledger.Verdict `json:"verdict"`
	Half    string         `json:"half_year"`
	Entries int            `json:"entries"`          // whose proofs are in it
	Figures int            `json:"figures"`          // that it says
	Wrong   []string       `json:"wrong"`            // in words, what is not as the proofs have it
	Signer  string         `json:"signer,omitempty"` // of every proof
}

// maxReport bounds a report with its proofs, in bytes.
const maxReport = 256 << 20

// RecountReport reads a report with its entries, checks each proof by the key of the
// ledger and by the witnesses' keys, and counts every figure again from what the proofs
// open. Without a key the verdict is [ledger.Consistent] at best. Its errors are those of
// reading, and of the kind [loot.Invalid] for a key that is none.
func RecountReport(r io.Reader, key string, witnesses []string) (Recount, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return Recount{}, err
	}
	var told toldReport
	if len(b) > maxReport || json.Unmarshal(b, &told) != nil {
		return Recount{Verdict: ledger.NotAProof}, nil //nolint:nilerr // what is no report is no error of reading
	}
	return recount(told, key, witnesses)
}

func recount(told toldReport, key string, witnesses []string) (Recount, error) {
	h, ok := parseHalf(told.Half)
	if !ok {
		return Recount{Verdict: ledger.NotAProof}, nil
	}
	out := Recount{Verdict: ledger.Holds, Half: told.Half, Entries: len(told.Proofs), Figures: len(told.Figures), Wrong: []string{}}
	wrong := func(format string, args ...any) {
		out.Verdict, out.Wrong = ledger.DoesNotHold, append(out.Wrong, fmt.Sprintf(format, args...))
	}
	if key == "" {
		out.Verdict = ledger.Consistent
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
		case out.Signer != "" && out.Signer != res.Signer:
			wrong("the proof of %s is signed by another ledger", id)
		}
		out.Signer = res.Signer
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
	again := map[string]figure{}
	t := count(nil, h, steps)
	for _, f := range t.Figures {
		again[f.Group+" "+f.Key] = f
	}
	for _, one := range told.Figures {
		f, ok := again[one.Group+" "+one.Key]
		delete(again, one.Group+" "+one.Key)
		switch {
		case !ok:
			wrong("%s, %s: it says %s, and the entries give none", one.Group, one.Title, one.Value)
		case f.Value() != one.Value:
			wrong("%s, %s: it says %s, and the entries give %s", one.Group, one.Title, one.Value, f.Value())
		case f.Digest() != one.Digest:
			wrong("%s, %s: it is not of these entries", one.Group, one.Title)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(again)) {
		wrong("%s, %s: the entries give %s, and it says nothing of it", again[key].Group, again[key].Title, again[key].Value())
	}
	if t.Days != told.Days {
		wrong("days until an answer: it says %q, and the entries give %q", told.Days, t.Days)
	}
	return out, nil
}

var reportBegins = regexp.MustCompile(`^\s*\{\s*"half_year"`)

// IsReport reports whether a file that begins so is a transparency report.
func IsReport(begin []byte) bool {
	return reportBegins.Match(begin)
}
