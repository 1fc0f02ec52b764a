package perfetto

import (
	"cmp"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// task is what is shown of a task that lives.
type task struct {
	track   uint64 // 0: it has none yet
	regions uint64 // the track of its regions; 0: it has none yet
	depth   int    // how many of them are open
	open    bool   // a slice on track
	flow    uint64 // of the wake that has made it ready; 0: none, or it has been shown
	thread  *thread

	// The state of a task of which the group isn't known yet is held back until the next
	// thing that happens to it: that says where in the program it is, and a track can't
	// move from one group to another. The trace's events needn't be in order.
	held bool
	from uint64 // since when
	what string // the name of the state
}

// taskEvent shows what has become of a task.
func (p *Pass) taskEvent(w *analyze.World, e *event.Event, t *analyze.Task) {
	if t == nil {
		return
	}
	s := p.tasks[t.ID]
	first := s == nil
	if first {
		s = new(task)
		p.tasks[t.ID] = s
	}
	p.reveal(w, t.ID)
	p.offThread(s)
	p.close(s)
	if t.State != event.TaskRunning {
		s.flow = 0 // else it ends where the task runs
	}
	switch {
	case t.State == event.TaskDead:
		p.forget(t.ID)
		return
	case p.opts.NoTasks:
	case first && t.Group == 0 && !isNew(e.Kind):
		p.hold(w, t, s)
	default:
		if t.State == event.TaskRunnable {
			p.wake(w, e, t, s)
		}
		p.state(w, t, s, first)
	}
	if t.State == event.TaskRunning || t.State == event.TaskBlocked {
		p.onThread(w, t, s, e.M)
		p.runs(w, t, s)
	}
}

// isNew tells whether a task has just come into being, and hasn't been there before.
func isNew(k event.Kind) bool {
	return k == event.KindTaskCreated || k == event.KindTaskCreatedWaiting || k == event.KindTaskCreatedBlocked
}

// wake begins a flow if another task has woken the task, or created it.
func (p *Pass) wake(w *analyze.World, e *event.Event, t *analyze.Task, s *task) {
	by, waker := w.Task(t.Waker), p.tasks[t.Waker]
	if by == nil || waker == nil || waker == s {
		return
	}
	track := waker.track
	if waker.held {
		if by.Proc == nil {
			return
		}
		track = p.proc(by.Proc.ID).track
	}
	name := "wakes "
	switch e.Kind {
	case event.KindTaskReadied:
	case event.KindTaskCreated:
		name = "creates "
	default:
		return
	}
	p.flows++
	s.flow = p.flows
	p.out.instant(p.now, track, p.names.event(name+w.GroupName(t.Group)))
	p.out.number(p.names.arg("task"), uint64(t.ID))
	p.where(w, t.WakeBy)
	p.out.flow(s.flow, false)
	p.out.done()
}

// state opens a slice for the state that a task is in now.
func (p *Pass) state(w *analyze.World, t *analyze.Task, s *task, first bool) {
	from := p.now
	if first && t.Partial {
		from = max(at(w, t.Away), uint64(max(p.opts.From, 0))) // it has been so since before that was known
	}
	p.declare(w, t.ID, t.Group, s)
	s.open = true
	p.out.begin(from, s.track, p.names.event(stateName(t)))
	switch t.State {
	case event.TaskRunning:
		if t.Proc != nil {
			p.out.text(p.names.arg("on"), p.names.value(t.Proc.ID.String()))
		}
	case event.TaskRunnable:
		if s.flow != 0 {
			p.out.flow(s.flow, false)
		}
	default:
		p.where(w, t.Stack)
	}
	p.out.done()
}

func stateName(t *analyze.Task) string {
	switch t.State {
	case event.TaskRunnable:
		return "ready"
	case event.TaskRunning:
		if t.Proc == nil {
			return "running, without a P"
		}
		return "running"
	case event.TaskBlocked:
		return "in a call"
	}
	return "waiting: " + t.Why.String()
}

// hold keeps the state of a task that was met a moment ago.
func (p *Pass) hold(w *analyze.World, t *analyze.Task, s *task) {
	s.held, s.from, s.what = true, at(w, t.Away), stateName(t)
	if t.State == event.TaskRunning {
		s.from = p.now // as on its P
	}
}

// reveal shows what is held back of a task, if anything is: now or never.
func (p *Pass) reveal(w *analyze.World, id event.TaskID) {
	s := p.tasks[id]
	if !s.held {
		return
	}
	s.held = false
	group := event.StringID(0)
	if t := w.Task(id); t != nil {
		group = t.Group
	}
	p.declare(w, id, group, s)
	s.open = true
	p.out.begin(max(s.from, uint64(max(p.opts.From, 0))), s.track, p.names.event(s.what))
	p.out.done()
}

// declare makes a task's track, if it has none yet.
func (p *Pass) declare(w *analyze.World, id event.TaskID, group event.StringID, s *task) {
	if s.track == 0 {
		s.track = p.out.track(p.group(w, group), id.String(), rank(id), byNothing, false)
	}
}

// where says where in the program the present slice is about.
func (p *Pass) where(w *analyze.World, stack event.StackID) {
	if stack == 0 {
		return
	}
	place, ok := p.places[stack]
	if !ok {
		place = analyze.Place(w.Symbols, stack)
		if len(p.places) < maxPlaces {
			p.places[stack] = place
		}
	}
	if place != "" {
		p.out.text(p.names.arg("where"), p.names.value(place))
	}
}

// close ends the slice that is open on a task's track.
func (p *Pass) close(s *task) {
	if s.open {
		s.open = false
		p.out.end(p.now, s.track)
	}
}

// forget closes what is open of a task that is no more.
func (p *Pass) forget(id event.TaskID) {
	s := p.tasks[id]
	p.offThread(s)
	p.close(s)
	for s.depth > 0 {
		s.depth--
		p.out.end(p.now, s.regions)
	}
	p.out.drop(s.regions)
	p.out.drop(s.track)
	delete(p.tasks, id)
}

// enterRegion shows that a task enters a region of the program, or has to help the
// garbage collector.
func (p *Pass) enterRegion(w *analyze.World, e *event.Event, t *analyze.Task) {
	s := p.tasks[t.ID]
	if s == nil || p.opts.NoTasks {
		return
	}
	p.reveal(w, t.ID)
	if s.regions == 0 {
		s.regions = p.out.track(s.track, "regions", 0, byNothing, false)
	}
	name := "GC assist"
	if e.Kind == event.KindRegionBegin {
		name = cmp.Or(w.Symbols.String(event.StringID(e.Arg)), "region without a name")
	}
	s.depth++
	p.out.begin(p.now, s.regions, p.names.event(name))
	p.out.done()
}

// leaveRegion shows that a task leaves the region that it entered last. One that it
// entered before the recording isn't shown.
func (p *Pass) leaveRegion(id event.TaskID) {
	if s := p.tasks[id]; s != nil && s.depth > 0 {
		s.depth--
		p.out.end(p.now, s.regions)
	}
}
