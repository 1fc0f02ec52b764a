package runq

// Fairness among classes.
//
// The tension: the queues that make a scheduler fast are those of the Ps, and what is in
// one of them says nothing about what its class has had elsewhere. A queue for each class
// on each P would make every look for work a walk over all of them; one central queue
// would make every spawn a fight for its lock.
//
// The choice: a P serves one class at a time, for a turn of a quarter of a slice. All that is in
// its queue belongs to that class, so that spawning, readying and stealing are what they
// are without classes. When the turn is over, or nothing of the class is left, it is
// decided which class comes next, what is left in the P's queue goes back to the front of
// its class's, and a batch of the other's is fetched.
//
// Who comes next is decided by virtual time, which is the same on all Ps: a class's
// advances by the time that it has had on any P, divided by its weight, and the class
// that is furthest behind is served. A class that has had nothing to do would be far
// behind; when it has work again, it is moved to at most about a slice behind the others. If
// that makes it more than half a slice behind what runs on some P, that P's task is asked
// to yield to it. A class that has got less than its floor is served before all others.
//
// As long as all tasks of a domain are of one class, nobody looks at the clock and nothing
// is counted; a flag among what is asked of the Ps, which every look for work looks at
// anyway, leads here.

import (
	"github.com/runq-go/runq/internal/sx"
)

// turnsPerSlice makes turns shorter than slices: shares are exact to about a turn, and a
// change of class costs a microsecond.
const turnsPerSlice = 4

// turn is a P's service of its class. Owner: the M that holds the P; peeked at by others.
type turn struct {
	serves bool  // the class counts it in serving
	since  int64 // until when the class has been charged
	until  int64 // when the turn is over
	ended  int64 // when the task was spawned that has just ended; 0: none has
}

// outranked says since when a P's slice has been wanted by a class far behind, and which.
type outranked struct {
	since  int64 // 0: it isn't
	slices uint32
}

// servedClass is the class that p serves, as an observer may read it; nil for none.
func (p *p) servedClass() *Class {
	if !sx.PeekBool(&p.turn.serves) {
		return nil
	}
	return sx.PeekPointer(&p.class)
}

// queued returns how many of the class's tasks are in its own queue.
func (c *Class) queued() int {
	if c.edf != nil {
		return c.edf.Len()
	}
	return c.queue.Len()
}

// wakes is called when a class has work that had none: it doesn't keep the time for which it
// slept, and if nobody looks for work, a P that serves a class far ahead of it is asked for.
func (c *Class) wakes() {
	now := c.s.clock.Now()
	if c.serving.Load() == 0 {
		c.clamp(now)
	}
	if c.d.idle.IdlePs() == 0 && c.d.idle.Searching() == 0 {
		c.preempt(now)
	}
}

// preempt asks the P that serves the class furthest ahead of c for its task's slice, if
// that is far enough: half a slice of c, so that two classes don't take turns at every
// wake.
func (c *Class) preempt(now int64) {
	var victim *p
	lead := c.credit() / 2
	v := c.vnow(now)
	for _, p := range c.d.seated() {
		o := p.servedClass()
		if o == nil || o == c {
			continue
		}
		if l := o.vnow(now) - v; l > lead {
			victim, lead = p, l
		}
	}
	if victim == nil {
		return
	}
	s := c.s
	s.lock.Lock()
	defer s.lock.Unlock()
	if victim.state != pRunning || victim.m == nil {
		return
	}
	victim.attn.Or(attnPreempt) // partner: pick
	if slices := sx.PeekUint32(&victim.slices); victim.outranked.since == 0 || victim.outranked.slices != slices {
		victim.outranked = outranked{now, slices} // partner: retakeRunning
	}
	if t := sx.PeekPointer(&victim.m.curg); t != nil {
		t.preempt.Store(asked) // partner: Checkpoint
	}
	s.wakeSysmon()
}

// pickFair is pick for Ps that have several classes to serve.
func (m *m) pickFair(e *entry) bool {
	p := m.p
	now := m.s.clock.Now()
	p.stretch(now)
	p.tick++
	if p.timers.Next() != 0 {
		m.runTimers(p)
	}
	over := !p.turn.serves || now >= p.turn.until
	switch {
	case p.attn.Load()&attnPreempt != 0:
		p.endSlice()
		over = true
	case over && p.turn.serves:
		p.endHandOffs()
	}
	if p.d.bound != nil {
		p.class.startLater(1)
	}
	for !over && m.take(e) || m.nextTurn(e, now) {
		if m.putOff(e) {
			if p.attn.Load()&attnAsked != 0 {
				break
			}
			continue
		}
		p.begins(e, now)
		return true
	}
	p.unserve()
	if t := m.curg; t != nil { // it may go on
		p.serveTask(t)
	}
	return false
}

// endHandOffs ends a chain of hand-offs through the next slot that has lasted a turn.
func (p *p) endHandOffs() {
	if g := p.next.Take(); g != nil {
		e := begun(g)
		p.run.Put(&e, &p.class.queue)
	}
}

// serveTask lets the P serve the class of a task that goes on on it without having been
// picked. Its queue is empty.
func (p *p) serveTask(t *Task) {
	if p.attn.Load()&attnFair != 0 {
		p.class = t.e.env.class
		p.serve(p.s.clock.Now())
	}
}

// take moves a task of the class that the P serves to e.
func (m *m) take(e *entry) bool {
	p, c := m.p, m.p.class
	if c.edf != nil {
		p.slices++
		return c.edf.Get(e)
	}
	if p.tick%fairnessTick == 0 && c.queue.Get(e) {
		return true
	}
	if g := p.next.Take(); g != nil {
		*e = begun(g)
		if l := p.local.Load(); l < localStreak {
			p.local.Store(l + 1)
		}
		return true
	}
	p.slices++
	return p.run.Take(e) || m.fetch(e)
}

// nextTurn decides which class the P serves next, and moves a task of it to e. If there
// is none, the P is left without anything in its queue.
func (m *m) nextTurn(e *entry, now int64) bool {
	p := m.p
	var tried uint64 // by index
	for {
		c := m.d.neediest(p, now, tried)
		if c == nil {
			return false
		}
		tried |= 1 << c.index
		if c != p.class {
			p.giveUpQueue()
			p.unserve()
			p.class = c
		}
		p.slices++
		if m.take(e) || m.stealFair(e) {
			p.class.spendFloor(now)
			p.class.forfeit(p, now)
			p.serve(now)
			return true
		}
	}
}

// neediest returns the class with work that is to be served next, without those in tried:
// the one that is furthest below its floor, or else the one that is furthest behind.
func (d *domain) neediest(p *p, now int64, tried uint64) *Class {
	var best *Class
	var bestDue, bestV int64
	for _, c := range *d.classes.Load() {
		if tried&(1<<c.index) != 0 || !c.hasWork(p) {
			continue
		}
		if c.floorSince.Load() == 0 {
			c.beginFloor(now) // another P has just seen it without work, while its last task changed Ps
		}
		due, v := max(c.due(now), 0), c.vtime.Load()
		if best == nil || due > bestDue || due == bestDue && v-bestV < 0 {
			best, bestDue, bestV = c, due, v
		}
	}
	return best
}

// hasWork tells whether p might find a task of the class: in its own queue, in the
// class's, or in that of another P.
func (c *Class) hasWork(p *p) bool {
	if c.queued() > 0 || p.class == c && p.hasWork() {
		return true
	}
	for _, q := range c.d.seated() {
		if q != p && sx.PeekPointer(&q.class) == c && q.run.RingLen() > 0 {
			return true
		}
	}
	return false
}

// stealFair moves tasks of the class that the P serves from another P that does.
func (m *m) stealFair(e *entry) bool {
	p := m.p
	for _, victim := range m.d.seated() {
		if victim == p || sx.PeekPointer(&victim.class) != p.class {
			continue
		}
		if count := victim.run.StealInto(e, &p.run); count > 0 {
			p.serveStolen(e)
			m.stole(victim, count)
			return true
		}
	}
	return false
}

// serveStolen sees to it that p serves the class of what it has stolen, which e is the
// first of: the victim may have begun to serve another one just then.
func (p *p) serveStolen(e *entry) {
	if c := e.class(); c != p.class {
		p.unserve()
		p.class = c
	}
}

// stolen begins a turn with what m has stolen when no class had anything queued, or with
// what there is beside it if its start has to be put off. It returns false if there is
// nothing, or something is asked of the M.
func (m *m) stolen(e *entry) bool {
	p := m.p
	now := p.s.clock.Now()
	p.serveStolen(e)
	p.serve(now)
	if m.putOff(e) {
		return m.pick(e)
	}
	p.begins(e, now)
	return true
}

// serve begins a turn of the P's class.
func (p *p) serve(now int64) {
	c := p.class
	if !p.turn.serves {
		p.turn.serves = true
		p.turn.since = now
		c.serving.Add(1)
		if c.cfg.Floor != 0 && c.floorSince.Load() == 0 {
			c.clamp(now)
		}
	}
	p.turn.until = now + c.slice/turnsPerSlice
}

// unserve ends the P's service of its class, which has been charged.
func (p *p) unserve() {
	if !p.turn.serves {
		return
	}
	p.turn.serves = false
	p.turn.since = 0
	if c := p.class; c.serving.Add(-1) == 0 && c.queued() == 0 && !p.hasWork() {
		c.floorSince.Store(0)
	}
}

// rests ends the P's service, because it loses its M. What a task does after it has lost its
// P isn't its class's time on a P. The scheduler's lock is held.
func (p *p) rests() {
	if !p.turn.serves {
		return
	}
	now := p.s.clock.Now()
	if p.state == pUnseated {
		now = max(p.unseatedAt, p.turn.since)
	}
	p.stretch(now)
	p.unserve()
}

// stretch ends the stretch of time that a task has run on the P, and charges its class.
func (p *p) stretch(now int64) {
	if !p.turn.serves || p.turn.since == 0 { // or it was charged before its task began to sleep
		return
	}
	ran := now - p.turn.since
	p.class.charge(ran)
	p.turn.since = now
	n := p.counted()
	n.run.add(ran)
	if p.turn.ended != 0 {
		n.latency.add(now - p.turn.ended)
		p.turn.ended = 0
	}
}

// counted is where the P counts for the class that it serves.
func (p *p) counted() *classCounters {
	n := p.byClass[p.class.index]
	if n == nil {
		n = new(classCounters)
		p.byClass[p.class.index] = n
	}
	return n
}

// giveUpQueue puts what is in the P's queue back into that of its class, before what is
// there.
func (p *p) giveUpQueue() {
	if !p.hasWork() {
		return
	}
	p.class.queue.PutFirst(p.drain())
	p.d.wake() // so far the P itself would have run what was in its next slot
}

// spawnFair is spawn, of a task of the class that m's P serves, when there are several.
func (m *m) spawnFair(e *entry) (full bool) {
	p := m.p
	e.born = m.s.clock.Now()
	if p.class.edf != nil {
		p.class.arrive(*e)
		return false
	}
	full = p.run.Put(e, &p.class.queue)
	m.d.wake()
	return full
}

// keep queues t, which has a thread of its own and is interrupted by a stop of the world,
// such that it goes on before others begin: if possible, as what p runs next. Behind those,
// every stop would be the beginning of more of them, with a thread each.
func (p *p) keep(t *Task) {
	c := t.e.env.class
	if c.edf != nil || c != p.class || !p.next.Empty() {
		c.putFirst(t)
		return
	}
	t.readied = p.s.clock.Now()
	if old := p.next.Replace(t); old != nil {
		bug("keep: P %d has a next task", p.id)
	}
}

// putAgain queues a locked task that has lost its P: before all others if it has a thread of
// its own.
func (s *Scheduler) putAgain(t *Task) {
	if t.home != nil {
		t.e.env.class.putFirst(t)
		return
	}
	s.put(begun(t))
}

// putFirst queues t, which has a thread of its own, before all that is queued.
func (c *Class) putFirst(t *Task) {
	t.readied = c.s.clock.Now()
	if c.edf != nil {
		c.edf.Put(begun(t), 0)
		return
	}
	c.queue.PutFirst([]entry{begun(t)})
}

// readyFair is what is special about making t ready on m's P, when there are several
// classes or t's isn't the P's. It returns true if t is to go into the P's next slot.
func (m *m) readyFair(t *Task) bool {
	t.readied = m.s.clock.Now()
	c := t.e.env.class
	if c == m.p.class && c.edf == nil {
		return true
	}
	c.arrive(begun(t))
	return false
}

// begins notes that the task that e stands for begins a stretch of time on the P.
func (p *p) begins(e *entry, now int64) {
	since := e.born
	if t := e.g(); t != nil {
		since, t.readied = t.readied, 0
	}
	n := p.counted()
	n.begun++
	if since == 0 {
		return // it was made runnable when nobody looked at the clock yet
	}
	n.wait.add(now - since)
	if target := int64(p.s.cfg.LatencyTarget); target != 0 && now-since > target {
		n.late++
	}
}
