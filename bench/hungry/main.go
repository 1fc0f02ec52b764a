// Command hungry measures how soon a P that has run out of work gets a fork of a task that
// is busy forking: one task computes Fibonacci numbers on one P, another one keeps the
// second P for a while and then ends; the time from that end to the beginning of the first
// fork on that P is what is shown.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
)

// target is the bound for 99 of 100.
const target = 200 * time.Microsecond

func main() {
	n := flag.Int("n", 1000, "how often it is measured")
	flag.Parse()
	if *n < 1 {
		fmt.Fprintln(os.Stderr, "hungry: -n must be positive")
		os.Exit(2)
	}
	times, err := measure(*n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hungry:", err)
		os.Exit(1)
	}
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[min(int(q*float64(len(times))), len(times)-1)] }
	met := "no"
	if at(0.99) <= target {
		met = "yes"
	}
	fmt.Printf("a hungry P gets its first fork after: p50 %v, p90 %v, p95 %v, p99 %v, max %v (%d times); p99 ≤ %v: %s\n",
		at(0.5), at(0.9), at(0.95), at(0.99), at(1), len(times), target, met)
	fmt.Printf("two threads that only look at the clock stand still for more than %v during %.2f %% of the time\n", target, 100*stillness())
}

// stillness is what the machine has to do with it: for what part of a second threads that want
// to run don't for longer than the target, while both processors are wanted. A P that is hungry
// meanwhile waits for that long.
func stillness() float64 {
	var still [2]time.Duration
	var threads sync.WaitGroup
	for i := range still {
		threads.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			last := time.Now()
			for end := last.Add(time.Second); last.Before(end); {
				now := time.Now()
				if d := now.Sub(last); d > target {
					still[i] += d
				}
				last = now
			}
		})
	}
	threads.Wait()
	return (still[0] + still[1]).Seconds() / float64(len(still))
}

// bench is one measurement after the other. The two tasks share it.
type bench struct {
	root   uint64       // the id of the task that forks
	hungry atomic.Int64 // when the other P ran out of work, in ns since began; 0: not now
	got    atomic.Int64 // when a fork began on it
	stop   atomic.Bool
	began  time.Time
	fork   func(t *runq.Task, n int) int // fib, as one value: a method value is a new one each time
}

func (b *bench) now() int64 { return int64(time.Since(b.began)) }

// fib is the victim. Forks that others run are tasks of their own.
func (b *bench) fib(t *runq.Task, n int) int {
	if t.ID() != b.root && b.hungry.Load() != 0 && b.got.Load() == 0 {
		b.got.Store(b.now())
	}
	if n < 2 || b.stop.Load() {
		return n
	}
	x := runq.Fork(t, b.fork, n-1)
	y := b.fib(t, n-2)
	return x.Join(t) + y
}

// measure returns the times.
func measure(n int) (times []time.Duration, err error) {
	s, err := runq.New(runq.Config{Procs: 2})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b := &bench{began: time.Now()}
	b.fork = b.fib
	victim := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		victim <- s.Run(context.Background(), func(t *runq.Task) error {
			b.root = t.ID()
			close(ready)
			for !b.stop.Load() {
				b.fib(t, 30)
			}
			return nil
		})
	}()
	<-ready
	for range n {
		err := s.Run(context.Background(), func(t *runq.Task) error {
			for end := time.Now().Add(500 * time.Microsecond); time.Now().Before(end); {
				t.Checkpoint()
			}
			b.got.Store(0)
			b.hungry.Store(b.now())
			return nil
		})
		if err != nil {
			return nil, err
		}
		for b.got.Load() == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		times = append(times, time.Duration(b.got.Load()-b.hungry.Load()))
		b.hungry.Store(0)
	}
	b.stop.Store(true)
	return times, <-victim
}
