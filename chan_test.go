package runq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

var errEnough = errors.New("enough")

// onBoth runs the test with a caller that is a task and with an ordinary goroutine,
// for which tk is nil.
func onBoth(t *testing.T, f func(t *testing.T, s *Scheduler, tk *Task)) {
	t.Run("task", func(t *testing.T) {
		s := newTest(t, Config{Procs: 2})
		runTask(t, s, func(tk *Task) { f(t, s, tk) })
	})
	t.Run("goroutine", func(t *testing.T) { f(t, newTest(t, Config{Procs: 2}), nil) })
}

// sendWaiters and recvWaiters tell how many wait at a channel.
func (c *chanCore) sendWaiters() int { return c.length(&c.sendq) }
func (c *chanCore) recvWaiters() int { return c.length(&c.recvq) }

func (c *chanCore) length(l *waitQueue) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := l.first; w != nil; w = w.next {
		n++
	}
	return n
}

// pauseUntil waits, on a task or on a goroutine, for what others bring about.
func pauseUntil(t *testing.T, tk *Task, what string, cond func() bool) {
	t.Helper()
	if tk == nil {
		awaitTrue(t, what, cond)
		return
	}
	tk.Block(func() { awaitTrue(t, what, cond) })
}

func TestChanBuffer(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *Scheduler, tk *Task) {
		for capacity := range 4 {
			c := NewChan[int](capacity)
			if c.Len() != 0 || c.Cap() != capacity {
				t.Errorf("a new channel has length %d and capacity %d, want 0 and %d", c.Len(), c.Cap(), capacity)
			}
			for round := range 5 { // so that the ring wraps
				for i := range capacity {
					if err := c.Send(tk, round*10+i); err != nil {
						t.Error(err)
					}
				}
				if c.TrySend(99) {
					t.Errorf("TrySend on a full channel of capacity %d succeeds", capacity)
				}
				if c.Len() != capacity {
					t.Errorf("length %d, want %d", c.Len(), capacity)
				}
				for i := range capacity {
					if v, err := c.Recv(tk); v != round*10+i || err != nil {
						t.Errorf("Recv: %d, %v, want %d", v, err, round*10+i)
					}
				}
				if v, err := c.TryRecv(); v != 0 || err != ErrChanEmpty {
					t.Errorf("TryRecv of an empty channel: %d, %v", v, err)
				}
			}
			for i := range capacity {
				if !c.TrySend(i) {
					t.Error("TrySend finds no room")
				}
			}
			c.Close()
			for i := range capacity {
				if v, err := c.TryRecv(); v != i || err != nil {
					t.Errorf("TryRecv after Close: %d, %v, want %d", v, err, i)
				}
			}
			if v, err := c.Recv(tk); v != 0 || err != ErrChanClosed {
				t.Errorf("Recv of a closed channel: %d, %v", v, err)
			}
			if _, err := c.TryRecv(); err != ErrChanClosed {
				t.Errorf("TryRecv of a closed channel: %v", err)
			}
		}
	})
}

func TestChanMisuse(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *Scheduler, tk *Task) {
		c := NewChan[string](1)
		c.Close()
		v := "x"
		wantPanic(t, func() { c.Send(tk, v) }, "runq: Chan.Send: ", "closed")
		wantPanic(t, func() { c.TrySend(v) }, "runq: Chan.TrySend: ", "closed")
		wantPanic(t, func() { Select(tk, c.SendCase(&v)) }, "runq: Select: ", "closed")
		wantPanic(t, c.Close, "runq: Chan.Close: ", "already")
		wantPanic(t, (*Chan[string])(nil).Close, "runq: Chan.Close: ", "nil")
		wantPanic(t, func() { NewChan[string](-1) }, "runq: NewChan: ", "negative")
		if c.Len() != 0 {
			t.Errorf("length %d", c.Len())
		}
	})
}

// A *Task that isn't the caller's is noticed.
func TestChanForeignTask(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	c := NewChan[int](1)
	var other *Task
	runTask(t, s, func(tk *Task) { other = tk })
	s.Close() // the task is seen to have ended
	wantPanic(t, func() { c.Send(other, 1) }, "Chan.Send")
	wantPanic(t, func() { c.Recv(other) }, "Chan.Recv")
	wantPanic(t, func() { Select(other, Otherwise()) }, "Select")
	if c.Len() != 0 {
		t.Error("a value was sent")
	}
}

func TestChanNil(t *testing.T) {
	var c *Chan[int]
	if c.Len() != 0 || c.Cap() != 0 || c.TrySend(1) {
		t.Error("a nil channel has room")
	}
	if _, err := c.TryRecv(); err != ErrChanEmpty {
		t.Errorf("TryRecv: %v", err)
	}
	s := newTest(t, Config{Procs: 1})
	for name, wait := range map[string]func(tk *Task) error{
		"Send":   func(tk *Task) error { return c.Send(tk, 1) },
		"Recv":   func(tk *Task) error { _, err := c.Recv(tk); return err },
		"Select": func(tk *Task) error { _, err := Select(tk, c.SendCase(new(int)), c.RecvCase(nil, nil)); return err },
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		err := async(func() error { return s.Run(ctx, wait) })
		awaitTrue(t, name+" waits", func() bool { return waiting(s) == 1 })
		cancel(errEnough)
		if err := awaitClosed(t, name+" returns", err); err != errEnough {
			t.Errorf("%s: %v, want the cause of the context", name, err)
		}
	}
}

// waiting returns how many tasks of s wait.
func waiting(s *Scheduler) int {
	st := s.Stats()
	return int(st.Parks) - int(st.Wakes)
}

// Those who wait are served in the order in which they came.
func TestChanOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		const n = 5
		for _, capacity := range []int{0, 2} {
			c := NewChan[int](capacity)
			for i := range n + capacity { // tasks and goroutines in turn
				send := func(tk *Task) { c.Send(tk, i) }
				if i%2 == 0 {
					s.Go(send)
				} else {
					go send(nil)
				}
				pauseUntil(t, tk, "the sender waits", func() bool { return c.sendWaiters()+c.Len() == i+1 })
			}
			for i := range n + capacity {
				if v, err := c.Recv(tk); v != i || err != nil {
					t.Errorf("Recv: %d, %v, want %d", v, err, i)
				}
			}
		}
		c, got := NewChan[int](0), NewChan[[2]int](2*n)
		for i := range n {
			recv := func(tk *Task) {
				v, _ := c.Recv(tk)
				got.Send(tk, [2]int{i, v})
			}
			if i%2 == 0 {
				s.Go(recv)
			} else {
				go recv(nil)
			}
			pauseUntil(t, tk, "the receiver waits", func() bool { return c.recvWaiters() == i+1 })
		}
		for i := range n {
			c.Send(tk, i)
		}
		for range n {
			if v, _ := got.Recv(tk); v[0] != v[1] {
				t.Errorf("receiver %d got value %d", v[0], v[1])
			}
		}
	})
}

// Close wakes all who wait.
func TestChanCloseWakes(t *testing.T) {
	const n = 4
	s := newTest(t, Config{Procs: 2})
	c := NewChan[int](0)
	ended := make(chan error, 2*n)
	recv := func(tk *Task) { _, err := c.Recv(tk); ended <- err }
	for range n {
		s.Go(recv)
		go recv(nil)
	}
	awaitTrue(t, "all wait", func() bool { return c.recvWaiters() == 2*n })
	c.Close()
	for range 2 * n {
		if err := awaitClosed(t, "a receiver returns", ended); err != ErrChanClosed {
			t.Error(err)
		}
	}

	c = NewChan[int](1)
	c.TrySend(7)
	panics := make(chan any, 2*n)
	send := func(tk *Task) {
		defer func() { panics <- recover() }()
		c.Send(tk, 1)
	}
	for range n {
		s.Go(send)
		go send(nil)
	}
	awaitTrue(t, "all wait", func() bool { return c.sendWaiters() == 2*n })
	c.Close()
	for range 2 * n {
		if p := awaitClosed(t, "a sender panics", panics); p != sendOnClosed("Chan.Send") {
			t.Errorf("a sender that waited: %v", p)
		}
	}
	if v, err := c.TryRecv(); v != 7 || err != nil {
		t.Errorf("the value in the buffer is gone: %d, %v", v, err)
	}
}

// A context that has ended ends waits, those that begin later too, but nothing that
// needs no waiting.
func TestChanContext(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	c := NewChan[int](1)
	ctx, cancel := context.WithCancelCause(context.Background())
	err := async(func() error {
		return s.Run(ctx, func(tk *Task) error {
			if _, err := c.Recv(tk); err != errEnough {
				t.Errorf("Recv: %v", err)
			}
			if err := c.Send(tk, 1); err != nil {
				t.Errorf("Send with room: %v", err)
			}
			if err := c.Send(tk, 2); err != errEnough {
				t.Errorf("Send without room: %v", err)
			}
			if v, err := c.Recv(tk); v != 1 || err != nil {
				t.Errorf("Recv: %d, %v", v, err)
			}
			var v int
			if i, err := Select(tk, c.RecvCase(&v, nil)); i != -1 || err != errEnough {
				t.Errorf("Select: %d, %v", i, err)
			}
			tk.LockThread()
			if _, err := c.Recv(tk); err != errEnough {
				t.Errorf("Recv of a locked task: %v", err)
			}
			return nil
		})
	})
	awaitTrue(t, "the task waits", func() bool { return c.recvWaiters() == 1 })
	cancel(errEnough)
	if err := awaitClosed(t, "Run returns", err); err != nil {
		t.Error(err)
	}
	if c.recvWaiters()+c.sendWaiters() != 0 {
		t.Error("somebody is still in a list")
	}
}

func TestChanAll(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c := NewChan[int](0)
		s.Go(func(tk *Task) {
			for i := range 10 {
				c.Send(tk, i)
			}
			c.Close()
		})
		var got []int
		for v := range c.All(tk) {
			got = append(got, v)
			if v == 4 {
				break
			}
		}
		got = slices.AppendSeq(got, c.All(tk))
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
	})
}

// Values of any size and kind go through, and what has been received isn't kept.
func TestChanValues(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		testChanValue(t, s, tk, struct{}{})
		testChanValue(t, s, tk, "text")
		testChanValue(t, s, tk, [300]byte{299: 1}) // beyond spareSize
		testChanValue(t, s, tk, any(errEnough))
		testChanValue(t, s, tk, new(int))
	})
}

func testChanValue[T comparable](t *testing.T, s *Scheduler, tk *Task, v T) {
	var zero T
	for capacity := range 2 {
		c := NewChan[T](capacity)
		s.Go(func(tk *Task) {
			for range 4 {
				c.Send(tk, v)
			}
		})
		for range 4 {
			if got, err := c.Recv(tk); got != v || err != nil {
				t.Errorf("%v, %v, want %v", got, err, v)
			}
		}
		pauseUntil(t, tk, "the nodes are given back", func() bool { return waiting(s) == 0 })
		c.mu.Lock()
		for _, left := range c.ring {
			if left != zero {
				t.Errorf("%v is still in the ring", left)
			}
		}
		for n := c.free; n != nil; n = (*chanNode[T])(unsafe.Pointer(n.next)) {
			if n.v != zero {
				t.Errorf("%v is still in a node", n.v)
			}
		}
		c.mu.Unlock()
	}
}

// Rendezvous: a Send on an unbuffered channel returns only after the Recv has begun.
func TestChanUnbufferedWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c := NewChan[int](0)
		var sent atomic.Bool
		s.Go(func(tk *Task) { c.Send(tk, 1); sent.Store(true) })
		pauseUntil(t, tk, "the sender waits", func() bool { return c.sendWaiters() == 1 })
		if sent.Load() {
			t.Error("Send has returned and nobody has received")
		}
		if v, _ := c.TryRecv(); v != 1 {
			t.Errorf("TryRecv: %d", v)
		}
		pauseUntil(t, tk, "Send returns", sent.Load)
	})
}

// In the steady state, sending and receiving allocate nothing, wait or not.
func TestChanNoAllocations(t *testing.T) {
	const warmUp, runs = 500, 2000
	s := openScheduler(t, Config{Procs: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "cancellable": ctx} {
		var n [5]float64
		err := s.Run(ctx, func(tk *Task) error {
			ping, pong, big := NewChan[int](0), NewChan[*Task](0), NewChan[[300]byte](0)
			g, _ := NewGroup(ctx, s)
			g.Go(func(tk *Task) error {
				for {
					if v, err := ping.Recv(tk); err != nil || v < 0 {
						return err
					}
					pong.Send(tk, tk)
					big.Send(tk, [300]byte{})
				}
			})
			buffered := NewChan[int](1)
			never := NewChan[string](0)
			for i, f := range []func(){
				func() { ping.Send(tk, 1); pong.Recv(tk); big.Recv(tk) },
				func() { buffered.Send(tk, 1); buffered.Recv(tk) },
				func() {
					v := 1
					var from *Task
					Select(tk, ping.SendCase(&v), never.RecvCase(nil, nil), After(time.Hour))
					Select(tk, pong.RecvCase(&from, nil), never.RecvCase(nil, nil), After(time.Hour))
					big.Recv(tk)
				},
				func() { // eight cases
					var v int
					var s string
					var ok bool
					Select(tk, never.RecvCase(&s, &ok), never.SendCase(&s), buffered.RecvCase(&v, nil), Case{},
						ping.RecvCase(&v, &ok), pong.RecvCase(nil, nil), After(time.Hour), Otherwise())
				},
				func() { Select(tk, never.RecvCase(nil, nil), After(1)) },
			} {
				for range warmUp {
					f()
				}
				n[i] = testing.AllocsPerRun(runs, f)
			}
			ping.Send(tk, -1)
			return g.Wait(tk)
		})
		if err != nil || n != [5]float64{} {
			t.Errorf("%s: %v allocations, %v", name, n, err)
		}
	}
}

// TestChanStress: tasks of two schedulers, locked ones among them, and goroutines send
// and receive in every way, with contexts that end at random. What was sent arrives
// once, and what wasn't doesn't.
func TestChanStress(t *testing.T) {
	for _, capacity := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) { chanStress(t, capacity, rand.Uint64()) })
	}
}

func chanStress(t *testing.T, capacity int, seed uint64) {
	t.Logf("seed %d", seed)
	const runners, each = 6, 300
	scheds := [2]*Scheduler{openScheduler(t, Config{Procs: 2}), openScheduler(t, Config{Procs: 1})}
	cs := [2]*Chan[int64]{NewChan[int64](capacity), NewChan[int64](capacity)}
	var sent, received, sums, sumr atomic.Int64
	// spread runs body on a task or a goroutine, again whenever a context ended it.
	var senders, receivers sync.WaitGroup
	spread := func(wg *sync.WaitGroup, i int, body func(tk *Task, r *rand.Rand) (more bool)) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			if i%3 == 2 {
				for body(nil, r) {
				}
				return
			}
			for more := true; more; {
				ctx, cancel := context.WithCancel(context.Background())
				ended := async(func() error {
					return scheds[i%2].Run(ctx, func(tk *Task) error {
						if r.IntN(4) == 0 {
							tk.LockThread()
						}
						for more && ctx.Err() == nil {
							more = body(tk, r)
						}
						return nil
					})
				})
				if rand.IntN(3) > 0 { // r is the task's
					time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
					cancel()
				}
				if err := awaitClosed(t, "a runner ends", ended); err != nil && err != context.Canceled {
					t.Error(err)
					more = false
				}
				cancel()
			}
		})
	}
	for i := range runners {
		left := each
		spread(&senders, i, func(tk *Task, r *rand.Rand) bool {
			v := r.Int64N(1 << 30)
			if sendSomehow(tk, cs, r, v) {
				sent.Add(1)
				sums.Add(v)
				left--
			}
			return left > 0
		})
		spread(&receivers, runners+i, func(tk *Task, r *rand.Rand) bool {
			v, ok, closed := recvSomehow(tk, cs, r, i%2)
			if ok {
				received.Add(1)
				sumr.Add(v)
			}
			return !closed
		})
	}
	senders.Wait()
	for _, c := range cs {
		c.Close()
	}
	receivers.Wait()
	if sent.Load() != runners*each || received.Load() != sent.Load() || sums.Load() != sumr.Load() {
		t.Errorf("%d sent, sum %d; %d received, sum %d", sent.Load(), sums.Load(), received.Load(), sumr.Load())
	}
	for _, c := range cs {
		if c.sendWaiters()+c.recvWaiters()+c.Len() != 0 {
			t.Error("something is left in a channel")
		}
	}
}

// sendSomehow tells whether v was sent.
func sendSomehow(tk *Task, cs [2]*Chan[int64], r *rand.Rand, v int64) bool {
	c := cs[r.IntN(2)]
	switch r.IntN(4) {
	case 0:
		return c.TrySend(v)
	case 1:
		i, err := Select(tk, cs[0].SendCase(&v), cs[1].SendCase(&v), After(time.Duration(r.IntN(100))*time.Microsecond))
		return err == nil && i < 2
	case 2:
		i, err := Select(tk, c.SendCase(&v), Otherwise())
		return err == nil && i == 0
	}
	return c.Send(tk, v) == nil
}

// recvSomehow tells whether v was received, or the channels are closed. It waits without
// an end at one channel only, which is mine: if all receivers might wait at the one,
// and all senders at the other, they would do so for ever.
func recvSomehow(tk *Task, cs [2]*Chan[int64], r *rand.Rand, mine int) (v int64, ok, closed bool) {
	c := cs[r.IntN(2)]
	switch r.IntN(4) {
	case 0:
		v, err := c.TryRecv()
		return v, err == nil, false
	case 1:
		i, err := Select(tk, cs[0].RecvCase(&v, &ok), cs[1].RecvCase(&v, &ok), After(time.Duration(r.IntN(100))*time.Microsecond))
		return v, err == nil && i < 2 && ok, false
	case 2:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(100))*time.Microsecond)
		defer cancel()
		i, err := Select(tk, c.RecvCase(&v, &ok), Done(ctx))
		return v, err == nil && i == 0 && ok, false
	}
	v, err := cs[mine].Recv(tk)
	if err != ErrChanClosed {
		return v, err == nil, false
	}
	// The other may have values left.
	v, err = cs[0].TryRecv()
	if err == ErrChanClosed {
		v, err = cs[1].TryRecv()
	}
	return v, err == nil, err == ErrChanClosed
}
