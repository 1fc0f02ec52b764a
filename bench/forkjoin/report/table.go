package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteTable writes one Markdown table of all workloads.
func (res *Results) WriteTable(w io.Writer) {
	for _, f := range res.Header {
		fmt.Fprintf(w, "- %s: %s\n", f.Key, f.Value)
	}
	fmt.Fprintln(w)
	writeRow(w, append([]string{"workload"}, columns...))
	writeRow(w, rule(len(columns)+1))
	for _, spec := range workloads {
		for i, cells := range res.cells(spec.name) {
			name := ""
			if i == 0 {
				name = spec.name
			}
			writeRow(w, append([]string{name}, cells...))
		}
	}
}

// writeWorkload writes the table of one workload.
func (res *Results) writeWorkload(w io.Writer, workload string) {
	writeRow(w, columns)
	writeRow(w, rule(len(columns)))
	for _, cells := range res.cells(workload) {
		writeRow(w, cells)
	}
}

var columns = []string{"impl", "workers", "median", "min … max", "× serial", "CPU", "allocs", "peak RSS"}

func rule(n int) []string { return strings.Split(strings.Repeat("--- ", n-1)+"---", " ") }

// cells returns the rows of a workload, the serial ones first.
func (res *Results) cells(workload string) (rows [][]string) {
	var others [][]string
	for _, r := range res.of(workload) {
		if isSerial(r.impl) {
			rows = append(rows, res.rowCells(r))
		} else {
			others = append(others, res.rowCells(r))
		}
	}
	return append(rows, others...)
}

func (res *Results) rowCells(r *row) []string {
	cells := []string{r.impl, fmt.Sprint(r.workers)}
	mid, ok := r.median(wall)
	if !ok {
		return append(cells, Words(r.outcome), "", "", "", "", "")
	}
	walls := r.sorted(wall)
	times := "–"
	if x, ok := res.ratio(r); ok {
		times = formatRatio(x)
	}
	c, _ := r.median(cpu)
	a, _ := r.median(allocs)
	m, _ := r.median(rss)
	return append(cells, formatTime(mid), formatTime(walls[0])+" … "+formatTime(walls[len(walls)-1]), times,
		formatTime(c), formatCount(a), fmt.Sprintf("%.0f MiB", m/(1<<20)))
}

// Words spells out an outcome, which in the text form is one word.
func Words(outcome string) string { return strings.ReplaceAll(outcome, "_", " ") }

func writeRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// digits returns how many decimals show three digits of x.
func digits(x float64) int {
	if x <= 0 {
		return 0
	}
	return max(0, 2-int(math.Floor(math.Log10(x))))
}

func formatTime(ns float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.size {
			return fmt.Sprintf("%.*f %s", digits(ns/u.size), ns/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.0f ns", ns)
}

func formatRatio(x float64) string { return fmt.Sprintf("%.*f", min(2, digits(x)), x) }

func formatCount(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.*fM", digits(n/1e6), n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.*fk", digits(n/1e3), n/1e3)
	default:
		return fmt.Sprintf("%.0f", n)
	}
}
