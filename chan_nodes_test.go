package runq

import (
	"sync"
	"testing"
	"unsafe"
)

// pooled returns how many nodes the channel keeps, and checks that it has counted them.
func pooled[T any](t *testing.T, c *Chan[T]) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := c.free; f != nil; f = (*chanNode[T])(unsafe.Pointer(f.next)) {
		n++
	}
	if n != c.nfree {
		t.Errorf("%d nodes are kept; counted are %d", n, c.nfree)
	}
	return n
}

// However many have waited at a channel, it keeps few nodes.
func TestChanKeepsFewNodes(t *testing.T) {
	const waiters = 10 * freeNodes
	quit := NewChan[[100]byte](0)
	var all sync.WaitGroup
	for range waiters {
		all.Go(func() {
			if i, err := Select(nil, quit.RecvCase(nil, nil)); i != 0 || err != nil {
				t.Errorf("case %d, %v", i, err)
			}
		})
	}
	awaitTrue(t, "all wait", func() bool { return quit.recvWaiters() == waiters })
	quit.Close()
	all.Wait()
	if n := pooled(t, quit); n != freeNodes {
		t.Errorf("%d nodes are kept, want %d", n, freeNodes)
	}
}

// An ordinary goroutine that has waited leaves its node for the next one.
func TestChanGoroutineGivesNodeBack(t *testing.T) {
	c := NewChan[int](0)
	for range 3 {
		got := async(func() int { v, _ := c.Recv(nil); return v })
		awaitTrue(t, "the receiver waits", func() bool { return c.recvWaiters() == 1 })
		if err := c.Send(nil, 7); err != nil {
			t.Error(err)
		}
		if v := awaitClosed(t, "it has received", got); v != 7 {
			t.Errorf("received %d", v)
		}
		if n := pooled(t, c); n != 1 {
			t.Errorf("%d nodes are kept, want 1", n)
		}
	}
}
