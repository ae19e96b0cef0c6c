package partners

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/partners/sftp"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// listed is how many deliveries and requests a page shows.
const listed = 50

func path(partner string) string { return "/console/partners/" + url.PathEscape(partner) }

func (d *Partners) list(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := listView{View: web.ViewOf(r, "Partners")}
	v.Lead = "The companies that the statement names as partners: what each signed, who was told, and what it still has to delete."
	v.Wide = true
	ctx := r.Context()
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Partners, v.Open = nil, nil
		for _, to := range partners(s) {
			row := listRow{Title: to.Title, Href: path(to.Key), Country: statement.CountryName(to.Country)}
			a, err := standing(ctx, tx, to.Key)
			if err != nil {
				return err
			}
			row.Agreement = d.agreementState(a)
			all, err := notices(ctx, tx, `partner = $1`, to.Key)
			if err != nil {
				return err
			}
			row.Notice = web.Badge{Text: "nobody was told"}
			if i := slices.IndexFunc(all, func(n notice) bool { return n.Ended.IsZero() }); i >= 0 {
				if row.Notice, err = d.noticeState(ctx, tx, all[i]); err != nil {
					return err
				}
			}
			if err := tx.QueryRow(ctx, `SELECT (SELECT count(DISTINCT subject) FROM partners_sent WHERE partner = $1), (SELECT count(*) FROM partners_deletion WHERE partner = $1 AND confirmed = 0)`, to.Key).
				Scan(&row.People, &row.Waiting); err != nil {
				return fmt.Errorf("partners: list: %w", err)
			}
			v.Partners = append(v.Partners, row)
		}
		open, err := deletions(ctx, tx, `confirmed = 0 ORDER BY made, id LIMIT $1`, listed)
		for _, x := range open {
			v.Open = append(v.Open, deletionRowOf(s, x, false))
		}
		return err
	}); err != nil {
		return err
	}
	return listPage.Render(w, r, http.StatusOK, v)
}

func (d *Partners) agreementState(a agreement) web.Badge {
	now := d.Now()
	switch {
	case a.ID == "":
		return web.Badge{Tone: web.Warn, Text: "none", Icon: "circle-slash"}
	case a.How == "revoked":
		return web.Badge{Tone: web.Bad, Text: "revoked " + a.Ended.Format("2 Jan 2006")}
	case a.How == "replaced":
		return web.Badge{Text: "replaced"}
	case a.Signed.After(now):
		return web.Badge{Tone: web.Info, Text: "from " + a.Signed.Format("2 Jan 2006")}
	case !now.Before(a.Ends):
		return web.Badge{Tone: web.Bad, Text: "ended " + a.Ends.Format("2 Jan 2006")}
	case a.Ends.Sub(now) < 30*day:
		return web.Badge{Tone: web.Warn, Text: "ends " + a.Ends.Format("2 Jan 2006"), Icon: "clock-alert"}
	}
	return web.Badge{Tone: web.Good, Text: "until " + a.Ends.Format("2 Jan 2006"), Icon: "check"}
}

// A showing is what the page of a partner has to show besides what stands.
type showing struct {
	status int
	form   string // that was sent and was wrong; empty: none
	typed  url.Values
	wrong  error
	token  string
}

func (d *Partners) show(w http.ResponseWriter, r *http.Request) error {
	return d.showPartner(w, r, showing{status: http.StatusOK})
}

func (d *Partners) showPartner(w http.ResponseWriter, r *http.Request, how showing) error {
	s, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	v := partnerView{View: web.ViewOf(r, to.Title), Key: to.Key, Keeper: keeps(by), Token: how.token, Public: d.publicKey(), ServerKey: sftp.PublicKey(d.serverKey()), Verifier: d.noteSigner().verifier(), Wrong: map[string]*web.Problems{}}
	v.Crumbs = []web.Crumb{{Label: "Partners", Href: "/console/partners"}}
	v.Wide = true
	v.Again = nil
	if v.Keeper {
		v.Again = web.SignInAgain(r, d.Now(), "A new key")
	}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error { return d.fill(ctx, tx, s, to, by, &v) }); err != nil {
		return err
	}
	if how.form != "" {
		for name, form := range map[string]*web.Fields{formAgreement: &v.Agreement, formRevoke: &v.Revoke, formNotice: &v.Notice, formCompany: &v.Company, formFeed: &v.Feed} {
			if name == how.form {
				*form = form.With(how.typed, how.wrong)
				v.Wrong[name] = web.ProblemsOf(how.wrong, *form)
			}
		}
	}
	return partnerPage.Render(w, r, how.status, v)
}

// fill puts on the page of a partner what stands about it.
func (d *Partners) fill(ctx context.Context, tx *store.Tx, s *statement.Statement, to statement.Recipient, by loot.Actor, v *partnerView) error {
	c, err := d.company(ctx, tx, to.Key)
	if err != nil {
		return err
	}
	a, err := standing(ctx, tx, to.Key)
	if err != nil {
		return err
	}
	v.Standing = a.ID != ""
	v.Actions = nil
	if opens(s, by, a.Purposes...) { // who opens none would be refused
		v.Actions = []web.Action{{Label: "Hand over one person", Icon: "user-round", Href: path(to.Key) + "/person"}}
	}
	state := d.agreementState(a)
	rests := "Each person's permission"
	if len(to.Cooperation) > 0 {
		rests = "Cooperation: " + titlesOf(s, to.Cooperation)
	}
	v.Facts = []web.Fact{
		{Term: "Country", Value: statement.CountryName(to.Country)},
		{Term: "Agreement", Badge: &state},
		{Term: "Rests on", Value: rests},
		{Term: "Key for pulling", Value: dayOr(c.Tokened, "none was made")},
	}
	if c.Server.Address != "" {
		v.Facts = append(v.Facts, web.Fact{Term: "SFTP server", Value: c.Server.Address, Note: c.Server.Fingerprint()})
	}
	v.Agreements, v.Notices, v.Deliveries, v.Deletions, v.Notes = nil, nil, nil, nil, nil
	if err := d.fillPapers(ctx, tx, s, to, v); err != nil {
		return err
	}
	list, err := deliveries(ctx, tx, `partner = $1 ORDER BY began DESC, id LIMIT $2`, to.Key, listed)
	if err != nil {
		return err
	}
	for _, x := range list {
		row, err := d.deliveryRow(ctx, tx, s, to, x)
		if err != nil {
			return err
		}
		v.Deliveries = append(v.Deliveries, row)
	}
	asked, err := deletions(ctx, tx, `partner = $1 ORDER BY confirmed > 0, made DESC, id LIMIT $2`, to.Key, listed)
	if err != nil {
		return err
	}
	for _, x := range asked {
		v.Deletions = append(v.Deletions, deletionRowOf(s, x, v.Keeper))
	}
	if v.Keeper {
		v.Agreement, v.Revoke, v.Notice, v.Company, v.Feed = agreementForm(s, to), revokeForm(), noticeForm(s, to), companyForm(c), feedForm(s, a, c)
	}
	return nil
}

func dayOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return "made " + t.Format("2 Jan 2006")
}

// fillPapers shows agreements with their reasons, and who was told.
func (d *Partners) fillPapers(ctx context.Context, tx *store.Tx, s *statement.Statement, to statement.Recipient, v *partnerView) error {
	all, err := agreements(ctx, tx, to.Key)
	if err != nil {
		return err
	}
	for _, one := range all {
		row := agreementRow{Signed: one.Signed, Ends: one.Ends, Purposes: titlesOf(s, one.Purposes), Country: statement.CountryName(one.Country), Processors: one.Processors, Hash: one.Hash, State: d.agreementState(one)}
		var kinds []string
		for _, id := range one.Categories {
			c, _ := s.Category(id)
			kinds = append(kinds, loot.LowerFirst(c.Title))
		}
		row.Categories = strings.Join(kinds, ", ")
		if row.Author, err = d.needs.Staff.Name(ctx, tx, one.Author); err != nil {
			return err
		}
		if v.Keeper {
			row.Href = path(to.Key) + "/agreement/" + one.ID
			if row.Signers, err = d.signers(ctx, tx, one.ID); err != nil {
				return err
			}
		}
		v.Agreements = append(v.Agreements, row)
	}
	told, err := notices(ctx, tx, `partner = $1`, to.Key)
	if err != nil {
		return err
	}
	for _, n := range told {
		row := noticeRow{What: "Works with us: " + titlesOf(s, n.Purposes), Words: n.Words, Made: n.Made, Due: n.Due, Href: path(to.Key) + "/notice/" + n.ID}
		if row.State, err = d.noticeState(ctx, tx, n); err != nil {
			return err
		}
		if n.Kind == succession {
			row.What = "Takes over " + whatMoves(s, n)
		}
		if row.Told, err = toldBy(ctx, tx, n.ID); err != nil {
			return err
		}
		if v.Keeper && n.Ended.IsZero() {
			row.End = &web.Action{Label: "Take back", Icon: "undo-2", Post: true, Small: true, Href: path(to.Key) + "/notice/" + n.ID + "/end", Confirm: "Whoever was told of it gets a letter that says so and counts as not told from then on, and nothing goes there by it."}
		}
		v.Notices = append(v.Notices, row)
	}
	if !v.Keeper {
		return nil
	}
	list, err := d.notes.Of(ctx, tx, to.Key)
	if err != nil {
		return err
	}
	for _, n := range list {
		row := noteRow{At: n.At, What: map[string]string{"revoked": "Agreement revoked", "confirmed": "Deletion confirmed"}[n.Kind], Text: n.Text}
		if row.Who, err = d.needs.Staff.Name(ctx, tx, n.Author); err != nil {
			return err
		}
		v.Notes = append(v.Notes, row)
	}
	return nil
}

func (d *Partners) signers(ctx context.Context, tx *store.Tx, id string) (string, error) {
	var sealed []byte
	if err := tx.QueryRow(ctx, `SELECT signers FROM partners_agreement WHERE id = $1`, id).Scan(&sealed); err != nil {
		return "", fmt.Errorf("partners: signers: %w", err)
	}
	text, err := d.key.Open(sealed, bound("signers", id))
	if err != nil {
		return "", fmt.Errorf("partners: signers: %w", err)
	}
	return string(text), nil
}

func (d *Partners) deliveryRow(ctx context.Context, tx *store.Tx, s *statement.Statement, to statement.Recipient, x delivery) (row deliveryRow, err error) {
	row = deliveryRow{
		ID: x.ID, Began: x.Began, Way: map[string]string{byPull: "pulled", byFile: "file", byPerson: "one person", byServer: "SFTP"}[x.Way], Purpose: titlesOf(s, []loot.Purpose{x.Purpose}), People: x.People, Hash: x.Hash, Receipt: x.Receipt, Who: to.Title,
		State: web.Badge{Tone: web.Good, Text: "done", Icon: "check"},
	}
	switch {
	case !x.Receipt.IsZero():
		row.State.Text = "received " + x.Receipt.Format("2 Jan 2006")
	case !x.Failed.IsZero():
		row.State = web.Badge{Tone: web.Bad, Text: "did not arrive", Icon: "triangle-alert"}
	case x.Ended.IsZero() && d.Now().Sub(x.Began) > time.Hour:
		row.State = web.Badge{Tone: web.Warn, Text: "broke off", Icon: "triangle-alert"}
	case x.Ended.IsZero() && x.Way == byServer && !x.Sending:
		row.State = web.Badge{Tone: web.Info, Text: "waits for the server", Icon: "hourglass"}
	case x.Ended.IsZero():
		row.State = web.Badge{Tone: web.Info, Text: "not ended", Icon: "hourglass"}
	}
	if x.Way == byServer && x.Ended.IsZero() {
		notes, err := d.notes.Of(ctx, tx, x.ID)
		if err != nil {
			return row, err
		}
		row.Why = desk.LatestNote(notes, noteFailed)
	}
	if x.Author != "" {
		row.Who, err = d.needs.Staff.Name(ctx, tx, x.Author)
	}
	return row, err
}

// done does something about a partner by somebody who signed the undertaking, and leads back.
func (d *Partners) done(w http.ResponseWriter, r *http.Request, said string, do func(context.Context, *store.Tx, loot.Actor) error) error {
	ctx, by := r.Context(), web.ActorOf(r.Context())
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		return do(ctx, tx, by)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, path(r.PathValue("key")))
}

// typed reads a form about a partner.
func (d *Partners) typed(r *http.Request) (*statement.Statement, statement.Recipient, url.Values, error) {
	s, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return nil, to, nil, err
	}
	typed, err := web.Form(r, 0)
	return s, to, typed, err
}
