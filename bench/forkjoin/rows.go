package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A plannedRow is one row to be run.
type plannedRow struct {
	path, workload, impl string
	workers              int
	ended                bool // it has no figures, and won't have any
}

// plan returns the rows, those of a workload one after the other.
func plan(o *options, programs []program) (rows []plannedRow, err error) {
	var workloads []string
	for _, p := range programs {
		for _, r := range p.rows {
			if !slices.Contains(workloads, r[0]) {
				workloads = append(workloads, r[0])
			}
			if !o.only.MatchString(r[0] + " " + r[1]) {
				continue
			}
			for _, n := range workerCounts(r[1]) {
				rows = append(rows, plannedRow{path: p.path, workload: r[0], impl: r[1], workers: n})
			}
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("-only %s: no row matches", o.only)
	}
	slices.SortStableFunc(rows, func(a, b plannedRow) int {
		return slices.Index(workloads, a.workload) - slices.Index(workloads, b.workload)
	})
	return rows, nil
}

// workerCounts returns with how many workers an implementation runs: one, two,
// and one for each core.
func workerCounts(impl string) []int {
	counts := []int{1, 2, runtime.NumCPU()}
	if strings.HasSuffix(impl, "-serial") {
		counts = counts[:1]
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

const (
	// stillness is for how long a process must have stood still to count as
	// deadlocked: longer than any pause of the machine.
	stillness = 2 * time.Second
	// look is how often that is looked at.
	look = 250 * time.Millisecond
	// wakeups is how much CPU time a process that stands still may use in that
	// time: pools have timers.
	wakeups = 20 * time.Millisecond
)

// errStill is the cause of ending a process that stood still.
var errStill = errors.New("deadlocks")

// run runs the row once and returns its line of the results.
func (r *plannedRow) run(ctx context.Context, o *options) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	args := []string{r.workload, r.impl, strconv.Itoa(r.workers)}
	name := strings.Join(args, " ")
	if o.quick {
		args = append(args, "quick")
	}
	cmd := exec.CommandContext(ctx, r.path, args...)
	cmd.Env = append(os.Environ(), r.environment()...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	go func() { end(watch(ctx, cmd.Process.Pid)) }()
	err := cmd.Wait()

	switch {
	case err == nil:
		return strings.TrimSpace(stdout.String()), nil
	case context.Cause(ctx) == errStill, strings.Contains(stderr.String(), "all goroutines are asleep"):
		return r.without(name, "deadlocks"), nil
	case ctx.Err() == context.DeadlineExceeded:
		return r.without(name, fmt.Sprintf(">_%.0f_s", o.timeout.Seconds())), nil
	default:
		return "", fmt.Errorf("row %s: %w\n%s", name, err, stderr.String())
	}
}

func (r *plannedRow) without(name, outcome string) string {
	r.ended = true
	return name + " " + outcome
}

// environment tells each language's runtime how many threads to use. The stacks of
// OpenMP's threads are like those the other programs ask for: trees are deep.
func (r *plannedRow) environment() []string {
	var env []string
	for _, name := range []string{"GOMAXPROCS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"} {
		env = append(env, fmt.Sprintf("%s=%d", name, r.workers))
	}
	return append(env, "OMP_STACKSIZE=64m")
}

// watch returns errStill when the process has stood still, else when ctx ends.
func watch(ctx context.Context, pid int) error {
	beat := time.NewTicker(look)
	defer beat.Stop()
	var used []time.Duration
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
		now, err := processCPU(pid)
		if err != nil {
			return nil // it has ended
		}
		used = append(used, now)
		if past := len(used) - 1 - int(stillness/look); past >= 0 && now-used[past] < wakeups {
			return errStill
		}
	}
}
