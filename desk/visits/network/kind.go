package network

import (
	"sync"

	"loot/desk/visits/words"
)

// A Kind is what a network serves. Few files say it; for the others it is a
// guess, see kindOf.
type Kind uint8

// The kinds of network.
const (
	Unknown   Kind = iota
	Access         // homes and offices by line
	Mobile         // by mobile telephone
	Hosting        // servers: data centres, clouds, private networks for hire
	Education      // schools, universities, research
	Business       // one firm's or authority's own
)

var kindNames = [...]string{"unknown", "access", "mobile", "hosting", "education", "business"}

// String returns the kind as it is stored.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

// kindOf guesses what a network serves from its number, if it is a large one,
// or else from words of its name. A name says what its owner wanted it to say:
// a telephone company that rents servers is held for one that sells access.
func kindOf(number uint32, name string) Kind {
	if kind, ok := large[number]; ok {
		return kind
	}
	best := len(nameWords)
	nameSet().Each(name, func(word, _, _ int) { best = min(best, wordRank[word]) })
	if best == len(nameWords) {
		return Unknown
	}
	return nameWords[best].kind
}

// said is what files that say it call the kinds.
var said = map[string]Kind{
	"isp": Access, "cable/dsl": Access, "dialup": Access, "satellite": Access, "residential": Access, "fixed line isp": Access,
	"cellular": Mobile, "mobile": Mobile, "mobile isp": Mobile, "mob": Mobile,
	"hosting": Hosting, "data center": Hosting, "dch": Hosting, "content_delivery_network": Hosting, "cdn": Hosting,
	"education": Education, "edu": Education, "college": Education, "school": Education, "library": Education,
	"business": Business, "corporate": Business, "government": Business, "military": Business, "com": Business, "gov": Business, "mil": Business,
}

// nameWords are words of names; the first line that has one of a name's words
// decides.
var nameWords = []struct {
	kind  Kind
	words []string
}{
	{Education, []string{
		"universi", "<univ>", "college", "<school", "schule>", "schulen>", "academ", "akadem", "polytech", "<institute of technology", "<research", "forschung", "<education", "<ecole", "<école", "<escuela", "<scuola", "<campus", "<faculty", "<supercomput",
		"<dfn>", "<janet>", "<renater", "<geant>", "<garr>", "<surf b", "<switch>", "<internet2", "<cern>", "<nrn>",
	}},
	{Hosting, []string{
		"hosting", "<host>", "hoster", "<hosts>", "server", "cloud", "data cent", "datacent", "datacamp", "<vps>", "<vps", "colo>", "<colo", "dedicated", "<cdn", "content delivery", "<vpn", "<proxy", "<web services", "webservices", "<compute", "<iaas", "<saas", "rackspace", "<vultr", "<linode",
		"<hetzner", "<ovh", "<contabo", "<digitalocean", "<leaseweb", "<akamai", "<fastly", "<amazon", "<aws>", "<m247", "<netcup", "<ionos", "<strato>", "<scaleway", "<godaddy", "<dreamhost", "<namecheap", "<equinix", "<choopa", "<constant company", "<quadranet", "<psychz", "<zenlayer", "<mullvad", "<tzulo", "<gcore", "<alibaba", "<tencent", "<oracle",
	}},
	{Mobile, []string{"mobile", "mobil>", "<mobil", "wireless", "cellular", "<gsm>", "<lte>", "<celular", "<movil", "<móvil", "<cell c>", "<movistar", "<airtel", "<jio>"}},
	{Access, []string{
		"telecom", "telekom", "<telco", "broadband", "<cable", "kabel", "<fiber", "fiber>", "<fibre", "fibre>", "glasfaser", "<adsl", "<dsl", "<isp>", "internet", "<communications", "telefon", "telephone", "<telia", "<telenor", "<telstra", "<comcast", "<verizon", "<vodafone", "<orange>", "<sfr>", "<free sas", "<proximus", "<kpn>", "<ziggo", "<swisscom", "<sunrise", "<bouygues", "<charter comm", "<cox comm", "<virgin media", "<sky uk", "<talktalk", "<british tele", "<bt>", "<tim>", "<wind tre", "<rostelecom", "<chinanet", "<china unicom", "<ntt>", "<kddi", "<softbank", "<netcologne", "<1&1", "<ewe tel", "<m-net", "<liberty global", "<upc>",
	}},
	{Business, []string{
		"<gmbh>", "<ag>", "<inc>", "<corp>", "<corporation", "<ltd>", "<llc>", "<s.a.", "<b.v.", "<plc>", "<kg>", "<spa>", "<s.p.a", "<oy>", "<ab>", "<bank", "bank>", "<insurance", "versicherung", "<ministry", "<ministerium", "<government", "<department", "<city of", "<stadt ", "<county", "<hospital", "<klinik", "<police", "<airlines", "<group>", "<holding",
	}},
}

var wordRank []int // by word of nameSet

var nameSet = sync.OnceValue(func() *words.Set {
	var all []string
	for rank, line := range nameWords {
		for _, w := range line.words {
			all, wordRank = append(all, w), append(wordRank, rank)
		}
	}
	return words.New(all)
})

// large are networks whose name does not tell, or tells wrong, by the numbers
// that the regional registries list under their names.
var large = map[uint32]Kind{
	8075: Hosting, 8068: Hosting, // Microsoft
	15169: Hosting, 396982: Hosting, // Google
	16509: Hosting, 14618: Hosting, // Amazon
	13335: Hosting, 209242: Hosting, // Cloudflare
	714: Hosting, 6185: Hosting, // Apple, whose private relay hides people
	32934: Hosting,                                                   // Meta
	13414: Hosting,                                                   // X
	9009:  Hosting, 60068: Hosting, 212238: Hosting, 136787: Hosting, // M247, Datacamp, PacketHub: private networks for hire
	20473: Hosting, 63949: Hosting, 14061: Hosting, 24940: Hosting, 16276: Hosting, 51167: Hosting, 12876: Hosting, 197540: Hosting, 8560: Hosting, 6724: Hosting,
	21928: Mobile, 6167: Mobile, 22394: Mobile, 20057: Mobile, 10507: Mobile, // T-Mobile, Verizon and AT&T in the United States
	206067: Mobile, 25135: Mobile, // Three and Vodafone in the United Kingdom
	3320: Access, 3209: Access, 6805: Access, 8881: Access, 31334: Access, 6830: Access, 9145: Access, 8422: Access, 8767: Access, 15943: Access, // Germany
	3215: Access, 12322: Access, 15557: Access, 5410: Access, // France
	2856: Access, 5089: Access, 5607: Access, 13285: Access, // United Kingdom
	7922: Access, 7018: Access, 701: Access, 20115: Access, 22773: Access, 209: Access, // United States
	8447: Access, 3303: Access, 1136: Access, 3269: Access, 3352: Access, 5617: Access,
}
