package logfile

import (
	"strings"
	"time"
)

// A w3cReader reads the extended format of the W3C, whose comments say what the
// fields are: https://www.w3.org/TR/WD-logfile.html. IIS writes + for spaces
// and times in UTC. CloudFront parts fields by tabs and writes with percent
// signs what is not plain, twice in what has come with percent signs:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
type w3cReader struct {
	fields     []w3cField // by column
	day        string     // of the comment #Date, for logs that have times alone
	cloudFront bool
}

type w3cField uint8

const (
	w3cNone w3cField = iota
	w3cDate
	w3cTime
	w3cAddress
	w3cMethod
	w3cStem
	w3cQuery
	w3cStatus
	w3cBytes
	w3cTaken
	w3cHost
	w3cViewerHost // what the browser asked for, where w3cHost is CloudFront's own name
	w3cPort
	w3cScheme
	w3cTLS
	w3cReferrer
	w3cAgent
	w3cLanguage
	w3cPurpose
	w3cDestination
	w3cGPC
	w3cDNT
	w3cFields
)

var w3cNames = map[string]w3cField{
	"date": w3cDate, "time": w3cTime, "c-ip": w3cAddress, "cs-method": w3cMethod, "cs-uri-stem": w3cStem, "cs-uri": w3cStem, "cs-uri-query": w3cQuery,
	"sc-status": w3cStatus, "sc-bytes": w3cBytes, "time-taken": w3cTaken, "cs-host": w3cHost, "cs(host)": w3cHost, "x-host-header": w3cViewerHost,
	"s-port": w3cPort, "cs-protocol": w3cScheme, "ssl-protocol": w3cTLS, "crypt-protocol": w3cTLS, "cs(referer)": w3cReferrer, "cs(user-agent)": w3cAgent,
	"cs(accept-language)": w3cLanguage, "cs(sec-purpose)": w3cPurpose, "cs(sec-fetch-dest)": w3cDestination, "cs(sec-gpc)": w3cGPC, "cs(dnt)": w3cDNT,
}

// directive reads a comment.
func (w *w3cReader) directive(s string) {
	name, rest, _ := strings.Cut(s, ":")
	switch strings.ToLower(name) {
	case "#fields":
		w.fields, w.cloudFront = []w3cField{}, false
		for name := range strings.FieldsSeq(rest) {
			name = strings.ToLower(name)
			w.fields = append(w.fields, w3cNames[name])
			w.cloudFront = w.cloudFront || strings.HasPrefix(name, "x-edge-")
		}
	case "#date":
		w.day, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
	}
}

// looks tells a line of fields from other text, where no comment came before.
func (w *w3cReader) looks(s string) bool {
	_, ok := isoTime(strings.Replace(s[:min(len(s), 19)], "\t", " ", 1))
	return ok
}

func (w *w3cReader) read(s string, d *draft) (Format, Reason) {
	separator, format := byte(' '), W3C
	if w.cloudFront {
		format = CloudFront
	}
	if strings.IndexByte(s, '\t') >= 0 {
		separator = '\t'
	}
	var found [w3cFields]string
	for i, more := 0, true; more; i++ {
		if i == len(w.fields) {
			return "", Malformed
		}
		var value string
		value, s, more = column(s, separator)
		found[w.fields[i]] = value
		if !more && i+1 < len(w.fields) {
			return "", Malformed
		}
	}
	day := found[w3cDate]
	if day == "" {
		day = w.day
	}
	d.time = w.time(day, found[w3cTime])
	d.address, d.method, d.status, d.bytes, d.port = found[w3cAddress], found[w3cMethod], found[w3cStatus], found[w3cBytes], found[w3cPort]
	d.path, d.query = found[w3cStem], found[w3cQuery]
	d.host = found[w3cViewerHost]
	if said(d.host) == "" {
		d.host = found[w3cHost]
	}
	d.tls = found[w3cScheme] == "https" || said(found[w3cTLS]) != ""
	d.duration = seconds(found[w3cTaken])
	d.referrer, d.userAgent, d.language = found[w3cReferrer], found[w3cAgent], found[w3cLanguage]
	d.purpose, d.destination, d.gpc, d.dnt = found[w3cPurpose], found[w3cDestination], found[w3cGPC], found[w3cDNT]
	if w.cloudFront {
		d.path, d.query, d.referrer = undouble(d.path), undouble(d.query), undouble(d.referrer)
		d.userAgent, d.odd = unpercent(d.userAgent), true // it can have been anything
		return format, ""
	}
	if strings.IndexByte(found[w3cTaken], '.') < 0 { // the W3C says seconds, IIS writes milliseconds
		d.duration /= 1000
	}
	if separator == ' ' {
		d.userAgent, d.language = strings.ReplaceAll(d.userAgent, "+", " "), strings.ReplaceAll(d.language, "+", " ")
		d.path = strings.ReplaceAll(d.path, "+", "%20")
	}
	return format, ""
}

// column takes one value off the beginning, which may stand in quotation marks.
func column(s string, separator byte) (value, rest string, more bool) {
	if separator == ' ' && s != "" && s[0] == '"' {
		if n := strings.IndexByte(s[1:], '"'); n >= 0 {
			value, s = s[1:n+1], s[n+2:]
			_, rest, more = strings.Cut(s, " ")
			return value, rest, more
		}
	}
	n := strings.IndexByte(s, separator)
	if n < 0 {
		return s, "", false
	}
	return s[:n], s[n+1:], true
}

func (w *w3cReader) time(day, clock string) time.Time {
	if len(day) != 10 || len(clock) < 8 {
		return time.Time{}
	}
	var text [40]byte
	n := copy(text[:], day)
	n += copy(text[n:], " ")
	n += copy(text[n:], clock)
	t, _ := isoTime(string(text[:n]))
	return t
}
