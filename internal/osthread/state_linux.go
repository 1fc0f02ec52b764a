package osthread

import (
	"bytes"
	"strconv"
)

// Waits tells whether a thread of this process is asleep, in whatever wait, and not
// running or ready to run (proc_pid_stat(5), the field state). ok is false when that can't
// be known, because the thread has ended, for instance. It takes some microseconds.
func Waits(tid int) (waits, ok bool) {
	var buf [256]byte
	text, err := readInto(buf[:], "/proc/self/task/"+strconv.Itoa(tid)+"/stat")
	if err != nil {
		return false, false
	}
	// The name, in parentheses, may have any character in it.
	at := bytes.LastIndexByte(text, ')')
	if at < 0 || at+2 >= len(text) {
		return false, false
	}
	return text[at+2] == 'S' || text[at+2] == 'D', true
}
