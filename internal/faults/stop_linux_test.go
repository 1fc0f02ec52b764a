package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
)

// stop stops the child's process and returns when it stands.
func (c *child) stop() {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	for end := time.Now().Add(patience); !c.stopped(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			c.t.Fatal("the child doesn't stop")
		}
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatalf("%v: %v; the child ended with %v\n%s", s, err, c.cmd.Wait(), c.text())
	}
}

// stopped tells whether all threads of the child's process stand.
func (c *child) stopped() bool {
	c.t.Helper()
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.cmd.Process.Pid))
	for _, name := range all {
		stat, err := os.ReadFile(name)
		if err == nil && !bytes.Contains(stat, []byte(") T ")) {
			return false
		}
	}
	return true
}

// stops is how often a child is stopped.
const stops = 40

// TestStoppedAndContinued. Promises: a process that is stopped and continued at any
// moment goes on as if nothing had been. What was due meanwhile comes at once;
// results are right; afterwards nothing stays behind without a P, and the process
// comes to rest.
//
// No clock tells a stop from a slice that was exceeded. So each stop may cost the
// task on each P its P, and twice if it had just been asked to yield; beyond that,
// a machine that others use may keep a thread from running for a slice, which is as
// often as there are slices in the time at most. More than that would be a storm.
func TestStoppedAndContinued(t *testing.T) {
	c := start(t, "work, calm")
	c.rounds(1)
	began, stood := time.Now(), time.Duration(0)
	for range stops {
		time.Sleep(rand.N(20 * time.Millisecond))
		c.stop()
		stopped := time.Now()
		time.Sleep(rand.N(40 * time.Millisecond)) // up to some slices
		stood += time.Since(stopped)
		c.signal(syscall.SIGCONT)
	}
	ran := time.Since(began) - stood
	c.rounds(len(configs))
	r := c.end()
	const procs = 4 // of the largest scheduler; one of them works at a time
	if most := procs * (2*stops + 1 + int(ran/calmSlice)); r.Overruns > uint64(most) {
		t.Errorf("%d Ps were taken from running tasks; at most %d would be right", r.Overruns, most)
	}
	t.Logf("%d stops of %v in all, in %v: %d Ps were taken from running tasks", stops, stood, ran, r.Overruns)
}

// TestTenthOfProcessor. Promise: with hardly any processor everything comes later,
// and nothing else changes: results are right, and nothing is taken for a deadlock.
func TestTenthOfProcessor(t *testing.T) {
	t.Run("quota", func(t *testing.T) {
		group := newQuota(t)
		c := start(t, "work")
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(c.cmd.Process.Pid)), 0); err != nil {
			t.Fatal(err)
		}
		c.rounds(2 * len(configs))
		c.end()
		stat, err := os.ReadFile(filepath.Join(group, "cpu.stat"))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^nr_throttled ([1-9]\d*)$`).FindSubmatch(stat)
		if m == nil {
			t.Fatalf("the quota has never stopped the child: %s", stat)
		}
		t.Logf("out of quota %s times", m[1])
	})
	// The same without rights, and everywhere the same: by stopping and continuing.
	t.Run("duty cycle", func(t *testing.T) {
		c := start(t, "work")
		enough, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				c.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // rounds tells if it is gone
				select {
				case <-enough:
					return
				case <-time.After(10 * time.Millisecond):
				}
				c.cmd.Process.Signal(syscall.SIGSTOP) //nolint:errcheck // as above
				time.Sleep(90 * time.Millisecond)
			}
		}()
		defer func() { close(enough); <-done; c.end() }()
		c.rounds(2 * len(configs))
	})
}

// newQuota makes a control group with a tenth of a processor, and returns its
// folder.
func newQuota(t *testing.T) string {
	t.Helper()
	needRoot(t, "to make a control group")
	own, err := cgroup.Find(os.DirFS("/"))
	if err != nil {
		missing(t, "no control group: %v", err)
	}
	g, err := own.NewForProcesses("/", cgroup.Limit{Quota: 10 * time.Millisecond, Period: 100 * time.Millisecond})
	if err != nil {
		missing(t, "no quota can be set: %v", err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	return g.Dir()
}
