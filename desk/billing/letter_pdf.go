package billing

import (
	"fmt"

	"loot/desk/billing/invoice"
)

// Letter draws a letter of another part of the program with the fonts of invoices.
func (b *Billing) Letter(l invoice.Letter) ([]byte, error) {
	printer, err := b.printer()
	if err != nil {
		return nil, fmt.Errorf("billing: printer: %w", err)
	}
	return printer.Letter(l), nil
}
