//go:build !linux

package runq

import (
	"errors"
	"fmt"
	"runtime"
)

// poller is a scheduler's part in the network: none on this system.
type poller struct{}

func (*poller) add(*FD) error {
	return fmt.Errorf("runq: Scheduler.NewFD: descriptors can't be waited for on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func (*poller) remove(*FD) {}

func (*poller) used() bool { return false }

func (*poller) overdue(int64) bool { return false }

func (*Scheduler) pollNet(*m) bool { return false }

func (*Scheduler) endNet() {}
