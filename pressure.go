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
// The choice: a background thread that has been ready without a processor for more than half
// of the time sleeps, without a P of Go's, for longer and longer, and then looks for a
// moment whether there is room. Each thread decides for itself by the kernel's account
// of it: so with room for one of two threads, it is one that sleeps. An allowance for all
// together (govern.go) was the other way: it is divided into so many short turns that
// there is always a thread that waits for a processor. To compare with the time that the
// thread has run was tried, too: one that has little to do waits for longer than it runs,
// because each wake takes its time.
//
// It takes checkpoints. And a floor is owed to a class whatever that costs others: its
// threads don't rest.

import (
	"time"

	"github.com/runq-go/runq/event"
)

const (
	// pressureWindow is the time over which a thread's luck is judged: some slices of the
	// kernel's. Reading its account takes 6 µs.
	pressureWindow = 10e6 // ns

	// pressureProbe is for how long it runs before it is judged when it has just rested:
	// little to have a P in vain for. It is also what it must have waited for by then, from
	// the end of the rest on, to rest again; the time since then doesn't count, for it may
	// have been Go that was late.
	pressureProbe = 1e6 // ns

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
	at     int64         // of the last look; 0: there was none
	next   int64         // when it is to be looked at
	waited time.Duration // for a processor in all, at the last look
	rest   time.Duration // the last sleep, halved at each look that found room; 0: none lately
	rested bool          // just now
}

// step notes for how long the thread has waited for processors until now, in all, and
// returns for how long it should sleep.
func (g *pressure) step(now int64, waited time.Duration) (rest time.Duration) {
	room := time.Duration(now-g.at) / 2 // if it had nothing to do for most of the time, too
	if g.rested {
		room = pressureProbe
	}
	if g.at == 0 { // what Go's thread has met before it was this M's is of no interest
		room = waited
	}
	waited, g.waited = waited-g.waited, waited
	g.at, g.next, g.rested = now, now+pressureWindow, waited > room
	if !g.rested {
		g.rest /= 2
		return 0
	}
	most := min(max(restUsual, 10*waited), restMost)
	g.rest = min(max(2*g.rest, waited, restLeast), most)
	g.next = now + int64(g.rest) + pressureProbe
	return g.rest
}

// giveRoom lets a background thread sleep that gets no processors, and reports whether it
// has slept. It runs on the task's thread.
func (m *m) giveRoom() bool {
	g := &m.pressure
	if m.s.runDelay == nil || !m.d.bound.idle {
		return false
	}
	now := m.s.clock.Now()
	if now < g.next {
		return false
	}
	waited, err := m.s.runDelay()
	if err != nil {
		g.next = now + int64(restMost) // it may be forbidden for a while: in vain is asked seldom
		return false
	}
	rest := g.step(now, waited)
	if rest == 0 {
		return false
	}
	m.sleepHeldBack(rest, event.ReasonPressure)
	m.s.rested.Add(int64(rest))
	return true
}
