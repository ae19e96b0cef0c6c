package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"loot"
)

// A CopiedEntry is an entry as it stands in a person's copy of everything that
// is held about them: what programs read of it, and its receipt.
type CopiedEntry struct {
	ID      string        `json:"entry"`
	At      time.Time     `json:"at"`
	Action  loot.Action   `json:"action,omitempty"`
	Purpose loot.Purpose  `json:"purpose,omitempty"`
	Verdict string        `json:"verdict"`
	Clauses []loot.Clause `json:"clauses,omitempty"`
	Fields  []loot.Field  `json:"fields,omitempty"`
	Receipt string        `json:"receipt,omitempty"` // empty: none could be given
}

// Copied returns the item for a copy, without its receipt.
func (it Item) Copied() CopiedEntry {
	return CopiedEntry{
		ID: it.ID, At: it.At, Action: it.Facts.Action, Purpose: it.Facts.Purpose, Verdict: it.Facts.Verdict,
		Clauses: it.Facts.Clauses, Fields: it.Subject.Fields,
	}
}

// A CopyResult is what [VerifyCopy] found.
type CopyResult struct {
	Verdict Verdict `json:"verdict"`
	Fault   string  `json:"fault,omitempty"` // of the copy as a whole, such as that it is cut off

	Entries int    `json:"entries"`
	Proved  int    `json:"proved"` // by a receipt that holds or is consistent
	Broken  int    `json:"broken"` // the receipt does not hold, or says something else
	Missing int    `json:"missing"`
	Signer  string `json:"signer,omitempty"` // of every receipt
}

// maxCopiedPart bounds what is read at a time of a copy, so that its length
// does not matter.
const maxCopiedPart = 8 << 20

// VerifyCopy checks every receipt in a person's copy, and that each entry says
// what its receipt proves. It tells found of each entry in turn, and holds no
// more than one of them. The key and the witnesses are as for [VerifyReceipt].
// The error is of kind [loot.Invalid] and about them, or that of reading.
func VerifyCopy(r io.Reader, key string, witnesses []string, found func(CopiedEntry, Result) error) (CopyResult, error) {
	v := &copyCheck{in: &bounded{r: r, left: maxCopiedPart}, key: key, witnesses: witnesses, found: found, seen: map[uint64]bool{}}
	if _, err := VerifyReceipt(nil, key, witnesses); err != nil {
		return CopyResult{}, err // before anything is read
	}
	v.dec = json.NewDecoder(v.in)
	err := v.run()
	fault, ok := errors.AsType[copyFault](err)
	switch {
	case ok:
		v.Fault = string(fault)
	case v.in.err != nil:
		return v.CopyResult, v.in.err
	case err != nil && v.stopped:
		return v.CopyResult, err
	case err != nil:
		v.Fault = "The copy is cut off or was changed: from here on it is no JSON."
	case v.Entries == 0:
		v.Fault = "There is no timeline in this file, so there is nothing to prove."
	case v.Broken == 0 && v.Missing == 0:
		v.Verdict = Consistent
		if key != "" {
			v.Verdict = Holds
		}
	}
	if v.Fault != "" && !v.begun {
		v.Verdict = NotAProof
	}
	return v.CopyResult, nil
}

// A copyFault is what is wrong with a copy as a whole.
type copyFault string

func (f copyFault) Error() string { return string(f) }

// A copyCheck is one run of [VerifyCopy].
type copyCheck struct {
	CopyResult
	in        *bounded
	dec       *json.Decoder
	key       string
	witnesses []string
	found     func(CopiedEntry, Result) error
	begun     bool            // whose it is was found, or a timeline: it is a copy
	stopped   bool            // found returned an error
	owner     loot.Subject    // whom the copy says it is of; empty: it has not said yet
	proved    loot.Subject    // whom the receipts are about
	seen      map[uint64]bool // entries of the log that a receipt was of
}

func (v *copyCheck) run() error {
	if t, err := v.token(); err != nil || t != json.Delim('{') {
		return cmpError(err, copyFault("This is neither a receipt nor a copy of what is held about a person."))
	}
	for v.dec.More() {
		name, err := v.token()
		if err != nil {
			return err
		}
		switch name {
		case "id":
			v.begun, v.in.left = true, maxCopiedPart
			if err := v.dec.Decode(&v.owner); err != nil {
				return err
			}
		case "timeline":
			v.begun = true
			if err := v.timeline(); err != nil {
				return err
			}
		default:
			if err := v.skip(); err != nil {
				return err
			}
		}
	}
	if _, err := v.token(); err != nil {
		return err
	}
	if _, err := v.token(); !errors.Is(err, io.EOF) {
		return copyFault("Something stands behind the end of the copy.")
	}
	if v.proved != "" && v.owner != v.proved {
		return copyFault("The copy says that it is of somebody else than its receipts are about.")
	}
	return nil
}

func (v *copyCheck) timeline() error {
	if t, err := v.token(); err != nil || t != json.Delim('[') {
		return cmpError(err, copyFault("The timeline of this file is no list."))
	}
	for v.dec.More() {
		v.in.left = maxCopiedPart
		var e CopiedEntry
		if err := v.dec.Decode(&e); err != nil {
			return err
		}
		res, err := v.entry(e)
		if err != nil {
			return err
		}
		if err := v.found(e, res); err != nil {
			v.stopped = true
			return err
		}
	}
	_, err := v.token()
	return err
}

// entry checks one entry and counts it.
func (v *copyCheck) entry(e CopiedEntry) (Result, error) {
	v.Entries++
	if e.Receipt == "" {
		v.Missing++
		return Result{Fault: &Fault{Part: "receipt", Text: "The copy has no receipt of this entry."}}, nil
	}
	res, err := VerifyReceipt([]byte(e.Receipt), v.key, v.witnesses)
	if err != nil {
		return res, err
	}
	if res.Fault == nil {
		if why := v.differs(e, res); why != "" {
			res.fail(&Fault{Part: "entry", Text: why})
		}
	}
	if res.Fault != nil {
		v.Broken++
		return res, nil
	}
	v.Proved++
	return res, nil
}

// differs says what an entry claims that its receipt does not prove.
func (v *copyCheck) differs(e CopiedEntry, res Result) string {
	if res.Facts == nil || res.Subject == nil {
		return "The receipt does not open whom it is about and what happened."
	}
	f := res.Facts
	if v.Signer == "" {
		v.Signer, v.proved = res.Signer, res.Subject.Subject
	}
	for _, part := range []struct {
		what string
		same bool
	}{
		{"the time", e.At.Equal(f.At)},
		{"the action", e.Action == f.Action},
		{"the purpose", e.Purpose == f.Purpose},
		{"the verdict", e.Verdict == f.Verdict},
		{"the clauses", slices.Equal(e.Clauses, f.Clauses)},
		{"the details", slices.Equal(e.Fields, res.Subject.Fields)},
	} {
		if !part.same {
			return "The entry is not what its receipt proves: " + part.what + " was changed, or the receipt is another's."
		}
	}
	switch {
	case res.Subject.Subject != v.proved:
		return "The receipt is about somebody else than the others are."
	case res.Signer != v.Signer:
		return "The receipt is signed by another log than the others are."
	case v.seen[res.Index]:
		return "The receipt is that of an entry that stands above already."
	}
	v.seen[res.Index] = true
	return ""
}

// token returns the next token of the copy.
func (v *copyCheck) token() (json.Token, error) {
	v.in.left = maxCopiedPart
	return v.dec.Token()
}

// skip goes over a value without holding it.
func (v *copyCheck) skip() error {
	for depth := 0; ; {
		t, err := v.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// bounded reads at most left more bytes, and keeps the error of reading apart
// from those of what was read.
type bounded struct {
	r    io.Reader
	left int
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("ledger: a part of the copy is longer than %d bytes", maxCopiedPart)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
