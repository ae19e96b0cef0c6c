package report

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const zone = `(?: ?\(?(Z|[A-Z]{2,4}\b|[+-]\d{2}:?\d{2})\)?)?`

// written are the ways in which logs and people write times.
var written = []struct {
	pattern *regexp.Regexp
	// the places of year, month, day, hour, minute, second and zone among what the
	// pattern finds; 0: it has none
	places [7]int
}{
	{regexp.MustCompile(`\b(\d{4})[-/](\d{2})[-/](\d{2})[T _](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?` + zone), [7]int{1, 2, 3, 4, 5, 6, 7}},
	{regexp.MustCompile(`\b(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2})` + zone), [7]int{3, 2, 1, 4, 5, 6, 7}},
	{regexp.MustCompile(`\b(\d{1,2}) ([A-Z][a-z]{2})[a-z]* (\d{4}),? (\d{1,2}):(\d{2})(?::(\d{2}))?` + zone), [7]int{3, 2, 1, 4, 5, 6, 7}},
	{regexp.MustCompile(`\b(\d{1,2})\.(\d{1,2})\.(\d{4}),? (\d{1,2}):(\d{2})(?::(\d{2}))?` + zone), [7]int{3, 2, 1, 4, 5, 6, 7}},
	{regexp.MustCompile(`\b([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})\b`), [7]int{6, 1, 2, 3, 4, 5, 0}},
	{regexp.MustCompile(`\b([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})\b`), [7]int{0, 1, 2, 3, 4, 5, 0}},
}

// offsets are the zones that people write as letters and that mean one thing to
// most: those of RFC 5322, 4.3, and of Europe. In hours.
var offsets = map[string]int{
	"Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// findTime returns the first time that stands in a line. About is when the text
// was written, by which a year that is not said is taken.
func findTime(line string, about time.Time) (t Time, ok bool) {
	if !strings.Contains(line, ":") {
		return t, false
	}
	for _, w := range written {
		m := w.pattern.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if t, ok := timeOf(m, w.places, about); ok {
			return t, true
		}
	}
	return t, false
}

func timeOf(m []string, places [7]int, about time.Time) (t Time, ok bool) {
	var n [6]int
	for i, p := range places[:6] {
		if p == 0 || m[p] == "" {
			continue
		}
		n[i] = monthOf(m[p])
		if n[i] == 0 {
			n[i], _ = strconv.Atoi(m[p]) // digits, or a word that is no month: then 0
		}
	}
	if places[0] == 0 {
		if n[0] = about.Year(); about.IsZero() {
			return t, false
		}
	}
	if n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 23 || n[4] > 59 || n[5] > 60 || n[0] < 1990 || n[0] > 2200 {
		return t, false
	}
	offset, zoned := 0, false
	if p := places[6]; p != 0 && m[p] != "" {
		offset, zoned = offsetOf(m[p])
	}
	t = Time{At: time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.FixedZone("", offset)).UTC(), Zoned: zoned}
	// A log of December that is reported in January is of the year before.
	if places[0] == 0 && t.At.Sub(about) > 48*time.Hour {
		t.At = t.At.AddDate(-1, 0, 0)
	}
	return t, true
}

// offsetOf returns seconds east of Greenwich.
func offsetOf(zone string) (seconds int, ok bool) {
	if hours, ok := offsets[zone]; ok {
		return hours * 3600, true
	}
	if zone[0] != '+' && zone[0] != '-' {
		return 0, false
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || n/100 > 14 || n%100 > 59 {
		return 0, false
	}
	seconds = n/100*3600 + n%100*60
	if zone[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func monthOf(word string) int {
	if len(word) != 3 {
		return 0
	}
	i := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", word)
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}
