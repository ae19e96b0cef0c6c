package app

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loot/ledger"
	"loot/web"
)

// lag shows what is recorded and not yet in the log.
type lag struct{ ledger *ledger.Ledger }

var (
	lagEntries = prometheus.NewDesc("loot_ledger_backlog_entries", "Entries that are recorded and not yet in the log.", nil, nil)
	lagSeconds = prometheus.NewDesc("loot_ledger_oldest_waiting_seconds", "How long the oldest of them has waited, as far as this process saw it.", nil, nil)
)

func (l lag) Describe(c chan<- *prometheus.Desc) { c <- lagEntries; c <- lagSeconds }

func (l lag) Collect(c chan<- prometheus.Metric) {
	entries, oldest := l.ledger.Lag()
	c <- prometheus.MustNewConstMetric(lagEntries, prometheus.GaugeValue, float64(entries))
	c <- prometheus.MustNewConstMetric(lagSeconds, prometheus.GaugeValue, oldest.Seconds())
}

// jobs shows what became of the background work, and what is left of it.
type jobs struct{ app *App }

var (
	jobsRun  = prometheus.NewDesc("loot_job_runs_total", "Runs of jobs in this process.", []string{"kind", "outcome"}, nil)
	jobsLeft = prometheus.NewDesc("loot_jobs", "Jobs in the queue, whoever runs them: waiting, running, or given up in the last days.", []string{"kind", "state"}, nil)
)

func (j jobs) Describe(c chan<- *prometheus.Desc) { c <- jobsRun; c <- jobsLeft }

func (j jobs) Collect(c chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	counts, err := j.app.Jobs.Counts(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(jobsLeft, errors.New("the database does not answer"))
		return
	}
	for kind, n := range counts {
		c <- prometheus.MustNewConstMetric(jobsRun, prometheus.CounterValue, float64(n.Finished), kind, "finished")
		c <- prometheus.MustNewConstMetric(jobsRun, prometheus.CounterValue, float64(n.Failed), kind, "failed")
		c <- prometheus.MustNewConstMetric(jobsLeft, prometheus.GaugeValue, float64(n.Waiting), kind, "waiting")
		c <- prometheus.MustNewConstMetric(jobsLeft, prometheus.GaugeValue, float64(n.Running), kind, "running")
		c <- prometheus.MustNewConstMetric(jobsLeft, prometheus.GaugeValue, float64(n.GaveUp), kind, "given up")
	}
}

// recorded shows what became of what sites, programs and logs sent.
type recorded struct{ app *App }

var visitsSent = prometheus.NewDesc("loot_visits_sent_total", "What was sent about visits to this process, by what became of it.", []string{"outcome"}, nil)

func (v recorded) Describe(c chan<- *prometheus.Desc) { c <- visitsSent }

func (v recorded) Collect(c chan<- prometheus.Metric) {
	for _, n := range v.app.visits.Counts() {
		c <- prometheus.MustNewConstMetric(visitsSent, prometheus.CounterValue, float64(n.N), n.What)
	}
}

// served counts requests and how long they took, by route and not by path.
type served struct{ seconds *prometheus.HistogramVec }

func newServed() *served {
	return &served{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "loot_http_request_duration_seconds", Help: "Requests that were answered, by route, method and class of status.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
	}, []string{"route", "method", "status"})}
}

func (s *served) observe(v web.Served) {
	class := "none" // cut off before there was one
	if v.Status > 0 {
		class = strconv.Itoa(v.Status/100) + "xx"
	}
	s.seconds.WithLabelValues(v.Route, v.Method, class).Observe(v.Took.Seconds())
}
