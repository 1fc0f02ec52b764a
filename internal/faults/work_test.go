package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event/eventtest"
)

// patience is how long something may take that must come. It is no measure of
// anything: long enough for a tenth of a busy processor under the race detector.
const patience = 2 * time.Minute

// report is what a child that worked tells its parent.
type report struct {
	Rounds, Tasks  int
	Events         uint64 // all of which were valid
	Threads        int    // of the process, at the end: the most that it had, nearly
	Procs          int    // of all schedulers
	Overruns       uint64 // Ps taken from running tasks
	RetakesBlocked uint64
	Preemptions    uint64
	Disturbances   int64
	Wall, CPU      time.Duration
}

// worker runs programs on several schedulers in turn. The others are idle meanwhile.
type worker struct {
	schedulers []*runq.Scheduler
	validators []*eventtest.Validator // by scheduler
	report     report
}

// configs are the schedulers of a worker: an ordinary one, one where everything that
// happens seldom happens often, and one that may do without its P nowhere.
var configs = []runq.Config{
	{Procs: 2},
	{Procs: 4, Slice: 100 * time.Microsecond},
	{Procs: 3, Slice: time.Millisecond, MaxBlocked: 1, MaxOverruns: -1},
}

// calmSlice is the default, said because it counts.
const calmSlice = 10 * time.Millisecond

// calm makes programs and schedulers in which, on a machine of one's own, no P is
// ever taken from a running task: nobody waits outside of runq, and nobody computes
// for a slice. But tasks compute for longer than they have after they were asked to
// yield, and without checkpoints: so whoever is asked is lost.
func calm() {
	waitsOutside = false
	compute = calmSlice * 3 / 8
	for i := range configs {
		configs[i].Slice = calmSlice
	}
}

// childWork works until its standard input ends. It prints a line for each round,
// and a report. It ends with status 1 if anything is wrong.
func childWork(disturb func() (n int64)) {
	began := time.Now()
	w := newWorker()
	enough := inputEnds()
	stop := always(disturb, &w.report.Disturbances)
	for !enough.Load() {
		w.round(rand.Uint64())
		fmt.Println("round")
	}
	stop()
	w.rest()
	w.close()
	w.report.Threads = countThreads()
	w.report.Wall, w.report.CPU = time.Since(began), cpuTime()
	if err := json.NewEncoder(os.Stdout).Encode(w.report); err != nil {
		fail("the report: %v", err)
	}
}

// fail ends a child.
func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// inputEnds returns a flag that is set when standard input has ended.
func inputEnds() *atomic.Bool {
	var ended atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // the end is the end
		ended.Store(true)
	}()
	return &ended
}

// always calls f, if there is one, again and again until stop is called, which adds
// up what it has returned.
func always(f func() int64, sum *int64) (stop func()) {
	if f == nil {
		return func() {}
	}
	var end atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !end.Load() {
			*sum += f()
		}
	}()
	return func() { end.Store(true); <-done }
}

// changeProcs is somebody else who changes GOMAXPROCS.
func changeProcs() int64 {
	runtime.GOMAXPROCS(1 + rand.IntN(8))
	time.Sleep(rand.N(2 * time.Millisecond))
	return 1
}

// collectAlways collects garbage and gives memory back all the time.
func collectAlways() int64 {
	debug.SetGCPercent(1)
	runtime.GC()
	debug.FreeOSMemory()
	return 1
}

func newWorker() *worker {
	w := &worker{}
	for i, cfg := range configs {
		cfg.Trace = true
		cfg.OnDeadlock = func(e *runq.DeadlockError) { fail("scheduler %d: there is no deadlock: %v", i, e) }
		s, err := runq.New(cfg)
		if err != nil {
			fail("%v", err)
		}
		w.schedulers = append(w.schedulers, s)
		w.validators = append(w.validators, eventtest.NewValidator())
		w.report.Procs += cfg.Procs
	}
	return w
}

// round runs one program and checks what it comes to.
func (w *worker) round(seed uint64) {
	i := w.report.Rounds % len(w.schedulers)
	want, tasks := value(seed, depth)
	var got uint64
	err := w.schedulers[i].Run(context.Background(), func(t *runq.Task) (err error) {
		got, err = run(t, seed, depth)
		return err
	})
	if err != nil || got != want {
		fail("scheduler %d, seed %#x: value %#x, error %v; want %#x", i, seed, got, err, want)
	}
	w.report.Rounds++
	w.report.Tasks += tasks
	w.validate(i)
}

// validate reads the scheduler's events. None may be lost, since a round has fewer
// than there is room for. What was recorded on a P that a task has lost comes only
// when its thread has given that back, later than what others have said of it; so
// that is waited for: nothing is running any more.
func (w *worker) validate(i int) {
	await(func() string {
		if st := w.schedulers[i].Stats(); st.Overrun != 0 {
			return fmt.Sprintf("scheduler %d has no task and overruns: %+v", i, st)
		}
		return ""
	})
	events, lost := w.schedulers[i].ReadEvents()
	if lost != 0 {
		fail("scheduler %d: %d events lost", i, lost)
	}
	for _, e := range events {
		if err := w.validators[i].Event(e); err != nil {
			fail("scheduler %d: %v", i, err)
		}
	}
	w.report.Events += uint64(len(events))
}

// rest waits until nothing goes on: every P is idle, nobody has run on without one,
// and the process uses no processor.
func (w *worker) rest() {
	for i, s := range w.schedulers {
		await(func() string {
			if st := s.Stats(); st.Idle != st.Procs || st.Blocked != 0 || st.Overrun != 0 || st.Live != 0 {
				return fmt.Sprintf("scheduler %d doesn't come to rest: %+v", i, st)
			}
			return ""
		})
	}
	const (
		stretch = 100 * time.Millisecond // ten of sysmon's slowest beats
		little  = 2 * time.Millisecond   // for Go's own sysmon and for asking
	)
	await(func() string {
		before := cpuTime()
		time.Sleep(stretch)
		if used := cpuTime() - before; used > little {
			return fmt.Sprintf("the idle process used %v of %v", used, stretch)
		}
		return ""
	})
}

// await returns when wrong says nothing any more.
func await(wrong func() string) {
	for end := time.Now().Add(patience / 2); ; time.Sleep(time.Millisecond) {
		text := wrong()
		if text == "" {
			return
		}
		if time.Now().After(end) {
			fail("%s", text)
		}
	}
}

// close closes the schedulers and looks at their figures.
func (w *worker) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	for i, s := range w.schedulers {
		if err := s.Shutdown(ctx); err != nil {
			fail("scheduler %d doesn't close: %v\n%v", i, err, s.SnapshotCheap())
		}
		st := s.Stats()
		if st.Spawned != st.Finished || st.Parks != st.Wakes || st.Threads != 0 || st.CarriersMade != st.CarriersEnded {
			fail("scheduler %d, closed: %+v", i, st)
		}
		w.validate(i)
		if err := w.validators[i].Finish(); err != nil {
			fail("scheduler %d: %v", i, err)
		}
		w.report.Overruns += st.Overruns
		w.report.RetakesBlocked += st.RetakesBlocked
		w.report.Preemptions += st.Preemptions
	}
}

// cpuTime returns what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// countThreads returns 0 where there is no way to tell.
func countThreads() int {
	names, _ := filepath.Glob("/proc/self/task/*")
	return len(names)
}
