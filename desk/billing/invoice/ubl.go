package invoice

// UBL returns the invoice as UBL 2.1 (ISO/IEC 19845) in the syntax binding of
// CEN/TS 16931-3-2: a credit note as CreditNote, the rest as Invoice. The
// invoice has been computed and checked.
func (inv *Invoice) UBL() []byte {
	root, credit := "Invoice", inv.Kind == CreditNote
	if credit {
		root = "CreditNote"
	}
	places, _ := Places(inv.Currency)
	u := &ubl{
		writer: newWriter(root,
			"xmlns", "urn:oasis:names:specification:ubl:schema:xsd:"+root+"-2",
			"xmlns:cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
			"xmlns:cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"),
		inv: inv, places: places, credit: credit,
	}
	u.head()
	u.in("cac:AccountingSupplierParty", func() { u.party(&inv.Seller) })
	u.in("cac:AccountingCustomerParty", func() { u.party(&inv.Buyer) })
	if r := inv.Representative; r != nil {
		u.in("cac:TaxRepresentativeParty", func() {
			u.in("cac:PartyName", func() { u.text("cbc:Name", r.Name) })
			u.address("cac:PostalAddress", r.Address)
			u.taxScheme(r.VAT, "VAT")
		})
	}
	u.in("cac:Delivery", func() {
		u.text("cbc:ActualDeliveryDate", inv.Delivered.String())
		u.in("cac:DeliveryLocation", func() { u.address("cac:Address", Address{Country: inv.DeliverTo}) })
	})
	u.payment()
	for i := range inv.Allowances {
		u.adjustment(&inv.Allowances[i], false, true)
	}
	for i := range inv.Charges {
		u.adjustment(&inv.Charges[i], true, true)
	}
	u.totals()
	for i := range inv.Lines {
		u.line(&inv.Lines[i])
	}
	return u.bytes()
}

type ubl struct {
	*writer
	inv    *Invoice
	places int
	credit bool
}

func (u *ubl) amount(name string, d Decimal) {
	u.text(name, d.Fixed(u.places), "currencyID", u.inv.Currency)
}

func (u *ubl) head() {
	inv := u.inv
	u.text("cbc:CustomizationID", guideline)
	u.text("cbc:ID", inv.Number)
	u.text("cbc:IssueDate", inv.Issued.String())
	if u.credit {
		u.text("cbc:CreditNoteTypeCode", string(inv.Kind))
	} else {
		u.text("cbc:DueDate", inv.Due.String())
		u.text("cbc:InvoiceTypeCode", string(inv.Kind))
	}
	for _, n := range inv.Notes {
		u.text("cbc:Note", n)
	}
	u.text("cbc:DocumentCurrencyCode", inv.Currency)
	u.text("cbc:TaxCurrencyCode", inv.AccountingCurrency)
	u.text("cbc:BuyerReference", inv.BuyerReference)
	u.period(inv.Period)
	u.in("cac:OrderReference", func() { u.text("cbc:ID", inv.Order) })
	for _, p := range inv.Preceding {
		u.in("cac:BillingReference", func() {
			u.in("cac:InvoiceDocumentReference", func() {
				u.text("cbc:ID", p.Number)
				u.text("cbc:IssueDate", p.Issued.String())
			})
		})
	}
	u.in("cac:ContractDocumentReference", func() { u.text("cbc:ID", inv.Contract) })
}

func (u *ubl) period(p Period) {
	u.in("cac:InvoicePeriod", func() {
		u.text("cbc:StartDate", p.From.String())
		u.text("cbc:EndDate", p.To.String())
	})
}

func (u *ubl) party(p *Party) {
	u.in("cac:Party", func() {
		u.text("cbc:EndpointID", p.Endpoint.Value, "schemeID", p.Endpoint.Scheme)
		u.in("cac:PartyIdentification", func() { u.text("cbc:ID", p.ID) })
		u.in("cac:PartyName", func() { u.text("cbc:Name", p.Trading) })
		u.address("cac:PostalAddress", p.Address)
		u.taxScheme(p.VAT, "VAT")
		u.taxScheme(p.TaxNumber, "FC")
		u.in("cac:PartyLegalEntity", func() {
			u.text("cbc:RegistrationName", p.Name)
			u.text("cbc:CompanyID", p.Register.Value, "schemeID", p.Register.Scheme)
			u.text("cbc:CompanyLegalForm", p.Legal)
		})
		u.in("cac:Contact", func() {
			u.text("cbc:Name", p.Contact.Name)
			u.text("cbc:Telephone", p.Contact.Phone)
			u.text("cbc:ElectronicMail", p.Contact.Email)
		})
	})
}

func (u *ubl) address(name string, a Address) {
	u.in(name, func() {
		u.text("cbc:StreetName", line(a.Lines, 0))
		u.text("cbc:AdditionalStreetName", line(a.Lines, 1))
		u.text("cbc:CityName", a.City)
		u.text("cbc:PostalZone", a.Postcode)
		u.text("cbc:CountrySubentity", a.Region)
		u.in("cac:AddressLine", func() { u.text("cbc:Line", line(a.Lines, 2)) })
		u.in("cac:Country", func() { u.text("cbc:IdentificationCode", a.Country) })
	})
}

func (u *ubl) taxScheme(number, scheme string) {
	if number == "" {
		return
	}
	u.in("cac:PartyTaxScheme", func() {
		u.text("cbc:CompanyID", number)
		u.in("cac:TaxScheme", func() { u.text("cbc:ID", scheme) })
	})
}

func (u *ubl) payment() {
	p := u.inv.Payment
	for i, a := range p.Accounts {
		u.in("cac:PaymentMeans", func() {
			u.text("cbc:PaymentMeansCode", p.Means)
			if u.credit && i == 0 { // only an Invoice has a place of its own for it, and it may stand but once (UBL-SR-45)
				u.text("cbc:PaymentDueDate", u.inv.Due.String())
			}
			u.text("cbc:PaymentID", p.Reference)
			u.in("cac:PayeeFinancialAccount", func() {
				u.text("cbc:ID", a.number())
				u.text("cbc:Name", a.Name)
				u.in("cac:FinancialInstitutionBranch", func() { u.text("cbc:ID", a.BIC) })
			})
		})
	}
	u.in("cac:PaymentTerms", func() { u.text("cbc:Note", p.Terms) })
}

func (u *ubl) adjustment(a *Adjustment, charge, ofDocument bool) {
	u.in("cac:AllowanceCharge", func() {
		u.text("cbc:ChargeIndicator", indicator(charge))
		u.text("cbc:AllowanceChargeReasonCode", a.Code)
		u.text("cbc:AllowanceChargeReason", a.Reason)
		u.text("cbc:MultiplierFactorNumeric", optional(a.Percent, 0))
		u.amount("cbc:Amount", a.Amount)
		if !a.Base.IsZero() {
			u.amount("cbc:BaseAmount", a.Base)
		}
		if ofDocument {
			u.taxCategory("cac:TaxCategory", a.Tax, "", "")
		}
	})
}

func indicator(charge bool) string {
	if charge {
		return "true"
	}
	return "false"
}

func (u *ubl) taxCategory(name string, t Tax, code, reason string) {
	u.in(name, func() {
		u.text("cbc:ID", string(t.Category))
		u.text("cbc:Percent", rate(t))
		u.text("cbc:TaxExemptionReasonCode", code)
		u.text("cbc:TaxExemptionReason", reason)
		u.in("cac:TaxScheme", func() { u.text("cbc:ID", "VAT") })
	})
}

// rate returns the rate of a tax; what is not subject to it has none.
func rate(t Tax) string {
	if t.Category == OutOfScope {
		return ""
	}
	return t.Rate.String()
}

func (u *ubl) totals() {
	inv, t := u.inv, u.inv.Totals
	u.in("cac:TaxTotal", func() {
		u.amount("cbc:TaxAmount", t.Tax)
		for _, s := range inv.Breakdown {
			u.in("cac:TaxSubtotal", func() {
				u.amount("cbc:TaxableAmount", s.Taxable)
				u.amount("cbc:TaxAmount", s.Amount)
				u.taxCategory("cac:TaxCategory", s.Tax, s.Code, s.Text)
			})
		}
	})
	if inv.AccountingCurrency != "" {
		places, _ := Places(inv.AccountingCurrency)
		u.in("cac:TaxTotal", func() { u.text("cbc:TaxAmount", inv.AccountingTax.Fixed(places), "currencyID", inv.AccountingCurrency) })
	}
	u.in("cac:LegalMonetaryTotal", func() {
		u.amount("cbc:LineExtensionAmount", t.Lines)
		u.amount("cbc:TaxExclusiveAmount", t.WithoutTax)
		u.amount("cbc:TaxInclusiveAmount", t.WithTax)
		if len(inv.Allowances) > 0 {
			u.amount("cbc:AllowanceTotalAmount", t.Allowances)
		}
		if len(inv.Charges) > 0 {
			u.amount("cbc:ChargeTotalAmount", t.Charges)
		}
		if !inv.Prepaid.IsZero() {
			u.amount("cbc:PrepaidAmount", inv.Prepaid)
		}
		if !inv.Rounding.IsZero() {
			u.amount("cbc:PayableRoundingAmount", inv.Rounding)
		}
		u.amount("cbc:PayableAmount", t.Due)
	})
}

func (u *ubl) line(l *Line) {
	name, quantity := "cac:InvoiceLine", "cbc:InvoicedQuantity"
	if u.credit {
		name, quantity = "cac:CreditNoteLine", "cbc:CreditedQuantity"
	}
	u.in(name, func() {
		u.text("cbc:ID", l.ID)
		u.text("cbc:Note", l.Note)
		u.text(quantity, l.Quantity.String(), "unitCode", l.Unit)
		u.amount("cbc:LineExtensionAmount", l.Net)
		u.period(l.Period)
		for i := range l.Allowances {
			u.adjustment(&l.Allowances[i], false, false)
		}
		for i := range l.Charges {
			u.adjustment(&l.Charges[i], true, false)
		}
		u.in("cac:Item", func() {
			u.text("cbc:Description", l.Description)
			u.text("cbc:Name", l.Name)
			u.in("cac:SellersItemIdentification", func() { u.text("cbc:ID", l.Item) })
			u.taxCategory("cac:ClassifiedTaxCategory", l.Tax, "", "")
		})
		u.in("cac:Price", func() {
			u.amount("cbc:PriceAmount", l.Price)
			u.text("cbc:BaseQuantity", optional(l.Base, 0), "unitCode", l.Unit)
		})
	})
}
