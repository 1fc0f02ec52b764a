package runq

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/ring"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// pState is what a P is doing.
type pState uint8

const (
	pIdle     pState = iota // in the idle list; no M; no task in its queue for long
	pRunning                // an M holds it, or is on its way to it
	pStopped                // taken by stopTheWorld
	pUnseated               // its M runs on with it, but it is no right to run any more
	pLent                   // put aside, so that background threads get its processor
	pDead                   // out of use: spare, or gone with SetProcs
)

func (s pState) String() string {
	return [...]string{"idle", "running", "stopped", "unseated", "lent", "dead"}[s]
}

// What others ask of the M that holds a P: bits of p.attn. It looks at every
// scheduling point and at the end of every slow call.
const (
	attnStop    = 1 << iota // the world stops: give the P back
	attnUnseat              // the P has been replaced: what you have is no P any more
	attnPreempt             // the slice is over: no hand-off through the next slot now
	attnLease               // put the P aside for a while (lease.go)
	attnFair                // there are several classes: every look for work is fair.go's. Stays.

	// attnAsked is what somebody waits for.
	attnAsked = attnStop | attnUnseat | attnLease
)

// p is the right to run tasks, and everything that goes with it: Go's P.
//
// A P holds one of the scheduler's seats, numbered by id. What is marked "owner"
// belongs to the M that holds the P and needs no lock; it stays with that M even
// when the P is unseated, which is what makes taking a P from a running task safe
// (retake.go).
type p struct {
	id int32 // its seat; never changes
	s  *Scheduler
	d  *domain // never changes

	// timers are those of the seat: every P that ever holds it has the same, and they
	// have a lock of their own.
	timers *timerheap.Heap

	// attn is written by others, under the scheduler's lock. Partner: the loads in
	// pick and attend, by the owner.
	attn sx.Uint32

	// moves is odd while the P is unseated: it changes before the event that says so,
	// and after the one that says that the P has its seat again. Written under the
	// scheduler's lock; partner: eventID.
	moves sx.Uint32

	// Guarded by the scheduler's lock.
	state pState
	m     *m

	// class is what it serves: all that is in its queue belongs to it, and so does the
	// task that it runs. Owner; peeked at by others.
	class *Class
	turn  turn // of the class (fair.go)

	run  queue.Local[entry] // owner puts; anyone steals
	next queue.Next[Task]   // the next slot, likewise

	// Owner only.
	cfree    queue.List // free carriers
	nextID   uint64     // next task id to hand out, up to lastID: a batch, so that ids cost nothing
	lastID   uint64
	tick     uint32 // looks for the next task; thieves peek
	slices   uint32 // slices begun: like tick, but a hand-off shares its slice; sysmon peeks
	forked   int64  // when a task of it last had private forks or ended one, as far as known; 0: never; others peek
	events   *ring.Writer
	profiled bool // tasks get labels for profiles
	c        counters

	// local counts hand-offs in a row that stayed on the P, up to localStreak. The
	// owner counts; a thief or sysmon resets. It is a guess: see wakeAfterPut.
	local sx.Uint32

	// byClass has figures by Class.index; nil unless attnFair is set. Owner; peeked at.
	byClass []*classCounters

	// unseatedAt is when the P lost its seat; guarded by the scheduler's lock.
	unseatedAt int64

	// outranked says that the task that it runs is in the way of a class far behind its own.
	// Guarded by the scheduler's lock.
	outranked outranked

	// cpu is where an M last looked for work with the P, -1 if it isn't known: kept only
	// for policies that ask for it. Written by the owner.
	cpu sx.Int32

	// sysmon's notes about the P: written and read by sysmon only.
	seen observation

	_ [128]byte // the next P's owner writes other lines
}

// idBatch is how many task ids a P takes at once (Go: 16). Larger, because here a
// spawn costs less than the shared counter's cache miss would.
const idBatch = 128

// newID returns an id that no other task of the scheduler has.
func (p *p) newID() uint64 {
	if p.nextID == p.lastID {
		p.lastID = p.s.lastID.Add(idBatch)
		p.nextID = p.lastID - idBatch
	}
	p.nextID++
	return p.nextID
}

// newP returns a P for the seat id: a spare one of that seat, if there is one, so
// that a P's id and timers never change under the eyes of those who look at a list
// of seats that is no longer the latest. The scheduler's lock is held.
func (d *domain) newP(id int32) *p {
	s := d.s
	np := s.takeSpare(id)
	if np == nil {
		np = &p{id: id, s: s, d: d, profiled: s.cfg.ProfileLabels, timers: d.seatTimers(id)}
		s.ps = append(s.ps, np)
		if s.cfg.Trace {
			np.events = ring.New(s.cfg.TraceBuffer)
		}
	}
	np.attn.Store(0)
	np.cpu.Store(-1)
	np.turn, np.outranked = turn{}, outranked{}
	if d.fair.Load() {
		np.beFair()
	}
	np.moves.Store(0)
	np.seen = observation{}
	np.class = d.served()
	return np
}

// takeSpare removes a spare P of the seat id, if there is one.
func (s *Scheduler) takeSpare(id int32) *p {
	for i, p := range s.spare {
		if p.id == id {
			s.spare = append(s.spare[:i], s.spare[i+1:]...)
			return p
		}
	}
	return nil
}

// seatTimers returns the timers of the seat id.
func (d *domain) seatTimers(id int32) *timerheap.Heap {
	at := int(id - d.first)
	for len(d.timers) <= at {
		d.timers = append(d.timers, new(timerheap.Heap))
	}
	return d.timers[at]
}

// acquire gives the P to m. The scheduler's lock is held, m has none.
func (m *m) acquire(p *p) {
	if m.p != nil || p.m != nil {
		bug("acquire: M %d already has a P, or P %d an M", m.id, p.id)
	}
	p.m = m
	m.p = p
	p.state = pRunning
	if p.d.bucket != nil {
		p.s.gov.probe.Load().wake()
	}
	if p.events != nil {
		m.event(event.KindProcAcquired, event.ReasonNone, 0)
	}
}

// release takes the P from m. The scheduler's lock is held.
func (m *m) release(to pState, why event.Reason) *p {
	p := m.p
	if p == nil || p.m != m {
		bug("release: M %d has no P", m.id)
	}
	p.rests()
	if p.events != nil && p.state != pUnseated { // else it was taken before
		m.event(event.KindProcReleased, why, 0)
	}
	p.m = nil
	m.p = nil
	p.state = to
	return p
}

// idleP returns an idle P to be acquired, or nil. No P can be had while the world is
// stopped, nor when the scheduler is being dismantled: who has submitted the last task
// may come to wake somebody for it when that has long been run. The scheduler's lock
// is held.
func (d *domain) idleP() *p {
	if d.s.stopping || d.s.ending {
		return nil
	}
	p := d.idle.GetP()
	if p != nil {
		p.state = pRunning
		d.s.wakeSysmon()
	}
	return p
}

// hasWork tells whether something waits for this P: a task in its queue. Tasks move
// from the next slot to the ring and never back, so the slot is looked at first.
func (p *p) hasWork() bool { return !p.next.Empty() || p.run.RingLen() > 0 }

// drain removes everything from the P's queue. Anyone may call it.
func (p *p) drain() []entry {
	var all []entry
	if g := p.next.Take(); g != nil {
		all = append(all, begun(g))
	}
	return append(all, p.run.Drain()...)
}
