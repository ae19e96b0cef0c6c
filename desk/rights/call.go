package rights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"loot"
	"loot/store"
)

// callArgs asks for an agent to be told where a request of its stands.
type callArgs struct {
	Exercise string `json:"exercise"`
}

// Kind names the job.
func (callArgs) Kind() string { return "rights.call" }

// callFor is how long it is tried to tell an agent of a change, by the queue's waits, of
// which each is longer. It may still ask.
const callFor = 24 * time.Hour

// answerFor is how long an agent's server may take for an answer: there are few who call,
// and many agents.
const answerFor = 5 * time.Second

// waitFor is how long nothing is posted to a host that did not answer, so that it does not
// keep those who call from all others.
const waitFor = time.Minute

// silentHosts are those that did not answer when they were called last, each with when that
// was. Every process finds them out by itself.
type silentHosts struct {
	mu    sync.Mutex
	hosts map[string]time.Time
}

// waits reports whether a host did not answer a moment ago.
func (s *silentHosts) waits(host string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, silent := s.hosts[host]
	return silent && now.Sub(since) < waitFor
}

// note keeps whether a host answered.
func (s *silentHosts) note(host string, answered bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answered {
		delete(s.hosts, host)
		return
	}
	if s.hosts == nil {
		s.hosts = map[string]time.Time{}
	}
	s.hosts[host] = now
}

// maxCallback is how long the address may be that an agent names, in bytes.
const maxCallback = 1000

// mayCall returns the host of an address that an agent names in a message, and whether the
// address may be called: of a host that was let in with it, by https.
func (d *Rights) mayCall(a agent, address string) (at string, may bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	at = host(u)
	return at, len(address) <= maxCallback && d.needs.Client.CheckURL(address) == nil && slices.Contains(a.Hosts, at)
}

// host is that of an address, with its port unless it is that of https.
func host(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Host), ":443") }

// readHosts reads where an agent may be called.
func (d *Rights) readHosts(text string) (out []string, err error) {
	for one := range strings.FieldsSeq(text) {
		address := "https://" + one
		u, err := url.Parse(address)
		if err != nil || u.Host != one || d.needs.Client.CheckURL(address) != nil {
			return nil, loot.Errorf(loot.Invalid, "A host is written as it stands in an address, such as agents.example.com or agents.example.com:8443, and is one of the public internet.")
		}
		out = append(out, host(u))
	}
	return out, nil
}

// call tells an agent where a request stands by now, which may be further than when the
// call was asked for (section 2.03). What it answers is not looked at, but for whether it
// took it. Of two calls for a request the former may arrive last, so one that was overtaken
// tells again.
func (d *Rights) call(ctx context.Context, a callArgs) error {
	e, address, at, err := d.toCall(ctx, a.Exercise, "")
	for err == nil && address != "" {
		told := d.statusOf(e)
		if err := d.tellAgent(ctx, address, at, told); err != nil {
			return err
		}
		if e, address, at, err = d.toCall(ctx, a.Exercise, address); err == nil && d.statusOf(e) == told {
			return d.forgetCallback(ctx, e)
		}
	}
	return err
}

// toCall returns a request and the address at which its agent is told of it, which is known
// already to a call that is underway, with its host; empty: it is not called, or not any longer.
func (d *Rights) toCall(ctx context.Context, id, underway string) (e exercise, address, at string, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		address = underway
		e, err = findExercise(ctx, tx, "id", id)
		if loot.KindOf(err) == loot.NotFound {
			address = ""
			return nil
		}
		if err != nil {
			return err
		}
		if address == "" && e.callback != nil {
			opened, err := d.notes.Key.Open(e.callback, []byte(e.ID))
			if err != nil {
				return err
			}
			address = string(opened)
		}
		a, _, err := agentBy(ctx, tx, "id", e.Agent) // one that was ended has no host
		if err != nil {
			return err
		}
		var may bool
		if at, may = d.mayCall(a, address); !may || !e.Changed.Add(callFor).After(d.Now()) {
			address = "" // the operator took the host back, or it was tried for long enough
		}
		return nil
	})
	return e, address, at, err
}

// tellAgent posts where a request stands to an address of a host.
func (d *Rights) tellAgent(ctx context.Context, address, at string, s status) error {
	if d.silent.waits(at, d.Now()) {
		return errors.New("rights: an agent did not answer a moment ago, and is called later")
	}
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("rights: status: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	answer, err := d.needs.Client.Post(ctx, address, nil, body)
	d.silent.note(at, err == nil, d.Now())
	if err != nil {
		return fmt.Errorf("rights: an agent is not reached: %w", err)
	}
	if !answer.OK() {
		return fmt.Errorf("rights: an agent did not take where a request stands: status %d", answer.Status)
	}
	return nil
}

// forgetCallback forgets where an agent was told that its request is over, as the address
// may name somebody.
func (d *Rights) forgetCallback(ctx context.Context, e exercise) error {
	if e.Closed.IsZero() {
		return nil
	}
	if _, err := d.DB.Exec(ctx, `UPDATE rights_exercise SET callback = NULL WHERE id = $1`, e.ID); err != nil {
		return fmt.Errorf("rights: exercise: %w", err)
	}
	return nil
}
