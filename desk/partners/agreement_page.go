package partners

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"loot"
	"loot/store"
	"loot/web"
)

// document gives out the signed document of an agreement.
func (d *Partners) document(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	var kind string
	var text []byte
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if err := d.signed(ctx, tx, web.ActorOf(ctx)); err != nil {
			return err
		}
		all, err := agreements(ctx, tx, r.PathValue("key"))
		i := slices.IndexFunc(all, func(a agreement) bool { return a.ID == id })
		if err != nil {
			return err
		}
		if i < 0 {
			return loot.Errorf(loot.NotFound, "There is no such agreement.")
		}
		var sealed []byte
		if err := tx.QueryRow(ctx, `SELECT document FROM partners_agreement WHERE id = $1`, id).Scan(&sealed); err != nil {
			return fmt.Errorf("partners: document: %w", err)
		}
		kind = all[i].Type
		text, err = d.key.Open(sealed, bound("document", id))
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream") // never shown here: nobody knows what it is
	w.Header().Set("Content-Disposition", `attachment; filename="agreement-`+id+ending(kind)+`"`)
	_, err := w.Write(text)
	return err
}

func ending(kind string) string {
	switch kind, _, _ = strings.Cut(kind, ";"); kind {
	case "application/pdf":
		return ".pdf"
	case "text/plain":
		return ".txt"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	}
	return ".bin"
}

func (d *Partners) takeAgreement(w http.ResponseWriter, r *http.Request) error {
	s, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return err
	}
	a, papers, typed, err := readAgreement(r, s, to)
	if web.Wrong(err) != nil {
		return d.showPartner(w, r, showing{http.StatusUnprocessableEntity, formAgreement, typed, err, ""})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, "The agreement counts from its day on.", func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		return d.register(ctx, tx, by, a, papers)
	})
}

func (d *Partners) takeRevocation(w http.ResponseWriter, r *http.Request) error {
	_, to, typed, err := d.typed(r)
	if err == nil {
		err = revokeForm().Check(typed)
	}
	if web.Wrong(err) != nil {
		return d.showPartner(w, r, showing{http.StatusUnprocessableEntity, formRevoke, typed, err, ""})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, "Revoked. Nothing goes there any more.", func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		return d.revoke(ctx, tx, by, to.Key, typed.Get("reason"))
	})
}
