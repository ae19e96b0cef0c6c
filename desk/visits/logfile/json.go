package logfile

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A jsonReader reads a line that is an object of JSON. It looks at the line
// once and takes of it what has a name that it knows; encoding/json would take
// five times as long. Strings may have the escapes of nginx's default, \x22,
// beside those of JSON.
type jsonReader struct {
	names map[string]field
	path  []byte // of the value that is read, as request>headers>Referer
	found [fields]string
	caddy bool // the request is an object
	plain bool // nothing in the line is escaped
	s     string
	i     int
}

type field uint8

const (
	none field = iota
	atField
	clientField // the client, where a proxy in front was trusted to name it
	addressField
	remoteField // as an address with a port
	hostField
	portField
	requestField
	methodField
	pathField
	queryField
	statusField
	bytesField
	durationField
	referrerField
	agentField
	schemeField
	tlsField
	languageField
	purposeField
	destinationField
	gpcField
	dntField
	fields
)

// fieldNames are what Options.Fields calls the fields.
var fieldNames = map[string]field{
	"time": atField, "address": addressField, "host": hostField, "port": portField, "request": requestField, "method": methodField, "path": pathField, "query": queryField,
	"status": statusField, "bytes": bytesField, "duration": durationField, "referrer": referrerField, "agent": agentField, "scheme": schemeField,
	"language": languageField, "purpose": purposeField, "destination": destinationField, "gpc": gpcField, "dnt": dntField,
}

// usualNames are what Caddy calls the fields, and what configurations of nginx
// call them: by the variables, or by the words of those who collect logs.
// https://caddyserver.com/docs/logging https://nginx.org/en/docs/varindex.html
var usualNames = map[string]field{
	"ts": atField, "request>client_ip": clientField, "request>remote_ip": addressField, "request>remote_addr": remoteField, "request>host": hostField,
	"request>method": methodField, "request>uri": pathField, "request>tls>version": tlsField, "size": bytesField, "duration": durationField,
	"request>headers>Referer": referrerField, "request>headers>User-Agent": agentField, "request>headers>Accept-Language": languageField,
	"request>headers>Sec-Purpose": purposeField, "request>headers>Sec-Fetch-Dest": destinationField, "request>headers>Sec-Gpc": gpcField, "request>headers>Dnt": dntField,

	"time": atField, "time_iso8601": atField, "time_local": atField, "@timestamp": atField, "timestamp": atField, "msec": atField,
	"remote_addr": addressField, "remote_ip": addressField, "client": addressField, "client_ip": addressField, "clientip": addressField, "ip": addressField,
	"host": hostField, "http_host": hostField, "vhost": hostField, "server_name": hostField, "server_port": portField,
	"request": requestField, "request_method": methodField, "method": methodField, "request_uri": pathField, "uri": pathField, "path": pathField, "url": pathField,
	"args": queryField, "query_string": queryField, "status": statusField, "body_bytes_sent": bytesField, "bytes_sent": bytesField, "bytes": bytesField,
	"request_time": durationField, "http_referer": referrerField, "http_referrer": referrerField, "referer": referrerField, "referrer": referrerField,
	"http_user_agent": agentField, "user_agent": agentField, "agent": agentField, "scheme": schemeField, "ssl_protocol": tlsField,
	"http_accept_language": languageField, "http_sec_purpose": purposeField, "http_sec_fetch_dest": destinationField, "http_sec_gpc": gpcField, "http_dnt": dntField,
}

func jsonNames(own map[string]string) (map[string]field, error) {
	if len(own) == 0 {
		return usualNames, nil
	}
	names := maps.Clone(usualNames)
	for name, is := range own {
		f, ok := fieldNames[is]
		if !ok {
			return nil, fmt.Errorf("logfile: a field of a log is said to be %q, which is none of those that a line has", is)
		}
		for other, g := range usualNames { // the log's own name stands before the usual ones
			if g == f {
				delete(names, other)
			}
		}
		names[name] = f
	}
	for name, is := range own {
		names[name] = fieldNames[is]
	}
	return names, nil
}

func (j *jsonReader) read(s string, d *draft) (Format, Reason) {
	j.s, j.i, j.path, j.found, j.caddy = s, 0, j.path[:0], [fields]string{}, false
	j.plain = !d.odd
	if !j.value(0) || j.space() != len(s) {
		return "", Malformed
	}
	f := &j.found
	format := JSON
	if j.caddy {
		format = Caddy
	}
	d.time = j.time(f[atField])
	d.address = f[clientField]
	if d.address == "" {
		d.address = f[addressField]
	}
	if d.address == "" {
		d.address = f[remoteField]
	}
	d.host, d.port = f[hostField], f[portField]
	d.method, d.path, d.query = f[methodField], f[pathField], f[queryField]
	if d.method == "" || d.path == "" {
		d.method, d.path = splitRequest(f[requestField])
		d.query = ""
	} else if strings.IndexByte(d.path, '?') >= 0 { // nginx's $request_uri has it, $uri has not
		d.query = ""
	}
	d.status, d.bytes, d.duration = f[statusField], f[bytesField], seconds(f[durationField])
	d.referrer, d.userAgent = f[referrerField], f[agentField]
	d.tls = f[schemeField] == "https" || said(f[tlsField]) != ""
	d.language, d.purpose, d.destination, d.gpc, d.dnt = f[languageField], f[purposeField], f[destinationField], f[gpcField], f[dntField]
	return format, ""
}

func (j *jsonReader) time(s string) time.Time {
	for _, read := range []func(string) (time.Time, bool){isoTime, clfTime, unixTime} {
		if t, ok := read(s); ok {
			return t
		}
	}
	return time.Time{}
}

// space goes to the next byte that says something.
func (j *jsonReader) space() int {
	for j.i < len(j.s) && (j.s[j.i] == ' ' || j.s[j.i] == '\t' || j.s[j.i] == '\r' || j.s[j.i] == '\n') {
		j.i++
	}
	return j.i
}

func (j *jsonReader) next(b byte) bool {
	if j.space() < len(j.s) && j.s[j.i] == b {
		j.i++
		return true
	}
	return false
}

const deepest = 16

// value reads any value; what has a name that is known is kept.
func (j *jsonReader) value(depth int) bool {
	if j.space() == len(j.s) || depth > deepest {
		return false
	}
	switch b := j.s[j.i]; b {
	case '"':
		text, ok := j.text()
		j.keep(text)
		return ok
	case '{':
		j.i++
		return j.object(depth + 1)
	case '[':
		j.i++
		return j.array(depth + 1)
	default:
		from := j.i
		for j.i < len(j.s) && !ends(j.s[j.i]) {
			j.i++
		}
		word := j.s[from:j.i]
		switch {
		case b == '-' || '0' <= b && b <= '9':
			j.keep(word)
		case word == "true":
			j.keep("1")
		case word != "false" && word != "null":
			return false
		}
		return true
	}
}

func ends(b byte) bool { return b == ',' || b == '}' || b == ']' || b <= ' ' }

// keep takes a value under the path at which it stands, the first of a list.
func (j *jsonReader) keep(text string) {
	if f := j.names[string(j.path)]; f != none && j.found[f] == "" {
		j.found[f] = text
	}
}

func (j *jsonReader) object(depth int) bool {
	if j.next('}') {
		return true
	}
	for n := len(j.path); ; {
		if j.space() == len(j.s) || j.s[j.i] != '"' {
			return false
		}
		name, ok := j.text()
		if !ok || !j.next(':') {
			return false
		}
		if n > 0 {
			j.path = append(j.path, '>')
		}
		j.path = append(j.path, name...)
		j.caddy = j.caddy || n == 0 && name == "request" && j.space() < len(j.s) && j.s[j.i] == '{'
		ok = j.value(depth)
		j.path = j.path[:n]
		if !ok {
			return false
		}
		if j.next('}') {
			return true
		}
		if !j.next(',') {
			return false
		}
	}
}

func (j *jsonReader) array(depth int) bool {
	if j.next(']') {
		return true
	}
	for {
		if !j.value(depth) {
			return false
		}
		if j.next(']') {
			return true
		}
		if !j.next(',') {
			return false
		}
	}
}

// text reads a string; most have no escapes and are a part of the line.
func (j *jsonReader) text() (string, bool) {
	s := j.s[j.i+1:]
	n := strings.IndexByte(s, '"')
	if n < 0 {
		return "", false
	}
	if j.plain || strings.IndexByte(s[:n], '\\') < 0 {
		j.i += n + 2
		return s[:n], true
	}
	out := make([]byte, 0, 2*n)
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"':
			j.i += i + 2
			return string(out), true
		case b != '\\':
			out = append(out, b)
		case i+1 == len(s):
			return "", false
		default:
			i++
			var ok bool
			if out, i, ok = escape(out, s, i); !ok {
				return "", false
			}
		}
	}
	return "", false
}

// escape reads what stands behind a backslash at i, and returns where it ends.
func escape(out []byte, s string, i int) (_ []byte, end int, ok bool) {
	switch s[i] {
	case '"', '\\', '/':
		return append(out, s[i]), i, true
	case 'b', 'f', 'n', 'r', 't':
		return append(out, ' '), i, true
	case 'x':
		if i+2 >= len(s) || nibble(s[i+1]) < 0 || nibble(s[i+2]) < 0 {
			return out, i, false
		}
		return append(out, byte(nibble(s[i+1])<<4|nibble(s[i+2]))), i + 2, true
	case 'u':
		r, ok := unicode4(s, i+1)
		if !ok {
			return out, i, false
		}
		i += 4
		if 0xd800 <= r && r < 0xdc00 && strings.HasPrefix(s[i+1:], `\u`) {
			if low, ok := unicode4(s, i+3); ok && 0xdc00 <= low && low < 0xe000 {
				r, i = (r-0xd800)<<10|(low-0xdc00)+0x10000, i+6
			}
		}
		return utf8.AppendRune(out, r), i, true
	}
	return out, i, false
}

func unicode4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[i:i+4], 16, 32)
	return rune(n), err == nil
}
