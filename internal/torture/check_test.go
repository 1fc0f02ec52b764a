package torture

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// trial is a program with all that it takes to run it again.
type trial struct {
	seed uint64
	keep keepSet
	cfg  config
}

// command is what runs the trial alone.
func (tr trial) command() string {
	c := fmt.Sprintf("go test ./internal/torture -run 'TestProgram$' -torture.seed=%d -torture.config=%v", tr.seed, tr.cfg)
	if tr.keep != nil {
		c += fmt.Sprintf(" -torture.keep=%v", tr.keep)
	}
	return c
}

// program returns the trial's program.
func (tr trial) program() *op { return generate(tr.seed).filter(tr.keep) }

// score is what trials that went well add up to.
type score struct{ trials, tasks, events int }

func (a *score) add(b score) {
	a.trials += b.trials
	a.tasks += b.tasks
	a.events += b.events
}

// try runs the trial once and returns what went wrong. When the program doesn't end
// within patience, the process ends.
func (tr trial) try(patience time.Duration, wrong bool) (sc score, mistakes []string) {
	before := runtime.NumGoroutine()
	all := generate(tr.seed)
	root := all.filter(tr.keep)
	ops := all.size() + 1
	x, err := newExecution(tr.cfg, root, ops)
	if err != nil {
		return sc, []string{err.Error()}
	}
	x.wrong = wrong
	watchdog := time.AfterFunc(patience, func() { x.hangs(tr, patience) })
	x.run(root)
	watchdog.Stop()
	tasks := x.checkResult(root, ops)
	x.checkEvents(x.checkStats(tasks))
	x.checkGoroutines(before)
	return score{1, int(tasks), x.eventCount}, x.mistakes
}

// hangs ends the process because the program doesn't end.
func (x *execution) hangs(tr trial, after time.Duration) {
	fmt.Printf("the program hasn't ended after %v: %s\n%s\n", after, tr.command(), allStacks())
	cheap := make(chan runq.Snapshot, 1)
	go func() { cheap <- x.s.SnapshotCheap() }()
	select {
	case snap := <-cheap:
		fmt.Println(snap)
	case <-time.After(5 * time.Second): // even that can hang, when a lock is held
		fmt.Println("SnapshotCheap doesn't return either")
	}
	for _, m := range x.mistakes { // without the lock, for somebody may hold it
		fmt.Println(m)
	}
	os.Exit(3)
}

// checkResult compares what the program has come to with what it must. It returns
// how many tasks must have run.
func (x *execution) checkResult(root *op, ops int) (tasks int64) {
	want := expect(root, ops, func(o *op) int64 { return x.refused[o.id].Load() })
	root.walk(func(o *op) {
		if got := x.counts[o.id].Load(); got != want.counts[o.id] && o.kind > kClose {
			x.mistake("op %d, %s: carried out %d times, want %d", o.id, kindNames[o.kind], got, want.counts[o.id])
		}
		for end := range x.ends[o.id] {
			if !want.ends[o.id].allow(end) {
				x.mistake("op %d, %s: it ended with %q, want one of %q", o.id, kindNames[o.kind], end, want.ends[o.id])
			}
		}
	})
	if got := x.total.Load(); got != want.total {
		x.mistake("the tasks' values add up to %#x, want %#x", got, want.total)
	}
	if told, panicked := x.told.Load(), x.panicked.Load(); told != panicked {
		x.mistake("%d detached tasks have panicked, OnPanic was called %d times", panicked, told)
	}
	if n := x.deadlocks.Load(); (n != 0) != (want.knots != 0) {
		x.mistake("%d deadlocks were reported, there were %d knots", n, want.knots)
	}
	return want.tasks
}

func (o outcomes) allow(end string) bool {
	if len(o) == 0 {
		return end == ""
	}
	return slices.Contains(o, end)
}

// checkStats checks the figures of the closed schedulers, who together have run so
// many tasks. It returns how many of them ran on x.s.
func (x *execution) checkStats(tasks int64) (here int64) {
	st := x.s.Stats()
	x.checkSums(st)
	all := st.Spawned
	if x.other != nil {
		other := x.other.Stats()
		x.checkSums(other)
		all += other.Spawned
	}
	if all != uint64(tasks) {
		x.mistake("Stats: %d tasks spawned, want %d", all, tasks)
	}
	if st.EventsLost != x.lost {
		x.mistake("Stats: %d events lost; ReadEvents told of %d", st.EventsLost, x.lost)
	}
	return int64(st.Spawned)
}

func (x *execution) checkSums(st runq.Stats) {
	if st.Finished != st.Spawned || st.Live != 0 {
		x.mistake("Stats: %d tasks spawned, %d finished, %d live", st.Spawned, st.Finished, st.Live)
	}
	if st.Parks != st.Wakes {
		x.mistake("Stats: %d waits begun, %d ended", st.Parks, st.Wakes)
	}
	if st.CarriersMade != st.CarriersEnded {
		x.mistake("Stats: %d carriers made, %d ended", st.CarriersMade, st.CarriersEnded)
	}
	if st.Threads != 0 || st.Blocked != 0 || st.Overrun != 0 || st.Idle != st.Procs {
		x.mistake("Stats: %d threads, %d blocked, %d overrun, %d of %d Ps idle", st.Threads, st.Blocked, st.Overrun, st.Idle, st.Procs)
	}
}

// checkEvents checks the events, read in parts, as the whole that they are. When
// some are missing, or came with a later part than others of the same task, it
// checks nothing: how much the rest tells is a matter of eventtest's own tests.
func (x *execution) checkEvents(tasks int64) {
	if x.cfg.trace == 0 || x.lost != 0 {
		return
	}
	for _, part := range x.parts {
		if slices.ContainsFunc(part, func(e event.Event) bool { return e.Kind == event.KindLost }) {
			return
		}
	}
	v := eventtest.NewValidator()
	for _, e := range event.Merge(nil, x.parts...) {
		if err := v.Event(e); err != nil {
			x.mistake("%v", err)
		}
	}
	if err := v.Finish(); err != nil {
		x.mistake("%v", err)
	}
	sum := v.Summary()
	if sum.Created != uint64(tasks) || sum.Finished != uint64(tasks) {
		x.mistake("the events tell of %d tasks created and %d finished, want %d", sum.Created, sum.Finished, tasks)
	}
	x.eventCount = int(sum.Events)
}

// checkGoroutines checks that no goroutine is left. One that has said that it is
// done needs a moment to be gone.
func (x *execution) checkGoroutines(before int) {
	for end := time.Now().Add(goneWithin); runtime.NumGoroutine() > before; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			x.mistake("%d goroutines are left, there were %d:\n%s", runtime.NumGoroutine(), before, allStacks())
			return
		}
	}
}

// goneWithin is how long a goroutine may take to be gone: no measure of anything,
// but long enough for a machine that others use too.
const goneWithin = 10 * time.Second

func allStacks() string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*n)
		n = runtime.Stack(buf, true)
	}
	return string(buf[:n])
}
