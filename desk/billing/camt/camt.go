// Package camt reads bank statements: camt.053 of ISO 20022 (BankToCustomerStatement)
// in its versions 02 to 12. It reads entry by entry, refuses what is larger than it
// says, and follows no reference out of the file.
package camt

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"loot"
	"loot/desk/billing/invoice"
)

// The bounds of a file.
const (
	MaxBytes    = 32 << 20 // of the whole file
	MaxPayments = 50_000   // in it
	maxText     = 2_000    // characters of what one payment says
)

// A Payment is money that came or went, as the bank tells it: an entry, or one of
// those that the bank put together in an entry.
type Payment struct {
	Account   string          // that the statement is of: an IBAN, or another number
	Booked    time.Time       // day on which the bank booked it, at midnight UTC
	Amount    invoice.Decimal // below zero: it went
	Currency  string          // ISO 4217
	Returned  bool            // it takes back one that was booked before
	Reason    string          // for which it was returned, a code of ExternalReturnReason1Code
	Whole     bool            // an entry of several, of which the bank does not say how much each is
	Party     string          // name of who paid or was paid
	PartyIBAN string          // account of theirs
	Text      string          // remittance information, unstructured, a line each
	Refs      []string        // creditor references and numbers of documents that it names
	EndToEnd  string          // reference that the payer gave it

	own []string // references of the bank's
	nth int      // how often the same was there before in the statement
}

// Identity returns what tells a payment from every other, the same in each
// statement that has it. It holds personal data.
func (p *Payment) Identity() []byte {
	var b []byte
	for _, s := range append([]string{
		p.Account, p.Booked.Format(time.DateOnly), p.Amount.String(), p.Currency, p.Party, p.PartyIBAN, p.Text, p.EndToEnd, fmt.Sprint(p.Returned, p.nth),
	}, append(p.Refs, p.own...)...) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// ErrNoStatement says that a file is no camt.053.
var ErrNoStatement = errors.New("this is no bank statement as camt.053 in XML; ask your bank for that format")

// errTooLarge says that there is more than is read at once.
var errTooLarge = fmt.Errorf("the file is larger than %d MiB, or has more than %d payments; ask your bank for one statement a day", MaxBytes>>20, MaxPayments)

const namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."

// Read reads a file and hands over each payment that the bank has booked, in the
// order of the file. Its errors say what is wrong, and repeat nothing from the file;
// an error of each ends the reading and is returned as it is.
func Read(r io.Reader, each func(*Payment) error) error {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	d := xml.NewDecoder(limited)
	d.CharsetReader = charset
	f := &file{d: d, each: each}
	err := f.read()
	if err != nil && limited.N <= 0 {
		return errTooLarge
	}
	return err
}

// charset reads what some banks still write instead of UTF-8.
func charset(label string, in io.Reader) (io.Reader, error) {
	for _, c := range []struct {
		name string
		of   *charmap.Charmap
	}{{"iso-8859-1", charmap.ISO8859_1}, {"iso-8859-15", charmap.ISO8859_15}, {"windows-1252", charmap.Windows1252}} {
		if strings.EqualFold(label, c.name) {
			return c.of.NewDecoder().Reader(in), nil
		}
	}
	return nil, ErrNoStatement
}

// A file is one that is being read.
type file struct {
	d       *xml.Decoder
	each    func(*Payment) error
	account account
	same    map[string]int // payments of the statement, by what they say
	n       int
}

func (f *file) read() error {
	root := false
	for depth := 0; ; {
		token, err := f.d.Token()
		if errors.Is(err, io.EOF) {
			if !root {
				return ErrNoStatement
			}
			return nil
		}
		if err != nil {
			return f.broken()
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("the file declares a document type or entities, which no bank statement does; it is not read")
		case xml.StartElement:
			if !root {
				if !known(t.Name) {
					return ErrNoStatement
				}
				root = true
			}
			read, err := f.element(&t)
			if err != nil {
				return err
			}
			if !read {
				depth++
			}
		case xml.EndElement:
			depth--
		}
		if depth > 8 {
			return f.broken()
		}
	}
}

// known reports whether a root is that of a version that is read.
func known(root xml.Name) bool {
	version, ok := strings.CutPrefix(root.Space, namespace)
	return ok && root.Local == "Document" && len(version) == 2 && version >= "02" && version <= "12"
}

func (f *file) broken() error {
	line, _ := f.d.InputPos()
	return fmt.Errorf("the XML is broken at line %d; get the file from your bank again", line)
}

// element reads what is of interest as a whole, and reports whether it did.
func (f *file) element(t *xml.StartElement) (read bool, err error) {
	switch t.Name.Local {
	case "Stmt":
		f.account, f.same = account{}, map[string]int{}
	case "GrpHdr", "Bal", "TxsSummry", "Intrst", "RltdAcct":
		if f.d.Skip() != nil {
			return true, f.broken()
		}
		return true, nil
	case "Acct":
		f.account = account{}
		if f.d.DecodeElement(&f.account, t) != nil {
			return true, f.broken()
		}
		return true, nil
	case "Ntry":
		var e entry
		if f.d.DecodeElement(&e, t) != nil {
			return true, f.broken()
		}
		return true, f.entry(&e)
	}
	return false, nil
}

func (f *file) entry(e *entry) error {
	if status := text(e.Status.Code) + text(e.Status.Text); status != "BOOK" {
		return nil // what may still come is no payment
	}
	line, _ := f.d.InputPos()
	payments, err := e.payments(f.account.number())
	if err != nil {
		return fmt.Errorf("the entry before line %d: %w", line, err)
	}
	for i := range payments {
		p := &payments[i]
		if f.n++; f.n > MaxPayments {
			return errTooLarge
		}
		id := string(p.Identity())
		p.nth = f.same[id]
		f.same[id]++
		if err := f.each(p); err != nil {
			return err
		}
	}
	return nil
}

// text returns a text of the file on one line, without what is no text.
func text(s string) string {
	return loot.Cut(strings.Join(strings.Fields(string(bytes.ToValidUTF8([]byte(s), []byte("\ufffd")))), " "), maxText)
}
