package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/keyring"
	"loot/ledger"
	"loot/store"
	"loot/store/storetest"
	"loot/web"
)

// A rotator is an installation in which keys are rotated.
type rotator struct {
	*testing.T
	ctx context.Context
	a   *App
	w   *desk.World
}

func (r *rotator) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// rotates rotates and complains unless it says all of the texts.
func (r *rotator) rotates(agreed bool, what Rotation, reason string, says ...string) {
	r.Helper()
	var out strings.Builder
	got, err := r.a.RotateKeys(r.ctx, what, reason, &out)
	r.ok(err)
	if got != agreed {
		r.Errorf("agreed: %t, want %t: %s", got, agreed, &out)
	}
	for _, text := range says {
		if !strings.Contains(out.String(), text) {
			r.Errorf("it does not say %q: %s", text, &out)
		}
	}
}

func (r *rotator) epoch() int {
	r.Helper()
	n, err := r.a.Keyring.Epoch(r.ctx, "customer")
	r.ok(err)
	return n
}

// asked returns the approvals of rotations, the latest first.
func (r *rotator) asked() (out []gate.Approval) {
	r.Helper()
	r.ok(r.w.DB.ReadTx(r.ctx, func(tx *store.Tx) error {
		list, err := r.w.Gate.Approvals(r.ctx, tx, 100)
		out = slices.DeleteFunc(list, func(a gate.Approval) bool { return a.Kind != kindRotate })
		slices.SortStableFunc(out, func(a, b gate.Approval) int { return b.Made.Compare(a.Made) })
		return err
	}))
	return out
}

// page asks the console for a page as a colleague.
func (r *rotator) page(who loot.Actor, method, path string, form url.Values) (status int, body string) {
	r.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	r.w.HTTP.ServeHTTP(rec, req.WithContext(web.WithIdentity(r.ctx, web.Identity{Actor: who, At: r.w.Clock.Now()})))
	return rec.Code, rec.Body.String()
}

// answers has colleagues answer what was asked last, in the console.
func (r *rotator) answers(yesOrNo string, colleagues ...loot.Actor) {
	r.Helper()
	for _, who := range colleagues {
		if status, body := r.page(who, http.MethodPost, "/console/approvals/"+r.asked()[0].ID, url.Values{"answer": {yesOrNo}}); status != http.StatusSeeOther {
			r.Fatalf("status %d: %s", status, body)
		}
	}
}

// agreed has two colleagues agree to a rotation of everything, and returns it
// and one of them.
func (r *rotator) agreed(reason string) (Rotation, loot.Actor) {
	r.Helper()
	dpo, counsel := r.approvers()
	what := everything
	what.Root, what.Former = r.a.Config.RootNames()
	r.rotates(false, what, reason)
	r.answers("yes", dpo, counsel)
	return what, dpo
}

// entries returns what the ledger says of rotations, without their kind, and
// the reasons that stand under seal.
func (r *rotator) entries() (notes, reasons []string) {
	r.Helper()
	r.ok(r.w.DB.ReadTx(r.ctx, func(tx *store.Tx) error {
		notes, reasons = nil, nil
		for row, err := range r.w.Ledger.Facts(r.ctx, tx, time.Time{}, r.w.Clock.Now().Add(time.Second)) {
			if err != nil {
				return err
			}
			note, ok := strings.CutPrefix(row.Facts.Note, kindRotate+" ")
			if !ok {
				continue
			}
			by, err := r.w.Ledger.Actor(r.ctx, tx, row.ID)
			if err != nil {
				return err
			}
			if row.Facts.ActorKind != loot.Desk || row.Facts.Verdict != ledger.Recorded || !strings.Contains(note, "former versions destroyed:") && by.Name != "The command line of the server" {
				r.Errorf("%s: %+v by %+v", note, row.Facts, by)
			}
			notes, reasons = append(notes, note), append(reasons, by.Reason)
		}
		return nil
	}))
	return notes, reasons
}

func onBoth(t *testing.T, f func(r *rotator)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, a, w := simulated(t, url, nil)
			r := &rotator{t, ctx, a, w}
			_, err := w.NewPerson(ctx)
			r.ok(err)
			f(r)
		})
	}
}

// approvers come so long ago that they may approve.
func (r *rotator) approvers() (dpo, counsel loot.Actor) {
	r.Helper()
	dpo, err := r.w.NewStaff(r.ctx, true, "dpo")
	r.ok(err)
	counsel, err = r.w.NewStaff(r.ctx, true, "counsel")
	r.ok(err)
	return dpo, counsel
}

var everything = Rotation{All: true, Own: true}

// TestRotationByOnePersonIsOnTheLedger: nobody else could agree, so nobody is
// asked; what was done and why is on the ledger, as is what the timetable does.
func TestRotationByOnePersonIsOnTheLedger(t *testing.T) {
	onBoth(t, func(r *rotator) {
		before := r.epoch()
		what := everything
		what.Root, what.Former = r.a.Config.RootNames()
		r.rotates(true, what, " A new year. ", "The root is new;", fmt.Sprintf("customer: epoch %d;", before+1), `The key "staff": a new version`)
		r.w.Clock.Advance(time.Hour)
		r.ok(r.w.Vault.Sweep(r.ctx))
		r.ok(r.w.Vault.Sweep(r.ctx))
		r.rotates(true, Rotation{Collections: []loot.Collection{"customer"}}, "", "customer: epoch")
		notes, reasons := r.entries()
		want := []string{
			"alone: new keys for every collection; a new version of each of the program's own keys; a new key of the root",
			fmt.Sprintf("done: 25 key files wrapped by the root; customer at epoch %d; 13 own keys at a new version, the former version of 0 destroyed", before+1),
			"former versions destroyed: approval, billing, disclosure, imports, incidents, mail, partners, rights, safety, session, signin, staff, verification",
			"alone: new keys for the collection customer", fmt.Sprintf("done: customer at epoch %d", before+2),
		}
		if !slices.Equal(notes, want) || !slices.Equal(reasons, []string{"A new year.", "A new year.", "", "", ""}) {
			t := strings.Join(notes, "\n")
			r.Errorf("the ledger says\n%s\nfor %q", t, reasons)
		}
		if n := len(r.asked()); n > 0 {
			r.Errorf("%d approvals were asked for", n)
		}
	})
}

// TestRotationNeedsTwoColleagues who agree to exactly that, for one use.
func TestRotationNeedsTwoColleagues(t *testing.T) {
	onBoth(t, func(r *rotator) {
		dpo, counsel := r.approvers()
		before := r.epoch()
		_, err := r.a.RotateKeys(r.ctx, everything, " ", io.Discard)
		if loot.KindOf(err) != loot.Invalid || !strings.Contains(loot.Message(err), "--reason") {
			r.Errorf("without a reason: %v", err)
		}
		root := r.a.Keyring.Root
		if r.a.Keyring.Root, err = keyring.PassphraseRoot("twelve characters"); err != nil {
			r.Fatal(err)
		}
		if _, err := r.a.RotateKeys(r.ctx, Rotation{Root: "passphrase:one"}, "A new year.", io.Discard); loot.KindOf(err) != loot.Invalid || len(r.asked()) > 0 {
			r.Errorf("a root of one key: %v, asked %+v", err, r.asked())
		}
		r.a.Keyring.Root = root
		r.rotates(false, everything, "A new year.", "Asked for. Nothing was rotated yet: 2 colleagues have to agree", "0 agreed so far. Once they did, call the same command again.")
		r.rotates(false, everything, "A new year.", "Nothing was rotated yet: 2 colleagues", "0 agreed so far")
		if status, page := r.page(dpo, http.MethodGet, "/console/approvals", nil); status != http.StatusOK || !strings.Contains(page, "Rotate keys: new keys for every collection; a new version of each of the program&#39;s own keys. Collections at present: customer") ||
			!strings.Contains(page, "Asked by the command line of the server") || !strings.Contains(page, "A new year.") {
			r.Errorf("approvals: %d %s", status, page)
		}
		r.answers("yes", dpo)
		r.rotates(false, everything, "A new year.", "1 agreed so far")
		r.answers("yes", counsel)
		if got := r.asked(); len(got) != 1 || got[0].State != "approved" || r.epoch() != before {
			r.Fatalf("%+v", got)
		}
		for _, other := range []Rotation{{All: true}, {Own: true}, {Collections: []loot.Collection{"customer"}}, {All: true, Own: true, Root: "file:/root"}, {All: true, Own: true, Root: "file:/other", Former: "file:/root"}} {
			r.w.Clock.Advance(time.Second)
			r.rotates(false, other, "A new year.", "Asked for.")
		}
		if r.epoch() != before {
			r.Error("something else was rotated")
		}

		r.rotates(true, everything, "Something else.", "customer: epoch")
		if got := r.asked(); got[len(got)-1].State != "used" || r.epoch() != before+1 {
			r.Errorf("afterwards: %+v, epoch %d", got, r.epoch())
		}
		r.w.Clock.Advance(time.Second)
		r.rotates(false, everything, "A new year.", "Asked for.")
		notes, reasons := r.entries()
		if len(notes) != 2 || !strings.HasPrefix(notes[0], "begun: new keys for every collection; ") || !strings.HasPrefix(notes[1], "done: customer at epoch ") || !slices.Equal(reasons, []string{"A new year.", "A new year."}) {
			r.Errorf("the ledger says %q for %q", notes, reasons)
		}
	})
}

// TestARefusedRotation is not asked for again for the same reason.
func TestARefusedRotation(t *testing.T) {
	onBoth(t, func(r *rotator) {
		dpo, counsel := r.approvers()
		before := r.epoch()
		r.rotates(false, everything, "Because.")
		r.answers("yes", dpo)
		r.answers("no", counsel)
		for range 2 {
			if _, err := r.a.RotateKeys(r.ctx, everything, "Because.", io.Discard); loot.KindOf(err) != loot.Denied {
				r.Errorf("after a no: %v", err)
			}
		}
		if n := len(r.asked()); n != 1 {
			r.Errorf("%d were asked for", n)
		}
		r.w.Clock.Advance(time.Second)
		r.rotates(false, everything, "The law asks for it.", "Asked for.", "0 agreed so far")
		r.answers("no", dpo)
		r.w.Clock.Advance(72*time.Hour + time.Second)
		r.rotates(false, everything, "The law asks for it.", "Asked for.")
		if r.epoch() != before {
			r.Error("rotated")
		}
	})
}

// TestAnOldAgreementRotatesNothing: it is asked for anew.
func TestAnOldAgreementRotatesNothing(t *testing.T) {
	onBoth(t, func(r *rotator) {
		dpo, counsel := r.approvers()
		before := r.epoch()
		r.rotates(false, everything, "A new year.")
		r.answers("yes", dpo, counsel)
		r.w.Clock.Advance(72*time.Hour + time.Second)
		r.rotates(false, everything, "A new year.", "Asked for.", "0 agreed so far")
		if got := r.asked(); len(got) != 2 || got[0].State != "pending" || r.epoch() != before {
			r.Errorf("%+v, epoch %d", got, r.epoch())
		}
	})
}

// TestAnInterruptedRotationGoesOn under the agreement that it began with, for
// the reason that was agreed to, as long as that lives, and to its end only.
func TestAnInterruptedRotationGoesOn(t *testing.T) {
	onBoth(t, func(r *rotator) {
		before := r.epoch()
		what, dpo := r.agreed("A new year.")
		interrupted := func(err error) {
			r.Helper()
			if !errors.Is(err, context.Canceled) {
				r.Fatal(err)
			}
			if got := r.asked(); len(got) != 1 || got[0].State != "begun" {
				r.Fatalf("interrupted: %+v", got)
			}
			if status, page := r.page(dpo, http.MethodGet, "/console/approvals", nil); status != http.StatusOK || !strings.Contains(page, "Under way") {
				r.Errorf("approvals: %d %s", status, page)
			}
		}
		ctx, stop := context.WithCancel(r.ctx)
		_, err := r.a.RotateKeys(ctx, what, "A new year.", &calls{f: stop}) // at the line about the root
		interrupted(err)
		r.w.Clock.Advance(72 * time.Hour)
		ctx, stop = context.WithCancel(r.ctx)
		_, err = r.a.RotateKeys(ctx, what, "A new year.", &calls{f: stop}) // at the line that says so
		interrupted(err)
		if r.epoch() != before {
			r.Error("nothing was interrupted")
		}
		r.rotates(true, what, "", "This did not come to its end, and goes on.", "customer: epoch", `The key "staff": a new version`)
		if got := r.asked(); len(got) != 1 || got[0].State != "used" || r.epoch() != before+1 {
			r.Errorf("%+v, epoch %d", got, r.epoch())
		}
		notes, reasons := r.entries()
		for i, how := range []string{"begun: ", "resumed: ", "resumed: ", "done: "} {
			if len(notes) != 4 || !strings.HasPrefix(notes[i], how) || reasons[i] != "A new year." {
				r.Fatalf("the ledger says %q for %q", notes, reasons)
			}
		}
		r.w.Clock.Advance(time.Second)
		r.rotates(false, what, "A new year.", "Asked for.")
	})
}

// TestAFailedRotation is on the ledger, with how far it came and nothing of the
// error, which names all that failed. It is not agreed to for good.
func TestAFailedRotation(t *testing.T) {
	onBoth(t, func(r *rotator) {
		dpo, counsel := r.approvers()
		before := r.epoch()
		what := Rotation{Collections: []loot.Collection{"customer"}, Own: true}
		r.rotates(false, what, "A new year.")
		r.answers("yes", dpo, counsel)
		var other string
		r.ok(r.w.Gate.InTx(r.ctx, func(tx *store.Tx) (err error) {
			if other, err = r.w.Gate.Ask(r.ctx, tx, "test", dpo, "a matter", 1, "a reason"); err != nil {
				return err
			}
			_, err = tx.Exec(r.ctx, `UPDATE gate_approval SET request = $1 WHERE id = $2`, []byte("damaged"), other)
			return err
		}))
		_, err := r.a.Keyring.System("zone") // nobody says what it sealed
		r.ok(err)
		for range 2 {
			_, err := r.a.RotateKeys(r.ctx, what, "", io.Discard)
			if text := fmt.Sprint(err); !strings.Contains(text, "former version of the approval key") || !strings.Contains(text, "zone") {
				r.Fatalf("it does not name both: %v", err)
			}
		}
		if got := r.asked(); len(got) != 1 || got[0].State != "begun" || r.epoch() != before+2 {
			r.Errorf("%+v, epoch %d", got, r.epoch())
		}
		words := ": new keys for the collection customer; a new version of each of the program's own keys"
		failed := func(epoch int) string {
			return fmt.Sprintf("failed%s; done before: customer at epoch %d; 13 own keys at a new version, the former version of 0 destroyed", words, epoch)
		}
		notes, reasons := r.entries()
		if want := []string{"begun" + words, failed(before + 1), "resumed" + words, failed(before + 2)}; !slices.Equal(notes, want) || slices.ContainsFunc(reasons, func(s string) bool { return s != "A new year." }) {
			r.Errorf("the ledger says\n%s\nfor %q", strings.Join(notes, "\n"), reasons)
		}
		r.w.Clock.Advance(72*time.Hour + time.Second)
		r.rotates(false, what, "A new year.", "Asked for.", "0 agreed so far")
		if r.epoch() != before+2 {
			r.Error("rotated under an approval that ended")
		}
		r.ok(r.w.Gate.InTx(r.ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(r.ctx, `DELETE FROM gate_approval WHERE id = $1`, other)
			return err
		}))
		if _, page := r.page(dpo, http.MethodGet, "/console/approvals", nil); strings.Contains(page, "Under way") || !strings.Contains(page, "Expired") {
			r.Errorf("approvals: %s", page)
		}
	})
}

// calls is a writer that calls a function at its first line.
type calls struct {
	once sync.Once
	f    func()
}

func (c *calls) Write(p []byte) (int, error) { c.once.Do(c.f); return len(p), nil }

// TestOneRotationAtATime: the second waits for the first, whose agreement is
// used then.
func TestOneRotationAtATime(t *testing.T) {
	onBoth(t, func(r *rotator) {
		before := r.epoch()
		what, _ := r.agreed("A new year.")
		second := make(chan error, 1)
		_, err := r.a.RotateKeys(r.ctx, what, "A new year.", &calls{f: func() {
			go func() {
				agreed, err := r.a.RotateKeys(r.ctx, what, "A new year.", io.Discard)
				if agreed {
					err = errors.Join(err, errors.New("it rotated"))
				}
				second <- err
			}()
		}})
		r.ok(err)
		if err := <-second; err != nil || r.epoch() != before+1 {
			r.Errorf("the second: %v; epoch %d", err, r.epoch())
		}
	})
}

// TestRootNamesSayNothingSecret: where a root is, told apart and the same from
// whichever folder.
func TestRootNamesSayNothingSecret(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	root, former := Config{Roots: Roots{Root: "passphrase:new.txt", FormerRoot: "transit:https://jo:hush@vault.example:8200#loot"}}.RootNames()
	if root != "passphrase:"+dir+"/new.txt" || former != "transit:https://vault.example:8200#loot" {
		t.Errorf("%s in place of %s", root, former)
	}
	if _, former := (Config{Roots: Roots{Root: "file:key"}}).RootNames(); former != "" {
		t.Errorf("%q is replaced", former)
	}
	r := Rotation{Root: root, Former: former}
	if got := r.words(true); got != "the root "+root+" in place of "+former {
		t.Error(got)
	}
	if got := r.words(false); got != "another root in place of the one so far" {
		t.Error(got)
	}
}
