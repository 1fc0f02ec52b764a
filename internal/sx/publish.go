//go:build !model

package sx

import (
	"sync/atomic"
	"unsafe"
)

// Publishing: the asymmetric half of a store-then-look race.
//
// Who submits work stores it and then looks whether anybody sleeps; who goes to
// sleep says so and then looks for work. Each side's store must be seen before its
// own look, which costs the submitter a locked instruction for every task, though
// somebody goes to sleep once in many thousand. Linux lets the sleeper pay for both:
// membarrier makes every processor that runs this process pass a barrier. So Publish
// is a plain store where that is to be had, and the sleeper calls HeavyBarrier
// between saying and looking. Elsewhere Publish is an ordinary atomic store, and
// HeavyBarrier does nothing.
//
// What Publish keeps in any case: whoever sees the published value sees all that was
// written before it. On amd64, the only architecture where Publish is a plain store,
// that is so for every store.

// Published32 is an atomic uint32 that its one owner publishes.
type Published32 struct{ v uint32 }

// Publish stores v. It is ordered before the owner's later loads only as seen by who
// calls HeavyBarrier.
func (p *Published32) Publish(v uint32) {
	if asymmetric {
		p.v = v
		return
	}
	atomic.StoreUint32(&p.v, v)
}

// Load returns the value.
func (p *Published32) Load() uint32 { return atomic.LoadUint32(&p.v) }

// PublishedPointer is an atomic pointer that its one owner publishes, and others
// may clear by compare-and-swap. The garbage collector doesn't see it: what it points
// to must be kept alive by something else. For that its operations are single
// instructions, where a pointer's are calls with a write barrier before them.
type PublishedPointer[T any] struct{ w uintptr }

// word returns the pointer as the word that is kept.
func word[T any](v *T) uintptr { return uintptr(unsafe.Pointer(v)) }

// pointer returns the pointer that is kept as a word.
func pointer[T any](w uintptr) *T { return *(**T)(unsafe.Pointer(&w)) }

// TryPublish stores v if nothing is stored, and tells whether it did; see
// Published32.Publish. Only the owner may call it, since only he stores anything
// but nil. Where there is no asymmetric barrier it does nothing: then the owner has
// to Swap, as he has when the place is taken.
func (p *PublishedPointer[T]) TryPublish(v *T) bool {
	if asymmetric && p.w == 0 { // a plain load: nil is true, for others only clear
		p.w = word(v)
		return true
	}
	return false
}

// Load returns the pointer.
func (p *PublishedPointer[T]) Load() *T { return pointer[T](atomic.LoadUintptr(&p.w)) }

// IsNil tells whether nothing is stored.
func (p *PublishedPointer[T]) IsNil() bool { return atomic.LoadUintptr(&p.w) == 0 }

// CompareAndSwap replaces old by new if it is still there.
func (p *PublishedPointer[T]) CompareAndSwap(old, new *T) bool {
	return atomic.CompareAndSwapUintptr(&p.w, word(old), word(new))
}

// Swap stores new and returns what was there.
func (p *PublishedPointer[T]) Swap(new *T) *T {
	return pointer[T](atomic.SwapUintptr(&p.w, word(new)))
}
