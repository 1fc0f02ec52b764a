package runq

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

func TestWaitGroupMisuse(t *testing.T) {
	var wg WaitGroup
	wantPanic(t, func() { wg.Done(nil) }, "runq: WaitGroup.Done: the counter is 0: with -1 more it would be -1")
	wantPanic(t, func() { wg.Go(nil, nil) }, "runq: WaitGroup.Go: the function is nil")
	wg.Add(2)
	wantPanic(t, func() { wg.Add(-3) }, "runq: WaitGroup.Add: the counter is 2")
	wg.state.Or(waitGroupWaited)
	wantPanic(t, func() { wg.Add(-3) }, "runq: WaitGroup.Add: the counter is 2")
	wg.Add(-2)
	if err := wg.Wait(nil); err != nil {
		t.Error(err)
	}
}

func TestWaitGroupContext(t *testing.T) {
	var wg WaitGroup
	wg.Add(1)
	endsWithContext(t, &wg.mu, &wg.queue, wg.Wait)
	wg.Done(nil)
	wg.Wait(nil)
}

// TestWaitGroupGo: Go counts, also for a task that panics.
func TestWaitGroupGo(t *testing.T) {
	var seen panics
	s := openScheduler(t, Config{OnPanic: seen.add})
	var wg WaitGroup
	var ran atomic.Int32
	wg.Go(nil, func(*Task) { ran.Add(1) })
	runTask(t, s, func(tk *Task) {
		wg.Go(tk, func(*Task) { ran.Add(1) })
		wg.Go(tk, func(*Task) { panic("no") })
		wg.Wait(tk)
	})
	closeInTime(t, s) // Done comes before OnPanic
	if n := ran.Load(); n != 2 {
		t.Errorf("%d of 2 have run", n)
	}
	if n := len(seen.get()); n != 1 {
		t.Errorf("%d panics have been seen", n)
	}
}

// TestWaitGroupStress: all who wait go on after the last Done, round after round.
func TestWaitGroupStress(t *testing.T) {
	const rounds, n = 100, 8
	c := newCrowd(t)
	var wg WaitGroup
	for range rounds {
		var done atomic.Int32
		wg.Add(n)
		for i := range n {
			c.start(i, context.Background(), func(tk *Task) {
				done.Add(1)
				wg.Done(tk)
			})
			c.start(i, context.Background(), func(tk *Task) {
				if wg.Wait(tk); done.Load() != n {
					t.Errorf("Wait has returned when %d of %d were done", done.Load(), n)
				}
			})
		}
		c.wait()
	}
}

// TestEventStress: every Set is seen by who waits for it, whoever gives up.
func TestEventStress(t *testing.T) {
	var ping, pong Event
	c := newCrowd(t)
	const rounds = 500
	c.start(0, context.Background(), func(tk *Task) {
		for range rounds {
			ping.Wait(tk)
			ping.Reset()
			pong.Set(tk)
		}
	})
	c.start(3, context.Background(), func(tk *Task) {
		for range rounds {
			ping.Set(tk)
			pong.Wait(tk)
			pong.Reset()
		}
	})
	c.wait()
	var e Event
	c.stress(8, 100, func(tk *Task, r *rand.Rand) {
		switch {
		case tk == nil:
			e.Set(tk)
		case r.IntN(4) == 0:
			e.Reset()
		default:
			if err := e.Wait(tk); err != nil && err != errEnough {
				t.Error(err)
			}
		}
	})
	if n := queued(&e.mu, &e.queue); n != 0 {
		t.Errorf("%d nodes are left", n)
	}
}

func TestEvent(t *testing.T) {
	var e Event
	endsWithContext(t, &e.mu, &e.queue, e.Wait)
	const n = 12
	c := newCrowd(t)
	for i := range n {
		c.start(i, context.Background(), func(tk *Task) {
			if err := e.Wait(tk); err != nil {
				t.Error(err)
			}
		})
	}
	awaitTrue(t, "all wait", func() bool { return queued(&e.mu, &e.queue) == n })
	if e.IsSet() {
		t.Error("it is set")
	}
	e.Set(nil)
	e.Set(nil)
	c.wait()
	if !e.IsSet() || e.Wait(nil) != nil {
		t.Error("it isn't set")
	}
	e.Reset()
	e.Reset()
	if e.IsSet() {
		t.Error("it is set after Reset")
	}
}
