package queue

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/runq-go/runq/internal/sx"
)

// starts are indexes that rings begin with: around some the indexes wrap.
var starts = []uint32{0, 1, 1<<32 - 1, 1<<32 - sx.RingCap, 1<<32 - 1000, 1<<31 - 100}

// newLocal returns an empty ring that has come as far as start.
func newLocal(start uint32) *Local[item] {
	q := new(Local[item])
	q.head.Store(start)
	q.tail.Publish(start)
	q.taken, q.forgot = start, start
	return q
}

// localModel is a ring, what it overflows into, a thief's ring, and what the first
// two should hold.
type localModel struct {
	q, thief     *Local[item]
	global       Global[item]
	ring, beyond []int // ids
	id           int
}

func (m *localModel) fresh() item {
	m.id++
	return newItem(m.id)
}

func (m *localModel) put(t *testing.T) {
	it := m.fresh()
	full := m.q.Put(&it, &m.global)
	if want := len(m.ring) == sx.RingCap; full != want {
		t.Fatalf("Put into a ring of %d says full = %v", len(m.ring), full)
	}
	if full {
		m.beyond = append(m.beyond, m.ring[:half]...)
		m.ring = slices.Clone(m.ring[half:])
	}
	m.ring = append(m.ring, it.id)
}

func (m *localModel) putAll(n int) {
	batch := make([]item, n)
	for i := range batch {
		batch[i] = m.fresh()
		if len(m.ring) < sx.RingCap {
			m.ring = append(m.ring, batch[i].id)
		} else {
			m.beyond = append(m.beyond, batch[i].id)
		}
	}
	m.q.PutAll(batch, &m.global)
}

func (m *localModel) take(t *testing.T) {
	var it item
	if ok := m.q.Take(&it); ok != (len(m.ring) != 0) || ok && it.id != m.ring[0] {
		t.Fatalf("took %d, %v from a ring of %d", it.id, ok, len(m.ring))
	}
	m.ring = m.ring[min(1, len(m.ring)):]
}

func (m *localModel) steal(t *testing.T) {
	want := len(m.ring) - len(m.ring)/2
	var it item
	n := m.q.StealInto(&it, m.thief)
	var got []int
	for _, it := range m.thief.Drain() {
		got = append(got, it.id)
	}
	if n != 0 {
		got = append(got, it.id)
	}
	if n != want || !slices.Equal(got, m.ring[:want]) {
		t.Fatalf("stole %d and says %d; want %d of %d, the oldest", len(got), n, want, len(m.ring))
	}
	m.ring = m.ring[want:]
}

func (m *localModel) drain(t *testing.T) {
	var got []int
	for _, it := range m.q.Drain() {
		got = append(got, it.id)
	}
	if !slices.Equal(got, m.ring) {
		t.Fatalf("drained %d entries of %d, or in another order", len(got), len(m.ring))
	}
	m.ring = nil
}

// forget empties the ring, and checks that it refers to nothing any more.
func (m *localModel) forget(t *testing.T) {
	m.drain(t)
	m.q.Forget()
	for i := range m.q.slots {
		if m.q.slots[i].Get() != (item{}) {
			t.Fatalf("slot %d still holds an entry", i)
		}
	}
	if s := m.q.spare; s != nil && (s.entries != [segmentCap]item{} || s.len() != 0 || s.next != nil) {
		t.Fatal("the spare segment isn't empty")
	}
}

func (m *localModel) check(t *testing.T) {
	if m.q.RingLen() != len(m.ring) || m.global.Len() != len(m.beyond) {
		t.Fatalf("%d entries in the ring and %d in the global queue; want %d and %d",
			m.q.RingLen(), m.global.Len(), len(m.ring), len(m.beyond))
	}
	var ids []int
	m.q.Each(func(it *item) { ids = append(ids, it.id) })
	if !slices.Equal(ids, m.ring) {
		t.Fatalf("Each shows %d entries of %d, or in another order", len(ids), len(m.ring))
	}
	if ids := globalIDs(&m.global); !slices.Equal(ids, m.beyond) {
		t.Fatalf("the global queue has %d entries of %d, or in another order", len(ids), len(m.beyond))
	}
}

func (m *localModel) step(t *testing.T, r *rand.Rand, puts int) {
	switch n := r.IntN(100); {
	case n < puts:
		m.put(t)
	case n < 94:
		m.take(t)
	case n < 96:
		m.steal(t)
	case n < 97 && len(m.ring) == 0:
		m.beyond = m.beyond[getBatch(t, &m.global, m.q, m.beyond, 1+r.IntN(4)):]
	case n < 98:
		m.putAll(r.IntN(sx.RingCap + 50))
	case n < 99 && r.IntN(4) == 0:
		m.drain(t)
	case r.IntN(4) == 0:
		m.forget(t)
	}
}

// TestLocalAgainstModel does everything with a ring at random, and with a slice.
// For a while puts prevail, so that it overflows, then takes.
func TestLocalAgainstModel(t *testing.T) {
	for _, start := range starts {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(start), 1))
			m := localModel{q: newLocal(start), thief: newLocal(start - 50)}
			for i := range short(10_000) {
				puts := 70
				if i/500%2 == 1 {
					puts = 25
				}
				m.step(t, r, puts)
				if r.IntN(10) == 0 {
					m.check(t)
				}
				if len(m.beyond) > 2000 {
					m.global, m.beyond = Global[item]{}, nil
				}
			}
		})
	}
}

func TestOverflow(t *testing.T) {
	for _, start := range starts {
		m := localModel{q: newLocal(start)}
		for range 3*sx.RingCap + 1 {
			m.put(t)
		}
		m.check(t)
		if len(m.beyond) == 0 {
			t.Error("the ring has never been full")
		}
	}
}

func TestLocalAllocations(t *testing.T) {
	q, thief := newLocal(1<<32-5), newLocal(0)
	var global Global[item]
	it := newItem(1)
	if n := testing.AllocsPerRun(1000, func() {
		for range min(10, sx.RingCap) {
			q.Put(&it, &global)
		}
		q.StealInto(&it, thief)
		for q.Take(&it) || thief.Take(&it) {
		}
	}); n != 0 {
		t.Errorf("%v allocations for Put, StealInto and Take", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for range 2 * sx.RingCap {
			q.Put(&it, &global)
		}
		for global.Get(&it) || q.Take(&it) {
		}
	}); n != 0 {
		t.Errorf("%v allocations with overflow, in steady state", n)
	}
}

// thieve steals from rings into an own one, rings[self], until all is delivered.
func thieve(t *testing.T, d *delivery, rings []*Local[item], self int, global *Global[item]) {
	r := rand.New(rand.NewPCG(uint64(self), 1))
	own := rings[self]
	var it item
	for !d.over() {
		victim := rings[r.IntN(len(rings))]
		switch n := r.IntN(8); {
		case own.Take(&it):
			d.got(t, it)
		case n == 0 && victim.Take(&it):
			d.got(t, it)
		case n == 1 && global.GetBatch(&it, own, 2):
			d.got(t, it)
		case n == 2 && r.IntN(100) == 0:
			for _, it := range victim.Drain() {
				d.got(t, it)
			}
		case n == 3:
			own.Forget() // it was empty, and only its owner puts
		case victim != own && victim.StealInto(&it, own) != 0:
			d.got(t, it)
		default:
			runtime.Gosched()
		}
	}
}

// TestLocalStress has an owner that puts and takes, and thieves that rob it and each
// other: each entry is delivered once.
func TestLocalStress(t *testing.T) {
	for _, start := range []uint32{0, 1<<32 - 10_000} {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			const thieves = 3
			d := newDelivery(t, short(600_000))
			var global Global[item]
			var rings []*Local[item]
			for range 1 + thieves {
				rings = append(rings, newLocal(start))
			}
			others := crowd(thieves, func(i int) { thieve(t, d, rings, i+1, &global) })
			r := rand.New(rand.NewPCG(uint64(start), 2))
			var it item
			for id := 0; id < len(d.seen); {
				for range min(1+r.IntN(2*sx.RingCap), len(d.seen)-id) {
					it := newItem(id)
					rings[0].Put(&it, &global)
					id++
				}
				for range r.IntN(sx.RingCap) {
					if rings[0].Take(&it) {
						d.got(t, it)
					}
				}
			}
			thieve(t, d, rings, 0, &global)
			others.Wait()
			d.check(t)
		})
	}
}
