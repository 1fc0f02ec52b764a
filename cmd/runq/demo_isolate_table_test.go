package main

import (
	"strings"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
)

// fixedRow is a mode of one trial in which 99 of 100 requests took d, and one ten times that. What it
// compressed is mb MB/s.
func fixedRow(letter string, d time.Duration, mb float64) isolateRow {
	m, err := isolateModeOf(letter)
	if err != nil {
		panic(err)
	}
	l := &loadResult{Late: newLatencies()}
	l.Late.add(20 * time.Microsecond)
	for kind := range kinds {
		l.Latency[kind] = newLatencies()
		l.Latency[kind].RecordValues(int64(d), 99) //nolint:errcheck // in range
		l.Latency[kind].add(10 * d)
	}
	return isolateRow{mode: m, trials: []trial{{
		Load: l,
		Server: serverResult{Elapsed: 2 * time.Second, Compressed: int64(2e6 * mb), Procs: 2,
			Pauses: pauses{Cycles: 7, Stops: 14, P50: 10 * time.Microsecond, P99: time.Duration(mb) * time.Microsecond}},
		Throttle: cgroup.Throttled{Periods: 200, ThrottledPeriods: uint64(mb)},
	}}}
}

func fixedRows() []isolateRow {
	return []isolateRow{
		fixedRow("a", 100*time.Microsecond, 0),
		fixedRow("b", 10*time.Millisecond, 50),
		fixedRow("c", 5*time.Millisecond, 48),
		fixedRow("d", 110*time.Microsecond, 46),
		fixedRow("e", 250*time.Microsecond, 51),
	}
}

const wantLatencies = `
                                       p50    p90    p99  p99.9    max  background
  a  no background work              0.100  0.100  0.100  1.000  1.000           –
  b  goroutines                       10.0   10.0   10.0    100    100   50.0 MB/s
  c  goroutines, Gosched             5.001  5.001  5.001   50.0   50.0   48.0 MB/s
  d  runq background, Checkpoint     0.110  0.110  0.110  1.101  1.101   46.0 MB/s
  e  runq background, no Checkpoint  0.250  0.250  0.250  2.501  2.501   51.0 MB/s
`

const wantTargets = `
  target                        measured  wanted  met
  p99 of echo, d : a                1.10   ≤ 1.5  yes
  p99 of echo, b : d               90.87    ≥ 50  yes
  p99 of JSON, d : a                1.10   ≤ 1.5  yes
  p99 of JSON, b : d               90.87    ≥ 50  yes
  p99 of echo, e : a                2.49   ≤ 1.5   no
  p99 of echo, b : e               39.95    ≥ 50   no
  p99 of JSON, e : a                2.49   ≤ 1.5   no
  p99 of JSON, b : e               39.95    ≥ 50   no
  p50 of echo, d : a                1.10   ≤ 1.2  yes
  p50 of JSON, d : a                1.10   ≤ 1.2  yes
  background throughput, d : b      0.92   ≥ 0.9  yes
  Go's stops p99, e : b             1.02     ≤ 1   no
`

func TestReport(t *testing.T) {
	o := isolateDefaults()
	o.workers = 2
	var b strings.Builder
	o.writeReport(&b, "/some/files", fixedRows())
	got := b.String()
	for _, want := range []string{
		"files under /some/files beside two servers; 2 at a time.\n5s a mode, 1 round; medians; ",
		"echo, 1000 requests a second over 32 connections", "JSON, 200 requests a second over 16 connections",
		wantLatencies, wantTargets,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks\n%s\nit is\n%s", want, got)
		}
	}
	if n := strings.Count(got, wantLatencies); n != kinds {
		t.Errorf("the latencies are shown %d times, want once for each kind", n)
	}
	if strings.Contains(got, "throttled") || strings.Contains(got, "no answer") || strings.Contains(got, "other programs") {
		t.Errorf("the report speaks of what there isn't:\n%s", got)
	}
}

// TestReportOfSome: targets whose modes weren't measured aren't mentioned.
func TestReportOfSome(t *testing.T) {
	all := fixedRows()
	o := isolateDefaults()
	for _, c := range []struct {
		rows []isolateRow
		want int // targets
	}{
		{all[:1], 0},
		{all[:3], 0},
		{all[3:4], 0},
		{[]isolateRow{all[0], all[3]}, 4},
		{[]isolateRow{all[1], all[3]}, 3},
		{[]isolateRow{all[0], all[4]}, 2},
		{[]isolateRow{all[1], all[4]}, 3},
	} {
		if got := len(o.targets(c.rows)); got != c.want {
			t.Errorf("%d targets for the modes beginning with %s, want %d: %v", got, c.rows[0].mode.letter, c.want, o.targets(c.rows))
		}
		var b strings.Builder
		o.writeReport(&b, ".", c.rows)
		if strings.Contains(b.String(), "wanted") != (c.want > 0) {
			t.Errorf("a report with %d targets:\n%s", c.want, b.String())
		}
	}
}

func TestReportWithQuota(t *testing.T) {
	rows := fixedRows()
	rows[4].trials[0].Throttle = cgroup.Throttled{Periods: 200, ThrottledPeriods: 2}
	rows[4].trials[0].Load.Unanswered = 3
	rows[1].trials[0].Others = 0.25
	o := isolateDefaults()
	o.quota = 1.5
	var b strings.Builder
	o.writeReport(&b, ".", rows)
	got := b.String()
	for _, want := range []string{
		"at most 1.5 CPUs for the server", "46 of 200 periods", "  throttled periods of d      0.23  ≤ 0.01   no\n",
		"  p99 of echo, e : a          2.49     ≤ 2   no\n", "  throttled periods of e      0.01  ≤ 0.01  yes\n",
		"  0.25  50 of 200 periods", "In 1 of 5 measurements other programs used more than 0.05 CPUs",
		"e, runq background, no Checkpoint: 3 requests had no answer 10s after the last one was due",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q; it is\n%s", want, got)
		}
	}
	if strings.Contains(got, "throughput, d : b") {
		t.Errorf("the report has targets for a machine without a quota:\n%s", got)
	}
}

// TestMedians: each cell is the median over the trials, whatever their order.
func TestMedians(t *testing.T) {
	r := fixedRow("d", 3*time.Millisecond, 30)
	for _, d := range []int{5, 1, 2, 4} {
		r.trials = append(r.trials, fixedRow("d", time.Duration(d)*time.Millisecond, float64(10*d)).trials...)
	}
	if got := ms(r.latency(kindEcho, 0.5)); got != "3.000" {
		t.Errorf("got a median p50 of %s ms, want 3.000", got)
	}
	if got := r.throughput(); got != 30e6 {
		t.Errorf("got a median throughput of %v, want 30e6", got)
	}
	if got := r.throttled(); got != 30.0/200 {
		t.Errorf("got a median of %v throttled, want 30 of 200", got)
	}
}
