package invoice

import "strings"

func (c *checker) parties() {
	inv := c.inv
	s, b := &inv.Seller, &inv.Buyer
	c.must(filled(s.Name), "BR-06", "seller", "Give the seller's registered name.")
	c.must(filled(b.Name), "BR-07", "buyer", "Give the buyer's registered name.")
	c.address(s.Address, "BR-08", "BR-09", "seller")
	c.address(b.Address, "BR-10", "BR-11", "buyer")
	c.must(filled(s.ID) || filled(s.Register.Value) || filled(s.VAT), "BR-CO-26", "seller",
		"Give the seller's VAT number, its number in the register of companies, or another id.")
	c.party(s, "BR-62", "seller")
	c.party(b, "BR-63", "buyer")
	if r := inv.Representative; r != nil {
		where := "tax representative"
		c.must(filled(r.Name), "BR-18", where, "Give the name of the tax representative.")
		c.must(filled(r.VAT), "BR-56", where, "Give the VAT number of the tax representative.")
		c.address(r.Address, "BR-19", "BR-20", where)
		c.party(r, "BR-62", where)
	}
}

func (c *checker) address(a Address, none, country, where string) {
	c.must(a.Country != "" || filled(a.City) || len(a.Lines) > 0, none, where, "Give the registered address.")
	c.must(a.Country != "", country, where, "Give the country of the address.")
	c.must(a.Country == "" || isCode("country", a.Country), "BR-CL-14", where, "Use a country code of ISO 3166-1 for the address.")
	c.must(filled(a.City) && len(a.Lines) > 0 && filled(a.Lines[0]), ruleAddress, where, "Give street and city of the registered address.")
	c.must(len(a.Lines) <= 3, ruleAddress, where, "Write the address, without postcode and city, in at most three lines.")
	c.text(where, a.City, a.Postcode, a.Region)
	c.text(where, a.Lines...)
}

func (c *checker) party(p *Party, endpoint, where string) {
	if p.VAT != "" {
		prefix := p.VAT[:min(2, len(p.VAT))]
		c.must(len(p.VAT) > 2 && (isCode("country", prefix) || prefix == "EL"), "BR-CO-09", where,
			"Begin the VAT number with the code of its country, as DE; Greece may use EL.")
		c.must(!strings.ContainsAny(p.VAT, " .-"), "BR-CO-09", where, "Write the VAT number without spaces, points and hyphens.")
	}
	if p.Endpoint.Value != "" || p.Endpoint.Scheme != "" {
		c.must(p.Endpoint.Scheme != "" && p.Endpoint.Value != "", endpoint, where, "Give the electronic address together with its scheme.")
		c.must(p.Endpoint.Scheme == "" || isCode("endpoint", p.Endpoint.Scheme), "BR-CL-25", where, "Use a scheme of the list EAS for the electronic address.")
	}
	c.must(p.Register.Scheme == "" || isCode("identifier", p.Register.Scheme), "BR-CL-11", where, "Use a scheme of ISO 6523 for the number in a register.")
	c.text(where, p.Name, p.Trading, p.ID, p.Register.Value, p.VAT, p.TaxNumber, p.Legal, p.Endpoint.Value, p.Contact.Name, p.Contact.Phone, p.Contact.Email)
}
