package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// Sizes of a chart, in pixels.
const (
	chartWidth  = 760 // what a page of text has room for
	labelWidth  = 130 // the longest name of an implementation
	valueWidth  = 90  // what stands behind a bar
	barHeight   = 13
	barGap      = 2
	implGap     = 9
	chartTop    = 52 // title and legend
	chartBottom = 30 // the scale
	plotWidth   = chartWidth - labelWidth - valueWidth
)

// chartStyle draws on a ground of its own, so that it can be read whatever the
// page's colour is, and follows the reader's choice of light or dark.
const chartStyle = `<style>
svg { font: 12px system-ui, sans-serif; }
.ground { fill: #ffffff; } text { fill: #24292f; } .faint { fill: #57606a; }
.line { stroke: #d0d7de; } .one { stroke: #57606a; stroke-dasharray: 3 3; }
.w0 { fill: #9ec1ec; } .w1 { fill: #2f6fbf; } .w2 { fill: #163d70; }
.own .w0 { fill: #f5b98a; } .own .w1 { fill: #d9630d; } .own .w2 { fill: #8a3b00; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; } text { fill: #e6edf3; } .faint { fill: #9198a1; }
.line { stroke: #30363d; } .one { stroke: #9198a1; }
.w0 { fill: #2b5080; } .w1 { fill: #5b9bea; } .w2 { fill: #b3d3fa; }
.own .w0 { fill: #8a4a1a; } .own .w1 { fill: #f0883e; } .own .w2 { fill: #ffc99a; }
}
</style>`

// A chart shows how many times its language's serial row each implementation of
// one workload takes, a bar for each number of workers, on a logarithmic scale.
type chart struct {
	res     *Results
	spec    spec
	impls   []string
	workers []int
	lo, hi  int // the scale's ends, as powers of ten
}

func (res *Results) chart(s spec) chart {
	c := chart{res: res, spec: s}
	least, most := 1.0, 1.0
	for _, r := range res.of(s.name) {
		if isSerial(r.impl) {
			continue
		}
		if !slices.Contains(c.impls, r.impl) {
			c.impls = append(c.impls, r.impl)
		}
		if !slices.Contains(c.workers, r.workers) {
			c.workers = append(c.workers, r.workers)
		}
		if x, ok := res.ratio(r); ok {
			least, most = min(least, x), max(most, x)
		}
	}
	slices.Sort(c.workers)
	c.lo = int(math.Floor(math.Log10(least) - 0.01)) // a bar of the least isn't empty
	c.hi = max(int(math.Ceil(math.Log10(most))), c.lo+1)
	return c
}

// x returns where a ratio is on the scale.
func (c chart) x(ratio float64) float64 {
	return labelWidth + plotWidth*(math.Log10(ratio)-float64(c.lo))/float64(c.hi-c.lo)
}

func (c chart) implHeight() int { return len(c.workers)*(barHeight+barGap) + implGap }

// write writes the chart as SVG.
func (c chart) write(w io.Writer) {
	bottom := chartTop + len(c.impls)*c.implHeight()
	height := bottom + chartBottom
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`+"\n", chartWidth, height)
	fmt.Fprintf(w, "<title>%s: times the serial row of the same language</title>\n%s\n", html.EscapeString(c.spec.title), chartStyle)
	fmt.Fprintf(w, `<rect class="ground" width="%d" height="%d"/>`+"\n", chartWidth, height)
	fmt.Fprintf(w, `<text x="8" y="18" font-weight="600">%s</text>`+"\n", html.EscapeString(c.spec.title))
	c.writeLegend(w)
	c.writeScale(w, bottom)
	for i, impl := range c.impls {
		c.writeImpl(w, impl, chartTop+i*c.implHeight())
	}
	fmt.Fprintln(w, "</svg>")
}

func (c chart) writeLegend(w io.Writer) {
	x := labelWidth
	for i, n := range c.workers {
		fmt.Fprintf(w, `<rect class="w%d" x="%d" y="28" width="12" height="12"/><text x="%d" y="38">%s</text>`+"\n",
			min(i, 2), x, x+17, plural(n))
		x += 90
	}
	fmt.Fprintf(w, `<text class="faint" x="%d" y="38">times the serial row of the same language; less is better</text>`+"\n", x)
}

func plural(workers int) string {
	if workers == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", workers)
}

func (c chart) writeScale(w io.Writer, bottom int) {
	for p := c.lo; p <= c.hi; p++ {
		x, class := c.x(math.Pow10(p)), "line"
		if p == 0 {
			class = "one"
		}
		fmt.Fprintf(w, `<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, class, x, chartTop-6, x, bottom)
		fmt.Fprintf(w, `<text class="faint" text-anchor="middle" x="%.1f" y="%d">%g</text>`+"\n", x, bottom+16, math.Pow10(p))
	}
}

func (c chart) writeImpl(w io.Writer, impl string, y int) {
	own := ""
	if impl == "runq" {
		own = ` class="own"`
	}
	fmt.Fprintf(w, "<g%s>", own)
	middle := y + len(c.workers)*(barHeight+barGap)/2 + 4
	fmt.Fprintf(w, `<text text-anchor="end" x="%d" y="%d">%s</text>`+"\n", labelWidth-8, middle, html.EscapeString(impl))
	for i, n := range c.workers {
		r := c.res.row(c.spec.name, impl, n)
		if r == nil {
			continue
		}
		x, label := c.x(math.Pow10(c.lo)), Words(r.outcome)
		if ratio, ok := c.res.ratio(r); ok {
			end := c.x(ratio)
			fmt.Fprintf(w, `<rect class="w%d" x="%.1f" y="%d" width="%.1f" height="%d"/>`, min(i, 2), x, y, end-x, barHeight)
			x, label = end, formatRatio(ratio)
		}
		fmt.Fprintf(w, `<text x="%.1f" y="%d">%s</text>`+"\n", x+5, y+barHeight-2, html.EscapeString(label))
		y += barHeight + barGap
	}
	fmt.Fprintln(w, "</g>")
}
