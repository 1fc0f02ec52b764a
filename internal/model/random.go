package model

import (
	"math/bits"
	"math/rand/v2"
)

// timeoutShare is how rarely the random strategies let a time be over while others
// could go on: one choice in so many. A timeout is a rare event in life, too, and
// loops with timeouts would otherwise do nothing else.
const timeoutShare = 16

// random makes every choice at random.
type random struct {
	r    *rand.Rand
	left int // executions still to do
}

func (s *random) begin() {}

func (s *random) pick(_ *Execution, d *decision) int {
	return oneOf(s.r, withoutTimeouts(s.r, d))
}

func (s *random) end(*Execution) bool {
	s.left--
	return s.left > 0
}

// withoutTimeouts returns what d offers; mostly without those that time out.
func withoutTimeouts(r *rand.Rand, d *decision) uint64 {
	all := d.all()
	if rest := all &^ d.timed; rest != 0 && r.IntN(timeoutShare) != 0 {
		return rest
	}
	return all
}

// oneOf returns the number of a bit of set.
func oneOf(r *rand.Rand, set uint64) int {
	for range r.IntN(bits.OnesCount64(set)) {
		set &= set - 1
	}
	return bits.TrailingZeros64(set)
}

// pct is the algorithm of Burckhardt and others ("A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs", 2010): threads have random priorities,
// the first one that can go on does, and at depth-1 random places the one that is
// running falls behind all others. A bug that needs depth ordering constraints is
// found with a probability of at least 1/(n·k^(depth-1)) in each execution, with n
// threads and k choices.
type pct struct {
	random
	depth      int
	longest    int // choices in an execution, so far
	place      int
	changes    []int // the places
	priorities []int // by thread
	low        int   // the lowest priority given
}

func (s *pct) begin() {
	s.place, s.low = 0, 0
	s.priorities, s.changes = s.priorities[:0], s.changes[:0]
	for range s.depth - 1 {
		s.changes = append(s.changes, s.r.IntN(max(s.longest, 1)))
	}
}

func (s *pct) pick(_ *Execution, d *decision) int {
	s.place++
	s.longest = max(s.longest, s.place)
	if d.op == OpChoose {
		return oneOf(s.r, d.free)
	}
	for len(s.priorities) < maxThreads {
		s.priorities = append(s.priorities, 1+s.r.IntN(1<<30))
	}
	for _, c := range s.changes {
		if c == s.place-1 {
			s.fall(d.thread)
		}
	}
	if d.op == OpYield && d.forced() {
		s.fall(d.thread)
	}
	best := -1
	for set := withoutTimeouts(s.r, d); set != 0; set &= set - 1 {
		if t := bits.TrailingZeros64(set); best < 0 || s.priorities[t] > s.priorities[best] {
			best = t
		}
	}
	return best
}

// fall gives a thread the lowest priority.
func (s *pct) fall(t int) {
	s.low--
	s.priorities[t] = s.low
}
