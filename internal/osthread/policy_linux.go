package osthread

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SetIdle gives the calling thread the kernel's policy for work that nobody waits for
// (SCHED_IDLE), for good unless it has privileges: any thread of the usual policy that
// wants the processor gets it at once (since Linux 6.12 only one of the same control group: what
// is between groups is by their weights, unless one is of cpu.idle), and a processor with nothing else to do counts as
// free. A nice value alone doesn't do that: who has got the processor keeps it for some
// milliseconds, whatever its nice value. The nice value stays as it is. The error says if
// a sandbox forbids it. It doesn't block.
func SetIdle() error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil { // 0: the calling thread
		return fmt.Errorf("osthread: setting the policy SCHED_IDLE: %w", err)
	}
	return nil
}

// Idle tells whether the calling thread has that policy.
func Idle() (bool, error) {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return false, fmt.Errorf("osthread: reading the policy: %w", err)
	}
	return attr.Policy == unix.SCHED_IDLE, nil
}
