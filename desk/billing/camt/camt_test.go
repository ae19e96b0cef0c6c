package camt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// read returns what a file has, a line for each payment.
func read(t *testing.T, file []byte) (lines []string, all []Payment, err error) {
	t.Helper()
	err = Read(bytes.NewReader(file), func(p *Payment) error {
		all = append(all, *p)
		line := fmt.Sprintf("%s %s %s %s", p.Account, p.Booked.Format("2006-01-02"), p.Amount, p.Currency)
		for _, s := range []string{p.Party, p.PartyIBAN, strings.ReplaceAll(p.Text, "\n", "/"), strings.Join(p.Refs, ","), p.EndToEnd, p.Reason} {
			line += "|" + s
		}
		if p.Returned {
			line += " returned"
		}
		if p.Whole {
			line += " whole"
		}
		lines = append(lines, line)
		return nil
	})
	return lines, all, err
}

func TestStatementsAreRead(t *testing.T) {
	for name, want := range map[string][]string{
		"v02.xml": {
			"IE25MADE00000000000000 2026-12-15 1.61 EUR|Made-up Meadow Ltd|DE02MADE00000000000001|Invoice EX-2026-/000001, thank you|||",
			"IE25MADE00000000000000 2026-12-15 2 EUR||||RF18539007547034|E1|",
			"IE25MADE00000000000000 2026-12-15 3 EUR|||second||E2|",
			"IE25MADE00000000000000 2026-12-15 9 EUR|||one/two||| whole",
			"IE25MADE00000000000000 2026-12-15 -300 JPY|||rent|||",
		},
		"v08.xml": {
			"12-345 2026-12-18 -1.61 EUR|Made-up Meadow Ltd||EX-2026-000001||E1|AC04 returned",
			"12-345 2026-12-18 4 EUR|||same|||",
			"12-345 2026-12-18 4 EUR|||same|||",
		},
	} {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got, all, err := read(t, file)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		ids := map[string]bool{}
		for _, p := range all {
			ids[string(p.Identity())] = true
		}
		if len(ids) != len(all) {
			t.Errorf("%s: %d payments have %d identities", name, len(all), len(ids))
		}
	}
}

func TestAPaymentIsTheSameInEveryStatement(t *testing.T) {
	file, err := os.ReadFile("testdata/v02.xml")
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := read(t, file)
	if err != nil {
		t.Fatal(err)
	}
	// Another statement that has the same: of another number, with other counts.
	other := strings.NewReplacer("<NtryRef>1<", "<NtryRef>45<", "<Id>S1<", "<Id>S9<", "<ElctrncSeqNb>12<", "<ElctrncSeqNb>13<").Replace(string(file))
	_, second, err := read(t, []byte(other))
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if !bytes.Equal(first[i].Identity(), second[i].Identity()) {
			t.Errorf("payment %d has another identity", i+1)
		}
	}
}

func TestWhatIsNoStatementIsRefused(t *testing.T) {
	whole, err := os.ReadFile("testdata/v02.xml")
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, by string) string { return strings.Replace(string(whole), old, by, 1) }
	for name, tt := range map[string]struct{ file, want string }{
		"nothing":            {"", "no bank statement"},
		"text":               {"hello", "no bank statement"},
		"another message":    {change("camt.053.001.02", "camt.052.001.02"), "no bank statement"},
		"an older version":   {change("camt.053.001.02", "camt.053.001.01"), "no bank statement"},
		"a later version":    {change("camt.053.001.02", "camt.053.001.13"), "no bank statement"},
		"an entity":          {change("<Document", `<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><Document`), "document type"},
		"an unknown entity":  {change("thank you", "&y;"), "broken at line"},
		"cut off":            {string(whole[:len(whole)/2]), "broken at line"},
		"no amount":          {change(">1.61<", ">a lot<"), "amount"},
		"an amount below 0":  {change(">1.61<", ">-1.61<"), "amount"},
		"too many decimals":  {change(">1.61<", ">1.615<"), "amount"},
		"no currency":        {change(`Ccy="EUR">1.61<`, `>1.61<`), "amount"},
		"neither way":        {change("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<CdtDbtInd>X</CdtDbtInd><Sts>"), "amount"},
		"no day":             {change("<Dt>2026-12-15Z</Dt>", "<Dt>tomorrow</Dt>"), "no day"},
		"an unknown charset": {change("UTF-8", "x-made-up"), "broken"},
		"far too deep":       {change("<BkToCstmrStmt>", "<BkToCstmrStmt>"+strings.Repeat("<x>", 100)), "broken at line"},
		"more than fits":     {string(whole[:200]) + strings.Repeat(" ", MaxBytes) + string(whole[200:]), "larger than"},
	} {
		_, _, err := read(t, []byte(tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want one about %q", name, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "Meadow") || strings.Contains(err.Error(), "MADE")) {
			t.Errorf("%s: the error repeats what the file says: %v", name, err)
		}
	}
}

func TestTheErrorOfWhoReadsEndsIt(t *testing.T) {
	file, err := os.ReadFile("testdata/v02.xml")
	if err != nil {
		t.Fatal(err)
	}
	stop, n := errors.New("stop"), 0
	if err := Read(bytes.NewReader(file), func(*Payment) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d payments", err, n)
	}
}

// The example of ISO 11649 is RF18 5390 0754 7034.
func TestCreditorReferences(t *testing.T) {
	for text, want := range map[string]string{
		"RF18 5390 0754 7034":               "539007547034",
		"rf18539007547034 for your invoice": "539007547034",
		"RF18 5390 0754 7035":               "",
		"RF18":                              "",
		"none":                              "",
		CreditorReference("R2026000001"):    "R2026000001",
		CreditorReference("R2026000001") + " Thanks": "R2026000001",
	} {
		if got := CreditorReferences(text); want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("%q: %v, want %q", text, got, want)
		}
	}
}

// One digit or letter that is another is found out.
func TestACreditorReferenceFindsASlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := CreditorReference(rapid.StringMatching(`[A-Z0-9]{1,21}`).Draw(t, "ref"))
		if !fits(ref) {
			t.Fatalf("%q does not fit itself", ref)
		}
		at := rapid.IntRange(4, len(ref)-1).Draw(t, "at")
		slip := []byte(ref)
		slip[at] = '0' + (slip[at]-'0'+1)%10
		if ref[at] > '9' {
			slip[at] = 'A' + (ref[at]-'A'+1)%26
		}
		if fits(string(slip)) {
			t.Fatalf("%q and %q both fit", ref, slip)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"v02.xml", "v08.xml"} {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var first [][]byte
		err := Read(bytes.NewReader(file), func(p *Payment) error {
			if p.Currency == "" || p.Booked.IsZero() || len([]rune(p.Text)) > maxText || len([]rune(p.Party)) > maxText {
				t.Errorf("%+v", p)
			}
			first = append(first, p.Identity())
			return nil
		})
		n := 0
		again := Read(bytes.NewReader(file), func(p *Payment) error {
			if n >= len(first) || !bytes.Equal(first[n], p.Identity()) {
				t.Error("the same file gives another payment")
			}
			n++
			return nil
		})
		if (err == nil) != (again == nil) || n != len(first) {
			t.Errorf("%v and %d, then %v and %d", err, len(first), again, n)
		}
	})
}
