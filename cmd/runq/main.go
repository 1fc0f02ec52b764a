// Command runq shows the runq scheduler at work on real input.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitInterrupted = 130 // 128 + SIGINT, as shells count it
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit status. The first SIGINT or SIGTERM cancels the
// command's context, the second one kills the process as if it weren't caught.
func run(args []string, stdout, stderr io.Writer) int {
	// Before it starts its first process, Go 1.26 tries out pidfds with a child that shares this process's
	// memory and its signal handlers. A Ctrl-C in that moment reaches both and crashes the process
	// (SIGSEGV in os.checkPidfd). Looking for a process makes the same trial, now, while there is nothing
	// to stop cleanly.
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Release() //nolint:errcheck // nothing hangs on it
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "runq: interrupted")
		return exitInterrupted
	default:
		fmt.Fprintln(stderr, "runq:", err)
		return exitFailed
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "runq",
		Short: "A G-M-P scheduler as a library, and the instruments that show what it does",
		Example: `  runq demo                        # SHA-256 of the Go tree, on runq and on two other ways
  runq demo checksum -o SUMS DIR   # the same for DIR; then: sha256sum -c SUMS
  runq record -o server.trace --seconds 5 http://localhost:6060
  runq report server.trace         # what is wrong, and where every wait went
  runq why server.trace --worst    # why the latest task was late
  runq diff before.trace now.trace # what got slower
  source <(runq completion bash)   # names of commands and flags by the tab key`,
		Version: version(),
		// Errors are printed by run, once, and without the whole help text behind them.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newDemoCommand(), newRecordCommand())
	root.AddCommand(newReportCommand(), newWhyCommand(), newDiffCommand(), newExportCommand(), newValidateCommand())
	return root
}

// version says which build this is: the module's version, where the build knows it, and Go's.
func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return v + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
