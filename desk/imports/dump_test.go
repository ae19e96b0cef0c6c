package imports

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/store"
)

// whmcs is a dump as mysqldump writes it, of a few made-up rows of the tables that
// are read, and of one that is not.
const whmcs = `-- MySQL dump 10.13  Distrib 8.0.36
CREATE TABLE ` + "`tblclients`" + ` (
  ` + "`id` int NOT NULL, `uuid` varchar(255), `firstname` text, `lastname` text, `companyname` text, `email` text, `address1` text, `address2` text, `city` text, `state` text, `postcode` text, `country` text, `phonenumber` text, `tax_id` varchar(128), `password` text, `currency` int, `status` text, `language` text," + `
  PRIMARY KEY (` + "`id`" + `)
);
INSERT INTO ` + "`tblclients`" + ` VALUES (1,'u-1','Jo','O\'Example','Example Meadow Ltd','jo@meadow.example','1 Sample Quay','','Dublin','','D02 AF30','IE','+353.15550142','IE1234567T','$2y$10$hash',1,'Active','english'),(2,'u-2','Kim','Sample','','kim@sample.example','2 Sample Quay','','Dublin','','','IE','','','x',2,'Active',''),(3,'u-3','Al','Gone','Gone Ltd','al@gone.example','3 Sample Quay','','Dublin','','','IE','','','x',1,'Closed',''),(4,'u-4','Flo','None','None Ltd','flo@none.example','4 Sample Quay','','Dublin','','','IE','','','x',1,'Active','');
CREATE TABLE ` + "`tblcurrencies` (`id` int, `code` text, `prefix` text);" + `
INSERT INTO ` + "`tblcurrencies`" + ` VALUES (1,'EUR','€'),(2,'JPY','¥');
CREATE TABLE ` + "`tblproducts` (`id` int, `type` text, `gid` int, `name` text);" + `
INSERT INTO ` + "`tblproducts`" + ` VALUES (7,'server',1,'VPS Two; cheap'),(8,'hostingaccount',1,'Shared hosting');
CREATE TABLE ` + "`tblhosting` (`id` int, `userid` int, `orderid` int, `packageid` int, `server` int, `regdate` date, `domain` text, `amount` decimal(16,2), `nextduedate` date, `nextinvoicedate` date, `termination_date` date, `domainstatus` text, `password` text);" + `
INSERT INTO ` + "`tblhosting`" + ` VALUES (11,1,1,7,1,'2023-04-01','a.example',12.00,'2026-12-01','2027-01-01','0000-00-00','Active','secret'),(12,1,2,8,1,'2024-05-01','b.example',4.90,'2099-12-31','2099-12-31','2026-11-01','Terminated','x'),(13,2,3,8,1,'2025-01-31','c.example',4.90,'2026-12-08','2026-12-08','0000-00-00','Active','x'),(14,3,4,8,1,'2019-01-01','d.example',4.90,'2020-01-01','2020-01-01','2020-01-01','Cancelled','x'),(15,4,5,8,1,'2026-01-01','e.example',4.90,'2026-12-01','2026-12-01','0000-00-00','Pending','x'),(16,1,6,8,1,'2026-01-01','f.example',4.90,'2026-12-01','2026-12-01','0000-00-00','Cancelled','x'),(17,1,7,8,1,'2026-01-01','g.example',0.00,'0000-00-00','0000-00-00','0000-00-00','Active','x'),(18,1,8,8,1,'2026-01-01','h.example',4.90,'2036-12-01','2036-12-01','0000-00-00','Active','x');
CREATE TABLE ` + "`tblinvoices` (`id` int, `userid` int, `invoicenum` text, `date` date, `duedate` date, `datepaid` datetime, `subtotal` decimal(16,2), `credit` decimal(16,2), `tax` decimal(16,2), `tax2` decimal(16,2), `total` decimal(16,2), `status` text, `notes` text);" + `
INSERT INTO ` + "`tblinvoices`" + ` VALUES (101,1,'INV-2025-7','2025-10-01','2025-10-15','2025-10-03 10:00:00',12.00,0.00,2.76,0.00,14.76,'Paid',NULL),(102,2,'','2026-02-28','2026-03-14',NULL,1000.00,0.00,100.00,0.00,1100.00,'Unpaid','x'),(103,1,'','2018-01-01','2018-01-15',NULL,5.00,0.00,0.00,0.00,5.00,'Paid',NULL),(104,3,'','2025-01-01','2025-01-15',NULL,5.00,0.00,0.00,0.00,5.00,'Paid',NULL),(105,1,'','2026-01-01','2026-01-15',NULL,99999999999999999999.00,0.00,0.00,0.00,99999999999999999999.00,'Paid',NULL),(106,1,'','2026-01-01','2026-01-15',NULL,5.00,0,0,0,5.00,'Draft',NULL);
CREATE TABLE ` + "`tblinvoiceitems` (`id` int, `invoiceid` int, `userid` int, `type` text, `relid` int, `description` text, `amount` decimal(16,2), `taxed` int);" + `
INSERT INTO ` + "`tblinvoiceitems`" + ` VALUES (1,101,1,'Hosting',11,'VPS Two - a.example\n(01/10/2025 - 31/10/2025)',12.00,1),(2,102,2,'Hosting',13,'Shared hosting',1000.00,1);
`

// fossbilling is a dump as phpMyAdmin writes it as JSON.
const fossbilling = `[{"type":"header","version":"5.2.1"},{"type":"database","name":"foss"},
{"type":"table","name":"client","data":[{"id":"1","email":"jo@meadow.example","first_name":"Jo","last_name":"Example","company":"Example Meadow Ltd","company_vat":"IE1234567T","phone_cc":"353","phone":"015550142","address_1":"1 Sample Quay","address_2":null,"city":"Dublin","postcode":"D02 AF30","country":"IE","lang":"en_US","pass":"x"}]},
{"type":"table","name":"client_order","data":[{"id":"5","client_id":"1","title":"Backup space","status":"active","activated_at":"2024-02-29 10:00:00","expires_at":"2026-11-29 10:00:00","period":"1M","canceled_at":null},{"id":"6","client_id":"1","title":"Backup space","status":"pending_setup","activated_at":null,"expires_at":null,"period":"1M","canceled_at":null}]},
{"type":"table","name":"invoice","data":[{"id":"9","client_id":"1","serie":"FOSS","nr":"00012","currency":"EUR","taxrate":"23","status":"paid","created_at":"2025-03-31 23:59:59","due_at":"2025-04-14 00:00:00","buyer_company":"Example Meadow Ltd","buyer_address":"1 Sample Quay","buyer_city":"Dublin"}]},
{"type":"table","name":"invoice_item","data":[{"id":"1","invoice_id":"9","title":"Backup space","quantity":"3","price":"3.35","taxed":"1"},{"id":"2","invoice_id":"9","title":"Set-up","quantity":"1","price":"1.00","taxed":"0"}]}]`

// products maps every product that is asked about.
func (h *house) products(path string, to map[string]string) {
	h.Helper()
	page := h.Get(path + "/products")
	var form []string
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
		shows(t, h.Get(path), http.StatusOK, "Dump as SQL", "From WHMCS", "Rows of customers 4", "Rows of services 8", "Rows of invoices 6")
		h.name(path)
		h.products(path, map[string]string{"VPS Two; cheap": "virtual-server|virtual-2", "Shared hosting": "shared-hosting"})
		const counts = "8 Here already 0 Refused 10"
		shows(t, h.Get(path), http.StatusOK, "Would be taken over "+counts)
		why := h.Get(path + "/rows?is=3")
		shows(t, why, http.StatusOK, "No service that is taken over is theirs", "It never began", "It ended so long ago", "It has ended, and it is not said when",
			"the law wants it kept no longer", "Its customer was not taken over", "An amount cannot be read, is larger than can be kept", "It is a draft")
		h.run(path)
		shows(t, h.Get(path), http.StatusOK, "done", "Taken over "+counts)
		if n := len(h.everybody()); n != 2 {
			t.Fatalf("%d customers", n)
		}

		// The portal and the console show the invoices of the system before.
		list := h.Get("/console/billing/before")
		shows(t, list, http.StatusOK, "INV-2025-7", "14.76", "JPY 1100", "WHMCS", "28 February 2032")
		at := regexp.MustCompile(`/console/billing/before/[^"]+`).FindString(list.Body)
		shows(t, h.Post(at), http.StatusUnprocessableEntity, "Please fill this in")
		shows(t, h.Post(at, "reason", "Ticket 7"), http.StatusOK, "Written to", "Shared hosting", "JPY 1000")
		var owner loot.Subject
		for _, s := range h.everybody() {
			h.Actor = loot.Actor{Kind: loot.Person, ID: string(s)}
			if page := h.Get("/portal/invoices/before"); strings.Contains(page.Body, "INV-2025-7") {
				owner = s
				mine := regexp.MustCompile(`/portal/invoices/before/[^"]+`).FindString(page.Body)
				shows(t, h.Get(mine), http.StatusOK, "Example Meadow Ltd", "VPS Two - a.example", "As it stood in WHMCS")
				shows(t, h.Get("/portal/invoices"), http.StatusOK, "From the system before")
				shows(t, h.Get(strings.Replace(at, "console/billing", "portal/invoices", 1)), http.StatusNotFound, "no such invoice")
			}
		}
		if about := h.held(owner)["contact.phone"]; about.At.IsZero() {
			t.Error("the telephone number is not held")
		}

		// Again adds nothing.
		h.Actor = h.clerk
		again := h.bring(whmcs)
		h.name(again)
		h.products(again, map[string]string{"VPS Two; cheap": "virtual-server|virtual-2", "Shared hosting": "shared-hosting"})
		h.run(again)
		shows(t, h.Get(again), http.StatusOK, "Taken over 0 Here already 8 Refused 10")
	})
}

// Sums that a system does not write down are worked out.
func TestDumpOfFOSSBilling(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	path := h.bring(fossbilling)
	shows(t, h.Get(path), http.StatusOK, "Dump as JSON", "From FOSSBilling")
	h.name(path)
	h.run(path)
	shows(t, h.Get(path), http.StatusOK, "Taken over 3 Here already 0 Refused 1")
	at := regexp.MustCompile(`/console/billing/before/[^"]+`).FindString(h.Get("/console/billing/before").Body)
	shows(t, h.Post(at, "reason", "Ticket 7"), http.StatusOK, "FOSS00012", "Without tax € 11.05", "Tax € 2.31", "Total € 13.36", "31 March 2025", "Example Meadow Ltd")
}

// What belongs to somebody who is a customer here already goes to them, and the
// dry run says so.
func TestDumpOfSomebodyWhoIsHere(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	s, _ := h.Customer("customer", "service", map[loot.Field]string{"contact.email": "jo@meadow.example"})
	path := h.bring(fossbilling)
	h.name(path)
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
