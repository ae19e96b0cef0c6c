package madeup

import (
	"strconv"

	"loot/desk/billing/invoice"
)

var (
	firms   = []string{"Example", "Sample", "Muster", "Exemple", "Beispiel", "Voorbeeld"}
	trades  = []string{"Hosting", "Bakery", "Bicycles", "Press", "Gardens", "Ceramics", "Logistics & Sons", "Möbel"}
	streets = []string{"Example Street", "Musterstraße", "Rue de l'Exemple", "Voorbeeldlaan"}
)

// of a country: its form of a company, a city, a postcode, a VAT number, a scheme of
// its register and a region, where addresses have one.
var countries = map[string]struct{ form, city, postcode, vat, scheme, region string }{
	"DE": {"GmbH", "Musterstadt", "12345", "DE123456789", "", ""},
	"AT": {"GmbH", "Musterdorf", "1010", "ATU12345678", "", ""},
	"FR": {"SARL", "Exempleville", "75001", "FR12345678901", "0002", ""},
	"NL": {"B.V.", "Voorbeeldstad", "1012 AB", "NL123456789B01", "0106", ""},
	"CH": {"AG", "Beispielen", "8000", "CHE123456789", "", ""},
	"US": {"Inc.", "Sampleville", "00042", "", "", "VT"},
}

func (m *maker) party(country string) invoice.Party {
	c := countries[country]
	number := strconv.Itoa(int(m.between(100, 999)))
	p := invoice.Party{
		Name: pick(m, firms) + " " + pick(m, trades) + " " + number + " " + c.form,
		ID:   "K-" + number, VAT: c.vat,
		Register: invoice.Identifier{Scheme: c.scheme, Value: "HRB " + number},
		Endpoint: invoice.Identifier{Scheme: "EM", Value: "invoices@firm" + number + ".example"},
		Address: invoice.Address{
			Lines: []string{pick(m, streets) + " " + strconv.Itoa(m.IntN(200)+1)}, City: c.city, Postcode: c.postcode, Region: c.region, Country: country,
		},
		Contact: invoice.Contact{Name: "Accounts", Email: "accounts@firm" + number + ".example"},
	}
	switch m.IntN(3) {
	case 0:
		p.Address.Lines = append(p.Address.Lines, "Building C")
	case 1:
		p.Address.Lines = append(p.Address.Lines, "Building C", "Third floor")
		p.Address.Region = "Province"
	}
	return p
}

// scripts are names and addresses in the scripts of the world.
var scripts = []struct{ name, street, city string }{
	{"株式会社サンプル", "見本町1丁目2番3号", "見本市"},
	{"示例主机有限公司", "示例路100号", "示例市"},
	{"شركة المثال للاستضافة", "شارع المثال 12", "مدينة المثال"},
	{"חברת דוגמה בע״מ", "רחוב הדוגמה 7", "עיר"},
	{"ООО «Пример»", "улица Примерная, 5", "Примерск"},
	{"Παράδειγμα Α.Ε.", "Οδός Παραδείγματος 3", "Πόλη"},
	{"บริษัท ตัวอย่าง จำกัด", "ถนนตัวอย่าง 9", "เมือง"},
	{"예시 주식회사", "예시로 12", "예시시"},
	{"उदाहरण प्राइवेट लिमिटेड", "उदाहरण मार्ग 4", "नगर"},
	{"Công ty Ví Dụ Ψ😀", "Đường Thử Nghiệm 8", "Thành phố"},
	{"Příklad Šťastný & Łódź İğne ĐŽ", "Ulica Żółta 1", "Győr"},
}

func (m *maker) scripts() {
	s := pick(m, scripts)
	m.inv.Buyer.Name = s.name
	m.inv.Buyer.Address.Lines = []string{s.street}
	m.inv.Buyer.Address.City = s.city
	m.inv.Lines[0].Name = s.name
}
