package model

import (
	"fmt"
	"math/bits"
)

// strategy chooses.
type strategy interface {
	begin()                             // before an execution
	pick(x *Execution, d *decision) int // at a place with a choice
	end(x *Execution) (more bool)       // after one without a failure
}

// depthFirst goes through all schedules with at most bound preemptions: each
// execution repeats the path of the one before up to the last place that has another
// choice, takes that, and goes on with first choices.
type depthFirst struct {
	bound int  // negative: none
	full  bool // branch everywhere
	path  []node
	depth int // places passed in this execution
}

// node is a place on the path.
type node struct {
	decision
	done  uint64 // choices that have been explored, the present one included
	what  int    // the present one
	spent int    // preemptions before it
	open  bool   // other choices are to be explored
}

func (s *depthFirst) begin() { s.depth = 0 }

func (s *depthFirst) pick(x *Execution, d *decision) int {
	i := s.depth
	s.depth++
	if i < len(s.path) {
		n := &s.path[i]
		if n.decision != *d {
			x.fail(&Failure{Kind: "divergence", Message: fmt.Sprintf("the code under test isn't deterministic: "+
				"at choice %d %s, when the same choices had been made before, but %s now", i, n.decision.describe(x), d.describe(x))})
			return d.first
		}
		return n.what
	}
	n := node{decision: *d, what: d.first, done: 1 << d.first, open: s.full || d.forced()}
	if i > 0 {
		n.spent = s.path[i-1].cost()
	}
	s.path = append(s.path, n)
	return n.what
}

// cost is the number of preemptions up to and including this place.
func (n *node) cost() int { return n.spent + int(n.costly>>n.what&1) }

// others returns the choices that are still to be explored.
func (s *depthFirst) others(n *node) uint64 {
	if !n.open {
		return 0
	}
	o := n.free
	if s.bound < 0 || n.spent < s.bound {
		o |= n.costly
	}
	return o &^ n.done
}

func (s *depthFirst) end(x *Execution) (more bool) {
	if s.depth < len(s.path) {
		x.fail(&Failure{Kind: "divergence", Message: fmt.Sprintf("the code under test isn't deterministic: "+
			"there were %d choices, when the same ones had been made before, but %d now", len(s.path), s.depth)})
		return false
	}
	for i := range s.path {
		if n := &s.path[i]; !n.open && n.loc >= 0 && x.locs[n.loc].shared() {
			n.open = true
		}
	}
	for i := len(s.path) - 1; i >= 0; i-- {
		n := &s.path[i]
		if o := s.others(n); o != 0 {
			n.what = bits.TrailingZeros64(o)
			n.done |= 1 << n.what
			s.path = s.path[:i+1]
			return true
		}
	}
	return false
}

// describe says what a decision is about.
func (d *decision) describe(x *Execution) string {
	where := ""
	if d.loc >= 0 {
		where = " " + x.nameOf(d.loc)
	}
	return fmt.Sprintf("thread %d was about to %v%s, with the choices %b", d.thread, d.op, where, d.all())
}
