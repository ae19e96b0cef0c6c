package app

import (
	"testing"

	"loot/store"
	"loot/store/storetest"
)

// TestAReportByMailIsInACase once, however often it comes, and also where it
// names no address and no kind.
func TestAReportByMailIsInACase(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	if err := a.takes("abuse@loot.example", a.reportedByMail); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"You send spam from 192.0.2.7", "You send spam from 192.0.2.7", "Please call me."} {
		sendMail(t, a, "abuse@loot.example", text)
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	var reports, repeats, open int
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT COUNT(*), SUM(repeats) FROM safety_report`).Scan(&reports, &repeats); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM safety_about`).Scan(&open)
	}); err != nil {
		t.Fatal(err)
	}
	waiting, err := a.mailbox.Waiting(ctx)
	if err != nil || reports != 2 || repeats != 1 || open != 2 || waiting.Mails != 0 {
		t.Errorf("%d reports, %d repeats, in %d cases, %d wait, %v", reports, repeats, open, waiting.Mails, err)
	}
}

// TestARequestByMailWaits until a colleague looks at it, and is no request before.
func TestARequestByMailWaits(t *testing.T) {
	ctx, a, w := simulated(t, storetest.SQLite, nil)
	if err := a.takes("requests@loot.example", a.asked); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sendMail(t, a, "requests@loot.example", "Who had the service on 3 May? Section 10 of the Act.")
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	var waits, requests int
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM disclosure_mail), (SELECT COUNT(*) FROM disclosure_request)`).Scan(&waits, &requests)
	}); err != nil {
		t.Fatal(err)
	}
	if waits != 1 || requests != 0 {
		t.Errorf("%d mails wait and %d requests were entered, want 1 and 0", waits, requests)
	}
}
