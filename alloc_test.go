package runq

import (
	"testing"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// permit is the smallest thing that two tasks can wait for each other with: one
// takes it, another gives it. It tests parking without the weight of a Group, and
// without a short cut: taking always parks.
type permit struct {
	state sx.Uint32
	t     *Task // who waits; written by its commit, before the state says so
}

const (
	permitEmpty = iota
	permitGiven
	permitWaiting
)

// take waits for the permit.
func (p *permit) take(t *Task) { t.park(event.ReasonWaitPark, commitPermit, unsafe.Pointer(p)) }

// commitPermit publishes the wait, unless the permit has come meanwhile.
func commitPermit(t *Task, arg unsafe.Pointer) bool {
	p := (*permit)(arg)
	p.t = t
	if p.state.CompareAndSwap(permitEmpty, permitWaiting) {
		return true
	}
	p.state.Store(permitEmpty) // only this task takes
	return false
}

// give ends the wait of the task that takes, or lets its next take return at once.
func (p *permit) give(m *m) {
	if p.state.Load() == permitEmpty && p.state.CompareAndSwap(permitEmpty, permitGiven) {
		return
	}
	if p.state.CompareAndSwap(permitWaiting, permitEmpty) {
		m.s.ready(m, p.t, event.ReasonWakeTask)
	}
}

func nothing(*Task) {}

// In the steady state the engine allocates nothing.
func TestNoAllocations(t *testing.T) {
	const warmUp, runs = 2000, 5000
	s := openScheduler(t, Config{Procs: 1})
	release := false
	runIn(t, s, func(tk *Task) {
		var ping, pong permit
		tk.Go(func(tk *Task) {
			for ping.take(tk); !release; ping.take(tk) {
				pong.give(tk.m)
			}
			pong.give(tk.m)
		})
		tk.Go(func(tk *Task) { // for Yield to have somebody to yield to
			for !release {
				tk.Yield()
			}
		})
		for _, tt := range []struct {
			name string
			f    func()
		}{
			{"Go", func() { tk.Go(nothing); tk.Yield() }},
			{"Yield", tk.Yield},
			{"Block", func() { tk.Block(func() {}) }},
			{"Checkpoint", tk.Checkpoint},
			{"asked Checkpoint", func() { tk.preempt.Store(asked); tk.Checkpoint() }},
			{"park and ready", func() { ping.give(tk.m); pong.take(tk) }},
		} {
			for range warmUp {
				tt.f()
			}
			if n := testing.AllocsPerRun(runs, tt.f); n != 0 {
				t.Errorf("%s allocates %v times", tt.name, n)
			}
		}
		release = true
		ping.give(tk.m)
		pong.take(tk)
	})
}

// A sleep without a context that can end, and the submission of a task by an
// ordinary goroutine, allocate nothing either.
func TestNoAllocationsOutside(t *testing.T) {
	const warmUp, runs = 500, 500
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		sleep := func() { tk.Sleep(1) }
		for range warmUp {
			sleep()
		}
		if n := testing.AllocsPerRun(runs, sleep); n != 0 {
			t.Errorf("Sleep allocates %v times", n)
		}
	})
	done := make(chan struct{})
	tell := func(*Task) { done <- struct{}{} }
	submit := func() { s.Go(tell); <-done }
	for range warmUp {
		submit()
	}
	if n := testing.AllocsPerRun(runs, submit); n != 0 {
		t.Errorf("Scheduler.Go allocates %v times", n)
	}
}
