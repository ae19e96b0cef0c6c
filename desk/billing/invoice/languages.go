package invoice

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// A Language is one in which documents can be written.
type Language struct {
	Code string // ISO 639-1
	Name string // as its speakers write it
}

// Languages returns those in which documents can be written, by code.
func Languages() (out []Language) {
	for i := range languages {
		code := languages[i].code
		name := display.Self.Name(language.Make(code))
		out = append(out, Language{code, strings.ToUpper(name[:1]) + name[1:]})
	}
	slices.SortFunc(out, func(a, b Language) int { return strings.Compare(a.Code, b.Code) })
	return out
}

// HasLanguage says whether documents can be written in a language.
func HasLanguage(code string) bool {
	return slices.ContainsFunc(languages, func(w words) bool { return w.code == code })
}

// dated writes a day with a month's name: day, name and year joined by what stands
// between them. No line ends before the year and behind the day.
func dated(names, before string, day func(int) string) func(Date) string {
	months := strings.Fields(names)
	return func(d Date) string {
		if d.IsZero() {
			return ""
		}
		y, m, n := d.utc().Date()
		return day(n) + unbroken + before + months[m-time.January] + unbroken + before + strconv.Itoa(y)
	}
}

// languages are the languages of documents, the first for those that are not here.
var languages = []words{
	{
		code: "en", regions: display.Regions(language.English),
		Invoice: "Invoice", CreditNote: "Credit note", Corrected: "Corrected invoice", About: "For invoice", Of: "of",
		Number: "Number", CreditNumber: "Number", Issued: "Date", Due: "Due", Period: "Period", Customer: "Customer", Order: "Your order", Reference: "Your reference",
		Contract: "Contract", Delivered: "Delivered", DeliverTo: "Delivered to", YourVAT: "Your VAT no.", OurVAT: "VAT no.", OurTax: "Tax no.", Register: "Reg. no.",
		Representative: "Tax representative",
		Service:        "Service", Quantity: "Quantity", Price: "Unit price", VAT: "VAT", Amount: "Amount", Per: "per",
		Sum: "Sum of services", Net: "Total without VAT", Tax: "VAT", TaxIn: "VAT in",
		Total: "Total with VAT", Paid: "Already paid", Rounding: "Rounding", Payable: "To pay", Credited: "Credited to you",
		Exempt: "Exempt", Reverse: "Reverse charge", Goods: "Intra-community", Export: "Export", Outside: "Not subject to VAT",
		Payment: "How to pay", Holder: "Account holder", IBAN: "IBAN", Account: "Account no.", BIC: "BIC", Purpose: "Reference", Terms: "Terms",
		Scan:  "Scan with your bank’s app",
		Known: "What we know about you for this invoice",
		KnownWhy: "This is all that the invoice was drawn from. If something is wrong, say so beside it: " +
			"we check it, put it right, and issue a credit note and a corrected invoice.",
		Field: "Field", Value: "Value", Source: "Source", Wrong: "Something is wrong", Notes: "Notes", Page: "Page",
		Ordered: "ordered by you", Brought: "ordered for you by a program", TakenOver: "from the system before", Counted: "counted, told last",
		date:      dated("January February March April May June July August September October November December", "", strconv.Itoa),
		thousands: ",", point: ".", minus: "−", sum: "¤" + unbroken + "#",
		sources: SourceWords{
			Portal: "you, in your portal", Staff: "our staff", Purpose: "our staff, for “%s”", Check: "our staff, after a check",
			Order: "your order: %s", Program: "your order, brought by a program: %s",
			Former: "your order, taken over from the system before on %s", System: "your order, taken over from %s on %s",
		},
		letters: LetterWords{
			Greet:   "Good day",
			Invoice: "Your invoice", CreditNote: "Your credit note", Corrected: "Your corrected invoice",
			Issued:    "Your invoice for %s is in your portal, with all that it was drawn from.",
			TakenBack: "We have taken back invoice %s. The credit note is in your portal.",
			Again:     "We have taken invoice %s back and written it again. The corrected one is in your portal, and so is the credit note.",
			Unpaid:    "Invoice %s is still to be paid", See: "See the invoice",
			Waits:   "Your invoice for %s waits for a detail",
			Missing: "We would like to write your invoice for %s, and cannot: the law wants on it what you have not given us yet. Missing: %s.",
			Give:    "Give it in your portal, and the invoice is written by itself within an hour or so.",
			Faulty: "We would like to write your invoice for %s, and cannot: a business in another country owes the tax itself only by a number that is valid, " +
				"and “%s” was found not to be.",
			Mend: "A colleague of ours looks at it. If it is right, you need to do nothing. If it is not, correct it in your portal, or remove it if you have none: " +
				"the invoice is then written by itself within an hour or so.",
			Look: "See what is missing", Held: "You get this once for an invoice that waits. It is no advertisement.",
			Short: "In short", Number: "Number", Day: "Issued", Due: "To be paid by", Total: "Total", Paid: "Paid already", Open: "Still open",
			Mistake: "If something on it is wrong, say so beside it: we check it and put it right.",
			Crossed: "If something on it is wrong, say so beside it: until that is answered we do not remind you. " +
				"If you have paid within the last days, this letter has crossed your payment.",
			Once: "You get this once for each invoice.", Reminded: "You get this because an invoice is not paid. It is no advertisement.",
		},
	},
	{
		code: "de", regions: display.Regions(language.German),
		Invoice: "Rechnung", CreditNote: "Rechnungskorrektur", Corrected: "Berichtigte Rechnung", About: "Zur Rechnung", Of: "vom",
		Number: "Rechnungsnummer", CreditNumber: "Nummer", Issued: "Datum", Due: "Fällig am", Period: "Leistungszeitraum", Customer: "Kundennummer", Order: "Ihre Bestellung", Reference: "Ihr Zeichen",
		Contract: "Vertrag", Delivered: "Geliefert am", DeliverTo: "Geliefert nach", YourVAT: "Ihre USt-IdNr.", OurVAT: "USt-IdNr.", OurTax: "Steuernr.", Register: "Registernr.",
		Representative: "Steuervertreter",
		Service:        "Leistung", Quantity: "Menge", Price: "Einzelpreis", VAT: "USt.", Amount: "Betrag", Per: "je",
		Sum: "Summe der Leistungen", Net: "Nettobetrag", Tax: "Umsatzsteuer", TaxIn: "USt. in",
		Total: "Gesamtbetrag", Paid: "Bereits gezahlt", Rounding: "Rundung", Payable: "Zu zahlen", Credited: "Zu Ihren Gunsten",
		Exempt: "Steuerfrei", Reverse: "Reverse Charge", Goods: "Innergemeinschaftlich", Export: "Ausfuhr",
		Outside: "Nicht steuerbar",
		Payment: "So bezahlen Sie", Holder: "Kontoinhaber", IBAN: "IBAN", Account: "Kontonr.", BIC: "BIC", Purpose: "Verwendungszweck", Terms: "Zahlungsbedingungen",
		Scan:  "Mit der App Ihrer Bank scannen",
		Known: "Was wir für diese Rechnung über Sie wissen",
		KnownWhy: "Aus diesen Angaben und keinen anderen ist die Rechnung entstanden. Wenn etwas nicht stimmt, melden Sie es direkt daneben: " +
			"Wir prüfen es, berichtigen es und stellen eine Rechnungskorrektur und eine berichtigte Rechnung aus.",
		Field: "Angabe", Value: "Wert", Source: "Quelle", Wrong: "Etwas stimmt nicht", Notes: "Hinweise", Page: "Seite",
		Ordered: "von Ihnen bestellt", Brought: "von einem Programm für Sie bestellt", TakenOver: "aus dem vorigen System", Counted: "gezählt, zuletzt gemeldet",
		date:      dated("Januar Februar März April Mai Juni Juli August September Oktober November Dezember", "", func(day int) string { return strconv.Itoa(day) + "." }),
		thousands: ".", point: ",", minus: "−", sum: "#" + unbroken + "¤",
		sources: SourceWords{
			Portal: "Sie selbst, in Ihrem Kundenportal", Staff: "unser Team", Purpose: "unser Team, für „%s“", Check: "unser Team, nach einer Prüfung",
			Order: "Ihre Bestellung: %s", Program: "Ihre Bestellung, von einem Programm überbracht: %s",
			Former: "Ihre Bestellung, aus dem vorigen System übernommen am %s", System: "Ihre Bestellung, aus %s übernommen am %s",
		},
		letters: LetterWords{ // a sentence goes on behind the comma of the greeting
			Greet:   "Guten Tag",
			Invoice: "Ihre Rechnung", CreditNote: "Ihre Rechnungskorrektur", Corrected: "Ihre berichtigte Rechnung",
			Issued:    "Ihre Rechnung für den Zeitraum %s liegt in Ihrem Kundenportal, mit allen Angaben, aus denen sie entstanden ist.",
			TakenBack: "wir haben die Rechnung %s storniert. Die Rechnungskorrektur liegt in Ihrem Kundenportal.",
			Again:     "wir haben die Rechnung %s storniert und neu ausgestellt. Die berichtigte Rechnung liegt in Ihrem Kundenportal, die Rechnungskorrektur ebenfalls.",
			Unpaid:    "Die Rechnung %s ist noch nicht bezahlt", See: "Rechnung ansehen",
			Waits:   "Ihre Rechnung für den Zeitraum %s wartet auf eine Angabe",
			Missing: "wir möchten Ihre Rechnung für den Zeitraum %s ausstellen und können es noch nicht: Das Gesetz verlangt darauf eine Angabe, die uns von Ihnen fehlt. Es fehlt: %s.",
			Give:    "Tragen Sie es in Ihrem Kundenportal ein, dann wird die Rechnung binnen etwa einer Stunde von selbst ausgestellt.",
			Faulty: "wir möchten Ihre Rechnung für den Zeitraum %s ausstellen und können es noch nicht: Ein Unternehmen in einem anderen Land schuldet die Steuer nur mit einer gültigen Nummer selbst, " +
				"und „%s“ erwies sich als ungültig.",
			Mend: "Jemand von uns sieht es sich an. Wenn die Nummer stimmt, brauchen Sie nichts zu tun. Wenn nicht, berichtigen Sie sie in Ihrem Kundenportal, oder entfernen Sie sie, falls Sie keine haben: " +
				"Die Rechnung wird dann binnen etwa einer Stunde von selbst ausgestellt.",
			Look: "Ansehen, was fehlt", Held: "Sie erhalten diese Nachricht einmal zu einer Rechnung, die wartet. Sie ist keine Werbung.",
			Short: "Auf einen Blick", Number: "Nummer", Day: "Ausgestellt am", Due: "Zu zahlen bis", Total: "Gesamtbetrag", Paid: "Bereits gezahlt", Open: "Noch offen",
			Mistake: "Wenn darauf etwas nicht stimmt, melden Sie es dort direkt neben der Angabe: Wir prüfen und berichtigen es.",
			Crossed: "Wenn auf der Rechnung etwas nicht stimmt, melden Sie es dort direkt neben der Angabe: Bis das beantwortet ist, erinnern wir Sie nicht. " +
				"Wenn Sie in den letzten Tagen gezahlt haben, hat sich dieses Schreiben mit Ihrer Zahlung überschnitten.",
			Once: "Sie erhalten diese Nachricht einmal zu jeder Rechnung.", Reminded: "Sie erhalten diese Nachricht, weil eine Rechnung nicht bezahlt ist. Sie ist keine Werbung.",
		},
		units: map[string][2]string{
			"C62": {"Stk.", "Stk."}, "H87": {"Stk.", "Stk."}, "MIN": {"Minute", "Minuten"}, "HUR": {"Stunde", "Stunden"}, "DAY": {"Tag", "Tage"}, "WEE": {"Woche", "Wochen"},
			"MON": {"Monat", "Monate"}, "QAN": {"Quartal", "Quartale"}, "ANN": {"Jahr", "Jahre"}, "AD": {"Byte", "Byte"}, "LS": {"pauschal", "pauschal"},
		},
	},
	{
		code: "es", regions: display.Regions(language.Spanish),
		Invoice: "Factura", CreditNote: "Nota de abono", Corrected: "Factura rectificativa", About: "Sobre la factura", Of: "del",
		Number: "Número", CreditNumber: "Número", Issued: "Fecha", Due: "Vencimiento", Period: "Período", Customer: "Cliente", Order: "Su pedido", Reference: "Su referencia",
		Contract: "Contrato", Delivered: "Entregado", DeliverTo: "Entregado en", YourVAT: "Su NIF-IVA", OurVAT: "NIF-IVA", OurTax: "NIF", Register: "N.º de registro",
		Representative: "Representante fiscal",
		Service:        "Servicio", Quantity: "Cantidad", Price: "Precio unitario", VAT: "IVA", Amount: "Importe", Per: "por",
		Sum: "Suma de servicios", Net: "Total sin IVA", Tax: "IVA", TaxIn: "IVA en",
		Total: "Total con IVA", Paid: "Ya pagado", Rounding: "Redondeo", Payable: "A pagar", Credited: "A su favor",
		Exempt: "Exento", Reverse: "Inv. suj. pasivo", Goods: "Intracomunitario", Export: "Exportación", Outside: "No sujeto al IVA",
		Payment: "Cómo pagar", Holder: "Titular", IBAN: "IBAN", Account: "N.º de cuenta", BIC: "BIC", Purpose: "Concepto", Terms: "Condiciones",
		Scan:  "Escanéelo con la app de su banco",
		Known: "Lo que sabemos de usted para esta factura",
		KnownWhy: "Esto es todo aquello de lo que sale la factura. Si algo está mal, dígalo al lado: " +
			"lo comprobamos, lo corregimos y emitimos una nota de abono y una factura rectificativa.",
		Field: "Dato", Value: "Valor", Source: "Origen", Wrong: "Algo está mal", Notes: "Notas", Page: "Página",
		Ordered: "pedido por usted", Brought: "pedido para usted por un programa", TakenOver: "del sistema anterior", Counted: "medido, comunicado por última vez",
		date:      dated("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre", "de ", strconv.Itoa),
		thousands: ".", point: ",", minus: "−", sum: "#" + unbroken + "¤",
		sources: SourceWords{
			Portal: "usted, en su portal de cliente", Staff: "nuestro personal", Purpose: "nuestro personal, para «%s»", Check: "nuestro personal, tras una comprobación",
			Order: "su pedido: %s", Program: "su pedido, transmitido por un programa: %s",
			Former: "su pedido, traspasado del sistema anterior el %s", System: "su pedido, traspasado de %s el %s",
		},
		letters: LetterWords{
			Greet:   "Buenos días",
			Invoice: "Su factura", CreditNote: "Su nota de abono", Corrected: "Su factura rectificativa",
			Issued:    "Ya tiene en su portal de cliente la factura del período %s, con todo aquello de lo que sale.",
			TakenBack: "Hemos anulado la factura %s. La nota de abono está en su portal de cliente.",
			Again:     "Hemos anulado la factura %s y la hemos emitido de nuevo. La factura rectificativa está en su portal de cliente, junto con la nota de abono.",
			Unpaid:    "La factura %s sigue pendiente de pago", See: "Ver la factura",
			Waits:   "Su factura del período %s espera un dato",
			Missing: "Quisiéramos emitir su factura del período %s y no podemos: la ley exige en ella lo que aún no nos ha dado. Falta: %s.",
			Give:    "Indíquelo en su portal de cliente y la factura se emite sola en una hora, más o menos.",
			Faulty: "Quisiéramos emitir su factura del período %s y no podemos: una empresa de otro país solo debe ella misma el impuesto con un número válido, " +
				"y «%s» ha resultado no serlo.",
			Mend: "Alguien de nuestro equipo lo está mirando. Si el número es correcto, no tiene que hacer nada. Si no lo es, corríjalo en su portal de cliente, o quítelo si no tiene ninguno: " +
				"la factura se emite entonces sola en una hora, más o menos.",
			Look: "Ver qué falta", Held: "Recibe este mensaje una sola vez por una factura que espera. No es publicidad.",
			Short: "En resumen", Number: "Número", Day: "Emitida el", Due: "A pagar hasta el", Total: "Importe total", Paid: "Ya pagado", Open: "Pendiente",
			Mistake: "Si algo está mal en ella, dígalo al lado: lo comprobamos y lo corregimos.",
			Crossed: "Si algo está mal en ella, dígalo al lado: mientras no le respondamos, no le enviaremos recordatorios. " +
				"Si ha pagado en los últimos días, esta carta se ha cruzado con su pago.",
			Once: "Recibe este mensaje una sola vez por cada factura.", Reminded: "Recibe este mensaje porque una factura no está pagada. No es publicidad.",
		},
		units: map[string][2]string{
			"C62": {"ud.", "uds."}, "H87": {"ud.", "uds."}, "MIN": {"minuto", "minutos"}, "HUR": {"hora", "horas"}, "DAY": {"día", "días"}, "WEE": {"semana", "semanas"},
			"MON": {"mes", "meses"}, "QAN": {"trimestre", "trimestres"}, "ANN": {"año", "años"}, "LS": {"tanto alzado", "tanto alzado"},
		},
	},
	{
		code: "fr", regions: display.Regions(language.French),
		Invoice: "Facture", CreditNote: "Avoir", Corrected: "Facture rectificative", About: "Sur la facture", Of: "du",
		Number: "Numéro", CreditNumber: "Numéro", Issued: "Date", Due: "Échéance", Period: "Période", Customer: "Client", Order: "Votre commande", Reference: "Votre référence",
		Contract: "Contrat", Delivered: "Livré", DeliverTo: "Livré en", YourVAT: "Votre n° TVA", OurVAT: "N° TVA", OurTax: "N° fiscal", Register: "N° de registre",
		Representative: "Représentant fiscal",
		Service:        "Prestation", Quantity: "Quantité", Price: "Prix unitaire", VAT: "TVA", Amount: "Montant", Per: "par",
		Sum: "Total des prestations", Net: "Total hors TVA", Tax: "TVA", TaxIn: "TVA en",
		Total: "Total TVA comprise", Paid: "Déjà payé", Rounding: "Arrondi", Payable: "À payer", Credited: "En votre faveur",
		Exempt: "Exonéré", Reverse: "Autoliquidation", Goods: "Intracommunautaire", Export: "Exportation", Outside: "Hors TVA",
		Payment: "Comment payer", Holder: "Titulaire", IBAN: "IBAN", Account: "N° de compte", BIC: "BIC", Purpose: "Référence", Terms: "Conditions",
		Scan:  "À scanner avec l’appli de votre banque",
		Known: "Ce que nous savons de vous pour cette facture",
		KnownWhy: "C’est tout ce dont la facture est tirée. Si quelque chose est faux, dites-le à côté" + unbroken + ": " +
			"nous le vérifions, le corrigeons et établissons un avoir et une facture rectificative.",
		Field: "Donnée", Value: "Valeur", Source: "Origine", Wrong: "Quelque chose est faux", Notes: "Remarques", Page: "Page",
		Ordered: "commandé par vous", Brought: "commandé pour vous par un programme", TakenOver: "du système précédent", Counted: "mesuré, communiqué en dernier",
		date: dated("janvier février mars avril mai juin juillet août septembre octobre novembre décembre", "", func(day int) string {
			if day == 1 {
				return "1er"
			}
			return strconv.Itoa(day)
		}),
		thousands: unbroken, point: ",", minus: "−", sum: "#" + unbroken + "¤",
		sources: SourceWords{
			Portal: "vous, dans votre espace client", Staff: "notre équipe", Purpose: "notre équipe, pour «" + unbroken + "%s" + unbroken + "»", Check: "notre équipe, après une vérification",
			Order: "votre commande" + unbroken + ": %s", Program: "votre commande, transmise par un programme" + unbroken + ": %s",
			Former: "votre commande, reprise du système précédent le %s", System: "votre commande, reprise de %s le %s",
		},
		letters: LetterWords{
			Greet:   "Bonjour",
			Invoice: "Votre facture", CreditNote: "Votre avoir", Corrected: "Votre facture rectificative",
			Issued:    "Votre facture pour la période %s se trouve dans votre espace client, avec tout ce dont elle est tirée.",
			TakenBack: "Nous avons annulé la facture %s. L’avoir se trouve dans votre espace client.",
			Again:     "Nous avons annulé la facture %s et l’avons établie à nouveau. La facture rectificative se trouve dans votre espace client, avec l’avoir.",
			Unpaid:    "La facture %s reste à payer", See: "Voir la facture",
			Waits:   "Votre facture pour la période %s attend une donnée",
			Missing: "Nous voudrions établir votre facture pour la période %s et ne le pouvons pas" + unbroken + ": la loi y exige ce que vous ne nous avez pas encore donné. Il manque" + unbroken + ": %s.",
			Give:    "Indiquez-le dans votre espace client, et la facture s’établit d’elle-même en une heure environ.",
			Faulty: "Nous voudrions établir votre facture pour la période %s et ne le pouvons pas" + unbroken + ": une entreprise d’un autre pays ne doit elle-même la taxe qu’avec un numéro valable, " +
				"et «" + unbroken + "%s" + unbroken + "» s’est révélé ne pas l’être.",
			Mend: "Quelqu’un de chez nous l’examine. Si le numéro est juste, vous n’avez rien à faire. Sinon, corrigez-le dans votre espace client, ou retirez-le si vous n’en avez pas" + unbroken + ": " +
				"la facture s’établit alors d’elle-même en une heure environ.",
			Look: "Voir ce qui manque", Held: "Vous recevez ce message une seule fois pour une facture qui attend. Ce n’est pas de la publicité.",
			Short: "En bref", Number: "Numéro", Day: "Établie le", Due: "À payer au plus tard le", Total: "Montant total", Paid: "Déjà payé", Open: "Reste à payer",
			Mistake: "Si quelque chose y est faux, dites-le à côté" + unbroken + ": nous le vérifions et le corrigeons.",
			Crossed: "Si quelque chose y est faux, dites-le à côté" + unbroken + ": tant que nous n’y avons pas répondu, nous ne vous relançons pas. " +
				"Si vous avez payé ces derniers jours, cette lettre a croisé votre paiement.",
			Once: "Vous recevez ce message une seule fois pour chaque facture.", Reminded: "Vous recevez ce message parce qu’une facture n’est pas payée. Ce n’est pas de la publicité.",
		},
		units: map[string][2]string{
			"C62": {"pièce", "pièces"}, "H87": {"pièce", "pièces"}, "MIN": {"minute", "minutes"}, "HUR": {"heure", "heures"}, "DAY": {"jour", "jours"}, "WEE": {"semaine", "semaines"},
			"MON": {"mois", "mois"}, "QAN": {"trimestre", "trimestres"}, "ANN": {"an", "ans"}, "AD": {"octet", "octets"}, "4L": {"Mo", "Mo"}, "E34": {"Go", "Go"}, "E35": {"To", "To"},
			"E36": {"Po", "Po"}, "E63": {"Mio", "Mio"}, "E62": {"Gio", "Gio"}, "E61": {"Tio", "Tio"}, "LS": {"forfait", "forfait"},
		},
	},
	{
		code: "nl", regions: display.Regions(language.Dutch),
		Invoice: "Factuur", CreditNote: "Creditnota", Corrected: "Gecorrigeerde factuur", About: "Bij factuur", Of: "van",
		Number: "Nummer", CreditNumber: "Nummer", Issued: "Datum", Due: "Vervaldatum", Period: "Periode", Customer: "Klant", Order: "Uw bestelling", Reference: "Uw kenmerk",
		Contract: "Contract", Delivered: "Geleverd", DeliverTo: "Geleverd in", YourVAT: "Uw btw-nr.", OurVAT: "Btw-nr.", OurTax: "Fiscaal nr.", Register: "Registratienr.",
		Representative: "Fiscaal vertegenwoordiger",
		Service:        "Dienst", Quantity: "Aantal", Price: "Eenheidsprijs", VAT: "Btw", Amount: "Bedrag", Per: "per",
		Sum: "Som van de diensten", Net: "Totaal zonder btw", Tax: "Btw", TaxIn: "Btw in",
		Total: "Totaal met btw", Paid: "Al betaald", Rounding: "Afronding", Payable: "Te betalen", Credited: "U tegoed",
		Exempt: "Vrijgesteld", Reverse: "Btw verlegd", Goods: "Intracommunautair", Export: "Uitvoer", Outside: "Geen btw",
		Payment: "Zo betaalt u", Holder: "Rekeninghouder", IBAN: "IBAN", Account: "Rekeningnr.", BIC: "BIC", Purpose: "Omschrijving", Terms: "Voorwaarden",
		Scan:  "Scan met de app van uw bank",
		Known: "Wat wij voor deze factuur over u weten",
		KnownWhy: "Dit is alles waaruit de factuur is opgesteld. Klopt er iets niet, zeg het dan ernaast: " +
			"wij kijken het na, zetten het recht en sturen een creditnota en een gecorrigeerde factuur.",
		Field: "Gegeven", Value: "Waarde", Source: "Bron", Wrong: "Er klopt iets niet", Notes: "Opmerkingen", Page: "Pagina",
		Ordered: "door u besteld", Brought: "voor u besteld door een programma", TakenOver: "uit het vorige systeem", Counted: "gemeten, laatst doorgegeven",
		date:      dated("januari februari maart april mei juni juli augustus september oktober november december", "", strconv.Itoa),
		thousands: ".", point: ",", minus: "−", sum: "¤" + unbroken + "#",
		sources: SourceWords{
			Portal: "uzelf, in uw klantportaal", Staff: "onze medewerkers", Purpose: "onze medewerkers, voor “%s”", Check: "onze medewerkers, na een controle",
			Order: "uw bestelling: %s", Program: "uw bestelling, doorgegeven door een programma: %s",
			Former: "uw bestelling, overgenomen uit het vorige systeem op %s", System: "uw bestelling, overgenomen uit %s op %s",
		},
		letters: LetterWords{
			Greet:   "Goedendag",
			Invoice: "Uw factuur", CreditNote: "Uw creditnota", Corrected: "Uw gecorrigeerde factuur",
			Issued:    "Uw factuur over de periode %s staat in uw klantportaal, met alles waaruit zij is opgesteld.",
			TakenBack: "Wij hebben factuur %s teruggenomen. De creditnota staat in uw klantportaal.",
			Again:     "Wij hebben factuur %s teruggenomen en opnieuw opgesteld. De gecorrigeerde factuur staat in uw klantportaal, en de creditnota ook.",
			Unpaid:    "Factuur %s is nog niet betaald", See: "Factuur bekijken",
			Waits:   "Uw factuur over de periode %s wacht op een gegeven",
			Missing: "Wij willen uw factuur over de periode %s opstellen en kunnen dat niet: de wet vraagt erop wat u ons nog niet hebt gegeven. Er ontbreekt: %s.",
			Give:    "Vul het in uw klantportaal in, dan wordt de factuur binnen ongeveer een uur vanzelf opgesteld.",
			Faulty: "Wij willen uw factuur over de periode %s opstellen en kunnen dat niet: een bedrijf in een ander land is de belasting alleen met een geldig nummer zelf verschuldigd, " +
				"en ‘%s’ bleek dat niet te zijn.",
			Mend: "Iemand van ons kijkt ernaar. Klopt het nummer, dan hoeft u niets te doen. Klopt het niet, verbeter het dan in uw klantportaal, of haal het weg als u er geen hebt: " +
				"de factuur wordt dan binnen ongeveer een uur vanzelf opgesteld.",
			Look: "Zien wat ontbreekt", Held: "U ontvangt dit bericht één keer voor een factuur die wacht. Het is geen reclame.",
			Short: "In het kort", Number: "Nummer", Day: "Opgesteld op", Due: "Uiterlijk te betalen op", Total: "Totaalbedrag", Paid: "Al betaald", Open: "Nog open",
			Mistake: "Klopt er iets niet, zeg het dan ernaast: wij kijken het na en zetten het recht.",
			Crossed: "Klopt er iets niet, zeg het dan ernaast: zolang wij daarop niet hebben geantwoord, herinneren wij u niet. " +
				"Hebt u in de afgelopen dagen betaald, dan heeft deze brief uw betaling gekruist.",
			Once: "U ontvangt dit bericht één keer per factuur.", Reminded: "U ontvangt dit bericht omdat een factuur niet is betaald. Het is geen reclame.",
		},
		units: map[string][2]string{
			"C62": {"stuk", "stuks"}, "H87": {"stuk", "stuks"}, "MIN": {"minuut", "minuten"}, "HUR": {"uur", "uur"}, "DAY": {"dag", "dagen"}, "WEE": {"week", "weken"},
			"MON": {"maand", "maanden"}, "QAN": {"kwartaal", "kwartalen"}, "ANN": {"jaar", "jaar"}, "LS": {"vast bedrag", "vast bedrag"},
		},
	},
}
