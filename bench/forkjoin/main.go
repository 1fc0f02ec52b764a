// Command forkjoin builds the rows of the fork-join suite in Go, Rust and C++,
// runs all of them several times, and keeps and shows what they took. It is
// called in the folder of bench/go.mod:
//
//	go run ./forkjoin [-n 5] [-quick] [-only REGEXP] [-o FOLDER]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/runq-go/runq/bench/forkjoin/report"
)

type options struct {
	n       int
	quick   bool
	only    *regexp.Regexp
	timeout time.Duration
	tags    string
	out     string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 5, "how many times everything is run; five is the least that has a median which two bad runs don't move")
	flag.BoolVar(&o.quick, "quick", false, "one run with small sizes, to see that all of it works; its figures mean nothing")
	only := flag.String("only", "", "run the rows whose \"workload impl\" matches this regular expression")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "when a row is ended")
	flag.StringVar(&o.tags, "tags", "", "build tags for the Go rows")
	flag.StringVar(&o.out, "o", "", "folder to keep the results in; without it they are only shown")
	flag.Parse()
	// Who interrupts a run gets what was measured until then, and its programs are
	// removed.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, &o, *only); err != nil {
		fmt.Fprintln(os.Stderr, "forkjoin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, only string) (err error) {
	if o.only, err = regexp.Compile(only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if o.n < 1 {
		return fmt.Errorf("-n %d: want at least 1", o.n)
	}
	if o.quick {
		o.n = 1
	}
	bin, err := os.MkdirTemp("", "forkjoin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	programs, skipped, err := build(bin, o.tags)
	if err != nil {
		return err
	}
	var raw strings.Builder
	writeHeader(&raw, o, skipped)
	if err := measure(ctx, o, programs, &raw); err != nil {
		return err
	}
	return errors.Join(finish(o, raw.String()), ctx.Err())
}

// measure runs all rows, n times. It goes through all of them n times, not n
// times through each: so a busy minute of the machine falls on all rows, or is
// outvoted.
func measure(ctx context.Context, o *options, programs []program, raw io.Writer) error {
	rows, err := plan(o, programs)
	if err != nil {
		return err
	}
	before, mine := busy(), ownCPU()
	start := time.Now()
	for round := range o.n {
		if err := o.round(ctx, rows, func(line string) {
			fmt.Fprintln(raw, "row", line)
			fmt.Fprintf(os.Stderr, "%d/%d %s\n", round+1, o.n, line)
		}); ctx.Err() != nil {
			fmt.Fprintf(raw, "note: interrupted in run %d\n", round+1)
			break
		} else if err != nil {
			return err
		}
	}
	// Others' work shows in the figures: so it is said how much there was.
	others := float64(busy()-before-(ownCPU()-mine)) / float64(time.Since(start)) / float64(runtime.NumCPU())
	fmt.Fprintf(raw, "others: %.0f %% of the machine's CPU time meanwhile\n", 100*max(0, others))
	return nil
}

// round runs all rows once: one after the other, unless the figures mean nothing.
func (o *options) round(ctx context.Context, rows []plannedRow, done func(line string)) error {
	var all errgroup.Group
	all.SetLimit(1)
	if o.quick {
		all.SetLimit(quickAtOnce)
	}
	var mu sync.Mutex
	for i := range rows {
		r := &rows[i]
		if r.ended || ctx.Err() != nil {
			continue // once is enough for what has no figures; after an interrupt nothing is
		}
		all.Go(func() error {
			line, err := r.run(ctx, o)
			if err == nil {
				mu.Lock()
				done(line)
				mu.Unlock()
			}
			return err
		})
	}
	return all.Wait()
}

// quickAtOnce is how many rows a quick run has at once: most of its time goes by
// while those that stand still are watched.
const quickAtOnce = 16

// finish checks what was measured, shows it and keeps it.
func finish(o *options, raw string) error {
	res, err := report.Read(strings.NewReader(raw))
	if err != nil {
		return err
	}
	var table strings.Builder
	res.WriteTable(&table)
	fmt.Print(table.String())
	if o.out != "" {
		err = errors.Join(
			os.MkdirAll(o.out, 0o755),
			os.WriteFile(filepath.Join(o.out, report.RawName), []byte(raw), 0o644),
			os.WriteFile(filepath.Join(o.out, report.TableName), []byte(table.String()), 0o644),
		)
	}
	return errors.Join(err, res.Check(!o.quick))
}
