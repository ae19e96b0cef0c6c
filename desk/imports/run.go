package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"loot"
	"loot/desk/imports/source"
	"loot/store"
)

// workArgs asks for an import to be gone on with.
type workArgs struct {
	Import string `json:"import"`
}

// Kind names the job.
func (workArgs) Kind() string { return "imports.work" }

// minutelyArgs asks for what is done by itself.
type minutelyArgs struct{}

// Kind names the job.
func (minutelyArgs) Kind() string { return "imports.minutely" }

// inviteArgs asks for somebody who was taken over to be told of it.
type inviteArgs struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (inviteArgs) Kind() string { return "imports.invite" }

const (
	batchRows  = 250    // that are taken over in one transaction
	sliceRows  = 20_000 // that one job takes over before it makes room for others
	checksOnce = 100    // customers whose details are checked in a minute, after they were taken over
	keysOnce   = 500    // keys of nobody that are removed in a minute
	beat       = 10 * time.Second
	deadAfter  = 6 * beat
)

// errAway says that an import was stopped, or that another process goes on with it.
var errAway = errors.New("imports: somebody else is here")

// work reads on in a file. It may be killed at any point and done again: how far it
// is stands in the transaction that took the rows over.
func (i *Imports) work(ctx context.Context, a workArgs) error {
	r, err := i.read(ctx, a.Import)
	if errors.Is(err, errNone) || err == nil && !r.works() {
		return nil
	}
	if err != nil {
		return err
	}
	by, err := i.author(ctx, r)
	defer i.living(ctx, r)()
	if err == nil {
		var j *judge
		if j, err = i.judge(ctx, r); err == nil {
			if r.State == trying {
				err = i.try(ctx, r, j)
			} else {
				err = i.take(ctx, r, j, by)
			}
		}
	}
	var wrong *source.Error
	switch {
	case errors.Is(err, errAway):
		return nil
	case errors.As(err, &wrong):
		return i.fail(ctx, r, wrong.Error())
	case loot.KindOf(err) == loot.Denied:
		return i.fail(ctx, r, loot.Message(err))
	}
	return err
}

// living notes from time to time that an import is worked on, until it is told to
// stop: a large file takes a while before its first row is through.
func (i *Imports) living(ctx context.Context, r *run) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		t := time.NewTicker(beat)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if _, err := i.DB.Exec(ctx, `UPDATE imports_run SET touched = $1 WHERE id = $2 AND state = $3`, i.Now().UnixMicro(), r.ID, r.State); err != nil && ctx.Err() == nil {
					i.Log.WarnContext(ctx, "that an import goes on is not noted", "err", err)
				}
			}
		}
	}()
	return stop
}

// dead reports whether the process that worked on an import is gone. An embedded
// database has one process at a time.
func (i *Imports) dead(r *run) bool {
	return i.Now().Sub(r.Touched) > deadAfter || i.DB.Dialect() == store.SQLite && r.Touched.Before(i.since)
}

// author returns who has an import run, if they still may.
func (i *Imports) author(ctx context.Context, r *run) (by loot.Actor, err error) {
	err = i.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if by, err = i.needs.Member(ctx, tx, r.Author); err != nil {
			return err
		}
		if !slices.ContainsFunc(by.Roles, func(role loot.Role) bool { return slices.Contains(roles, role) }) {
			return loot.Errorf(loot.Denied, "Whoever began this import may not take customers over any more. Bring the file again under another name.")
		}
		return i.may(ctx, tx, by)
	})
	return by, err
}

func (i *Imports) fail(ctx context.Context, r *run, why string) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		ok, err := move(ctx, tx, r.ID, failed, i.Now(), r.State)
		if err != nil || !ok {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE imports_run SET fault = $1, ended = $2 WHERE id = $3`, why, i.Now().UnixMicro(), r.ID)
		return err
	})
}

// A cursor reads a table on from a row.
type cursor struct {
	in     source.Reader
	number int64
	end    bool
}

func (i *Imports) cursor(ctx context.Context, r *run, table string, after int64) (*cursor, error) {
	in, err := i.open(ctx, r, func(t string) bool { return t == table })
	if err != nil {
		return nil, err
	}
	c := &cursor{in: in}
	for c.number < after && !c.end {
		if _, err := c.next(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// next returns the next row; nil at the end.
func (c *cursor) next() (*source.Row, error) {
	row, err := c.in.Next()
	if errors.Is(err, io.EOF) {
		c.end = true
		return nil, nil
	}
	if err == nil {
		c.number++
	}
	return row, err
}

// batch judges the next rows.
func (c *cursor) batch(j *judge, kind string) (out []candidate, err error) {
	for len(out) < batchRows && !c.end {
		row, err := c.next()
		if err != nil {
			return nil, err
		}
		if row == nil {
			break
		}
		out = append(out, j.row(kind, row, c.number))
	}
	return out, nil
}

// A prepared batch is one that was read and judged, whose people have keys.
type prepared struct {
	rows []candidate
	to   progress // where the import is after it
	err  error
}

// prepare reads on in a step, at most n rows, while the batch before is written.
func (i *Imports) prepare(ctx context.Context, r run, j *judge, p part, n int) <-chan prepared {
	out := make(chan prepared)
	give := func(b prepared) bool {
		select {
		case out <- b:
			return b.err == nil
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		c, err := i.cursor(ctx, &r, p.table, r.At)
		if err != nil {
			give(prepared{err: err})
			return
		}
		for n > 0 && !c.end {
			b := prepared{}
			if b.rows, b.err = c.batch(j, p.kind); b.err == nil {
				b.err = i.giveKeys(ctx, r, b.rows)
				i.step("keys")
			}
			if b.to = (progress{step: r.Step, at: c.number}); c.end {
				b.to = progress{step: r.Step + 1}
			}
			if !give(b) {
				return
			}
			n -= len(b.rows)
		}
	}()
	return out
}

// giveKeys makes the keys of those who may be taken over. Of those who turn out to
// be known they are swept.
func (i *Imports) giveKeys(ctx context.Context, r run, batch []candidate) error {
	var people []loot.Subject
	for _, c := range batch {
		if c.customer != nil && c.is == taken {
			c.customer.Subject = loot.NewSubject()
			people = append(people, c.customer.Subject)
		}
	}
	if len(people) > 0 {
		if err := i.needs.Keys(ctx, people...); err != nil {
			return err
		}
	}
	return i.keysBeside(ctx, r, batch)
}

// keysBeside makes the keys of what lies beside the records of those in a batch: of
// copies of invoices, and of names of services. Nobody gets one who is here already by
// their id, and no service that is.
func (i *Imports) keysBeside(ctx context.Context, r run, batch []candidate) error {
	var names []nameOf
	for _, c := range batch {
		if c.is == taken && (c.invoice != nil || c.named()) {
			names = append(names, c.name, c.client)
		}
	}
	if len(names) == 0 {
		return nil
	}
	var found map[nameOf]known
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		found, err = knownOf(ctx, tx, names)
		return err
	}); err != nil {
		return err
	}
	var newcomers, here, invoiced []loot.Subject
	for _, c := range batch {
		if _, is := found[c.name]; is || c.is != taken {
			continue
		}
		switch who := found[c.client].subject; {
		case c.customer != nil && c.named():
			newcomers = append(newcomers, c.customer.Subject)
		case who == "":
		case c.invoice != nil && !slices.Contains(invoiced, who):
			invoiced = append(invoiced, who)
		case c.named() && !slices.Contains(here, who):
			here = append(here, who)
		}
	}
	if len(newcomers) > 0 {
		if err := i.DB.InTx(ctx, func(tx *store.Tx) error { addNewcomers(tx, r.ID, newcomers); return nil }); err != nil {
			return err
		}
	}
	if err := i.needs.NameKeys(ctx, newcomers, here); err != nil {
		return err
	}
	return i.needs.ArchiveKeys(ctx, invoiced...)
}

// take takes a slice of an import over and asks for the next.
func (i *Imports) take(ctx context.Context, r *run, j *judge, by loot.Actor) error {
	ctx, cancel := context.WithCancel(ctx)
	var ahead <-chan prepared
	defer func() {
		cancel()
		if ahead != nil {
			for range ahead { // makes no key any more
			}
		}
	}()
	steps := r.Mapping.steps(r.Found)
	for left := sliceRows; r.Step < len(steps); {
		if left <= 0 {
			return i.DB.InTx(ctx, func(tx *store.Tx) error { return i.Jobs.Enqueue(ctx, tx, workArgs{r.ID}) })
		}
		ahead = i.prepare(ctx, *r, j, steps[r.Step], left)
		for b := range ahead {
			if b.err != nil {
				return b.err
			}
			if err := i.takeBatch(ctx, r, j, by, b.rows, b.to); err != nil {
				return err
			}
			r.Step, r.At = b.to.step, b.to.at
			left -= len(b.rows)
			i.step("batch")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		ok, err := move(ctx, tx, r.ID, done, i.Now(), running)
		if err != nil || !ok {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE imports_run SET ended = $1 WHERE id = $2`, i.Now().UnixMicro(), r.ID); err != nil {
			return err
		}
		_, err = i.Gate.Note(ctx, tx, by, "import.ended", r.ID)
		return err
	})
}

// reason is what stands beside a name on the ledger for all that an import does.
func reason(r *run) string { return "Import " + r.ID + " from " + r.Mapping.System }

// The waits for the ledger while it has too much to do.
const (
	ledgerWait  = 250 * time.Millisecond
	ledgerTries = 120
)

// takeBatch takes rows over in one transaction, which notes how far the import is.
func (i *Imports) takeBatch(ctx context.Context, r *run, j *judge, by loot.Actor, batch []candidate, to progress) error {
	var err error
	for range ledgerTries {
		err = i.Gate.InTx(ctx, func(tx *store.Tx) error {
			return i.takeIn(ctx, tx, r, j, by, slices.Clone(batch), to)
		})
		if loot.KindOf(err) != loot.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(ledgerWait):
		}
	}
	return err
}

func (i *Imports) takeIn(ctx context.Context, tx *store.Tx, r *run, j *judge, by loot.Actor, batch []candidate, to progress) error {
	facts, err := i.facts(ctx, tx, j, r, batch, nil)
	if err != nil {
		return err
	}
	named := slices.ContainsFunc(batch, candidate.named) // of whom each had a key made
	var people []Customer
	var begun []Order
	var written []Invoice
	for n := range batch {
		c := &batch[n]
		facts.settle(c, r)
		if c.is == taken && c.customer != nil {
			for k := range c.customer.Orders {
				c.customer.Orders[k].Subject = c.customer.Subject
				if k < len(c.names) {
					addKnown(tx, c.names[k], known{subject: c.customer.Subject, reference: c.customer.Orders[k].ID, by: r.ID}, settled)
				}
			}
			addKnown(tx, c.name, known{subject: c.customer.Subject, by: r.ID}, r.Mapping.after())
			people, begun = append(people, *c.customer), append(begun, c.customer.Orders...)
		}
		if c.is == already && c.link != "" {
			addKnown(tx, c.name, known{subject: c.link, by: r.ID}, settled)
		}
		if c.is == taken && c.order != nil && !c.came {
			if err := i.takeOrder(ctx, tx, r, by, c, &begun); err != nil {
				return err
			}
		}
		if c.is == taken && c.invoice != nil {
			addKnown(tx, c.name, known{subject: c.invoice.Subject, reference: invoices, by: r.ID}, settled)
			written = append(written, *c.invoice)
		}
		if c.is != refused {
			c.whose = c.name
		}
		if from := i.chargedFrom(c); !from.IsZero() {
			c.charged = from.Format(time.DateOnly)
		}
		to.count(c.verdict)
		addVerdict(tx, r.ID, r.Step, c.verdict)
	}
	if ok, err := advance(ctx, tx, r, to, i.Now()); err != nil || !ok {
		return errors.Join(err, errAway)
	}
	if len(people) > 0 {
		if named {
			came := make([]loot.Subject, len(people))
			for n, c := range people {
				came[n] = c.Subject
			}
			if err := forgetNewcomers(ctx, tx, came); err != nil {
				return err
			}
		}
		if err := i.needs.Take(ctx, tx, j.s, by, reason(r), people); err != nil {
			return err
		}
	}
	if len(begun) > 0 {
		if err := i.needs.Services(ctx, tx, by, reason(r), begun); err != nil {
			return err
		}
	}
	if len(written) > 0 {
		return i.needs.Archive(ctx, tx, by, reason(r), written)
	}
	return nil
}

// chargedFrom returns the day from which the service of a row is charged that is taken
// over now; zero: none is.
func (i *Imports) chargedFrom(c *candidate) time.Time {
	if c.is != taken { // who is refused may have no service at all
		return time.Time{}
	}
	if one := c.service(); one != nil && one.Ended.IsZero() {
		return i.needs.Charged(*one)
	}
	return time.Time{}
}

// takeOrder takes the service of somebody over who is here already.
func (i *Imports) takeOrder(ctx context.Context, tx *store.Tx, r *run, by loot.Actor, c *candidate, begun *[]Order) error {
	held, err := i.needs.Held(ctx, tx, c.order.Subject)
	if err != nil {
		return err
	}
	if !held {
		*c = c.refuse("Its customer was erased here meanwhile.")
		return nil
	}
	if _, err := i.needs.Order(ctx, tx, by, reason(r), *c.order); err != nil {
		return err
	}
	addKnown(tx, c.name, known{subject: c.order.Subject, reference: c.order.ID, by: r.ID}, settled)
	*begun = append(*begun, *c.order)
	return nil
}

func (p *progress) count(v verdict) {
	switch v.is {
	case taken:
		p.fresh++
	case already:
		p.known++
	case refused:
		p.refused++
	}
}

// facts are what is known about a batch.
type facts struct {
	names     map[nameOf]known
	addresses map[string]loot.Subject
	came      map[loot.Subject]bool // of those, who were taken over
	seen      map[string]bool       // addresses of rows before
	cameTwice map[nameOf]bool
	dry       *dry // nil: it is taken over
}

// facts looks up what is known of a batch. Of a dry run, nobody is searched for.
func (i *Imports) facts(ctx context.Context, tx *store.Tx, j *judge, r *run, batch []candidate, d *dry) (*facts, error) {
	var names []nameOf
	var addresses []string
	for _, c := range batch {
		if c.is == refused {
			continue
		}
		names = append(append(names, c.name), c.names...)
		if c.client != (nameOf{}) {
			names = append(names, c.client)
		}
		if c.customer != nil {
			addresses = append(addresses, c.address)
		}
	}
	f := &facts{seen: map[string]bool{}, cameTwice: map[nameOf]bool{}, dry: d}
	var err error
	if f.names, err = knownOf(ctx, tx, names); err != nil {
		return nil, err
	}
	if f.addresses, err = i.needs.Known(ctx, tx, j.s, fmt.Sprintf("%s: %d addresses", reason(r), len(addresses)), addresses); err != nil {
		return nil, err
	}
	f.came, err = cameFrom(ctx, tx, f.addresses)
	return f, err
}

// settle says of a row that is in order whether it is here already.
func (f *facts) settle(c *candidate, r *run) {
	if c.is == refused {
		return
	}
	k, is := f.names[c.name]
	switch {
	case is && k.subject == "" && k.by != "-":
		*c = c.refuse("It was taken over before, and its customer was erased here since.")
	case is && k.by == r.ID && c.order != nil && !f.cameTwice[c.name]:
		c.came, f.cameTwice[c.name] = true, true // with its customer
	case is:
		c.is, c.why = already, "It was taken over before."
	case c.customer != nil:
		f.settleClient(c)
	default:
		f.settleOf(c)
	}
}

func (f *facts) settleClient(c *candidate) {
	again := f.seen[fold(c.address)] || f.dry != nil && f.dry.addresses[fold(c.address)]
	switch s := f.addresses[c.address]; {
	case s != "" && f.came[s]:
		*c = c.refuse("Somebody else who was taken over has the same address, by which people sign in.")
		return
	case s != "":
		c.is, c.link, c.why = already, s, "A customer with this address is here. Nothing of the row was taken over; services of this id go to them."
		f.names[c.name] = known{subject: s, by: "-"} // a second row of the same id is here already
		return
	case again:
		*c = c.refuse("Another row has the same address, by which people sign in.")
		return
	}
	customer := *c.customer // a service that stands in a dump twice is one
	customer.Orders, c.names = slices.Clone(customer.Orders), slices.Clone(c.names)
	for k := len(c.names) - 1; k >= 0; k-- {
		if _, twice := f.names[c.names[k]]; twice || slices.Contains(c.names[:k], c.names[k]) {
			customer.Orders, c.names = slices.Delete(customer.Orders, k, k+1), slices.Delete(c.names, k, k+1)
		}
	}
	if c.customer = &customer; len(customer.Orders) == 0 {
		*c = c.refuse("Each of their services is somebody else's.")
		return
	}
	f.seen[fold(c.address)] = true
	for _, n := range append(c.names, c.name) {
		f.names[n] = known{subject: customer.Subject, by: "-"}
	}
}

// settleOf says of a service or an invoice whose it is.
func (f *facts) settleOf(c *candidate) {
	k := f.names[c.client]
	switch {
	case f.dry != nil && (f.dry.names[c.name] || f.dry.names[c.client]):
	case k.subject == "":
		*c = c.refuse("Its customer was not taken over.")
		return
	case c.order != nil:
		c.order.Subject = k.subject
	default:
		c.invoice.Subject = k.subject
	}
	f.names[c.name] = known{subject: k.subject, by: "-"}
}
