package runq

// The latency target: what is measured, and what follows from it.

import (
	"os"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// latencyEvery is the time for which it is counted how many waited for too long: a
	// hundred probes and more if they are on time, so that one in a hundred can be told.
	latencyEvery = int64(500 * time.Millisecond)

	// lateLeast is how many must be late for it to be more than an accident. It makes a
	// difference where there are few: because they take long, perhaps.
	lateLeast = 2

	// probeEvery is the pause between two probes. One takes some 10 µs of a CPU.
	probeEvery = 4 * time.Millisecond

	shareStep   = 1.1 // by how much the share grows when the target was met
	shareBack   = 0.9 // what is left of it when it was missed for once: the last step is undone
	shareCut    = 0.7 // what is left of it when it is missed again
	shareForget = 20  // after so many windows in which the target was met, more is tried than that: one in twenty may be missed for it
	shareLeast  = leastAllowed
)

// latencyControl turns missed and met targets into a share of the background Ps, 1 for
// all of them. It finds the share with which the target is just met, and stays close to
// that: it goes below by a step, tries again after a while, and goes back at once.
type latencyControl struct {
	share  float64
	missed float64 // the share at which the target was missed last; 0: that is long ago
	met    int     // windows in a row in which it was met

	since          int64  // the window's beginning
	waits, late    uint64 // of the interactive class, until then
	probes, probed uint64 // probes until then, and those that were late
	sent           int64  // when the probe was sent that was under way then; 0: none was
}

// step decides what follows from a window.
func (l *latencyControl) step(missed bool) event.Reason {
	if missed {
		left := shareBack
		if l.met == 0 {
			left = shareCut
		}
		l.missed, l.met = l.share, 0
		l.share = max(l.share*left, shareLeast)
		return event.ReasonLatencyMissed
	}
	l.met++
	most := 1.0
	if l.met >= shareForget {
		l.missed = 0
	}
	if l.missed != 0 {
		most = l.missed * shareBack
	}
	l.share = max(l.share, min(l.share*shareStep, most))
	return event.ReasonLatencyMet
}

// latencyWindow looks whether the target was met, when a window is over.
func (s *Scheduler) latencyWindow(now int64) event.Reason {
	l := &s.gov.latency
	if now-l.since < latencyEvery {
		return event.ReasonNone
	}
	l.since = now
	waits, late := s.interactive.lateWaits()
	probes, probed := s.gov.probe.Load().counts()
	missed := tooMany(late-l.late, waits-l.waits) || tooMany(probed-l.probed, probes-l.probes) || s.gov.probe.Load().overdue(&l.sent)
	l.waits, l.late, l.probes, l.probed = waits, late, probes, probed
	return l.step(missed)
}

// tooMany tells whether more than one in a hundred of n were late.
func tooMany(late, n uint64) bool { return late >= lateLeast && late*100 > n }

// lateWaits returns how often tasks of the class have waited to run, and how often for
// longer than the target.
func (c *Class) lateWaits() (waits, late uint64) {
	c.s.lock.Lock()
	defer c.s.lock.Unlock()
	for _, p := range c.s.ps {
		if p.byClass == nil {
			continue
		}
		if n := sx.PeekPointer(&p.byClass[c.index]); n != nil {
			waits += sx.PeekUint64(&n.begun)
			late += sx.PeekUint64(&n.late)
		}
	}
	return waits, late
}

// probe measures what a request would wait for in Go's own scheduler: from the moment in
// which a descriptor can be read to the one in which the goroutine that waits for it runs.
type probe struct {
	r, w   *os.File
	clock  clock
	target time.Duration
	sent   sx.Int64 // when the byte was written that is under way; 0: none is
	n      sx.Uint64
	over   sx.Uint64 // those that took longer than the target
	note   sx.Note
	rests  sx.Bool // it waits for background work; partner: wake
	end    sx.Bool
}

// watchLatency begins to measure, if there is a target. The lock is held.
func (s *Scheduler) watchLatency() {
	if s.cfg.LatencyTarget == 0 || s.gov.probe.Load() != nil || s.ending {
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		s.cfg.Logger.Warn("runq: the latency of goroutines can't be measured: only that of tasks counts for Config.LatencyTarget", "error", err)
		return
	}
	p := &probe{r: r, w: w, clock: s.clock, target: s.cfg.LatencyTarget}
	p.note.Init()
	s.gov.probe.Store(p)
	s.threads.Add(2)
	sx.Go(func() {
		defer s.threads.Done()
		defer w.Close() // which ends the other one
		for !p.end.Load() {
			if p.sent.CompareAndSwap(0, p.clock.Now()) { // else the one before is still under way
				if _, err := w.Write([]byte{0}); err != nil {
					return
				}
			}
			if s.backgroundBusy() {
				p.note.SleepFor(probeEvery)
				continue
			}
			p.rests.Store(true) // partner: wake
			if !s.backgroundBusy() && !p.end.Load() {
				p.note.Sleep()
			}
			p.rests.Store(false)
		}
	})
	sx.Go(func() {
		defer s.threads.Done()
		defer r.Close()
		var buf [64]byte
		for {
			if _, err := r.Read(buf[:]); err != nil {
				return
			}
			took := p.clock.Now() - p.sent.Load()
			p.sent.Store(0)
			p.n.Add(1)
			if took > int64(p.target) {
				p.over.Add(1)
			}
		}
	})
}

// counts returns how many probes there have been, and how many took longer than the target.
func (p *probe) counts() (n, late uint64) {
	if p == nil {
		return 0, 0
	}
	return p.n.Load(), p.over.Load()
}

// overdue tells whether a probe has been under way for a whole window: it will be late, and
// nothing else may be there to tell. last is the one of the window before.
func (p *probe) overdue(last *int64) bool {
	if p == nil {
		return false
	}
	before := *last
	*last = p.sent.Load()
	return *last != 0 && *last == before
}

// wake lets it go on because there is background work.
func (p *probe) wake() {
	if p != nil && p.rests.Load() { // partner: watchLatency
		p.note.Wake()
	}
}

// stop ends the measuring.
func (p *probe) stop() {
	if p != nil {
		p.end.Store(true)
		p.note.Wake()
	}
}

// backgroundBusy tells whether a background thread has a P.
func (s *Scheduler) backgroundBusy() bool {
	for _, d := range s.allDomains() {
		if d.bucket != nil && d.idle.IdlePs() < len(d.seated()) {
			return true
		}
	}
	return false
}
