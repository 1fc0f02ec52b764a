package bench

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/bench/internal/usage"
)

// BenchmarkTracing runs the rounds of BenchmarkSpawn1M/by=task by turns on a
// scheduler without and on one with Config.Trace, so that whatever else the
// machine does falls on both alike. overhead-% is what tracing adds to the
// wall time, the median of the pairs; cpu-overhead-% is the same for CPU time.
// Reading the rings is not part of it: in a program that is done aside, if at
// all. lost/task says how many events were given up because the ring was full.
func BenchmarkTracing(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		off := newScheduler(b, runq.Config{})
		on := newScheduler(b, runq.Config{Trace: true})
		timeRound(b, off)
		timeRound(b, on)
		on.ReadEvents()

		var wall, cpu []float64 // on / off, one for each pair
		var lost uint64
		for b.Loop() {
			offWall, offCPU := timeRound(b, off)
			onWall, onCPU := timeRound(b, on)
			wall = append(wall, float64(onWall)/float64(offWall))
			cpu = append(cpu, float64(onCPU)/float64(offCPU))
			b.StopTimer()
			_, l := on.ReadEvents()
			lost += l
			b.StartTimer()
		}
		b.ReportMetric(100*(median(wall)-1), "overhead-%")
		b.ReportMetric(100*(median(cpu)-1), "cpu-overhead-%")
		b.ReportMetric(float64(lost)/float64(len(wall)**tasks), "lost/task")
	})
}

// timeRound returns wall and CPU time of one round of spawning on s.
func timeRound(b *testing.B, s *runq.Scheduler) (wall, cpu time.Duration) {
	var done sync.WaitGroup
	done.Add(*tasks)
	cpu, start := usage.CPU(), time.Now()
	runqSpawner{s}.byTask(b, *tasks, &done)
	done.Wait()
	return time.Since(start), usage.CPU() - cpu
}

// median sorts v and returns its middle value.
func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
