package runqprom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/runq-go/runq"
)

// metric is one family of metrics, made from the figures in an S.
type metric[S any] struct {
	name, help string

	// One of these is set. A counter only grows; a gauge may do anything; states is a
	// gauge for each of a few states, told apart by the label "state".
	counter   func(*S) float64
	gauge     func(*S) float64
	states    map[string]func(*S) float64
	histogram func(*S) (h *runq.Histogram, sum time.Duration)
}

// labels returns the names of the variable labels: those given, and the metric's own.
func (m *metric[S]) labels(names ...string) []string {
	if m.states != nil {
		names = append(names, "state")
	}
	return names
}

// collect sends the metric's values. labels are those of the names given to labels.
func (m *metric[S]) collect(to chan<- prometheus.Metric, d *prometheus.Desc, s *S, labels ...string) {
	switch {
	case m.counter != nil:
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, m.counter(s), labels...)
	case m.gauge != nil:
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, m.gauge(s), labels...)
	case m.states != nil:
		for state, value := range m.states {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value(s), append(labels, state)...)
		}
	default:
		h, sum := m.histogram(s)
		buckets, count := cumulative(h)
		to <- prometheus.MustNewConstHistogram(d, count, sum.Seconds(), buckets, labels...)
	}
}

const (
	// firstBound and lastBound are the powers of two of nanoseconds between which
	// histograms have their bounds, a microsecond and 17 seconds. Less than the first is
	// less than a scheduler does anything about, more than the last is an outage. Every
	// power between is one: a quantile is then right to a factor of two, as in runq.
	firstBound = 10
	lastBound  = 34
)

// cumulative returns how many of the times in h are at most each bound in seconds, and
// how many there are. In h a time of just a bound counts as more than it: a nanosecond
// too much, which nobody can tell.
func cumulative(h *runq.Histogram) (buckets map[float64]uint64, count uint64) {
	buckets = make(map[float64]uint64, lastBound-firstBound+1)
	for i, n := range h.Buckets {
		count += n
		if firstBound <= i && i <= lastBound {
			buckets[seconds(1<<i)] = count
		}
	}
	return buckets, count
}

// about estimates the sum of times that are only known by their histogram: each counts
// as the middle of its bucket.
func about(h *runq.Histogram) (sum time.Duration) {
	for i, n := range h.Buckets {
		sum += time.Duration(n) * (3 << i / 4)
	}
	return sum
}

// seconds returns nanoseconds in seconds.
func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

// truth returns 1 for true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
