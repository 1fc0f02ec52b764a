package runq

// Domains of their own: for background work, and for classes with a set of CPUs.
//
// The tension: background work is to have all the time that nobody else wants, and none
// else. "Nobody" includes the goroutines of the program, whose number and needs a
// scheduler in the same process doesn't know; a P taken away "at once" is taken too late
// by the time it takes to notice.
//
// The choice: the kernel decides, for it alone knows, a million times a second. Background
// tasks run on threads with a low priority (thread.go), as many at once as there are
// Ps; those have Ps of their own, beside those of the other classes. So nothing has to be
// taken back when other work comes: its Ps are free, and the kernel gives its threads the
// processors at once. Go's scheduler must not stand in between: while a background thread
// computes it holds one of Go's own Ps, and gets GOMAXPROCS raised by as many (headroom.go).
//
// Where the kernel has no priorities for threads, or doesn't grant them, a background
// class is a class like the others, with the least weight.

import (
	"errors"
	"slices"

	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/sx"
)

// binding returns how the threads of the class's domain are, nil if it needs none.
func (c *Class) binding() *binding {
	b := &binding{cpus: c.cfg.CPUs}
	if c.cfg.Background {
		b.nice = c.s.cfg.BackgroundNice
		b.idle = b.nice == osthread.MaxNice && c.cfg.Floor == 0
	}
	if b.nice == 0 && b.cpus == nil {
		return nil
	}
	return b
}

// canBind tries whether there can be threads for the class, if it needs them, and tells why
// not. It waits for a thread, so the lock must not be held.
func (s *Scheduler) canBind(c *Class) error {
	if b := c.binding(); b != nil {
		return s.tryBind(b)
	}
	return nil
}

// domainFor returns the domain that the class's tasks run in. cannot says why there can't
// be threads for it. The lock is held.
func (s *Scheduler) domainFor(c *Class, cannot error) *domain {
	b := c.binding()
	if b == nil {
		return &s.fore
	}
	for _, d := range s.allDomains() {
		if d.bound != nil && d.bound.nice == b.nice && d.bound.idle == b.idle && slices.Equal(d.bound.cpus, b.cpus) {
			return d
		}
	}
	if s.ending {
		return &s.fore // nothing will run there any more
	}
	if cannot != nil {
		if c.cfg.Background {
			s.weak = cannot
		}
		return &s.fore
	}
	return s.newDomain(c, b)
}

// newDomain makes a domain for the class's threads. The lock is held.
func (s *Scheduler) newDomain(c *Class, b *binding) *domain {
	domains := slices.Clone(s.allDomains())
	d := &domain{s: s, first: int32(len(domains) * maxProcs), bound: b}
	if b.nice != 0 {
		d.bucket = &s.bucket
		s.watchLatency()
	}
	d.seats.Store(new([]*p))
	d.classes.Store(&[]*Class{c})
	d.fair.Store(true) // so that times are kept, and it makes no difference here
	d.resize(d.procs(len(s.fore.seated())))
	for _, p := range d.seated() {
		if s.stopping {
			continue // startTheWorld finds it stopped
		}
		p.state = pIdle
		d.idle.PutP(p)
	}
	domains = append(domains, d)
	s.domains.Store(&domains)
	return d
}

// procs returns how many seats the domain has when the scheduler has n Ps: no more than
// it has CPUs.
func (d *domain) procs(n int) int {
	if d.bound != nil && d.bound.cpus != nil {
		return min(n, len(d.bound.cpus))
	}
	return n
}

// checkCPUs tells what is wrong with a class's CPUs.
func checkCPUs(cpus []int) error {
	if cpus == nil {
		return nil
	}
	if len(cpus) == 0 {
		return badClass("CPUs", cpus, "nil for all CPUs, or name at least one")
	}
	allowed, err := processAffinity()
	if errors.Is(err, errors.ErrUnsupported) {
		return badClass("CPUs", cpus, "nil on this system: %v", err)
	}
	if err != nil {
		return err
	}
	for i, c := range cpus {
		if !slices.Contains(allowed, c) {
			return badClass("CPUs", cpus, "made of CPUs that this process may use, %v; %d is none", allowed, c)
		}
		if slices.Contains(cpus[:i], c) {
			return badClass("CPUs", cpus, "made of different CPUs; %d is in it twice", c)
		}
	}
	return nil
}

// processAffinity returns the CPUs that ordinary threads may run on. The caller may be a
// task that has a thread of its own.
func processAffinity() (cpus []int, err error) {
	done := make(chan struct{})
	sx.Go(func() {
		defer close(done)
		cpus, err = osthread.Affinity()
	})
	<-done
	return cpus, err
}
