package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// A target is a ratio that is promised, and what it was.
type target struct {
	what    string
	got     float64
	limit   float64
	atLeast bool // else at most
}

func (t target) met() bool {
	if t.atLeast {
		return t.got >= t.limit
	}
	return t.got <= t.limit
}

// The promises. A server beside background tasks is nearly as fast as alone, and far from what goroutines make
// of it, while the work goes on nearly as fast as theirs.
const (
	targetP99OfIdle    = 1.5
	targetP50OfIdle    = 1.2
	targetP99Gain      = 50
	targetThroughput   = 0.9
	targetPauses       = 1.0
	targetP99WithQuota = 2.0
	targetThrottled    = 0.01
)

// targets returns those whose modes were measured. With a quota there are others: what a process may do that
// can't have all CPUs.
func (o *isolateOptions) targets(rows []isolateRow) []target {
	row := func(letter string) *isolateRow {
		i := slices.IndexFunc(rows, func(r isolateRow) bool { return r.mode.letter == letter })
		if i < 0 {
			return nil
		}
		return &rows[i]
	}
	a, n, b, d, e := row("a"), row(controlMode), row("b"), row("d"), row("e")
	if o.quota > 0 {
		return append(quotaTargets(a, d), quotaTargets(a, e)...)
	}
	var all []target
	all = append(all, latencyTargets(a, n, b, d)...)
	all = append(all, latencyTargets(a, n, b, e)...)
	if a != nil && d != nil {
		for kind, name := range kindNames {
			all = append(all, target{what: "p50 of " + name + ", d : a", got: over(d, a, kind, 0.5), limit: targetP50OfIdle})
		}
	}
	if b != nil && d != nil {
		all = append(all, target{what: "background throughput, d : b", got: divide(d.throughput(), b.throughput()), limit: targetThroughput, atLeast: true})
	}
	if b != nil && e != nil && b.pause99() > 0 {
		all = append(all, target{what: "Go's stops p99, e : b", got: divide(e.pause99().Seconds(), b.pause99().Seconds()), limit: targetPauses})
	}
	return all
}

// latencyTargets are those of the p99 of r.
func latencyTargets(a, n, b, r *isolateRow) (all []target) {
	if r == nil {
		return nil
	}
	for kind, name := range kindNames {
		if a != nil {
			all = append(all, target{what: fmt.Sprintf("p99 of %s, %s : a", name, r.mode.letter), got: over(r, a, kind, 0.99), limit: targetP99OfIdle})
		}
		if n != nil {
			all = append(all, target{what: fmt.Sprintf("p99 of %s, %s : n", name, r.mode.letter), got: over(r, n, kind, 0.99), limit: targetP99OfIdle})
		}
		if b != nil {
			all = append(all, target{what: fmt.Sprintf("p99 of %s, b : %s", name, r.mode.letter), got: over(b, r, kind, 0.99), limit: targetP99Gain, atLeast: true})
		}
	}
	return all
}

// quotaTargets are those of r in a control group with a quota.
func quotaTargets(a, r *isolateRow) (all []target) {
	if r == nil {
		return nil
	}
	for kind, name := range kindNames {
		if a != nil {
			all = append(all, target{what: fmt.Sprintf("p99 of %s, %s : a", name, r.mode.letter), got: over(r, a, kind, 0.99), limit: targetP99WithQuota})
		}
	}
	return append(all, target{what: "throttled periods of " + r.mode.letter, got: r.throttled(), limit: targetThrottled})
}

// over is how many times the latency of the second is in that of the first.
func over(r, of *isolateRow, kind int, q float64) float64 {
	return divide(float64(r.latency(kind, q)), float64(max(of.latency(kind, q), time.Nanosecond)))
}

// divide returns 0 for 0 of nothing.
func divide(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x / y
}

func writeTargets(w io.Writer, targets []target) {
	t := newIsolateTable(w)
	width := len("target")
	for _, g := range targets {
		width = max(width, len(g.what))
	}
	fmt.Fprintf(t, "%-*s\tmeasured\twanted\tmet\t\n", width, "target")
	for _, g := range targets {
		sign, met := "≤", "no"
		if g.atLeast {
			sign = "≥"
		}
		if g.met() {
			met = "yes"
		}
		fmt.Fprintf(t, "%-*s\t%.2f\t%s %v\t%s\t\n", width, g.what, g.got, sign, g.limit, met)
	}
	t.Flush() //nolint:errcheck // see writeReport
}
