package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"loot"
	"loot/store"
)

// A Receiving says how mail comes in.
type Receiving struct {
	DB     *store.DB
	Sealer Sealer
	// Enqueue has [Receiver.Deliver] called with the id once tx is committed, and
	// again until it returns nil.
	Enqueue func(ctx context.Context, tx *store.Tx, id string) error
	Now     func() time.Time
	Log     *slog.Logger

	Name        string // of this server, in its greeting
	Certificate string // files in PEM, read anew for each connection; empty: there is no TLS
	Key         string
	MaxBytes    int64 // of a mail; 0: 50 MiB
	PerMinute   int   // mails from one address of the internet; 0: any number
}

// A Taker takes a mail that came for its address. It reads the mail outside of
// a transaction and returns what is to be written then, in the transaction in
// which the mail ends here; so that is written once, however often a Taker is
// called. nil writes nothing: whoever writes before must find out by the id of
// the mail, or by what it holds, that it came before.
type Taker func(ctx context.Context, m *Received) (write func(context.Context, *store.Tx) error, err error)

// A Receiver takes mail in by SMTP (RFC 5321) for the addresses that are
// registered, and for no others: it relays nothing and lets nobody sign in. What
// it accepted is in the database, sealed, before it says so, and stays there
// until it was taken.
type Receiver struct {
	Receiving
	mu     sync.Mutex
	takers map[string]taking
	rates  map[netip.Addr]*rate.Limiter
	counts [outcomes]atomic.Int64
}

// A taking is what is done with the mail to an address.
type taking struct {
	taker Taker // nil: none is taken
	most  int64 // bytes of a mail; 0: as of any
}

// The bounds of a session, of mail that waits, and of what is told apart.
const (
	mostBytes      = 50 << 20
	mostRecipients = 10
	mostStrangers  = 20       // recipients of a session whom nobody knows
	mostWaiting    = 2 << 30  // bytes of mail that nobody took yet
	block          = 1 << 20  // bytes that are held of a mail that comes
	partBytes      = 64 << 10 // of a mail in one row
	mostRates      = 10_000
	abandoned      = time.Hour        // after which parts belong to no mail that still comes
	delayed        = 10 * time.Minute // after which mail that waits is offered again
)

// What became of mail that somebody sent.
const (
	accepted = iota
	taken
	strange // recipients
	hurried // too many from one address
	oversized
	unkept
	outcomes
)

var outcomeNames = [outcomes]string{"accepted", "taken", "unknown recipient", "too many", "too large", "not kept"}

// NewReceiver returns a receiver that nobody sends to yet, or says what is wrong
// with the certificate.
func NewReceiver(r Receiving) (*Receiver, error) {
	r.MaxBytes = cmp.Or(r.MaxBytes, mostBytes)
	if (r.Certificate == "") != (r.Key == "") {
		return nil, loot.Errorf(loot.Invalid, "A certificate for mail that comes in needs both files, that of the certificate and that of its key.")
	}
	out := &Receiver{Receiving: r, takers: map[string]taking{}, rates: map[netip.Addr]*rate.Limiter{}}
	if r.Certificate != "" {
		if _, err := out.certificate(nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// certificate reads the certificate, which somebody else renews.
func (r *Receiver) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(r.Certificate, r.Key)
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "The certificate "+r.Certificate+" for mail that comes in cannot be read together with its key.")
	}
	return &c, nil
}

// Register has a taker take the mail to an address, of at most so many bytes each; 0: as many
// as any mail may have.
func (r *Receiver) Register(address string, t Taker, most int64) error {
	key := recipient(address)
	if !ValidAddress(address) || !ValidAddress(key) { // what needs its quotes arrives without them
		return loot.Errorf(loot.Invalid, "Mail can be taken in for an address such as abuse@example.com only.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.takers[key].taker != nil {
		return loot.Errorf(loot.Invalid, "Two parts of the program take the mail to one address. Give each an address of its own.")
	}
	r.takers[key] = taking{t, most}
	return nil
}

// recipient returns an address as it is compared: without difference of large and
// small letters, and its domain as DNS knows it. Empty: it is none.
func recipient(s string) string {
	a, err := address("<" + strings.Trim(s, "<>") + ">")
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address)
}

func (r *Receiver) taking(to string) taking {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takers[to]
}

// mayAgain reports whether an address of the internet may send one more mail
// now. Of IPv6 a whole network counts as one, as whoever has one address has all.
func (r *Receiver) mayAgain(from netip.Addr) bool {
	if r.PerMinute == 0 {
		return true
	}
	from = network(from)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.rates[from]
	if l == nil {
		if len(r.rates) >= mostRates {
			clear(r.rates) // they begin anew, which costs less than to know all of them
		}
		l = rate.NewLimiter(rate.Limit(float64(r.PerMinute)/60), r.PerMinute)
		r.rates[from] = l
	}
	return l.AllowN(r.Now(), 1)
}

// network returns the address itself, or the network that one customer has.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, _ := a.Prefix(64) // of a whole address
	return p.Addr()
}

// A Count says how often something became of mail that was sent here.
type Count struct {
	What string
	N    int64
}

// Counts returns what became of mail in this process.
func (r *Receiver) Counts() []Count {
	out := make([]Count, outcomes)
	for i, name := range outcomeNames {
		out[i] = Count{name, r.counts[i].Load()}
	}
	return out
}

// Deliver hands an accepted mail to whoever takes it, and ends it here. A mail
// that ended before is no error.
func (r *Receiver) Deliver(ctx context.Context, id string) error {
	m, found, err := r.find(ctx, id)
	if err != nil || !found {
		return err
	}
	take := r.taking(m.To).taker
	if take == nil {
		return fmt.Errorf("mail: nobody takes the mail %s any more", id)
	}
	write, err := take(ctx, m)
	if err != nil {
		return fmt.Errorf("mail: take %s: %w", id, err)
	}
	return r.DB.InTx(ctx, func(tx *store.Tx) error {
		ended, err := end(ctx, tx, id, m.mail)
		if err != nil || !ended { // another process was quicker
			return err
		}
		if write != nil {
			if err := write(ctx, tx); err != nil {
				return fmt.Errorf("mail: take %s: %w", id, err)
			}
		}
		tx.AfterCommit(func() { r.counts[taken].Add(1) })
		return nil
	})
}

// Sweep forgets the parts of mail that never came to its end, and has mail that
// waited for long delivered again, also after its job was given up.
func (r *Receiver) Sweep(ctx context.Context) error {
	now := r.Now()
	return r.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := forget(ctx, tx, now.Add(-abandoned)); err != nil {
			return err
		}
		ids, err := waiting(ctx, tx, now.Add(-delayed), 1000)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := r.Enqueue(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// A Waiting is mail that was accepted and not taken yet.
type Waiting struct {
	Mails int
	Bytes int64
	Since time.Time // when the oldest came; zero: there is none
}

// Waiting returns how much there is.
func (r *Receiver) Waiting(ctx context.Context) (w Waiting, err error) {
	err = r.DB.ReadTx(ctx, func(tx *store.Tx) error {
		var since int64
		if err := tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(MIN(at), 0) FROM mail_received`).Scan(&w.Mails, &w.Bytes, &since); err != nil {
			return fmt.Errorf("mail: waiting: %w", err)
		}
		if w.Since = (time.Time{}); w.Mails > 0 {
			w.Since = time.UnixMicro(since).UTC()
		}
		return nil
	})
	return w, err
}

// errAbort is of a mail that did not come whole.
var errAbort = errors.New("mail: the sender broke off")
