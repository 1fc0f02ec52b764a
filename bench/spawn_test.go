package bench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/alitto/pond/v2"
	"github.com/runq-go/runq"
	"github.com/sourcegraph/conc"
)

// BenchmarkSpawn1M spawns a million tasks that do nothing but report that they
// are done, to the same sync.WaitGroup in every row.
func BenchmarkSpawn1M(b *testing.B) {
	for _, by := range []string{"task", "goroutine"} {
		b.Run("by="+by, func(b *testing.B) {
			for _, sp := range spawners {
				b.Run("impl="+sp.name, func(b *testing.B) {
					s := sp.open(b)
					defer s.close()
					var done sync.WaitGroup
					benchRounds(b, func() {
						done.Add(*tasks)
						if by == "task" {
							s.byTask(b, *tasks, &done)
						} else {
							s.byGoroutine(b, *tasks, &done)
						}
						done.Wait()
					})
				})
			}
		})
	}
}

// BenchmarkSpawnEmpty1M is BenchmarkSpawn1M/by=task for a body that is really
// empty: the scheduler's own counters say when all tasks are done. No peer has
// such counters, so it shows what of a spawn is runq and what is the WaitGroup.
func BenchmarkSpawnEmpty1M(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := newScheduler(b, runq.Config{})
		benchRounds(b, func() {
			check(b, s.Run(context.Background(), func(t *runq.Task) error {
				for range *tasks {
					t.Go(func(*runq.Task) {})
				}
				return nil
			}))
			waitIdle(s)
		})
	})
}

// waitIdle waits until no task is live.
func waitIdle(s *runq.Scheduler) {
	// Far less than a round of the benchmarks takes, and long enough to use
	// no CPU worth counting.
	const interval = 50 * time.Microsecond
	for s.Stats().Live != 0 {
		time.Sleep(interval)
	}
}

// BenchmarkSpawnGroup1M spawns a million empty tasks and waits for them in the
// way of each library: a group, or what it has instead.
func BenchmarkSpawnGroup1M(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := newScheduler(b, runq.Config{})
		benchRounds(b, func() {
			check(b, s.Run(context.Background(), func(t *runq.Task) error {
				g, _ := runq.NewGroup(t.Context(), s)
				for range *tasks {
					g.Go(func(*runq.Task) error { return nil })
				}
				return g.Wait(t)
			}))
		})
	})
	b.Run("impl=go", func(b *testing.B) {
		benchRounds(b, func() {
			var wg sync.WaitGroup
			for range *tasks {
				wg.Go(func() {})
			}
			wg.Wait()
		})
	})
	b.Run("impl=pond", func(b *testing.B) {
		p := pond.NewPool(runtime.GOMAXPROCS(0))
		defer p.StopAndWait()
		benchRounds(b, func() {
			g := p.NewGroup()
			for range *tasks {
				g.Submit(func() {})
			}
			if err := g.Wait(); err != nil && !errors.Is(err, pond.ErrGroupStopped) {
				b.Fatal(err)
			}
		})
	})
	b.Run("impl=conc", func(b *testing.B) {
		benchRounds(b, func() {
			var wg conc.WaitGroup
			for range *tasks {
				wg.Go(func() {})
			}
			wg.Wait()
		})
	})
}

// benchRounds measures round, which does *tasks tasks. It does one round
// before, so that pools and free lists are full as in a program's steady state.
func benchRounds(b *testing.B, round func()) {
	round()
	m := startMeter(b)
	n := 0
	for b.Loop() {
		round()
		n += *tasks
	}
	m.stop(b, n)
}
