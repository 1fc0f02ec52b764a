package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// slowStop is how long it may take to stop the world. A task that can be preempted stops
// within some ten µs; ms are for one that can't be, or that the kernel doesn't run.
const slowStop = 2e6

// stops finds who is the last to stop when the world is to.
type stops struct {
	asked  int64
	by     event.TaskID // who asked
	why    event.StringID
	last   analyze.Slice // that ended, of those that ran when it was asked
	groups tally[event.StringID, stop]
}

type stop struct {
	stops   int
	total   int64
	longest worst
	p       event.PID
	stack   event.StackID
	why     event.StringID
}

func newStops() *stops { return &stops{groups: make(tally[event.StringID, stop])} }

func (s *stops) event(w *analyze.World, e *event.Event) {
	switch e.Kind {
	case event.KindStopAsked:
		s.asked, s.by, s.why, s.last = w.Now, e.Task, event.StringID(e.Arg), analyze.Slice{}
	case event.KindStopEnd:
		took := s.last.End - s.asked
		if s.last.Task != event.NoTask && took >= slowStop {
			s.note(w, took)
		}
		s.last = analyze.Slice{}
	}
}

// slice keeps the last one that ended while the world was stopping.
func (s *stops) slice(w *analyze.World, of *analyze.Slice) {
	if w.Stopping && !of.Open && of.Began <= s.asked && of.Task != s.by {
		s.last = *of
	}
}

func (s *stops) note(w *analyze.World, took int64) {
	g := s.groups.of(s.last.Group)
	if g == nil {
		return
	}
	g.stops++
	g.total += took
	if took > g.longest.value {
		g.p, g.stack, g.why = s.last.P, s.last.Stack, s.why
	}
	g.longest.see(took, s.asked-w.Start)
}

func (s *stops) findings(w *analyze.World) []Finding {
	by := make(map[event.StringID]*Finding)
	for group, g := range s.groups {
		why := w.Symbols.String(g.why)
		if why != "" {
			why = " (" + why + ")"
		}
		by[group] = &Finding{
			Kind: StopCulprit, Culprit: w.GroupName(group), Place: analyze.Place(w.Symbols, g.stack),
			What:      "When the world was to stop, it ran on, and everybody had to wait for it.",
			Threshold: fmt.Sprintf("%s from when the world was asked to stop until the last one did", analyze.Duration(slowStop)),
			Evidence: []string{fmt.Sprintf("%d times, %s in all; at most %s%s, on %v", g.stops, analyze.Duration(g.total),
				analyze.Duration(g.longest.value), why, g.p)},
			At: g.longest.at, Share: float64(g.total) * float64(max(procs(w), 1)),
		}
	}
	return sorted(by)
}
