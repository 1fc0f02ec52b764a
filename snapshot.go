package runq

import (
	"cmp"
	"slices"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Snapshot is the state of a Scheduler: every task that lives, every M and P.
type Snapshot struct {
	Time       time.Duration // since the scheduler began
	Consistent bool          // the world was stopped: all of it is true of one moment
	Stats      Stats
	Global     int // tasks in the global queue
	Procs      []ProcInfo
	Threads    []ThreadInfo
	Tasks      []TaskInfo // by id; first those that haven't begun, with the id 0
	Stuck      []StuckCall
}

// ProcInfo is a P.
type ProcInfo struct {
	ID     int
	State  string // idle, running, stopped; unseated: a P that an overrun task still has
	Thread int    // the M that holds it, -1 for none. When the world is stopped: none.
	Queue  int    // tasks in its queue, the next slot included
	Timers int
	Tick   uint32 // how often it has looked for the next task
	Free   int    // free carriers at hand
}

// ThreadInfo is an M.
type ThreadInfo struct {
	ID    int
	State string // running, parked, blocked
	Proc  int    // the P it holds, -1 for none
	Task  uint64 // the task it runs, 0 for none
	TID   int    // the kernel's number of the thread that it has for itself, 0 for none
}

// TaskInfo is a task that lives.
type TaskInfo struct {
	ID     uint64 // 0: it hasn't begun
	Class  string
	Parent uint64 // the task that spawned it, 0 for none
	Label  string
	Func   string // the function that it was started with
	State  event.TaskState
	Reason event.Reason  // why it waits, or why it was queued again
	For    time.Duration // how long it has waited, about; 0 when not known
	Object uintptr       // the address of what it waits for: the Mutex, Chan, Group and so on; 0 when it waits for several things, for time, or not at all
	Waker  uint64        // the task that ended its last wait
	Locked bool          // to a thread
}

// StuckCall is a task that keeps its thread from the scheduler: in a blocking call
// that has cost it its P, or past its slice without one.
type StuckCall struct {
	Task  uint64
	Label string
	Func  string
	What  string        // "blocking call" or "overrun"
	For   time.Duration // since its P was taken or the call was seen, about
	State string        // what its goroutine does, as a traceback says: "chan receive", "running"
	Stack string        // where, when it could be found
}

// Snapshot stops the world and returns the state of that moment. The stop lasts for
// as long as copying takes, about a microsecond for ten tasks; stuck calls have
// their stacks, which stops Go's world too. Tasks in a blocking call and overrun
// tasks run on meanwhile. A task that calls Snapshot is unseated for it: it is a
// tool for looking from outside.
func (s *Scheduler) Snapshot() Snapshot {
	s.stopTheWorld()
	snap := s.snapshot(true)
	s.startTheWorld()
	snap.Consistent = true
	if len(snap.Stuck) > 0 {
		s.addStacks(&snap)
	}
	return snap
}

// SnapshotCheap returns the state without stopping anything. Each value was true a
// moment ago, but not all of the same moment: a task may be missing, or shown where
// it no longer is; those that wait in a P's queue to begin are only counted. Stuck
// calls have no stacks.
func (s *Scheduler) SnapshotCheap() Snapshot { return s.snapshot(false) }

func (s *Scheduler) snapshot(stopped bool) Snapshot {
	s.lock.Lock()
	defer s.lock.Unlock()
	now := s.clock.Now()
	snap := Snapshot{Time: time.Duration(now), Stats: s.statsLocked(), Global: s.queuedInClasses()}
	for p := range s.allSeats {
		snap.Procs = append(snap.Procs, p.info())
	}
	for _, p := range s.unseated {
		snap.Procs = append(snap.Procs, p.info())
	}
	for _, m := range s.allm {
		snap.Threads = append(snap.Threads, m.info())
	}
	slices.SortFunc(snap.Threads, func(a, b ThreadInfo) int { return cmp.Compare(a.ID, b.ID) })
	s.carriers.each(func(t *Task) {
		if info, ok := t.info(now); ok {
			snap.Tasks = append(snap.Tasks, info)
		}
	})
	snap.addQueued(s, stopped)
	slices.SortFunc(snap.Tasks, func(a, b TaskInfo) int { return cmp.Compare(a.ID, b.ID) })
	snap.Stuck = s.stuckCalls(now)
	return snap
}

// addQueued adds the tasks that haven't begun. Those in the Ps' rings can only be
// looked at when the world is stopped.
func (snap *Snapshot) addQueued(s *Scheduler, stopped bool) {
	add := func(e *entry) {
		if e.env != nil {
			snap.Tasks = append(snap.Tasks, TaskInfo{Class: e.env.class.name, Parent: e.parent, Func: e.funcName(), State: event.TaskRunnable})
		}
	}
	for _, c := range s.allClasses() {
		c.queue.Each(add)
		c.starts.later.Each(add)
		if c.starts.due != nil {
			c.starts.due.Each(add)
		}
		if c.edf != nil {
			c.edf.Each(add)
		}
	}
	if stopped {
		for p := range s.allSeats {
			p.run.Each(add)
		}
	}
}

// info describes p. The lock is held.
func (p *p) info() ProcInfo {
	i := ProcInfo{ID: int(p.id), State: p.state.String(), Thread: -1, Tick: sx.PeekUint32(&p.tick), Queue: p.run.RingLen(), Free: p.cfree.PeekLen()}
	if p.m != nil {
		i.Thread = int(p.m.id)
	}
	if p.timers != nil {
		i.Timers = p.timers.Len()
	}
	if p.next.Peek() != nil {
		i.Queue++
	}
	return i
}

// info describes m. The lock is held.
func (m *m) info() ThreadInfo {
	i := ThreadInfo{ID: int(m.id), State: m.state.String(), Proc: -1, TID: int(m.tid.Load())}
	if p := sx.PeekPointer(&m.p); p != nil {
		i.Proc = int(p.id)
	}
	if t := sx.PeekPointer(&m.curg); t != nil {
		i.Task = t.peek().id
	}
	return i
}

// peeked is what an observer sees of a task.
type peeked struct {
	id, parent, waker uint64
	status            status
	reason            event.Reason
	since             int64
	object            uintptr
	lives, locked     bool
	label, fn, class  string
}

// peek reads a task word by word, each of which its holder may be writing; see
// package sx on Peek.
//
//go:norace
func (t *Task) peek() peeked {
	return peeked{
		id: t.id, parent: t.e.parent, waker: t.waker,
		status: t.status, reason: t.reason, since: t.since, object: t.object,
		lives: t.e.env != nil && t.status != gIdle, locked: t.locks != 0,
		label: t.labelText(), fn: t.e.funcName(), class: t.e.env.className(),
	}
}

// className names the class of a task with that environment, for an observer.
//
//go:norace
func (e *env) className() string {
	if e == nil {
		return ""
	}
	return e.class.name
}

// info describes t, if it lives.
func (t *Task) info(now int64) (TaskInfo, bool) {
	p := t.peek()
	if !p.lives {
		return TaskInfo{}, false
	}
	i := TaskInfo{
		ID:     p.id,
		Class:  p.class,
		Parent: p.parent,
		Label:  p.label,
		Func:   p.fn,
		State:  taskStates[p.status],
		Reason: p.reason,
		Waker:  p.waker,
		Locked: p.locked,
	}
	if p.status == gWaiting {
		i.Object = shownObject(p.reason, p.object)
	}
	if p.since > 0 && (p.status == gWaiting || p.status == gBlocked) {
		i.For = time.Duration(now - p.since)
	}
	return i, true
}

// shownObject is the object of a wait as observers are told. What a sleep waits with is
// nothing that they know.
func shownObject(why event.Reason, object uintptr) uintptr {
	if why == event.ReasonWaitSleep {
		return 0
	}
	return object
}

var taskStates = [...]event.TaskState{
	gIdle:     event.TaskNone,
	gRunnable: event.TaskRunnable,
	gRunning:  event.TaskRunning,
	gWaiting:  event.TaskWaiting,
	gBlocked:  event.TaskBlocked,
}

// stuckCalls lists the tasks that hold a thread without a P. The lock is held.
func (s *Scheduler) stuckCalls(now int64) []StuckCall {
	var calls []StuckCall
	for _, m := range s.allm {
		t := sx.PeekPointer(&m.curg)
		if t == nil {
			continue
		}
		c := StuckCall{What: "blocking call"}
		if p := sx.PeekPointer(&m.p); p != nil {
			if p.state != pUnseated {
				continue
			}
			c.What = "overrun"
			c.For = time.Duration(now - p.seen.since)
		}
		pk := t.peek()
		if !pk.lives {
			continue // it has just ended
		}
		c.Task, c.Label, c.Func = pk.id, pk.label, pk.fn
		if c.What != "overrun" {
			c.For = time.Duration(now - pk.since)
		}
		calls = append(calls, c)
	}
	return calls
}

// addStacks finds out where the stuck tasks are.
func (s *Scheduler) addStacks(snap *Snapshot) {
	where := make(map[uint64]taskStack)
	stacks := taskStacks()
	s.carriers.each(func(t *Task) {
		if st, ok := stacks[t.address()]; ok {
			where[t.peek().id] = st
		}
	})
	for i := range snap.Stuck {
		c := &snap.Stuck[i]
		c.State, c.Stack = where[c.Task].state, where[c.Task].stack
	}
}
