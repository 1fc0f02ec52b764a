package sx

import (
	"testing"
	"time"
)

// ever is a time that is never waited for in full, unless a test fails.
const ever = time.Minute

func newNote() *Note {
	n := new(Note)
	n.Init()
	return n
}

func TestNoteKeepsEarlyWake(t *testing.T) {
	n := newNote()
	n.Wake()
	n.Sleep() // hangs if the wake-up was lost
	n.Wake()
	if !n.SleepFor(ever) {
		t.Error("a wake-up that came first was lost")
	}
}

func TestNoteDropsSecondWake(t *testing.T) {
	n := newNote()
	n.Wake()
	n.Wake() // doesn't block
	n.Sleep()
	if n.SleepFor(1) {
		t.Error("two wake-ups ended two sleeps")
	}
}

func TestNoteSleepFor(t *testing.T) {
	n := newNote()
	for _, d := range []time.Duration{-1, 0, 1, time.Microsecond} {
		if n.SleepFor(d) {
			t.Errorf("SleepFor(%v) was woken by nobody", d)
		}
	}
	n.Wake()
	if !n.SleepFor(ever) {
		t.Error("a sleep that timed out took the next wake-up with it")
	}
}

// TestNotePingPong wakes two threads in turn: with a lost wake-up it doesn't end.
func TestNotePingPong(t *testing.T) {
	a, b := newNote(), newNote()
	const rounds = 20_000
	go func() {
		for range rounds {
			a.Sleep()
			b.Wake()
		}
	}()
	for i := range rounds {
		a.Wake()
		if !b.SleepFor(ever) {
			t.Fatalf("no answer in round %d", i)
		}
	}
}
