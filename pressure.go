package runq

// Background threads that get no processor.
//
// The tension: the kernel gives a background thread next to nothing while others want all
// processors, and nothing is just what it should have. But the thread has one of Go's Ps
// all that time, and can't answer when it is asked to stop: Go's garbage collector, and
// whatever else stops or asks all Ps, waits for it until it has a processor again. Measured on two
// CPUs: two goroutines that compute and allocate lose a fifth to half of their speed beside
// background tasks that get 5 % of the time; and where another process takes both CPUs,
// 98 %.
//
// The choice: a background thread that has wanted a processor and had none for most of the
// time sleeps, without a P of Go's, for longer and longer, and then looks for a moment
// whether there is room. Each thread decides for itself by the kernel's account of
// it: so with room for one of two threads, it is one that sleeps. An
// allowance for all together (govern.go) was the other way: it is divided into so many
// short turns that there is always a thread that waits for a processor.
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

	// pressureProbe is the same when it has just rested: enough to see whether it had to
	// wait, and little to have a P in vain for.
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
	next        int64         // when it is to be looked at
	ran, waited time.Duration // the kernel's account, at the last look
	rest        time.Duration // the last sleep, halved at each look that found room; 0: none lately
}

// step notes the kernel's account, and returns for how long the thread should sleep.
func (g *pressure) step(ran, waited time.Duration) (rest time.Duration) {
	ran, g.ran = ran-g.ran, ran
	waited, g.waited = waited-g.waited, waited
	if waited <= ran {
		g.rest /= 2
		return 0
	}
	most := min(max(restUsual, 10*waited), restMost)
	g.rest = min(max(2*g.rest, waited, restLeast), most)
	return g.rest
}

// giveRoom lets a background thread sleep that gets no processors. It runs on the task's
// thread.
func (m *m) giveRoom() {
	g := &m.pressure
	if m.s.account == nil || !m.d.bound.idle {
		return
	}
	now := m.s.clock.Now()
	if now < g.next {
		return
	}
	ran, waited, err := m.s.account()
	if err != nil {
		g.next = now + int64(restMost) // it may be forbidden for a while: in vain is asked seldom
		return
	}
	rest := g.step(ran, waited)
	if rest == 0 {
		g.next = now + pressureWindow
		return
	}
	m.sleepHeldBack(rest, event.ReasonPressure)
	m.s.rested.Add(int64(rest))
	g.next = m.s.clock.Now() + pressureProbe
}
