package incidents

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// A tale is a made-up incident of the demonstration.
type tale struct {
	days   int           // before the end of the history
	at     time.Duration // of that day
	report string
	steps  []step
}

// A step is what its owner writes, some time after the step before it.
type step struct {
	after time.Duration
	kind  string // of a step, or which form
	more  url.Values
	text  string
}

// low is an assessment of a low risk of which the regulator is told all the same.
var low = url.Values{"likelihood": {"1"}, "severity": {"2"}, "number": {"1"}, "categories": {"company", "address"}, "regulator": {"tell"}, "persons": {"not"}}

// tales are one that was dealt with and one that waits.
var tales = []tale{
	{
		days: 61, at: 9*time.Hour + 12*time.Minute,
		report: "A customer rang: an invoice in her envelope is somebody else's. It shows the company, its address and the services of last month. She has put it back into the envelope and keeps it for us.",
		steps: []step{
			{50 * time.Minute, planning, nil, "Asked the caller to send the letter back and not to copy it; she agreed in writing. The printer's batch of that day was stopped and every other letter of it compared with its envelope: no further one is wrong."},
			{30 * time.Minute, finishing, nil, "No further letter of the batch is wrong."},
			{4 * time.Hour, assessing, low, "One company concerned. Name, address and two services were seen by one person, no bank account and no password. The risk is low, but not nought: told to the regulator to be on the safe side."},
			{18 * time.Hour, "told", nil, "Reported in the regulator's form, reference TEST-4711."},
			{2 * time.Hour, "people", nil, "Written to the company concerned: what happened, who saw it, what was done, and that they may call us."},
			{9 * 24 * time.Hour, "closing", nil, "The letter is back. The printer now prints the address through the window from the same page, so that a wrong envelope shows at once."},
		},
	},
	{
		days: 1, at: 8*time.Hour + 47*time.Minute,
		report: "A laptop was left on the early train from Exampleford. It is the one of the hall on duty: mail and tickets. It was locked, its disk is encrypted.",
		steps: []step{
			{40 * time.Minute, planning, nil, "Keys and sessions of the laptop withdrawn, its disk told to erase itself as soon as it is online. The railway's lost property office has been told."},
		},
	},
}

// demo has colleagues report the incidents and one who may deal with them.
func (d *incidents) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil || len(staff) == 0 {
		return err
	}
	s, err := w.Statement()
	if err != nil {
		return err
	}
	deals, _ := d.dealing(s, staff)
	i := slices.IndexFunc(staff, deals)
	if i < 0 {
		return nil // by this statement nobody deals with incidents
	}
	owner, closer := staff[i], staff[i]
	if j := slices.IndexFunc(staff[i+1:], deals); j >= 0 {
		closer = staff[i+1+j]
	}
	for _, t := range tales {
		at, version := w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -t.days).Add(t.at), 0
		var path string
		w.History.On(at, func(ctx context.Context) (err error) {
			path, err = send(ctx, w, staff[0], "/console/incidents", url.Values{"text": {t.report}})
			return err
		})
		at = at.Add(20 * time.Minute)
		w.History.On(at, func(ctx context.Context) error {
			_, err := send(ctx, w, owner, path+"/take", nil)
			return err
		})
		for _, s := range t.steps {
			at = at.Add(s.after)
			w.History.On(at, func(ctx context.Context) error {
				version++ // taking it on was the first change
				form := url.Values{"version": {strconv.Itoa(version)}, "text": {s.text}}
				maps.Copy(form, s.more)
				to, who := path+"/steps/"+s.kind, owner
				switch s.kind {
				case assessing:
				case planning:
					form.Set("owner", owner.ID)
					form.Set("due", at.Format(time.DateOnly))
				case finishing:
					id, err := d.firstMeasure(ctx, strings.TrimPrefix(path, "/console/incidents/"))
					if err != nil {
						return err
					}
					form.Set("measure", id)
				default:
					form.Set("kind", s.kind)
					to = path
				}
				if s.kind == "closing" {
					who = closer
				}
				_, err := send(ctx, w, who, to, form)
				return err
			})
		}
	}
	return nil
}

// firstMeasure returns the id of an incident's measure.
func (d *incidents) firstMeasure(ctx context.Context, id string) (note string, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		all, err := measures(ctx, tx, id)
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("incidents: the demonstration's incident has no measure")
		}
		if err == nil {
			note = all[0].Note
		}
		return err
	})
	return note, err
}

// send posts a form and returns where that leads.
func send(ctx context.Context, w *desk.World, who loot.Actor, path string, form url.Values) (string, error) {
	a, err := desk.Browser{World: w, Who: who}.Post(ctx, path, form)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("incidents: a step of the demonstration was answered with %d", a.Status)
	}
	return a.Header().Get("Location"), nil
}
