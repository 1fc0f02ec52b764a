package runq

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/tracefile"
)

// FlightRecorderConfig says how much a FlightRecorder keeps, and when it speaks up. The
// zero value is good.
type FlightRecorderConfig struct {
	// Last is how long events are kept. 0 means 10 seconds.
	Last time.Duration

	// MaxBytes bounds the memory for events that are kept, encoded as they are in a file.
	// Beyond it the oldest are dropped, whatever Last says. 0 means 16 MiB: some ten
	// million events. The least is 256 KiB.
	MaxBytes int

	// Late, if not 0, is a time that no task should have to wait for its turn, from when
	// it is runnable until it runs: OnLate is called when one has waited for longer. The
	// least is 1ms.
	Late time.Duration

	// OnLate is called in a goroutine of its own, of which there is one at a time: by then
	// the recorder holds the events that led to the wait. It may call WriteTo, and take its
	// time; but Close waits for it, so it must not wait for Close. It must not be nil
	// when Late is set.
	OnLate func(f *FlightRecorder, w LateWait)

	// Every is the least time between two calls of OnLate. 0 means a minute.
	Every time.Duration
}

// LateWait is a wait that has exceeded FlightRecorderConfig.Late: the longest of those
// that were found together.
type LateWait struct {
	Task   uint64        // its number
	Func   string        // the function that it was started with, if known
	At     time.Duration // when it got its turn, since the scheduler began
	Waited time.Duration // for how long it had been runnable
}

const (
	defaultLast     = 10 * time.Second
	defaultMaxBytes = 16 << 20
	minMaxBytes     = 256 << 10        // a few blocks
	minLate         = time.Millisecond // the coarse clock's beat is a tenth of it
	defaultEvery    = time.Minute      // who writes files of some MB won't fill a disk overnight
)

func (cfg FlightRecorderConfig) resolve() (FlightRecorderConfig, error) {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("runq: FlightRecorderConfig.%s is %v: it must be %s", field, value, want)
	}
	switch {
	case cfg.Last < 0:
		return cfg, bad("Last", cfg.Last, fmt.Sprintf("positive, or 0 for %v", defaultLast))
	case cfg.MaxBytes < 0 || cfg.MaxBytes > 0 && cfg.MaxBytes < minMaxBytes:
		return cfg, bad("MaxBytes", cfg.MaxBytes, fmt.Sprintf("0 for %d, or at least %d", defaultMaxBytes, minMaxBytes))
	case cfg.Late < 0 || cfg.Late > 0 && cfg.Late < minLate:
		return cfg, bad("Late", cfg.Late, fmt.Sprintf("0 for none, or at least %v", minLate))
	case cfg.Late > 0 && cfg.OnLate == nil:
		return cfg, bad("OnLate", nil, "a function, since Late is set")
	case cfg.Every < 0:
		return cfg, bad("Every", cfg.Every, fmt.Sprintf("positive, or 0 for %v", defaultEvery))
	}
	setDefault(&cfg.Last, defaultLast)
	setDefault(&cfg.MaxBytes, defaultMaxBytes)
	setDefault(&cfg.Every, defaultEvery)
	return cfg, nil
}

// FlightRecorder keeps the last events of a scheduler in memory, so that they can be
// written down when something has gone wrong. It is made by Scheduler.FlightRecorder. Its
// methods may be called from any goroutine.
type FlightRecorder struct {
	cfg    FlightRecorderConfig
	c      collector
	drains drains
	wait   time.Duration // of the goroutine

	// Guarded by c.mu.
	blocks  []flightBlock // oldest first
	bytes   int
	enc     tracefile.Encoder
	from    int64 // time of enc's first event
	partial bool  // something has been dropped
	late    lateWatch
	calling bool // OnLate
	stopped bool
}

// flightBlock is a block of events as it is in a file.
type flightBlock struct {
	data   []byte
	last   int64 // no event in it is newer
	events int
}

// FlightRecorder begins to keep events. Those that the rings still hold come first. It
// fails without Config.Trace, with ErrClosed when the scheduler is closed, and when the
// config is out of range. It costs what Record does. Stop, or Close, ends it.
func (s *Scheduler) FlightRecorder(cfg FlightRecorderConfig) (*FlightRecorder, error) {
	if !s.cfg.Trace {
		return nil, errNoTrace
	}
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	f := &FlightRecorder{cfg: cfg, wait: collectFastest}
	f.late.init(cfg)
	f.c.start(s, true)
	if err := s.startDrains(&f.drains, f.round); err != nil {
		return nil, err
	}
	return f, nil
}

// round is what the recorder's goroutine does.
func (f *FlightRecorder) round() time.Duration {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if !f.c.idle() {
		f.keep(f.c.round())
		f.wait = f.c.pause(f.wait)
	}
	f.trim()
	return f.wait
}

// keep encodes events and looks whether somebody was late.
func (f *FlightRecorder) keep(events []event.Event) {
	for rest := events; len(rest) != 0; {
		n := f.enc.Add(rest)
		if rest = rest[n:]; len(rest) != 0 {
			f.endBlock()
		}
	}
	if f.cfg.Late == 0 {
		return
	}
	f.late.look(events)
	if w, ok := f.late.due(f.c.s.clock.Now()); ok && !f.calling {
		f.call(w)
	}
}

// endBlock ends the block that is being filled.
func (f *FlightRecorder) endBlock() {
	n := f.enc.Len()
	if n == 0 {
		return
	}
	data := slices.Clip(f.enc.AppendBlock(nil))
	f.blocks = append(f.blocks, flightBlock{data: data, last: f.c.s.clock.Now(), events: n})
	f.bytes += len(data)
	f.trim()
}

// trim drops what is too old, or too much. A block that is filled slowly is ended in
// time, so that it doesn't keep what is too old by much.
func (f *FlightRecorder) trim() {
	now := f.c.s.clock.Now()
	if f.enc.Len() == 0 {
		f.from = now
	} else if now-f.from > int64(f.cfg.Last)/flightParts {
		f.from = now
		f.endBlock()
		return
	}
	n := 0
	for n < len(f.blocks) && (f.bytes > f.cfg.MaxBytes || f.blocks[n].last < now-int64(f.cfg.Last)) {
		f.bytes -= len(f.blocks[n].data)
		n++
	}
	if n != 0 {
		f.partial = true
		f.blocks = slices.Delete(f.blocks, 0, n)
	}
}

// flightParts is how many blocks at least there are in the time that is kept: what is
// dropped goes block by block, and an eighth more or less doesn't matter.
const flightParts = 8

// call calls OnLate. c.mu is held.
func (f *FlightRecorder) call(w LateWait) {
	s := f.c.s
	s.threads.Add(1) // the caller is one of them, so Close still waits
	f.calling = true
	if id := f.late.stack; id != 0 {
		w.Func = s.Symbols().String(s.Symbols().Root(id))
	}
	sx.Go(func() {
		defer s.threads.Done()
		f.cfg.OnLate(f, w)
		f.c.mu.Lock()
		f.calling = false
		f.c.mu.Unlock()
	})
}

// WriteTo writes what the recorder has kept to w, up to this moment, as a file of the
// format of docs/trace-format.md. It stops the world to get the latest events; the rest
// doesn't hold up the scheduler, however slow w is. It may be called while the recorder
// runs, when it has been stopped, and after Close, any number of times. It implements
// io.WriterTo.
func (f *FlightRecorder) WriteTo(w io.Writer) (n int64, err error) {
	for _, part := range f.parts() {
		k, err := w.Write(part)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// parts returns the file in parts, which don't change any more.
func (f *FlightRecorder) parts() [][]byte {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if !f.stopped {
		f.keepLatest()
	}
	f.endBlock()
	var events uint64
	head := tracefile.AppendHeader(nil, f.c.s.header(!f.partial && !f.c.lossy))
	head = new(tracefile.Symbols).Append(head, f.c.s.Symbols())
	parts := [][]byte{head}
	for _, b := range f.blocks {
		parts = append(parts, b.data)
		events += uint64(b.events)
	}
	if f.c.held != 0 {
		// What is held back belongs to it all the same: only here it may be out of order.
		var enc tracefile.Encoder
		var tail []byte
		for rest := f.c.peek(nil); len(rest) != 0; {
			n := enc.Add(rest)
			rest, events = rest[n:], events+uint64(n)
			tail = enc.AppendBlock(tail)
		}
		parts = append(parts, tail)
	}
	return append(parts, tracefile.AppendEnd(nil, events))
}

// keepLatest is round for others than the goroutine.
func (f *FlightRecorder) keepLatest() {
	events := f.c.round()
	for rest := events; len(rest) != 0; {
		n := f.enc.Add(rest)
		if rest = rest[n:]; len(rest) != 0 {
			f.endBlock()
		}
	}
	if f.cfg.Late != 0 {
		f.late.look(events) // the goroutine calls
	}
}

// Stop ends the recording. What was kept stays, for WriteTo, until the recorder is
// forgotten. It doesn't wait for OnLate, which may call it. Calling it again does nothing.
func (f *FlightRecorder) Stop() {
	f.c.mu.Lock()
	first := !f.stopped
	if first {
		f.keepLatest()
		f.stopped = true
	}
	f.c.mu.Unlock()
	if first {
		f.drains.end()
	}
}
