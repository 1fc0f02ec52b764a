package ring

import (
	"slices"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Cursor is how far a reader has come in a Writer. The zero one is at the beginning.
type Cursor struct {
	block    uint64  // number of the block where it reads on
	pos      uint    // and the word
	base     int64   // what the records there leave out
	ctx      uint64  //
	fn       uintptr //
	events   uint64  // recorded before
	lastTime int64   // of the newest event that it has seen
}

// Chunk is what was recorded after a Cursor, copied, so that it can be read when the
// world goes on. The zero one is empty; it may be used again.
type Chunk struct {
	words []uint64
	ends  []int  // in words, of what the blocks contribute
	from  Cursor // where it begins
	lost  uint64 // events before that
	exact int64  // time of the Writer's newest exact event
}

// Skip moves the cursor to the end, past everything. The world must be stopped.
func (w *Writer) Skip(c *Cursor) {
	w.settle()
	w.noteRead()
	lastTime := max(c.lastTime, w.exact)
	*c = w.end()
	c.lastTime = lastTime
}

// end returns a cursor at the end. The last record is settled.
func (w *Writer) end() Cursor {
	if w.begun == 0 {
		return Cursor{}
	}
	return Cursor{block: w.begun - 1, pos: w.pos, base: w.base, ctx: w.ctx, fn: w.fn, events: w.events}
}

// noteRead notes that somebody reads all there is.
func (w *Writer) noteRead() {
	if w.kept > w.read {
		w.lost += w.kept - w.read
	}
	w.read = w.events
}

// Take copies what was recorded since the cursor into the chunk, whose former contents
// are lost, and moves the cursor. The world must be stopped.
func (w *Writer) Take(c *Cursor, into *Chunk) {
	into.words, into.ends = into.words[:0], into.ends[:0]
	w.take(c, into, func(words []uint64) {
		into.words = append(into.words, words...)
		into.ends = append(into.ends, len(into.words))
	})
}

// take shows each the words of every block since the cursor, notes in the chunk what
// else there is to know, and moves the cursor.
func (w *Writer) take(c *Cursor, into *Chunk, each func(words []uint64)) {
	w.settle()
	w.noteRead()
	into.from, into.lost, into.exact = *c, 0, w.exact
	at := into.from
	if oldest := w.oldest(); at.block < oldest {
		into.lost = w.kept - c.events
		at = Cursor{block: oldest}
	}
	into.from.base, into.from.ctx, into.from.fn = at.base, at.ctx, at.fn
	for n := at.block; n < w.begun; n++ {
		end := uint(blockWords)
		if n == w.begun-1 {
			end = w.pos
		}
		each(w.block(n)[at.pos:end])
		at.pos = 0
	}
	lastTime := c.lastTime
	*c = w.end()
	c.lastTime = lastTime
}

// Words returns how much the chunk holds, for judging how full the ring was.
func (ch *Chunk) Words() int { return len(ch.words) }

// Events appends the chunk's events to dst, in the order in which they were recorded, with
// lost and its marks as Drain says. c is the cursor that the chunk was taken with. stackOf,
// if not nil, is asked for the Stack of a task's first event, by the code of the function
// that the task begins with.
func (ch *Chunk) Events(c *Cursor, dst []event.Event, stackOf func(code uintptr) event.StackID) (events []event.Event, lost uint64) {
	d := decoder{dst: dst, stackOf: stackOf}
	first := d.begin(ch)
	from := 0
	for _, end := range ch.ends {
		d.block(ch.words[from:end])
		from = end
	}
	return d.finish(ch, c, first), ch.lost
}

// Drain appends the events recorded since the last Drain to dst, as far as they are
// kept, in the order in which they were recorded. Times need not be in order: events of
// tasks that never waited come late. lost is the number of events given up
// since the last Drain; recorded = returned + lost.
//
// If it isn't zero, the events begin with an [event.KindLost] that says so,
// at the time where the stretch with losses begins. A second one, with Arg 0,
// stands where it ends: before the first exact event kept, or after all events
// when there is none. These two are not counted.
//
// The world must be stopped.
func (w *Writer) Drain(dst []event.Event) (events []event.Event, lost uint64) {
	return w.DrainWith(dst, nil)
}

// DrainWith is Drain with stackOf: see Chunk.Events.
func (w *Writer) DrainWith(dst []event.Event, stackOf func(code uintptr) event.StackID) (events []event.Event, lost uint64) {
	var ch Chunk
	d := decoder{dst: dst, stackOf: stackOf}
	first, begun := 0, false
	w.take(&w.own, &ch, func(words []uint64) {
		if !begun {
			first, begun = d.begin(&ch), true
		}
		d.block(words)
	})
	if !begun {
		first = d.begin(&ch)
	}
	return d.finish(&ch, &w.own, first), ch.lost
}

// begin makes room for the mark of a loss, and returns where the events begin.
func (d *decoder) begin(ch *Chunk) (first int) {
	if ch.lost != 0 {
		d.dst = append(d.dst, event.Event{})
	}
	d.base, d.fn = ch.from.base, ch.from.fn
	d.p, d.m = event.PID(ch.from.ctx>>32), event.MID(ch.from.ctx)
	return len(d.dst)
}

// finish puts the marks of a loss in.
func (d *decoder) finish(ch *Chunk, c *Cursor, first int) []event.Event {
	dst := d.dst
	start := c.lastTime
	for i := first; i < len(dst); i++ {
		c.lastTime = max(c.lastTime, dst[i].Time)
	}
	if ch.lost != 0 {
		dst[first-1] = event.Event{Kind: event.KindLost, Time: start, Arg: ch.lost, P: place(dst[first:]), M: event.NoM}
		dst = closeGap(dst, first, max(c.lastTime, ch.exact))
	}
	return dst
}

// closeGap puts the mark that ends a stretch with losses among dst[first:], the
// events kept. Nothing exact that was lost is later than the first exact event
// kept. A coarse one tells nothing: the task that it is of may have been created
// long before what was lost, and a mark with its time would let a reader believe
// too early that it knows again who holds which P.
//
// Nor does the mark go before the coarse events with a later time: these would be
// held back, and so would the events of other streams that are to follow them.
func closeGap(dst []event.Event, first int, last int64) []event.Event {
	end := event.Event{Kind: event.KindLost, Time: last, P: place(dst[first:]), M: event.NoM}
	at := first
	for at < len(dst) && dst[at].Coarse {
		at++
	}
	if at < len(dst) {
		end.Time = dst[at].Time
	}
	return slices.Insert(dst, at, end)
}

// Recorded returns how many events have been recorded since New, but for the last few, if
// one record stands for them. Anyone may ask at any time.
func (w *Writer) Recorded() uint64 { return sx.PeekUint64(&w.events) }

// Words returns the size of the ring, in the unit of Chunk.Words.
func (w *Writer) Words() int { return len(w.buf) }

// Lost returns how many events nobody has read before they were given up. Anyone may ask
// at any time; while the owner writes or somebody reads, the answer may be a little off.
func (w *Writer) Lost() uint64 {
	n := int64(sx.PeekUint64(&w.kept) - sx.PeekUint64(&w.read))
	return sx.PeekUint64(&w.lost) + uint64(max(n, 0))
}

// place returns the P that a stream is of: the first that is known.
func place(events []event.Event) event.PID {
	for i := range events {
		if events[i].P != event.NoP {
			return events[i].P
		}
	}
	return event.NoP
}

// decoder turns records into events.
type decoder struct {
	dst     []event.Event
	base    int64
	p       event.PID
	m       event.MID
	fn      uintptr
	stackOf func(code uintptr) event.StackID

	asked uintptr // what stackOf was asked last, and its answer
	stack event.StackID
}

// block appends the events that the words of one block tell of. It stops at
// the first record that is not whole or has no known format.
func (d *decoder) block(words []uint64) {
	for len(words) > 0 {
		w := words[0]
		size := recordWords[w&tagMask]
		if size == 0 || len(words) < size {
			return
		}
		switch w & tagMask {
		case tagSync:
			d.fn = uintptr(w >> tagBits)
			d.base = int64(words[1])
			d.p, d.m = event.PID(words[2]>>32), event.MID(words[2])
		case tagFunc:
			d.fn = uintptr(w >> tagBits)
		case tagEvent, tagCoarse:
			d.event(words)
		case tagRan, tagBegan:
			ids := w >> tagBits & (1<<idBits - 1)
			task := event.TaskID(words[2] & (1<<moreShift - 1))
			parent := task - event.TaskID(ids) + idBias
			for range words[2]>>moreShift + 1 {
				d.ran(words, task, parent)
				task++
			}
		case tagRan | tagWide, tagBegan | tagWide:
			d.ran(words, event.TaskID(words[2]), event.TaskID(words[3]))
		}
		words = words[size:]
	}
}

// recordWords has the size of each sort of record, 0 for what isn't one.
var recordWords = [tagMask + 1]int{
	tagSync: syncWords, tagFunc: 1, tagEvent: eventWords, tagCoarse: eventWords, tagRan: ranWords, tagBegan: ranWords,
	tagRan | tagWide: wideWords, tagBegan | tagWide: wideWords,
}

func (d *decoder) event(r []uint64) {
	e := event.Event{
		Time: int64(r[1]), Task: event.TaskID(r[2]), Arg: r[3], Seq: uint32(r[0] >> 32), P: d.p, M: d.m,
		Kind: event.Kind(r[0] >> 8), Reason: event.Reason(r[0] >> 16), Coarse: r[0]&tagMask == tagCoarse,
	}
	if e.Coarse && e.Kind == event.KindTaskCreated {
		e.Stack = d.begins()
	}
	d.dst = append(d.dst, e)
}

// ran appends the two or three events of a task that a ran or began record tells of.
func (d *decoder) ran(r []uint64, task, parent event.TaskID) {
	created := d.base + int64(r[0]>>32)
	start := d.base + int64(uint32(r[1]))
	end := d.base + int64(r[1]>>32)
	d.dst = append(d.dst,
		event.Event{Time: created, Task: task, Arg: uint64(parent), Seq: 1, P: event.NoP, M: event.NoM, Kind: event.KindTaskCreated, Coarse: true, Stack: d.begins()},
		event.Event{Time: start, Task: task, Seq: 2, P: d.p, M: d.m, Kind: event.KindTaskStarted, Coarse: true})
	if r[0]&tagMask&^tagWide == tagRan {
		d.dst = append(d.dst,
			event.Event{Time: end, Task: task, Seq: 3, P: d.p, M: d.m, Kind: event.KindTaskFinished, Reason: event.ReasonEndReturn, Coarse: true})
	}
}

// begins returns the stack of the tasks that begin with the present function.
func (d *decoder) begins() event.StackID {
	if d.stackOf == nil || d.fn == 0 {
		return 0
	}
	if d.fn != d.asked {
		d.asked, d.stack = d.fn, d.stackOf(d.fn)
	}
	return d.stack
}
