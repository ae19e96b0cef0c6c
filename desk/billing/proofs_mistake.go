package billing

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

var (
	caseLinks   = regexp.MustCompile(`/console/checks/([a-z0-9]+)`)
	caseVersion = regexp.MustCompile(`name="version"[^>]*value="(\d+)"`)
)

// writtenAgainWhole tries a mistake from the report on an invoice to the invoice
// that stands for it, on the pages that people use.
func (b *Billing) writtenAgainWhole(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	i, err := b.bill(ctx, w)
	if err != nil {
		return "", err
	}
	d, err := textOn(s)
	if err != nil {
		return "", err
	}
	const right = "Put Right"
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(i.Subject)}}
	get := func(path string) (string, error) {
		a, err := me.Get(ctx, path)
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("%s was answered with %d", path, a.Status)
		}
		if err != nil {
			return "", err
		}
		return html.UnescapeString(a.Body.String()), nil
	}
	pdf, err := get("/portal/invoices/" + i.Number + "/pdf")
	if err != nil {
		return "", err
	}
	a, err := me.Post(ctx, "/portal/checks/wrong", url.Values{"field": {string(d.ID)}, "invoice": {i.Number}, "text": {"It is called otherwise."}})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the report was answered with %d", a.Status)
	}
	sent := w.Sent()
	if err := accept(ctx, w, s, d, i.Number, right); err != nil {
		return "", err
	}
	var c Credit
	var credit, corrected Issued
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		found := false
		if c, found, err = creditOf(ctx, tx, "original", i.Number); err != nil || !found {
			return errors.Join(err, errors.New("the mistake was accepted, and the invoice was not taken back"))
		}
		if credit, err = findInvoice(ctx, tx, c.Credit); err != nil {
			return err
		}
		corrected, err = findInvoice(ctx, tx, c.Corrected)
		return err
	}); err != nil {
		return "", err
	}
	switch {
	case credit.Kind != invoice.CreditNote || credit.Total != i.Total || credit.Preceding != i.Number:
		return "", fmt.Errorf("%s does not credit %s", credit.Number, i.Number)
	case corrected.Kind != invoice.Corrected || corrected.Preceding != i.Number:
		return "", fmt.Errorf("%s does not stand for %s", corrected.Number, i.Number)
	case corrected.Sequence != credit.Sequence+1 || corrected.Series != credit.Series:
		return "", fmt.Errorf("between %s and %s is a gap", credit.Number, corrected.Number)
	case w.Sent() == sent:
		return "", errors.New("no letter says that there is an answer")
	}
	for path, what := range map[string][]string{
		"/portal/invoices/" + corrected.Number:          {right, i.Number, credit.Number},
		"/portal/invoices/" + i.Number:                  {credit.Number, corrected.Number},
		"/portal/invoices/" + credit.Number + "/ubl":    {">381<", ">" + i.Number + "<"},
		"/portal/invoices/" + corrected.Number + "/ubl": {">384<", ">" + i.Number + "<", right},
		"/portal/checks":                                {i.Number, credit.Number, corrected.Number},
	} {
		page, err := get(path)
		if err != nil {
			return "", err
		}
		for _, one := range what {
			if !strings.Contains(page, one) {
				return "", fmt.Errorf("%s does not show %q", path, one)
			}
		}
	}
	if again, err := get("/portal/invoices/" + i.Number + "/pdf"); err != nil || again != pdf {
		return "", errors.Join(err, errors.New("the invoice that was taken back is not what it was"))
	}
	if err := b.former(ctx, w, i.Subject, d.ID, right); err != nil {
		return "", err
	}
	return fmt.Sprintf("“%s” put right, the old value in the sealed history; %s credited by %s, and %s stands for it", d.Title, i.Number, credit.Number, corrected.Number), nil
}

// lineTakenBack tries a mistake in a line of an invoice, on the pages that people use: until
// it is answered no invoice is drawn, and once it is accepted that one is taken back and
// written again.
func (b *Billing) lineTakenBack(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	i, err := b.bill(ctx, w)
	if err != nil {
		return "", err
	}
	d, declared := s.Field(Services)
	if !declared {
		return "", errors.New("the statement declares no services used")
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(i.Subject)}}
	form, err := me.Get(ctx, "/portal/checks/wrong?"+url.Values{"field": {string(d.ID)}, "invoice": {i.Number}, "line": {"1"}}.Encode())
	if err != nil {
		return "", err
	}
	if !strings.Contains(form.Body.String(), `<option value="1" selected`) {
		return "", errors.New("the form does not offer the line of the invoice")
	}
	a, err := me.Post(ctx, "/portal/checks/wrong", url.Values{"field": {string(d.ID)}, "invoice": {i.Number}, "line": {"1"}, "text": {"We do not have this."}})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the report was answered with %d", a.Status)
	}
	m := monthOf(w.Now(), b.seller.place())
	_, over := m.span(b.seller.place())
	w.Clock.Advance(over.Add(26 * time.Hour).Sub(w.Now()))
	drawn, err := b.draw(ctx, i.Subject, m)
	if err != nil {
		return "", err
	}
	if drawn.waits == nil || len(drawn.drafts) > 0 {
		return "", errors.New("an invoice is drawn from services that are in dispute")
	}
	if err := accept(ctx, w, s, d, i.Number, "0.5"); err != nil {
		return "", err
	}
	if drawn, err = b.draw(ctx, i.Subject, m); err != nil {
		return "", err
	}
	var c Credit
	found := false
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		c, found, err = creditOf(ctx, tx, "original", i.Number)
		return err
	}); err != nil {
		return "", err
	}
	switch {
	case !found:
		return "", errors.New("the mistake was accepted, and the invoice was not taken back")
	case c.Corrected == "":
		return "", errors.New("no invoice of what was really used stands for the one that was taken back")
	case drawn.waits != nil:
		return "", fmt.Errorf("the next invoice waits though the report was answered: %s", drawn.waits.Finding.Text)
	}
	return fmt.Sprintf("line 1 of %s reported, the next invoice waited for the answer, credit note %s took it back, and %s stands for it", i.Number, c.Credit, c.Corrected), nil
}

// textOn returns a field that stands on every invoice and is any text.
func textOn(s *statement.Statement) (statement.FieldDecl, error) {
	_, must := drawnFrom(s, []use{{Service: Service{Service: s.Services()[0].ID}}})
	for _, f := range must {
		d, _ := s.Field(f)
		c, _ := s.Category(d.Category)
		l, _ := s.Level(c.Level)
		if _, checked := d.Needed["verification"]; checked && d.Type == "text" && l.Approvals == 0 {
			return d, nil
		}
	}
	return statement.FieldDecl{}, errors.New("nothing on an invoice can be checked by a colleague")
}

// accept has a colleague accept the report about a field on an invoice.
func accept(ctx context.Context, w *desk.World, s *statement.Statement, d statement.FieldDecl, number, right string) error {
	roles := s.Roles()
	i := slices.IndexFunc(roles, func(r statement.RoleDecl) bool {
		return slices.Contains(r.Purposes, "verification") && slices.ContainsFunc(r.Purposes, func(p loot.Purpose) bool { _, is := d.Needed[p]; return is })
	})
	if i < 0 {
		return errors.New("the statement has no role that checks records and deals with “" + d.Title + "”")
	}
	who, err := w.NewStaff(ctx, true, roles[i].ID)
	if err != nil {
		return err
	}
	colleague := desk.Browser{World: w, Who: who}
	queue, err := colleague.Get(ctx, "/console/checks?kind=mistake")
	if err != nil {
		return err
	}
	for _, link := range caseLinks.FindAllStringSubmatch(queue.Body.String(), -1) {
		path := "/console/checks/" + link[1]
		page, err := colleague.Get(ctx, path)
		if err != nil {
			return err
		}
		version := caseVersion.FindStringSubmatch(page.Body.String())
		if version == nil || !strings.Contains(page.Body.String(), number) {
			continue
		}
		a, err := colleague.Post(ctx, path, url.Values{
			"version": version[1:], "decision": {"corrected"}, "value": {right}, "again": {number}, "reason": {"It stands so in the register."},
		})
		if err != nil {
			return err
		}
		if a.Status != http.StatusSeeOther {
			return fmt.Errorf("accepting the report was answered with %d", a.Status)
		}
		return w.Drain(ctx)
	}
	return errors.New("the report waits for nobody under Checks")
}

// former sees to it that a field says something, and its history what it said.
func (b *Billing) former(ctx context.Context, w *desk.World, s loot.Subject, f loot.Field, now string) error {
	var whole vault.Whole
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := w.Gate.Decide(ctx, tx, gate.Request{
			Action: loot.Export, Actor: loot.Actor{Kind: loot.Person, ID: string(s)}, Desk: name, Purpose: forInvoice, Subject: s, Collection: collection, Fields: []loot.Field{f},
		})
		if err != nil {
			return err
		}
		whole, err = w.Vault.OpenWhole(ctx, tx, p)
		return err
	}); err != nil {
		return err
	}
	old := whole.Former[f]
	if whole.Values[f].Reveal() != now || len(old) == 0 || old[0].Reveal() == now { //nolint:forbidigo // made up, and only compared
		return errors.New("the record does not say what is right, or its history not what was wrong")
	}
	return nil
}
