package agent

// A rule says what a word of a user-agent string means. Of each sort the rule
// of the highest rank wins, and of equals the first in the string.
type rule struct {
	word    string // as package words has it
	rank    int
	browser string
	from    mark // where the browser's version stands, if not after the word
	system  string
	version string // of the system, if the word tells it
	usual   Device // of the system, unless a word says otherwise
	device  Device
	mark    mark
}

type mark uint8

const (
	markVersion mark = iota + 1
	markRv
	markApp
	markMobile
)

const (
	ownName = 20  // the rank from which a browser is named by its own name
	nothing = "-" // is found so that others of lower rank are not
)

func browser(rank int, name string, list ...string) []rule {
	return browserFrom(0, rank, name, list...)
}

func browserFrom(from mark, rank int, name string, list ...string) (out []rule) {
	for _, w := range list {
		out = append(out, rule{word: w, rank: rank, browser: name, from: from})
	}
	return out
}

func system(rank int, name, version string, usual Device, list ...string) (out []rule) {
	for _, w := range list {
		out = append(out, rule{word: w, rank: rank, system: name, version: version, usual: usual})
	}
	return out
}

func device(rank int, d Device, list ...string) (out []rule) {
	for _, w := range list {
		out = append(out, rule{word: w, rank: rank, device: d})
	}
	return out
}

func marked(m mark, list ...string) (out []rule) {
	for _, w := range list {
		out = append(out, rule{word: w, mark: m})
	}
	return out
}

func all(parts ...[]rule) (out []rule) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// rules are written from what browsers are seen to send; MDN keeps a page on
// how they came to send it:
// https://developer.mozilla.org/docs/Web/HTTP/Browser_detection_using_the_user_agent
var rules = all(
	marked(markVersion, "<version/", ") version "),
	marked(markRv, "<rv:"),
	marked(markApp, "fbav/"),
	marked(markMobile, "<mobile>", "<mobi>", "phone>"),

	// Browsers that others claim to be, from the most to the least claimed.
	browserFrom(markVersion, 4, "Safari", "<safari/", "<safari>"),
	browser(6, "Firefox", "<firefox/", "<firefox-"),
	browser(7, "Firefox", "<shiretoko/", "<minefield/", "<namoroka/", "<mozilladeveloperpreview/"),
	browser(8, "Chrome", "<chrome/"),
	browserFrom(markRv, 9, "Internet Explorer", "<trident/"),
	browser(10, "Internet Explorer", "<msie>", "<iemobile>", "microsoft internet explorer/"),
	browser(5, "Android Browser", "<android>"),
	browser(13, "Chrome", "<crios/", "<crmo/"),
	browser(13, "Firefox", "<fxios/", "<focus/", "<klar/"),
	browser(9, "Chromium", "<chromium/", "<ubuntu chromium"),
	browserFrom(markVersion, 3, "iOS WebView", "like mac os x", "applewebkit/6"),
	browser(2, "Konqueror", "khtml/"),

	// Browsers that go by their own name.
	browserFrom(markVersion, ownName, "Opera", "<opera/", "<opera>"),
	browser(24, "Opera", "<opr/", "<opt/", "<coast/", "<opx/", "<opera neon", "<mms/1.0.2459"),
	browser(26, "Opera Mini", "<opera mini", "<opera%20mini", "<opios/"),
	browserFrom(markVersion, 26, "Opera Mobile", "<opera mobi", "<opera tablet"),
	browser(26, "Opera GX", "<oprgx/"),
	browser(26, "Edge", "<edge/", "<edg/", "<edga/", "<edgios/", "<edgw/"),
	browser(26, "Samsung Internet", "<samsungbrowser/"),
	browser(26, "Yandex", "<yabrowser/", "<yowser/", "<yasearchbrowser"),
	browser(26, "UC Browser", "<ucbrowser", "<uc browser", "<ucweb", "<ubrowser/", "<ucmini", "<ucmobile/"),
	browser(26, "QQ Browser", "<qqbrowser", "mqqbrowser"),
	browser(26, "WeChat", "<micromessenger/"),
	browser(25, "QQ", "<qq/"),
	browser(26, "Baidu", "<baidubrowser", "<bidubrowser", "<baiduboxapp", "<baidu/", "<baiduhd", "<flyflow", "<browser/baidu"),
	browser(26, "360", "<360se", "<360ee", "<qihoobrowser", "<qhbrowser", "<360 aphone browser"),
	browser(26, "Sogou", "<sogoumobilebrowser/", "<metasr", "<sogousearch", "<se 2.x"),
	browser(26, "Quark", "<quark/"),
	browser(26, "Huawei", "<huaweibrowser/"),
	browser(26, "Xiaomi", "<miuibrowser/", "<mintbrowser/", "<mint browser/", "<xiaomi/mi"),
	browser(26, "Oppo", "<heytapbrowser/", "<oppobrowser/"),
	browser(26, "Vivo", "<vivobrowser/"),
	browser(26, "Silk", "<silk/", "<silk-accelerated"),
	browser(26, "Vivaldi", "<vivaldi/"),
	browser(26, "Brave", "<brave/", "<brave>", "<bravebrowser"),
	browser(26, "DuckDuckGo", "<duckduckgo/", "<ddg/"),
	browser(26, "Ecosia", "<ecosia"),
	browser(26, "Whale", "<whale/"),
	browser(26, "Coc Coc", "<coc_coc_browser/", "<coccoc/"),
	browser(26, "Maxthon", "<maxthon", "<mxbrowser/", "<mxios/"),
	browser(26, "Puffin", "<puffin/"),
	browser(26, "Dolphin", "<dolphin", "<mdolphin", "<dolfin/"),
	browser(26, "Pale Moon", "<palemoon/", "<pale moon/"),
	browser(26, "Waterfox", "<waterfox/"),
	browser(26, "Basilisk", "<basilisk/"),
	browser(26, "LibreWolf", "<librewolf/"),
	browser(26, "SeaMonkey", "<seamonkey/", "<iceape/"),
	browser(26, "IceCat", "<icecat/"),
	browser(26, "Iceweasel", "<iceweasel/"),
	browser(26, "K-Meleon", "<k-meleon"),
	browser(26, "Camino", "<camino/"),
	browser(26, "Conkeror", "<conkeror/"),
	browser(27, "Meta Quest", "<oculusbrowser/"),
	browser(26, "Sleipnir", "<sleipnir"),
	browser(26, "Iron", "<iron/", "<iron>"),
	browser(26, "Comodo Dragon", "<comodo_dragon/", "<dragon/"),
	browser(26, "RockMelt", "<rockmelt/"),
	browser(26, "Seznam", "<sznprohlizec", "<seznam.cz/"),
	browser(26, "Atom", "<atom/"),
	browser(26, "Avast", "<avast/", "<ascb/"),
	browser(26, "AVG", "<avg/"),
	browser(26, "Norton", "<norton/"),
	browser(26, "AOL", "<aol "),
	browser(26, "Aloha", "<alohabrowser/"),
	browser(26, "Mail.ru", "<mrchrome", "<amigo/"),
	browser(26, "Tenta", "<tenta/"),
	browser(26, "Falkon", "<falkon/"),
	browser(26, "QupZilla", "<qupzilla/"),
	browser(26, "Otter", "<otter/"),
	browser(26, "Midori", "<midori"),
	browser(26, "Epiphany", "<epiphany", "<gnome-web"),
	browser(26, "Rekonq", "<rekonq"),
	browser(26, "Konqueror", "<konqueror"),
	browser(26, "Arora", "<arora/"),
	browser(26, "Qutebrowser", "<qutebrowser"),
	browser(26, "LuaKit", "<luakit"),
	browser(26, "Snowshoe", "<snowshoe/"),
	browser(26, "OmniWeb", "<omniweb"),
	browser(26, "iCab", "<icab"),
	browser(26, "Netscape", "<netscape"),
	browser(26, "Mosaic", "<ncsa_mosaic", "<ncsa mosaic"),
	browser(26, "Lynx", "<lynx/"),
	browser(26, "Links", "<links "),
	browser(26, "W3m", "<w3m/"),
	browser(26, "Dillo", "<dillo/"),
	browser(26, "NetSurf", "<netsurf"),
	browser(26, "SerenityOS Browser", "<libweb>", "<ladybird/"),
	browser(26, "ICE Browser", "<ice browser/"),
	browser(26, "FireWeb", "<fireweb/"),
	browser(26, "Espial", "<espial/"),
	browser(26, "Planetweb", "<planetweb/"),
	browser(26, "Bunjalloo", "<bunjalloo/"),
	browser(26, "Phantom Browser", "<browser/phantom"),
	browser(26, "iBrowser Mini", "<ibrowser/mini"),
	browser(26, "Skyfire", "<skyfire/"),
	browser(26, "Bolt", "<bolt/"),
	browser(26, "Obigo", "obigo"),
	browser(25, "NetFront", "<netfront", "acs-netfront", "<playstation 3", "<playstation portable", "<nx/", "nintendobrowser/", "<playstation 4", "<playstation 5", "<playstation vita"),
	browser(27, "Kindle", "<kindle/"),
	browser(25, "Openwave", "up.browser", "<openwave/"),
	browser(26, "Teleca", "teleca"),
	browser(26, "ONE Browser", "<onebrowser/", "<one browser"),
	browser(26, "Minimo", "<minimo/"),
	browserFrom(markVersion, 22, "BlackBerry", "<blackberry", "<bb10;", "<playbook;"),
	browserFrom(0, 23, "Nokia Browser", "nokiabrowser/", "browserng/", "s40ovibrowser/", "<series60/", "<ovibrowser"),
	browserFrom(0, 22, "webOS Browser", "wosbrowser/", "<webos/", "<hpwos/"),
	browserFrom(0, 27, "Sailfish", "sailfishbrowser/"),
	browser(24, "HbbTV", "<hbbtv/"),
	browser(22, "HeadlessChrome", "headlesschrome"),
	browser(26, "PhantomJS", "<phantomjs/"),
	browser(25, "Crosswalk", "<crosswalk/"),
	browser(25, "Electron", "<electron/"),
	browser(27, "QtCarBrowser", "<qtcarbrowser"),

	// Applications that show pages.
	browserFrom(markApp, 30, "Facebook", "fban/", "fb_iab/", "fbav/"),
	browserFrom(markApp, 31, "Facebook Messenger", "fban/messenger", "fb_iab/messenger", "fb_iab/orca"),
	browser(32, "Instagram", "<instagram>"),
	browser(32, "Threads", "<barcelona "),
	browser(32, "Pinterest", "[pinterest/", "<pinterest for android tablet", "<pinterest for android", "<pinterest for ios", "<pinterest/"),
	browser(32, "Snapchat", "<snapchat/"),
	browser(32, "TikTok", "<musical_ly", "<bytedancewebview", "<trill_", "<tiktok"),
	browser(32, "Twitter", "<twitter for", "<twitterandroid", "<twitter/"),
	browser(32, "LinkedIn", "[linkedinapp]", "<linkedinapp"),
	browser(32, "LINE", "<line/"),
	browser(32, "KakaoTalk", "<kakaotalk"),
	browser(32, "Naver", "<naver("),
	browser(32, "Google", "<gsa/"),
	browser(32, "Flipboard", "<flipboard"),
	browser(32, "Spotify", "<spotify/"),
	browser(32, "Slack", "<slack_ssb/", "<slack/"),
	browser(32, "Outlook", "<msoffice>", "<microsoft outlook", "<microsoft office outlook", "<outlook-ios"),
	browser(34, "Windows Live Mail", "<outlook-express/", "<windows live mail"),
	browser(32, "Thunderbird", "<thunderbird/"),
	browser(32, "Postbox", "<postbox/"),

	// No browser, though it says the name of one.
	browser(21, nothing, "<cfnetwork"),

	// Systems. Many name an older one beside their own.
	system(5, "Linux", "", Desktop, "<x11", "<linux"),
	system(18, "Linux", "", Desktop, "<linux i686", "<linux x86_64"),
	system(20, "Ubuntu", "", Desktop, "<ubuntu"),
	system(20, "Debian", "", Desktop, "<debian"),
	system(20, "Fedora", "", Desktop, "<fedora"),
	system(20, "Gentoo", "", Desktop, "<gentoo"),
	system(20, "Mandriva", "", Desktop, "<mandriva"),
	system(20, "Red Hat", "", Desktop, "<red hat", "<redhat"),
	system(20, "SUSE", "", Desktop, "<suse"),
	system(20, "FreeBSD", "", Desktop, "<freebsd"),
	system(20, "OpenBSD", "", Desktop, "<openbsd"),
	system(20, "NetBSD", "", Desktop, "<netbsd"),
	system(20, "Solaris", "", Desktop, "<sunos", "<solaris"),
	system(20, "SerenityOS", "", Desktop, "<serenityos"),
	system(20, "Haiku", "", Desktop, "<haiku", "<beos"),
	system(45, "Chrome OS", "", Desktop, "<cros "),
	system(46, "Chrome OS", "", Desktop, "citrixchromeapp"),
	system(60, "Chromecast", "", TV, "<crkey"),

	system(15, "Windows", "", Desktop, "<windows>", "<win32>", "<win64>", "<win32nt"),
	system(22, "Windows", "98", Desktop, "<windows 98", "<win98"),
	system(22, "Windows", "95", Desktop, "<windows 95", "<win95"),
	system(23, "Windows", "ME", Desktop, "<windows me>", "<win 9x 4.90"),
	system(22, "Windows", "3.1", Desktop, "<windows 3.1", "<win16"),
	system(22, "Windows", "NT", Desktop, "<windows nt 4", "<winnt>"),
	system(22, "Windows", "2000", Desktop, "<windows nt 5.0", "<windows 2000"),
	system(22, "Windows", "XP", Desktop, "<windows nt 5.1", "<windows nt 5.2", "<windows xp"),
	system(22, "Windows", "Vista", Desktop, "<windows nt 6.0", "<windows vista"),
	system(22, "Windows", "7", Desktop, "<windows nt 6.1", "<windows 7"),
	system(22, "Windows", "8", Desktop, "<windows nt 6.2", "<windows 8>"),
	system(23, "Windows", "8.1", Desktop, "<windows nt 6.3", "<windows 8.1", "<windows/8.1"),
	system(22, "Windows", "10", Desktop, "<windows nt 10", "<windows nt 6.4", "<windows 10", "<windows/10"),
	system(22, "Windows", "11", Desktop, "<windows nt 11", "<windows 11"),
	system(24, "Windows Mobile", "", Phone, "<windows ce", "<windows mobile", "<windowsce"),
	system(58, "Windows Phone", "", Phone, "<windows phone", "<zunewp7", "<xblwp7", "<wds "),
	system(59, "Windows Phone", "", Phone, "<windows phone os"),

	system(16, "macOS", "", Desktop, "<macintosh", "<mac_powerpc", "<ppc mac os", "<macos"),
	system(19, "macOS", "", Desktop, "<mac os x", "<macos x", "<os x ", "<mac os x version", "<mac os x/", "<mac+os+x+"),
	system(17, "macOS", "", Desktop, "<macbook", "<imac", "<macmini", "<macpro", "<macoutlook", "(x86_64)"),
	system(12, "iOS", "", Phone, "<cfnetwork", "<darwin/"),
	system(39, "iOS", nothing, Tablet, "<crios/", "<edgios/", "<fxios/", "<opios/", "<opt/"), // as on a Mac: an iPad
	system(40, "iOS", "", Phone, "<iphone", "<ipad", "<ipod", "iphone>", "<ios>", "<iphone;", "<like ios", "fbios", "<iuc(", "-ipad/"),
	system(42, "iOS", "", Phone, "<cpu os", "iphone os", "<ios ", "<ios/", "<ipad os", "<ipd os", "<cpu+iphone+os", "<cpu+os", "<ios;", "<ipados"),
	system(50, "watchOS", "", Watch, "<watchos", "<apple watch"),
	system(50, "tvOS", "", TV, "<tvos", "-tvos", "<apple tv", "<appletv", "<atv os x"),

	system(30, "Android", "", Phone, "<android", "<dalvik"),
	system(35, "Android", nothing, Other, "<oculusbrowser/"),
	system(35, "Android", "", Tablet, "<silk/", "<silk-accelerated"),
	system(36, "Android", "", Phone, "[fban/fb4a", "<juc", "<ucweb/2.0 (linux", "<com.google.android"),
	system(45, "HarmonyOS", "", Phone, "<harmonyos", "<openharmony"),
	system(45, "KaiOS", "", Phone, "<kaios"),
	system(28, "Firefox OS", "", Phone, "(mobile; rv:", "(tablet; rv:", "(mobile; nokia", "(mobile; lg", "(mobile; alcatel", "(mobile; zte", "(mobile;"),
	system(31, "Symbian", "", Phone, "<symbian", "<symbos", "<series60", "<series 60", "<s60", "<nokian", "nokia6120c", "nokia5320di", "<s60v5"),
	system(32, "Series 40", "", Phone, "<series40", "<series 40", "<nokiac2", "<nokiax2"),
	system(32, "Series 30+", "", Phone, "<series30plus", "<series30"),
	system(31, "BlackBerry OS", "", Phone, "<blackberry", "<bb10"),
	system(55, "BlackBerry Tablet OS", "", Tablet, "<playbook", "<rim tablet os"),
	system(31, "Bada", "", Phone, "<bada"),
	system(31, "BREW", "", Phone, "<brew", "<bmp"),
	system(31, "MeeGo", "", Phone, "<meego", "<maemo"),
	system(31, "Sailfish OS", "", Phone, "<sailfish"),
	system(31, "Palm OS", "", Phone, "<palmos", "<palmsource", "<palm os"),
	system(33, "webOS", "", Phone, "<webos", "<hpwos", "<wosbrowser"),
	system(47, "webOS", "", TV, "<web0s", "<netcast", "<webostv", "<web0s;"),
	system(46, "Tizen", "", TV, "<tizen"),
	system(47, "Roku OS", "", TV, "<roku/", "<roku>"),
	system(48, "Google TV", "", TV, "<googletv", "<google tv"),
	system(43, "HbbTV", "", TV, "<hbbtv"),
	system(30, "WebTV", "", TV, "<webtv"),
	system(30, "Kindle", "", Tablet, "<kindle/"),
	system(56, "PlayStation", "", Console, "<playstation", "<psp ", "<psp>"),
	system(56, "Xbox", "", Console, "<xbox"),
	system(56, "Nintendo", "", Console, "<nintendo"),
	system(30, "Java ME", "", Phone, "<j2me"),

	// Devices that their system does not tell.
	device(30, Phone, "iphone", "<ipod", "nokia", "blackberry", "sonyericsson", "<lumia", "<galaxy nexus", "midp-", "<docomo/", "<htc_", "<htc ", "sony ericsson", "<xperia", "<sm-g", "<sm-a", "<sm-s9", "<gt-i", "<foma", "<sie-", "<mot-", "<sec-", "<lg-", "<samsung-", "opera mobi/", "<j2me", "ucweb", "<vodafone/"),
	device(40, Tablet, "<ipad", "-ipad/", "<tablet>", "<kindle", "<silk/", "<nexus 7", "<nexus 9", "<nexus 10", "<pixel c>", "<pixel tablet",
		"<sm-t", "<sm-x", "<sm-p", "<gt-p", "<gt-n5", "<gt-n8", "<sch-i800", "<sch-i905", "<sgh-i957", "<sgh-i467", "<sgh-t849", "<sgh-t859", "<sph-p100", "<shw-m180", "<shw-m380", "<shw-m480", "<shw-m500", "<shv-e230", "<galaxy tab",
		"<xoom", "<mz60", "<transformer", "<padfone", "<iconia", "<a500>", "<lenovo tb", "<lenovo tab", "<ideatab", "<ideapad", "<thinkpad tablet", "<yoga tab", "<tb-x", "<tb-8", "<tb3-",
		"<mediapad", "<matepad", "<mi pad", "<pad ", "<xperia tablet", "<sgp3", "<sgp4", "<sgp5", "<sgp6", "<sgp7", "<sony tablet", "<touchpad", "<hp-tablet", "<htc flyer", "<htc_flyer", "<htc jetstream", "<flyer>", "<p510e",
		"<lg-v", "<kfot", "<kftt", "<kfjw", "<kfso", "<kfth", "<kfap", "<kfar", "<kfas", "<kfsa", "<kfme", "<kffo", "<kfau", "<kfdo", "<kfgi", "<kfmu", "<kfka", "<kfsu", "<kfon", "<kfma", "<kftr",
		"<archos", "<coby", "<kyros", "<wetab", "<playbook", "<opera tablet", "<generic tablet", "tablet pc", "<tab "),
	device(50, TV, "<smart-tv", "<smarttv", "smart tv", "<hbbtv", "<netcast", "<inettv", "<dtv", "<aquosbrowser", "<bravia", "<aft", "<viera", "<web0s", "<roku", "<googletv", "<google tv", "<appletv", "<apple tv", "<crkey", "<tv safari", "<android tv", "<philipstv", "<nettv", "<ce-html", "<mibox", "<shield android tv", "<webtv", "<opera tv", "<sonydtv", "<sony dtv", "<large screen", "<tvos", "-tvos", "<netbox", "<maple"),
	device(55, Console, "<playstation", "<psp ", "<psp>", "<nintendo", "<xbox", "<dreamcast", "<wii", "<nvidia shield", "<ouya", "<archos gamepad"),
	device(60, Watch, "<watchos", "<apple watch", "<sm-r", "<wear os", "<gear s", "watchapp/"),
)

// unversioned are the systems whose words are not followed by their version.
var unversioned = map[string]bool{
	"Linux": true, "Windows": true, "Chrome OS": true, "Firefox OS": true, "Series 40": true, "Series 30+": true, "HbbTV": true,
	"PlayStation": true, "Xbox": true, "Nintendo": true, "Java ME": true, "Debian": true, "Fedora": true, "SUSE": true, "Solaris": true,
	"Google TV": true, "Symbian": true, "Gentoo": true, "Mandriva": true, "Red Hat": true, "Windows Mobile": true,
}

// brands are those of Sec-CH-UA.
var brands = map[string]struct {
	browser string
	rank    int
}{
	"Chromium":                {"Chromium", 1},
	"Google Chrome":           {"Chrome", 2},
	"Android WebView":         {"Android WebView", 3},
	"HeadlessChrome":          {"HeadlessChrome", ownName},
	"Microsoft Edge":          {"Edge", ownName},
	"Microsoft Edge WebView2": {"Edge", ownName},
	"Opera":                   {"Opera", ownName},
	"Opera GX":                {"Opera GX", ownName},
	"OperaMobile":             {"Opera Mobile", ownName},
	"Brave":                   {"Brave", ownName},
	"Vivaldi":                 {"Vivaldi", ownName},
	"Samsung Internet":        {"Samsung Internet", ownName},
	"YaBrowser":               {"Yandex", ownName},
	"Yandex":                  {"Yandex", ownName},
	"DuckDuckGo":              {"DuckDuckGo", ownName},
	"Whale":                   {"Whale", ownName},
	"CocCoc":                  {"Coc Coc", ownName},
	"HuaweiBrowser":           {"Huawei", ownName},
	"Avast Secure Browser":    {"Avast", ownName},
	"AVG Secure Browser":      {"AVG", ownName},
	"Norton Private Browser":  {"Norton", ownName},
	"Ecosia":                  {"Ecosia", ownName},
	"MiuiBrowser":             {"Xiaomi", ownName},
	"Quark":                   {"Quark", ownName},
}

// platforms are those of Sec-CH-UA-Platform.
var platforms = map[string]string{
	"Windows": "Windows", "macOS": "macOS", "Linux": "Linux", "Android": "Android", "iOS": "iOS",
	"Chrome OS": "Chrome OS", "Chromium OS": "Chrome OS", "Fuchsia": "Fuchsia",
}
