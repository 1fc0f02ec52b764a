package runq

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestUseAfterClose(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, Trace: true})
	g, ctx := NewGroup(nil, s)
	runIn(t, s, func(tk *Task) { tk.Yield() })
	closeInTime(t, s)
	never := func(*Task) error { t.Error("a task runs after Close"); return nil }

	wantPanic(t, func() { s.Go(func(tk *Task) { never(tk) }) }, "runq: Scheduler.Go: the scheduler is closed")
	if err := s.Run(context.Background(), never); err != ErrClosed {
		t.Errorf("Run returns %v, want ErrClosed", err)
	}
	if err := s.SetProcs(1); err != ErrClosed {
		t.Errorf("SetProcs returns %v, want ErrClosed", err)
	}
	g.Go(never)
	g.TryGo(never)
	if err := g.Wait(nil); err != ErrClosed || context.Cause(ctx) != ErrClosed {
		t.Errorf("Wait returns %v, the cause is %v; want ErrClosed", err, context.Cause(ctx))
	}
	if st := s.Stats(); st.Live != 0 || st.Threads != 0 || st.Finished != 1 {
		t.Errorf("live %d, threads %d, finished %d; want 0, 0, 1", st.Live, st.Threads, st.Finished)
	}
	if snap := s.Snapshot(); len(snap.Tasks) != 0 || len(snap.Threads) != 0 {
		t.Errorf("there are %d tasks and %d threads", len(snap.Tasks), len(snap.Threads))
	}
	s.SnapshotCheap()
	if events, _ := s.ReadEvents(); len(events) == 0 {
		t.Error("the events are gone")
	}
	if s.Procs() != 2 {
		t.Errorf("%d Ps, want 2", s.Procs())
	}
}

func TestGroupQueueAfterClose(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	g, _ := NewGroup(nil, s)
	g.SetLimit(0)
	for range 1000 {
		g.Go(func(*Task) error { return errors.New("a task runs after Close") })
	}
	closeInTime(t, s)
	g.SetLimit(3)
	if err := g.Wait(nil); err != ErrClosed {
		t.Errorf("Wait returns %v, want ErrClosed", err)
	}
}

func TestCloseTwice(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	s.Go(func(tk *Task) { tk.Sleep(time.Microsecond) })
	for range 3 {
		if err := s.Close(); err != nil {
			t.Errorf("Close returns %v", err)
		}
	}
}

func TestCloseOfUnused(t *testing.T) {
	for range 20 {
		openScheduler(t, Config{Procs: 4}).Close()
	}
}

func TestCloseConcurrently(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	var ended atomic.Int32
	release := make(chan struct{})
	for range 10 {
		s.Go(func(tk *Task) {
			tk.Block(func() { <-release })
			ended.Add(1)
		})
	}
	var closers []<-chan error
	for range 5 {
		closers = append(closers, async(func() error {
			err := s.Close()
			if n := ended.Load(); n != 10 {
				t.Errorf("Close returned when %d of 10 tasks had ended", n)
			}
			return err
		}))
	}
	awaitTrue(t, "the scheduler is closed for new tasks", func() bool {
		return s.Run(nil, func(*Task) error { return nil }) == ErrClosed
	})
	close(release)
	for _, c := range closers {
		if err := awaitClosed(t, "a Close", c); err != nil {
			t.Errorf("Close returns %v", err)
		}
	}
}

// A task spawned during Close, by a task or by its group, runs; and so do those
// that it spawns.
func TestSpawnDuringClose(t *testing.T) {
	const chain = 300
	s := openScheduler(t, Config{Procs: 2})
	var ran, grouped atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	var next func(tk *Task)
	next = func(tk *Task) {
		if ran.Add(1) == chain {
			return
		}
		g, _ := NewGroup(tk.Context(), s)
		g.Go(func(tk *Task) error { tk.Yield(); grouped.Add(1); return nil })
		if err := g.Wait(tk); err != nil {
			t.Errorf("Wait returns %v during Close", err)
		}
		tk.Go(next)
	}
	s.Go(func(tk *Task) {
		close(started)
		tk.Block(func() { <-release })
		next(tk)
	})
	awaitClosed(t, "the first task", started)
	closed := async(s.Close)
	awaitTrue(t, "the scheduler is closed for new tasks", func() bool {
		return s.Run(nil, func(*Task) error { return nil }) == ErrClosed
	})
	close(release)
	if err := awaitClosed(t, "Close", closed); err != nil {
		t.Error(err)
	}
	if ran.Load() != chain || grouped.Load() != chain-1 {
		t.Errorf("%d tasks and %d of groups ran, want %d and %d", ran.Load(), grouped.Load(), chain, chain-1)
	}
}

// What Go and Run accept, runs; what comes too late is refused. Nothing between.
func TestSubmitWhileClosing(t *testing.T) {
	for range 5 {
		s := openScheduler(t, Config{Procs: 2})
		var accepted, ran atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for submitUntilClosed(s, i, &ran) {
					accepted.Add(1)
				}
			})
		}
		awaitTrue(t, "some tasks ran", func() bool { return ran.Load() > 100 })
		closeInTime(t, s)
		wg.Wait()
		if ran.Load() != accepted.Load() {
			t.Fatalf("%d tasks were accepted, %d ran", accepted.Load(), ran.Load())
		}
	}
}

// submitUntilClosed submits a task in the i-th way and tells whether it was accepted.
func submitUntilClosed(s *Scheduler, i int, ran *atomic.Int64) (accepted bool) {
	if i%2 == 0 {
		return s.Run(nil, func(*Task) error { ran.Add(1); return nil }) == nil
	}
	defer func() { accepted = recover() == nil }()
	s.Go(func(*Task) { ran.Add(1) })
	return true
}

func TestShutdownThenClose(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	release := make(chan struct{})
	s.Go(func(tk *Task) { tk.Block(func() { <-release }) })
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(io.EOF)
	if err := s.Shutdown(ended); err != io.EOF {
		t.Errorf("Shutdown returns %v, want the context's cause, EOF", err)
	}
	if err := s.Run(nil, func(*Task) error { return nil }); err != ErrClosed {
		t.Errorf("Run returns %v after a Shutdown that gave up, want ErrClosed", err)
	}
	closed := async(s.Close)
	close(release)
	if err := awaitClosed(t, "Close after Shutdown", closed); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(ended); err != nil {
		t.Errorf("Shutdown of a closed scheduler returns %v", err)
	}
}

// Close waits for tasks in all kinds of states.
func TestCloseWaitsForEveryState(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Slice: 100 * time.Microsecond})
	done := make(chan struct{})
	var ended atomic.Int32
	end := func() { ended.Add(1) }
	s.Go(func(tk *Task) { defer end(); tk.Sleep(5 * time.Millisecond) })
	s.Go(func(tk *Task) { defer end(); tk.Block(func() { <-done }) })
	s.Go(func(tk *Task) { defer end(); hog(done) })
	s.Go(func(tk *Task) { defer end(); <-done })
	s.Go(func(tk *Task) { defer end(); tk.LockThread(); tk.Sleep(time.Millisecond) })
	s.Go(func(tk *Task) { defer end(); tk.Yield(); runtime.Goexit() })
	s.Go(func(tk *Task) {
		defer end()
		g, _ := NewGroup(nil, s)
		g.Go(func(tk *Task) error { tk.Block(func() { <-done }); return nil })
		g.Wait(tk)
	})
	closed := async(s.Close)
	close(done)
	awaitClosed(t, "Close", closed)
	if ended.Load() != 7 {
		t.Errorf("Close returned when %d of 7 tasks had ended", ended.Load())
	}
}

func TestCloseByOwnTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	other := openScheduler(t, Config{Procs: 1})
	var deep func(n int, f func())
	deep = func(n int, f func()) {
		if n == 0 {
			f()
			return
		}
		deep(n-1, f)
	}
	try := func(tk *Task) {
		says := []string{"runq: Scheduler.", "called by a task of the same scheduler"}
		wantPanic(t, func() { s.Close() }, says...)
		wantPanic(t, func() { s.Shutdown(context.Background()) }, says...)
		wantPanic(t, func() { deep(300, func() { s.Close() }) }, says...)
		tk.Yield()
		wantPanic(t, func() { tk.Block(func() { s.Close() }) }, says...)
		tk.Block(func() { other.Close() }) // another scheduler may be closed
	}
	runIn(t, s, try)
	done := make(chan struct{})
	s.Go(func(tk *Task) { defer close(done); try(tk) })
	awaitClosed(t, "a detached task", done)
	runIn(t, s, func(tk *Task) { tk.Yield() }) // it wasn't closed by that
}

func TestDefaultStartsAfreshAfterClose(t *testing.T) {
	first := Default()
	if Default() != first {
		t.Error("Default returns two schedulers")
	}
	closeInTime(t, first)
	second := Default()
	if second == first {
		t.Fatal("Default returns a closed scheduler")
	}
	// Left open, its goroutines would come and go while the next test counts its own.
	defer closeInTime(t, second)
	runIn(t, second, func(tk *Task) { tk.Yield() })
	closeInTime(t, first) // once more; it must not touch the new one
	if Default() != second {
		t.Error("closing the old default again has replaced the new one")
	}
}

func TestConcurrentUseOfDefault(t *testing.T) {
	closeInTime(t, Default())
	defer func() { closeInTime(t, Default()) }()
	var wg sync.WaitGroup
	var ran atomic.Int32
	for range 10 {
		wg.Go(func() {
			if err := Default().Run(nil, func(*Task) error { ran.Add(1); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 10 {
		t.Errorf("%d tasks ran, want 10", ran.Load())
	}
}
