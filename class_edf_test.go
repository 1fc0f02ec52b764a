package runq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// day is the deadline of classes in these tests: that of a context is earlier.
const day = 24 * time.Hour

// newDue returns a scheduler with one P, on which nothing happens by time alone, and a
// class of it that goes by deadlines.
func newDue(t *testing.T) (*Scheduler, *Class) {
	t.Helper()
	s := newTestIn(t, Config{Procs: 1}, surroundings{clock: newFakeClock(), seed: 1, noSysmon: true})
	c, err := s.Class("due", ClassConfig{Deadline: day})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// order collects what tasks say in the order in which they do.
type order struct {
	mu   sync.Mutex
	said []string
}

func (o *order) say(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, what)
}

func (o *order) want(t *testing.T, want ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.said, want) {
		t.Errorf("it went in the order\n%q, want\n%q", o.said, want)
	}
}

// runDue lets fn run in the class with a deadline in so many hours, and returns when it is
// queued.
func runDue(t *testing.T, c *Class, hours int, fn func(tk *Task)) {
	t.Helper()
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Duration(hours)*time.Hour))
	t.Cleanup(cancel)
	queued := c.queued()
	go func() {
		if err := c.Run(ctx, func(tk *Task) error { fn(tk); return nil }); err != nil {
			t.Error(err)
		}
	}()
	awaitTrue(t, "the task is queued", func() bool { return c.queued() == queued+1 })
}

// awaitNone returns when no task lives.
func awaitNone(t *testing.T, s *Scheduler) {
	t.Helper()
	awaitTrue(t, "all have ended", func() bool { return s.Stats().Live == 0 })
}

// TestDeadlineOrder: tasks run in order of their contexts' deadlines; those whose contexts
// have none, or too late a one, in order of arrival when the class's time is over.
func TestDeadlineOrder(t *testing.T) {
	s, c := newDue(t)
	release := hold(t, s)
	var o order
	say := func(what string) func(*Task) { return func(*Task) { o.say(what) } }
	c.Go(say("a day"))
	c.Go(say("a day, second"))
	for _, h := range rand.Perm(15) {
		runDue(t, c, h+1, say(fmt.Sprint(h+1)))
	}
	runDue(t, c, 30, say("a day, third"))
	release()
	awaitNone(t, s)
	var want []string
	for h := range 15 {
		want = append(want, fmt.Sprint(h+1))
	}
	o.want(t, append(want, "a day", "a day, second", "a day, third")...)
}

// TestDeadlineYield: who yields comes before those whose deadlines are later, but after one
// of them.
func TestDeadlineYield(t *testing.T) {
	s, c := newDue(t)
	release := hold(t, s)
	var o order
	runDue(t, c, 2, func(*Task) { o.say("2") })
	runDue(t, c, 3, func(*Task) { o.say("3") })
	runDue(t, c, 1, func(tk *Task) {
		o.say("1")
		tk.Yield()
		o.say("1 again")
		tk.Yield()
		o.say("1 at last")
	})
	release()
	awaitNone(t, s)
	o.want(t, "1", "2", "1 again", "3", "1 at last")
}

// TestDeadlineReady: who is woken, and who is spawned, runs in order of deadline, too, and
// not at once.
func TestDeadlineReady(t *testing.T) {
	s, c := newDue(t)
	release := hold(t, s)
	var o order
	var p permit
	runDue(t, c, 1, func(tk *Task) {
		o.say("1 waits")
		p.take(tk)
		o.say("1 is woken")
	})
	runDue(t, c, 2, func(tk *Task) {
		tk.Go(func(*Task) { o.say("2's child") })
		p.give(tk.m)
		o.say("2 goes on")
	})
	runDue(t, c, 3, func(*Task) { o.say("3") })
	release()
	awaitNone(t, s)
	o.want(t, "1 waits", "2 goes on", "1 is woken", "2's child", "3")
}

// TestDeadlineForks: forks of a task have its deadline.
func TestDeadlineForks(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	c, err := s.Class("due", ClassConfig{Deadline: day})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	err = c.Run(ctx, func(tk *Task) error {
		due := tk.e.env.due
		if due == 0 {
			t.Error("the task has no deadline")
		}
		var begun atomic.Int32
		meet := func(tk *Task, _ int) int64 { // on both Ps, so that one is promoted
			for begun.Add(1); begun.Load() < 2; {
				runtime.Gosched()
			}
			return tk.e.env.due
		}
		f := Fork(tk, meet, 0)
		meet(tk, 0)
		if got := f.Join(tk); got != due {
			t.Errorf("the fork is due at %d, want %d", got, due)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDeadlineSlice: who runs isn't interrupted before its slice is over, and then goes
// behind those that are due earlier than it would be if it came now.
func TestDeadlineSlice(t *testing.T) {
	l := newLockstep(t, Config{Procs: 1}, time.Hour)
	w := l.newClass("due", ClassConfig{Deadline: day})
	release := l.hold()
	var o order
	for i, d := range []time.Duration{9 * time.Millisecond, 15 * time.Millisecond, 9 * time.Millisecond} {
		w.c.Go(func(tk *Task) {
			o.say(fmt.Sprint(i, " begins"))
			w.compute(tk, d, true, &w.had)
			o.say(fmt.Sprint(i, " ends"))
		})
	}
	release()
	awaitNone(t, l.s)
	o.want(t, "0 begins", "0 ends", "1 begins", "2 begins", "2 ends", "1 ends")
}

// TestClassSnapshotDue: a snapshot has the tasks of classes with deadlines, too.
func TestClassSnapshotDue(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	due, err := s.Class("due", ClassConfig{Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s.stopTheWorld()
	for range 2 {
		due.Go(func(*Task) {})
	}
	snap := s.snapshot(true)
	s.startTheWorld()
	if len(snap.Tasks) != 2 || snap.Global != 2 {
		t.Errorf("%d tasks, %d queued, want 2", len(snap.Tasks), snap.Global)
	}
}
