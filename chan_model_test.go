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

// checkChan explores f with two preemptions. Selects try their cases in every order.
// Where threads of no scheduler take part, one P is enough for all to meet.
func checkChan(t *testing.T, procs int, f func(x *model.Execution, s *Scheduler)) model.Report {
	t.Helper()
	old := selectRandom
	defer func() { selectRandom = old }()
	selectRandom = func(_ *Task, n uint32) uint32 { return uint32(model.Choose(int(n))) }
	return checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: procs}, func() clock { return stillClock{} }, f)
}

// TestModelChanRendezvous: a task sends to a task over an unbuffered channel, and an
// ordinary goroutine to a task; whoever comes first waits.
func TestModelChanRendezvous(t *testing.T) {
	for name, native := range map[string]bool{"task": false, "goroutine": true} {
		t.Run(name, func(t *testing.T) {
			seen, procs := outcomes{}, 2
			if native {
				procs = 1
			}
			r := checkChan(t, procs, func(x *model.Execution, s *Scheduler) {
				o := others{x: x}
				c := NewChan[int](0)
				send := func(tk *Task) {
					seen.or(c.recvq.first != nil, "the receiver has waited", "the sender came first")
					if err := c.Send(tk, 7); err != nil {
						x.Failf("%v", err)
					}
				}
				if native {
					o.start("sender", func() { send(nil) })
				} else {
					s.Go(send)
				}
				s.Go(func(tk *Task) {
					if v, err := c.Recv(tk); v != 7 || err != nil {
						x.Failf("received %d, %v", v, err)
					}
				})
				o.wg.Wait()
				s.Close()
			})
			seen.want(t, r, "the receiver has waited", "the sender came first")
		})
	}
}

// TestModelChanContext: the context of a receiver ends just when somebody sends. The
// value is received, or still there.
func TestModelChanContext(t *testing.T) {
	seen := outcomes{}
	r := checkChan(t, 1, func(x *model.Execution, s *Scheduler) {
		o := others{x: x}
		c := NewChan[int](0)
		ctx := newEndingContext()
		var sent sx.Bool
		var got bool
		err := s.Run(ctx, func(tk *Task) error {
			tk.watchContext()
			w := tk.watch
			o.start("context", func() { ctx.end(w) })
			o.start("sender", func() { sent.Store(c.TrySend(7)) })
			v, err := c.Recv(tk)
			got = err == nil
			if got != (v == 7) || !got && err != errEnough {
				x.Failf("received %d, %v", v, err)
			}
			return nil
		})
		o.wg.Wait()
		if err != nil || got != sent.Load() {
			x.Failf("%v; sent %v, received %v", err, sent.Load(), got)
		}
		if c.recvq.first != nil {
			x.Failf("a node is left")
		}
		seen.or(got, "received", "ended")
	})
	seen.want(t, r, "received", "ended")
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
	old := selectRandom
	defer func() { selectRandom = old }()
	selectRandom = func(_ *Task, n uint32) uint32 { return uint32(model.Choose(int(n))) }
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
	seen := outcomes{}
	r := checkChan(t, 1, func(x *model.Execution, s *Scheduler) {
		a, b := twoChans()
		o := others{x: x}
		ctx := newEndingContext()
		var sent sx.Bool
		i, v := 0, 0
		err := s.Run(ctx, func(tk *Task) (err error) {
			tk.watchContext()
			w := tk.watch
			o.start("sender", func() { sent.Store(b.TrySend(10)) })
			o.start("context", func() { ctx.end(w) })
			if i, err = Select(tk, a.RecvCase(&v, nil), b.RecvCase(&v, nil)); i < 0 && err == errEnough {
				return nil
			}
			return err
		})
		o.wg.Wait()
		if err != nil || sent.Load() != (i == 1) || sent.Load() != (v == 10) {
			x.Failf("case %d, %d, %v; sent: %v", i, v, err, sent.Load())
		}
		if a.recvq.first != nil || b.recvq.first != nil {
			x.Failf("a node is left")
		}
		seen.or(i == 1, "sent", "ended")
	})
	seen.want(t, r, "sent", "ended")
}

// TestModelSelectTwice: two Selects with both channels, in opposite roles and orders,
// meet in one of them.
func TestModelSelectTwice(t *testing.T) {
	seen := outcomes{}
	r := checkChan(t, 2, func(x *model.Execution, s *Scheduler) {
		a, b := twoChans()
		one, two := 1, 2
		var i, k, v, w int
		s.Go(func(tk *Task) { i, _ = Select(tk, a.SendCase(&one), b.RecvCase(&v, nil)) })
		s.Go(func(tk *Task) { k, _ = Select(tk, b.SendCase(&two), a.RecvCase(&w, nil)) })
		s.Close()
		if i == k || v != 2*i || w != k {
			x.Failf("cases %d and %d, received %d and %d", i, k, v, w)
		}
		seen.or(i == 0, "in the first", "in the second")
	})
	seen.want(t, r, "in the first", "in the second")
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
	seen := outcomes{}
	old := selectRandom
	defer func() { selectRandom = old }()
	selectRandom = func(*Task, uint32) uint32 { return 0 }
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 1}, func() clock {
		c := new(movedClock)
		c.now.Store(1)
		return c
	}, func(x *model.Execution, s *Scheduler) {
		o := others{x: x}
		clk := s.clock.(*movedClock)
		c := NewChan[int](0)
		i, again, v, w := 0, 0, 0, 0
		o.start("time", func() {
			clk.now.Store(100)
			for _, p := range s.seated() {
				if n := p.timers.PopDue(100); n != nil {
					(*selectTimer)(unsafe.Pointer(n)).fire(nil, 100)
				}
			}
		})
		o.start("sender", func() {
			c.Send(nil, 7)
			c.Send(nil, 8)
		})
		err := s.Run(context.Background(), func(tk *Task) (err error) {
			if i, err = Select(tk, c.RecvCase(&v, nil), After(10*time.Nanosecond)); err != nil {
				return err
			}
			again, err = Select(tk, After(1000*time.Nanosecond), c.RecvCase(&w, nil))
			if i == 1 {
				c.Recv(tk)
			}
			return err
		})
		o.wg.Wait()
		if err != nil || again != 1 || (i == 0) != (v == 7) || w != 8-i {
			x.Failf("%v; case %d, %d; then case %d, %d", err, i, v, again, w)
		}
		seen.or(i == 0, "received", "too late")
	})
	seen.want(t, r, "received", "too late")
}
