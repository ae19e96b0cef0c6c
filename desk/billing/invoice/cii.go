package invoice

// CII returns the invoice as UN/CEFACT Cross Industry Invoice D16B in the
// syntax binding of CEN/TS 16931-3-3. It is what Factur-X in its profile
// EN 16931 carries as factur-x.xml. The invoice has been computed and checked.
func (inv *Invoice) CII() []byte {
	places, _ := Places(inv.Currency)
	c := &cii{
		writer: newWriter("rsm:CrossIndustryInvoice",
			"xmlns:rsm", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
			"xmlns:qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
			"xmlns:ram", "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
			"xmlns:udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"),
		inv: inv, places: places,
	}
	c.in("rsm:ExchangedDocumentContext", func() {
		c.in("ram:GuidelineSpecifiedDocumentContextParameter", func() { c.text("ram:ID", guideline) })
	})
	c.in("rsm:ExchangedDocument", func() {
		c.text("ram:ID", inv.Number)
		c.text("ram:TypeCode", string(inv.Kind))
		c.date("ram:IssueDateTime", inv.Issued)
		for _, n := range inv.Notes {
			c.in("ram:IncludedNote", func() { c.text("ram:Content", n) })
		}
	})
	c.in("rsm:SupplyChainTradeTransaction", func() {
		for i := range inv.Lines {
			c.line(&inv.Lines[i])
		}
		c.agreement()
		c.delivery()
		c.in("ram:ApplicableHeaderTradeSettlement", c.settlement)
	})
	return c.bytes()
}

type cii struct {
	*writer
	inv    *Invoice
	places int
}

func (c *cii) amount(name string, d Decimal) { c.text(name, d.Fixed(c.places)) }

// dateFormat is a day in the format 102 of UNTDID 2379.
const dateFormat = "20060102"

func (c *cii) date(name string, d Date) {
	c.in(name, func() { c.text("udt:DateTimeString", d.format(dateFormat), "format", "102") })
}

func (c *cii) period(p Period) {
	c.in("ram:BillingSpecifiedPeriod", func() {
		c.date("ram:StartDateTime", p.From)
		c.date("ram:EndDateTime", p.To)
	})
}

func (c *cii) agreement() {
	inv := c.inv
	c.in("ram:ApplicableHeaderTradeAgreement", func() {
		c.text("ram:BuyerReference", inv.BuyerReference)
		c.party("ram:SellerTradeParty", &inv.Seller)
		c.party("ram:BuyerTradeParty", &inv.Buyer)
		if r := inv.Representative; r != nil {
			c.party("ram:SellerTaxRepresentativeTradeParty", &Party{Name: r.Name, VAT: r.VAT, Address: r.Address})
		}
		c.in("ram:BuyerOrderReferencedDocument", func() { c.text("ram:IssuerAssignedID", inv.Order) })
		c.in("ram:ContractReferencedDocument", func() { c.text("ram:IssuerAssignedID", inv.Contract) })
	})
}

// delivery is there even if nothing is said of it: the schema asks for the
// element.
func (c *cii) delivery() {
	inv := c.inv
	if inv.DeliverTo == "" && inv.Delivered.IsZero() {
		c.tag("ram:ApplicableHeaderTradeDelivery", nil)
		c.buf.WriteString("</ram:ApplicableHeaderTradeDelivery>")
		return
	}
	c.in("ram:ApplicableHeaderTradeDelivery", func() {
		c.in("ram:ShipToTradeParty", func() { c.address(Address{Country: inv.DeliverTo}) })
		c.in("ram:ActualDeliverySupplyChainEvent", func() { c.date("ram:OccurrenceDateTime", inv.Delivered) })
	})
}

func (c *cii) party(name string, p *Party) {
	c.in(name, func() {
		c.text("ram:ID", p.ID)
		c.text("ram:Name", p.Name)
		c.text("ram:Description", p.Legal)
		c.in("ram:SpecifiedLegalOrganization", func() {
			c.text("ram:ID", p.Register.Value, "schemeID", p.Register.Scheme)
			c.text("ram:TradingBusinessName", p.Trading)
		})
		c.in("ram:DefinedTradeContact", func() {
			c.text("ram:PersonName", p.Contact.Name)
			c.in("ram:TelephoneUniversalCommunication", func() { c.text("ram:CompleteNumber", p.Contact.Phone) })
			c.in("ram:EmailURIUniversalCommunication", func() { c.text("ram:URIID", p.Contact.Email) })
		})
		c.address(p.Address)
		c.in("ram:URIUniversalCommunication", func() { c.text("ram:URIID", p.Endpoint.Value, "schemeID", p.Endpoint.Scheme) })
		c.in("ram:SpecifiedTaxRegistration", func() { c.text("ram:ID", p.VAT, "schemeID", "VA") })
		c.in("ram:SpecifiedTaxRegistration", func() { c.text("ram:ID", p.TaxNumber, "schemeID", "FC") })
	})
}

func (c *cii) address(a Address) {
	c.in("ram:PostalTradeAddress", func() {
		c.text("ram:PostcodeCode", a.Postcode)
		c.text("ram:LineOne", line(a.Lines, 0))
		c.text("ram:LineTwo", line(a.Lines, 1))
		c.text("ram:LineThree", line(a.Lines, 2))
		c.text("ram:CityName", a.City)
		c.text("ram:CountryID", a.Country)
		c.text("ram:CountrySubDivisionName", a.Region)
	})
}

func (c *cii) settlement() {
	inv := c.inv
	c.text("ram:PaymentReference", inv.Payment.Reference)
	c.text("ram:TaxCurrencyCode", inv.AccountingCurrency)
	c.text("ram:InvoiceCurrencyCode", inv.Currency)
	for _, a := range inv.Payment.Accounts {
		c.in("ram:SpecifiedTradeSettlementPaymentMeans", func() {
			c.text("ram:TypeCode", inv.Payment.Means)
			c.in("ram:PayeePartyCreditorFinancialAccount", func() {
				c.text("ram:IBANID", a.IBAN)
				c.text("ram:AccountName", a.Name)
				c.text("ram:ProprietaryID", a.Other)
			})
			c.in("ram:PayeeSpecifiedCreditorFinancialInstitution", func() { c.text("ram:BICID", a.BIC) })
		})
	}
	for _, s := range inv.Breakdown {
		c.in("ram:ApplicableTradeTax", func() {
			c.amount("ram:CalculatedAmount", s.Amount)
			c.text("ram:TypeCode", "VAT")
			c.text("ram:ExemptionReason", s.Text)
			c.amount("ram:BasisAmount", s.Taxable)
			c.text("ram:CategoryCode", string(s.Tax.Category))
			c.text("ram:ExemptionReasonCode", s.Code)
			c.text("ram:RateApplicablePercent", rate(s.Tax))
		})
	}
	c.period(inv.Period)
	for i := range inv.Allowances {
		c.adjustment(&inv.Allowances[i], false, true)
	}
	for i := range inv.Charges {
		c.adjustment(&inv.Charges[i], true, true)
	}
	c.in("ram:SpecifiedTradePaymentTerms", func() {
		c.text("ram:Description", inv.Payment.Terms)
		c.date("ram:DueDateDateTime", inv.Due)
	})
	c.in("ram:SpecifiedTradeSettlementHeaderMonetarySummation", c.summation)
	for _, p := range inv.Preceding {
		c.in("ram:InvoiceReferencedDocument", func() {
			c.text("ram:IssuerAssignedID", p.Number)
			c.in("ram:FormattedIssueDateTime", func() { c.text("qdt:DateTimeString", p.Issued.format(dateFormat), "format", "102") })
		})
	}
}

func (c *cii) summation() {
	inv, t := c.inv, c.inv.Totals
	c.amount("ram:LineTotalAmount", t.Lines)
	if len(inv.Charges) > 0 {
		c.amount("ram:ChargeTotalAmount", t.Charges)
	}
	if len(inv.Allowances) > 0 {
		c.amount("ram:AllowanceTotalAmount", t.Allowances)
	}
	c.amount("ram:TaxBasisTotalAmount", t.WithoutTax)
	c.text("ram:TaxTotalAmount", t.Tax.Fixed(c.places), "currencyID", inv.Currency)
	if inv.AccountingCurrency != "" {
		places, _ := Places(inv.AccountingCurrency)
		c.text("ram:TaxTotalAmount", inv.AccountingTax.Fixed(places), "currencyID", inv.AccountingCurrency)
	}
	c.text("ram:RoundingAmount", optional(inv.Rounding, c.places))
	c.amount("ram:GrandTotalAmount", t.WithTax)
	c.text("ram:TotalPrepaidAmount", optional(inv.Prepaid, c.places))
	c.amount("ram:DuePayableAmount", t.Due)
}

func (c *cii) adjustment(a *Adjustment, charge, ofDocument bool) {
	c.in("ram:SpecifiedTradeAllowanceCharge", func() {
		c.in("ram:ChargeIndicator", func() { c.text("udt:Indicator", indicator(charge)) })
		c.text("ram:CalculationPercent", optional(a.Percent, 0))
		c.text("ram:BasisAmount", optional(a.Base, c.places))
		c.amount("ram:ActualAmount", a.Amount)
		c.text("ram:ReasonCode", a.Code)
		c.text("ram:Reason", a.Reason)
		if ofDocument {
			c.tax("ram:CategoryTradeTax", a.Tax)
		}
	})
}

func (c *cii) tax(name string, t Tax) {
	c.in(name, func() {
		c.text("ram:TypeCode", "VAT")
		c.text("ram:CategoryCode", string(t.Category))
		c.text("ram:RateApplicablePercent", rate(t))
	})
}

func (c *cii) line(l *Line) {
	c.in("ram:IncludedSupplyChainTradeLineItem", func() {
		c.in("ram:AssociatedDocumentLineDocument", func() {
			c.text("ram:LineID", l.ID)
			c.in("ram:IncludedNote", func() { c.text("ram:Content", l.Note) })
		})
		c.in("ram:SpecifiedTradeProduct", func() {
			c.text("ram:SellerAssignedID", l.Item)
			c.text("ram:Name", l.Name)
			c.text("ram:Description", l.Description)
		})
		c.in("ram:SpecifiedLineTradeAgreement", func() {
			c.in("ram:NetPriceProductTradePrice", func() {
				c.amount("ram:ChargeAmount", l.Price)
				c.text("ram:BasisQuantity", optional(l.Base, 0), "unitCode", l.Unit)
			})
		})
		c.in("ram:SpecifiedLineTradeDelivery", func() { c.text("ram:BilledQuantity", l.Quantity.String(), "unitCode", l.Unit) })
		c.in("ram:SpecifiedLineTradeSettlement", func() {
			c.tax("ram:ApplicableTradeTax", l.Tax)
			c.period(l.Period)
			for i := range l.Allowances {
				c.adjustment(&l.Allowances[i], false, false)
			}
			for i := range l.Charges {
				c.adjustment(&l.Charges[i], true, false)
			}
			c.in("ram:SpecifiedTradeSettlementLineMonetarySummation", func() { c.amount("ram:LineTotalAmount", l.Net) })
		})
	})
}
