package analyze

import (
	"cmp"
	"slices"

	"github.com/runq-go/runq/event"
)

// World is the state of a scheduler, as its events up to now tell it. Passes read it
// and change nothing in it.
type World struct {
	Info    event.Info
	Symbols *event.Symbols

	Start, Now int64   // the times of the first event and of the present one; Now never goes back
	Events     uint64  // how many there have been
	Procs      []*Proc // by number; nil: not seen yet
	Running    int     // tasks that run
	Runnable   int     // tasks that are ready and don't run
	Blocked    int     // tasks in blocking calls
	Idle       int     // Ps that nobody holds
	Stopping   bool    // the world is asked to stop, or stopped
	Marking    bool    // the garbage collector marks

	Losses  uint64 // stretches in which events are missing
	Dropped uint64 // waits of which nothing can be said because of that

	tasks  taskMap
	free   []*Task
	none   queue // of the tasks that are in no P's queue
	waits  []Wait
	count  uint64  // of waits so far; 0 names none
	ended  *Wait   // by the present event; nil: none
	ran    []Slice // the same
	since  int64   // the beginning, or the last loss: what is met later was there then
	groups map[groupKey]event.StringID
	launch map[event.StringID]bool // functions known to be launchers, or not
}

// Task is what is known of a task that hasn't ended. It is good until the event after
// the one that ends the task.
type Task struct {
	ID      event.TaskID
	Parent  event.TaskID // that created it, if known
	Group   event.StringID
	Created event.StackID // where it was created, if known
	State   event.TaskState
	Since   int64           // since when it is in State
	Prev    event.TaskState // before that
	PrevAt  int64           // since when it was
	Stack   event.StackID   // where it is or was last seen, if known
	Assist  bool            // it is helping the garbage collector
	LostAt  int64           // when its P was taken away in the blocking call that it is in; 0: it wasn't
	Proc    *Proc           // that it runs on, or kept in a blocking call; nil: none

	// Of the wait that it is in, if State isn't running.
	Why      Why
	Away     int64 // since when it doesn't run
	Ready    int64 // since when it is ready, if it is
	Partial  bool  // the wait began before the recording
	Waker    event.TaskID
	Wake     event.Reason
	WakeBy   event.StackID
	WakerRan uint64         // the Number of the last wait of the waker before that
	WakerOf  event.StringID // its group

	Last uint64 // the Number of its last wait that has ended; 0: none

	queue     *queue // that it is in; nil: none
	home      *Proc  // whose queue that is; nil: nobody's
	snap      Parts  // of the queue's accounts, when it became ready
	slice     Slice  // in which it is, if it runs
	blame     int64  // of its P's accounts, when that began
	blameElse int64  // the same, of nobody\'s queue
	next      *Task  // in the map
}

// Proc is what is known of a P.
type Proc struct {
	ID    event.PID
	Known bool      // if not, nothing else means anything
	M     event.MID // that holds it; NoM: it is free
	Since int64     // since when
	Task  *Task     // that runs on it, or is in a blocking call and keeps it; nil: none

	// Slices are what ran last on it, in a ring: the newest is at
	// [(Count-1)%len(Slices)].
	Slices []Slice
	Count  uint64

	queue queue
}

// Slice is a stretch of time in which a task had a P.
type Slice struct {
	Task       event.TaskID
	Group      event.StringID
	P          event.PID
	Began, End int64
	Stack      event.StackID // where the task was at the end, if known
	Open       bool          // it hadn't ended when the recording did

	// How long tasks have waited meanwhile, added up: those in the P's queue, and those
	// in nobody's while no P was free.
	Waited, WaitedElsewhere int64
}

// keptSlices is how many slices a P remembers, to tell behind whom a task waited: at
// ten a millisecond, which is busy, that is some 25 ms; what has waited for long has
// long slices before it.
const keptSlices = 256

// Waiting returns how many tasks are in the P's queue, as far as is known.
func (p *Proc) Waiting() int { return int(p.queue.waiting) }

// QueuedTime returns how long tasks have waited in the P's queue so far, added up, in ns.
func (p *Proc) QueuedTime(w *World) int64 {
	p.queue.flush(w.Now)
	return p.queue.waited.Total()
}

// newWorld returns the world before the first event.
func newWorld(src event.Source) *World {
	w := &World{
		Info: src.Info(), Symbols: src.Symbols(), waits: make([]Wait, keptWaits),
		groups: make(map[groupKey]event.StringID), launch: make(map[event.StringID]bool),
	}
	w.none.mode = PartUnknown
	return w
}

// Task returns a task that lives, nil if there is none with that id.
func (w *World) Task(id event.TaskID) *Task { return w.tasks.get(id) }

// Tasks returns the tasks that live, by id.
func (w *World) Tasks() []*Task {
	all := w.tasks.all()
	slices.SortFunc(all, func(a, b *Task) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Proc returns a P, nil if it hasn't been seen.
func (w *World) Proc(id event.PID) *Proc {
	if id < 0 || int(id) >= len(w.Procs) {
		return nil
	}
	return w.Procs[id]
}

// maxProcs bounds what a number of a P in a broken recording can cost.
const maxProcs = 1 << 16

// proc returns a P, a new one if it hasn't been seen; nil for none.
func (w *World) proc(id event.PID) *Proc {
	if id < 0 || id >= maxProcs {
		return nil
	}
	for int(id) >= len(w.Procs) {
		w.Procs = append(w.Procs, nil)
	}
	p := w.Procs[id]
	if p == nil {
		p = &Proc{ID: id, M: event.NoM, Since: w.Now, Slices: make([]Slice, keptSlices)}
		p.queue.at, p.queue.mode = w.Now, PartUnknown
		w.Procs[id] = p
	}
	return p
}

// apply takes the next event in and returns the task that it is about, nil if none is.
func (w *World) apply(e *event.Event) *Task {
	if w.Events == 0 {
		w.Start, w.Now, w.since, w.none.at = e.Time, e.Time, e.Time, e.Time
	}
	w.Events++
	w.Now = max(w.Now, e.Time)
	if e.Kind.Spec().IsTask() {
		return w.taskEvent(e)
	}
	switch e.Kind {
	case event.KindProcAcquired, event.KindProcReleased, event.KindProcRetaken, event.KindProcCreated, event.KindProcDestroyed, event.KindProcSeen:
		w.procEvent(e)
	case event.KindProcsChanged:
		end := len(w.Procs)
		if w.Info.Sort == "runq" {
			end = min(end, event.DomainProcs) // the other domains' don't change with it
		}
		for id := min(e.Arg, maxProcs); id < uint64(end); id++ {
			w.hold(w.Procs[id], false, event.NoM)
		}
	case event.KindStopAsked, event.KindStopBegin:
		w.stop(true)
	case event.KindStopEnd:
		w.stop(false)
	case event.KindGCBegin, event.KindGCEnd:
		w.Marking = e.Kind == event.KindGCBegin
	case event.KindAssistBegin, event.KindAssistEnd:
		if t := w.tasks.get(e.Task); t != nil {
			t.Assist = e.Kind == event.KindAssistBegin
			w.mode(t.Proc)
		}
	case event.KindLost:
		w.lost(e)
	}
	return w.tasks.get(e.Task)
}

// procEvent notes who holds a P.
func (w *World) procEvent(e *event.Event) {
	p := w.proc(e.P)
	if p == nil {
		return
	}
	switch e.Kind {
	case event.KindProcAcquired, event.KindProcSeen:
		w.hold(p, true, e.M)
	case event.KindProcDestroyed:
		w.hold(p, false, event.NoM)
	default:
		w.hold(p, true, event.NoM)
	}
}

// hold notes who holds a P from now on, and that any task that kept it does no more.
func (w *World) hold(p *Proc, known bool, m event.MID) {
	if p == nil {
		return
	}
	if t := p.Task; t != nil && m == event.NoM {
		if t.State == event.TaskBlocked {
			t.LostAt = w.Now
		}
		w.leave(t)
	}
	w.Idle -= idle(p)
	p.Known, p.M, p.Since = known, m, w.Now
	w.Idle += idle(p)
	w.mode(p)
	w.noneMode()
}

func idle(p *Proc) int {
	if p.Known && p.M == event.NoM {
		return 1
	}
	return 0
}

// mode says what the time of those who wait in the P's queue goes to from now on.
func (w *World) mode(p *Proc) {
	if p == nil {
		return
	}
	part := PartSwitch
	switch t := p.Task; {
	case w.Stopping:
		part = PartStop
	case t != nil && t.State == event.TaskBlocked:
		part = PartCall
	case t != nil && t.Assist:
		part = PartAssist
	case t != nil:
		part = PartBehind
	case !p.Known:
		part = PartUnknown
	case p.M == event.NoM:
		part = PartFree
	}
	p.queue.set(w.Now, part)
}

// noneMode does the same for those that wait in no P's queue.
func (w *World) noneMode() {
	part := PartNoP
	switch {
	case w.Stopping:
		part = PartStop
	case w.Idle > 0:
		part = PartFree
	case len(w.Procs) == 0:
		part = PartUnknown
	}
	w.none.set(w.Now, part)
}

// stop notes that the world stops, or goes on.
func (w *World) stop(on bool) {
	w.Stopping = on
	for _, p := range w.Procs {
		w.mode(p)
	}
	w.noneMode()
}

// lost forgets what isn't sure any more.
func (w *World) lost(e *event.Event) {
	w.Losses++
	if e.Task != event.NoTask {
		if t := w.tasks.get(e.Task); t != nil {
			w.drop(t)
		}
		return
	}
	w.since = w.Now
	for _, t := range w.tasks.all() {
		w.drop(t)
	}
	for _, p := range w.Procs {
		w.hold(p, false, event.NoM)
	}
}

// drop forgets a task.
func (w *World) drop(t *Task) {
	if t.State != event.TaskRunning && t.State != event.TaskNone {
		w.Dropped++
	}
	w.leave(t)
	w.unqueue(t)
	w.count1(t.State, -1)
	w.tasks.remove(t)
}
