package invoice_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"rsc.io/qr"

	"loot/desk/billing/invoice"
	"loot/desk/billing/invoice/madeup"
	"loot/desk/desktest"
)

var update = flag.Bool("update", false, "write the goldens")

var printer = func() *invoice.Printer {
	p, err := invoice.NewPrinter()
	if err != nil {
		panic(err)
	}
	return p
}()

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not as it was (-was +is):\n%s", name, diff)
	}
}

// TestDocumentsStayTheSame: an invoice of years ago is drawn anew, byte for
// byte. The PDFs are told by their sums.
func TestDocumentsStayTheSame(t *testing.T) {
	var sums strings.Builder
	for i, kind := range madeup.Kinds() {
		r := madeup.Record(kind, 3, []string{"en", "de"}[i%2])
		golden(t, kind+".ubl.xml", r.Invoice.UBL())
		golden(t, kind+".cii.xml", r.Invoice.CII())
		if i < 2 {
			var page bytes.Buffer
			if err := r.HTML(&page, true); err != nil {
				t.Fatal(err)
			}
			golden(t, kind+".html", page.Bytes())
		}
		pdf, err := printer.PDF(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x %s\n", sha256.Sum256(pdf), kind)
	}
	golden(t, "pdf.sha256", []byte(sums.String()))
}

// TestKeptRecordsGiveTheSameDocuments: a record that was stored and read is
// drawn as before.
func TestKeptRecordsGiveTheSameDocuments(t *testing.T) {
	for _, kind := range madeup.Kinds() {
		r := madeup.Record(kind, 5, "de")
		stored, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again invoice.Record
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatal(err)
		}
		first, err := printer.PDF(r)
		if err != nil {
			t.Fatal(err)
		}
		second, err := printer.PDF(&again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) || !bytes.Equal(r.Invoice.UBL(), again.Invoice.UBL()) || !bytes.Equal(r.Invoice.CII(), again.Invoice.CII()) {
			t.Errorf("%s: stored and read, the documents are others", kind)
		}
	}
}

// TestXMLSaysWhatTheInvoiceSays reads the documents with another program's
// eyes: well formed, no empty element but the one that the schema asks for,
// and each text of the invoice in both.
func TestXMLSaysWhatTheInvoiceSays(t *testing.T) {
	for _, kind := range madeup.Kinds() {
		inv := madeup.Invoice(kind, 9)
		for syntax, doc := range map[string][]byte{"UBL": inv.UBL(), "CII": inv.CII()} {
			said, empty := texts(t, doc)
			if len(empty) > 0 && (syntax == "UBL" || strings.Join(empty, "") != "ApplicableHeaderTradeDelivery") {
				t.Errorf("%s of %s: empty: %v", syntax, kind, empty)
			}
			want := append([]string{inv.Number, string(inv.Kind), inv.Currency, inv.Seller.Name, inv.Buyer.Name, inv.Totals.Due.Fixed(0)}, inv.Notes...)
			for _, l := range inv.Lines {
				want = append(want, l.Name, l.Quantity.String(), l.Note, l.Description)
			}
			for _, a := range inv.Payment.Accounts {
				want = append(want, a.IBAN, a.Other)
			}
			for _, w := range want {
				found := w == ""
				for _, s := range said {
					found = found || s == w || strings.HasPrefix(s, w) && strings.Trim(s[len(w):], ".0") == ""
				}
				if !found {
					t.Errorf("%s of %s does not say %q", syntax, kind, w)
				}
			}
		}
	}
}

func texts(t *testing.T, doc []byte) (said, empty []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	var last *xml.StartElement
	text := ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			return said, empty
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			last, text = &token, ""
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if last != nil && text == "" {
				empty = append(empty, last.Name.Local)
			}
			said, last = append(said, text), nil
		}
	}
}

// TestPagesAreWhatPDFAAsksFor checks what ISO 19005-3 (part 3, level B) asks of
// documents like ours, and that the XML inside is the invoice.
func TestPagesAreWhatPDFAAsksFor(t *testing.T) {
	for i, kind := range madeup.Kinds() {
		r := madeup.Record(kind, 11, []string{"en", "de"}[i%2])
		pdf, err := printer.PDF(r)
		if err != nil {
			t.Fatal(err)
		}
		objects := pdfObjects(t, pdf)
		all := string(pdf)
		if !strings.HasPrefix(all, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n") {
			t.Errorf("%s: the head has no line of four bytes above 127", kind)
		}
		for _, never := range []string{"/Encrypt", "/SMask", "/CA ", "/ca ", "/Group", "/BM ", "/JavaScript", "/JS", "/LZWDecode", "/Launch", "/AA ", "/OpenAction"} {
			if strings.Contains(all, never) {
				t.Errorf("%s: %s may not be there", kind, never)
			}
		}
		count := func(has string) (n int) {
			for _, o := range objects {
				if strings.Contains(o, has) {
					n++
				}
			}
			return n
		}
		fonts := count("/Subtype /Type0")
		if fonts < 2 || count("/FontFile2 ") != fonts || count("/CIDToGIDMap /Identity") != fonts || count("/ToUnicode ") != fonts {
			t.Errorf("%s: a font is not embedded", kind)
		}
		if links := count("/Subtype /Link"); links < leading(r.Known) || links != count("/F 4 ") {
			t.Errorf("%s: %d links, and not all of them are printed", kind, links)
		}
		catalog := objects[ref(t, all[strings.LastIndex(all, "trailer"):], "/Root")]
		intent := objects[ref(t, catalog, "/DestOutputProfile")]
		if !strings.Contains(catalog, "/S /GTS_PDFA1") || stream(intent)[36:40] != "acsp" || !strings.Contains(intent, "/N 3 ") {
			t.Errorf("%s: no output intent with a profile", kind)
		}
		if !regexp.MustCompile(`/ID \[<[0-9a-f]{32}> <[0-9a-f]{32}>\]`).MatchString(all[strings.LastIndex(all, "trailer"):]) {
			t.Errorf("%s: the trailer has no ID", kind)
		}

		spec := ref(t, catalog, "/AF [")
		if name := ref(t, catalog, "(factur-x.xml)"); name != spec {
			t.Errorf("%s: the name of the attachment leads elsewhere", kind)
		}
		for _, need := range []string{"/Type /Filespec", "/F (factur-x.xml)", "/UF ", "/AFRelationship /Alternative", "/Desc "} {
			if !strings.Contains(objects[spec], need) {
				t.Errorf("%s: the attachment lacks %s", kind, need)
			}
		}
		file := objects[ref(t, objects[spec], "/EF <</F")]
		if !strings.Contains(file, "/Subtype /text#2Fxml") || stream(file) != string(r.Invoice.CII()) {
			t.Errorf("%s: what is attached is not the invoice", kind)
		}

		meta := stream(objects[ref(t, catalog, "/Metadata")])
		made := r.Invoice.Issued.String() + "T00:00:00Z"
		for _, need := range []string{
			"<pdfaid:part>3<", "<pdfaid:conformance>B<", "<fx:ConformanceLevel>EN 16931<", "<fx:DocumentFileName>factur-x.xml<",
			"<pdfaSchema:prefix>fx<", "<xmp:CreateDate>" + made, "<xmp:ModifyDate>" + made,
		} {
			if !strings.Contains(meta, need) {
				t.Errorf("%s: the metadata lack %s", kind, need)
			}
		}
		texts(t, []byte(meta)) // is XML
		info := objects[ref(t, all[strings.LastIndex(all, "trailer"):], "/Info")]
		if day := "(D:" + strings.ReplaceAll(r.Invoice.Issued.String(), "-", "") + "000000Z)"; strings.Count(info, day) != 2 {
			t.Errorf("%s: the dates of Info are not those of the metadata: %s", kind, info)
		}
	}
}

// pdfObjects returns the objects by number, found where the table says that
// they are.
func pdfObjects(t *testing.T, pdf []byte) map[string]string {
	t.Helper()
	all := string(pdf)
	table := all[strings.LastIndex(all, "\nxref\n"):]
	out := map[string]string{}
	for i, m := range regexp.MustCompile(`(?m)^(\d{10}) 00000 n $`).FindAllStringSubmatch(table, -1) {
		var at int
		fmt.Sscan(strings.TrimLeft(m[1], "0"), &at)
		head := fmt.Sprintf("%d 0 obj\n", i+1)
		if !strings.HasPrefix(all[at:], head) {
			t.Fatalf("object %d is not where the table says", i+1)
		}
		body := all[at+len(head):]
		end := strings.Index(body, "endobj\n")
		if m := regexp.MustCompile(`^<<.*/Length (\d+)>>\nstream\n`).FindStringSubmatch(body); m != nil {
			var length int
			fmt.Sscan(m[1], &length)
			end = len(m[0]) + length + len("\nendstream\n")
		}
		if !strings.HasPrefix(body[end:], "endobj\n") {
			t.Fatalf("object %d does not end where it says", i+1)
		}
		out[fmt.Sprint(i+1)] = body[:end]
	}
	return out
}

func ref(t *testing.T, in, after string) string {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(after) + ` ?(\d+) 0 R`).FindStringSubmatch(in)
	if m == nil {
		t.Fatalf("no reference after %s in %.300q", after, in)
	}
	return m[1]
}

func stream(object string) string {
	_, after, _ := strings.Cut(object, "stream\n")
	return strings.TrimSuffix(after, "\nendstream\n")
}

// leading counts the links that lead from what is known: a word and a code beside each
// field, a word beside each service, and none where there is nothing to report.
func leading(all []invoice.Known) (n int) {
	for _, k := range all {
		switch {
		case k.Wrong == "":
		case k.Line != "":
			n++
		default:
			n += 2
		}
	}
	return n
}

// TestEachKnownFieldIsOpenedByItsLinkAndItsCode: beside each field stand a link and a
// QR code, and both lead to the address of that very field; beside each service a link. A
// code is compared with one that another document would have for the address; the link
// over it has its place.
func TestEachKnownFieldIsOpenedByItsLinkAndItsCode(t *testing.T) {
	for i, kind := range madeup.Kinds() {
		r := madeup.Record(kind, 13, []string{"en", "de"}[i%2])
		r.Known = append(r.Known, invoice.Known{Field: "Town (or city)", Value: "Exampleton", Wrong: "https://hosting.example/wrong?field=address.city&at=(1)"})
		pdf, err := printer.PDF(r)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(pdf), "/Subtype /Link "); n != leading(r.Known) {
			t.Errorf("%s: %d links, want %d", kind, n, leading(r.Known))
		}
		drawn := known(t, pdf)
		for j, k := range r.Known {
			if j > 0 && k.Wrong != "" && r.Known[j-1].Wrong == k.Wrong {
				t.Fatalf("%s: two fields have one address: the test shows nothing", kind)
			}
			n := leading(r.Known[j : j+1])
			if n > len(drawn) {
				t.Errorf("%s: nothing leads from %s", kind, k.Field)
				continue
			}
			own := drawn[:n]
			drawn = drawn[n:]
			if n == 1 && (own[0].url != k.Wrong || own[0].code != "" || !strings.HasSuffix(own[0].label, ": "+k.Field)) {
				t.Errorf("%s: %+v beside %s, want a link to %s", kind, own[0], k.Field, k.Wrong)
			}
			if n < 2 {
				continue
			}
			word, code := own[0], own[1]
			for _, l := range []opened{word, code} {
				if l.url != k.Wrong || !strings.HasSuffix(l.label, ": "+k.Field) {
					t.Errorf("%s: a link beside %s leads to %s and is called %q, want %s", kind, k.Field, l.url, l.label, k.Wrong)
				}
			}
			want, err := qr.Encode(k.Wrong, qr.L)
			if err != nil {
				t.Fatal(err)
			}
			if word.code != "" || code.code != modules(want) {
				t.Errorf("%s: the code beside %s is not that of %s", kind, k.Field, k.Wrong)
			}
			if code.from > word.from || word.from > code.to {
				t.Errorf("%s: the link and the code of %s are not beside each other", kind, k.Field)
			}
		}
	}
}

// modules writes the squares of a QR code, a row in whole bytes as PDF has them.
func modules(c *qr.Code) string {
	var out strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x += 8 {
			var b byte
			for bit := range 8 {
				if x+bit < c.Size && c.Black(x+bit, y) {
					b |= 0x80 >> bit
				}
			}
			fmt.Fprintf(&out, "%02x", b)
		}
	}
	return out.String()
}

// An opened is a link of a page, with the QR code that has its place.
type opened struct {
	url, label string
	from, to   float64 // from below
	code       string
}

// known reads the links of a document, in the order of its pages.
func known(t *testing.T, pdf []byte) (out []opened) {
	t.Helper()
	objects := pdfObjects(t, pdf)
	catalog := objects[ref(t, string(pdf[bytes.LastIndex(pdf, []byte("trailer")):]), "/Root")]
	_, kids, _ := strings.Cut(objects[ref(t, catalog, "/Pages")], "/Kids [")
	reference := regexp.MustCompile(`(\d+) 0 R`)
	image := regexp.MustCompile(`(?s)(\S+) 0 0 \S+ (\S+) (\S+) cm BI /W \d+ /H \d+ /IM true /BPC 1 /D \[1 0\] /F /AHx ID\n([0-9a-f]+)>\nEI`)
	for _, kid := range reference.FindAllStringSubmatch(kids, -1) {
		page := objects[kid[1]]
		codes := map[string]string{} // by the place
		for _, m := range image.FindAllStringSubmatch(stream(objects[ref(t, page, "/Contents")]), -1) {
			codes[m[2]+" "+m[3]] = m[4]
		}
		_, annotations, _ := strings.Cut(page, "/Annots [")
		for _, a := range reference.FindAllStringSubmatch(annotations, -1) {
			m := regexp.MustCompile(`/Rect \[(\S+) (\S+) \S+ (\S+) \] /Contents <FEFF([0-9A-F]+)> /A <</S /URI /URI \((.*)\)>>`).FindStringSubmatch(objects[a[1]])
			if m == nil {
				t.Fatalf("not a link to an address: %s", objects[a[1]])
			}
			label, err := hex.DecodeString(m[4])
			if err != nil {
				t.Fatal(err)
			}
			var units []uint16
			for i := 0; i < len(label); i += 2 {
				units = append(units, binary.BigEndian.Uint16(label[i:]))
			}
			from, _ := strconv.ParseFloat(m[2], 64)
			to, _ := strconv.ParseFloat(m[3], 64)
			url := regexp.MustCompile(`\\(.)`).ReplaceAllString(m[5], "$1")
			out = append(out, opened{url, string(utf16.Decode(units)), from, to, codes[m[1]+" "+m[2]]})
		}
	}
	return out
}

// TestAnotherReaderFindsNothingWrong gives each kind to qpdf.
func TestAnotherReaderFindsNothingWrong(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range madeup.Kinds() {
		pdf, err := printer.PDF(madeup.Record(kind, 2, "en"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, kind+".pdf")
		if err := os.WriteFile(path, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}

// TestTextOfAnyScriptIsDrawn: what no font has is shown as a box and still
// found, and nothing fails.
func TestTextOfAnyScriptIsDrawn(t *testing.T) {
	r := madeup.Record("plain", 1, "en")
	r.Invoice.Buyer.Name = "株式会社 شركة 😀 \u0301\u200f\u0000\uffff"
	r.Invoice.Lines[0].Name = strings.Repeat("長", 500)
	r.Invoice.Lines[0].Description = strings.Repeat("word ", 3000)
	r.Known[0].Value = strings.Repeat("🦉", 400)
	pdf, err := printer.PDF(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<FEFF682A5F0F4F1A793E>", "<FEFF0634063106430629>"} { // 株式会社, شركة
		if !bytes.Contains(pdf, []byte("/ActualText "+want)) {
			t.Errorf("%s is not found in the document", want)
		}
	}
}

// TestAPrinterSaysWhatItDraws: what shows as a box, and nothing that is not seen.
func TestAPrinterSaysWhatItDraws(t *testing.T) {
	for text, want := range map[string]bool{
		"Łódź, ΑΘΗΝΑ\nСофия": true, "e\u0301\u200f": true, "": true, "株式会社": false, "شركة": false, "Meadow 😀": false,
	} {
		if got := printer.Draws(text); got != want {
			t.Errorf("%q is drawn: %t", text, got)
		}
	}
}

// TestMoreFontsDrawWhatInterDoesNotHave: in the order in which they are given, and what
// Inter has is drawn as before.
func TestMoreFontsDrawWhatInterDoesNotHave(t *testing.T) {
	var fonts []*invoice.Font
	for i, name := range []string{desktest.Droid, desktest.DejaVu} {
		font, err := invoice.ParseFont(i+1, desktest.Font(t, name))
		if err != nil {
			t.Fatal(err)
		}
		fonts = append(fonts, font)
	}
	more, err := invoice.NewPrinter(fonts...)
	if err != nil {
		t.Fatal(err)
	}
	r := madeup.Record("plain", 1, "en")
	without, err := printer.PDF(r)
	if err != nil {
		t.Fatal(err)
	}
	if with, err := more.PDF(r); err != nil || !bytes.Equal(with, without) {
		t.Errorf("what Inter has is drawn otherwise: %v", err)
	}
	r.Invoice.Buyer.Name = "株式会社 例"
	r.Invoice.Buyer.Address.Lines = []string{"רחוב הדוגמה 12", "شارع المثال"}
	pdf, err := more.PDF(r)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"/ActualText": false, "+Additional-1 ": true, "+Additional-2 ": true, "> <682A> endbfchar": true, "> <05E8> endbfchar": true, "> <0634> endbfchar": true} {
		if bytes.Contains(pdf, []byte(text)) != want {
			t.Errorf("%s is in the document: want %v", text, want)
		}
	}
	pdfObjects(t, pdf)
}

func TestAnAddressThatNoCodeCanHoldIsAnError(t *testing.T) {
	r := madeup.Record("plain", 1, "en")
	r.Known[0].Wrong = "https://hosting.example/" + strings.Repeat("x", 4000)
	if _, err := printer.PDF(r); err == nil {
		t.Error("no error")
	}
}

func TestFontsOfOthersAreCheckedFirst(t *testing.T) {
	if _, err := invoice.ParseFont(1, []byte("OTTO")); err == nil || !strings.Contains(err.Error(), "not a TrueType font") {
		t.Errorf("%v", err)
	}
}

// TestADueDateStandsOnceInUBL: with several accounts there are several ways to
// pay, and the rules allow one date.
func TestADueDateStandsOnceInUBL(t *testing.T) {
	for _, kind := range []string{"plain", "credit"} {
		inv := madeup.Invoice(kind, 1)
		inv.Payment.Accounts = []invoice.Account{inv.Payment.Accounts[0], inv.Payment.Accounts[0]}
		if n := strings.Count(string(inv.UBL()), "DueDate>"+inv.Due.String()); n != 1 {
			t.Errorf("%s: the due date stands %d times", kind, n)
		}
	}
}

// TestEveryLanguageStaysTheSame has a page in each language, and a PDF.
func TestEveryLanguageStaysTheSame(t *testing.T) {
	for _, l := range invoice.Languages() {
		r := madeup.Record("account", 3, l.Code)
		var page bytes.Buffer
		if err := r.HTML(&page, true); err != nil {
			t.Fatal(err)
		}
		golden(t, "account."+l.Code+".html", page.Bytes())
		if _, err := printer.PDF(r); err != nil {
			t.Errorf("%s: %v", l.Code, err)
		}
	}
}
