package runq

// Finding out what tasks really do that don't come back to the scheduler.
//
// A task past its slice may compute, or it may wait in ordinary Go: for a channel,
// a lock, C. The scheduler can't see the difference, but it matters: hogs must be
// bounded, since each one more takes CPU from everybody; tasks that wait take none,
// and if they were bounded as strictly, a few of them could hold all Ps, and the
// task that they wait for would never run.
//
// Go's runtime tells how many goroutines of the process run or could run. If those
// are fewer than the overrun tasks, the others wait, and one more may be let go.
// When that says nothing, because other goroutines are busy, the stacks of all
// goroutines do: they have the state in their first line, and the address of the
// task in the frame of Task.call. They are expensive, so they are taken at a rate
// that bounds the cost.

import (
	"bytes"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// dumpShare bounds the time spent on stacks: after one dump, the next waits for
	// a hundred times as long as that took.
	dumpShare = 100

	// dumpMax is the size up to which a dump of all stacks is taken: some hundred
	// thousand goroutines.
	dumpMax = 64 << 20
)

// mayOverrun tells whether the task that p runs may lose its P and run on. The lock
// is held.
func (s *Scheduler) mayOverrun(p *p, now int64) bool {
	overruns := p.d.overruns
	if p.d.bound != nil {
		return overruns+int(s.waitingThreads.Load()) < s.cfg.MaxBlocked && p.m.waitsInThread(now)
	}
	if overruns < s.cfg.MaxOverruns {
		return true
	}
	if overruns >= s.cfg.MaxBlocked {
		return false
	}
	if s.recentlyRunning(now) < s.cfg.MaxOverruns {
		return true
	}
	if s.waitsInStack(p, now) {
		return true
	}
	return s.dumpBeat == now && s.countHogs(s.dump) < s.cfg.MaxOverruns
}

// waitsInStack tells whether the task that p runs waits, as its stack says. It doesn't know
// when stacks have been taken too lately. The lock is held.
func (s *Scheduler) waitsInStack(p *p, now int64) bool {
	if s.dumpBeat != now { // one dump serves all Ps of a beat
		if now < s.nextDump {
			return false
		}
		s.dump, s.dumpBeat = taskStacks(), now
		after := s.clock.Now()
		s.nextDump = after + (after-now)*dumpShare
	}
	st, ok := s.dump[sx.PeekPointer(&p.m.curg).address()]
	return ok && !st.runs()
}

// mayOutrank is mayOverrun for a P that a class far behind wants: for that, as many tasks
// more may run on without one. The lock is held.
func (s *Scheduler) mayOutrank(p *p, now int64) bool {
	if p.d.bound == nil && p.d.overruns < 2*s.cfg.MaxOverruns {
		return true
	}
	return s.mayOverrun(p, now)
}

// threadRest is what sysmon has seen of a thread that belongs to an M: since when it has
// used no CPU time.
type threadRest struct {
	used  time.Duration
	since int64 // 0: never seen
}

// restsLong is after what time a thread that is asleep waits for certain. Until then, its
// goroutine may have been interrupted by Go's scheduler, for a turn of others: that is over
// after some slices of 10 ms, or some dozens when the machine has much else to do.
const restsLong = 1e9 // ns

// waitsInThread tells whether the task of m, which has a thread for itself, waits in
// ordinary Go: the thread has been asleep for some beats, and not because its goroutine
// waits for one of Go's Ps. Stacks would tell at once, but stop everything, and background
// work must not. Tasks of background classes that compute keep their P beyond their slice:
// if others ran meanwhile, more threads would run than there are Ps, and whatever has a
// higher priority would have to share the processors' caches and queues with all of them.
func (m *m) waitsInThread(now int64) bool {
	tid := int(m.tid.Load())
	used, err := osthread.CPUTime(tid)
	if err != nil {
		return false
	}
	r := &m.rested
	if used != r.used || r.since == 0 {
		*r = threadRest{used, now}
	}
	rested := now - r.since
	if rested < waitsAfter {
		return false
	}
	// What is asked last must say that it sleeps still: else it may have begun to run in
	// between, when it wasn't runnable any more.
	if rested < restsLong && goroutinesIn("runnable") > 0 {
		return false
	}
	if waits, ok := osthread.Waits(tid); !ok || !waits {
		return false
	}
	later, err := osthread.CPUTime(tid)
	return err == nil && later == used
}

// someoneWaits tells whether fewer goroutines run, or could, than tasks are on a P:
// then one of the tasks waits in ordinary Go, and its P might as well be used. The
// lock is held.
func (s *Scheduler) someoneWaits(now int64) bool {
	busy := 0
	for p := range s.allSeats {
		if p.state != pRunning || p.m == nil || p.m.phase.Load()&phaseMask != phaseRun {
			continue
		}
		if p.d.bound == nil || !p.m.heldBack.Load() && !p.m.waitsInThread(now) { // of a thread, it is known without this
			busy++
		}
	}
	return s.recentlyRunning(now) < busy
}

// runningSamples are the latest figures of goroutinesRunning, one a beat.
type runningSamples struct {
	at      int64 // the time of the latest
	figures [sampleCount]int
	next    int
}

const (
	// sampleCount is how many beats in a row must agree that few goroutines run: one
	// that the garbage collector is just looking at is missing from a figure.
	sampleCount = 4

	// sampleAge is how old the sample before may be, so that they are in a row.
	sampleAge = 20e6 // ns
)

// recentlyRunning returns the most goroutines that ran or were runnable at the
// latest beats, without sysmon, which asks.
func (s *Scheduler) recentlyRunning(now int64) int {
	r := &s.running
	if now-r.at > sampleAge {
		r.figures = [sampleCount]int{math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt}
	}
	if r.at != now {
		r.at = now
		r.figures[r.next%sampleCount] = goroutinesRunning() - 1
		r.next++
	}
	return slices.Max(r.figures[:])
}

// goroutinesRunning returns how many goroutines of the process run or are runnable.
func goroutinesRunning() int { return goroutinesIn("running", "runnable") }

// goroutinesIn returns how many goroutines of the process are in these states.
func goroutinesIn(states ...string) (n int) {
	samples := make([]metrics.Sample, len(states))
	for i, state := range states {
		samples[i].Name = "/sched/goroutines/" + state + ":goroutines"
	}
	metrics.Read(samples)
	for _, m := range samples {
		if m.Value.Kind() != metrics.KindUint64 {
			return runtime.NumGoroutine() // not known: assume the worst
		}
		n += int(m.Value.Uint64())
	}
	return n
}

// countHogs returns how many overrun tasks run, or may for all that is known. The
// lock is held.
func (s *Scheduler) countHogs(stacks map[uintptr]taskStack) int {
	hogs := 0
	for _, p := range s.unseated {
		if p.d.bound != nil {
			continue // it waits, or did
		}
		if st, ok := stacks[sx.PeekPointer(&p.m.curg).address()]; !ok || st.runs() {
			hogs++
		}
	}
	return hogs
}

// taskStack is what a dump says about a goroutine that runs a task.
type taskStack struct {
	state string // as in "goroutine 7 [chan receive, 2 minutes]": what is in brackets
	stack string
}

// runs tells whether the goroutine runs or could.
func (st taskStack) runs() bool {
	return st.state == "running" || st.state == "runnable"
}

// taskStacks returns the stacks of all goroutines that run tasks, of any scheduler.
func taskStacks() map[uintptr]taskStack {
	buf := make([]byte, 256<<10)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < dumpMax {
		buf = make([]byte, 4*n)
		n = runtime.Stack(buf, true)
	}
	return parseStacks(buf[:n])
}

// callFrame is how a traceback shows the frame of Task.call; the task's address
// follows.
var callFrame = []byte("runq.(*Task).call(0x")

// parseStacks finds the tasks in a dump.
func parseStacks(dump []byte) map[uintptr]taskStack {
	stacks := make(map[uintptr]taskStack)
	for g := range bytes.SplitSeq(dump, []byte("\n\n")) {
		t, ok := taskIn(g)
		if !ok {
			continue
		}
		var st taskStack
		if head, rest, ok := bytes.Cut(g, []byte("\n")); ok {
			st.stack = string(rest)
			if i, j := bytes.IndexByte(head, '['), bytes.LastIndexByte(head, ']'); i >= 0 && j > i {
				state, _, _ := bytes.Cut(head[i+1:j], []byte(","))
				st.state = string(state)
			}
		}
		stacks[t] = st
	}
	return stacks
}

// address is what a traceback shows of t.
func (t *Task) address() uintptr { return uintptr(unsafe.Pointer(t)) }

// taskIn returns the address of the task whose function runs on the goroutine with
// the given traceback.
func taskIn(traceback []byte) (uintptr, bool) {
	_, arg, ok := bytes.Cut(traceback, callFrame)
	if !ok {
		return 0, false
	}
	end := bytes.IndexFunc(arg, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'f') })
	if end < 0 {
		return 0, false
	}
	addr, err := strconv.ParseUint(string(arg[:end]), 16, 64)
	return uintptr(addr), err == nil
}

// refuseOwnTask panics if the calling goroutine runs one of the scheduler's tasks.
func (s *Scheduler) refuseOwnTask(call string) {
	buf := make([]byte, 64<<10)
	t, ok := taskIn(buf[:runtime.Stack(buf, false)])
	if !ok {
		return
	}
	s.carriers.each(func(own *Task) {
		if own.address() == t {
			panic("runq: Scheduler." + call + ": called by a task of the same scheduler: it would wait for itself")
		}
	})
}
