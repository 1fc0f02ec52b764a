package linear

import (
	"fmt"

	"github.com/runq-go/runq"
)

// mutex is what is checked of a Mutex.
type mutex interface {
	Lock(t *runq.Task)
	LockOrDone(t *runq.Task) error
	TryLock() bool
	Unlock(t *runq.Task)
}

type lockKind uint8

const (
	lockLock lockKind = iota
	lockTry
	lockUnlock
	lockRLock
	lockTryR
	lockRUnlock
)

// lockOp is a call of a method of a Mutex or RWMutex.
type lockOp struct {
	kind   lockKind
	orDone bool

	// The results.
	ok       bool
	panicked bool
	queue    bool // the specification has a queue
}

func (o *lockOp) waits() bool { return o.queue && (o.kind == lockLock || o.kind == lockRLock) }

func (o *lockOp) String() string {
	name := [...]string{"Lock", "TryLock", "Unlock", "RLock", "TryRLock", "RUnlock"}[o.kind]
	switch {
	case o.orDone:
		return fmt.Sprintf("%sOrDone%s", name, whether(false, !o.ok))
	case o.kind == lockTry || o.kind == lockTryR:
		return fmt.Sprintf("%s: %v", name, o.ok)
	}
	return name + whether(o.panicked, false)
}

// mutexStep is the specification of a Mutex. Its state is who holds it, by its number
// among the clients and one more; 0 is nobody.
func mutexStep(state any, o *lockOp, client int) (any, bool) {
	holder, me := state.(int), client+1
	switch {
	case o.kind == lockUnlock && o.panicked:
		return holder, holder == 0
	case o.kind == lockUnlock:
		return 0, holder == me
	case o.ok:
		return me, holder == 0
	}
	return holder, holder != 0
}

// mutexes is a mutex. A client holds it when holds is 1.
type mutexes struct{ m mutex }

func (s *mutexes) spec(h *history) spec {
	return spec{start: 0, step: func(state any, id int, _ half) (any, bool) {
		r := &h.records[id]
		return mutexStep(state, r.op.(*lockOp), r.client)
	}}
}

func (s *mutexes) act(c *client) {
	if c.holds > 0 {
		if c.rng.IntN(4) > 0 {
			s.leave(c)
			return
		}
		s.lock(c, lockTry) // in vain
		return
	}
	if c.rng.IntN(3) == 0 {
		s.lock(c, lockTry)
	} else {
		s.lock(c, lockLock)
	}
}

func (s *mutexes) lock(c *client, kind lockKind) {
	o := &lockOp{kind: kind, orDone: kind == lockLock && c.rng.IntN(2) == 0}
	c.do(o, func() {
		switch {
		case kind == lockTry:
			o.ok = s.m.TryLock()
		case o.orDone:
			o.ok = !c.gaveUp(s.m.LockOrDone(c.t))
		default:
			s.m.Lock(c.t)
			o.ok = true
		}
	})
	if o.ok {
		c.holds = 1
	}
}

func (s *mutexes) leave(c *client) {
	if c.holds > 0 {
		o := &lockOp{kind: lockUnlock}
		c.do(o, func() { o.panicked = panics(func() { s.m.Unlock(c.t) }) })
		c.holds = 0
	}
}

// stuck is never true: who has the mutex doesn't wait for it.
func (s *mutexes) stuck([]operation) bool { return false }

func (s *mutexes) help(*client) {}
