package runq

import (
	"errors"
	"io"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/tracefile"
)

// Recorder writes a scheduler's events to a file, or whatever else can be written to. It
// is made by Scheduler.Record. Its methods may be called from any goroutine.
type Recorder struct {
	c       collector
	out     *tracefile.Writer // guarded by c.mu
	flushed int64             // when what is in out's memory was last written; likewise
	wait    time.Duration     // of the goroutine
	drains  drains

	once sx.Mutex // orders calls of Stop
	done bool     // guarded by once
	err  error    // likewise
}

// errNoTrace is the error of who wants to record what isn't recorded.
var errNoTrace = errors.New("runq: there are no events to record: set Config.Trace")

// flushAfter is how long events stay in memory at most before they are written: what a
// crash loses, and how late somebody who reads along is. Blocks of a second are large
// enough to be compressed well wherever there is much to compress.
const flushAfter = time.Second

// Record begins to write what happens from now on to w, in the format of
// docs/trace-format.md, which package observe/runqtrace reads. It fails without
// Config.Trace, with ErrClosed when the scheduler is closed, and when w does.
//
// A goroutine collects the events, about ten times a second, and more often when there are
// so many that the rings (Config.TraceBuffer) would overflow. Each time stops the world
// for a moment. It calls w.Write once a second, or when some ten thousand events have
// come together. While w.Write takes its time, the scheduler goes on, and at some point
// loses events, which the recording then says.
//
// Stop ends the recording, and must be called, before or after Close. Close waits for a
// call of w.Write that is under way. Any number of recordings may go on at a time, beside
// flight recorders and ReadEvents.
func (s *Scheduler) Record(w io.Writer) (*Recorder, error) {
	if !s.cfg.Trace {
		return nil, errNoTrace
	}
	if s.closedToOthers() {
		return nil, ErrClosed // before anything is written
	}
	r := &Recorder{wait: collectFastest}
	r.c.start(s, false)
	out, err := tracefile.NewWriter(w, s.header(false), s.Symbols())
	if err != nil {
		return nil, err
	}
	r.out, r.flushed = out, s.clock.Now()
	if err := s.startDrains(&r.drains, r.round); err != nil {
		return nil, err
	}
	return r, nil
}

// round is what the recorder's goroutine does.
func (r *Recorder) round() time.Duration {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	now := r.c.s.clock.Now()
	if !r.c.idle() {
		r.out.Write(r.c.round()) // its error stays, for Stop
		r.wait = r.c.pause(r.wait)
	}
	if now-r.flushed >= int64(flushAfter) {
		r.out.Flush()
		r.flushed = now
	}
	return r.wait
}

// Written returns how many events, and how many bytes, have been written so far. It waits
// for a Write that is under way.
func (r *Recorder) Written() (events, bytes uint64) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.out.Written()
}

// Stop ends the recording and writes what is left of it. It returns the first error that
// w.Write has returned; w isn't closed. Calling it again does nothing, and returns the same.
func (r *Recorder) Stop() error {
	r.once.Lock()
	defer r.once.Unlock()
	if r.done {
		return r.err
	}
	r.done = true
	r.drains.end()
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	r.out.Write(r.c.last())
	r.err = r.out.Close()
	return r.err
}

// last reads the rings once more and returns all that is left, whether it is in order or
// not.
func (c *collector) last() []event.Event {
	events := c.round()
	if c.held != 0 {
		events = c.flush(c.s.clock.Now())
	}
	return events
}
