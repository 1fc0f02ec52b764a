// Package wakechain says who woke whom, and through what, and goes back from what was
// late to what that was because of.
//
// The time of a wait, or of a region, is divided along the way back. At its end the task
// ran; before that it was ready and waited for a P; before that it waited for somebody,
// who ran, and had been woken by somebody else, and so on, until the time is used up. So
// a path has one step at each moment, and its steps add up to the time exactly.
package wakechain

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Options say which paths are looked for. The zero value asks for the waits that were late
// for longest.
type Options struct {
	Task   event.TaskID // only of this task; NoTask: of all but the runtime's own
	Region string       // regions with this name, not waits; empty: waits

	// From and To say that only what ends in that time counts, in ns from the beginning
	// of the recording. If To is 0, all of it counts.
	From, To int64

	// Number asks for the wait with that number alone, as a ledger's stories have it.
	Number uint64

	Paths int // how many, of the longest; 0 means 5

	// Whole says that what counts is how long waits are in all; otherwise, how long the
	// task was ready in them and didn't run.
	Whole bool

	// Want is asked about each wait that all other options want; nil wants all. It may
	// look at what it is given only until it returns.
	Want func(w *analyze.World, d *analyze.Wait) bool

	// Kept is told of each wait that, for now, is among the longest; nil: nobody is. The
	// reported paths are among those; Wait.Number tells which.
	Kept func(w *analyze.World, d *analyze.Wait)
}

const (
	// defaultPaths: as many as one would read.
	defaultPaths = 5

	// maxSteps bounds a path: a longer one says nothing to anybody.
	maxSteps = 64

	// maxEdges bounds how many different wakes are counted. A program has a few for each
	// place where it waits.
	maxEdges = 1 << 14

	// maxRegions bounds how deep regions may be inside each other, and how many tasks may
	// be in some: beyond that they aren't looked at.
	maxRegions = 1 << 14
)

// Chains is the analysis: a Pass.
type Chains struct {
	analyze.Base
	opts    Options
	edges   map[edge]*sum
	paths   paths
	regions map[event.TaskID][]region
	report  *Report
}

// edge is one way in which tasks are woken.
type edge struct {
	waker, woken event.StringID
	by, at       event.StackID
	how          event.Reason
	why          analyze.Why
}

type sum struct {
	count  uint64
	waited int64
	late   int64
}

type region struct {
	name  event.StringID
	began int64
}

// New returns an analysis that looks for what opts say.
func New(opts Options) *Chains {
	if opts.Paths == 0 {
		opts.Paths = defaultPaths
	}
	return &Chains{opts: opts, edges: make(map[edge]*sum), regions: make(map[event.TaskID][]region)}
}

// Wait implements analyze.Pass.
func (c *Chains) Wait(w *analyze.World, d *analyze.Wait) {
	if d.Wake != event.ReasonNone {
		c.count(d)
	}
	if c.opts.Region != "" || !c.wanted(w, d.Task, d.Group, d.End) {
		return
	}
	if c.opts.Number != 0 && c.opts.Number != d.Number {
		return
	}
	length := d.Late()
	if c.opts.Whole {
		length = d.End - d.Began
	}
	if length <= 0 || !c.long(length) || c.opts.Want != nil && !c.opts.Want(w, d) {
		return
	}
	p := begin(w, d.Task, d.Group, d.Began, d.End, d.Late())
	p.Number, p.rank = d.Number, length
	p.wait(w, d)
	c.keep(p)
	if c.opts.Kept != nil {
		c.opts.Kept(w, d)
	}
}

func (c *Chains) wanted(w *analyze.World, id event.TaskID, group event.StringID, at int64) bool {
	if c.opts.To != 0 && (at-w.Start < c.opts.From || at-w.Start > c.opts.To) {
		return false
	}
	if c.opts.Task != event.NoTask {
		return id == c.opts.Task
	}
	return !analyze.IsSystem(w.Symbols.String(group))
}

// count counts a wake.
func (c *Chains) count(d *analyze.Wait) {
	e := edge{waker: d.WakerGroup, woken: d.Group, by: d.By, at: d.Stack, how: d.Wake, why: d.Why}
	s := c.edges[e]
	if s == nil {
		if len(c.edges) >= maxEdges {
			e = edge{}
			if s = c.edges[e]; s != nil {
				s.add(d)
				return
			}
		}
		s = new(sum)
		c.edges[e] = s
	}
	s.add(d)
}

func (s *sum) add(d *analyze.Wait) {
	s.count++
	s.waited += d.Ready - d.Began
	s.late += d.Late()
}

// Event implements analyze.Pass: it follows regions.
func (c *Chains) Event(w *analyze.World, e *event.Event, t *analyze.Task) {
	switch {
	case c.opts.Region == "":
	case e.Kind == event.KindRegionBegin:
		if open := c.regions[e.Task]; len(c.regions) < maxRegions && len(open) < maxRegions {
			c.regions[e.Task] = append(open, region{name: event.StringID(e.Arg), began: w.Now})
		}
	case e.Kind == event.KindRegionEnd:
		open := c.regions[e.Task]
		if len(open) == 0 {
			return // it began before the recording
		}
		last := open[len(open)-1]
		c.regions[e.Task] = open[:len(open)-1]
		if len(open) == 1 {
			delete(c.regions, e.Task)
		}
		c.region(w, t, last)
	case e.Kind == event.KindTaskFinished:
		delete(c.regions, e.Task)
	}
}

// region looks at a region that has just ended.
func (c *Chains) region(w *analyze.World, t *analyze.Task, r region) {
	if t == nil || w.Symbols.String(r.name) != c.opts.Region || !c.wanted(w, t.ID, t.Group, w.Now) {
		return
	}
	if length := w.Now - r.began; length > 0 && c.long(length) {
		p := begin(w, t.ID, t.Group, r.began, w.Now, length)
		p.rank = length
		p.running(w, t.ID, t.Group, t.Last, w.Now)
		c.keep(p)
	}
}

// long tells whether a path of that length would be among those that are kept.
func (c *Chains) long(length int64) bool {
	return len(c.paths) < c.opts.Paths || len(c.paths) > 0 && length > c.paths[0].rank
}

func (c *Chains) keep(p *Path) {
	heap.Push(&c.paths, p)
	if len(c.paths) > c.opts.Paths {
		heap.Pop(&c.paths)
	}
}

// paths is a heap, the shortest first.
type paths []*Path

func (h paths) Len() int           { return len(h) }
func (h paths) Less(i, j int) bool { return h[i].rank < h[j].rank }
func (h paths) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *paths) Push(x any)        { *h = append(*h, x.(*Path)) }
func (h *paths) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// End implements analyze.Pass.
func (c *Chains) End(w *analyze.World) {
	r := &Report{}
	for e, s := range c.edges {
		r.Wakes = append(r.Wakes, Wake{
			Waker: wakerName(w, e.waker, e.how), By: analyze.Place(w.Symbols, e.by), Woken: w.GroupName(e.woken),
			At: analyze.Place(w.Symbols, e.at), Why: e.why.String(), Count: s.count, Waited: s.waited, Late: s.late,
		})
	}
	slices.SortFunc(r.Wakes, func(a, b Wake) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Waker+a.By, b.Waker+b.By), cmp.Compare(a.Woken+a.At+a.Why, b.Woken+b.At+b.Why),
			cmp.Compare(b.Waited, a.Waited), cmp.Compare(b.Late, a.Late))
	})
	slices.SortFunc(c.paths, func(a, b *Path) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.From, b.From))
	})
	for _, p := range c.paths {
		r.Paths = append(r.Paths, *p)
	}
	c.report = r
}

// wakerName names who wakes: a group of tasks, or what isn't one.
func wakerName(w *analyze.World, group event.StringID, how event.Reason) string {
	switch how {
	case event.ReasonWakeTimer:
		return "a timer"
	case event.ReasonWakePoller:
		return "the network poller"
	case event.ReasonWakeContext:
		return "a context"
	case event.ReasonWakeOutside:
		return "an ordinary goroutine"
	case event.ReasonWakeRuntime, event.ReasonWakeDeadlock:
		return "the runtime"
	}
	return w.GroupName(group)
}

// Report returns what was found: nil before the recording has been read.
func (c *Chains) Report() *Report { return c.report }
