package number

// FillIn fills a pattern of MadeUp in, whatever that makes.
var FillIn = fillIn

// IBANCountries returns of how many countries accounts are known.
func IBANCountries() int { return len(ibanLengths) }
