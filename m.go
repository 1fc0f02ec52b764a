package runq

import (
	"time"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// m is a thread of execution: a goroutine that drives tasks, Go's M. The
// goroutine's own stack is its g0, on which it looks for work and sleeps; tasks
// run on carriers. An M runs tasks only while it holds a P, but for the two cases
// that are counted: a task in a blocking call, and an overrun.
type m struct {
	id int32
	s  *Scheduler
	d  *domain // whose Ps it may hold; never changes
	g0 stack

	// Owner only: the goroutine that is this M at the moment, g0 or carrier.
	cur   *carrier // the carrier it runs on; nil on g0
	curg  *Task    // the task it runs; peeked at by sysmon and observers
	found entry    // what it has picked while a task is still on its stack, or on g0
	held  bool     // found waits for g0 to make a carrier
	leave leave    // what to do for the stack it has just left
	// spinning: it searches for work and is counted in idle.Set. Also written by
	// who starts the M, before the wake.
	spinning bool
	rnd      uint64   // state of its random numbers
	handTo   *Task    // a locked task whose M is to get this one's P
	aged     agedNext // the next slot it has its eye on (steal.go)
	blockSeq uint32   // number of the present blocking call, times phaseStep
	visits   visits   // room for the order of its victims (near.go)
	lookout  lookout  // what it knows of the time (preempt.go)

	// p is the P it holds, nil if none. Written by the M itself under the
	// scheduler's lock; by who takes the P only after winning phase, also under the
	// lock. The M reads it without.
	p *p
	// oldP is the P that was taken during a blocking call: it is asked for first.
	oldP *p

	// phase is a blocking call's word: see block.go.
	phase sx.Uint32

	heldBack sx.Bool       // its task sleeps because it mustn't run now (govern.go, pressure.go); set by the M, cleared by it under the lock
	paid     int64         // CPU time that it has paid for; the M's
	limit    uint32        // which limit it pays for, by its number; the M's
	pressure pressure      // how its thread gets processors; the M's
	grouped  bool          // its thread is in the control group of background threads; the M's
	before   time.Duration // CPU time that its thread had used when it got it; written before tid
	tid      sx.Int32      // of the thread it has for itself; 0: it has none
	rested   threadRest    // what is known of its sleep; guarded by the lock

	// nextP is the P it is to run with when it is woken; guarded by the lock until
	// the wake, then its own.
	nextP *p
	note  sx.Note
	dying bool              // told to end; guarded by the lock
	state event.ThreadState // for observers; guarded by the lock or written by the M
}

// leave is what is still to be done for a stack that an M has left, by the stack
// it went to: only then may others get hold of it (coro.go). Owner: the M. Fields
// that the kind doesn't need keep what they were.
type leave struct {
	kind   leaveKind
	g      *Task
	c      *carrier
	commit func(*Task, unsafe.Pointer) bool
	arg    unsafe.Pointer
	why    event.Reason // of a yield
}

type leaveKind uint8

const (
	leaveNothing leaveKind = iota
	leavePark              // g waits: commit it, or make it ready again
	leaveYield             // g is runnable: queue it here
	leaveGlobal            // g is runnable: queue it for all
	leaveNoP               // the same, by an M that has lost its P
	leaveFree              // c is free
	leaveZombie            // c can never run again
)

// after finishes leaving the stack that m has come from.
func (m *m) after() {
	l := &m.leave
	kind := l.kind
	l.kind = leaveNothing
	if kind == leavePark { // the most frequent, and the one in a hurry
		arg := l.arg
		l.arg = nil // an idle M must not keep what the task waits for
		m.afterPark(l.g, l.commit, arg)
		return
	}
	switch kind {
	case leaveYield:
		m.yielded(l.g, l.why)
		m.requeueHere(l.g)
	case leaveGlobal:
		m.yielded(l.g, l.why)
		m.s.enqueue(begun(l.g))
	case leaveNoP:
		m.curg = nil
		m.s.enqueue(begun(l.g))
	case leaveFree:
		m.p.freeCarrier(l.c)
	case leaveZombie:
		m.s.carriers.bury(l.c)
	}
}

// requeueHere queues a runnable task, which has left its stack, behind what the P has.
func (m *m) requeueHere(t *Task) {
	p := m.p
	if t.e.env.class != p.class || p.attn.Load()&attnFair != 0 {
		if !m.readyFair(t) {
			return
		}
	}
	e := begun(t)
	p.run.Put(&e, &p.class.queue)
	m.d.wake()
}

// yielded notes that a runnable task has left its stack.
func (m *m) yielded(t *Task, why event.Reason) {
	m.curg = nil
	if p := m.p; p.events != nil {
		if why == event.ReasonLostP {
			t.traceOverrun(p)
		}
		t.eventOn(m, event.KindTaskYielded, why, 0)
	}
}

// main is an M's life: find a task, switch to the carrier that runs it, come back
// when there is nothing left that could be gone on with from there.
func (m *m) main() {
	s := m.s
	defer s.threads.Done()
	m.g0.m = m
	for m.find(&m.found) {
		to := m.stackFor(&m.found)
		if to == nil {
			to = m.newStack()
		}
		m.g0.switchTo(to, m)
		m.cur = nil
	}
}

// stackFor returns the stack to switch to for what was picked, and clears e. It
// returns nil, and leaves e, for a fresh task for which there is no free carrier.
func (m *m) stackFor(e *entry) *stack {
	if g := e.g(); g != nil {
		*e = entry{}
		return m.stackOf(g)
	}
	c := m.p.takeCarrier()
	if c == nil {
		return nil
	}
	return m.useFor(c, e)
}

// newStack makes a carrier for the fresh task that was picked. It runs on g0: making
// a coroutine takes more of a stack than a task that waits should have to keep.
func (m *m) newStack() *stack {
	c := newCarrier()
	m.s.carriers.add(c)
	m.p.c.carriersMade++
	return m.useFor(c, &m.found)
}

// useFor gives the free carrier c the fresh task e, and clears that.
func (m *m) useFor(c *carrier, e *entry) *stack {
	c.task.e = *e
	*e = entry{}
	m.cur = c
	return &c.stack
}

// stackOf returns the stack to switch to for g: its own; g0 when there is no g, or
// when g is locked to another thread.
func (m *m) stackOf(g *Task) *stack {
	switch {
	case g == nil:
		return &m.g0
	case g.lock != nil:
		m.handTo = g
		return &m.g0
	}
	m.cur = g.c
	return &m.cur.stack
}

// newM makes an M that will start with p, a P of d. The scheduler's lock is held.
func (s *Scheduler) newM(d *domain, p *p, spinning bool) *m {
	s.lastM++
	m := &m{id: s.lastM - 1, s: s, d: d, nextP: p, spinning: spinning}
	m.rnd = uint64(m.id)*0x9e3779b97f4a7c15 + s.seed
	m.note.Init()
	s.allm = append(s.allm, m)
	m.d.threads.Add(1)
	s.threads.Add(1)
	return m
}

// startM gives p to an idle or a new M and sets it going; spinning tells that it
// comes as a searcher, already counted. The scheduler's lock is held.
func (s *Scheduler) startM(p *p, spinning bool) {
	p.state = pRunning
	m := p.d.idle.GetM()
	if m == nil {
		m = s.newM(p.d, p, spinning)
		if p.d.bound != nil {
			sx.Go(m.mainBound)
		} else {
			sx.Go(m.main)
		}
		return
	}
	m.nextP = p
	m.spinning = spinning
	m.note.Wake()
}

// stop parks an M that has no P until it gets one. It returns false when the M has
// to end instead.
func (m *m) stop() bool {
	s := m.s
	s.lock.Lock()
	defer s.lock.Unlock()
	if m.nextP == nil && !s.ending {
		m.d.idle.PutM(m)
		m.setState(event.ThreadParked, event.KindThreadParked)
		for m.nextP == nil && !m.dying {
			s.lock.Unlock()
			m.note.Sleep()
			s.lock.Lock()
		}
	}
	if m.nextP == nil {
		m.exit()
		return false
	}
	m.takeNextP()
	return true
}

// takeNextP acquires the P that was left for m. The lock is held.
func (m *m) takeNextP() {
	p := m.nextP
	m.nextP = nil
	m.setState(event.ThreadRunning, event.KindThreadWoken)
	m.acquire(p)
}

// setState notes what m does, for observers. The lock is held.
func (m *m) setState(state event.ThreadState, kind event.Kind) {
	m.state = state
	m.s.eventM(m, kind)
}

// exit takes m off the books. The lock is held.
func (m *m) exit() {
	m.setState(event.ThreadDead, event.KindThreadExited)
	m.d.threads.Add(-1)
	if m.d.bucket != nil {
		used := m.cpuTime()
		m.s.gov.gone += used
		if !m.d.bound.idle {
			m.s.gov.gonePromised += used
		}
	}
	all := m.s.allm
	for i, x := range all {
		if x == m {
			all[i] = all[len(all)-1]
			m.s.allm = all[:len(all)-1]
			return
		}
	}
}

// random returns the next of m's random numbers: xorshift64*, which is enough to
// choose victims.
func (m *m) random() uint32 {
	x := m.rnd
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	m.rnd = x
	return uint32(x * 0x2545f4914f6cdd1d >> 32)
}
