package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// writeTable prints the medians of the measured runs.
func (m *measurement) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "SHA-256 of %s, %s, under %s\n", count(len(m.job.sums), "file"), size(m.job.bytes.Load()), printable(m.job.root))
	fmt.Fprintf(w, "medians of %s, page cache warm, GOMAXPROCS=%d, %s\n\n", count(m.rounds, "round"), runtime.GOMAXPROCS(0), runtime.Version())

	titleWidth := 0 // the first column is set left, which a tabwriter can't do for one of them
	for _, im := range implementations {
		titleWidth = max(titleWidth, len(im.title))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\twall\tCPU\tpeak memory\tsteals\tparks\tretakes\thand-offs\tblocks\toverruns\t")
	medians := make([]outcome, len(m.outcomes))
	for i, outcomes := range m.outcomes {
		o := medianOutcome(outcomes)
		medians[i] = o
		fmt.Fprintf(t, "%-*s\t%s\t%s\t%s\t", titleWidth, implementations[i].title, seconds(o.Wall), seconds(o.CPU), size(o.Peak))
		for _, n := range o.Counters.columns() {
			fmt.Fprint(t, n, "\t")
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}

	first := medians[0]
	fmt.Fprintln(w)
	for i, o := range medians[1:] {
		fmt.Fprintf(w, "%s against %s: %.2f of the wall time, %.2f of the CPU time, %.2f of the peak memory\n",
			implementations[0].title, implementations[i+1].title, ratio(first.Wall, o.Wall), ratio(first.CPU, o.CPU), ratio(first.Peak, o.Peak))
	}
	_, err := fmt.Fprintf(w, "All %d agree on every sum (digest %.16s…).\n", len(implementations), m.job.digest())
	return err
}

// columns are the counters in the order of the table, or dashes for whoever has none.
func (c *counters) columns() [6]string {
	if c == nil {
		return [...]string{"–", "–", "–", "–", "–", "–"}
	}
	var columns [6]string
	for i, n := range [...]uint64{c.Steals, c.Parks, c.Retakes, c.Handoffs, c.Blocks, c.Overruns} {
		columns[i] = strconv.FormatUint(n, 10)
	}
	return columns
}

// medianOutcome takes the median of each number for itself.
func medianOutcome(outcomes []outcome) outcome {
	o := outcome{
		Wall: median(outcomes, func(o outcome) time.Duration { return o.Wall }),
		CPU:  median(outcomes, func(o outcome) time.Duration { return o.CPU }),
		Peak: median(outcomes, func(o outcome) int64 { return o.Peak }),
	}
	if outcomes[0].Counters == nil {
		return o
	}
	of := func(field func(*counters) uint64) uint64 {
		return median(outcomes, func(o outcome) uint64 { return field(o.Counters) })
	}
	o.Counters = &counters{
		Steals:   of(func(c *counters) uint64 { return c.Steals }),
		Parks:    of(func(c *counters) uint64 { return c.Parks }),
		Retakes:  of(func(c *counters) uint64 { return c.Retakes }),
		Handoffs: of(func(c *counters) uint64 { return c.Handoffs }),
		Blocks:   of(func(c *counters) uint64 { return c.Blocks }),
		Overruns: of(func(c *counters) uint64 { return c.Overruns }),
	}
	return o
}

// median returns the middle one of the numbers that pick takes from the outcomes; of two in the middle,
// the lower one.
func median[N cmp.Ordered](outcomes []outcome, pick func(outcome) N) N {
	numbers := make([]N, len(outcomes))
	for i, o := range outcomes {
		numbers[i] = pick(o)
	}
	slices.Sort(numbers)
	return numbers[(len(numbers)-1)/2]
}

func ratio[N ~int64](a, b N) float64 { return float64(a) / float64(b) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// size is a number of bytes for people.
func size(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
