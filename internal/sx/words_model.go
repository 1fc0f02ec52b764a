//go:build model

package sx

import (
	"fmt"
	"sync/atomic"

	"github.com/runq-go/runq/internal/model"
)

// In this build every operation is a choice point of the schedule checker when an
// execution is under way, and the real thing when none is. The real thing is done in
// either case: only one thread of an execution runs at a time, so that it may as
// well be atomic.

// real is what the types of sync/atomic have in common.
type real[T, A any] interface {
	*A
	Load() T
	Store(T)
	Swap(T) T
	CompareAndSwap(old, new T) bool
}

// adder is real for numbers.
type adder[T, A any] interface {
	real[T, A]
	Add(T) T
	And(T) T
	Or(T) T
}

// word is a shared word: an A, which holds a T.
type word[T comparable, A any, P real[T, A]] struct {
	loc model.Loc
	v   A
}

// Location is what the checker knows the word by.
func (w *word[T, A, P]) Location() *model.Loc { return &w.loc }

// at is the choice point before an operation.
func (w *word[T, A, P]) at(op model.Op) *model.Row { return w.loc.At(P(nil), op) }

func (w *word[T, A, P]) Load() T {
	row := w.at(model.OpLoad)
	v := P(&w.v).Load()
	if row != nil {
		row.Values(v, v)
	}
	return v
}

func (w *word[T, A, P]) Store(v T) {
	row := w.at(model.OpStore)
	old := P(&w.v).Swap(v)
	if row != nil {
		row.Values(old, v)
	}
}

func (w *word[T, A, P]) Swap(v T) T {
	row := w.at(model.OpSwap)
	old := P(&w.v).Swap(v)
	if row != nil {
		row.Values(old, v)
	}
	return old
}

func (w *word[T, A, P]) CompareAndSwap(old, new T) bool {
	row := w.at(model.OpCAS)
	done := P(&w.v).CompareAndSwap(old, new)
	if row != nil {
		row.Values(old, new)
		if !done {
			row.Text += fmt.Sprint(" fails: ", P(&w.v).Load())
		}
	}
	return done
}

// number is a word that can be reckoned with.
type number[T comparable, A any, P adder[T, A]] struct{ word[T, A, P] }

func (n *number[T, A, P]) Add(delta T) T {
	row := n.at(model.OpAdd)
	old := P(&n.v).Load()
	v := P(&n.v).Add(delta)
	if row != nil {
		row.Values(old, v)
	}
	return v
}

func (n *number[T, A, P]) And(mask T) T {
	row := n.at(model.OpAdd)
	old := P(&n.v).And(mask)
	if row != nil {
		row.Values(old, P(&n.v).Load())
	}
	return old
}

func (n *number[T, A, P]) Or(mask T) T {
	row := n.at(model.OpAdd)
	old := P(&n.v).Or(mask)
	if row != nil {
		row.Values(old, P(&n.v).Load())
	}
	return old
}

// Uint32 is an atomic uint32.
type Uint32 struct {
	number[uint32, atomic.Uint32, *atomic.Uint32]
}

// Uint64 is an atomic uint64.
type Uint64 struct {
	number[uint64, atomic.Uint64, *atomic.Uint64]
}

// Int32 is an atomic int32.
type Int32 struct {
	number[int32, atomic.Int32, *atomic.Int32]
}

// Int64 is an atomic int64.
type Int64 struct {
	number[int64, atomic.Int64, *atomic.Int64]
}

// Bool is an atomic bool.
type Bool struct {
	word[bool, atomic.Bool, *atomic.Bool]
}

// Pointer is an atomic pointer.
type Pointer[T any] struct {
	word[*T, atomic.Pointer[T], *atomic.Pointer[T]]
}

// LoadLocked is Load by who holds the lock under which the pointer is replaced. It is no
// choice point: nobody can come in between.
func (p *Pointer[T]) LoadLocked() *T { return p.v.Load() }
