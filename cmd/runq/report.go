package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/export/html"
	"github.com/runq-go/runq/export/jsonout"
)

type reportOptions struct {
	json bool
	html string
	top  int
}

// defaultTop is how many of the worst waits are told: more than one would read.
const defaultTop = 20

func newReportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report FILE|URL|-",
		Short: "What a scheduler did, from a recording: what is wrong, and where every wait went",
		Long: `Read a recording and say what the scheduler did: first what is wrong and who does it, then the ledger of all waits
(by group of tasks, by what they waited for, by the P in whose queue they were, with percentiles), the longest ones
in words, and the blocking calls and calls of C.

A recording is an execution trace of an ordinary Go program (Go 1.22 to 1.26), or one that runq has made of its own
scheduler. It is a file, standard input ("-"), or the address of a program that serves net/http/pprof, which is then
recorded for 5 seconds, or for as long as the address says.

A recording that is cut off or broken is reported as far as it goes; the exit status is then 1.`,
		Example: `  runq report server.trace
  runq report --html report.html server.trace
  runq report --json server.trace | jq .verdict
  runq report http://localhost:6060
  go test -trace test.trace . && runq report test.trace
  curl -s 'http://localhost:6060/debug/pprof/trace?seconds=5' | runq report -`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: oneFile,
	}
	var opt reportOptions
	cmd.Flags().BoolVar(&opt.json, "json", false, "write JSON instead of text")
	cmd.Flags().StringVar(&opt.html, "html", "", `write a page with plots to FILE ("-": standard output) instead of text`)
	cmd.Flags().IntVar(&opt.top, "top", defaultTop, "how many of the longest waits to tell in words; 0: none")
	cmd.MarkFlagsMutuallyExclusive("json", "html")
	mustComplete(cmd.MarkFlagFilename("html", "html"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if opt.top < 0 {
			return fmt.Errorf("--top %d: must be 0 or more", opt.top)
		}
		return opt.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// mustComplete panics if a completion was registered for a flag that there isn't.
func mustComplete(err error) {
	if err != nil {
		panic("BUG: " + err.Error())
	}
}

// examined is what is known of a recording.
type examined struct {
	name     string
	ledger   *ledger.Ledger
	verdicts *verdict.Verdicts
	calls    *calls.Calls
	broken   error // what was wrong with the recording; nil: nothing
}

func newExamined(top int) *examined {
	if top == 0 {
		top = -1 // none; 0 asks for what is usual
	}
	return &examined{ledger: ledger.New(ledger.Options{Worst: top}), verdicts: verdict.New(), calls: calls.New()}
}

func (e *examined) passes() []analyze.Pass { return []analyze.Pass{e.ledger, e.verdicts, e.calls} }

func (o *reportOptions) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	defer limitMemory()()
	e := newExamined(o.top)
	passes := e.passes()
	var page *html.Pass
	if o.html != "" {
		if o.html != stdinName {
			if err := checkNamed("--html", o.html); err != nil {
				return err
			}
		}
		page = html.New(html.Options{Title: name, Ledger: e.ledger, Verdicts: e.verdicts, Calls: e.calls})
		passes = append(passes, page)
	}
	in, err := readInput(ctx, stderr, name, passes...)
	if in == nil {
		return err
	}
	e.name, e.broken = in.name, err
	switch {
	case o.json:
		err = jsonout.WriteReport(stdout, e.ledger.Report(), e.verdicts.Report(), e.calls.Report())
	case page != nil:
		err = writePage(page, o.html, stdout)
	default:
		err = writeText(stdout, e.text())
	}
	return errors.Join(err, e.broken)
}

func writePage(page *html.Pass, name string, stdout io.Writer) error {
	out, err := newOutput("--html", name, stdout)
	if err != nil {
		return err
	}
	_, err = page.WriteTo(out)
	return out.done(err)
}

// text is the whole report.
func (e *examined) text() string {
	return e.header() + "\nWhat stands out:\n" + e.verdicts.Report().Text() + "\n" + e.ledger.Report().Body() + "\n" + e.calls.Report().Text()
}

// header says what was read, and what can't be known from it.
func (e *examined) header() string {
	r := e.ledger.Report()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %d events, %s\n", e.name, r.Source, analyze.Duration(r.Length), r.Events, count(r.Procs, "P"))
	if e.broken != nil {
		fmt.Fprintf(&b, "The recording is cut off or broken: this is of the part that could be read.\n")
	}
	if r.Losses != 0 {
		fmt.Fprintf(&b, "Events are missing in %s; %s left out because of that.\n", count(int(r.Losses), "place"), count(int(r.Dropped), "wait"))
	} else {
		b.WriteString("No events are missing.\n")
	}
	if len(r.Blind) != 0 {
		b.WriteString("\nWhat it doesn't say:\n")
	}
	for _, blind := range r.Blind {
		fmt.Fprintf(&b, "  %s\n", blind)
	}
	return b.String()
}
