package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"loot"
)

// A Verdict is what checking a receipt comes to.
type Verdict uint8

// The verdicts on a receipt. The zero Verdict is the safe one.
const (
	DoesNotHold Verdict = iota // something was changed, or is not what was asked for
	Consistent                 // all parts agree, but nobody said whose signature to trust
	Holds                      // all parts agree, and the trusted key signed
	NotAProof                  // another kind of file: there is nothing to check
)

// MarshalText writes the verdict as one word, for programs.
func (v Verdict) MarshalText() ([]byte, error) {
	switch v {
	case Holds:
		return []byte("holds"), nil
	case Consistent:
		return []byte("consistent"), nil
	case NotAProof:
		return []byte("none"), nil
	default:
		return []byte("fails"), nil
	}
}

func (v Verdict) String() string {
	switch v {
	case Holds:
		return "holds"
	case Consistent:
		return "consistent, signer not trusted"
	case NotAProof:
		return "is not a proof"
	default:
		return "does not hold"
	}
}

// A Result is what [VerifyReceipt] found.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Fault   *Fault  `json:"fault,omitempty"` // what is wrong; nil if it holds or is consistent
	Steps   []Step  `json:"steps"`           // what was checked, in order

	Origin    string        `json:"origin,omitempty"` // of the log
	Index     uint64        `json:"index"`            // of the entry
	Size      uint64        `json:"size"`             // of the log when the checkpoint was signed
	Signer    string        `json:"signer,omitempty"` // the key that signed, as name+id+key
	Witnesses []Cosignature `json:"witnesses,omitempty"`
	Facts     *Facts        `json:"facts,omitempty"`   // nil unless opened
	Subject   *SubjectFacet `json:"subject,omitempty"` // nil unless opened
}

// A Step is one thing that was checked.
type Step struct {
	Text string `json:"text"`
	OK   bool   `json:"ok"`
}

// A Cosignature says that a witness saw the log at this size.
type Cosignature struct {
	Witness string    `json:"witness"` // its key
	At      time.Time `json:"at"`
}

// A Fault says what is wrong with a receipt and where, counted from 1.
type Fault struct {
	Part     string `json:"part"` // such as "facts", "path", "signature"
	Line     int    `json:"line,omitempty"`
	LastLine int    `json:"last_line,omitempty"` // of the file
	Byte     int    `json:"byte,omitempty"`
	LastByte int    `json:"last_byte,omitempty"` // of the file; Byte 0: it concerns no stretch of the file
	Text     string `json:"text"`                // a sentence
}

func (f *Fault) String() string {
	if f.Byte == 0 {
		return f.Text
	}
	s := spot{f.Line - 1, f.LastLine - f.Line + 1, f.Byte - 1, f.LastByte - f.Byte + 1}
	return f.Text + " (" + s.String() + ")"
}

func faultAt(part string, s spot, text string) *Fault {
	return &Fault{
		Part: part, Line: s.line + 1, LastLine: s.line + max(s.lines, 1),
		Byte: s.off + 1, LastByte: s.off + max(s.len, 1), Text: text,
	}
}

// VerifyReceipt checks a receipt by itself, without network and database: the
// facets against their commitments, the entry against the log's root hash,
// the root hash against the log's signature, and the cosignatures. With an
// empty key the best verdict is [Consistent]. Each of the given witnesses must
// have cosigned. The error is of kind [loot.Invalid] and about the given keys;
// whatever is wrong with the receipt is in the result.
func VerifyReceipt(b []byte, key string, witnesses []string) (Result, error) {
	trusted, seen, err := keysToTrust(key, witnesses)
	if err != nil {
		return Result{}, err
	}
	var res Result
	if !bytes.Contains(b, []byte(proofName)) && !bytes.Contains(b, []byte("\nextra ")) {
		res.Verdict, res.Fault = NotAProof, &Fault{Part: "proof", Text: "This is not a proof."}
		return res, nil
	}
	if f := res.check(b, key != "", trusted, seen); f != nil {
		if plain := bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")); len(plain) < len(b) {
			var other Result
			if other.check(plain, key != "", trusted, seen) == nil {
				f.Text = lineEnds
			}
		}
		res.fail(f)
	}
	return res, nil
}

// keysToTrust reads the keys that somebody gave to check by.
func keysToTrust(key string, witnesses []string) (trusted signerKey, seen []signerKey, err error) {
	if key != "" {
		if trusted, err = parseKey(key); err != nil {
			return signerKey{}, nil, err
		}
		if trusted.alg != algNote {
			return signerKey{}, nil, loot.Errorf(loot.Invalid, "This is the key of a witness; the key of the log is needed.")
		}
	}
	for _, w := range witnesses {
		k, err := parseKey(w)
		if err != nil {
			return signerKey{}, nil, err
		}
		seen = append(seen, k.cosigning())
	}
	return trusted, seen, nil
}

// VerifyCheckpoint checks a checkpoint that stands in a file beside the key of its log:
// that this key signed it and is the one to trust, and that each of the given witnesses
// cosigned it. The verdict and the error are as of [VerifyReceipt]; the text is what is
// wrong, a sentence.
func VerifyCheckpoint(checkpoint, log, key string, witnesses []string) (v Verdict, wrong string, err error) {
	trusted, seen, err := keysToTrust(key, witnesses)
	if err != nil {
		return DoesNotHold, "", err
	}
	k, err := parseKey(log)
	if err != nil || k.alg != algNote {
		return DoesNotHold, "What is named as the key of the log is none.", nil //nolint:nilerr // it is told as what is wrong
	}
	cp, err := parseCheckpoint(checkpoint)
	if err != nil {
		return DoesNotHold, "The checkpoint cannot be read: " + err.Error() + ".", nil //nolint:nilerr // so is this
	}
	if _, ok := cp.signedBy(k); !ok {
		return DoesNotHold, "The checkpoint is not signed by " + k.String() + ", or was changed.", nil
	}
	for _, w := range seen {
		if _, ok := cp.signedBy(w); !ok {
			return DoesNotHold, "The witness " + w.name + " did not sign this checkpoint.", nil
		}
	}
	switch {
	case key == "":
		return Consistent, "", nil
	case !trusted.equal(k):
		return DoesNotHold, "The checkpoint is signed by " + k.String() + ", which is not the key you trust.", nil
	}
	return Holds, "", nil
}

// lineEnds is the fault of a receipt whose only change are its line ends.
const lineEnds = "Every line of this copy ends as on Windows (CR LF) and not as it was issued (LF); some mail programs and editors change that. With its own line ends the receipt is sound: take it from where it was issued once more, or convert the line ends."

func (res *Result) fail(f *Fault) {
	res.Verdict, res.Fault = DoesNotHold, f
	res.Steps = append(res.Steps, Step{Text: f.String()})
}

func (res *Result) ok(format string, args ...any) {
	res.Steps = append(res.Steps, Step{fmt.Sprintf(format, args...), true})
}

func (res *Result) check(b []byte, haveKey bool, trusted signerKey, seen []signerKey) *Fault {
	r, err := parseReceipt(b)
	if err != nil {
		return faultOf(err)
	}
	cp, err := parseCheckpoint(r.note)
	if err != nil {
		return faultOf(moved(err, r.inNote))
	}
	res.Origin, res.Index, res.Size, res.Signer = cp.origin, r.index, cp.size, r.log.String()
	res.ok("It is a receipt for entry %d of the log %s.", r.index, cp.origin)

	if f := r.checkSigner(cp); f != nil {
		return f
	}
	res.ok("The checkpoint of %s is signed by %s.", loot.Plural(cp.size, "entry", "entries"), r.log)
	if f := r.checkEntry(cp); f != nil {
		return f
	}
	for i, f := range r.facets {
		if f.opened {
			res.ok("The facet “%s” is what was recorded.", facetNames[i])
		} else {
			res.ok("The facet “%s” stays closed; its commitment is part of the entry.", facetNames[i])
		}
	}
	res.ok("The entry is in the log: its path of %s leads to the signed root hash.", loot.Plural(len(r.path), "hash", "hashes"))
	if f := res.read(r); f != nil {
		return f
	}
	if f := res.checkWitnesses(r, cp, seen); f != nil {
		return f
	}
	if !haveKey {
		res.Verdict = Consistent
		res.Steps = append(res.Steps, Step{Text: "No trusted key was given, so whose signature this is was not checked."})
		return nil
	}
	if !trusted.equal(r.log) {
		return faultAt("log key", r.inFile(r.keysAt[0]), "The receipt is signed by "+r.log.String()+", which is not the key you trust.")
	}
	res.Verdict = Holds
	res.ok("The signer is the key you trust.")
	return nil
}

func faultOf(err error) *Fault {
	m, ok := errors.AsType[*misread](err)
	if !ok {
		return &Fault{Part: "proof", Text: "The receipt cannot be read."}
	}
	text := []rune(m.text)
	if text[0] >= 'a' && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return faultAt(m.part, m.spot, string(text)+".")
}

// checkSigner checks that the key the receipt names signed the checkpoint, and
// says which part was changed where that can be told.
func (r *receipt) checkSigner(cp checkpoint) *Fault {
	named := append([]signerKey{r.log}, r.witnesses...)
	for i, k := range named {
		sig, ok := cp.by(k)
		if !ok {
			return faultAt("signature", r.noteAt, "The signature of "+k.name+", whose key the receipt names, is missing.")
		}
		if _, ok := k.holds(cp.text, sig.sig); ok {
			continue
		}
		if i > 0 { // the log's signature holds, so the text is right
			return faultAt("signature", r.inNote(spot{sig.line, 1, sig.off, sig.len}), "The signature of the witness "+k.name+" is not one of this checkpoint.")
		}
		for _, w := range r.witnesses {
			if _, ok := cp.signedBy(w); ok {
				return faultAt("signature", r.inNote(spot{sig.line, 1, sig.off, sig.len}), "The log's signature was changed: the witnesses' signatures of the same checkpoint hold.")
			}
		}
		return r.blame(cp, k, sig)
	}
	for _, s := range cp.sigs {
		known := false
		for _, k := range named {
			first, _ := cp.by(k)
			known = known || (s.name == k.name && s.id == k.id && s.line == first.line)
		}
		if !known {
			return faultAt("signature", r.inNote(spot{s.line, 1, s.off, s.len}), "This signature is of a key that the receipt does not name, or stands there twice.")
		}
	}
	return nil
}

// blame finds out which line of a checkpoint was changed, by putting in its
// place what the rest of the receipt says should be there.
func (r *receipt) blame(cp checkpoint, k signerKey, sig signature) *Fault {
	split := bytes.SplitAfter([]byte(cp.text), []byte("\n"))
	try := func(line int, value string) bool {
		all := bytes.Join([][]byte{bytes.Join(split[:line], nil), []byte(value + "\n"), bytes.Join(split[line+1:], nil)}, nil)
		_, ok := k.holds(string(all), sig.sig)
		return ok
	}
	at := func(line int) spot {
		return r.inNote(spot{line, 1, len(bytes.Join(split[:line], nil)), len(split[line])})
	}
	if try(0, k.name) {
		return faultAt("checkpoint", at(0), "The name of the log was changed.")
	}
	if root, err := r.root(cp.size, r.leaf()); err == nil && try(2, b64.EncodeToString(root)) {
		return faultAt("checkpoint", at(2), "The root hash was changed.")
	}
	return faultAt("checkpoint", spot{r.noteAt.line, sig.line + 1, r.noteAt.off, sig.off + sig.len},
		"The log's signature does not fit its checkpoint: one of the two was changed.")
}

func (r *receipt) leaf() []byte {
	return leafOf(r.facets[0].hash, r.facets[1].hash, r.facets[2].hash)
}

// root returns the root hash that the path leads to from the leaf.
func (r *receipt) root(size uint64, leaf []byte) ([]byte, error) {
	path := make([][]byte, len(r.path))
	for i := range r.path {
		path[i] = r.path[i][:]
	}
	h := leafHash(leaf)
	return proof.RootFromInclusionProof(rfc6962.DefaultHasher, r.index, size, h[:], path)
}

// checkEntry checks the facets against the entry and the entry against the
// signed root hash.
func (r *receipt) checkEntry(cp checkpoint) *Fault {
	if r.index >= cp.size {
		return faultAt("index", r.indexAt, fmt.Sprintf("The index is beyond the end of the log, which had %s.", loot.Plural(cp.size, "entry", "entries")))
	}
	leads := func(leaf []byte) bool {
		root, err := r.root(cp.size, leaf)
		return err == nil && bytes.Equal(root, cp.root[:])
	}
	stated := leads(r.leaf())
	for i, f := range r.facets {
		if !f.opened {
			continue
		}
		have := commit(f.salt, f.text)
		if have == f.hash {
			continue
		}
		name := facetNames[i]
		if stated {
			from, to := f.saltAt, f.textAt
			whole := spot{from.line, 2, from.off, to.off + to.len - from.off}
			return faultAt(name, r.inFile(whole), "The facet “"+name+"” or its salt was changed: it does not give the commitment that is in the log.")
		}
		hashes := [3]hash{r.facets[0].hash, r.facets[1].hash, r.facets[2].hash}
		hashes[i] = have
		if leads(leafOf(hashes[0], hashes[1], hashes[2])) {
			return faultAt(name, r.inFile(f.hashAt), "The commitment to the facet “"+name+"” was changed; the facet itself is what was recorded.")
		}
		return faultAt(name, r.inFile(f.hashAt), "The facet “"+name+"” does not fit its commitment, and more was changed besides.")
	}
	if stated {
		return nil
	}
	if _, err := r.root(cp.size, r.leaf()); err != nil {
		return faultAt("path", spot{r.indexAt.line, 1 + r.pathAt.lines, r.indexAt.off, r.pathAt.off + r.pathAt.len - r.indexAt.off},
			fmt.Sprintf("The path has %s, which does not fit an entry at index %d in a log of %d: a line of it or the index was changed.", loot.Plural(len(r.path), "hash", "hashes"), r.index, cp.size))
	}
	if i, ok := r.onlyClosed(); ok {
		return faultAt("path", spot{r.extraAt.line, 2 + r.pathAt.lines, r.inFile(r.facets[i].hashAt).off, r.pathAt.off + r.pathAt.len - r.inFile(r.facets[i].hashAt).off},
			"The entry is not in the log: the commitment to the facet “"+facetNames[i]+"”, the index or a hash of the path was changed.")
	}
	return faultAt("path", spot{r.indexAt.line, 1 + r.pathAt.lines, r.indexAt.off, r.pathAt.off + r.pathAt.len - r.indexAt.off},
		"The entry is not in the log: the index or a hash of the path was changed.")
}

// onlyClosed returns the first facet that is not opened; nothing in the receipt
// confirms its commitment but the path.
func (r *receipt) onlyClosed() (int, bool) {
	for i, f := range r.facets {
		if !f.opened {
			return i, true
		}
	}
	return 0, false
}

// read decodes the opened facets. They are what was recorded by now, so a
// facet that cannot be read is a fault of who recorded it.
func (res *Result) read(r *receipt) *Fault {
	into := [3]any{&SubjectFacet{}, &ActorFacet{}, &Facts{}}
	for i, f := range r.facets {
		if !f.opened {
			continue
		}
		if err := json.Unmarshal(f.text, into[i]); err != nil && len(f.text) > 0 {
			return faultAt(facetNames[i], r.inFile(f.textAt), "The facet “"+facetNames[i]+"” is what was recorded, but cannot be read.")
		}
		switch v := into[i].(type) {
		case *SubjectFacet:
			res.Subject = v
		case *Facts:
			res.Facts = v
		}
	}
	return nil
}

func (res *Result) checkWitnesses(r *receipt, cp checkpoint, wanted []signerKey) *Fault {
	for _, k := range r.witnesses {
		at, _ := cp.signedBy(k) // checked by checkSigner
		res.Witnesses = append(res.Witnesses, Cosignature{k.String(), at})
		res.ok("The witness %s saw the log like this on %s.", k.name, at.Format("2 January 2006 at 15:04:05 MST"))
	}
	for _, w := range wanted {
		found := false
		for _, k := range r.witnesses {
			found = found || w.equal(k)
		}
		if !found {
			return &Fault{Part: "signature", Text: "The witness " + w.name + " did not sign this checkpoint."}
		}
	}
	return nil
}
