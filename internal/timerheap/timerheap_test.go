package timerheap

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"
)

// check fails the test if the heap's order, indices, owners or Next are wrong.
func (h *Heap) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.entries {
		if i > 0 && h.entries[(i-1)/arity].when > e.when {
			t.Fatalf("entry %d (deadline %d) is earlier than its parent (%d)", i, e.when, h.entries[(i-1)/arity].when)
		}
		if e.node.index != i || e.node.heap.Load() != h || e.node.When != e.when {
			t.Fatalf("entry %d: node has index %d, heap %p (this is %p), When %d (the entry says %d)",
				i, e.node.index, e.node.heap.Load(), h, e.node.When, e.when)
		}
	}
	want := int64(0)
	if len(h.entries) > 0 {
		want = h.entries[0].when
	}
	if got := h.next.Load(); got != want {
		t.Fatalf("Next = %d, want %d", got, want)
	}
}

// model is the same set of timers, sorted by deadline, in the simplest form.
type model []*Node

func (m *model) add(n *Node) (earliest bool) {
	i, _ := slices.BinarySearchFunc(*m, n.When+1, func(a *Node, w int64) int { return int(a.When - w) })
	*m = slices.Insert(*m, i, n) // behind its equals
	return i == 0
}

func (m *model) remove(n *Node) bool {
	i := slices.Index(*m, n)
	if i < 0 {
		return false
	}
	*m = slices.Delete(*m, i, i+1)
	return true
}

func (m model) next() int64 {
	if len(m) == 0 {
		return 0
	}
	return m[0].When
}

// TestModel compares two heaps with two sorted slices over random operations.
// The few deadlines make equal ones frequent.
func TestModel(t *testing.T) {
	const rounds, steps, nodes, deadlines = 50, 2000, 64, 40
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var heaps [2]Heap
		var models [2]model
		pool := make([]Node, nodes)
		for range steps {
			i := rng.IntN(2)
			h, m := &heaps[i], &models[i]
			n := &pool[rng.IntN(nodes)]
			switch op := rng.IntN(100); {
			case op < 50:
				if n.heap.Load() != nil {
					continue
				}
				when := 1 + rng.Int64N(deadlines)
				got := h.Add(n, when)
				if want := m.add(n); got != want {
					t.Fatalf("seed %d: Add(%d) = %v, want %v", seed, when, got, want)
				}
			case op < 75:
				got := n.Remove()
				if want := models[0].remove(n) || models[1].remove(n); got != want {
					t.Fatalf("seed %d: Remove = %v, want %v", seed, got, want)
				}
			case op < 98:
				now := rng.Int64N(deadlines)
				due := h.PopDue(now)
				if due == nil {
					if next := m.next(); next != 0 && next <= now {
						t.Fatalf("seed %d: PopDue(%d) = nil, but %d is due", seed, now, next)
					}
				} else if due.When != m.next() || due.When > now || !m.remove(due) {
					t.Fatalf("seed %d: PopDue(%d) gave deadline %d, want %d", seed, now, due.When, m.next())
				}
			default:
				other := &models[1-i]
				before, moved := other.next(), m.next()
				got := h.MoveTo(&heaps[1-i])
				for _, n := range *m {
					other.add(n)
				}
				*m = nil
				if want := moved != 0 && (before == 0 || moved < before); got != want {
					t.Fatalf("seed %d: MoveTo = %v, want %v (earliest %d to a heap with %d)", seed, got, want, moved, before)
				}
			}
			for i := range heaps {
				heaps[i].check(t)
				if got, want := heaps[i].Len(), len(models[i]); got != want {
					t.Fatalf("seed %d: Len = %d, want %d", seed, got, want)
				}
				if got, want := heaps[i].Next(), models[i].next(); got != want {
					t.Fatalf("seed %d: Next = %d, want %d", seed, got, want)
				}
			}
		}
	}
}

// TestData gets the user's object back from the node that fired.
func TestData(t *testing.T) {
	type sleeper struct {
		name  string
		timer Node
	}
	s := &sleeper{name: "s"}
	s.timer.Data = unsafe.Pointer(s)
	var h Heap
	h.Add(&s.timer, 7)
	if n := h.PopDue(7); n == nil || (*sleeper)(n.Data).name != "s" {
		t.Fatalf("PopDue(7) = %v, want the node of the sleeper", n)
	}
}

func TestDeadlineBelowOneIsDue(t *testing.T) {
	for _, when := range []int64{0, -1, -1 << 63} {
		var h Heap
		var n Node
		if !h.Add(&n, when) || h.Next() != earliestDeadline || h.PopDue(earliestDeadline) != &n {
			t.Errorf("a node with deadline %d isn't the earliest and due", when)
		}
	}
}

func TestAddTwice(t *testing.T) {
	var h, other Heap
	var n Node
	h.Add(&n, 5)
	for _, to := range []*Heap{&h, &other} {
		func() {
			defer func() {
				if msg, _ := recover().(string); len(msg) < 4 || msg[:4] != "BUG:" {
					t.Errorf("Add of a node that is in a heap: recovered %q, want a BUG", msg)
				}
			}()
			to.Add(&n, 6)
		}()
	}
	// The heaps are as before, and their mutexes free.
	if n.When != 5 || h.Len() != 1 || other.Len() != 0 {
		t.Errorf("after the failed Adds: When %d, Len %d and %d, want 5, 1 and 0", n.When, h.Len(), other.Len())
	}
	h.check(t)
}

func TestMoveToItself(t *testing.T) {
	var h Heap
	var n Node
	h.Add(&n, 5)
	if h.MoveTo(&h) || h.Len() != 1 {
		t.Error("moving a heap to itself changed it")
	}
}

// TestExactlyOnce lets adders, cancellers, poppers and movers work on the same
// nodes over a ring of heaps. Each Add must be answered exactly once. A node
// carries a count of how many hold it, which must never differ from one.
func TestExactlyOnce(t *testing.T) {
	const heapCount, nodeCount, adders = 3, 200, 3
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	type timer struct {
		node   Node
		armed  atomic.Int32 // 1 from before Add until someone got the node
		answer chan struct{}
	}
	heaps := make([]Heap, heapCount)
	timers := make([]timer, nodeCount*adders)
	var got [2]atomic.Int64 // by Remove, by PopDue
	answer := func(tm *timer, by int) {
		if !tm.armed.CompareAndSwap(1, 0) {
			t.Errorf("node %p was handed out although it isn't armed", &tm.node)
		}
		got[by].Add(1)
		tm.answer <- struct{}{}
	}

	var stop atomic.Bool
	var helpers, owners sync.WaitGroup
	for i := range heapCount {
		helpers.Go(func() { // pops what is due, at a time that wanders
			rng := rand.New(rand.NewPCG(uint64(i), 2))
			for !stop.Load() {
				if n := heaps[rng.IntN(heapCount)].PopDue(rng.Int64N(1000)); n != nil {
					answer((*timer)(n.Data), 1)
				}
				runtime.Gosched() // the owners wait for a CPU behind us
			}
		})
		helpers.Go(func() { // moves round the ring, against the others
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for !stop.Load() {
				heaps[rng.IntN(heapCount)].MoveTo(&heaps[rng.IntN(heapCount)])
				runtime.Gosched()
			}
		})
	}
	for a := range adders {
		mine := timers[a*nodeCount : (a+1)*nodeCount]
		owners.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(a), 4))
			for i := range mine {
				mine[i].answer = make(chan struct{}, 1)
				mine[i].node.Data = unsafe.Pointer(&mine[i])
			}
			for range rounds {
				for i := range mine {
					mine[i].armed.Store(1)
					heaps[rng.IntN(heapCount)].Add(&mine[i].node, rng.Int64N(1000))
				}
				for i := range mine {
					if tm := &mine[i]; rng.IntN(2) == 0 && tm.node.Remove() {
						answer(tm, 0)
					}
				}
				for i := range mine { // the poppers must hand out the rest
					<-mine[i].answer
				}
			}
		})
	}
	owners.Wait()
	stop.Store(true)
	helpers.Wait()

	removed, popped := got[0].Load(), got[1].Load()
	if want := int64(rounds * len(timers)); removed+popped != want {
		t.Errorf("%d removed + %d popped = %d, want %d", removed, popped, removed+popped, want)
	}
	if removed == 0 || popped == 0 {
		t.Errorf("%d removed, %d popped: one side never won, so the race wasn't tried", removed, popped)
	}
	for i := range heaps {
		heaps[i].check(t)
		if n := heaps[i].Len(); n != 0 {
			t.Errorf("heap %d still has %d nodes", i, n)
		}
	}
}

// TestRemoveRace lets several goroutines cancel the same node: one of them wins.
func TestRemoveRace(t *testing.T) {
	const rounds, racers = 2000, 4
	var heaps [2]Heap
	for range rounds {
		var n Node
		heaps[0].Add(&n, 10)
		var wins atomic.Int32
		var wg sync.WaitGroup
		for r := range racers {
			wg.Go(func() {
				switch r {
				case 0:
					heaps[0].MoveTo(&heaps[1])
				case 1:
					for i := range heaps {
						if heaps[i].PopDue(10) != nil {
							wins.Add(1)
						}
					}
				default:
					if n.Remove() {
						wins.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if w := wins.Load(); w != 1 {
			t.Fatalf("%d calls got the node, want 1", w)
		}
		if heaps[0].Len()+heaps[1].Len() != 0 {
			t.Fatal("the node was handed out and is still in a heap")
		}
	}
}

func TestNoAllocation(t *testing.T) {
	const nodes = 100
	var h Heap
	var pool [nodes]Node
	cycle := func() {
		for i := range pool {
			h.Add(&pool[i], int64(i*7919%nodes)+1)
		}
		for i := 0; i < nodes; i += 2 {
			pool[i].Remove()
		}
		for h.PopDue(nodes) != nil {
		}
	}
	cycle() // grows the array
	if n := testing.AllocsPerRun(100, cycle); n != 0 {
		t.Errorf("%v allocations for each cycle over a grown heap, want 0", n)
	}
}
