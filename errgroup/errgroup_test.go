package errgroup_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq/errgroup"
)

var (
	errOne = errors.New("errgroup_test: one")
	errTwo = errors.New("errgroup_test: two")
)

// adders are the two ways to add a function where there is room.
var adders = map[string]func(*errgroup.Group, func() error){
	"Go": (*errgroup.Group).Go,
	"TryGo": func(g *errgroup.Group, f func() error) {
		if !g.TryGo(f) {
			panic("TryGo = false in a group without a limit")
		}
	},
}

func TestZeroGroupKeepsItsFirstError(t *testing.T) {
	for name, add := range adders {
		t.Run(name, func(t *testing.T) {
			var g errgroup.Group
			if err := g.Wait(); err != nil {
				t.Errorf("Wait of a new group = %v, want nil", err)
			}
			// One after the other, with a Wait after each: the group goes on.
			for i, step := range []struct{ returns, want error }{
				{nil, nil}, {errOne, errOne}, {nil, errOne}, {errTwo, errOne},
			} {
				add(&g, func() error { return step.returns })
				if err := g.Wait(); err != step.want {
					t.Errorf("function %d returned %v: Wait = %v, want %v", i, step.returns, err, step.want)
				}
			}
		})
	}
}

func TestWithContextCancels(t *testing.T) {
	for name, add := range adders {
		for _, c := range []struct {
			returns     []error
			want, cause error
		}{
			{nil, nil, context.Canceled},
			{[]error{nil}, nil, context.Canceled},
			{[]error{errOne}, errOne, errOne},
			{[]error{errOne, nil}, errOne, errOne},
			{[]error{nil, errOne, nil}, errOne, errOne},
		} {
			t.Run(fmt.Sprint(name, c.returns), func(t *testing.T) {
				g, ctx := errgroup.WithContext(t.Context())
				if err := ctx.Err(); err != nil {
					t.Fatalf("the context of a new group has ended: %v", err)
				}
				for _, err := range c.returns {
					add(g, func() error { return err })
				}
				if err := g.Wait(); err != c.want {
					t.Errorf("Wait = %v, want %v", err, c.want)
				}
				if ctx.Err() != context.Canceled || context.Cause(ctx) != c.cause {
					t.Errorf("after Wait: context %v, cause %v, want %v and %v", ctx.Err(), context.Cause(ctx), context.Canceled, c.cause)
				}
			})
		}
	}
}

// TestFirstErrorCancelsTheOthers has functions that wait for the context, which
// only another one's error ends.
func TestFirstErrorCancelsTheOthers(t *testing.T) {
	g, ctx := errgroup.WithContext(t.Context())
	for range 5 {
		g.Go(func() error {
			<-ctx.Done()
			return ctx.Err() // later than the error that ended the context
		})
	}
	g.Go(func() error { return errOne })
	if err := g.Wait(); err != errOne {
		t.Errorf("Wait = %v, want %v", err, errOne)
	}
}

func TestParentContextAndValues(t *testing.T) {
	type key struct{}
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "v"))
	g, ctx := errgroup.WithContext(parent)
	if v := ctx.Value(key{}); v != "v" {
		t.Errorf("the context doesn't have its parent's value, but %v", v)
	}
	g.Go(func() error { <-ctx.Done(); return context.Cause(ctx) })
	cancel(errTwo)
	if err := g.Wait(); err != errTwo {
		t.Errorf("Wait = %v, want the parent's cause %v", err, errTwo)
	}
}

func TestWaitWaitsForAll(t *testing.T) {
	const functions = 1000
	g, _ := errgroup.WithContext(t.Context())
	var done atomic.Int32
	for i := range functions {
		g.Go(func() error {
			defer done.Add(1)
			if i%2 == 0 {
				return errOne
			}
			runtime.Gosched()
			return nil
		})
	}
	if err := g.Wait(); err != errOne || done.Load() != functions {
		t.Errorf("Wait = %v after %d functions, want %v after %d", err, done.Load(), errOne, functions)
	}
}

func TestWaitFromManyGoroutines(t *testing.T) {
	var g errgroup.Group
	release := make(chan struct{})
	g.Go(func() error { <-release; return errOne })
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := g.Wait(); err != errOne {
				t.Errorf("Wait = %v, want %v", err, errOne)
			}
		})
	}
	close(release)
	wg.Wait()
}

func TestNilFunction(t *testing.T) {
	for name, add := range adders {
		var g errgroup.Group
		if recovered(func() { add(&g, nil) }) == nil {
			t.Errorf("%s(nil) doesn't panic", name)
		}
		if err := g.Wait(); err != nil {
			t.Errorf("Wait after %s(nil) = %v, want nil", name, err)
		}
	}
}

// recovered runs f and returns what it panicked with, nil if it didn't.
func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestGoexit(t *testing.T) {
	for _, limit := range []int{-1, 1} {
		g, ctx := errgroup.WithContext(t.Context())
		g.SetLimit(limit)
		for range 3 { // the limit passes on from one to the next
			g.Go(func() error { runtime.Goexit(); return errOne })
		}
		if err := g.Wait(); err != nil || context.Cause(ctx) != context.Canceled {
			t.Errorf("limit %d: Wait = %v with cause %v, want nil and %v", limit, err, context.Cause(ctx), context.Canceled)
		}
		g.Go(func() error { return errTwo })
		if err := g.Wait(); err != errTwo {
			t.Errorf("limit %d: Wait of a function after those = %v, want %v", limit, err, errTwo)
		}
	}
}

// TestFunctionsThatWaitForEachOther needs more functions running at a time than
// there are Ps: each waits for all on an ordinary channel.
func TestFunctionsThatWaitForEachOther(t *testing.T) {
	const functions = 20
	var g errgroup.Group
	var arrived atomic.Int32
	all := make(chan struct{})
	for range functions {
		g.Go(func() error {
			if arrived.Add(1) == functions {
				close(all)
			}
			<-all
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
}

func BenchmarkGo(b *testing.B) {
	var g errgroup.Group
	f := func() error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		g.Go(f)
	}
	g.Wait()
}

func BenchmarkGoLimit(b *testing.B) {
	var g errgroup.Group
	g.SetLimit(10)
	f := func() error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		g.Go(f)
	}
	g.Wait()
}
