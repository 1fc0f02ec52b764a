package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// exactSleep prepares the thread, to which the caller must be locked, for nap. Go's own timers are no use here:
// an idle program waits for them in epoll_wait, which counts in milliseconds, and latencies are a tenth of one.
// The kernel rounds sleeps, too, to 50 µs, unless asked not to.
func exactSleep() {
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) //nolint:errcheck // without it, lateness is larger, and reported
}

// nap sleeps for d, or less if a signal comes.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.Nanosleep(&ts, nil) //nolint:errcheck // the caller looks at the time
}
