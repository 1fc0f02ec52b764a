package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// isolateOptions are the flags of the demo isolate.
type isolateOptions struct {
	duration time.Duration
	warmup   time.Duration
	repeat   int
	modes    string
	rate     [kinds]int
	workers  int
	output   string
	quota    float64
}

// isolateDefaults are what the flags are when nobody sets them: rates at which two cores are idle without
// background work, and a time in which they make enough requests for a p99.9 of the echoes.
func isolateDefaults() isolateOptions {
	return isolateOptions{
		duration: 5 * time.Second,
		warmup:   time.Second, // connections, Go's heap and the scheduler are in their stride sooner
		repeat:   1,
		modes:    "anbcde",
		rate:     [kinds]int{1000, 200},
		workers:  runtime.NumCPU(),
	}
}

// isolateShort is the form for the plain demo: two seconds a mode are enough to see what it shows.
func isolateShort() isolateOptions {
	o := isolateDefaults()
	o.duration = 2 * time.Second
	return o
}

func newIsolateCommand() *cobra.Command {
	o := isolateDefaults()
	cmd := &cobra.Command{
		Use:   "isolate [FOLDER]",
		Short: "A server beside work that takes every CPU, and doesn't notice",
		Long: `Measure the latency of an echo server (TCP) and of an HTTP server with a JSON handler, both ordinary Go,
while the same process compresses the files under FOLDER (default: the Go tree, "go env GOROOT"/src):

  a  not at all
  n  not at all either, but another process has as many loops at nice 19: what the machine makes of the
     lowest priority there is, without anything of Go or runq; nobody can do better while all CPUs are busy
  b  in goroutines
  c  in goroutines that call runtime.Gosched after every 16 KiB
  d  in runq background tasks that call Checkpoint after every 16 KiB
  e  in runq background tasks that never call anything of runq
  f  in one runq background task that reads the files instead, with a fork for every 64 bytes; only if asked for
  g  as e, with the threads in a control group of their own (runq.Config.ControlGroup), so that the kernel
     keeps them to what --quota leaves; only if asked for, on Linux, with the right to make such groups

Each mode gets a new process. The requests come over loopback from another new process, at a fixed rate
whether or not answers come (open loop), and a latency counts from when its request was due: if a stall
delays the sending, that is part of it. The files are read into memory before.

On a machine with few CPUs the process that sends competes with the compression as the server does, at the
same priority as the server. How late it sent while its connection was free is shown as "load late"; that is
part of all latencies, of mode a as well. So is what other programs do meanwhile: how many CPUs they used is
shown as "others", and a measurement to quote has next to nothing there.

With --quota the server's process is put into a control group with that much CPU time a second of wall time,
and the table shows in how many of its periods it ran out. The loops of n, which are outside of the group, use
three quarters of it then, about as much as background tasks get. This needs Linux, and the right to make
control groups, which normally is root's.`,
		Example: `  runq demo isolate
  runq demo isolate -n 5 -o isolate.html
  runq demo isolate --modes andb --duration 20s /usr/share
  runq demo isolate --modes anbf
  sudo runq demo isolate --quota 1 --modes adeg`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.DurationVar(&o.duration, "duration", o.duration, "how long to measure each mode")
	f.DurationVar(&o.warmup, "warmup", o.warmup, "how long to run each mode before")
	f.IntVarP(&o.repeat, "repeat", "n", o.repeat, "how often to measure each mode, in turns; the medians are shown")
	f.StringVar(&o.modes, "modes", o.modes, "which modes to measure, by their letters")
	f.IntVar(&o.rate[kindEcho], "echo-rate", o.rate[kindEcho], "echo requests a second")
	f.IntVar(&o.rate[kindJSON], "json-rate", o.rate[kindJSON], "JSON requests a second")
	f.IntVar(&o.workers, "workers", o.workers, "how many files to compress at a time")
	f.StringVarP(&o.output, "output", "o", "", "draw the latencies into FILE, .svg or .html")
	f.Float64Var(&o.quota, "quota", 0, "give the server's process that many `CPUS` at most (Linux, root); 0: no limit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("quota") && o.quota == 0 {
			return errors.New("--quota 0: must be more than 0")
		}
		return o.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// check looks at everything that can be wrong before the first process is started, and returns the modes.
func (o *isolateOptions) check() ([]isolateMode, error) {
	switch {
	case o.duration <= 0:
		return nil, fmt.Errorf("--duration %v: must be more than 0", o.duration)
	case o.warmup < 0:
		return nil, fmt.Errorf("--warmup %v: must be 0 or more", o.warmup)
	case o.repeat < 1:
		return nil, fmt.Errorf("--repeat %d: must be 1 or more", o.repeat)
	case o.workers < 1 || o.workers > mostWorkers:
		return nil, fmt.Errorf("--workers %d: must be 1 to %d", o.workers, mostWorkers)
	case !(o.quota >= 0 && o.quota <= mostQuota) || o.quota > 0 && o.quota < leastQuota:
		return nil, fmt.Errorf("--quota %v: must be %v to %v CPUs", o.quota, leastQuota, mostQuota)
	}
	if err := errors.Join(checkRate("echo-rate", o.rate[kindEcho]), checkRate("json-rate", o.rate[kindJSON])); err != nil {
		return nil, err
	}
	if ext := filepath.Ext(o.output); o.output != "" && ext != ".svg" && ext != ".html" {
		return nil, fmt.Errorf("-o %s: the name must end in .svg or .html", printable(o.output))
	}
	if err := checkOutput(o.output); err != nil {
		return nil, err
	}
	return o.parseModes()
}

// mostWorkers is as many Ps as a scheduler can have: beyond that runq would run less at a time than Go.
const mostWorkers = 1024

// parseModes returns the modes in the order of the tables, whatever the order they are asked for in.
func (o *isolateOptions) parseModes() (modes []isolateMode, err error) {
	letters := strings.Split(strings.ReplaceAll(o.modes, ",", ""), "")
	for _, letter := range letters {
		if _, err := isolateModeOf(letter); err != nil {
			return nil, fmt.Errorf("--modes %q: %w", o.modes, err)
		}
	}
	for _, m := range isolateModes {
		if slices.Contains(letters, m.letter) {
			modes = append(modes, m)
		}
	}
	if len(modes) == 0 {
		return nil, fmt.Errorf("--modes %q: names no mode", o.modes)
	}
	return modes, nil
}

// run measures, and shows what came out.
func (o *isolateOptions) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	modes, err := o.check()
	if err != nil {
		return err
	}
	files, err := folderArgument(ctx, args)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		files = filepath.Join(files, "src")
	}
	rows, err := o.measure(ctx, modes, files, stderr)
	if err != nil {
		return err
	}
	var report strings.Builder
	o.writeReport(&report, files, rows)
	if o.output != "" {
		if err := writePlot(o.output, rows, report.String()); err != nil {
			return fmt.Errorf("can't write the plot: %w", err)
		}
	}
	_, err = io.WriteString(stdout, report.String())
	return err
}

// measure runs the trials: every mode, then every mode again, so that what changes on the machine meanwhile
// meets all of them.
func (o *isolateOptions) measure(ctx context.Context, modes []isolateMode, files string, stderr io.Writer) ([]isolateRow, error) {
	var p isolateProgress
	p.all, p.length = o.repeat*len(modes), o.warmup+o.duration
	stop := startProgress(stderr, p.view)
	defer stop()
	rows := make([]isolateRow, len(modes))
	for i, m := range modes {
		rows[i].mode = m
	}
	for range o.repeat {
		for i, m := range modes {
			t, err := o.runTrial(ctx, m, files, func(doing string) { p.set(m.letter, doing) })
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("mode %s, %s: %w", m.letter, m.title, err)
			}
			rows[i].trials = append(rows[i].trials, t)
			p.next()
		}
	}
	return rows, nil
}

// isolateProgress is what the bar shows. It goes by the time that a trial takes at least.
type isolateProgress struct {
	all    int
	length time.Duration

	mu          sync.Mutex
	done        int
	mode, doing string
	since       time.Time
}

func (p *isolateProgress) set(mode, doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = time.Now()
	}
	p.mode, p.doing = mode, doing
}

func (p *isolateProgress) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.since = time.Time{}
}

func (p *isolateProgress) view() (float64, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	part := 0.0
	if !p.since.IsZero() {
		part = min(1, time.Since(p.since).Seconds()/p.length.Seconds())
	}
	return (float64(p.done) + part) / float64(p.all), fmt.Sprintf("%d of %d: mode %s, %s", min(p.done+1, p.all), p.all, p.mode, p.doing)
}
