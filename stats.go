package runq

import (
	"unsafe"

	"github.com/runq-go/runq/internal/ring"
	"github.com/runq-go/runq/internal/sx"
)

// counters are kept by the owner of a P, with plain stores, since an atomic one
// would cost as much as half a spawn. Observers peek. All are uint64, so that they
// can be added up by position (addCounters).
type counters struct {
	spawned, finished            uint64
	steals, stolen               uint64
	handoffs, retakesBlocked     uint64
	parks, wakes                 uint64
	spins                        uint64
	yields, preemptions          uint64
	blocks                       uint64
	hopelessWaits, hopelessWakes uint64
	carriersMade                 uint64
	forksPromoted                uint64
	forksTakenBack               uint64
	forksLeapfrogged             uint64
	late                         [histogramBuckets]uint64 // timers run, by how late they were
}

// outside counts what happens without a P.
type outside struct {
	wakes         sx.Uint64
	hopelessWakes sx.Uint64
	overruns      sx.Uint64

	mu     sx.Mutex
	events *ring.Writer // guarded by mu
}

// Stats are figures about a Scheduler. Counters count from New on.
type Stats struct {
	Procs   int // Ps
	Threads int // Ms, whatever they do
	Idle    int // Ps without an M
	Blocked int // tasks in a blocking call whose P was taken
	Overrun int // tasks that run on without a P

	Spawned  uint64 // tasks accepted
	Finished uint64 // tasks that have ended
	Live     uint64 // Spawned - Finished

	Steals      uint64 // times that an M took tasks from another P
	StolenTasks uint64 // tasks taken that way
	Spins       uint64 // times that an M began to search
	Parks       uint64 // waits begun
	Wakes       uint64 // waits ended; Parks - Wakes tasks wait
	Yields      uint64 // calls of Yield
	Preemptions uint64 // slices that ended because others waited

	Blocks         uint64 // calls of Block
	Handoffs       uint64 // Ps given to another M together with work
	RetakesBlocked uint64 // Ps taken from blocking calls
	Overruns       uint64 // Ps taken from running tasks
	BlockedFull    uint64 // Ps not taken because of MaxBlocked

	ForksPromoted    uint64 // forks that became tasks, for others to run. What a private fork costs leaves no time for counting it.
	ForksTakenBack   uint64 // of these: run by their Join all the same
	ForksLeapfrogged uint64 // of these: run by a task that waited for the fork that they descend from

	CarriersMade  uint64 // stacks allocated for tasks that wait
	CarriersEnded uint64

	Stops    uint64 // times that the world was stopped
	StopTime int64  // nanoseconds that stopping took, in all
	StopMax  int64  // nanoseconds that the slowest took

	EventsLost uint64 // with Config.Trace: events overwritten before they were read

	Background BackgroundStats
	Classes    []ClassStats // in the order in which they were made

	TimerLateness Lateness // of timers of all kinds, those of sleeps included
}

// Stats returns the figures of the moment, without stopping anything: a counter may
// miss what happens while it is read. They are exact when no task runs, and in a
// Snapshot.
func (s *Scheduler) Stats() Stats {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.statsLocked()
}

func (s *Scheduler) statsLocked() Stats {
	var c counters
	for _, p := range s.ps {
		addCounters(&c, &p.c)
	}
	spawned := c.spawned + s.submitted()
	spawned = max(spawned, c.finished)
	var classes []ClassStats
	for _, c := range s.allClasses() {
		classes = append(classes, c.statsLocked())
	}
	return Stats{
		Background:       s.backgroundStats(),
		Classes:          classes,
		Procs:            len(s.fore.seated()),
		Threads:          len(s.allm),
		Idle:             s.fore.idle.IdlePs(),
		Blocked:          s.blocked,
		Overrun:          int(s.overruns.Load()),
		Spawned:          spawned,
		Finished:         c.finished,
		Live:             spawned - c.finished,
		Steals:           c.steals,
		StolenTasks:      c.stolen,
		Spins:            c.spins,
		Parks:            c.parks,
		Wakes:            c.wakes + s.out.wakes.Load(),
		Yields:           c.yields,
		Preemptions:      c.preemptions,
		Blocks:           c.blocks,
		Handoffs:         c.handoffs,
		RetakesBlocked:   c.retakesBlocked,
		Overruns:         s.out.overruns.Load(),
		BlockedFull:      s.blockedFull,
		ForksPromoted:    c.forksPromoted,
		ForksTakenBack:   c.forksTakenBack,
		ForksLeapfrogged: c.forksLeapfrogged,
		CarriersMade:     c.carriersMade,
		CarriersEnded:    s.carriersEnded.Load(),
		Stops:            s.stops,
		StopTime:         s.stopTime,
		StopMax:          s.stopMax,
		EventsLost:       s.eventsLost(),
		TimerLateness:    Lateness{c.late},
	}
}

// addCounters adds what is in from, field by field, to sum.
func addCounters(sum, from *counters) {
	to, of := sum.fields(), from.fields()
	for i := range to {
		to[i] += sx.PeekUint64(&of[i])
	}
}

const numCounters = unsafe.Sizeof(counters{}) / 8

// fields returns the counters as an array.
func (c *counters) fields() *[numCounters]uint64 {
	return (*[numCounters]uint64)(unsafe.Pointer(c))
}
