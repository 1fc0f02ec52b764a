package runq

import (
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// classCounters are a P's figures about one class. Owner: the M that holds the P; others
// peek.
type classCounters struct {
	wait    times // from runnable to running
	run     times // from running to not running
	latency times // from spawned to ended

	begun uint64 // stretches of running
	late  uint64 // those of them that had been waited for longer than Config.LatencyTarget
}

// ClassStats are figures about a class. Those about time are kept from the moment on in
// which a second class has a task, or from the beginning with Config.Times.
type ClassStats struct {
	Name       string
	Weight     int
	Background bool
	Queued     int // tasks in the class's own queue; more may be in those of the Ps
	Blocked    int // tasks in a blocking call whose P was taken
	Serving    int // Ps that serve the class at the moment

	Run time.Duration // for which tasks of the class have held Ps, in all

	Wait    Histogram // from runnable to running
	Stretch Histogram // from running to ended, waiting, or interrupted
	Latency Histogram // from spawned to ended

	WaitSum    time.Duration // of what is in Wait
	StretchSum time.Duration // of what is in Stretch
	LatencySum time.Duration // of what is in Latency
}

// Stats returns the figures of the moment, without stopping anything: they may miss what
// happens while they are read.
func (c *Class) Stats() ClassStats {
	c.s.lock.Lock()
	defer c.s.lock.Unlock()
	return c.statsLocked()
}

func (c *Class) statsLocked() ClassStats {
	st := ClassStats{
		Name:       c.name,
		Weight:     int(c.weight.Load()),
		Background: c.cfg.Background,
		Queued:     c.queued() + c.starts.count(),
		Blocked:    c.blocked,
		Serving:    int(c.serving.Load()),
		Run:        time.Duration(c.ran.Load()),
	}
	for _, p := range c.s.ps {
		if p.byClass == nil {
			continue
		}
		if n := sx.PeekPointer(&p.byClass[c.index]); n != nil {
			n.wait.addTo(&st.Wait, &st.WaitSum)
			n.run.addTo(&st.Stretch, &st.StretchSum)
			n.latency.addTo(&st.Latency, &st.LatencySum)
		}
	}
	return st
}

// addTo adds the times to a histogram and a sum.
func (t *times) addTo(h *Histogram, sum *time.Duration) {
	for i := range h.Buckets {
		h.Buckets[i] += sx.PeekUint64(&t.n.Buckets[i])
	}
	*sum += time.Duration(sx.PeekInt64(&t.sum))
}

// BackgroundStats are figures about background classes and what they live on.
type BackgroundStats struct {
	Procs   int           // how many of their tasks may run at once; 0: there hasn't been any
	Threads int           // threads of their own
	CPU     time.Duration // time of processors that these have used, about
	Allowed float64       // CPUs that they may use at the moment, on average; -1: as many as there are

	// Weak says why there are no threads with a low priority, so that background classes
	// share the Ps of the others, with little weight. nil: there are, or nobody has asked.
	Weak error

	// Group is the folder of the control group that their threads are in, with
	// Config.ControlGroup; "": they are in the process's. Ungrouped says why there is none although
	// it was asked for, or what couldn't be done with it. nil: nothing is wrong, or nobody has asked,
	// or it is for the reason in Weak that there are no such threads.
	Group     string
	Ungrouped error

	// Rested is for how long their threads have slept, in all, because others wanted the
	// processors.
	Rested time.Duration

	Headroom int // by how much GOMAXPROCS is raised for them

	// Of the process's control group, since background work has begun, looked at once a
	// second: the CPUs that its quota is worth, 0 for no quota; how many periods there
	// were, in how many the quota was used up, and for how long its threads stood still
	// then, in all.
	Quota            float64
	Periods          uint64
	ThrottledPeriods uint64
	Throttled        time.Duration
}

// backgroundStats returns the figures about background classes. The lock is held.
func (s *Scheduler) backgroundStats() BackgroundStats {
	g := &s.gov
	b := BackgroundStats{
		CPU: g.cpu, Allowed: g.allowed, Weak: s.weak, Headroom: int(s.headroom.Load()), Quota: g.limit.CPUs(),
		Group: s.group.dir, Ungrouped: s.group.wrong(),
		Rested:  time.Duration(s.rested.Load()),
		Periods: g.throttled.Periods, ThrottledPeriods: g.throttled.ThrottledPeriods, Throttled: g.throttled.Time,
	}
	for _, d := range s.allDomains() {
		if d.bucket != nil {
			b.Procs += len(d.seated())
			b.Threads += int(d.threads.Load())
		}
	}
	return b
}
