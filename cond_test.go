package runq

import (
	"context"
	"math/rand/v2"
	"testing"
)

func TestCondMisuse(t *testing.T) {
	wantPanic(t, func() { new(Cond).Wait(nil) }, "runq: Cond.Wait: the field L is nil")
	s := newTest(t, Config{})
	runTask(t, s, func(tk *Task) {
		c := NewCond(new(Mutex))
		wantPanic(t, func() { c.Wait(tk) }, "runq: Mutex.Unlock: the mutex isn't locked")
		wantPanic(t, func() { c.Wait(nil) }, "runq: Mutex.Unlock: the mutex isn't locked")
		if c.queue.first != nil {
			t.Error("a node is left")
		}
		c.Signal(tk)
		c.Broadcast(tk)
	})
}

func TestCondContext(t *testing.T) {
	var m Mutex
	c := NewCond(&m)
	endsWithContext(t, &c.mu, &c.queue, func(tk *Task) error {
		m.Lock(tk)
		defer m.Unlock(tk) // panics unless Wait has locked it again
		return c.Wait(tk)
	})
}

// TestCondOrder: Signal wakes those who wait in their order, one at a time.
func TestCondOrder(t *testing.T) {
	var m Mutex
	c := NewCond(&m)
	inOrder(t, &c.mu, &c.queue, func(tk *Task) {
		m.Lock(tk)
		c.Wait(tk)
		m.Unlock(tk)
	}, func() { c.Signal(nil) })
}

func TestCondBroadcast(t *testing.T) {
	const n = 12
	var rw RWMutex
	c := NewCond(rw.RLocker())
	open := false
	crowd := newCrowd(t)
	for i := range n {
		crowd.start(i, context.Background(), func(tk *Task) {
			rw.RLock(tk)
			for !open {
				c.Wait(tk)
			}
			rw.RUnlock(tk)
		})
	}
	awaitTrue(t, "all wait", func() bool { return queued(&c.mu, &c.queue) == n })
	rw.Lock(nil)
	open = true
	rw.Unlock(nil)
	c.Broadcast(nil)
	crowd.wait()
}

// TestCondStress: what is produced is consumed, though those who wait give up at any
// moment.
func TestCondStress(t *testing.T) {
	var m Mutex
	c := NewCond(&m)
	items, produced, consumed := 0, 0, 0
	crowd := newCrowd(t)
	crowd.stress(8, 200, func(tk *Task, r *rand.Rand) {
		m.Lock(tk)
		defer m.Unlock(tk)
		if tk == nil || r.IntN(2) == 0 {
			items++
			produced++
			c.Signal(tk)
			return
		}
		for items == 0 {
			if err := c.Wait(tk); err != nil {
				return
			}
		}
		items--
		consumed++
	})
	if items != produced-consumed || c.queue.first != nil {
		t.Errorf("%d produced, %d consumed, %d left", produced, consumed, items)
	}
}

// patientLock is a lock whose Unlock waits, which a Cond can't use.
type patientLock struct {
	Mutex
	e Event
}

func (l *patientLock) Unlock(t *Task) {
	l.Mutex.Unlock(t)
	l.e.Wait(t)
}

// A lock whose Unlock waits is named, and nothing is left of the wait.
func TestCondPatientLock(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	var l patientLock
	c := NewCond(&l)
	runTask(t, s, func(tk *Task) {
		l.Lock(tk)
		wantPanic(t, func() { c.Wait(tk) }, "runq: Cond.Wait: ", "Unlock of the lock L waits")
		if queued(&c.mu, &c.queue)+queued(&l.e.mu, &l.e.queue) != 0 {
			t.Error("a node is left")
		}
		tk.Go(func(tk *Task) { l.e.Set(tk) })
		if err := l.e.Wait(tk); err != nil {
			t.Error(err)
		}
	})
}
