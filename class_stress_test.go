package runq

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
)

// classForest runs a tree of nodes as forest does, with each node in a class that its id
// chooses.
type classForest struct {
	forest
	classes []*Class
}

// class returns the class of a node.
func (f *classForest) class(n *node) *Class { return f.classes[n.id%uint64(len(f.classes))] }

// run is a node's task without its end. It returns the node's value.
func (f *classForest) run(tk *Task, n *node) uint64 {
	f.total.Add(mix(n.id))
	f.begun.Add(1)
	f.act(tk, n.before)
	value := mix(n.id)
	groups := make(map[*Class]*Group)
	grouped := make([]uint64, len(n.kids))
	for i, k := range n.kids {
		switch c := f.class(k); k.start {
		case startGrouped:
			g := groups[c]
			if g == nil {
				g, _ = NewGroup(c.context(tk.Context()), f.s)
				g.SetLimit(n.limit)
				groups[c] = g
			}
			g.Go(func(tk *Task) error { grouped[i] = f.inClass(tk, k, c); return nil })
		case startAlone:
			value += f.alone(tk, k, c)
		case startDetached:
			own := tk.Class()
			tk.Go(func(tk *Task) { f.inClass(tk, k, own) })
		case startElsewhere:
			value += f.elsewhere(tk, k, c)
		}
	}
	for _, g := range groups {
		if err := g.Wait(tk); err != nil {
			f.mistake("Wait: %v", err)
		}
	}
	for _, v := range grouped {
		value += v
	}
	f.act(tk, n.after)
	return value
}

// inClass is run, and checks that it is done in the class c.
func (f *classForest) inClass(tk *Task, n *node, c *Class) uint64 {
	if tk.Class() != c {
		f.mistake("a task of class %s should be of class %s", tk.Class().Name(), c.Name())
	}
	return f.run(tk, n)
}

// alone runs a child, as a fork when it ends by returning, else in a group of its own with
// a context that has ended, and takes its value from how it ends.
func (f *classForest) alone(tk *Task, k *node, c *Class) (value uint64) {
	if k.end == endReturn {
		own := tk.Class()
		x := Fork(tk, func(tk *Task, k *node) uint64 { return f.inClass(tk, k, own) }, k)
		tk.Checkpoint()
		return x.Join(tk)
	}
	ctx, cancel := context.WithCancel(tk.Context())
	cancel()
	g, _ := NewGroup(c.context(context.WithoutCancel(ctx)), f.s)
	g.Go(func(tk *Task) error {
		v := f.inClass(tk, k, c)
		if k.end == endPanic {
			panic(v)
		}
		value = v
		runtime.Goexit()
		return nil
	})
	err := g.Wait(tk)
	var p *PanicError
	switch {
	case k.end == endPanic && errors.As(err, &p):
		value, _ = p.Value.(uint64)
	case k.end == endPanic, err != ErrGoexit:
		f.mistake("Wait for a task that ends by %d: %v", k.end, err)
	}
	return value
}

// elsewhere runs a child by Class.Go and waits for its word.
func (f *classForest) elsewhere(tk *Task, k *node, c *Class) (value uint64) {
	var done permit
	c.Go(func(tk *Task) {
		value = f.inClass(tk, k, c)
		done.give(tk.m)
	})
	done.take(tk)
	return value
}

// stressClasses are the classes of a stress test, besides those that every scheduler has.
func stressClasses(t *testing.T, s *Scheduler, background bool) []*Class {
	t.Helper()
	all := []*Class{s.Interactive(), s.Normal()}
	if background {
		all = append(all, s.Background())
	}
	for name, cfg := range map[string]ClassConfig{
		"heavy":   {Weight: maxWeight},
		"light":   {Weight: 1},
		"floor":   {Weight: 1, Floor: 0.3, Slice: minSlice},
		"due":     {Deadline: time.Millisecond, Slice: minSlice},
		"due too": {Deadline: time.Second, Weight: 300, MaxBlocked: 1},
	} {
		c, err := s.Class(name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// checkPlaces stops the world and checks that what is in a P's queue belongs to the class
// that the P serves, that no task of a class with deadlines is there, and that Ps serve
// only when somebody counts it.
func checkPlaces(t *testing.T, s *Scheduler) {
	s.stopTheWorld()
	defer s.startTheWorld()
	s.lock.Lock()
	defer s.lock.Unlock()
	for p := range s.allSeats {
		check := func(e *entry) {
			if c := e.class(); c != p.class || c.edf != nil || c.d != p.d {
				t.Errorf("P %d serves class %s and has a task of class %s", p.id, p.class.name, c.name)
			}
		}
		p.run.Each(check)
		if g := p.next.Peek(); g != nil {
			e := begun(g)
			check(&e)
		}
	}
	if s.overruns.Load() != 0 {
		return // their Ps are in use
	}
	serving := make(map[*Class]int32)
	for _, p := range s.ps {
		if p.turn.serves {
			serving[p.class]++
		}
	}
	for _, c := range s.allClasses() {
		if n := c.serving.Load(); n != serving[c] {
			t.Errorf("class %s counts %d Ps that serve it; there are %d", c.name, n, serving[c])
		}
	}
}

// TestClassStress runs random trees of tasks of random classes, whose weights change all
// the time, and compares what they come to with what the trees say. Run it for longer with
// -args -stress=1m.
func TestClassStress(t *testing.T) {
	for _, tt := range []struct {
		name       string
		cfg        Config
		resize     int  // the most Ps that SetProcs is called with
		retake     bool // take Ps from running tasks, again and again
		background bool // the class background, too
	}{
		{"one P", Config{Procs: 1}, 0, false, false},
		{"two Ps", Config{Procs: 2}, 0, false, true},
		{"four Ps, resized", Config{Procs: 4, Slice: minSlice}, 4, false, true},
		{"two Ps, retaken", Config{Procs: 2, Slice: calm}, 0, true, false},
		{"tiny slice, with times", Config{Procs: 2, Slice: minSlice, Times: true, ProfileLabels: true}, 0, false, false},
		{"all at once", Config{Procs: 3, Slice: minSlice, MaxBlocked: 2}, 4, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			manyThreads(t)
			tt.cfg.Logger = slog.New(slog.DiscardHandler)
			tt.cfg.TraceBuffer = manyEvents
			for end := time.Now().Add(*stressFor); time.Now().Before(end) && !t.Failed(); {
				stressClass(t, rand.Uint64(), tt.cfg, tt.resize, tt.retake, tt.background)
			}
		})
	}
}

// stressClass runs one tree, made from the seed, on a scheduler of its own.
func stressClass(t *testing.T, seed uint64, cfg Config, resize int, retake, background bool) {
	s := newTest(t, cfg)
	f := &classForest{classes: stressClasses(t, s, background)}
	f.s, f.maxProcs = s, resize
	root := grow(rand.New(rand.NewPCG(seed, 0)), 300)
	value, total, tasks := root.reference()
	weigh := always(func() {
		f.classes[rand.IntN(len(f.classes))].SetWeight(1 + rand.IntN(maxWeight)) //nolint:errcheck // it is in range
		s.Stats()
		time.Sleep(50 * time.Microsecond)
	})
	unseat := func() {}
	if retake {
		_, unseat = unseatAlways(s, 4)
	}
	var got uint64
	c := f.class(root)
	done := async(func() error {
		return c.Run(context.Background(), func(tk *Task) error { got = f.inClass(tk, root, c); return nil })
	})
	for range 3 {
		checkPlaces(t, s)
	}
	if err := awaitClosed(t, "the tree has run", done); err != nil {
		t.Errorf("seed %#x: %v", seed, err)
	}
	awaitTrue(t, "all tasks have begun", func() bool { return f.begun.Load() == int64(tasks) })
	weigh()
	unseat()
	if m := f.mistakes.Load(); m != nil {
		t.Errorf("seed %#x: %s", seed, *m)
	}
	if got != value || f.total.Load() != total {
		t.Errorf("seed %#x: value %#x, total %#x; want %#x, %#x", seed, got, f.total.Load(), value, total)
	}
	closeInTime(t, s)
}

// TestClassesTogether: tasks of as many classes as there are Ps run at the same time, and
// so do tasks of one class that one of them has spawned.
func TestClassesTogether(t *testing.T) {
	const procs = 4
	s := newTest(t, Config{Procs: procs, Slice: calm})
	classes := []*Class{s.Interactive(), s.Normal()}
	for _, name := range []string{"a", "b"} {
		c, err := s.Class(name, ClassConfig{Weight: 1})
		if err != nil {
			t.Fatal(err)
		}
		classes = append(classes, c)
	}
	for range 50 {
		var together atomic.Int32
		meet := func(*Task) {
			for together.Add(1); together.Load() < procs; {
				runtime.Gosched()
			}
		}
		for _, c := range classes {
			c.Go(meet)
		}
		awaitNone(t, s)
		for _, c := range classes {
			together.Store(0)
			c.Go(func(tk *Task) {
				for range procs - 1 {
					tk.Go(meet)
				}
				meet(tk)
			})
			awaitNone(t, s)
		}
	}
}

// TestClassSnapshot: a snapshot has the tasks of all classes.
func TestClassSnapshot(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	light, err := s.Class("light", ClassConfig{Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	runClass(t, light, func(*Task) {})
	awaitNone(t, s)
	s.stopTheWorld()
	s.Go(func(*Task) {})
	for range 2 {
		light.Go(func(*Task) {})
	}
	snap := s.snapshot(true)
	s.startTheWorld()
	if len(snap.Tasks) != 3 || snap.Global != 3 || snap.Stats.Live != 3 {
		t.Errorf("%d tasks, %d queued, %d live, want 3", len(snap.Tasks), snap.Global, snap.Stats.Live)
	}
	for _, task := range snap.Tasks {
		if task.State != event.TaskRunnable || task.Func == "" {
			t.Errorf("a task is shown as %+v", task)
		}
	}
}

// TestClassDeadlock: tasks of different classes that wait for each other for ever are told
// so, wherever their threads are.
func TestClassDeadlock(t *testing.T) {
	var r reports
	s := newTest(t, Config{Procs: 2, OnDeadlock: r.add, Logger: slog.New(slog.DiscardHandler)})
	for round, pair := range [][2]*Class{{s.Interactive(), s.Normal()}, {s.Background(), s.Normal()}, {s.Background(), s.Interactive()}} {
		a, _ := NewGroup(pair[0].context(context.Background()), s)
		b, _ := NewGroup(pair[1].context(context.Background()), s)
		a.SetLimit(0) // until both have a task
		var told [2]error
		var both sync.WaitGroup
		both.Add(2)
		a.Go(func(tk *Task) error { defer both.Done(); told[0] = b.Wait(tk); return nil })
		b.Go(func(tk *Task) error { defer both.Done(); told[1] = a.Wait(tk); return nil })
		a.SetLimit(-1)
		both.Wait()
		awaitNone(t, s)
		// When the first has been told and ends, the other one's wait may be over by itself.
		if de := (*DeadlockError)(nil); !errors.As(errors.Join(told[0], told[1]), &de) {
			t.Errorf("round %d: the waits of %s and %s end with %v", round, pair[0].Name(), pair[1].Name(), told)
		}
		awaitTrue(t, "it is reported", func() bool { return r.n.Load() == int64(round)+1 })
		if e := r.errs.Load(); e.Tasks != 2 || len(e.Waits) != 2 {
			t.Errorf("round %d: the report has %d tasks and %d waits, want 2", round, e.Tasks, len(e.Waits))
		}
		for _, c := range pair {
			runClass(t, c, func(*Task) {})
		}
	}
}
