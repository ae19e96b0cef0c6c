package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"loot/app"
)

// feed measures a partner that pulls everybody, page by page, and then pullers while the
// agreement is revoked: a slip is a page that was asked for after the revocation was
// acknowledged and that holds anybody. Then it has the transparency report counted.
func (r *bench) feed() error {
	n, entries := r.size(100_000, 2_000), r.size(1_000_000, 20_000)
	var ready app.ScratchFeed
	if err := r.customers(n, func(ctx context.Context, a *app.App) (err error) {
		if ready, err = a.ScratchPartner(ctx, r.ids); err != nil {
			return err
		}
		if err := a.ScratchEntries(ctx, entries); err != nil {
			return err
		}
		return a.Ledger.Sync(ctx)
	}); err != nil {
		return err
	}
	pid, stop, err := r.startServer()
	if err != nil {
		return err
	}
	defer stop()
	r.metrics["rss_idle_mib"] = rss(pid)
	began, own, database := r.now(), processTime(pid), r.databaseTime()
	people, err := r.pull(ready, func() { r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(pid)) })
	if err != nil {
		return err
	}
	if people != n {
		return fmt.Errorf("bench: %d of %d people were pulled", people, n)
	}
	r.metrics["feed_people_per_s"] = float64(n) / r.now().Sub(began).Seconds()
	r.metrics["feed_cpu_us"] = (processTime(pid) - own + r.databaseTime() - database) * 1e6 / float64(n)
	if err := r.revokeWhilePulling(ready); err != nil {
		return err
	}
	r.metrics["report_entries"] = float64(entries + n)
	return r.transparency(ready.Counsel)
}

// transparency measures the report of the half-year that runs, in which all entries are.
func (r *bench) transparency(who *http.Cookie) error {
	now := r.now().UTC()
	began := r.now()
	page, err := r.browse(who, http.MethodGet, fmt.Sprintf("/console/transparency/%d-%d.json", now.Year(), 1+(int(now.Month())-1)/6), nil)
	if err != nil {
		return err
	}
	r.metrics["report_s"] = r.now().Sub(began).Seconds()
	if !strings.Contains(page, `"key": "requests"`) {
		return errors.New("bench: the report counts no requests")
	}
	return nil
}

var errNoMore = errors.New("bench: the feed is refused")

// pull pulls a whole feed, and calls each after every page.
func (r *bench) pull(f app.ScratchFeed, each func()) (people int, err error) {
	path, asked := "/partner/v1/feeds", fmt.Sprintf(`{"purpose":%q}`, f.Purpose)
	for page := 2; ; page++ {
		got, err := r.feedPage(f, path, asked)
		if err != nil {
			return people, err
		}
		people += len(got.People)
		each()
		if !got.More {
			return people, nil
		}
		path, asked = "/partner/v1/feeds/"+got.Delivery, fmt.Sprintf(`{"page":%d}`, page)
	}
}

type feedPage struct {
	Delivery string            `json:"delivery"`
	People   []json.RawMessage `json:"people"`
	More     bool              `json:"more"`
}

func (r *bench) feedPage(f app.ScratchFeed, path, body string) (out feedPage, err error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+f.Key)
	res, err := r.client.Do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusForbidden:
		return out, errNoMore
	case res.StatusCode != http.StatusOK:
		return out, fmt.Errorf("bench: a page of a feed was answered with %d", res.StatusCode)
	}
	return out, json.NewDecoder(res.Body).Decode(&out)
}

// revokeWhilePulling pulls by several at once, each by feeds of one page, until all are refused.
func (r *bench) revokeWhilePulling(f app.ScratchFeed) error {
	var revoked atomic.Bool
	var slips, pages atomic.Int64
	var wait sync.WaitGroup
	const pullers = 4
	faults := make(chan error, pullers+1)
	going := make(chan struct{}, pullers)
	for range pullers {
		wait.Go(func() {
			for first := true; ; first = false {
				after := revoked.Load()
				got, err := r.feedPage(f, "/partner/v1/feeds", fmt.Sprintf(`{"purpose":%q}`, f.Purpose))
				if errors.Is(err, errNoMore) {
					return
				}
				if err != nil {
					faults <- err
					return
				}
				pages.Add(1)
				if after && len(got.People) > 0 {
					slips.Add(1)
				}
				if first {
					going <- struct{}{}
				}
			}
		})
	}
	for range pullers {
		select {
		case <-going:
		case err := <-faults:
			return err
		}
	}
	if _, err := r.browse(f.Counsel, http.MethodPost, "/console/partners/"+f.Partner+"/revoke", url.Values{"reason": {"A load test."}}); err != nil {
		return err
	}
	revoked.Store(true)
	wait.Wait()
	select {
	case err := <-faults:
		return err
	default:
	}
	r.metrics["slips"], r.metrics["raced_pages"] = float64(slips.Load()), float64(pages.Load())
	return nil
}
