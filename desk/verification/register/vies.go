package register

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"loot"
	"loot/number"
)

// Where the European Commission publishes VIES, as its checkVatService.wsdl says.
const viesEndpoint = "https://ec.europa.eu/taxation_customs/vies/services/checkVatService"

// VIES is the VAT Information Exchange System. It holds the VAT numbers of the
// European Union and Northern Ireland, by asking the country of the number.
type VIES struct {
	line      Line
	requester number.Number
}

// NewVIES returns VIES. With a requester, which is the operator's own VAT number
// in the European Union, each answer names the consultation; with the zero
// Number none does.
func NewVIES(l Line, requester number.Number) (*VIES, error) {
	l, err := l.ready(viesEndpoint)
	if err != nil {
		return nil, err
	}
	v := &VIES{l, requester}
	if requester != (number.Number{}) && holds(v, requester) != nil {
		return nil, loot.Errorf(loot.Invalid, "Whoever asks VIES does so with a VAT number of the European Union, such as IE1234567T.")
	}
	return v, nil
}

// Name implements [Register].
func (v *VIES) Name() string { return "VIES" }

// Takes implements [Register].
func (v *VIES) Takes(n number.Number) bool {
	if n.Scheme == nil {
		return false
	}
	switch n.Scheme.ID {
	case "vat.ch", "vat.gb", "vat.no":
		return false
	}
	return strings.HasPrefix(n.Scheme.ID, "vat.")
}

const (
	soap  = "http://schemas.xmlsoap.org/soap/envelope/"
	types = "urn:ec.europa.eu:taxud:vies:services:checkVat:types"
)

type viesEnvelope struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Body    struct {
		Fault *struct {
			Text string `xml:"faultstring"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault"`
		Plain  *viesAnswer `xml:"urn:ec.europa.eu:taxud:vies:services:checkVat:types checkVatResponse"`
		Approx *viesAnswer `xml:"urn:ec.europa.eu:taxud:vies:services:checkVat:types checkVatApproxResponse"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

// viesAnswer is what checkVat and checkVatApprox answer; each has some of it.
type viesAnswer struct {
	Country  string `xml:"countryCode"`
	Number   string `xml:"vatNumber"`
	Date     string `xml:"requestDate"`
	Valid    string `xml:"valid"`
	Name     string `xml:"name"`
	Address  string `xml:"address"`
	Trader   string `xml:"traderName"`
	At       string `xml:"traderAddress"`
	Street   string `xml:"traderStreet"`
	Postcode string `xml:"traderPostcode"`
	City     string `xml:"traderCity"`
	Request  string `xml:"requestIdentifier"`
}

// Ask implements [Register]. It sends the number and the requester's, and
// nothing else about anybody.
func (v *VIES) Ask(ctx context.Context, n number.Number) (Answer, error) {
	if err := holds(v, n); err != nil {
		return Answer{}, fmt.Errorf("register: VIES: %w", err)
	}
	a, err := v.ask(ctx, n)
	if err != nil {
		return Answer{}, fmt.Errorf("register: VIES: %w", err)
	}
	return a, nil
}

func (v *VIES) ask(ctx context.Context, n number.Number) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.line.Endpoint, bytes.NewReader(v.question(n)))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `""`)
	status, body, err := v.line.call(ctx, req)
	if err != nil {
		return Answer{}, err
	}
	if status != http.StatusOK && status != http.StatusInternalServerError { // SOAP 1.1 sends faults with 500
		return Answer{}, notYet("status %d", status)
	}
	var e viesEnvelope
	if err := xml.Unmarshal(body, &e); err != nil {
		return Answer{}, notYet("an answer that is no SOAP")
	}
	answer := e.Body.Plain
	if v.requester.Scheme != nil {
		answer = e.Body.Approx
	}
	switch {
	case e.Body.Fault != nil:
		return Answer{}, fault(e.Body.Fault.Text)
	case answer == nil || status != http.StatusOK:
		return Answer{}, notYet("an answer to another question")
	}
	return v.read(answer, n)
}

// question is the SOAP envelope: the letters are XML's own, so nothing in it has
// to be escaped.
func (v *VIES) question(n number.Number) []byte {
	operation, more := "checkVat", ""
	if r := v.requester; r.Scheme != nil {
		operation = "checkVatApprox"
		more = "<requesterCountryCode>" + r.Value[:2] + "</requesterCountryCode><requesterVatNumber>" + r.Value[2:] + "</requesterVatNumber>"
	}
	return []byte(xml.Header + `<Envelope xmlns="` + soap + `"><Body><` + operation + ` xmlns="` + types + `">` +
		"<countryCode>" + n.Value[:2] + "</countryCode><vatNumber>" + n.Value[2:] + "</vatNumber>" + more +
		"</" + operation + "></Body></Envelope>")
}

// fault tells what VIES cannot answer now from what it never will. What is not
// in its list is taken for the first.
func fault(text string) error {
	code := strings.TrimSpace(text)
	switch code {
	case "INVALID_INPUT", "INVALID_REQUESTER_INFO":
		return fmt.Errorf("%w: %s", ErrRefused, code)
	case "MS_UNAVAILABLE", "SERVICE_UNAVAILABLE", "SERVER_BUSY", "TIMEOUT", "MS_MAX_CONCURRENT_REQ", "MS_MAX_CONCURRENT_REQ_TIME",
		"GLOBAL_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ_TIME", "VAT_BLOCKED", "IP_BLOCKED":
		return notYet("%s", code)
	}
	return notYet("a fault that is not in the list")
}

func (v *VIES) read(from *viesAnswer, n number.Number) (Answer, error) {
	if strings.TrimSpace(from.Country)+strings.TrimSpace(from.Number) != n.Value {
		return Answer{}, notYet("an answer about another number")
	}
	a := Answer{Register: v.Name(), Asked: v.line.Now(), Request: strings.TrimSpace(from.Request)}
	switch strings.TrimSpace(from.Valid) {
	case "true", "1":
		a.Known = true
	case "false", "0":
	default:
		return Answer{}, notYet("an answer that says neither yes nor no")
	}
	var err error
	if a.Dated, err = viesDate(from.Date); err != nil {
		return Answer{}, err
	}
	if len(a.Request) > 100 {
		return Answer{}, notYet("an answer with a name of %d bytes", len(a.Request))
	}
	if !a.Known {
		return a, nil
	}
	if from.At == "" {
		from.At = from.Street + "\n" + from.Postcode + " " + from.City
	}
	if v.requester.Scheme != nil {
		from.Name, from.Address = from.Trader, from.At
	}
	if a.Name, err = told(from.Name); err != nil {
		return Answer{}, err
	}
	if a.Address, err = told(from.Address); err != nil {
		return Answer{}, err
	}
	if err := a.inParts(from.Street, from.Postcode, from.City, ""); err != nil {
		return Answer{}, err
	}
	return a, nil
}

// viesDate reads an xsd:date, which may have a time zone.
func viesDate(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, notYet("an answer without its date")
}
