package runq

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRunReturnsTheError(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	if err := s.Run(context.Background(), func(*Task) error { return io.EOF }); err != io.EOF {
		t.Errorf("Run returns %v, want EOF", err)
	}
	if err := s.Run(context.Background(), func(*Task) error { return nil }); err != nil {
		t.Errorf("Run returns %v, want nil", err)
	}
}

func TestRunWithEndedContext(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(io.EOF)
	err := s.Run(ctx, func(*Task) error { t.Error("the task runs"); return nil })
	if err != io.EOF {
		t.Errorf("Run returns %v, want the cause, EOF", err)
	}
	expired, cancelTimeout := context.WithTimeout(context.Background(), -time.Second)
	defer cancelTimeout()
	if err := s.Run(expired, func(*Task) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run returns %v, want DeadlineExceeded", err)
	}
}

func TestRunWithNilContext(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(nil, func(tk *Task) error {
		if tk.Context() != context.Background() {
			t.Errorf("the context is %v", tk.Context())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A context that ends while the task runs is the task's business.
func TestRunWhoseContextEnds(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Run(ctx, func(tk *Task) error {
		cancel()
		tk.Sleep(time.Hour) // ends with the context
		return tk.Context().Err()
	})
	if err != context.Canceled {
		t.Errorf("Run returns %v, want what the task returned, Canceled", err)
	}
}

// Run doesn't wait for what the task has spawned.
func TestRunWaitsForItsTaskOnly(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	release := make(chan struct{})
	runIn(t, s, func(tk *Task) {
		tk.Go(func(tk *Task) { tk.Block(func() { <-release }) })
	})
	close(release)
}

// Run in a task blocks the thread, which the scheduler gets over.
func TestRunInsideTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Slice: 100 * time.Microsecond})
	var depth func(n int) error
	depth = func(n int) error {
		return s.Run(nil, func(tk *Task) error {
			if n == 0 {
				return io.EOF
			}
			return depth(n - 1)
		})
	}
	if err := awaitClosed(t, "nested calls of Run", async(func() error { return depth(5) })); err != io.EOF {
		t.Errorf("the outermost Run returns %v, want EOF", err)
	}
}

func TestManyGoroutinesSubmit(t *testing.T) {
	const goroutines, tasks = 8, 2000
	s := openScheduler(t, Config{Procs: 2})
	var ran, runs atomic.Int64
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for range tasks {
				s.Go(func(*Task) { ran.Add(1) })
			}
			err := s.Run(nil, func(tk *Task) error { tk.Yield(); runs.Add(int64(i)); return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	closeInTime(t, s)
	if ran.Load() != goroutines*tasks {
		t.Errorf("%d tasks ran, want %d", ran.Load(), goroutines*tasks)
	}
	if want := int64(goroutines * (goroutines - 1) / 2); runs.Load() != want {
		t.Errorf("the runs add up to %d, want %d", runs.Load(), want)
	}
}

// An idle scheduler takes up work again, again and again.
func TestSubmitToIdle(t *testing.T) {
	s := openScheduler(t, Config{Procs: 4})
	for range 200 {
		awaitTrue(t, "every P is idle", func() bool { return s.Stats().Idle == 4 })
		runIn(t, s, func(*Task) {})
	}
}
