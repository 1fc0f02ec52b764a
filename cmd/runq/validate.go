package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/validate"
)

func newValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|URL|-",
		Short: "Check that a recording tells of nothing that can't be",
		Long: `Check every event of a recording: that it is legal in the state that the task, the thread and the P are in, and
that none is missing but those of which the recording says so. Count the events by kind, and show the first one that
breaks a rule. The exit status is 1 if there is one, or if the recording is cut off or broken.`,
		Example: `  runq validate server.trace
  curl -s 'http://localhost:6060/debug/pprof/trace?seconds=5' | runq validate -`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runValidate(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// maxKind is one more than the largest number that a kind of event can have.
const maxKind = 1 << 8

// validation is a pass that checks what it sees.
type validation struct {
	analyze.Base
	rules  *validate.Validator
	kinds  [maxKind]uint64
	count  uint64
	lost   uint64 // events, as the recording says
	bad    uint64
	first  error  // what is wrong with the first bad one
	number uint64 // of that
	length int64
	source event.Info
}

func newValidation() *validation { return &validation{rules: validate.New()} }

// Event implements analyze.Pass.
func (v *validation) Event(_ *analyze.World, e *event.Event, _ *analyze.Task) {
	v.count++
	v.kinds[e.Kind]++
	if e.Kind == event.KindLost && e.Task == event.NoTask {
		v.lost += e.Arg
	}
	if err := v.rules.Event(*e); err != nil {
		if v.bad++; v.bad == 1 {
			v.first, v.number = err, v.count
		}
	}
}

// End implements analyze.Pass.
func (v *validation) End(w *analyze.World) { v.source, v.length = w.Info, w.Now-w.Start }

func runValidate(ctx context.Context, name string, stdout, stderr io.Writer) error {
	defer limitMemory()()
	v := newValidation()
	in, broken := readInput(ctx, stderr, name, v)
	if in == nil {
		return broken
	}
	err := writeText(stdout, v.text(in.name))
	if v.bad != 0 {
		err = errors.Join(err, fmt.Errorf("%s: %d of %d events break a rule", in.name, v.bad, v.count))
	}
	return errors.Join(err, broken)
}

// text is what was counted, and the first event that is wrong.
func (v *validation) text(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %d events\n\nEvents by kind:\n", name, v.source.Name, analyze.Duration(v.length), v.count)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for kind, n := range v.kinds {
		if n != 0 {
			fmt.Fprintf(t, "%d\t  %v\t\n", n, event.Kind(kind))
		}
	}
	t.Flush() //nolint:errcheck // a strings.Builder takes everything
	s := v.rules.Summary()
	fmt.Fprintf(&b, "\n%d tasks were created and %d ended; %d are left.\n", s.Created, s.Finished, s.Live)
	if n := v.kinds[event.KindLost]; n != 0 {
		fmt.Fprintf(&b, "%d events are missing, as %d events say.\n", v.lost, n)
	} else {
		b.WriteString("No events are missing.\n")
	}
	if v.bad == 0 {
		b.WriteString("Every event is legal.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "\nThe first event that breaks a rule is number %d:\n%v\n", v.number, v.first)
	return b.String()
}
