package runq

import (
	"math"
	"math/bits"
	"time"
)

// histogramBuckets is enough for times up to nine minutes; what is longer counts as that.
const histogramBuckets = 40

// histogramBucket returns the bucket for a time in nanoseconds.
func histogramBucket(ns int64) int {
	return min(bits.Len64(uint64(max(ns, 0))), histogramBuckets-1)
}

// Histogram says how long something took, how often.
type Histogram struct {
	// Buckets has the number of times less than 1 ns, 2 ns, 4 ns and so on, but no less
	// than the bucket before says. The last has all the others.
	Buckets [histogramBuckets]uint64
}

// Lateness says how late timers were run: the time from a timer's deadline to the moment
// in which a P came to run it. What the timer has set going, a task mostly, then still
// waits for its turn.
type Lateness = Histogram

// Count returns how many times there are.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Buckets {
		n += c
	}
	return n
}

// Quantile returns a time that the part q of all don't exceed, to the next power of two of
// nanoseconds: Quantile(0.99) is 1.024 µs when 99 of 100 were less than that. q is from
// 0 to 1. Of nothing the result is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	var sum uint64
	for i, c := range h.Buckets {
		if sum += c; sum >= rank {
			return 1 << i
		}
	}
	return 1 << (histogramBuckets - 1)
}

// Sub returns what has come since earlier, which was taken from the same source.
func (h *Histogram) Sub(earlier *Histogram) (d Histogram) {
	for i := range d.Buckets {
		d.Buckets[i] = h.Buckets[i] - earlier.Buckets[i]
	}
	return d
}

// times is a histogram that grows, with the sum. Owner: that of the P it is for; others
// peek.
type times struct {
	n   Histogram
	sum int64
}

// add counts a time. A negative one is of two looks at the clock in the wrong order, by who
// queued a task and who took it just then: it counts as none.
func (t *times) add(ns int64) {
	ns = max(ns, 0)
	t.n.Buckets[histogramBucket(ns)]++
	t.sum += ns
}
