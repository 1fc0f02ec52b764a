package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/wakechain"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/export/jsonout"
)

type whyOptions struct {
	task   string
	worst  bool
	at     string
	region string
	whole  bool
	top    int
	json   bool
}

// defaultPaths is how many waits are explained: one asks for one.
const defaultPaths = 1

func newWhyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why FILE|URL|- (--goroutine N | --worst | --at TIME | --region NAME)",
		Short: "Why a task ran late: the story of its wait, and the way back from it",
		Long: `Tell the story of a wait: what the task waited for, who woke it, how long it then was ready and didn't run, and
what ran instead. Then go back from the end of it: who was busy for it, who had woken that one, and so on. The steps
of that way add up to the wait exactly.

The wait is the one in which a task was ready for longest before it ran: of all tasks (--worst), of one of them
(--goroutine), or of those that were going on at some time (--at; the report names such times). With --whole it is
the longest wait, whatever it was for. --goroutine and --at may be used together. --region takes a user region of
runtime/trace instead of a wait.`,
		Example: `  runq why server.trace --worst
  runq why server.trace --goroutine 18
  runq why server.trace --goroutine 18 --whole --top 3
  runq why server.trace --at 0.152831s
  runq why server.trace --region request`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: oneFile,
	}
	var opt whyOptions
	flags := cmd.Flags()
	flags.StringVarP(&opt.task, "goroutine", "g", "", "waits of the goroutine, or runq task, with that number")
	flags.BoolVar(&opt.worst, "worst", false, "the longest of all")
	flags.StringVar(&opt.at, "at", "", `waits that go on at that time after the beginning ("0.152831s", "152ms"; seconds if there is no unit)`)
	flags.StringVar(&opt.region, "region", "", "the longest user region with that name")
	flags.BoolVar(&opt.whole, "whole", false, "take the longest wait in all, not the one that was ready for longest")
	flags.IntVar(&opt.top, "top", defaultPaths, "how many to explain, of the longest")
	flags.BoolVar(&opt.json, "json", false, "write JSON instead of text")
	cmd.MarkFlagsOneRequired("goroutine", "worst", "at", "region")
	for _, other := range []string{"goroutine", "at", "region"} {
		cmd.MarkFlagsMutuallyExclusive("worst", other)
	}
	cmd.MarkFlagsMutuallyExclusive("region", "at")
	cmd.MarkFlagsMutuallyExclusive("region", "whole")
	for _, flag := range []string{"goroutine", "at", "region"} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return opt.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// stories are those of the waits that may turn out to be the longest, by number.
type stories map[uint64]ledger.Story

// chains makes the analysis that the options ask for, which leaves the stories in s.
func (o *whyOptions) chains(s stories) (*wakechain.Chains, error) {
	if o.top < 1 {
		return nil, fmt.Errorf("--top %d: must be 1 or more", o.top)
	}
	opts := wakechain.Options{Paths: o.top, Region: o.region, Whole: o.whole}
	if o.task != "" {
		id, err := strconv.ParseUint(strings.TrimPrefix(o.task, "G"), 10, 64)
		if err != nil || id == 0 {
			return nil, fmt.Errorf("--goroutine %s: not the number of a goroutine; one looks like 18 or G18", printable(o.task))
		}
		opts.Task = event.TaskID(id)
	}
	if o.at != "" {
		at, err := parseTime(o.at)
		if err != nil {
			return nil, err
		}
		opts.Want = func(w *analyze.World, d *analyze.Wait) bool {
			from := d.Ready
			if o.whole {
				from = d.Began
			}
			return from-w.Start <= at+rounded && d.End-w.Start >= at-rounded
		}
	}
	opts.Kept = func(w *analyze.World, d *analyze.Wait) { s[d.Number] = ledger.Tell(w, d) }
	return wakechain.New(opts), nil
}

// rounded is by how much a time may be off that a report shows: it shows µs.
const rounded = 500

// parseTime reads a time after the beginning of a recording, in ns.
func parseTime(text string) (int64, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(s, 'f', -1, 64) + "s"
	}
	at, err := time.ParseDuration(text)
	if err != nil || at < 0 {
		return 0, fmt.Errorf("--at %s: no time after the beginning of the recording; one looks like 0.152831s or 152ms", printable(text))
	}
	return int64(at), nil
}

func (o *whyOptions) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	defer limitMemory()()
	told := make(stories)
	chains, err := o.chains(told)
	if err != nil {
		return err
	}
	in, broken := readInput(ctx, stderr, name, chains)
	if in == nil {
		return broken
	}
	r := chains.Report()
	if len(r.Paths) == 0 {
		return errors.Join(fmt.Errorf("%s: %s", in.name, o.nothing()), broken)
	}
	if o.json {
		r.Wakes = nil // they are of the whole recording, and part of the report
		return errors.Join(jsonout.WriteReport(stdout, r), broken)
	}
	var b strings.Builder
	for i := range r.Paths {
		p := &r.Paths[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		if s, ok := told[p.Number]; ok {
			b.WriteString(s.Text + "\n\n")
		}
		b.WriteString(p.Text())
	}
	return errors.Join(writeText(stdout, b.String()), broken)
}

// nothing says what there is none of, and what to do.
func (o *whyOptions) nothing() string {
	if o.region != "" {
		return fmt.Sprintf("there is no region %q that has ended in it", o.region)
	}
	what := "no task"
	if o.task != "" {
		what = "not goroutine " + strings.TrimPrefix(o.task, "G")
	}
	at := ""
	if o.at != "" {
		at = " at " + o.at
	}
	if o.whole {
		return fmt.Sprintf("%s waits%s", what, at)
	}
	return fmt.Sprintf("%s is ready and doesn't run%s; --whole looks at all waits", what, at)
}
