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

import (
	"sync"
	"sync/atomic"
)

// Uint32 is an atomic uint32.
type Uint32 struct{ atomic.Uint32 }

// Uint64 is an atomic uint64.
type Uint64 struct{ atomic.Uint64 }

// Int32 is an atomic int32.
type Int32 struct{ atomic.Int32 }

// Int64 is an atomic int64.
type Int64 struct{ atomic.Int64 }

// Bool is an atomic bool.
type Bool struct{ atomic.Bool }

// Pointer is an atomic pointer. Its Store and CompareAndSwap are calls, not
// single instructions: the garbage collector's write barrier stands before them.
type Pointer[T any] struct{ atomic.Pointer[T] }

// Mutex is a mutual exclusion lock. It may be unlocked by another goroutine than
// the one that locked it, which the switch between carriers relies on.
type Mutex struct{ sync.Mutex }
