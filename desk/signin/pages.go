package signin

import (
	"embed"
	"net/http"
	"net/url"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets/passkey.js
var passkeyScript []byte

//go:embed assets/return.js
var returnScript []byte

//go:embed assets/signin.css
var styles []byte

var (
	passkeyURL = web.NewAsset("passkey.js", passkeyScript)
	returnURL  = web.NewAsset("return.js", returnScript)
	stylesURL  = web.NewAsset("signin.css", styles)
)

var (
	customerPage = page[customerView]("customer.html")
	sentPage     = page[sentView]("sent.html")
	linkPage     = page[linkView]("link.html")
	gonePage     = page[goneView]("gone.html")
	staffPage    = page[staffView]("staff.html")
	codeFormPage = page[codeView]("code.html")
	returnPage   = page[returnView]("return.html")
	welcomePage  = page[welcomeView]("welcome.html")
	setUpPage    = page[setUpView]("set-up.html")
	codesPage    = page[codesView]("codes.html")
	accountPages = page[accountView]("account.html")
	passwordForm = page[passwordView]("password.html")
	tokenPages   = page[tokensView]("tokens.html")
)

func page[T web.Viewed](name string) web.Page[T] {
	return web.NewPage[T](pageFiles, "pages/"+name, "pages/parts.html")
}

// look returns the view of a page of this desk.
func look(r *http.Request, title string) web.View {
	v := web.ViewOf(r, title)
	v.Styles = append(v.Styles, stylesURL)
	return v
}

// bare is look for a page with nothing around it.
func bare(r *http.Request, title string) web.View {
	v := look(r, title)
	v.Layout = web.LayoutBare
	return v
}

// A ceremony is a form that asks the browser for a passkey. Its script is all
// of this desk that needs one.
type ceremony struct {
	Label, Begin, Done, Next string
	New                      bool       // makes a passkey, rather than using one
	Name                     *web.Field // what to call a new one
	Primary                  bool
	Script                   string
}

func enterCeremony(r *http.Request, label, path string, in url.Values) *ceremony {
	return &ceremony{Label: label, Begin: path, Done: path + "/done", Next: next(r, in), Primary: true, Script: passkeyURL}
}

type customerView struct {
	web.View
	Passkey  *ceremony
	Fields   web.Fields
	Problems *web.Problems
	Next     string
	Kept     bool // the link is not sent: no mail server is set
}

func (d *Desk) renderCustomerDoor(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	v := customerView{View: bare(r, "Sign in"), Fields: askFields.With(in, wrong), Next: next(r, in), Kept: mail.Kept(d.kit.Mail)}
	v.Lead = "No password to keep in mind: we send you a link."
	if v.Kept {
		v.Lead = "No password to keep in mind: a link signs you in."
	}
	v.Problems = web.ProblemsOf(wrong, v.Fields)
	if d.passkeys != nil {
		v.Passkey = enterCeremony(r, "Use a passkey", "/signin/passkey", in)
		v.Passkey.Primary = false
	}
	return customerPage.Render(w, r, status, v)
}

type sentView struct {
	web.View
	Kept    bool // in the outbox: no mail server is set
	Minutes int
}

type linkView struct {
	web.View
	To    string
	Label string
}

type goneView struct {
	web.View
	Door string
}

// renderGone is what a link leads to that does not work any more.
func renderGone(w http.ResponseWriter, r *http.Request, door string) error {
	v := goneView{View: bare(r, "This link does not work any more"), Door: door}
	return gonePage.Render(w, r, http.StatusNotFound, v)
}

type staffView struct {
	web.View
	SignedIn string // whose sign-in has to be fresh; empty: nobody is signed in
	Passkey  *ceremony
	Company  string
	Fields   web.Fields
	Problems *web.Problems
	Next     string
}

func (d *Desk) renderStaffDoor(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	v := staffView{View: bare(r, "Sign in to the console"), Fields: doorFields.With(in, wrong), Next: next(r, in)}
	if v.Problems = web.ProblemsOf(wrong, v.Fields); v.Problems == nil && wrong != nil {
		v.Problems = &web.Problems{Message: loot.Message(wrong)}
	}
	if who := web.IdentityOf(r.Context()); who.Actor.Kind == loot.Staff && web.NeedFresh(r, d.kit.Now()) != nil {
		v.SignedIn, v.Title = who.Name, "Once more, please"
	}
	if d.passkeys != nil {
		v.Passkey = enterCeremony(r, "Sign in with a passkey", "/console/signin/passkey", in)
	}
	if d.company != nil {
		v.Company = d.company.Name
		if p, err := d.company.learn(r.Context()); err == nil {
			web.Policy{FormAction: []string{p.origin}}.Set(w)
		}
	}
	return staffPage.Render(w, r, status, v)
}

type codeView struct {
	web.View
	Fields   web.Fields
	Problems *web.Problems
}

func renderCode(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error) error {
	if in != nil {
		in.Del("code") // a code is for once
	}
	v := codeView{View: bare(r, "The second step"), Fields: codeFields.With(in, wrong)}
	if v.Problems = web.ProblemsOf(wrong, v.Fields); v.Problems == nil && wrong != nil {
		v.Problems = &web.Problems{Message: loot.Message(wrong)}
	}
	return codeFormPage.Render(w, r, status, v)
}

type returnView struct {
	web.View
	Company     string
	State, Code string
	To          string
	Script      string
}

func renderReturn(w http.ResponseWriter, r *http.Request, state, code string, c *company) error {
	v := returnView{View: bare(r, "Nearly there"), State: state, Code: code, To: companyReturn, Script: returnURL}
	if c != nil {
		v.Company = c.Name
	}
	return returnPage.Render(w, r, http.StatusOK, v)
}

type welcomeView struct {
	web.View
	To       string
	Name     string
	Roles    []string
	First    bool
	Demo     bool
	Fields   web.Fields
	Problems *web.Problems
}

// An appForm is the form that sets password and authenticator app.
type appForm struct {
	To       string
	Scan     scannable
	Offer    string // the app's secret, sealed
	Email    string
	Fields   web.Fields
	Problems *web.Problems
	Label    string
}

func (d *Desk) appForm(to, owner, email, secret, label string, wrong error) (appForm, error) {
	offer, err := d.offerApp(owner, secret)
	if err != nil {
		return appForm{}, err
	}
	f := appForm{To: to, Offer: offer, Email: email, Label: label, Fields: newPasswordFields.With(nil, wrong)}
	f.Problems = web.ProblemsOf(wrong, f.Fields)
	f.Scan, err = scan(d.site(), email, secret)
	return f, err
}

type setUpView struct {
	web.View
	Name    string
	Passkey *ceremony
	App     appForm
	Open    bool // the form of the password was sent
}

func (d *Desk) renderSetUp(w http.ResponseWriter, r *http.Request, status int, f flow, secret string, wrong error) error {
	name, email, err := d.whoSetsUp(r, f)
	if err != nil {
		return err
	}
	v := setUpView{View: bare(r, "How would you like to sign in?"), Name: name, Open: wrong != nil || d.passkeys == nil}
	if d.passkeys != nil {
		v.Passkey = &ceremony{Label: "Make a passkey", Begin: "/console/set-up/passkey", Done: "/console/set-up/passkey/done", New: true, Primary: true, Script: passkeyURL}
	}
	if v.App, err = d.appForm("/console/set-up/password", f.Owner, email, secret, "Set up and go on", wrong); err != nil {
		return err
	}
	return setUpPage.Render(w, r, status, v)
}

type codesView struct {
	web.View
	Codes []string
}

func renderCodes(w http.ResponseWriter, r *http.Request, list []string) error {
	v := codesView{View: look(r, "Your recovery codes"), Codes: list}
	v.Lead = "Each of them stands in for your authenticator app once, should you lose it. They are shown this one time."
	return codesPage.Render(w, r, http.StatusOK, v)
}

type accountView struct {
	web.View
	Staff    bool
	Keys     []keyView
	Add      *ceremony
	Password *passwordRow
	Company  string
	Bound    bool
	Sessions []session
	Others   bool
	EndAll   web.Action
}

type keyView struct {
	Label  string
	Synced bool
	Made   time.Time
	Used   time.Time
	Remove web.Action
}

type passwordRow struct {
	Set    bool
	Left   int
	Few    bool
	Remove web.Action
	Renew  web.Action
}

// renderAccount shows how whoever asks signs in.
func (d *Desk) renderAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.ActorOf(r.Context())
	root := home(who.Kind)
	v := accountView{View: look(r, "How you sign in"), Staff: who.Kind == loot.Staff}
	v.Again = web.SignInAgain(r, d.kit.Now(), "Changing anything here")
	var m Methods
	var keys []passkey
	if err := d.kit.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if m, err = d.Methods(ctx, tx, who.ID); err != nil {
			return err
		}
		if keys, err = d.keysOf(ctx, tx, who.ID); err != nil {
			return err
		}
		v.Sessions, err = d.sessionsOf(r, tx, who.Kind, who.ID)
		return err
	}); err != nil {
		return err
	}
	for _, k := range keys {
		v.Keys = append(v.Keys, keyView{k.Label, k.Synced(), k.made, k.used, web.Action{
			Label: "Remove", Href: root + "/passkey/" + k.Name() + "/remove", Post: true, Small: true, Danger: true,
			Confirm: "Remove the passkey “" + k.Label + "”? It does not sign you in any more. Remove it from your device too.",
		}})
	}
	if d.passkeys != nil {
		label := labelField
		v.Add = &ceremony{Label: "Add a passkey", Begin: root + "/passkey", Done: root + "/passkey/done", New: true, Name: &label, Script: passkeyURL}
	}
	if v.Staff {
		v.Password = &passwordRow{
			Set: m.Password, Left: m.Recovery, Few: m.Recovery <= 3,
			Remove: web.Action{Label: "Remove", Href: root + "/password/remove", Post: true, Small: true, Danger: true, Confirm: "Remove the password, the authenticator app and the recovery codes? You sign in with your passkey or your company's sign-on then."},
			Renew:  web.Action{Label: "New recovery codes", Href: root + "/codes", Post: true, Small: true, Confirm: "Make new recovery codes? The ones you have are worth nothing then."},
		}
		if d.company != nil {
			v.Company, v.Bound = d.company.Name, m.Company
		}
	}
	v.Others = len(v.Sessions) > 1
	v.EndAll = web.Action{Label: "End all others", Icon: "log-out", Href: root + "/sessions", Post: true, Small: true}
	return accountPages.Render(w, r, http.StatusOK, v)
}

type passwordView struct {
	web.View
	App appForm
}

func (d *Desk) renderPassword(w http.ResponseWriter, r *http.Request, status int, secret string, wrong error) error {
	a, err := d.own(r)
	if err != nil {
		return err
	}
	v := passwordView{View: look(r, "Password and authenticator app")}
	v.Crumbs = []web.Crumb{{Label: "How you sign in", Href: accountPath}}
	v.Lead = "They come together, with new recovery codes. Your other sessions end."
	if v.App, err = d.appForm("/console/account/password", a.Actor.ID, a.Email, secret, "Set both", wrong); err != nil {
		return err
	}
	return passwordForm.Render(w, r, status, v)
}

type tokensView struct {
	web.View
	Root     string
	New      string // a token that was just made, shown once
	Tokens   []tokenRow
	Fields   web.Fields
	Problems *web.Problems
	NoScopes bool
}

type tokenRow struct {
	apiToken
	Expired  bool
	Withdraw web.Action
}

func (d *Desk) renderTokens(w http.ResponseWriter, r *http.Request, status int, in url.Values, wrong error, token string) error {
	who := web.ActorOf(r.Context())
	v := tokensView{View: look(r, "API tokens"), Root: tokensAt(who.Kind), New: token, Fields: d.tokenFields(who.Kind).With(in, wrong), NoScopes: len(d.scopesFor(who.Kind)) == 0}
	v.Lead = "A program that uses a token acts in your name, with your roles as they are at that moment, and never beyond what the token is for."
	if who.Kind == loot.Person {
		v.Lead = "A program that uses a token reads your own record, or sets your own permissions, in your name. It sees nobody else's, and never does more than the token is for."
	}
	v.Problems = web.ProblemsOf(wrong, v.Fields)
	if !v.NoScopes && token == "" {
		v.Again = web.SignInAgain(r, d.kit.Now(), "Making a token")
	}
	var list []apiToken
	if err := d.kit.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		list, err = d.tokens(r.Context(), tx, who.ID)
		return err
	}); err != nil {
		return err
	}
	for _, t := range list {
		v.Tokens = append(v.Tokens, tokenRow{t, !t.Ends.After(d.kit.Now()), web.Action{
			Label: "Withdraw", Href: v.Root + "/" + t.ID + "/withdraw", Post: true, Small: true, Danger: true,
			Confirm: "Withdraw the token “" + t.Title + "”? The program that uses it is refused at once.",
		}})
	}
	return tokenPages.Render(w, r, status, v)
}
