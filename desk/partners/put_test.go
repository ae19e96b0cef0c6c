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

	"loot"
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

		// One that broke off with the process that sent it is not sent again.
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "Once more.", "way", "sftp"), at)
		_, err = h.desk.DB.Exec(t.Context(), `UPDATE partners_delivery SET pages = 1 WHERE ended = 0`)
		ok(t, err)
		h.Drain()
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 || h.transfers(a) != 1 {
			t.Errorf("after one broke off the server has %v", list)
		}

		// What stops everything stops this, too.
		within := h.desk.needs.Reach
		h.desk.needs.Reach = nil
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "Again.", "way", "sftp"), at)
		h.Drain()
		leads(t, h.Post(at+"/revoke", "reason", "It ends."), at)
		h.desk.needs.Reach = within
		h.Clock.Advance(time.Hour)
		h.Drain()
		shows(t, h.Get(at), http.StatusOK, "so nothing goes there")
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 1 || h.transfers(a) != 1 {
			t.Errorf("after the agreement was revoked the server has %v", list)
		}
	})
}

// TestWhatBreaksOffIsNotSentAgain: nothing of it stays on the server, why stands in the list,
// and the job that is handed out again leaves it. Nothing goes for somebody who left, either.
func TestWhatBreaksOffIsNotSentAgain(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		a := h.customer("a@example.com")
		h.ready(helper)
		srv := sftptest.Start(t, sftp.PublicKey(h.desk.serverKey()))
		h.desk.needs.Reach = outbound.Reach{netip.MustParsePrefix("127.0.0.0/8")}
		h.asStaff("t-dpo", "dpo")
		at := "/console/partners/" + helper
		leads(t, h.Post(at+"/company", "contact", "privacy@partner.example", "recipient", h.key.Recipient().String(), "address", srv.Address, "account", "loot", "folder", "in", "hostkey", srv.HostKey), at)
		cells := func(content []byte) (was []byte) {
			h.Tx(func(ctx context.Context, tx *store.Tx) error {
				if err := tx.QueryRow(ctx, `SELECT cells FROM vault_record WHERE subject = $1`, a.Compact()).Scan(&was); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE vault_record SET cells = $1 WHERE subject = $2`, content, a.Compact())
				return err
			})
			return was
		}
		was := cells([]byte{9, 9, 9})
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "They asked.", "way", "sftp"), at)
		h.Drain()
		shows(t, h.Get(at), http.StatusOK, "damaged")
		cells(was)
		var again []delivery
		h.Tx(func(ctx context.Context, tx *store.Tx) (err error) {
			again, err = deliveries(ctx, tx, `way = $1`, byServer)
			return err
		})
		ok(t, h.desk.put(t.Context(), putArgs{again[0].ID}))
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 0 || h.transfers(a) != 0 {
			t.Errorf("after it broke off the server has %v", list)
		}

		h.desk.needs.Staff.Member = func(context.Context, *store.Tx, string) (loot.Actor, string, error) { return loot.Actor{}, "", nil }
		leads(t, h.Post(at+"/feed", "purpose", "support", "reason", "They asked.", "way", "sftp"), at)
		h.Drain()
		shows(t, h.Get(at), http.StatusOK, "works here no longer")
		if list, _ := os.ReadDir(filepath.Join(srv.Folder, "in")); len(list) != 0 || h.transfers(a) != 0 {
			t.Errorf("for somebody who left the server has %v", list)
		}
	})
}
