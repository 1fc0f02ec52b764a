package osthread

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CPU returns the CPU that the calling thread runs on, or did a moment ago; -1 when that
// isn't known.
func CPU() int {
	var cpu uint32
	if _, _, err := syscall.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 {
		return -1
	}
	return int(cpu)
}
