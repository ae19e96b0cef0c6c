package invoice

// What Factur-X 1.0 (ZUGFeRD 2) asks of the document that carries an invoice:
// the file's name, and a part of the XMP metadata with the schema of itself.
const (
	facturXName = "factur-x.xml"
	facturXMeta = `<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">` +
		`<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>` + facturXName + `</fx:DocumentFileName>` +
		`<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>` + "\n" +
		`<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" ` +
		`xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">` +
		`<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>` +
		`<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>` +
		`<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>` +
		facturXProperty + `DocumentFileName` + facturXOf + `The name of the attached file` + facturXEnd +
		facturXProperty + `DocumentType` + facturXOf + `The type of the document` + facturXEnd +
		facturXProperty + `Version` + facturXOf + `The version of the schema` + facturXEnd +
		facturXProperty + `ConformanceLevel` + facturXOf + `The profile that the attached file keeps` + facturXEnd +
		`</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>` + "\n"

	facturXProperty = `<rdf:li rdf:parseType="Resource"><pdfaProperty:name>`
	facturXOf       = `</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>` +
		`<pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>`
	facturXEnd = `</pdfaProperty:description></rdf:li>`
)
