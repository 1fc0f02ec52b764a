package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
)

// quotaPeriod is the kernel's default and what container engines use.
const quotaPeriod = 100 * time.Millisecond

// The quotas that a control group can have. The kernel wants a millisecond at least, of the period of
// quotaPeriod; and nobody has more CPUs than a scheduler can have Ps.
const (
	leastQuota = 0.01
	mostQuota  = 1024
)

// newQuotaGroup makes a control group that gets so many CPUs at most.
func newQuotaGroup(cpus float64) (*cgroup.Child, error) {
	var g *cgroup.Child
	own, err := cgroup.Find(os.DirFS("/"))
	if err == nil {
		g, err = own.NewForProcesses("/", cgroup.LimitOf(cpus, quotaPeriod))
	}
	if err != nil {
		return nil, fmt.Errorf("--quota %v: %w", cpus, err)
	}
	return g, nil
}

// enterGroup puts this process into a group and starts its program again, with other arguments: Go looks for
// limits when it starts. It returns only if that fails.
func enterGroup(dir string, args []string) error {
	if err := cgroup.Enter(dir); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("starting again in a control group: %w", syscall.Exec(self, append([]string{self}, args...), os.Environ()))
}

// readThrottled reads how often a group has run out of its quota: never, without one.
func readThrottled(g *cgroup.Child) (cgroup.Throttled, error) {
	if g == nil {
		return cgroup.Throttled{}, nil
	}
	return g.Throttled()
}

// throttledPart is how much of the periods: 0 if there were none, which is when nothing ran.
func throttledPart(t cgroup.Throttled) float64 {
	return divide(float64(t.ThrottledPeriods), float64(t.Periods))
}
