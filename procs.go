package runq

import (
	"fmt"

	"github.com/runq-go/runq/event"
)

// maxProcs bounds the number of Ps: far above any machine, low enough that a slip
// of the pen doesn't allocate gigabytes of rings.
const maxProcs = event.DomainProcs

// Procs returns the number of Ps.
func (s *Scheduler) Procs() int { return len(s.fore.seated()) }

// SetProcs changes the number of Ps, that is, how many tasks run at once. It stops
// the world for a moment. Tasks that wait in the queue of a P that goes away are
// moved. n must be between 1 and 1024. SetProcs fails with ErrClosed after Close.
func (s *Scheduler) SetProcs(n int) error {
	if n < 1 || n > maxProcs {
		return fmt.Errorf("runq: SetProcs(%d): the number of Ps must be between 1 and %d", n, maxProcs)
	}
	defer s.needHeadroom()
	s.stopTheWorld()
	defer s.startTheWorld()
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.ending {
		return ErrClosed
	}
	s.resize(n)
	return nil
}

// resize gives the scheduler n seats. The world is stopped (or hasn't begun) and the
// lock held.
func (s *Scheduler) resize(n int) {
	for _, d := range s.domainsLocked() {
		d.resize(d.procs(n))
	}
	s.eventS(event.KindProcsChanged, event.ReasonNone, uint64(n))
}

// resize gives the domain n seats, as Scheduler.resize.
func (d *domain) resize(n int) {
	s, old := d.s, d.seatedLocked()
	seats := append([]*p(nil), old[:min(n, len(old))]...)
	for len(seats) < n {
		p := d.newP(d.first + int32(len(seats)))
		p.state = pStopped
		seats = append(seats, p)
	}
	for _, c := range *d.classes.LoadLocked() {
		if c.floorSince.Load() != 0 {
			c.beginFloor(s.clock.Now()) // it was reckoned with as many Ps as there were
		}
	}
	d.seats.Store(&seats) // before the timers are moved; partner: alarm.schedule
	for _, p := range old[min(n, len(old)):] {
		s.moveTimers(p, seats[0])
		s.putAll(p.drain())
		s.retire(p)
	}
}

// moveTimers moves the timers of a seat that is gone.
func (s *Scheduler) moveTimers(from, to *p) {
	if from.timers != to.timers && from.timers.MoveTo(to.timers) {
		s.timerEarlier(to.timers.Next())
	}
}
