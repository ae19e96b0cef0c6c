package customers

import (
	"errors"
	"regexp"
	"strings"

	"loot/number"
	"loot/statement"
	"loot/web"
)

// checkChoice takes the code or the name of an option, whatever its case.
func checkChoice(options []web.Option, value string) (string, string) {
	for _, o := range options {
		if strings.EqualFold(value, o.Value) || strings.EqualFold(value, o.Label) {
			return o.Value, ""
		}
	}
	return "", "Please choose one of those offered."
}

// vatElsewhere is what the tax number of a country looks like whose check digits
// we do not know.
var vatElsewhere = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{4,18}$`)

func checkVAT(value string) (string, string) {
	n, err := number.VAT(value)
	var wrong *number.Error
	if !errors.As(err, &wrong) || wrong.Wrong != number.WrongCountry {
		return n.Value, complaint(err)
	}
	elsewhere := number.Compact(value)
	known := vatElsewhere.MatchString(elsewhere) && statement.IsCountry(elsewhere[:2])
	if !known || !strings.ContainsAny(elsewhere[2:], "0123456789") {
		return "", "This is not a VAT number. It begins with the two letters of its country, and letters and digits follow, such as IE1234567T."
	}
	return elsewhere, ""
}

func checkIBAN(value string) (string, string) {
	n, err := number.IBAN(value)
	return n.Value, complaint(err)
}

func complaint(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
