package runq

// Deadlock detection.
//
// When every P is idle, no task is in a blocking call, no timer is set, and all
// tasks that live wait for something that only another task can bring about, none
// will ever run again. Go ends the process then. A library can do better: it
// reports who waits for what, and ends the waits with an error, so that the tasks
// unwind, whoever waits outside gets an answer, and Close can finish.
//
// Waits that an ordinary goroutine may end don't count as hopeless, and one such
// wait is enough not to call it a deadlock. Each P counts the hopeless kind, from
// the beginning of the wait until the task is made ready, so that going idle costs a
// sum over the Ps and no walk over the tasks.

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// DeadlockError says that a set of tasks waited for each other for ever. It is
// given to Config.OnDeadlock and returned by the waits that are ended because of it.
type DeadlockError struct {
	Waits []DeadlockWait // the tasks that waited; at most 100 of them
	Tasks int            // how many there were
}

// DeadlockWait is one task of a deadlock.
type DeadlockWait struct {
	Task  uint64 // its id
	Label string
	Func  string // the function that the task was started with
	What  string // what it waited for
}

// deadlockList bounds the list of waits in a DeadlockError: a report is to be read.
const deadlockList = 100

// deadlockAgain is how long to wait for a submission that is under way.
const deadlockAgain = time.Millisecond

// Error names the tasks, one a line.
func (e *DeadlockError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "runq: deadlock: %d tasks wait for each other", e.Tasks)
	for _, w := range e.Waits {
		fmt.Fprintf(&b, "\n\ttask %d", w.Task)
		if w.Label != "" {
			fmt.Fprintf(&b, " %q", w.Label)
		}
		fmt.Fprintf(&b, " (%s) waits for %s", w.Func, w.What)
	}
	if n := e.Tasks - len(e.Waits); n > 0 {
		fmt.Fprintf(&b, "\n\tand %d more", n)
	}
	return b.String()
}

// hopeless tells whether only a task of the same scheduler can end a wait of t, or nobody.
func (t *Task) hopeless() bool {
	switch t.reason {
	case event.ReasonWaitGroup:
		return t.waitFor.Load().s == t.e.env.s
	case event.ReasonWaitNever, event.ReasonWaitJoin:
		return true
	}
	return false
}

// checkDead looks for a deadlock when nothing goes on. The lock is held, live is the
// number of tasks.
func (s *Scheduler) checkDead(live int) {
	waits := -int(s.out.hopelessWakes.Load())
	for _, p := range s.ps {
		waits += int(p.c.hopelessWaits - p.c.hopelessWakes)
	}
	if waits < live {
		return
	}
	if s.deadlocked {
		s.deadAgain = true
		return
	}
	s.deadlocked = true
	s.threads.Add(1)
	sx.Go(s.breakDeadlock)
}

// breakDeadlock reports a deadlock and ends the waits. It runs on a goroutine of
// its own because the lock is held where deadlocks are found.
func (s *Scheduler) breakDeadlock() {
	defer s.threads.Done()
	defer s.deadlockOver()
	stuck := s.findDeadlock()
	if len(stuck) == 0 {
		return
	}
	e := &DeadlockError{Tasks: len(stuck)}
	for _, w := range stuck[:min(len(stuck), deadlockList)] {
		pk := w.t.peek()
		e.Waits = append(e.Waits, DeadlockWait{Task: pk.id, Label: pk.label, Func: pk.fn, What: w.describe()})
	}
	if s.cfg.OnDeadlock != nil {
		s.cfg.OnDeadlock(e)
	} else {
		fmt.Fprintln(os.Stderr, e)
	}
	// First all waits, or one would be over because who had another one has ended.
	stuck = slices.DeleteFunc(stuck, func(w stuckWait) bool { return !w.abandon(e) })
	for _, w := range stuck {
		s.ready(nil, w.t, event.ReasonWakeDeadlock)
	}
}

// findDeadlock returns the waits of a deadlock, or none if there isn't one after
// all: somebody outside may be about to submit a task, which is counted in its
// group already but can't be seen in the scheduler yet. It is sure when nothing goes
// on, no submission is under way before that is seen nor after, and none has been
// finished in between.
func (s *Scheduler) findDeadlock() []stuckWait {
	for {
		before := s.submitted()
		_, hope := s.stuckWaits()
		if hope == hopeOutside || !s.quiet() {
			return nil
		}
		if hope == hopeNone {
			// What was seen the first time may have been over before it was quiet.
			if stuck, hope := s.stuckWaits(); hope == hopeNone && s.submitted() == before {
				return stuck
			}
		}
		s.clock.Pause(deadlockAgain)
	}
}

// quiet tells whether nothing goes on.
func (s *Scheduler) quiet() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.everyPIdle() && s.nothingGoesOn()
}

// deadlockOver lets deadlocks be looked for again. One that was found meanwhile was
// left to breakDeadlock.
func (s *Scheduler) deadlockOver() {
	s.lock.Lock()
	again := s.deadAgain
	s.deadlocked, s.deadAgain = false, false
	if again {
		s.maybeQuiesced()
	}
	s.lock.Unlock()
}

// stuckWait is a task and what it waits for.
type stuckWait struct {
	t *Task
	g *Group // nil: for what can't happen
}

func (w *stuckWait) describe() string {
	if w.g == nil {
		return "what never happens: a nil Chan, or a Select without a case that can be ready"
	}
	return w.g.describe()
}

// abandon ends the wait with the error, if it isn't over. The task is to be readied then.
func (w *stuckWait) abandon(err error) bool {
	if w.g != nil {
		return w.g.abandon(w.t, err)
	}
	w.t.err = err // nobody else ends such a wait, and it had begun when all was quiet
	return true
}

// peekReason is the reason of a task's wait as an observer may read it.
func (t *Task) peekReason() event.Reason { return event.Reason(sx.PeekUint8((*uint8)(&t.reason))) }

// hope is a reason why tasks that wait for each other aren't lost.
type hope uint8

const (
	hopeNone    hope = iota
	hopeOutside      // somebody outside may start a task
	hopeComing       // somebody outside is just doing it
)

// stuckWaits returns the waits of a deadlock, unless there is hope after all. If
// tasks run on meanwhile, because somebody outside has just submitted one, a wait
// may be over by the time it is used: abandon looks again.
func (s *Scheduler) stuckWaits() (stuck []stuckWait, best hope) {
	s.carriers.each(func(t *Task) {
		if t.peekStatus() != gWaiting {
			return
		}
		switch t.peekReason() {
		case event.ReasonWaitJoin:
			return // for a task that is in a wait itself
		case event.ReasonWaitNever:
			stuck = append(stuck, stuckWait{t, nil})
			return
		}
		g := t.waitFor.Load()
		if g == nil || g.s != s {
			best = max(best, hopeOutside) // it has just been woken, or its wait isn't hopeless
			return
		}
		best = max(best, g.hope())
		stuck = append(stuck, stuckWait{t, g})
	})
	return stuck, best
}
