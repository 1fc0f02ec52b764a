// Command idle measures the CPU time that an idle scheduler uses. It makes a
// burst of work first, so that all threads that the scheduler may want exist,
// lets the program settle, then does nothing for a while. The row impl=go is
// the same program without a scheduler, that is what the Go runtime uses.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/bench/internal/usage"
)

const (
	// burst is how many tasks the burst has: some hundred milliseconds of
	// work for every P.
	burst = 1_000_000
	// settle is how long the program rests before the measurement: Go's
	// scavenger gives back by then what the burst left.
	settle = time.Second
)

func main() {
	length := flag.Duration("d", 5*time.Second, "how long to be idle")
	impl := flag.String("impl", "", "measure runq or go in this process (default: each in a process of its own)")
	flag.Parse()

	var err error
	switch *impl {
	case "":
		err = both(*length)
	case "runq":
		err = idleRunq(*length)
	case "go":
		idleGo(*length)
	default:
		err = fmt.Errorf("-impl %q: want runq or go", *impl)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

// both runs this program once for each implementation.
func both(d time.Duration) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	for _, impl := range []string{"runq", "go"} {
		cmd := exec.Command(exe, "-impl", impl, "-d", d.String())
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("-impl %s: %w", impl, err)
		}
	}
	return nil
}

func idleRunq(d time.Duration) error {
	s, err := runq.New(runq.Config{})
	if err != nil {
		return err
	}
	// Tasks that block bring the scheduler to make Ms beyond its Ps.
	const nap = 20 * time.Millisecond
	g, _ := runq.NewGroup(context.Background(), s)
	for range 2 * runtime.GOMAXPROCS(0) {
		g.Go(func(t *runq.Task) error {
			t.Block(func() { time.Sleep(nap) })
			return nil
		})
	}
	for range burst {
		g.Go(func(*runq.Task) error { return nil })
	}
	if err := g.Wait(nil); err != nil {
		return err
	}
	measure("runq", d)
	return s.Close()
}

func idleGo(d time.Duration) {
	var wg sync.WaitGroup
	for range burst {
		wg.Go(func() {})
	}
	wg.Wait()
	measure("go", d)
}

// measure prints the CPU time of the process over d, in percent of one core.
func measure(impl string, d time.Duration) {
	runtime.GC()
	time.Sleep(settle)
	before, start := usage.CPU(), time.Now()
	time.Sleep(d)
	used, wall := usage.CPU()-before, time.Since(start)
	fmt.Printf("BenchmarkIdle/impl=%s-%d\t1\t%d ns/op\t%.4f core-%%\n",
		impl, runtime.GOMAXPROCS(0), wall.Nanoseconds(), 100*float64(used)/float64(wall))
}
