//go:build !linux

package tracefile

// Monotonic returns 0: the machine's monotonic clock isn't asked for.
func Monotonic() int64 { return 0 }
