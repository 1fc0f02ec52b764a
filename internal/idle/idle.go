// Package idle keeps the Ps and Ms that have nothing to do, and decides who is
// woken when work appears. README.md states the protocol, its hazard, and why no
// wake-up is lost; the comments here only point at its steps.
package idle

import "github.com/runq-go/runq/internal/sx"

// The word packs two counts, so that one load answers "is there a P without an M,
// and is nobody searching?", which every spawn asks.
const (
	searchUnit = 1       // one searching M
	idleUnit   = 1 << 32 // one idle P
	searchMask = idleUnit - 1
)

// Set holds idle Ps and Ms of a scheduler and the number of Ms that search for work.
// The lists are guarded by a lock of its user's, the scheduler's: it also guards what
// the engine changes together with them.
type Set[P, M any] struct {
	// word is searching Ms and idle Ps, packed. Partner of each change: see README,
	// steps W2 (submitter) and S2 (searcher).
	word sx.Uint64

	ps []*P // idle Ps, last in first out: the warmest is used first; guarded by the user's lock
	ms []*M // idle Ms, likewise
}

// NeedWake tells whether submitted work should wake an M: a P is idle and no M is
// searching. It is the submitter's step W2 and costs one load.
func (s *Set[P, M]) NeedWake() bool {
	w := s.word.Load()
	return w&searchMask == 0 && w >= idleUnit
}

// Claim makes the caller responsible for starting one searching M. It fails when
// there is no need, or when somebody else is faster. Who has claimed must start an
// M as searching or call Unclaim.
func (s *Set[P, M]) Claim() bool {
	for {
		w := s.word.Load()
		if w&searchMask != 0 || w < idleUnit {
			return false
		}
		if s.word.CompareAndSwap(w, w+searchUnit) {
			return true
		}
	}
}

// TrySearch makes the caller, an M with a P but without work, a searcher, unless
// half of the busy Ps' number search already: more would burn CPU on the same few
// queues.
func (s *Set[P, M]) TrySearch(procs int) bool {
	for {
		w := s.word.Load()
		searching, busy := int(w&searchMask), procs-int(w>>32)
		if 2*searching >= busy {
			return false
		}
		if s.word.CompareAndSwap(w, w+searchUnit) {
			return true
		}
	}
}

// BeginSearch makes the caller a searcher without asking: it takes part because it
// has just seen work (step S2), or starts an M that must search.
func (s *Set[P, M]) BeginSearch() { s.word.Add(searchUnit) }

// EndSearch is a searcher's last act: step F1 when it has found work, S1 when it
// gives up. It tells whether the caller was the last searcher. Who found work and
// was the last must wake another (F2); who gave up must look at every queue once
// more (S2), last or not.
func (s *Set[P, M]) EndSearch() (last bool) {
	return s.word.Add(^uint64(0))&searchMask == 0
}

// Searching returns the number of searching Ms.
func (s *Set[P, M]) Searching() int { return int(s.word.Load() & searchMask) }

// IdlePs returns the number of idle Ps.
func (s *Set[P, M]) IdlePs() int { return int(s.word.Load() >> 32) }

// IdleMs returns the number of idle Ms. The lock must be held.
func (s *Set[P, M]) IdleMs() int { return len(s.ms) }

// PutP adds an idle P. The lock must be held.
func (s *Set[P, M]) PutP(p *P) {
	s.ps = append(s.ps, p)
	s.word.Add(idleUnit)
}

// GetP removes and returns the idle P that became idle last, or nil. The lock
// must be held.
func (s *Set[P, M]) GetP() *P {
	n := len(s.ps)
	if n == 0 {
		return nil
	}
	p := s.ps[n-1]
	s.ps[n-1] = nil
	s.ps = s.ps[:n-1]
	s.word.Add(^uint64(idleUnit - 1))
	return p
}

// TakeP removes p if it is idle: an M back from a blocking call prefers the P it
// had. The lock must be held.
func (s *Set[P, M]) TakeP(p *P) bool {
	for i, q := range s.ps {
		if q == p {
			s.ps = append(s.ps[:i], s.ps[i+1:]...)
			s.word.Add(^uint64(idleUnit - 1))
			return true
		}
	}
	return false
}

// PutM adds an idle M. The lock must be held.
func (s *Set[P, M]) PutM(m *M) { s.ms = append(s.ms, m) }

// GetM removes and returns the M that became idle last, or nil. The lock must be
// held.
func (s *Set[P, M]) GetM() *M {
	n := len(s.ms)
	if n == 0 {
		return nil
	}
	m := s.ms[n-1]
	s.ms[n-1] = nil
	s.ms = s.ms[:n-1]
	return m
}
