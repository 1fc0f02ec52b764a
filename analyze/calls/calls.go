// Package calls sums up blocking calls, those of C among them: by who makes them, how
// long they take, when, and what they cost in Ps.
package calls

import (
	"cmp"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/histogram"
	"github.com/runq-go/runq/event"
)

// maxRows is how many different calls are told apart; the rest is one row. A large
// program makes calls from some thousands of places.
const maxRows = 1 << 13

// Calls is the analysis: a Pass. See New.
type Calls struct {
	analyze.Base
	rows   map[key]*row
	newest key  // of the last call: the next one is mostly like it
	last   *row // its row; nil: there was none yet
	heat   grid
	report *Report
}

// key is what makes a row: who calls, and from where.
type key struct {
	group event.StringID
	stack event.StackID
}

type row struct {
	times histogram.Histogram
	total int64
	lost  int64
	taken uint64
	open  uint64
	worst int64 // when the longest one began
	late  int64
	heat  []int64
}

// New returns an empty analysis.
func New() *Calls {
	return &Calls{rows: make(map[key]*row), heat: grid{width: firstWidth}}
}

// Wait implements analyze.Pass.
func (c *Calls) Wait(w *analyze.World, d *analyze.Wait) {
	took := d.Parts[analyze.PartInCall]
	if !d.Why.Call() {
		return
	}
	r := c.row(key{d.Group, d.Stack})
	if took > r.times.Max() || r.times.Count() == 0 {
		r.worst = d.Began - w.Start
	}
	r.times.Add(took)
	r.total += took
	r.late += d.Late()
	r.lost += d.LostFor
	if d.LostFor != 0 {
		r.taken++
	}
	if d.Open {
		r.open++
	}
	c.heat.add(c.rows, r, d.Began-w.Start, d.Ready-w.Start)
}

func (c *Calls) row(k key) *row {
	if c.last == nil || k != c.newest {
		c.newest, c.last = k, c.find(k)
	}
	return c.last
}

func (c *Calls) find(k key) *row {
	r := c.rows[k]
	if r == nil {
		if len(c.rows) >= maxRows && k != (key{}) {
			return c.find(key{})
		}
		r = new(row)
		c.rows[k] = r
	}
	return r
}

// End implements analyze.Pass.
func (c *Calls) End(w *analyze.World) {
	c.heat.cover(c.rows, w.Now-w.Start)
	r := &Report{Length: w.Now - w.Start, Column: c.heat.width}
	for k, of := range c.rows {
		call := analyze.CallOf(w.Symbols, k.stack)
		if w.Info.Blind&event.BlindStacks != 0 {
			call = analyze.Call{Caller: w.GroupName(k.group)} // the stack is only what the task began with
		}
		r.Calls = append(r.Calls, Call{
			Group: w.GroupName(k.group), Caller: call.Caller, Entry: call.Entry, Cgo: call.Cgo,
			Count: of.times.Count(), Open: of.open, Total: of.total, P50: of.times.Percentile(50), P99: of.times.Percentile(99), Max: of.times.Max(),
			WorstAt: of.worst, LostPs: of.taken, LostFor: of.lost, Late: of.late, Heat: of.heat,
		})
	}
	slices.SortFunc(r.Calls, func(a, b Call) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Entry, b.Entry))
	})
	c.report = r
}

// Report returns what was found: nil before the recording has been read.
func (c *Calls) Report() *Report { return c.report }

const (
	// columns is how wide the heat map is: what fits on a screen beside the names.
	columns = 64

	// firstWidth is how long a column is at first, in ns: it doubles when the recording
	// turns out to be longer than all columns.
	firstWidth = 1e6
)

// grid is the time axis of the heat map.
type grid struct{ width int64 }

// add spreads the time from..to over a row's columns.
func (g *grid) add(all map[key]*row, r *row, from, to int64) {
	from = max(from, 0)
	g.cover(all, to)
	for at := from; at < to; {
		column := at / g.width
		end := min((column+1)*g.width, to)
		for int64(len(r.heat)) <= column {
			r.heat = append(r.heat, 0)
		}
		r.heat[column] += end - at
		at = end
	}
}

// cover makes columns wider until they reach that far.
func (g *grid) cover(all map[key]*row, to int64) {
	for to > columns*g.width {
		g.width *= 2
		for _, r := range all {
			r.halve()
		}
	}
}

// halve puts two columns into one each.
func (r *row) halve() {
	for i := range r.heat {
		n := r.heat[i]
		r.heat[i] = 0
		r.heat[i/2] += n
	}
	r.heat = r.heat[:(len(r.heat)+1)/2]
}
