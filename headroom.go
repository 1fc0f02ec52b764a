package runq

// Headroom: Go Ps for background threads.
//
// A thread that computes in Go holds one of Go's Ps, even when the kernel doesn't let it
// run because it is a background thread. So that those threads don't stand in the way of
// the program's goroutines, GOMAXPROCS is raised by as many as may run at once, when the
// first background work comes, and set back by Close. It belongs to the process: the
// schedulers of a process keep one account.
//
// Whoever sets GOMAXPROCS makes Go stop following the CPU limit of the cgroup. So if it
// has done that before, runq does it from then on; and Close lets Go do it again.
//
// If somebody else sets GOMAXPROCS meanwhile, that stands: by the schedulers that had
// raised it before, nothing is added to it and nothing set back.

import (
	"os"
	"runtime"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
	"github.com/runq-go/runq/internal/sx"
)

// limitEvery is how often the cgroup's limit is read: as often as Go does.
const limitEvery = int64(time.Second)

// headroom is the process's account.
var headroom struct {
	mu    sx.Mutex
	parts map[*Scheduler]int // by how much each has raised it; 0: somebody else has set it since
	base  int                // GOMAXPROCS without that
	set   int                // what it was set to last
	auto  bool               // base is Go's default, and follows the cgroup's limit
}

// raisedGOMAXPROCS is by how much all schedulers together have raised it. The account is
// locked.
func raisedGOMAXPROCS() (sum int) {
	for _, n := range headroom.parts {
		sum += n
	}
	return sum
}

// changeHeadroom raises GOMAXPROCS by n for s, instead of by what it was, and returns what
// it is.
func changeHeadroom(s *Scheduler, n int) int {
	h := &headroom
	h.mu.Lock()
	defer h.mu.Unlock()
	now, before := runtime.GOMAXPROCS(0), raisedGOMAXPROCS()
	if before == 0 || now != h.set { // not raised, or by somebody else
		for other := range h.parts {
			h.parts[other] = 0
		}
		before = 0
		h.base, h.auto, h.set = now, os.Getenv("GOMAXPROCS") == "" && now == defaultGOMAXPROCS(), now
	}
	if part, known := h.parts[s]; n == 0 {
		delete(h.parts, s)
	} else if !known || part != 0 {
		if h.parts == nil {
			h.parts = make(map[*Scheduler]int)
		}
		h.parts[s] = n
	}
	switch raised := raisedGOMAXPROCS(); {
	case raised == before: // s has no part in it
	case raised == 0 && h.auto:
		runtime.SetDefaultGOMAXPROCS()
		h.set = runtime.GOMAXPROCS(0)
	default:
		h.set = h.base + raised
		runtime.GOMAXPROCS(h.set)
	}
	return h.set
}

// followLimit sets GOMAXPROCS anew if the cgroup's limit has changed, and Go would have.
func followLimit() {
	h := &headroom
	h.mu.Lock()
	defer h.mu.Unlock()
	raised := raisedGOMAXPROCS()
	if raised == 0 || !h.auto || runtime.GOMAXPROCS(0) != h.set {
		return
	}
	if base := defaultGOMAXPROCS(); base != h.base {
		h.base, h.set = base, base+raised
		runtime.GOMAXPROCS(h.set)
	}
}

// defaultGOMAXPROCS is what Go would set GOMAXPROCS to.
func defaultGOMAXPROCS() int {
	cpus, limited := 0.0, false
	if g, err := cgroup.Find(os.DirFS("/")); err == nil {
		if l, ok, err := g.Limit(); err == nil && ok {
			cpus, limited = l.CPUs(), true
		}
	}
	return cgroup.DefaultProcs(cpus, limited, runtime.NumCPU())
}

// needHeadroom raises GOMAXPROCS to what the scheduler's own threads need now. The lock
// isn't held.
func (s *Scheduler) needHeadroom() {
	if s.cfg.NoHeadroom {
		return
	}
	s.headroomMu.Lock()
	defer s.headroomMu.Unlock()
	need := 0
	if !s.headroomOver {
		for _, d := range s.allDomains() {
			if d.bound != nil {
				need += len(d.seated())
			}
		}
	}
	if need == int(s.headroom.Load()) {
		return
	}
	set := changeHeadroom(s, need)
	s.headroom.Store(int32(need))
	s.cfg.Logger.Info("runq: GOMAXPROCS set, to have Ps for background threads", "raised by", need, "GOMAXPROCS", set)
}

// dropHeadroom gives back what the scheduler has raised GOMAXPROCS by.
func (s *Scheduler) dropHeadroom() {
	s.headroomMu.Lock()
	s.headroomOver = true
	s.headroomMu.Unlock()
	s.needHeadroom()
}
