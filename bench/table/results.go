package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// results are all measurements that were read.
type results struct {
	config map[string]string // of the last result: machine, versions
	rows   map[rowKey]*row
	order  []rowKey // as first seen
}

// A rowKey names one implementation of one workload.
type rowKey struct {
	workload string // such as "Spawn1M/by=task"
	procs    string // GOMAXPROCS as the name has it, such as "-2"; "" if 1
	impl     string
}

// A row has the values of each unit, one for each run, and the words that the
// name of the benchmark gave as its answer, if it did.
type row struct {
	values  map[string][]float64
	answers []string
}

// read reads all files. A line that isn't a well-formed result is an error:
// a table with silent gaps would be a lie.
func read(paths []string) (*results, error) {
	res := &results{config: map[string]string{}, rows: map[rowKey]*row{}}
	files := benchfmt.Files{Paths: paths, AllowStdin: true}
	for files.Scan() {
		switch rec := files.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, rec
		case *benchfmt.Result:
			if err := res.add(rec); err != nil {
				return nil, err
			}
		}
	}
	if err := files.Err(); err != nil {
		return nil, err
	}
	if len(res.rows) == 0 {
		return nil, fmt.Errorf("no benchmark results in %s", strings.Join(paths, ", "))
	}
	return res, nil
}

func (res *results) add(rec *benchfmt.Result) error {
	for _, c := range rec.Config {
		res.config[c.Key] = string(c.Value)
	}
	key, answer := splitName(rec.Name)
	if key.impl == "" {
		file, line := rec.Pos()
		return fmt.Errorf("%s:%d: benchmark %s: the name has no part /impl=", file, line, rec.Name)
	}
	r := res.rows[key]
	if r == nil {
		r = &row{values: map[string][]float64{}}
		res.rows[key] = r
		res.order = append(res.order, key)
	}
	for _, v := range rec.Values {
		r.values[v.Unit] = append(r.values[v.Unit], v.Value)
	}
	if answer != "" && !slices.Contains(r.answers, answer) {
		r.answers = append(r.answers, answer)
	}
	return nil
}

// splitName takes /impl=, /answer= and -procs out of a benchmark's name.
func splitName(name benchfmt.Name) (key rowKey, answer string) {
	base, parts := name.Parts()
	workload := string(base)
	for _, p := range parts {
		part := string(p)
		if v, ok := strings.CutPrefix(part, "/impl="); ok {
			key.impl = v
		} else if v, ok := strings.CutPrefix(part, "/answer="); ok {
			answer = v
		} else if strings.HasPrefix(part, "-") {
			key.procs = part
		} else {
			workload += part
		}
	}
	key.workload = workload
	return key, answer
}

// A stat is the median of the runs, and their extremes.
type stat struct {
	median, min, max float64
	runs             int
}

// stat sums up one unit of a row; ok is false if it wasn't measured.
func (r *row) stat(unit string) (s stat, ok bool) {
	if r == nil || len(r.values[unit]) == 0 {
		return stat{}, false
	}
	sample := benchmath.NewSample(slices.Clone(r.values[unit]), &benchmath.DefaultThresholds)
	// No confidence is asked for: the extremes are shown instead, which say
	// more than an interval of five values.
	sum := benchmath.AssumeNothing.Summary(sample, 0)
	n := len(sample.Values)
	return stat{sum.Center, sample.Values[0], sample.Values[n-1], n}, true
}

// writeHeader says where the results come from.
func (res *results) writeHeader(w io.Writer) {
	for _, c := range []struct{ key, label string }{
		{"date", "date"}, {"commit", "commit"}, {"go", "Go"},
		{"goos", "system"}, {"goarch", "architecture"}, {"cpu", "CPU"}, {"cores", "cores"},
		{"note", "note"},
	} {
		if v := res.config[c.key]; v != "" {
			fmt.Fprintf(w, "- %s: %s\n", c.label, v)
		}
	}
	fmt.Fprintln(w)
}
