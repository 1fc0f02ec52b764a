// Package sx is the shim through which every protocol of runq reaches its
// shared words, locks and waits.
//
// Code on a protocol path must not name sync or sync/atomic: it uses the types
// here, so that a schedule checker can take the place of the real ones at build
// time and treat each operation as a point where another thread may run.
//
// The atomic types embed those of sync/atomic. An alias would be shorter, but
// the compiler doesn't inline methods through an alias from another package: the
// loads and compare-and-swaps would become calls.
//
// All operations are sequentially consistent, as Go's atomics are. Slot and the
// Peek functions are the two exceptions; each says what orders it.
package sx
