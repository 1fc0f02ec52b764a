//go:build !linux

package osthread

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// unsupported is the error of everything here.
func unsupported(what string) error {
	return fmt.Errorf("osthread: %s on %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}

// ID returns 0: the thread's number is of no use here.
func ID() int { return 0 }

// SetNice returns errors.ErrUnsupported: nice values belong to processes here, if
// there are any.
func SetNice(int) error { return unsupported("nice value of a thread") }

// Nice returns errors.ErrUnsupported.
func Nice() (int, error) { return 0, unsupported("nice value of a thread") }

// SetIdle returns errors.ErrUnsupported.
func SetIdle() error { return unsupported("policy of a thread") }

// Idle returns errors.ErrUnsupported.
func Idle() (bool, error) { return false, unsupported("policy of a thread") }

// Schedstat returns errors.ErrUnsupported.
func Schedstat() (Account, error) {
	return Account{}, unsupported("the kernel's account of a thread")
}

// SetAffinity returns errors.ErrUnsupported.
func SetAffinity([]int) error { return unsupported("affinity of a thread") }

// Affinity returns errors.ErrUnsupported.
func Affinity() ([]int, error) { return nil, unsupported("affinity of a thread") }

// CPUTime returns errors.ErrUnsupported.
func CPUTime(int) (time.Duration, error) { return 0, unsupported("CPU time of a thread") }

// ProcessCPUTime returns errors.ErrUnsupported.
func ProcessCPUTime() (time.Duration, error) { return 0, unsupported("CPU time of the process") }
