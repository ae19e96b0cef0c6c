package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"loot"
	"loot/desk/visits"
	"loot/desk/visits/logfile"
)

// begin begins an import, or goes on with one.
func (i *importer) begin() error {
	if err := i.post(i.c.ctx, "", "application/json", nil, &i.begun); err != nil {
		return err
	}
	i.marks = i.marks[:0]
	for _, text := range i.begun.Marks {
		var m logfile.Mark
		if err := m.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		i.marks = append(i.marks, m)
	}
	return nil
}

func (i *importer) end(ctx context.Context) error {
	i.holds = false
	return i.post(ctx, "/"+i.begun.ID+"/end", "application/json", nil, nil)
}

// take sends a batch and adds up what became of it.
func (i *importer) take(path, kind string, body []byte) error {
	var taken visits.ImportTaken
	if err := i.post(i.c.ctx, "/"+i.begun.ID+path, kind, body, &taken); err != nil {
		return err
	}
	i.recorded, i.holds = i.recorded+int64(taken.Recorded), taken.Holds
	for why, n := range taken.Refused {
		i.refused[why] += int64(n)
	}
	return nil
}

// post calls an operation of the site's imports. A batch may be sent again
// whatever became of it.
func (i *importer) post(ctx context.Context, path, kind string, body []byte, answer any) error {
	wait := firstWait
	for tries := 1; ; tries++ {
		again, err := i.try(ctx, path, kind, body, answer)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if again == 0 || !i.patient && tries == mostTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(wait, again)):
		}
		wait = min(2*wait, mostWait)
	}
}

// grace is how long what is on its way may take when somebody interrupts: it may
// arrive, and then it is counted.
const grace = 5 * time.Second

// try calls it once. It says after what time to try again; 0: it is of no use.
func (i *importer) try(ctx context.Context, path, kind string, body []byte, answer any) (again time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	interrupted := ctx
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(interrupted, func() { time.AfterFunc(grace, cancel) })()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.flags.Server+"/api/visits/"+url.PathEscape(i.flags.Site)+"/imports"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+i.token)
	r.Header.Set("Content-Type", kind)
	w, err := i.client.Do(r)
	if err != nil {
		said := loot.Wrap(loot.Unavailable, err, "The server cannot be reached under "+i.flags.Server+". Nothing is lost: the same command goes on where it was.")
		if i.patient {
			return firstWait, said
		}
		return 0, said
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, 64<<20))
	if err != nil {
		return firstWait, loot.Wrap(loot.Unavailable, err, "The answer of the server broke off. Nothing is lost: the same command goes on where it was.")
	}
	if w.StatusCode < 300 {
		if answer == nil {
			return 0, nil
		}
		return 0, json.Unmarshal(b, answer)
	}
	if w.StatusCode == http.StatusTooManyRequests || w.StatusCode == http.StatusServiceUnavailable {
		again = firstWait
		if seconds, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil {
			again = min(time.Duration(seconds)*time.Second, mostWait)
		}
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(b, &problem) != nil || problem.Detail == "" {
		problem.Detail = "the answer was " + w.Status
	}
	return again, loot.Errorf(loot.Unavailable, "The server says: %s", problem.Detail)
}

// A batch is what was read of a log and not sent yet.
type batch struct {
	visits.LogBatch

	i    *importer
	sent chan error // of the batch before, which is sent while this one is read
}

func newBatch(i *importer, after logfile.Mark) *batch {
	b := &batch{LogBatch: visits.NewLogBatch(after), i: i, sent: make(chan error, 1)}
	b.sent <- nil
	return b
}

func (b *batch) add(l *logfile.Line) error {
	if !b.Add(l) {
		return nil
	}
	return b.send()
}

// send sends what there is, once the batch before is taken.
func (b *batch) send() error {
	if err := <-b.sent; err != nil || b.Empty() {
		b.sent <- err
		return err
	}
	after, mark, body := b.Take()
	path := "/lines?" + url.Values{"after": {after}, "mark": {mark}}.Encode()
	go func() { b.sent <- b.i.take(path, "text/tab-separated-values", body) }()
	return nil
}

// wait returns what became of the batch that was sent last.
func (b *batch) wait() error {
	err := <-b.sent
	b.sent <- err
	return err
}

// flush sends what is left and waits until it is taken.
func (b *batch) flush() error {
	if err := b.send(); err != nil {
		return err
	}
	return b.wait()
}
