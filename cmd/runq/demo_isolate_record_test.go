package main

import (
	"encoding/json"
	"math"
	"runtime"
	"testing"
	"time"
)

func TestRecorder(t *testing.T) {
	r := newRecorder(time.Second, 2*time.Second)
	for _, c := range []struct {
		due, happened time.Duration
		counts        bool
	}{
		{time.Second - 1, 3 * time.Second, false},
		{time.Second, time.Second, true},
		{2*time.Second - 1, 2*time.Second - 1 + time.Hour, true},
		{2 * time.Second, 2 * time.Second, false},
	} {
		if got := r.add(c.due, c.happened); got != c.counts {
			t.Errorf("due %v: got %v, want %v", c.due, got, c.counts)
		}
	}
	if n := r.all.TotalCount(); n != 2 {
		t.Errorf("%d latencies, want 2", n)
	}
	// Out of range counts as its end, to three digits.
	if got := r.all.at(1); got < mostLatency || got > mostLatency+mostLatency/1000 {
		t.Errorf("got a maximum of %v, want %v", got, mostLatency)
	}
	if got := time.Duration(r.all.Min()); got > leastLatency {
		t.Errorf("got a minimum of %v, want %v", got, leastLatency)
	}
}

func TestLatenciesTravel(t *testing.T) {
	for _, all := range [][]time.Duration{nil, {time.Millisecond}, {time.Microsecond, 3 * time.Millisecond, mostLatency}} {
		sent := loadReport{Phase: phaseResult, Result: &loadResult{Late: newLatencies()}}
		for kind := range kinds {
			sent.Result.Latency[kind] = newLatencies()
			for _, d := range all {
				sent.Result.Latency[kind].add(d)
			}
		}
		text, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var got loadReport
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for kind := range kinds {
			if !got.Result.Latency[kind].Equals(sent.Result.Latency[kind].Histogram) {
				t.Errorf("%v: the %s latencies have changed on the way", all, kindNames[kind])
			}
		}
		if n := got.Result.Late.at(0.99); n != 0 {
			t.Errorf("no latency is %v at p99, want 0", n)
		}
	}
}

func TestBucketQuantile(t *testing.T) {
	bounds := []float64{math.Inf(-1), 1e-6, 1e-3, 1, math.Inf(1)}
	for _, c := range []struct {
		counts []uint64
		q      float64
		want   time.Duration
	}{
		{[]uint64{0, 0, 0, 0}, 0.5, 0},
		{[]uint64{1, 0, 0, 0}, 0.99, time.Microsecond},
		{[]uint64{0, 99, 1, 0}, 0.99, time.Millisecond},
		{[]uint64{0, 98, 2, 0}, 0.99, time.Second},
		{[]uint64{0, 1, 1, 0}, 0.5, time.Millisecond},
		{[]uint64{0, 0, 0, 1}, 0.5, time.Second}, // no upper bound
	} {
		if got := bucketQuantile(c.counts, bounds, c.q); got != c.want {
			t.Errorf("%v at %v: got %v, want %v", c.counts, c.q, got, c.want)
		}
	}
}

func TestReadPauses(t *testing.T) {
	before := readPauses()
	if before.counts == nil {
		t.Fatalf("Go has no %s", pausesMetric)
	}
	runtime.GC()
	p := readPauses().since(before)
	if p.Cycles == 0 || p.Stops == 0 || p.P50 <= 0 || p.P99 < p.P50 {
		t.Errorf("got %+v after a collection", p)
	}
}
