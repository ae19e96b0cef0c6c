package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"loot"
)

// ReadJSON reads a report in XARF that came alone: of version 4, or of one of the
// versions before it. Its errors are those of reading from r, and of the kind
// [loot.Invalid] for what is no such report.
func ReadJSON(r io.Reader) (Report, error) {
	in := newInput(r, MaxJSON)
	b, err := io.ReadAll(in)
	if err != nil {
		return Report{}, err
	}
	if in.over {
		return Report{}, loot.Errorf(loot.Invalid, "The report is larger than %d MB. Send less evidence with it, or send it by mail.", MaxJSON>>20)
	}
	if !json.Valid(b) {
		return Report{}, loot.Errorf(loot.Invalid, "The report is no JSON.")
	}
	w := newWalker(in)
	w.document = b
	if !looksLikeXARF(b) || !w.takeXARF() {
		return Report{}, loot.Errorf(loot.Invalid, "The report is not in XARF: it has neither xarf_version, as version 4 has, nor ReporterInfo and Report, as those before it have.")
	}
	if err := in.end(w.r); err != nil {
		return Report{}, err
	}
	if w.r.Reporter.Address == "" {
		w.r.warn(NoReporter)
	}
	w.f.settle()
	return *w.r, nil
}

// ReadBulk reads an array of at most n reports in XARF, and hands each to f in turn with
// the document that it was read from, or with why it is none; f ends it by an error. An
// array that is longer or broken anywhere is refused before f has any of it.
func ReadBulk(r io.Reader, n int, f func(document []byte, rep Report, err error) error) error {
	d := json.NewDecoder(io.LimitReader(r, MaxBytes))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return loot.Errorf(loot.Invalid, "Several reports are sent as an array of JSON.")
	}
	var all []json.RawMessage
	for d.More() {
		if len(all) == n {
			return loot.Errorf(loot.Invalid, "No more than %d reports are taken at once, so none of these was. Send them in several requests.", n)
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return loot.Wrap(loot.Invalid, fmt.Errorf("report: %w", err), fmt.Sprintf("Report %d is no JSON, or all of them are larger than %d MB. None of them was taken.", len(all)+1, MaxBytes>>20))
		}
		all = append(all, one)
	}
	if end, err := d.Token(); err != nil || end != json.Delim(']') {
		return loot.Errorf(loot.Invalid, "The array of reports is not closed, so none of them was taken.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return loot.Errorf(loot.Invalid, "Something follows the array of reports, so none of them was taken.")
	}
	for _, one := range all {
		rep, err := ReadJSON(bytes.NewReader(one))
		if err := f(one, rep, err); err != nil {
			return err
		}
	}
	return nil
}

// An object is one of JSON whose members are read one by one, as one that is of
// the wrong type says nothing of the others.
type object map[string]json.RawMessage

// text returns a member that is a text; empty: there is none, or it is no text,
// of which w then warns.
func (o object) text(w *walker, key string, n int) string {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		w.r.warn(BadField)
		return ""
	}
	return line(s, n)
}

func (o object) object(key string) object {
	var in object
	if json.Unmarshal(o[key], &in) != nil { // not there, or no object: it has no members
		return nil
	}
	return in
}

func (o object) port(w *walker, key string) uint16 {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return 0
	}
	var n uint16
	if json.Unmarshal(raw, &n) != nil {
		w.r.warn(BadField)
	}
	return n
}

// looksLikeXARF reports whether a document says that it is a report.
func looksLikeXARF(b []byte) bool {
	if !bytes.Contains(b, []byte(`"xarf_version"`)) && !bytes.Contains(b, []byte(`"ReporterInfo"`)) {
		return false
	}
	var o object
	if json.Unmarshal(b, &o) != nil {
		return false
	}
	return o["xarf_version"] != nil || o["ReporterInfo"] != nil && o["Report"] != nil
}

// takeXARF makes the report of a document, if it is one.
func (w *walker) takeXARF() bool {
	var o object
	if json.Unmarshal(w.document, &o) != nil {
		return false
	}
	if o["xarf_version"] != nil {
		w.takeXARF4(o)
	} else {
		w.takeXARF3(o)
	}
	return true
}

// require warns of members that are not there.
func (w *walker) require(o object, keys ...string) {
	for _, key := range keys {
		if o[key] == nil {
			w.r.warn(MissingField)
		}
	}
}

func (w *walker) takeXARF4(o object) {
	r := w.r
	r.Format, r.Automatic = XARF4, true
	w.require(o, "xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type")
	r.Kind = kindOfXARF(o.text(w, "category", 40), o.text(w, "type", 40))
	reporter, sender := o.object("reporter"), o.object("sender")
	w.require(reporter, "org", "contact", "domain")
	r.Reporter = Reporter{Address: address(reporter.text(w, "contact", 254)), Organisation: reporter.text(w, "org", maxName)}
	if from := address(sender.text(w, "contact", 254)); from != "" && r.Reporter.Address != "" && !sameDomain(from, r.Reporter.Address) {
		r.warn(OtherSender)
	}
	if d := domainOf(reporter.text(w, "domain", 254)); d != "" && r.Reporter.Address != "" && !sameDomain(r.Reporter.Address, "@"+d) {
		r.warn(OtherSender)
	}
	if id := o.text(w, "report_id", maxName); id != "" {
		r.ID = id
	}
	w.say(o.text(w, "description", 4000))
	at := w.times(o, "timestamp", "first_seen", "last_seen")
	w.state(at, o.text(w, "source_identifier", maxURL), o.port(w, "source_port"))
	for _, key := range []string{"url", "infringing_url", "domain", "c2_server", "submission_url"} {
		w.state(at, o.text(w, key, maxURL), 0)
	}
	w.samples(o["evidence"], sampleKeys{kind: "content_type", about: "description", payload: "payload", hash: "hash"})
}

func (w *walker) takeXARF3(o object) {
	r := w.r
	r.Format, r.Automatic = XARF3, true
	w.require(o, "Version", "ReporterInfo", "Report")
	info, rep := o.object("ReporterInfo"), o.object("Report")
	w.require(info, "ReporterOrg", "ReporterOrgEmail")
	w.require(rep, "ReportType", "Date")
	r.Kind = kindOfXARF(rep.text(w, "ReportClass", 40), rep.text(w, "ReportType", 40))
	r.Reporter = Reporter{
		Address: address(info.text(w, "ReporterContactEmail", 254)), Name: info.text(w, "ReporterContactName", maxName), Organisation: info.text(w, "ReporterOrg", maxName),
	}
	if r.Reporter.Address == "" {
		r.Reporter.Address = address(info.text(w, "ReporterOrgEmail", 254))
	}
	if id := rep.text(w, "ReporterCaseID", maxName); id != "" {
		r.ID = id
	}
	w.say(rep.text(w, "ReporterNotes", 4000))
	at := w.times(rep, "Date", "FirstSeen")
	w.state(at, rep.text(w, "SourceIp", 100), rep.port(w, "SourcePort"))
	for _, key := range []string{"SourceUrl", "SourceDomain", "RpzDomain"} {
		w.state(at, rep.text(w, key, maxURL), 0)
	}
	w.samples(rep["Samples"], sampleKeys{kind: "ContentType", about: "Description", payload: "Payload", name: "FileName", encoded: "Base64Encoded"})
}

// say gives the report the words of the document, where the mail has none.
func (w *walker) say(words string) {
	if text := strings.TrimSpace(w.r.Text); text == "" || strings.HasPrefix(text, "{") {
		w.r.Text = words
	}
}

// times reads the times of what is reported. That of a report which came alone
// is the last of them, as it says no other.
func (w *walker) times(o object, keys ...string) (s Source) {
	for _, key := range keys {
		v := o.text(w, key, 100)
		if v == "" {
			continue
		}
		at, ok := dated(v, w.r.Date)
		if !ok {
			w.r.warn(BadField)
			continue
		}
		s.happened(at.At, at.Zoned)
	}
	if w.r.Date.IsZero() {
		w.r.Date = s.Last
	}
	return s
}

// state adds a source that a field names: an address, a link or a domain.
func (w *walker) state(at Source, named string, port uint16) {
	if named == "" {
		return
	}
	named = armed.Replace(named)
	s, ok := linkOf(named)
	if !ok {
		s, ok = addressOf(strings.Trim(named, "[]"))
	}
	if !ok {
		if s.Domain = domainOf(named); s.Domain == "" {
			w.r.warn(BadField)
			return
		}
	}
	if port != 0 {
		s.Port = port
	}
	s.First, s.Last, s.Zoned, s.Stated = at.First, at.Last, at.Zoned, true
	w.f.add(s)
}

// sampleKeys are what the members of a piece of evidence are called; empty: the
// version has none.
type sampleKeys struct{ kind, about, payload, hash, name, encoded string }

// samples lists the evidence that a document holds, and looks through its logs.
func (w *walker) samples(raw json.RawMessage, k sampleKeys) {
	if raw == nil {
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		w.r.warn(BadField)
		return
	}
	for i, one := range list {
		if len(w.r.Evidence) >= MaxParts {
			w.r.warn(TooManyParts)
			return
		}
		var o object
		var payload string
		if json.Unmarshal(one, &o) != nil || json.Unmarshal(o[k.payload], &payload) != nil {
			w.r.warn(BadField)
			continue
		}
		kind, _, _ := strings.Cut(strings.ToLower(o.text(w, k.kind, 100)), ";")
		p := Part{Path: strings.TrimPrefix(fmt.Sprintf("%s/%d", w.path, i+1), "/"), MediaType: strings.TrimSpace(kind), Description: o.text(w, k.about, maxName)}
		if k.name != "" {
			name := o.text(w, k.name, 2*maxName)
			p.Name = line(name[strings.LastIndexAny(name, `/\`)+1:], maxName)
		}
		encoded := k.encoded == ""
		if !encoded {
			_ = json.Unmarshal(o[k.encoded], &encoded) // not there, or no truth value: it is not
		}
		w.sample(&p, payload, encoded, o, k)
		w.r.Evidence = append(w.r.Evidence, p)
	}
}

func (w *walker) sample(p *Part, payload string, encoded bool, o object, k sampleKeys) {
	var content io.Reader = strings.NewReader(payload)
	if encoded {
		content = base64.NewDecoder(base64.StdEncoding, content)
	}
	m := &meter{r: content, hash: sha256.New()}
	log := p.MediaType == "text/plain" || p.MediaType == "text/csv"
	if log && w.scanned < scanLimit {
		text, err := w.text(p.MediaType, "", m, nil)
		w.scan(text, true, nil)
		if err != nil {
			w.r.warn(BadEncoding)
		}
	}
	if _, err := io.Copy(io.Discard, m); err != nil {
		w.r.warn(BadEncoding)
	}
	p.Size, p.SHA256 = m.size, hex.EncodeToString(m.hash.Sum(nil))
	if k.hash == "" {
		return
	}
	if said, ok := strings.CutPrefix(strings.ToLower(o.text(w, k.hash, 200)), "sha256:"); ok && said != p.SHA256 {
		w.r.warn(HashDiffers)
	}
}
