package runq

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// fakeClock is a clock that stands still until a test moves it on, but for one
// nanosecond each time that somebody looks: events at the same time have no order.
// Sysmon's pauses are real ones: they are no part of what happens, only of how soon.
type fakeClock struct {
	now   sx.Int64
	mu    sx.Mutex
	note  *sx.Note // of who sleeps; guarded by mu
	until int64    // guarded by mu
	beats atomic.Int64
}

func newFakeClock() *fakeClock {
	return new(fakeClock)
}

func (c *fakeClock) Now() int64 { return c.now.Add(1) }

func (c *fakeClock) Sleep(n *sx.Note, until int64) {
	c.mu.Lock()
	c.note, c.until = n, until
	c.mu.Unlock()
	if c.Now() < until {
		n.Sleep()
	}
	c.mu.Lock()
	c.note = nil
	c.mu.Unlock()
}

func (c *fakeClock) Pause(d time.Duration) {
	c.beats.Add(1)
	time.Sleep(min(d, 200*time.Microsecond))
}

// advance moves the clock on and wakes who has slept for long enough.
func (c *fakeClock) advance(d time.Duration) {
	now := c.now.Add(int64(d))
	c.mu.Lock()
	if c.note != nil && now >= c.until {
		c.note.Wake()
	}
	c.mu.Unlock()
}

// asleepUntil returns until when sysmon sleeps, 0 if it doesn't.
func (c *fakeClock) asleepUntil() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.note == nil {
		return 0
	}
	return c.until
}

// awaitBeats returns when sysmon has begun n more beats.
func (c *fakeClock) awaitBeats(t *testing.T, n int64) {
	t.Helper()
	target := c.beats.Load() + n
	awaitTrue(t, "sysmon's beats", func() bool { return c.beats.Load() >= target })
}

// awaitIdle returns when sysmon sleeps and no timer is set.
func (c *fakeClock) awaitIdle(t *testing.T) {
	t.Helper()
	awaitTrue(t, "the scheduler is idle", func() bool { return c.asleepUntil() == math.MaxInt64 })
}

// beatClock is the real clock and counts sysmon's beats.
type beatClock struct {
	clock
	beats atomic.Int64
}

func newBeatClock() *beatClock { return &beatClock{clock: newClock()} }

func (c *beatClock) Pause(d time.Duration) {
	c.beats.Add(1)
	c.clock.Pause(d)
}

// TestClock checks that the real clock begins after zero, which stands for "no
// time", and doesn't run backwards.
func TestClock(t *testing.T) {
	c := newClock()
	last := int64(0)
	for range 1000 {
		now := c.Now()
		if now <= 0 || now < last {
			t.Fatalf("Now = %d after %d", now, last)
		}
		last = now
	}
	var n sx.Note
	n.Init()
	c.Sleep(&n, last) // over already
	until := c.Now() + int64(time.Millisecond)
	c.Sleep(&n, until)
	if now := c.Now(); now < until {
		t.Errorf("Sleep until %d returned at %d", until, now)
	}
	n.Wake()
	c.Sleep(&n, math.MaxInt64)
}
