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
// and then another one. What only waits long gets threads slowly; what waits for what it
// has spawned itself goes on.
//
// The race: a task may be put off just when the last of those ends its wait that were too
// many. The same lock decides on both, and whoever ends a wait puts some of what he finds
// back where it is looked for: as many as there are Ps. What comes of those either waits
// in its turn, and does so too, or ends, and then its M, before it looks for work, puts the
// next one back.

import (
	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// startAnyway is after what time without a start one more task is begun than may wait: long
// against the time that it takes until the tasks in a chain of wakes have run, so that
// threads aren't made for those, and short enough that a thousand waits in each other
// take a second.
const startAnyway = 1e6 // ns

// starts is what is put off of a class, and why.
type starts struct {
	mu      sx.Mutex
	waiting int                 // begun tasks that wait on a thread of their own; guarded by mu
	beyond  int                 // tasks in the class's queue that may be begun all the same; guarded by mu
	later   queue.Global[entry] // tasks to be begun; put with mu held, or taken
	at      sx.Int64            // when the last one was put back, or the first put off
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
	if c.starts.waiting < c.cfg.MaxBlocked {
		return false
	}
	if c.starts.beyond > 0 {
		c.starts.beyond--
		return false
	}
	if c.starts.later.Len() == 0 {
		c.starts.at.Store(m.s.clock.Now())
	}
	c.starts.later.Put(*e) // partner: startsDue
	*e = entry{}
	return true
}

// waitBegins notes that a begun task of the class waits on its thread.
func (c *Class) waitBegins() {
	c.starts.mu.Lock()
	c.starts.waiting++
	c.starts.mu.Unlock()
}

// waitEnds notes that it waits no more.
func (c *Class) waitEnds() {
	c.starts.mu.Lock()
	c.starts.waiting--
	c.starts.mu.Unlock()
	c.startLater(len(c.d.seated()))
}

// startLater lets up to n of the tasks that were put off be begun, as long as not too many
// wait.
func (c *Class) startLater(n int) {
	for ; n > 0 && c.starts.later.Len() > 0; n-- {
		var e entry
		c.starts.mu.Lock()
		found := c.starts.waiting < c.cfg.MaxBlocked && c.starts.later.Get(&e)
		c.starts.mu.Unlock()
		if !found {
			return
		}
		c.starts.at.Store(c.s.clock.Now())
		c.arrive(e)
	}
}

// startsDue returns when sysmon is to see to what is put off: 0 if nothing is.
func (s *Scheduler) startsDue() (due int64) {
	for _, d := range s.allDomains()[1:] {
		for _, c := range *d.classes.Load() {
			if c.starts.later.Len() > 0 {
				due = earlier(due, c.starts.at.Load()+startAnyway)
			}
		}
	}
	return due
}

// startStuck lets one more task be begun of each class that has put some off and whose Ps
// have had nothing to do for a while. It is sysmon's.
func (s *Scheduler) startStuck(now int64) {
	if due := s.startsDue(); due == 0 || due > now {
		return
	}
	for _, d := range s.allDomains()[1:] {
		for _, c := range *d.classes.Load() {
			if d.idle.IdlePs() == 0 || now-c.starts.at.Load() < startAnyway {
				continue
			}
			var e entry
			c.starts.mu.Lock()
			found := c.starts.later.Get(&e)
			if found {
				c.starts.beyond++
			}
			c.starts.mu.Unlock()
			if found {
				c.starts.at.Store(now)
				c.arrive(e)
			}
		}
	}
}

// anyPutOff tells whether the start of a task is put off.
func (s *Scheduler) anyPutOff() bool { return s.startsDue() != 0 }
