//go:build model

package sx

import (
	"sync/atomic"
	"unsafe"

	"github.com/runq-go/runq/internal/model"
)

// Published32 is an atomic uint32 that its one owner publishes; see publish.go.
type Published32 struct{ w Uint32 }

// Location is what the checker knows the word by.
func (p *Published32) Location() *model.Loc { return p.w.Location() }

// Publish stores v.
func (p *Published32) Publish(v uint32) { p.w.Store(v) }

// Load returns the value.
func (p *Published32) Load() uint32 { return p.w.Load() }

// PublishedPointer is an atomic pointer that its one owner publishes, and others
// may clear by compare-and-swap.
type PublishedPointer[T any] struct {
	loc model.Loc
	p   unsafe.Pointer
}

// Location is what the checker knows the pointer by.
func (p *PublishedPointer[T]) Location() *model.Loc { return &p.loc }

// TryPublish stores v if nothing is stored, and tells whether it did. In an
// execution it does so in the two steps that it has where it works at all.
func (p *PublishedPointer[T]) TryPublish(v *T) bool {
	if model.Current() == nil || p.Load() != nil {
		return false
	}
	row := p.loc.At("pointer", model.OpStore)
	old := atomic.SwapPointer(&p.p, unsafe.Pointer(v))
	if row != nil {
		row.Values(old, v)
	}
	return true
}

// Load returns the pointer.
func (p *PublishedPointer[T]) Load() *T {
	row := p.loc.At("pointer", model.OpLoad)
	v := (*T)(atomic.LoadPointer(&p.p))
	if row != nil {
		row.Values(v, v)
	}
	return v
}

// IsNil tells whether nothing is stored.
func (p *PublishedPointer[T]) IsNil() bool { return p.Load() == nil }

// CompareAndSwap replaces old by new if it is still there.
func (p *PublishedPointer[T]) CompareAndSwap(old, new *T) bool {
	row := p.loc.At("pointer", model.OpCAS)
	done := atomic.CompareAndSwapPointer(&p.p, unsafe.Pointer(old), unsafe.Pointer(new))
	if row != nil {
		row.Values(old, new)
		if !done {
			row.Text += " fails"
		}
	}
	return done
}

// Swap stores new and returns what was there.
func (p *PublishedPointer[T]) Swap(new *T) *T {
	row := p.loc.At("pointer", model.OpSwap)
	old := (*T)(atomic.SwapPointer(&p.p, unsafe.Pointer(new)))
	if row != nil {
		row.Values(old, new)
	}
	return old
}
