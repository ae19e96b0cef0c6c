package source

// ours are sites that sites.tsv lacks, or names otherwise. They are looked up
// by the names under which the sites present themselves.
var ours = map[Channel]map[string][]string{
	Search: {
		"Google":       {"google.*", "com.google.android.googlequicksearchbox", "googlequicksearchbox", "lens.google.com", "syndicatedsearch.goog"},
		"Google News":  {"news.google.*"},
		"Bing":         {"bing.com", "com.microsoft.bing"},
		"DuckDuckGo":   {"duckduckgo.com", "com.duckduckgo.mobile.android"},
		"Brave Search": {"search.brave.com"},
		"Ecosia":       {"ecosia.org"},
		"Kagi":         {"kagi.com"},
		"Startpage":    {"startpage.com"},
		"Qwant":        {"qwant.com"},
		"Mojeek":       {"mojeek.com"},
		"Swisscows":    {"swisscows.com", "swisscows.ch"},
		"MetaGer":      {"metager.org", "metager.de"},
		"Yandex":       {"yandex.*", "ya.ru"},
		"Yahoo!":       {"search.yahoo.com", "search.yahoo.co.jp"},
		"Baidu":        {"baidu.com"},
		"Naver":        {"search.naver.com"},
		"Seznam":       {"search.seznam.cz", "seznam.cz"},
		"Petal Search": {"petalsearch.com"},
		"Presearch":    {"presearch.com", "presearch.org"},
		"Yep":          {"yep.com"},
		"360 Search":   {"so.com"},
		"Sogou":        {"sogou.com"},
		"Marginalia":   {"search.marginalia.nu", "marginalia-search.com"},
		"SearXNG":      {"searx.be", "searx.space"},
	},
	AI: {
		"ChatGPT":      {"chatgpt.com", "chat.openai.com", "openai.com", "com.openai.chatgpt"},
		"Claude":       {"claude.ai", "claude.com", "com.anthropic.claude"},
		"Gemini":       {"gemini.google.com", "bard.google.com", "com.google.android.apps.bard"},
		"NotebookLM":   {"notebooklm.google.com"},
		"Copilot":      {"copilot.microsoft.com", "m365.cloud.microsoft", "com.microsoft.copilot"},
		"Perplexity":   {"perplexity.ai", "ai.perplexity.app.android"},
		"DeepSeek":     {"chat.deepseek.com", "deepseek.com"},
		"Grok":         {"grok.com", "x.ai"},
		"Le Chat":      {"chat.mistral.ai", "mistral.ai"},
		"Meta AI":      {"meta.ai"},
		"Qwen":         {"chat.qwen.ai", "qwen.ai", "tongyi.aliyun.com"},
		"Kimi":         {"kimi.com", "kimi.moonshot.cn", "kimi.ai"},
		"Doubao":       {"doubao.com"},
		"Ernie":        {"yiyan.baidu.com", "ernie.baidu.com"},
		"ChatGLM":      {"chatglm.cn", "chat.z.ai"},
		"Yuanbao":      {"yuanbao.tencent.com"},
		"You.com":      {"you.com"},
		"Phind":        {"phind.com"},
		"Poe":          {"poe.com"},
		"Duck.ai":      {"duck.ai"},
		"Character.AI": {"character.ai"},
		"HuggingChat":  {"chat.huggingface.co"},
		"Manus":        {"manus.im"},
		"Genspark":     {"genspark.ai"},
		"Felo":         {"felo.ai"},
		"iAsk":         {"iask.ai"},
		"Andi":         {"andisearch.com"},
		"Consensus":    {"consensus.app"},
		"Venice":       {"venice.ai"},
		"Lumo":         {"lumo.proton.me"},
		"Euria":        {"euria.infomaniak.com"},
	},
	Social: {
		"Facebook":       {"facebook.com", "fb.com", "fb.me", "com.facebook.katana", "com.facebook.lite"},
		"Messenger":      {"messenger.com", "m.me", "com.facebook.orca"},
		"Instagram":      {"instagram.com", "com.instagram.android"},
		"Threads":        {"threads.net", "threads.com"},
		"WhatsApp":       {"whatsapp.com", "wa.me", "com.whatsapp"},
		"X":              {"x.com", "t.co", "twitter.com", "com.twitter.android"},
		"LinkedIn":       {"linkedin.com", "lnkd.in", "com.linkedin.android"},
		"Reddit":         {"reddit.com", "redd.it", "com.reddit.frontpage"},
		"Hacker News":    {"news.ycombinator.com", "hn.algolia.com"},
		"Lobsters":       {"lobste.rs"},
		"YouTube":        {"youtube.com", "youtu.be", "youtube-nocookie.com", "com.google.android.youtube"},
		"TikTok":         {"tiktok.com", "com.zhiliaoapp.musically"},
		"Pinterest":      {"pinterest.*", "pin.it", "com.pinterest"},
		"Snapchat":       {"snapchat.com", "com.snapchat.android"},
		"Telegram":       {"telegram.org", "t.me", "telegram.me", "org.telegram.messenger", "org.telegram.messenger.web"},
		"Discord":        {"discord.com", "discordapp.com", "discord.gg", "com.discord"},
		"Slack":          {"slack.com", "com.slack"},
		"Bluesky":        {"bsky.app", "go.bsky.app"},
		"Mastodon":       {"mastodon.social", "mastodon.online", "mstdn.social", "fosstodon.org", "hachyderm.io", "chaos.social", "troet.cafe", "infosec.exchange", "org.joinmastodon.android"},
		"Lemmy":          {"lemmy.world", "lemmy.ml", "feddit.org"},
		"Twitch":         {"twitch.tv"},
		"VK":             {"vk.com", "vk.ru"},
		"OK":             {"ok.ru"},
		"Weibo":          {"weibo.com", "weibo.cn"},
		"WeChat":         {"weixin.qq.com", "mp.weixin.qq.com"},
		"Douyin":         {"douyin.com"},
		"Xiaohongshu":    {"xiaohongshu.com"},
		"LINE":           {"line.me"},
		"XING":           {"xing.com"},
		"Tumblr":         {"tumblr.com"},
		"Medium":         {"medium.com"},
		"Quora":          {"quora.com"},
		"Nextdoor":       {"nextdoor.*"},
		"Product Hunt":   {"producthunt.com"},
		"Stack Overflow": {"stackoverflow.com"},
		"GitHub":         {"github.com"},
		"Pocket":         {"getpocket.com"},
		"Flipboard":      {"flipboard.com"},
	},
	Mail: {
		"Gmail":       {"mail.google.com", "com.google.android.gm"},
		"Outlook":     {"outlook.live.com", "outlook.office.com", "outlook.office365.com", "outlook.cloud.microsoft", "com.microsoft.office.outlook", "safelinks.protection.outlook.com"},
		"GMX":         {"gmx.net", "gmx.com", "gmx.at", "gmx.ch", "deref-gmx.net", "deref-gmx.com"},
		"WEB.DE":      {"web.de", "deref-web.de", "deref-web-02.de"},
		"mail.com":    {"deref-mail.com"},
		"T-Online":    {"email.t-online.de"},
		"Proton":      {"mail.proton.me"},
		"Tuta":        {"app.tuta.com", "mail.tutanota.com"},
		"Fastmail":    {"app.fastmail.com"},
		"iCloud":      {"icloud.com"},
		"Yahoo! Mail": {"mail.yahoo.com"},
		"Zoho":        {"mail.zoho.com", "mail.zoho.eu"},
		"HEY":         {"app.hey.com"},
		"Posteo":      {"posteo.de"},
		"mailbox.org": {"mailbox.org"},
	},
	Paid: {
		"Google":  {"googleadservices.com", "doubleclick.net", "googlesyndication.com", "adclick.g.doubleclick.net"},
		"Taboola": {"taboola.com"}, "Outbrain": {"outbrain.com"}, "Criteo": {"criteo.com"},
	},
}

// precedence is that of channels where a name is of several: a link that says
// "google" means the search.
var precedence = map[Channel]int{Search: 5, AI: 4, Social: 3, Mail: 2, Referral: 1}

// aliases are other words for names.
var aliases = map[string]string{
	"fb": "Facebook", "ig": "Instagram", "insta": "Instagram", "twitter": "X", "hn": "Hacker News", "yt": "YouTube", "tg": "Telegram", "openai": "ChatGPT",
	"google_ads": "Google", "googleads": "Google", "adwords": "Google", "bsky": "Bluesky", "ddg": "DuckDuckGo",
}

// hostLabels are parts of hosts that say what is there.
var hostLabels = map[string]Channel{
	"mail": Mail, "webmail": Mail, "email": Mail, "search": Search, "suche": Search, "recherche": Search, "buscador": Search, "ricerca": Search, "searx": Search, "searxng": Search,
}

// portals have more than their search under the same name.
var portals = map[string]bool{
	"Google": true, "Google News": true, "Yahoo!": true, "Yandex": true, "Baidu": true, "Naver": true, "Bing": true, "AOL": true, "Seznam": true, "Mail.ru": true,
	"Rambler": true, "Daum": true, "Sogou": true, "360 Search": true, "T-Online": true, "WEB.DE": true, "Orange": true, "Free": true, "Amazon": true, "Onet": true,
	"Interia": true, "Virgilio": true, "Terra": true, "Sapo": true, "I.ua": true, "Nate": true, "GMX": true,
}

// searchLabels are parts of a portal that search; those of two
// letters are countries.
var searchLabels = map[string]bool{
	"": true, "www": true, "search": true, "images": true, "image": true, "video": true, "videos": true, "lite": true, "html": true, "safe": true, "suche": true,
	"start": true, "amp": true, "mobile": true, "wap": true, "www2": true, "r": true, "encrypted": true,
}

// mediums are the words of utm_medium, as Google Analytics reads them and as
// people write them:
// https://support.google.com/analytics/answer/9756891
var mediums = map[string]Channel{
	"cpc": Paid, "ppc": Paid, "cpm": Paid, "cpa": Paid, "cpv": Paid, "cpl": Paid, "display": Paid, "banner": Paid, "retargeting": Paid, "remarketing": Paid, "ads": Paid, "ad": Paid,
	"sem": Paid, "advertising": Paid, "native": Paid, "sponsored": Paid, "sponsor": Paid, "interstitial": Paid, "expandable": Paid,
	"email": Mail, "e-mail": Mail, "e_mail": Mail, "mail": Mail, "newsletter": Mail, "mailing": Mail,
	"social": Social, "social-network": Social, "social-media": Social, "social_media": Social, "socialmedia": Social, "sm": Social, "social network": Social, "social media": Social,
	"organic": Search, "seo": Search,
	"referral": Referral, "link": Referral, "affiliate": Referral, "affiliates": Referral, "partner": Referral,
	"ai": AI, "chatbot": AI, "llm": AI,
}

// clickIDs are the parameters by which an advertiser or a mailing knows each
// click, and so each person. Facebook and Instagram write theirs on every link
// that leaves, paid or not.
var clickIDs = map[string]clickID{
	"gclid": {"Google", Paid, true}, "gbraid": {"Google", Paid, true}, "wbraid": {"Google", Paid, true}, "dclid": {"Google", Paid, true}, "gad_source": {"Google", Paid, true}, "gclsrc": {"Google", Paid, true},
	"msclkid": {"Bing", Paid, true}, "yclid": {"Yandex", Paid, true}, "ysclid": {"Yandex", Search, false},
	"ttclid": {"TikTok", Paid, true}, "twclid": {"X", Paid, true}, "li_fat_id": {"LinkedIn", Paid, true}, "rdt_cid": {"Reddit", Paid, true}, "sccid": {"Snapchat", Paid, true}, "epik": {"Pinterest", Paid, true},
	"tblci": {"Taboola", Paid, true}, "obclid": {"Outbrain", Paid, true}, "dicbo": {"Outbrain", Paid, true}, "cto_pld": {"Criteo", Paid, true}, "qclid": {"Quora", Paid, true}, "irclickid": {"Impact", Paid, true}, "vmcid": {"Yahoo", Paid, true}, "awc": {"Awin", Paid, true},
	"fbclid": {"Facebook", Social, false}, "igshid": {"Instagram", Social, false}, "igsh": {"Instagram", Social, false}, "srsltid": {"Google", Search, false}, "ref_src": {"X", Social, false},
	"mc_eid": {"Mailchimp", Mail, false}, "mc_cid": {"Mailchimp", Mail, false}, "_hsenc": {"HubSpot", Mail, false}, "_hsmi": {"HubSpot", Mail, false}, "mkt_tok": {"Marketo", Mail, false}, "vero_id": {"Vero", Mail, false}, "_kx": {"Klaviyo", Mail, false}, "ml_subscriber": {"MailerLite", Mail, false}, "oly_enc_id": {"Omeda", Mail, false},
}

// spamSites are referrers that were made up for years. The operator adds a
// longer list, see ReadSpam.
var spamSites = map[string]bool{
	"semalt.com": true, "darodar.com": true, "ilovevitaly.com": true, "ilovevitaly.co": true, "priceg.com": true, "hulfingtonpost.com": true, "4webmasters.org": true,
	"trafficmonetize.org": true, "webmonetizer.net": true, "o-o-6-o-o.com": true, "o-o-8-o-o.com": true, "cenoval.ru": true, "econom.co": true, "iskalko.ru": true, "blackhatworth.com": true,
	"guardlink.org": true, "anticrawler.org": true, "bestwebsitesawards.com": true, "edakgfvwql.ru": true, "googlsucks.com": true, "kambasoft.com": true, "lombia.co": true, "luxup.ru": true,
	"savetubevideo.com": true, "screentoolkit.com": true, "seoexperimenty.ru": true, "slftsdybbg.ru": true, "smailik.org": true, "superiends.org": true, "vodkoved.ru": true, "ykecwqlixx.ru": true,
	"event-tracking.com": true, "sitevaluation.org": true, "copyrightclaims.org": true, "domination.ml": true, "torture.ml": true, "descargar-musica-gratis.net": true, "cyprusbuyproperties.com": true,
	"trafficbot.life": true, "bottraffic.live": true, "trafficbot.live": true, "bot-traffic.icu": true, "bot-traffic.xyz": true, "static.seders.website": true, "info.seders.website": true,
}

// spamWords are parts of hosts of which, of all that is known, none is honest.
var spamWords = []string{
	"buttons-for-", "share-button", "social-button", "free-traffic", "traffic-bot", "bot-traffic", "trafficbot", "traffic2cash", "traffic2money", "seo-offer", "free-seo", "success-seo", "100dollars-seo", "ranksonic", "rankings-analytics",
	"buy-cheap-", "make-money-", "makemoney", "monetiz", "uptime-robot-test", "website-analyzer", "keywords-monitoring", "share-buttons", "for-your-website", "your-website", "semalt", "get-your-social", "webmaster-traffic", "seo-platform", "seo-services-", "-seo-tips", "video--production",
}
