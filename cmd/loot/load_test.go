package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A load is clients that open records and register customers until they are
// told to stop, and knows what they were answered.
type load struct {
	o    *operator
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu        sync.Mutex
	entries   []string // of openings that were answered
	addresses []string // of registrations that were
	refused   map[string]int
	latest    time.Time
	gap       time.Duration // the longest time without an answer
}

// load starts a load of clients. One that reaches nobody ends: the server was
// killed.
func (o *operator) load(clients int) *load {
	o.t.Helper()
	ctx, stop := context.WithCancel(o.t.Context())
	l := &load{o: o, stop: stop, refused: map[string]int{}, latest: time.Now()}
	for range clients {
		l.wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if alive := l.one(n); !alive {
					return
				}
			}
		})
	}
	o.t.Cleanup(l.end)
	return l
}

var registered atomic.Int64

// one sends a request and notes the answer. It reports whether there was one.
func (l *load) one(n int) bool {
	var status int
	var answer []byte
	var entry, address string
	if n%2 == 0 {
		status, answer = l.o.ask(http.MethodPost, "/api/customers/"+l.o.vars["ID0"]+"/open", opening)
		var out struct{ Entry string }
		if status/100 == 2 {
			if err := json.Unmarshal(answer, &out); err != nil {
				l.o.t.Errorf("%v: %s", err, answer)
			}
		}
		entry = out.Entry
	} else {
		address = fmt.Sprintf("jo%d@example.com", 1000+registered.Add(1))
		status, answer = l.o.register(address)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case status == 0:
		return false
	case status == http.StatusServiceUnavailable:
		var problem struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != status || problem.Detail == "" {
			l.o.t.Errorf("a refusal says nothing: %s", answer)
		}
		l.refused[problem.Detail]++
	case status/100 != 2:
		l.o.t.Errorf("status %d: %s", status, answer)
		return false
	default:
		if entry != "" {
			l.entries = append(l.entries, entry)
		} else {
			l.addresses = append(l.addresses, address)
		}
		now := time.Now()
		l.gap = max(l.gap, now.Sub(l.latest))
		l.latest = now
	}
	return true
}

func (l *load) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries) + len(l.addresses)
}

// more waits until n more requests were answered.
func (l *load) more(n int) {
	l.o.t.Helper()
	want := l.answered() + n
	within(l.o.t, fmt.Sprintf("%d more answers", n), func() bool { return l.answered() >= want })
}

// refuses waits until a refusal that says the text was given.
func (l *load) refuses(text string) {
	l.o.t.Helper()
	within(l.o.t, "a refusal: "+text, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for detail := range l.refused {
			if strings.Contains(detail, text) {
				return true
			}
		}
		return false
	})
}

// end stops the clients.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// check holds what was answered against what is there. It stops the server.
func (l *load) check(served *process) {
	o := l.o
	o.t.Helper()
	for _, address := range l.addresses {
		if n := o.found(address); n != 1 {
			o.t.Errorf("%d customers of a registration that was answered", n)
		}
	}
	served.stop()
	o.wants(0, []string{"ledger", "verify"}, "Nothing was deleted, changed, reordered or cut off.")
	o.wants(0, []string{"vault", "check"}, "; 0 problems")
	o.wants(0, []string{"keys", "check"}, "; 0 problems")
	if out, code := o.run("entries", l.entries...); code != 0 {
		o.t.Error(out)
	}
	if len(l.entries) == 0 || len(l.addresses) == 0 {
		o.t.Error("too little was answered to tell")
	}
	o.t.Logf("%d openings and %d registrations were answered, the longest time without an answer was %v; refused: %v",
		len(l.entries), len(l.addresses), l.gap.Round(time.Millisecond), l.refused)
}

var opening = map[string]string{"purpose": "support", "reason": "ticket"}

// open opens a customer's record and returns the ledger's entry of it.
func (o *operator) open(customer string) (entry string) {
	o.t.Helper()
	status, answer := o.ask(http.MethodPost, "/api/customers/"+o.vars[customer]+"/open", opening)
	var out struct{ Entry string }
	if err := json.Unmarshal(answer, &out); err != nil || status != http.StatusOK || out.Entry == "" {
		o.t.Errorf("status %d: %v: %s", status, err, answer)
	}
	return out.Entry
}

// register registers a customer.
func (o *operator) register(address string) (status int, answer []byte) {
	return o.ask(http.MethodPost, "/api/customers", map[string]any{
		"service": "shared-hosting", "plan": "shared-small", "fields": map[string]string{
			"company.name": "Example Meadow Ltd", "contact.email": address, "address.street": "Sample Street 1", "address.city": "Exampleton", "address.country": "DE",
		},
	})
}

// found returns how many customers have the address.
func (o *operator) found(address string) int {
	o.t.Helper()
	status, answer := o.ask(http.MethodPost, "/api/customers/find", map[string]string{"purpose": "support", "field": "contact.email", "value": address})
	var out struct{ Customers []struct{} }
	if err := json.Unmarshal(answer, &out); err != nil || status != http.StatusOK {
		o.t.Errorf("status %d: %v: %s", status, err, answer)
	}
	return len(out.Customers)
}

// within waits until f is true.
func within(t testing.TB, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
