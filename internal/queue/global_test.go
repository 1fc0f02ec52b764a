package queue

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

func globalIDs(g *Global[item]) (ids []int) {
	g.Each(func(it *item) { ids = append(ids, it.id) })
	return ids
}

// TestGlobalAgainstModel does everything with a global queue at random, and with a
// slice. Batches are large enough that the queue grows over many segments.
func TestGlobalAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var g Global[item]
	var local Local[item]
	var model []int
	id := 0
	fresh := func() item {
		id++
		model = append(model, id)
		return newItem(id)
	}
	for range 5000 {
		switch r.IntN(8) {
		case 0:
			g.Put(fresh())
		case 1:
			g.Lock()
			g.PutLocked(fresh())
			g.PutLocked(fresh())
			g.Unlock()
		case 2:
			batch := make([]item, r.IntN(4*segmentCap))
			for i := range batch {
				batch[i] = fresh()
			}
			g.PutAll(batch)
		case 3:
			var it item
			if ok := g.Get(&it); ok != (len(model) != 0) || ok && it.id != model[0] {
				t.Fatalf("got %v, %v with %d queued", it.id, ok, len(model))
			}
			model = model[min(1, len(model)):]
		default:
			model = model[getBatch(t, &g, &local, model, 1+r.IntN(8)):]
		}
		if g.Len() != len(model) {
			t.Fatalf("the length is %d, want %d", g.Len(), len(model))
		}
		if r.IntN(20) == 0 && !slices.Equal(globalIDs(&g), model) {
			t.Fatal("Each shows other entries, or another order")
		}
	}
}

// getBatch takes a batch, compares it with the model, and returns how many it had.
func getBatch(t *testing.T, g *Global[item], local *Local[item], model []int, procs int) int {
	t.Helper()
	want := 0
	if s := g.head; s != nil {
		if want = min(len(model)/procs+1, s.len()); want > s.len()/2 {
			want = s.len() // not worth a cut
		}
	}
	var it item
	ok := g.GetBatch(&it, local, procs)
	if !ok {
		if want != 0 {
			t.Fatalf("no batch of %d", len(model))
		}
		return 0
	}
	got := []int{it.id}
	for _, it := range local.Drain() {
		got = append(got, it.id)
	}
	if !slices.Equal(got, model[:want]) {
		t.Fatalf("a batch of %d, want the first %d of %d: 1/%d and one more, or the first segment", len(got), want, len(model), procs)
	}
	return want
}

// TestSpareSegments checks that the memory of a backlog is given back when that is
// over, but for the bound, and that nothing kept holds on to an entry.
func TestSpareSegments(t *testing.T) {
	var g Global[item]
	n := (spareSegments + 10) * segmentCap
	for id := range n {
		g.Put(item{id: id + 1})
	}
	var it item
	for id := range n {
		if !g.Get(&it) || it.id != id+1 {
			t.Fatalf("got %d, want %d", it.id, id+1)
		}
	}
	if g.Get(&it) || g.head != nil || g.tail != nil {
		t.Error("the queue isn't empty")
	}
	spares := 0
	for s := g.spare; s != nil; s = s.next {
		spares++
		if s.read != 0 || s.free != 0 || s.entries != [segmentCap]item{} {
			t.Fatal("a spare segment isn't clean")
		}
	}
	if spares != spareSegments || g.spares != spareSegments {
		t.Errorf("%d spare segments are kept, counted as %d; want %d", spares, g.spares, spareSegments)
	}
}

func TestGlobalAllocations(t *testing.T) {
	var g Global[item]
	var local Local[item]
	batch := make([]item, 3*segmentCap)
	var it item
	if n := testing.AllocsPerRun(1000, func() {
		g.PutAll(batch)
		for g.GetBatch(&it, &local, 1) {
			for local.Take(&it) {
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations in steady state", n)
	}
}

// TestGlobalStress has several goroutines put and several take: each entry is had
// once.
func TestGlobalStress(t *testing.T) {
	const putters = 3
	d := newDelivery(t, short(100_000))
	var g Global[item]
	var next atomic.Int64
	putting := crowd(putters, func(int) {
		for last := 0; last < len(d.seen); {
			last = int(next.Add(3))
			var batch []item
			for id := last - 3; id < min(last, len(d.seen)); id++ {
				batch = append(batch, newItem(id))
			}
			if last%2 == 0 {
				g.PutAll(batch)
				continue
			}
			for _, it := range batch {
				g.Put(it)
			}
		}
	})
	crowd(3, func(i int) {
		var local Local[item]
		var it item
		for !d.over() {
			if i == 0 && g.Get(&it) || i != 0 && g.GetBatch(&it, &local, 2) {
				d.got(t, it)
			} else {
				runtime.Gosched()
			}
			for local.Take(&it) {
				d.got(t, it)
			}
		}
	}).Wait()
	putting.Wait()
	d.check(t)
}

// TestPutFirst checks that a batch put first comes first, in its order.
func TestPutFirst(t *testing.T) {
	for _, n := range []int{0, 1, segmentCap - 1, segmentCap, segmentCap + 1, 3*segmentCap + 2} {
		for _, queued := range []int{0, 1, segmentCap} {
			var g Global[int]
			for i := range queued {
				g.Put(n + i)
			}
			batch := make([]int, n)
			for i := range batch {
				batch[i] = i
			}
			g.PutFirst(batch)
			g.Put(n + queued)
			if g.Len() != n+queued+1 {
				t.Fatalf("%d entries, want %d", g.Len(), n+queued+1)
			}
			for i := range n + queued + 1 {
				var e int
				if !g.Get(&e) || e != i {
					t.Fatalf("%d first, %d queued: entry %d is %d", n, queued, i, e)
				}
			}
		}
	}
}
