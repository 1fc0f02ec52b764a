package runq

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must come. It is no measure of
// anything: long enough for the race detector on a machine that others use too.
const patience = 20 * time.Second

// openScheduler returns a scheduler that the test's end closes, and with that waits
// for all of its tasks.
func openScheduler(t testing.TB, cfg Config) *Scheduler {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatalf("New(%+v): %v", cfg, err)
	}
	t.Cleanup(func() { closeInTime(t, s) })
	return s
}

// closeInTime closes s, and fails with the state of things when that doesn't end.
func closeInTime(t testing.TB, s *Scheduler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatalf("Close doesn't end: %v\n%v\n%s", err, s.SnapshotCheap(), allStacks())
	}
}

// awaitTrue returns when cond is true. It may be called by goroutines only.
func awaitTrue(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s\n%s", what, allStacks())
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// awaitClosed returns when c is closed or has something to receive.
func awaitClosed[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s\n%s", what, allStacks())
	}
	return v
}

// async calls f on a goroutine and returns a channel that gets its result.
func async[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

// wantPanic calls f and reports an error unless it panics with a text that has all
// the words in it. It may be called by tasks.
func wantPanic(t testing.TB, f func(), words ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		text := fmt.Sprint(recover())
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("the panic says %q; it should say %q", text, w)
			}
		}
	}()
	f()
	t.Errorf("there was no panic; it should say %q", words)
}

// runIn runs fn on s as Run does, and fails the test when it returns an error.
func runIn(t testing.TB, s *Scheduler, fn func(t *Task)) {
	t.Helper()
	err := s.Run(context.Background(), func(tk *Task) error { fn(tk); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// hog keeps the CPU until done is closed, and calls nothing of the scheduler.
func hog(done <-chan struct{}) {
	for !isClosed(done) {
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// panics collects what Config.OnPanic is called with.
type panics struct {
	mu  sync.Mutex
	all []*PanicError
}

func (p *panics) add(e *PanicError) {
	p.mu.Lock()
	p.all = append(p.all, e)
	p.mu.Unlock()
}

func (p *panics) get() []*PanicError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*PanicError(nil), p.all...)
}

func allStacks() string {
	buf := make([]byte, 256<<10)
	return string(buf[:runtime.Stack(buf, true)])
}
