package tracefile

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Monotonic returns the machine's monotonic clock in ns, by which recordings of different
// sorts can be laid beside each other; 0 if there is none.
func Monotonic() int64 {
	var ts unix.Timespec
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return ts.Nano()
}
