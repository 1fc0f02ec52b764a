package html

import (
	"fmt"
	"math"
	"strconv"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/histogram"
	"github.com/runq-go/runq/analyze/ledger"
)

// Plots are drawn in units of which a wide screen shows one as a pixel or so; the page
// scales them. The template has the same numbers.
const (
	plotLeft   = 230 // where the plot begins, right of the labels
	plotWidth  = 720
	axisHeight = 20
)

// label is a text that may be too long for its place.
type label struct{ Short, Full string }

// labelRunes is how much of a label fits to the left of a plot.
const labelRunes = 34

func newLabel(text string) label {
	if r := []rune(text); len(r) > labelRunes {
		return label{string(r[:labelRunes-1]) + "…", text}
	}
	return label{text, text}
}

// axis is one of time.
type axis struct {
	length int64
	Y      int
	Ticks  []tick
}

type tick struct {
	X     string
	Label string
}

// maxTicks is how many marks an axis has at most: as many as have room for their labels.
const maxTicks = 8

func newAxis(length int64) axis {
	a := axis{length: max(length, 1)}
	step := int64(1)
	for _, next := range cycle() {
		if a.length/step < maxTicks {
			break
		}
		step = next
	}
	for i := range a.length/step + 1 {
		t := tick{X: a.at(i * step), Label: analyze.Duration(i * step)}
		if i == 0 {
			t.Label = "0"
		}
		a.Ticks = append(a.Ticks, t)
	}
	return a
}

// cycle returns 2, 5, 10, 20, 50, … up to the largest power of ten there is.
func cycle() (steps []int64) {
	for ten := int64(1); ten <= math.MaxInt64/10; ten *= 10 {
		steps = append(steps, 2*ten, 5*ten, 10*ten)
	}
	return steps
}

// at is where a time is.
func (a *axis) at(ns int64) string { return coordinate(plotLeft + a.share(ns)) }

// size is how wide a time is: never too narrow to be seen.
func (a *axis) size(ns int64) string { return coordinate(max(a.share(ns), 1)) }

func (a *axis) share(ns int64) float64 {
	return plotWidth * float64(min(max(ns, 0), a.length)) / float64(a.length)
}

func coordinate(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }

// histogramView is a histogram as it is drawn. Both axes are logarithmic.
type histogramView struct {
	Bars   []bar
	Ticks  []tick
	Marks  []mark
	Count  uint64
	Height int
	Most   uint64 // the count of the highest bar
}

type bar struct {
	X, Y, Width, Height string
	Tip                 string
}

// mark is a percentile.
type mark struct {
	X     string
	Y     int
	Label string
}

// barHeight is the height of the highest bar. perOctave is how many bars there are from
// one power of two to the next.
const (
	barHeight = 160
	perOctave = 2
	markRow   = 14
)

// bin returns the number of the bar for a time.
func bin(ns int64) int { return int(math.Floor(perOctave*math.Log2(float64(max(ns, 1))) + 1e-9)) }

// low is the least time of a bar.
func low(bin int) int64 { return int64(math.Ceil(math.Exp2(float64(bin)/perOctave) - 1e-9)) }

func histogramOf(h *histogram.Histogram) *histogramView {
	if h.Count() == 0 {
		return nil
	}
	counts := make(map[int]uint64)
	first, last, most := math.MaxInt, 0, uint64(0)
	for b, n := range h.All() {
		i := bin(b.Low())
		counts[i] += n
		first, last, most = min(first, i), max(last, i), max(most, counts[i])
	}
	v := &histogramView{Count: h.Count(), Most: most}
	top := 4 * markRow // room for the marks
	v.Height = top + barHeight + axisHeight
	width := float64(plotWidth) / float64(last-first+1)
	at := func(ns float64) float64 { return plotLeft + width*(perOctave*math.Log2(max(ns, 1))-float64(first)) }
	for i := first; i <= last; i++ {
		n := counts[i]
		if n == 0 {
			continue
		}
		height := barHeight * math.Log1p(float64(n)) / math.Log1p(float64(most))
		v.Bars = append(v.Bars, bar{
			X: coordinate(plotLeft + width*float64(i-first)), Width: coordinate(max(width-1, 1)),
			Y: coordinate(float64(top) + barHeight - height), Height: coordinate(height),
			Tip: fmt.Sprintf("%s to %s: %d waits", analyze.Duration(low(i)), analyze.Duration(low(i+1)), n),
		})
	}
	for ten := int64(1); ten < math.MaxInt64/10; ten *= 10 {
		if b := bin(ten); b >= first && b <= last {
			v.Ticks = append(v.Ticks, tick{X: coordinate(at(float64(ten))), Label: analyze.Duration(ten)})
		}
	}
	for i, p := range [...]float64{50, 90, 99, 100} {
		ns, name := h.Percentile(p), fmt.Sprintf("p%.0f", p)
		if p == 100 {
			ns, name = h.Max(), "max"
		}
		v.Marks = append(v.Marks, mark{X: coordinate(min(max(at(float64(ns)), plotLeft), plotLeft+plotWidth)), Y: (i + 1) * markRow, Label: name + " " + analyze.Duration(ns)})
	}
	return v
}

// piece is a part of a bar that is divided.
type piece struct {
	X, Width string
	Part     int // the class that it is coloured by
	Tip      string
}

// pieces divides from..from+width by the parts in which tasks were ready.
func pieces(p *analyze.Parts, from, width float64) (out []piece) {
	late := p.Late()
	for i := analyze.PartBehind; i < analyze.NumParts; i++ {
		if p[i] == 0 {
			continue
		}
		size := width * float64(p[i]) / float64(late)
		out = append(out, piece{
			X: coordinate(from), Width: coordinate(max(size, 0.5)), Part: int(i),
			Tip: fmt.Sprintf("%s: %s", i.Text(), analyze.Duration(p[i])),
		})
		from += size
	}
	return out
}

// timeline is the longest waits over time.
type timeline struct {
	Rows   []waitRow
	Axis   axis
	Height int
}

type waitRow struct {
	Label  label
	Y      int
	Before piece // what came before the task was ready
	Pieces []piece
	Text   string // the story
}

func timelineOf(length int64, worst []ledger.Story) *timeline {
	if len(worst) == 0 {
		return nil
	}
	t := &timeline{Axis: newAxis(length)}
	for i := range worst {
		s := &worst[i]
		began := s.At - (s.Length - s.Late)
		row := waitRow{Label: newLabel(fmt.Sprintf("%d. %s %s", i+1, s.Task, s.Group)), Y: i * rowHeight, Text: s.Text}
		row.Before = piece{
			X: t.Axis.at(began), Width: coordinate(t.Axis.share(s.At) - t.Axis.share(began)),
			Tip: fmt.Sprintf("%s, before it was ready: %s", s.Why, analyze.Duration(s.At-began)),
		}
		from := t.Axis.share(s.At)
		width := max(t.Axis.share(s.At+s.Late)-from, 2) // else it isn't seen
		row.Pieces = pieces(&s.Parts, plotLeft+from, width)
		t.Rows = append(t.Rows, row)
	}
	t.Height = len(t.Rows)*rowHeight + axisHeight
	t.Axis.Y = len(t.Rows) * rowHeight
	return t
}

// legend is the parts that a plot has, with their colours.
type legend struct {
	Part int
	Text string
	Time string
	Late bool
}

func legendOf(p *analyze.Parts) (out []legend) {
	for i := range analyze.NumParts {
		if p[i] != 0 {
			out = append(out, legend{Part: int(i), Text: i.Text(), Time: analyze.Duration(p[i]), Late: i >= analyze.PartBehind})
		}
	}
	return out
}
