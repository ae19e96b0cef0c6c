package imports

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
)

// What the demonstration takes over: made-up customers of a panel that there never
// was, of whom two have something wrong, and their invoices.
const demoSystem = "the panel of Sample Hosting"

// demoClients are those customers. That panel has invoiced some of them in advance.
func demoClients(now time.Time) string {
	until := func(months int) string { return now.AddDate(0, months, 0).Format("02.01.2006") }
	return `Client ID;Company;Name;Email;Street;Postcode;City;Country;Phone;Service;Since;Invoiced until
4101;Hartriegel Beispiel GmbH;Svea Muster;svea@hartriegel.example.com;Musterweg 3;10115;Berlin;Deutschland;+49 30 5550101;shared-hosting;12.03.2021;` + until(1) + `
4102;Vloedlijn Voorbeeld BV;Joris Monster;joris@vloedlijn.example.com;Voorbeeldkade 8;1011 AB;Amsterdam;Nederland;;virtual-server;01.09.2022;` + until(4) + `
4103;;Maeve Sample;maeve@sample.example.com;4 Sample Row;D04 X285;Dublin;Ireland;+353 1 555 0177;domain;30.06.2023;` + until(9) + `
4104;Exemple du Midi SARL;Lou Modèle;lou@midi.example.com;12 rue de l'Exemple;31000;Toulouse;France;;backup;15.01.2024;
4105;No Address Ltd;Pat Nobody;pat.example.com;1 Sample Quay;;Cork;IE;;shared-hosting;02.02.2024;
4106;Twice Ltd;Svea Muster;svea@hartriegel.example.com;1 Sample Quay;;Cork;IE;;backup;02.02.2024;
`
}

// demoInvoices are two years of invoices of those customers.
func demoInvoices(now time.Time) string {
	var b strings.Builder
	b.WriteString("Invoice number;Customer ID;Date;Net;Tax;Total;Currency;Status;Party;Description\n")
	for n := range 16 {
		day, client := now.AddDate(0, -3*(n/4)-4, -n), 4101+n%4
		fmt.Fprintf(&b, "SH-%d-%03d;%d;%s;9.90;2.28;12.18;EUR;paid;Customer %d of Sample Hosting;Hosting for three months\n", day.Year(), 900-n, client, day.Format("02.01.2006"), client)
	}
	return b.String()
}

// demo has a colleague in billing take customers over from another panel.
func (i *Imports) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(staff, func(a loot.Actor) bool { return slices.Contains(a.Roles, "billing") })
	if at < 0 {
		return nil // nobody looks after invoices there
	}
	clerk := desk.Browser{World: w, Who: staff[at]}
	w.History.On(w.History.Begin.AddDate(0, 0, w.History.Days()*3/4), func(ctx context.Context) error {
		for _, f := range []struct{ title, text string }{{"Customers of Sample Hosting", demoClients(w.Now())}, {"Invoices of Sample Hosting", demoInvoices(w.Now())}} {
			if err := i.demoFile(ctx, w, clerk, f.title, f.text); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// demoFile brings a file, tries it and has it taken over, on the pages that colleagues use.
func (i *Imports) demoFile(ctx context.Context, w *desk.World, clerk desk.Browser, title, text string) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("title", title); err != nil {
		return err
	}
	part, err := form.CreateFormFile("file", "export.csv")
	if err != nil {
		return err
	}
	if _, err := part.Write([]byte(text)); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	a, err := clerk.Send(ctx, http.MethodPost, "/console/imports", body.String(), http.Header{"Content-Type": {form.FormDataContentType()}}, "192.0.2.1")
	if err != nil {
		return err
	}
	path := a.Header().Get("Location")
	if path == "" {
		return fmt.Errorf("imports: a file was answered with %d", a.Status)
	}
	one, err := i.read(ctx, path[strings.LastIndex(path, "/")+1:])
	if err != nil {
		return err
	}
	m := one.Mapping
	typed := url.Values{
		"kind": {m.Kind}, "encoding": {one.Found.Encoding}, "delimiter": {one.Found.Delimiter}, "system": {demoSystem}, "dates": {m.Dates}, "currency": {"EUR"},
		"person": {"on"}, "remember": {title},
	}
	for n, column := range one.Found.Tables[0].Columns {
		typed.Set(columnName("", n), m.Columns[""][column])
	}
	for _, step := range []struct {
		to    string
		typed url.Values
	}{{"/columns", typed}, {"/run", nil}} {
		if a, err := clerk.Post(ctx, path+step.to, step.typed); err != nil || a.Status != http.StatusSeeOther {
			return fmt.Errorf("imports: %s was answered with %d: %w", step.to, a.Status, err)
		}
		if err := w.Drain(ctx); err != nil {
			return err
		}
	}
	return nil
}
