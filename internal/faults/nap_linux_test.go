package faults

import "golang.org/x/sys/unix"

// nap blocks the thread in the kernel for a moment.
func nap() { unix.Nanosleep(&unix.Timespec{Nsec: brief.Nanoseconds()}, nil) } //nolint:errcheck // a signal may end it early
