// Package ledger divides every wait of every task into parts that add up to it exactly,
// and sums them up: by group of tasks, by reason, and by P; and it tells the stories of
// the waits in which tasks were ready for longest and didn't run. See package analyze
// for what a wait is and what its parts are.
package ledger

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/histogram"
	"github.com/runq-go/runq/event"
)

// Options are what can be chosen. The zero value is good.
type Options struct {
	// Worst is how many of the longest waits are told in words; 0 means 20, and below 0
	// none.
	Worst int
}

const (
	// defaultWorst: more than one would read.
	defaultWorst = 20

	// maxGroups is how many groups have rows of their own; those that come later share
	// one. It bounds the memory that a recording can ask for.
	maxGroups = 1 << 12
)

// Ledger is the analysis: a Pass.
type Ledger struct {
	analyze.Base
	opts   Options
	groups []*group // by the number of the name
	count  int      // of groups
	whys   []*row   // by the numbers of kind and reason
	procs  []*row   // by P + 1: those in nobody's queue first
	all    row
	worst  worst
	report *Report
}

// tally counts waits and adds up their parts.
type tally struct {
	waits, partial, open uint64
	parts                analyze.Parts
}

// times are how long waits are, one by one: each is counted in the row of its group, of
// its reason and of its queue.
type times struct {
	late   histogram.Histogram // from ready to running
	length histogram.Histogram // whole waits
}

// row sums up waits.
type row struct {
	tally
	times
}

// group is the row of a group. Its tally is made at the end, of those of its reasons.
type group struct {
	row
	whys []why // few: a kind of task waits for few kinds of things
	ran  int64 // how long its tasks had a P
	long int64 // for how long at most at once
	held int64 // how long others waited in the queue of that P meanwhile, added up
}

// why is a group's waits of one sort.
type why struct {
	of analyze.Why
	tally
}

// New returns an empty ledger.
func New(opts Options) *Ledger {
	if opts.Worst == 0 {
		opts.Worst = defaultWorst
	}
	return &Ledger{opts: opts}
}

// Slice implements analyze.Pass.
func (l *Ledger) Slice(_ *analyze.World, s *analyze.Slice) {
	g := l.group(s.Group)
	g.ran += s.End - s.Began
	g.long = max(g.long, s.End-s.Began)
	g.held += s.Waited
}

// Wait implements analyze.Pass. It enters the wait in all places where it belongs.
func (l *Ledger) Wait(w *analyze.World, d *analyze.Wait) {
	late, length := d.Late(), d.End-d.Began
	lb, b := histogram.BucketOf(late), histogram.BucketOf(length)
	g, y, q := l.group(d.Group), l.why(d.Why), l.proc(d.Queue)
	g.why(d.Why).add(d)
	q.add(d)
	if d.Ready != d.End || d.Wake != event.ReasonNone {
		g.late.AddIn(lb, late)
		y.late.AddIn(lb, late)
		q.late.AddIn(lb, late)
	}
	g.length.AddIn(b, length)
	y.length.AddIn(b, length)
	q.length.AddIn(b, length)
	if l.opts.Worst > 0 && late > 0 && (len(l.worst) < l.opts.Worst || late > l.worst[0].Late()) {
		l.note(w, d)
	}
}

// group returns the row of a group. Names have small numbers, since there are few of them.
func (l *Ledger) group(name event.StringID) *group {
	if int(name) < len(l.groups) && l.groups[name] != nil {
		return l.groups[name]
	}
	if name > event.MaxSymbols || l.count >= maxGroups && name != 0 {
		return l.group(0)
	}
	g := new(group)
	*at(&l.groups, int(name)) = g
	l.count++
	return g
}

// at returns the place of an index in a slice that grows.
func at[T any](s *[]T, i int) *T {
	for i >= len(*s) {
		*s = append(*s, *new(T))
	}
	return &(*s)[i]
}

// reasonBits is how many bits a reason has.
const reasonBits = 8

func (l *Ledger) why(of analyze.Why) *row {
	r := at(&l.whys, int(of.Kind)<<reasonBits|int(of.Reason))
	if *r == nil {
		*r = new(row)
	}
	return *r
}

func (l *Ledger) proc(id event.PID) *row {
	r := at(&l.procs, int(id)+1)
	if *r == nil {
		*r = new(row)
	}
	return *r
}

func (g *group) why(of analyze.Why) *why {
	for i := range g.whys {
		if g.whys[i].of == of {
			return &g.whys[i]
		}
	}
	g.whys = append(g.whys, why{of: of})
	return &g.whys[len(g.whys)-1]
}

// add counts a wait.
func (t *tally) add(d *analyze.Wait) {
	t.waits++
	t.parts.Add(&d.Parts)
	if d.Partial {
		t.partial++
	}
	if d.Open {
		t.open++
	}
}

// merge counts what of has counted.
func (t *tally) merge(of *tally) {
	t.waits += of.waits
	t.partial += of.partial
	t.open += of.open
	t.parts.Add(&of.parts)
}

// note keeps a wait as one of the worst. Of many tasks of a group that waited in the same
// queue at the same time, it keeps one, and how many there were.
func (l *Ledger) note(w *analyze.World, d *analyze.Wait) {
	if analyze.IsSystem(w.Symbols.String(d.Group)) {
		return
	}
	for i := range l.worst {
		if c := &l.worst[i]; c.like(d) {
			c.others++
			if d.Late() > c.Late() {
				c.Wait, c.holders = *d, w.Holders(d)
				heap.Fix(&l.worst, i)
			}
			return
		}
	}
	heap.Push(&l.worst, candidate{Wait: *d, holders: w.Holders(d)})
	if len(l.worst) > l.opts.Worst {
		heap.Pop(&l.worst)
	}
}

// candidate is a wait that may be one of the worst.
type candidate struct {
	analyze.Wait
	holders []analyze.Holder
	others  int
}

// like tells whether d is much the same.
func (c *candidate) like(d *analyze.Wait) bool {
	return c.Group == d.Group && c.Queue == d.Queue && c.Why == d.Why && c.Ready < d.End && d.Ready < c.End
}

// worst is a heap, the shortest wait first.
type worst []candidate

func (h worst) Len() int           { return len(h) }
func (h worst) Less(i, j int) bool { return h[i].Late() < h[j].Late() }
func (h worst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worst) Push(x any)        { *h = append(*h, x.(candidate)) }
func (h *worst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// End implements analyze.Pass.
func (l *Ledger) End(w *analyze.World) {
	r := &Report{
		Source: w.Info.Name, Blind: w.Info.Blind.Texts(), Length: w.Now - w.Start, Events: w.Events,
		Losses: w.Losses, Dropped: w.Dropped,
	}
	for _, p := range w.Procs {
		if p != nil {
			r.Procs++
		}
	}
	for _, g := range l.groups {
		if g == nil {
			continue
		}
		for i := range g.whys {
			g.merge(&g.whys[i].tally)
			l.why(g.whys[i].of).merge(&g.whys[i].tally)
		}
	}
	for i, of := range l.whys {
		if of != nil {
			l.all.merge(&of.tally)
			l.all.late.Merge(&of.late)
			l.all.length.Merge(&of.length)
			r.Whys = append(r.Whys, of.sum(analyze.Why{Kind: event.Kind(i >> reasonBits), Reason: event.Reason(i & (1<<reasonBits - 1))}.String()))
		}
	}
	r.All = l.all.sum("all")
	for name, g := range l.groups {
		if g != nil {
			r.Groups = append(r.Groups, g.sum(w, event.StringID(name)))
		}
	}
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Late, a.Late), cmp.Compare(b.Parts.Total(), a.Parts.Total()), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(r.Whys, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(b.Parts.Total(), a.Parts.Total()), cmp.Compare(a.Name, b.Name))
	})
	for i, p := range l.procs {
		if p != nil {
			r.Queues = append(r.Queues, p.sum(queueName(event.PID(i-1))))
		}
	}
	for i := range l.worst {
		r.Worst = append(r.Worst, tell(w, &l.worst[i]))
	}
	slices.SortFunc(r.Worst, func(a, b Story) int {
		return cmp.Or(cmp.Compare(b.Late, a.Late), cmp.Compare(a.At, b.At))
	})
	l.report = r
}

func queueName(p event.PID) string {
	if p == event.NoP {
		return "no P's"
	}
	return p.String()
}

func (r *row) sum(name string) Sum {
	return Sum{
		Name: name, Waits: r.waits, Partial: r.partial, Open: r.open, Parts: r.parts, Late: r.parts.Late(),
		LateTimes: percentiles(&r.late), Lengths: percentiles(&r.length),
	}
}

func percentiles(h *histogram.Histogram) Percentiles {
	return Percentiles{P50: h.Percentile(50), P90: h.Percentile(90), P99: h.Percentile(99), P999: h.Percentile(99.9), Max: h.Max()}
}

func (g *group) sum(w *analyze.World, name event.StringID) Group {
	text := w.GroupName(name)
	out := Group{Sum: g.row.sum(text), System: analyze.IsSystem(text), Ran: g.ran, LongestRun: g.long, HeldUp: g.held}
	for _, y := range g.whys {
		out.Whys = append(out.Whys, Reason{Why: y.of.String(), Waits: y.waits, Parts: y.parts})
	}
	slices.SortFunc(out.Whys, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Parts.Total(), a.Parts.Total()), cmp.Compare(a.Why, b.Why))
	})
	return out
}
