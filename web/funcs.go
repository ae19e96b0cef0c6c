package web

import (
	"html/template"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"loot"
)

// funcs are what templates may call.
var funcs = template.FuncMap{
	"asset":     Asset,
	"icon":      Icon,
	"navItems":  navItems,
	"date":      func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
	"clock":     func(t time.Time) string { return t.UTC().Format("15:04:05 MST") },
	"iso":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"day":       dayTag,
	"moment":    momentTag,
	"longDay":   func(t time.Time) template.HTML { return timeTag(t, "2 January 2006") },
	"num":       Number,
	"bytes":     Bytes,
	"plural":    plural,
	"pieces":    func(address string) []string { return pieces.FindAllString(address, -1) },
	"percent":   func(f float64) string { return strconv.FormatFloat(math.Round(f*1000)/10, 'f', -1, 64) + " %" },
	"join":      func(sep string, list []string) string { return strings.Join(list, sep) },
	"hasPrefix": strings.HasPrefix,
	"code":      Code,
	"untrusted": func() string { return untrustedFrame },
}

// dayTag is a date that a program can read too. The zero time is a dash.
func dayTag(t time.Time) template.HTML { return timeTag(t, "2 Jan 2006") }

// momentTag is a date and time of day.
func momentTag(t time.Time) template.HTML { return timeTag(t, "2 Jan 2006, 15:04 MST") }

func timeTag(t time.Time, layout string) template.HTML {
	if t.IsZero() {
		return `<span class="none">–</span>`
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(layout) + `</time>`)
}

// Icon returns an icon of the sprite, and nothing for one that is not in it.
// It says nothing to a screen reader: words stand beside it.
func Icon(name string) template.HTML {
	return icons()[name]
}

// Number writes n with thin spaces between thousands.
func Number(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

// Bytes writes a size as people read it.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), 0
	for f >= 999.5 && unit < 4 {
		f /= 1000
		unit++
	}
	digits := 1
	if f >= 9.95 {
		digits = 0
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + []string{"B", "kB", "MB", "GB", "TB"}[unit]
}

// pieces of an e-mail address end after "@" or a dot, where a narrow column may
// break it, and not in the midst of a word.
var pieces = regexp.MustCompile(`[^@.]*[@.]?`)

// plural is [loot.Plural] with the number as pages write it.
func plural(n int, one, many string) string {
	if n == 1 {
		return loot.Plural(n, one, many)
	}
	return Number(n) + " " + many
}
