package runq

// Slots: how many background threads compute at once while there is an allowance.
//
// The tension: an allowance of half a CPU can be used up by two threads that both compute
// for half a millisecond and then both sleep, and whoever comes meanwhile finds every
// processor taken. By one thread after the other it is used up as well, and a processor
// stays free.
//
// The choice: as long as the allowance is smaller than the number of background Ps, only as
// many threads as it needs compute at once. Each has a slot then, which it gives back when
// it has used it for a slice while others wait, when it sleeps because the allowance is
// used up, or when it loses its P. Nobody is woken for a slot: who waits looks again after
// a while, which is simple and costs little compared with what it waits for. A task that
// never comes by keeps its slot; so nobody waits for longer than slotPatience.

import (
	"math"
	"slices"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

const (
	// slotLook is after what time who waits for a slot looks again: short against a slice,
	// long against what a look costs.
	slotLook = time.Millisecond

	// slotPatience is how long a thread waits for a slot at most, and then computes without:
	// some slices of the usual length.
	slotPatience = int64(50 * time.Millisecond)
)

// slots are what a limited number of threads may have at once. They are guarded by mu.
type slots struct {
	mu    sx.Mutex
	most  int // 0: everybody may compute
	taken int
	queue []*slot // of those who wait
}

// slot is what an M has of them; guarded by their mu.
type slot struct {
	has   bool
	since int64 // when it got it, or began to wait
}

// limit sets how many slots there are for an allowance of so many CPUs, negative: any.
func (s *slots) limit(allowed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = 0
	if allowed >= 0 {
		s.most = max(int(math.Ceil(allowed)), 1)
	}
}

// take gets a slot for the owner at the time now, in the order in which they have begun to
// wait, and tells whether there was one. Who has had his for a slice gives it up if others
// wait.
func (s *slots) take(own *slot, now, slice int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own.has {
		if s.most == 0 || len(s.queue) == 0 || now-own.since < slice {
			return true
		}
		s.drop(own)
	}
	at := slices.Index(s.queue, own)
	if at < 0 {
		at = len(s.queue)
		s.queue = append(s.queue, own)
		own.since = now
	}
	if s.most != 0 && s.taken+at >= s.most && now-own.since < slotPatience {
		return false
	}
	s.queue = slices.Delete(s.queue, at, at+1)
	own.has, own.since = true, now
	s.taken++
	return true
}

// drop gives a slot back. mu is held.
func (s *slots) drop(own *slot) {
	if own.has {
		own.has = false
		s.taken--
	}
}

// leave gives the owner's slot back, or lets it wait no more, because it won't compute.
func (s *slots) leave(own *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(own)
	if at := slices.Index(s.queue, own); at >= 0 {
		s.queue = slices.Delete(s.queue, at, at+1)
	}
}
