package publication

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
	"loot/statement"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

// The page that customers read shows what is declared, under the clause that
// declares it, and every link within the page arrives.
func TestTheStatementShowsItsDeclarations(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	a := h.Get("/statement")
	shows(t, a, http.StatusOK,
		"Writing invoices To send you an invoice", "A law that obliges us: Value-Added Tax Consolidation Act 2010 (Ireland), section 66", "45 days",
		"Bank account (IBAN) Without it we cannot collect by direct debit", // why, under the purpose
		"Legal counsel Settling disputes Name and job Agrees as a second person",
		"Kelpwharf Data Centres A partner that works on what you ordered Ireland Helping you",
		"3. Closest to you Nothing of it 1 other person Bank account",
		"Offers from Tallowmere Software Tallowmere receives", "Google's number for your browser Cookie Statistics by others 13 months",
		"Global Privacy Control Everywhere", "Advertisements from Marlowick",
	)
	card, contents, text := strings.Index(a.Body, ">Last changed<"), strings.Index(a.Body, `<details class="fold"><summary>Contents`), strings.Index(a.Body, "<article")
	if card < 0 || card > contents || contents > text {
		t.Errorf("the card stands at %d, the folded contents at %d, the text at %d", card, contents, text)
	}
	_, clause, _ := strings.Cut(a.Body, `id="security.staff"`)
	if table, rules := strings.Index(clause, `id="roles/counsel"`), strings.Index(clause, "rules that run"); table < 0 || table > rules {
		t.Errorf("the table of roles stands at %d of its clause, the rules at %d", table, rules)
	}
	for _, m := range strings.Split(a.Body, `href="#`)[1:] {
		if id, _, _ := strings.Cut(m, `"`); strings.Count(a.Body, `id="`+id+`"`) != 1 {
			t.Errorf("the link to #%s arrives %d times", id, strings.Count(a.Body, `id="`+id+`"`))
		}
	}
}

// Where the statement links to another site, a notice names that site first,
// and leads nowhere else.
func TestTheStatementLeadsToOtherSitesOverANotice(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	var away []string
	for _, l := range linksIn(h.Get("/statement").Body) {
		if l.to != l.href {
			away = append(away, l.href)
		}
	}
	if len(away) != 4 {
		t.Fatalf("%d links lead over the notice: %q", len(away), away)
	}
	shows(t, h.Get(away[0]), http.StatusOK, "You are about to leave us", "optout.aboutads.info", "its own rules")
	shows(t, h.Get(strings.Replace(away[0], "aboutads.info", "aboutads.test", 1)), http.StatusNotFound, "No page of ours leads on from here")
}

// What others check by is published: the JSON Schema of the declarations, and
// the hash of the page that checks proofs, as it is served.
func TestSchemaAndHashOfTheCheckingPageArePublished(t *testing.T) {
	h := newHouse(t, desktest.One(t))
	if a := h.Get("/statement.schema.json"); a.Status != http.StatusOK || !json.Valid([]byte(a.Body)) || a.Body != string(statement.JSONSchema()) {
		t.Errorf("the schema: %d", a.Status)
	}
	h.Confirm()
	sum := sha256.Sum256([]byte(h.Get("/verify").Body))
	shows(t, h.Get("/ledger"), http.StatusOK, "its SHA-256 is "+hex.EncodeToString(sum[:]), "No witness watches this ledger yet.")
	h.Actor = loot.Actor{Kind: loot.Staff, ID: "t1", Roles: []loot.Role{"dpo"}}
	shows(t, h.Get("/console/ledger"), http.StatusOK, "No witness watches this ledger yet.")
}
