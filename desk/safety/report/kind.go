package report

import "strings"

// kindOf returns what an ARF calls a type (RFC 5965, 7.3).
var kindOfARF = map[string]Kind{"abuse": Spam, "fraud": Fraud, "virus": Malware}

// notAbuse are the types of feedback that report none: RFC 5965, 6430 and 6591.
var notAbuse = map[string]bool{"not-spam": true, "auth-failure": true, "opt-out": true}

// kindsOfXARF are the kinds by type, in small letters and with no separators, of
// the versions 3 and 4; those of a category stand behind it.
var kindsOfXARF = map[string]Kind{
	"phishing": Phishing, "malware": Malware, "fraud": Fraud, "csam": Illegal, "csem": Illegal, "brandinfringement": Copyright, "remotecompromise": Malware,
	"suspiciousregistration": Fraud, "infectedhost": Malware, "botnet": Malware, "compromisedserver": Malware,
	"messaging/": Spam, "copyright/": Copyright, "connection/": Attack,
	"spam": Spam, "copyright": Copyright, "trademark": Copyright, "childabuse": Illegal, "harassment": Illegal, "dos": Attack, "ddos": Attack,
	"portscan": Attack, "loginattack": Attack, "exploit": Attack, "webcrawler": Attack,
}

func kindOfXARF(category, kind string) Kind {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
	}
	for _, key := range []string{plain(kind), plain(category) + "/"} {
		if k, ok := kindsOfXARF[key]; ok {
			return k
		}
	}
	return Other
}

// words are by what a text that somebody wrote is told: in each of the languages
// that reports come in most, and the more telling kind first.
var words = []struct {
	kind  Kind
	words []string
}{
	{Illegal, []string{"child abuse", "child sexual", "csam", "child porn", "kinderporno", "terrorist content", "illegal content", "illegaler inhalt", "illegale inhalte", "contenu illicite", "contenido ilegal", "illegale inhoud"}},
	{Phishing, []string{"phish", "credential harvest", "fake login", "hameçonnage", "suplantación"}},
	{Malware, []string{"malware", "virus", "trojan", "ransomware", "botnet", "command and control", "c2 server", "webshell", "exploit kit", "schadsoftware", "maliciel", "infected host"}},
	{Copyright, []string{"copyright", "dmca", "infringe", "trademark", "urheberrecht", "droit d'auteur", "derechos reservados", "auteursrecht"}},
	{Attack, []string{
		"brute force", "brute-force", "bruteforce", "port scan", "portscan", "ddos", "denial of service", "login attempt", "failed password", "unauthorized access", "intrusion",
		"sql injection", "hacking", "attack", "angriff", "attaque", "ataque", "aanval", "fail2ban", "invalid user",
	}},
	{Fraud, []string{"fraud", "scam", "betrug", "fraude", "estafa", "oplichting", "fake shop", "fakeshop"}},
	{Spam, []string{"spam", "unsolicited", "junk mail", "uce", "unerwünschte werbung", "pourriel", "correo no deseado", "ongevraagde"}},
}

// kindOfText guesses the kind by words: the kind whose words are there most, one
// in the subject counting for five. Of those that are level, the first.
func kindOfText(subject, text string) Kind {
	subject, text = strings.ToLower(subject), strings.ToLower(text)
	best, most := Other, 0
	for _, w := range words {
		n := 0
		for _, word := range w.words {
			n += 5*countWord(subject, word) + min(countWord(text, word), 5)
		}
		if n > most {
			best, most = w.kind, n
		}
	}
	return best
}

// countWord counts where a word begins: "uce" is not in "sauce".
func countWord(text, word string) (n int) {
	for rest := text; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return n
		}
		if i == 0 || !letter(rest[i-1]) {
			n++
		}
		rest = rest[i+len(word):]
	}
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 0x80 }
