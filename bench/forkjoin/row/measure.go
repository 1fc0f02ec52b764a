package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/runq-go/runq/bench/internal/usage"
)

// enough is how long the clock runs: operations are repeated for at least this
// time, so that the shortest, of a microsecond, isn't lost in the clock's own
// cost and in the first wake-up of a worker.
const enough = 200 * time.Millisecond

// A figures is what one operation took.
type figures struct {
	wall, cpu time.Duration
	allocs    uint64
	rssKB     int64
	check     uint64
}

func (f figures) String() string {
	return fmt.Sprint(f.wall.Nanoseconds(), " ", f.cpu.Nanoseconds(), " ", f.allocs, " ", f.rssKB, " ", f.check)
}

// measure repeats j until it has taken enough, or in a quick run once, and returns
// the means.
func measure(j job, quick bool) (figures, error) {
	var sum figures
	ops := 0
	runtime.GC() // what was made to prepare isn't collected on the clock
	for batch := 1; ops == 0 || sum.wall < enough && !quick; batch *= 2 {
		if j.reset != nil {
			batch = 1
			j.reset()
		}
		allocs, cpu, start := mallocs(), usage.CPU(), time.Now()
		returned := j.op()
		for range batch - 1 {
			j.op()
		}
		sum.wall += time.Since(start)
		sum.cpu += usage.CPU() - cpu
		sum.allocs += mallocs() - allocs
		check := j.answer(returned)
		if ops > 0 && check != sum.check {
			return figures{}, fmt.Errorf("one operation answers %d, another %d", sum.check, check)
		}
		sum.check = check
		ops += batch
	}
	sum.wall /= time.Duration(ops)
	sum.cpu /= time.Duration(ops)
	sum.allocs /= uint64(ops)
	var err error
	sum.rssKB, err = peakRSS()
	return sum, err
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// peakRSS reads the process's largest resident set. What getrusage returns may be
// that of the process that started this one.
func peakRSS() (kb int64, err error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no VmHWM line")
}
