package runq

// Stopping the world.
//
// Stopped means: no M holds a P, so that nobody touches a run queue, a free list,
// a ring of events or the assignment of seats. Tasks in blocking calls and overrun
// tasks run on, for they hold none; when they come back they wait.
//
// Each P is stopped in the way its state allows: an idle one is taken from the
// list, one in a blocking call is taken as sysmon would, one whose M runs a task is
// asked for, at the M's next scheduling point or checkpoint. A task that is held back, or
// doesn't answer within stopGrace, is unseated: so the time to stop is bounded whatever
// tasks do, and a task may itself stop the world (it is then the one unseated).

import (
	"slices"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// stopAgain is how often the request is repeated: the task that it was sent to
	// may have ended just then, and another one runs.
	stopAgain = 50 * time.Microsecond

	// stopGrace is how long a stop waits for tasks to check before it takes their
	// Ps: longer than a spawn, a wake or a chunk of work between two checkpoints
	// usually takes, and short enough not to be felt as a pause.
	stopGrace = 1 * time.Millisecond

	// letRunMost bounds the pause between two stops.
	letRunMost = 10 * time.Millisecond
)

// stopTheWorld returns when no M holds a P. Only one caller at a time stops the
// world; others wait natively.
func (s *Scheduler) stopTheWorld() {
	s.stopMu.Lock()
	s.letRun()
	begin := s.clock.Now()
	s.lock.Lock()
	s.stopping = true
	s.stopWait = 0
	for _, d := range s.domainsLocked() {
		s.stopWait += len(d.seatedLocked())
	}
	for _, d := range s.domainsLocked() {
		for p := d.idle.GetP(); p != nil; p = d.idle.GetP() {
			s.stopped(p)
		}
	}
	for _, p := range s.leasing.lent {
		s.stopped(p)
	}
	s.leasing.lent = nil
	s.askToStop()
	s.unseatRunning(false)
	for s.stopWait > 0 {
		s.lock.Unlock()
		s.stopNote.SleepFor(stopAgain)
		s.lock.Lock()
		s.askToStop()
		s.unseatRunning(s.clock.Now()-begin > int64(stopGrace))
	}
	now := s.clock.Now()
	s.stops++
	s.stopTime += now - begin
	s.stopMax = max(s.stopMax, now-begin)
	s.stopBegun = begin
	s.eventS(event.KindStopBegin, event.ReasonStopTheWorld, uint64(now-begin))
	s.lock.Unlock()
}

// letRun waits until the world has run for as long as it was stopped the last time,
// so that stops without a pause between them don't starve the tasks.
func (s *Scheduler) letRun() {
	stopped := s.started - s.stopBegun
	if ran := s.clock.Now() - s.started; ran < stopped {
		s.clock.Pause(time.Duration(min(stopped-ran, int64(letRunMost))))
	}
}

// stopped notes that p has stopped. The lock is held.
func (s *Scheduler) stopped(p *p) {
	p.state = pStopped
	p.attn.And(^uint32(attnStop))
	s.stopWait--
	if s.stopWait == 0 {
		s.stopNote.Wake()
	}
}

// askToStop takes the Ps of blocking calls and asks the others to stop. The lock is
// held.
func (s *Scheduler) askToStop() {
	for p := range s.allSeats {
		if p.state != pRunning {
			continue
		}
		if p.m != nil {
			phase := p.m.phase.Load()
			if phase&phaseMask == phaseBlocked && s.takeFromCall(p, phase) {
				s.stopped(p)
				continue
			}
			if t := sx.PeekPointer(&p.m.curg); t != nil {
				t.preempt.Store(asked)
			}
		}
		p.attn.Or(attnStop) // partner: pick, attend, safePoint
	}
}

// unseatRunning takes the Ps of the tasks that don't answer: of those that are held back,
// and, when they have had their time, of the others. The lock is held.
func (s *Scheduler) unseatRunning(late bool) {
	for p := range s.allSeats {
		if p.state == pRunning && p.m != nil && (late || p.m.heldBack.Load()) && sx.PeekPointer(&p.m.curg) != nil {
			np := s.unseat(p)
			s.stopped(np)
			s.guests = append(s.guests, seatTaken{from: p, by: np})
		}
	}
}

// seatTaken says that a P lost its seat to another one because the world had to be
// stopped.
type seatTaken struct{ from, by *p }

// reseat gives the Ps that were unseated for the stop their seats back, if their
// tasks still haven't come by: a stop makes no overruns. The lock is held.
func (s *Scheduler) reseat() {
	for _, g := range s.guests {
		old := g.from
		if old.state != pUnseated || old.d.at(old.id) != g.by {
			continue
		}
		s.eventAny(event.PID(old.id), event.MID(old.m.id), event.KindProcAcquired, event.ReasonNone, 0)
		old.d.seat(old)
		old.state = pRunning
		old.attn.And(^uint32(attnUnseat)) // attnStop stays: asked for a stop, the task goes first when it yields, not last
		old.moves.Add(1)                  // from now on its M's events name the seat
		s.unseated = slices.DeleteFunc(s.unseated, func(x *p) bool { return x == old })
		s.overruns.Add(-1)
		old.d.overruns--
		s.putAll(g.by.drain())
		s.retire(g.by)
	}
	clear(s.guests)
	s.guests = s.guests[:0]
}

// startTheWorld lets Ms have Ps again: those with work get an M each, the others
// are idle.
func (s *Scheduler) startTheWorld() {
	s.lock.Lock()
	s.stopping = false
	s.reseat()
	s.started = s.clock.Now()
	s.eventS(event.KindStopEnd, event.ReasonNone, 0)
	for p := range s.allSeats {
		if p.state != pStopped {
			continue // its task runs on with it
		}
		if p.hasWork() || p.timers.Next() != 0 {
			s.startM(p, false)
			continue
		}
		p.state = pIdle
		p.d.idle.PutP(p)
	}
	s.maybeQuiesced()
	s.lock.Unlock()
	s.stopMu.Unlock()
	s.wakeSysmon()
	for _, d := range s.allDomains() {
		if d.anyWork() {
			d.wake()
		}
	}
}
