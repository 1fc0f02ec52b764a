package runq

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// Cases that Go's own tests of channels have found worth trying, beside those in
// chan_test.go and select_test.go.

// meetings is how often two race in each of the cases.
const meetings = 500

// A value in the buffer is received, though the channel is closed at the same time.
func TestTryRecvAgainstClose(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		for range meetings {
			c := NewChan[int](1)
			c.TrySend(7)
			var closed Event
			s.Go(func(tk *Task) {
				c.Close()
				closed.Set(tk)
			})
			if v, err := c.TryRecv(); v != 7 || err != nil {
				t.Errorf("received %d, %v", v, err)
			}
			closed.Wait(tk)
		}
	})
}

// Of two channels at least one is always ready: a Select never finds neither, though
// one becomes ready, or is closed, just before the other is emptied.
func TestSelectAlwaysOneReady(t *testing.T) {
	for name, fill := range map[string]func(c *Chan[int]){
		"value":  func(c *Chan[int]) { c.TrySend(1) },
		"closed": (*Chan[int]).Close,
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
				for range meetings {
					first, second := NewChan[int](1), NewChan[int](1)
					first.TrySend(1)
					found := NewChan[bool](1)
					s.Go(func(tk *Task) {
						i, _ := Select(tk, first.RecvCase(nil, nil), second.RecvCase(nil, nil), Otherwise())
						found.Send(tk, i < 2)
					})
					fill(second)
					first.TryRecv()
					if ok, _ := found.Recv(tk); !ok {
						t.Error("a Select has found that neither of two channels is ready")
					}
				}
			})
		})
	}
}

// Many consumers of one channel feed another one: all arrives, and then the end does.
func TestChanManyConsumers(t *testing.T) {
	const workers, values = 23, 5000
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		in, out := NewChan[int](3*workers), NewChan[int](3*workers)
		var all WaitGroup
		all.Add(workers)
		for i := range workers {
			work := func(tk *Task) {
				for v := range in.All(tk) {
					if v%workers == i { // out of step
						if tk != nil {
							tk.Yield()
						} else {
							runtime.Gosched()
						}
					}
					out.Send(tk, v)
				}
				all.Done(tk)
			}
			if i%3 == 0 {
				go work(nil)
			} else {
				s.Go(work)
			}
		}
		s.Go(func(tk *Task) {
			for i := range values {
				in.Send(tk, i)
			}
			in.Close()
			all.Wait(tk)
			out.Close()
		})
		n, sum := 0, 0
		for v := range out.All(tk) {
			n++
			sum += v
		}
		if n != values || sum != values*(values-1)/2 {
			t.Errorf("%d values have arrived, their sum is %d", n, sum)
		}
	})
}

// A Select that waits at one channel in several cases is served in one of them, and
// leaves nothing behind.
func TestSelectWaitsTwiceAtOne(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		c, other := NewChan[int](0), NewChan[int](0)
		for want := range 20 {
			s.Go(func(tk *Task) {
				pauseUntil(t, tk, "the Select waits", func() bool { return c.recvWaiters() == 2 })
				c.Send(tk, want)
			})
			a, b := -1, -1
			i, err := Select(tk, c.RecvCase(&a, nil), other.RecvCase(nil, nil), c.RecvCase(&b, nil))
			if err != nil || [...]int{a, -1, b}[i] != want || a+b != want-1 {
				t.Fatalf("case %d, %v, received %d and %d, want %d", i, err, a, b, want)
			}
			if n := c.recvWaiters() + other.recvWaiters(); n != 0 {
				t.Fatalf("%d nodes are left", n)
			}
		}
	})
}

// A Send that waits has its value, though the stacks of those who wait shrink
// meanwhile, also while they are just about to wait.
func TestChanStacksShrink(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Scheduler, tk *Task) {
		const senders = 20
		c := NewChan[[8]int](0)
		stop := make(chan struct{})
		var collector sync.WaitGroup
		collector.Go(func() {
			for !isClosed(stop) {
				runtime.GC()
				time.Sleep(time.Millisecond) // collecting all the time, nobody gets on
			}
		})
		for i := range senders {
			send := func(tk *Task) {
				deepStack(50 + i)
				if err := c.Send(tk, [8]int{0: i, 7: i}); err != nil {
					t.Error(err)
				}
			}
			if i%2 == 0 {
				go send(nil)
			} else {
				s.Go(send)
			}
		}
		pauseUntil(t, tk, "all wait", func() bool { return c.sendWaiters() == senders })
		var got [senders]bool
		for range senders {
			v, err := c.Recv(tk)
			if err != nil || v != [8]int{0: v[0], 7: v[0]} || got[v[0]] {
				t.Errorf("received %v, %v", v, err)
			}
			got[v[0]] = true
		}
		close(stop)
		if tk == nil {
			collector.Wait()
		} else {
			tk.Block(collector.Wait)
		}
	})
}
