package camt

import (
	"regexp"
	"strings"
)

var creditor = regexp.MustCompile(`RF[0-9]{2}(?: ?[A-Z0-9]){1,21}`)

// CreditorReferences returns what stands behind the check digits of the creditor
// references (ISO 11649) in a text, in capital letters and without spaces: "R2026000001"
// of "RF92 R202 6000 001". Where one ends in running text only its check digits tell,
// so each beginning that they fit is returned.
func CreditorReferences(s string) (out []string) {
	for _, found := range creditor.FindAllString(strings.ToUpper(s), -1) {
		ref := strings.ReplaceAll(found, " ", "")
		for n := len(ref); n > 4; n-- {
			if fits(ref[:n]) {
				out = append(out, ref[4:n])
			}
		}
	}
	return out
}

// CreditorReference returns a text of letters and digits as a creditor reference,
// without spaces.
func CreditorReference(s string) string {
	s = strings.ToUpper(s)
	for a := byte('0'); a <= '9'; a++ {
		for b := byte('0'); b <= '9'; b++ {
			if ref := "RF" + string([]byte{a, b}) + s; fits(ref) {
				return ref
			}
		}
	}
	return ""
}

// fits checks the digits of a reference by ISO 7064, MOD 97-10.
func fits(ref string) bool {
	if len(ref) < 5 || len(ref) > 25 {
		return false
	}
	rest := 0
	for _, c := range ref[4:] + ref[:4] {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}
