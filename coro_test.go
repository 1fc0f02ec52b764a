package runq

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// testStack is a stack that does what its test says.
type testStack struct {
	stack
	own   coro
	ended bool
}

// TestEndPermuted lets stacks switch among each other at random, so that nobody is
// where he began, and ends them in random order: each must come home by an errand
// of the stack in its place, and only the ended one's body may go on.
func TestEndPermuted(t *testing.T) {
	const stacks, switches = 20, 500
	before := runtime.NumGoroutine()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var root stack
		var left int
		ending := false
		at := new(m)
		all := make([]*testStack, stacks)
		// step goes from one stack to another, or to the root when all is done.
		step := func(from *stack) {
			if left == 0 {
				from.switchTo(&root, at)
				return
			}
			left--
			to := &all[rng.IntN(stacks)].stack
			if to != from {
				from.switchTo(to, at)
			}
		}
		started := 0
		for i := range all {
			ts := new(testStack)
			all[i] = ts
			ts.own.start(&ts.stack, func() {
				started++
				ts.switchTo(&root, at) // as carriers do, each runs at once
				for ts.m != nil {
					if ending {
						t.Errorf("seed %d: a stack was sent on an errand and went about its business", seed)
						return
					}
					step(&ts.stack)
				}
				ts.ended = true
			})
			root.switchTo(&ts.stack, at)
		}
		left = switches
		for left > 0 {
			root.switchTo(&all[rng.IntN(stacks)].stack, at)
		}
		moved := 0
		for _, ts := range all {
			if ts.in != &ts.own {
				moved++
			}
		}
		if started != stacks || moved == 0 {
			t.Fatalf("seed %d: %d stacks started, %d moved: nothing is tried", seed, started, moved)
		}
		ending = true
		endAll(t, all, rng)
	}
	awaitTrue(t, "the stacks' goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

// endAll ends the stacks, one place after the other, in random order. The root holds
// no place, so each place has one of the stacks in it, and all of them are ours.
func endAll(t *testing.T, all []*testStack, rng *rand.Rand) {
	t.Helper()
	left := make(map[*stack]*testStack)
	for _, ts := range all {
		left[&ts.stack] = ts
	}
	mine := func(s *stack) bool { return left[s] != nil }
	var k stack
	for len(left) > 0 {
		guests := make([]*stack, 0, len(left))
		for s := range left {
			guests = append(guests, s)
		}
		guest := guests[rng.IntN(len(guests))]
		place := guest.in
		s := k.bringHome(guest, mine)
		ts := left[s]
		if ts == nil || s.in != place || place.native != s {
			t.Fatalf("the native of the place isn't at home: %p", s)
		}
		if ts.ended {
			t.Fatal("a stack ended on its way home")
		}
		k.end(s)
		delete(left, s)
		for _, other := range all {
			if _, lives := left[&other.stack]; other.ended == lives {
				t.Fatalf("a stack says ended=%v, and lives=%v", other.ended, lives)
			}
		}
	}
}

// TestHomeOfStrangers checks that a stack stays where it is when the place that it
// is in belongs to a stranger.
func TestHomeOfStrangers(t *testing.T) {
	var root stack
	at := new(m)
	var a, b testStack
	for _, ts := range []*testStack{&a, &b} {
		ts.own.start(&ts.stack, func() {
			ts.switchTo(&root, at)
			if ts == &a && ts.m != nil {
				ts.switchTo(&b.stack, at)
			}
			for ts.m != nil {
				ts.switchTo(&root, at)
			}
			ts.ended = true
		})
		root.switchTo(&ts.stack, at)
	}
	root.switchTo(&a.stack, at) // a goes to b, b back to here: a is in b's place
	if a.in != &b.own {
		t.Fatal("the stacks are not where the test wants them")
	}
	var k stack
	if k.bringHome(&a.stack, func(s *stack) bool { return s == &a.stack }) != nil || a.in != &b.own {
		t.Error("a moved a stranger")
	}
	endAll(t, []*testStack{&a, &b}, rand.New(rand.NewPCG(0, 0)))
}
