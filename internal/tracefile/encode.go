package tracefile

import (
	"encoding/binary"

	"github.com/runq-go/runq/event"
)

// How the fields of an event are told. An events block has a dictionary of the triples
// (kind, reason, mode) that occur in it, and one byte for each event that says which. The
// mode says for each field where it comes from. What needs more has a number in a column
// of its own; the tables here are in docs/trace-format.md.
const (
	modeCoarse = 1 << 0

	timeSame = 0 << 1 // as the event before
	time1    = 1 << 1 // column time: how much later, in one byte; and so on
	time2    = 2 << 1
	time3    = 3 << 1
	time4    = 4 << 1
	time8    = 5 << 1
	timeBack = 6 << 1 // column time: how much earlier, in eight bytes
	timeMask = 7 << 1

	taskNone  = 0 << 4
	taskSame  = 1 << 4 // as the last event that had a task
	taskNext  = 2 << 4 // the number after that
	taskDelta = 3 << 4 // column task: the difference to that, zigzag
	taskMask  = 3 << 4

	seqNone   = 0 << 6
	seqOne    = 1 << 6 // the first event of its task
	seqCount  = 2 << 6 // the one after the last event in this block of the tasks with the same hint
	seqColumn = 3 << 6 // column seq
	seqMask   = 3 << 6

	placeSame   = 0 << 8 // P and M as the event before
	placeNone   = 1 << 8 // NoP, NoM
	placeColumn = 2 << 8 // column place: number in the block's list of places
	placeMask   = 3 << 8

	argZero  = 0 << 10
	argSame  = 1 << 10 // as the last event of the kind that had another Arg than 0
	argDelta = 2 << 10 // column arg: the difference to that, zigzag
	argHint  = 3 << 10 // as the last one of the tasks with the same hint, of any kind
	argTask  = 4 << 10 // the task of the last event before that had one
	argMask  = 7 << 10

	stackZero   = 0 << 13
	stackSame   = 1 << 13 // as the last event that had one
	stackColumn = 2 << 13 // column stack
	stackMask   = 3 << 13

	byZero   = 0 << 15
	bySame   = 1 << 15
	byColumn = 2 << 15 // column stack, after Stack
	byMask   = 3 << 15
)

// timeSize has the bytes that a time takes, by the field of the mode. That the mode tells
// it, rather than the column itself, lets a reader take times without a branch that no
// processor can foresee.
var timeSize = [timeMask>>1 + 1]uint8{0, 1, 2, 3, 4, 8, 8, 0}

// The columns, by number.
const (
	colOps = iota // a byte for each event: its triple's number
	colTime
	colTask
	colSeq
	colPlace
	colArg
	colStack
	numCols
)

// hints is how many tasks a block can say "the next of this task" about at a time: those
// that have the same low bits share one. A few hundred tasks are busy at once in most
// programs, and it is small enough to stay in a processor's nearest cache.
const hints = 256

// maxOps is how many triples a block can have, so that a byte names them.
const maxOps = 256

// hint is what was last said of a task.
type hint struct {
	arg uint64
	seq uint32
}

// place is where an event happens.
type place struct {
	p event.PID
	m event.MID
}

var nowhere = place{event.NoP, event.NoM}

// opKey is a triple: kind, reason<<8, mode<<16.
type opKey uint64

// opSlots is the size of the table by which triples are found: half empty when full.
const opSlots = 2 * maxOps

// Encoder makes blocks of events. The zero one is ready for use.
type Encoder struct {
	n    int
	cols [numCols][]byte

	first    int64 // time of the first event
	time     int64
	task     event.TaskID
	place    place
	stack    event.StackID
	by       event.StackID
	args     [256]uint64 // by kind
	hints    [hints]hint
	ops      []opKey
	slots    [opSlots]opSlot
	places   []place
	placeIDs map[place]int

	content, spare []byte
}

// opSlot is a slot of the table of triples; taken says that it is in use.
type opSlot struct {
	key   opKey
	id    uint8
	taken bool
}

// Add takes events into the block, as many as it has room for, and returns how many.
func (e *Encoder) Add(events []event.Event) int {
	if e.n == 0 && len(events) != 0 {
		e.first, e.time = events[0].Time, events[0].Time
		e.place = nowhere
	}
	for i := range events {
		if !e.add(&events[i]) {
			return i
		}
	}
	return len(events)
}

// full tells whether the block should be ended.
func (e *Encoder) full() bool {
	if e.n >= blockEvents || len(e.ops) == maxOps {
		return true
	}
	size := 0
	for i := range e.cols {
		size += len(e.cols[i])
	}
	return size >= blockSize
}

// fullEvery is after how many events Add looks whether the block is full: that takes as
// long as an event.
const fullEvery = 64

func (e *Encoder) add(ev *event.Event) bool {
	if (e.n%fullEvery == 0 || len(e.ops) == maxOps) && e.full() {
		return false
	}
	mode := uint32(0)
	if ev.Coarse {
		mode |= modeCoarse
	}
	if d := ev.Time - e.time; d > 0 {
		mode |= e.addTime(uint64(d))
		e.time = ev.Time
	} else if d < 0 {
		mode |= timeBack
		e.cols[colTime] = binary.LittleEndian.AppendUint64(e.cols[colTime], uint64(-d))
		e.time = ev.Time
	}
	if at := (place{ev.P, ev.M}); at != e.place {
		mode |= e.addPlace(at)
	}
	h := &e.hints[uint64(ev.Task)%hints]
	before := e.task
	if ev.Task != event.NoTask {
		switch d := int64(ev.Task - e.task); d {
		case 0:
			mode |= taskSame
		case 1:
			mode |= taskNext
		default:
			mode |= taskDelta
			e.put(colTask, zigzag(d))
		}
		e.task = ev.Task
	}
	switch {
	case ev.Seq == 0:
	case ev.Seq == 1:
		mode |= seqOne
	case ev.Seq == h.seq+1:
		mode |= seqCount
	default:
		mode |= seqColumn
		e.put(colSeq, uint64(ev.Seq))
	}
	h.seq = ev.Seq
	if ev.Arg != 0 {
		mode |= e.addArg(ev, h, before)
	}
	if ev.Stack|ev.By != 0 {
		mode |= e.addStacks(ev)
	}
	e.cols[colOps] = append(e.cols[colOps], e.op(opKey(ev.Kind)|opKey(ev.Reason)<<8|opKey(mode)<<16))
	e.n++
	return true
}

// put puts a number into a column.
func (e *Encoder) put(col int, n uint64) {
	if n < 0x80 {
		e.cols[col] = append(e.cols[col], byte(n))
		return
	}
	e.cols[col] = binary.AppendUvarint(e.cols[col], n)
}

// addTime tells that a time is so much later than the one before.
func (e *Encoder) addTime(d uint64) (mode uint32) {
	c := e.cols[colTime]
	switch {
	case d < 1<<8:
		mode, c = time1, append(c, byte(d))
	case d < 1<<16:
		mode, c = time2, append(c, byte(d), byte(d>>8))
	case d < 1<<24:
		mode, c = time3, append(c, byte(d), byte(d>>8), byte(d>>16))
	case d < 1<<32:
		mode, c = time4, binary.LittleEndian.AppendUint32(c, uint32(d))
	default:
		mode, c = time8, binary.LittleEndian.AppendUint64(c, d)
	}
	e.cols[colTime] = c
	return mode
}

func (e *Encoder) addPlace(at place) (mode uint32) {
	e.place = at
	if at == nowhere {
		return placeNone
	}
	id, ok := e.placeIDs[at]
	if !ok {
		if e.placeIDs == nil {
			e.placeIDs = make(map[place]int)
		}
		id = len(e.places)
		e.placeIDs[at] = id
		e.places = append(e.places, at)
	}
	e.put(colPlace, uint64(id))
	return placeColumn
}

func (e *Encoder) addArg(ev *event.Event, h *hint, before event.TaskID) (mode uint32) {
	last := &e.args[ev.Kind]
	switch {
	case ev.Arg == uint64(before):
		mode = argTask
	case ev.Arg == *last:
		mode = argSame
	case ev.Arg == h.arg:
		mode = argHint
	default:
		mode = argDelta
		e.put(colArg, zigzag(int64(ev.Arg-*last)))
	}
	*last, h.arg = ev.Arg, ev.Arg
	return mode
}

func (e *Encoder) addStacks(ev *event.Event) (mode uint32) {
	if ev.Stack != 0 {
		mode = stackSame
		if ev.Stack != e.stack {
			mode = stackColumn
			e.put(colStack, uint64(ev.Stack))
			e.stack = ev.Stack
		}
	}
	if ev.By != 0 {
		if ev.By == e.by {
			return mode | bySame
		}
		mode |= byColumn
		e.put(colStack, uint64(ev.By))
		e.by = ev.By
	}
	return mode
}

// op returns the number of a triple. There is room: add has looked.
func (e *Encoder) op(key opKey) byte {
	i := uint64(key) * 0x9e3779b97f4a7c15 >> 32 // a multiplier that spreads well: 2⁶⁴ by the golden ratio
	for {
		s := &e.slots[i%opSlots]
		if s.taken && s.key == key {
			return s.id
		}
		if !s.taken {
			*s = opSlot{key: key, id: uint8(len(e.ops)), taken: true}
			e.ops = append(e.ops, key)
			return s.id
		}
		i++
	}
}

// Len returns how many events the present block has.
func (e *Encoder) Len() int { return e.n }

// AppendBlock appends the block to dst and begins a new one. Without events it does
// nothing.
func (e *Encoder) AppendBlock(dst []byte) []byte {
	if e.n == 0 {
		return dst
	}
	b := binary.AppendUvarint(e.content[:0], uint64(e.n))
	b = binary.AppendUvarint(b, zigzag(e.first))
	b = binary.AppendUvarint(b, uint64(len(e.ops)))
	for _, key := range e.ops {
		b = append(b, byte(key), byte(key>>8))
		b = binary.AppendUvarint(b, uint64(key>>16))
	}
	b = binary.AppendUvarint(b, uint64(len(e.places)))
	for _, at := range e.places {
		b = binary.AppendUvarint(b, zigzag(int64(at.p)))
		b = binary.AppendUvarint(b, zigzag(int64(at.m)))
	}
	b = binary.AppendUvarint(b, numCols)
	for i := range e.cols {
		b = binary.AppendUvarint(b, uint64(len(e.cols[i])))
		b = append(b, e.cols[i]...)
	}
	e.content = b
	dst, e.spare = appendBlock(dst, e.spare, sortEvents, b)
	e.reset()
	return dst
}

// reset begins a new block.
func (e *Encoder) reset() {
	e.n = 0
	for i := range e.cols {
		e.cols[i] = e.cols[i][:0]
	}
	e.time, e.task, e.stack, e.by = 0, 0, 0, 0
	clear(e.args[:])
	clear(e.hints[:])
	clear(e.slots[:])
	e.ops = e.ops[:0]
	e.places = e.places[:0]
	clear(e.placeIDs)
}
