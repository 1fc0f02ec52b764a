package runq

import (
	"fmt"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/epoll"
	"github.com/runq-go/runq/internal/sx"
)

// poller is a scheduler's part in the network: the descriptors, and who asks for news
// of them. Nothing is made before there is a descriptor.
type poller struct {
	// count is how many descriptors there are. It is written under mu and peeked at by
	// Ms, who may be wrong about it: the goroutine that waits sees everything.
	count uint32

	mu    sx.Mutex // lock order: polling before mu
	fds   []*FD    // by the lower half of their ids; nil: free. Guarded by mu
	free  []uint32 // guarded by mu
	added uint32   // upper half of the last id, so that none is used twice; guarded by mu
	ended bool     // guarded by mu

	// polling is held by who asks: what one has found, another needn't ask for.
	polling sx.Mutex
	at      sx.Int64      // when somebody last asked
	ep      *epoll.Poller // nil: there isn't one yet, or any more; written under both locks
	events  *epoll.Events // guarded by polling
	found   []*FD         // guarded by polling; nil: closed since
	batch   []entry       // tasks to be queued; guarded by polling
	starts  []entry       // and those of handlers, which begin; guarded by polling
}

// add registers f, and starts the poller for the first one.
func (p *poller) add(f *FD) error {
	if err := p.start(f.s); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return ErrClosed
	}
	slot := uint32(len(p.fds))
	if n := len(p.free); n > 0 {
		slot = p.free[n-1]
	}
	p.added++
	f.id = uint64(p.added)<<32 | uint64(slot)
	if err := p.ep.Add(f.fd, f.id); err != nil {
		return fmt.Errorf("runq: Scheduler.NewFD: descriptor %d can't be polled: %w", f.fd, err)
	}
	if n := len(p.free); n > 0 {
		p.free = p.free[:n-1]
		p.fds[slot] = f
	} else {
		p.fds = append(p.fds, f)
	}
	p.count++
	return nil
}

// remove undoes add.
func (p *poller) remove(f *FD) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	// It fails when somebody has closed the descriptor before: the system has forgotten
	// it then.
	p.ep.Remove(f.fd)
	slot := uint32(f.id)
	p.fds[slot] = nil
	p.free = append(p.free, slot)
	p.count--
}

// start makes the poller, once.
func (p *poller) start(s *Scheduler) error {
	p.mu.Lock()
	made := p.ep != nil || p.ended
	p.mu.Unlock()
	if made {
		return nil
	}
	p.polling.Lock()
	defer p.polling.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ep != nil || p.ended {
		return nil
	}
	ep, err := epoll.New()
	if err != nil {
		return fmt.Errorf("runq: Scheduler.NewFD: %w", err)
	}
	p.ep = ep
	p.events = new(epoll.Events)
	s.threads.Add(1)
	sx.Go(func() {
		defer s.threads.Done()
		ep.Await(s.pollAll)
	})
	return nil
}

// used tells whether there is anything to ask for.
func (p *poller) used() bool { return sx.PeekUint32(&p.count) != 0 }

// overdue tells whether nobody has asked for long.
func (p *poller) overdue(now int64) bool {
	return p.used() && now-p.at.Load() > int64(pollLate)
}

// pollNet asks for news on behalf of m, nil for an ordinary goroutine, and queues the
// tasks that have become runnable: on m's P, or for all. It tells whether there are
// any. An M with a P calls it on g0.
func (s *Scheduler) pollNet(m *m) bool {
	if !s.net.polling.TryLock() {
		return false
	}
	n, _ := s.poll(m)
	s.net.polling.Unlock()
	if n > 1 || n > 0 && m == nil {
		s.wakeAll() // m runs the first one itself
	}
	return n > 0
}

// pollAll asks until there is no more news: what is left now, nothing tells of again.
func (s *Scheduler) pollAll() {
	for all := false; !all; {
		var n int
		s.net.polling.Lock()
		n, all = s.poll(nil)
		s.net.polling.Unlock()
		if n > 0 {
			s.wakeAll()
		}
	}
}

// poll asks once. It returns how many tasks it has queued, and whether it has seen
// all there was. polling is held.
func (s *Scheduler) poll(m *m) (queued int, all bool) {
	p := &s.net
	if p.ep == nil {
		return 0, true
	}
	p.at.Store(s.clock.Now())
	n, all := p.ep.Look(p.events)
	if n == 0 {
		return 0, all
	}
	p.lookUp(n)
	for i, f := range p.found {
		if f == nil {
			continue
		}
		e := p.events.At(i)
		readers, writers, start := f.become(e.Readable, e.Writable, e.Partial)
		s.polled(m, readers)
		s.polled(m, writers)
		if start {
			p.starts = append(p.starts, fresh(f.handler.run, s.detached))
		}
	}
	clear(p.found)
	if len(p.starts) > 0 {
		s.admitHandlers(m)
	}
	queued = len(p.batch)
	s.queueAll(m, p.batch)
	clear(p.batch)
	p.batch = p.batch[:0]
	return queued, all
}

// admitHandlers adds the handlers' tasks to the batch, unless the scheduler is being
// closed; then they stay "running", and nothing starts them. Close can't have counted
// the tasks between that and the queueing of those that are admitted: an M's P isn't
// idle, and what an ordinary goroutine submits is counted here.
func (s *Scheduler) admitHandlers(m *m) {
	p := &s.net
	n := uint64(len(p.starts))
	c := s.normal
	c.queue.Lock()
	admitted := !c.admit.closed
	if admitted && m == nil {
		c.admit.spawned += n
	}
	c.queue.Unlock()
	if admitted {
		if m != nil {
			m.p.c.spawned += n
		}
		born := int64(0)
		if c.d.fair.Load() {
			born = s.clock.Now()
		} else if s.cfg.Trace {
			born = s.coarse.Load()
		}
		for i := range p.starts {
			p.starts[i].born = born
		}
		p.batch = append(p.batch, p.starts...)
	}
	clear(p.starts)
	p.starts = p.starts[:0]
}

// lookUp finds the FDs of the n events.
func (p *poller) lookUp(n int) {
	p.found = p.found[:0]
	p.mu.Lock()
	for i := range n {
		id := p.events.At(i).ID
		f := p.fds[uint32(id)]
		if f != nil && f.id != id {
			f = nil
		}
		p.found = append(p.found, f)
	}
	p.mu.Unlock()
}

// polled makes the waiters runnable that FD.become has returned. Tasks of the
// scheduler are left in the batch.
func (s *Scheduler) polled(m *m, n *waitNode) {
	for n != nil {
		var w *waiter
		w, n = n.unlink()
		if w.t == nil || w.t.e.env.s != s {
			w.resume(nil, event.ReasonWakePoller)
		} else {
			s.net.batch = append(s.net.batch, s.readied(m, w.t))
		}
	}
}

// readied is ready, but leaves the queueing to the caller.
func (s *Scheduler) readied(m *m, t *Task) entry {
	if t.status != gWaiting {
		bug("readied: task %d is %v", t.id, t.status)
	}
	t.status = gRunnable
	t.waker = 0
	if m == nil {
		s.out.wakes.Add(1)
		s.eventOut(t, event.KindTaskReadied, event.ReasonWakePoller)
		return begun(t)
	}
	m.p.c.wakes++
	if m.p.events != nil {
		t.eventOn(m, event.KindTaskReadied, event.ReasonWakePoller, 0)
	}
	return begun(t)
}

// endNet closes all FDs and the poller, when no task lives any more.
func (s *Scheduler) endNet() {
	p := &s.net
	p.polling.Lock()
	p.mu.Lock()
	p.ended = true
	fds, ep := p.fds, p.ep
	p.fds, p.ep, p.count = nil, nil, 0
	p.mu.Unlock()
	p.polling.Unlock()
	for _, f := range fds {
		if f != nil {
			f.evict()
		}
	}
	if ep != nil {
		ep.Close()
	}
}
