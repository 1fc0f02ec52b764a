package runq

import (
	"math"
	"math/bits"
	"time"
)

// lateBuckets is enough for timers that are up to nine minutes late; what is later
// counts as that.
const lateBuckets = 40

// lateBucket returns the bucket for a timer that is late by ns.
func lateBucket(ns int64) int {
	return min(bits.Len64(uint64(max(ns, 0))), lateBuckets-1)
}

// Lateness says how late timers were run: a histogram of the time from a timer's
// deadline to the moment in which a P came to run it. What the timer has set going, a
// task mostly, then still waits for its turn.
type Lateness struct {
	// Buckets has the number of timers that were late by less than 1 ns, 2 ns, 4 ns and
	// so on, but by no less than the bucket before says. The last has all the others.
	Buckets [lateBuckets]uint64
}

// Count returns how many timers have been run.
func (l *Lateness) Count() (n uint64) {
	for _, c := range l.Buckets {
		n += c
	}
	return n
}

// Quantile returns how late the part q of all timers was at most, to the next power of
// two of nanoseconds: Quantile(0.99) is 1.024 µs when 99 of 100 timers were late by less
// than that. q is from 0 to 1. Without any timers the result is 0.
func (l *Lateness) Quantile(q float64) time.Duration {
	total := l.Count()
	if total == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	var sum uint64
	for i, c := range l.Buckets {
		if sum += c; sum >= rank {
			return 1 << i
		}
	}
	return 1 << (lateBuckets - 1)
}

// Sub returns what has come since earlier, which was taken from the same Scheduler.
func (l *Lateness) Sub(earlier *Lateness) (d Lateness) {
	for i := range d.Buckets {
		d.Buckets[i] = l.Buckets[i] - earlier.Buckets[i]
	}
	return d
}
