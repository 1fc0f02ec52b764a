package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// A target is a bound that runq has set itself for a figure.
type target struct {
	what   string
	bound  float64
	least  bool                               // the figure must be at least the bound, not at most
	figure func(res *Results) (float64, bool) // not a number if runq has no figure; false: others haven't
}

// sortInput is the size of what the workload sort sorts.
const sortInput = 10_000_000 * 8

func targets() []target {
	all := []target{
		{what: "fib, 1 worker: × serial Go", bound: 2.5, figure: times("fib", 1, "go-serial")},
		{what: "fib, 1 worker: × Rayon", bound: 1. / 2, figure: times("fib", 1, "rayon")},
		{what: "fib, 1 worker: × oneTBB", bound: 1. / 10, figure: times("fib", 1, "onetbb")},
		{what: "fib, 1 worker: × goroutines", bound: 1. / 50, figure: times("fib", 1, "goroutines")},
		{what: "fib, 2 workers: times faster than 1", bound: 1.85, least: true, figure: faster("fib", "runq", 2)},
	}
	for _, w := range []string{"skynet", "nqueens", "uts-t1", "uts-t3", "mergesort", "matmul"} {
		for workers := 1; workers <= 2; workers++ {
			who := fmt.Sprintf("%s, %s", w, count(workers))
			all = append(all,
				target{what: who + ": ratio to serial, × the lowest of all others'", bound: 1.05, figure: beside(w, workers, (*Results).overRatio, anybody)},
				target{what: who + ": wall time, × the lowest of the other Go rows", bound: 1, figure: beside(w, workers, overWall, isGo)})
		}
	}
	return append(all,
		target{what: "tree of 1,000 nodes, 1 worker: × serial Go", bound: 1.5, figure: times("tree-1k", 1, "go-serial")},
		target{what: "tree of 1,000 nodes, 2 workers: × serial Go", bound: 1.5, figure: times("tree-1k", 2, "go-serial")},
		target{what: "loop of tiny bodies, 1 worker: × serial Go", bound: 1.1, figure: times("for", 1, "go-serial")},
		target{what: "loop of tiny bodies, 2 workers: times faster than serial Go", bound: 1.8, least: true, figure: faster("for", "go-serial", 2)},
		target{what: "sort, 2 workers: times faster than slices.Sort", bound: 1.8, least: true, figure: faster("sort", "go-serial", 2)},
		target{what: "sort, 2 workers: memory beyond slices.Sort's, × the input", bound: 1, figure: sortMemory},
		target{what: "uneven branches, 2 workers: × the ideal", bound: 1.1, figure: func(res *Results) (float64, bool) {
			x, ok := times("uneven", 2, "go-serial")(res)
			return 2 * x, ok
		}},
	)
}

func count(workers int) string {
	if workers == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", workers)
}

// times returns how many times the wall time of another row with one worker runq takes.
func times(workload string, workers int, other string) func(*Results) (float64, bool) {
	return func(res *Results) (float64, bool) {
		return res.against(res.row(workload, "runq", workers), res.row(workload, other, 1), (*row).over)
	}
}

// faster returns how many times faster runq is than another row with one worker.
func faster(workload, other string, workers int) func(*Results) (float64, bool) {
	return func(res *Results) (float64, bool) {
		x, ok := times(workload, workers, other)(res)
		return 1 / x, ok
	}
}

// overRatio returns how many times another row's ratio to its serial one r has.
func (res *Results) overRatio(r, other *row) (float64, bool) {
	mine, ok := res.ratio(r)
	theirs, known := res.ratio(other)
	return mine / theirs, ok && known
}

// beside compares runq with all others with as many workers, and returns the worst that comes out.
func beside(workload string, workers int, compare func(res *Results, mine, other *row) (float64, bool), counts func(impl string) bool) func(*Results) (float64, bool) {
	return func(res *Results) (worst float64, ok bool) {
		for _, other := range res.of(workload) {
			if other.workers != workers || isSerial(other.impl) || other.impl == "runq" || !counts(other.impl) {
				continue
			}
			x, known := res.against(res.row(workload, "runq", workers), other, func(mine, other *row) (float64, bool) {
				return compare(res, mine, other)
			})
			if known && !(x <= worst) {
				worst, ok = x, true
			}
		}
		return worst, ok
	}
}

// against compares runq's row with another one: not a number if runq has no figure although it was to be
// measured.
func (res *Results) against(mine, other *row, compare func(mine, other *row) (float64, bool)) (float64, bool) {
	if mine == nil || other == nil {
		return 0, false
	}
	if mine.outcome != "" {
		return math.NaN(), true
	}
	return compare(mine, other)
}

func overWall(_ *Results, mine, other *row) (float64, bool) { return mine.over(other) }

func anybody(string) bool { return true }

func isGo(impl string) bool { return serialOf(impl) == "go-serial" }

// sortMemory returns how much more memory runq's sort needs than the serial one, in sizes of the input.
func sortMemory(res *Results) (float64, bool) {
	mine, ok := res.row("sort", "runq", 2).median(rss)
	base, known := res.row("sort", "go-serial", 1).median(rss)
	return (mine - base) / sortInput, ok && known
}

// writeTargets shows what runq aims at beside what was measured; nothing if none of it was.
func (res *Results) writeTargets(w io.Writer) {
	var lines strings.Builder
	for _, t := range targets() {
		x, ok := t.figure(res)
		if !ok {
			continue
		}
		sign, met := "≤", x <= t.bound
		if t.least {
			sign, met = "≥", x >= t.bound
		}
		answer := "no"
		if met {
			answer = "yes"
		}
		fmt.Fprintf(&lines, "| %s | %s %s | %s | %s |\n", t.what, sign, short(t.bound), short(x), answer)
	}
	if lines.Len() != 0 {
		fmt.Fprintf(w, "\n### What runq aims at\n\n| what | wanted | measured | met |\n| --- | --- | --- | --- |\n%s", lines.String())
	}
}

// short is x with four digits.
func short(x float64) string { return fmt.Sprintf("%.4g", x) }
