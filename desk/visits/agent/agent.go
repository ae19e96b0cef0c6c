// Package agent names the browser, the system and the kind of device of a
// request. It reads the user-agent string once, whatever its author put there,
// and says only names of its own table and short numbers, so that nothing of
// the string itself is kept and nobody can make up names.
package agent

import (
	"strconv"
	"strings"
	"sync"

	"loot/desk/visits/words"
)

// An Agent is what a visit keeps of a user-agent string. What is not known is
// empty or 0.
type Agent struct {
	Browser       string // "Firefox"
	Major         int    // its major version
	System        string // "Windows"
	SystemVersion string // as coarse as it says anything: "11", "10.15", "17"
	Device        Device
}

// A Device is a kind of device.
type Device uint8

// The kinds of device.
const (
	Other Device = iota
	Desktop
	Phone
	Tablet
	TV
	Console
	Watch
)

// String returns the kind as it is stored.
func (d Device) String() string {
	if int(d) < len(deviceNames) {
		return deviceNames[d]
	}
	return deviceNames[Other]
}

var deviceNames = [...]string{"other", "desktop", "phone", "tablet", "tv", "console", "watch"}

// Hints are the user agent's client hints, each as its header came:
// https://wicg.github.io/ua-client-hints/
type Hints struct {
	Brands          string // Sec-CH-UA, or Sec-CH-UA-Full-Version-List
	Platform        string // Sec-CH-UA-Platform
	PlatformVersion string // Sec-CH-UA-Platform-Version
	Mobile          string // Sec-CH-UA-Mobile
}

// longest is how much of a header is read: real ones are shorter, and a hostile
// one takes no more than this.
const longest = 512

// Parse names what a user-agent string and its hints say. A hint wins: current
// browsers freeze their string.
func Parse(userAgent string, hints Hints) Agent {
	r := reader{text: userAgent[:min(len(userAgent), longest)]}
	table().Each(r.text, r.found)
	a := r.agent()
	if hints != (Hints{}) {
		hints.apply(&a, r.browser.rule != nil && r.browser.rule.rank >= ownName)
	}
	return a
}

var table = sync.OnceValue(func() *words.Set {
	var list []string
	for i := range rules {
		list = append(list, rules[i].word)
	}
	return words.New(list)
})

// A reader keeps the best hit of each sort.
type reader struct {
	text                    string
	browser, system, device hit
	version                 int // after "Version/"
	rv                      int // after "rv:"
	app                     int // after what Facebook's programs write
	mobile                  bool
}

type hit struct {
	rule *rule
	end  int
}

func (h *hit) better(r *rule, end int) {
	if h.rule == nil || r.rank > h.rule.rank {
		h.rule, h.end = r, end
	}
}

func (r *reader) found(word, _, end int) {
	rule := &rules[word]
	if rule.browser != "" {
		r.browser.better(rule, end)
	}
	if rule.system != "" {
		r.system.better(rule, end)
	}
	if rule.device != Other {
		r.device.better(rule, end)
	}
	switch rule.mark {
	case markVersion:
		r.version = end
	case markRv:
		r.rv = end
	case markApp:
		r.app = end
	case markMobile:
		r.mobile = true
	}
}

func (r *reader) agent() Agent {
	var a Agent
	if b := r.browser.rule; b != nil && b.browser != nothing {
		a.Browser = b.browser
		at := r.browser.end
		switch {
		case b.from == markVersion && r.version > 0:
			at = r.version
		case b.from == markRv && r.rv > 0:
			at = r.rv
		case b.from == markApp && r.app > 0:
			at = r.app
		}
		a.Major, _ = number(r.text, at)
		// A page inside of another program says both its version and Chrome's.
		if b.browser == "Chrome" && r.version > 0 && r.system.rule != nil && r.system.rule.system == "Android" {
			a.Browser = "Android WebView"
		}
	}
	if s := r.system.rule; s != nil {
		a.System = s.system
		switch s.version {
		case "":
			a.SystemVersion = systemVersion(s.system, r.text, r.system.end)
		case nothing:
		default:
			a.SystemVersion = s.version
		}
	}
	switch d := r.device.rule; {
	case d != nil:
		a.Device = d.device
	case r.system.rule != nil:
		a.Device = r.system.rule.usual
		if a.System == "Android" && a.Device == Phone && !r.mobile {
			a.Device = Tablet // what Android asks of browsers, and most do
		}
	}
	if a.Device == Other && r.mobile {
		a.Device = Phone
	}
	return a
}

// number reads the number that begins at most three signs after at, and tells
// where it ends. Longer ones than four digits are no version.
func number(text string, at int) (n, end int) {
	for i := 0; i < 3 && at < len(text) && strings.IndexByte(" /:-+vV;_(", text[at]) >= 0; i++ {
		at++
	}
	for end = at; end < len(text) && '0' <= text[end] && text[end] <= '9'; end++ {
		if n = 10*n + int(text[end]-'0'); n > 9999 {
			return 0, end
		}
	}
	return n, end
}

// systemVersion is the major version, and the minor one where the major says
// too little.
func systemVersion(system, text string, at int) string {
	if unversioned[system] {
		return ""
	}
	major, end := number(text, at)
	if major == 0 || major > 99 {
		return ""
	}
	minor := -1
	if end+1 < len(text) && strings.IndexByte("._", text[end]) >= 0 && '0' <= text[end+1] && text[end+1] <= '9' {
		minor, _ = number(text, end+1)
	}
	return coarse(system, major, minor)
}

func coarse(system string, major, minor int) string {
	fine := minor > 0 && minor < 100 && (system == "macOS" && major == 10 || system == "Android" && major < 5 || system == "Windows Phone" || system == "KaiOS")
	if !fine {
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

// apply lets the hints say what the string does not. A browser that named
// itself in the string keeps its name against a brand that many share.
func (h Hints) apply(a *Agent, named bool) {
	if name, major, own := brand(h.Brands); name != "" && (own || !named) {
		if name != a.Browser || major > 0 {
			a.Major = major
		}
		a.Browser = name
	}
	system := platforms[strings.Trim(h.Platform, `"`)]
	if system == "" {
		return
	}
	if system != a.System {
		// A browser in desktop mode says Linux on an Android.
		a.System, a.SystemVersion = system, ""
		a.Device = Desktop
		if system == "Android" {
			a.Device = Tablet
		}
	}
	if system == "Android" || system == "iOS" {
		if h.Mobile == "?1" && a.Device != TV && a.Device != Watch && a.Device != Tablet {
			a.Device = Phone
		}
	}
	h.version(a)
}

// version reads the platform's version. Windows counts otherwise than its name:
// https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11
func (h Hints) version(a *Agent) {
	v := strings.Trim(h.PlatformVersion, `"`)
	major, end := number(v, 0)
	switch {
	case end == 0 || end > 3:
	case a.System == "Windows" && major >= 13:
		a.SystemVersion = "11"
	case a.System == "Windows" && major >= 1:
		a.SystemVersion = "10"
	case a.System == "Windows":
		a.SystemVersion = map[string]string{"0.1": "7", "0.2": "8", "0.3": "8.1"}[v[:min(len(v), 3)]]
	case major > 0 && major < 100 && !unversioned[a.System]:
		minor := -1
		if end < len(v) && v[end] == '.' {
			minor, _ = number(v, end+1)
		}
		a.SystemVersion = coarse(a.System, major, minor)
	}
}

// brand returns the browser that a list of brands names. Chromium is the brand
// of many and says least; own is false for it and for Chrome.
func brand(list string) (name string, major int, own bool) {
	best := 0
	for rest := list[:min(len(list), longest)]; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		text, version, ok := strings.Cut(item, ";v=")
		if !ok {
			continue
		}
		b := brands[strings.Trim(strings.TrimSpace(text), `"`)]
		if b.rank > best {
			best, name = b.rank, b.browser
			major, _ = number(strings.Trim(version, `"`), 0)
		}
	}
	return name, major, best >= ownName
}
