// Package runqprom makes the figures of a scheduler metrics for Prometheus:
//
//	prometheus.MustRegister(runqprom.NewCollector(sched))
//
// Everything that is in [runq.Stats] is there, in the units that Prometheus wants:
// times in seconds, counters that end in _total, a histogram for each class of how long
// its tasks waited for a P, ran at a stretch, and took in all. [Dashboard] is a dashboard
// for Grafana that shows them.
//
// A scrape stops nothing: it takes the scheduler's lock for the few microseconds that
// [runq.Scheduler.Stats] does. A scheduler has some 70 time series, and each of its
// classes about 90.
package runqprom
