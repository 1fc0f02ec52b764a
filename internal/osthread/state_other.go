//go:build !linux

package osthread

// Waits tells nothing on this system.
func Waits(int) (waits, ok bool) { return false, false }
