// Package osthread sets and reads what the kernel knows of one thread: its nice
// value, the CPUs that it may run on, and the CPU time that it has used.
//
// On Linux these belong to a thread, not to the process; the facts are from
// sched(7), setpriority(2), sched_setaffinity(2) and clock_getres(2):
//
//   - A nice value is a weight, about a quarter more or less CPU time for each step.
//     It counts among the threads of one cgroup, and where autogroup is on, among
//     those of one session. So a nice thread always gives way to other threads of
//     its own process, and not always to other processes.
//   - Anybody may raise a nice value. Lowering it again needs CAP_SYS_NICE, or
//     RLIMIT_NICE.
//   - An affinity is cut down to the CPUs that exist and that the cpuset allows,
//     without a word as long as one is left.
//   - A new thread inherits both from the one that makes it.
//
// So the caller must have locked its goroutine to the thread with
// runtime.LockOSThread before it changes either: Go then makes new threads on
// another, unchanged one. And a goroutine that may not lower its thread's nice value
// again must end without unlocking, which ends the thread too; else Go runs other
// goroutines on it.
//
// On other systems there is no such thing, or none that Go can use: functions return
// errors.ErrUnsupported there.
package osthread

import "time"

// Account is what the kernel has counted of a thread since it was made.
type Account struct {
	Ran    time.Duration // on processors
	Waited time.Duration // ready to run, until it had a processor
	Times  int64         // how often it has got one
}

// The range of nice values. They are part of the system's interface.
const (
	MinNice = -20 // gets most
	MaxNice = 19  // gets least
)

// MaxCPUs is how many CPUs a thread can be pinned to, numbered from 0: what Linux
// can be built for at most (NR_CPUS).
const MaxCPUs = 8192
