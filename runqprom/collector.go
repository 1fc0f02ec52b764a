package runqprom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/runq-go/runq"
)

// Option changes what NewCollector returns.
type Option func(*options)

type options struct{ name string }

// defaultName is the scheduler's if nobody has named it.
const defaultName = "default"

// WithName sets the value of the label "scheduler", which all metrics have: "default"
// without. Schedulers whose collectors are in the same registry need different names.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// NewCollector returns a collector of the figures of s, to be registered with a
// prometheus.Registerer. s nil means runq.Default(). The collector may be used from any
// goroutine, also when s is closed: its counters then stay what they were.
func NewCollector(s *runq.Scheduler, opts ...Option) prometheus.Collector {
	if s == nil {
		s = runq.Default()
	}
	o := options{name: defaultName}
	for _, opt := range opts {
		opt(&o)
	}
	return newCollector(s.Stats, o)
}

// newCollector returns a collector of what stats returns.
func newCollector(stats func() runq.Stats, o options) *collector {
	c := &collector{stats: stats}
	labels := prometheus.Labels{"scheduler": valid(o.name)}
	for _, m := range schedulerMetrics {
		c.scheduler = append(c.scheduler, prometheus.NewDesc(m.name, m.help, m.labels(), labels))
	}
	for _, m := range classMetrics {
		c.class = append(c.class, prometheus.NewDesc(m.name, m.help, m.labels("class"), labels))
	}
	return c
}

// collector is what NewCollector returns.
type collector struct {
	stats     func() runq.Stats
	scheduler []*prometheus.Desc // of schedulerMetrics
	class     []*prometheus.Desc // of classMetrics
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, descs := range [][]*prometheus.Desc{c.scheduler, c.class} {
		for _, d := range descs {
			to <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	st := c.stats()
	for i, m := range schedulerMetrics {
		m.collect(to, c.scheduler[i], &st)
	}
	for j := range st.Classes {
		cs := &st.Classes[j]
		name := valid(cs.Name)
		for i, m := range classMetrics {
			m.collect(to, c.class[i], cs, name)
		}
	}
}

// valid returns the text as what a label may be: names of classes are anybody's, and one
// that isn't UTF-8 must not make the whole scrape fail.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
