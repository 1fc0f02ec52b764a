package gotrace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"golang.org/x/exp/trace"

	"github.com/runq-go/runq/event"
)

const (
	// headerSize is the length of "go 1.26 trace\0\0\0".
	headerSize = 16

	// batchSize is how many events go from one goroutine to the other at once: some hundred
	// µs of work, beside which it is little to wake the other side, were it asleep.
	batchSize = 2048

	// batches is how many there are: ten milliseconds' work between the two sides, so that
	// neither waits when the other one is slow for a moment, at the beginning of a
	// generation above all. They don't fit into a core's own cache any more, which costs
	// less than waiting did: a report on 100 MB took 2.50 s with 16, 2.39 with 32, and 2.36 with 48 or 64,
	// which take 17 and 23 MB.
	batches = 48

	// giveBack is how many batches that have been read are given back at once: a quarter, so
	// that the side that decodes isn't woken for each, and never out of work for that.
	giveBack = batches / 4

	// patience is how often Read yields before it sleeps when nothing is there: for about as
	// long as it would take to be woken.
	patience = 1000

	// bufferSize is how much is read from the input at once.
	bufferSize = 64 << 10
)

// rawBatch is some events as they come out of the trace, and what they mean.
type rawBatch struct {
	events []trace.Event
	means  []event.Event // empty until they have been translated
	first  uint64        // the number of the first one
	genAt  int64         // the byte up to which the trace is whole
	err    error         // what came after them; nil: another batch
}

// ahead reads a trace in a goroutine of its own.
type ahead struct {
	in      *bufio.Reader
	reader  *trace.Reader
	max     int64 // bytes of a generation
	read    int64 // bytes that came out of the input
	genAt   int64 // the byte at which this generation began
	before  int64 // and the one before it, as long as nothing of this one has been seen
	count   uint64
	offset  atomic.Int64 // bytes consumed
	source  io.Reader
	full    chan *rawBatch
	empty   chan *rawBatch
	more    chan struct{} // full or ready may have become more; closed at the end
	stop    chan struct{}
	limited error
	help    func() bool // does some of the other side's work; false: there is none
}

func newAhead(r io.Reader, maxGeneration int64) (*ahead, int, error) {
	a := &ahead{
		source: r, max: maxGeneration, full: make(chan *rawBatch, batches),
		empty: make(chan *rawBatch, batches),
		more:  make(chan struct{}, 1), stop: make(chan struct{}),
	}
	a.in = bufio.NewReaderSize(a, bufferSize) // trace.NewReader uses it as it is
	head, err := a.in.Peek(headerSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("go trace: reading the first bytes: %w", err)
	}
	version, err := checkHeader(head)
	if err != nil {
		return nil, 0, err
	}
	if a.reader, err = trace.NewReader(a.in); err != nil {
		return nil, 0, fmt.Errorf("go trace: %w", err)
	}
	for range batches {
		a.empty <- new(rawBatch)
	}
	return a, version, nil
}

// Read counts, and refuses a generation that is too large.
func (a *ahead) Read(p []byte) (int, error) {
	if a.read-a.genAt > a.max {
		a.limited = fmt.Errorf("a generation of more than %d bytes: it doesn't fit (see Options.MaxGeneration)", a.max)
		return 0, a.limited
	}
	n, err := a.source.Read(p)
	a.read += int64(n)
	return n, err
}

// run reads until the end, or until it is stopped.
func (a *ahead) run() {
	defer close(a.more)
	defer close(a.full)
	for {
		b := a.room()
		if b == nil {
			return
		}
		a.fill(b)
		select {
		case <-a.stop:
			return
		case a.full <- b:
		}
		a.tell()
		if b.err != nil {
			return
		}
	}
}

// room returns an empty batch, nil if it is to stop. As long as there is none, it helps.
func (a *ahead) room() *rawBatch {
	for {
		select {
		case b := <-a.empty:
			return b
		default:
		}
		if a.help() {
			a.tell()
			continue
		}
		select {
		case <-a.stop:
			return nil
		case b := <-a.empty:
			return b
		}
	}
}

// tell wakes the other side, if it waits for a batch.
func (a *ahead) tell() {
	select {
	case a.more <- struct{}{}:
	default: // it has been told
	}
}

// fill reads the next events. A generation's beginning ends a batch, so that those
// before don't wait for it. The reader's panics, which broken traces can cause, are errors.
func (a *ahead) fill(b *rawBatch) {
	if b.events == nil {
		b.events = make([]trace.Event, batchSize)
	}
	b.events, b.means, b.first, b.genAt, b.err = b.events[:0], b.means[:0], a.count, a.genAt, nil
	defer func() {
		if p := recover(); p != nil {
			b.err = a.fault(fmt.Errorf("broken trace: %v", p))
		}
		a.count += uint64(len(b.events))
		a.offset.Store(a.consumed())
	}()
	for n := range batchSize {
		e := &b.events[:batchSize][n]
		var err error
		if *e, err = a.reader.ReadEvent(); err != nil {
			b.err = a.fault(err)
			return
		}
		b.events = b.events[:n+1]
		if e.Kind() == trace.EventSync {
			a.before, a.genAt = a.genAt, a.consumed()
			return
		}
		a.before = a.genAt
	}
}

// consumed returns how many bytes of the input the reader has taken.
func (a *ahead) consumed() int64 { return a.read - int64(a.in.Buffered()) }

// maxText is how much of the reader's own text an error contains: it may show the whole
// state of the reader.
const maxText = 200

// fault says where reading ended, and why.
func (a *ahead) fault(err error) error {
	if err == io.EOF {
		return io.EOF
	}
	if a.limited != nil {
		err = a.limited
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	// A generation that can't be read is announced all the same.
	return fmt.Errorf("go trace: %w", &Fault{Byte: a.consumed(), Generation: a.before, Events: a.count, Text: text, Cause: err})
}

// Fault says where a trace is cut off or broken. All events that Read has returned are
// from before that.
type Fault struct {
	Byte       int64  // how far the input was read
	Generation int64  // the byte up to which it was whole
	Events     uint64 // how many events of the trace came before, at least
	Text       string // what is wrong
	Cause      error  // nil: none is known
}

// Error says all of it in a sentence.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s; the trace is whole up to byte %d (%d events), and was read up to byte %d", f.Text, f.Generation, f.Events, f.Byte)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }
