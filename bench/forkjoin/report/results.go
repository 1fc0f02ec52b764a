// Package report reads what a run of the fork-join suite has kept and shows it:
// as a table, as charts, and as a document.
package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Results is one run of the suite. Its text form, which [Read] reads, has a line
// "key: value" for each thing that is known about the run, and a line
//
//	row workload impl workers wall_ns cpu_ns allocs peak_rss_kb check
//
// for each measurement, in which one word may stand instead of the figures if
// there are none: why.
type Results struct {
	Header []Field
	rows   []*row // as first seen
}

// A Field is one thing that is known about a run.
type Field struct{ Key, Value string }

// A row is all measurements of one implementation of one workload with one
// number of workers.
type row struct {
	workload, impl string
	workers        int
	samples        []sample
	outcome        string // why there are no samples; empty if there are
}

// A sample is one measurement: what one operation took.
type sample struct {
	wall, cpu, allocs, rss float64 // nanoseconds, nanoseconds, a number, bytes
	check                  string
}

// Read reads a run. A line that it doesn't understand is an error: a table with
// silent gaps would be a lie.
func Read(r io.Reader) (*Results, error) {
	res := &Results{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if err := res.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return res, lines.Err()
}

func (res *Results) line(line string) error {
	if rest, ok := strings.CutPrefix(line, "row "); ok {
		return res.add(strings.Fields(rest))
	}
	key, value, ok := strings.Cut(line, ": ")
	if !ok {
		return fmt.Errorf("%q is neither a row nor \"key: value\"", line)
	}
	res.Header = append(res.Header, Field{key, value})
	return nil
}

func (res *Results) add(words []string) error {
	if len(words) != 8 && len(words) != 4 {
		return fmt.Errorf("row %q: %d words, want 4 or 8", words, len(words))
	}
	workers, err := strconv.Atoi(words[2])
	if err != nil {
		return fmt.Errorf("row %q: workers: %w", words, err)
	}
	at := res.row(words[0], words[1], workers)
	if at == nil {
		at = &row{workload: words[0], impl: words[1], workers: workers}
		res.rows = append(res.rows, at)
	}
	if len(words) == 4 {
		at.outcome = words[3]
		return nil
	}
	var figures [4]float64
	for i := range figures {
		if figures[i], err = strconv.ParseFloat(words[3+i], 64); err != nil {
			return fmt.Errorf("row %q: %w", words, err)
		}
	}
	at.samples = append(at.samples, sample{figures[0], figures[1], figures[2], figures[3] * 1024, words[7]})
	return nil
}

// row returns a row, nil if there is none.
func (res *Results) row(workload, impl string, workers int) *row {
	for _, r := range res.rows {
		if r.workload == workload && r.impl == impl && r.workers == workers {
			return r
		}
	}
	return nil
}

// of returns the rows of a workload.
func (res *Results) of(workload string) (rows []*row) {
	for _, r := range res.rows {
		if r.workload == workload {
			rows = append(rows, r)
		}
	}
	return rows
}

// median returns the median of a figure; false if there is none.
func (r *row) median(figure func(s sample) float64) (float64, bool) {
	if r == nil || r.outcome != "" || len(r.samples) == 0 {
		return 0, false
	}
	values := r.sorted(figure)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

func (r *row) sorted(figure func(s sample) float64) []float64 {
	var values []float64
	for _, s := range r.samples {
		values = append(values, figure(s))
	}
	slices.Sort(values)
	return values
}

func wall(s sample) float64   { return s.wall }
func cpu(s sample) float64    { return s.cpu }
func allocs(s sample) float64 { return s.allocs }
func rss(s sample) float64    { return s.rss }

// ratio returns how many times the serial row of its own language a row takes.
func (res *Results) ratio(r *row) (float64, bool) {
	return r.over(res.row(r.workload, serialOf(r.impl), 1))
}

// over returns how many times another row's wall time r takes: the median of what it was in
// each round, in which the rows of a workload are run one after the other. So a machine that
// is slower in some rounds is outvoted, or slower for both.
func (r *row) over(base *row) (float64, bool) {
	mine, ok := r.median(wall)
	other, known := base.median(wall)
	if !ok || !known {
		return 0, false
	}
	if len(r.samples) != len(base.samples) {
		return mine / other, true // one of them was interrupted
	}
	ratios := row{}
	for i, s := range r.samples {
		ratios.samples = append(ratios.samples, sample{wall: s.wall / base.samples[i].wall})
	}
	return ratios.median(wall)
}

// Check returns an error if not all rows of a workload have the same answer, or
// if one that is published isn't the one published. With sizes other than the
// full ones, published answers don't apply.
func (res *Results) Check(full bool) error {
	for _, w := range workloads {
		want := ""
		if full {
			want = w.published
		}
		for _, r := range res.of(w.name) {
			for _, s := range r.samples {
				if want == "" {
					want = s.check
				}
				if s.check != want {
					return fmt.Errorf("%s by %s with %d workers answers %s, want %s", r.workload, r.impl, r.workers, s.check, want)
				}
			}
		}
	}
	return nil
}

// The files that a run leaves in the folder of its results.
const (
	RawName   = "forkjoin.txt" // what Read reads
	TableName = "forkjoin.md"
)
