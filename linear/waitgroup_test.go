package linear

import (
	"fmt"
	"sync/atomic"

	"github.com/runq-go/runq"
)

// waitGroup is what is checked of a WaitGroup.
type waitGroup interface {
	Add(delta int)
	Done(t *runq.Task)
	Wait(t *runq.Task) error
}

type waitGroupOp struct {
	wait  bool
	delta int

	// The results.
	panicked bool
	gaveUp   bool
}

func (o *waitGroupOp) waits() bool { return o.wait }

func (o *waitGroupOp) String() string {
	if o.wait {
		return "Wait" + whether(false, o.gaveUp)
	}
	return fmt.Sprintf("Add(%d)", o.delta) + whether(o.panicked, false)
}

// waitGroups is a WaitGroup.
type waitGroups struct {
	wg      waitGroup
	counter atomic.Int64 // when no Add is under way
}

func (s *waitGroups) spec(h *history) spec {
	op := func(id int) *waitGroupOp { return h.records[id].op.(*waitGroupOp) }
	gaveUp := func(id int) bool { return op(id).gaveUp }
	return spec{start: waitState{}, step: func(state any, id int, h half) (any, bool) {
		s, o := state.(waitState), op(id)
		switch {
		case o.wait:
			return s, s.wait(o.gaveUp, id, h)
		case s.n+o.delta < 0:
			return s, o.panicked
		}
		ok := s.change(s.n+o.delta, gaveUp)
		return s, ok && !o.panicked
	}}
}

func (s *waitGroups) act(c *client) {
	switch c.rng.IntN(5) {
	case 0, 1:
		o := &waitGroupOp{wait: true}
		c.do(o, func() { o.gaveUp = c.gaveUp(s.wg.Wait(c.t)) })
	case 2:
		s.add(c, 1+c.rng.IntN(2))
	case 3:
		s.add(c, -1)
	case 4:
		s.add(c, -2)
	}
}

// add adds delta; less one is Done.
func (s *waitGroups) add(c *client, delta int) {
	o := &waitGroupOp{delta: delta}
	c.do(o, func() {
		o.panicked = panics(func() {
			if delta == -1 {
				s.wg.Done(c.t)
			} else {
				s.wg.Add(delta)
			}
		})
		if !o.panicked {
			s.counter.Add(int64(delta))
		}
	})
}

// leave has nothing to undo.
func (s *waitGroups) leave(*client) {}

// stuck tells whether all wait, and the counter isn't zero.
func (s *waitGroups) stuck(under []operation) bool {
	for _, u := range under {
		if !u.(*waitGroupOp).wait {
			return false
		}
	}
	return s.counter.Load() > 0
}

func (s *waitGroups) help(c *client) {
	if n := int(s.counter.Load()); n > 0 {
		s.add(c, -1-c.rng.IntN(n))
	}
}
