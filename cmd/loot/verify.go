package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"loot"
	"loot/desk/publication"
	"loot/ledger"
)

type verifyCmd struct {
	Key     string   `help:"Key of the ledger that you trust, from the statement or an invoice." placeholder:"VKEY" env:"LOOT_LEDGER_KEY"`
	Witness []string `help:"Key of a witness that must have co-signed." placeholder:"VKEY"`
	JSON    bool     `help:"Print JSON." name:"json"`
	File    string   `arg:"" help:"The receipt, the copy of everything that the portal gives, or a transparency report with its entries; - reads standard input."`
}

// Help is what --help says besides.
func (verifyCmd) Help() string {
	return `Nothing is sent and no server is asked. Of a copy, every receipt in its timeline is checked, and that each entry says what its receipt proves. Of a transparency report with its entries, its checkpoint and each proof are checked and every figure is counted again from what the proofs open; what those are called who asked is the statement's and not checked.

Exit code: 0 it holds; 1 it does not hold; 2 the file is not a proof or cannot be read, or a key is none; 3 it is consistent, and no key was given to trust.`
}

// The exit codes besides 0.
const (
	exitFails     exit = 1
	exitUnusable  exit = 2
	exitUntrusted exit = 3
)

// maxReceipt bounds a receipt, in bytes.
const maxReceipt = 1 << 20

func (v *verifyCmd) Run(c *command) error {
	in := c.stdin
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return v.unreadable(c, err)
		}
		defer f.Close()
		in = f
	}
	file := bufio.NewReader(in)
	first, err := firstByte(file)
	if err != nil {
		return v.unreadable(c, err)
	}
	if first == '{' {
		if begin, _ := file.Peek(file.Size()); publication.IsReport(begin) { // an error of reading comes again
			return v.recounted(c, file)
		}
		return v.copied(c, file)
	}
	return v.receipt(c, file)
}

// unreadable says why there is nothing to check, which is not the same as
// something that does not hold.
func (v *verifyCmd) unreadable(c *command, err error) error {
	fmt.Fprintf(c.stderr, "loot: The file cannot be read: %s: %s\n", v.named(), whyUnread(err))
	return exitUnusable
}

// whyUnread is the reason alone; the file is named beside it.
func whyUnread(err error) string {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

func (v *verifyCmd) named() string {
	if v.File == "-" {
		return "standard input"
	}
	return printable(v.File)
}

// firstByte returns the first byte that is no white space, and reads no more
// than what is before it; 0 if there is none.
func firstByte(r *bufio.Reader) (byte, error) {
	b, err := r.Peek(1)
	for n := 1; err == nil; n++ {
		if last := b[len(b)-1]; !strings.ContainsRune(" \t\r\n", rune(last)) {
			return last, nil
		}
		b, err = r.Peek(n + 1)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
		return 0, nil
	}
	return 0, err
}

func (v *verifyCmd) receipt(c *command, file io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(file, maxReceipt+1))
	if err != nil {
		return v.unreadable(c, err)
	}
	res, err := ledger.VerifyReceipt(b, v.Key, v.Witness)
	if err != nil {
		return badKey(c, err)
	}
	if v.JSON {
		if err := printJSON(c, struct {
			Kind string `json:"kind"`
			ledger.Result
		}{"receipt", res}); err != nil {
			return err
		}
		return verdictExit(res.Verdict)
	}
	for _, s := range res.Steps {
		sign := mark(s.OK)
		if !s.OK && res.Fault == nil {
			sign = "–" // not checked
		}
		fmt.Fprintln(c.stdout, sign, printable(s.Text))
	}
	if res.Verdict == ledger.NotAProof {
		return v.notAProof(c)
	}
	if res.Fault == nil {
		printEntry(c, res)
	}
	fmt.Fprintln(c.stdout)
	switch res.Verdict {
	case ledger.Holds:
		fmt.Fprintln(c.stdout, "The receipt holds.")
	case ledger.Consistent:
		fmt.Fprintln(c.stdout, "Consistent, signer not trusted: give the ledger's key with --key.")
	default:
		fmt.Fprintln(c.stdout, "The receipt does not hold:", printable(res.Fault.String()))
	}
	return verdictExit(res.Verdict)
}

// notAProof says what would be one.
func (v *verifyCmd) notAProof(c *command) error {
	fmt.Fprintf(c.stdout, "This is not a proof: %s\nThe portal gives proofs, whose names end in .tlog-proof, and the copy of everything, what-we-hold.json. Either can be checked, and so can a transparency report with its entries.\n", v.named())
	return exitUnusable
}

func badKey(c *command, err error) error {
	if loot.KindOf(err) != loot.Invalid {
		return err
	}
	fmt.Fprintln(c.stderr, "loot: --key or --witness:", loot.Message(err))
	return exitUnusable
}

func verdictExit(v ledger.Verdict) error {
	switch v {
	case ledger.Holds:
		return nil
	case ledger.Consistent:
		return exitUntrusted
	case ledger.NotAProof:
		return exitUnusable
	default:
		return exitFails
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// maxFaults is how many faults of a copy are kept for printing as JSON.
const maxFaults = 100

// An entryFault is what is wrong with one entry of a copy.
type entryFault struct {
	Entry string        `json:"entry"`
	Fault *ledger.Fault `json:"fault"`
}

// copied checks a copy of everything that is held about a person.
func (v *verifyCmd) copied(c *command, file io.Reader) error {
	faults := []entryFault{}
	res, err := ledger.VerifyCopy(file, v.Key, v.Witness, func(e ledger.CopiedEntry, one ledger.Result) error {
		if one.Fault == nil {
			return nil
		}
		if !v.JSON {
			_, err := fmt.Fprintf(c.stdout, "✗ Entry %q: %s\n", e.ID, printable(one.Fault.String()))
			return err
		}
		if len(faults) < maxFaults {
			faults = append(faults, entryFault{e.ID, one.Fault})
		}
		return nil
	})
	if loot.KindOf(err) == loot.Invalid {
		return badKey(c, err)
	}
	if err != nil {
		return v.unreadable(c, err)
	}
	if v.JSON {
		if err := printJSON(c, struct {
			Kind string `json:"kind"`
			ledger.CopyResult
			Faults []entryFault `json:"faults"`
		}{"copy", res, faults}); err != nil {
			return err
		}
		return verdictExit(res.Verdict)
	}
	if res.Verdict == ledger.NotAProof {
		return v.notAProof(c)
	}
	printCopy(c, res)
	return verdictExit(res.Verdict)
}

func printCopy(c *command, res ledger.CopyResult) {
	if res.Entries > 0 {
		fmt.Fprintf(c.stdout, "%s %d of %d entries are proved by their receipts", mark(res.Proved == res.Entries), res.Proved, res.Entries)
		if res.Broken > 0 {
			fmt.Fprintf(c.stdout, "; %d are not", res.Broken)
		}
		if res.Missing > 0 {
			fmt.Fprintf(c.stdout, "; %d have none in this copy", res.Missing)
		}
		fmt.Fprintln(c.stdout, ".")
	}
	if res.Signer != "" {
		fmt.Fprintln(c.stdout, "  Signed by", printable(res.Signer))
	}
	if res.Fault != "" {
		fmt.Fprintln(c.stdout, "✗", res.Fault)
	}
	fmt.Fprintln(c.stdout)
	switch res.Verdict {
	case ledger.Holds:
		fmt.Fprintln(c.stdout, "The timeline of the copy holds. What stands besides, such as the details themselves, no ledger proves; and an entry that was left out of it is not missed here.")
	case ledger.Consistent:
		fmt.Fprintln(c.stdout, "Consistent, signer not trusted: give the ledger's key with --key.")
	default:
		fmt.Fprintln(c.stdout, "The copy does not hold.")
	}
}

// recounted counts a transparency report again from its proofs.
func (v *verifyCmd) recounted(c *command, file io.Reader) error {
	res, err := publication.RecountReport(file, v.Key, v.Witness)
	if loot.KindOf(err) == loot.Invalid {
		return badKey(c, err)
	}
	if err != nil {
		return v.unreadable(c, err)
	}
	switch {
	case v.JSON:
		if err := printJSON(c, struct {
			Kind string `json:"kind"`
			publication.Recount
		}{"transparency report", res}); err != nil {
			return err
		}
		return verdictExit(res.Verdict)
	case res.Without:
		fmt.Fprintf(c.stdout, "This transparency report comes without its entries, so it cannot be counted again: %s\nWhoever approves has it with its entries from the console, under Transparency report.\n", v.named())
		return exitUnusable
	case res.Verdict == ledger.NotAProof:
		return v.notAProof(c)
	}
	for _, w := range res.Wrong {
		fmt.Fprintln(c.stdout, "✗", printable(w))
	}
	if res.Signer != "" {
		fmt.Fprintln(c.stdout, "  Signed by", printable(res.Signer))
	}
	said := loot.Plural(res.Figures, "figure", "figures") + " of " + printable(res.Half) + ", counted again from " + loot.Plural(res.Entries, "entry", "entries")
	switch res.Verdict {
	case ledger.Holds:
		fmt.Fprintln(c.stdout, "✓ "+said+": they are the same. That no entry was left out is proved by the whole ledger alone, see loot ledger verify.")
	case ledger.Consistent:
		fmt.Fprintln(c.stdout, "✓ "+said+": they are the same.\n\nConsistent, signer not trusted: give the ledger's key with --key.")
	default:
		fmt.Fprintln(c.stdout, "\nThe report does not hold.")
	}
	return verdictExit(res.Verdict)
}
