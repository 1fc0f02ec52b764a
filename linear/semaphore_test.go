package linear

import (
	"errors"
	"fmt"

	"github.com/runq-go/runq"
)

// semSize is how many units there are: few, so that most requests wait.
const semSize = 4

// semaphore is what is checked of a Semaphore.
type semaphore interface {
	Acquire(t *runq.Task, n int64) error
	TryAcquire(n int64) bool
	Release(t *runq.Task, n int64)
}

type semKind uint8

const (
	semAcquire semKind = iota
	semTry
	semRelease
)

type semOp struct {
	kind semKind
	n    int

	// The results.
	ok       bool
	size     bool // ErrSemaphoreSize
	panicked bool
}

func (o *semOp) waits() bool { return o.kind == semAcquire }

func (o *semOp) String() string {
	result := fmt.Sprint(o.ok)
	switch {
	case o.size:
		result = "more than there is"
	case o.panicked:
		result = "panics"
	}
	return fmt.Sprintf("%s(%d): %s", [...]string{"Acquire", "TryAcquire", "Release"}[o.kind], o.n, result)
}

// semState is the state of a semaphore.
type semState struct {
	free  int
	queue places // who waits, in the order in which they came
	done  set    // who has what it wanted, or never will, and hasn't returned
}

func semStep(state any, o *semOp, op func(id int) *semOp, id int, h half) (any, bool) {
	s := state.(semState)
	ok := false
	switch {
	case h == end:
		ok = s.done.drop(id) || !o.ok && !o.size && s.queue.drop(id)
		ok = ok && s.grant(op)
	case o.kind == semTry:
		fits := s.queue.n == 0 && s.free >= o.n
		if ok = fits == o.ok; ok && fits {
			s.free -= o.n
		}
	case o.kind == semRelease:
		if s.free+o.n > semSize {
			ok = o.panicked
			break
		}
		s.free += o.n
		ok = !o.panicked && s.grant(op)
	case o.n > semSize:
		s.done.add(id)
		ok = o.size
	default:
		s.queue.push(place{id: uint16(id)})
		ok = s.grant(op)
	}
	return s, ok
}

// grant gives those who wait what they want, as far as it goes. It tells whether those
// who get something have returned with it.
func (s *semState) grant(op func(id int) *semOp) bool {
	for s.queue.n > 0 {
		id := int(s.queue.at[0].id)
		o := op(id)
		if s.free < o.n {
			return true
		}
		if !o.ok {
			return false
		}
		s.queue.drop(id)
		s.done.add(id)
		s.free -= o.n
	}
	return true
}

// semaphores is a semaphore. A client holds as many units as holds says, and doesn't
// wait for more when it has some: so all can go on always.
type semaphores struct{ s semaphore }

func (s *semaphores) spec(h *history) spec {
	op := func(id int) *semOp { return h.records[id].op.(*semOp) }
	return spec{
		start: semState{free: semSize},
		step:  func(state any, id int, h half) (any, bool) { return semStep(state, op(id), op, id, h) },
	}
}

func (s *semaphores) act(c *client) {
	kind := semTry
	switch {
	case c.rng.IntN(64) == 0:
		s.releaseTooMany(c)
		return
	case c.holds > 0 && c.rng.IntN(4) > 0:
		s.release(c, 1+c.rng.IntN(c.holds))
		return
	case c.holds == 0 && c.rng.IntN(3) > 0:
		kind = semAcquire
	}
	// TryAcquire(0) tells whether somebody waits.
	o := &semOp{kind: kind, n: c.rng.IntN(semSize + 1)}
	if c.rng.IntN(64) == 0 {
		o.n = semSize + 1
	}
	c.do(o, func() {
		if kind == semTry {
			o.ok = s.s.TryAcquire(int64(o.n))
			return
		}
		err := s.s.Acquire(c.t, int64(o.n))
		if o.size = errors.Is(err, runq.ErrSemaphoreSize); !o.size {
			o.ok = !c.gaveUp(err)
		}
	})
	if o.ok {
		c.holds += o.n
	}
}

func (s *semaphores) release(c *client, n int) {
	o := &semOp{kind: semRelease, n: n}
	c.do(o, func() { o.panicked = panics(func() { s.s.Release(c.t, int64(n)) }) })
	c.holds -= n
}

// releaseTooMany releases more than there can be: it panics, and nothing changes.
func (s *semaphores) releaseTooMany(c *client) {
	o := &semOp{kind: semRelease, n: semSize + 1}
	c.do(o, func() { o.panicked = panics(func() { s.s.Release(c.t, int64(o.n)) }) })
}

func (s *semaphores) leave(c *client) {
	if c.holds > 0 {
		s.release(c, c.holds)
	}
}

// stuck is never true: who has units doesn't wait.
func (s *semaphores) stuck([]operation) bool { return false }

func (s *semaphores) help(*client) {}
