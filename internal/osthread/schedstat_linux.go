package osthread

import (
	"bytes"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// RunDelay returns for how long the calling thread, since it was made, has been ready to run
// and had no processor. The error says so if the kernel keeps no such account
// (CONFIG_SCHED_INFO). It takes some microseconds.
func RunDelay() (time.Duration, error) {
	var buf [64]byte // three numbers of 20 digits at most
	fd, err := syscall.Open("/proc/thread-self/schedstat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	n, err := syscall.Read(fd, buf[:])
	syscall.Close(fd)
	if err != nil {
		return 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	return parseSchedstat(buf[:n])
}

// parseSchedstat reads the second of the numbers in such a file: nanoseconds.
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("osthread: the kernel's account of a thread is %q, not three numbers", text)
	}
	n, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	return time.Duration(n), nil
}
