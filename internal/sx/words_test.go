package sx

import (
	"runtime"
	"sync"
	"testing"
)

func TestPublished32(t *testing.T) {
	var p Published32
	for _, v := range []uint32{0, 1, 1<<32 - 1, 0} {
		if p.Publish(v); p.Load() != v {
			t.Errorf("published %d and loaded %d", v, p.Load())
		}
	}
}

// publish is what the owner does to put v over nil.
func publish[T any](p *PublishedPointer[T], v *T) {
	if !p.TryPublish(v) {
		p.Swap(v)
	}
}

// cells are what TestPublishedPointer's pointers point to: neither collected nor moved
// with a stack, since the pointers wouldn't notice.
var cells [2]int

func TestPublishedPointer(t *testing.T) {
	var p PublishedPointer[int]
	a, b := &cells[0], &cells[1]
	if p.Load() != nil || p.CompareAndSwap(a, nil) {
		t.Error("the zero PublishedPointer isn't nil")
	}
	publish(&p, a)
	if p.Load() != a || p.TryPublish(b) || p.Load() != a {
		t.Error("what was published isn't there, or has been published over")
	}
	if p.CompareAndSwap(b, nil) || !p.CompareAndSwap(a, b) || p.Load() != b {
		t.Error("CompareAndSwap doesn't go by what is there")
	}
	if p.Swap(nil) != b || p.Load() != nil || p.Swap(a) != nil {
		t.Error("Swap doesn't return what was there")
	}
}

// TestPublishedMessage checks that who sees a published value sees what was written
// before it.
func TestPublishedMessage(t *testing.T) {
	const n = 100_000
	var tail Published32
	var pointer PublishedPointer[uint32]
	data := make([]Slot[uint32], n)
	values := make([]uint32, n) // they live here: pointer doesn't keep them
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint32(n) {
			data[i].Put(i + 1)
			tail.Publish(i + 1)
			if pointer.Load() == nil {
				values[i] = i + 1
				publish(&pointer, &values[i])
			}
		}
	})
	for i := uint32(0); i != n; i = tail.Load() {
		if i != 0 && data[i-1].Get() != i {
			t.Errorf("index %d was seen before what it publishes", i)
		}
		if v := pointer.Swap(nil); v != nil && (*v == 0 || *v > tail.Load()) {
			t.Errorf("a pointer was seen before what it points to, or what was published earlier: %d", *v)
		}
	}
	wg.Wait()
	runtime.KeepAlive(values)
}

func TestSlot(t *testing.T) {
	type entry struct {
		p    *int
		a, b uint64
	}
	var s Slot[entry]
	if s.Get() != (entry{}) {
		t.Error("the zero Slot isn't empty")
	}
	e := entry{new(int), 1, 2}
	s.Put(e)
	if s.Get() != e {
		t.Error("what was put isn't there")
	}
	if n := testing.AllocsPerRun(100, func() { s.Put(s.Get()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPeek reads words while their owner writes them, which the race detector must
// not mind.
func TestPeek(t *testing.T) {
	var w struct {
		u64 uint64
		u32 uint32
		u8  uint8
		i64 int64
		i   int
		p   *int
	}
	values := [2]int{0, 1}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n = 1 - n {
			w.u64, w.u32, w.u8 = -uint64(n), -uint32(n), -uint8(n)
			w.i64, w.i, w.p = -int64(n), -n, &values[n]
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 20_000 {
		if v := PeekUint64(&w.u64); v+1 > 1 {
			t.Errorf("a torn uint64: %#x", v)
		}
		if v := PeekUint32(&w.u32); v+1 > 1 {
			t.Errorf("a torn uint32: %#x", v)
		}
		if v := PeekUint8(&w.u8); v+1 > 1 {
			t.Errorf("a torn uint8: %#x", v)
		}
		if v, i := PeekInt64(&w.i64), PeekInt(&w.i); v < -1 || v > 0 || i < -1 || i > 0 {
			t.Errorf("a torn int: %#x or %#x", v, i)
		}
		if p := PeekPointer(&w.p); p != nil && p != &values[0] && p != &values[1] {
			t.Errorf("a torn pointer: %p", p)
		}
	}
	close(stop)
	wg.Wait()
}
