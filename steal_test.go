package runq

import (
	"math"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq/internal/sx"
)

// TestRandomOrder checks that every walk visits every P once.
func TestRandomOrder(t *testing.T) {
	randoms := []uint32{0, 1, 0xffff, 0x10000, 0x12345678, math.MaxUint32}
	for n := 1; n <= 100; n++ {
		for _, random := range randoms {
			start, step := RandomOrder{}.Order(n, 0, random)
			seen := make([]bool, n)
			for i, at := 0, start; i < n; i, at = i+1, at+step {
				if at < 0 || seen[at%n] {
					t.Fatalf("Order(%d, 0, %#x) = %d, %d: P %d comes twice", n, random, start, step, at%n)
				}
				seen[at%n] = true
			}
		}
	}
	for want, p := range map[int][2]int{1: {1, 0}, 4: {12, 8}, 7: {7, 0}, 5: {0, 5}} {
		if got := gcd(p[0], p[1]); got != want {
			t.Errorf("gcd(%d, %d) = %d, want %d", p[0], p[1], got, want)
		}
	}
}

// orderFunc is a policy made of a function.
type orderFunc func(n, thief int, random uint32) (start, step int)

func (f orderFunc) Order(n, thief int, random uint32) (start, step int) { return f(n, thief, random) }

// TestStealOrder checks what a policy is asked, and that the scheduler works with
// whatever it answers: also with steps that leave Ps out, and with walks that begin
// anywhere.
func TestStealOrder(t *testing.T) {
	const procs = 4
	for name, answer := range map[string]orderFunc{
		"next":      func(n, thief int, _ uint32) (int, int) { return thief + 1, 1 },
		"even step": func(n, thief int, _ uint32) (int, int) { return thief, 2 },
		"no step":   func(n, thief int, _ uint32) (int, int) { return 0, 0 },
		"backwards": func(n, thief int, _ uint32) (int, int) { return thief, -1 },
		"far out":   func(n, thief int, random uint32) (int, int) { return int(random), math.MaxInt },
		"negative":  func(n, thief int, _ uint32) (int, int) { return -7, 3 },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			order := func(n, thief int, random uint32) (int, int) {
				asked.Add(1)
				if n != procs || thief < 0 || thief >= n {
					t.Errorf("Order(%d, %d, …) of %d Ps", n, thief, procs)
				}
				return answer(n, thief, random)
			}
			s := newTest(t, Config{Procs: procs, Slice: calm, StealOrder: orderFunc(order)})
			// Three tasks that wait for each other can only run if each has been stolen
			// from the P where they were spawned.
			var together atomic.Int64
			runTask(t, s, func(tk *Task) {
				for range procs - 1 {
					tk.Go(func(*Task) {
						for together.Add(1); together.Load() < procs; {
							runtime.Gosched()
						}
					})
				}
				for together.Add(1); together.Load() < procs; {
					runtime.Gosched()
				}
			})
			if asked.Load() == 0 {
				t.Error("the policy was never asked")
			}
		})
	}
}

// twoPs returns a scheduler whose world is stopped, an M of the test's own that holds
// its first P, and its second P.
func twoPs(t *testing.T, clk clock) (thief *m, victim *p) {
	t.Helper()
	s, err := surroundings{clock: clk, seed: 1}.newScheduler(Config{Procs: 2, Slice: calm})
	if err != nil {
		t.Fatal(err)
	}
	s.stopTheWorld()
	t.Cleanup(func() {
		s.startTheWorld()
		closeInTime(t, s)
	})
	seats := s.fore.seated()
	thief = &m{id: 1000, s: s, d: &s.fore, p: seats[0]}
	t.Cleanup(func() { // before the world starts
		seats[0].drain()
		seats[1].drain()
	})
	return thief, seats[1]
}

// TestStealHalf checks that a thief takes half of a ring, rounded up.
func TestStealHalf(t *testing.T) {
	thief, victim := twoPs(t, newClock())
	s := thief.s
	for n := range sx.RingCap + 1 {
		for range n {
			e := fresh(func(*Task) {}, s.detached)
			victim.run.Put(&e, &s.normal.queue)
		}
		var e entry
		took := thief.stealFrom(&e, victim, false)
		if took != (n > 0) || took != (e.env != nil) {
			t.Fatalf("%d tasks in the ring: stole %v, %v", n, took, e)
		}
		if took {
			if got := thief.p.run.RingLen() + 1; got != n-n/2 {
				t.Errorf("%d tasks in the ring: %d stolen, want %d", n, got, n-n/2)
			}
			if got := victim.run.RingLen(); got != n/2 {
				t.Errorf("%d tasks in the ring: %d left, want %d", n, got, n/2)
			}
		}
		thief.p.drain()
		victim.drain()
	}
	if c := &thief.p.c; c.steals != sx.RingCap || c.stolen == 0 {
		t.Errorf("%d steals of %d tasks counted, want %d", c.steals, c.stolen, sx.RingCap)
	}
}

// TestStealNextAge checks that a task in a next slot is left alone until it has been
// there for nextAge, during which its P has looked for no other task.
func TestStealNextAge(t *testing.T) {
	clk := newFakeClock()
	thief, victim := twoPs(t, clk)
	c := newTestTask()
	try := func(last, want bool, what string) {
		t.Helper()
		var e entry
		if got := thief.stealFrom(&e, victim, last); got != want || got != (e.g() == c) {
			t.Errorf("%s: stole %v, %v, want %v", what, got, e.g(), want)
		}
	}
	victim.next.Replace(c)
	try(false, false, "not the last round")
	try(true, false, "first seen")
	clk.advance(nextAge / 2)
	try(true, false, "too young")
	victim.tick++
	clk.advance(nextAge)
	try(true, false, "the P has looked for a task meanwhile")
	clk.advance(nextAge / 2)
	try(true, false, "too young again")
	clk.advance(nextAge)
	try(false, false, "not the last round")
	try(true, true, "old enough")
	try(true, false, "gone")

	victim.next.Replace(c)
	try(true, false, "first seen")
	victim.next.Take()
	try(true, false, "taken by its own P")
	victim.next.Replace(c)
	clk.advance(2 * nextAge)
	try(true, false, "there again: first seen")
	victim.next.Take()
}

// newTestTask returns a task that is on no carrier.
func newTestTask() *Task { return &Task{status: gRunnable} }

// TestStealBegs checks that a thief who finds nothing begs a task that had forks lately for
// one, and waits for it, but not for ever.
func TestStealBegs(t *testing.T) {
	clk := newFakeClock()
	thief, victim := twoPs(t, clk)
	tk := newTestTask()
	victim.m = &m{p: victim, curg: tk}
	defer func() { victim.m = nil }()
	gives, again := false, false
	thief.s.cfg.StealOrder = orderFunc(func(n, thief int, _ uint32) (int, int) {
		clk.advance(nextAge)
		if again {
			victim.forked = clk.now.Load()
		}
		if gives && tk.preempt.CompareAndSwap(begged, 0) {
			e := fresh(func(*Task) {}, victim.s.detached)
			victim.run.Put(&e, &victim.s.normal.queue)
		}
		return thief + 1, 1
	})
	for _, c := range []struct {
		name               string
		forked, again      bool
		gives, took, stays bool
	}{
		{name: "no forks"},
		{name: "forks that stay where they are", forked: true, stays: true},
		{name: "forks that come and go", forked: true, again: true, stays: true},
		{name: "forks", forked: true, gives: true, took: true},
	} {
		victim.forked, gives, again = 0, c.gives, c.again
		clk.advance(2 * forkPatience)
		since := clk.Now()
		if c.forked {
			victim.forked = since
		}
		tk.preempt.Store(0)
		var e entry
		took := thief.steal(&e)
		waited := clk.now.Load() - since
		if took != c.took || (tk.preempt.Load() == begged) != c.stays || (waited >= forkPatience) != c.stays || waited > 2*forkPatience {
			t.Errorf("%s: stole %v, preempt %d, waited %d ns", c.name, took, tk.preempt.Load(), waited)
		}
		thief.p.drain()
	}
}

// TestStealTimers checks that a thief in its last round runs the timers that are due
// on another P.
func TestStealTimers(t *testing.T) {
	clk := newFakeClock()
	s := newTestClock(t, Config{Procs: 2, Slice: calm}, clk)
	var began, release atomic.Bool
	ended := sleepers(s, clk, 1<<40)
	awaitTrue(t, "the task sleeps", func() bool { return sleeping(s) == 1 })
	s.Go(func(*Task) { // on the P that was used last: the one with the timer
		began.Store(true)
		computeUntil(&release)
	})
	awaitTrue(t, "the hog runs", began.Load)
	clk.advance(1 << 40)
	awaitTrue(t, "the sleeper wakes up", func() bool { return ended[0].Load() != 0 })
	release.Store(true)
}

// TestStealsCount checks that what is stolen is counted, on real Ps.
func TestStealsCount(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	runTask(t, s, func(tk *Task) {
		for range 50 {
			var ran atomic.Bool
			tk.Go(func(*Task) { ran.Store(true) })
			for !ran.Load() {
				runtime.Gosched()
			}
		}
	})
	if st := s.Stats(); st.Steals < 50 || st.StolenTasks < st.Steals {
		t.Errorf("%d steals of %d tasks counted, want 50 at least", st.Steals, st.StolenTasks)
	}
}
