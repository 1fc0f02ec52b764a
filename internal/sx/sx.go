//go:build !model

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

// LoadLocked is Load by who holds the lock under which the pointer is replaced. For the
// schedule checker it is no step: nobody can come in between.
func (p *Pointer[T]) LoadLocked() *T { return p.Load() }

// Mutex is a mutual exclusion lock. It may be unlocked by another goroutine than
// the one that locked it, which the switch between carriers relies on.
type Mutex struct{ sync.Mutex }
