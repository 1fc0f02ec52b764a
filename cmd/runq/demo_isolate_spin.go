package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/internal/osthread"
)

// controlMode is the mode in which the work is that of another process.
const controlMode = "n"

// controlPart is how much of a quota the loops of the control use up: about what background tasks get, beside
// what the server needs and what is left free.
const controlPart = 0.75

// newSpinCommand is the process that does the work of the control: nothing, at the lowest priority.
func newSpinCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "isolate-spin", Short: "The loops of the demo isolate", Hidden: true, Args: cobra.NoArgs}
	workers := cmd.Flags().Int("workers", 0, "how many loops")
	cpus := cmd.Flags().Float64("cpus", math.Inf(1), "how many CPUs' time they may use together")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return spin(cmd.Context(), *workers, *cpus, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	return cmd
}

// spin keeps as many threads busy as there are workers, until it is told to stop. Together they use that many
// CPUs' time at most.
func spin(ctx context.Context, workers int, cpus float64, in io.Reader, out io.Writer) error {
	runtime.GOMAXPROCS(workers + runtime.GOMAXPROCS(0))
	var over atomic.Bool
	defer over.Store(true)
	part := cpus / float64(workers)
	orders := readOrders(in)
	began := make(chan error)
	for range workers {
		go func() {
			runtime.LockOSThread() // for good: the thread can't get its priority back
			err := errors.Join(osthread.SetNice(osthread.MaxNice), osthread.SetIdle())
			began <- err
			for err == nil && !over.Load() {
				if part < 1 {
					err = spinPeriod(part, &over)
				}
			}
			if err != nil {
				orders.fail(err)
			}
		}()
	}
	for range workers {
		if err := <-began; err != nil {
			return fmt.Errorf("a thread of low priority: %w", err)
		}
	}
	if err := json.NewEncoder(out).Encode(true); err != nil {
		return err
	}
	return orders.await(ctx, orderStop)
}

// spinPeriod keeps the thread busy for a part of the time that a scheduler reckons in, and lets it sleep for the
// rest.
func spinPeriod(part float64, over *atomic.Bool) error {
	const period = 10 * time.Millisecond
	end := time.Now().Add(period)
	first, err := osthread.CPUTime(osthread.ID())
	for used := time.Duration(0); err == nil && used < time.Duration(part*float64(period)) && !over.Load(); {
		var now time.Duration
		now, err = osthread.CPUTime(osthread.ID())
		used = now - first
	}
	time.Sleep(time.Until(end))
	return err
}
