//go:build linux && !netpoll_goroutines && (race || msan || asan)

package netpoll

import "syscall"

// The race detector knows of what happens before what through package syscall only, and
// the sanitizers of what memory the kernel reads and writes.

func sysRead(fd int, b []byte) (n int, err error) { return syscall.Read(fd, b) }

func sysWrite(fd int, b []byte) (n int, err error) { return syscall.Write(fd, b) }
