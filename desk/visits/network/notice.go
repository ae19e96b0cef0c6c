package network

import "strings"

// A Notice is how a maker wants to be named where answers of a file are shown.
type Notice struct {
	Words, Href string
	Licence     string
}

// notices are those of makers who want one, by how the types of their files begin
// and by a part of them, in lower case: what costs money has another licence.
var notices = []struct {
	begin, part string
	Notice
}{
	{"geolite2-", "", Notice{"GeoLite data created by MaxMind", "https://www.maxmind.com", "GeoLite End User License Agreement"}},
	{"dbip-", "-lite", Notice{"IP Geolocation by DB-IP", "https://db-ip.com", "CC BY 4.0"}},
	{"ipinfo ", "lite", Notice{"IP address data powered by IPinfo", "https://ipinfo.io", "CC BY-SA 4.0"}},
	{"ipinfo ", "free", Notice{"IP address data powered by IPinfo", "https://ipinfo.io", "CC BY-SA 4.0"}},
}

// Notice returns how the file's maker wants to be named; zero: nothing is known
// of that, and the file's own description says what there is.
func (s Source) Notice() Notice {
	kind := strings.ToLower(s.Type)
	for _, n := range notices {
		if strings.HasPrefix(kind, n.begin) && strings.Contains(kind, n.part) {
			return n.Notice
		}
	}
	return Notice{}
}
