// Package gotrace reads the execution traces of ordinary Go programs as events of
// package event: what runtime/trace writes, `go test -trace`, the flight recorder, and
// /debug/pprof/trace.
//
//	src, err := gotrace.Open("http://localhost:6060/debug/pprof/trace?seconds=5")
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	for e, err := range event.All(src) {
//		…
//	}
//
// It reads what Go 1.22 to 1.26 write. Older traces have another format, which can only
// be read as a whole; they are refused.
//
// A goroutine is a task, with the goroutine's id; an M is named by the id of its thread,
// which on Linux is the kernel's; a P has its number. Times are in ns from the beginning
// of the trace; event.Info has the monotonic clock that goes with them, from Go 1.25 on.
//
// # Memory
//
// Go writes traces in generations, of about a second each, and a generation can only be
// put in order as a whole. So what reading needs is twice the longest generation (the
// present one, and what of the next one was found behind it), plus what is known of the
// goroutines that live and the stacks that were seen; it doesn't depend on how long the
// trace is. A generation beyond a limit is an error: see Options.
//
// # Speed
//
// The decoder of golang.org/x/exp/trace takes most of the time. It runs in a goroutine
// of its own, some batches ahead of whoever calls Read, so that on two CPUs an analysis
// costs little more than the bare reading, as long as it keeps pace. Nothing is allocated
// for an event: a stack is looked at once in each generation.
//
// # What a trace doesn't say
//
// A goroutine that a timer or the network poller readies, is readied by nobody. Which of
// them it was is concluded from what the goroutine had waited for, and ReasonWakeRuntime
// stands where that says nothing. event.Info names the rest.
//
// Left out are user tasks and logs, labels, CPU samples, sweeping, the size of the heap,
// and experimental events; user regions are there.
package gotrace
