package runq

// Background threads that get no processor.
//
// The tension: the kernel gives a background thread next to nothing while others want all
// processors, and nothing is just what it should have. But the thread has one of Go's Ps
// all that time, and can't answer when it is asked to stop: Go's garbage collector, and
// whatever else asks all Ps, waits for it until it has a processor again. On two CPUs,
// goroutines that compute and allocate lose from a fifth to two thirds of their speed beside
// background tasks that get 5 % of the time; and where another process takes both CPUs,
// nearly all of it (bench/saturated).
//
// The choice: a background thread that has been ready without a processor for longer than it has
// run sleeps, without a P of Go's, for longer and longer, and then looks for a moment
// whether there is room. Each thread decides for itself by the kernel's account of it: so
// with room for one of two threads, it is one that sleeps. An allowance for all together
// (govern.go) was the other way: it is divided into so many short turns that there is
// always a thread that waits for a processor. A thread that has little to do waits for longer
// than it runs, too, because each wake takes its time: only who has waited for long each
// time rests.
//
// It takes checkpoints. And a floor is owed to a class whatever that costs others: its
// threads don't rest.

import (
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/osthread"
)

const (
	// pressureWindow is the time over which a thread's luck is judged: some slices of the
	// kernel's. Reading its account takes 6 µs, and what its control group was throttled for some 15 more.
	pressureWindow = 10e6 // ns

	// pressureProbe is the same when it has just rested: enough to see whether it had to
	// wait, and little to have a P in vain for.
	pressureProbe = 1e6 // ns

	// longWait is how long it must have waited each time, on average: longer than a wake takes
	// when there is room (up to 70 µs, seen on a virtual machine), and far shorter than a
	// slice of the kernel's.
	longWait = 100 * time.Microsecond

	// waitLeast is how long it must have waited in all: as long as a probe lasts.
	waitLeast = time.Millisecond

	// restLeast is the first sleep, as long as a window: so there is half as much pressure
	// at once. restUsual is the longest one, as long as a probe isn't in the way for more
	// than a tenth of that: background work goes on a tenth of a second after there is room
	// again. When other processes have taken the machine, a probe waits for hundreds of
	// milliseconds, and restMost bounds the sleep.
	restLeast = 10 * time.Millisecond
	restUsual = 100 * time.Millisecond
	restMost  = time.Second
)

// pressure is how a background thread gets processors. Its M owns it.
type pressure struct {
	next int64            // when it is to be looked at
	last osthread.Account // at the last look; zero: there was none
	rest time.Duration    // the last sleep, halved at each look that found room; 0: none lately
}

// step notes the thread's account at the time now, and returns for how long it should sleep.
func (g *pressure) step(now int64, a osthread.Account) (rest time.Duration) {
	if g.last == (osthread.Account{}) {
		g.last = a // what Go's thread has met before it was this M's is of no interest
	}
	ran, waited, times := a.Ran-g.last.Ran, a.Waited-g.last.Waited, a.Times-g.last.Times
	g.last = a
	g.next = now + pressureWindow
	if waited <= ran || waited < max(time.Duration(times)*longWait, waitLeast) {
		g.rest /= 2
		return 0
	}
	most := min(max(restUsual, 10*waited), restMost)
	g.rest = min(max(2*g.rest, min(waited, restUsual), restLeast), most)
	g.next = now + int64(g.rest) + pressureProbe
	return g.rest
}

// account is the kernel's account of the thread, but that the time for which the kernel has
// kept its control group to a limit isn't waiting: to the kernel it is. (What it has kept the whole
// process to, is: there is no room then either.) It is summed over CPUs, so that a
// thread in the group may be taken to have waited for less than it has: beside one that is throttled most of
// the time it hardly ever rests.
func (m *m) account() (osthread.Account, error) {
	a, err := m.s.account()
	if err != nil || !m.grouped {
		return a, err
	}
	t, err := (*m.s.group.group.Load()).Throttled()
	a.Waited -= t.Time
	return a, err
}

// giveRoom lets a background thread sleep that gets no processors, and reports whether it
// has slept, or should have but for what it is asked. It runs on the task's thread.
func (m *m) giveRoom() bool {
	g := &m.pressure
	if m.s.account == nil || !m.d.bound.idle {
		return false
	}
	now := m.s.clock.Now()
	if now < g.next {
		return false
	}
	a, err := m.account()
	if err != nil {
		g.next = now + int64(restMost) // it may be forbidden for a while: in vain is asked seldom
		return false
	}
	rest := g.step(now, a)
	if rest == 0 {
		return false
	}
	m.p.giveUpQueue() // what it would have run next is for others
	if !m.sleepHeldBack(rest, event.ReasonPressure) {
		g.rest, g.next = g.rest/2, now+pressureProbe // as if it hadn't been looked at
		return true
	}
	m.s.rested.Add(int64(rest))
	return true
}
