//go:build model

package queue

import (
	"fmt"
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// ledger knows which entries have been put and which have been had.
type ledger struct {
	x    *model.Execution
	had  []int // by id: how often
	last map[string]int
}

func newLedger(x *model.Execution) *ledger { return &ledger{x: x, last: make(map[string]int)} }

// fresh returns the next entry to be put.
func (l *ledger) fresh() *item {
	it := newItem(len(l.had))
	l.had = append(l.had, 0)
	return &it
}

// got notes that somebody has got an entry, who gets them in the order of putting.
func (l *ledger) got(who string, it item) {
	if it.check != ^it.id || it.p != &target {
		l.x.Failf("%s has got a torn entry: %+v", who, it)
	}
	if last, ok := l.last[who]; ok && it.id <= last {
		l.x.Failf("%s has got entry %d after entry %d", who, it.id, last)
	}
	l.last[who] = it.id
	if l.had[it.id]++; l.had[it.id] > 1 {
		l.x.Failf("entry %d was had twice", it.id)
	}
}

// settle takes what is left in the queues and checks that nothing is lost.
func (l *ledger) settle(global *Global[item], rings ...*Local[item]) {
	var it item
	for i, q := range rings {
		for q.Take(&it) {
			l.got(fmt.Sprint("ring ", i), it)
		}
	}
	for global != nil && global.Get(&it) {
		l.got("global queue", it)
	}
	for id, n := range l.had {
		if n == 0 {
			l.x.Failf("entry %d is lost", id)
		}
	}
}

// nameRing names what is shared of a ring.
func nameRing(q *Local[item], name string) {
	model.Name(&q.head, name+".head")
	model.Name(&q.tail, name+".tail")
	for i := range q.slots {
		model.Name(&q.slots[i], fmt.Sprintf("%s[%d]", name, i))
	}
}

// put puts n new entries into q.
func (l *ledger) put(q *Local[item], n int, global *Global[item]) {
	for range n {
		q.Put(l.fresh(), global)
	}
}

// take takes up to n entries from q.
func (l *ledger) take(who string, q *Local[item], n int) {
	var it item
	for range n {
		if q.Take(&it) {
			l.got(who, it)
		}
	}
}

// steal steals from q into the own ring, and takes what it has got.
func (l *ledger) steal(who string, q, own *Local[item]) {
	var it item
	n := q.StealInto(&it, own)
	if n == 0 {
		return
	}
	l.take(who, own, n-1)
	l.got(who, it)
}

// duel runs an owner against thieves, at a ring that begins at start with up to most
// entries in it.
func duel(t *testing.T, preemptions int, start uint32, most, thieves int, owner func(l *ledger, q *Local[item], global *Global[item])) {
	t.Helper()
	model.Check(t, model.Config{Preemptions: preemptions}, func(x *model.Execution) {
		l := newLedger(x)
		q, global := newLocal(start), new(Global[item])
		nameRing(q, "ring")
		rings := []*Local[item]{q}
		l.put(q, x.Choose(most+1), global)
		x.Go("owner", func() { owner(l, q, global) })
		for i := range thieves {
			own := newLocal(uint32(i))
			rings = append(rings, own)
			name := fmt.Sprint("thief ", i)
			x.Go(name, func() { l.steal(name, q, own) })
		}
		x.Join()
		l.settle(global, rings...)
	})
}

// TestModelLocal: the owner puts and takes while a thief steals. 20,000 schedules with
// up to four preemptions, less than a second.
func TestModelLocal(t *testing.T) {
	duel(t, 4, 0, 2, 1, func(l *ledger, q *Local[item], global *Global[item]) {
		l.put(q, 1, global)
		l.take("owner", q, 3)
	})
}

// TestModelTwoThieves has two thieves. 160,000 schedules with up to three preemptions,
// a second.
func TestModelTwoThieves(t *testing.T) {
	duel(t, 3, 0, 3, 2, func(l *ledger, q *Local[item], global *Global[item]) {
		l.put(q, 1, global)
		l.take("owner", q, 2)
	})
}

// TestModelOverflow: the owner fills the ring until it overflows. 14,000 schedules
// with up to three preemptions, less than a second.
func TestModelOverflow(t *testing.T) {
	duel(t, 3, 0, sx.RingCap-1, 1, func(l *ledger, q *Local[item], global *Global[item]) {
		l.put(q, 3, global)
		l.take("owner", q, 1)
	})
}

// TestModelWrap: the indexes go from 2³²-1 to 0 meanwhile. 9,400 schedules with up to
// three preemptions, less than a second.
func TestModelWrap(t *testing.T) {
	duel(t, 3, 1<<32-3, 2, 1, func(l *ledger, q *Local[item], global *Global[item]) {
		l.put(q, 2, global)
		l.take("owner", q, 4)
	})
}

// TestModelLap: the owner goes once around the ring, so that every slot that the thief
// copies is written again. 12,000 schedules with up to three preemptions, less than a
// second.
func TestModelLap(t *testing.T) {
	duel(t, 3, 0, 1, 1, func(l *ledger, q *Local[item], global *Global[item]) {
		for range sx.RingCap + 1 {
			l.put(q, 1, global)
			l.take("owner", q, 1)
		}
	})
}

// TestModelChain: a thief is robbed while it steals. 540 schedules with up to three
// preemptions, less than a second.
func TestModelChain(t *testing.T) {
	model.Check(t, model.Config{Preemptions: 3}, func(x *model.Execution) {
		l := newLedger(x)
		a, b, c := newLocal(0), newLocal(1), newLocal(2)
		nameRing(a, "a")
		nameRing(b, "b")
		nameRing(c, "c")
		l.put(a, sx.RingCap, nil)
		x.Go("b", func() { l.steal("b", a, b) })
		x.Go("c", func() { l.steal("c", b, c) })
		x.Join()
		l.settle(nil, a, b, c)
	})
}
