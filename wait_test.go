package runq

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// Ordinary goroutines may wait inside a synctest bubble and outside of it, in turns:
// nothing of the one wait is left for the other.
func TestWaitsInBubble(t *testing.T) {
	wait := func() {
		c := NewChan[int](0)
		go func() { _ = c.Send(nil, 1) }()
		if v, err := c.Recv(nil); v != 1 || err != nil {
			t.Errorf("received %d, %v", v, err)
		}
		if i, err := Select(nil, c.RecvCase(nil, nil), After(time.Millisecond)); i != 1 || err != nil {
			t.Errorf("Select = %d, %v", i, err)
		}
	}
	for range 3 {
		synctest.Test(t, func(*testing.T) { wait() })
		wait()
	}
}

// A WaitGroup isn't left waiting for a task that could not be started.
func TestWaitGroupGoFails(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	var wg WaitGroup
	runIn(t, s, func(tk *Task) {
		done := make(chan *Task, 1)
		tk.Go(func(other *Task) { done <- other })
		tk.Yield()
		wantPanic(t, func() { wg.Go(<-done, nothing) }, "WaitGroup.Go")
		if err := wg.Wait(tk); err != nil {
			t.Error(err)
		}
	})
}

// ownContext is a context of the caller's own type, which could stay on its stack.
type ownContext struct {
	context.Context
	_ [64]int
}

func (c *ownContext) Done() <-chan struct{} { return c.Context.Done() }

// deepen makes the goroutine's stack large, so that the collector makes it smaller.
//
//go:noinline
func deepen(n int) int {
	var b [512]int
	b[n%len(b)] = n
	if n == 0 {
		return 0
	}
	return deepen(n-1) + b[n%len(b)]
}

// A context that a Select waits for is shared with others, so it may not be left on
// the caller's stack: the collector would find a pointer into a stack, and crash.
func TestSelectOwnContext(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := NewChan[int](0)
	done := async(func() error {
		deepen(100)
		ctx := ownContext{Context: parent}
		_, err := Select(nil, Done(&ctx), c.RecvCase(nil, nil))
		return err
	})
	awaitTrue(t, "the Select waits", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.recvq.first != nil
	})
	for range 6 { // stacks shrink in one collection, and are found in the next
		runtime.GC()
	}
	if err := c.Send(nil, 1); err != nil {
		t.Error(err)
	}
	if err := awaitClosed(t, "the Select is over", done); err != nil {
		t.Error(err)
	}
}
