package partners

import (
	"context"
	"net/http"
	"time"

	"loot"
	"loot/api"
	"loot/statement"
	"loot/store"
)

// Scopes are what a token may be used for on this desk.
var Scopes = map[api.Scope]string{
	"partners:read":   "list partners with their agreements, and what they still have to delete",
	"partners:revoke": "revoke agreements with partners",
}

const tag = "Partners"

// api adds the operations of this desk for staff. What partners call themselves is under
// /partner/v1, with keys of their own.
func (d *Partners) api(a *api.API) {
	api.Add(a, api.Operation{
		ID: "list-partners", Method: http.MethodGet, Path: "/api/partners", Tag: tag, Scope: "partners:read",
		Summary: "List partners and their agreements",
	}, d.apiList)
	api.Add(a, api.Operation{
		ID: "list-deletions", Method: http.MethodGet, Path: "/api/partners/deletions", Tag: tag, Scope: "partners:read",
		Summary: "List what partners still have to delete", Text: "The oldest first, 500 at most. It names nobody but by the partner's own reference.",
	}, d.apiDeletions)
	api.Add(a, api.Operation{
		ID: "revoke-agreement", Method: http.MethodPost, Path: "/api/partners/{key}/revoke", Tag: tag, Scope: "partners:revoke",
		Summary: "Revoke an agreement", Kinds: []loot.Kind{loot.Invalid, loot.Denied, loot.NotFound, loot.Conflict},
		Text: "Transfers stop in the same instant, also one that is under way. It needs the role of legal counsel or of the data protection officer.",
	}, d.apiRevoke)
}

type apiPartner struct {
	Key        string          `json:"key"`
	Title      string          `json:"title"`
	Country    string          `json:"country"`
	InForce    bool            `json:"in_force" doc:"An agreement is in force now"`
	Signed     time.Time       `json:"signed,omitzero"`
	Ends       time.Time       `json:"ends,omitzero"`
	Purposes   []loot.Purpose  `json:"purposes,omitempty"`
	Categories []loot.Category `json:"categories,omitempty"`
	Hash       string          `json:"document_sha256,omitempty"`
}

type partnersOut struct {
	Body struct {
		Partners []apiPartner `json:"partners"`
	}
}

func (d *Partners) apiList(ctx context.Context, _ *struct{}) (*partnersOut, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	out := &partnersOut{}
	return out, d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out.Body.Partners = []apiPartner{}
		for _, to := range partners(s) {
			a, err := standing(ctx, tx, to.Key)
			if err != nil {
				return err
			}
			out.Body.Partners = append(out.Body.Partners, apiPartner{
				Key: to.Key, Title: to.Title, Country: statement.CountryName(to.Country), InForce: a.runs(d.Now()), Signed: a.Signed, Ends: a.Ends,
				Purposes: a.Purposes, Categories: a.Categories, Hash: a.Hash,
			})
		}
		return nil
	})
}

type apiPartnerDeletion struct {
	ID        string       `json:"id"`
	Partner   string       `json:"partner"`
	Reference string       `json:"reference"`
	Purpose   loot.Purpose `json:"purpose"`
	Because   string       `json:"because" enum:"withdrawn,objected,erased"`
	Made      time.Time    `json:"made"`
	Sent      time.Time    `json:"sent,omitzero"`
	Letters   int          `json:"letters"`
}

type partnerDeletionsOut struct {
	Body struct {
		Deletions []apiPartnerDeletion `json:"deletions"`
	}
}

func (d *Partners) apiDeletions(ctx context.Context, _ *struct{}) (*partnerDeletionsOut, error) {
	out := &partnerDeletionsOut{}
	return out, d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out.Body.Deletions = []apiPartnerDeletion{}
		list, err := deletions(ctx, tx, `confirmed = 0 ORDER BY made, id LIMIT 500`)
		for _, x := range list {
			out.Body.Deletions = append(out.Body.Deletions, apiPartnerDeletion{x.ID, x.Partner, x.Reference, x.Purpose, x.Why, x.Made, x.Sent, x.Letters})
		}
		return err
	})
}

type revokeAgreementIn struct {
	Key  string `path:"key" maxLength:"64"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Kept sealed"`
	}
}

func (d *Partners) apiRevoke(ctx context.Context, in *revokeAgreementIn) (*struct{}, error) {
	_, to, err := d.partner(in.Key)
	if err != nil {
		return nil, err
	}
	by := api.ActorOf(ctx)
	if !keeps(by) {
		return nil, loot.Errorf(loot.Denied, "Legal counsel and the data protection officer revoke agreements.")
	}
	return nil, d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, by); err != nil {
			return err
		}
		return d.revoke(ctx, tx, by, to.Key, in.Body.Reason)
	})
}
