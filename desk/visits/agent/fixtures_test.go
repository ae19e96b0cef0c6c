package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"loot/desk/visits/agent"
)

// fixture is one line of a file of testdata, whose README says where each comes from.
type fixture struct{ family, major, userAgent string }

func fixtures(t testing.TB, name string) (out []fixture) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			t.Fatalf("%s: %q has %d fields", name, line, len(f))
		}
		out = append(out, fixture{f[0], f[1], f[2]})
	}
	return out
}

// A table says what we call the families of a fixture: those of a line are
// called by its key, or by their own name where the key is "same".
type table map[string][]string

const same = "same"

func (n table) of(family string) (string, bool) {
	for name, families := range n {
		if slices.Contains(families, family) {
			if name == same {
				return family, true
			}
			return name, true
		}
	}
	return "", false
}

// browsers leaves out bots, libraries and programs that show no pages; what
// uap-core calls a browser is here, whether we know it or not.
var browsers = table{
	same: {
		"AOL", "Android WebView", "Basilisk", "Brave", "Chromium", "Coc Coc", "Comodo Dragon", "Conkeror", "Crosswalk", "Dolphin", "Edge", "Electron",
		"Facebook", "Facebook Messenger", "Firefox", "Flipboard", "Google", "HbbTV", "HeadlessChrome", "IceCat", "Instagram", "Iron", "K-Meleon",
		"Kindle", "Konqueror", "LINE", "LuaKit", "Maxthon", "Midori", "Minimo", "Nokia Browser", "ONE Browser", "Obigo", "Openwave", "Opera",
		"Opera Mini", "Opera Mobile", "Otter", "Outlook", "Pale Moon", "PhantomJS", "Pinterest", "Postbox", "Puffin", "QQ Browser", "QtCarBrowser",
		"QupZilla", "Rekonq", "RockMelt", "Safari", "Samsung Internet", "SerenityOS Browser", "Skyfire", "Sleipnir", "Snapchat", "Snowshoe",
		"Spotify", "Thunderbird", "Twitter", "UC Browser", "Vivaldi", "Waterfox", "Whale", "Windows Live Mail", "webOS Browser",
		"Planetweb", "FireWeb", "ICE Browser", "Espial", "Bunjalloo", "Phantom Browser", "iBrowser Mini", "Firefox Focus", "Epiphany", "Falkon", "SeaMonkey",
	},
	"360":               {"360 Browser"},
	"Android Browser":   {"Android"},
	"Android WebView":   {"Chrome Mobile WebView"},
	"Baidu":             {"Baidu Browser"},
	"BlackBerry":        {"BlackBerry WebKit"},
	"Bolt":              {"BOLT"},
	"Chrome":            {"Chrome", "Chrome Mobile", "Chrome Mobile iOS"},
	"Comodo Dragon":     {"Dragon"},
	"Dolphin":           {"mDolphin", "Dolfin"},
	"DuckDuckGo":        {"DuckDuckGo Mobile"},
	"Edge":              {"Edge Mobile"},
	"Firefox":           {"Firefox Mobile", "Firefox iOS", "Firefox Beta", "Firefox (Shiretoko)", "MozillaDeveloperPreview"},
	"Internet Explorer": {"IE", "IE Mobile", "IE Large Screen", "Chrome Frame"},
	"Mail.ru":           {"Mail.ru Chromium Browser"},
	"Mosaic":            {"NCSA Mosaic"},
	"NetFront":          {"NetFront", "NetFront NX"},
	"Nokia Browser":     {"Ovi Browser", "Nokia OSS Browser"},
	"Openwave":          {"UP.Browser"},
	"Opera":             {"Opera Coast", "Opera Neon"},
	"Opera Mobile":      {"Opera Tablet"},
	"QQ Browser":        {"QQ Browser Mobile", "QQ Browser Mini"},
	"Qutebrowser":       {"qutebrowser"},
	"Safari":            {"Mobile Safari", "WebKit Nightly"},
	"Sailfish":          {"Sailfish Browser"},
	"Seznam":            {"Seznam prohlížeč"},
	"Silk":              {"Amazon Silk"},
	"Slack":             {"Slack Desktop Client"},
	"Teleca":            {"Teleca Browser"},
	"Tenta":             {"Tenta Browser"},
	"Thunderbird":       {"Lightning", "ThunderBrowse"},
	"Xiaomi":            {"MiuiBrowser", "Mint Browser"},
	"Yandex":            {"Yandex Browser"},
	"iOS WebView":       {"Mobile Safari UI/WKWebView"},
}

var systems = table{
	same: {
		"Android", "Bada", "BlackBerry OS", "BlackBerry Tablet OS", "Chrome OS", "Chromecast", "Debian", "Firefox OS", "FreeBSD", "Gentoo", "KaiOS", "Kindle",
		"Linux", "Mandriva", "NetBSD", "OpenBSD", "Red Hat", "SerenityOS", "Solaris", "Tizen", "Ubuntu", "WebTV", "Windows", "Windows Mobile", "Windows Phone",
		"iOS", "tvOS", "webOS", "MeeGo",
	},
	"BREW":        {"BREW", "Brew MP"},
	"Google TV":   {"GoogleTV"},
	"HbbTV":       {"Samsung", "Sony", "Panasonic", "LG", "Philips", "FireHbbTV"},
	"MeeGo":       {"Maemo"},
	"Roku OS":     {"Roku"},
	"Sailfish OS": {"Sailfish"},
	"Series 30+":  {"Nokia Series 30 Plus"},
	"Series 40":   {"Nokia Series 40"},
	"Symbian":     {"Symbian OS", "Symbian^3", "Symbian^3 Anna", "Symbian^3 Belle"},
	"macOS":       {"Mac OS X", "Mac OS"},
	"tvOS":        {"ATV OS X"},
	"watchOS":     {"WatchOS"},
	"webOS":       {"Web0S"},
	// uap-core's tables do not know them; they say what they are all the same.
	"": {"BSD", "WeTab", "VRE"},
}

var devices = table{
	"desktop": {"Mac", "desktop"},
	"phone": {
		"iPhone", "iPod", "Generic Smartphone", "Generic Feature Phone", "HTC Desire", "HTC One", "HTC Sensation", "Lumia", "Nokia N", "Sony Ericsson",
		"Samsung GT-I9", "Samsung SM-G", "BlackBerry 9", "DoCoMo", "Siemens", "mobile",
	},
	"tablet": {
		"iPad", "Kindle", "Generic Tablet", "HTC Flyer", "Samsung SM-T", "Samsung SM-P", "Samsung GT-P", "Samsung GT-N8", "BlackBerry Playbook",
		"XiaoMi MI PAD", "Asus Transformer", "Asus Nexus 7", "Motorola Xoom", "HP TouchPad", "Lenovo IdeaTab", "Huawei MediaPad", "HUAWEI MediaPad",
		"CobyKyros", "Yarvik", "Ainol", "tablet",
	},
	"tv": {
		"AppleTV", "HbbTV", "Inettv", "NetCast.TV", "Roku", "GoogleTV", "LG Google TV", "LG smartTV", "LG Web0S", "Samsung SMART-TV",
		"Samsung SAMSUNG-SMART-TV", "WebTV",
	},
	"console": {"PlayStation", "Nintendo", "Xbox"},
	"watch":   {"Apple Watch"},
}

// TestAgentsAreNamed: macro accuracy, the mean over the classes, so that rare
// browsers count as much as those that everybody knows.
func TestAgentsAreNamed(t *testing.T) {
	for _, c := range []struct {
		what  string
		files []string
		names table
		got   func(agent.Agent) string
		least float64
	}{
		{"browser", []string{"uap-ua.tsv"}, browsers, func(a agent.Agent) string { return a.Browser }, 0.95},
		{"system", []string{"uap-os.tsv"}, systems, func(a agent.Agent) string { return a.System }, 0.93},
		{"device", []string{"uap-device.tsv", "intoli-device.tsv"}, devices, func(a agent.Agent) string { return a.Device.String() }, 0.90},
	} {
		right, all, leftOut := map[string]int{}, map[string]int{}, 0
		var wrong []string
		for _, file := range c.files {
			for _, f := range fixtures(t, file) {
				want, ok := c.names.of(f.family)
				if !ok {
					leftOut++
					continue
				}
				all[want]++
				if got := c.got(agent.Parse(f.userAgent, agent.Hints{})); got == want {
					right[want]++
				} else {
					wrong = append(wrong, fmt.Sprintf("%s: got %q, want %q: %s", c.what, got, want, f.userAgent))
				}
			}
		}
		macro, n := 0.0, 0
		for name, of := range all {
			macro += float64(right[name]) / float64(of)
			n += of
		}
		macro /= float64(len(all))
		t.Logf("%s: macro %.1f %%, micro %.1f %%: %d classes, %d strings, %d of other programs left out",
			c.what, 100*macro, 100*(1-float64(len(wrong))/float64(n)), len(all), n, leftOut)
		if macro < c.least {
			t.Errorf("%s: macro %.3f, want %.2f:\n%s", c.what, macro, c.least, strings.Join(wrong, "\n"))
		} else if testing.Verbose() {
			t.Log(strings.Join(wrong, "\n"))
		}
	}
}
