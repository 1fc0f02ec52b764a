//go:build model

package queue

import (
	"fmt"
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// wantSeen fails the test if one of the outcomes that were counted never came. A
// single schedule that is repeated needs none of them.
func wantSeen(t *testing.T, r model.Report, seen map[string]int) {
	t.Helper()
	t.Logf("outcomes: %v", seen)
	for name, n := range seen {
		if n == 0 && r.Schedules > 1 {
			t.Errorf("no schedule has come to: %s", name)
		}
	}
}

// pool are a global queue and the rings that exchange batches with it.
type pool struct {
	*ledger
	global *Global[item]
	rings  []*Local[item]
}

// newPool returns a pool with some entries in the global queue.
func newPool(x *model.Execution, rings, queued int) *pool {
	p := &pool{ledger: newLedger(x), global: new(Global[item])}
	model.Name(&p.global.mu, "lock")
	model.Name(&p.global.size, "size")
	for i := range rings {
		q := newLocal(uint32(i))
		nameRing(q, fmt.Sprint("ring ", i))
		p.rings = append(p.rings, q)
	}
	for range queued {
		p.global.Put(*p.fresh())
	}
	return p
}

// batch fetches a batch for a ring and takes what has come, in no order that says
// anything: an overflow moves the older half behind what others have put meanwhile.
// It returns how many came.
func (p *pool) batch(i, procs int) (n int) {
	var it item
	if !p.global.GetBatch(&it, p.rings[i], procs) {
		return 0
	}
	for ok := true; ok; ok = p.rings[i].Take(&it) {
		p.one(it)
		n++
	}
	return n
}

// empty takes what is in a ring.
func (p *pool) empty(i int) {
	for it := (item{}); p.rings[i].Take(&it); {
		p.one(it)
	}
}

// one notes that an entry was had.
func (p *pool) one(it item) {
	p.last = make(map[string]int)
	p.got("anyone", it)
}

// settle checks the size and takes what is left: nothing is lost, nothing had twice,
// and no segment is in two places.
func (p *pool) settle() {
	p.x.Join()
	if n := countOf(p.global); p.global.Len() != n {
		p.x.Failf("the size says %d, there are %d", p.global.Len(), n)
	}
	at := make(map[*segment[item]]string)
	note := func(s *segment[item], where string) {
		if s == nil {
			return
		}
		if was, ok := at[s]; ok {
			p.x.Failf("a segment is in %s and in %s", was, where)
		}
		at[s] = where
	}
	for s := p.global.head; s != nil; s = s.next {
		note(s, "the queue")
	}
	spares := 0
	for s := p.global.spare; s != nil; s = s.next {
		note(s, "the spare ones")
		spares++
	}
	if spares != p.global.spares {
		p.x.Failf("the count says %d spare segments, there are %d", p.global.spares, spares)
	}
	var it item
	for _, q := range p.rings {
		note(q.spare, "a ring")
		for q.Take(&it) {
			p.one(it)
		}
	}
	for p.global.Get(&it) {
		p.one(it)
	}
	p.ledger.settle(p.global)
}

func countOf(g *Global[item]) (n int) {
	g.Each(func(*item) { n++ })
	return n
}

// TestModelGlobal: two Ps fetch batches, of whole segments and cut ones, while a
// submitter puts, and one of the Ps overflows. 14,000 schedules with up to two
// preemptions, less than a second.
func TestModelGlobal(t *testing.T) {
	cut, whole := 0, 0
	r := model.Check(t, model.Config{Preemptions: 2}, func(x *model.Execution) {
		p := newPool(x, 2, 2)
		for i := range p.rings {
			x.Go(fmt.Sprint("P ", i), func() {
				if p.batch(i, 3) == 1 {
					cut++
				} else {
					whole++
				}
				if i == 0 {
					p.put(p.rings[0], sx.RingCap+1, p.global)
				}
			})
		}
		x.Go("submitter", func() {
			p.global.Put(*p.fresh())
			p.global.PutAll([]item{*p.fresh(), *p.fresh()})
		})
		p.settle()
	})
	wantSeen(t, r, map[string]int{"cut": cut, "whole": whole})
}

// TestModelGlobalLast: two take one entry at a time, and one a batch, of a queue that
// has too few for all. 60,000 schedules with up to four preemptions, less than a
// second.
func TestModelGlobalLast(t *testing.T) {
	none, one := 0, 0
	r := model.Check(t, model.Config{Preemptions: 4}, func(x *model.Execution) {
		p := newPool(x, 1, 2)
		for i := range 2 {
			x.Go(fmt.Sprint("tick ", i), func() {
				var it item
				if !p.global.Get(&it) {
					none++
					return
				}
				one++
				p.one(it)
			})
		}
		x.Go("P", func() { p.batch(0, 2) })
		p.settle()
	})
	wantSeen(t, r, map[string]int{"none": none, "one": one})
}

// TestModelGlobalSegments: segments go around between two Ps. One fetches twice, and
// gives the first segment, emptied, away for the second; the other overflows twice,
// and takes in exchange what is spare. Then each does what the other did. 170,000
// schedules with up to three preemptions, 7 s.
func TestModelGlobalSegments(t *testing.T) {
	given, none := 0, 0
	r := model.Check(t, model.Config{Preemptions: 3}, func(x *model.Execution) {
		p := newPool(x, 2, 2*segmentCap)
		x.Go("P 0", func() {
			p.batch(0, 1)
			p.batch(0, 1)
			p.put(p.rings[0], sx.RingCap+1, p.global)
		})
		x.Go("P 1", func() {
			p.put(p.rings[1], sx.RingCap+1, p.global)
			if p.rings[1].spare != nil {
				given++
			} else {
				none++
			}
			p.put(p.rings[1], segmentCap, p.global)
			p.empty(1)
			p.batch(1, 1)
		})
		p.settle()
	})
	wantSeen(t, r, map[string]int{"a spare one in exchange": given, "none in exchange": none})
}

// TestModelOverflowThief: a full ring overflows while a thief steals, so that there is
// room after all, or is not. 8,200 schedules with up to four preemptions, less than a
// second.
func TestModelOverflowThief(t *testing.T) {
	overflown, room := 0, 0
	r := model.Check(t, model.Config{Preemptions: 4}, func(x *model.Execution) {
		p := newPool(x, 2, 0)
		q, own := p.rings[0], p.rings[1]
		p.put(q, sx.RingCap, p.global)
		x.Go("owner", func() {
			if q.Put(p.fresh(), p.global) {
				overflown++
			} else {
				room++
			}
		})
		x.Go("thief", func() {
			var it item
			if q.StealInto(&it, own) > 0 {
				p.one(it)
			}
		})
		p.settle()
	})
	wantSeen(t, r, map[string]int{"overflown": overflown, "room": room})
}
