package runq

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/runq-go/runq/internal/sx"
)

// queued returns how many wait in a queue that mu guards.
func queued(mu *sx.Mutex, q *waitQueue) (n int) {
	mu.Lock()
	defer mu.Unlock()
	for w := q.first; w != nil; w = w.next {
		n++
	}
	return n
}

// crowd is all who can wait: tasks of two schedulers, some of them locked to their
// threads, and goroutines.
type crowd struct {
	t  *testing.T
	s  [2]*Scheduler
	wg sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	return &crowd{t: t, s: [2]*Scheduler{newTest(t, Config{Procs: 2, TraceBuffer: manyEvents}), newTest(t, Config{Procs: 1, TraceBuffer: manyEvents})}}
}

// start calls body as the i-th member, whose kind depends on i, with a context that it
// has if it is a task.
func (c *crowd) start(i int, ctx context.Context, body func(tk *Task)) {
	c.wg.Go(func() {
		if i%4 == 3 {
			body(nil)
			return
		}
		err := c.s[i%2].Run(ctx, func(tk *Task) error {
			if i%4 == 2 {
				tk.LockThread()
			}
			body(tk)
			return nil
		})
		if err != nil {
			c.t.Error(err)
		}
	})
}

// wait waits until all have ended.
func (c *crowd) wait() {
	c.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.wg.Wait()
	}()
	awaitClosed(c.t, "all have ended", done)
}

// stress has n members call body again and again, each time on a task whose context ends
// at any moment.
// If it ends before the task begins, there is no call.
func (c *crowd) stress(n, rounds int, body func(tk *Task, r *rand.Rand)) {
	c.t.Helper()
	for i := range n {
		c.wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range rounds {
				ctx, cancel := context.WithCancelCause(context.Background())
				ended := make(chan struct{})
				spins := r.IntN(2000)
				go func() {
					defer close(ended)
					for range spins {
						isClosed(ended)
					}
					cancel(errEnough)
				}()
				if i%4 == 3 {
					body(nil, r)
				} else if err := c.s[i%2].Run(ctx, func(tk *Task) error { body(tk, r); return nil }); err != nil && err != errEnough {
					c.t.Error(err)
				}
				<-ended
			}
		})
	}
	c.wait()
}

// inOrder checks that those who wait in the queue are served in the order in which
// they came: wait is called by ten of all kinds, one after the other, and then serve
// until all have been served.
func inOrder(t *testing.T, mu *sx.Mutex, q *waitQueue, wait func(tk *Task), serve func()) {
	t.Helper()
	const n = 10
	c := newCrowd(t)
	var order sync.Mutex
	var served []int
	for i := range n {
		c.start(i, context.Background(), func(tk *Task) {
			wait(tk)
			order.Lock()
			served = append(served, i)
			order.Unlock()
		})
		awaitTrue(t, "the next one waits", func() bool { return queued(mu, q) == i+1 })
	}
	for i := range n {
		serve()
		awaitTrue(t, "one has been served", func() bool {
			order.Lock()
			defer order.Unlock()
			return len(served) > i
		})
	}
	c.wait()
	for i, got := range served {
		if got != i {
			t.Fatalf("served in the order %v", served)
		}
	}
}

// endsWithContext checks that wait, of a task, ends with its context's cause, and that
// it leaves no node.
func endsWithContext(t *testing.T, mu *sx.Mutex, q *waitQueue, wait func(tk *Task) error) {
	t.Helper()
	c := newCrowd(t)
	for i := range 3 {
		ctx, cancel := context.WithCancelCause(context.Background())
		got := make(chan error, 2)
		c.start(i, ctx, func(tk *Task) {
			got <- wait(tk)
			got <- wait(tk) // another one ends at once
		})
		awaitTrue(t, "it waits", func() bool { return queued(mu, q) == 1 })
		cancel(errEnough)
		for range 2 {
			if err := awaitClosed(t, "the wait ends", got); err != errEnough {
				t.Errorf("the wait's error is %v", err)
			}
		}
	}
	c.wait()
	if n := queued(mu, q); n != 0 {
		t.Errorf("%d nodes are left", n)
	}
}

// shownAs checks that a snapshot names the wait of a task.
func shownAs(t *testing.T, s *Scheduler, reason string, object uintptr) {
	t.Helper()
	awaitTrue(t, "a snapshot shows "+reason, func() bool {
		for _, snap := range []Snapshot{s.SnapshotCheap(), s.Snapshot()} {
			found := false
			for _, i := range snap.Tasks {
				found = found || i.Reason.String() == reason && i.Object == object
			}
			if !found {
				return false
			}
		}
		return true
	})
}
