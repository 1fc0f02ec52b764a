package runq

import "golang.org/x/sys/unix"

// threadID returns the id of the calling thread.
func threadID() int { return unix.Gettid() }

// sleepInKernel blocks the calling thread for a moment.
func sleepInKernel() { unix.Nanosleep(&unix.Timespec{Nsec: 100_000}, nil) } //nolint:errcheck // a signal may end it early
