package errgroup_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/runq-go/runq/errgroup"
)

// crashEnv names the scenario that the test binary, started again as a child
// process, is to die of.
const crashEnv = "RUNQ_ERRGROUP_TEST_CRASH"

var errPanic = errors.New("an error as a panic's value")

// crashes are the scenarios; none of them returns.
var crashes = map[string]struct {
	run  func()
	want string // in the output
}{
	"string":  {func() { waitFor(panicsWith("boom")) }, "panicked: boom"},
	"error":   {func() { waitFor(panicsWith(errPanic)) }, "panicked: " + errPanic.Error()},
	"nil":     {func() { waitFor(panicsWith(nil)) }, "panic called with nil argument"},
	"runtime": {func() { waitFor(func() error { return []error{}[len(os.Args)] }) }, "index out of range"},
	"nested": {func() {
		waitFor(func() error { waitFor(panicsWith("from below")); return nil })
	}, "panicked: from below"},
	// Nobody waits, and a sibling never ends: the process must end all the same.
	"unwaited": {func() {
		var g errgroup.Group
		g.Go(func() error { select {} })
		g.Go(panicsWith("unseen"))
		select {}
	}, "panicked: unseen"},
}

// waitFor runs f in a group and waits, and hides what Wait returns or panics with.
func waitFor(f func() error) {
	defer func() { _ = recover() }()
	g, _ := errgroup.WithContext(context.Background())
	g.Go(f)
	_ = g.Wait()
}

func panicsWith(v any) func() error {
	return func() error { panickingFunction(v); return nil }
}

//go:noinline
func panickingFunction(v any) { panic(v) }

func TestPanicEndsTheProcess(t *testing.T) {
	for name, c := range crashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), crashEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Fatalf("the process ended with %v, want exit status 2; output:\n%s", err, out)
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("the output lacks %q:\n%s", c.want, out)
			}
			if name != "runtime" && !strings.Contains(string(out), "panickingFunction(") {
				t.Errorf("the output lacks the stack of the panic:\n%s", out)
			}
		})
	}
}

// TestRecoveredPanic: what a function recovers itself is nobody else's business.
func TestRecoveredPanic(t *testing.T) {
	var g errgroup.Group
	g.Go(func() (err error) {
		defer func() {
			if recover() != nil {
				err = errOne
			}
		}()
		panickingFunction("mine")
		return nil
	})
	if err := g.Wait(); err != errOne {
		t.Errorf("Wait = %v, want %v", err, errOne)
	}
}
