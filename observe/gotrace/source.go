package gotrace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"golang.org/x/exp/trace"

	"github.com/runq-go/runq/event"
)

// Options are what can be chosen when reading a trace. The zero value is good.
type Options struct {
	// MaxGeneration is the most bytes that one generation of the trace may have; 0
	// means 256 MiB. It bounds the memory that a trace can ask for.
	MaxGeneration int64
}

// defaultGeneration: a program on a hundred cores writes about ten MB a second, and the
// fastest seen on a few cores, which did nothing but switch, sixty.
const defaultGeneration = 256 << 20

// blind is what Go's traces lack.
const blind = event.BlindTimerWaker | event.BlindQueues | event.BlindSteals | event.BlindThreads |
	event.BlindKernel | event.BlindCalls | event.BlindObjects | event.BlindStopped

// Source is a trace that is being read. See event.Source for the methods.
//
// Two goroutines share the work. One decodes the trace and is some batches ahead; whoever
// calls Read has the rest to do. In between events are translated. That must be done in
// their order, but can be done by either: by Read, when it has nothing else, or by the one
// that is ahead, when it can't get on for want of an empty batch. So both CPUs are busy,
// whatever an analysis costs. The translator, and the moving of batches from full to
// ready, belong to who has mu.
type Source struct {
	in     io.Reader
	ahead  *ahead
	symb   *event.Symbols
	ready  chan *rawBatch // translated
	batch  *rawBatch      // that Read returns; nil: none
	next   int            // of its events
	spare  []*rawBatch    // that Read has done with; so many at once that the other side is seldom woken
	err    error
	closed sync.Once

	mu     sync.Mutex
	to     *translator
	info   event.Info
	failed bool // the translator has met what it can't translate
}

var _ event.Source = (*Source)(nil)

// New returns a source that reads the trace from r, which it closes in Close if it can
// be closed. It blocks until the first few bytes are there. The error says if that is no
// trace, or one of a Go that isn't supported.
func New(r io.Reader, opts Options) (*Source, error) {
	if opts.MaxGeneration < 0 {
		return nil, fmt.Errorf("go trace: MaxGeneration is %d; it must be positive, or 0", opts.MaxGeneration)
	}
	if opts.MaxGeneration == 0 {
		opts.MaxGeneration = defaultGeneration
	}
	a, version, err := newAhead(r, opts.MaxGeneration)
	if err != nil {
		return nil, err
	}
	symbols := new(event.Symbols)
	s := &Source{
		in: r, ahead: a, symb: symbols, to: newTranslator(symbols), ready: make(chan *rawBatch, batches),
		info: event.Info{Name: fmt.Sprintf("Go 1.%d execution trace", version), Sort: "go", Blind: blind},
	}
	a.help = s.help
	go a.run()
	return s, nil
}

// Info implements event.Source.
func (s *Source) Info() event.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// Symbols implements event.Source.
func (s *Source) Symbols() *event.Symbols { return s.symb }

// Offset returns how many bytes of the trace have been read, for showing how far it is.
func (s *Source) Offset() int64 { return s.ahead.offset.Load() }

// Read implements event.Source. An error that isn't io.EOF says at which byte, and after
// how many of the trace's own events, the trace is cut off or broken; the events before
// that have been returned.
func (s *Source) Read(dst []event.Event) (int, error) {
	for len(dst) != 0 {
		if s.batch == nil {
			if s.err != nil {
				return 0, s.err
			}
			if s.batch = s.wait(); s.batch == nil {
				s.err = errClosed
			}
			s.next = 0
			continue
		}
		n := copy(dst, s.batch.means[s.next:])
		if s.next += n; s.next == len(s.batch.means) {
			s.recycle()
		}
		if n != 0 {
			return n, nil
		}
	}
	return 0, nil
}

// recycle puts the batch aside, of which all has been returned, and gives those that it has
// put aside back when they are many.
func (s *Source) recycle() {
	if s.err = s.batch.err; s.err == nil {
		s.spare = append(s.spare, s.batch)
	}
	s.batch = nil
	if len(s.spare) >= giveBack {
		s.giveBack()
	}
}

// giveBack lets the other side have the batches that were put aside.
func (s *Source) giveBack() {
	for _, b := range s.spare {
		s.ahead.empty <- b // it has room for all of them
	}
	s.spare = s.spare[:0]
}

var errClosed = errors.New("go trace: read after Close")

// wait returns the next batch, translated: nil after Close.
func (s *Source) wait() *rawBatch {
	for {
		if b, ok := s.take(); ok {
			return b
		}
		s.giveBack() // it may wait for them
		for n := 0; len(s.ready)+len(s.ahead.full) == 0; n++ {
			if n == patience {
				<-s.ahead.more
				break
			}
			runtime.Gosched()
		}
	}
}

// take returns the next batch, translated, if there is one: nil if there will be none.
func (s *Source) take() (b *rawBatch, ok bool) {
	select {
	case b = <-s.ready:
		return b, true
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case b = <-s.ready: // meanwhile
		return b, true
	default:
	}
	select {
	case b = <-s.ahead.full: // or it is closed
		if b != nil {
			s.translate(b)
		}
		return b, true
	default:
		return nil, false
	}
}

// help translates a batch, and reports whether there was one.
func (s *Source) help() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case b := <-s.ahead.full:
		s.translate(b)
		s.ready <- b // it has room for all of them
		return true
	default:
		return false
	}
}

// translate translates a batch: nothing of it, if one before couldn't be. The decoder
// finds some faults only when it is asked for details; its panics are errors. s.mu is
// held.
func (s *Source) translate(b *rawBatch) {
	i := 0
	fail := func(err error) {
		s.failed = true
		b.err = fmt.Errorf("go trace: %w", &Fault{Byte: s.Offset(), Generation: b.genAt, Events: b.first + uint64(i), Text: err.Error(), Cause: err})
	}
	defer func() {
		if p := recover(); p != nil {
			fail(fmt.Errorf("broken trace: %v", p))
		}
	}()
	if s.failed {
		return
	}
	for ; i < len(b.events); i++ {
		e := &b.events[i]
		kind := e.Kind()
		if kind == trace.EventSync {
			s.to.generation()
			s.clocks(e)
			continue
		}
		var err error
		if b.means, err = s.to.event(b.means, e, kind); err != nil {
			fail(err)
			return
		}
	}
}

// clocks takes the times from a sync event: the first one counts.
func (s *Source) clocks(e *trace.Event) {
	s.to.begin(int64(e.Time()))
	c := e.Sync().ClockSnapshot
	if c == nil || s.info.Mono != 0 {
		return
	}
	s.info.Mono = int64(c.Mono) - (int64(c.Trace) - s.to.start)
}

// Close implements event.Source.
func (s *Source) Close() error {
	var err error
	s.closed.Do(func() {
		close(s.ahead.stop)
		if c, ok := s.in.(io.Closer); ok {
			err = c.Close()
		}
	})
	return err
}

// checkHeader looks at the first bytes of a trace and returns the minor version of the
// Go that wrote it.
func checkHeader(head []byte) (version int, err error) {
	if _, err := fmt.Sscanf(string(head), "go 1.%d trace", &version); err != nil || !bytes.HasSuffix(head, []byte("\x00\x00\x00")) {
		return 0, fmt.Errorf("go trace: the input is no Go execution trace: it begins with %q, not with \"go 1.22 trace\" or the like", head)
	}
	switch {
	case version < 22:
		return 0, fmt.Errorf("go trace: a trace of Go 1.%d is too old: those of Go 1.22 to 1.26 can be read", version)
	case version > 26:
		return 0, fmt.Errorf("go trace: a trace of Go 1.%d is too new: those of Go 1.22 to 1.26 can be read", version)
	}
	return version, nil
}
