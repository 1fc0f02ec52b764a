package runq

// The scheduler's pool of free carriers, and their end.
//
// A carrier is a goroutine: nothing frees it but its own end, and ending one
// exchanges the places of stacks that may belong to anyone (coro.go). So carriers
// are ended while the world is stopped, a batch at a time: after a peak of waiting
// tasks, after tasks have called runtime.Goexit, and at Close.

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

	// trimBatch bounds the carriers ended in one stop of the world: at less than a
	// microsecond each, the pause stays well below a millisecond.
	trimBatch = 256

	// zombiesMax is how many carriers that can run nothing any more are left lying
	// before a stop of the world is worth it.
	zombiesMax = 64
)

// carrierPool holds free carriers that no P holds.
type carrierPool struct {
	mu      sx.Mutex
	free    queue.List // guarded by mu
	zombies queue.List // guarded by mu; carriers that a Goexit has used up
	low     int        // fewest free since the last trim; guarded by mu
	trimmed int64      // time of the last trim; sysmon only
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
	if cp.free.Len() <= trimKeep && cp.zombies.Len() == 0 {
		return 0
	}
	return cp.trimmed + trimEvery
}

// take removes what has to be ended: the zombies, and a batch of what nobody has
// needed since the last call.
func (cp *carrierPool) take(everyone bool) queue.List {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	n := cp.free.Len()
	if !everyone {
		n = min(max(cp.low-trimKeep, 0), trimBatch)
	}
	l := cp.free.Take(n)
	l.Append(&cp.zombies)
	cp.low = cp.free.Len()
	return l
}

// trim ends carriers that are no longer needed. Sysmon calls it at every beat.
func (s *Scheduler) trim(now int64) {
	cp := &s.carriers
	cp.mu.Lock()
	many := cp.zombies.Len() >= zombiesMax
	idle := cp.free.Len() <= trimKeep && cp.zombies.Len() == 0
	cp.mu.Unlock()
	if idle {
		cp.trimmed = now
		return
	}
	if !many && now-cp.trimmed < trimEvery {
		return
	}
	cp.trimmed = now
	l := cp.take(false)
	if l.Len() == 0 {
		return
	}
	s.stopTheWorld()
	s.switching.Lock()
	s.endCarriers(&l)
	s.switching.Unlock()
	s.startTheWorld()
}

// endCarriers ends every carrier of the list. The world is stopped and the switch
// lock held, or no M is left.
func (s *Scheduler) endCarriers(l *queue.List) {
	var k stack
	for n := l.Pop(); n != nil; n = l.Pop() {
		c := carrierOf(n)
		if c.state != carrierGoexits {
			c.state = carrierEnding
			k.end(&c.stack, &c.own)
		} else {
			k.endGoexit(&c.stack, &c.own)
		}
		s.carriersEnded.Add(1)
	}
}

// endGoexit is end for a carrier in the middle of a Goexit: iter.Pull passes that
// on to the goroutine that resumes it, so another goroutine does it.
func (k *stack) endGoexit(s *stack, own *coro) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.end(s, own)
	}()
	<-done
}
