package runq

import (
	"slices"

	"github.com/runq-go/runq/internal/idle"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// domain is a set of seats whose Ps share their work, and the Ms that may hold them.
// Work never moves from one domain to another. The fore domain is that of ordinary
// classes; what needs threads of its own has another one (background.go).
type domain struct {
	s     *Scheduler
	bound *binding // how its Ms' threads are; nil: the Ms are ordinary goroutines. Doesn't change.
	first int32    // the id of the P in its first seat

	idle  idle.Set[p, m]   // its idle Ps and Ms, and searchers; the lists are guarded by the scheduler's lock
	seats sx.Pointer[[]*p] // the Ps by seat; replaced, never changed, under the lock

	// classes are those that have had work here; replaced, never changed, under the lock.
	classes sx.Pointer[[]*Class]

	// fair is set when there are several classes, for good. Partner: Class.arrived.
	fair sx.Bool

	bucket  *bucket  // what its threads pay their time from; nil: they aren't background threads. Doesn't change
	threads sx.Int32 // its Ms; written under the lock
	waiting sx.Int32 // those of them whose task waits, and will be readied

	unbound sx.Bool // a thread couldn't be bound as it should be, which was said

	overruns int // its Ps that are unseated; guarded by the lock

	timers []*timerheap.Heap // by seat, also of seats that are gone; guarded by the lock
}

// seated returns the domain's Ps by seat.
func (d *domain) seated() []*p { return *d.seats.Load() }

// seatedLocked is seated when the lock is held.
func (d *domain) seatedLocked() []*p { return *d.seats.LoadLocked() }

// at returns the P that holds the seat of the P with the id, nil if the seat is gone.
func (d *domain) at(id int32) *p {
	seats := d.seated()
	if i := int(id - d.first); i < len(seats) {
		return seats[i]
	}
	return nil
}

// seat gives p the seat of its id. The lock is held.
func (d *domain) seat(p *p) {
	seats := slices.Clone(d.seatedLocked())
	seats[p.id-d.first] = p
	d.seats.Store(&seats)
}

// served returns the class that a new P serves at first. The lock is held.
func (d *domain) served() *Class { return (*d.classes.LoadLocked())[0] }

// queued tells whether a task waits in the queue of a class.
func (d *domain) queued() bool {
	for _, c := range *d.classes.Load() {
		if c.queued() > 0 {
			return true
		}
	}
	return false
}

// queuedBut is queued, of all classes but c.
func (d *domain) queuedBut(c *Class) bool {
	for _, o := range *d.classes.Load() {
		if o != c && o.queued() > 0 {
			return true
		}
	}
	return false
}

// allDomains returns the scheduler's domains, the fore domain first.
func (s *Scheduler) allDomains() []*domain { return *s.domains.Load() }

// domainsLocked is allDomains when the lock is held.
func (s *Scheduler) domainsLocked() []*domain { return *s.domains.LoadLocked() }

// allSeats yields the Ps of all domains. The lock is held.
func (s *Scheduler) allSeats(yield func(*p) bool) {
	for _, d := range s.domainsLocked() {
		for _, p := range d.seatedLocked() {
			if !yield(p) {
				return
			}
		}
	}
}

// wakeAll is wake for every domain.
func (s *Scheduler) wakeAll() {
	for _, d := range s.allDomains() {
		d.wake()
	}
}

// everyPIdle tells whether no M holds a P. The lock is held.
func (s *Scheduler) everyPIdle() bool {
	for _, d := range s.domainsLocked() {
		if d.idle.IdlePs() != len(d.seatedLocked()) {
			return false
		}
	}
	return true
}
