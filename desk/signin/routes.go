package signin

import (
	"encoding/json"
	"net/http"
	"strings"

	"loot"
	"loot/web"
)

// Paths that letters and links lead to.
const (
	enterPath     = "/signin/link/"
	confirmPath   = "/confirm/"
	welcomePath   = "/console/welcome/"
	accountPath   = "/console/account"
	companyReturn = "/console/signin/company/return"
)

// guess is the limit of everything where somebody could try values out.
var guess = web.PerMinute(20)

func (d *Desk) routes() []web.Route {
	return []web.Route{
		// Customers come in.
		{Pattern: "GET /signin", Audience: web.Public, Serve: d.customerDoor},
		{Pattern: "POST /signin", Audience: web.Public, Serve: d.askLink, Limit: guess},
		{Pattern: "GET /signin/sent", Audience: web.Public, Serve: d.linkSent},
		{Pattern: "GET /signin/link/{token}", Audience: web.Public, Serve: d.showLink, Limit: guess},
		{Pattern: "POST /signin/link/{token}", Audience: web.Public, Serve: d.enterByLink, Limit: guess},
		{Pattern: "POST /signin/passkey", Audience: web.Public, Serve: d.askPasskey, Limit: guess},
		{Pattern: "POST /signin/passkey/done", Audience: web.Public, Serve: d.customerPasskey, Limit: guess},
		{Pattern: "GET /confirm/{token}", Audience: web.Public, Serve: d.showConfirm, Limit: guess},
		{Pattern: "POST /confirm/{token}", Audience: web.Public, Serve: d.confirmByLink, Limit: guess},
		{Pattern: "POST /signout", Audience: web.Public, Serve: d.signOut},

		// Staff come in.
		{Pattern: "GET /console/signin", Audience: web.Public, Serve: d.staffDoor},
		{Pattern: "POST /console/signin", Audience: web.Public, Serve: d.checkPassword, Limit: guess},
		{Pattern: "GET /console/signin/code", Audience: web.Public, Serve: d.codePage},
		{Pattern: "POST /console/signin/code", Audience: web.Public, Serve: d.enterByCode, Limit: guess},
		{Pattern: "POST /console/signin/passkey", Audience: web.Public, Serve: d.askPasskey, Limit: guess},
		{Pattern: "POST /console/signin/passkey/done", Audience: web.Public, Serve: d.staffPasskey, Limit: guess},
		{Pattern: "POST /console/signin/company", Audience: web.Public, Serve: d.toCompany, Limit: guess},
		{Pattern: "GET " + companyReturn, Audience: web.Public, Serve: d.fromCompany},
		{Pattern: "POST " + companyReturn, Audience: web.Public, Serve: d.enterByCompany, Limit: guess},

		// Staff are welcomed: the first administrator, and who was invited.
		{Pattern: "GET /console/welcome/{token}", Audience: web.Public, Serve: d.welcome, Limit: guess},
		{Pattern: "POST /console/welcome/{token}", Audience: web.Public, Serve: d.accept, Limit: guess},
		{Pattern: "GET /console/set-up", Audience: web.Public, Serve: d.setUp},
		{Pattern: "POST /console/set-up/password", Audience: web.Public, Serve: d.setUpPassword, Limit: guess},
		{Pattern: "POST /console/set-up/passkey", Audience: web.Public, Serve: d.setUpAskPasskey, Limit: guess},
		{Pattern: "POST /console/set-up/passkey/done", Audience: web.Public, Serve: d.setUpPasskey, Limit: guess},

		// Staff look after how they sign in.
		{Pattern: "GET /console/account", Audience: web.Console, Serve: d.account},
		{Pattern: "POST /console/account/passkey", Audience: web.Console, Serve: d.addAskPasskey, Fresh: true},
		{Pattern: "POST /console/account/passkey/done", Audience: web.Console, Serve: d.addPasskey, Fresh: true},
		{Pattern: "POST /console/account/passkey/{name}/remove", Audience: web.Console, Serve: d.removePasskey, Fresh: true},
		{Pattern: "GET /console/account/password", Audience: web.Console, Serve: d.passwordPage, Fresh: true},
		{Pattern: "POST /console/account/password", Audience: web.Console, Serve: d.changePassword, Fresh: true, Limit: guess},
		{Pattern: "POST /console/account/password/remove", Audience: web.Console, Serve: d.removePassword, Fresh: true},
		{Pattern: "POST /console/account/codes", Audience: web.Console, Serve: d.renewCodes, Fresh: true},
		{Pattern: "GET /console/account/codes", Audience: web.Console, Serve: d.showCodes},
		{Pattern: "POST /console/account/codes/kept", Audience: web.Console, Serve: d.keptCodes},
		{Pattern: "POST /console/account/sessions", Audience: web.Console, Serve: d.endOtherSessions},
		{Pattern: "GET /console/tokens", Audience: web.Console, Serve: d.tokensPage},
		{Pattern: "POST /console/tokens", Audience: web.Console, Serve: d.newTokenPage, Fresh: true},
		{Pattern: "POST /console/tokens/{id}/withdraw", Audience: web.Console, Serve: d.withdrawToken},

		// Customers look after how they sign in.
		{Pattern: "GET /portal/signin", Audience: web.Portal, Serve: d.account},
		{Pattern: "POST /portal/signin/passkey", Audience: web.Portal, Serve: d.addAskPasskey, Fresh: true},
		{Pattern: "POST /portal/signin/passkey/done", Audience: web.Portal, Serve: d.addPasskey, Fresh: true},
		{Pattern: "POST /portal/signin/passkey/{name}/remove", Audience: web.Portal, Serve: d.removePasskey, Fresh: true},
		{Pattern: "GET /portal/tokens", Audience: web.Portal, Serve: d.tokensPage},
		{Pattern: "POST /portal/tokens", Audience: web.Portal, Serve: d.newTokenPage, Fresh: true},
		{Pattern: "POST /portal/tokens/{id}/withdraw", Audience: web.Portal, Serve: d.withdrawToken},
		{Pattern: "POST /portal/signin/sessions", Audience: web.Portal, Serve: d.endOtherSessions},
	}
}

// kindOf says whose door a request is at.
func kindOf(r *http.Request) loot.ActorKind {
	if under(r.URL.Path, "/console") {
		return loot.Staff
	}
	return loot.Person
}

// leadsTo returns where somebody goes who has come in: where they wanted to
// if that is behind the same door, else to its beginning.
func leadsTo(kind loot.ActorKind, next string) string {
	root := "/portal"
	if kind == loot.Staff {
		root = "/console"
	}
	next = web.Local(next, root)
	path, _, _ := strings.Cut(next, "?")
	if kind == loot.Staff && (!under(path, "/console") || under(path, "/console/signin") || under(path, "/console/welcome") || under(path, "/console/set-up")) ||
		kind == loot.Person && (under(path, "/console") || under(path, "/signin")) {
		return root
	}
	return next
}

// answer sends a value to the script of the passkeys.
func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// A leading is where the script goes when a passkey was taken.
type leading struct {
	Next string `json:"next"`
}

// signOut ends whatever sessions the browser has.
func (d *Desk) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := d.endHere(r); err != nil {
		return err
	}
	for _, kind := range []loot.ActorKind{loot.Person, loot.Staff} {
		http.SetCookie(w, &http.Cookie{
			Name: d.manager(kind).Cookie.Name, Path: "/", MaxAge: -1,
			HttpOnly: true, Secure: d.https, SameSite: http.SameSiteLaxMode,
		})
	}
	web.SetFlash(w, r, web.Good, "You are signed out.")
	return web.Redirect(w, r, "/")
}
