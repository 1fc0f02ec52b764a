package runq

// Starts that are put off.
//
// A task with a thread of its own keeps that while it waits (thread.go). If tasks wait for
// long and others are there to be begun, each of those makes one more thread that waits
// then, until Go ends the process, which has too many. So a class's tasks are begun only as
// long as not too many of it wait; further ones are put off, in a queue that nobody looks
// into who looks for work.
//
// But those that wait may wait for just those that are put off, and a bound that holds
// whatever happens would let them wait for ever, as pools of goroutines do. So when the
// class's Ps have nothing to do and nothing has come of it for a while, one more is begun,
// and then another one, each after a longer while than the one before; and if its Ps are
// busy, after a much longer one. What only waits long gets threads slowly; what waits for
// what it has spawned itself goes on.
//
// The race: a task may be put off just when the last of those ends its wait that were too
// many. The same lock decides on both, and whoever ends a wait puts some of what he finds
// back where it is looked for: as many as there are Ps. What comes of those either waits
// in its turn, and does so too, or ends, and then its M, before it looks for work, puts the
// next one back.

import (
	"iter"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// startAnyway is after what time without a start one more task is begun than may wait:
	// long against the time that it takes until the tasks in a chain of wakes have run, so
	// that threads aren't made for those. It gets longer by as much for every startSlower
	// tasks that wait beyond the bound already: a hundred take half a second, and the five
	// thousand that the process dies of a quarter of an hour.
	startAnyway = 1e6 // ns
	startSlower = 16

	// startBusy is how many times as long it takes while the class's Ps are busy with it.
	startBusy = 100
)

// starts is what is put off of a class, and why.
type starts struct {
	mu      sx.Mutex
	waiting int                 // begun tasks that wait on a thread of their own; guarded by mu
	beyond  int                 // tasks in the class's queue that may be begun all the same; guarded by mu
	later   queue.Global[entry] // tasks to be begun; put with mu held, or taken
	at      sx.Int64            // when the last one was put back, or the first put off

	// due is used instead of later, in order of deadline, if the class has one.
	due *queue.Deadlines[entry]
}

// put puts a task off. mu is held.
func (st *starts) put(c *Class, e entry) {
	if st.due != nil {
		st.due.Put(e, c.dueOf(&e))
		return
	}
	st.later.Put(e)
}

// get moves the next task to be begun to e.
func (st *starts) get(e *entry) bool {
	if st.due != nil {
		return st.due.Get(e)
	}
	return st.later.Get(e)
}

// count returns how many are put off.
func (st *starts) count() int {
	if st.due != nil {
		return st.due.Len()
	}
	return st.later.Len()
}

// mayWait tells whether one more task of the class may wait on a thread. starts.mu is held.
func (c *Class) mayWait() bool {
	return c.starts.waiting < c.cfg.MaxBlocked && int(c.s.waitingThreads.Load()) < c.s.cfg.MaxBlocked
}

// putOff puts off the task that m has found, if it is one to be begun and too many wait. e
// is empty then.
func (m *m) putOff(e *entry) bool {
	if m.d.bound == nil || e.g() != nil {
		return false
	}
	c := e.env.class
	c.starts.mu.Lock()
	defer c.starts.mu.Unlock()
	if c.starts.beyond > 0 {
		c.starts.beyond--
		return false
	}
	if c.mayWait() {
		return false
	}
	if c.starts.count() == 0 {
		c.starts.at.Store(m.s.clock.Now())
	}
	c.starts.put(c, *e) // partner: startsDue
	*e = entry{}
	return true
}

// waitBegins notes that t, which has begun, waits on its thread, if it has one of its own.
func (t *Task) waitBegins() {
	if t.home == nil {
		return
	}
	c := t.e.env.class
	c.starts.mu.Lock()
	c.starts.waiting++
	c.starts.mu.Unlock()
	c.s.waitingThreads.Add(1)
}

// waitEnds notes that it waits no more.
func (t *Task) waitEnds() {
	if t.home == nil {
		return
	}
	c := t.e.env.class
	c.starts.mu.Lock()
	c.starts.waiting--
	c.starts.mu.Unlock()
	c.s.waitingThreads.Add(-1)
	c.startLater(len(c.d.seated()))
}

// startLater lets up to n of the tasks that were put off be begun, as long as not too many
// wait.
func (c *Class) startLater(n int) {
	for n > 0 && c.starts.count() > 0 && c.startOne(false) {
		n--
	}
}

// startOne lets one task that was put off be begun, although too many wait if anyway says
// so, and tells whether it did.
func (c *Class) startOne(anyway bool) bool {
	var e entry
	c.starts.mu.Lock()
	may := c.mayWait()
	found := (may || anyway) && c.starts.get(&e)
	if found && !may {
		c.starts.beyond++
	}
	c.starts.mu.Unlock()
	if found {
		c.starts.at.Store(c.s.clock.Now())
		c.arrive(e)
	}
	return found
}

// pause is after what time without a start one more task is begun than may wait.
func (c *Class) pause() int64 {
	c.starts.mu.Lock()
	beyond := c.starts.waiting - c.cfg.MaxBlocked
	c.starts.mu.Unlock()
	pause := startAnyway * int64(1+max(beyond, int(c.s.waitingThreads.Load())-c.s.cfg.MaxBlocked, 0)/startSlower)
	if c.d.idle.IdlePs() == 0 && (c.serving.Load() > 0 || c.queued() > 0) {
		pause *= startBusy
	}
	return pause
}

// puttingOff yields the classes of the domains that have put off the start of a task. In the
// first domain, tasks need no threads.
func puttingOff(domains []*domain) iter.Seq[*Class] {
	return func(yield func(*Class) bool) {
		for _, d := range domains[1:] {
			for _, c := range *d.classes.Load() {
				if c.starts.count() > 0 && !yield(c) {
					return
				}
			}
		}
	}
}

// startsDue returns when sysmon is to see to what is put off: 0 if nothing is.
func (s *Scheduler) startsDue() (due int64) {
	for c := range puttingOff(s.allDomains()) {
		due = earlier(due, c.starts.at.Load()+c.pause())
	}
	return due
}

// startStuck lets one more task be begun of each class that has put some off and has begun
// none for a while. It is sysmon's.
func (s *Scheduler) startStuck(now int64) {
	for c := range puttingOff(s.allDomains()) {
		if now-c.starts.at.Load() >= c.pause() {
			c.startOne(true)
		}
	}
}

// anyPutOff tells whether the start of a task is put off. The lock is held.
func (s *Scheduler) anyPutOff() bool {
	for range puttingOff(s.domainsLocked()) {
		return true
	}
	return false
}
