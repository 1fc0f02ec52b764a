package runq

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event/eventtest"
	"github.com/runq-go/runq/internal/sx"
)

// calm is a slice that no test outlasts: nothing is retaken from running tasks
// unless the test does it.
const calm = time.Hour

// manyEvents is the size of rings for tests that do a great deal, so that nothing of
// it is lost.
const manyEvents = 16 << 20

// newTest returns a scheduler that records events. At the end of the test it is
// closed, and examined: its events must be legal, its figures must add up, and
// nothing of it may be left.
func newTest(t *testing.T, cfg Config) *Scheduler {
	t.Helper()
	return newTestClock(t, cfg, newClock())
}

// newTestClock is newTest with a clock of the test's own.
func newTestClock(t *testing.T, cfg Config, clk clock) *Scheduler {
	t.Helper()
	return newTestIn(t, cfg, surroundings{clock: clk, seed: rand.Uint64()})
}

// newTestIn is newTest in surroundings of the test's own.
func newTestIn(t *testing.T, cfg Config, in surroundings) *Scheduler {
	t.Helper()
	cfg.Trace = true
	if cfg.TraceBuffer == 0 {
		cfg.TraceBuffer = 1 << 20 // enough for nearly all tests; the race detector needs a multiple
	}
	if open.n.Add(1) == 1 {
		open.before = ownGoroutines()
	}
	s, err := in.newScheduler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { examine(t, s) })
	return s
}

// open counts the schedulers that newTest has made and that are not closed, and knows
// how many goroutines of schedulers there were before the first of them.
var open struct {
	n      atomic.Int64
	before int
}

// examine closes s and looks at what it has left.
func examine(t *testing.T, s *Scheduler) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Close: %v\n%v\n%s", err, s.SnapshotCheap(), allStacks())
		return // and the count stays: nothing can be said of goroutines any more
	}
	st := s.Stats()
	if st.Spawned != st.Finished || st.Live != 0 {
		t.Errorf("after Close: %d tasks spawned, %d finished, %d live", st.Spawned, st.Finished, st.Live)
	}
	if st.Parks != st.Wakes {
		t.Errorf("after Close: %d waits begun, %d ended", st.Parks, st.Wakes)
	}
	if st.CarriersMade != st.CarriersEnded {
		t.Errorf("after Close: %d carriers made, %d ended", st.CarriersMade, st.CarriersEnded)
	}
	if st.Threads != 0 || st.Blocked != 0 || st.Overrun != 0 || st.Idle != st.Procs {
		t.Errorf("after Close: %+v", st)
	}
	for _, c := range st.Classes {
		if c.Serving != 0 || c.Queued != 0 || c.Blocked != 0 {
			t.Errorf("after Close: class %s is served by %d Ps, %d tasks are queued, %d blocked", c.Name, c.Serving, c.Queued, c.Blocked)
		}
	}
	checkEvents(t, s)
	if open.n.Add(-1) == 0 { // none else is there whose goroutines come and go
		awaitTrue(t, "the scheduler's goroutines are gone", func() bool { return ownGoroutines() <= open.before })
	}
}

// checkEvents reads the events and checks that they tell of nothing that can't be,
// and that they tell of the end of everything. If some were lost, it checks nothing:
// how much the rest still tells is a matter of package eventtest's own tests.
func checkEvents(t *testing.T, s *Scheduler) {
	t.Helper()
	events, lost := s.ReadEvents()
	if lost != 0 {
		t.Logf("%d events lost, %d left: not checked", lost, len(events))
		return
	}
	eventtest.Check(t, events, lost)
	v := eventtest.NewValidator()
	for _, e := range events {
		v.Event(e) //nolint:errcheck // Check has reported it
	}
	if err := v.Finish(); err != nil {
		t.Error(err)
	}
}

// ownGoroutines returns how many goroutines are Ms, carriers or sysmons.
func ownGoroutines() int {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*n)
		n = runtime.Stack(buf, true)
	}
	count := 0
	for g := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		for _, main := range [...]string{"runq.(*m).main(", "runq.(*carrier).main(", "runq.(*Scheduler).sysmon("} {
			if strings.Contains(g, main) {
				count++
				break
			}
		}
	}
	return count
}

// runTask runs fn on s, as runIn does; but the test goes on when the error comes,
// and doesn't wait for ever.
func runTask(t *testing.T, s *Scheduler, fn func(t *Task)) {
	t.Helper()
	err := awaitClosed(t, "Run returns", async(func() error {
		return s.Run(context.Background(), func(tk *Task) error { fn(tk); return nil })
	}))
	if err != nil {
		t.Error(err)
	}
}

// computeUntil computes until the flag is set, without calling into the scheduler.
// It lets other goroutines run, for the machine has few processors.
func computeUntil(flag *atomic.Bool) {
	for !flag.Load() {
		runtime.Gosched()
	}
}

// unseatAll takes the P of every running task, as a stop of the world does when
// tasks don't answer, and returns how many it took.
func unseatAll(s *Scheduler) (n int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.stopping {
		return 0
	}
	for _, p := range s.fore.seated() {
		if p.state == pRunning && p.m != nil && sx.PeekPointer(&p.m.curg) != nil {
			s.handOff(s.unseat(p))
			n++
		}
	}
	return n
}

// unseatAlways unseats all that runs, again and again, until stop is called; taken
// counts. At most limit tasks run over at a time.
func unseatAlways(s *Scheduler, limit int64) (taken *atomic.Int64, stop func()) {
	taken = new(atomic.Int64)
	stop = always(func() {
		if s.overruns.Load() < limit {
			taken.Add(int64(unseatAll(s)))
		}
	})
	return taken, stop
}

// manyThreads gives Go more Ps than the machine has processors until the test ends:
// so the kernel interrupts threads at any instruction, and not Go's scheduler at its
// own points.
func manyThreads(t *testing.T) {
	old := runtime.GOMAXPROCS(8)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

// always calls f again and again on a goroutine until the function that it returns
// is called.
func always(f func()) (stop func()) {
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !done.Load() {
			f()
			runtime.Gosched()
		}
	})
	return func() {
		done.Store(true)
		wg.Wait()
	}
}
