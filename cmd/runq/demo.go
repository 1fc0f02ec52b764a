package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
)

// defaultRounds is how often each implementation is measured: the least that has a median worth showing,
// and it keeps the demo on the Go tree well under half a minute on two cores.
const defaultRounds = 3

func newDemoCommand() *cobra.Command {
	demo := &cobra.Command{
		Use:   "demo",
		Short: "Run a job on runq and on what Go offers for it, and compare",
		Long: `Run a job on runq and on what Go offers for it, and compare. Without a name it runs the demo checksum, and
then a short form of the demo isolate.`,
		Example: `  runq demo
  runq demo checksum --rounds 5 /usr/share`,
		Args: cobra.NoArgs,
	}
	var opt checksumOptions
	opt.addFlags(demo)
	demo.RunE = func(cmd *cobra.Command, args []string) error { return runDemo(cmd, args, opt, isolateShort()) }
	demo.AddCommand(newChecksumCommand(), newMeasureCommand(), newForkCommand())
	demo.AddCommand(newIsolateCommand(), newServeCommand(), newLoadCommand(), newSpinCommand())
	return demo
}

// runDemo is the plain demo: what is compared first is how fast runq is, then what becomes of the rest of the
// program beside it. What goes wrong in the first part doesn't keep the second one from its turn.
func runDemo(cmd *cobra.Command, args []string, sums checksumOptions, isolate isolateOptions) error {
	err := sums.run(cmd, args)
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return err
	}
	if sums.output == "-" { // standard output is for the sums alone
		stdout = stderr
	}
	fmt.Fprintln(stdout)
	return errors.Join(err, isolate.run(ctx, args, stdout, stderr))
}

func newChecksumCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checksum [FOLDER]",
		Short: "SHA-256 of every regular file under a folder",
		Long: `Compute the SHA-256 of every regular file under FOLDER (default: the Go tree, "go env GOROOT"), then do it
again on runq, with a goroutine per file and with errgroup, each in a process of its own, and compare
wall time, CPU time and peak memory.

Symbolic links are not followed. What can't be read is reported, the rest goes on, and the exit status is 1.
Interrupted, it stops cleanly with status 130.`,
		Example: `  runq demo checksum
  runq demo checksum -o SUMS /usr/share && sha256sum --quiet -c SUMS
  runq demo checksum -o - . | sort -k 2`,
		Args: cobra.MaximumNArgs(1),
	}
	var opt checksumOptions
	opt.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return opt.run(cmd, args) }
	return cmd
}

type checksumOptions struct {
	output string
	rounds int
}

func (o *checksumOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.output, "output", "o", "", `write the sums to FILE ("-": standard output), for "sha256sum -c"`)
	cmd.Flags().IntVar(&o.rounds, "rounds", defaultRounds, "how often to measure each implementation; the medians are shown; 0: don't measure")
}

// run does the job once, here, with its output and its reports; this also warms the page cache. Then it
// measures the implementations.
func (o *checksumOptions) run(cmd *cobra.Command, args []string) error {
	if o.rounds < 0 {
		return fmt.Errorf("--rounds %d: must be 0 or more", o.rounds)
	}
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	folder, err := folderArgument(ctx, args)
	if err != nil {
		return err
	}
	if err := checkOutput(o.output); err != nil {
		return err
	}
	j := newJob(folder, o.output)
	stop := startProgress(stderr, j.progress)
	_, err = checksumRunq(ctx, j)
	stop()
	if err != nil {
		return err
	}
	j.sort()
	j.reportProblems(stderr)
	tableOut := stdout
	if o.output == "-" {
		tableOut = stderr
	}
	if err := j.writeOutput(o.output, stdout); err != nil {
		return err
	}
	var failures []error
	if o.rounds > 0 {
		failures = append(failures, compare(ctx, j, o.rounds, tableOut, stderr))
	}
	if n := len(j.problems); n > 0 {
		failures = append(failures, fmt.Errorf("%s of %s could not be read", count(n, "path"), count(n+len(j.sums), "path")))
	}
	return errors.Join(failures...)
}

// folderArgument returns the folder to work on, and fails if it isn't one.
func folderArgument(ctx context.Context, args []string) (string, error) {
	var folder string
	if len(args) == 1 {
		folder = args[0]
	} else {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("can't find the Go tree with \"go env GOROOT\": %w; name a folder", err)
		}
		folder = strings.TrimSpace(string(out))
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", fmt.Errorf("folder %s: %w", printable(folder), reason(err))
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder; name the folder whose files are to be summed", printable(folder))
	}
	return folder, nil
}

// compare measures every implementation and prints the table. It fails if one of them found other sums
// than the job j did.
func compare(ctx context.Context, j *job, rounds int, stdout, stderr io.Writer) error {
	m := newMeasurement(j, rounds)
	stop := startProgress(stderr, m.progress)
	err := m.run(ctx)
	stop()
	if err != nil {
		return err
	}
	if err := m.agree(); err != nil {
		return err
	}
	return m.writeTable(stdout)
}
