package runq

// The scheduler's pool of free carriers, and their end.
//
// A carrier is a goroutine: nothing frees it but its own end. A free carrier can
// be ended if the place it was made with is empty of strangers (coro.go); among
// many free carriers nearly all can, and those that can't today stay in the pool
// for another day. So nothing has to be stopped for it: sysmon takes a batch out of
// the pool, after a peak of waiting tasks or when tasks have called runtime.Goexit,
// and lets a goroutine end what can be ended.

import (
	"time"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// trimEvery is how often sysmon looks at the pool. What has been free for all of
	// that time isn't needed for the load of the moment.
	trimEvery = int64(time.Second)

	// trimKeep is how many free carriers the pool keeps however long: a P's worth.
	trimKeep = carriersPerP

	// zombiesMax is how many carriers that can run nothing any more are left lying
	// before they are worth a trim ahead of time.
	zombiesMax = 64
)

// carrierPool holds free carriers that no P holds.
type carrierPool struct {
	mu      sx.Mutex
	free    queue.List // guarded by mu
	zombies queue.List // guarded by mu; carriers that a Goexit has used up
	all     []*carrier // guarded by mu; every carrier that has not ended
	low     int        // fewest free since the last trim; guarded by mu
	stayed  int        // zombies that the last trim couldn't end; guarded by mu
	trimmed int64      // time of the last trim; guarded by mu

	trimming bool // a goroutine is at it; guarded by mu
}

// get moves half a P's worth of carriers into pool and returns another one, or nil
// when there is none.
func (cp *carrierPool) get(pool *queue.List) *carrier {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	n := cp.free.Pop()
	if n == nil {
		return nil
	}
	batch := cp.free.Take(carriersPerP / 2)
	pool.Append(&batch)
	cp.low = min(cp.low, cp.free.Len())
	return carrierOf(n)
}

// add registers a new carrier.
func (cp *carrierPool) add(c *carrier) {
	cp.mu.Lock()
	c.index = len(cp.all)
	cp.all = append(cp.all, c)
	cp.mu.Unlock()
}

// remove forgets a carrier that has ended.
func (cp *carrierPool) remove(c *carrier) {
	cp.mu.Lock()
	last := cp.all[len(cp.all)-1]
	cp.all[c.index], last.index = last, c.index
	cp.all[len(cp.all)-1] = nil
	cp.all = cp.all[:len(cp.all)-1]
	cp.mu.Unlock()
}

// each calls f for the G of every carrier, in use or not. f must not use the pool.
func (cp *carrierPool) each(f func(*Task)) {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	for _, c := range cp.all {
		f(&c.task)
	}
}

// put adds free carriers.
func (cp *carrierPool) put(l *queue.List) {
	cp.mu.Lock()
	cp.free.Append(l)
	cp.mu.Unlock()
}

// bury adds a carrier that can only be ended.
func (cp *carrierPool) bury(c *carrier) {
	cp.mu.Lock()
	cp.zombies.Push(&c.node)
	cp.mu.Unlock()
}

// due returns when the pool has to be looked at again, 0 when there is no need.
func (cp *carrierPool) due() int64 {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	switch {
	case cp.trimming || cp.free.Len() <= trimKeep && cp.zombies.Len() == 0:
		return 0
	case cp.zombies.Len() >= zombiesMax+cp.stayed:
		return cp.trimmed
	}
	return cp.trimmed + trimEvery
}

// take removes what is to be ended: the zombies, and what nobody has needed since
// the last call.
func (cp *carrierPool) take(now int64) queue.List {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	l := cp.free.Take(max(cp.low-trimKeep, 0))
	l.Append(&cp.zombies)
	cp.low = cp.free.Len()
	cp.trimmed = now
	cp.trimming = l.Len() > 0
	return l
}

// giveBack returns what couldn't be ended.
func (cp *carrierPool) giveBack(l *queue.List) {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.trimming = false
	cp.stayed = 0
	for n := l.Pop(); n != nil; n = l.Pop() {
		if carrierOf(n).state == carrierLive {
			cp.free.Push(n)
		} else {
			cp.zombies.Push(n)
			cp.stayed++
		}
	}
}

// trim ends carriers that are no longer needed. Sysmon calls it at every beat.
func (s *Scheduler) trim(now int64) {
	s.trimThreads(now)
	if due := s.carriers.due(); due == 0 || now < due {
		return
	}
	l := s.carriers.take(now)
	if l.Len() == 0 {
		return
	}
	s.threads.Add(1)
	sx.Go(func() {
		defer s.threads.Done()
		s.endCarriers(&l)
		s.carriers.giveBack(&l)
		s.wakeSysmon() // which reckons with what is left
	})
}

// trimThreads ends Ms with threads of their own that aren't needed now, at most once in
// trimEvery. One for each P is kept, and another may be: the last to come to rest do so
// when sysmon sleeps already.
func (s *Scheduler) trimThreads(now int64) {
	due := s.threadsDue()
	if due == 0 || now < due {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.threadsTrimmed = now
	for _, d := range s.allDomains()[1:] {
		for d.idle.IdleMs() > len(d.seated()) {
			m := d.idle.GetM()
			m.dying = true
			m.note.Wake()
		}
	}
}

// threadsDue returns when trimThreads has something to do, 0 for never.
func (s *Scheduler) threadsDue() int64 {
	domains := s.allDomains()[1:]
	if len(domains) == 0 {
		return 0
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, d := range domains {
		if d.idle.IdleMs() > len(d.seated()) {
			return s.threadsTrimmed + trimEvery
		}
	}
	return 0
}

// endCarriers ends the carriers of the list, which the caller owns, and leaves
// those in it that can't be ended. After a carrier has been ended, the one that was
// a guest in its place sits in another, whose native may be endable in turn.
func (s *Scheduler) endCarriers(l *queue.List) {
	owned := make(map[*stack]*carrier, l.Len())
	var guests []*carrier
	for n := l.Pop(); n != nil; n = l.Pop() {
		c := carrierOf(n)
		owned[&c.stack] = c
		guests = append(guests, c)
	}
	mine := func(s *stack) bool { return owned[s] != nil }
	var k stack
	for _, guest := range guests {
		for mine(&guest.stack) {
			native := k.bringHome(&guest.stack, mine)
			if native == nil {
				break
			}
			c := owned[native]
			delete(owned, native)
			k.endCarrier(c)
			s.carriers.remove(c)
			s.carriersEnded.Add(1)
		}
	}
	for _, c := range owned {
		l.Push(&c.node)
	}
}

// endCarrier ends a carrier that is at home. A Goexit that it is in the middle of
// is passed on by iter.Pull to the goroutine that resumes it, so another goroutine
// does that.
func (k *stack) endCarrier(c *carrier) {
	if c.state != carrierGoexits {
		c.state = carrierEnding
		k.end(&c.stack)
		return
	}
	var done sx.Gate
	done.Init()
	sx.Go(func() {
		defer done.Open()
		k.end(&c.stack)
	})
	done.Wait()
}
