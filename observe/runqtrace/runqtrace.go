// Package runqtrace reads the recordings of runq's schedulers as events of package event:
// what [runq.Scheduler.Record] and a flight recorder write, and the handler of package
// runqhttp serves.
//
//	src, err := runqtrace.Open("flight.runq")
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	for e, err := range event.All(src) {
//		…
//	}
//
// The format is described in docs/trace-format.md. What is read is bounded in memory: by
// a few blocks of the file, and by the strings and stacks that it names.
//
// A recording tells what the scheduler did and with which tasks: their stacks are no more
// than the function that each was started with. event.Info says what else isn't in it.
//
// [runq.Scheduler.Record]: https://pkg.go.dev/github.com/runq-go/runq#Scheduler.Record
package runqtrace

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/tracefile"
	"github.com/runq-go/runq/observe/internal/input"
)

// Fault is the error of a recording that can't be read on. It says where, and after how
// many events; these have been returned. When its cause is io.ErrUnexpectedEOF, the
// recording was cut off, as it is when the program has crashed, or goes on.
type Fault = tracefile.Fault

// Source is a recording that is being read. See event.Source for the methods.
type Source struct {
	in     io.Reader
	r      *tracefile.Reader
	closed atomic.Bool
	once   sync.Once
	offset atomic.Int64
}

var _ event.Source = (*Source)(nil)

// Open opens a recording: a file, "-" for standard input, or the address of a program that
// serves one (http://host/debug/runq/trace?seconds=5), which then records for so long. It
// blocks until the first bytes are there.
func Open(name string) (*Source, error) {
	in, err := input.Open(name, "a recording")
	if err != nil {
		return nil, err
	}
	s, err := NewReader(in)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// NewReader returns a source that reads the recording from r, which it closes in Close if
// it can be closed. It reads a block at a time and never ahead; who reads from a file or
// the network needs no bufio.Reader. The error says if r has no recording, or one of a
// version that can't be read.
func NewReader(r io.Reader) (*Source, error) {
	in, err := tracefile.NewReader(r)
	if err != nil {
		return nil, err
	}
	s := &Source{in: r, r: in}
	s.offset.Store(in.Offset())
	return s, nil
}

// Info implements event.Source.
func (s *Source) Info() event.Info { return s.r.Header().Info }

// Whole tells that the recording has everything since the scheduler began. Otherwise it
// begins in the middle, and says nothing of tasks that wait all the time.
func (s *Source) Whole() bool { return s.r.Header().Whole }

// Symbols implements event.Source.
func (s *Source) Symbols() *event.Symbols { return s.r.Symbols() }

// Offset returns how many bytes of the recording have been read, for showing how far it
// is. It may be called at any time.
func (s *Source) Offset() int64 { return s.offset.Load() }

// Read implements event.Source. An error that isn't io.EOF is a *Fault.
func (s *Source) Read(dst []event.Event) (int, error) {
	if s.closed.Load() {
		return 0, errClosed
	}
	n, err := s.r.Read(dst)
	s.offset.Store(s.r.Offset())
	return n, err
}

var errClosed = fmt.Errorf("runq trace: read after Close: %w", os.ErrClosed)

// Close implements event.Source. It ends a Read that waits, if that is in the nature of
// what is read from.
func (s *Source) Close() (err error) {
	s.once.Do(func() {
		s.closed.Store(true)
		if c, ok := s.in.(io.Closer); ok {
			err = c.Close()
		}
	})
	return err
}
