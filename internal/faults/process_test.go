package faults

import "testing"

// rounds is how many programs a child runs at least: ten for each of its schedulers.
const rounds = 30

// TestUndisturbed: the work that the other tests disturb. Its report is what theirs
// are compared with.
func TestUndisturbed(t *testing.T) {
	c := start(t, "work")
	c.rounds(rounds)
	c.end()
}

// TestProcsChangedByOthers. Promise: GOMAXPROCS may be changed at any time, by
// anybody. Config.Procs is read once; results are right, and nothing hangs.
func TestProcsChangedByOthers(t *testing.T) {
	c := start(t, "work, procs")
	c.rounds(rounds)
	if r := c.end(); r.Disturbances == 0 {
		t.Error("GOMAXPROCS was never changed")
	}
}

// TestHeavyCollection. Promise: nothing in runq depends on when garbage is
// collected, how often, or that memory stays mapped: results are right with GOGC=1
// and somebody who collects and gives back memory all the time.
func TestHeavyCollection(t *testing.T) {
	c := start(t, "work, GC")
	c.rounds(rounds)
	if r := c.end(); r.Disturbances == 0 {
		t.Error("there was no collection")
	}
}
