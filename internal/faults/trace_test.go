package faults

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

// traceLine is what each line of a scheduler's trace looks like.
var traceLine = regexp.MustCompile(`^(SCHED \d+ms: procs=\d+ idleprocs=\d+ threads=\d+ .* runqueue=\d+ \[\d+( \d+)*\]` +
	`|  P\d+: status=.* timerslen=\d+|  M\d+: p=-?\d+ curg=\d+ status=\w+|  G\d+: status=.* fn=\S+|  stuck: G\d+ .* fn=\S+)$`)

// childTrace works and prints its trace, until it is killed.
func childTrace(detail bool) {
	s, err := runq.New(runq.Config{Procs: 4, SchedTrace: time.Millisecond, SchedDetail: detail, SchedTraceOutput: os.Stdout})
	if err != nil {
		fail("%v", err)
	}
	for {
		err := s.Run(nil, func(t *runq.Task) error {
			_, err := run(t, rand.Uint64(), depth)
			return err
		})
		if err != nil {
			fail("%v", err)
		}
	}
}

// TestKilledWhileTracing. Promise: the trace of a process that is killed can be read
// up to its last whole line. Without SchedDetail, in a pipe, every line is whole:
// it is written at once, and shorter than what a pipe takes at once.
func TestKilledWhileTracing(t *testing.T) {
	for _, name := range []string{"trace", "trace detail"} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				c := start(t, name)
				lines, rest := c.killAfter(1 + rand.IntN(200))
				for _, line := range lines {
					if !traceLine.MatchString(line) {
						t.Errorf("not a line of a trace: %q", line)
					}
				}
				if name == "trace" && rest != "" {
					t.Errorf("the last line was cut: %q", rest)
				}
				t.Logf("%d lines, and %d bytes of one more", len(lines), len(rest))
			}
		})
	}
}

// killAfter kills the child after it has printed n lines. It returns those and the
// ones that came meanwhile, and what follows the last whole one.
func (c *child) killAfter(n int) (lines []string, rest string) {
	c.t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			c.cmd.Wait() //nolint:errcheck // it was killed
			if len(lines) < n || c.stderr.Len() > 0 {
				c.t.Fatalf("%d lines came, not %d, and then %v\n%s", len(lines), n, err, c.text())
			}
			return lines, line
		}
		if lines = append(lines, strings.TrimSuffix(line, "\n")); len(lines) == n {
			if err := c.cmd.Process.Kill(); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// writes keeps what each Write was given.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.all = append(w.all, string(b))
	w.mu.Unlock()
	return len(b), nil
}

func (w *writes) get() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.all...)
}

// TestTraceIsWrittenWhole. Promise: a snapshot is written by one Write, of whole
// lines, so that output of others doesn't come between.
func TestTraceIsWrittenWhole(t *testing.T) {
	for _, detail := range []bool{false, true} {
		var out writes
		s, err := runq.New(runq.Config{Procs: 2, SchedTrace: time.Millisecond, SchedDetail: detail, SchedTraceOutput: &out})
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); len(out.get()) < 10; {
			if time.Now().After(end) {
				t.Fatalf("only %d writes came", len(out.get()))
			}
			if err := s.Run(nil, func(t *runq.Task) error { _, err := run(t, 1, 3); return err }); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		for _, text := range out.get() {
			if !strings.HasPrefix(text, "SCHED ") || !strings.HasSuffix(text, "\n") || strings.Count(text, "SCHED ") != 1 {
				t.Errorf("one Write was given %q", text)
			}
			for line := range strings.Lines(text) {
				if !traceLine.MatchString(strings.TrimSuffix(line, "\n")) {
					t.Errorf("not a line of a trace: %q", line)
				}
			}
		}
	}
}
