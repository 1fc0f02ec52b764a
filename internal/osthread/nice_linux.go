package osthread

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// niceBias is what the system call returns for a nice value of 0: it counts down
// from there, since a negative result would look like an error.
const niceBias = 20

// ID returns the number by which the kernel knows the calling thread.
func ID() int { return unix.Gettid() }

// SetNice sets the nice value of the calling thread, from [MinNice] to [MaxNice].
// The error says if the thread may not have that value. It doesn't block.
func SetNice(n int) error {
	if n < MinNice || n > MaxNice {
		return fmt.Errorf("osthread: nice value %d: must be from %d to %d", n, MinNice, MaxNice)
	}
	err := unix.Setpriority(unix.PRIO_PROCESS, 0, n) // 0: the calling thread
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("osthread: nice value %d not permitted: use a value not below the thread's own (0 unless changed), "+
			"or give the process CAP_SYS_NICE or a higher RLIMIT_NICE: %w", n, err)
	}
	return fmt.Errorf("osthread: setting nice value %d: %w", n, err)
}

// Nice returns the nice value of the calling thread.
func Nice() (int, error) {
	got, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0, fmt.Errorf("osthread: reading the nice value: %w", err)
	}
	return niceBias - got, nil
}
