package bench

import (
	"flag"
	"runtime"
	"testing"
	"time"

	"github.com/runq-go/runq/bench/internal/usage"
)

// tasks is how many tasks one round of a spawn benchmark has. A million is
// what the names of the benchmarks say; CI makes it less (run.sh -quick).
var tasks = flag.Int("tasks", 1_000_000, "tasks in one round of the spawn benchmarks")

// A meter turns what a benchmark's rounds used into figures for each task.
type meter struct {
	cpu time.Duration
	mem runtime.MemStats
}

// startMeter begins to count and starts the benchmark's timer anew. The rounds
// that warm pools and free lists up come before it.
func startMeter(b *testing.B) *meter {
	m := new(meter)
	runtime.ReadMemStats(&m.mem)
	b.ReportAllocs()
	b.ResetTimer()
	m.cpu = usage.CPU()
	return m
}

// stop reports wall time, CPU time, allocations and bytes for each of n tasks.
func (m *meter) stop(b *testing.B, n int) {
	cpu := usage.CPU() - m.cpu
	b.StopTimer()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	each := 1 / float64(n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())*each, "ns/task")
	b.ReportMetric(float64(cpu.Nanoseconds())*each, "cpu-ns/task")
	b.ReportMetric(float64(mem.Mallocs-m.mem.Mallocs)*each, "allocs/task")
	b.ReportMetric(float64(mem.TotalAlloc-m.mem.TotalAlloc)*each, "B/task")
}
