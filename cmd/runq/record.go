package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

type recordOptions struct {
	output  string
	seconds float64
	ours    bool
	addr    string
}

const (
	// defaultAddr is where programs serve net/http/pprof by custom.
	defaultAddr = "localhost:6060"

	// untilEnd is for how many seconds a program is asked to record when it is to be recorded to its end: a year.
	untilEnd = 365 * 24 * 3600

	// maxSeconds is the most that can be asked for: as long.
	maxSeconds = untilEnd
)

func newRecordCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "record -o FILE [--seconds N] (URL | -- PROGRAM [ARGS...])",
		Short: "Record what a program's scheduler does into a file",
		Long: `Record the scheduler of a program that runs, at an address where it serves net/http/pprof; or run a program that
serves it, wait until it answers at --addr, and record it for --seconds, or to its end. With --runq, what is recorded
is a runq scheduler, by the handler of package runqhttp, and not Go's.

Ctrl-C ends the recording: the program then sends what it has, and the file is whole. A program that was started here
is then interrupted, too; it reads nothing from standard input. A program that ends while it is recorded leaves a file
that is cut off; that is said, and what is whole of it can be read. Another file of that name is replaced as soon as the
first bytes of the recording are there, and not before.`,
		Example: `  runq record -o server.trace --seconds 5 http://localhost:6060
  runq record -o server.trace --runq localhost:6060
  runq record -o test.trace -- ./server -listen :8080
  runq record -o test.trace --seconds 10 --addr localhost:7070 -- ./server -debug :7070
  runq record -o - http://localhost:6060 | runq report -`,
		Args: cobra.MinimumNArgs(1),
	}
	var opt recordOptions
	flags := cmd.Flags()
	flags.StringVarP(&opt.output, "output", "o", "", `write the recording to FILE ("-": standard output)`)
	flags.Float64Var(&opt.seconds, "seconds", 0, "how long to record; 0: 5 seconds, or what the address says; of a program that is run here, to its end")
	flags.BoolVar(&opt.ours, "runq", false, "record the program's runq scheduler, not Go's")
	flags.StringVar(&opt.addr, "addr", defaultAddr, "where the program that is run here serves net/http/pprof (with --runq: runqhttp's handler)")
	mustComplete(cmd.MarkFlagRequired("output"))
	mustComplete(cmd.RegisterFlagCompletionFunc("addr", cobra.NoFileCompletions))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if opt.seconds < 0 || opt.seconds > maxSeconds || math.IsNaN(opt.seconds) {
			return fmt.Errorf("--seconds %v: must be 0 or more, and at most %d", opt.seconds, maxSeconds)
		}
		dash := cmd.ArgsLenAtDash()
		if dash < 0 && len(args) > 1 || dash > 0 {
			return errors.New("name one address, or a program after \"--\"")
		}
		if err := opt.checkOutput(cmd.OutOrStdout()); err != nil {
			return err
		}
		if dash == 0 {
			return opt.runProgram(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}
		from, err := newRemote(args[0], opt.seconds, opt.ours)
		if err != nil {
			return err
		}
		return opt.record(cmd.Context(), from, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func (o *recordOptions) checkOutput(stdout io.Writer) error {
	if o.output == "-" && isTerminal(stdout) {
		return errors.New("-o -: a recording is no text for a terminal; redirect standard output, or name a file")
	}
	return checkNamed("-o", o.output)
}

// record writes what a remote sends, until that is all, or ctx ends.
func (o *recordOptions) record(ctx context.Context, from *remote, stdout, stderr io.Writer) error {
	r := &recording{from: from, began: time.Now()}
	stop := startProgress(stderr, r.progress)
	n, err := r.copy(ctx, func() (io.WriteCloser, error) { return openRecording(o.output, stdout) })
	stop()
	return o.conclude(ctx, stderr, n, r.openEnded(), err)
}

// conclude says what became of a recording of n bytes. An interrupt is the usual end of one that has no other.
func (o *recordOptions) conclude(ctx context.Context, stderr io.Writer, n int64, openEnded bool, err error) error {
	name := printable(o.output)
	if o.output == "-" {
		name = "standard output"
	}
	switch {
	case n == 0:
		return err
	case err != nil:
		fmt.Fprintf(stderr, "runq: %s: %s were recorded, and are kept; the recording is cut off, what is whole of it can be read\n", name, size(n))
		return err
	case ctx.Err() != nil && !openEnded:
		fmt.Fprintf(stderr, "runq: %s: %s were recorded before the interrupt, and are whole\n", name, size(n))
		return ctx.Err()
	}
	fmt.Fprintf(stderr, "runq: %s: %s recorded\n", name, size(n))
	return nil
}

// A recording is being made.
type recording struct {
	from  *remote
	began time.Time
	read  atomic.Int64
}

// patience is how long a program may take to send the rest after it was told to stop: a generation of a trace may
// be tens of MB.
const patience = 10 * time.Second

// copy writes what the remote sends to what open returns, which is called when the first bytes have turned out to be
// those of a trace. It returns how much was written. When ctx ends, the remote is told to stop, and what it then still
// sends is part of the recording; that is no error.
func (r *recording) copy(ctx context.Context, open func() (io.WriteCloser, error)) (n int64, err error) {
	asking, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() {
		if !r.from.hangUp() {
			giveUp()
			return
		}
		time.AfterFunc(patience, giveUp)
	})()
	resp, err := r.from.get(asking)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, _, err := sniff(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", r.from.url, err)
	}
	to, err := open()
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(io.MultiWriter(to, (*meter)(&r.read)), body)
	if err != nil {
		err = fmt.Errorf("%s: %w", r.from.url, err)
	}
	return n, errors.Join(err, to.Close())
}

// meter counts what is written to it.
type meter atomic.Int64

func (m *meter) Write(p []byte) (int, error) {
	(*atomic.Int64)(m).Add(int64(len(p)))
	return len(p), nil
}

// openEnded tells whether only the program's end, or an interrupt, ends the recording.
func (r *recording) openEnded() bool { return r.from.lasts >= untilEnd*time.Second }

// progress is a view of how far the recording is.
func (r *recording) progress() (float64, string) {
	past := time.Since(r.began)
	if r.from.lasts <= 0 || r.openEnded() {
		return 0, fmt.Sprintf("%.0f s, %s; Ctrl-C ends it", past.Seconds(), size(r.read.Load()))
	}
	past = min(past, r.from.lasts)
	return float64(past) / float64(r.from.lasts), fmt.Sprintf("%.0f of %.0f s, %s", past.Seconds(), r.from.lasts.Seconds(), size(r.read.Load()))
}
