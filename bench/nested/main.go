// Command nested asks every implementation the same question: may a task wait
// for tasks that it has submitted to its own pool? Each pool has two workers.
// Each answer comes from a process of its own, because a pool that deadlocks
// can't be cleaned up.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	// workers is the smallest pool with any parallelism.
	workers = 2
	// fanout is how many tasks each task submits and waits for: more than
	// there are workers, so that some must wait for a worker.
	fanout = 4
	// depth is how deep they nest. One level is enough for a deadlock; the
	// others show that a pool isn't only just large enough.
	depth = 3
)

func main() {
	timeout := flag.Duration("timeout", 3*time.Second, "when a pool that isn't done counts as deadlocked; it has some dozen tasks to do")
	impl := flag.String("impl", "", "try this implementation in this process (what each child process does)")
	flag.Parse()

	if err := run(*impl, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, "nested:", err)
		os.Exit(1)
	}
}

func run(impl string, timeout time.Duration) error {
	if impl == "" {
		return tryAll(timeout)
	}
	for _, p := range peers {
		if p.name == impl {
			return p.nest()
		}
	}
	return fmt.Errorf("-impl %q: no such implementation", impl)
}

// tryAll prints a line in Go's benchmark format for every implementation, with
// the answer in the line's name.
func tryAll(timeout time.Duration) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	for _, p := range peers {
		start := time.Now()
		answer, err := try(exe, p.name, timeout)
		if err != nil {
			return err
		}
		fmt.Printf("BenchmarkNested/impl=%s/answer=%s-%d\t1\t%d ns/op\n",
			p.name, answer, runtime.GOMAXPROCS(0), time.Since(start).Nanoseconds())
	}
	return nil
}

// try runs one implementation in a child process and says how it ended.
func try(exe, impl string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-impl", impl)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	msg := stderr.String()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "ok", nil
	case ctx.Err() != nil, strings.Contains(msg, "all goroutines are asleep"):
		return "deadlocks", nil
	case strings.Contains(msg, "panic: "):
		return "panics", nil
	case errors.As(err, &exit):
		return "", fmt.Errorf("-impl %s: %w\n%s", impl, err, msg)
	default:
		return "", err
	}
}
