package osthread

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Schedstat returns the kernel's account of the calling thread. The error says so if it keeps
// none (CONFIG_SCHED_INFO). It takes some microseconds.
func Schedstat() (Account, error) {
	var buf [64]byte // three numbers of 20 digits at most
	text, err := readInto(buf[:], "/proc/thread-self/schedstat")
	if err != nil {
		return Account{}, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
	}
	a, err := parseSchedstat(text)
	if ran, errno := read(unix.CLOCK_THREAD_CPUTIME_ID); errno == 0 {
		a.Ran = ran // the file has it as of the last tick
	}
	return a, err
}

// parseSchedstat reads such a file: three numbers, the first two of nanoseconds.
func parseSchedstat(text []byte) (a Account, err error) {
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return a, fmt.Errorf("osthread: the kernel's account of a thread is %q, not three numbers", text)
	}
	for i, to := range []*int64{(*int64)(&a.Ran), (*int64)(&a.Waited), &a.Times} {
		if *to, err = strconv.ParseInt(string(fields[i]), 10, 64); err != nil {
			return a, fmt.Errorf("osthread: the kernel's account of a thread: %w", err)
		}
	}
	return a, nil
}
