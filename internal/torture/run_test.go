package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
)

// execution is a program that runs on a scheduler.
type execution struct {
	s       *runq.Scheduler
	other   *runq.Scheduler // for groups with flagOther; nil if there is none
	cfg     config
	wrong   bool // carry out something wrongly: see wrongVariable
	counts  []atomic.Int64
	refused []atomic.Int64
	total   atomic.Uint64
	closing atomic.Bool // Close has been called, or is just being called

	panicked, told atomic.Int64 // detached tasks that panicked; calls of OnPanic
	deadlocks      atomic.Int64 // calls of OnDeadlock
	eventCount     int          // events that were checked

	mu       sync.Mutex
	ends     map[int]map[string]bool // by id: the ends of groups and Runs that were seen
	parts    [][]event.Event         // what ReadEvents has returned
	lost     uint64
	mistakes []string
}

// otherProcs is how many Ps the other scheduler has: as many as it takes to have
// tasks of a group wake their waiters at the same time.
const otherProcs = 2

// maxMistakes is how many mistakes are kept: the first few tell what is wrong.
const maxMistakes = 10

func (x *execution) mistake(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.mistakes) < maxMistakes {
		x.mistakes = append(x.mistakes, fmt.Sprintf(format, args...))
	}
}

// newExecution makes what it takes to run the program, of which the ids are below ops.
func newExecution(cfg config, root *op, ops int) (*execution, error) {
	x := &execution{
		cfg:     cfg,
		counts:  make([]atomic.Int64, ops),
		refused: make([]atomic.Int64, ops),
		ends:    make(map[int]map[string]bool),
	}
	var err error
	x.s, err = runq.New(runq.Config{
		Procs: cfg.procs, Slice: cfg.slice, MaxOverruns: cfg.overruns, MaxBlocked: cfg.blocked,
		Trace: cfg.trace != 0, TraceBuffer: cfg.trace, StealOrder: orders[cfg.order],
		OnPanic:    x.onPanic,
		OnDeadlock: func(*runq.DeadlockError) { x.deadlocks.Add(1) },
	})
	if err == nil && root.elsewhere() {
		x.other, err = runq.New(runq.Config{Procs: otherProcs, Slice: cfg.slice, OnPanic: x.onPanic,
			OnDeadlock: func(e *runq.DeadlockError) { x.mistake("on the other scheduler: %v", e) }})
	}
	return x, err
}

func (x *execution) onPanic(e *runq.PanicError) {
	x.told.Add(1)
	if _, ok := e.Value.(opPanic); !ok {
		x.mistake("OnPanic: %v", e)
	}
}

// run runs the program until all has ended and the scheduler is closed.
func (x *execution) run(root *op) {
	var runners, besides sync.WaitGroup
	stop := make(chan struct{})
	for _, o := range root.kids {
		switch o.kind {
		case kLook, kResize:
			besides.Go(func() { x.beside(o, stop) })
		case kClose:
			runners.Go(func() { x.close(o) })
		default:
			runners.Go(func() { x.top(o) })
		}
	}
	runners.Wait()
	x.closing.Store(true)
	x.s.Close()
	x.refusesAll()
	if x.other != nil { // not before: tasks of s may need it
		x.other.Close()
	}
	close(stop)
	besides.Wait()
	x.read()
}

// top is an op of the root that starts tasks.
func (x *execution) top(o *op) {
	switch o.kind {
	case kRun:
		x.topRun(o)
	case kGo:
		x.submitGo(o)
	case kStorm:
		x.storm(o)
	case kKnot:
		x.knot(o)
	case kOutside:
		sum, err := x.group(context.Background(), x.s, nil, o)
		x.total.Add(sum)
		x.ended(o, err)
	}
}

func (x *execution) topRun(o *op) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	switch o.how {
	case runCancelled:
		cancel()
	case runRacing:
		go cancel()
	}
	err := x.s.Run(ctx, func(t *runq.Task) error { return x.task(t, o, nil, nil) })
	switch {
	case errors.Is(err, context.Canceled) && o.how != runPlain:
		x.refused[o.id].Add(1)
	case err == runq.ErrClosed:
		x.refuse(o)
	default:
		x.ended(o, err)
	}
}

// submitGo is Scheduler.Go, which panics when the scheduler is closed.
func (x *execution) submitGo(o *op) {
	defer func() {
		if v := recover(); v != nil {
			if v != "runq: Scheduler.Go: the scheduler is closed" {
				panic(v)
			}
			x.refuse(o)
		}
	}()
	x.s.Go(func(t *runq.Task) { x.detached(t, o) })
}

// stormTasks is how many tasks sleep at once in a storm: more than a P's ring holds,
// so that the Ms that look for work find more due timers than they can run.
const stormTasks = 300

// storm is kStorm.
func (x *execution) storm(o *op) {
	for range o.n {
		var ran atomic.Int64
		g, _ := runq.NewGroup(context.Background(), x.s)
		for range stormTasks {
			g.Go(func(t *runq.Task) error {
				t.Sleep(o.d)
				ran.Add(1)
				return nil
			})
		}
		err := g.Wait(nil)
		x.counts[o.id].Add(ran.Load())
		for range stormTasks - ran.Load() {
			x.refuse(o)
		}
		if (err == runq.ErrClosed) != (ran.Load() < stormTasks) || err != nil && err != runq.ErrClosed {
			x.mistake("op %d: %d of %d tasks ran, and Wait returns %v", o.id, ran.Load(), stormTasks, err)
		}
	}
}

// knot makes tasks that wait for each other for ever. They are the only ones that
// do, so when everything else has ended the scheduler must end their waits.
func (x *execution) knot(o *op) {
	var told atomic.Int64
	note := func(err error) error {
		var d *runq.DeadlockError
		if errors.As(err, &d) {
			told.Add(1)
		} else if err != nil {
			x.mistake("op %d: a wait of the knot: %v", o.id, err)
		}
		return nil
	}
	err := x.s.Run(context.Background(), func(t *runq.Task) error {
		x.counts[o.id].Add(1)
		groups := make([]*runq.Group, o.n)
		for i := range groups {
			groups[i], _ = runq.NewGroup(t.Context(), x.s)
			groups[i].SetLimit(0) // until all are there
		}
		for i, g := range groups {
			g.Go(func(t *runq.Task) error {
				x.counts[o.id].Add(1)
				return note(groups[(i+1)%o.n].Wait(t))
			})
		}
		for _, g := range groups {
			g.SetLimit(-1)
		}
		return note(groups[0].Wait(t))
	})
	switch {
	case err == runq.ErrClosed:
		x.refuse(o)
	case err != nil || told.Load() == 0:
		x.mistake("op %d: the knot ended with %v, and %d of its waits were told of a deadlock", o.id, err, told.Load())
	}
}

// refuse notes that a task wasn't accepted.
func (x *execution) refuse(o *op) {
	if !x.closing.Load() {
		x.mistake("op %d: a task was refused before anyone called Close", o.id)
	}
	x.refused[o.id].Add(1)
}

// ended notes how a group or a Run has ended.
func (x *execution) ended(o *op, err error) {
	end := classify(err)
	x.mu.Lock()
	defer x.mu.Unlock()
	seen := x.ends[o.id]
	if seen == nil {
		seen = make(map[string]bool)
		x.ends[o.id] = seen
	}
	seen[end] = true
}

// The errors and panics of kEnd.
type (
	opError int
	opPanic int
)

func (e opError) Error() string { return fmt.Sprint("error ", int(e)) }

// classify returns the outcome that an error stands for, "" for none.
func classify(err error) string {
	var p *runq.PanicError
	var e opError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		if v, ok := p.Value.(opPanic); ok {
			return fmt.Sprint("panic ", int(v))
		}
	case errors.As(err, &e):
		return e.Error()
	case err == runq.ErrGoexit:
		return outcomeGoexit
	case err == runq.ErrClosed:
		return outcomeClosed
	case errors.Is(err, context.Canceled):
		return outcomeCancelled
	}
	return err.Error()
}

// mostResizes bounds the calls of SetProcs: were there always a next one, it would
// set right what the one before has left on a seat that is gone.
const mostResizes = 32

// beside does something to the scheduler again and again.
func (x *execution) beside(o *op, stop chan struct{}) {
	r := rand.New(rand.NewPCG(uint64(o.n), 0))
	var last runq.Stats
	for i := 0; o.kind != kResize || i < o.n%mostResizes; i++ {
		select {
		case <-stop:
			return
		case <-time.After(o.d):
		}
		if o.kind == kResize {
			if err := x.s.SetProcs(1 + r.IntN(8)); err != nil && (err != runq.ErrClosed || !x.closing.Load()) {
				x.mistake("SetProcs: %v", err)
			}
			continue
		}
		switch o.how {
		case lookSnapshot:
			x.checkSnapshot(x.s.Snapshot())
		case lookCheap:
			_ = x.s.SnapshotCheap().String()
		case lookStats:
			st := x.s.Stats()
			if st.Finished < last.Finished || st.Spawned != st.Finished+st.Live || st.Parks < last.Parks {
				x.mistake("Stats: %+v after %+v", st, last)
			}
			last = st
		case lookEvents:
			x.read()
		}
	}
}

// Variants of kLook.
const (
	lookSnapshot = iota
	lookCheap
	lookStats
	lookEvents
)

func (x *execution) checkSnapshot(snap runq.Snapshot) {
	if st := snap.Stats; !snap.Consistent || st.Spawned != st.Finished+st.Live || len(snap.Procs) < st.Procs {
		x.mistake("Snapshot: consistent %v, %d Ps, %+v", snap.Consistent, len(snap.Procs), st)
	}
	_ = snap.String()
}

// read reads the events so far.
func (x *execution) read() {
	events, lost := x.s.ReadEvents()
	x.mu.Lock()
	x.parts, x.lost = append(x.parts, events), x.lost+lost
	x.mu.Unlock()
}

// close is kClose.
func (x *execution) close(o *op) {
	time.Sleep(o.d)
	x.closing.Store(true)
	switch o.how {
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := x.s.Shutdown(ctx); err != nil && err != context.DeadlineExceeded {
			x.mistake("Shutdown: %v", err)
		}
	case 2:
		other := make(chan struct{})
		go func() { x.s.Close(); close(other) }()
		defer func() { <-other }()
	}
	if err := x.s.Close(); err != nil {
		x.mistake("Close: %v", err)
	}
	x.refusesAll()
}

// refusesAll checks that the closed scheduler takes nothing.
func (x *execution) refusesAll() {
	ran := func(*runq.Task) error { x.mistake("a task runs after Close"); return nil }
	if err := x.s.Run(context.Background(), ran); err != runq.ErrClosed {
		x.mistake("Run after Close: %v", err)
	}
	if err := x.s.SetProcs(2); err != runq.ErrClosed {
		x.mistake("SetProcs after Close: %v", err)
	}
	g, _ := runq.NewGroup(context.Background(), x.s)
	g.Go(ran)
	if err := g.Wait(nil); err != runq.ErrClosed {
		x.mistake("Group.Wait after Close: %v", err)
	}
	defer func() {
		if recover() == nil {
			x.mistake("Scheduler.Go after Close doesn't panic")
		}
	}()
	x.s.Go(func(*runq.Task) { x.mistake("a task runs after Close") })
}
