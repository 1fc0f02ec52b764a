package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	pprof "github.com/google/pprof/profile"
	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/export/jsonout"
	"github.com/runq-go/runq/export/perfetto"
	"github.com/runq-go/runq/export/profile"
)

type exportOptions struct {
	perfetto bool
	json     bool
	pprof    string
	output   string
}

// profiles are those for pprof, by name.
var profiles = []struct {
	name, what string
	of         func(*profile.Pass) *pprof.Profile
}{
	{"late", "ready and not running, by the stack that waited", (*profile.Pass).Late},
	{"late-by-waker", "the same, by the stack that woke it", (*profile.Pass).LateByWaker},
	{"blocked", "waiting for an event, by the stack that waited", (*profile.Pass).Blocked},
	{"blocked-by-waker", "the same, by the stack that woke it", (*profile.Pass).BlockedByWaker},
	{"calls", "in blocking calls and calls of C, by the stack that called", (*profile.Pass).Calls},
}

func newExportCommand() *cobra.Command {
	var kinds, names []string
	for _, p := range profiles {
		kinds = append(kinds, p.name+"\t"+p.what)
		names = append(names, fmt.Sprintf("  %-17s %s", p.name, p.what))
	}
	cmd := &cobra.Command{
		Use:   "export (--perfetto | --pprof KIND | --json) -o OUT FILE|URL|-",
		Short: "Write a recording in a form that other tools read",
		Long: `Write a recording as a trace for Perfetto (https://ui.perfetto.dev), as a profile for "go tool pprof", or as JSON, one
event a line. The kinds of profiles say how long tasks were

` + strings.Join(names, "\n"),
		Example: `  runq export --perfetto -o server.perfetto server.trace
  runq export --pprof late -o late.pb.gz server.trace && go tool pprof -top late.pb.gz
  runq export --json -o - server.trace | head`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: oneFile,
	}
	var opt exportOptions
	flags := cmd.Flags()
	flags.BoolVar(&opt.perfetto, "perfetto", false, "a trace for Perfetto")
	flags.StringVar(&opt.pprof, "pprof", "", "a profile of that `KIND` for pprof")
	flags.BoolVar(&opt.json, "json", false, "events as JSON, one a line")
	flags.StringVarP(&opt.output, "output", "o", "", `write it to FILE ("-": standard output)`)
	cmd.MarkFlagsOneRequired("perfetto", "pprof", "json")
	cmd.MarkFlagsMutuallyExclusive("perfetto", "pprof", "json")
	mustComplete(cmd.MarkFlagRequired("output"))
	mustComplete(cmd.RegisterFlagCompletionFunc("pprof", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp)))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return opt.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// exporter makes the pass that the options ask for, and what is to be done when it has seen everything.
func (o *exportOptions) exporter(to io.Writer) (analyze.Pass, func() error, error) {
	switch {
	case o.perfetto:
		p := perfetto.New(to, perfetto.Options{})
		return p, p.Err, nil
	case o.json:
		p := jsonout.NewEvents(to)
		return p, p.Err, nil
	}
	for _, k := range profiles {
		if k.name == o.pprof {
			p := profile.New(profile.Options{})
			return p, func() error { return k.of(p).Write(to) }, nil
		}
	}
	var names []string
	for _, k := range profiles {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return nil, nil, fmt.Errorf("--pprof %s: no such kind; there are %s", printable(o.pprof), strings.Join(names, ", "))
}

// run writes the output while the recording is read. Of a recording that is cut off, it has what could be read.
func (o *exportOptions) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	defer limitMemory()()
	if (o.perfetto || o.pprof != "") && o.output == "-" && isTerminal(stdout) {
		return errors.New("-o -: this is no text for a terminal; redirect standard output, or name a file")
	}
	if _, _, err := o.exporter(io.Discard); err != nil {
		return err
	}
	out, err := newOutput("-o", o.output, stdout)
	if err != nil {
		return err
	}
	pass, finish, err := o.exporter(out)
	if err != nil {
		return out.abandon(err)
	}
	in, broken := readInput(ctx, stderr, name, pass)
	if in == nil {
		return out.abandon(broken)
	}
	return errors.Join(out.done(finish()), broken)
}
