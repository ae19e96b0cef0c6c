package incidents

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"loot"
	"loot/desk/desktest"
	"loot/store"
	"loot/web"
	"loot/web/webtest"
)

func TestPages(t *testing.T) { webtest.CheckPages(t) }

var read, says = desktest.Text, desktest.Shows

// Whoever takes an incident on closes it, whatever their role, and nobody else
// does; the page says who that is.
func TestTheOwnerClosesAnIncident(t *testing.T) {
	desktest.Kernel.Each(t, func(t *testing.T, db *store.DB) {
		h, site := newSite(t, db)
		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
		a := site.Post("/console/incidents", "text", "A list was sent to the wrong address.")
		if a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		path := a.Header.Get("Location")
		page := site.Get(path)
		says(t, page, http.StatusOK, "Any member of staff may take it on. Its owner, and nobody else, closes it.")
		if strings.Contains(page.Body, `value="closing"`) {
			t.Error("closing is offered to somebody who cannot")
		}
		closing := func(version, risk string) webtest.Answer {
			return site.Post(path, "version", version, "kind", "closing", "risk", risk, "text", "All copies were deleted.")
		}
		says(t, closing("0", "some"), http.StatusConflict, "Only its owner closes an incident. Take it on first.")

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}
		if a := site.Post(path + "/take"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		page = site.Get(path)
		says(t, page, http.StatusOK, "You own this incident, so it is you who closes it", "Closing, with the reason")
		_, version, _ := strings.Cut(page.Body, `name="version"`)
		version, _, _ = strings.Cut(version, ">")
		version = regexp.MustCompile(`value="(\d+)"`).FindStringSubmatch(version)[1]

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-support", Roles: []loot.Role{"support"}}
		says(t, site.Get(path), http.StatusOK, "Only its owner, Name of t-dpo, closes it.")
		says(t, closing(version, "some"), http.StatusConflict, "Only its owner closes")

		site.Actor = loot.Actor{Kind: loot.Staff, ID: "t-dpo", Roles: []loot.Role{"dpo"}}
		says(t, closing(version, ""), http.StatusConflict, "Say how high the risk is before closing.")
		if a := closing(version, "some"); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status, read(a.Body))
		}
		page = site.Get(path)
		says(t, page, http.StatusOK, "closed", "All copies were deleted.")
		if strings.Contains(page.Body, "Take it on") || strings.Contains(page.Body, "Next step") {
			t.Error("what is closed still offers a step")
		}
		var steps []string
		h.Tx(func(ctx context.Context, tx *store.Tx) error {
			for row, err := range h.Kit.Ledger.Facts(ctx, tx, time.Time{}, h.Kit.Now().Add(time.Hour)) {
				if err != nil {
					return err
				}
				if strings.HasPrefix(row.Facts.Note, "incident.") {
					steps = append(steps, row.Facts.Note)
				}
			}
			return nil
		})
		slices.Sort(steps) // they are of one time
		if want := []string{"incident.closing", "incident.reported", "incident.taken"}; !slices.Equal(steps, want) {
			t.Errorf("on the ledger are %q, want %q", steps, want)
		}
	})
}

// newSite is this desk in a house.
func newSite(t *testing.T, db *store.DB) (*desktest.House, *webtest.Site) {
	t.Helper()
	h := desktest.New(t, db, desktest.Base)
	d, err := New(h.Kit, func(_ context.Context, _ *store.Tx, id string) (string, error) { return "Name of " + id, nil })
	desktest.OK(t, err)
	h.Open(desktest.Standard(t), d)
	return h, webtest.New(t, web.Options{Now: h.Kit.Now, Log: h.Kit.Log, NoLimits: true}, d.Routes)
}
