package app

import (
	"bytes"

	"loot/desk/disclosure"
	"loot/desk/safety/report"
)

// readMail reads a mail to the desk of disclosures within the limits in which reports of
// misuse are read. What a report would be made of it is left alone.
func readMail(content []byte) (disclosure.Mail, error) {
	r, err := report.Read(bytes.NewReader(content))
	m := disclosure.Mail{From: r.Reporter.Address, Subject: r.Subject, Text: r.Text}
	for _, p := range r.Evidence {
		m.Files = append(m.Files, disclosure.MailFile{Name: p.Name, Type: p.MediaType, Size: p.Size, SHA256: p.SHA256})
	}
	return m, err
}
