package imports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/billing/hook"
	"loot/desk/desktest"
	"loot/desk/imports/source"
	"loot/statement"
	"loot/store"
)

// whmcs is a dump as mysqldump writes it, of a few made-up rows of the tables that
// are read, and of one that is not.
const whmcs = `-- MySQL dump 10.13  Distrib 8.0.36
CREATE TABLE ` + "`tblclients`" + ` (
  ` + "`id` int NOT NULL, `uuid` varchar(255), `firstname` text, `lastname` text, `companyname` text, `email` text, `address1` text, `address2` text, `city` text, `state` text, `postcode` text, `country` text, `phonenumber` text, `tax_id` varchar(128), `password` text, `currency` int, `status` text, `language` text," + `
  PRIMARY KEY (` + "`id`" + `)
);
INSERT INTO ` + "`tblclients`" + ` VALUES (1,'u-1','Jo','O\'Example','Example Meadow Ltd','jo@meadow.example','1 Sample Quay','','Dublin','County Dublin','D02 AF30','IE','+353.15550142','IE1234567T','$2y$10$hash',1,'Active','english'),(2,'u-2','Kim','Sample','','kim@sample.example','2 Sample Quay','','Dublin','','','IE','','','x',2,'Active',''),(3,'u-3','Al','Gone','Gone Ltd','al@gone.example','3 Sample Quay','','Dublin','','','IE','','','x',1,'Closed',''),(4,'u-4','Flo','None','None Ltd','flo@none.example','4 Sample Quay','','Dublin','','','IE','','','x',1,'Active','');
CREATE TABLE ` + "`tblcurrencies` (`id` int, `code` text, `prefix` text);" + `
INSERT INTO ` + "`tblcurrencies`" + ` VALUES (1,'EUR','€'),(2,'JPY','¥');
CREATE TABLE ` + "`tblproducts` (`id` int, `type` text, `gid` int, `name` text);" + `
INSERT INTO ` + "`tblproducts`" + ` VALUES (7,'server',1,'VPS Two; cheap'),(8,'hostingaccount',1,'Shared hosting');
CREATE TABLE ` + "`tblhosting` (`id` int, `userid` int, `orderid` int, `packageid` int, `server` int, `regdate` date, `domain` text, `amount` decimal(16,2), `nextduedate` date, `nextinvoicedate` date, `termination_date` date, `domainstatus` text, `password` text, `billingcycle` text);" + `
INSERT INTO ` + "`tblhosting`" + ` VALUES (11,1,1,7,1,'2023-04-01','a.example',12.00,'2026-12-01','2027-01-01','0000-00-00','Active','secret','Monthly'),(12,1,2,8,1,'2024-05-01','b.example',4.90,'2099-12-31','2099-12-31','2026-11-01','Terminated','x','Monthly'),(13,2,3,8,1,'2025-01-31','c.example',4.90,'2026-12-08','2026-12-08','0000-00-00','Active','x','Monthly'),(14,3,4,8,1,'2019-01-01','d.example',4.90,'2020-01-01','2020-01-01','2020-01-01','Cancelled','x','Monthly'),(15,4,5,8,1,'2026-01-01','e.example',4.90,'2026-12-01','2026-12-01','0000-00-00','Pending','x','Monthly'),(16,1,6,8,1,'2026-01-01','f.example',4.90,'2026-12-01','2026-12-01','0000-00-00','Cancelled','x','Monthly'),(17,1,7,8,1,'2026-01-01','g.example',0.00,'0000-00-00','0000-00-00','0000-00-00','Active','x','Free Account'),(18,1,8,8,1,'2026-01-01','h.example',4.90,'2036-12-01','2036-12-01','0000-00-00','Active','x','Monthly');
CREATE TABLE ` + "`tbldomains` (`id` int, `userid` int, `orderid` int, `type` enum('Register','Transfer'), `registrationdate` date, `domain` text, `firstpaymentamount` decimal(16,2), `recurringamount` decimal(16,2), `registrar` text, `registrationperiod` int, `expirydate` date, `status` text, `nextduedate` date, `nextinvoicedate` date, `donotrenew` tinyint);" + `
INSERT INTO ` + "`tbldomains`" + ` VALUES (11,1,1,'Register','2022-05-01','Meadow.example',9.00,9.00,'x',1,'2027-05-01','Active','2027-04-20','2027-04-20',0),(12,1,1,'Register','2022-05-01','gone.example',9.00,9.00,'x',1,'2027-05-01','Transferred Away','2027-05-01','2027-05-01',0),(13,1,1,'Register','2022-05-01','old.example.',9.00,9.00,'x',2,'2026-09-15','Expired','2026-09-15','2026-09-15',0),(14,1,1,'Transfer','2026-11-01','new.example',9.00,9.00,'x',1,NULL,'Pending Transfer','2026-11-01','2026-11-01',0),(15,1,1,'Register','2022-05-01','late.example',9.00,9.00,'x',1,'2026-10-01','Redemption','2026-10-01','2026-10-01',0),(16,1,1,'Register','2022-05-01','meadow.co.example',9.00,9.00,'x',1,'2026-11-10','Grace','2026-11-10','2026-11-10',0),(17,3,1,'Register','2022-05-01','al.net.example',9.00,9.00,'x',1,'2027-05-01','Active','2027-05-01','2027-05-01',0);
CREATE TABLE ` + "`tbladdons` (`id` int, `packages` text, `name` text);" + `
INSERT INTO ` + "`tbladdons`" + ` VALUES (7,'7,8','Nightly copies');
CREATE TABLE ` + "`tblhostingaddons` (`id` int, `orderid` int, `hostingid` int, `addonid` int, `userid` int, `server` int, `name` text, `setupfee` decimal(16,2), `recurring` decimal(16,2), `billingcycle` text, `tax` text, `status` text, `regdate` date, `nextduedate` date, `nextinvoicedate` date, `termination_date` date, `notes` text);" + `
INSERT INTO ` + "`tblhostingaddons`" + ` VALUES (11,1,11,7,1,0,'',0.00,3.00,'Monthly','','Active','2023-04-01','2026-12-05','2026-12-05','0000-00-00','x'),(12,1,11,0,1,0,'Made for Jo',0.00,3.00,'Monthly','','Cancelled','2023-04-01','2026-12-05','2026-12-05','2026-09-01','x'),(13,3,13,7,2,0,'Copies, as agreed',0.00,3.00,'One Time','','Suspended','2025-02-01','0000-00-00','0000-00-00','0000-00-00','x');
CREATE TABLE ` + "`tblinvoices` (`id` int, `userid` int, `invoicenum` text, `date` date, `duedate` date, `datepaid` datetime, `subtotal` decimal(16,2), `credit` decimal(16,2), `tax` decimal(16,2), `tax2` decimal(16,2), `total` decimal(16,2), `status` text, `notes` text);" + `
INSERT INTO ` + "`tblinvoices`" + ` VALUES (101,1,'INV-2025-7','2025-10-01','2025-10-15','2025-10-03 10:00:00',12.00,0.00,2.76,0.00,14.76,'Paid',NULL),(102,2,'','2026-02-28','2026-03-14',NULL,1000.00,0.00,100.00,0.00,1100.00,'Unpaid','x'),(103,1,'','2018-01-01','2018-01-15',NULL,5.00,0.00,0.00,0.00,5.00,'Paid',NULL),(104,3,'','2025-01-01','2025-01-15',NULL,5.00,0.00,0.00,0.00,5.00,'Paid',NULL),(105,1,'','2026-01-01','2026-01-15',NULL,99999999999999999999.00,0.00,0.00,0.00,99999999999999999999.00,'Paid',NULL),(106,1,'','2026-01-01','2026-01-15',NULL,5.00,0,0,0,5.00,'Draft',NULL);
CREATE TABLE ` + "`tblinvoiceitems` (`id` int, `invoiceid` int, `userid` int, `type` text, `relid` int, `description` text, `amount` decimal(16,2), `taxed` int);" + `
INSERT INTO ` + "`tblinvoiceitems`" + ` VALUES (1,101,1,'Hosting',11,'VPS Two - a.example\n(01/10/2025 - 31/10/2025)',12.00,1),(2,102,2,'Hosting',13,'Shared hosting',1000.00,1);
`

// whmcsProducts are what its products are here.
var whmcsProducts = map[string]string{
	"VPS Two; cheap, monthly": "virtual-server|virtual-2", "Shared hosting, monthly": "shared-hosting", "Shared hosting, Free Account": "shared-hosting",
	"Domain name .example, yearly": "domain|domain-year", "Domain name .example, every 2 years": "domain|domain-year", "Domain name .co.example, yearly": "domain",
	"Domain name .net.example, yearly": leftOut,
	"Add-on: Nightly copies, monthly":  "backup", "Add-on: Nightly copies, One Time": "backup", "Add-on: Made for Jo, monthly": "backup",
}

// fossbilling is a dump as phpMyAdmin writes it as JSON.
const fossbilling = `[{"type":"header","version":"5.2.1"},{"type":"database","name":"foss"},
{"type":"table","name":"client","data":[{"id":"1","email":"jo@meadow.example","first_name":"Jo","last_name":"Example","company":"Example Meadow Ltd","company_vat":"IE1234567T","phone_cc":"353","phone":"015550142","address_1":"1 Sample Quay","address_2":null,"city":"Dublin","state":"County Dublin","postcode":"D02 AF30","country":"IE","lang":"en_US","pass":"x"}]},
{"type":"table","name":"client_order","data":[{"id":"5","client_id":"1","title":"Backup space","status":"active","activated_at":"2024-02-29 10:00:00","expires_at":"2026-11-29 10:00:00","period":"1M","price":"3.00","quantity":"2","currency":"USD","canceled_at":null},{"id":"6","client_id":"1","title":"Backup space","status":"pending_setup","activated_at":null,"expires_at":null,"period":"1M","canceled_at":null}]},
{"type":"table","name":"invoice","data":[{"id":"9","client_id":"1","serie":"FOSS","nr":"00012","currency":"EUR","taxrate":"23","status":"paid","created_at":"2025-03-31 23:59:59","due_at":"2025-04-14 00:00:00","buyer_company":"Example Meadow Ltd","buyer_address":"1 Sample Quay","buyer_city":"Dublin","buyer_state":"County Dublin"}]},
{"type":"table","name":"invoice_item","data":[{"id":"1","invoice_id":"9","title":"Backup space","quantity":"3","price":"3.35","taxed":"1"},{"id":"2","invoice_id":"9","title":"Set-up","quantity":"1","price":"1.00","taxed":"0"}]}]`

// products maps every product that is asked about.
func (h *house) products(path string, to map[string]string, form ...string) {
	h.Helper()
	page := h.Get(path + "/products")
	for _, m := range regexp.MustCompile(`for="f-(product\.\d+)">([^<]*)<`).FindAllStringSubmatch(page.Body, -1) {
		form = append(form, m[1], to[m[2]])
	}
	leads(h, h.Post(path+"/products", form...), path)
	h.Drain()
}

// Customers come with their services, and their invoices are kept as they were.
func TestDumpOfWHMCS(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring(whmcs)
		shows(t, h.Get(path), http.StatusOK, "Dump as SQL", "From WHMCS", "Rows of customers 4", "Rows of services 8", "Rows of domain names 7", "Rows of add-ons 3", "Rows of invoices 6")
		leads(t, h.name(path), path+"/products")
		shows(t, h.Get(path+"/products"), http.StatusOK, slices.Collect(maps.Keys(whmcsProducts))...)
		hides(t, h.Get(path+"/products"), "Meadow.example", "al.net", "as agreed")
		h.products(path, whmcsProducts)
		const counts = "15 Here already 0 Refused 13"
		shows(t, h.Get(path), http.StatusOK, "Would be taken over "+counts)
		why := h.Get(path + "/rows?is=3")
		shows(t, why, http.StatusOK, "No service that is taken over is theirs", "It never began", "It ended so long ago", "It has ended, and it is not said when",
			"Its product is left out", "the law wants it kept no longer", "Its customer was not taken over", "An amount cannot be read, is larger than can be kept", "It is a draft")
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "done", "Taken over "+counts)
		if n := len(h.everybody()); n != 2 {
			t.Fatalf("%d customers", n)
		}

		// The portal and the console show the invoices of the system before.
		list := h.Get("/console/billing/before")
		shows(t, list, http.StatusOK, "INV-2025-7", "14.76", "JPY 1,100", "WHMCS", "28 February 2032")
		at := regexp.MustCompile(`/console/billing/before/[^"]+`).FindString(list.Body)
		shows(t, h.Post(at), http.StatusUnprocessableEntity, "Please fill this in")
		shows(t, h.Post(at, "reason", "Ticket 7"), http.StatusOK, "Written to", "Shared hosting", "JPY 1,000")
		var owner loot.Subject
		for _, s := range h.everybody() {
			h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
			if page := h.Get("/portal/invoices/before"); strings.Contains(page.Body, "INV-2025-7") {
				owner = s
				mine := regexp.MustCompile(`/portal/invoices/before/[^"]+`).FindString(page.Body)
				shows(t, h.Get(mine), http.StatusOK, "Example Meadow Ltd", "County Dublin", "VPS Two - a.example", "As it stood in WHMCS")
				shows(t, h.Get("/portal/invoices"), http.StatusOK, "From the system before")
				shows(t, h.Get(strings.Replace(at, "console/billing", "portal/invoices", 1)), http.StatusNotFound, "no such invoice")
			}
		}
		if about := h.held(owner)["contact.phone"]; about.At.IsZero() {
			t.Error("the telephone number is not held")
		}
		if about := h.held(owner)["address.region"]; about.At.IsZero() {
			t.Error("the state is not held")
		}

		// Again adds nothing.
		h.Actor = h.clerk
		again := h.bring(whmcs)
		h.name(again)
		h.products(again, whmcsProducts)
		h.run(again)
		shows(t, h.Get(again), http.StatusOK, "Taken over 0 Here already 15 Refused 13")
	})
}

// A domain name, an add-on and a hosting of one id are three services, each as its system
// says; a refused one comes back under its own id.
func TestDomainNamesAndAddOnsOfWHMCS(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(whmcs)
	h.name(path)
	h.products(path, map[string]string{"Domain name .example, yearly": "domain|domain-year", "Add-on: Nightly copies, monthly": "backup|backup-500"})
	rows := h.Get(path + "/rows?is=4")
	shows(t, rows, http.StatusOK, "Price for each cycle (“recurringamount”): € 9.00 a year. Its plan: € 14.90 a year.", "Price for each cycle (“recurring”): € 3.00 a month. Its plan: € 5.00 a month.")
	shows(t, h.Get(path+"/rows"), http.StatusOK, "Line 1 service", "Line 1 domain name", "Line 1 add-on")
	h.name(path)
	h.products(path, whmcsProducts)
	h.run(path)
	for kind, want := range map[string]string{
		"domain":         "; domain-year; domain-year to 2026-09-15; domain-year to 2026-10-01",
		"backup":         "; ; to 2026-09-01",
		"virtual-server": "virtual-2",
	} {
		var got []string
		for _, s := range h.services(kind) {
			one := s.PlanID
			if !s.Ended.IsZero() {
				one += " to " + s.Ended.Format(time.DateOnly)
			}
			got = append(got, strings.TrimSpace(one))
		}
		slices.Sort(got)
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("%s: %q, want %q", kind, all, want)
		}
	}
	why := h.Get(path + "/rows?is=3")
	if n := strings.Count(text(why.Body), "It has ended, and it is not said when"); n != 2 {
		t.Errorf("%d services ended nobody knows when, want that of a hosting and of a name that is elsewhere", n)
	}
	report := h.Post(path + "/refused")
	if !strings.Contains(report.Body, "\ndomain-12,1,") || !strings.Contains(report.Body, "\n18,1,8,8,") {
		t.Errorf("the report: %s", report.Body)
	}

	// Corrected, it is taken over; what was taken over by the dump is not again.
	path = h.bring("id,userid,product,registrationdate,expirydate,status\ndomain-12,1,Names,2022-05-01,2026-10-31,Transferred Away\ndomain-11,1,Names,2022-05-01,,Active\naddon-11,1,Names,2022-05-01,,Active\n")
	leads(t, h.name(path, columnName("", 4), rowEnded, "system", "WHMCS"), path+"/products")
	h.products(path, map[string]string{"Names": "domain|domain-year"})
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 1 Here already 2 Refused 0")
}

// Where the product of domain names is another column than their names, they keep them.
func TestDomainNamesAreCalledSoWhateverTheirProductIs(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(whmcs)
	leads(t, h.name(path, columnName("tbldomains", 3), rowService, columnName("tbldomains", 5), ""), path+"/products")
	h.products(path, map[string]string{"Register, yearly": "domain", "VPS Two; cheap, monthly": "virtual-server"})
	h.run(path)
	if got := h.names("Domain name"); !slices.Equal(got, []string{"al.net.example", "meadow.co.example", "meadow.example"}) {
		t.Errorf("the names are called %q", got)
	}
}

// A domain name that does not say for how many years it is registered has no cycle.
func TestADomainNameWithoutYearsHasNoCycle(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(strings.Replace(whmcs, "9.00,9.00,'x',1,", "9.00,9.00,'x',NULL,", 1))
	h.name(path)
	if _, is := h.suggested(path)["Domain name .example"]; !is {
		t.Errorf("the products are %q", h.suggested(path))
	}
}

// Services of one kind are told apart by their domain names, which are sealed as addresses
// are: their owner sees them, and colleagues who say what for.
func TestServicesAreToldApartByTheirNames(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring(strings.Replace(whmcs, "'b.example',4.90,'2099-12-31','2099-12-31','2026-11-01','Terminated'", "'B.Example.',4.90,'2026-12-01','2026-12-01','0000-00-00','Active'", 1))
		h.name(path)
		h.products(path, whmcsProducts)
		h.run(path)
		owner, reference := loot.Subject(""), ""
		for _, s := range h.services("shared-hosting") {
			h.Actor = loot.Actor{Kind: loot.Person, ID: string(s.Subject)}
			page := h.Get("/portal/services")
			if !strings.Contains(page.Body, "Shared hosting, b.example") {
				continue
			}
			owner = s.Subject
			shows(t, page, http.StatusOK, "Shared hosting, g.example", "Virtual server, a.example", "Domain name, meadow.example", "Domain name, meadow.co.example", "a.example from 1 Apr 2023")
			hides(t, page, "old.example", "late.example") // which have ended
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				copied, err := h.bill.Desk().Export(ctx, tx, owner)
				if raw, _ := json.Marshal(copied); !strings.Contains(string(raw), `"a.example"`) {
					t.Errorf("the copy has no name: %s", raw)
				}
				return err
			})
			reference = s.Reference
			break
		}
		if owner == "" {
			t.Fatal("nobody sees the name of their service")
		}
		h.Actor = h.clerk
		h.Actor.Roles = []loot.Role{"support"}
		at := "/console/billing/services/" + reference + "/addresses"
		hides(t, h.Get(at), ".example<")
		opened := h.Post(at+"/open", "purpose", "support", "reason", "Ticket 7", "reveal", "on")
		if n := strings.Count(opened.Body, ".example<"); n != 1 {
			t.Errorf("%d names are opened of one service: %s", n, text(opened.Body))
		}
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, owner, "connection", "", 100)
			collected := 0
			for _, item := range items {
				if item.Facts.Action == loot.Collect {
					collected++
				}
			}
			if collected != 5 {
				t.Errorf("%d names are on the ledger, want 5", collected)
			}
			return err
		})
	})
}

// What stands in the column of names and is none is left out, and the row says so.
func TestWhatIsNoNameIsLeftOut(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,street,city,country,service,domain\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup,the small one\n2,Quay Ltd,q@quay.example,1 Sample Quay,Dublin,IE,backup,192.0.2.7\n3,Moor Ltd,o@moor.example,1 Sample Quay,Dublin,IE,backup,Bücher.example\n")
	h.name(path)
	h.run(path)
	page := h.Get(path + "/rows")
	shows(t, page, http.StatusOK, "Without its name. Domain name of the service (“domain”): this is none.")
	if n := strings.Count(page.Body, "Without its name."); n != 2 {
		t.Errorf("%d rows are without their name, want 2", n)
	}
	named := 0
	for _, s := range h.everybody() {
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		if strings.Contains(h.Get("/portal/services").Body, "Backup space, bücher.example") {
			named++
		}
	}
	if named != 1 {
		t.Errorf("%d services have a name", named)
	}

	// A service of somebody who is here already has its name, too.
	h.Actor = h.clerk
	path = h.bring("id,userid,product,domain\n9,1,backup,more.example\n")
	h.name(path)
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 1")
	for _, s := range h.everybody() {
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		if strings.Contains(h.Get("/portal/services").Body, "Backup space, more.example") {
			return
		}
	}
	t.Error("the further service has no name")
}

// A name that the statement has no room for is left out, and the row says so.
func TestANameIsAsLongAsTheStatementLetsItBe(t *testing.T) {
	t.Parallel()
	const limit, field = "    max: 253\n    identifying: true\n", "\n  connection.address:\n"
	src := string(statement.Default())
	for name, of := range map[string]struct {
		part, by string
		says     string
		want     []string
	}{
		"none":  {field, "\n  connection.other:\n", "Domain name of the service (“domain”): the statement in force keeps none.", nil},
		"short": {limit, strings.Replace(limit, "253", "14", 1), "Domain name of the service (“domain”): this is longer than the 14 characters that the statement in force allows.", []string{"bücher.example"}},
		"any":   {limit, strings.Replace(limit, "    max: 253\n", "", 1), "", []string{"bücher.example", "longer.meadow.example"}},
	} {
		if strings.Count(src, of.part) != 1 {
			t.Fatalf("the statement has not one %q", of.part)
		}
		by := desktest.Parse(t, []byte(strings.Replace(src, of.part, of.by, 1)))
		t.Run(name, func(t *testing.T) {
			desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
				h := newHouseBy(t, db, by)
				path := h.bring("id,company,email,street,city,country,service,domain\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup,longer.meadow.example\n2,Quay Ltd,q@quay.example,1 Sample Quay,Dublin,IE,backup,bücher.example\n")
				h.name(path)
				rows := h.Get(path + "/rows")
				if n := strings.Count(text(rows.Body), "Without its name. "); n != 2-len(of.want) {
					t.Errorf("%d rows are without their name", n)
				}
				shows(t, rows, http.StatusOK, of.says)
				h.run(path)
				shows(t, h.Get(path+"/rows"), http.StatusOK, of.says)
				if got := h.names("Backup space"); !slices.Equal(got, of.want) {
					t.Errorf("the services are called %q, want %q", got, of.want)
				}
			})
		})
	}
}

// A service that has ended gets no name, and nobody a key for it.
func TestWhatHasEndedHasNoName(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		path := h.bring("id,company,email,street,city,country,service,domain,since,ended\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup,meadow.example,2025-11-01,2026-11-01\n2,Quay Ltd,q@quay.example,1 Sample Quay,Dublin,IE,backup,quay.example,2025-11-01,\n3,Moor Ltd,o@moor.example,1 Sample Quay,Dublin,IE,backup,the small one,2025-11-01,2026-11-01\n")
		h.name(path)
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "Taken over 3")
		hides(t, h.Get(path+"/rows"), "Without its name.")
		if keys, names := h.keysForNames(), h.names("Backup space"); keys != 1 || !slices.Equal(names, []string{"quay.example"}) {
			t.Errorf("%d people have a key for names of services, which are %q", keys, names)
		}
	})
}

// Of several columns of names a service has the first that is one.
func TestAServiceHasTheFirstOfSeveralNames(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,street,city,country,service,domain,hostname\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup,meadow.example,web.meadow.example\n2,Quay Ltd,q@quay.example,1 Sample Quay,Dublin,IE,backup,none yet,web.quay.example\n3,Moor Ltd,o@moor.example,1 Sample Quay,Dublin,IE,backup,moor.example,the small one\n")
	h.name(path)
	h.run(path)
	hides(t, h.Get(path+"/rows"), "Without its name.")
	if got := h.names("Backup space"); !slices.Equal(got, []string{"meadow.example", "moor.example", "web.quay.example"}) {
		t.Errorf("the services are called %q", got)
	}
}

// A provisioning system is told of the names that services come with, as of those that end
// with them, and not what they are.
func TestAProvisioningSystemIsToldOfNames(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		told := make(chan string, 10)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			told <- string(body)
		}))
		t.Cleanup(server.Close)
		h.bill.Tell(hook.NewSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
		h.Actor.Roles = []loot.Role{"administrator"}
		shows(t, h.Post("/console/billing/webhooks", "url", server.URL, "events", "address.assigned", "events", "address.released"), http.StatusOK)
		h.Actor = h.clerk
		path := h.bring("id,company,email,street,city,country,service,domain\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup,meadow.example\n2,Quay Ltd,q@quay.example,1 Sample Quay,Dublin,IE,backup,\n")
		h.name(path)
		h.run(path)
		said := func() (out struct {
			Type string
			Data struct{ Service, Customer, Address string }
		},
		) {
			t.Helper()
			if len(told) != 1 {
				t.Fatalf("told %d times", len(told))
			}
			body := <-told
			ok(t, json.Unmarshal([]byte(body), &out))
			if strings.Contains(body, "meadow") {
				t.Errorf("the message has the name: %s", body)
			}
			return out
		}
		assigned := said()
		if assigned.Type != "address.assigned" || assigned.Data.Address == "" {
			t.Fatalf("told %+v", assigned)
		}
		h.Actor = loot.Actor{Kind: loot.Person, ID: assigned.Data.Customer}
		leads(t, h.Post("/portal/services/"+assigned.Data.Service+"/end"), "/portal/services")
		h.Drain()
		if released := said(); released.Type != "address.released" || released.Data != assigned.Data {
			t.Errorf("told %+v, and before %+v", released, assigned)
		}
	})
}

// names returns what services of a kind are called for their customers.
func (h *house) names(kind string) (out []string) {
	h.Helper()
	for _, s := range h.everybody() {
		h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
		for _, m := range regexp.MustCompile(kind+`, (\S+)`).FindAllStringSubmatch(text(h.Get("/portal/services").Body), -1) {
			out = append(out, m[1])
		}
	}
	h.Actor = h.clerk
	slices.Sort(out)
	return slices.Compact(out)
}

// Who was taken over when domain names were not read gets theirs by the same dump, and a
// mapping that was remembered then is of use for it.
func TestDomainNamesComeAfterTheirCustomers(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	before, rest, _ := strings.Cut(whmcs, "CREATE TABLE `tbldomains`")
	_, after, _ := strings.Cut(rest, "CREATE TABLE `tblinvoices`")
	path := h.bring(before + "CREATE TABLE `tblinvoices`" + after)
	h.name(path, "remember", "Old panel", "dates", "dmy")
	h.products(path, whmcsProducts)
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 8 Here already 0 Refused 10")
	path = h.bring(whmcs)
	page := h.Get(path + "/columns?as=Old+panel").Body
	for _, want := range []string{`name="column.tbldomains.0"`, `name="dates"`} {
		_, field, _ := strings.Cut(page, want)
		field, _, _ = strings.Cut(field, "</select>")
		if !strings.Contains(field, `value="row.id" selected`) && !strings.Contains(field, `value="dmy" selected`) {
			t.Errorf("%s: %s", want, field)
		}
	}
	h.name(path)
	h.products(path, whmcsProducts)
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 7 Here already 8 Refused 13")
	if n := len(h.services("domain")); n != 4 {
		t.Errorf("%d domain names are here", n)
	}
}

// A product of FOSSBilling is known by the name that it has in the catalogue, and a domain
// name by its ending, though orders are titled after what somebody called theirs.
func TestProductsOfFOSSBilling(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring(strings.Replace(fossbilling, `{"type":"table","name":"client_order","data":[`, `{"type":"table","name":"product","data":[{"id":"3","title":"Hosting S"}]},
{"type":"table","name":"service_domain","data":[{"id":"4","client_id":"1","sld":"meadow","tld":".Example","contact_email":"jo@meadow.example"}]},
{"type":"table","name":"service_hosting","data":[{"id":"2","client_id":"1","sld":"shop","tld":".meadow.example","username":"u","pass":"p"},{"id":"3","client_id":"1","sld":null,"tld":null,"username":"v","pass":"p"}]},
{"type":"table","name":"client_order","data":[
{"id":"7","client_id":"1","product_id":"1","title":"Domain meadow.example registration","service_type":"domain","service_id":"4","status":"active","activated_at":"2024-03-01 10:00:00","expires_at":"2027-03-01 10:00:00","period":"1Y","canceled_at":null},
{"id":"8","client_id":"1","product_id":"1","title":"Domain late.example transfer","service_type":"domain","service_id":null,"status":"pending_setup","activated_at":null,"expires_at":null,"period":"1Y","canceled_at":null},
{"id":"9","client_id":"1","product_id":"3","title":"Hosting S for meadow.example","service_type":"hosting","service_id":"2","status":"active","activated_at":"2024-03-01 10:00:00","expires_at":"2026-12-01 10:00:00","period":"1M","canceled_at":null},
{"id":"10","client_id":"1","product_id":"3","title":"Hosting S","service_type":"hosting","service_id":"3","status":"active","activated_at":"2024-03-01 10:00:00","expires_at":"2026-12-02 10:00:00","period":"1M","canceled_at":null},`, 1))
	leads(t, h.name(path), path+"/products")
	page := h.Get(path + "/products")
	shows(t, page, http.StatusOK, "Backup space, monthly", "Domain name .example, yearly", "Domain name, yearly", "Hosting S, monthly")
	hides(t, page, "meadow", "late.example")
	h.products(path, map[string]string{"Backup space, monthly": "backup", "Domain name .example, yearly": "domain|domain-year", "Domain name, yearly": "domain", "Hosting S, monthly": "shared-hosting"})
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 6 Here already 0 Refused 2")
	hides(t, h.Get(path+"/rows"), "Without its name.") // of hosting that has none
	j := &judge{r: &run{Mapping: Mapping{Columns: map[string]map[string]string{"client_order": {"title": rowService}}, Products: map[string]string{"Hosting S for a.example": "shared-hosting"}}}, side: side{products: map[string]string{"3": "Hosting S"}}}
	for title, want := range map[string]string{"Hosting S for a.example": "Hosting S for a.example", "Hosting S for b.example": "Hosting S"} { // the one of a mapping that was remembered
		if got := j.values(&source.Row{Table: "client_order", Columns: []string{"title", "product_id"}, Cells: []string{title, "3"}})[rowService]; got != want {
			t.Errorf("%s is the product %q", title, got)
		}
	}
	h.Actor = loot.Actor{Kind: loot.Person, ID: string(h.everybody()[0])}
	shows(t, h.Get("/portal/services"), http.StatusOK, "Shared hosting, shop.meadow.example", "Domain name, meadow.example")
	h.Actor = h.clerk
	if got := strings.Join(h.from(path), "; "); !strings.Contains(got, "1 March 2027; ; 1 December 2026; 2 December 2026; 29 November 2026") {
		t.Errorf("charged from %q", got)
	}
}

// Sums that a system does not write down are worked out.
func TestDumpOfFOSSBilling(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	path := h.bring(fossbilling)
	shows(t, h.Get(path), http.StatusOK, "Dump as JSON", "From FOSSBilling")
	h.name(path)
	h.products(path, map[string]string{"Backup space, monthly": "backup|backup-500"})
	shows(t, h.Get(path+"/rows?is=4"), http.StatusOK, "Price for each cycle (“price”): $ 6.00 a month. Its plan: € 5.00 a month. It is charged by the plan.")
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 3 Here already 0 Refused 1")
	at := regexp.MustCompile(`/console/billing/before/[^"]+`).FindString(h.Get("/console/billing/before").Body)
	shows(t, h.Post(at, "reason", "Ticket 7"), http.StatusOK, "FOSS00012", "Without tax € 11.05", "Tax € 2.31", "Total € 13.36", "31 March 2025", "Example Meadow Ltd", "County Dublin")
	if about := h.held(h.everybody()[0])["address.region"]; about.At.IsZero() {
		t.Error("the state is not held")
	}
}

// What belongs to somebody who is a customer here already goes to them, and the
// dry run says so.
func TestDumpOfSomebodyWhoIsHere(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	s, _ := h.Customer("customer", "service", map[loot.Field]string{"contact.email": "jo@meadow.example"})
	path := h.bring(fossbilling)
	h.name(path)
	h.products(path, map[string]string{"Backup space, monthly": "backup"})
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 2 Here already 1 Refused 1")
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 2 Here already 1 Refused 1")
	if all := h.everybody(); len(all) != 1 || all[0] != s {
		t.Errorf("there are %v, not only %s", all, s)
	}
}

// Invoices of CSV find customers who were taken over before, and one that was
// erased since does not come back.
func TestInvoicesAsCSV(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	path := h.bring("id,company,email,street,city,country,service\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup\n")
	h.name(path)
	h.run(path)
	file := "Invoice number,Customer ID,Date,Total,Tax,Currency,Description,To\n"
	for n, total := range []string{"12,50", "0.1", "1e3", "12.505", "-3.00", "9999999999999999999999"} {
		file += fmt.Sprintf("%d,1,28.02.2026,%q,0,EUR,=SUM(A1),\n", n, total)
	}
	file += "7,2,28.02.2026,1.00,0,EUR,x,\n8,1,30.02.2026,1.00,0,EUR,x,\n9,1,28.02.2026,1.00,0,XXQ,x,\n"
	file += "10,1,28.02.2026,1.00,0,EUR,x," + strings.Repeat("<", mostInvoice) + "\n"
	path = h.bring(file)
	h.name(path, columnName("", 7), rowParty)
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 3 Here already 0 Refused 7")
	h.run(path)
	owner := h.everybody()[0]
	h.Tx(func(ctx context.Context, tx *store.Tx) error {
		copied, err := h.desk.export(ctx, tx, owner)
		if got := fmt.Sprintf("%+v", copied); got != "map[taken_over:{Record:true Orders:[] Invoices:3}]" {
			t.Errorf("the copy of what is held says %s", got)
		}
		return err
	})
	shows(t, h.Get("/console/billing/before"), http.StatusOK, "€ 12.50", "€ 0.10", "−€ 3.00")
}

// Sums that stand in several columns are added up.
func TestSumsInSeveralColumnsAreAddedUp(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,street,city,country,service\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup\n")
	h.name(path)
	h.run(path)
	path = h.bring("Invoice number,Customer ID,Date,Net,Other net,Tax,Total,Other total,Currency\n1,1,28.02.2026,10.00,2.50,0.5,10.40,2.60,EUR\n")
	h.name(path, columnName("", 4), rowNet, columnName("", 7), rowTotal)
	h.run(path)
	at := regexp.MustCompile(`/console/billing/before/[^"]+`).FindString(h.Get("/console/billing/before").Body)
	shows(t, h.Post(at, "reason", "Ticket 7"), http.StatusOK, "Without tax € 12.50", "Tax € 0.50", "Total € 13.00")
}

// An invoice tells all of its faults at once, and of a day how the file has it.
func TestAnInvoiceTellsAllItsFaults(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("id,company,email,street,city,country,service\n1,Meadow Ltd,m@meadow.example,1 Sample Quay,Dublin,IE,backup\n")
	h.name(path)
	h.run(path)
	path = h.bring("Invoice number,Customer ID,Date,Due,Total,Tax,Currency,Description\n1,1,soon,later,much,0,EUR,x\n2,1,,28.02.2026,1.00,0,EUR,x\n3,1,28.02.2026,30.02.2026,1.00,0,EUR,x\n")
	h.name(path, "dates", "dmy")
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 0 Here already 0 Refused 3")
	rows := h.Get(path + "/rows?is=3")
	const form = ": this is no day that can be read. It is expected as day, month, year: 23.11.2026."
	shows(t, rows, http.StatusOK, "Day of issue (“Date”)"+form+" Due on (“Due”)"+form+" An amount cannot be read", "Day of issue (“Date”): this is missing.")
	hides(t, rows, "soon", "much")
}

// A service that a dump has as two customers' is the first one's, and the other one is
// refused who has none besides.
func TestAServiceOfTwoCustomers(t *testing.T) {
	h := newHouse(t, onlyOne(t))
	path := h.bring("CREATE TABLE `tblclients` (`id` int, `companyname` text, `email` text, `address1` text, `city` text, `country` text);\n" +
		"INSERT INTO `tblclients` VALUES (1,'A Ltd','a@meadow.example','1 Sample Quay','Dublin','IE'),(2,'B Ltd','b@meadow.example','1 Sample Quay','Dublin','IE');\n" +
		"CREATE TABLE `tblhosting` (`id` int, `userid` int, `packageid` text, `regdate` date, `domainstatus` text);\n" +
		"INSERT INTO `tblhosting` VALUES (11,1,'backup','2023-04-01','Active'),(11,2,'backup','2023-04-01','Active');\n")
	h.name(path)
	shows(t, h.Get(path), http.StatusOK, "Would be taken over 2 Here already 1 Refused 1")
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 2 Here already 1 Refused 1")
	shows(t, h.Get(path+"/rows?is=3"), http.StatusOK, "Each of their services is somebody else's.")
}
