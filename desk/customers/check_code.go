package customers

import (
	_ "embed"
	"errors"
	"regexp"
	"slices"
	"strings"

	"loot/number"
	"loot/statement"
	"loot/web"
)

// A choice is one of a list that is kept by its code.
type choice = statement.Country

type choices []choice

func readChoices(list string) choices {
	var out choices
	for line := range strings.Lines(list) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, choice{Code: code, Name: name})
	}
	return out
}

var (
	//go:embed languages.txt
	languageList string

	countries = choices(statement.Countries())
	languages = readChoices(languageList) // of ISO 639-1
)

// check takes a code or a name, whatever its case.
func (cs choices) check(value string) (string, string) {
	for _, c := range cs {
		if strings.EqualFold(value, c.Code) || strings.EqualFold(value, c.Name) {
			return c.Code, ""
		}
	}
	return "", "Please choose one of those offered."
}

// name returns what a code stands for, and what is no code as it is.
func (cs choices) name(code string) string {
	if i := slices.IndexFunc(cs, func(c choice) bool { return c.Code == code }); i >= 0 {
		return cs[i].Name
	}
	return code
}

func (cs choices) options() (out []web.Option) {
	for _, c := range cs {
		out = append(out, web.Option{Value: c.Code, Label: c.Name})
	}
	return out
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
