package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// stormGap is how long after a wake the next one by the same waker belongs to it:
	// who wakes many at once needs less than a µs for each.
	stormGap = 50e3

	// stormWakes is how many wakes in a row are a storm, and stormReady how many tasks
	// must be ready at some time during it: as long as they run as fast as they are
	// woken, it is only busy. A P's queue has room for 256.
	stormWakes = 256
	stormReady = 256

	// stormWatch is how many tasks must be ready before wakes are looked at: as long as
	// there are few, none of them can be a part of a storm that matters, and most wakes
	// of a program are cheap to skip.
	stormWatch = 32
)

// storms finds who wakes very many tasks at once.
type storms struct {
	bursts map[waker]*burst
	newest waker  // of them, who woke last: mostly who wakes now
	burst  *burst // its; nil: nobody has woken yet
	worst  tally[waker, burst]
}

// waker is who wakes.
type waker struct {
	task   event.TaskID // NoTask: no task does
	how    event.Reason
	group  event.StringID // of the waker; of the woken if no task wakes
	timers bool           // it is timers
}

type burst struct {
	began, last int64
	wakes       int
	ready       int // at most
	stack       event.StackID
	woken       event.StringID
	storms      int
}

func newStorms() *storms {
	return &storms{bursts: make(map[waker]*burst), worst: make(tally[waker, burst])}
}

// event takes the creation or the wake of a task in.
func (s *storms) event(w *analyze.World, e *event.Event, t *analyze.Task) {
	if w.Runnable < stormWatch || t == nil {
		return
	}
	key := waker{task: event.TaskID(e.Arg), how: e.Reason, group: t.WakerOf}
	if key.task == event.NoTask {
		key.group = t.Group
		key.timers = e.Kind == event.KindTaskCreated || e.Reason == event.ReasonWakeTimer
	}
	b := s.of(key)
	if b.wakes == 0 || w.Now-b.last > stormGap {
		*b = burst{began: w.Now}
	}
	b.last, b.woken = w.Now, t.Group
	b.wakes++
	b.ready = max(b.ready, w.Runnable)
	if e.By != 0 {
		b.stack = e.By
	}
	if b.wakes >= stormWakes && b.ready >= stormReady {
		s.note(key, b)
	}
}

// of returns the burst of a waker, a new one if there is none.
func (s *storms) of(key waker) *burst {
	if s.burst != nil && key == s.newest {
		return s.burst
	}
	b := s.bursts[key]
	if b == nil {
		if len(s.bursts) >= maxKeys {
			clear(s.bursts) // most of them are over
		}
		b = new(burst)
		s.bursts[key] = b
	}
	s.newest, s.burst = key, b
	return b
}

// note keeps the largest storm of a group.
func (s *storms) note(key waker, b *burst) {
	key.task = event.NoTask
	most := s.worst.of(key)
	if most == nil {
		return
	}
	if b.began != most.began {
		most.storms++
	}
	if b.wakes >= most.wakes {
		storms := most.storms
		*most = *b
		most.storms = storms
	}
}

func (s *storms) findings(w *analyze.World) []Finding {
	by := make(map[waker]*Finding)
	for key, b := range s.worst {
		f := &Finding{
			Kind: WakeStorm, Culprit: w.GroupName(key.group), Place: analyze.Place(w.Symbols, b.stack),
			What:      "It wakes very many tasks at once, which then wait for each other.",
			Threshold: fmt.Sprintf("%d wakes in a row and %d tasks ready at once", stormWakes, stormReady),
			Evidence: []string{fmt.Sprintf("%d of %s within %s, and up to %d tasks ready", b.wakes, w.GroupName(b.woken),
				analyze.Duration(b.last-b.began), b.ready)},
			At: b.began - w.Start, Share: float64(b.last - b.began),
		}
		if key.timers {
			f.Culprit, f.What = "timers of "+w.GroupName(b.woken), "Very many timers end at once, and their tasks wait for each other."
		}
		by[key] = f
	}
	return sorted(by)
}
