package tracefile

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/runq-go/runq/event"
)

// decoder reads the events of one block after the other, a few at a time: so they are still
// in the cache when somebody looks at them.
type decoder struct {
	names *names

	n, at   int // events of the block, and how many of them are out
	time    int64
	task    event.TaskID
	place   place
	stack   event.StackID
	by      event.StackID
	cols    [numCols]column
	args    [256]uint64 // by the file's kind
	hints   [hints]hint
	ops     [maxOps]op
	strange bool // the block has kinds that we don't know
	places  []place
}

// op is a triple, in our numbers. What its mode says of the fields that most events have is
// numbers to reckon with, for no processor can foresee which triple comes next: a branch for
// each would take longer than all the rest.
type op struct {
	timeMask uint64 // of the eight bytes where a time begins
	timeSign uint64 // all ones: it is the time back
	taskMask event.TaskID
	seqMask  uint32 // all ones: Seq counts from the hint's on
	mode     uint32
	timeSize uint8
	taskStep uint8
	seqStep  uint8
	of       uint8 // the file's kind
	kind     event.Kind
	reason   event.Reason
	coarse   bool
	text     bool // Arg is a StringID
}

// newOp returns the triple with the mode and the file's kind.
func newOp(mode uint32, of uint8) op {
	o := op{mode: mode, of: of, coarse: mode&modeCoarse != 0, timeSize: timeSize[mode&timeMask>>1]}
	o.timeMask = 1<<(8*o.timeSize) - 1
	if mode&timeMask == timeBack {
		o.timeSign = ^uint64(0)
	}
	if mode&taskMask != taskNone {
		o.taskMask = ^event.TaskID(0)
	}
	if mode&taskMask == taskNext {
		o.taskStep = 1
	}
	switch mode & seqMask {
	case seqOne:
		o.seqStep = 1
	case seqCount:
		o.seqMask, o.seqStep = ^uint32(0), 1
	}
	return o
}

// names are what a file's numbers stand for.
type names struct {
	tables
	strings []event.StringID // by the file's number, from 1 on
	stacks  []event.StackID
}

func (n *names) string(id uint64) event.StringID {
	if id == 0 || id > uint64(len(n.strings)) {
		return 0
	}
	return n.strings[id-1]
}

func (n *names) stackID(id event.StackID) event.StackID {
	if id == 0 || int(id) > len(n.stacks) {
		return 0
	}
	return n.stacks[id-1]
}

var errBlock = errors.New("the beginning of an events block is broken")

// begin begins a block, of which this is the content.
func (d *decoder) begin(content []byte) error {
	c := column{b: content}
	n := c.next()
	d.time = unzigzag(c.next())
	ops := c.next()
	if c.bad || n > MaxBlock || ops > maxOps {
		return errBlock
	}
	d.n, d.at = int(n), 0
	d.strange = false
	for i := range ops {
		kind, reason := c.byte(), c.byte()
		k := d.names.kinds[kind]
		o := newOp(uint32(c.next()), kind)
		o.kind, o.reason, o.text = k, d.names.reasons[reason], d.names.texts[k]
		d.ops[i] = o
		d.strange = d.strange || k == event.KindNone && kind != uint8(event.KindNone)
	}
	places := c.next()
	if places > uint64(len(content)) {
		return errBlock
	}
	d.places = d.places[:0]
	for range places {
		p, m := unzigzag(c.next()), unzigzag(c.next())
		d.places = append(d.places, place{event.PID(p), event.MID(m)})
	}
	cols := c.next()
	d.cols = [numCols]column{}
	for i := range min(cols, numCols) { // others are of later versions
		d.cols[i].b = c.bytes(MaxBlock)
	}
	if c.bad || len(d.cols[colOps].b) < d.n {
		return errBlock
	}
	d.cols[colTime].b = padded(d.cols[colTime].b)
	for _, o := range d.cols[colOps].b[:d.n] {
		if uint64(o) >= ops {
			return errBlock
		}
	}
	d.task, d.stack, d.by, d.place = 0, 0, 0, nowhere
	clear(d.args[:])
	clear(d.hints[:])
	return nil
}

// padded returns b with eight bytes more, which mean nothing.
func padded(b []byte) []byte {
	if cap(b) < len(b)+8 {
		b = append(make([]byte, 0, len(b)+8), b...)
	}
	return b[:len(b)+8]
}

// byte returns the next byte as it is.
func (c *column) byte() byte {
	if c.i < len(c.b) {
		c.i++
		return c.b[c.i-1]
	}
	c.bad = true
	return 0
}

// read puts the next events of the block into dst and returns how many.
func (d *decoder) read(dst []event.Event) (int, error) {
	dst = dst[:min(len(dst), d.n-d.at)]
	ops := d.cols[colOps].b[d.at:][:len(dst)]
	time, task, in, stack, by := d.time, d.task, d.place, d.stack, d.by
	times, at := d.cols[colTime].b, d.cols[colTime].i
	last := len(times) - 8 // where a time can begin that is followed by enough bytes to be read at once
	for i := range dst {
		op := &d.ops[ops[i]]
		mode := op.mode
		if at > last {
			break // the column has ended; check sees it
		}
		time += int64(binary.LittleEndian.Uint64(times[at:])&op.timeMask ^ op.timeSign - op.timeSign)
		at += int(op.timeSize)
		switch mode & placeMask {
		case placeNone:
			in = nowhere
		case placeColumn:
			in = d.placeAt(d.cols[colPlace].next())
		}
		before := task
		task += event.TaskID(op.taskStep)
		if mode&taskMask == taskDelta {
			task += event.TaskID(unzigzag(d.cols[colTask].next()))
		}
		of := task & op.taskMask
		h := &d.hints[uint64(of)%hints]
		seq := h.seq&op.seqMask + uint32(op.seqStep)
		if mode&seqMask == seqColumn {
			seq = uint32(d.cols[colSeq].next())
		}
		h.seq = seq
		// Field by field: a whole event would be put together elsewhere first, and copied,
		// which takes longer than all the rest.
		e := &dst[i]
		e.Time, e.Task, e.Seq, e.Arg = time, of, seq, 0
		e.P, e.M = in.p, in.m
		e.Stack, e.By = 0, 0
		e.Kind, e.Reason, e.Coarse = op.kind, op.reason, op.coarse
		if mode&argMask != 0 {
			d.arg(e, op, h, before)
		}
		if mode&stackMask != 0 {
			if mode&stackMask == stackColumn {
				stack = d.names.stackID(event.StackID(d.cols[colStack].next()))
			}
			e.Stack = stack
		}
		if mode&byMask != 0 {
			if mode&byMask == byColumn {
				by = d.names.stackID(event.StackID(d.cols[colStack].next()))
			}
			e.By = by
		}
	}
	d.time, d.task, d.place, d.stack, d.by = time, task, in, stack, by
	d.cols[colTime].i, d.cols[colTime].bad = at, at > last
	return d.check(dst)
}

// arg reads an Arg that isn't 0.
func (d *decoder) arg(e *event.Event, op *op, h *hint, before event.TaskID) {
	last := &d.args[op.of]
	switch op.mode & argMask {
	case argTask:
		*last = uint64(before)
	case argHint:
		*last = h.arg
	case argDelta:
		*last += uint64(unzigzag(d.cols[colArg].next()))
	}
	h.arg = *last
	e.Arg = *last
	if op.text {
		e.Arg = uint64(d.names.string(e.Arg))
	}
}

func (d *decoder) placeAt(id uint64) place {
	if id < uint64(len(d.places)) {
		return d.places[id]
	}
	d.cols[colPlace].bad = true
	return nowhere
}

// check returns how many of the events just read are good. When a column is broken none
// is, for who knows since where.
func (d *decoder) check(dst []event.Event) (int, error) {
	first := d.at
	d.at += len(dst)
	for i := range d.cols {
		if d.cols[i].bad {
			return 0, fmt.Errorf("column %d of an events block is broken, among the events %d to %d", i, first+1, d.at)
		}
	}
	if d.strange {
		return replaceStrange(dst), nil
	}
	return len(dst), nil
}

// replaceStrange leaves out events of which the kind isn't known. Where one is of a task,
// an event of that task is missing.
func replaceStrange(events []event.Event) int {
	kept := events[:0]
	for _, e := range events {
		if e.Kind == event.KindNone {
			if e.Seq == 0 {
				continue
			}
			e = event.Event{Time: e.Time, Coarse: e.Coarse, Kind: event.KindLost, Task: e.Task, Arg: 1, P: event.NoP, M: event.NoM}
		}
		kept = append(kept, e)
	}
	return len(kept)
}
