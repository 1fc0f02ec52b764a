package ring

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/runq-go/runq/event"
)

// model records into a Writer and, beside it, into a slice that has no bound.
type model struct {
	w       *Writer
	records [][]event.Event // since the last drain: what each record stands for
	last    []event.Event   // of the last record, if that is one of Ran's
}

func (m *model) event(e event.Event) {
	m.w.Event(e.Time, e.Kind, e.Reason, e.P, e.M, e.Task, e.Seq, e.Arg)
	m.records = append(m.records, []event.Event{e})
	m.last = nil
}

func life(created, start, end int64, p event.PID, m event.MID, task, parent event.TaskID) []event.Event {
	return []event.Event{
		{Time: created, Kind: event.KindTaskCreated, Task: task, Seq: 1, Arg: uint64(parent), P: event.NoP, M: event.NoM, Coarse: true},
		{Time: start, Kind: event.KindTaskStarted, Task: task, Seq: 2, P: p, M: m, Coarse: true},
		{Time: end, Kind: event.KindTaskFinished, Reason: event.ReasonEndReturn, Task: task, Seq: 3, P: p, M: m, Coarse: true},
	}
}

func (m *model) ran(created, start, end int64, p event.PID, mid event.MID, task, parent event.TaskID) {
	m.w.Ran(created, start, end, p, mid, task, parent)
	m.last = life(created, start, end, p, mid, task, parent)
	m.records = append(m.records, m.last)
}

// again records a task like the last one but for its id, if the Writer says that it
// is that, or with another time or parent, which it must refuse.
func (m *model) again(t *testing.T, r *rand.Rand) {
	if m.last == nil {
		return
	}
	created, start, end := m.last[0], m.last[1], m.last[2]
	task, parent := end.Task+1, event.TaskID(created.Arg)
	switch r.IntN(20) {
	case 0:
		created.Time--
	case 1:
		end.Time++
	case 2:
		parent++
	case 3:
		task++
	}
	if !m.w.RanAgain(created.Time, end.Time, task, parent, m.w.fn) {
		return
	}
	if task != m.last[0].Task+1 || parent != event.TaskID(m.last[0].Arg) || created.Time != m.last[2].Time || end.Time != m.last[2].Time {
		t.Fatalf("task %d of %d from %v to %v is told of by the record of %v", task, parent, created.Time, end.Time, m.last)
	}
	m.last = life(created.Time, start.Time, end.Time, start.P, start.M, task, parent)
	m.records = append(m.records, m.last)
}

func (m *model) began(created, start int64, p event.PID, mid event.MID, task, parent event.TaskID) {
	m.w.Began(created, start, p, mid, task, parent)
	m.records = append(m.records, life(created, start, 0, p, mid, task, parent)[:2])
	m.last = nil
}

// drain compares what the Writer has kept: the newest events, whole records
// but for those that had to be written as several, and the right number lost.
func (m *model) drain(t *testing.T) (lost uint64) {
	t.Helper()
	var all []event.Event
	for _, r := range m.records {
		all = append(all, r...)
	}
	before := m.w.lost
	if total := m.w.Lost(); total < before {
		t.Fatalf("Lost went back from %d to %d", before, total)
	}
	got, lost := m.w.Drain(nil)
	if m.w.Lost() != before+lost {
		t.Fatalf("Lost is %d after %d and %d more", m.w.Lost(), before, lost)
	}
	if lost != 0 {
		got = unmark(t, got, lost)
	}
	if uint64(len(got))+lost != uint64(len(all)) {
		t.Fatalf("%d events returned, %d lost, %d recorded", len(got), lost, len(all))
	}
	if kept := all[lost:]; !slices.Equal(got, kept) {
		for i := range got {
			if got[i] != kept[i] {
				t.Fatalf("event %d: got %v, want %v", i, got[i], kept[i])
			}
		}
	}
	m.records, m.last = nil, nil
	return lost
}

// unmark checks the marks of a loss and returns the events without them. The one
// that ends the stretch stands before the first exact event, or at the end.
func unmark(t *testing.T, got []event.Event, lost uint64) []event.Event {
	t.Helper()
	if got[0].Kind != event.KindLost || got[0].Arg != lost {
		t.Fatalf("%d events lost, and the first event is %v", lost, got[0])
	}
	got = got[1:]
	end := slices.IndexFunc(got, func(e event.Event) bool { return !e.Coarse })
	mark := got[end]
	if mark.Kind != event.KindLost || mark.Arg != 0 {
		t.Fatalf("%d events lost, and the first exact event after that is %v", lost, mark)
	}
	got = slices.Delete(got, end, end+1)
	if end < len(got) && mark.Time != got[end].Time {
		t.Fatalf("the end of the loss is %v, and the first exact event after it %v", mark, got[end])
	}
	return got
}

func TestRoundTrip(t *testing.T) {
	m := model{w: New(1 << 16)}
	m.drain(t) // nothing yet
	extreme := event.Event{Time: math.MinInt64, Kind: math.MaxUint8, Reason: math.MaxUint8, P: math.MaxInt32, M: math.MinInt32,
		Task: math.MaxUint64, Seq: math.MaxUint32, Arg: math.MaxUint64}
	m.event(extreme)
	m.event(event.Event{P: event.NoP, M: event.NoM})
	m.ran(10, 20, 30, 1, 2, 8, 7)
	m.ran(10, 20, 30, 1, 2, 8, event.NoTask)
	m.ran(10, 20, 30, 1, 2, 7, 8)               // a parent from a later batch of ids
	m.ran(25, 20, 20, 1, 2, 9, 8)               // created, says another clock, after its start
	m.ran(0, 20, 30, 1, 2, 1<<40, event.NoTask) // ids far apart
	m.ran(0, 20, 30, 1, 2, 8, 1<<63)
	m.ran(0, 20, 1<<40, 1, 2, 8, 7) // times far apart
	m.ran(-1<<40, 20, 30, 1, 2, 8, 7)
	m.ran(math.MinInt64, 0, math.MaxInt64, 1, 2, 8, 7)
	m.ran(1<<50, 1<<50+1, 1<<50+1<<31, 1, 2, 8, 7) // a late time
	m.ran(1, 2, 3, event.NoP, event.NoM, math.MaxUint64, 1)
	m.began(10, 20, 1, 2, 8, 7)
	m.began(10, 20, 1, 2, 8, 1<<50)
	m.began(10, 1<<50, 1, 2, 8, 7)
	m.event(event.Event{Time: 5, Kind: event.KindStole, P: 3, M: 4, Arg: event.StoleArg(1, 2)})
	if lost := m.drain(t); lost != 0 {
		t.Errorf("%d events lost of a few", lost)
	}
	m.ran(10, 20, 30, 1, 2, 8, 7)
	m.drain(t)
	m.drain(t)
}

// TestAgainstModel records at random and drains at random, with small buffers,
// so that all of them overflow again and again.
func TestAgainstModel(t *testing.T) {
	lost := uint64(0)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		m := model{w: New(r.IntN(6) * blockWords * 8)}
		now := r.Int64()
		for range 6 {
			for range r.IntN(4000) {
				now += r.Int64N(1 << r.IntN(36))
				step(t, r, &m, now)
			}
			lost += m.drain(t)
		}
	}
	if lost == 0 {
		t.Error("no buffer has overflowed")
	}
}

// step records something with times of about now.
func step(t *testing.T, r *rand.Rand, m *model, now int64) {
	p, mid := event.PID(0), event.MID(0)
	if r.IntN(20) == 0 {
		p, mid = event.PID(r.IntN(3)-1), event.MID(r.IntN(3)-1)
	}
	task := event.TaskID(r.Uint64() >> (r.IntN(8) * 8))
	parent := task + event.TaskID(r.Int64N(1<<(1+r.IntN(40)))) - event.TaskID(r.Int64N(1<<(1+r.IntN(40))))
	took, queued := r.Int64N(1<<(1+r.IntN(34))), r.Int64N(1<<(1+r.IntN(34)))
	switch r.IntN(6) {
	case 0:
		m.event(event.Event{Time: now, Kind: event.Kind(r.IntN(20)), Reason: event.Reason(r.IntN(20)), P: p, M: mid,
			Task: task, Seq: r.Uint32() >> (r.IntN(4) * 8), Arg: r.Uint64()})
	case 1:
		m.began(now-took-queued, now-took, p, mid, task, parent)
	case 2:
		m.ran(now, now, now, p, mid, task, parent)
		for range r.IntN(2 * maxMore) {
			m.again(t, r)
		}
	default:
		m.ran(now-took-queued, now-took, now, p, mid, task, parent)
	}
}

// TestRanAgain checks that tasks which differ only by their ids share a record, as
// many as its count has room for, and that none do after anything else.
func TestRanAgain(t *testing.T) {
	w := New(1 << 16)
	w.Event(10, event.KindProcAcquired, 0, 1, 2, 0, 0, 0)
	for i, between := range []func(){
		func() {},
		func() { w.Event(10, event.KindStole, 0, 1, 2, 0, 0, 0) },
		func() { w.Began(10, 10, 1, 2, 3, 1) },
		func() { w.Drain(nil) },
	} {
		first := event.TaskID(1000*i + 10)
		w.Ran(10, 10, 10, 1, 2, first, 1)
		pos := w.pos
		for n := range event.TaskID(maxMore) {
			if !w.RanAgain(10, 10, first+1+n, 1, w.fn) {
				t.Fatalf("task %d isn't told of by the record", n)
			}
		}
		if w.pos != pos {
			t.Error("something was written")
		}
		if next := first + 1 + maxMore; w.RanAgain(10, 10, next, 1, w.fn) {
			t.Error("the record tells of more than it can count")
		} else {
			w.Ran(10, 10, 10, 1, 2, next, 1)
			between()
			if got := w.RanAgain(10, 10, next+1, 1, w.fn); got != (i == 0) {
				t.Errorf("%d: after something else, the record says %v", i, got)
			}
		}
	}
}

// TestBoundOnEvents checks that a buffer of records that stand for hundreds of tasks
// tells of no more events than it has words, give or take a block.
func TestBoundOnEvents(t *testing.T) {
	w := New(1 << 20)
	task := event.TaskID(1)
	for range 10 * len(w.buf) {
		if task++; !w.RanAgain(10, 10, task, 1, w.fn) {
			w.Ran(10, 10, 10, 1, 2, task, 1)
		}
	}
	events, lost := w.Drain(nil)
	const block = blockWords / ranWords * (1 + maxMore) * 3
	if n := len(events); n > len(w.buf)+2*block || n < len(w.buf)-2*block || uint64(n-2)+lost != uint64(30*len(w.buf)) {
		t.Errorf("%d events of %d are kept in %d words, and %d lost", n, 30*len(w.buf), len(w.buf), lost)
	}
}

// TestKeepsHalf checks that, whatever the size, at least half of the buffer is
// there when it has overflowed, and that the newest event always is.
func TestKeepsHalf(t *testing.T) {
	for _, bytes := range []int{-1, 0, 1, 8 << 10, 12 << 10, 1 << 20} {
		w := New(bytes)
		words := len(w.buf)
		if bytes >= minBlocks*blockWords*8 && words*8 > bytes {
			t.Errorf("New(%d) takes %d bytes", bytes, words*8)
		}
		for i := range words { // each record takes more than a word
			w.Ran(int64(i), int64(i), int64(i), 1, 1, event.TaskID(i), 0)
		}
		events, lost := w.Drain(nil)
		if lost == 0 || events[len(events)-1].Time != int64(words-1) {
			t.Errorf("New(%d): %d lost, the newest is %v", bytes, lost, events[len(events)-1])
		}
		if kept := len(events) - 2; kept < (words/2-2*syncWords)/ranWords*3 {
			t.Errorf("New(%d): only %d events kept in %d words", bytes, kept, words)
		}
	}
}

// TestLossMarks checks that the stretch of a loss begins where the Drain
// before it left off: everything lost is newer than that.
func TestLossMarks(t *testing.T) {
	w := New(0)
	w.Event(77, event.KindProcAcquired, 0, 5, 1, 0, 0, 0)
	w.Drain(nil)
	for i := range int64(len(w.buf)) {
		w.Event(100+i, event.KindProcAcquired, 0, 5, 1, 0, 0, 0)
	}
	events, lost := w.Drain(nil)
	if events[0].Time != 77 || events[0].P != 5 || events[0].Arg != lost {
		t.Errorf("the loss begins with %v", events[0])
	}
	if events[1].Time != 100+int64(lost) || events[1].P != 5 {
		t.Errorf("%d events lost from 100 on, and the loss ends with %v", lost, events[1])
	}
}

// TestLossEndsWithExact checks that the stretch of a loss doesn't end before
// the exact events that were lost, though a task that ran after them was created
// long before.
func TestLossEndsWithExact(t *testing.T) {
	for _, exact := range []bool{true, false} {
		w := New(0)
		now := int64(1000)
		w.Event(now, event.KindProcAcquired, 0, 5, 1, 0, 0, 0)
		for id := range event.TaskID(len(w.buf)) {
			w.Ran(10, 20, 30, 5, 1, id+1, event.NoTask)
		}
		if exact {
			now = 2000
			w.Event(now, event.KindProcReleased, 0, 5, 1, 0, 0, 0)
			w.Ran(10, 20, 30, 5, 1, 1<<20, event.NoTask)
		}
		events, lost := w.Drain(nil)
		end := slices.IndexFunc(events[1:], func(e event.Event) bool { return e.Kind == event.KindLost }) + 1
		if lost == 0 || events[end].Time != now || events[end].P != 5 {
			t.Errorf("exact event kept: %v; %d lost, and the loss ends with %v", exact, lost, events[end])
		}
		if after := len(events) - 1 - end; exact && after != 4 || !exact && after != 0 {
			t.Errorf("exact event kept: %v; %d events after the end of the loss", exact, after)
		}
	}
}

func TestAllocations(t *testing.T) {
	w := New(1 << 14)
	i := int64(0)
	if n := testing.AllocsPerRun(10_000, func() {
		i++
		p := event.PID(i / 100)
		w.Ran(i, i, i, p, 1, event.TaskID(i), 1)
		w.Ran(i, i, i+1<<33, p, 1, event.TaskID(i), 1<<50)
		w.Began(i, i, p, 1, event.TaskID(i), 1)
		w.Event(i, event.KindTaskParked, event.ReasonWaitPark, p, 1, 1, 1, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	dst := make([]event.Event, 0, 1<<14)
	if n := testing.AllocsPerRun(10, func() {
		w.Ran(i, i, i, 1, 1, event.TaskID(i), 1)
		w.Drain(dst)
	}); n != 0 {
		t.Errorf("%v allocations in Drain with room enough", n)
	}
}

// FuzzDecode feeds the decoder with words that no Writer has written.
func FuzzDecode(f *testing.F) {
	w := New(0)
	w.Ran(1, 2, 3, 1, 2, 8, 7)
	w.Began(1, 2, 1, 2, 1<<40, 7)
	w.Event(1, event.KindTaskParked, event.ReasonWaitPark, 1, 2, 8, 3, 4)
	var seed []byte
	for _, word := range w.cur[:w.pos] {
		for i := range 8 {
			seed = append(seed, byte(word>>(8*i)))
		}
	}
	f.Add(seed)
	f.Add(seed[8:])
	f.Add(seed[:len(seed)-8])
	f.Fuzz(func(t *testing.T, data []byte) {
		var words []uint64
		for ; len(data) >= 8; data = data[8:] {
			word := uint64(0)
			for i := range 8 {
				word |= uint64(data[i]) << (8 * i)
			}
			words = append(words, word)
		}
		var d decoder
		d.block(words)
		events := d.dst
		if len(events) > (1+maxMore)*len(words) {
			t.Errorf("%d events out of %d words", len(events), len(words))
		}
		for _, e := range events {
			_ = e.String()
		}
	})
}
