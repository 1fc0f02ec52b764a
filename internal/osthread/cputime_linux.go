package osthread

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// threadClock is the kernel's number for the clock of a thread's CPU time. It is
// made of the complement of the thread's number, so that it is negative and can't be
// one of the fixed clocks, and of three bits: clockThread and clockRunTime.
func threadClock(tid int) int32 { return int32(^tid)<<3 | clockThread | clockRunTime }

const (
	clockThread  = 4 // of a thread, not of its process
	clockRunTime = 2 // what the scheduler has counted: user and system time, in nanoseconds
)

// CPUTime returns the CPU time, user and system, that a thread of this process has
// used so far, up to date even while it runs. The error says if there is no such
// thread: it may have ended. A number can be reused by a later thread.
//
// It is one short system call that doesn't block. The alternative, the first number
// in /proc/self/task/TID/schedstat, takes an open, a read and a close, and is as old
// as the last tick while the thread runs.
func CPUTime(tid int) (time.Duration, error) {
	if tid <= 0 {
		return 0, fmt.Errorf("osthread: CPU time of thread %d: thread numbers are positive", tid)
	}
	used, errno := read(threadClock(tid))
	if errno == unix.EINVAL {
		return 0, fmt.Errorf("osthread: CPU time of thread %d: this process has no such thread: %w", tid, errno)
	}
	if errno != 0 {
		return 0, fmt.Errorf("osthread: CPU time of thread %d: %w", tid, errno)
	}
	return used, nil
}

// ProcessCPUTime returns the CPU time, user and system, that all threads of this
// process, ended ones too, have used so far. The kernel adds them up, so that it
// costs a little for each thread.
func ProcessCPUTime() (time.Duration, error) {
	used, errno := read(unix.CLOCK_PROCESS_CPUTIME_ID)
	if errno != 0 {
		return 0, fmt.Errorf("osthread: CPU time of the process: %w", errno)
	}
	return used, nil
}

// read looks at a clock. It is called so often that Go shouldn't be told of a system
// call: it is over sooner than that would take.
func read(clock int32) (time.Duration, syscall.Errno) {
	var ts unix.Timespec
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno
}
