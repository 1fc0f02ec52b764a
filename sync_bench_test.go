package runq

import (
	"runtime"
	"sync"
	"testing"
)

// eachOf runs n tasks on s, each of which calls op as often as its share of b.N, and
// waits for them.
func eachOf(b *testing.B, s *Scheduler, n int, op func(tk *Task)) {
	b.ReportAllocs()
	share := b.N/n + 1
	b.ResetTimer()
	err := s.Run(nil, func(tk *Task) error {
		g, _ := NewGroup(nil, s)
		for range n {
			g.Go(func(tk *Task) error {
				for range share {
					op(tk)
				}
				return nil
			})
		}
		return g.Wait(tk)
	})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
}

// eachGo is eachOf with goroutines.
func eachGo(b *testing.B, n int, op func()) {
	b.ReportAllocs()
	share := b.N/n + 1
	b.ResetTimer()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range share {
				op()
			}
		})
	}
	wg.Wait()
}

// work is a critical section, or what is done between two, of some nanoseconds.
func work(n int, sum *int) {
	for i := range n {
		*sum += i
	}
}

// BenchmarkMutex: one task, or some that compete; with nothing between their critical
// sections, or ten times as much as in them.
func BenchmarkMutex(b *testing.B) {
	for _, bb := range []struct {
		name          string
		tasks         int
		inside, apart int
	}{
		{"tasks=1", 1, 0, 0},
		{"tasks=16", 16, 0, 0},
		{"tasks=16/work", 16, 20, 200},
		{"tasks=16/hold", 16, 200, 20},
		{"tasks=1000", 1000, 0, 0},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.Run("impl=runq", func(b *testing.B) {
				s := openScheduler(b, Config{})
				var mu Mutex
				sum := 0
				eachOf(b, s, bb.tasks, func(tk *Task) {
					mu.Lock(tk)
					work(bb.inside, &sum)
					mu.Unlock(tk)
					own := 0
					work(bb.apart, &own)
				})
			})
			b.Run("impl=sync", func(b *testing.B) {
				var mu sync.Mutex
				sum := 0
				eachGo(b, bb.tasks, func() {
					mu.Lock()
					work(bb.inside, &sum)
					mu.Unlock()
					own := 0
					work(bb.apart, &own)
				})
			})
		})
	}
}

// BenchmarkRWMutex: one write for 16 reads.
func BenchmarkRWMutex(b *testing.B) {
	const tasks, reads = 16, 16
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{})
		var mu RWMutex
		sum := 0
		eachOf(b, s, tasks, func(tk *Task) {
			for range reads {
				mu.RLock(tk)
				_ = sum
				mu.RUnlock(tk)
			}
			mu.Lock(tk)
			sum++
			mu.Unlock(tk)
		})
	})
	b.Run("impl=sync", func(b *testing.B) {
		var mu sync.RWMutex
		sum := 0
		eachGo(b, tasks, func() {
			for range reads {
				mu.RLock()
				_ = sum
				mu.RUnlock()
			}
			mu.Lock()
			sum++
			mu.Unlock()
		})
	})
}

// BenchmarkCond is two tasks that take turns on one P.
func BenchmarkCond(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{Procs: 1})
		var mu Mutex
		c := NewCond(&mu)
		turn, n := 0, b.N
		take := func(tk *Task, me int) {
			for range n {
				mu.Lock(tk)
				for turn != me {
					c.Wait(tk)
				}
				turn = 1 - me
				c.Signal(tk)
				mu.Unlock(tk)
			}
		}
		b.ReportAllocs()
		s.Run(nil, func(tk *Task) error {
			tk.Go(func(tk *Task) { take(tk, 1) })
			take(tk, 0)
			return nil
		})
	})
	b.Run("impl=sync", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		turn, n := 0, b.N
		take := func(me int) {
			for range n {
				mu.Lock()
				for turn != me {
					c.Wait()
				}
				turn = 1 - me
				c.Signal()
				mu.Unlock()
			}
		}
		b.ReportAllocs()
		go take(1)
		take(0)
	})
}

// BenchmarkSemaphore: 16 tasks compete for two units.
func BenchmarkSemaphore(b *testing.B) {
	const tasks = 16
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{})
		sem := NewSemaphore(2)
		eachOf(b, s, tasks, func(tk *Task) {
			sem.Acquire(tk, 1)
			sem.Release(tk, 1)
		})
	})
	b.Run("impl=chan", func(b *testing.B) {
		sem := make(chan struct{}, 2)
		eachGo(b, tasks, func() {
			sem <- struct{}{}
			<-sem
		})
	})
}

// BenchmarkWaitGroup: 16 pieces of work, and their end.
func BenchmarkWaitGroup(b *testing.B) {
	const pieces = 16
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{})
		eachOf(b, s, 1, func(tk *Task) {
			var wg WaitGroup
			wg.Add(pieces)
			done := func(tk *Task) { wg.Done(tk) }
			for range pieces {
				tk.Go(done)
			}
			wg.Wait(tk)
		})
	})
	b.Run("impl=sync", func(b *testing.B) {
		eachGo(b, 1, func() {
			var wg sync.WaitGroup
			wg.Add(pieces)
			for range pieces {
				go wg.Done()
			}
			wg.Wait()
		})
	})
}
