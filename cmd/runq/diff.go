package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze/diff"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/export/jsonout"
)

func newDiffCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff BEFORE NOW",
		Short: "What got slower between two recordings, and where",
		Long: `Compare two recordings of a program, for instance of two versions of it: which waits take longer now, of which
group of tasks, for what they wait, and which part of the wait it is. Times are compared for one wait, so that the
recordings need not be of the same length. What differs by little, or happened a few times only, isn't listed.`,
		Example: `  runq diff before.trace now.trace
  runq diff --json before.trace now.trace`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) < 2 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON instead of text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runDiff(cmd.Context(), [2]string(args), asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// runDiff reads one recording after the other. One that is cut off is compared as far as it goes.
func runDiff(ctx context.Context, names [2]string, asJSON bool, stdout, stderr io.Writer) error {
	defer limitMemory()()
	if names == [2]string{stdinName, stdinName} {
		return errors.New("both recordings can't be standard input; name at least one file")
	}
	var reports [2]*ledger.Report
	var broken error
	for i, name := range names {
		l := ledger.New(ledger.Options{Worst: -1}) // nothing is told here
		in, err := readInput(ctx, stderr, name, l)
		if in == nil {
			return err
		}
		if err != nil {
			fmt.Fprintf(stderr, "runq: %s is cut off or broken: the part that could be read is compared\n", in.name)
		}
		broken = errors.Join(broken, err)
		reports[i] = l.Report()
	}
	r := diff.Compare(reports[0], reports[1])
	if asJSON {
		return errors.Join(jsonout.WriteReport(stdout, r), broken)
	}
	return errors.Join(writeText(stdout, r.Text()), broken)
}
