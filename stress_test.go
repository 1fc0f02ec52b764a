package runq

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
)

var stressFor = flag.Duration("stress", 500*time.Millisecond, "how long each stress test goes on")

// node is a task of a random tree: what it does before and after its children, how
// it starts each of them, and how it ends. Its value depends on the tree alone.
type node struct {
	id     uint64
	before []action
	after  []action
	kids   []*node
	limit  int // of the group of its grouped children
	end    ending
	start  startKind
}

// startKind says how a node is started by its parent, and how its value comes back.
type startKind uint8

const (
	startGrouped   startKind = iota // in a group with its siblings
	startAlone                      // in a group of its own, waited for at once
	startDetached                   // by Task.Go; its value goes to the total only
	startElsewhere                  // by Task.Go, but it wakes its parent with a permit
	numStarts
)

type action uint8

const (
	actYield action = iota
	actSleep
	actBlock
	actBlockLong
	actLock
	actHog
	actCheckpoint
	actWaitInGo
	actRecover
	actSetProcs
	actSnapshot
	numActions
)

// rarely are the actions that cost more than the others or disturb everybody.
var rarely = map[action]bool{actBlockLong: true, actHog: true, actWaitInGo: true, actSetProcs: true, actSnapshot: true}

// grow makes a random tree of about size nodes.
func grow(r *rand.Rand, size int) *node {
	n := &node{id: r.Uint64(), before: actions(r), after: actions(r), limit: -1}
	if r.IntN(2) == 0 {
		n.limit = 1 + r.IntN(3)
	}
	n.start = startKind(r.IntN(int(numStarts)))
	if n.start == startAlone {
		n.end = []ending{endReturn, endPanic, endGoexit}[r.IntN(3)]
	}
	for size--; size > 0; {
		part := 1 + r.IntN(size)
		n.kids = append(n.kids, grow(r, part))
		size -= part
	}
	return n
}

func actions(r *rand.Rand) []action {
	var all []action
	for range r.IntN(3) {
		a := action(r.IntN(int(numActions)))
		if rarely[a] && r.IntN(40) != 0 {
			a = actYield
		}
		all = append(all, a)
	}
	return all
}

// mix makes values of which a sum tells whether one is missing or counted twice.
func mix(id uint64) uint64 {
	id ^= id >> 31
	id *= 0x9e3779b97f4a7c15
	return id ^ id>>29
}

// reference computes what a run of the tree must come to: the root's value, made of
// its own and those that come back from its children, and the total of all.
func (n *node) reference() (value, total uint64, tasks int) {
	value, total, tasks = mix(n.id), mix(n.id), 1
	for _, k := range n.kids {
		v, sum, count := k.reference()
		if k.start != startDetached {
			value += v
		}
		total += sum
		tasks += count
	}
	return value, total, tasks
}

// forest is a running tree.
type forest struct {
	s        *Scheduler
	total    atomic.Uint64
	begun    atomic.Int64
	maxProcs int // 0: leave their number alone
	mistakes atomic.Pointer[string]
}

func (f *forest) mistake(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.mistakes.CompareAndSwap(nil, &text)
}

// run is a node's task without its end. It returns the node's value.
func (f *forest) run(tk *Task, n *node) uint64 {
	f.total.Add(mix(n.id))
	f.begun.Add(1)
	f.act(tk, n.before)
	value := mix(n.id)
	g, _ := NewGroup(tk.Context(), f.s)
	g.SetLimit(n.limit)
	grouped := make([]uint64, len(n.kids))
	for i, k := range n.kids {
		switch k.start {
		case startGrouped:
			g.Go(func(tk *Task) error { grouped[i] = f.run(tk, k); return nil })
		case startAlone:
			value += f.alone(tk, k)
		case startDetached:
			tk.Go(func(tk *Task) { f.run(tk, k) })
		case startElsewhere:
			value += f.elsewhere(tk, k)
		}
	}
	if err := g.Wait(tk); err != nil {
		f.mistake("Wait: %v", err)
	}
	for _, v := range grouped {
		value += v
	}
	f.act(tk, n.after)
	return value
}

// alone runs a child in a group of its own and takes its value from how it ends.
func (f *forest) alone(tk *Task, k *node) (value uint64) {
	g, _ := NewGroup(tk.Context(), f.s)
	g.Go(func(tk *Task) error {
		v := f.run(tk, k)
		if k.end == endPanic {
			panic(v)
		}
		value = v
		if k.end == endGoexit {
			runtime.Goexit()
		}
		return nil
	})
	err := g.Wait(tk)
	var p *PanicError
	switch {
	case k.end == endPanic && errors.As(err, &p):
		value, _ = p.Value.(uint64)
	case k.end == endPanic, k.end == endGoexit && err != ErrGoexit, k.end == endReturn && err != nil:
		f.mistake("Wait for a task that ends by %d: %v", k.end, err)
	}
	return value
}

// elsewhere runs a child detached and waits for its word.
func (f *forest) elsewhere(tk *Task, k *node) (value uint64) {
	var done permit
	tk.Go(func(tk *Task) {
		value = f.run(tk, k)
		done.give(tk.m)
	})
	done.take(tk)
	return value
}

// act does what changes nothing but the schedule.
func (f *forest) act(tk *Task, actions []action) {
	for _, a := range actions {
		switch a {
		case actYield:
			tk.Yield()
		case actSleep:
			tk.Sleep(10 * time.Microsecond)
		case actBlock:
			tk.Block(func() {})
		case actBlockLong:
			tk.Block(func() { time.Sleep(200 * time.Microsecond) })
		case actLock:
			tk.LockThread()
			tk.Yield()
			tk.UnlockThread()
		case actHog:
			for end := time.Now().Add(300 * time.Microsecond); time.Now().Before(end); {
			}
		case actCheckpoint:
			for range 100 {
				tk.Checkpoint()
			}
		case actWaitInGo:
			time.Sleep(200 * time.Microsecond)
		case actRecover:
			func() {
				defer func() { recover() }()
				defer tk.Yield()
				panic("caught")
			}()
		case actSetProcs:
			if f.maxProcs > 0 {
				f.s.SetProcs(1 + rand.IntN(f.maxProcs))
			}
		case actSnapshot:
			f.s.Snapshot()
		}
	}
}

// TestStress runs random trees of tasks in various configurations, and compares
// what they come to with what the trees say. Run it for longer with
// -args -stress=1m.
func TestStress(t *testing.T) {
	tiny := 100 * time.Microsecond
	for _, tt := range []struct {
		name    string
		cfg     Config
		resize  int  // the most Ps that SetProcs is called with
		observe bool // look on from an ordinary goroutine meanwhile
	}{
		{"one P", Config{Procs: 1}, 0, false},
		{"two Ps", Config{Procs: 2}, 0, false},
		{"three Ps, observed", Config{Procs: 3}, 0, true},
		{"four Ps, resized", Config{Procs: 4}, 4, false},
		{"tiny slice", Config{Procs: 2, Slice: tiny}, 0, true},
		{"tiny slice on one P", Config{Procs: 1, Slice: tiny}, 0, false},
		{"no overruns", Config{Procs: 2, Slice: tiny, MaxOverruns: -1}, 4, false},
		{"one overrun", Config{Procs: 2, Slice: tiny, MaxOverruns: 1}, 4, true},
		{"one blocked", Config{Procs: 4, MaxBlocked: 1}, 0, false},
		{"traced", Config{Procs: 2, Trace: true}, 0, false},
		{"traced, all at once", Config{Procs: 4, Slice: tiny, MaxBlocked: 1, Trace: true}, 4, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for end := time.Now().Add(*stressFor); time.Now().Before(end) && !t.Failed(); {
				stress(t, rand.Uint64(), tt.cfg, tt.resize, tt.observe)
			}
		})
	}
}

// TestStressLongLife runs one tree after the other on a scheduler that lives on, so
// that its free lists are used again and again, and carriers trimmed.
func TestStressLongLife(t *testing.T) {
	s := openScheduler(t, Config{Procs: 3, Slice: 100 * time.Microsecond})
	all := 0
	for end := time.Now().Add(2 * *stressFor); time.Now().Before(end) && !t.Failed(); {
		all += runTree(t, s, rand.Uint64(), 3, 2000)
	}
	closeInTime(t, s)
	checkEnd(t, s.Stats(), all)
}

// stress runs one tree, made from the seed, on a scheduler of its own.
func stress(t *testing.T, seed uint64, cfg Config, resize int, observe bool) {
	s := openScheduler(t, cfg)
	var watch *watcher
	if observe {
		watch = startWatcher(s)
	}
	tasks := runTree(t, s, seed, resize, 500)
	var parts [][]event.Event
	var lost uint64
	if watch != nil {
		parts, lost = watch.end()
	}
	closeInTime(t, s)
	checkEnd(t, s.Stats(), tasks)
	if cfg.Trace {
		rest, n := s.ReadEvents()
		if all, whole := joinParts(append(parts, rest)); whole {
			checkLife(t, all, lost+n)
		}
	}
}

// runTree runs the tree made from the seed and compares what it comes to with what
// it should. It returns the number of tasks that this has taken.
func runTree(t *testing.T, s *Scheduler, seed uint64, resize, size int) (tasks int) {
	root := grow(rand.New(rand.NewPCG(seed, 0)), size)
	value, total, tasks := root.reference()
	f := &forest{s: s, maxProcs: resize}
	var got uint64
	err := s.Run(nil, func(tk *Task) error {
		got = f.run(tk, root)
		return nil
	})
	// Detached tasks aren't waited for by Run.
	awaitTrue(t, fmt.Sprintf("seed %#x: all tasks have begun", seed), func() bool {
		return f.begun.Load() == int64(tasks)
	})
	if m := f.mistakes.Load(); m != nil {
		t.Errorf("seed %#x: %s", seed, *m)
	}
	if err != nil {
		t.Errorf("seed %#x: %v", seed, err)
	}
	if got != value || f.total.Load() != total {
		t.Errorf("seed %#x: value %#x, total %#x; want %#x, %#x", seed, got, f.total.Load(), value, total)
	}
	return tasks
}

// checkEnd checks the figures of a scheduler that is closed.
func checkEnd(t *testing.T, st Stats, tasks int) {
	t.Helper()
	if st.Spawned != uint64(tasks) || st.Finished != st.Spawned || st.Parks != st.Wakes || st.Threads != 0 {
		t.Errorf("spawned %d, finished %d, want %d; parks %d, wakes %d; threads %d",
			st.Spawned, st.Finished, tasks, st.Parks, st.Wakes, st.Threads)
	}
	if st.CarriersMade != st.CarriersEnded {
		t.Errorf("%d carriers made, %d ended", st.CarriersMade, st.CarriersEnded)
	}
}

// watcher looks at a scheduler from outside for as long as it runs.
type watcher struct {
	s     *Scheduler
	stop  atomic.Bool
	wg    sync.WaitGroup
	parts [][]event.Event
	lost  uint64
}

func startWatcher(s *Scheduler) *watcher {
	w := &watcher{s: s}
	w.wg.Go(func() {
		for !w.stop.Load() {
			s.Snapshot()
			_ = s.SnapshotCheap().String()
			s.Stats()
			events, lost := s.ReadEvents()
			w.parts, w.lost = append(w.parts, events), w.lost+lost
			time.Sleep(100 * time.Microsecond)
		}
	})
	return w
}

// end returns the events that were read.
func (w *watcher) end() ([][]event.Event, uint64) {
	w.stop.Store(true)
	w.wg.Wait()
	return w.parts, w.lost
}
