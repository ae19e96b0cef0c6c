package desk

import (
	"regexp"
	"strings"
)

// hostname is what a name on the internet looks like, of letters and digits of any script.
// What stands last has a letter in it (RFC 3696, section 2), as a wrong address has not.
var hostname = regexp.MustCompile(`^(?:[\p{L}\p{N}_][\p{L}\p{M}\p{N}_-]*\.)*(?:[\p{L}\p{N}_][\p{L}\p{M}\p{N}_-]*)?\p{L}(?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}])?$`)

const maxHostname = 253 // bytes (RFC 1035, section 3.1)

// Hostname returns a domain name as it is kept, in small letters; empty: what was typed is
// none, as an address is not.
func Hostname(typed string) string {
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(typed)), ".")
	if len(name) > maxHostname || !hostname.MatchString(name) {
		return ""
	}
	return name
}
