package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMonotonicClock. Promise: only differences of the monotonic clock count. What
// it reads, a second or a century, and what the wall clock reads beside it, is the
// same to runq.
//
// Steps of the wall clock are excluded by a rule of internal/lint: the library never
// asks for wall time. They can't be tried, since Linux has no namespace for the wall
// clock, and setting the machine's is nothing that a test may do. It has one for
// the monotonic clock.
func TestMonotonicClock(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		missing(t, "needs util-linux: %v", err)
	}
	needRoot(t, "to make a time namespace")
	if _, err := os.Stat("/proc/self/ns/time"); err != nil {
		t.Skipf("this kernel has no time namespaces: %v", err)
	}
	up := now(t)
	for name, want := range map[string]time.Duration{
		"a second":  time.Second,
		"a century": 100 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			offset := "--monotonic=" + strconv.Itoa(int((want-up)/time.Second))
			if out, err := exec.Command(unshare, "--fork", "-T", offset, "true").CombinedOutput(); err != nil {
				t.Skipf("no time namespace can be made: %v: %s", err, out)
			}
			c := start(t, "clock", unshare, "--fork", "--kill-child", "-T", offset)
			line, err := c.out.ReadString('\n')
			if err != nil {
				t.Fatalf("%v\n%s", err, c.text())
			}
			began, err := time.ParseDuration(strings.TrimSpace(line))
			if err != nil || began < want-time.Minute || began > want+time.Minute {
				t.Fatalf("the child's clock began at %v (%v), not at %v", began, err, want)
			}
			c.rounds(len(configs))
			c.end()
		})
	}
}

// now returns what the monotonic clock reads.
func now(t *testing.T) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func init() {
	childMains["clock"] = func() {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			fail("%v", err)
		}
		fmt.Println(time.Duration(ts.Nano()))
		childWork(nil)
	}
}
