package partners

import (
	"context"
	"net/http"

	"loot"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// whys say why a partner was asked to delete.
var whys = map[string]string{becauseWithdrawn: "permission taken back", becauseObjected: "objection", becauseErased: "erased here"}

func deletionRowOf(s *statement.Statement, x deletion, keeper bool) deletionRow {
	row := deletionRow{
		ID: x.ID, Partner: x.Partner, Href: path(x.Partner), Reference: x.Reference, Purpose: titlesOf(s, []loot.Purpose{x.Purpose}), Why: whys[x.Why], Made: x.Made, Sent: x.Sent, Letters: x.Letters,
		State: web.Badge{Tone: web.Warn, Text: "not sent", Icon: "clock-alert"}, Confirm: keeper && x.Confirmed.IsZero(), Note: path(x.Partner) + "/deletions/" + x.ID,
	}
	if to, ok := s.Recipient(x.Partner); ok {
		row.Partner = to.Title
	}
	switch {
	case !x.Confirmed.IsZero():
		row.State = web.Badge{Tone: web.Good, Text: "confirmed " + x.Confirmed.Format("2 Jan 2006"), Icon: "check"}
	case !x.Sent.IsZero():
		row.State = web.Badge{Tone: web.Info, Text: "waits for the partner", Icon: "hourglass"}
	}
	return row
}

func (d *Partners) deletionNote(w http.ResponseWriter, r *http.Request) error {
	var text string
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		list, err := deletions(r.Context(), tx, `id = $1 AND partner = $2`, r.PathValue("id"), r.PathValue("key"))
		if err == nil && len(list) == 0 {
			err = loot.Errorf(loot.NotFound, "There is no such request to delete.")
		}
		if err != nil {
			return err
		}
		text, err = d.signedNote(list[0].note())
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="delete-`+r.PathValue("id")+`.txt"`)
	_, err := w.Write([]byte(text))
	return err
}

func (d *Partners) takeConfirmation(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	how := typed.Get("how")
	if how == "" || len(how) > 1000 {
		return loot.Errorf(loot.Invalid, "Say in a sentence how the partner confirmed it, such as by which letter. It is kept sealed.")
	}
	return d.done(w, r, "Noted.", func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		return d.confirm(ctx, tx, by, r.PathValue("key"), r.PathValue("id"), how)
	})
}
