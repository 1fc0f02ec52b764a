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
// wait is enough not to call it a deadlock. Each P counts the hopeless kind, so
// that going idle costs a sum over the Ps and no walk over the tasks.

import (
	"fmt"
	"os"
	"strings"

	"github.com/runq-go/runq/event"
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

// hopeless tells whether only a task of the same scheduler can end a wait of t.
func (t *Task) hopeless() bool {
	return t.reason == event.ReasonWaitGroup && t.waitFor.s == t.e.env.s
}

// checkDead looks for a deadlock when nothing goes on. The lock is held, live is the
// number of tasks.
func (s *Scheduler) checkDead(live int) {
	waits := 0
	for _, p := range s.ps {
		waits += int(p.c.hopelessWaits - p.c.hopelessWakes)
	}
	if waits < live || s.deadlocked {
		return
	}
	s.deadlocked = true
	s.threads.Add(1)
	go s.breakDeadlock()
}

// breakDeadlock reports a deadlock and ends the waits. It runs on a goroutine of
// its own because the lock is held where deadlocks are found.
func (s *Scheduler) breakDeadlock() {
	defer s.threads.Done()
	e := new(DeadlockError)
	var stuck []*Task
	s.carriers.each(func(t *Task) {
		if t.peekStatus() == gWaiting && t.hopeless() {
			stuck = append(stuck, t)
		}
	})
	e.Tasks = len(stuck)
	for _, t := range stuck[:min(len(stuck), deadlockList)] {
		e.Waits = append(e.Waits, DeadlockWait{Task: t.id, Label: text(t.label), Func: funcName(t.e.fn, t.e.efn), What: t.waitFor.describe()})
	}
	if s.cfg.OnDeadlock != nil {
		s.cfg.OnDeadlock(e)
	} else {
		fmt.Fprintln(os.Stderr, e)
	}
	for _, t := range stuck {
		t.waitFor.abandon(t, e)
	}
	s.idle.Lock()
	s.deadlocked = false
	s.maybeQuiesced() // what was found meanwhile was left to us
	s.idle.Unlock()
}
