package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq"
)

// The sizes, which tests make smaller.
var (
	// fibOf makes most of a million forks: a goroutine for each takes some tenths of a second.
	fibOf = 29
	// sortedNumbers take package slices about as long.
	sortedNumbers = 2_000_000
	// forkRounds is how often each is measured: the demo is to be over in five seconds.
	forkRounds = 3
)

func newForkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fork",
		Short: "Forks of a few nanoseconds: a recursion and a sort",
		Long: fmt.Sprintf(`Compute the Fibonacci number %d by the naive recursion, and sort %d random numbers: serially, with
goroutines, and with runq, where every call of the recursion is a fork. Compare the wall times.`, fibOf, sortedNumbers),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return demoFork(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// A forkJob is what the demo measures, once for each way to do it.
type forkJob struct {
	name  string
	ways  []forkWay
	agree func() error // whether the way measured last has the right result
	reset func()       // undoes what a way has done
}

type forkWay struct {
	name string
	run  func()
}

// demoFork measures all jobs and prints the table.
func demoFork(ctx context.Context, stdout, stderr io.Writer) error {
	s, err := runq.New(runq.Config{})
	if err != nil {
		return err
	}
	jobs := []*forkJob{fibJob(s), sortJob(s)}
	var measured atomic.Int64
	stop := startProgress(stderr, func() (float64, string) {
		n, all := measured.Load(), len(jobs)*forkRounds*len(jobs[0].ways)
		return float64(n) / float64(all), fmt.Sprintf("%d of %d runs", n, all)
	})
	times := make([][][]time.Duration, len(jobs))
	for i, j := range jobs {
		if times[i], err = j.measure(ctx, &measured); err != nil {
			break
		}
	}
	stop()
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return writeForkTable(stdout, jobs, times)
}

// measure returns the wall times of the job, by way and round.
func (j *forkJob) measure(ctx context.Context, measured *atomic.Int64) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(j.ways))
	for range forkRounds {
		for i, w := range j.ways {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			j.reset()
			start := time.Now()
			w.run()
			times[i] = append(times[i], time.Since(start))
			if err := j.agree(); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", j.name, w.name, err)
			}
			measured.Add(1)
		}
	}
	return times, nil
}

func writeForkTable(w io.Writer, jobs []*forkJob, times [][][]time.Duration) error {
	fmt.Fprintf(w, "medians of %s, GOMAXPROCS=%d, %s\n\n", count(forkRounds, "round"), runtime.GOMAXPROCS(0), runtime.Version())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "job\tway\twall\tof serial\t")
	for i, j := range jobs {
		var serial time.Duration
		for k, way := range j.ways {
			slices.Sort(times[i][k])
			wall := times[i][k][forkRounds/2]
			if k == 0 {
				serial = wall
			}
			fmt.Fprintf(t, "%s\t%s\t%.1f ms\t%.2f\t\n", j.name, way.name, wall.Seconds()*1e3, ratio(wall, serial))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nAll ways agree on every result.")
	return err
}

func fibJob(s *runq.Scheduler) *forkJob {
	var got int
	return &forkJob{
		name: fmt.Sprintf("fib(%d)", fibOf),
		ways: []forkWay{
			{"serial", func() { got = fib(fibOf) }},
			{"goroutines", func() { got = fibGoroutines(fibOf) }},
			{"runq", func() {
				s.Run(nil, func(t *runq.Task) error { got = fibForks(t, fibOf); return nil }) //nolint:errcheck // it is nil
			}},
		},
		reset: func() { got = 0 },
		agree: func() error {
			if want := fib(fibOf); got != want {
				return fmt.Errorf("got %d, not %d", got, want)
			}
			return nil
		},
	}
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func fibGoroutines(n int) int {
	if n < 2 {
		return n
	}
	var x int
	var wg sync.WaitGroup
	wg.Go(func() { x = fibGoroutines(n - 1) })
	y := fibGoroutines(n - 2)
	wg.Wait()
	return x + y
}

func fibForks(t *runq.Task, n int) int {
	if n < 2 {
		return n
	}
	x := runq.Fork(t, fibForks, n-1)
	y := fibForks(t, n-2)
	return x.Join(t) + y
}

func sortJob(s *runq.Scheduler) *forkJob {
	in := make([]int64, sortedNumbers)
	for i := range in {
		in[i] = int64(rand.Uint64())
	}
	want := slices.Clone(in)
	slices.Sort(want)
	got := make([]int64, len(in))
	return &forkJob{
		name: "sort",
		ways: []forkWay{
			{"serial", func() { slices.Sort(got) }},
			{"goroutines", func() { sortGoroutines(got, make([]int64, len(got)), len(got)/(4*runtime.GOMAXPROCS(0))) }},
			{"runq", func() {
				s.Run(nil, func(t *runq.Task) error { runq.Sort(t, got); return nil }) //nolint:errcheck // it is nil
			}},
		},
		reset: func() { copy(got, in) },
		agree: func() error {
			if !slices.Equal(got, want) {
				return errors.New("the result isn't sorted")
			}
			return nil
		},
	}
}

// sortGoroutines sorts s as people do it with goroutines: one for each half, down to a
// size chosen by hand, and merge.
func sortGoroutines(s, buf []int64, least int) {
	if len(s) <= max(least, 1) {
		slices.Sort(s)
		return
	}
	mid := len(s) / 2
	var wg sync.WaitGroup
	wg.Go(func() { sortGoroutines(s[mid:], buf[mid:], least) })
	sortGoroutines(s[:mid], buf[:mid], least)
	wg.Wait()
	copy(buf, s)
	a, b := buf[:mid], buf[mid:]
	for i := range s {
		if len(b) == 0 || len(a) > 0 && a[0] <= b[0] {
			s[i], a = a[0], a[1:]
		} else {
			s[i], b = b[0], b[1:]
		}
	}
}
