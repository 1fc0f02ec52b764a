//go:build !linux

package osthread

// CPU returns -1: the CPU isn't known on this system.
func CPU() int { return -1 }
