// Package usage reads what this process has used of the machine.
package usage

import (
	"fmt"
	"syscall"
	"time"
)

// CPU returns the CPU time, user and system, that all threads of the process
// have used so far.
func CPU() time.Duration {
	ru := self()
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// PeakRSS returns the largest resident set that the process has had, in bytes.
func PeakRSS() int64 {
	return self().Maxrss << 10 // Linux counts it in KiB
}

func self() syscall.Rusage {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		// It fails only for a bad pointer or a bad "who".
		panic(fmt.Sprintf("bench: getrusage of this process: %v", err))
	}
	return ru
}
