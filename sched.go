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
	if p == nil || p.attn.Load() != 0 && !p.endSlice() {
		return false
	}
	p.tick++
	if p.tick%fairnessTick == 0 && m.s.global.Get(e) {
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
	return p.run.Take(e) || m.s.global.GetBatch(e, &p.run, len(m.s.seated()))
}

// endSlice ends a chain of hand-offs through the next slot that has lasted a
// slice: the task in the slot goes behind the others. It returns false when more
// is asked of the M than that.
func (p *p) endSlice() bool {
	if p.attn.Load()&^attnPreempt != 0 {
		return false
	}
	p.attn.And(^uint32(attnPreempt))
	if g := p.next.Take(); g != nil {
		e := begun(g)
		p.run.Put(&e, &p.s.global)
	}
	p.c.preemptions++
	return true
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
			m.s.lookAgain()
			continue
		}
		if m.held {
			m.held = false
			return true
		}
		if !m.pick(e) {
			if m.p.attn.Load()&^attnPreempt != 0 {
				continue // asked for since: the ring may not even be empty
			}
			if m.s.net.used() && m.s.pollNet(m) {
				continue
			}
			if !m.look(e) {
				// What has come while it searched is found sooner than by waking somebody.
				if !m.spinning || !m.s.net.used() || !m.s.pollNet(m) {
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

// putBack queues what the M has picked and can't run any more.
func (m *m) putBack() {
	if m.held {
		m.held = false
		m.s.global.Put(m.found)
		m.found = entry{}
	}
}

// look searches the other Ps' queues.
func (m *m) look(e *entry) bool {
	if !m.spinning {
		if !m.s.idle.TrySearch(len(m.s.seated())) {
			return false
		}
		m.spinning = true
		m.p.c.spins++
	}
	return m.steal(e)
}

// safePoint does what is asked of the M. It returns false when that has cost the M
// its P.
func (m *m) safePoint() bool {
	a := m.p.attn.Load()
	if a&(attnStop|attnUnseat) == 0 {
		return true
	}
	if m.spinning {
		m.spinning = false
		m.s.idle.EndSearch()
	}
	s := m.s
	s.idle.Lock()
	defer s.idle.Unlock()
	if m.p.state == pUnseated {
		s.leaveSeat(m)
		return false
	}
	m.p.attn.And(^uint32(attnStop))
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
	m.s.idle.EndSearch()
	m.s.wake()
}

// rest gives the P back because there is nothing to do, unless there is after all.
// On return the M has no P, or one and something to look for. The steps S1 and S2
// are those of internal/idle/README.md.
func (m *m) rest() {
	s := m.s
	if !m.releaseIdle() {
		return
	}
	wasSpinning := m.spinning
	if wasSpinning {
		m.spinning = false
		s.idle.EndSearch() // S1
	}
	sx.HeavyBarrier()
	if !s.anyWork() { // S2
		return
	}
	s.idle.Lock()
	defer s.idle.Unlock()
	if p := s.idleP(); p != nil {
		m.acquire(p)
		m.spinning = true
		s.idle.BeginSearch()
	}
}

// releaseIdle puts the P into the idle list. It returns false when the M must look
// again first.
func (m *m) releaseIdle() bool {
	s := m.s
	s.idle.Lock()
	defer s.idle.Unlock()
	p := m.p
	if p.attn.Load()&(attnStop|attnUnseat) != 0 || s.global.Len() > 0 {
		return false
	}
	if p.hasWork() {
		bug("releaseIdle: P %d still has tasks", p.id)
	}
	p.run.Forget()
	m.release(pIdle, event.ReasonHandoffIdle)
	s.idle.PutP(p)
	if s.idle.IdlePs() == len(s.seated()) {
		s.quiesced()
	}
	return true
}

// lookAgain is S2 for an M that has lost its P while it may have been searching:
// who submitted work meanwhile relied on it.
func (s *Scheduler) lookAgain() {
	sx.HeavyBarrier()
	if s.anyWork() {
		s.wake()
	}
}

// anyWork tells whether any queue has a task. Timers are sysmon's business.
func (s *Scheduler) anyWork() bool {
	if s.global.Len() > 0 {
		return true
	}
	for _, p := range s.seated() {
		if p.hasWork() {
			return true
		}
	}
	return false
}

// wake sets one more M searching if a P is idle and nobody searches: step W2 of
// whoever has submitted work. Going to sleep is the race: see the README.
func (s *Scheduler) wake() {
	if !s.idle.NeedWake() || !s.idle.Claim() {
		return
	}
	s.idle.Lock()
	defer s.idle.Unlock()
	p := s.idleP()
	if p == nil {
		s.idle.EndSearch()
		return
	}
	s.startM(p, true)
}

// wakeAfterPut is wake for a task that has been put where p's own M will soon
// look. A task that readies another and then waits is the common hand-off:
// waking an M for it would burn CPU and be too late. So after localStreak
// hand-offs in a row that nobody else took, p's M stops waking for a lone task in
// the next slot. The guess is wrong when the waker runs on instead; then sysmon
// finds the task at its next beat and resets the streak.
func (s *Scheduler) wakeAfterPut(p *p, alone bool) {
	if !s.idle.NeedWake() {
		return
	}
	if alone && p.local.Load() >= localStreak {
		return
	}
	s.wake()
}

// localStreak: a few more than a thief needs to show that it wants the work.
const localStreak = 8
