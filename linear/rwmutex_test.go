package linear

import "github.com/runq-go/runq"

// rwmutex is what is checked of an RWMutex.
type rwmutex interface {
	mutex
	RLock(t *runq.Task)
	RLockOrDone(t *runq.Task) error
	TryRLock() bool
	RUnlock(t *runq.Task)
}

// rwState is the state of an RWMutex.
type rwState struct {
	writer  bool
	readers int
	writeq  set // writers that wait
	readq   set // readers that wait
	turn    set // those of them that waited when a writer unlocked: it may have let them in
	done    set // who has locked and hasn't returned
}

func rwStep(state any, o *lockOp, id int, h half) (any, bool) {
	s := state.(rwState)
	ok := false
	switch o.kind {
	case lockLock:
		ok = s.lock(o, id, h)
	case lockRLock:
		ok = s.rlock(o, id, h)
	case lockTry:
		free := !s.writer && s.readers == 0 && s.writeq.n == 0
		s.writer = s.writer || free
		ok = free == o.ok
	case lockTryR:
		free := !s.writer && s.writeq.n == 0
		if free {
			s.readers++
		}
		ok = free == o.ok
	case lockUnlock:
		ok = s.writer && !o.panicked
		s.writer = false
		s.turn = s.readq
	case lockRUnlock:
		ok = s.readers > 0 && !o.panicked
		s.readers--
	}
	return s, ok
}

// lock is a moment of Lock. Which writer is next isn't specified.
func (s *rwState) lock(o *lockOp, id int, h half) bool {
	free := !s.writer && s.readers == 0
	switch {
	case h == begin && free && s.writeq.n == 0:
		s.writer = true
		s.done.add(id)
		return o.ok
	case h == begin:
		s.writeq.add(id)
		return true
	case s.done.drop(id):
		return true
	case !s.writeq.drop(id):
		return false
	case o.ok && free:
		s.writer = true
		return true
	}
	return !o.ok
}

// rlock is a moment of RLock.
func (s *rwState) rlock(o *lockOp, id int, h half) bool {
	free := !s.writer && s.writeq.n == 0
	switch {
	case h == begin && free:
		s.readers++
		s.done.add(id)
		return o.ok
	case h == begin:
		s.readq.add(id)
		return true
	case s.done.drop(id):
		return true
	case !s.readq.drop(id):
		return false
	}
	turn := s.turn.drop(id)
	if o.ok && (free || turn && !s.writer) {
		s.readers++
		return true
	}
	return !o.ok
}

// rwmutexes is an RWMutex. A client holds it for writing when holds is -1, for reading
// when it is 1.
type rwmutexes struct{ m rwmutex }

func (s *rwmutexes) spec(h *history) spec {
	return spec{start: rwState{}, step: func(state any, id int, half half) (any, bool) {
		return rwStep(state, h.records[id].op.(*lockOp), id, half)
	}}
}

func (s *rwmutexes) act(c *client) {
	try := c.rng.IntN(4) == 0
	switch {
	case c.holds != 0 && !try:
		s.leave(c)
	case c.holds == 0 && !try && c.rng.IntN(5) < 2:
		s.lock(c, lockLock)
	case c.holds == 0 && !try:
		s.lock(c, lockRLock)
	case c.holds != 0 || c.rng.IntN(2) == 0:
		s.lock(c, lockTry) // who holds the lock tries in vain
	default:
		s.lock(c, lockTryR)
	}
}

func (s *rwmutexes) lock(c *client, kind lockKind) {
	waits := kind == lockLock || kind == lockRLock
	o := &lockOp{kind: kind, orDone: waits && c.rng.IntN(2) == 0, queue: true, ok: true}
	c.do(o, func() {
		switch {
		case kind == lockTry:
			o.ok = s.m.TryLock()
		case kind == lockTryR:
			o.ok = s.m.TryRLock()
		case kind == lockLock && o.orDone:
			o.ok = !c.gaveUp(s.m.LockOrDone(c.t))
		case kind == lockLock:
			s.m.Lock(c.t)
		case o.orDone:
			o.ok = !c.gaveUp(s.m.RLockOrDone(c.t))
		default:
			s.m.RLock(c.t)
		}
	})
	switch {
	case o.ok && (kind == lockLock || kind == lockTry):
		c.holds = -1
	case o.ok:
		c.holds = 1
	}
}

func (s *rwmutexes) leave(c *client) {
	o := &lockOp{queue: true}
	switch c.holds {
	case -1:
		o.kind = lockUnlock
		c.do(o, func() { o.panicked = panics(func() { s.m.Unlock(c.t) }) })
	case 1:
		o.kind = lockRUnlock
		c.do(o, func() { o.panicked = panics(func() { s.m.RUnlock(c.t) }) })
	}
	c.holds = 0
}

// stuck is never true: who has the lock doesn't wait for it.
func (s *rwmutexes) stuck([]operation) bool { return false }

func (s *rwmutexes) help(*client) {}
