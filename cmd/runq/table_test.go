package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// sampleMeasurement has three rounds in which every number of the first implementation is 1, 3 and 2
// times a base, and those of the others twice as high.
func sampleMeasurement() *measurement {
	j := newJob("/tree", "")
	j.hashed("/tree/a", [32]byte{}, 3<<20)
	j.sort()
	m := newMeasurement(j, 3)
	for i := range implementations {
		scale := min(i+1, 2)
		for _, n := range []int{1, 3, 2} {
			o := outcome{
				Wall:   time.Duration(scale*n) * 100 * time.Millisecond,
				CPU:    time.Duration(scale*n) * 150 * time.Millisecond,
				Peak:   int64(scale*n) << 20,
				Digest: j.digest(),
			}
			if i == 0 {
				u := uint64(n)
				o.Counters = &counters{Steals: 10 * u, Parks: 20 * u, Retakes: 30 * u, Handoffs: 40 * u, Blocks: 50 * u, Overruns: 60 * u}
			}
			m.outcomes[i] = append(m.outcomes[i], o)
		}
	}
	return m
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := sampleMeasurement().writeTable(&out); err != nil {
		t.Fatal(err)
	}
	// The second line names this machine.
	lines := strings.Split(out.String(), "\n")
	if len(lines) < 2 || !strings.Contains(lines[1], runtime.Version()) {
		t.Fatalf("the second line doesn't name the Go version:\n%s", out.String())
	}
	got := strings.Join(append(lines[:1:1], lines[2:]...), "\n")
	const want = `SHA-256 of 1 file, 3.0 MiB, under /tree

                                 wall      CPU  peak memory  steals  parks  retakes  hand-offs  blocks  overruns
  runq                        0.200 s  0.300 s      2.0 MiB      20     40       60         80     100       120
  goroutine per file          0.400 s  0.600 s      4.0 MiB       –      –        –          –       –         –
  goroutine per file, pooled  0.400 s  0.600 s      4.0 MiB       –      –        –          –       –         –
  errgroup, limit GOMAXPROCS  0.400 s  0.600 s      4.0 MiB       –      –        –          –       –         –

runq against goroutine per file: 0.50 of the wall time, 0.50 of the CPU time, 0.50 of the peak memory
runq against goroutine per file, pooled: 0.50 of the wall time, 0.50 of the CPU time, 0.50 of the peak memory
runq against errgroup, limit GOMAXPROCS: 0.50 of the wall time, 0.50 of the CPU time, 0.50 of the peak memory
All 4 agree on every sum (digest `
	if !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestAgree(t *testing.T) {
	m := sampleMeasurement()
	if err := m.agree(); err != nil {
		t.Error(err)
	}
	m.outcomes[1][2].Digest = "other"
	if err := m.agree(); err == nil || !strings.Contains(err.Error(), "goroutine per file found other sums in round 3") {
		t.Errorf("got error %v for a wrong digest", err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		numbers []int64
		want    int64
	}{{[]int64{5}, 5}, {[]int64{9, 1}, 1}, {[]int64{3, 1, 2}, 2}, {[]int64{4, 3, 2, 1}, 2}} {
		var outcomes []outcome
		for _, n := range c.numbers {
			outcomes = append(outcomes, outcome{Peak: n})
		}
		if got := medianOutcome(outcomes).Peak; got != c.want {
			t.Errorf("median of %v = %d, want %d", c.numbers, got, c.want)
		}
	}
}
