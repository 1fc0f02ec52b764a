package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// stopGrace is how long a measured process may take to stop once it was told to; then it is killed. Only
// a process that hangs in a read from a dead disk or server takes longer than a few milliseconds.
const stopGrace = 5 * time.Second

// An outcome is what one measured run reports, as JSON on its standard output. The CPU time is filled in
// by the parent, who is told it by the kernel.
type outcome struct {
	Wall     time.Duration // of the job alone, without the start of the process
	CPU      time.Duration `json:"-"` // user and system, the process as a whole
	Peak     int64         // bytes: the most that was resident at a time
	Digest   string        // of the result, see job.digest
	Counters *counters     `json:",omitempty"`
}

// newMeasureCommand is the other side of measurement.once: the process that is measured.
func newMeasureCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "checksum-measure IMPLEMENTATION FOLDER",
		Short:  "One measured run of the demo checksum",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
	}
	output := cmd.Flags().String("skip", "", "a file to leave out: the one that holds the sums")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		i := slices.IndexFunc(implementations, func(im implementation) bool { return im.name == args[0] })
		if i < 0 {
			return fmt.Errorf("no implementation is called %q", args[0])
		}
		j := newJob(args[1], *output)
		start := time.Now()
		c, err := implementations[i].run(cmd.Context(), j)
		wall := time.Since(start)
		if err != nil {
			return err
		}
		peak, err := peakMemory()
		if err != nil {
			return err
		}
		j.sort()
		return json.NewEncoder(cmd.OutOrStdout()).Encode(outcome{Wall: wall, Peak: peak, Digest: j.digest(), Counters: c})
	}
	return cmd
}

// peakMemory returns the most memory this process has had resident, in bytes. It doesn't use the Maxrss
// that getrusage and wait4 tell: Linux starts that one with the peak of whoever called exec, which is the
// parent, since os/exec starts processes with vfork.
func peakMemory() (int64, error) {
	const path, field = "/proc/self/status", "VmHWM:"
	status, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("can't tell the peak memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %s%q: %w", path, field, rest, err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, field)
}

// A measurement runs every implementation in processes of their own, so that one's garbage, stacks and
// threads aren't another's peak.
type measurement struct {
	job      *job // what is measured, and the right result
	rounds   int
	outcomes [][]outcome // by implementation, then round

	passes atomic.Int64           // done so far
	now    atomic.Pointer[string] // what is being measured
}

func newMeasurement(j *job, rounds int) *measurement {
	return &measurement{job: j, rounds: rounds, outcomes: make([][]outcome, len(implementations))}
}

// run measures in rounds, each with every implementation, and each beginning with another one: what
// changes on the machine meanwhile then meets all of them.
func (m *measurement) run(ctx context.Context) error {
	for r := range m.rounds {
		for k := range implementations {
			i := (r + k) % len(implementations)
			now := fmt.Sprintf("round %d of %d: %s", r+1, m.rounds, implementations[i].title)
			m.now.Store(&now)
			o, err := m.once(ctx, implementations[i].name)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", implementations[i].title, err)
			}
			m.outcomes[i] = append(m.outcomes[i], o)
			m.passes.Add(1)
		}
	}
	return nil
}

// once runs one implementation in a process of its own. When ctx ends, the process is told so by SIGTERM.
func (m *measurement) once(ctx context.Context, name string) (outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return outcome{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "demo", "checksum-measure", "--skip", m.job.output, "--", name, m.job.root)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Run(); err != nil {
		if interrupted(cmd.ProcessState) {
			return outcome{}, context.Canceled
		}
		return outcome{}, errors.Join(err, lastLine(&stderr))
	}
	o := outcome{CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if err := json.Unmarshal(stdout.Bytes(), &o); err != nil {
		return outcome{}, fmt.Errorf("BUG: the measured process printed %q: %w", stdout.String(), err)
	}
	return o, nil
}

// interrupted says whether a process ended because of a SIGINT or SIGTERM, which it may have been too young
// to catch. Ctrl-C on a terminal goes to all processes there, so this may be the first that is heard of it.
func interrupted(p *os.ProcessState) bool {
	if p == nil { // not even started
		return false
	}
	status, ok := p.Sys().(syscall.WaitStatus)
	return ok && (status.ExitStatus() == exitInterrupted ||
		status.Signaled() && (status.Signal() == syscall.SIGINT || status.Signal() == syscall.SIGTERM))
}

// lastLine is what a process said last before it failed; nil if it said nothing.
func lastLine(stderr *bytes.Buffer) error {
	var last string
	for s := bufio.NewScanner(stderr); s.Scan(); {
		last = s.Text()
	}
	if last == "" {
		return nil
	}
	return errors.New(last)
}

// agree fails if any run found something else than the job did.
func (m *measurement) agree() error {
	want := m.job.digest()
	for i, outcomes := range m.outcomes {
		for r, o := range outcomes {
			if o.Digest != want {
				return fmt.Errorf("%s found other sums in round %d than the first pass: "+
					"either files under %s changed meanwhile, or this is a bug", implementations[i].title, r+1, printable(m.job.root))
			}
		}
	}
	return nil
}

// progress says how far the measurement is, between 0 and 1, and in words.
func (m *measurement) progress() (float64, string) {
	label := ""
	if now := m.now.Load(); now != nil {
		label = *now
	}
	return float64(m.passes.Load()) / float64(m.rounds*len(implementations)), label
}
