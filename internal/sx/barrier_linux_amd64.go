//go:build !race && !model

package sx

import "golang.org/x/sys/unix"

// Commands of membarrier(2), which x/sys doesn't name. Private means: among the
// threads of this process. Linux has them since 4.14; a sandbox may forbid them.
const (
	membarrierPrivateExpedited         = 1 << 3
	membarrierRegisterPrivateExpedited = 1 << 4
)

// asymmetric tells whether HeavyBarrier works, so that Publish can do without a
// barrier of its own. Set before main, never changed.
var asymmetric = membarrier(membarrierRegisterPrivateExpedited) && membarrier(membarrierPrivateExpedited)

func membarrier(command uintptr) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, command, 0, 0)
	return errno == 0
}

// HeavyBarrier makes every thread of the process pass a memory barrier: what any of
// them has published is seen by the caller afterwards, unless that thread's later
// loads see what the caller has stored before. It costs about a microsecond.
func HeavyBarrier() {
	if asymmetric && !membarrier(membarrierPrivateExpedited) {
		panic("BUG: runq: membarrier worked at the start and fails now")
	}
}
