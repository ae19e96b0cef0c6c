package bot

import (
	"cmp"
	"hash/fnv"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"loot/desk/visits/agent"
	"loot/desk/visits/network"
)

// lines reads a file of fields; LICENSES.md and agent/testdata/README.md
// say where each comes from.
func lines(t testing.TB, path string) (out [][]string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return out
}

// people are strings of browsers on devices that people hold. What the tables
// of devices have of other programs is left out: it begins like no browser and
// is of no telephone that came before browsers began alike.
func people(t testing.TB) (out []string) {
	early := []string{"DoCoMo", "Siemens", "BlackBerry 9", "Nokia N", "Generic Feature Phone"}
	for _, file := range []string{"intoli-device.tsv", "uap-device.tsv"} {
		for _, f := range lines(t, "../agent/testdata/"+file) {
			if strings.HasPrefix(f[2], "Mozilla/") || strings.HasPrefix(f[2], "Opera/") || slices.Contains(early, f[0]) {
				out = append(out, f[2])
			}
		}
	}
	return out
}

func judge(l *list, userAgent string) Verdict {
	return l.score(Signals{UserAgent: userAgent, Agent: agent.Parse(userAgent, agent.Hints{})})
}

// TestUnlistedBotsAreFound judges each string of the list by a list that lacks
// the fifth to which its entry belongs: so bots of tomorrow are met.
func TestUnlistedBotsAreFound(t *testing.T) {
	fold := func(name string) int {
		h := fnv.New32a()
		h.Write([]byte(name))
		return int(h.Sum32() % 5)
	}
	all := lines(t, "testdata/instances.tsv")
	found := 0
	var missed []string
	for i := range 5 {
		var rest []entry
		for _, e := range listed() {
			if fold(strings.TrimLeft(e.word, "<^")) != i {
				rest = append(rest, e)
			}
		}
		l := newList(rest)
		for _, f := range all {
			if fold(strings.TrimLeft(f[0], "<^")) != i {
				continue
			}
			if judge(l, f[1]).Class != Human {
				found++
			} else {
				missed = append(missed, f[1])
			}
		}
	}
	recall := float64(found) / float64(len(all))
	t.Logf("%d of %d strings of bots that the list did not have: %.2f %%", found, len(all), 100*recall)
	if recall < 0.95 {
		t.Errorf("missed:\n%s", strings.Join(missed, "\n"))
	} else if testing.Verbose() {
		t.Log(strings.Join(missed, "\n"))
	}
}

func TestListedBotsAreFound(t *testing.T) {
	all, found := lines(t, "testdata/instances.tsv"), 0
	for _, f := range all {
		if judge(known(), f[1]).Class != Human {
			found++
		} else {
			t.Logf("missed: %s", f)
		}
	}
	if recall := float64(found) / float64(len(all)); recall < 0.99 {
		t.Errorf("found %.3f of the list's own strings", recall)
	}
}

// TestSpidersOfAnotherListAreFound asks for what uap-core calls spiders.
func TestSpidersOfAnotherListAreFound(t *testing.T) {
	all, found := lines(t, "testdata/uap-spiders.tsv"), 0
	for _, f := range all {
		if judge(known(), f[1]).Class != Human {
			found++
		} else {
			t.Logf("missed: %s", f[1])
		}
	}
	t.Logf("%d of %d spiders", found, len(all))
	if recall := float64(found) / float64(len(all)); recall < 0.95 {
		t.Errorf("found %.3f", recall)
	}
}

func TestPeopleAreHuman(t *testing.T) {
	all := people(t)
	var wrong []string
	for _, ua := range all {
		if v := judge(known(), ua); v.Class != Human {
			wrong = append(wrong, v.Class.String()+" "+cmp.Or(v.Name, v.Kind)+": "+ua)
		}
	}
	share := float64(len(wrong)) / float64(len(all))
	t.Logf("%d of %d strings of people held for bots: %.2f %%", len(wrong), len(all), 100*share)
	if share > 0.005 {
		t.Errorf("wrong:\n%s", strings.Join(wrong, "\n"))
	} else if testing.Verbose() {
		t.Log(strings.Join(wrong, "\n"))
	}
}

const (
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36"
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// asChrome is what Chrome sends, with changes; "" takes a header away.
func asChrome(pairs ...string) http.Header {
	return headers(append([]string{
		"Accept", "*/*", "Accept-Language", "de", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin",
		"Sec-CH-UA", `"Chromium";v="154", "Google Chrome";v="154"`, "Sec-CH-UA-Platform", `"Windows"`,
	}, pairs...)...)
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		what, userAgent string
		header          http.Header
		network         network.Kind
		automation      bool
		want            Verdict // its Reason is a part of the reason
	}{
		{what: "a person", userAgent: chrome, header: asChrome()},
		{what: "a person behind a hired network", userAgent: chrome, header: asChrome(), network: network.Hosting},
		{what: "a person behind a proxy that strips", userAgent: chrome, header: headers("Accept", "*/*", "Accept-Language", "de", "Sec-Fetch-Mode", "cors")},
		{what: "a line of a log", userAgent: firefox},
		{what: "a line of a log, of a server", userAgent: firefox, network: network.Hosting},
		{what: "a telephone named Cubot", userAgent: "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
		{what: "another", userAgent: "Mozilla/5.0 (Linux; Android 7.0; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
		{what: "a bot on a Cubot", userAgent: "Mozilla/5.0 (Linux; Android 7.0; CUBOT) Chrome/120.0.0.0 (unheard-of bot)", want: Verdict{Class: Declared, Kind: other, Reason: "calls itself"}},
		{what: "a crawler", userAgent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", want: Verdict{Declared, "Googlebot", "search engine", "on the list"}},
		{what: "of an AI", userAgent: "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", want: Verdict{Declared, "GPTBot", "AI", "on the list"}},
		{what: "a library", userAgent: "libsomething/1 python/3", want: Verdict{Declared, "", library, "calls itself"}},
		{what: "nothing", userAgent: " ", want: Verdict{Suspected, "", other, "no user-agent string"}},
		{what: "a made-up string", userAgent: "qwertz", want: Verdict{Suspected, "", library, "no known browser"}},
		{what: "a steered browser", userAgent: chrome, header: asChrome(), automation: true, want: Verdict{Suspected, "", headless, "steers it"}},
		{what: "no window", userAgent: chrome, header: asChrome("Sec-CH-UA", `"HeadlessChrome";v="154"`), want: Verdict{Declared, "", headless, "without a window"}},
		{what: "a copied string", userAgent: chrome, header: headers("Accept", "*/*"), want: Verdict{Suspected, "", other, "accepts no language, it sends no client hints"}},
		{what: "a copied string with a language, on a server", userAgent: firefox, header: headers("Accept", "*/*", "Accept-Language", "en"), network: network.Hosting, want: Verdict{Suspected, "", other, "network of servers"}},
		{what: "another system", userAgent: chrome, header: asChrome("Sec-CH-UA-Platform", `"Linux"`, "Accept", ""), want: Verdict{Suspected, "", other, "another system"}},
		{what: "an old browser on a server", userAgent: strings.Replace(chrome, "154.", "60.", 1), network: network.Hosting, want: Verdict{Suspected, "", other, "years old"}},
	} {
		s := Signals{UserAgent: c.userAgent, Agent: agent.Parse(c.userAgent, agent.Hints{}), Network: c.network, Automation: c.automation, Secure: true}
		if c.header != nil {
			s.Header = c.header.Get
		}
		got := Score(s)
		ok := strings.Contains(got.Reason, c.want.Reason) && (c.want.Class == Human) == (got.Reason == "")
		if got.Reason = c.want.Reason; !ok || got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.what, Score(s), c.want)
		}
	}
}

func FuzzScore(f *testing.F) {
	for _, line := range lines(f, "testdata/instances.tsv")[:200] {
		f.Add(line[1], "de", `"Chromium";v="154"`, `"Windows"`, uint8(3))
	}
	f.Fuzz(func(t *testing.T, ua, language, brands, platform string, kind uint8) {
		h := headers("Accept-Language", language, "Sec-CH-UA", brands, "Sec-CH-UA-Platform", platform)
		s := Signals{UserAgent: ua, Agent: agent.Parse(ua, agent.Hints{}), Network: network.Kind(kind), Header: h.Get, Secure: true}
		v := Score(s)
		if v != Score(s) {
			t.Error("two verdicts on one request")
		}
		if (v.Class == Human) != (v == Verdict{}) || len(v.Reason) > 200 {
			t.Errorf("got %+v", v)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	ask := func(b *testing.B, list []string, h http.Header) {
		var all []Signals
		for _, ua := range list {
			all = append(all, Signals{UserAgent: ua, Agent: agent.Parse(ua, agent.Hints{}), Header: h.Get, Secure: true})
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			Score(all[i%len(all)])
		}
	}
	var bots []string
	for _, f := range lines(b, "testdata/instances.tsv") {
		bots = append(bots, f[1])
	}
	b.Run("people", func(b *testing.B) { ask(b, people(b), asChrome()) })
	b.Run("bots", func(b *testing.B) { ask(b, bots, asChrome()) })
	b.Run("suspects", func(b *testing.B) { ask(b, []string{chrome}, headers()) })
	for name, text := range map[string]string{
		"hits": strings.Repeat("bot crawler spider ", 5000), "near": strings.Repeat("Googlebo ", 10000), "allowed": strings.Repeat("cubot ", 20000),
	} {
		b.Run("hostile/"+name, func(b *testing.B) { ask(b, []string{text}, headers()) })
	}
}
