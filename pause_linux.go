package runq

import (
	"time"

	"golang.org/x/sys/unix"
)

// pause sleeps in the kernel: the thread is woken by it, whatever Go's timers do.
// A signal may end the sleep early, which only makes for an early beat.
func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.Nanosleep(&ts, nil)
}
