package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/app"
)

// benchSeller is a company that nobody is, as the VAT number has the check
// character that fits it and is nobody's.
var benchSeller = app.Selling{SellerName: "Loot Example Network Ltd", SellerAddress: "1 Example Quay, Dublin, Ireland", SellerVAT: "IE1234567T"}

// customers makes n customers in an app of this process, and runs f with it.
func (r *bench) customers(n int, f func(context.Context, *app.App) error) error {
	return r.inApp(func(ctx context.Context, a *app.App) (err error) {
		if r.token, r.ids, err = a.Scratch(ctx, n); err != nil {
			return err
		}
		r.metrics["customers"] = float64(n)
		return f(ctx, a)
	})
}

// billing measures the documents of an invoice, and then a server that invoices a
// month of every customer and hands out what is held of one.
func (r *bench) billing() error {
	if err := r.customers(r.size(10_000, 300), func(ctx context.Context, a *app.App) (err error) {
		if r.bill, err = a.ScratchBilling(ctx, r.ids); err != nil {
			return err
		}
		own, began := processTime(os.Getpid()), r.now()
		waits, err := a.ScratchDocuments(ctx, r.ids[0], r.bill.Month, r.size(500, 100))
		if err != nil {
			return err
		}
		n := float64(len(waits))
		r.metrics["documents_per_s"] = n / r.now().Sub(began).Seconds()
		r.metrics["documents_cpu_us"] = (processTime(os.Getpid()) - own) * 1e6 / n
		r.metrics["documents_p50_ms"], r.metrics["documents_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
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
	if err := r.preview(pid); err != nil {
		return err
	}
	if err := r.run(pid); err != nil {
		return err
	}
	if err := r.copies(pid); err != nil {
		return err
	}
	stop() // only one process has the records
	return r.inApp(func(ctx context.Context, a *app.App) error {
		waits, err := a.ScratchPages(ctx, r.bill.Month)
		r.metrics["page_20_p50_ms"], r.metrics["page_20_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
		return err
	})
}

// preview has what the month comes to worked out, as a colleague does, and looks at the
// page until it says that.
func (r *bench) preview(pid int) error {
	const path = "/console/billing/run"
	began, own, database := r.now(), processTime(pid), r.databaseTime()
	if _, err := r.browse(r.bill.Clerk, http.MethodPost, path+"/preview", url.Values{"month": {r.bill.Month}}); err != nil {
		return err
	}
	look := path + "?month=" + r.bill.Month
	if err := r.workedOut(look); err != nil {
		return err
	}
	r.metrics["preview_s"] = r.now().Sub(began).Seconds()
	r.metrics["preview_cpu_us"] = (processTime(pid) - own + r.databaseTime() - database) * 1e6 / r.metrics["customers"]
	var waits []time.Duration
	for range r.size(100, 20) {
		began := r.now()
		if _, err := r.browse(r.bill.Clerk, http.MethodGet, look+"&state=due", nil); err != nil {
			return err
		}
		waits = append(waits, r.now().Sub(began))
	}
	r.metrics["preview_page_p50_ms"], r.metrics["preview_page_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	return nil
}

// workedOut waits until a page of a month does not change by itself any more.
func (r *bench) workedOut(look string) error {
	return r.until(func() (bool, error) {
		page, err := r.browse(r.bill.Clerk, http.MethodGet, look, nil)
		return !strings.Contains(page, "hx-get="), err
	})
}

// until asks again and again whether something is so.
func (r *bench) until(so func() (bool, error)) error {
	for {
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if yes, err := so(); yes || err != nil {
			return err
		}
	}
}

// run has the month invoiced, as a colleague does, and looks at the page that says
// how far it is until it is done.
func (r *bench) run(pid int) error {
	const path = "/console/billing/run"
	began, own, database := r.now(), processTime(pid), r.databaseTime()
	if _, err := r.browse(r.bill.Clerk, http.MethodPost, path, url.Values{"month": {r.bill.Month}}); err != nil {
		return err
	}
	// The page is far behind the last customer, so that looking costs little.
	look, looks := path+"?month="+r.bill.Month+"&after=~", 0
	if err := r.until(func() (bool, error) {
		r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(pid))
		if looks++; looks%5 != 1 {
			return false, nil
		}
		page, err := r.browse(r.bill.Clerk, http.MethodGet, look, nil)
		return strings.Contains(page, ">done<"), err
	}); err != nil {
		return err
	}
	took := r.now().Sub(began).Seconds()
	n := r.metrics["customers"]
	r.metrics["invoices_per_s"] = n / took
	r.metrics["invoice_cpu_us"] = (processTime(pid) - own + r.databaseTime() - database) * 1e6 / n
	if err := r.workedOut(look); err != nil { // what the month came to is worked out after it
		return err
	}
	// The invoice of the last customer is there, and not only its number.
	page, err := r.browse(r.bill.Customer, http.MethodGet, "/portal/invoices", nil)
	if err == nil && !strings.Contains(page, "/portal/invoices/") {
		err = errors.New("bench: the run is done, and a customer has no invoice")
	}
	return err
}

// copies measures how long a customer waits for the copy of what is held of them.
func (r *bench) copies(pid int) error {
	var waits []time.Duration
	own := processTime(pid)
	for range r.size(100, 20) {
		began := r.now()
		if _, err := r.browse(r.bill.Customer, http.MethodPost, "/portal/rights/copy", url.Values{}); err != nil {
			return err
		}
		waits = append(waits, r.now().Sub(began))
	}
	r.metrics["copy_p50_ms"], r.metrics["copy_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	r.metrics["copy_cpu_us"] = (processTime(pid) - own) * 1e6 / float64(len(waits))
	return nil
}

// browse asks for a page as somebody who is signed in, and returns it.
func (r *bench) browse(who *http.Cookie, method, path string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(r.ctx, method, r.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.AddCookie(who)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	client := *r.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %d", method, strings.SplitN(path, "?", 2)[0], res.StatusCode)
	}
	return string(page), err
}

// checks measures the automatic checks of records, in this process: those alone,
// and with the decision, the opening and what is written down.
func (r *bench) checks() error {
	n := r.size(100_000, 2_000)
	return r.customers(n, func(ctx context.Context, a *app.App) error {
		span := r.span() / 2
		inspected, err := a.ScratchInspect(span)
		if err != nil {
			return err
		}
		r.metrics["inspected_per_s"] = float64(inspected) / span.Seconds()
		if err := a.Ledger.Sync(ctx); err != nil {
			return err
		}
		alone := r.ids[:r.size(2_000, 300)] // as after a registration
		if err := r.checked(ctx, a, "alone", alone, 1); err != nil {
			return err
		}
		return r.checked(ctx, a, "together", r.ids[len(alone):], app.ScratchTogether) // as when their time has come
	})
}

// checked measures records that are checked, so many at once.
func (r *bench) checked(ctx context.Context, a *app.App, name string, ids []loot.Subject, once int) error {
	own, database, began := processTime(os.Getpid()), r.databaseTime(), r.now()
	var mu sync.Mutex
	var waits []time.Duration
	left := make(chan []loot.Subject)
	done := make(chan error, 1)
	go func() {
		done <- parallel(8, func(int) error { // as many as the queue has workers
			var mine []time.Duration
			for some := range left {
				began := r.now()
				if err := a.ScratchCheck(ctx, some...); err != nil {
					return err
				}
				mine = append(mine, r.now().Sub(began))
			}
			mu.Lock()
			waits = append(waits, mine...)
			mu.Unlock()
			return nil
		})
	}()
	i := 0
	for some := range slices.Chunk(ids, once) {
		left <- some
		if i++; i%100 == 0 {
			r.metrics["rss_mib"] = max(r.metrics["rss_mib"], rss(os.Getpid()))
		}
	}
	close(left)
	if err := <-done; err != nil {
		return err
	}
	r.metrics["checked_"+name+"_per_s"] = float64(len(ids)) / r.now().Sub(began).Seconds()
	r.metrics["checked_"+name+"_cpu_us"] = (processTime(os.Getpid()) - own + r.databaseTime() - database) * 1e6 / float64(len(ids))
	r.metrics["checked_"+name+"_p50_ms"], r.metrics["checked_"+name+"_p99_ms"] = percentile(waits, 0.5), percentile(waits, 0.99)
	return nil
}
