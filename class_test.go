package runq

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/osthread"
)

// TestClassConfigErrors: what is out of range is refused, and the error says what was
// wrong and with what value.
func TestClassConfigErrors(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	for _, tt := range []struct {
		cfg  ClassConfig
		want []string
	}{
		{ClassConfig{Weight: -1}, []string{"Weight is -1", "1 to 10000"}},
		{ClassConfig{Weight: 10001}, []string{"Weight is 10001"}},
		{ClassConfig{Slice: -1}, []string{"Slice is -1ns"}},
		{ClassConfig{Slice: minSlice - 1}, []string{"Slice is 99.999µs", "100µs"}},
		{ClassConfig{Floor: -0.1}, []string{"Floor is -0.1"}},
		{ClassConfig{Floor: 0.91}, []string{"Floor is 0.91", "0.9"}},
		{ClassConfig{Floor: math.NaN()}, []string{"Floor is NaN"}},
		{ClassConfig{Floor: math.Inf(1)}, []string{"Floor is +Inf"}},
		{ClassConfig{Deadline: -time.Second}, []string{"Deadline is -1s"}},
		{ClassConfig{MaxBlocked: -1}, []string{"MaxBlocked is -1", "5000"}},
		{ClassConfig{CPUs: []int{}}, []string{"CPUs is []"}},
	} {
		_, err := s.Class("bad", tt.cfg)
		wantError(t, err, tt.want...)
	}
	if len(s.Classes()) != 3 {
		t.Errorf("there are %d classes, want the three that every scheduler has", len(s.Classes()))
	}
	_, err := s.Class("", ClassConfig{})
	wantError(t, err, "name is empty")
}

// wantError reports an error unless err says all of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error is %v; it should say %q", err, w)
		}
	}
}

// TestClassCPUErrors: a set of CPUs names CPUs that there are, once.
func TestClassCPUErrors(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	allowed, err := osthread.Affinity()
	if errors.Is(err, errors.ErrUnsupported) {
		_, err := s.Class("any", ClassConfig{CPUs: []int{0}})
		wantError(t, err, "CPUs", "nil")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	last := slices.Max(allowed)
	for want, cpus := range map[string][]int{
		"is none":        {last + 1},
		"-1 is none":     {-1},
		"is in it twice": {last, last},
	} {
		_, err := s.Class("bad", ClassConfig{CPUs: cpus})
		wantError(t, err, "CPUs", want)
	}
	cpus := []int{last}
	c, err := s.Class("good", ClassConfig{CPUs: cpus})
	if err != nil {
		t.Fatal(err)
	}
	cpus[0] = -1 // it is the caller's
	if got := c.Config().CPUs; !slices.Equal(got, []int{last}) {
		t.Errorf("CPUs are %v, want %v", got, last)
	}
}

// TestClassFloors: the floors of all classes leave something to be shared.
func TestClassFloors(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	if _, err := s.Class("a", ClassConfig{Floor: 0.5}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Class("b", ClassConfig{Floor: 0.5})
	wantError(t, err, "Floor is 0.5", "0.9", "would be 1")
	if _, err := s.Class("b", ClassConfig{Floor: 0.25}); err != nil {
		t.Error(err)
	}
	if _, err := s.Class("a", ClassConfig{Floor: 0.5}); err != nil {
		t.Errorf("the same class again: %v", err)
	}
}

// TestClassByName: a class is made once, and found by its name.
func TestClassByName(t *testing.T) {
	s := newTest(t, Config{Procs: 1, Slice: calm})
	cfg := ClassConfig{Weight: 7, Floor: 0.1, Deadline: time.Second}
	c, err := s.Class("mine", cfg)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Class("mine", cfg); again != c || err != nil {
		t.Errorf("the same again: %v, %v", again, err)
	}
	_, err = s.Class("mine", ClassConfig{Weight: 8})
	wantError(t, err, `"mine"`, "another configuration", "Weight:7")
	for name, want := range map[string]*Class{"mine": c, "interactive": s.Interactive(), "normal": s.Normal(), "background": s.Background()} {
		if got, err := s.LookupClass(name); got != want || err != nil {
			t.Errorf("LookupClass(%q) = %v, %v", name, got, err)
		}
		if want.Name() != name || want.Scheduler() != s {
			t.Errorf("class %q has the name %q", name, want.Name())
		}
	}
	_, err = s.LookupClass("Normal")
	wantError(t, err, `no class "Normal"`, "interactive, normal, background, mine")
	if got := s.Classes(); !slices.Equal(got, []*Class{s.Interactive(), s.Normal(), s.Background(), c}) {
		t.Errorf("the classes are %v", got)
	}
	if n, err := s.Class("normal", ClassConfig{}); n != s.Normal() || err != nil {
		t.Errorf("the zero ClassConfig isn't that of normal: %v", err)
	}
	want := ClassConfig{Weight: 100, Slice: calm, MaxBlocked: defaultMaxBlocked}
	if got := s.Normal().Config(); got.Weight != want.Weight || got.Slice != want.Slice || got.MaxBlocked != want.MaxBlocked || got.Background {
		t.Errorf("normal is %+v, want %+v", got, want)
	}
}

// TestClassWeight: weights can be changed within their bounds.
func TestClassWeight(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	for _, bad := range []int{0, -1, maxWeight + 1, math.MinInt} {
		wantError(t, s.Normal().SetWeight(bad), "SetWeight(", "between 1 and 10000")
	}
	for _, w := range []int{1, maxWeight, 250} {
		if err := s.Normal().SetWeight(w); err != nil || s.Normal().Weight() != w || s.Normal().Config().Weight != w {
			t.Errorf("SetWeight(%d): %v, and the weight is %d", w, err, s.Normal().Weight())
		}
	}
	if c, err := s.Class("normal", ClassConfig{}); c != s.Normal() || err != nil {
		t.Errorf("the class isn't found by what it was made with: %v", err)
	}
}

// TestClassMost: there is a last class, and it works.
func TestClassMost(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	var last *Class
	for i := range maxClasses - 3 {
		c, err := s.Class(strings.Repeat("x", i+1), ClassConfig{})
		if err != nil {
			t.Fatal(err)
		}
		last = c
	}
	_, err := s.Class("more", ClassConfig{})
	wantError(t, err, `"more"`, "65th", "64")
	if c, err := s.Class("x", ClassConfig{}); c == nil || err != nil {
		t.Errorf("one of them isn't found any more: %v", err)
	}
	for _, c := range []*Class{last, s.Normal(), last} {
		runClass(t, c, func(tk *Task) {
			if tk.Class() != c {
				t.Errorf("the task is of class %s, want %s", tk.Class().Name(), c.Name())
			}
		})
	}
}

// TestClassClosed: nothing new comes into a scheduler that is closed, by whatever class.
func TestClassClosed(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	s := newTest(t, Config{Procs: 1, LatencyTarget: time.Second, Logger: slog.New(slog.DiscardHandler)})
	used, err := s.Class("used", ClassConfig{})
	if err != nil {
		t.Fatal(err)
	}
	runClass(t, used, func(*Task) {})
	edf, err := s.Class("edf", ClassConfig{Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, c := range []*Class{used, edf, s.Interactive(), s.Normal(), s.Background()} {
		if err := c.Run(context.Background(), func(*Task) error { return nil }); err != ErrClosed {
			t.Errorf("Run in class %s: %v", c.Name(), err)
		}
		wantPanic(t, func() { c.Go(func(*Task) {}) }, "Class.Go", "closed")
		g, _ := NewGroup(c.context(context.Background()), s)
		g.Go(func(*Task) error { return nil })
		if err := g.Wait(nil); err != ErrClosed {
			t.Errorf("a group in class %s: %v", c.Name(), err)
		}
	}
	if len(s.allDomains()) != 1 || runtime.GOMAXPROCS(0) != before {
		t.Errorf("%d domains, GOMAXPROCS %d", len(s.allDomains()), runtime.GOMAXPROCS(0))
	}
	for name, cfg := range map[string]ClassConfig{"new": {}, "used": {}} {
		if c, err := s.Class(name, cfg); c != nil || err != ErrClosed {
			t.Errorf("Class(%q) = %v, %v", name, c, err)
		}
	}
	if c, err := s.LookupClass("used"); c != used || err != nil {
		t.Errorf("LookupClass: %v, %v", c, err)
	}
}

// TestClassRun: Run in a class returns what Scheduler.Run does.
func TestClassRun(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	c := s.Interactive()
	wantPanic(t, func() { c.Go(nil) }, "Class.Go", "nil")
	wantPanic(t, func() { c.Run(nil, nil) }, "Class.Run", "nil") //nolint:errcheck // it doesn't return
	if err := c.Run(nil, func(tk *Task) error { return tk.Context().Err() }); err != nil {
		t.Errorf("without a context: %v", err)
	}
	mine := errors.New("mine")
	if err := c.Run(context.Background(), func(*Task) error { return mine }); err != mine {
		t.Errorf("an error: %v", err)
	}
	if err := c.Run(context.Background(), func(*Task) error { runtime.Goexit(); return nil }); err != ErrGoexit {
		t.Errorf("Goexit: %v", err)
	}
	var p *PanicError
	if err := c.Run(context.Background(), func(*Task) error { panic(mine) }); !errors.As(err, &p) || p.Value != mine {
		t.Errorf("a panic: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(mine)
	if err := c.Run(ctx, func(*Task) error { t.Error("it runs"); return nil }); err != mine {
		t.Errorf("an ended context: %v", err)
	}
}

// TestClassInherited: what a task starts is of its class, however it does it, and groups
// are of the class of their context.
func TestClassInherited(t *testing.T) {
	s, other := newTest(t, Config{Procs: 2, Logger: slog.New(slog.DiscardHandler)}), newTest(t, Config{Procs: 1})
	for _, class := range []*Class{s.Interactive(), s.Normal(), s.Background()} {
		want := func(where string, tk *Task, c *Class) {
			t.Helper()
			if got := tk.Class(); got != c {
				t.Errorf("%s of a task of class %s is of class %s, want %s", where, class.Name(), got.Name(), c.Name())
			}
		}
		inGroup := func(where string, tk *Task, ctx context.Context, s *Scheduler, c *Class) {
			t.Helper()
			g, _ := NewGroup(ctx, s)
			g.Go(func(tk *Task) error { want(where, tk, c); return nil })
			if err := g.Wait(tk); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
		done := make(chan struct{}, 3)
		tell := func() { done <- struct{}{} }
		runClass(t, class, func(tk *Task) {
			want("Run", tk, class)
			tk.Go(func(tk *Task) {
				want("a child", tk, class)
				tk.Go(func(tk *Task) { want("a grandchild", tk, class); tell() })
			})
			tk.Go(func(tk *Task) {
				tk.Sleep(time.Microsecond)
				tk.Yield()
				tk.Block(func() {})
				want("a child that has waited", tk, class)
				tell()
			})
			tk.AfterFunc(0, func(tk *Task) { want("AfterFunc", tk, class); tell() })
			inGroup("a group", tk, tk.Context(), s, class)
			inGroup("a group of a group's context", tk, context.WithoutCancel(tk.Context()), s, class)
			inGroup("a group with another context", tk, context.Background(), s, s.Normal())
			inGroup("a group with no context", tk, nil, s, s.Normal())
			inGroup("a group in another scheduler", tk, tk.Context(), other, other.Normal())
			fork := Fork(tk, func(tk *Task, _ int) *Class { return tk.Class() }, 0)
			if got := fork.Join(tk); got != class {
				t.Errorf("a fork is of class %s, want %s", got.Name(), class.Name())
			}
			For(tk, 1000, func(tk *Task, _, _ int) { want("a part of For", tk, class) })
		})
		for range cap(done) {
			awaitClosed(t, "the children", done)
		}
	}
}

// TestClassOfContext: a context carries its class into Run's groups, but Run itself
// decides for its task.
func TestClassOfContext(t *testing.T) {
	s, other := newTest(t, Config{Procs: 1}), newTest(t, Config{Procs: 1})
	var ctx context.Context
	runClass(t, s.Interactive(), func(tk *Task) { ctx = tk.Context() })
	err := s.Run(ctx, func(tk *Task) error {
		g, _ := NewGroup(tk.Context(), s)
		g.Go(func(tk *Task) error {
			if tk.Class() != s.Normal() {
				t.Errorf("a group of Run's context is of class %s", tk.Class().Name())
			}
			return nil
		})
		if tk.Class() != s.Normal() {
			t.Errorf("Run's task is of class %s", tk.Class().Name())
		}
		return g.Wait(tk)
	})
	if err != nil {
		t.Error(err)
	}
	g, _ := NewGroup(ctx, s) // from outside
	g.Go(func(tk *Task) error {
		if tk.Class() != s.Interactive() {
			t.Errorf("a group from outside is of class %s", tk.Class().Name())
		}
		return nil
	})
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
	s.Close()
	closed, _ := NewGroup(ctx, other)
	closed.Go(func(tk *Task) error {
		if tk.Class() != other.Normal() {
			t.Errorf("with the context of a closed scheduler the class is %s of %p", tk.Class().Name(), tk.Class().Scheduler())
		}
		return nil
	})
	if err := closed.Wait(nil); err != nil {
		t.Error(err)
	}
}

// TestClassOutsideTask: a task's class is nobody else's to ask.
func TestClassOutsideTask(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	var tk *Task
	runClass(t, s.Interactive(), func(t *Task) { tk = t })
	awaitTrue(t, "the task has ended", func() bool { return s.Stats().Idle == 1 })
	wantPanic(t, func() { tk.Class() }, "Class")
}

// TestClassEngagedAtClose: the first task of a class comes just when the scheduler is
// closed: it runs or it is refused, and nothing is left of what was made for it.
func TestClassEngagedAtClose(t *testing.T) {
	manyThreads(t)
	for range 50 {
		s := newTest(t, Config{Procs: 1, Logger: slog.New(slog.DiscardHandler)})
		var ran atomic.Int32
		refused := async(func() int32 {
			n := int32(0)
			for _, c := range []*Class{s.Interactive(), s.Background()} {
				if err := c.Run(context.Background(), func(*Task) error { ran.Add(1); return nil }); err == ErrClosed {
					n++
				} else if err != nil {
					t.Error(err)
				}
			}
			return n
		})
		s.Close()
		if n := awaitClosed(t, "the submissions end", refused); n+ran.Load() != 2 {
			t.Errorf("%d tasks have run, %d were refused, of 2", ran.Load(), n)
		}
	}
}
