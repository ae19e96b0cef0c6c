package partners

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/partners/sftp"
	"loot/mail"
	"loot/statement"
	"loot/web"
)

// The forms of the page of a partner.
const (
	formAgreement = "agreement"
	formRevoke    = "revoke"
	formNotice    = "notice"
	formCompany   = "company"
	formFeed      = "feed"
)

func in(form string, fields web.Fields) web.Fields {
	for i := range fields {
		fields[i].Form = form // several stand on one page
	}
	return fields
}

func purposeOptions(s *statement.Statement, list []loot.Purpose) (out []web.Option) {
	for _, id := range list {
		p, _ := s.Purpose(id)
		out = append(out, web.Option{Value: string(id), Label: p.Title})
	}
	return out
}

func agreementForm(s *statement.Statement, to statement.Recipient) web.Fields {
	purposes, categories := scope(s, to)
	var kinds []web.Option
	for _, id := range categories {
		kinds = append(kinds, web.Option{Value: string(id), Label: desk.Details(s, collection, id)})
	}
	return in(formAgreement, web.Fields{
		{Name: "purposes", Label: "Purposes that it covers", Type: "checkboxes", Options: purposeOptions(s, purposes), Wide: true, Hint: "Nothing goes there for any other."},
		{Name: "categories", Label: "Kinds of details that it covers", Type: "checkboxes", Options: kinds, Wide: true},
		{Name: "signed", Label: "Counts from", Type: "date", Required: true},
		{Name: "ends", Label: "Ends on", Type: "date", Required: true, Hint: "Nothing goes there from this day on."},
		{Name: "country", Label: "Country where it is held", Type: "select", Value: to.Country, Required: true, Options: desk.Countries()},
		{Name: "signers", Label: "Who signed it", Required: true, MaxLen: 400, Hint: "On both sides. Kept sealed."},
		{Name: "processors", Label: "Companies that it passes details on to", Type: "textarea", Rows: 2, MaxLen: 1000, Wide: true, Hint: "One in each line."},
		{Name: "document", Label: "The signed document", Type: "file", Required: true, Wide: true, Accept: ".pdf,.asice,.txt,image/*", Hint: "8 MB at most. Kept sealed; its SHA-256 shows that it stayed as it is."},
	})
}

func noticeForm(s *statement.Statement, to statement.Recipient) web.Fields {
	kinds := []web.Option{{Value: succession, Label: "It takes over the company or a part of the network"}}
	if len(to.Cooperation) > 0 {
		kinds = slices.Insert(kinds, 0, web.Option{Value: cooperation, Label: "It works with us: " + titlesOf(s, to.Cooperation)})
	}
	var services []web.Option
	for _, sv := range s.Services() {
		services = append(services, web.Option{Value: sv.ID, Label: sv.Title})
	}
	return in(formNotice, web.Fields{
		{Name: "kind", Label: "What everybody concerned is told", Type: "radio", Required: true, Options: kinds, Wide: true},
		{Name: "services", Label: "Services that move", Type: "checkboxes", Options: services, Wide: true, Hint: "Of a succession. None: all of them. Who has none of these is not told, and nothing of theirs moves."},
		{Name: "words", Label: "What the letter says besides", Type: "textarea", Rows: 3, MaxLen: 1000, Wide: true, Hint: "Such as the day on which services move, and whom to call."},
	})
}

func companyForm(c company) web.Fields {
	return in(formCompany, web.Fields{
		{Name: "contact", Label: "Address for requests to delete", Type: "email", MaxLen: 254, Value: c.Contact, Hint: "Signed requests and reminders go there. Kept sealed."},
		{Name: "recipient", Label: "age recipient", MaxLen: 100, Value: c.Recipient, Hint: "Files are sealed to it. It begins with age1; ask the company for it and compare it by telephone."},
		{Name: "address", Label: "SFTP server", MaxLen: 260, Value: c.Server.Address, Hint: "Host and port, such as sftp.example.com:22. Empty: no files are put anywhere."},
		{Name: "account", Label: "Account there", MaxLen: 100, Value: c.Server.Account},
		{Name: "folder", Label: "Folder there", MaxLen: 400, Value: c.Server.Folder, Hint: "Empty: where the account begins."},
		{Name: "hostkey", Label: "Host key of the server", MaxLen: 1200, Value: c.Server.HostKey, Wide: true, Hint: "Such as “ssh-ed25519 AAAA…”: the company tells you, and ssh-keyscan shows it. A server with another one gets nothing."},
	})
}

var feedReason = web.Field{Name: "reason", Label: "Reason", Required: true, MaxLen: 300, Hint: "Kept sealed on the ledger, for each person."}

func feedForm(s *statement.Statement, a agreement, c company) web.Fields {
	fields := web.Fields{
		{Name: "purpose", Label: "For", Type: "select", Required: true, Options: purposeOptions(s, a.Purposes)},
		feedReason,
	}
	if c.Server.Address != "" {
		fields = append(fields, web.Field{Name: "way", Label: "How it goes", Type: "select", Required: true, Options: []web.Option{
			{Value: byServer, Label: "Put on the partner’s server"}, {Value: byFile, Label: "Downloaded here"},
		}})
	}
	return in(formFeed, fields)
}

func revokeForm() web.Fields {
	return in(formRevoke, web.Fields{{Name: "reason", Label: "Why it ends", Type: "textarea", Rows: 2, Required: true, MaxLen: 1000, Wide: true, Hint: "Kept sealed. Transfers stop in the same instant, also one that is under way."}})
}

// readAgreement reads the form with its document.
func readAgreement(r *http.Request, s *statement.Statement, to statement.Recipient) (a agreement, p papers, typed url.Values, err error) {
	typed, files, err := web.Upload(r, maxDocument+1<<20)
	if err != nil {
		return a, p, nil, err
	}
	form := agreementForm(s, to)
	checked := slices.DeleteFunc(slices.Clone(form), func(f web.Field) bool { return f.Type == "file" })
	wrong := map[string]string{}
	maps.Copy(wrong, web.Wrong(checked.Check(typed))) // all that is wrong is said at once
	a = agreement{Partner: to.Key, Country: typed.Get("country")}
	for _, one := range typed["purposes"] {
		a.Purposes = append(a.Purposes, loot.Purpose(one))
	}
	for _, one := range typed["categories"] {
		a.Categories = append(a.Categories, loot.Category(one))
	}
	for one := range strings.Lines(typed.Get("processors")) {
		if one = strings.TrimSpace(one); one != "" {
			a.Processors = append(a.Processors, one)
		}
	}
	if len(a.Purposes) == 0 {
		wrong["purposes"] = "Choose what it covers: an agreement about nothing lets nothing go."
	}
	if len(a.Categories) == 0 {
		wrong["categories"] = "Choose what it covers: an agreement about nothing lets nothing go."
	}
	var serr, eerr error
	a.Signed, serr = time.Parse(time.DateOnly, typed.Get("signed"))
	a.Ends, eerr = time.Parse(time.DateOnly, typed.Get("ends"))
	if serr != nil && wrong["signed"] == "" {
		wrong["signed"] = "This is no date."
	}
	if eerr != nil && wrong["ends"] == "" {
		wrong["ends"] = "This is no date."
	}
	if serr == nil && eerr == nil && !a.Ends.After(a.Signed) {
		wrong["ends"] = "It ends before it begins."
	}
	file := files["document"]
	switch {
	case len(file) != 1 || len(file[0].Content) == 0:
		wrong["document"] = "Choose the signed document."
	case len(file[0].Content) > maxDocument:
		wrong["document"] = "This is larger than 8 MB."
	default:
		a.Type = file[0].Type
		p = papers{Document: file[0].Content, Signers: typed.Get("signers")}
	}
	return a, p, typed, web.Invalid("", wrong)
}

// readNotice reads what everybody concerned is told.
func readNotice(s *statement.Statement, to statement.Recipient, a agreement, typed url.Values) (notice, error) {
	if err := noticeForm(s, to).Check(typed); err != nil {
		return notice{}, err
	}
	n := notice{Partner: to.Key, Kind: typed.Get("kind"), Words: typed.Get("words"), Services: typed["services"], Purposes: to.Cooperation}
	if n.Kind == cooperation {
		n.Services = nil
	} else {
		n.Purposes = nil
		for _, p := range a.Purposes { // what a service needs
			if slices.ContainsFunc(s.Services(), func(sv statement.ServiceDecl) bool { return slices.Contains(sv.Purposes, p) }) {
				n.Purposes = append(n.Purposes, p)
			}
		}
	}
	n.Purposes = slices.DeleteFunc(slices.Clone(n.Purposes), func(p loot.Purpose) bool { return !slices.Contains(a.Purposes, p) })
	if len(n.Purposes) == 0 {
		return n, loot.Errorf(loot.Conflict, "Register the agreement first: what is announced is what it covers.")
	}
	return n, nil
}

func readCompany(partner string, typed url.Values) (company, error) {
	c := company{Partner: partner, Contact: typed.Get("contact"), Recipient: typed.Get("recipient")}
	c.Server = sftp.Server{Address: typed.Get("address"), Account: typed.Get("account"), Folder: typed.Get("folder"), HostKey: strings.TrimSpace(typed.Get("hostkey"))}
	if err := companyForm(c).Check(typed); err != nil {
		return c, err
	}
	wrong := map[string]string{}
	if c.Server != (sftp.Server{}) {
		wrong = c.Server.Check()
	}
	if c.Contact != "" && !mail.ValidAddress(c.Contact) {
		wrong["contact"] = web.NotEmail
	}
	if c.Recipient != "" {
		if _, err := recipientOf(c.Recipient); err != nil {
			wrong["recipient"] = loot.Message(err)
		}
	}
	return c, web.Invalid("", wrong)
}
