package runq

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// waitList is the smallest thing that tasks can wait on: a lock and a list.
type waitList struct {
	mu    sync.Mutex
	tasks []*Task
}

// wait parks the task on the list.
func (l *waitList) wait(t *Task) error {
	return t.park(event.ReasonWaitPark, func(t *Task, arg unsafe.Pointer) bool {
		l := (*waitList)(arg)
		l.mu.Lock()
		l.tasks = append(l.tasks, t)
		l.mu.Unlock()
		return true
	}, unsafe.Pointer(l))
}

// take removes and returns a waiting task, or nil.
func (l *waitList) take() *Task {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tasks) == 0 {
		return nil
	}
	t := l.tasks[0]
	l.tasks = l.tasks[1:]
	return t
}

// wakeOne readies a waiting task on behalf of m, nil for a goroutine.
func (l *waitList) wakeOne(s *Scheduler, m *m) bool {
	t := l.take()
	if t == nil {
		return false
	}
	s.ready(m, t, event.ReasonWakeTask)
	return true
}

// signal is what one task waits for and others give; one that comes early is kept.
type signal struct {
	mu    sync.Mutex
	given bool
	task  *Task
}

// wait takes the signal, and parks the task until there is one.
func (sg *signal) wait(t *Task) {
	t.park(event.ReasonWaitPark, func(t *Task, arg unsafe.Pointer) bool {
		sg := (*signal)(arg)
		sg.mu.Lock()
		defer sg.mu.Unlock()
		if sg.given {
			sg.given = false
			return false
		}
		sg.task = t
		return true
	}, unsafe.Pointer(sg))
}

// give gives the signal on behalf of m, nil for a goroutine.
func (sg *signal) give(s *Scheduler, m *m) {
	sg.mu.Lock()
	t := sg.task
	sg.task = nil
	sg.given = t == nil
	sg.mu.Unlock()
	if t != nil {
		s.ready(m, t, event.ReasonWakeTask)
	}
}

// TestParkReady lets tasks wait on one list while tasks and a goroutine wake them:
// each wait must end, once.
func TestParkReady(t *testing.T) {
	const tasks, waits = 20, 300
	s := newTest(t, Config{Procs: 2})
	var l waitList
	var ended, wakes atomic.Int64
	for range tasks {
		s.Go(func(tk *Task) {
			for range waits {
				if err := l.wait(tk); err != nil {
					t.Errorf("the wait gives %v", err)
				}
				ended.Add(1)
			}
		})
	}
	for range 2 {
		s.Go(func(tk *Task) {
			for ended.Load() < tasks*waits {
				if l.wakeOne(s, tk.m) {
					wakes.Add(1)
				}
				tk.Yield()
			}
		})
	}
	stop := always(func() {
		if l.wakeOne(s, nil) {
			wakes.Add(1)
		}
	})
	awaitTrue(t, "all waits end", func() bool { return ended.Load() == tasks*waits })
	stop()
	if wakes.Load() != tasks*waits {
		t.Errorf("%d wakes for %d waits", wakes.Load(), tasks*waits)
	}
}

// TestCommitRefuses checks that a task whose commit finds nothing to wait for goes
// on, locked to a thread or not, and is no waiting task for anybody.
func TestCommitRefuses(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	refuse := func(*Task, unsafe.Pointer) bool { return false }
	runTask(t, s, func(tk *Task) {
		for range 100 {
			tk.park(event.ReasonWaitPark, refuse, nil)
		}
		tk.LockThread()
		for range 10 {
			tk.park(event.ReasonWaitPark, refuse, nil)
		}
		tk.UnlockThread()
	})
	if st := s.Stats(); st.Parks < 110 {
		t.Errorf("%d waits counted, want 110 at least", st.Parks)
	}
}

// TestCommitAfterSwitch is invariant 4: the commit runs when the task has left its
// stack. It readies the task at once; if the stack were still in use, the task
// would be resumed twice at a time.
func TestCommitAfterSwitch(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	for range 8 {
		g.Go(func(tk *Task) error {
			on := 0
			for range 500 {
				on++
				tk.park(event.ReasonWaitPark, func(t *Task, _ unsafe.Pointer) bool {
					s.ready(nil, t, event.ReasonWakeTask) // for any M, the other too
					return true
				}, nil)
				if on--; on != 0 {
					t.Errorf("the task runs twice at a time")
				}
			}
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestYieldOrder checks that tasks on one P that yield take turns.
func TestYieldOrder(t *testing.T) {
	const tasks, turns = min(5, sx.RingCap-1), 40 // all have room in the ring
	s := newTest(t, Config{Procs: 1, Slice: calm})
	var order []int
	var left atomic.Int64
	left.Store(tasks)
	runTask(t, s, func(tk *Task) {
		for i := range tasks {
			tk.Go(func(tk *Task) {
				for range turns {
					order = append(order, i)
					tk.Yield()
				}
				left.Add(-1)
			})
		}
	})
	awaitTrue(t, "all tasks end", func() bool { return left.Load() == 0 })
	for i := tasks; i < len(order); i++ {
		if order[i] != order[i-tasks] {
			t.Fatalf("turn %d is task %d's, %d turns before it was task %d's", i, order[i], tasks, order[i-tasks])
		}
	}
}

// TestYieldAlone checks that Yield returns when nobody else is runnable.
func TestYieldAlone(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	runTask(t, s, func(tk *Task) {
		for range 1000 {
			tk.Yield()
		}
	})
	if n := s.Stats().Yields; n < 1000 {
		t.Errorf("%d yields counted, want 1000", n)
	}
}

// TestYieldWhenAsked checks that a task which sysmon has asked to yield, and which
// does so by Yield and not by Checkpoint, lets others run.
func TestYieldWhenAsked(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: time.Millisecond, MaxOverruns: -1})
	var other atomic.Bool
	runTask(t, s, func(tk *Task) {
		tk.Go(func(*Task) { other.Store(true) })
		for tk.m.p.attn.Load()&attnPreempt == 0 {
			tk.ID()
		}
		for range 3 {
			tk.Yield()
		}
		if !other.Load() {
			t.Error("the task has yielded, and the other one that waits hasn't run")
		}
	})
	awaitTrue(t, "the other task runs", other.Load)
}

// TestHandOffsDontStarve lets two tasks on one P ready each other for ever, through
// the next slot, while a third waits in the ring: when their common slice is over,
// the third must run.
func TestHandOffsDontStarve(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: time.Millisecond})
	var a, b signal
	var third atomic.Bool
	player := func(mine, his *signal) func(tk *Task) {
		return func(tk *Task) {
			for !third.Load() {
				his.give(s, tk.m)
				mine.wait(tk)
			}
			his.give(s, tk.m)
		}
	}
	runTask(t, s, func(tk *Task) {
		tk.Go(player(&a, &b))
		tk.Go(player(&b, &a))
		tk.Yield() // they have begun, and hold the next slot between them
		tk.Go(func(*Task) { third.Store(true) })
	})
	awaitTrue(t, "the third task runs", third.Load)
}

// TestHandOffSharesSlice checks what the test above rests on: a hand-off through the
// next slot looks for a task, but begins no slice.
func TestHandOffSharesSlice(t *testing.T) {
	const handOffs = 100
	s := newTest(t, Config{Procs: 1, Slice: calm})
	var a, b signal
	var done atomic.Bool
	runTask(t, s, func(tk *Task) {
		tk.Go(func(tk *Task) {
			for !done.Load() {
				a.give(s, tk.m)
				b.wait(tk)
			}
		})
		a.wait(tk)
		p := tk.m.p
		tick, slices := p.tick, p.slices
		for range handOffs {
			b.give(s, tk.m)
			a.wait(tk)
		}
		if n := p.tick - tick; n != 2*handOffs {
			t.Errorf("%d tasks picked, want %d", n, 2*handOffs)
		}
		if n := p.slices - slices; n != 0 {
			t.Errorf("%d slices begun by %d hand-offs, want none", n, 2*handOffs)
		}
		done.Store(true)
		b.give(s, tk.m)
	})
}
