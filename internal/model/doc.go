// Package model checks concurrent code by running it under every schedule, up to a
// bound.
//
// The code under test is ordinary code whose shared words, locks and waits are those
// of internal/sx, built with the tag model. Each of their operations is then a choice
// point: before it takes place, the explorer decides which thread goes on. One
// thread runs at a time, so an execution is the sequence of these choices and can be
// repeated.
//
// # What is checked
//
// An execution fails when a thread panics or calls Failf, when nobody can go on and
// not all have ended (deadlock, leaked thread), or when it takes more than
// Config.Steps operations (livelock). The failure shows the interleaving as a table
// with a column for each thread, and a string with which it is repeated.
//
// # Memory model
//
// Sequential consistency: every operation takes effect at once, for all, in the order
// of the schedule. Go's atomics promise that. What rests on less isn't covered: a
// Publish is an atomic store here, and HeavyBarrier does nothing (docs/design/0006
// and TestHeavyBarrier of internal/sx are about those). A Slot, which has plain words,
// is written in two steps; who reads it in between gets nothing but zeros. Words
// that aren't of package sx are no choice points and aren't watched: that is the race
// detector's work. Of those that are read with sx.Peek, the values between two
// operations of the owner are seen as far as schedules happen to differ there.
//
// # Threads
//
// A thread is what Execution.Go or sx.Go has started. It isn't a goroutine: the code
// may switch coroutines, and what they do is done by the thread that is running. Only
// the threads of the execution may use operations of package sx while it lasts, so
// checks must not run in parallel with other tests of their package.
//
// # What costs a preemption
//
// Taking the turn from a thread that could go on. Going on with another one when a
// thread waits, ends, or has yielded costs nothing. A timeout that comes although
// others could go on costs one; when all wait, timeouts are free.
//
// # Fairness
//
// A thread that has yielded Config.Spins times while nobody else made a step stands
// behind all who could go on, until each has made one. So does one that has made
// spinReads operations in a row which changed nothing. A loop that waits for another
// thread therefore ends, unless it is a livelock.
//
// # Reduction
//
// It makes no difference whether a thread is preempted before an operation on a word
// that nobody else uses, or that nobody writes, or only before its next operation
// that matters. So the depth-first search doesn't branch at such places. What is
// shared is seen only after the execution: places of the present path that turn out
// to matter are opened then. Config.Full turns this off.
package model
