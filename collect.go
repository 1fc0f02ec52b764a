package runq

// Collecting events.
//
// Who records the events of a scheduler that goes on has to read the rings from time to
// time, and to put what they hold into one order, once and for all. Each does so with
// cursors of its own (internal/ring), so that any number of them, and ReadEvents, know
// nothing of each other.
//
// Reading stops the world: the shorter the better, so the rings are only copied then.
// What makes the order difficult is a P that has lost its seat: its task runs over, or didn't
// answer to this very stop, may write any moment, and so its ring can't be read. Events of
// other rings may be consequences of what it holds. So everything is held back until that
// ring can be read, too: in most cases by the next round. When it takes too long, the
// order is given up, not the recording: the other rings go on, a loss is noted, and what
// the late one holds of that time is left out when it comes.

import (
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/ring"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/tracefile"
)

const (
	// collectEvery is the time from one round to the next. A stop takes some ten microseconds
	// where tasks come by, and stopGrace where one doesn't: this makes that a hundredth of
	// the time at worst. Less often, and the rings of a scheduler that does some hundred
	// thousand switches a second would overflow.
	collectEvery = 100 * time.Millisecond

	// collectFastest is the time from one round to the next when the rings would overflow
	// otherwise. Who fills them so fast comes by often, and is stopped in no time.
	collectFastest = 2 * time.Millisecond

	// heldMost bounds the events that are held back: 50 MB of them.
	heldMost = 1 << 20

	// keepMost is how many events of memory are kept from one round to the next, in each of
	// a few places: what an ordinary round needs. A burst doesn't cost memory for ever.
	keepMost = 1 << 16
)

// collector reads a scheduler's rings, round by round. Its methods are called with mu held.
type collector struct {
	s       *Scheduler
	mu      sx.Mutex
	rings   []*ringReader // that of events without a P first, then in the order of s.ps
	held    int           // events in the pending of all
	begin   int64         // when the first round was
	seen    uint64        // events that the rings had recorded when they were last read
	streams [][]event.Event
	merged  []event.Event
	lossy   bool    // some events were lost
	fullest float64 // of the last round: the part of its ring that the longest chunk takes up
}

// ringReader is how far a collector is with one ring.
type ringReader struct {
	w       *ring.Writer
	at      ring.Cursor
	chunk   ring.Chunk
	pending []event.Event // read, but held back
	old     bool          // it couldn't be read at the beginning: it may hold what is older
	behind  bool          // it couldn't be read in the last round

	// When order was given up because of this ring:
	late  bool   // the mark of the loss is open
	until int64  // what it holds up to then comes too late
	lost  uint64 // how much that was, when it is known
	p     event.PID
}

// start begins to collect. If past is true, with what the rings still hold.
func (c *collector) start(s *Scheduler, past bool) {
	c.s = s
	if past {
		return
	}
	s.stopTheWorld()
	c.atRings(func(r *ringReader, readable bool) {
		if r.old = !readable; readable {
			r.w.Skip(&r.at)
		}
	})
	c.begin = s.clock.Now()
	s.startTheWorld()
}

// atRings calls f for every ring, and tells whether it can be read. The world is stopped.
func (c *collector) atRings(f func(r *ringReader, readable bool)) {
	s := c.s
	s.lock.Lock()
	defer s.lock.Unlock()
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if c.rings == nil {
		c.rings = append(c.rings, &ringReader{w: s.out.events, p: event.NoP})
	}
	for _, p := range s.ps[len(c.rings)-1:] {
		c.rings = append(c.rings, &ringReader{w: p.events, p: event.PID(p.id)})
	}
	f(c.rings[0], true)
	for i, p := range s.ps {
		f(c.rings[i+1], p.ringRests())
	}
}

// idle tells whether nothing has been recorded since the last round but its own end.
func (c *collector) idle() bool {
	var n uint64
	c.s.lock.Lock()
	defer c.s.lock.Unlock()
	n = c.s.out.events.Recorded()
	for _, p := range c.s.ps {
		n += p.events.Recorded()
	}
	return n <= c.seen+1
}

// round reads the rings and returns what is in order now, valid until the next round.
func (c *collector) round() []event.Event {
	c.seen, c.fullest = 0, 0
	c.s.stopTheWorld()
	c.atRings(func(r *ringReader, readable bool) {
		r.behind = !readable
		if readable {
			r.w.Take(&r.at, &r.chunk)
			c.seen += r.w.Recorded()
			c.fullest = max(c.fullest, float64(r.chunk.Words())/float64(r.w.Words()))
		}
	})
	now := c.s.clock.Now()
	c.s.startTheWorld()
	wait := false
	for _, r := range c.rings {
		if r.behind {
			wait = wait || !r.late
			continue
		}
		c.take(r)
	}
	if wait && c.held < heldMost {
		return nil
	}
	return c.flush(now)
}

// take decodes what has been read of a ring.
func (c *collector) take(r *ringReader) {
	from := len(r.pending)
	var lost uint64
	r.pending, lost = r.chunk.Events(&r.at, r.pending, c.s.stackOf)
	c.lossy = c.lossy || lost != 0
	if r.old {
		r.old = false
		r.cut(c.begin)
	}
	if r.late {
		r.lost += r.drop(from, r.until)
	}
	c.held += len(r.pending) - from
}

// cut removes the pending events that are older than a time. Marks of losses stay.
func (r *ringReader) cut(before int64) {
	kept := r.pending[:0]
	for _, e := range r.pending {
		if e.Kind == event.KindLost {
			e.Time = max(e.Time, before)
		}
		if e.Time >= before {
			kept = append(kept, e)
		}
	}
	r.pending = kept
}

// drop removes the pending events from a place on that are older than a time, and returns
// how many those were. Marks of losses go too: a larger one stands around them.
func (r *ringReader) drop(from int, before int64) (dropped uint64) {
	kept := r.pending[:from]
	for _, e := range r.pending[from:] {
		switch {
		case e.Kind == event.KindLost && e.Task == event.NoTask:
			dropped += e.Arg
		case e.Time < before:
			dropped++
		default:
			kept = append(kept, e)
		}
	}
	r.pending = kept
	return dropped
}

// flush puts all pending events in order, with what is lost for want of those that are
// behind. now is when the rings were read.
func (c *collector) flush(now int64) []event.Event {
	c.merged = c.peek(c.merged[:0])
	for _, r := range c.rings {
		if r.pending = r.pending[:0]; cap(r.pending) > keepMost {
			r.pending = nil
		}
		switch {
		case r.behind && !r.late:
			r.late, r.until = true, now
			c.lossy = true
		case !r.behind && r.late:
			c.merged = r.closeGap(c.merged, now)
		}
	}
	c.held = 0
	merged := c.merged
	if cap(c.merged) > keepMost {
		c.merged = nil
	}
	return merged
}

// peek appends the pending events in order to dst, and leaves them where they are.
func (c *collector) peek(dst []event.Event) []event.Event {
	c.streams = c.streams[:0]
	first := c.s.clock.Now()
	for _, r := range c.rings {
		if len(r.pending) != 0 {
			first = min(first, r.pending[0].Time)
			c.streams = append(c.streams, r.pending)
		}
	}
	for _, r := range c.rings {
		if r.behind && !r.late {
			// How many isn't known yet; closeGap tells the rest.
			dst = append(dst, event.Event{Time: first, Kind: event.KindLost, Arg: 1, P: r.p, M: event.NoM})
		}
	}
	return event.Merge(dst, c.streams...)
}

// closeGap appends the marks that end a loss.
func (r *ringReader) closeGap(dst []event.Event, now int64) []event.Event {
	mark := event.Event{Time: now, Kind: event.KindLost, P: r.p, M: event.NoM}
	if r.lost > 1 {
		more := mark
		more.Arg = r.lost - 1
		dst = append(dst, more, mark)
	}
	r.late, r.lost = false, 0
	return append(dst, mark)
}

// pause returns the time from a round to the next one, given the last: so that the rings
// are half full at most.
func (c *collector) pause(last time.Duration) time.Duration {
	switch {
	case c.fullest > 0.5:
		last /= 2
	case c.fullest < 0.125:
		last *= 2
	}
	return min(max(last, collectFastest), collectEvery)
}

// drains runs a collector's rounds in a goroutine of its own.
type drains struct {
	note sx.Note // ends the pause
	quit sx.Gate // opened when no more rounds are wanted
	over sx.Gate // opened when the goroutine has ended
}

// startDrains calls round every so often, until quit is opened or the scheduler's last task has
// ended. round returns the time from its beginning to that of the next one. It fails when the scheduler is closed.
func (s *Scheduler) startDrains(d *drains, round func() time.Duration) error {
	d.note.Init()
	d.quit.Init()
	d.over.Init()
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.threads.Add(2) // what Close waits for; not yet, since it has not begun
	ended := make(chan struct{})
	sx.Go(func() { // wakes the other one at the end
		defer s.threads.Done()
		s.drained.WaitOr(ended)
		d.note.Wake()
	})
	sx.Go(func() {
		defer s.threads.Done()
		defer d.over.Open()
		defer close(ended)
		for wait := collectFastest; ; {
			d.note.SleepFor(wait)
			if d.quit.IsOpen() || s.drained.IsOpen() {
				return
			}
			begin := s.clock.Now()
			wait = round()
			wait = max(0, wait-time.Duration(s.clock.Now()-begin))
		}
	})
	return nil
}

// end ends the goroutine, and waits until it has. It is called once.
func (d *drains) end() {
	d.quit.Open()
	d.note.Wake()
	d.over.Wait()
}

// header returns what the beginning of a recording says.
func (s *Scheduler) header(whole bool) tracefile.Header {
	return tracefile.Header{
		Info: event.Info{
			Name: "runq recording", Sort: "runq", Mono: max(tracefile.Monotonic()-s.clock.Now(), 0),
			Blind: event.BlindQueues | event.BlindKernel | event.BlindCalls | event.BlindStacks,
		},
		Whole: whole,
	}
}
