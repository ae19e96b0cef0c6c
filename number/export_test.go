package number

// IBANCountries returns of how many countries accounts are known.
func IBANCountries() int { return len(ibanLengths) }
