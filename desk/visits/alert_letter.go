package visits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/column"
	"loot/job"
	"loot/mail"
	"loot/store"
)

// lookJob looks whether an alert fires, and whose digest is due.
type lookJob struct{}

// Kind names the job.
func (lookJob) Kind() string { return "visits.look" }

// alarmJob writes one letter about an alert that fired.
type alarmJob struct {
	Alert string     `json:"alert"`
	Day   column.Day `json:"day"`
	Who   string     `json:"who"`
}

// Kind names the job.
func (alarmJob) Kind() string { return "visits.alarm" }

// lookEvery is how often it is looked.
const lookEvery = 10 * time.Minute

func (d *Visits) letterJobs() {
	job.Register(d.Jobs, func(ctx context.Context, _ lookJob) error { return d.Look(ctx) }, job.Timeout(lookEvery))
	job.Register(d.Jobs, d.alarm, job.MaxAttempts(10))
	job.Register(d.Jobs, d.sendDigest, job.MaxAttempts(10))
	d.Jobs.Periodic(lookEvery, lookJob{})
}

// Look finds what letters are due now, and has each written once, whichever
// process finds it first.
func (d *Visits) Look(ctx context.Context) error {
	if d.column == nil {
		return nil // a command that looks at something else
	}
	reports, crowd, err := d.ownReports()
	if kind := loot.KindOf(err); kind == loot.Denied || kind == loot.Unavailable {
		return nil // nobody is told anything
	} else if err != nil {
		return err
	}
	all, err := d.sites.list(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, s := range all {
		if !s.Ended.IsZero() {
			continue
		}
		failed = errors.Join(failed, d.lookAt(ctx, reports, crowd, s), d.claimDigests(ctx, s))
	}
	return errors.Join(failed, d.sweepKept(ctx))
}

// lookAt looks at the alerts of a site.
func (d *Visits) lookAt(ctx context.Context, reports *Reports, crowd int, s *Site) error {
	var alerts []alert
	if err := d.DB.Read(ctx, func(tx *store.Tx) (err error) {
		alerts, err = listAlerts(ctx, tx, s.Number)
		return err
	}); err != nil || len(alerts) == 0 {
		return err
	}
	if err := reports.Renew(ctx, s.Number); err != nil {
		return err
	}
	w := newWatch(reports, crowd, s, d.Now())
	var failed error
	for _, a := range alerts {
		f, err := w.look(ctx, a)
		if err == nil && f != nil {
			err = d.fire(ctx, a, *f)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// fire has the letters of an alert written, once a day.
func (d *Visits) fire(ctx context.Context, a alert, f firing) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		first, err := claimFiring(ctx, tx, a.ID, f)
		if err != nil || !first {
			return err
		}
		for _, who := range a.Recipients {
			if err := d.Jobs.Enqueue(ctx, tx, alarmJob{a.ID, f.Day, who}); err != nil {
				return err
			}
		}
		return nil
	})
}

// alarm writes to one of those whom an alert names, if they may still see
// reports.
func (d *Visits) alarm(ctx context.Context, j alarmJob) error {
	var a alert
	var f firing
	var to reader
	var ok bool
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if a, ok, err = findAlert(ctx, tx, j.Alert); err != nil || !ok {
			return err
		}
		if f, err = findFiring(ctx, tx, j.Alert, j.Day); err != nil {
			return fmt.Errorf("visits: alert: %w", err)
		}
		to, ok, err = d.reader(ctx, tx, j.Who)
		return err
	}); err != nil || !ok {
		return err
	}
	s, err := d.sites.numbered(ctx, a.Site)
	if err != nil {
		return err
	}
	asked, err := d.ask(s, address{From: f.Day.String(), To: f.Day.String(), Filters: filterTexts(a.Filters)})
	if err != nil {
		return err
	}
	what := s.Name + ". " + a.words() + "."
	if len(a.Filters) > 0 {
		what = s.Name + ". " + filtersWords(a.Filters) + ". " + a.words() + "."
	}
	return d.write(ctx, to, "visits-alert-"+a.ID+"-"+f.Day.String()+"-"+to.ID, mail.Letter{
		Subject: "Visits to " + s.Name + ": " + a.words(), Preview: f.Text, Greet: "Good day " + to.Name,
		Blocks: []mail.Block{
			mail.Para(f.Text), mail.Button("Open the report of that day", d.BaseURL+asked.href()),
			mail.Note(what + " No second letter comes about this on the same day."),
		},
		Why: "You get this because an alert names you. It can be removed in the console, under Visits, Alerts.",
	})
}

// write sends a letter to a member of staff. One that is refused for good is
// not tried again.
func (d *Visits) write(ctx context.Context, to reader, id string, l mail.Letter) error {
	m, err := l.Message(d.House(), id, to.address)
	if err != nil {
		return err
	}
	if err := d.Mail.Send(ctx, m); !errors.Is(err, mail.ErrRejected) {
		return err
	}
	d.Log.WarnContext(ctx, "a letter was refused for good", "desk", Name)
	return nil
}

// How long the console still shows a link that ended.
const endedFor = 90 * 24 * time.Hour

// sweepKept forgets what alerts saw of days that are kept no longer, and links
// that ended long ago.
func (d *Visits) sweepKept(ctx context.Context) error {
	now := d.Now()
	since := d.ruling.rules().since(now)
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM visits_firing WHERE day < $1`, int64(since)); err != nil {
			return fmt.Errorf("visits: sweep: %w", err)
		}
		before := now.Add(-endedFor).UnixMicro()
		if _, err := tx.Exec(ctx, `DELETE FROM visits_link WHERE ends < $1 OR revoked > 0 AND revoked < $1`, before); err != nil {
			return fmt.Errorf("visits: sweep: %w", err)
		}
		return nil
	})
}
