package main

import (
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The plot, in pixels: one panel for each kind of requests, one above the other, each as wide as a page and
// a little flatter than it is wide.
const (
	plotWidth   = 900
	panelHeight = 380
	panelLeft   = 74  // room for the latencies' labels
	panelRight  = 252 // room for the names of the modes
	panelTop    = 40  // room for the title
	panelBottom = 52  // room for the percentiles' labels
	labelGap    = 16  // between two names, so that they can be read

	// curvePoints are a pixel or three apart.
	curvePoints = 240
)

// plotStyle has a colour for each mode, which people with any kind of colour vision tell apart, on light and on
// dark ground. Whoever looks at the picture alone gets the ground with it.
const plotStyle = `
.ground{fill:#fff} text{font:12px system-ui,sans-serif;fill:#222} .title{font-weight:600;font-size:14px}
.grid{stroke:#ddd;stroke-width:1} .axis{stroke:#888;stroke-width:1} .curve{fill:none;stroke-width:2}
.a{stroke:#666} .b{stroke:#d55e00} .c{stroke:#b8860b} .d{stroke:#0072b2} .e{stroke:#009e73;stroke-dasharray:7 3}
@media (prefers-color-scheme:dark){
.ground{fill:#16181c} text{fill:#ddd} .grid{stroke:#33363c} .axis{stroke:#777}
.a{stroke:#aaa} .b{stroke:#ff8c42} .c{stroke:#e6c229} .d{stroke:#56b4e9} .e{stroke:#3ddc97}
}`

// writePlot draws all latencies into the named file, which is written as a whole or stays as it was: SVG, or
// HTML with the report below.
func writePlot(name string, rows []isolateRow, report string) error {
	picture := svgPlot(rows)
	if filepath.Ext(name) == ".html" {
		picture = fmt.Sprintf(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>runq demo isolate</title><style>
:root{color-scheme:light dark} body{font-family:system-ui,sans-serif;margin:2rem} svg{max-width:100%%;height:auto} pre{overflow-x:auto}
@media (prefers-color-scheme:dark){body{background:#16181c;color:#ddd}}
</style></head><body>
%s<pre>%s</pre>
</body></html>
`, picture, html.EscapeString(report))
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real // replace the file, not the link to it
	}
	temp := fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(picture)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// svgPlot is the picture: latency over percentile, both logarithmic, as HdrHistogram plots them.
func svgPlot(rows []isolateRow) string {
	var b strings.Builder
	height := int(kinds) * panelHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="Latency by percentile">`+"\n<style>%s\n</style>\n"+
		`<rect class="ground" width="%[1]d" height="%[2]d"/>`+"\n", plotWidth, height, plotStyle)
	for kind := range kinds {
		newPanel(kind, rows).draw(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// A curve is one mode's latencies, of all its trials together.
type curve struct {
	mode isolateMode
	all  latencies
}

// A panel is the part of the picture for one kind of requests.
type panel struct {
	kind        int
	top         float64
	curves      []curve
	nines       float64 // the right end of the percentiles: 2 means 99 %
	least, most float64 // the ends of the latencies, as logarithms of ns
}

func newPanel(kind int, rows []isolateRow) *panel {
	p := &panel{kind: kind, top: float64(kind * panelHeight), nines: 1, least: math.Inf(1), most: math.Inf(-1)}
	for _, r := range rows {
		c := curve{r.mode, newLatencies()}
		for _, t := range r.trials {
			c.all.Merge(t.Load.Latency[kind].Histogram)
		}
		n := c.all.TotalCount()
		if n == 0 {
			continue
		}
		p.curves = append(p.curves, c)
		p.nines = max(p.nines, math.Log10(float64(n)))
		p.least = min(p.least, math.Log10(float64(max(c.all.Min(), 1))))
		p.most = max(p.most, math.Log10(float64(max(c.all.Max(), 1))))
	}
	if len(p.curves) == 0 {
		p.least, p.most = math.Log10(float64(leastLatency)), math.Log10(float64(mostLatency))
	}
	const air = 0.05 // of a decade, so that no curve lies on the frame
	p.least, p.most = p.least-air, p.most+air
	return p
}

// x is where a percentile is drawn: 0 for the least of all, 1 for 90 %, 2 for 99 %.
func (p *panel) x(nines float64) float64 {
	return panelLeft + nines/p.nines*(plotWidth-panelLeft-panelRight)
}

func (p *panel) y(logNs float64) float64 {
	const h = panelHeight - panelTop - panelBottom
	return p.top + panelTop + h*(p.most-logNs)/(p.most-p.least)
}

func (p *panel) draw(b *strings.Builder) {
	left, right := p.x(0), p.x(p.nines)
	bottom, top := p.y(p.least), p.y(p.most)
	fmt.Fprintf(b, `<text class="title" x="%d" y="%.1f">%s: latency by percentile</text>`+"\n", panelLeft, p.top+panelTop-16, kindNames[p.kind])
	for decade := math.Floor(p.least); decade <= p.most; decade++ {
		for digit := 1; digit < 10; digit++ {
			at := decade + math.Log10(float64(digit))
			if at < p.least || at > p.most {
				continue
			}
			fmt.Fprintf(b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", left, p.y(at), right, p.y(at))
			if digit == 1 || digit == 2 || digit == 5 {
				fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end">%v</text>`+"\n", left-6, p.y(at)+4, time.Duration(math.Round(math.Pow(10, at))))
			}
		}
	}
	for n := 0; float64(n) <= p.nines; n++ {
		x := p.x(float64(n))
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x, top, x, bottom, x, bottom+18, percentileName(n))
	}
	fmt.Fprintf(b, `<path class="axis" fill="none" d="M%.1f %.1fV%.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">part of all requests that were at least as fast</text>`+"\n",
		left, top, bottom, right, (left+right)/2, bottom+38)
	p.drawCurves(b)
}

// percentileName is the label of so many nines.
func percentileName(nines int) string {
	if nines < 2 {
		return []string{"0 %", "90 %"}[nines]
	}
	return strings.TrimSuffix("99."+strings.Repeat("9", nines-2), ".") + " %"
}

// drawCurves draws every curve to its own maximum, and its name beside its end.
func (p *panel) drawCurves(b *strings.Builder) {
	var taken []float64 // heights of names
	for _, c := range p.curves {
		fmt.Fprintf(b, `<polyline class="curve %s" points="`, c.mode.letter)
		var x, y float64
		end := math.Log10(float64(c.all.TotalCount()))
		for i := range curvePoints + 1 {
			nines := end * float64(i) / curvePoints
			q := 1 - math.Pow(10, -nines)
			x, y = p.x(nines), p.y(math.Log10(float64(max(c.all.at(q), 1))))
			if i == curvePoints {
				y = p.y(math.Log10(float64(max(c.all.Max(), 1))))
			}
			fmt.Fprintf(b, "%.1f,%.1f ", x, y)
		}
		fmt.Fprint(b, `"/>`+"\n")
		y = freeHeight(taken, y)
		taken = append(taken, y)
		fmt.Fprintf(b, `<line class="curve %s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%[3]f"/><text x="%.1[5]f" y="%.1[6]f">%[7]s, %[8]s</text>`+"\n",
			c.mode.letter, p.x(p.nines)+6, y, p.x(p.nines)+22, p.x(p.nines)+26, y+4, c.mode.letter, html.EscapeString(c.mode.title))
	}
}

// freeHeight returns the height nearest to y at which a name overlaps none of those that are there.
func freeHeight(taken []float64, y float64) float64 {
	free := func(y float64) bool {
		for _, t := range taken {
			if math.Abs(t-y) < labelGap {
				return false
			}
		}
		return true
	}
	for d := 0.0; ; d++ {
		switch {
		case free(y - d):
			return y - d
		case free(y + d):
			return y + d
		}
	}
}
