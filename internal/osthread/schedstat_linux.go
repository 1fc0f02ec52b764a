package osthread

import (
	"bytes"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// Schedstat returns how long the calling thread has run so far, to the last tick, and how
// long it was ready to run and had no processor. The error says so if the kernel keeps no
// such account (CONFIG_SCHED_INFO). It takes some microseconds.
func Schedstat() (ran, waited time.Duration, err error) {
	var buf [64]byte // three numbers of 20 digits at most
	fd, err := syscall.Open("/proc/thread-self/schedstat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	n, err := syscall.Read(fd, buf[:])
	syscall.Close(fd)
	if err != nil {
		return 0, 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	return parseSchedstat(buf[:n])
}

// parseSchedstat reads the first two of the numbers in such a file, which are nanoseconds.
func parseSchedstat(text []byte) (ran, waited time.Duration, err error) {
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, 0, fmt.Errorf("osthread: the kernel's account of a thread is %q, not three numbers", text)
	}
	for i, to := range []*time.Duration{&ran, &waited} {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
		}
		*to = time.Duration(n)
	}
	return ran, waited, nil
}
