package bot

const (
	other    = "other"
	headless = "headless browser"
	library  = "library"
	monitor  = "monitor"
	feed     = "feed reader"
	scanner  = "scanner"
	preview  = "preview"
)

// genericWords are words that programs use of themselves, by the kind that they
// say most of the time. They find the bots that are on no list.
var genericWords = map[string][]string{
	other: {
		"bot>", "<bot", "bots>", "robot", "crawl", "spider", "slurp", "scrap", "harvest", "extractor", "grabber", "fetch", "archive", "archiving",
		"indexer", "collector", "http://", "https://", "www.", "(compatible;", "<agent>", "-agent/", "webhook", "callback", "metadata", "sitemap", "robots.txt",
		"search engine", "searchengine", "<search/", "<research", "download", "<proxy>", "webmaster", "generator", "<service>", "services>", "-service/",
		"analyzer", "analyser", "<api>", "api/", "connector", "integration", "<test>", "google-", "<cloudflare", "amazon-", "<aws", "-ai>", "<ai>", "mediapartners", ".com>", ".org>", ".io>", ".ai>", ".dev>",
		"mailto:",
	},
	headless: {"headless", "phantomjs", "puppeteer", "playwright", "selenium", "webdriver", "slimerjs", "cypress/", "<electron/0"},
	library: {
		"<curl/", "libcurl", "pycurl", "<wget", "libwww", "<lwp", "python", "<java/", "<jakarta", "okhttp", "httpclient", "http-client", "http_client", "http client", "<perl", "<ruby", "<php", "<node", "nodejs", "axios",
		"undici", "urllib", "guzzle", "scrapy", "aiohttp", "httpx", "<http/", "httpie", "<http.rb", "postman", "insomnia", "<go ", "golang", "<rust", "reqwest", "winhttp", "<restsharp", "<faraday", "<deno/", "<bun/", "cfnetwork", "-http", "http-", "<aria2", "<sdk", "-sdk",
	},
	monitor: {"monitor", "uptime", "pingdom", "<ping>", "-ping", "healthcheck", "health check", "synthetic", "statuspage", "status check", "<check>", "checker", "-check", "site24x7", "<probe", "blackbox", "speed test", "speedtest", "lighthouse", "pagespeed", "observatory"},
	feed:    {"<feed", "feed>", "feedly", "feed-", "feeder", "<rss", "rss>", "rss/", "<atom/", "podcast", "aggregator", "<planet", "newsreader", "news reader"},
	scanner: {"scan", "nmap", "nikto", "sqlmap", "nessus", "openvas", "masscan", "zgrab", "<audit", "auditor", "vulnerab", "inspect", "verif", "validat", "security", "<expanse"},
	preview: {"preview", "<embed", "unfurl", "<onebox", "screenshot", "thumbnail", "favicon", "<link ", "linkcheck", "externalhit", "oembed", "image proxy", "imageproxy"},
}

// allowedWords are of people, and contain a word of bots.
var allowedWords = []string{
	"<cubot", "(compatible; msie", "(compatible;msie", "(compatible;  msie", "(compatible; konqueror", "(compatible; linux", "(compatible; windows",
	"(compatible; netfront", "(compatible; lotus-notes", "(compatible; u;", "(compatible; nokia", "(compatible; go.web", "sogoumobilebrowser", "sogousearch", "searchtoolbar", "googletoolbar", "com.google.", "<java/asvm",
	"<java/jbed",
}
