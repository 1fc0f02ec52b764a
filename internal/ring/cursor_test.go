package ring

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/runq-go/runq/event"
)

// reader is a reader of a ring with all that it has read.
type reader struct {
	at     Cursor
	chunk  Chunk
	events []event.Event
	lost   uint64
}

func (r *reader) read(w *Writer) {
	w.Take(&r.at, &r.chunk)
	var lost uint64
	r.events, lost = r.chunk.Events(&r.at, r.events, nil)
	r.lost += lost
}

// TestCursors lets readers read at different times. One that reads often enough misses
// nothing, whatever the others do; one that doesn't is told what it has missed.
func TestCursors(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	w := New(0)
	step := 0
	var all []event.Event
	var often, seldom reader
	var drained []event.Event
	for id := event.TaskID(1); id < 20_000; id++ {
		now := int64(id) * 10
		p, m := event.PID(rnd.IntN(3)), event.MID(id/1000)
		if rnd.IntN(50) == 0 {
			w.Func(uintptr(rnd.IntN(3)))
		}
		switch rnd.IntN(3) {
		case 0:
			e := event.Event{Time: now, Kind: event.KindThreadSpun, P: p, M: m}
			w.Event(e.Time, e.Kind, e.Reason, e.P, e.M, e.Task, e.Seq, e.Arg)
			all = append(all, e)
		case 1:
			w.Ran(now, now, now, p, m, id, 1)
			all = append(all, life(now, now, now, p, m, id, 1)...)
			for rnd.IntN(3) != 0 && w.RanAgain(now, now, id+1, 1, w.fn) {
				id++
				all = append(all, life(now, now, now, p, m, id, 1)...)
			}
		case 2:
			w.Began(now, now, p, m, id, 1)
			all = append(all, life(now, now, now, p, m, id, 1)[:2]...)
		}
		if step++; step%20 == 0 {
			often.read(w)
		}
		if rnd.IntN(200) == 0 {
			drained, _ = w.Drain(drained)
		}
		if rnd.IntN(2000) == 0 {
			seldom.read(w)
		}
	}
	often.read(w)
	seldom.read(w)
	w.Drain(drained)
	if often.lost != 0 || !slices.Equal(often.events, all) {
		t.Errorf("who reads often has %d events of %d, %d lost", len(often.events), len(all), often.lost)
	}
	if seldom.lost == 0 {
		t.Error("who reads seldom has lost nothing")
	}
	marks := 0
	for _, e := range seldom.events {
		if e.Kind == event.KindLost {
			marks++
		}
	}
	if got := len(seldom.events) - marks + int(seldom.lost); got != len(all) {
		t.Errorf("who reads seldom has %d events and lost ones of %d", got, len(all))
	}
	if w.Lost() != 0 {
		t.Errorf("%d events are lost, though somebody has read each", w.Lost())
	}
}

// TestSkip: what was there before isn't read.
func TestSkip(t *testing.T) {
	w := New(0)
	var r reader
	w.Skip(&r.at) // nothing there yet
	w.Event(10, event.KindThreadSpun, 0, 1, 2, 0, 0, 0)
	r.read(w)
	if len(r.events) != 1 || r.events[0].M != 2 {
		t.Fatalf("the events are %v", r.events)
	}
	w.Event(20, event.KindThreadSpun, 0, 1, 2, 0, 0, 0)
	w.Skip(&r.at)
	w.Event(30, event.KindThreadSpun, 0, 1, 2, 0, 0, 0)
	r.read(w)
	if len(r.events) != 2 || r.events[1].Time != 30 || r.lost != 0 {
		t.Errorf("the events are %v", r.events)
	}
}

// TestFunc: the function that a task begins with is known, whatever comes between.
func TestFunc(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	w := New(1 << 20)
	want := make(map[event.TaskID]event.StackID)
	for id := event.TaskID(1); id < 20_000; id++ {
		f := uintptr(1 + id/7%3)
		if id%1000 == 0 {
			f = 1<<60 - 1 // the largest there is room for
		}
		w.Func(f)
		now := int64(id)
		switch {
		case id%11 == 0:
			w.Began(now, now<<40, 1, 2, id, 1) // as single events
		case id%13 == 0:
			w.Began(now, now, 1, 2, id, 1<<50)
		case !w.RanAgain(now, now, id, 1, w.fn):
			w.Ran(now, now, now, 1, event.MID(rnd.IntN(2)), id, 1)
		}
		want[id] = event.StackID(f)
	}
	var c Cursor
	var ch Chunk
	w.Take(&c, &ch)
	asked := 0
	events, lost := ch.Events(&c, nil, func(f uintptr) event.StackID { asked++; return event.StackID(f) })
	if lost != 0 || asked == 0 || asked > len(want)/2 {
		t.Fatalf("%d events lost, %d times asked for a function", lost, asked)
	}
	for _, e := range events {
		if e.Kind == event.KindTaskCreated {
			if e.Stack != want[e.Task] {
				t.Fatalf("%v begins with %d, not %d", e, e.Stack, want[e.Task])
			}
			delete(want, e.Task)
		} else if e.Stack != 0 {
			t.Fatalf("%v has the stack %d", e, e.Stack)
		}
	}
	if len(want) != 0 {
		t.Errorf("%d tasks weren't created", len(want))
	}
}
