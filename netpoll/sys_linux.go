//go:build linux && !netpoll_goroutines && !race && !msan && !asan

package netpoll

import (
	"syscall"
	"unsafe"
)

// Package syscall tells Go's scheduler of every call, which may then give the thread's
// P away: after 20 µs if the thread has been off the CPU meanwhile, which on a busy
// machine happens all the time. It costs more than the call, and makes a running task
// look as if it waited in ordinary Go, for which its P is taken (stuck.go). Calls
// that don't wait for others and don't take long needn't be told of: reading and writing
// in non-blocking mode, up to rawMost bytes.
//
// They may be held up even so: by another thread that has the socket's lock in the
// kernel, by a page of the buffer that must come from a disk, by a lack of memory. That
// is no worse than what befalls any Go code that touches such memory: it ends by itself,
// and the thread keeps its P until then.

// rawMost is what the kernel copies in some 20 µs, which is how long Go's garbage
// collector may have to wait for the thread.
const rawMost = 64 << 10

// sysRead is syscall.Read for a non-blocking descriptor. b isn't empty.
func sysRead(fd int, b []byte) (n int, err error) {
	if len(b) > rawMost {
		return syscall.Read(fd, b)
	}
	return results(syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// sysWrite is syscall.Write for a non-blocking descriptor. b isn't empty.
func sysWrite(fd int, b []byte) (n int, err error) {
	if len(b) > rawMost {
		return syscall.Write(fd, b)
	}
	return results(syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// results makes Go's results of a system call's. The common errors are made without an
// allocation.
func results(r, _ uintptr, errno syscall.Errno) (n int, err error) {
	switch errno {
	case 0:
		return int(r), nil
	case syscall.EAGAIN:
		return -1, errAgain
	}
	return -1, errno
}

var errAgain error = syscall.EAGAIN
