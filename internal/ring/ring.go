// Package ring is the flight recorder of a P: a bounded buffer of packed
// events that keeps the newest and counts what it had to give up.
//
// Only whoever holds the P writes, and only while the world is stopped does
// anyone read. Whatever hands over the P, or stops the world, orders the
// accesses; so there is nothing atomic here.
//
// The buffer is cut into blocks. A record never crosses the border of a block,
// and a full buffer gives up its oldest block at once: the writer needs no
// look at old records, and what is left always begins with a whole one. Every
// block begins with a sync record, which says what the records after it leave
// out: the P, the M, and the time that theirs count from. Another one follows
// wherever these change.
package ring

import (
	"unsafe"

	"github.com/runq-go/runq/event"
)

const (
	// blockWords is a page of memory. It is a constant, so that the compiler
	// can drop bounds checks; small, so that little is lost at a time; large
	// enough that beginning one doesn't show in the cost of a record.
	blockWords = 512

	// minBlocks makes at least half of the buffer survive at any time.
	minBlocks = 2
)

// The formats of records. The low tagBits of the first word tell which it is;
// times that are not whole count from the base, which is a time.
//
//	sync   tag, func<<4 | base | P<<32 M
//	func   tag, func<<4
//	event  tag, kind<<8, reason<<16, seq<<32 | time | task | arg
//	coarse the same, for an event whose time is coarse
//	ran    tag, (task-parent+idBias)<<4, created<<32 | start, end<<32 | task, more<<56
//	began  the same, with end = start
//	...    tag|tagWide: the same, but without task-parent, and the parent as a fourth word
//
// A ran record stands for more tasks when the ones after it differ by nothing but
// their ids, which count up: so it is with many small tasks that one task spawns.
const (
	tagEnd    = 0 // nothing more in this block
	tagSync   = 1
	tagEvent  = 2
	tagCoarse = 3
	tagRan    = 4
	tagBegan  = 5
	tagFunc   = 6
	tagWide   = 8

	tagBits = 4
	tagMask = 1<<tagBits - 1

	syncWords  = 3
	eventWords = 4
	ranWords   = 3
	wideWords  = 4

	// idBits is what is left for task-parent beside the tag in half a word, and
	// idBias is half of its range: ids come in batches, and a task's batch may
	// be older than its parent's.
	idBits = 32 - tagBits
	idBias = 1 << (idBits - 1)

	// moreShift is where the number of further tasks stands beside a task's id, for
	// which 56 bits are left.
	moreShift = 56

	// maxMore bounds the further tasks of a record: what fits.
	maxMore = 1<<(64-moreShift) - 1

	// timeBits is what a time counted from the base has: about four seconds.
	timeBits = 32

	// margin is how far before the present the base is put, in ns, for a task
	// was created some time before it ran: a quarter of the range, which leaves
	// most of it for what is to come.
	margin = 1 << (timeBits - 2)
)

// Writer is the recorder of one P.
type Writer struct {
	state

	// Fill up to writerSize, so that the allocator puts no other P's Writer
	// into the same cache lines.
	_ [writerSize - unsafe.Sizeof(state{})]byte
}

// writerSize is a size for which the allocator aligns to as much: it is more
// than one line and its neighbour, which processors fetch together.
const writerSize = 256

type state struct {
	// The hot part, read and written with every record: it fits one line.
	cur    *[blockWords]uint64
	pos    uint   // the next free word of cur; blockWords before the first block
	events uint64 // recorded since New
	base   int64  // base and ctx are those of the last sync record
	ctx    uint64
	fn     uintptr // the code of the function that tasks begin with
	exact  int64   // the time of the newest exact event
	again  again   // for the last record

	buf   []uint64
	begin []uint64 // by block: the value of events when it was begun
	begun uint64   // blocks begun since New; cur is the last
	used  int      // blocks in use, the last ones begun
	kept  uint64   // the value of events before the oldest event kept
	read  uint64   // the value of events when somebody last read them
	lost  uint64   // events that nobody has read, as known then
	own   Cursor   // of Drain
}

// again is what a task must be like to be told of by the record of the tasks before
// it. Only task changes with each; the record is completed when it isn't the last
// any more (settle).
type again struct {
	task   event.TaskID // the next
	first  event.TaskID // the first but one: task-first more than the record says
	limit  event.TaskID // none from here on; equal to task where there is no such record
	parent event.TaskID
	time   int64 // when all of them were created, started and ended
}

// New makes a recorder that keeps its records in about as many bytes: rounded
// down to blocks, but at least two of them. Memory that has not been written
// to yet is not touched.
func New(bytes int) *Writer {
	blocks := max(minBlocks, bytes/(blockWords*8))
	w := new(Writer)
	w.buf = make([]uint64, blocks*blockWords)
	w.begin = make([]uint64, blocks)
	w.cur = w.block(0)
	w.pos = blockWords // so that the first record begins a block
	return w
}

// block returns the memory of the n-th block begun, and index its place.
func (w *Writer) block(n uint64) *[blockWords]uint64 {
	return (*[blockWords]uint64)(w.buf[w.index(n)*blockWords:])
}

func (w *Writer) index(n uint64) int { return int(n % uint64(len(w.begin))) }

// Func says which function the tasks begin with that Ran, RanAgain and Began tell of
// from now on: the address of its code, 0 if it isn't known.
func (w *Writer) Func(code uintptr) {
	if w.fn != code {
		w.setFunc(code)
	}
}

// setFunc does the work of Func.
//
//go:noinline
func (w *Writer) setFunc(code uintptr) {
	w.settle()
	w.fn = code
	if w.pos < blockWords { // else the next record is preceded by a sync, which has it
		w.cur[w.pos] = tagFunc | uint64(code)<<tagBits
		w.pos++
	}
}

// Event records one event with an exact time. All fields are kept as they are.
func (w *Writer) Event(time int64, kind event.Kind, reason event.Reason, p event.PID, m event.MID, task event.TaskID, seq uint32, arg uint64) {
	w.exact = time
	w.event(tagEvent, time, kind, reason, context(p, m), task, seq, arg)
}

func (w *Writer) event(tag uint64, time int64, kind event.Kind, reason event.Reason, ctx uint64, task event.TaskID, seq uint32, arg uint64) {
	w.settle()
	if w.ctx != ctx || w.pos > blockWords-eventWords {
		w.sync(time, ctx, eventWords)
	}
	pos := w.pos
	if pos > blockWords-eventWords {
		return // sync has made room; said for the compiler, which then drops the bounds checks
	}
	cur := w.cur
	cur[pos] = tag | uint64(kind)<<8 | uint64(reason)<<16 | uint64(seq)<<32
	cur[pos+1] = uint64(time)
	cur[pos+2] = uint64(task)
	cur[pos+3] = arg
	w.pos = pos + eventWords
	w.events++
}

// Ran records a task that ran from start to end without ever waiting, all of
// it with coarse times: that it was created by parent, started, and finished
// with event.ReasonEndReturn, as its events number 1, 2 and 3. P and M are
// those it ran on.
func (w *Writer) Ran(created, start, end int64, p event.PID, m event.MID, task, parent event.TaskID) {
	w.settle()
	ctx := context(p, m)
	c, s, e := uint64(created-w.base), uint64(start-w.base), uint64(end-w.base)
	ids := uint64(task-parent) + idBias
	pos := w.pos
	if w.ctx != ctx || pos > blockWords-ranWords || (c|s|e)>>timeBits|ids>>idBits|uint64(task)>>moreShift != 0 {
		// What was computed is handed on, rather than the arguments, so that
		// these need no registers up to here.
		w.ranSlowly(c, s, e, ctx, task, ids)
		return
	}
	cur := w.cur
	cur[pos] = tagRan | ids<<tagBits | c<<32
	cur[pos+1] = s | e<<32
	cur[pos+2] = uint64(task)
	w.pos = pos + ranWords
	w.events += 3
	if created == end {
		w.again = again{task: task + 1, first: task + 1, limit: task + 1 + maxMore, parent: parent, time: end}
	}
}

// RanAgain is Ran for a task that differs from the one before by nothing but its id,
// if it is so; else it does nothing and returns false. code is what Func is told. The P
// and the M must not have changed without an Event that says so.
func (w *Writer) RanAgain(created, end int64, task, parent event.TaskID, code uintptr) bool {
	a := &w.again
	if a.task == a.limit || (created^a.time)|(end^a.time)|int64(task^a.task)|int64(parent^a.parent)|int64(code^w.fn) != 0 {
		return false
	}
	a.task++
	return true
}

// settle completes the last record if RanAgain has left that open.
func (w *Writer) settle() {
	a := &w.again
	if a.task != a.first {
		w.settleRan()
	}
	a.limit = a.task
}

func (w *Writer) settleRan() {
	a := &w.again
	more := uint64(a.task - a.first)
	w.cur[w.pos-1] += more << moreShift
	w.events += 3 * more
	a.first = a.task
}

// ranSlowly does the work of Ran where something doesn't fit.
//
//go:noinline
func (w *Writer) ranSlowly(c, s, e, ctx uint64, task event.TaskID, ids uint64) {
	created, start, end := w.base+int64(c), w.base+int64(s), w.base+int64(e)
	parent := task - event.TaskID(ids-idBias)
	if w.run(tagRan, created, start, end, ctx, task, parent) {
		w.events += 3
		return
	}
	w.began(created, start, ctx, task, parent)
	w.event(tagCoarse, end, event.KindTaskFinished, event.ReasonEndReturn, ctx, task, 3, 0)
}

// Began records, late, that a task was created by parent and started, as its
// events number 1 and 2, both with coarse times. It is for the task that Ran
// was hoped for, when it first does something else than end.
func (w *Writer) Began(created, start int64, p event.PID, m event.MID, task, parent event.TaskID) {
	w.settle()
	ctx := context(p, m)
	if w.run(tagBegan, created, start, start, ctx, task, parent) {
		w.events += 2
		return
	}
	w.began(created, start, ctx, task, parent)
}

// began records the same as Began, whatever the times are.
func (w *Writer) began(created, start int64, ctx uint64, task, parent event.TaskID) {
	w.event(tagCoarse, created, event.KindTaskCreated, event.ReasonNone, nowhere, task, 1, uint64(parent))
	w.event(tagCoarse, start, event.KindTaskStarted, event.ReasonNone, ctx, task, 2, 0)
}

// run writes a ran or began record, if its times are close enough together.
func (w *Writer) run(tag uint64, created, start, end int64, ctx uint64, task, parent event.TaskID) bool {
	c, s, e := uint64(created-w.base), uint64(start-w.base), uint64(end-w.base)
	if w.ctx != ctx || w.pos > blockWords-wideWords || (c|s|e)>>timeBits != 0 {
		now := max(start, end)
		if first := min(created, start, end); uint64(now-first)>>timeBits != 0 {
			return false
		} else if now-first > margin {
			now = first + margin
		}
		w.sync(now, ctx, wideWords)
		c, s, e = uint64(created-w.base), uint64(start-w.base), uint64(end-w.base)
	}
	r := w.cur[w.pos:][:wideWords]
	r[0] = tag | c<<32
	r[1] = s | e<<32
	r[2] = uint64(task)
	if ids := uint64(task-parent) + idBias; ids>>idBits|uint64(task)>>moreShift == 0 {
		r[0] |= ids << tagBits
		w.pos += ranWords
		return true
	}
	r[0] |= tagWide
	r[3] = uint64(parent)
	w.pos += wideWords
	return true
}

// sync writes a sync record, with a base that suits what happened around time,
// and with room for so many words behind it; if need be, it begins a block for
// that.
//
//go:noinline
func (w *Writer) sync(time int64, ctx uint64, words uint) {
	if w.pos+syncWords+words > blockWords {
		w.next()
	}
	pos := w.pos
	w.base = time - margin
	w.ctx = ctx
	w.cur[pos] = tagSync | uint64(w.fn)<<tagBits
	w.cur[pos+1] = uint64(w.base)
	w.cur[pos+2] = ctx
	w.pos = pos + syncWords
}

// next ends the block that is being written and begins the one after it, giving up
// what that holds; and more, if there are more events than words in the buffer. Most
// records have three words and stand for three events, but some stand for hundreds,
// and a reader must have memory for all.
func (w *Writer) next() {
	if w.pos < blockWords {
		w.cur[w.pos] = tagEnd
	}
	w.begin[w.index(w.begun)] = w.events
	w.cur = w.block(w.begun)
	w.pos = 0
	w.begun++
	w.used++
	for w.used > len(w.begin) || w.used > minBlocks && w.events-w.kept > uint64(len(w.buf)) {
		w.used--
		w.kept = w.begin[w.index(w.oldest())]
	}
}

// oldest returns the number of the oldest block in use.
func (w *Writer) oldest() uint64 { return w.begun - uint64(w.used) }

// nowhere is the context of an event of which P and M aren't known: a task
// that Ran or Began tells of was created we don't know where.
var nowhere = context(event.NoP, event.NoM)

func context(p event.PID, m event.MID) uint64 {
	return uint64(uint32(p))<<32 | uint64(uint32(m))
}
