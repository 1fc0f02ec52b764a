package runq

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestSlots: slots are had in turn, for a slice; nobody waits for ever.
func TestSlots(t *testing.T) {
	const slice = 10 * ms
	var s slots
	var own [3]slot
	now := int64(1)
	take := func(i int, want bool, when string) {
		t.Helper()
		if got := s.take(&own[i], now, slice); got != want {
			t.Errorf("%s: %d has got one: %v", when, i, got)
		}
	}
	s.limit(-1)
	take(0, true, "without a limit")
	take(1, true, "without a limit")
	s.limit(0.3)
	take(0, true, "who has one keeps it")
	s.leave(&own[0])
	take(0, false, "one is left, and taken")
	take(2, false, "the next one")
	now += slice - 1
	take(1, true, "within the slice")
	now++
	take(1, false, "after the slice")
	take(2, false, "another was first")
	take(0, true, "the first who waited")
	s.leave(&own[2]) // it waits no more
	s.leave(&own[0])
	take(1, true, "when it is given back")
	now += 100 * ms
	take(1, true, "when nobody waits")
	take(0, false, "behind who has just looked")
	now += slotPatience
	take(0, true, "after a long time")
	s.limit(2)
	take(2, false, "there are two")
	s.leave(&own[0])
	take(2, true, "one of two")
	s.leave(&own[1])
	s.leave(&own[2])
	if s.taken != 0 || len(s.queue) != 0 {
		t.Errorf("%d are taken and %d wait when all have left", s.taken, len(s.queue))
	}
}

// TestSlotsTogether: with a small allowance all tasks get on, also those that come back from
// a wait, and no slot is lost.
func TestSlotsTogether(t *testing.T) {
	needThreads(t)
	s := newBackgroundIn(t, Config{Procs: 2}, surroundings{clock: newClock(), noSysmon: true})
	useBackground(t, s)
	s.bucket.set(0.9, s.clock.Now())
	var laps [4]atomic.Int32
	var stop atomic.Bool
	var gate Event
	for i := range laps {
		s.Background().Go(func(tk *Task) {
			if i >= 2 {
				if err := gate.Wait(tk); err != nil {
					t.Error(err)
				}
			}
			for !stop.Load() {
				for begin := s.clock.Now(); s.clock.Now()-begin < int64(100*time.Microsecond); {
				}
				laps[i].Add(1)
				tk.Checkpoint()
			}
		})
	}
	awaitTrue(t, "two take turns", func() bool { return laps[0].Load() > 20 && laps[1].Load() > 20 })
	gate.Set(nil)
	awaitTrue(t, "all take turns", func() bool { return laps[2].Load() > 20 && laps[3].Load() > 20 })
	stop.Store(true)
	s.bucket.set(-1, s.clock.Now())
	awaitTrue(t, "they end", func() bool { return s.Stats().Live == 0 })
	awaitTrue(t, "no slot is taken when all is over", func() bool {
		s.bucket.slots.mu.Lock()
		defer s.bucket.slots.mu.Unlock()
		return s.bucket.slots.taken+len(s.bucket.slots.queue) == 0
	})
}
