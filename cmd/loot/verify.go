package main

import (
	"fmt"
	"io"
	"os"

	"loot"
	"loot/ledger"
)

type verifyCmd struct {
	Key     string   `help:"Key of the ledger that you trust, from the statement or an invoice." placeholder:"VKEY" env:"LOOT_LEDGER_KEY"`
	Witness []string `help:"Key of a witness that must have co-signed." placeholder:"VKEY"`
	File    string   `arg:"" help:"The receipt; - reads standard input."`
}

// maxReceipt bounds a receipt, in bytes.
const maxReceipt = 1 << 20

// exitUntrusted says that a receipt is consistent and its signer not trusted.
const exitUntrusted exit = 3

func (v *verifyCmd) Run(c *command) error {
	in := c.stdin
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return loot.Wrap(loot.Invalid, err, "The file cannot be read: "+v.File)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxReceipt+1))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file cannot be read: "+v.File)
	}
	if len(b) > maxReceipt {
		return loot.Errorf(loot.Invalid, "This is no receipt: it is larger than %d bytes.", maxReceipt)
	}
	res, err := ledger.VerifyReceipt(b, v.Key, v.Witness)
	if err != nil {
		return err
	}
	for _, s := range res.Steps {
		mark := "✗"
		if s.OK {
			mark = "✓"
		}
		fmt.Fprintln(c.stdout, mark, s.Text)
	}
	switch res.Verdict {
	case ledger.Holds:
		fmt.Fprintln(c.stdout, "The receipt holds.")
		return nil
	case ledger.Consistent:
		fmt.Fprintln(c.stdout, "Consistent, signer not trusted: give the ledger's key with --key.")
		return exitUntrusted
	}
	fmt.Fprintln(c.stdout, "The receipt does not hold:", res.Fault)
	return exit(1)
}
