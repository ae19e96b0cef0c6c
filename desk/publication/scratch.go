package publication

import (
	"encoding/json"
	"fmt"
	"time"

	"loot/ledger"
)

// ScratchEntry returns the made-up entry number i of a load test's ledger: of each hundred
// one is the last step of a request from outside, as a report counts it.
func ScratchEntry(i int, now time.Time) (ledger.Entry, error) {
	e := ledger.Entry{Facts: ledger.Facts{At: now, Verdict: ledger.Recorded, Note: "scratch", Collection: "customer"}}
	if i%100 > 0 {
		return e, nil
	}
	k := i / 100
	countries, outcomes := []string{"IE", "FR", "DE", "NL"}, []string{"whole", "part", "refused", "nothing"}
	input, err := json.Marshal(step{
		Request: fmt.Sprint("scratch", k), Kind: "answer", Authority: "police", Country: countries[k%len(countries)], Outcome: outcomes[k/4%len(outcomes)],
		Accounts: k % 2, Entered: now, Answered: now.Add(time.Duration(k%10) * 24 * time.Hour),
	})
	e.Facts.Note, e.Facts.Input = ledger.Outside+"closed", input
	return e, err
}
