package billing

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// hintProofs are those of the clause about suggestions.
func (b *Billing) hintProofs() []desk.Proof {
	return []desk.Proof{
		desk.ProofUnder(Keeps[1], "a suggestion comes once it is switched on, says why and what it looked at, and with one click the next is not written", b.switchedOnAndOff),
		desk.ProofUnder(Keeps[1], "suggestions read the company, its country, its services and where to send them, and nothing else", b.readsNothingElse),
	}
}

// fill has a service of somebody's so full.
func (b *Billing) fill(ctx context.Context, w *desk.World, who loot.Subject, full int64) error {
	var one Service
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := b.Services(ctx, tx, who)
		if err != nil || len(all) == 0 {
			return errors.Join(err, errors.New("the customer has no service"))
		}
		// Whatever plans there are, one of these is larger and says how full it is.
		one = all[0]
		for _, p := range []Plan{{ID: "tried-small", Title: "Small", Cents: 100}, {ID: "tried-large", Title: "Large", Cents: 200}} {
			p.Service, p.Currency, p.Period = one.Service, euro, "month"
			var there int
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_plan WHERE id = $1`, p.ID).Scan(&there); err != nil || there > 0 {
				return err
			}
			if err := insertPlan(ctx, tx, p); err != nil {
				return err
			}
			if err := insertMeter(ctx, tx, Meter{Plan: p.ID, ID: "disk", Title: "Disk", Kind: Level, Unit: percent}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if _, err := w.DB.Exec(ctx, `UPDATE billing_service SET plan = 'tried-small' WHERE reference = $1`, one.Reference); err != nil {
		return err
	}
	taken, err := b.record(ctx, b.actor(), []Record{{Service: one.Reference, Meter: "disk", Key: loot.NewID("k"), At: b.Now(), Amount: full * oneUnit}}, true)
	if err == nil && len(taken.Refused) > 0 {
		err = errors.New(taken.Refused[0].Why)
	}
	return err
}

func (b *Billing) switchedOnAndOff(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	offer, ok := hintOffer(s)
	if !ok {
		return "", errors.New("the statement offers no switch for suggestions")
	}
	who, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	w.Clock.Advance(time.Hour) // with which the service has run
	if err := b.fill(ctx, w, who, 91); err != nil {
		return "", err
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(who)}}
	hints := func() (out []Hint, err error) {
		if err := b.hints(ctx, hintArgs{}); err != nil {
			return nil, err
		}
		err = w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			out, err = b.hintsOf(ctx, tx, `n.subject = $2`, who)
			return err
		})
		return out, err
	}
	turn := func(give string) error {
		a, err := me.Post(ctx, "/portal/permissions/"+url.PathEscape(offer.ID), url.Values{"give": {give}})
		if err == nil && a.Status != http.StatusSeeOther {
			err = fmt.Errorf("the switch was answered with %d", a.Status)
		}
		return err
	}
	if before, err := hints(); err != nil || len(before) > 0 {
		return "", errors.Join(err, fmt.Errorf("%d suggestions were written before they were switched on", len(before)))
	}
	if err := turn("yes"); err != nil {
		return "", err
	}
	on, err := hints()
	if err != nil {
		return "", err
	}
	if len(on) != 1 || on[0].Rule != nearlyFull || !strings.Contains(on[0].Why, "91") {
		return "", fmt.Errorf("%d suggestions were written for a disk that is 91 %% full", len(on))
	}
	a, err := me.Get(ctx, "/portal/services")
	if err != nil {
		return "", err
	}
	if page := html.UnescapeString(a.Body.String()); !strings.Contains(page, on[0].Why) || !strings.Contains(page, on[0].Data) {
		return "", errors.New("the portal does not show the suggestion with why it came and what it looked at")
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	var items []ledger.Item
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		items, err = w.Ledger.Timeline(ctx, tx, who, used, "", 50)
		return err
	}); err != nil {
		return "", err
	}
	looked := func(i ledger.Item) bool { return i.Facts.Purpose == forHints && i.Facts.Verdict == ledger.Permitted }
	if !slices.ContainsFunc(items, looked) {
		return "", errors.New("the ledger does not tell the customer that their use was looked at for a suggestion")
	}
	if err := turn("no"); err != nil {
		return "", err
	}
	if err := w.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM billing_hint WHERE subject = $1`, who)
		return err
	}); err != nil {
		return "", err
	}
	if after, err := hints(); err != nil || len(after) > 0 {
		return "", errors.Join(err, fmt.Errorf("%d suggestions were written after they were switched off", len(after)))
	}
	return "none before; then “" + on[0].Why + "”; none after", nil
}

func (b *Billing) readsNothingElse(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	offer, ok := hintOffer(s)
	if !ok {
		return "", errors.New("the statement offers no switch for suggestions")
	}
	who, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		return w.Gate.Permit(ctx, tx, gate.Choice{Subject: who, Collection: collection, By: loot.Actor{Kind: loot.Person, ID: string(who)}, Offer: offer.ID})
	}); err != nil {
		return "", err
	}
	may := []loot.Category{"company", "address", "usage", "contact"}
	yes, no := 0, 0
	for _, c := range s.Collections() {
		for _, f := range s.Fields(c.ID) {
			err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
				_, err := w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: recommender}, Desk: name, Purpose: forHints, Subject: who, Collection: c.ID, Fields: []loot.Field{f.ID},
				})
				return err
			})
			_, refused := errors.AsType[*gate.Refusal](err)
			_, given := f.Needed[forHints]
			switch {
			case err != nil && !refused:
				return "", err
			case err == nil && (!given || !slices.Contains(may, f.Category) || c.ID != collection && c.ID != used):
				return "", fmt.Errorf("“%s” of “%s” was opened for a suggestion", f.Title, c.Title)
			case refused && given && slices.Contains(may, f.Category):
				return "", fmt.Errorf("“%s” was refused for a suggestion, which it is given for: %w", f.Title, err)
			case err == nil:
				yes++
			default:
				no++
			}
		}
	}
	if yes == 0 {
		return "", errors.New("nothing may be read for suggestions, so nothing was proved")
	}
	return fmt.Sprintf("%s may be read for them; %d refused, of applications, registrations and visits too", loot.Plural(yes, "detail", "details"), no), nil
}
