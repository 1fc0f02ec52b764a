package runq

// The end of a scheduler.
//
// Close says that nothing new comes from outside, and waits for the tasks that
// there are. Nobody counts them on the way: that would be a shared counter on every
// spawn. Instead, whenever the last P becomes idle, the Ps' own counters are added
// up, which nobody writes at that moment. When they say that no task lives, the
// scheduler is dismantled: Ms end, sysmon ends, carriers are ended.
//
// Invariant 7: a task accepted by Go or Run runs. Whether it is accepted is decided
// under the submission queue's lock: it comes either before Close, and is waited
// for, or after, and is refused.

import (
	"context"
	"errors"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// ErrClosed says that a Scheduler has been closed and takes no tasks any more.
var ErrClosed = errors.New("runq: the scheduler is closed")

// Close waits until all tasks have ended, those that they spawn meanwhile
// included, and frees everything: no goroutine is left behind. New tasks from
// outside are refused from the beginning of the call on. Closing twice is fine, and
// waits too. A task can't close its own scheduler: it would wait for itself; Close
// panics when it is called so. Close always returns nil.
func (s *Scheduler) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close with a limit: it returns the context's error when that ends
// before the tasks do. The scheduler goes on closing then, and a later Close or
// Shutdown waits for the rest.
func (s *Scheduler) Shutdown(ctx context.Context) error {
	s.refuseOwnTask("Close")
	s.lock.Lock()
	first := !s.closed
	s.closed = true
	s.lockClasses()
	for _, c := range s.classesLocked() {
		c.admit.closed = true
	}
	s.unlockClasses()
	s.lock.Unlock()
	if first {
		sx.Go(s.finishUp)
	}
	if !s.gone.WaitOr(ctx.Done()) {
		return context.Cause(ctx)
	}
	return nil
}

// finishUp waits for the last task and dismantles the scheduler.
func (s *Scheduler) finishUp() {
	s.lock.Lock()
	s.closing = true
	s.maybeQuiesced()
	s.lock.Unlock()
	s.drained.Wait()
	s.endLeases()
	s.lock.Lock()
	s.ending = true
	for _, d := range s.allDomains() {
		for m := d.idle.GetM(); m != nil; m = d.idle.GetM() {
			m.dying = true
			m.note.Wake()
		}
	}
	s.lock.Unlock()
	s.sysmonEnd.Store(true)
	s.sysmonNote.Wake()
	s.endSchedTrace()
	s.gov.probe.Load().stop()
	s.endNet()
	s.threads.Wait()
	s.dropGroup()
	s.dropTimers()
	s.dropHeadroom()
	s.stopMu.Lock() // a Snapshot may still be looking
	s.freeAll()
	s.stopMu.Unlock()
	s.gone.Open()
}

// freeAll ends all carriers and drops what takes memory. No M is left.
func (s *Scheduler) freeAll() {
	var all queue.List
	for _, p := range s.ps {
		l := p.cfree.Take(p.cfree.Len())
		all.Append(&l)
	}
	all.Append(&s.carriers.free)
	all.Append(&s.carriers.zombies)
	s.endCarriers(&all)
	if all.Len() > 0 {
		bug("Close: %d carriers are not free", all.Len())
	}
	s.forgetDefault()
}

// maybeQuiesced calls quiesced if every P is idle. The lock is held.
func (s *Scheduler) maybeQuiesced() {
	if s.everyPIdle() {
		s.quiesced()
	}
}

// quiesced is called when every P is idle. If really nothing goes on, the
// scheduler is either done, or its tasks wait for each other for ever. The lock is
// held.
func (s *Scheduler) quiesced() {
	if !s.nothingRuns() {
		return
	}
	s.lockClasses()
	defer s.unlockClasses()
	live := s.live()
	if live > 0 {
		if s.nextTimer() == 0 {
			s.checkDead(live)
		}
		return
	}
	if s.closing && !s.normal.admit.drained {
		for _, c := range s.classesLocked() {
			c.admit.drained = true
		}
		s.timersOver.Store(true) // an M that comes for a timer now has got its P after this
		s.drained.Open()
	}
}

// nothingGoesOn tells whether nothing will happen by itself, given that every P is
// idle. The lock is held.
func (s *Scheduler) nothingGoesOn() bool { return s.nothingRuns() && s.nextTimer() == 0 }

// nothingRuns is nothingGoesOn but for timers. Those that are left when no task lives
// are nobody's sleep, and don't keep a scheduler from ending.
func (s *Scheduler) nothingRuns() bool {
	return s.blocked == 0 && s.overruns.Load() == 0 && !s.stopping && !s.anyWork() && !s.anyPutOff()
}

// anyWork tells whether any queue has a task. Timers are sysmon's business. The lock is
// held.
func (s *Scheduler) anyWork() bool {
	for _, d := range s.domainsLocked() {
		if d.anyWork() {
			return true
		}
	}
	return false
}

// live returns the number of tasks that have not ended. It is exact when every P is
// idle, no task is blocked or overrun, and the classes are locked.
func (s *Scheduler) live() int {
	var n int64
	for _, c := range s.classesLocked() {
		n += int64(c.admit.spawned)
	}
	for _, p := range s.ps {
		n += int64(p.c.spawned - p.c.finished)
	}
	return int(n)
}
