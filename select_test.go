package runq

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSelectReady(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *Scheduler, tk *Task) {
		full, empty, closed := NewChan[int](1), NewChan[int](1), NewChan[int](0)
		full.TrySend(5)
		closed.Close()
		v, ok := 9, false
		if i, err := Select(tk, full.SendCase(&v), empty.RecvCase(&v, &ok), Otherwise()); i != 2 || err != nil {
			t.Errorf("nothing is ready: %d, %v, want the Otherwise case", i, err)
		}
		if i, err := Select(tk, empty.RecvCase(&v, &ok), full.RecvCase(&v, &ok), Otherwise()); i != 1 || err != nil || v != 5 || !ok {
			t.Errorf("a full channel: %d, %v, %d, %v", i, err, v, ok)
		}
		if i, err := Select(tk, Case{}, closed.RecvCase(&v, &ok)); i != 1 || err != nil || v != 0 || ok {
			t.Errorf("a closed channel: %d, %v, %d, %v", i, err, v, ok)
		}
		v = 7
		if i, err := Select(tk, full.RecvCase(nil, nil), empty.SendCase(&v)); i != 1 || err != nil || empty.Len() != 1 {
			t.Errorf("an empty channel: %d, %v, length %d", i, err, empty.Len())
		}
		if i, err := Select(tk, After(time.Hour), After(0)); i != 1 || err != nil {
			t.Errorf("a time that has come: %d, %v", i, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if i, err := Select(tk, Done(context.Background()), Done(ctx), Done(nil)); i != 1 || err != nil {
			t.Errorf("a context that has ended: %d, %v", i, err)
		}
		var none *Chan[int]
		if i, err := Select(tk, none.SendCase(&v), none.RecvCase(&v, nil), After(1)); i != 2 || err != nil {
			t.Errorf("nil channels: %d, %v", i, err)
		}
	})
}

// Each case can end the wait, and then only that one has been done.
func TestSelectWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		a, b, full := NewChan[int](0), NewChan[string](0), NewChan[int](1)
		full.TrySend(1)
		n := 3
		for range 20 {
			for want := range 6 {
				ctx, cancel := context.WithCancel(context.Background())
				d := time.Hour
				if want == 4 {
					d = time.Millisecond
				}
				awaken := func(tk *Task) {
					awaitSelect := func() bool {
						return a.recvWaiters() == 1 && b.recvWaiters() == 1 && a.sendWaiters() == 1 && full.sendWaiters() == 1
					}
					pauseUntil(t, tk, "the Select waits", awaitSelect)
					switch want {
					case 0:
						a.Send(tk, 11)
					case 1:
						b.Send(tk, "x")
					case 2:
						if v, _ := a.Recv(tk); v != n {
							t.Errorf("received %d, want %d", v, n)
						}
					case 3:
						if v, _ := full.Recv(tk); v != 1 {
							t.Errorf("received %d, want what was first", v)
						}
					case 5:
						cancel()
					}
				}
				if want == 4 {
					awaken = func(*Task) {}
				}
				var wg sync.WaitGroup
				if n++; n%2 == 0 {
					wg.Add(1)
					s.Go(func(tk *Task) { defer wg.Done(); awaken(tk) })
				} else {
					wg.Go(func() { awaken(nil) })
				}
				var v int
				var text string
				i, err := Select(tk, a.RecvCase(&v, nil), b.RecvCase(&text, nil), a.SendCase(&n), full.SendCase(&n),
					After(d), Done(ctx), After(2*time.Hour))
				if i != want || err != nil || (v == 11) != (i == 0) || (text == "x") != (i == 1) {
					t.Errorf("case %d, %v, %d, %q; want case %d", i, err, v, text, want)
				}
				wait := func() { wg.Wait() }
				if tk == nil {
					wait()
				} else {
					tk.Block(wait)
				}
				if a.recvWaiters()+b.recvWaiters()+a.sendWaiters()+full.sendWaiters() != 0 {
					t.Errorf("case %d has left a node in a list", want)
				}
				if want == 3 {
					if v, err := full.TryRecv(); v != n || err != nil {
						t.Errorf("received %d, %v, want %d", v, err, n)
					}
					full.TrySend(1)
				}
				cancel()
			}
		}
	})
}

// A closed channel ends a Select that waits to receive, and makes one that waits to
// send panic.
func TestSelectClose(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c, other := NewChan[int](0), NewChan[int](0)
		closeLater := func() {
			go func() {
				awaitTrue(t, "the Select waits", func() bool { return c.recvWaiters()+c.sendWaiters() > 0 })
				c.Close()
			}()
		}
		closeLater()
		v, ok := 3, true
		if i, err := Select(tk, other.RecvCase(nil, nil), c.RecvCase(&v, &ok)); i != 1 || err != nil || v != 0 || ok {
			t.Errorf("%d, %v, %d, %v", i, err, v, ok)
		}
		c = NewChan[int](0)
		closeLater()
		wantPanic(t, func() { Select(tk, other.RecvCase(nil, nil), c.SendCase(&v)) }, "runq: Select: ", "closed")
		if other.recvWaiters() != 0 {
			t.Error("a node is left in a list")
		}
	})
}

// The same channel may be in several cases; a Select never meets itself.
func TestSelectSame(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c := NewChan[int](0)
		v := 1
		for range 100 {
			if i, err := Select(tk, c.SendCase(&v), c.RecvCase(nil, nil), c.SendCase(&v), Otherwise()); i != 3 || err != nil {
				t.Fatalf("case %d, %v: it has met itself", i, err)
			}
		}
		// Two that both send and receive meet each other (Go's TestSelfSelect).
		for _, capacity := range []int{0, 1, 10} {
			const rounds = 500
			c := NewChan[int](capacity)
			var wg sync.WaitGroup
			for p := range 2 {
				body := func(tk *Task) {
					defer wg.Done()
					for i := range rounds {
						v := p
						var got int
						var k int
						if i%2 == 0 {
							k, _ = Select(tk, c.SendCase(&p), c.RecvCase(&v, nil))
							got = k
						} else {
							k, _ = Select(tk, c.RecvCase(&v, nil), c.SendCase(&p))
							got = 1 - k
						}
						if capacity == 0 && got == 1 && v == p {
							t.Errorf("runner %d has received from itself", p)
						}
					}
				}
				wg.Add(1)
				if p == 0 {
					s.Go(body)
				} else {
					go body(nil)
				}
			}
			// One may be left without its partner.
			ended := async(func() bool { wg.Wait(); return true })
			for over := false; !over; {
				c.TrySend(100)
				c.TryRecv()
				select {
				case <-ended:
					over = true
				default:
					if tk != nil {
						tk.Yield()
					} else {
						runtime.Gosched()
					}
				}
			}
		}
	})
}

// No ready case starves, wherever it stands (Go's TestSelectFairness).
func TestSelectFair(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *Scheduler, tk *Task) {
		const rounds = 4000
		c := NewChan[int](0)
		c.Close()
		full := NewChan[int](1)
		full.TrySend(1)
		var n [4]int
		for range rounds {
			i, _ := Select(tk, c.RecvCase(nil, nil), full.SendCase(new(int)), c.RecvCase(nil, nil), After(0))
			n[i]++
		}
		if n[1] != 0 || n[0] < rounds/6 || n[2] < rounds/6 || n[3] < rounds/6 {
			t.Errorf("chosen %v times: three are ready", n)
		}
	})
}

// Many Selects that share channels in opposite orders can't deadlock, and each value
// arrives once (Go's TestSelectStress).
func TestSelectStress(t *testing.T) {
	const n = 2000
	s := newTest(t, Config{Procs: 2, TraceBuffer: manyEvents})
	cs := [4]*Chan[int]{NewChan[int](0), NewChan[int](0), NewChan[int](2), NewChan[int](3)}
	var wg sync.WaitGroup
	start := func(i int, body func(tk *Task)) {
		wg.Add(1)
		if i%2 == 0 {
			s.Go(func(tk *Task) { defer wg.Done(); body(tk) })
		} else {
			go func() { defer wg.Done(); body(nil) }()
		}
	}
	for k := range cs { // a sender and a receiver of its own for each channel
		start(k, func(tk *Task) {
			for i := range n {
				cs[k].Send(tk, i)
			}
		})
		start(k+1, func(tk *Task) {
			for range n {
				cs[k].Recv(tk)
			}
		})
	}
	start(0, func(tk *Task) { // one that sends to all
		var sent [4]int
		for range 4 * n {
			var cases [4]Case
			for k, c := range cs {
				if sent[k] < n {
					cases[k] = c.SendCase(&sent[k])
				}
			}
			i, err := Select(tk, cases[:]...)
			if err != nil {
				t.Error(err)
				return
			}
			sent[i]++
		}
	})
	start(1, func(tk *Task) { // one that receives from all
		var got [4]int
		for range 4 * n {
			var cases [4]Case
			for k, c := range cs {
				if got[k] < n {
					cases[3-k] = c.RecvCase(nil, nil)
				}
			}
			i, err := Select(tk, cases[:]...)
			if err != nil {
				t.Error(err)
				return
			}
			got[3-i]++
		}
	})
	awaitClosed(t, "all end", async(func() bool { wg.Wait(); return true }))
	for _, c := range cs {
		if c.sendWaiters()+c.recvWaiters()+c.Len() != 0 {
			t.Error("something is left in a channel")
		}
	}
}

// More cases than a selection has room for at first.
func TestSelectMany(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		var cs [50]*Chan[int]
		var got [len(cs)]int
		cases := make([]Case, len(cs))
		for i := range cs {
			cs[i] = NewChan[int](0)
			cases[i] = cs[i].RecvCase(&got[i], nil)
		}
		s.Go(func(tk *Task) {
			for i, c := range cs {
				c.Send(tk, i+1)
			}
		})
		for want := range cs {
			if i, err := Select(tk, cases...); i != want || err != nil || got[i] != want+1 {
				t.Errorf("case %d, %v, want %d", i, err, want)
			}
		}
	})
}

// The variables of the cases are on stacks that the collector moves while the Select
// waits.
func TestSelectStackMoves(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c, never := NewChan[[8]int](0), NewChan[int](0)
		for range 10 {
			deepStack(200)
			go func() {
				awaitTrue(t, "the Select waits", func() bool { return c.recvWaiters() == 1 })
				for range 3 {
					runtime.GC() // shrinks the stacks of those who wait
				}
				c.Send(nil, [8]int{1, 2, 3, 4, 5, 6, 7, 8})
			}()
			var v [8]int
			var ok bool
			i, err := Select(tk, never.RecvCase(nil, nil), c.RecvCase(&v, &ok), After(time.Hour))
			deepStack(100)
			if i != 1 || err != nil || !ok || v != [8]int{1, 2, 3, 4, 5, 6, 7, 8} {
				t.Errorf("%d, %v, %v, %v", i, err, v, ok)
			}
		}
	})
}

// What a value that Select sends leads to outlives the sender's stack.
func TestSelectSendsPointer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c := NewChan[*[4]int](3)
		for i := range 3 {
			func() {
				v := [4]int{i, i, i, i}
				p := &v
				Select(tk, c.SendCase(&p), After(time.Hour))
			}()
		}
		deepStack(200)
		runtime.GC()
		for i := range 3 {
			if p, err := c.Recv(tk); err != nil || *p != [4]int{i, i, i, i} {
				t.Errorf("received %v, %v", *p, err)
			}
		}
	})
}

// deepStack needs a deep stack.
func deepStack(n int) int {
	var pad [128]int
	if n > 0 {
		pad[n%128] = deepStack(n - 1)
	}
	return pad[n%128] + n
}

// An After that isn't chosen leaves no timer; one that is, none either.
func TestSelectTimerGone(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	c := NewChan[int](1)
	runTask(t, s, func(tk *Task) {
		tk.Go(func(tk *Task) {
			for i := range 50 {
				c.Send(tk, i)
				tk.Yield()
			}
		})
		for got := 0; got < 50; {
			i, err := Select(tk, c.RecvCase(nil, nil), After(time.Hour))
			if i != 0 || err != nil {
				t.Errorf("case %d, %v", i, err)
			}
			got++
		}
		if i, _ := Select(tk, c.RecvCase(nil, nil), After(time.Microsecond)); i != 1 {
			t.Errorf("case %d", i)
		}
	})
	if n := s.nextTimer(); n != 0 {
		t.Error("a timer is left")
	}
}

// A task that is locked to its thread selects as others do.
func TestSelectLocked(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	ping, pong := NewChan[int](0), NewChan[int](0)
	s.Go(func(tk *Task) {
		for v := range ping.All(tk) {
			pong.Send(tk, v+1)
		}
	})
	runTask(t, s, func(tk *Task) {
		tk.LockThread()
		for i := range 100 {
			var v int
			Select(tk, ping.SendCase(&i), After(time.Hour))
			if k, err := Select(tk, After(time.Hour), pong.RecvCase(&v, nil)); k != 1 || err != nil || v != i+1 {
				t.Errorf("case %d, %v, %d", k, err, v)
			}
			if k, err := Select(tk, After(time.Microsecond), pong.RecvCase(&v, nil)); k != 0 || err != nil {
				t.Errorf("case %d, %v", k, err)
			}
		}
		ping.Close()
	})
}

// Another context than the task's own is a case.
func TestSelectOtherContext(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var ended atomic.Int32
	ctx, cancel := context.WithCancel(context.Background())
	wait := func(tk *Task) {
		if i, err := Select(tk, Case{}, Done(ctx)); i != 1 || err != nil {
			t.Errorf("case %d, %v", i, err)
		}
		ended.Add(1)
	}
	s.Go(wait)
	go wait(nil)
	awaitTrue(t, "the task waits", func() bool { return waiting(s) == 1 })
	cancel()
	awaitTrue(t, "both return", func() bool { return ended.Load() == 2 })
}

// TestSendCaseNil checks that a send of nothing is refused when the case is made.
func TestSendCaseNil(t *testing.T) {
	wantPanic(t, func() { NewChan[int](1).SendCase(nil) }, "Chan.SendCase", "nil")
	wantPanic(t, func() { (*Chan[int])(nil).SendCase(nil) }, "Chan.SendCase", "nil")
}
