package runq

import (
	"sync/atomic"
	"testing"
)

// BenchmarkSpawn is a task that spawns a million empty ones and waits until all
// have run.
func BenchmarkSpawn(b *testing.B) {
	const tasks = 1_000_000
	s := openScheduler(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		s.Run(nil, func(tk *Task) error {
			var left atomic.Int64
			left.Store(tasks)
			child := func(*Task) { left.Add(-1) }
			for range tasks {
				tk.Go(child)
			}
			for left.Load() > 0 {
				tk.Yield()
			}
			return nil
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tasks, "ns/task")
}
