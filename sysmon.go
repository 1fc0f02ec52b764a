package runq

// Sysmon: the one goroutine that needs no P. It retakes Ps, sees that timers are
// run and the network is asked, and keeps the coarse clock. Its beat is fast while it
// finds something to do and slows down when it doesn't; while every P is idle it
// sleeps until the next timer, and an idle scheduler costs nothing: but for a look at the
// control group's limit every second, once there was background work.

import (
	"math"
	"time"
)

const (
	// The beat, as in Go's sysmon: 20 µs at best, doubled after sysmonPatience beats
	// without anything to do.
	sysmonFastest  = 20 * time.Microsecond
	sysmonSlowest  = 10 * time.Millisecond
	sysmonPatience = 50

	// beatsPerSlice makes the slowest beat fine enough for short slices: a task's
	// slice is exceeded by a quarter at most before it is asked to yield.
	beatsPerSlice = 4

	// traceBeat bounds the beat while events are recorded, since the coarse clock is
	// what they are dated by.
	traceBeat = 100 * time.Microsecond
)

// sysmon runs until the scheduler is closed.
func (s *Scheduler) sysmon() {
	defer s.threads.Done()
	delay, quiet := sysmonFastest, 0
	slowest := s.slowestBeat()
	for {
		if s.sysmonSleep() {
			delay, quiet = sysmonFastest, 0
		}
		if s.sysmonEnd.Load() {
			return
		}
		s.clock.Pause(delay)
		if s.beat(s.clock.Now()) {
			delay, quiet = sysmonFastest, 0
		} else if quiet++; quiet > sysmonPatience {
			delay = min(delay*2, slowest)
		}
	}
}

// slowestBeat returns the longest pause between two beats.
func (s *Scheduler) slowestBeat() time.Duration {
	slowest := min(sysmonSlowest, time.Duration(s.slice/beatsPerSlice))
	if s.cfg.Trace {
		slowest = min(slowest, traceBeat)
	}
	return max(slowest, sysmonFastest)
}

// beat does everything once and tells whether there was anything to do.
func (s *Scheduler) beat(now int64) bool {
	s.coarse.Store(now)
	taken := s.retake(now)
	late := s.lateTimers(now)
	if s.net.overdue(now) && s.pollNet(nil) {
		late = true
	}
	s.startStuck(now)
	s.govern(now)
	s.trim(now)
	return taken > 0 || late
}

// lateTimers sees to timers that are due and that nobody has run: an idle P gets
// an M, which will; if all are busy, the tasks on the Ps concerned are asked to
// yield by retake, which counts a due timer as somebody who waits.
func (s *Scheduler) lateTimers(now int64) bool {
	next := s.nextTimer()
	if next == 0 || next > now {
		return false
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	started := s.endLeasesDue(now)
	for _, d := range s.domainsLocked() {
		if next := d.nextTimer(); next == 0 || next > now {
			continue
		}
		if p := d.idleP(); p != nil {
			s.startM(p, false)
			started = true
		}
	}
	return started
}

// sysmonSleep sleeps while every P is idle, until the next timer or until an M gets
// a P. It tells whether it has slept.
//
// The race: an M may get a P, or a task may set an earlier timer, just when sysmon
// goes to sleep. So sysmon first says until when it will sleep, and then looks
// once more; the others first do what they do, and then look at what sysmon said.
func (s *Scheduler) sysmonSleep() bool {
	if !s.allIdle() {
		return false
	}
	until := s.nextBeat()
	s.sysmonUntil.Store(until) // partner: wakeSysmon, timerEarlier
	if s.allIdle() && s.nextBeat() == until && !s.sysmonEnd.Load() {
		s.clock.Sleep(&s.sysmonNote, until)
	}
	s.sysmonUntil.Store(0)
	now := s.clock.Now()
	s.coarse.Store(now)
	s.lateTimers(now)
	s.startStuck(now)
	s.trim(now)
	if due := s.limitDue(); due != 0 && due <= now {
		s.readLimitNow(now)
	}
	return true
}

// nextBeat returns until when sysmon may sleep while nothing happens.
func (s *Scheduler) nextBeat() int64 {
	until := int64(math.MaxInt64)
	for _, t := range [...]int64{s.nextTimer(), s.carriers.due(), s.threadsDue(), s.limitDue(), s.startsDue()} {
		if t != 0 {
			until = min(until, t)
		}
	}
	return until
}

// allIdle tells whether no M holds a P and no overrun task may leave something
// behind. The lock isn't held.
func (s *Scheduler) allIdle() bool {
	for _, d := range s.allDomains() {
		if d.idle.IdlePs() != len(d.seated()) {
			return false
		}
	}
	return s.overruns.Load() == 0
}

// wakeSysmon is called when a P is no longer idle.
func (s *Scheduler) wakeSysmon() {
	if s.sysmonUntil.Load() != 0 { // partner: sysmonSleep
		s.sysmonNote.Wake()
	}
}
