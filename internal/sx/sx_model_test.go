//go:build model

package sx

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/model"
)

// outcomes returns what f has answered in the schedules with at most preemptions, and
// how often.
func outcomes[T comparable](t *testing.T, preemptions int, f func(x *model.Execution) T) map[T]int {
	t.Helper()
	seen := make(map[T]int)
	model.Check(t, model.Config{Preemptions: preemptions}, func(x *model.Execution) { seen[f(x)]++ })
	return seen
}

// TestModelSlot: who reads a slot while it is written gets nothing but zeros.
func TestModelSlot(t *testing.T) {
	seen := outcomes(t, 1, func(x *model.Execution) (got [2]int) {
		var s Slot[[2]int]
		s.Put([2]int{1, 1})
		x.Go("writer", func() { s.Put([2]int{2, 2}) })
		x.Go("reader", func() { got = s.Get() })
		x.Join()
		return got
	})
	if len(seen) != 3 || seen[[2]int{}] == 0 || seen[[2]int{1, 1}] == 0 || seen[[2]int{2, 2}] == 0 {
		t.Errorf("a reader sees %v", seen)
	}
}

// TestModelNote: a wake-up is kept, and a timeout may come before it or not.
func TestModelNote(t *testing.T) {
	seen := outcomes(t, 2, func(x *model.Execution) (woken bool) {
		var n Note
		n.Init()
		x.Go("waker", func() { n.Wake() })
		if woken = n.SleepFor(time.Hour); !woken {
			n.Sleep() // then the wake-up is still to come
		}
		x.Join()
		return woken
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("woken in time or not: %v", seen)
	}
}

// TestModelGate: a wait ends when the gate is opened, or when the channel is closed.
func TestModelGate(t *testing.T) {
	seen := outcomes(t, 2, func(x *model.Execution) (opened bool) {
		var g Gate
		g.Init()
		done := make(chan struct{})
		x.Go("opener", func() { g.Open() })
		x.Go("closer", func() {
			Gosched()
			close(done)
		})
		opened = g.WaitOr(done)
		if opened && !g.IsOpen() {
			x.Failf("the gate is said to be open and isn't")
		}
		g.Wait()
		x.Join()
		return opened
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("opened or not: %v", seen)
	}
}

// TestModelThreads: Go, WaitGroup, Mutex and TryLock.
func TestModelThreads(t *testing.T) {
	seen := outcomes(t, 2, func(x *model.Execution) (tried bool) {
		var wg WaitGroup
		var mu Mutex
		n := 0
		wg.Add(2)
		Go(func() {
			mu.Lock()
			n++
			mu.Unlock()
			wg.Done()
		})
		Go(func() {
			if tried = mu.TryLock(); tried {
				n++
				mu.Unlock()
			}
			wg.Done()
		})
		wg.Wait()
		if (n == 2) != tried {
			x.Failf("TryLock has said %v, and %d got the lock", tried, n)
		}
		return tried
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("TryLock: %v", seen)
	}
}

// TestModelPublished: TryPublish doesn't put over what is there, whoever takes.
func TestModelPublished(t *testing.T) {
	a, b := new(int), new(int)
	seen := outcomes(t, 2, func(x *model.Execution) (published bool) {
		var p PublishedPointer[int]
		p.TryPublish(a)
		x.Go("thief", func() { p.CompareAndSwap(a, nil) })
		if published = p.TryPublish(b); published == (p.Swap(nil) != b) {
			x.Failf("TryPublish says %v", published)
		}
		x.Join()
		return published
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("published: %v", seen)
	}
}

// TestModelWords: the words reckon in an execution as they do outside of one.
func TestModelWords(t *testing.T) {
	run := func() (got [8]uint32) {
		var w Uint32
		w.Store(12)
		var b Bool
		b.Store(true)
		if b.CompareAndSwap(true, false) && !b.Load() {
			got[0] = 1
		}
		got[1], got[2] = w.Add(3), w.And(7)
		got[3], got[4] = w.Or(8), w.Swap(5)
		if !w.CompareAndSwap(6, 7) && w.CompareAndSwap(5, 9) {
			got[5] = w.Load()
		}
		var p Published32
		p.Publish(4)
		got[6] = p.Load()
		return got
	}
	want := [8]uint32{1, 15, 15, 7, 15, 9, 4}
	if got := run(); got != want {
		t.Errorf("outside of an execution: %v, want %v", got, want)
	}
	if seen := outcomes(t, 0, func(*model.Execution) [8]uint32 { return run() }); seen[want] != 1 {
		t.Errorf("in an execution: %v, want %v", seen, want)
	}
}

// TestModelFailures: what is a mistake is a failure, and so is a crash.
func TestModelFailures(t *testing.T) {
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"isn't locked", func() { new(Mutex).Unlock() }},
		{"second time", func() {
			var g Gate
			g.Init()
			g.Open()
			g.Open()
		}},
		{"ouch", func() { Crash(errors.New("ouch")) }},
	} {
		_, failure := model.Explore(model.Config{}, func(*model.Execution) { c.f() })
		if failure == nil || !strings.Contains(failure.Message, c.want) {
			t.Errorf("it should say %q: %+v", c.want, failure)
		}
	}
}
