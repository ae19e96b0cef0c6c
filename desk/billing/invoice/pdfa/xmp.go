package pdfa

import (
	"bytes"
	"encoding/xml"
	"time"
)

// xmp returns the metadata (ISO 16684-1): the same as the dictionary Info says,
// that this is PDF/A-3B, and what the attached file is.
func (d *Doc) xmp(extension string) []byte {
	var b bytes.Buffer
	text := func(before, s, after string) {
		b.WriteString(before)
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
		b.WriteString(after)
	}
	made := d.info.Made.UTC().Format(time.RFC3339)
	b.WriteString("<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` + "\n" +
		`<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>3</pdfaid:part>` +
		`<pdfaid:conformance>B</pdfaid:conformance></rdf:Description>` + "\n")
	text(`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format>`+
		`<dc:title><rdf:Alt><rdf:li xml:lang="x-default">`, d.info.Title, `</rdf:li></rdf:Alt></dc:title>`)
	text(`<dc:creator><rdf:Seq><rdf:li>`, d.info.Author, `</rdf:li></rdf:Seq></dc:creator></rdf:Description>`+"\n")
	b.WriteString(`<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">` +
		`<xmp:CreatorTool>` + producer + `</xmp:CreatorTool><xmp:CreateDate>` + made + `</xmp:CreateDate><xmp:ModifyDate>` + made +
		`</xmp:ModifyDate><pdf:Producer>` + producer + `</pdf:Producer></rdf:Description>` + "\n")
	b.WriteString(extension + "</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>")
	return b.Bytes()
}
