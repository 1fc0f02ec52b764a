package html

import (
	"fmt"
	"math/bits"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/event"
)

const (
	// columns is how wide the heat map may be: cells of five or six pixels.
	columns = 128

	// firstWidth is how long a column is at first, in ns: it doubles when the recording
	// turns out to be longer than all columns.
	firstWidth = 1 << 14

	// maxTime is as far as the map goes: a century and a half, so that nothing overflows.
	maxTime = 1 << 62

	// maxProcs is how many Ps have rows of their own; those of others share the last one.
	maxProcs = 255
)

// heat adds up for how long tasks were ready in each queue, over time.
type heat struct {
	width int64     // of a column
	rows  [][]int64 // by P + 1: those in nobody's queue first
}

// add spreads the time from..to over a queue's columns.
func (h *heat) add(queue event.PID, from, to int64) {
	from, to = max(from, 0), min(to, maxTime)
	for to > columns*h.width {
		h.double()
	}
	i := min(int(queue)+1, maxProcs)
	for i >= len(h.rows) {
		h.rows = append(h.rows, nil)
	}
	if h.rows[i] == nil {
		h.rows[i] = make([]int64, columns)
	}
	for at := from; at < to; {
		c := at / h.width
		end := min((c+1)*h.width, to)
		h.rows[i][c] += end - at
		at = end
	}
}

// double puts two columns into one each.
func (h *heat) double() {
	h.width *= 2
	for _, row := range h.rows {
		for i := range row {
			n := row[i]
			row[i] = 0
			row[i/2] += n
		}
	}
}

// levels is how many shades a heat map has: each stands for twice as much as the one
// before it.
const levels = 8

// level returns the shade of a value, from 1 to levels; 0 for 0.
func level(v, most int64) int {
	if v == 0 {
		return 0
	}
	return max(levels+1-bits.Len64(uint64(most/v)), 1)
}

// heatView is a heat map as it is drawn.
type heatView struct {
	Rows   []heatRow
	Axis   axis
	Height int
	Most   string // what the darkest shade stands for
}

type heatRow struct {
	Label label
	Y     int
	Cells []cell
}

type cell struct {
	X, Width string
	Level    int
	Tip      string
}

// rowHeight is the height of a row of a plot, with the space to the next one.
const rowHeight = 18

// draw draws rows of columns over time. unit says what a cell's value is, a number of
// tasks on average.
func draw(length, width int64, names []string, rows [][]int64, unit string) *heatView {
	v := &heatView{Axis: newAxis(length)}
	var most int64
	for _, row := range rows {
		for _, ns := range row {
			most = max(most, ns)
		}
	}
	if most == 0 {
		return nil
	}
	for i, row := range rows {
		r := heatRow{Label: newLabel(names[i]), Y: len(v.Rows) * rowHeight}
		for c, ns := range row {
			if ns == 0 {
				continue
			}
			from := int64(c) * width
			to := min(from+width, max(length, from+1)) // the last column may end before it is full
			r.Cells = append(r.Cells, cell{
				X: v.Axis.at(from), Width: v.Axis.size(to - from), Level: level(ns, most),
				Tip: fmt.Sprintf("%s, %s to %s: %s %s", names[i], analyze.Duration(from), analyze.Duration(to), average(ns, width), unit),
			})
		}
		v.Rows = append(v.Rows, r)
	}
	v.Height = len(v.Rows)*rowHeight + axisHeight
	v.Axis.Y = len(v.Rows) * rowHeight
	v.Most = average(most, width) + " " + unit
	return v
}

// average writes a time as a share of a column's.
func average(ns, width int64) string { return fmt.Sprintf("%.3g", float64(ns)/float64(width)) }

// view draws the queues.
func (h *heat) view(length int64) *heatView {
	var names []string
	var rows [][]int64
	for i, row := range h.rows {
		name := event.PID(i - 1).String()
		switch {
		case row == nil:
			continue
		case i == 0:
			name = "no P's queue"
		case i == maxProcs:
			name += " and more"
		}
		names, rows = append(names, name), append(rows, row)
	}
	return draw(length, h.width, names, rows, "tasks ready on average")
}

// maxCalls is how many calls are shown: a screen.
const maxCalls = 20

// callsView draws the calls that the program's tasks make.
func callsView(r *calls.Report) *heatView {
	var names []string
	var rows [][]int64
	for i := range r.Calls {
		if c := &r.Calls[i]; !analyze.IsSystem(c.Group) && len(rows) < maxCalls {
			names, rows = append(names, callName(c)+" from "+callFrom(c)), append(rows, c.Heat)
		}
	}
	return draw(r.Length, r.Column, names, rows, "tasks in it on average")
}

func callName(c *calls.Call) string {
	switch {
	case c.Entry != "":
		return c.Entry
	case c.Cgo:
		return "C"
	}
	return "(unknown)"
}

func callFrom(c *calls.Call) string {
	if c.Caller != "" {
		return c.Caller
	}
	return c.Group
}
