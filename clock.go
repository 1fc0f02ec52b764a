package runq

import (
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// clock is where the scheduler's time comes from, so that tests need none.
type clock interface {
	// Now returns the monotonic time in nanoseconds since the clock began, from 1 on.
	Now() int64
	// Sleep waits until n is woken or until the time is reached.
	// It needs no precision when every Go P is busy: nothing waits for it then.
	Sleep(n *sx.Note, until int64)
	// Pause lets the calling thread rest for d. It doesn't depend on Go's timers,
	// which are late when every Go P is busy.
	Pause(d time.Duration)
}

// monotonic is the real clock.
type monotonic struct{ base time.Time }

func newClock() clock { return monotonic{base: time.Now().Add(-1)} }

func (c monotonic) Now() int64 { return int64(time.Since(c.base)) }

func (c monotonic) Sleep(n *sx.Note, until int64) {
	if d := until - c.Now(); d > 0 {
		n.SleepFor(time.Duration(d))
	}
}

func (c monotonic) Pause(d time.Duration) { pause(d) }
