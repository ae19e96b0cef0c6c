package agent_test

import (
	"strings"
	"sync"
	"testing"

	"loot/desk/visits/agent"
)

const (
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36"
	android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Mobile Safari/537.36"
	linux   = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36"
	mac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
)

func TestStringsAndHints(t *testing.T) {
	for _, c := range []struct {
		name, userAgent string
		hints           agent.Hints
		want            agent.Agent
	}{
		{"nothing", "", agent.Hints{}, agent.Agent{}},
		{"a library", "curl/8.5.0", agent.Hints{}, agent.Agent{}},
		{"Chrome on Windows", windows, agent.Hints{}, agent.Agent{"Chrome", 154, "Windows", "10", agent.Desktop}},
		{"a phone", android, agent.Hints{}, agent.Agent{"Chrome", 154, "Android", "10", agent.Phone}},
		{"Safari on a Mac", mac, agent.Hints{}, agent.Agent{"Safari", 18, "macOS", "10.15", agent.Desktop}},
		{"Safari on an iPhone", iphone, agent.Hints{}, agent.Agent{"Safari", 26, "iOS", "18", agent.Phone}},
		{"Chrome on an iPad that asks for what a Mac gets", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150 Version/18.0 Safari/605.1.15", agent.Hints{}, agent.Agent{"Chrome", 150, "iOS", "", agent.Tablet}},
		{"a page inside of Facebook", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/490.0.0.38.106;FBBV/660;FBDV/iPhone14,5]", agent.Hints{}, agent.Agent{"Facebook", 490, "iOS", "18", agent.Phone}},
		{"Firefox on Ubuntu", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", agent.Hints{}, agent.Agent{"Firefox", 140, "Ubuntu", "", agent.Desktop}},
		{"Internet Explorer 11", "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", agent.Hints{}, agent.Agent{"Internet Explorer", 11, "Windows", "7", agent.Desktop}},
		{"a page inside of a program", "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36", agent.Hints{}, agent.Agent{"Android WebView", 120, "Android", "14", agent.Phone}},
		{
			"Windows 11 says so in a hint alone", windows,
			agent.Hints{Brands: `"Chromium";v="154", "Google Chrome";v="154", "Not-A.Brand";v="99"`, Platform: `"Windows"`, PlatformVersion: `"15.0.0"`, Mobile: "?0"},
			agent.Agent{"Chrome", 154, "Windows", "11", agent.Desktop},
		},
		{"and Windows 8.1", windows, agent.Hints{Platform: `"Windows"`, PlatformVersion: `"0.3.0"`}, agent.Agent{"Chrome", 154, "Windows", "8.1", agent.Desktop}},
		{"a brand that the string hides", windows, agent.Hints{Brands: `"Chromium";v="154", "Brave";v="153"`}, agent.Agent{"Brave", 153, "Windows", "10", agent.Desktop}},
		{
			"a brand that many share", strings.Replace(windows, "Safari/", "OPR/117.0 Safari/", 1),
			agent.Hints{Brands: `"Chromium";v="154"`},
			agent.Agent{"Opera", 117, "Windows", "10", agent.Desktop},
		},
		{"the version of a frozen Android", android, agent.Hints{Platform: `"Android"`, PlatformVersion: `"15.0.0"`, Mobile: "?1"}, agent.Agent{"Chrome", 154, "Android", "15", agent.Phone}},
		{"a tablet in desktop mode", linux, agent.Hints{Platform: `"Android"`, PlatformVersion: `"14.0.0"`, Mobile: "?0"}, agent.Agent{"Chrome", 154, "Android", "14", agent.Tablet}},
		{"a Mac", strings.Replace(windows, "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", 1), agent.Hints{Platform: `"macOS"`, PlatformVersion: `"15.3.1"`}, agent.Agent{"Chrome", 154, "macOS", "15", agent.Desktop}},
		{"hints that make no sense", windows, agent.Hints{Brands: `;v=;v=,",,"`, Platform: `"`, PlatformVersion: `"..."`, Mobile: "?"}, agent.Agent{"Chrome", 154, "Windows", "10", agent.Desktop}},
		{"a version that is none", strings.Replace(windows, "154.0", "99999999", 1), agent.Hints{}, agent.Agent{"Chrome", 0, "Windows", "10", agent.Desktop}},
	} {
		if got := agent.Parse(c.userAgent, c.hints); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// hostile are strings that make other parsers slow, or full.
var hostile = map[string]string{
	"hits":    strings.Repeat("Windows NT 10.0; Android 9; ", 5000),
	"near":    strings.Repeat("Opera Min", 10000),
	"numbers": "Chrome/" + strings.Repeat("9", 100000),
	"spaces":  strings.Repeat(" ", 100000),
}

func TestNothingOfTheStringIsKept(t *testing.T) {
	for name, text := range hostile {
		a := agent.Parse(text, agent.Hints{Brands: text, Platform: text, PlatformVersion: text, Mobile: text})
		if a.Major > 9999 || len(a.SystemVersion) > 5 || len(a.Browser) > 20 {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

// TestCacheAnswersAsParseDoes asks for more strings than it holds, twice, from
// several sides at once.
func TestCacheAnswersAsParseDoes(t *testing.T) {
	cache, all := agent.NewCache(), append(fixtures(t, "uap-device.tsv"), fixtures(t, "uap-ua.tsv")...)
	hints := []agent.Hints{{}, {Platform: `"Windows"`, PlatformVersion: `"15.0.0"`}, {Platform: `"Android"`, Mobile: "?1"}}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range 2 * len(all) {
				for _, h := range hints {
					ua := all[i%len(all)].userAgent
					if got, want := cache.Parse(ua, h), agent.Parse(ua, h); got != want {
						t.Errorf("%q %+v: got %+v, want %+v", ua, h, got, want)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

func FuzzParse(f *testing.F) {
	for _, x := range fixtures(f, "uap-ua.tsv")[:200] {
		f.Add(x.userAgent, `"Chromium";v="154"`, `"Windows"`, `"15.0.0"`, "?1")
	}
	f.Fuzz(func(t *testing.T, ua, brands, platform, version, mobile string) {
		h := agent.Hints{Brands: brands, Platform: platform, PlatformVersion: version, Mobile: mobile}
		a := agent.Parse(ua, h)
		if a != agent.Parse(ua, h) {
			t.Error("two answers to one question")
		}
		if a.Major < 0 || a.Major > 9999 || len(a.SystemVersion) > 5 || a.Device > agent.Watch {
			t.Errorf("got %+v", a)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var list []string
	for _, f := range fixtures(b, "intoli-device.tsv") {
		list = append(list, f.userAgent)
	}
	b.Run("real", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			agent.Parse(list[i%len(list)], agent.Hints{})
		}
	})
	b.Run("cached", func(b *testing.B) {
		cache := agent.NewCache()
		for i := 0; b.Loop(); i++ {
			cache.Parse(list[i%500], agent.Hints{})
		}
	})
	b.Run("hints", func(b *testing.B) {
		h := agent.Hints{Brands: `"Chromium";v="154", "Google Chrome";v="154", "Not-A.Brand";v="99"`, Platform: `"Windows"`, PlatformVersion: `"15.0.0"`, Mobile: "?0"}
		for b.Loop() {
			agent.Parse(windows, h)
		}
	})
	for name, text := range hostile {
		b.Run("hostile/"+name, func(b *testing.B) {
			for b.Loop() {
				agent.Parse(text, agent.Hints{Brands: text})
			}
		})
	}
}
