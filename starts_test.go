package runq

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestStartsPutOff: no more tasks of a background class wait than it may have threads for;
// the others begin when those go on, and whatever they do themselves.
func TestStartsPutOff(t *testing.T) {
	const most, procs, all = 3, 2, 60
	s := newBackground(t, Config{Procs: procs})
	for _, tt := range []struct {
		name     string
		deadline time.Duration
	}{{"in order of arrival", 0}, {"in order of deadline", time.Second}} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := s.Class(tt.name, ClassConfig{Background: true, MaxBlocked: most, Deadline: tt.deadline})
			if err != nil {
				t.Fatal(err)
			}
			var gate Event
			var begun, ended atomic.Int32
			for i := range all {
				c.Go(func(tk *Task) {
					begun.Add(1)
					if i%3 != 2 { // the others never wait
						if err := gate.Wait(tk); err != nil {
							t.Error(err)
						}
						tk.Yield()
					}
					ended.Add(1)
				})
			}
			awaitTrue(t, "as many wait as may", func() bool {
				c.starts.mu.Lock()
				defer c.starts.mu.Unlock()
				return c.starts.waiting >= most && c.starts.count() > 0 && c.queued() == 0
			})
			// Beside those that waited when it was looked, each P may have begun one more; and
			// with time, some are begun beyond that.
			if n := begun.Load() - ended.Load(); n > all/2 {
				t.Errorf("%d of %d tasks have begun and wait; %d may, and one for each of %d Ps", n, all, most, procs)
			}
			gate.Set(nil)
			awaitTrue(t, "all have ended", func() bool { return ended.Load() == all })
			if n := c.starts.count(); n != 0 {
				t.Errorf("%d are put off still", n)
			}
		})
	}
}

// TestStopsBeginNothing: a stop of the world interrupts background tasks that compute, and
// they go on before others begin.
func TestStopsBeginNothing(t *testing.T) {
	for name, deadline := range map[string]time.Duration{"in order of arrival": 0, "in order of deadline": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			const procs = 2
			s := newBackground(t, Config{Procs: procs, Slice: calm}) // so that no slice ends
			c, err := s.Class("c", ClassConfig{Background: true, Deadline: deadline})
			if err != nil {
				t.Fatal(err)
			}
			var begun atomic.Int32
			var stop atomic.Bool
			for range 50 {
				c.Go(func(tk *Task) {
					begun.Add(1)
					for !stop.Load() {
						tk.Checkpoint()
					}
				})
			}
			awaitTrue(t, "the first ones run", func() bool { return begun.Load() >= procs })
			before := begun.Load()
			for range 20 {
				s.Snapshot()
			}
			// One look for work of 61 goes to the class's queue first, and a stop may come just
			// when a task that has gone first is being handed its P.
			if n := begun.Load() - before; n > 4 {
				t.Errorf("in 20 stops %d tasks have begun", n)
			}
			stop.Store(true)
		})
	}
}

// TestBlockTakesTurns: of a class only as many tasks as it may are in a blocking call at
// once; the others wait without a P, and all have their turn.
func TestBlockTakesTurns(t *testing.T) {
	const most, all = 2, 20
	s := newTest(t, Config{Procs: 2})
	c, err := s.Class("calls", ClassConfig{MaxBlocked: most})
	if err != nil {
		t.Fatal(err)
	}
	call := make(chan struct{})
	var inside, done atomic.Int32
	for range all {
		c.Go(func(tk *Task) {
			tk.Block(func() {
				if n := inside.Add(1); n > most {
					t.Errorf("%d are in a call", n)
				}
				<-call
				inside.Add(-1)
			})
			done.Add(1)
		})
	}
	awaitTrue(t, "as many are in a call as may", func() bool { return inside.Load() == most })
	for range 10 {
		runTask(t, s, func(*Task) {}) // and others have the Ps
	}
	for range all {
		call <- struct{}{}
	}
	awaitTrue(t, "all have had their turn", func() bool { return done.Load() == all })
}

// TestBlockTurnPanics: a call that panics gives its turn to the next.
func TestBlockTurnPanics(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	c, err := s.Class("calls", ClassConfig{MaxBlocked: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runClass(t, c, func(tk *Task) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tk.Block(func() { panic("out") })
		})
	}
}

// TestStartsBeside: a task whose child is put off doesn't wait for ever, beside another class
// that keeps the Ps busy, or beside a task of its own class that does.
func TestStartsBeside(t *testing.T) {
	for name, same := range map[string]bool{"another class": false, "its own class": true} {
		t.Run(name, func(t *testing.T) {
			s := newBackground(t, Config{Procs: 1})
			c, err := s.Class("nested", ClassConfig{Background: true, MaxBlocked: 1})
			if err != nil {
				t.Fatal(err)
			}
			var stop atomic.Bool
			hogs := s.Background()
			if same {
				hogs = c
			}
			for range 2 {
				hogs.Go(func(tk *Task) {
					for !stop.Load() {
						tk.Checkpoint()
					}
				})
			}
			done := async(func() error {
				return c.Run(nil, func(tk *Task) error {
					g, _ := NewGroup(tk.Context(), s)
					g.Go(func(*Task) error { return nil })
					return g.Wait(tk)
				})
			})
			if err := awaitClosed(t, "the child has begun", done); err != nil {
				t.Error(err)
			}
			stop.Store(true)
		})
	}
}

// TestStartsReturning: tasks that come back from a call, or from a wait in ordinary Go, and
// find no P count as waiting, too: others don't begin before them without bound.
func TestStartsReturning(t *testing.T) {
	const most, all = 5, 200
	for name, wait := range map[string]func(tk *Task){
		"call": func(tk *Task) { tk.Block(func() { time.Sleep(time.Millisecond) }) },
		"wait": func(tk *Task) { time.Sleep(time.Millisecond); tk.Yield() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newBackground(t, Config{Procs: 2, MaxBlocked: most})
			var live, peak, ended atomic.Int32
			for range all {
				s.Background().Go(func(tk *Task) {
					n := live.Add(1)
					for m := peak.Load(); n > m && !peak.CompareAndSwap(m, n); m = peak.Load() {
					}
					wait(tk)
					live.Add(-1)
					ended.Add(1)
				})
			}
			awaitTrue(t, "all have ended", func() bool { return ended.Load() == all })
			if n := peak.Load(); n > all/2 {
				t.Errorf("%d of %d tasks had begun at once; %d may wait", n, all, most)
			}
		})
	}
}

// TestOverrunsCounted: what stops of the world have taken from tasks that don't answer, and
// given back, is no overrun of the domain any more.
func TestOverrunsCounted(t *testing.T) {
	s := newTest(t, Config{Procs: 1, MaxOverruns: 1, MaxBlocked: 2})
	var stop, runs atomic.Bool
	s.Go(func(*Task) {
		runs.Store(true)
		for !stop.Load() {
		}
	})
	awaitTrue(t, "it runs", runs.Load)
	for range 3 {
		s.Snapshot()
	}
	s.lock.Lock()
	if n := s.fore.overruns; n != len(s.unseated) {
		t.Errorf("the domain counts %d overruns; %d Ps are unseated", n, len(s.unseated))
	}
	s.lock.Unlock()
	stop.Store(true)
}
