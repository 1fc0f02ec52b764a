package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/internal/osthread"
)

// controlMode is the mode in which the work is that of another process.
const controlMode = "n"

// newSpinCommand is the process that does the work of the control: nothing, at the lowest priority.
func newSpinCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "isolate-spin", Short: "The loops of the demo isolate", Hidden: true, Args: cobra.NoArgs}
	workers := cmd.Flags().Int("workers", 0, "how many loops")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return spin(cmd.Context(), *workers, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	return cmd
}

// spin keeps as many threads busy as there are workers, until it is told to stop.
func spin(ctx context.Context, workers int, in io.Reader, out io.Writer) error {
	runtime.GOMAXPROCS(workers + runtime.GOMAXPROCS(0))
	var over atomic.Bool
	defer over.Store(true)
	began := make(chan error)
	for range workers {
		go func() {
			runtime.LockOSThread() // for good: the thread can't get its priority back
			err := osthread.SetNice(osthread.MaxNice)
			began <- err
			for err == nil && !over.Load() {
			}
		}()
	}
	for range workers {
		if err := <-began; err != nil {
			return fmt.Errorf("a thread of low priority: %w", err)
		}
	}
	orders := readOrders(in)
	if err := json.NewEncoder(out).Encode(true); err != nil {
		return err
	}
	return orders.await(ctx, orderStop)
}
