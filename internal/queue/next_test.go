package queue

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// putNext is what the engine does to put a task into the slot.
func putNext(n *Next[item], g *item) (old *item) {
	if n.TryPut(g) {
		return nil
	}
	return n.Replace(g)
}

func TestNext(t *testing.T) {
	var n Next[item]
	a, b := &item{id: 1}, &item{id: 2}
	if n.Take() != nil || n.Peek() != nil || n.Steal(a) {
		t.Error("there is something in an empty slot")
	}
	if old := putNext(&n, a); old != nil || n.Peek() != a {
		t.Errorf("put into an empty slot: %v came out, and %v is there", old, n.Peek())
	}
	if old := putNext(&n, b); old != a || n.Peek() != b {
		t.Errorf("put over another: %v came out, and %v is there", old, n.Peek())
	}
	if n.Steal(a) || !n.Steal(b) || n.Steal(b) || n.Peek() != nil {
		t.Error("Steal takes what isn't there, or leaves what is")
	}
	if n.Replace(a) != nil || n.TryPut(b) {
		t.Error("Replace finds something in an empty slot, or TryPut has put over another")
	}
	if n.Take() != a || n.Take() != nil {
		t.Error("Take doesn't take what is there, once")
	}
	runtime.KeepAlive(b)
}

// TestNextStress has an owner and thieves at one slot: each task is had once.
func TestNextStress(t *testing.T) {
	d := newDelivery(t, short(400_000))
	var n Next[item]
	var over atomic.Bool
	others := crowd(3, func(int) {
		for !over.Load() {
			if g := n.Peek(); g == nil || !n.Steal(g) {
				runtime.Gosched()
			} else {
				d.got(t, *g)
			}
		}
	})
	items := make([]item, len(d.seen)) // the slot doesn't keep what stands in it
	for id := range d.seen {
		items[id] = newItem(id)
		if old := putNext(&n, &items[id]); old != nil {
			d.got(t, *old)
		}
		if id%5 == 0 {
			if g := n.Take(); g != nil {
				d.got(t, *g)
			}
		}
	}
	if g := n.Take(); g != nil {
		d.got(t, *g)
	}
	over.Store(true)
	others.Wait()
	d.check(t)
	runtime.KeepAlive(items)
}
