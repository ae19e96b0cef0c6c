// Package invoice is an invoice after EN 16931-1: its terms, its sums, its
// rules, and the documents that are drawn from it. The same record gives the
// same bytes for ever; nothing here reads a clock, a database or the network.
//
// Terms carry the standard's numbers (BT-1, BG-25), rules its names (BR-CO-10).
package invoice

// A Kind is the type of a document (BT-3), a code of UNTDID 1001.
type Kind string

// The kinds that Loot issues.
const (
	Commercial Kind = "380" // an invoice
	CreditNote Kind = "381" // takes back an invoice or a part of it
	Corrected  Kind = "384" // stands for an invoice that was taken back
)

// A Category is a category of value added tax, a code of UNTDID 5305.
type Category string

// The categories of EN 16931-1.
const (
	Standard       Category = "S"  // a rate above 0
	ZeroRated      Category = "Z"  // a rate of 0
	Exempt         Category = "E"  // exempt, with a reason
	ReverseCharge  Category = "AE" // the buyer owes the tax
	IntraCommunity Category = "K"  // goods to another member state
	Export         Category = "G"  // outside of the Union
	OutOfScope     Category = "O"  // not subject to the tax
	Canaries       Category = "L"  // IGIC
	CeutaMelilla   Category = "M"  // IPSI
)

// A Tax is a category and its rate in percent. Out of scope has no rate.
type Tax struct {
	Category Category // BT-151, BT-95, BT-102
	Rate     Decimal  // BT-152, BT-96, BT-103
}

// An Invoice is one document. What [Invoice.Compute] sets is marked so; set
// the rest.
type Invoice struct {
	Kind      Kind       // BT-3
	Number    string     // BT-1
	Issued    Date       // BT-2
	Due       Date       // BT-9
	Period    Period     // BG-14
	Currency  string     // BT-5, ISO 4217
	Notes     []string   // BT-22
	Preceding []Document // BG-3: what a credit note or a corrected invoice is about

	BuyerReference string // BT-10
	Order          string // BT-13, the buyer's purchase order
	Contract       string // BT-12

	Seller         Party  // BG-4
	Buyer          Party  // BG-7
	Representative *Party // BG-11, who owes the seller's tax in the buyer's state; only name, VAT and address count

	Delivered Date   // BT-72
	DeliverTo string // BT-80, a country; for goods to another member state

	Payment Payment // BG-16

	Lines      []Line       // BG-25
	Allowances []Adjustment // BG-20
	Charges    []Adjustment // BG-21
	Exemptions []Exemption  // why a category has no tax

	Prepaid  Decimal // BT-113
	Rounding Decimal // BT-114

	// AccountingCurrency is the currency in which the seller accounts for tax,
	// if it is another one (BT-6), and AccountingTax the tax in it (BT-111), at
	// the rate of the day that the law names.
	AccountingCurrency string
	AccountingTax      Decimal

	Breakdown []Subtotal // BG-23, by Compute
	Totals    Totals     // BG-22, by Compute
}

// A Document names another invoice.
type Document struct {
	Number string // BT-25
	Issued Date   // BT-26
}

// A Party is the seller, the buyer or a representative.
type Party struct {
	Name      string     // BT-27, BT-44, BT-62: as it is registered
	Trading   string     // BT-28, BT-45
	ID        string     // BT-29, BT-46: as a customer's number
	Register  Identifier // BT-30, BT-47: in a register of companies
	VAT       string     // BT-31, BT-48, BT-63: with its country
	TaxNumber string     // BT-32: only a seller's
	Legal     string     // BT-33: more of its legal form, only a seller's
	Endpoint  Identifier // BT-34, BT-49: where it takes electronic invoices
	Address   Address    // BG-5, BG-8, BG-12
	Contact   Contact    // BG-6, BG-9
}

// An Identifier is one of a scheme: ISO 6523 for a register, the list EAS for
// an endpoint.
type Identifier struct{ Scheme, Value string }

// An Address is a postal address.
type Address struct {
	Lines    []string // BT-35, BT-36, BT-162; at most three
	City     string   // BT-37
	Postcode string   // BT-38
	Region   string   // BT-39
	Country  string   // BT-40, ISO 3166-1 alpha-2
}

// A Contact is a person or a department that answers questions.
type Contact struct{ Name, Phone, Email string }

// A Payment says how to pay.
type Payment struct {
	Means     string    // BT-81, UNTDID 4461: TransferCredit or TransferSEPA; empty: nothing is said
	Reference string    // BT-83
	Terms     string    // BT-20
	Accounts  []Account // BG-17
}

// The means of payment that Loot knows (UNTDID 4461).
const (
	TransferCredit = "30" // credit transfer
	TransferSEPA   = "58" // credit transfer in the Single Euro Payments Area
)

// An Account is one to which is paid.
type Account struct {
	IBAN  string // BT-84
	Other string `json:",omitempty"` // BT-84 of an account that has no IBAN, as the bank writes it
	Name  string // BT-85
	BIC   string // BT-86
}

// A Line is one service or thing that is charged.
type Line struct {
	ID          string // BT-126
	Note        string // BT-127
	Name        string // BT-153
	Description string // BT-154
	Item        string // BT-155, the seller's own id of it
	Period      Period // BG-26

	Quantity Decimal // BT-129
	Unit     string  // BT-130, UN/ECE recommendation 20
	Price    Decimal // BT-146, without tax, of Base units
	Base     Decimal // BT-149; 0 is 1

	Tax        Tax
	Allowances []Adjustment // BG-27
	Charges    []Adjustment // BG-28

	Net Decimal // BT-131, by Compute
}

// An Adjustment is an allowance or a charge. With a Percent, Compute sets the
// Amount to so much of the Base.
type Adjustment struct {
	Amount  Decimal // BT-92, BT-99, BT-136, BT-141
	Base    Decimal // BT-93, BT-100, BT-137, BT-142
	Percent Decimal // BT-94, BT-101, BT-138, BT-143
	Reason  string  // BT-97, BT-104, BT-139, BT-144
	Code    string  // BT-98, BT-140 of UNTDID 5189; BT-105, BT-145 of UNTDID 7161
	Tax     Tax     // of the document; an adjustment of a line has the line's
}

// An Exemption is the reason for which a category has no tax.
type Exemption struct {
	Category Category
	Code     string // BT-121, of the list VATEX
	Text     string // BT-120
}

// A Subtotal is the tax of one category and rate.
type Subtotal struct {
	Tax     Tax     // BT-118, BT-119
	Taxable Decimal // BT-116
	Amount  Decimal // BT-117
	Code    string  // BT-121
	Text    string  // BT-120
}

// Totals are the sums of the document.
type Totals struct {
	Lines      Decimal // BT-106
	Allowances Decimal // BT-107
	Charges    Decimal // BT-108
	WithoutTax Decimal // BT-109
	Tax        Decimal // BT-110
	WithTax    Decimal // BT-112
	Due        Decimal // BT-115
}
