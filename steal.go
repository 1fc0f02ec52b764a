package runq

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// StealOrder decides in which order an M without work visits the other Ps.
//
// The scheduler calls Order once for each round of stealing with the number of
// Ps, the id of the thief's P and a random number. It returns the start and the
// step of a walk over all ids modulo n: start, start+step, start+2*step and so on.
// The step must have no common factor with n, or Ps would be left out; the engine
// falls back to 1 if it has. Order is called by many Ms at once and must neither
// block nor allocate.
type StealOrder interface {
	Order(n, thief int, random uint32) (start, step int)
}

// RandomOrder visits all Ps, from a random one on, by a random step. It is the
// default, and what Go does: no P is preferred, so no P is crowded.
type RandomOrder struct{}

// Order implements StealOrder.
func (RandomOrder) Order(n, _ int, random uint32) (start, step int) {
	start = int(random) % n
	for step = int(random>>16)%n + 1; gcd(step, n) != 1; step++ {
	}
	return start, step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

const (
	// stealRounds is how often all Ps are visited before the M gives up (Go: 4).
	// Only the last round takes next slots, and then with patience.
	stealRounds = 4

	// nextAge is how long a task stays in a next slot before a thief may take it:
	// some fifty times a hand-off (as Go reasons), so that a thief doesn't tear
	// apart two tasks that take turns.
	nextAge = 3000 // ns

	// nextLooks bounds how often a thief looks at a next slot that is still too
	// young. With the yield between two looks it waits well over nextAge.
	nextLooks = 16

	// forkPatience is how long an M waits for a fork to be promoted: until the next look
	// of a task that has some, if it doesn't come to a checkpoint before, with as much
	// again to spare.
	forkPatience = 2 * lookEvery

	// forkRounds ends the wait where time stands still while anybody runs, in a bubble of
	// testing/synctest: elsewhere a round takes longer than 100 ns.
	forkRounds = forkPatience / 100

	// begEvery is the time from one begging to the next: ten times what a task needs for
	// the look that it is asked for, and the cache lines that change hands. A fork that it
	// has seen at the first one is old enough at the second.
	begEvery = 5 * searcherWorth / 4
)

// agedNext is a next slot that a thief has seen occupied.
type agedNext struct {
	p     *p
	tick  uint32
	task  uintptr // which, without keeping it alive
	since int64
}

// steal visits all Ps for half of their ring, and in the last round for tasks that
// have grown old in a next slot, and timers. What is to be run goes to e.
func (m *m) steal(e *entry) bool {
	m.aged = agedNext{}
	for round := range stealRounds {
		last := round == stealRounds-1
		if m.stealRound(e, last) {
			return true
		}
		if m.p.attn.Load()&^attnFair != 0 || m.d.queued() {
			return false
		}
		if !last {
			sx.Gosched()
		}
	}
	for i := 0; i < nextLooks && m.aged.p != nil; i++ {
		if m.p.attn.Load()&^attnFair != 0 {
			return false
		}
		sx.Gosched()
		if m.stealRound(e, true) {
			return true
		}
	}
	return m.awaitFork(e)
}

// awaitFork searches on while other Ps run tasks with forks that nobody else can see yet,
// or did so a moment ago, and begs them to promote one. To go to sleep costs more than the
// wait, for this M and for who has to wake it. An M that is bound to a thread doesn't wait:
// each of its yields is a switch of threads.
func (m *m) awaitFork(e *entry) bool {
	if len(m.d.seated()) == 1 || m.d.bound != nil {
		return false
	}
	begun := m.s.clock.Now()
	now, beg := begun, begun
	for range int(forkRounds) {
		if now-begun >= forkPatience || !m.d.forksSince(now-forkPatience) {
			return false
		}
		if now >= beg && m.beg(now-forkPatience) {
			beg = now + begEvery
		}
		sx.Gosched()
		if m.p.attn.Load()&^attnFair != 0 || m.d.queued() {
			return false
		}
		if m.stealRound(e, true) {
			return true
		}
		now = m.s.clock.Now()
		if due := m.p.timers.Next(); due != 0 && due <= now && m.timersOf(e, m.p) {
			return true
		}
	}
	return false
}

// forksSince tells whether a task of the domain had private forks, or a fork ended, since the
// time given, as far as known.
func (d *domain) forksSince(time int64) bool {
	for _, p := range d.seated() {
		if p.forkedSince(time) {
			return true
		}
	}
	return false
}

func (p *p) forkedSince(time int64) bool {
	at := sx.PeekInt64(&p.forked)
	return at != 0 && at > time
}

// beg begs a task of another P which had forks since the time given: of another one each
// time, if there are several. It returns false if there is none.
func (m *m) beg(since int64) bool {
	seats := m.d.seated()
	first := int(m.random() % uint32(len(seats)))
	for i := range seats {
		p := seats[(first+i)%len(seats)]
		if p != m.p && p.forkedSince(since) && p.begForFork() {
			return true
		}
	}
	return false
}

// begForFork asks the task that runs on p to look whether it has a fork for others. It may
// be another task's turn meanwhile, which then looks in vain. It returns false if no task
// runs there.
func (p *p) begForFork() bool {
	m := sx.PeekPointer(&p.m)
	if m == nil {
		return false
	}
	t := sx.PeekPointer(&m.curg)
	if t == nil {
		return false
	}
	if t.preempt.Load() == 0 {
		t.preempt.CompareAndSwap(0, begged) // partner: checkpoint
	}
	return true
}

// stealRound visits every P once.
func (m *m) stealRound(e *entry, last bool) bool {
	seats := m.d.seated()
	n := len(seats)
	if order, ok := m.victims(seats); ok {
		for _, i := range order {
			if i >= 0 && i < n && seats[i] != m.p && m.stealFrom(e, seats[i], last) {
				return true
			}
		}
		return false
	}
	start, step := m.s.cfg.StealOrder.Order(n, int(m.p.id-m.d.first), m.random())
	if gcd(step, n) != 1 {
		step = 1
	}
	for i, at := 0, start; i < n; i, at = i+1, at+step {
		victim := seats[uint(at)%uint(n)]
		if victim != m.p && m.stealFrom(e, victim, last) {
			return true
		}
	}
	return false
}

// stealFrom takes work from one P: half of its ring; last, a due timer's task or
// the one in its next slot.
func (m *m) stealFrom(e *entry, victim *p, last bool) bool {
	if count := victim.run.StealInto(e, &m.p.run); count > 0 {
		m.stole(victim, count)
		return true
	}
	if !last {
		return false
	}
	if victim.timers.Next() != 0 && m.timersOf(e, victim) {
		return true
	}
	if g := m.stealNext(victim); g != nil {
		*e = begun(g)
		return true
	}
	return false
}

// timersOf runs p's timers that are due, and takes a task that they have made ready.
func (m *m) timersOf(e *entry, p *p) bool {
	m.runTimers(p)
	if g := m.p.next.Take(); g != nil {
		*e = begun(g)
		return true
	}
	return m.p.run.Take(e) // where earlier ones are, when a thief has just had the latest
}

// stealNext takes the task in victim's next slot if it has been there for nextAge:
// the victim has started no other task since the thief first saw it.
func (m *m) stealNext(victim *p) *Task {
	g := victim.next.Peek()
	if g == nil {
		if m.aged.p == victim {
			m.aged = agedNext{}
		}
		return nil
	}
	now := m.s.clock.Now()
	tick := sx.PeekUint32(&victim.tick)
	if m.aged.p != victim || m.aged.tick != tick || m.aged.task != g.address() {
		if m.aged.p == nil || m.aged.p == victim {
			m.aged = agedNext{p: victim, tick: tick, task: g.address(), since: now}
		}
		return nil
	}
	if now-m.aged.since < nextAge {
		return nil
	}
	m.aged = agedNext{}
	if !victim.next.Steal(g) {
		return nil
	}
	victim.local.Store(0)
	m.stole(victim, 1)
	return g
}

// stole counts a successful theft.
func (m *m) stole(victim *p, count int) {
	c := &m.p.c
	c.steals++
	c.stolen += uint64(count)
	if p := m.p; p.events != nil {
		moves := p.moves.Load()
		now := m.s.clock.Now()
		if id := p.eventID(moves); id != event.NoP { // else it has just been taken
			p.events.Event(now, event.KindStole, event.ReasonNone, id, event.MID(m.id), event.NoTask, 0, uint64(victim.id)<<32|uint64(count))
		}
	}
}
