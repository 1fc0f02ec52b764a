package runq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// mixture is a running tree of which every node may be in another class than its parent.
type mixture struct {
	forest
	classes []*Class
}

// run is a node's task without its end. It returns the sum of the values of the node and
// all below it.
func (x *mixture) run(tk *Task, n *node) uint64 {
	x.act(tk, n.before)
	values := make([]uint64, len(n.kids))
	groups := make([]*Group, len(n.kids))
	for i, k := range n.kids {
		c := x.classes[k.id%uint64(len(x.classes))]
		groups[i], _ = NewGroup(c.context(tk.Context()), x.s)
		groups[i].Go(func(tk *Task) error {
			if tk.Class() != c {
				x.mistake("a task of class %s is in class %s", c.Name(), tk.Class().Name())
			}
			values[i] = x.run(tk, k)
			switch k.end {
			case endPanic:
				panic(k.id)
			case endGoexit:
				runtime.Goexit()
			}
			return nil
		})
	}
	sum := mix(n.id)
	for i, k := range n.kids {
		err := groups[i].Wait(tk)
		var p *PanicError
		if k.end == endReturn && err != nil || k.end == endGoexit && err != ErrGoexit || k.end == endPanic && !errors.As(err, &p) {
			x.mistake("Wait for a task that ends by %d: %v", k.end, err)
		}
		sum += values[i]
	}
	x.act(tk, n.after)
	return sum
}

// mixedClasses makes one class of every kind.
func mixedClasses(t *testing.T, s *Scheduler) []*Class {
	t.Helper()
	all := s.Classes()
	cfgs := map[string]ClassConfig{
		"floor":    {Background: true, Floor: 0.2},
		"fast":     {Background: true, Slice: 100 * time.Microsecond},
		"deadline": {Background: true, Deadline: time.Millisecond},
		"few":      {MaxBlocked: 1},
	}
	if runtime.GOOS == "linux" {
		cpus, err := processAffinity()
		if err != nil {
			t.Fatal(err)
		}
		cfgs["pinned"] = ClassConfig{CPUs: cpus[:1]}
		cfgs["pinned, in background"] = ClassConfig{CPUs: cpus[len(cpus)-1:], Background: true}
	}
	for name, cfg := range cfgs {
		c, err := s.Class(name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestBackgroundStress runs random trees of tasks in all kinds of classes at once, while
// Ps are taken, the world is stopped and resized, and allowances come and go.
func TestBackgroundStress(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    Config
		resize int
		weak   bool
	}{
		{"one P", Config{Procs: 1}, 0, false},
		{"two Ps", Config{Procs: 2, LatencyTarget: time.Millisecond}, 0, false},
		{"resized", Config{Procs: 3, Slice: 100 * time.Microsecond, NoHeadroom: true}, 3, false},
		{"one blocked", Config{Procs: 2, MaxBlocked: 1, MaxOverruns: -1}, 2, false},
		{"weak", Config{Procs: 2}, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for end := time.Now().Add(*stressFor); time.Now().Before(end) && !t.Failed(); {
				tt.cfg.TraceBuffer = manyEvents
				stressBackground(t, rand.Uint64(), tt.cfg, tt.resize, tt.weak)
			}
		})
	}
}

// stressBackground runs trees made from the seed on a scheduler of their own.
func stressBackground(t *testing.T, seed uint64, cfg Config, resize int, weak bool) {
	s := newBackground(t, cfg)
	if weak {
		s.tryBind = func(*binding) error { return errors.New("not here") }
	}
	classes := mixedClasses(t, s)
	_, stop := unseatAlways(s, 2)
	var over atomic.Bool
	disturbed := async(func() error {
		for !over.Load() {
			s.bucket.set(0.3, s.clock.Now())
			_ = s.Snapshot().String()
			s.Stats()
			s.bucket.set(-1, s.clock.Now())
			ctx, cancel := context.WithCancel(context.Background())
			cancelled := async(func() error {
				return s.Background().Run(ctx, func(tk *Task) error { return new(Event).Wait(tk) })
			})
			cancel()
			if err := <-cancelled; err != context.Canceled {
				return err
			}
		}
		return nil
	})
	const trees = 4
	done := make(chan error, trees)
	for i := range trees {
		go func() {
			root := grow(rand.New(rand.NewPCG(seed, uint64(i))), 100)
			_, total, _ := root.reference()
			x := &mixture{forest: forest{s: s, maxProcs: resize}, classes: classes}
			var got uint64
			err := classes[i].Run(context.Background(), func(tk *Task) error {
				got = x.run(tk, root)
				return nil
			})
			if m := x.mistakes.Load(); m != nil {
				err = errors.Join(err, errors.New(*m))
			}
			if got != total {
				err = errors.Join(err, fmt.Errorf("tree %d: value %#x, want %#x", i, got, total))
			}
			done <- err
		}()
	}
	for range trees {
		if err := awaitClosed(t, fmt.Sprintf("seed %#x: a tree ends", seed), done); err != nil {
			t.Errorf("seed %#x: %v", seed, err)
		}
	}
	stop()
	over.Store(true)
	if err := awaitClosed(t, "the disturbance ends", disturbed); err != nil {
		t.Errorf("a cancelled Run: %v", err)
	}
	closeInTime(t, s)
	awaitTrue(t, "the threads' goroutines end", func() bool { return !strings.Contains(allStacks(), "driveBound(") })
}
