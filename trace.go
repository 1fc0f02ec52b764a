package runq

// Recording events.
//
// Each P has a ring that its owner writes without synchronisation; what happens
// without a P goes to one more ring, under a lock. Rings are read while the world
// is stopped.
//
// The tension: reading the clock takes as long as spawning and running a task. So a
// task that never waits is written down once, when it has ended, in one record that
// stands for three events; and its times are those of the coarse clock, which
// sysmon, and nobody else, advances at its beat. A task that waits is written down at its first wait,
// and all its events from then on are exact to the clock.

import (
	"runtime"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// traceEnd records the end of a task: with all the rest, if it never waited.
func (t *Task) traceEnd(p *p, m *m, how ending) {
	if t.seq == 0 && how == endReturn && p.attn.Load()&^attnFair == 0 {
		p.events.Func(t.code())
		p.events.Ran(t.e.born, t.began, m.s.coarse.Load(), event.PID(p.id), event.MID(m.id), event.TaskID(t.id), event.TaskID(t.e.parent))
		return
	}
	t.traceOverrun(p)
	t.event(event.KindTaskFinished, endReasons[how], 0)
}

// traceOverrun records that the task had lost its P and ran on: its M finds out
// only now.
func (t *Task) traceOverrun(p *p) {
	if p.attn.Load()&attnUnseat != 0 {
		t.event(event.KindTaskOverrun, event.ReasonNone, 0)
	}
}

var endReasons = [...]event.Reason{
	endReturn: event.ReasonEndReturn,
	endPanic:  event.ReasonEndPanic,
	endGoexit: event.ReasonEndGoexit,
}

// event records something about the running task.
func (t *Task) event(k event.Kind, why event.Reason, arg uint64) { t.eventOn(t.m, k, why, arg) }

// eventOn records something about t, on the P of m. The first record of a task is
// preceded by its beginning.
func (t *Task) eventOn(m *m, k event.Kind, why event.Reason, arg uint64) {
	t.cold = true
	p := m.p
	moves := p.moves.Load()
	now := m.s.clock.Now()
	pid, mid := p.eventID(moves), event.MID(m.id)
	if t.seq == 0 {
		p.events.Func(t.code())
		p.events.Began(t.e.born, t.began, pid, mid, event.TaskID(t.id), event.TaskID(t.e.parent))
		t.seq = 2
	}
	t.seq++
	p.events.Event(now, k, why, pid, mid, event.TaskID(t.id), t.seq, arg)
}

// eventID returns the P to name in an event: none, when its M only has it on as a
// workplace. moves is p.moves as read before the time of the event, and eventID reads
// it once more: so at that time the P had a seat, or else none is named.
func (p *p) eventID(moves uint32) event.PID {
	if moves&1 != 0 || p.moves.Load() != moves {
		return event.NoP
	}
	return event.PID(p.id)
}

// eventOut records something about t that happens without a P.
func (s *Scheduler) eventOut(t *Task, k event.Kind, why event.Reason) {
	if s.out.events == nil {
		return
	}
	s.out.mu.Lock()
	t.cold = true
	t.seq++
	s.out.events.Event(s.clock.Now(), k, why, event.NoP, event.NoM, event.TaskID(t.id), t.seq, 0)
	s.out.mu.Unlock()
}

// event records something about m and its P. m.p.events isn't nil.
func (m *m) event(k event.Kind, why event.Reason, arg uint64) {
	moves := m.p.moves.Load()
	now := m.s.clock.Now()
	m.p.events.Event(now, k, why, m.p.eventID(moves), event.MID(m.id), event.NoTask, 0, arg)
}

// eventM records something about an M that has no P, or is about to lose it. The
// lock is held.
func (s *Scheduler) eventM(m *m, k event.Kind) {
	s.eventAny(event.NoP, event.MID(m.id), k, event.ReasonNone, 0)
}

// eventS records something about the scheduler.
func (s *Scheduler) eventS(k event.Kind, why event.Reason, arg uint64) {
	s.eventAny(event.NoP, event.NoM, k, why, arg)
}

// eventRetaken records that a P has been unseated.
func (s *Scheduler) eventRetaken(p *p) {
	s.eventAny(event.PID(p.id), event.MID(p.m.id), event.KindProcRetaken, event.ReasonRetakeOverrun, 0)
}

func (s *Scheduler) eventAny(p event.PID, m event.MID, k event.Kind, why event.Reason, arg uint64) {
	if s.out.events == nil || k == event.KindNone {
		return
	}
	s.out.mu.Lock()
	s.out.events.Event(s.clock.Now(), k, why, p, m, event.NoTask, 0, arg)
	s.out.mu.Unlock()
}

// ReadEvents returns the events recorded since the last call, in order, and how
// many were lost because a ring was full. It stops the world for as long as it
// takes to copy the rings. Without Config.Trace there are none. Of a task that has
// neither waited nor ended there is nothing yet.
//
// Within one call's events the order is that of time. A later call may bring older
// events: the beginning of a task that has meanwhile ended or waited, and what was
// recorded on a P that an overrun task, or one that didn't answer when the world was
// to be stopped, had lost. Who needs all of it in order merges what the calls have
// returned (event.Merge).
//
// The Stack of a TaskCreated says which function the task was started with: see Symbols.
// Recorders and flight recorders (Record, FlightRecorder) have no part in this: they read
// the same events for themselves.
func (s *Scheduler) ReadEvents() (events []event.Event, lost uint64) {
	if !s.cfg.Trace {
		return nil, 0
	}
	s.stopTheWorld()
	streams, lost := s.drainRings()
	s.startTheWorld()
	return event.Merge(nil, streams...), lost
}

// ringRests tells whether nobody writes to the P's ring while the world is stopped: it has no
// M, or one that is asleep. The lock is held.
func (p *p) ringRests() bool {
	return p.state != pUnseated || p.m != nil && p.m.heldBack.Load() // partner: sleepHeldBack
}

// drainRings empties the rings of the Ps that nobody uses: an overrun task's P
// keeps its events until it is given back.
func (s *Scheduler) drainRings() (streams [][]event.Event, lost uint64) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	own, n := s.out.events.DrainWith(nil, s.stackOf)
	streams, lost = append(streams, own), n
	for _, p := range s.ps {
		if !p.ringRests() {
			continue
		}
		of, n := p.events.DrainWith(nil, s.stackOf)
		streams, lost = append(streams, of), lost+n
	}
	return streams, lost
}

// eventsLost returns how many events have been lost so far.
func (s *Scheduler) eventsLost() (n uint64) {
	if s.cfg.Trace {
		n = s.out.events.Lost()
		for _, p := range s.ps {
			n += p.events.Lost()
		}
	}
	return n
}

// entryStacks are the stacks of tasks' first events: the function that the task was started
// with, and nothing else. Rings know functions by the address of their code.
type entryStacks struct {
	mu      sx.Mutex
	of      map[uintptr]event.StackID
	symbols event.Symbols
}

// stackOf returns the stack of a task that begins with the code at an address.
func (s *Scheduler) stackOf(code uintptr) event.StackID {
	e := &s.entries
	e.mu.Lock()
	defer e.mu.Unlock()
	id, ok := e.of[code]
	if !ok {
		if e.of == nil {
			e.of = make(map[uintptr]event.StackID)
		}
		frame := event.Frame{Func: nameOf(code)}
		if f := runtime.FuncForPC(code); f != nil {
			frame.File, frame.Line = f.FileLine(code)
		}
		id = e.symbols.InternStack([]event.Frame{frame})
		e.of[code] = id
	}
	return id
}

// Symbols has the stacks that the events of ReadEvents name: the Stack of a TaskCreated is
// the function that the task was started with. It grows while events are read.
func (s *Scheduler) Symbols() *event.Symbols { return &s.entries.symbols }

// code returns the address of the code that t begins with.
func (t *Task) code() uintptr { return *(*uintptr)(t.e.what) }
