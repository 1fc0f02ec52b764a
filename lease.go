package runq

// Leases: processors for background work that has a floor.
//
// The kernel gives a background thread nearly nothing while threads of a usual priority
// want all processors. If those are runq's own, that can be helped: a P that isn't used
// leaves a processor to whoever wants it. So when a background class with a floor has got
// less than that, and has work, a P of the fore domain is lent out for a while. It isn't
// given to anybody: it is only kept from running, and the kernel does the rest. What
// ordinary goroutines use can't be lent.
//
// So a P that is lent may be of no use, if it is goroutines or another process that take
// its processor. Then lending more and for longer would stop the ordinary classes
// altogether: a P that is lent counts as time that background work has had. And what it
// is owed isn't kept for long: nobody is to stand still for what was missed a minute ago.

import (
	"slices"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// leaseMemory is the time whose floor can be owed, or be had in advance: longer than a
// usual slice, after which tasks give a P to be lent, and a pause that isn't felt when the
// floor is a usual one, a tenth or less.
const leaseMemory = 100e6 // ns

// leasing is what is lent. Guarded by the scheduler's lock but for what is sysmon's.
type leasing struct {
	lent []*p
	want int // how many are to be: a P that was asked for may come late
	next int // sysmon's: the seat that is asked next

	at   int64         // sysmon's: the time of the last look; 0: there was no work
	had  time.Duration // sysmon's: background CPU time until then
	owed float64       // sysmon's: ns
}

// leases lends Ps, or takes them back, so that background classes get their floor. used
// is the CPU time so far of all background threads that can have a floor. It is sysmon's.
func (s *Scheduler) leases(now int64, used time.Duration) {
	want := s.leasesWanted(now, used)
	l := &s.leasing
	s.lock.Lock()
	defer s.lock.Unlock()
	l.want = want
	for n := len(l.lent); n < want; n++ {
		s.askForLease()
	}
	for len(l.lent) > want {
		s.endLease()
	}
}

// leasesWanted reckons what background work is owed, and returns how many Ps are to be
// lent for it.
func (s *Scheduler) leasesWanted(now int64, used time.Duration) int {
	l := &s.leasing
	floor := s.backgroundFloor()
	if floor == 0 || s.fore.idle.IdlePs() > 0 { // no work; or there are processors, or it isn't runq that uses them
		l.at, l.owed = 0, 0
		return 0
	}
	procs := len(s.fore.seated())
	share := floor * float64(procs)
	if a := s.gov.allowed; a >= 0 {
		share = min(share, a) // more would do it no good
	}
	if l.at != 0 {
		took := float64(now - l.at)
		had := max(float64(used-l.had), float64(s.countLent())*took)
		most := max(share*leaseMemory, governEvery) // which a P brings that is lent for a beat
		l.owed = min(max(l.owed+share*took-had, -most), most)
	}
	l.at, l.had = now, used
	want := int((l.owed + governEvery - 1) / governEvery) // each lent P brings governEvery a beat
	return min(max(want, 0), int(share)+1, procs)         // rather a few for long than all for a moment
}

// backgroundFloor adds up the floors of the background classes that have work: something
// queued, or a task on a P that computes, or would if it could.
func (s *Scheduler) backgroundFloor() (floor float64) {
	for _, c := range s.allClasses() {
		if c.cfg.Floor != 0 && c.engaged.Load() && c.d.bucket != nil && (c.queued() > 0 || c.computes()) {
			floor += c.cfg.Floor
		}
	}
	return floor
}

// computes tells whether a task of the class, whose threads are its own, has a P and
// doesn't wait in ordinary Go.
func (c *Class) computes() bool {
	if c.serving.Load() == 0 {
		return false
	}
	s := c.s
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, p := range c.d.seatedLocked() {
		if p.servedClass() == c && p.m != nil && (p.m.heldBack.Load() || !p.m.waitsInThread(s.clock.Now())) {
			return true
		}
	}
	return false
}

// countLent returns how many Ps are lent.
func (s *Scheduler) countLent() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	return len(s.leasing.lent)
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

// lend puts m's P aside, if that is still wanted. The lock is held.
func (m *m) lend() {
	p := m.p
	p.attn.And(^uint32(attnLease))
	if l := &m.s.leasing; len(l.lent) >= l.want {
		return
	}
	m.s.putAll(p.drain())
	m.s.leasing.lent = append(m.s.leasing.lent, m.release(pLent, event.ReasonHandoffIdle))
}

// endLease gives a P back that was lent. The lock is held.
func (s *Scheduler) endLease() { s.endLeaseOf(len(s.leasing.lent) - 1) }

// endLeaseOf gives the i-th P back. The lock is held.
func (s *Scheduler) endLeaseOf(i int) {
	p := s.leasing.lent[i]
	s.leasing.lent = slices.Delete(s.leasing.lent, i, i+1)
	s.handOff(p)
}

// endLeasesDue gives back those whose timers are due, and tells whether there were any. The
// lock is held.
func (s *Scheduler) endLeasesDue(now int64) (any bool) {
	for i := len(s.leasing.lent) - 1; i >= 0; i-- {
		if due := s.leasing.lent[i].timers.Next(); due != 0 && due <= now {
			s.endLeaseOf(i)
			any = true
		}
	}
	return any
}

// endLeases gives all of them back.
func (s *Scheduler) endLeases() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.leasing.want = 0
	for len(s.leasing.lent) > 0 {
		s.endLease()
	}
}
