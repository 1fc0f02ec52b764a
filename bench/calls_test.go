package bench

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/runq-go/runq"
)

// These three are about nanoseconds, so they count to b.N in a plain loop.

// nothing returns at once. Inlined, it wouldn't even be a call.
//
//go:noinline
func nothing() {}

// BenchmarkBlock is a blocking call that returns at once: what a task pays to
// mark a call that might block. The twin is the same call without the mark.
func BenchmarkBlock(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		inTask(b, func(t *runq.Task) {
			for range b.N {
				t.Block(nothing)
			}
		})
	})
	b.Run("impl=unmarked", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			nothing()
		}
	})
}

// BenchmarkCheckpoint is a checkpoint of a task that nobody wants to yield.
func BenchmarkCheckpoint(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		inTask(b, func(t *runq.Task) {
			for range b.N {
				t.Checkpoint()
			}
		})
	})
}

// inTask runs fn in a task of a scheduler of its own and measures only fn.
func inTask(b *testing.B, fn func(t *runq.Task)) {
	s := newScheduler(b, runq.Config{})
	b.ReportAllocs()
	check(b, s.Run(context.Background(), func(t *runq.Task) error {
		b.ResetTimer()
		fn(t)
		b.StopTimer()
		return nil
	}))
}

// BenchmarkYield is two tasks on one P that yield to each other, b.N yields in
// all, and its twin: two goroutines on one P of Go's. GOMAXPROCS is 1 in both.
func BenchmarkYield(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		onOneP(b)
		s := newScheduler(b, runq.Config{Procs: 1})
		half := func(t *runq.Task) error {
			for range b.N / 2 {
				t.Yield()
			}
			return nil
		}
		b.ReportAllocs()
		b.ResetTimer()
		check(b, s.Run(context.Background(), func(t *runq.Task) error {
			g, _ := runq.NewGroup(t.Context(), s)
			g.Go(half)
			g.Go(half)
			return g.Wait(t)
		}))
		b.StopTimer()
	})
	b.Run("impl=go", func(b *testing.B) {
		onOneP(b)
		half := func() {
			for range b.N / 2 {
				runtime.Gosched()
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		var wg sync.WaitGroup
		wg.Go(half)
		wg.Go(half)
		wg.Wait()
		b.StopTimer()
	})
}

// onOneP sets GOMAXPROCS to 1 until the benchmark ends.
func onOneP(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}
