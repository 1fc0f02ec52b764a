package runq

// Leases: processors for background work that has a floor.
//
// The kernel gives a background thread nearly nothing while threads of a usual priority
// want all processors. If those are runq's own, that can be helped: a P that isn't used
// leaves a processor to whoever wants it. So when a background class with a floor has got
// less than that, and has work, a P of the fore domain is lent out for a while. It isn't
// given to anybody: it is only kept from running, and the kernel does the rest. What
// ordinary goroutines use can't be lent.

import (
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// leasing is what is lent. Guarded by the scheduler's lock but for what is sysmon's.
type leasing struct {
	lent []*p
	next int // sysmon's: the seat that is asked next

	since int64         // sysmon's: since when the floor counts, 0: there is no work
	had   time.Duration // sysmon's: background CPU time then
}

// leases lends Ps, or takes them back, so that background classes get their floor. used
// is the CPU time of all background threads so far. It is sysmon's.
func (s *Scheduler) leases(now int64, used time.Duration) {
	l := &s.leasing
	floor := 0.0
	for _, c := range s.allClasses() {
		if c.cfg.Floor != 0 && c.engaged.Load() && c.d.bucket != nil && (c.queued() > 0 || c.serving.Load() > 0) {
			floor += c.cfg.Floor
		}
	}
	if floor == 0 {
		l.since = 0
		s.endLeases()
		return
	}
	if l.since == 0 {
		l.since, l.had = now, used
	}
	procs := len(s.fore.seated())
	owed := floor*float64(procs)*float64(now-l.since) - float64(used-l.had)
	want := int((owed + governEvery - 1) / governEvery) // each lent P brings governEvery a beat
	want = min(max(want, 0), procs)
	if s.fore.idle.IdlePs() > 0 {
		want = 0 // there are processors, or it isn't runq that uses them
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	for n := len(l.lent); n < want; n++ {
		s.askForLease()
	}
	for len(l.lent) > want {
		s.endLease()
	}
}

// askForLease asks the next P that runs. The lock is held.
func (s *Scheduler) askForLease() {
	seats := s.fore.seated()
	s.leasing.next++
	p := seats[s.leasing.next%len(seats)]
	if p.state != pRunning || p.m == nil || s.stopping {
		return
	}
	p.attn.Or(attnLease) // partner: pick, attend, safePoint
	if t := sx.PeekPointer(&p.m.curg); t != nil {
		t.preempt.Store(asked) // partner: Checkpoint
	}
}

// lend puts m's P aside. The lock is held.
func (m *m) lend() {
	p := m.p
	p.attn.And(^uint32(attnLease))
	m.s.putAll(p.drain())
	m.s.leasing.lent = append(m.s.leasing.lent, m.release(pLent, event.ReasonHandoffIdle))
}

// endLease gives a P back that was lent. The lock is held.
func (s *Scheduler) endLease() {
	l := &s.leasing
	last := len(l.lent) - 1
	p := l.lent[last]
	l.lent[last] = nil
	l.lent = l.lent[:last]
	s.handOff(p)
}

// endLeases gives all of them back.
func (s *Scheduler) endLeases() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for len(s.leasing.lent) > 0 {
		s.endLease()
	}
}
