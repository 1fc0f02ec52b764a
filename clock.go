package runq

import (
	"math"
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
	// Pause waits for about d.
	Pause(d time.Duration)
}

// after returns the time in d, by clk, and the latest there is if that is too far away.
func after(clk clock, d time.Duration) int64 {
	now := clk.Now()
	if d <= 0 {
		return now
	}
	if when := now + int64(d); when > now { // now may be below 0, in the bubbles of synctest
		return when
	}
	return math.MaxInt64
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

// Pause is a Go timer, which may be late by a slice of Go's scheduler when every Go P
// is busy. Sleeping in the kernel instead would be punctual only in appearance: the
// thread is, but its goroutine then waits for a Go P all the same. And until Go's
// own sysmon takes it away, a sleeping thread keeps the Go P that it had: measured
// with one Go P, two tasks that wake each other lost 45 % of their speed to it.
func (c monotonic) Pause(d time.Duration) { time.Sleep(d) }
