package osthread

import (
	"bytes"
	"strconv"
	"syscall"
)

// Waits tells whether a thread of this process is asleep, in whatever wait, and not
// running or ready to run (proc_pid_stat(5), the field state). ok is false when that can't
// be known, because the thread has ended, for instance. It takes some microseconds.
func Waits(tid int) (waits, ok bool) {
	var buf [256]byte
	fd, err := syscall.Open("/proc/self/task/"+strconv.Itoa(tid)+"/stat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false, false
	}
	n, err := syscall.Read(fd, buf[:])
	syscall.Close(fd)
	if err != nil {
		return false, false
	}
	// The name, in parentheses, may have any character in it.
	at := bytes.LastIndexByte(buf[:n], ')')
	if at < 0 || at+2 >= n {
		return false, false
	}
	return buf[at+2] == 'S' || buf[at+2] == 'D', true
}
