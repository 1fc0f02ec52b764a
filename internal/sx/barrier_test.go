package sx

import (
	"runtime"
	"sync"
	"testing"
)

// duel is one side's mark, in a cache line of its own.
type duel struct {
	_       [128]byte
	arrived Uint32 // the round that this side has come to
	_       [128]byte
}

// meet waits until both sides have come to a round.
func meet(own, other *duel, round uint32) {
	own.arrived.Store(round)
	for i := 0; other.arrived.Load() < round; i++ {
		if i > 1000 { // the other side may have no processor
			runtime.Gosched()
		}
	}
}

// TestHeavyBarrier is the race that Publish and HeavyBarrier are for. One side
// publishes by a plain store and looks at the other's word; that one stores, passes
// the barrier and looks back. At least one must see the other's store.
func TestHeavyBarrier(t *testing.T) {
	if !asymmetric {
		t.Skip("here Publish is an atomic store and HeavyBarrier does nothing: under the race detector, " +
			"on another system than linux/amd64, or where membarrier(2) is forbidden")
	}
	rounds := uint32(200_000)
	if testing.Short() {
		rounds /= 10
	}
	light, heavy := new(duel), new(duel)
	number, pointer := new(Published32), new(PublishedPointer[uint32])
	said := new(duel) // by the heavy side; a line of its own, too
	lightSaw, heavySaw := make([]bool, rounds+1), make([]bool, rounds+1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint32(1); i <= rounds; i++ {
			mark := &i
			meet(light, heavy, i)
			if i%2 == 0 {
				number.Publish(i)
			} else {
				pointer.TryPublish(mark)
			}
			lightSaw[i] = said.arrived.Load() == i
		}
	})
	for i := uint32(1); i <= rounds; i++ {
		if i%2 == 1 {
			pointer.Swap(nil) // taken, so that there is nil to publish over
		}
		meet(heavy, light, i)
		said.arrived.Store(i)
		HeavyBarrier()
		if i%2 == 0 {
			heavySaw[i] = number.Load() == i
		} else {
			heavySaw[i] = pointer.Load() != nil
		}
	}
	wg.Wait()
	for i := uint32(1); i <= rounds; i++ {
		if !lightSaw[i] && !heavySaw[i] {
			t.Fatalf("in round %d neither side saw the other's store", i)
		}
	}
}
