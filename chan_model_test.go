//go:build model

package runq

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// endingContext is a context that can end, and that a check ends by calling the watch
// of the one task that has it: its own way would be a goroutine.
type endingContext struct {
	context.Context
	done  chan struct{} // never closed
	ended bool
}

func newEndingContext() *endingContext {
	return &endingContext{Context: context.Background(), done: make(chan struct{})}
}

func (c *endingContext) Done() <-chan struct{} { return c.done }

func (c *endingContext) Err() error {
	if c.ended {
		return errEnough
	}
	return nil
}

// end ends the context of tk.
func (c *endingContext) end(w *watch) {
	c.ended = true
	w.fire()
}

// others are threads of an execution that are none of the scheduler's.
type others struct {
	x  *model.Execution
	wg sx.WaitGroup
}

func (o *others) start(name string, f func()) {
	o.wg.Add(1)
	o.x.Go(name, func() {
		defer o.wg.Done()
		f()
	})
}

// anyOrder has Selects try their cases in every order, until the test's end.
func anyOrder(t *testing.T) {
	old := selectRandom
	t.Cleanup(func() { selectRandom = old })
	selectRandom = func(_ *Task, n uint32) uint32 { return uint32(model.Choose(int(n))) }
}

// checkChan explores f with two preemptions. Selects try their cases in every order.
// Where threads of no scheduler take part, one P is enough for all to meet.
func checkChan(t *testing.T, procs int, f func(x *model.Execution, s *Scheduler)) model.Report {
	t.Helper()
	anyOrder(t)
	return checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: procs}, func() clock { return stillClock{} }, f)
}

// rendezvous is the sending and the receiving side of an unbuffered channel.
func rendezvous(x *model.Execution, seen outcomes) (send, recv func(tk *Task)) {
	c := NewChan[int](0)
	send = func(tk *Task) {
		seen.or(c.recvq.first != nil, "the receiver has waited", "the sender came first")
		if err := c.Send(tk, 7); err != nil {
			x.Failf("%v", err)
		}
	}
	recv = func(tk *Task) {
		if v, err := c.Recv(tk); v != 7 || err != nil {
			x.Failf("received %d, %v", v, err)
		}
	}
	return send, recv
}

// TestModelChanRendezvous: a task sends to a task over an unbuffered channel, and an
// ordinary goroutine to a task; whoever comes first waits.
func TestModelChanRendezvous(t *testing.T) {
	want := []string{"the receiver has waited", "the sender came first"}
	t.Run("task", func(t *testing.T) {
		checkDriven(t, 3, 2, still, want, func(d *driver) {
			send, recv := rendezvous(d.x, d.seen)
			d.put(0, send)
			d.put(1, recv)
			d.drive(0, 2)
			d.drive(1, 2)
			d.settle()
		})
	})
	t.Run("goroutine", func(t *testing.T) {
		seen := outcomes{}
		r := checkChan(t, 1, func(x *model.Execution, s *Scheduler) {
			o := others{x: x}
			send, recv := rendezvous(x, seen)
			o.start("sender", func() { send(nil) })
			s.Go(recv)
			o.wg.Wait()
			s.Close()
		})
		seen.want(t, r, want...)
	})
}

// TestModelChanContext: the context of a receiver ends just when somebody sends. The
// value is received, or still there.
func TestModelChanContext(t *testing.T) {
	checkEnding(t, 2, []string{"received", "ended"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		c := NewChan[int](0)
		var sent bool
		x.Go("sender", func() { sent = c.TrySend(7) })
		v, err := c.Recv(tk)
		ended := gaveUp(x, err)
		seen.or(ended, "ended", "received")
		return func() {
			if ended == sent || sent != (v == 7) {
				x.Failf("sent %v, received %d, %v", sent, v, err)
			}
			if c.recvq.first != nil {
				x.Failf("a node is left")
			}
		}
	})
}

// TestModelChanClose: a channel is closed while one sends and one receives.
func TestModelChanClose(t *testing.T) {
	seen := outcomes{}
	r := checkChan(t, 1, func(x *model.Execution, s *Scheduler) {
		o := others{x: x}
		c := NewChan[int](0)
		var got, panicked bool
		s.Go(func(tk *Task) {
			defer func() { panicked = recover() != nil }()
			c.Send(tk, 7)
		})
		s.Go(func(tk *Task) {
			v, err := c.Recv(tk)
			if got = err == nil; got != (v == 7) || !got && err != ErrChanClosed {
				x.Failf("received %d, %v", v, err)
			}
		})
		o.start("closer", c.Close)
		o.wg.Wait()
		s.Close()
		if got == panicked {
			x.Failf("received: %v; the sender has panicked: %v", got, panicked)
		}
		seen.or(got, "received", "closed")
	})
	seen.want(t, r, "received", "closed")
}

// twoChans returns two unbuffered channels whose locks always have the same order.
func twoChans() (a, b *Chan[int]) {
	both := new([2]Chan[int])
	return &both[0], &both[1]
}

// TestModelSelectSenders: two senders want to end a Select, all of them ordinary
// goroutines. One does; the other still waits with his value.
func TestModelSelectSenders(t *testing.T) {
	anyOrder(t)
	seen := outcomes{}
	r := model.Check(t, model.Config{Preemptions: 3}, func(x *model.Execution) {
		a, b := twoChans()
		x.Go("first", func() { a.Send(nil, 10) })
		x.Go("second", func() { b.Send(nil, 11) })
		x.Go("select", func() {
			v := 0
			i, err := Select(nil, a.RecvCase(&v, nil), b.RecvCase(&v, nil))
			if err != nil || v != 10+i {
				x.Failf("case %d, %d, %v", i, v, err)
			}
			if left, _ := [...]*Chan[int]{b, a}[i].Recv(nil); left != 11-i {
				x.Failf("case %d; then received %d", i, left)
			}
			seen.or(i == 0, "first", "second")
		})
		x.Join()
		if a.recvq.first != nil || b.recvq.first != nil {
			x.Failf("a node is left")
		}
	})
	seen.want(t, r, "first", "second")
}

// TestModelSelectContext: a sender and the end of the context want to end a task's
// Select. One does; if it was the context, nothing has been sent.
func TestModelSelectContext(t *testing.T) {
	anyOrder(t)
	checkEnding(t, 2, []string{"sent", "ended"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		a, b := twoChans()
		var sent bool
		x.Go("sender", func() { sent = b.TrySend(10) })
		v := 0
		i, err := Select(tk, a.RecvCase(&v, nil), b.RecvCase(&v, nil))
		ended := gaveUp(x, err)
		seen.or(ended, "ended", "sent")
		return func() {
			if ended == sent || sent != (i == 1) || sent != (v == 10) {
				x.Failf("case %d, %d, %v; sent: %v", i, v, err, sent)
			}
			if a.recvq.first != nil || b.recvq.first != nil {
				x.Failf("a node is left")
			}
		}
	})
}

// TestModelSelectTwice: two Selects with both channels, in opposite roles and orders,
// meet in one of them.
func TestModelSelectTwice(t *testing.T) {
	anyOrder(t)
	checkDriven(t, 2, 2, still, []string{"in the first", "in the second", "the first waits", "the second waits"}, func(d *driver) {
		a, b := twoChans()
		one, two := 1, 2
		i, k, v, w := -1, -1, 0, 0
		waits := func(name string) {
			if a.recvq.first != nil || a.sendq.first != nil || b.recvq.first != nil || b.sendq.first != nil {
				d.seen[name]++
			}
		}
		d.put(0, func(tk *Task) {
			waits("the second waits")
			i, _ = Select(tk, a.SendCase(&one), b.RecvCase(&v, nil))
		})
		d.put(1, func(tk *Task) {
			waits("the first waits")
			k, _ = Select(tk, b.SendCase(&two), a.RecvCase(&w, nil))
		})
		d.drive(0, 2)
		d.drive(1, 2)
		d.settle()
		if i < 0 || i == k || v != 2*i || w != k {
			d.x.Failf("cases %d and %d, received %d and %d", i, k, v, w)
		}
		d.seen.or(i == 0, "in the first", "in the second")
	})
}

// movedClock is a clock that stands still until somebody moves it.
type movedClock struct {
	stillClock
	now sx.Int64
}

func (c *movedClock) Now() int64 { return c.now.Load() }

// TestModelSelectTimer: the time of a Select is over just when somebody sends. Then
// the task selects again, with a longer time, which a late comer must not end.
func TestModelSelectTimer(t *testing.T) {
	old := selectRandom
	defer func() { selectRandom = old }()
	selectRandom = func(*Task, uint32) uint32 { return 0 }
	moved := func() clock {
		c := new(movedClock)
		c.now.Store(1)
		return c
	}
	checkDriven(t, 2, 1, moved, []string{"received", "too late"}, func(d *driver) {
		c := NewChan[int](0)
		i, again, v, w := 0, 0, 0, 0
		var err error
		d.x.Go("time", func() {
			d.s.clock.(*movedClock).now.Store(100)
			for _, p := range d.s.fore.seated() {
				if n := p.timers.PopDue(100); n != nil {
					(*selectTimer)(unsafe.Pointer(n)).fire(nil, 100)
				}
			}
		})
		d.x.Go("sender", func() {
			c.Send(nil, 7)
			c.Send(nil, 8)
		})
		d.runOne(func(tk *Task) {
			if i, err = Select(tk, c.RecvCase(&v, nil), After(10*time.Nanosecond)); err != nil {
				return
			}
			again, err = Select(tk, After(1000*time.Nanosecond), c.RecvCase(&w, nil))
			if i == 1 {
				c.Recv(tk)
			}
		})
		d.settle()
		if err != nil || again != 1 || (i == 0) != (v == 7) || w != 8-i {
			d.x.Failf("%v; case %d, %d; then case %d, %d", err, i, v, again, w)
		}
		d.seen.or(i == 0, "received", "too late")
	})
}

// TestModelSelectDone: a context that isn't the task's own ends just when somebody sends,
// perhaps before its case can end the wait.
func TestModelSelectDone(t *testing.T) {
	checkDriven(t, 2, 1, still, []string{"sent", "ended", "before the wait"}, func(d *driver) {
		c := NewChan[int](0)
		ctx := newEndingContext()
		var over sx.Bool
		var sent bool
		v, i := 0, -1
		d.x.Go("sender", func() { sent = c.TrySend(7) })
		d.runOne(func(tk *Task) {
			w := &tk.c.wait
			d.x.Go("context", func() {
				for w.sel == nil || len(w.sel.ends) == 0 {
					if over.Load() {
						return
					}
					sx.Gosched()
				}
				e := w.sel.ends[0]
				if e.w == nil {
					d.seen["before the wait"]++
				}
				e.fire()
			})
			i, _ = Select(tk, c.RecvCase(&v, nil), Done(ctx))
			over.Store(true)
		})
		d.settle()
		if i < 0 || sent != (i == 0) || sent != (v == 7) || c.recvq.first != nil {
			d.x.Failf("case %d, %d; sent: %v", i, v, sent)
		}
		d.seen.or(sent, "sent", "ended")
	})
}

// runOne starts a thread in which the first M takes turns until the task that it has
// been given has ended.
func (d *driver) runOne(fn func(tk *Task)) {
	var done sx.Bool
	m := d.ms[0]
	d.put(0, func(tk *Task) {
		fn(tk)
		done.Store(true)
	})
	d.x.Go("M", func() {
		for !done.Load() {
			if !m.turn() {
				sx.Gosched()
			}
		}
	})
}
