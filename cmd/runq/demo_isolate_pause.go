package main

import (
	"math"
	"runtime/metrics"
	"time"
)

// Where Go tells how long it has stopped the world for its collector, and how often that ran.
const (
	pausesMetric = "/sched/pauses/total/gc:seconds"
	cyclesMetric = "/gc/cycles/total:gc-cycles"
)

// pauses is what the collector did in some time.
type pauses struct {
	Cycles   uint64
	Stops    uint64        // of the world
	P50, P99 time.Duration // how long they were; 0 if there were none
}

// pauseCounts are Go's counters at a moment.
type pauseCounts struct {
	cycles uint64
	counts []uint64  // of stops
	bounds []float64 // in seconds: counts[i] stops took from bounds[i] to bounds[i+1]
}

func readPauses() pauseCounts {
	samples := []metrics.Sample{{Name: pausesMetric}, {Name: cyclesMetric}}
	metrics.Read(samples)
	h := samples[0].Value.Float64Histogram()
	return pauseCounts{cycles: samples[1].Value.Uint64(), counts: h.Counts, bounds: h.Buckets}
}

// since returns what has happened since a moment before.
func (c pauseCounts) since(before pauseCounts) pauses {
	p := pauses{Cycles: c.cycles - before.cycles}
	counts := make([]uint64, len(c.counts))
	for i := range counts {
		counts[i] = c.counts[i] - before.counts[i]
		p.Stops += counts[i]
	}
	p.P50, p.P99 = bucketQuantile(counts, c.bounds, 0.5), bucketQuantile(counts, c.bounds, 0.99)
	return p
}

// bucketQuantile returns what a part q of the counted durations don't exceed: the upper bound of the bucket in
// which that one lies, or the lower one if there is no upper one; 0 if nothing was counted.
func bucketQuantile(counts []uint64, bounds []float64, q float64) time.Duration {
	var all uint64
	for _, n := range counts {
		all += n
	}
	rank := max(1, uint64(math.Ceil(q*float64(all)))) // of the one that is looked for, from 1
	for i, n := range counts {
		if n < rank {
			rank -= n
			continue
		}
		bound := bounds[i+1]
		if math.IsInf(bound, 1) {
			bound = bounds[i]
		}
		return time.Duration(bound * float64(time.Second))
	}
	return 0
}
