package imports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/desktest"
	"loot/store"
)

// inAdvance are customers of whom the system before has invoiced some in advance; the
// import is on 23 November.
const inAdvance = `Client ID;Company;Name;Email;Street;City;Country;Phone;Service;Since;Invoiced until
1;Half Ltd;;half@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;2026-12-15
2;Past Ltd;;past@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;2026-10-31
3;None Ltd;;none@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;
4;Far Ltd;;far@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;2036-11-23
5;Farther Ltd;;farther@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;2036-11-24
6;Soon Ltd;;soon@meadow.example;1 Sample Quay;Dublin;IE;;Hosting;2023-04-01;soon
7;Used Ltd;;used@meadow.example;1 Sample Quay;Dublin;IE;;Server;2023-04-01;2026-12-15
8;Name Ltd;Jo Name;name@meadow.example;1 Sample Quay;Dublin;IE;+353 1 555 0177;Name;2023-04-01;2026-12-15
`

// What the system before has invoiced in advance is not charged again: neither the days
// nor what was used on them.
func TestWhatIsInvoicedInAdvanceIsNotChargedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring(inAdvance)
		leads(t, h.name(path), path+"/products")
		h.products(path, map[string]string{"Hosting": "shared-hosting|shared-small", "Server": "virtual-server|virtual-2", "Name": "domain|domain-year"})
		wants := []string{"16 December 2026", "the day it is taken over", "the day it is taken over", "24 November 2036", "", "", "16 December 2026", "16 December 2026"}
		if got := h.from(path); !slices.Equal(got, wants) {
			t.Errorf("tried: %q", got)
		}
		refusals := h.Get(path + "/rows?is=3")
		shows(t, refusals, http.StatusOK, "Invoiced until (“Invoiced until”): this is more than 10 years ahead", "Invoiced until (“Invoiced until”): this is no day that can be read. It is expected as year, month, day: 2026-11-23.")
		hides(t, refusals, "soon", "2036-11-24", "Charged from")
		h.run(path)
		wants[1], wants[2] = "23 November 2026", "23 November 2026"
		if got := h.from(path); !slices.Equal(got, wants) {
			t.Errorf("taken over: %q", got)
		}

		// Of November the days from the import on are charged, of what is not in advance.
		h.wouldCost("2026-11", "€ 1.31", "€ 1.31")
		server := h.services("virtual-server")[0]
		shows(t, h.Get("/console/billing/services/"+server.Reference), http.StatusOK, "Charged from 16 December 2026")
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(server.Subject)}
		shows(t, h.Get("/portal/services"), http.StatusOK, "invoiced before, charged from 16 December 2026")
		h.Actor = h.clerk
		h.until(time.Date(2026, 12, 28, 9, 0, 0, 0, time.UTC))
		h.use("service,meter,key,at,amount\n" +
			server.Reference + ",traffic,before,2026-12-15T22:00:00Z,5000\n" +
			server.Reference + ",traffic,after,2026-12-16T08:00:00Z,1500\n")
		// Sixteen days of thirty-one: 2.53 of 4.90, and 6.19 of 12.00 with half a thousand
		// beyond what is included. A year begins with the day.
		h.wouldCost("2026-12", "€ 2.53", "€ 4.90", "€ 4.90", "€ 8.19")
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(server.Subject)}
		hides(t, h.Get("/portal/services"), "invoiced before")

		h.Actor = h.clerk
		h.until(time.Date(2027, 12, 28, 9, 0, 0, 0, time.UTC))
		h.wouldCost("2027-12", "€ 4.90", "€ 4.90", "€ 4.90", "€ 12.00", "€ 14.90")
		leads(t, h.Post("/console/billing/run", "month", "2026-12"), "/console/billing/run?month=2026-12")
		h.Drain()
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(server.Subject)}
		list := h.Get("/portal/invoices")
		mine := regexp.MustCompile(`/portal/invoices/[A-Z][^"/]+`).FindString(list.Body)
		shows(t, h.Get(mine), http.StatusOK, "16–31 December 2026 16 days 12.00 per 31", "500 GB 0.004", "8.19")
	})
}

// The first day of the next period is that from which WHMCS and FOSSBilling have not
// invoiced, or the later one if an invoice was written already; of what has ended it does
// not matter.
func TestDumpsSayUntilWhenTheyAreInvoiced(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring(whmcs)
		h.name(path)
		h.products(path, whmcsProducts)
		all := strings.Join(h.from(path), "; ")
		// Customers have rows of their own, and so have their services.
		if want := "; ; ; ; 1 January 2027; ; 8 December 2026; ; ; ; the day it is taken over; ; 20 April 2027; ; ; ; ; the day it is taken over; ; 5 December 2026; ; the day it is taken over; ; ; ; ; ; "; all != want {
			t.Errorf("WHMCS: %q, want %q", all, want)
		}
		shows(t, h.Get(path+"/rows?is=3"), http.StatusOK, "First day not invoiced (“nextduedate”, “nextinvoicedate”): this is more than 10 years ahead")
		h.run(path)
		for service, want := range map[string]string{"virtual-server": "1 January 2027", "shared-hosting": "8 December 2026"} {
			one := h.services(service)
			i := slices.IndexFunc(one, func(s billing.Service) bool { return s.State == billing.Active && s.Charged.After(h.Clock.Now()) })
			shows(t, h.Get("/console/billing/services/"+one[i].Reference), http.StatusOK, "Charged from "+want)
			for _, s := range one {
				desktest.Lacks(t, h.Get("/console/billing/services/"+s.Reference), "2099") // of what has ended
			}
		}
	})
	h := newHouse(t, desktest.One(t))
	path := h.bring(fossbilling)
	h.name(path)
	h.products(path, map[string]string{"Backup space, monthly": "backup"})
	if got := strings.Join(h.from(path), "; "); !strings.Contains(got, "29 November 2026") {
		t.Errorf("FOSSBilling: %q", got)
	}
}

// A row has until when it is invoiced in one column or several, and tells what is wrong
// with each besides its other faults.
func TestColumnsThatSayUntilWhenItIsInvoiced(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(`id,company,email,street,city,country,service,since,ended,Paid to,Next Due Date
1,A Ltd,a@meadow.example,1 Sample Quay,Dublin,IE,backup,2025-01-01,,2026-12-05,2026-12-20
2,B Ltd,b@meadow.example,1 Sample Quay,Dublin,IE,backup,2025-01-01,,2026-12-20,2026-12-20 00:00:00
3,C Ltd,c@meadow.example,1 Sample Quay,Dublin,IE,backup,later,,2026-12-32,2037-01-01
4,D Ltd,d@meadow.example,1 Sample Quay,Dublin,IE,backup,2025-01-01,2026-11-01,2099-12-31,
5,E Ltd,e@meadow.example,1 Sample Quay,Dublin,IE,backup,2025-01-01,2026-12-31,2099-12-31,
`)
	h.name(path)
	if got := strings.Join(h.from(path), "; "); got != "20 December 2026; 21 December 2026; ; ; " {
		t.Errorf("%q", got)
	}
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 3 Here already 0 Refused 2")
	shows(t, h.Get(path+"/rows?is=3"), http.StatusOK, "Day of the order (“since”): this is no day that can be read.", "Invoiced until (“Paid to”): this is no day that can be read.",
		"First day not invoiced (“Next Due Date”): this is more than 10 years ahead")
}

// Programs read what became of each row, and from when on its service is charged.
func TestProgramsReadTheRows(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	call := h.program()
	var state ImportState
	ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodPost, "", "application/json", `{"title":"A picture"}`)), &state))
	call(http.StatusOK, http.MethodPut, "/"+state.ID+"/parts/0", "application/octet-stream", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	if a := call(http.StatusUnprocessableEntity, http.MethodPost, "/"+state.ID+"/mapping", "application/json", `{}`); !strings.Contains(a, "This is a picture, a document or something packed, and no text.") {
		t.Errorf("what is no text: %s", a)
	}
	ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodPost, "", "application/json", `{"title":"Old panel"}`)), &state))
	at := "/" + state.ID
	call(http.StatusOK, http.MethodPut, at+"/parts/0", "application/octet-stream", `id,company,email,street,city,country,service,Invoiced until
1,A Ltd,a@meadow.example,1 Sample Quay,Dublin,IE,backup,2026-12-15
2,B Ltd,b@meadow.example,1 Sample Quay,Dublin,IE,backup,
3,C Ltd,c@meadow.example,1 Sample Quay,Dublin,IE,backup,2036-12-15
`)
	call(http.StatusOK, http.MethodPost, at+"/mapping", "application/json", `{}`)
	h.Drain()
	rows := func(query string) (out string) {
		t.Helper()
		var page struct {
			Rows []importRow
			Next string
		}
		ok(t, json.Unmarshal([]byte(call(http.StatusOK, http.MethodGet, at+"/rows"+query, "", "")), &page))
		for _, r := range page.Rows {
			out += fmt.Sprint(r.Line, " ", r.Kind, " ", r.Is, " ", r.Charged, "; ")
		}
		return out + page.Next
	}
	for query, want := range map[string]string{
		"": "2 customer new 2026-12-16; 3 customer new ; 4 customer refused ; ", "?is=refused": "4 customer refused ; ",
		"?limit=1": "2 customer new 2026-12-16; 0.1", "?limit=1&after=0.1": "3 customer new ; 0.2", "?is=known": "",
	} {
		if got := rows(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	call(http.StatusOK, http.MethodPost, at+"/run", "application/json", "")
	h.Drain()
	if got, want := rows("?is=new"), "2 customer new 2026-12-16; 3 customer new 2026-11-23; "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	call(http.StatusNotFound, http.MethodGet, "/other/rows", "", "")
	h.signed = time.Time{}
	call(http.StatusForbidden, http.MethodGet, at+"/rows", "", "")
}

// from returns from when on each row is, or would be, charged, as its page says; rows of
// services come after those of customers.
func (h *house) from(path string) (out []string) {
	h.Helper()
	page := h.Get(path + "/rows")
	_, body, _ := strings.Cut(page.Body, "<tbody>")
	for row := range strings.SplitSeq(body, "</tr>") {
		_, cell, is := strings.Cut(row, `data-label="Charged from">`)
		if cell, _, _ = strings.Cut(cell, "<"); is || strings.Contains(row, "<th") {
			out = append(out, cell)
		}
	}
	return out
}

// services returns all services of a kind.
func (h *house) services(kind string) (out []billing.Service) {
	h.Helper()
	for _, s := range h.everybody() {
		ok(h, h.Kit.DB.ReadTx(h.Context(), func(tx *store.Tx) error {
			all, err := h.bill.Services(h.Context(), tx, s)
			for _, one := range all {
				if one.Service == kind {
					out = append(out, one)
				}
			}
			return err
		}))
	}
	return out
}

func (h *house) until(at time.Time) { h.Clock.Advance(at.Sub(h.Clock.Now())) }

// use sends a file of use.
func (h *house) use(file string) {
	h.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "use.csv")
	ok(h, err)
	_, err = part.Write([]byte(file))
	ok(h, err)
	ok(h, w.Close())
	leads(h, h.Do(http.MethodPost, "/console/billing/usage", body.String(), http.Header{"Content-Type": {w.FormDataContentType()}}), "/console/billing/usage")
}

// wouldCost compares what customers would be charged for a month.
func (h *house) wouldCost(month string, want ...string) {
	h.Helper()
	leads(h, h.Post("/console/billing/run/preview", "month", month), "/console/billing/run?month="+month)
	h.Drain()
	var got []string
	for _, m := range regexp.MustCompile(`data-label="Without tax">([^<]+)<`).FindAllStringSubmatch(h.Get("/console/billing/run?month="+month).Body, -1) {
		got = append(got, desktest.Text(m[1]))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		h.Errorf("%s: %q, want %q", month, got, want)
	}
}
