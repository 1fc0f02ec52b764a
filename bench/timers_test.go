package bench

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

// BenchmarkTimers1M sets a million timers, none of which runs off, and stops them all.
// Their deadlines are in no order, as those of connections are that have been used in
// no order.
func BenchmarkTimers1M(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s, fn := newScheduler(b, runq.Config{}), func(*runq.Task) {}
		check(b, s.Run(context.Background(), func(t *runq.Task) error {
			setAndStop(b, func(d time.Duration) *runq.Timer { return t.AfterFunc(d, fn) })
			return nil
		}))
	})
	b.Run("impl=runq-outside", func(b *testing.B) {
		s, fn := newScheduler(b, runq.Config{}), func(*runq.Task) {}
		setAndStop(b, func(d time.Duration) *runq.Timer { return s.AfterFunc(d, fn) })
	})
	b.Run("impl=go", func(b *testing.B) {
		fn := func() {}
		setAndStop(b, func(d time.Duration) *time.Timer { return time.AfterFunc(d, fn) })
	})
}

// setAndStop sets and stops as many timers as there are to be tasks, in each round.
func setAndStop[T interface{ Stop() bool }](b *testing.B, set func(time.Duration) T) {
	all := make([]T, 0, *tasks)
	benchRounds(b, func() {
		for i := range *tasks {
			all = append(all, set(time.Hour+time.Duration(i*7919%*tasks)*time.Microsecond))
		}
		for _, tm := range all {
			tm.Stop()
		}
		clear(all)
		all = all[:0]
	})
}

// BenchmarkTimerLate is how late a sleep of a millisecond ends, while every P has a
// task that computes and comes to checkpoints. Its figure is late-p99-ns: what 99 of 100
// sleeps were late by at most. The twin: goroutines that compute on every P of Go's.
func BenchmarkTimerLate(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := newScheduler(b, runq.Config{})
		var stop atomic.Bool
		hogs, _ := runq.NewGroup(context.Background(), s)
		for range s.Procs() {
			hogs.Go(func(t *runq.Task) error {
				for x := uint32(1); !stop.Load(); t.Checkpoint() {
					work(&x)
				}
				return nil
			})
		}
		check(b, s.Run(context.Background(), func(t *runq.Task) error {
			sleeps(b, func(d time.Duration) { t.Sleep(d) })
			return nil
		}))
		stop.Store(true)
		check(b, hogs.Wait(nil))
	})
	b.Run("impl=go", func(b *testing.B) {
		var stop atomic.Bool
		for range runtime.GOMAXPROCS(0) {
			go func() {
				for x := uint32(1); !stop.Load(); {
					work(&x)
				}
			}()
		}
		sleeps(b, time.Sleep)
		stop.Store(true)
	})
}

// work takes about a microsecond.
func work(x *uint32) {
	for range 500 {
		*x ^= *x << 13
		*x ^= *x >> 17
		*x ^= *x << 5
	}
}

// sleeps sleeps b.N times and reports how late that ended.
func sleeps(b *testing.B, sleep func(time.Duration)) {
	late := make([]time.Duration, 0, b.N)
	for range b.N {
		due := time.Now().Add(time.Millisecond)
		sleep(time.Millisecond)
		late = append(late, time.Since(due))
	}
	b.StopTimer()
	slices.Sort(late)
	b.ReportMetric(float64(late[(len(late)*99+99)/100-1]), "late-p99-ns")
}
