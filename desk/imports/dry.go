package imports

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/job"
	"loot/store"
)

// dry is what a dry run remembers of the rows before, in place of the records that
// it does not make.
type dry struct {
	addresses map[string]bool
	names     map[nameOf]bool
}

// fold makes addresses alike that reach the same person.
func fold(address string) string { return strings.ToLower(address) }

// try says of every row what would become of it. When it was killed it begins
// anew, as nothing of it lasts but what it says.
func (i *Imports) try(ctx context.Context, r *run, j *judge) error {
	if r.Step != 0 || r.At != 0 {
		if err := i.DB.InTx(ctx, func(tx *store.Tx) error {
			ok, err := reset(ctx, tx, r.ID, trying, i.Now(), trying)
			if err == nil && !ok {
				err = errAway
			}
			return err
		}); err != nil {
			return err
		}
		r.Step, r.At = 0, 0
	}
	d := &dry{addresses: map[string]bool{}, names: map[nameOf]bool{}}
	steps := r.Mapping.steps(r.Found)
	for r.Step < len(steps) {
		p := steps[r.Step]
		c, err := i.cursor(ctx, r, p.table, 0)
		if err != nil {
			return err
		}
		for !c.end {
			batch, err := c.batch(j, p.kind)
			if err != nil {
				return err
			}
			to := progress{step: r.Step, at: c.number}
			if c.end {
				to.step, to.at = r.Step+1, 0
			}
			if err := i.tryBatch(ctx, r, j, d, batch, to); err != nil {
				return err
			}
			r.Step, r.At = to.step, to.at
		}
	}
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := move(ctx, tx, r.ID, tried, i.Now(), trying)
		return err
	})
}

func (i *Imports) tryBatch(ctx context.Context, r *run, j *judge, d *dry, batch []candidate, to progress) error {
	var all []candidate
	if err := i.Gate.InTx(ctx, func(tx *store.Tx) error {
		all = slices.Clone(batch)
		to := to
		f, err := i.facts(ctx, tx, j, r, all, d)
		if err != nil {
			return err
		}
		for n := range all {
			f.settle(&all[n], r)
			all[n].charged = i.wouldCharge(&all[n])
			to.count(all[n].verdict)
			addVerdict(tx, r.ID, r.Step, all[n].verdict)
		}
		if ok, err := advance(ctx, tx, r, to, i.Now()); err != nil || !ok {
			return errors.Join(err, errAway)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, c := range all {
		switch {
		case c.link != "": // what is theirs goes to whom the row means
			d.names[c.name] = true
		case c.is == taken && c.customer != nil:
			d.addresses[fold(c.address)] = true
			for _, n := range append(c.names, c.name) {
				d.names[n] = true
			}
		}
	}
	return nil
}

// wouldCharge returns the day from which the service of a row would be charged.
func (i *Imports) wouldCharge(c *candidate) string {
	switch from := i.chargedFrom(c); {
	case from.IsZero():
		return ""
	case from.After(i.Now()):
		return from.Format(time.DateOnly)
	}
	return whenTaken
}

// minutely has imports gone on with whose process was killed, has the details of
// those who were taken over checked, some at a time, and removes old files and the keys
// of nobody.
func (i *Imports) minutely(ctx context.Context, _ minutelyArgs) error {
	now := i.Now()
	if err := i.DB.InTx(ctx, func(tx *store.Tx) error {
		working, err := readRuns(ctx, tx, `WHERE state IN ('trying', 'running')`)
		if err != nil {
			return err
		}
		for _, r := range working {
			if !i.dead(r) {
				continue
			}
			if ok, err := move(ctx, tx, r.ID, r.State, now, r.State); err != nil || !ok {
				return err
			}
			if err := i.Jobs.Enqueue(ctx, tx, workArgs{r.ID}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if err := i.dropKeys(ctx); err != nil {
		return err
	}
	if err := i.checkSome(ctx); err != nil {
		return err
	}
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		old, err := readRuns(ctx, tx, `WHERE removed = 0 AND `+resting+` AND touched <= $1 ORDER BY made LIMIT 20`, now.Add(-fileLife).UnixMicro())
		if err != nil || len(old) == 0 {
			return err
		}
		for _, r := range old {
			if err := removeFile(ctx, tx, r.ID, now.UnixMicro()); err != nil {
				return err
			}
		}
		l, err := i.lapsing()
		if err != nil {
			return err
		}
		l.Count = len(old)
		return i.Erased(ctx, tx, name, l)
	})
}

// resting are the states of imports of which no job reads the file.
const resting = `state NOT IN ('trying', 'running')`

const fileLife = filesKept * 24 * time.Hour

// lapsing is how reports call the files that are removed. An order to preserve a record
// holds none: what was taken over from a file is in the record, and the rest is about
// everybody else in it.
func (i *Imports) lapsing() (desk.Lapse, error) {
	s, err := i.inForce()
	if err != nil {
		return desk.Lapse{}, err
	}
	p, _ := s.Purpose("service")
	return desk.Lapse{What: "Files of imports", Why: strconv.Itoa(filesKept) + " days after the last thing that was done with them", Clause: p.Clause}, nil
}

// lapses foretells which files go up to a time.
func (i *Imports) lapses(ctx context.Context, tx *store.Tx, until time.Time) ([]desk.Lapse, error) {
	l, err := i.lapsing()
	if err != nil {
		return nil, err
	}
	return desk.Foretell(ctx, tx, l, fileLife, until, `SELECT (touched + $1) / $2, count(*) FROM imports_run WHERE removed = 0 AND `+resting+` AND touched <= $3 GROUP BY 1`)
}

// dropKeys removes the keys for names of newcomers who were not taken over, once their
// import rests for so long that no process is about to make them.
func (i *Imports) dropKeys(ctx context.Context) error {
	var left []loot.Subject
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		left, err = newcomersLeft(ctx, tx, i.Now().Add(-deadAfter))
		return err
	}); err != nil || len(left) == 0 {
		return err
	}
	if err := i.needs.DropNameKeys(ctx, left...); err != nil {
		return err
	}
	return i.DB.InTx(ctx, func(tx *store.Tx) error { return forgetNewcomers(ctx, tx, left) })
}

// checkSome has the details of the next customers checked as if they had been
// given just now, and writes to them if that was chosen: all of a large import at
// once would hold up everybody else's.
func (i *Imports) checkSome(ctx context.Context) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name, subject, waits FROM imports_known WHERE waits > 0 ORDER BY import LIMIT $1`, checksOnce)
		if err != nil {
			return err
		}
		defer rows.Close()
		var names [][]byte
		var notices []job.Notice
		var told []inviteArgs
		for rows.Next() {
			var name []byte
			var subject string
			var waits int
			if err := rows.Scan(&name, &subject, &waits); err != nil {
				return err
			}
			if waits == toInvite {
				told = append(told, inviteArgs{loot.Subject(subject)})
			}
			names, notices = append(names, name), append(notices, job.Notice{Name: "record.changed", ID: subject})
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, name := range names {
			if err := tx.Queue(ctx, `UPDATE imports_known SET waits = 0 WHERE name = $1`, name); err != nil {
				return err
			}
		}
		for _, a := range told {
			if err := i.Jobs.Enqueue(ctx, tx, a); err != nil {
				return err
			}
		}
		return i.Jobs.Publish(ctx, tx, notices...)
	})
}
