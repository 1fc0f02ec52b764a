package runq

// Scheduling: which task an M runs next.
//
// pick looks at what can be had without leaving the stack: timers that are due, the
// P's own queue, the global queue when its turn has come or the P has nothing else.
// find goes on from there on g0, where an M may also search, give its P back and
// sleep.

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// fairnessTick is how often a P looks at the global queue although it has work of
// its own, in tasks started: without it, two tasks that respawn each other would
// starve the queue for ever. Go's figure: prime, so that it doesn't fall into step
// with the program's own periods, and large, because the queue has a lock.
const fairnessTick = 61

// pick moves the next task from what the P has at hand to e. It returns false when
// there is none, or something is asked of the M that only g0 can do. It may be
// called on any stack, with a task that is about to leave.
func (m *m) pick(e *entry) bool {
	p := m.p
	if p == nil {
		return false
	}
	if a := p.attn.Load(); a != 0 {
		switch {
		case a&attnAsked != 0:
			return false
		case a&attnFair != 0:
			return m.pickFair(e)
		}
		p.endSlice()
	}
	p.tick++
	if p.tick%fairnessTick == 0 && p.class.queue.Get(e) {
		return true
	}
	if p.timers.Next() != 0 {
		m.runTimers(p)
	}
	if g := p.next.Take(); g != nil {
		*e = begun(g)
		if l := p.local.Load(); l < localStreak {
			p.local.Store(l + 1)
		}
		return true // the slice goes on
	}
	p.slices++
	return p.run.Take(e) || m.fetch(e)
}

// fetch moves a batch of the class that the P serves from the class's queue to the P's, and
// its first task to e. An M that went to sleep meanwhile may have seen the rest in neither
// queue: so one is woken.
func (m *m) fetch(e *entry) bool {
	p := m.p
	if !p.class.queue.GetBatch(e, &p.run, len(m.d.seated())) {
		return false
	}
	if p.run.RingLen() > 0 {
		m.d.wake()
	}
	return true
}

// endSlice ends a chain of hand-offs through the next slot that has lasted a
// slice: the task in the slot goes behind the others.
func (p *p) endSlice() {
	p.attn.And(^uint32(attnPreempt))
	if g := p.next.Take(); g != nil {
		e := begun(g)
		p.run.Put(&e, &p.class.queue)
	}
	p.c.preemptions++
}

// find gets a task to run, or returns false when the M has to end. It blocks while
// there is nothing to do. The order is Go's: safe point, fairness, next slot, ring,
// global queue, network, other Ps; then everything once more, and sleep. It runs on g0.
func (m *m) find(e *entry) bool {
	for {
		if m.p == nil && !m.stop() {
			return false
		}
		if m.handTo != nil {
			m.handOffTo(m.handTo)
			continue
		}
		if !m.safePoint() {
			m.putBack()
			m.d.lookAgain()
			continue
		}
		if m.held {
			m.held = false
			return true
		}
		if !m.pick(e) {
			if m.p.attn.Load()&attnAsked != 0 {
				continue // asked for since: the ring may not even be empty
			}
			if m.polls() && m.s.pollNet(m) {
				continue
			}
			if !m.look(e) {
				// What has come while it searched is found sooner than by waking somebody.
				if !m.spinning || !m.polls() || !m.s.pollNet(m) {
					m.rest()
				}
				continue
			}
		}
		if m.spinning {
			m.foundWork()
		}
		if g := e.g(); g != nil && g.lock != nil {
			m.handTo, *e = g, entry{}
			continue
		}
		return true
	}
}

// polls tells whether the M asks for news of the network: those of other domains may
// be off the processor for long, and nobody else can ask meanwhile.
func (m *m) polls() bool { return m.s.net.used() && m.d == &m.s.fore }

// putBack queues what the M has picked and can't run any more.
func (m *m) putBack() {
	if m.held {
		m.held = false
		m.s.put(m.found)
		m.found = entry{}
	}
}

// look searches the other Ps' queues.
func (m *m) look(e *entry) bool {
	if !m.spinning {
		if !m.d.idle.TrySearch(len(m.d.seated())) {
			return false
		}
		m.spinning = true
		m.p.c.spins++
	}
	if !m.steal(e) {
		return false
	}
	return m.p.attn.Load()&attnFair == 0 || m.stolen(e)
}

// safePoint does what is asked of the M. It returns false when that has cost the M
// its P.
func (m *m) safePoint() bool {
	a := m.p.attn.Load()
	if a&attnAsked == 0 {
		return true
	}
	if m.spinning {
		m.spinning = false
		m.d.idle.EndSearch()
	}
	s := m.s
	s.lock.Lock()
	defer s.lock.Unlock()
	if m.p.state == pUnseated {
		s.leaveSeat(m)
		return false
	}
	m.p.attn.And(^uint32(attnStop))
	if a&attnLease != 0 && !s.stopping {
		m.lend()
		return false
	}
	if !s.stopping {
		return true
	}
	s.stopped(m.release(pStopped, event.ReasonHandoffStop))
	return false
}

// foundWork ends the search of an M that has found work. If it was the last searcher,
// it wakes another: work seldom comes alone, and while somebody searched, nobody
// who submitted work has woken anyone.
func (m *m) foundWork() {
	m.spinning = false
	m.d.idle.EndSearch()
	m.d.wake()
}

// rest gives the P back because there is nothing to do, unless there is after all.
// On return the M has no P, or one and something to look for. The steps S1 and S2
// are those of internal/idle/README.md.
func (m *m) rest() {
	s, d := m.s, m.d
	if !m.releaseIdle() {
		return
	}
	wasSpinning := m.spinning
	if wasSpinning {
		m.spinning = false
		d.idle.EndSearch() // S1
	}
	sx.HeavyBarrier()
	if !d.anyWork() { // S2
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if p := d.idleP(); p != nil {
		m.acquire(p)
		m.spinning = true
		d.idle.BeginSearch()
	}
}

// releaseIdle puts the P into the idle list. It returns false when the M must look
// again first.
func (m *m) releaseIdle() bool {
	s := m.s
	s.lock.Lock()
	defer s.lock.Unlock()
	p := m.p
	if p.attn.Load()&attnAsked != 0 || m.d.queued() {
		return false
	}
	if p.hasWork() {
		bug("releaseIdle: P %d still has tasks", p.id)
	}
	p.run.Forget()
	m.release(pIdle, event.ReasonHandoffIdle)
	m.d.idle.PutP(p)
	s.maybeQuiesced()
	return true
}

// lookAgain is S2 for an M that has lost its P while it may have been searching:
// who submitted work meanwhile relied on it.
func (d *domain) lookAgain() {
	sx.HeavyBarrier()
	if d.anyWork() {
		d.wake()
	}
}

// anyWork tells whether any queue has a task. Timers are sysmon's business.
func (d *domain) anyWork() bool {
	if d.queued() {
		return true
	}
	for _, p := range d.seated() {
		if p.hasWork() {
			return true
		}
	}
	return false
}

// wake sets one more M searching if a P is idle and nobody searches: step W2 of
// whoever has submitted work. Going to sleep is the race: see the README.
func (d *domain) wake() {
	if !d.idle.NeedWake() || !d.idle.Claim() {
		return
	}
	d.s.lock.Lock()
	defer d.s.lock.Unlock()
	p := d.idleP()
	if p == nil {
		d.idle.EndSearch()
		return
	}
	d.s.startM(p, true)
}

// wakeAfterPut is wake for a task that has been put where p's own M will soon
// look. A task that readies another and then waits is the common hand-off:
// waking an M for it would burn CPU and be too late. So after localStreak
// hand-offs in a row that nobody else took, p's M stops waking for a lone task in
// the next slot. The guess is wrong when the waker runs on instead; then sysmon
// finds the task at its next beat and resets the streak.
func (d *domain) wakeAfterPut(p *p, alone bool) {
	if !d.idle.NeedWake() {
		return
	}
	if alone && p.local.Load() >= localStreak {
		return
	}
	d.wake()
}

// localStreak: a few more than a thief needs to show that it wants the work.
const localStreak = 8
