package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
)

// shownQuantiles are the columns of latencies; the last one is the maximum.
var shownQuantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}}

// An isolateRow is what was measured of one mode.
type isolateRow struct {
	mode   isolateMode
	trials []trial
}

// of returns the median of what pick takes from each trial; of two in the middle, the lower one.
func of[N cmp.Ordered](r isolateRow, pick func(trial) N) N {
	var all []N
	for _, t := range r.trials {
		all = append(all, pick(t))
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// latency returns the median of the trials' latencies at q.
func (r isolateRow) latency(kind int, q float64) time.Duration {
	return of(r, func(t trial) time.Duration { return t.Load.Latency[kind].at(q) })
}

// throughput is in bytes of input a second.
func (r isolateRow) throughput() float64 {
	return of(r, func(t trial) float64 { return float64(t.Server.Compressed) / t.Server.Elapsed.Seconds() })
}

func (r isolateRow) pause99() time.Duration {
	return of(r, func(t trial) time.Duration { return t.Server.Pauses.P99 })
}

// throttled is the part of periods in which the server ran out of its quota.
func (r isolateRow) throttled() float64 {
	return of(r, func(t trial) float64 { return throttledPart(t.Throttle) })
}

// writeReport writes all tables. It writes to memory, so it looks at no errors.
func (o *isolateOptions) writeReport(w io.Writer, files string, rows []isolateRow) {
	limit := ""
	if o.quota > 0 {
		limit = fmt.Sprintf(", at most %v CPUs for the server", o.quota)
	}
	fmt.Fprintf(w, "Compression of the files under %s beside two servers; %d at a time%s.\n", printable(files), o.workers, limit)
	fmt.Fprintf(w, "%v a mode, %s; medians; %d CPUs, %s %s/%s.\n",
		o.duration, count(o.repeat, "round"), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for kind, conns := range [kinds]int{echoConns, jsonConns} {
		fmt.Fprintf(w, "\n%s, %d requests a second over %d connections, ms from when due to answered:\n\n", kindNames[kind], o.rate[kind], conns)
		writeLatencies(w, kind, rows)
	}
	fmt.Fprintf(w, "\nGo's collector in the server, how late the load sent (ms), and how many CPUs others used:\n\n")
	o.writeAround(w, rows)
	if disturbed := disturbedLine(rows); disturbed != "" {
		fmt.Fprintf(w, "\n%s", disturbed)
	}
	if missing := unansweredLines(rows); missing != "" {
		fmt.Fprintf(w, "\n%s", missing)
	}
	if targets := o.targets(rows); len(targets) > 0 {
		fmt.Fprint(w, "\n")
		writeTargets(w, targets)
	}
}

// newIsolateTable makes a table whose first column is set left, which a tabwriter can't do for one of them.
func newIsolateTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// rowTitle is the first column.
func rowTitle(m isolateMode) string {
	width := 0
	for _, m := range isolateModes {
		width = max(width, len(m.title))
	}
	return fmt.Sprintf("%s  %-*s", m.letter, width, m.title)
}

func writeLatencies(w io.Writer, kind int, rows []isolateRow) {
	t := newIsolateTable(w)
	for _, c := range shownQuantiles {
		fmt.Fprintf(t, "\t%s", c.name)
	}
	fmt.Fprint(t, "\tbackground\t\n")
	for _, r := range rows {
		fmt.Fprint(t, rowTitle(r.mode))
		for _, c := range shownQuantiles {
			fmt.Fprintf(t, "\t%s", ms(r.latency(kind, c.q)))
		}
		fmt.Fprintf(t, "\t%s\t\n", throughputText(r))
	}
	t.Flush() //nolint:errcheck // see writeReport
}

// throughputText is the background work's throughput, or a dash where there is none.
func throughputText(r isolateRow) string {
	if r.mode.letter == "a" || r.mode.letter == controlMode {
		return "–"
	}
	return fmt.Sprintf("%.1f MB/s", r.throughput()/1e6)
}

func (o *isolateOptions) writeAround(w io.Writer, rows []isolateRow) {
	t := newIsolateTable(w)
	fmt.Fprint(t, "\tGOMAXPROCS\tcycles\tstops p50\tp99\tload late p50\tp99\tmax\tothers\t")
	if o.quota > 0 {
		fmt.Fprint(t, "throttled\t")
	}
	fmt.Fprintln(t)
	for _, r := range rows {
		late := func(q float64) string {
			return ms(of(r, func(t trial) time.Duration { return t.Load.Late.at(q) }))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.2f\t", rowTitle(r.mode),
			of(r, func(t trial) int { return t.Server.Procs }),
			of(r, func(t trial) uint64 { return t.Server.Pauses.Cycles }),
			ms(of(r, func(t trial) time.Duration { return t.Server.Pauses.P50 })), ms(r.pause99()),
			late(0.5), late(0.99), late(1),
			of(r, func(t trial) float64 { return t.Others }))
		if o.quota > 0 {
			var sum cgroup.Throttled
			for _, t := range r.trials {
				sum.Periods += t.Throttle.Periods
				sum.ThrottledPeriods += t.Throttle.ThrottledPeriods
			}
			fmt.Fprintf(t, "%d of %d periods\t", sum.ThrottledPeriods, sum.Periods)
		}
		fmt.Fprintln(t)
	}
	t.Flush() //nolint:errcheck // see writeReport
}

// mostOthers CPUs may be in others' use before the report warns: a twentieth of one is what a quiet machine's
// services take now and then.
const mostOthers = 0.05

// disturbedLine warns that others have used the CPUs, too: what background work leaves of a server's latency is
// soon less than what they do to it.
func disturbedLine(rows []isolateRow) string {
	disturbed, all := 0, 0
	for _, r := range rows {
		for _, t := range r.trials {
			all++
			if t.Others > mostOthers {
				disturbed++
			}
		}
	}
	if disturbed == 0 {
		return ""
	}
	return fmt.Sprintf("In %d of %d measurements other programs used more than %v CPUs: the latencies are theirs as well.\n", disturbed, all, mostOthers)
}

// unansweredLines says which modes left requests without an answer.
func unansweredLines(rows []isolateRow) string {
	var lines strings.Builder
	for _, r := range rows {
		missing := 0
		for _, t := range r.trials {
			missing += t.Load.Unanswered
		}
		if missing > 0 {
			fmt.Fprintf(&lines, "%s, %s: %s had no answer %v after the last one was due; they count as answered then.\n",
				r.mode.letter, r.mode.title, count(missing, "request"), drainLimit)
		}
	}
	return lines.String()
}

// ms is a duration in milliseconds, with three digits that count, as far as microseconds.
func ms(d time.Duration) string {
	v := d.Seconds() * 1e3
	switch {
	case v < 10:
		return fmt.Sprintf("%.3f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
