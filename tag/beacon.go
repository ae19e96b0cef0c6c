package tag

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxBeacon is how many bytes a beacon has at most.
const MaxBeacon = 4 << 10

// MaxValue is the greatest value of an event: what many of them are worth
// together is a number, too, and a made-up one cannot bury what is true.
const MaxValue = 1_000_000_000

// ErrValue says that the value of an event is out of bounds.
var ErrValue = refused("value", fmt.Sprintf("is not between 0 and %d", MaxValue))

// A Kind says what a beacon is about.
type Kind string

// The kinds.
const (
	View       Kind = "view"
	Engagement Kind = "engagement"
	Event      Kind = "event"
)

// A PageID is of one view of one page, and of nothing else.
type PageID uint64

// A Width is the class of a window's width: below 500 pixels, 1000, 1500,
// 2000, and from there on. Zero: not said.
type Width uint8

// A Beacon is what the script sends. What it says is said by whoever sent it:
// a program can send any.
type Beacon struct {
	Kind      Kind
	Page      PageID
	URL       string // http or https, with query
	Referrer  string // as the browser says it; often empty
	Site      string
	Width     Width
	Automated bool

	Engaged time.Duration // of an engagement: so far
	Scroll  int           // of an engagement: percent

	Name   string // of an event
	Target string
	Value  float64
	Count  uint32
}

// The longest strings, in bytes.
const (
	maxAddress = 1000
	maxName    = 100
)

// written is a beacon as it is written.
type written struct {
	Kind     Kind    `json:"kind"`
	Page     string  `json:"page"`
	URL      string  `json:"url"`
	Referrer string  `json:"referrer"`
	Site     string  `json:"site"`
	Width    int64   `json:"width"`
	Auto     bool    `json:"auto"`
	Time     int64   `json:"time"`
	Scroll   int64   `json:"scroll"`
	Name     string  `json:"name"`
	Target   string  `json:"target"`
	Value    float64 `json:"value"`
	Count    int64   `json:"count"`
}

// Parse reads a beacon. Keys that it does not know are passed over, for older
// and newer scripts. An error names the key and what is wrong, and repeats
// nothing that was sent, so that there are few and they can be counted.
func Parse(body []byte) (Beacon, error) {
	if len(body) > MaxBeacon {
		return Beacon{}, fmt.Errorf("tag: beacon: longer than %d bytes", MaxBeacon)
	}
	var w written
	if err := w.read(body); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return Beacon{}, refused(wrong.Field, "has the wrong type")
		}
		return Beacon{}, errors.New("tag: beacon: not a JSON object")
	}
	for _, s := range []struct {
		key, value string
		most       int
	}{
		{"url", w.URL, maxAddress},
		{"referrer", w.Referrer, maxAddress},
		{"target", w.Target, maxAddress},
		{"site", w.Site, maxName},
		{"name", w.Name, maxName},
	} {
		if len(s.value) > s.most {
			return Beacon{}, refused(s.key, fmt.Sprintf("is longer than %d bytes", s.most))
		}
	}
	for _, n := range []struct {
		key         string
		value, most int64
	}{
		{"width", w.Width, 5},
		{"time", w.Time, math.MaxInt32},
		{"scroll", w.Scroll, math.MaxInt32},
		{"count", w.Count, math.MaxInt32},
	} {
		if n.value < 0 || n.value > n.most {
			return Beacon{}, refused(n.key, fmt.Sprintf("is not between 0 and %d", n.most))
		}
	}
	if !(w.Value >= 0 && w.Value <= MaxValue) {
		return Beacon{}, ErrValue
	}
	page, err := strconv.ParseUint(w.Page, 10, 64)
	switch {
	case err != nil:
		return Beacon{}, refused("page", "is not a number of 64 bits in a string")
	case !strings.HasPrefix(w.URL, "https://") && !strings.HasPrefix(w.URL, "http://"):
		return Beacon{}, refused("url", "is not an address of the web")
	}
	switch w.Kind {
	case View, Engagement:
	case Event:
		if w.Name == "" {
			return Beacon{}, refused("name", "is missing")
		}
	default:
		return Beacon{}, refused("kind", "is not view, engagement or event")
	}
	return Beacon{
		Kind: w.Kind, Page: PageID(page), URL: w.URL, Referrer: w.Referrer, Site: w.Site, Width: Width(w.Width), Automated: w.Auto,
		Engaged: time.Duration(w.Time) * time.Millisecond,
		Scroll:  int(min(w.Scroll, 100)), // a page may have shrunk since
		Name:    w.Name, Target: w.Target, Value: w.Value, Count: uint32(w.Count),
	}, nil
}

// read reads JSON. What scripts of ours write is read at once: it takes a tenth
// of the time. The rest, with escapes or keys of other versions, is left to
// encoding/json.
func (w *written) read(body []byte) error {
	if quick := (written{}); quick.readQuick(string(body)) {
		*w = quick
		return nil
	}
	return json.Unmarshal(body, w)
}

// readQuick reports false if there is anything out of the ordinary.
func (w *written) readQuick(text string) bool {
	rest, ok := strings.CutPrefix(text, "{")
	for more := true; more && ok; {
		var key, value string
		if key, rest, ok = quickText(rest); !ok {
			return false
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return false
		}
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = quickText(rest); !ok {
				return false
			}
			ok = w.setText(key, value)
		} else {
			end := strings.IndexAny(rest, ",}")
			if end < 0 {
				return false
			}
			value, rest = rest[:end], rest[end:]
			ok = w.setOther(key, value)
		}
		rest, more = strings.CutPrefix(rest, ",")
	}
	return ok && rest == "}"
}

// quickText reads text in quotes, of letters of ASCII that stand for themselves.
func quickText(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[1:i], s[i+1:], true
		case c < ' ' || c > '~' || c == '\\':
			return "", "", false
		}
	}
	return "", "", false
}

func (w *written) setText(key, value string) bool {
	switch key {
	case "kind":
		w.Kind = Kind(value)
	case "page":
		w.Page = value
	case "url":
		w.URL = value
	case "referrer":
		w.Referrer = value
	case "site":
		w.Site = value
	case "name":
		w.Name = value
	case "target":
		w.Target = value
	default:
		return false
	}
	return true
}

func (w *written) setOther(key, value string) bool {
	if key == "auto" {
		w.Auto = value == "true"
		return w.Auto || value == "false"
	}
	const most = 9 // digits
	if len(value) == 0 || len(value) > most || value[0] == '0' && len(value) > 1 {
		return false
	}
	n := int64(0)
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int64(c-'0')
	}
	switch key {
	case "width":
		w.Width = n
	case "time":
		w.Time = n
	case "scroll":
		w.Scroll = n
	case "count":
		w.Count = n
	default:
		return false
	}
	return true
}

func refused(key, why string) error {
	return fmt.Errorf("tag: beacon: %s %s", key, why)
}
