package partners

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"loot/desk/partners/sftp"
	"loot/desk/partners/sftp/sftptest"
	"loot/outbound"
	"loot/store"
	"loot/web/webtest"
)

// TestAFileIsPutOnAServer: sealed, under its name once it is whole, and with its hash in the
// list. A server that cannot be reached is tried again, and why stands there.
func TestAFileIsPutOnAServer(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.customer("a@example.com")
		h.customer("b@example.com")
		h.ready(helper)
		srv := sftptest.Start(t, sftp.PublicKey(h.desk.serverKey()))
		h.asStaff("t-dpo", "dpo")
		company := func(pairs ...string) []string {
			return append([]string{"contact", "privacy@partner.example", "recipient", h.key.Recipient().String(), "account", "loot", "folder", "in", "hostkey", srv.HostKey}, pairs...)
		}
		at := "/console/partners/" + helper
		shows(t, h.Post(at+"/company", company("address", "nowhere")...), http.StatusUnprocessableEntity, "A server is a host and a port")
		leads(t, h.Post(at+"/company", company("address", srv.Address)...), at)
		shows(t, h.Get(at), http.StatusOK, "Put on the partner’s server", "SHA256:", sftp.PublicKey(h.desk.serverKey()))

		// Nothing inside is reached unless the settings name it.
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "They asked.", "way", "sftp"), at)
		h.Drain()
		shows(t, h.Get(at), http.StatusOK, "waits for the server", "--outbound-networks")
		if n := h.transfers(a); n != 0 {
			t.Fatalf("%d transfers before the server was reached", n)
		}
		h.desk.needs.Reach = outbound.Reach{netip.MustParsePrefix("127.0.0.0/8")}
		h.Clock.Advance(time.Hour)
		h.Drain()
		list, err := os.ReadDir(filepath.Join(srv.Folder, "in"))
		ok(t, err)
		if len(list) != 1 || !strings.HasPrefix(list[0].Name(), helper+"-") || !strings.HasSuffix(list[0].Name(), ".jsonl.age") {
			t.Fatalf("the server has %v", list)
		}
		file, err := os.ReadFile(filepath.Join(srv.Folder, "in", list[0].Name()))
		ok(t, err)
		people := h.opened(webtest.Answer{Body: string(file)})
		if got := addresses(people); len(people) != 2 || !strings.Contains(got, "a@example.com") || !strings.Contains(got, "b@example.com") || h.transfers(a) != 1 {
			t.Errorf("it holds %v", people)
		}
		sum := sha256.Sum256(file)
		shows(t, h.Get(at), http.StatusOK, "SFTP", hex.EncodeToString(sum[:]), "done")

		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			items, err := h.Kit.Ledger.Timeline(ctx, tx, a, collection, "", 1)
			if err != nil {
				return err
			}
			if who, err := h.Kit.Ledger.Actor(ctx, tx, items[0].ID); err != nil || who.ID != "t-dpo" || who.Reason != "They asked." {
				t.Errorf("the ledger has %+v, %v", who, err)
			}
			return nil
		})

		// One that broke off with the process that sent it is not sent again.
		within := h.desk.needs.Reach
		h.desk.needs.Reach = nil // so that it waits
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "Once more.", "way", "sftp"), at)
		h.Drain()
		_, err = h.desk.DB.Exec(t.Context(), `UPDATE partners_delivery SET sending = 1 WHERE ended = 0`)
		ok(t, err)
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Minute)
		h.Drain()
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 || h.transfers(a) != 1 {
			t.Errorf("after one broke off the server has %v", list)
		}

		// What stops everything stops this, too.
		h.desk.needs.Reach = nil
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "Again.", "way", "sftp"), at)
		h.Drain()
		leads(t, h.Post(at+"/revoke", "reason", "It ends."), at)
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Hour)
		h.Drain()
		shows(t, h.Get(at), http.StatusOK, "did not arrive", "so nothing goes there")
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 || h.transfers(a) != 1 {
			t.Errorf("after the agreement was revoked the server has %v", list)
		}
	})
}

// TestAFileThatDoesNotGoSaysWhy: at once, in our words, and not after the hour in which a
// delivery that broke off is waited for.
func TestAFileThatDoesNotGoSaysWhy(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		h.customer("a@example.com")
		h.ready(helper)
		srv := sftptest.Start(t, sftp.PublicKey(h.desk.serverKey()))
		h.asStaff("t-dpo", "dpo")
		at := "/console/partners/" + helper
		leads(t, h.Post(at+"/company", "contact", "privacy@partner.example", "recipient", h.key.Recipient().String(), "address", srv.Address, "account", "loot", "folder", "in", "hostkey", srv.HostKey), at)
		within := outbound.Reach{netip.MustParsePrefix("127.0.0.0/8")}
		order := func() {
			t.Helper()
			h.desk.needs.Reach = nil // so that it waits
			leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "They asked.", "way", "sftp"), at)
			h.Drain()
		}
		failed := 0
		fails := func(what, why string) {
			t.Helper()
			failed++
			a := h.Get(at)
			shows(t, a, http.StatusOK, "did not arrive", why)
			if n := strings.Count(a.Body, "did not arrive"); n != failed {
				t.Errorf("%s: %d of %d did not arrive", what, n, failed)
			}
			if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 0 {
				t.Errorf("%s: the server has %v", what, list)
			}
		}
		set := func(query string, args ...any) {
			t.Helper()
			_, err := h.desk.DB.Exec(t.Context(), query, args...)
			ok(t, err)
		}

		waiting := func() (id string) {
			t.Helper()
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				return tx.QueryRow(ctx, `SELECT id FROM partners_delivery WHERE ended = 0 AND failed = 0`).Scan(&id)
			})
			return id
		}

		order()
		id := waiting()
		for range putTries - 1 { // after pauses, which the queue makes
			shows(t, h.Get(at), http.StatusOK, "waits for the server")
			if err := h.desk.put(t.Context(), putArgs{id}); err == nil {
				t.Error("a server that is not reached is not tried again")
			}
		}
		fails("one whose tries are spent", "--outbound-networks")

		order()
		set(`UPDATE partners_delivery SET author = 't-new' WHERE ended = 0 AND failed = 0`)
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Minute)
		h.Drain()
		fails("one of somebody who did not sign", "Sign the confidentiality undertaking first")

		order()
		set(`UPDATE partners_delivery SET author = 't-gone' WHERE ended = 0 AND failed = 0`)
		h.Clock.Advance(time.Minute)
		h.Drain()
		fails("one of somebody who left", "may hand nothing over any more")

		// What nobody classified is for the log, and a context that ended says so none the less.
		order()
		id = waiting()
		var queue string
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT queue FROM river_job WHERE kind = 'partners.put' ORDER BY id DESC LIMIT 1`).Scan(&queue)
		})
		if queue != "partners_server" {
			t.Errorf("a slow server holds what is in the queue %q", queue)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		set(`UPDATE partners_delivery SET sending = 1 WHERE id = $1`, id)
		_ = h.desk.put(ended, putArgs{id}) // another process has it
		body := h.Get(at).Body
		if !strings.Contains(body, "not ended") || strings.Contains(body, "waits for the server") {
			t.Error("a delivery was taken away from the process that has it")
		}
		set(`UPDATE partners_delivery SET sending = 0 WHERE id = $1`, id)
		if err := h.desk.put(ended, putArgs{id}); err == nil {
			t.Error("one whose context ended is not tried again")
		}
		a := h.Get(at)
		shows(t, a, http.StatusOK, "waits for the server", "Something went wrong on our side.")
		if strings.Contains(a.Body, "context canceled") {
			t.Error("the page has the words of a program")
		}
		set(`ALTER TABLE partners_sent RENAME TO partners_away`)
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Minute)
		h.Drain()
		set(`ALTER TABLE partners_away RENAME TO partners_sent`)
		fails("one that broke off", "Something went wrong on our side.")
		if body := h.Get(at).Body; strings.Contains(body, "partners_") {
			t.Error("the page has the words of a database")
		}

		order()
		h.reach(helper) // without a server
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Minute)
		h.Drain()
		fails("one whose server was removed", "No server of this partner is entered")
	})
}
