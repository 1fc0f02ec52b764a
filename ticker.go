package runq

import (
	"fmt"
	"time"
)

// Ticker is a series of moments, one every so often. A tick that nobody waits for is
// kept until somebody does; further ones are dropped meanwhile. All methods may be
// called by tasks of any scheduler and by ordinary goroutines, at any time.
type Ticker struct{ alarm }

// NewTicker returns a ticker whose first tick is in d, and then one every d. d must be
// positive, or NewTicker panics. It needs no Stop: what nobody waits for costs nothing.
func (s *Scheduler) NewTicker(d time.Duration) *Ticker {
	checkPeriod("NewTicker", d)
	tk := new(Ticker)
	tk.init(s, nil)
	tk.when, tk.period = after(s.clock, d), int64(d)
	return tk
}

// Wait waits for a tick; it returns at once if there is one that nobody has had. Of
// several who wait, each tick goes to the one that came first. While the ticker is
// stopped, they wait for a Reset. t is the calling task, nil for an ordinary goroutine.
// When t's context ends first, Wait returns its cause, and the tick is left to others;
// when the ticker's scheduler has been closed first, ErrClosed; who waits for a ticker
// that is stopped at that moment goes on waiting for a Reset.
func (tk *Ticker) Wait(t *Task) error {
	if t != nil {
		t.enter("Ticker.Wait")
	}
	tk.mu.Lock()
	if now := tk.s.clock.Now(); tk.due(now) && tk.queue.first == nil {
		tk.consume(now)
		tk.mu.Unlock()
		return nil
	}
	tk.mu.Unlock()
	return tk.wait(t)
}

// Stop ends the series. It doesn't end a Wait. After Stop no Wait returns before a
// Reset.
func (tk *Ticker) Stop() { tk.set(0, 0) }

// Reset begins a new series: the first tick is in d from now, and then one every d. A
// tick of before that nobody has had is dropped. d must be positive, or Reset panics.
func (tk *Ticker) Reset(d time.Duration) {
	checkPeriod("Ticker.Reset", d)
	tk.set(after(tk.s.clock, d), int64(d))
}

func checkPeriod(what string, d time.Duration) {
	if d <= 0 {
		panic(fmt.Sprintf("runq: %s(%v): the time between two ticks must be positive", what, d))
	}
}
