package linear

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/runq-go/runq"
)

// lateWaiters are so many that ending their waits takes longer than it takes another
// thread to see why they end, and to end a context.
const lateWaiters = 5000

// TestLateContext: a context that ends after the event has been seen set, or the counter
// at zero, ends no wait. Histories would show that too, but hardly ever: they have few
// waiters.
func TestLateContext(t *testing.T) {
	t.Run("Event", func(t *testing.T) {
		var e runq.Event
		testLateContext(t, e.Wait, func() { e.Set(nil) }, func() {
			for !e.IsSet() {
			}
		})
	})
	t.Run("WaitGroup", func(t *testing.T) {
		var wg runq.WaitGroup
		wg.Add(1)
		s, err := runq.New(runq.Config{Procs: 1})
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		defer s.Close()
		testLateContext(t, wg.Wait, func() { wg.Done(nil) }, func() {
			ended, end := context.WithCancel(context.Background())
			s.Run(ended, func(t *runq.Task) error {
				end()
				for wg.Wait(t) != nil { // the context has ended: it is nil only when the counter is zero
				}
				return nil
			})
		})
	})
}

// testLateContext ends the context of the last of many waits when see, which returns when
// end is seen to have been called, has returned.
func testLateContext(t *testing.T, wait func(*runq.Task) error, end, see func()) {
	s, err := runq.New(runq.Config{Procs: 2})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	defer s.Close()
	early, cancelEarly := context.WithCancel(context.Background()) // so that all waits may be ended by a context
	defer cancelEarly()
	last, cancelLast := context.WithCancelCause(context.Background())
	defer cancelLast(nil)
	var all sync.WaitGroup
	waiting := uint64(0)
	start := func(ctx context.Context, n int) {
		for range n {
			all.Go(func() {
				if err := s.Run(ctx, wait); err != nil {
					t.Errorf("Wait: %v", err)
				}
			})
		}
		waiting += uint64(n)
		for st := s.Stats(); st.Parks-st.Wakes < waiting; st = s.Stats() {
			runtime.Gosched()
		}
	}
	start(early, lateWaiters)
	start(last, 1)
	all.Go(func() {
		see()
		cancelLast(errors.New("ended after it was seen"))
	})
	end()
	all.Wait()
}
