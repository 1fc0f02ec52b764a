package main

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of latencies and how exact they are kept. Below a microsecond nothing crosses a socket; a minute
// is longer than anything that still answers; three digits are more than two runs have in common.
const (
	leastLatency  = time.Microsecond
	mostLatency   = time.Minute
	latencyDigits = 3
)

// latencies is a histogram of nanoseconds that travels between processes as text.
type latencies struct{ *hdrhistogram.Histogram }

func newLatencies() latencies {
	return latencies{hdrhistogram.New(int64(leastLatency), int64(mostLatency), latencyDigits)}
}

// add records one latency; what is out of range counts as the nearest that isn't.
func (l latencies) add(d time.Duration) {
	l.RecordValue(int64(max(leastLatency, min(d, mostLatency)))) //nolint:errcheck // it is in range
}

// at returns the latency that a part q of all don't exceed, from 0 to 1; for no latencies, 0.
func (l latencies) at(q float64) time.Duration {
	return time.Duration(l.ValueAtPercentile(100 * q))
}

// MarshalText writes the histogram in HdrHistogram's own format.
func (l latencies) MarshalText() ([]byte, error) { return l.EncodeV2() }

// UnmarshalText reads what MarshalText wrote.
func (l *latencies) UnmarshalText(text []byte) (err error) {
	l.Histogram, err = hdrhistogram.Decode(text)
	return err
}

// A recorder keeps what was due in the measured time, from included, to not.
type recorder struct {
	from, to time.Duration

	mu  sync.Mutex
	all latencies
}

func newRecorder(from, to time.Duration) *recorder {
	return &recorder{from: from, to: to, all: newLatencies()}
}

// add records that what was due at one time happened at another. It tells whether that counts.
func (r *recorder) add(due, happened time.Duration) bool {
	if due < r.from || due >= r.to {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.add(happened - due)
	return true
}
