package mail

import (
	"strings"
)

// words are what the layout adds to a letter in one language.
type words struct {
	Language       string
	Greeted, Led   string // behind the greeting, and before an address
	Copy           string
	Leave, Privacy string
}

// languages are those in which the layout speaks, the first for all others.
var languages = []words{
	{"en", ",", ":", "Or copy this address:", "No longer get this letter", "Privacy statement"},
	{"de", ",", ":", "Oder kopieren Sie diese Adresse:", "Diese E-Mails nicht mehr erhalten", "Datenschutzerklärung"},
	{"es", ":", ":", "O copie esta dirección:", "No recibir más estos correos", "Declaración de privacidad"},
	{"fr", ",", "\u00a0:", "Ou copiez cette adresse\u00a0:", "Ne plus recevoir ces e-mails", "Déclaration de confidentialité"},
	{"nl", ",", ":", "Of kopieer dit adres:", "Deze e-mails niet meer ontvangen", "Privacyverklaring"},
}

// wordsOf returns those of a language of BCP 47, wherever it is spoken.
func wordsOf(tag string) words {
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	for _, w := range languages {
		if w.Language == language {
			return w
		}
	}
	return languages[0]
}
