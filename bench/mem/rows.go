package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
)

// poll is how often a row looks whether all wait: rarely enough to leave the
// CPU to those that are still on their way.
const poll = 5 * time.Millisecond

// queuedRunq submits n tasks while a task keeps the only P, so that none of them
// starts. They come from outside: a task that spawns lets its children run.
func queuedRunq(n int, full func()) error {
	// Else the task would be asked for its P at the end of a slice, and lose it.
	s, err := runq.New(runq.Config{Procs: 1, MaxOverruns: -1, Slice: time.Hour})
	if err != nil {
		return err
	}
	var started atomic.Int64
	var held, release atomic.Bool
	body := func(*runq.Task) { started.Add(1) }
	s.Go(func(*runq.Task) {
		held.Store(true)
		for !release.Load() { // computes: who waits in ordinary Go loses its P
		}
	})
	for !held.Load() {
		time.Sleep(poll)
	}
	for range n {
		s.Go(body)
	}
	early := started.Load()
	full()
	release.Store(true)
	return closeAfter(s, n, &started, early, nil)
}

// closeAfter closes s and checks that all n tasks ran, none of them early.
func closeAfter(s *runq.Scheduler, n int, started *atomic.Int64, early int64, err error) error {
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if early != 0 {
		return fmt.Errorf("%d tasks started while the only P was taken: the row doesn't measure queued tasks", early)
	}
	if got := started.Load(); got != int64(n) {
		return fmt.Errorf("%d tasks of %d ran", got, n)
	}
	return nil
}

// queuedGo spawns n goroutines that can't end. Go's scheduler takes the only P
// from the spawner after a slice, whatever it does; a goroutine that then runs
// stops at once in a select without cases, which takes no memory. So at the end
// each of the n has what a queued goroutine has, its descriptor and a stack,
// and nothing else. They stay until the process ends.
func queuedGo(n int, full func()) error {
	body := func() { select {} }
	before := runtime.NumGoroutine()
	for range n {
		go body()
	}
	if got := runtime.NumGoroutine() - before; got < n {
		return fmt.Errorf("%d goroutines of %d are there", got, n)
	}
	full()
	return nil
}

// parkedRunq parks n tasks in the Wait of a group whose one task doesn't end.
func parkedRunq(n int, full func()) error {
	s, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		return err
	}
	gate, _ := runq.NewGroup(context.Background(), s)
	release := make(chan struct{})
	gate.Go(func(t *runq.Task) error {
		t.Block(func() { <-release })
		return nil
	})
	var left atomic.Int64
	left.Store(int64(n))
	body := func(t *runq.Task) {
		if gate.Wait(t) == nil {
			left.Add(-1)
		}
	}
	before := s.Stats().Parks
	for range n {
		s.Go(body)
	}
	for s.Stats().Parks-before < uint64(n) {
		time.Sleep(poll)
	}
	full()
	close(release)
	if err := s.Close(); err != nil {
		return err
	}
	if l := left.Load(); l != 0 {
		return fmt.Errorf("%d tasks of %d didn't come back from their wait", l, n)
	}
	return nil
}

// parkedGo parks n goroutines on one channel.
func parkedGo(n int, full func()) error {
	release := make(chan struct{})
	var done sync.WaitGroup
	done.Add(n)
	body := func() {
		<-release
		done.Done()
	}
	before := waiting()
	for range n {
		go body()
	}
	for waiting()-before < uint64(n) {
		time.Sleep(poll)
	}
	full()
	close(release)
	done.Wait()
	return nil
}

// waiting returns how many goroutines wait for something.
func waiting() uint64 {
	s := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
