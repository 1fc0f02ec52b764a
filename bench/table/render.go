package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchunit"
)

// runqImpl is how the benchmarks call runq.
const runqImpl = "runq"

// none stands in a cell that has no value.
const none = "–"

// A group is one workload at one GOMAXPROCS: the rows that are compared.
type group struct {
	res      *results
	workload string
	procs    string
	impls    []string // as first seen
}

// groups returns the groups of a workload, as first seen.
func (res *results) groups(workload string) []group {
	var gs []group
	for _, k := range res.order {
		if k.workload != workload {
			continue
		}
		i := slices.IndexFunc(gs, func(g group) bool { return g.procs == k.procs })
		if i < 0 {
			i = len(gs)
			gs = append(gs, group{res: res, workload: workload, procs: k.procs})
		}
		gs[i].impls = append(gs[i].impls, k.impl)
	}
	return gs
}

// row returns the row of an implementation, nil if there is none.
func (g group) row(impl string) *row {
	return g.res.rows[rowKey{g.workload, g.procs, impl}]
}

// answers returns the different answers of an implementation.
func (g group) answers(impl string) []string {
	if r := g.row(impl); r != nil {
		return r.answers
	}
	return nil
}

// bestPool returns the row with the smallest median of those that are neither
// runq nor Go's own way.
func (g group) bestPool(wl workload) (impl string, best stat, ok bool) {
	for _, name := range g.impls {
		if name == runqImpl || name == wl.base {
			continue
		}
		if s, has := g.row(name).stat(wl.unit); has && (!ok || s.median < best.median) {
			impl, best, ok = name, s, true
		}
	}
	return impl, best, ok
}

var columns = []string{"what", "impl", "median", "min … max", "vs Go's way", "vs best pool", "CPU", "B", "allocs", "target", "met"}

// writeTable writes the table: a block of rows for each workload.
func writeTable(w io.Writer, res *results) {
	writeRow(w, columns)
	writeRow(w, slices.Repeat([]string{"---"}, len(columns)))
	for _, wl := range workloads {
		gs := res.groups(wl.name)
		if len(gs) == 0 {
			gs = []group{{res: res, workload: wl.name}}
		}
		for _, g := range gs {
			writeGroup(w, wl, g)
		}
	}
}

// writeGroup writes runq's row first, even if it wasn't measured, then the
// others as they were run.
func writeGroup(w io.Writer, wl workload, g group) {
	what := wl.what
	if wl.name == "PingPong" && len(g.impls) > 0 {
		what += ", GOMAXPROCS " + procsOf(g.procs)
	}
	impls := []string{runqImpl}
	for _, name := range g.impls {
		if name != runqImpl {
			impls = append(impls, name)
		}
	}
	for i, name := range impls {
		cells := append([]string{"", name}, g.measured(wl, name)...)
		if i == 0 {
			cells[0] = what
			cells = append(cells, verdict(wl, g)...)
		} else {
			cells = append(cells, "", "")
		}
		writeRow(w, cells)
	}
}

// procsOf reads the GOMAXPROCS part of a benchmark's name, absent for 1.
func procsOf(part string) string {
	if part == "" {
		return "1"
	}
	return strings.TrimPrefix(part, "-")
}

// measured returns the cells from the median to the allocations.
func (g group) measured(wl workload, impl string) []string {
	if wl.unit == "" {
		answer := none
		if a := g.answers(impl); len(a) > 0 {
			answer = strings.Join(a, ", ")
		}
		return []string{answer, "", "", "", "", "", ""}
	}
	r := g.row(impl)
	s, ok := r.stat(wl.unit)
	if !ok {
		return []string{none, "", "", "", "", "", ""}
	}
	cells := []string{format(s.median, wl.unit), fmt.Sprintf("%s … %s", format(s.min, wl.unit), format(s.max, wl.unit))}
	base, ok := g.row(wl.base).stat(wl.unit)
	cells = append(cells, quotient(s, base, ok && impl != wl.base))
	best, pool, ok := g.bestPool(wl)
	cells = append(cells, quotient(s, pool, ok && impl != best))
	return append(cells, r.one("cpu-sec/task", "cpu-overhead-%"), r.one("B/task", "B/op"), r.one("allocs/task", "allocs/op"))
}

// one formats the first of the units that was measured.
func (r *row) one(units ...string) string {
	for _, u := range units {
		if s, ok := r.stat(u); ok {
			return format(s.median, u)
		}
	}
	return ""
}

// quotient formats how many times b a is, if that is asked for.
func quotient(a, b stat, ok bool) string {
	if !ok || b.median == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a.median/b.median)
}

// verdict returns the cells for the targets and whether they are met.
func verdict(wl workload, g group) []string {
	var texts, words []string
	for _, t := range wl.targets {
		texts = append(texts, t.text)
		switch met, known := t.check(wl, g); {
		case !known:
			words = append(words, "not measured")
		case met:
			words = append(words, "yes")
		default:
			words = append(words, "NO")
		}
	}
	if len(slices.Compact(slices.Clone(words))) == 1 {
		words = words[:1]
	}
	return []string{strings.Join(texts, ", "), strings.Join(words, ", ")}
}

// format writes a value with its unit, scaled as a reader expects it.
func format(v float64, unit string) string {
	numerator, _, _ := strings.Cut(unit, "/")
	switch {
	case strings.HasSuffix(numerator, "sec"):
		return benchunit.Scale(v, benchunit.Decimal) + "s"
	case strings.HasSuffix(numerator, "%"):
		return fmt.Sprintf("%.3g %%", v)
	case numerator == "allocs":
		return fmt.Sprintf("%.2f", v)
	default:
		return benchunit.Scale(v, benchunit.ClassOf(unit)) + "B"
	}
}

func writeRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}
