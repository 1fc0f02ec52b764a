package runq

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wantPanicError checks that err is a *PanicError with the value, and a stack that
// has the function in it.
func wantPanicError(t testing.TB, err error, value any, function string) *PanicError {
	t.Helper()
	var p *PanicError
	if !errors.As(err, &p) {
		t.Fatalf("the error is %v, want a *PanicError", err)
	}
	if p.Value != value {
		t.Errorf("the panic's value is %v, want %v", p.Value, value)
	}
	if !strings.Contains(string(p.Stack), function) {
		t.Errorf("%s isn't in the stack:\n%s", function, p.Stack)
	}
	if p.Task == 0 {
		t.Error("the panic has no task")
	}
	return p
}

//go:noinline
func panicsDeepInside(v any) { panic(v) }

func TestPanicOfDetachedTask(t *testing.T) {
	var seen panics
	s := openScheduler(t, Config{Procs: 2, OnPanic: seen.add})
	s.Go(func(tk *Task) {
		tk.SetLabel("unlucky")
		tk.Go(func(*Task) { panicsDeepInside("child") })
	})
	s.Go(func(tk *Task) {
		tk.SetLabel("waits first")
		tk.Sleep(time.Microsecond)
		panicsDeepInside("later")
	})
	closeInTime(t, s)
	all := seen.get()
	if len(all) != 2 {
		t.Fatalf("OnPanic was called %d times, want 2", len(all))
	}
	for _, p := range all {
		label := ""
		if p.Value == "later" {
			label = "waits first"
		} else if p.Value != "child" {
			t.Errorf("a panic with the value %v", p.Value)
		}
		wantPanicError(t, p, p.Value, "panicsDeepInside")
		if p.Label != label {
			t.Errorf("the label is %q, want %q", p.Label, label)
		}
	}
	if st := s.Stats(); st.Finished != 3 || st.Live != 0 {
		t.Errorf("finished %d, live %d; want 3, 0", st.Finished, st.Live)
	}
}

func TestPanicOfRun(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(context.Background(), func(tk *Task) error {
		tk.SetLabel("it")
		tk.Yield()
		panicsDeepInside(42)
		return nil
	})
	p := wantPanicError(t, err, 42, "panicsDeepInside")
	for _, w := range []string{`"it"`, "panicked: 42", "panicsDeepInside"} {
		if !strings.Contains(p.Error(), w) {
			t.Errorf("the error doesn't say %q:\n%v", w, p)
		}
	}
	if p.Label != "it" || p.Unwrap() != nil {
		t.Errorf("the label is %q, the wrapped error %v", p.Label, p.Unwrap())
	}
}

func TestPanicWithAnError(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(context.Background(), func(tk *Task) error { panic(io.ErrUnexpectedEOF) })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v; it should wrap what panic was called with", err)
	}
}

func TestPanicWithNil(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(context.Background(), func(tk *Task) error { panic(nil) })
	var nilPanic *runtime.PanicNilError
	if !errors.As(err, &nilPanic) {
		t.Errorf("the error is %v, want a *runtime.PanicNilError inside", err)
	}
}

// What a task recovers from itself is nobody's business.
func TestPanicRecovered(t *testing.T) {
	var seen panics
	s := openScheduler(t, Config{Procs: 1, OnPanic: seen.add})
	runIn(t, s, func(tk *Task) {
		for range 3 {
			func() {
				defer func() { recover() }()
				defer tk.Yield()
				panic("caught")
			}()
		}
	})
	s.Go(func(*Task) { defer func() { recover() }(); panic("caught too") })
	closeInTime(t, s)
	if all := seen.get(); len(all) != 0 {
		t.Errorf("OnPanic was called: %v", all)
	}
}

func TestPanicInBlock(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	err := s.Run(context.Background(), func(tk *Task) error {
		tk.Block(func() { panicsDeepInside("blocked") })
		return nil
	})
	wantPanicError(t, err, "blocked", "panicsDeepInside")
	runIn(t, s, func(tk *Task) {
		func() {
			defer func() { recover() }()
			tk.Block(func() { panic("caught") })
		}()
		tk.Yield()
	})
}

func TestManyPanicsAndGoexits(t *testing.T) {
	const n = 500 // many times as many carriers as a P keeps
	var seen panics
	s := openScheduler(t, Config{Procs: 2, OnPanic: seen.add})
	for i := range n {
		s.Go(func(tk *Task) {
			if i%2 == 0 {
				tk.Yield()
			}
			tk.Go(func(*Task) { runtime.Goexit() })
			panic(i)
		})
	}
	closeInTime(t, s)
	if got := len(seen.get()); got != n {
		t.Errorf("OnPanic was called %d times, want %d", got, n)
	}
	if st := s.Stats(); st.Finished != 2*n {
		t.Errorf("%d tasks ended, want %d", st.Finished, 2*n)
	}
}

func TestGoexit(t *testing.T) {
	var seen panics
	s := openScheduler(t, Config{Procs: 1, OnPanic: seen.add})
	if err := s.Run(context.Background(), func(tk *Task) error { runtime.Goexit(); return nil }); err != ErrGoexit {
		t.Errorf("Run returns %v, want ErrGoexit", err)
	}
	err := s.Run(context.Background(), func(tk *Task) error {
		tk.Sleep(time.Microsecond)
		tk.Block(runtime.Goexit)
		return nil
	})
	if err != ErrGoexit {
		t.Errorf("Run returns %v after Goexit in Block, want ErrGoexit", err)
	}
	g, ctx := NewGroup(nil, s)
	g.Go(func(*Task) error { runtime.Goexit(); return nil })
	if err := g.Wait(nil); err != ErrGoexit || context.Cause(ctx) != ErrGoexit {
		t.Errorf("Wait returns %v, the cause is %v; want ErrGoexit", err, context.Cause(ctx))
	}
	s.Go(func(*Task) { runtime.Goexit() })
	s.Go(func(tk *Task) { tk.LockThread(); tk.Yield(); runtime.Goexit() })
	closeInTime(t, s)
	if all := seen.get(); len(all) != 0 {
		t.Errorf("OnPanic was called for a Goexit: %v", all)
	}
}

// Goexit and panic in each other's deferred calls: the later one counts, but a
// Goexit goes on after a recovered panic, as on any goroutine.
func TestPanicAndGoexitTogether(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	tests := []struct {
		name    string
		fn      func(*Task) error
		panics  bool
		goexits bool
	}{
		{"goexit in a panic's deferred call", func(*Task) error {
			defer runtime.Goexit()
			panic("x")
		}, false, true},
		{"panic in a goexit's deferred call", func(*Task) error {
			defer func() { panicsDeepInside("x") }()
			runtime.Goexit()
			return nil
		}, true, false},
		{"panic in a goexit's deferred call, recovered", func(*Task) error {
			defer func() { recover() }()
			defer func() { panic("x") }()
			runtime.Goexit()
			return nil
		}, false, true},
		{"panic in a panic's deferred call", func(*Task) error {
			defer func() { panicsDeepInside("x") }()
			panic("y")
		}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 100 {
				err := s.Run(context.Background(), tt.fn)
				if tt.panics {
					wantPanicError(t, err, "x", "panicsDeepInside")
				}
				if tt.goexits && err != ErrGoexit {
					t.Errorf("the error is %v, want ErrGoexit", err)
				}
			}
			runIn(t, s, func(tk *Task) { tk.Yield(); tk.Sleep(time.Microsecond) })
		})
	}
}

func TestPanicOfLockedTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	for range 20 {
		err := s.Run(context.Background(), func(tk *Task) error {
			tk.LockThread()
			tk.LockThread()
			tk.Yield()
			panicsDeepInside("locked")
			return nil
		})
		wantPanicError(t, err, "locked", "panicsDeepInside")
		runIn(t, s, func(tk *Task) { tk.Sleep(time.Microsecond) })
	}
}

// OnPanic runs on the task's goroutine and may use the scheduler.
func TestOnPanicMaySpawn(t *testing.T) {
	var s *Scheduler
	ran := make(chan struct{})
	s = openScheduler(t, Config{Procs: 1, OnPanic: func(*PanicError) {
		s.Go(func(*Task) { close(ran) })
	}})
	s.Go(func(*Task) { panic("x") })
	awaitClosed(t, "the task that OnPanic spawned", ran)
}

// The following run in a process of their own, since they end it.

func childCrash() {
	s, _ := New(Config{Procs: 1})
	s.Go(func(tk *Task) {
		tk.SetLabel("doomed")
		tk.Yield()
		panicsDeepInside("the end")
	})
	s.Close()
}

func childCrashOfGrandchild() {
	s, _ := New(Config{Procs: 2})
	g, _ := NewGroup(nil, s)
	g.Go(func(tk *Task) error {
		tk.Go(func(*Task) { panicsDeepInside("the end") })
		return nil
	})
	g.Wait(nil)
	s.Close()
}

func childCrashInHook() {
	s, _ := New(Config{Procs: 1, OnPanic: func(*PanicError) { panicsDeepInside("the end") }})
	s.Go(func(*Task) { panic("the beginning") })
	s.Run(context.Background(), func(tk *Task) error { return nil })
	s.Close()
}

// A panic that nobody takes ends the process as Go does: exit status 2, and the
// stack of where it happened.
func TestCrash(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Skip("the test's own program can't be found: ", err)
	}
	for child, says := range map[string][]string{
		"crash":          {"panic: ", "doomed", "the end", "panicsDeepInside"},
		"crash-in-group": {"panic: ", "the end", "panicsDeepInside"},
		"crash-in-hook":  {"panic: ", "the beginning", "the end", "childCrashInHook"},
	} {
		t.Run(child, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, self)
			cmd.Env = append(os.Environ(), childVariable+"="+child)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("the process ended with %v, want exit status 2", err)
			}
			for _, w := range says {
				if !strings.Contains(string(out), w) {
					t.Errorf("the output doesn't say %q:\n%s", w, out)
				}
			}
		})
	}
}
