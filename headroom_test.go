package runq

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq/internal/osthread"
)

// setMaxProcs sets GOMAXPROCS by hand until the test ends, to something that isn't Go's
// default.
func setMaxProcs(t *testing.T) int {
	t.Helper()
	n := defaultGOMAXPROCS() + 3
	old := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	return n
}

func wantMaxProcs(t *testing.T, want int, when string) {
	t.Helper()
	if n := runtime.GOMAXPROCS(0); n != want {
		t.Errorf("GOMAXPROCS is %d %s, want %d", n, when, want)
	}
}

// needThreads skips the test if this system has no threads for background work.
func needThreads(t *testing.T) {
	t.Helper()
	if _, err := osthread.Nice(); err != nil {
		t.Skip(err)
	}
}

// useBackground has the scheduler run a background task.
func useBackground(t *testing.T, s *Scheduler) {
	t.Helper()
	if err := runBackground(t, s.Background(), func(*Task) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestHeadroom: GOMAXPROCS is raised by Procs when the first background task comes, goes
// with SetProcs, and is set back by Close.
func TestHeadroom(t *testing.T) {
	needThreads(t)
	base := setMaxProcs(t)
	var log strings.Builder
	s := newBackground(t, Config{Procs: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	runIn(t, s, func(*Task) {})
	s.Interactive().Run(context.Background(), func(*Task) error { return nil }) //nolint:errcheck // there is none
	wantMaxProcs(t, base, "without background work")
	for range 3 {
		err := runBackground(t, s.Background(), func(*Task) error {
			wantMaxProcs(t, base+2, "in the background")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if b := s.Stats().Background; b.Headroom != 2 || b.Procs != 2 || b.Threads == 0 || b.Allowed != -1 || b.Weak != nil {
		t.Errorf("Stats: %+v", b)
	}
	for _, n := range []int{3, 1, 2} {
		if err := s.SetProcs(n); err != nil {
			t.Error(err)
		}
		wantMaxProcs(t, base+n, "after SetProcs")
		if b := s.Stats().Background; b.Headroom != n || b.Procs != n {
			t.Errorf("Stats after SetProcs(%d): %+v", n, b)
		}
	}
	closeInTime(t, s)
	wantMaxProcs(t, base, "after Close")
	if b := s.Stats().Background; b.Headroom != 0 || b.Threads != 0 {
		t.Errorf("Stats after Close: %+v", b)
	}
	if l := log.String(); strings.Count(l, "\n") != 5 || !strings.Contains(l, "raised by") || !strings.Contains(l, "GOMAXPROCS=") {
		t.Errorf("the log says %q", l)
	}
}

// TestHeadroomOff: nothing is changed if that is wanted.
func TestHeadroomOff(t *testing.T) {
	base := setMaxProcs(t)
	s := newBackground(t, Config{Procs: 2, NoHeadroom: true})
	useBackground(t, s)
	wantMaxProcs(t, base, "with NoHeadroom")
	if err := s.SetProcs(3); err != nil {
		t.Error(err)
	}
	closeInTime(t, s)
	wantMaxProcs(t, base, "after Close")
}

// TestHeadroomOfTwo: schedulers keep one account, in whatever order they come and go.
func TestHeadroomOfTwo(t *testing.T) {
	needThreads(t)
	base := setMaxProcs(t)
	for _, first := range []bool{true, false} {
		a, b := newBackground(t, Config{Procs: 2}), newBackground(t, Config{Procs: 3})
		useBackground(t, a)
		useBackground(t, b)
		wantMaxProcs(t, base+5, "with two")
		if !first {
			a, b = b, a
		}
		closeInTime(t, a)
		wantMaxProcs(t, base+b.Procs(), "with the other one")
		closeInTime(t, b)
		wantMaxProcs(t, base, "with none")
	}
}

// TestHeadroomSetByOthers: what somebody else sets GOMAXPROCS to stands, until a scheduler
// comes that hasn't raised it before; and that one takes back its own part only.
func TestHeadroomSetByOthers(t *testing.T) {
	needThreads(t)
	base := setMaxProcs(t)
	a, b, c := newBackground(t, Config{Procs: 2}), newBackground(t, Config{Procs: 3}), newBackground(t, Config{Procs: 1})
	useBackground(t, a)
	useBackground(t, b)
	runtime.GOMAXPROCS(base + 1)
	useBackground(t, a)
	wantMaxProcs(t, base+1, "set by somebody else")
	for _, n := range []int{4, 1} {
		if err := a.SetProcs(n); err != nil {
			t.Error(err)
		}
		wantMaxProcs(t, base+1, "after SetProcs")
	}
	useBackground(t, c)
	wantMaxProcs(t, base+2, "with a new scheduler")
	closeInTime(t, a)
	wantMaxProcs(t, base+2, "after the first has closed")
	closeInTime(t, c)
	wantMaxProcs(t, base+1, "after the new one has closed")
	closeInTime(t, b)
	wantMaxProcs(t, base+1, "after all have closed")
	d := newBackground(t, Config{Procs: 2})
	useBackground(t, d)
	wantMaxProcs(t, base+3, "with another")
	runtime.GOMAXPROCS(base)
	closeInTime(t, d)
	wantMaxProcs(t, base, "after it has closed")
}

// TestHeadroomFollows: while GOMAXPROCS is raised from Go's default, Go doesn't follow the
// limit any more, and runq does; not if it was set by hand.
func TestHeadroomFollows(t *testing.T) {
	needThreads(t)
	if os.Getenv("GOMAXPROCS") != "" {
		t.Skip("GOMAXPROCS is set in the environment")
	}
	old := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	for _, auto := range []bool{true, false} {
		def := defaultGOMAXPROCS()
		if auto {
			runtime.SetDefaultGOMAXPROCS()
		} else {
			runtime.GOMAXPROCS(def + 3)
		}
		base := runtime.GOMAXPROCS(0)
		followLimit() // nothing is raised: it is Go's business
		wantMaxProcs(t, base, "at first")
		s := newBackground(t, Config{Procs: 2})
		useBackground(t, s)
		headroom.mu.Lock()
		was := headroom.base
		headroom.base-- // as if the limit had been lower
		headroom.mu.Unlock()
		followLimit()
		headroom.mu.Lock()
		now := headroom.base
		headroom.base = was
		headroom.mu.Unlock()
		if followed := now == was; followed != auto {
			t.Errorf("GOMAXPROCS was Go's own: %v; it follows the limit: %v", auto, followed)
		}
		wantMaxProcs(t, base+2, "when the limit has been looked at")
		closeInTime(t, s)
		wantMaxProcs(t, base, "after Close")
	}
}

// TestHeadroomEnvironment: a GOMAXPROCS in the environment is a choice of somebody's, even
// if it is what Go's would be.
func TestHeadroomEnvironment(t *testing.T) {
	needThreads(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHeadroom$", "-test.count=1")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Setenv("GOMAXPROCS", "any")
	old := runtime.GOMAXPROCS(defaultGOMAXPROCS())
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	s := newBackground(t, Config{Procs: 2})
	useBackground(t, s)
	headroom.mu.Lock()
	auto := headroom.auto
	headroom.mu.Unlock()
	if auto {
		t.Error("GOMAXPROCS from the environment is taken for Go's default")
	}
}

// TestHeadroomAtOnce: schedulers that come and go at the same time leave nothing behind.
func TestHeadroomAtOnce(t *testing.T) {
	base := setMaxProcs(t)
	var wrong atomic.Int32
	done := make(chan error)
	const n = 4
	for i := range n {
		go func() {
			var err error
			for range 5 {
				s, _ := New(Config{Procs: 1 + i, Logger: slog.New(slog.DiscardHandler)})
				err = s.Background().Run(context.Background(), func(tk *Task) error {
					if h := s.Stats().Background; h.Headroom != h.Procs {
						wrong.Add(1)
					}
					return nil
				})
				if err == nil {
					err = s.SetProcs(2)
				}
				s.Close()
			}
			done <- err
		}()
	}
	for range n {
		if err := awaitClosed(t, "one is done", done); err != nil {
			t.Error(err)
		}
	}
	wantMaxProcs(t, base, "after all have closed")
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d schedulers ran background work without headroom", n)
	}
}
