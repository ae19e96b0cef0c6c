// Command write writes made-up invoices as UBL and CII into a folder, for the
// official rules to judge: valid ones of every kind, and some that break a
// rule. Each file's name says what is expected of it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"loot/desk/billing/invoice"
	"loot/desk/billing/invoice/madeup"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: write FOLDER COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("the count is not a number: %w", err)
	}
	kinds := madeup.Kinds()
	for i := range count {
		kind := kinds[i%len(kinds)]
		inv := madeup.Invoice(kind, uint64(i))
		if found := inv.Check(); len(found) > 0 {
			return fmt.Errorf("our own rules refuse the %s invoice of seed %d: %v", kind, i, found)
		}
		if err := both(args[0], "valid-"+kind+"-"+strconv.Itoa(i), inv); err != nil {
			return err
		}
	}
	for _, b := range madeup.Breaks() {
		if err := both(args[0], "broken-"+b.Rule, b.Invoice); err != nil {
			return err
		}
	}
	return nil
}

func both(dir, name string, inv *invoice.Invoice) error {
	if err := os.WriteFile(filepath.Join(dir, name+".ubl.xml"), inv.UBL(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".cii.xml"), inv.CII(), 0o600)
}
