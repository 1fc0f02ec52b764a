package runq

// A control group of their own for background threads.
//
// The tension: a task that never comes to a checkpoint can't be made to sleep. With a quota
// on the process's control group it uses that up, and the kernel then stops all threads of the
// process until the period is over.
//
// Rejected: signals that make a thread sleep in their handler, for Go has the handlers, and a
// thread may be in the middle of anything; stopping the thread with ptrace, which takes
// another process; a quota of its own for every thread, for what one doesn't use
// another should have.
//
// The choice: if Config.ControlGroup says so, background threads are put into a group of
// their own below the process's, and the kernel keeps them to what the quota leaves for them
// (govern.go), but not to what a latency target does: throttled threads make Go's stops
// longer, so that the target would be missed the more. The group's limit is a little above the
// allowance, so that tasks that do come to checkpoints are held back first, asleep and
// without a P of Go's: the kernel's limit is for the others.
//
// Hazards:
//   - A throttled thread keeps one of Go's Ps, and what locks it has, until the next period.
//     Go's garbage collector waits for it. So the period is short; a small allowance has a longer one.
//   - A group is to the threads beside it like one thread, whatever the priorities of its own.
//     It gets the lowest there is, cpu.idle. So threads that are to have more than
//     that, those of classes with a floor, stay where they are.
//   - In version 1 the quota of the process's group can't be lowered below that of a group
//     in it: who tries gets EINVAL. The group has no quota only while there is no allowance.
//   - A process that a background task starts is in the group, too, and outlives it
//     perhaps: the group stays then, which is logged.
//   - Whoever moves the process to another group moves these threads, too, and they
//     have no limit of their own there. Threads made after that stay out of the group,
//     which is logged.
//   - In version 2 the process's group is a threaded domain as long as there is this one: processes can't be put
//     into other groups below it (EOPNOTSUPP).

import (
	"errors"
	"os"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// groupPeriod is the period of the group's quota. A throttled thread has one of Go's Ps for the rest of
	// it. Measured with "demo isolate --quota 1 --modes g": with 20, 10, 5 and 2 ms the p99 of the echoes is
	// 4.9, 5.2, 3.4 and 3.1 ms, that of Go's stops 12.6, 10.5, 6.3 and 4.2, and the p90 of the
	// echoes 0.64, 0.81, 0.80 and 1.01, for every period's end is an interruption. Below 5 ms,
	// which is also what the kernel gives a CPU of a quota at a time, there is little to be had.
	// An allowance of less than a fifth of a CPU has a longer one, for the kernel's shortest quota is 1 ms.
	groupPeriod = 5 * time.Millisecond

	// groupSlack is how much more than the allowance the kernel lets the group have, so that
	// held-back threads, which are late by the time between two checkpoints, aren't throttled. The
	// allowance leaves a tenth of a quota free: this must not use it up.
	groupSlack = 1.05

	// groupHair is the part by which the allowance must have changed for a new limit.
	groupHair = 0.03

	// raiseEvery is how often the limit may be raised. Each change gives the group a new quota at once, so
	// that it would have far more than its limit if that swung at the governor's beat.
	// What is lowered is lowered at once.
	raiseEvery = 100e6 // ns
)

// childGroup is what runq does with a group: cgroup.Child, but for tests.
type childGroup interface {
	Dir() string
	Add(tid int) error
	Leave() error
	SetLimit(cgroup.Limit) error
	Throttled() (cgroup.Throttled, error)
	Remove() error
}

// controlGroup is a scheduler's own group.
type controlGroup struct {
	mu    sx.Mutex // comes before every other lock
	asked bool     // there is a group, or can't be; guarded by mu
	over  bool     // there will be none any more; guarded by mu
	group sx.Pointer[childGroup]

	dir       string // "": none; guarded by the scheduler's lock
	ungrouped error  // why there is none, or a thread isn't in it, or it stays; guarded by the scheduler's lock
	unlimited error  // why the last limit couldn't be set; written by sysmon, under the scheduler's lock

	cpus  float64 // what the limit is worth; negative: there is none; sysmon's
	at    int64   // when it was set; sysmon's
	told  bool    // that one couldn't be set; sysmon's
	keeps sx.Bool // and it is what keeps background work to its allowance; partner: holdBack
}

// makeChildGroup makes a group below the process's.
func makeChildGroup() (childGroup, error) {
	g, err := cgroup.Find(os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	c, err := g.NewChild("/")
	if err != nil {
		return nil, err
	}
	return c, nil
}

// needGroup makes the group if the threads of the class are the first that need it. The lock
// isn't held.
func (s *Scheduler) needGroup(c *Class) {
	b := c.binding()
	if !s.cfg.ControlGroup || b == nil || !b.idle {
		return
	}
	if err := s.makeGroupOnce(); err != nil { // the Logger may submit tasks: nothing is locked
		s.notGrouped("runq: there can't be a control group for background threads: they keep to their allowance only at checkpoints", err)
	}
}

// makeGroupOnce makes the group, the first time.
func (s *Scheduler) makeGroupOnce() error {
	g := &s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked || g.over {
		return nil
	}
	g.asked = true
	child, err := s.makeGroup()
	if err != nil {
		return err
	}
	g.group.Store(&child)
	s.lock.Lock()
	g.dir = child.Dir()
	s.lock.Unlock()
	return nil
}

// notGrouped notes the first thing that is wrong with the group, and logs it. No lock is held.
func (s *Scheduler) notGrouped(what string, err error) {
	s.lock.Lock()
	first := s.group.ungrouped == nil
	if first {
		s.group.ungrouped = err
	}
	s.lock.Unlock()
	if first {
		s.cfg.Logger.Warn(what, "error", err)
	}
}

// joinGroup puts the calling thread, which is m's for good, into the group.
func (m *m) joinGroup() {
	const self = 0
	group := m.s.group.group.Load() // made before the first of these threads
	if group == nil || !m.d.bound.idle {
		return
	}
	if err := (*group).Add(self); err != nil {
		m.s.notGrouped("runq: a background thread isn't in the control group: it keeps to the allowance only at checkpoints", err)
		return
	}
	m.grouped = true
}

// leaveGroup takes the calling thread, which is about to end, out of the group: it ends when it
// next gets a processor, which may take long in there, and Close wants to remove the group.
func (m *m) leaveGroup() {
	if m.grouped {
		_ = (*m.s.group.group.Load()).Leave() // else it is in the group until it has ended
	}
}

// limitGroup lets the kernel keep the group to what the quota allows; negative: anything. It is
// sysmon's.
func (s *Scheduler) limitGroup(allowed float64, now int64) {
	g := &s.group
	group := g.group.Load()
	if group == nil {
		return
	}
	cpus, limit := -1.0, cgroup.Limit{}
	if allowed >= 0 {
		cpus = max(allowed, leastAllowed) * groupSlack
		if most := s.gov.limit.CPUs(); most > 0 { // version 1 refuses more than the process has
			cpus = min(cpus, most)
		}
		limit = cgroup.LimitOf(cpus, groupPeriod)
	}
	if !g.due(cpus, now) {
		return
	}
	err := (*group).SetLimit(limit)
	g.cpus, g.at = cpus, now
	s.lock.Lock()
	g.unlimited = err
	s.lock.Unlock()
	if err != nil && !g.told {
		g.told = true
		s.cfg.Logger.Warn("runq: the control group of background threads has another limit than the quota allows them", "error", err)
	}
}

// wrong is what is wrong with the group. The scheduler's lock is held.
func (g *controlGroup) wrong() error {
	if g.ungrouped != nil && g.unlimited != nil {
		return errors.Join(g.ungrouped, g.unlimited)
	}
	if g.ungrouped != nil {
		return g.ungrouped
	}
	return g.unlimited
}

// limited tells whether there is a limit. It is sysmon's.
func (g *controlGroup) limited() bool { return g.unlimited == nil && g.cpus >= 0 }

// due tells whether the limit is to be set anew.
func (g *controlGroup) due(cpus float64, now int64) bool {
	switch old := g.cpus; {
	case g.unlimited != nil:
		return now-g.at >= limitEvery
	case old < 0 || cpus < 0:
		return (old < 0) != (cpus < 0)
	case now-g.at >= limitEvery: // who knows who has changed it, or moved the process
		return true
	case cpus > old:
		return cpus > old*(1+groupHair) && now-g.at >= raiseEvery
	default:
		return cpus < old*(1-groupHair)
	}
}

// dropGroup removes the group, when its threads have ended.
func (s *Scheduler) dropGroup() {
	err := s.removeGroup()
	if err == nil {
		return
	}
	s.lock.Lock()
	s.group.ungrouped = errors.Join(s.group.ungrouped, err)
	s.lock.Unlock()
	s.cfg.Logger.Warn("runq: the control group of background threads can't be removed", "error", err)
}

// removeGroup sees to it that there is no group any more.
func (s *Scheduler) removeGroup() error {
	g := &s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	group := g.group.Load()
	if group == nil {
		return nil
	}
	g.group.Store(nil)
	s.lock.Lock()
	g.dir = ""
	s.lock.Unlock()
	return (*group).Remove()
}
