package runq

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// taskCalls are the calls that find out that a *Task isn't the caller's. Not ID,
// which only reads, and Checkpoint, which would cost too much.
var taskCalls = map[string]func(t *Task){
	"Go":           func(t *Task) { t.Go(func(*Task) {}) },
	"Yield":        func(t *Task) { t.Yield() },
	"Sleep":        func(t *Task) { t.Sleep(time.Nanosecond) },
	"Block":        func(t *Task) { t.Block(func() {}) },
	"Context":      func(t *Task) { t.Context() },
	"Scheduler":    func(t *Task) { t.Scheduler() },
	"SetLabel":     func(t *Task) { t.SetLabel("x") },
	"Label":        func(t *Task) { t.Label() },
	"LockThread":   func(t *Task) { t.LockThread() },
	"UnlockThread": func(t *Task) { t.UnlockThread() },
}

func TestTaskNil(t *testing.T) {
	for name, call := range taskCalls {
		wantPanic(t, func() { call(nil) }, "runq: Task."+name, "nil")
	}
}

func TestTaskAfterItsEnd(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		var ended *Task
		tk.Go(func(child *Task) { ended = child })
		for ended == nil {
			tk.Yield()
		}
		for name, call := range taskCalls {
			wantPanic(t, func() { call(ended) }, "runq: "+name, "has ended")
		}
		g, _ := NewGroup(nil, s)
		wantPanic(t, func() { g.Wait(ended) }, "Group.Wait", "has ended")
	})
}

func TestTaskOfAnotherWhileItWaits(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		hold, _ := NewGroup(nil, s)
		hold.SetLimit(0)
		hold.Go(func(*Task) error { return nil })
		var waits *Task
		tk.Go(func(child *Task) {
			waits = child
			hold.Wait(child)
		})
		for waits == nil {
			tk.Yield()
		}
		for name, call := range taskCalls {
			wantPanic(t, func() { call(waits) }, "runq: "+name, "waits at the moment")
		}
		hold.SetLimit(-1)
	})
}

func TestTaskInsideItsBlock(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		for name, call := range taskCalls {
			tk.Block(func() {
				wantPanic(t, func() { call(tk) }, "runq: "+name, "is in a blocking call")
			})
		}
		tk.Yield() // it is fit for use again
	})
}

// A mistake that nobody recovers from is the task's panic, with the task's stack.
func TestTaskMisusedIsAPanicOfTheTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(nil, func(tk *Task) error {
		tk.Block(func() { tk.Yield() })
		return nil
	})
	wantPanicError(t, err, "runq: Yield: the task is in a blocking call: the function given to Block must not use it", "TestTaskMisusedIsAPanicOfTheTask")
	runIn(t, s, func(tk *Task) { tk.Yield() })
}

func TestNilFunctions(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, _ := NewGroup(nil, s)
	wantPanic(t, func() { s.Go(nil) }, "Scheduler.Go: the function is nil")
	wantPanic(t, func() { s.Run(nil, nil) }, "Scheduler.Run: the function is nil")
	wantPanic(t, func() { g.Go(nil) }, "Group.Go: the function is nil")
	wantPanic(t, func() { g.TryGo(nil) }, "Group.TryGo: the function is nil")
	runIn(t, s, func(tk *Task) {
		wantPanic(t, func() { tk.Go(nil) }, "Task.Go: the function is nil")
		wantPanic(t, func() { tk.Block(nil) }, "Task.Block: the function is nil")
	})
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	if n := s.Stats().Spawned; n != 1 {
		t.Errorf("%d tasks were spawned, want 1", n)
	}
}

func TestUnlockThreadWithoutLock(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		wantPanic(t, tk.UnlockThread, "isn't locked")
		tk.LockThread()
		tk.LockThread()
		tk.UnlockThread()
		tk.UnlockThread()
		wantPanic(t, tk.UnlockThread, "isn't locked")
	})
}

func TestTaskIDsAreUnique(t *testing.T) {
	const goroutines, tasks, children = 4, 300, 3
	s := openScheduler(t, Config{Procs: 2})
	var mu sync.Mutex
	seen := make(map[uint64]int)
	note := func(tk *Task) {
		mu.Lock()
		seen[tk.ID()]++
		mu.Unlock()
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range tasks {
				s.Go(func(tk *Task) {
					note(tk)
					for range children {
						tk.Go(note)
					}
				})
			}
		})
	}
	wg.Wait()
	closeInTime(t, s)
	if want := goroutines * tasks * (1 + children); len(seen) != want {
		t.Errorf("%d tasks have %d ids", want, len(seen))
	}
	if seen[0] != 0 {
		t.Error("a task has the id 0")
	}
}

func TestTaskIDStays(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	runIn(t, s, func(tk *Task) {
		id := tk.ID()
		tk.Yield()
		tk.Sleep(time.Microsecond)
		tk.Block(func() {})
		if tk.ID() != id {
			t.Errorf("the task had the id %d and has %d", id, tk.ID())
		}
		if tk.Scheduler() != s {
			t.Error("Scheduler returns another one")
		}
	})
}

func TestLabels(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) {
		if tk.Label() != "" {
			t.Errorf("a new task has the label %q", tk.Label())
		}
		tk.SetLabel("first")
		tk.SetLabel("second")
		if tk.Label() != "second" {
			t.Errorf("the label is %q, want second", tk.Label())
		}
		ran := false
		tk.Go(func(child *Task) {
			if child.Label() != "" {
				t.Errorf("a child has its parent's label %q", child.Label())
			}
			child.SetLabel("child")
			ran = true
		})
		for !ran {
			tk.Yield()
		}
		if tk.Label() != "second" {
			t.Errorf("the label is %q after a child set its own", tk.Label())
		}
	})
	// The memory of the labelled tasks is used again; the labels aren't.
	runIn(t, s, func(tk *Task) {
		if tk.Label() != "" {
			t.Errorf("a later task has the label %q", tk.Label())
		}
	})
}

type contextKey struct{}

func TestContextIsInherited(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	ctx := context.WithValue(context.Background(), contextKey{}, "run")
	tell := make(chan [3]any, 1)
	err := s.Run(ctx, func(tk *Task) error {
		own := tk.Context().Value(contextKey{})
		tk.Go(func(child *Task) {
			inherited := child.Context().Value(contextKey{})
			child.Go(func(grandchild *Task) {
				tell <- [3]any{own, inherited, grandchild.Context().Value(contextKey{})}
			})
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := awaitClosed(t, "the grandchild", tell); got != [3]any{"run", "run", "run"} {
		t.Errorf("the task, its child and its grandchild have %v", got)
	}
}

func TestContextOfGroupIsInherited(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, ctx := NewGroup(context.WithValue(context.Background(), contextKey{}, "group"), s)
	tell := make(chan bool, 2)
	g.Go(func(tk *Task) error {
		tell <- tk.Context() == ctx
		tk.Go(func(child *Task) { tell <- child.Context() == ctx })
		return nil
	})
	if err := g.Wait(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !awaitClosed(t, "a context", tell) {
			t.Error("a task or its child has another context than the group")
		}
	}
}

func TestContextOfDetachedTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	tell := make(chan context.Context, 2)
	s.Go(func(tk *Task) {
		tell <- tk.Context()
		tk.Go(func(child *Task) { tell <- child.Context() })
	})
	for range 2 {
		if ctx := awaitClosed(t, "a context", tell); ctx != context.Background() {
			t.Errorf("the context is %v", ctx)
		}
	}
}

// A task that never ends and never checks doesn't keep the others from running.
func TestHogDisturbsNobody(t *testing.T) {
	for name, cfg := range map[string]Config{
		"one P":                  {Procs: 1},
		"two Ps":                 {Procs: 2},
		"two Ps without overrun": {Procs: 2, MaxOverruns: -1},
		"short slice":            {Procs: 1, Slice: 100 * time.Microsecond, Trace: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openScheduler(t, cfg)
			done := make(chan struct{})
			var after atomic.Bool
			s.Go(func(tk *Task) {
				for range 3 {
					tk.Go(func(other *Task) { other.Yield() })
				}
				tk.Go(func(*Task) { close(done) })
				hog(done)
				tk.Yield() // it must have a P for this, its own or another
				after.Store(true)
			})
			closeInTime(t, s)
			if !after.Load() {
				t.Error("the hog didn't go on after its end")
			}
		})
	}
}

// A task that blocks its thread in a system call, without Block, is waited for by
// nobody else: here it waits for a byte that only a task behind it writes.
func TestSystemCallWithoutBlock(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd := int(r.Fd()) // which also makes it block
	s.Go(func(tk *Task) {
		tk.Go(func(*Task) { w.Write([]byte("x")) })
		var b [1]byte
		for {
			n, err := syscall.Read(fd, b[:])
			if err == syscall.EINTR {
				continue
			}
			if n != 1 || err != nil {
				t.Errorf("read %d bytes, error %v", n, err)
			}
			return
		}
	})
	closeInTime(t, s)
}

// The same with many tasks that wait for ordinary Go: more than may overrun.
func TestChannelWaitsWithoutBlock(t *testing.T) {
	const waiters = 20
	s := openScheduler(t, Config{Procs: 1, MaxOverruns: 2, Slice: 100 * time.Microsecond})
	c := make(chan int)
	for range waiters {
		s.Go(func(*Task) { <-c })
	}
	s.Go(func(tk *Task) { close(c) })
	closeInTime(t, s)
}

func TestMillionChildren(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	s := openScheduler(t, Config{Procs: 2})
	var ran atomic.Int64
	s.Go(func(tk *Task) {
		child := func(*Task) { ran.Add(1) }
		for range n {
			tk.Go(child)
		}
	})
	closeInTime(t, s)
	if ran.Load() != int64(n) {
		t.Errorf("%d tasks ran, want %d", ran.Load(), n)
	}
	if st := s.Stats(); st.Spawned != uint64(n)+1 || st.Finished != st.Spawned || st.Live != 0 {
		t.Errorf("spawned %d, finished %d, live %d; want %d, the same, 0", st.Spawned, st.Finished, st.Live, n+1)
	}
}

// A task may wait in deferred calls too, whatever made them run.
func TestWaitsInDeferredCalls(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, OnPanic: func(*PanicError) {}})
	for name, end := range map[string]func(){
		"return": func() {},
		"panic":  func() { panic("over") },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			s.Go(func(tk *Task) {
				defer close(done)
				defer func() {
					tk.Yield()
					tk.Sleep(time.Microsecond)
					tk.Block(func() {})
					g, _ := NewGroup(nil, s)
					g.Go(func(inner *Task) error { inner.Yield(); return nil })
					g.Wait(tk)
				}()
				end()
			})
			awaitClosed(t, "the task's deferred calls", done)
		})
	}
}
