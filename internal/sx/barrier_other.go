//go:build race || model || !linux || !amd64

package sx

// asymmetric is false where stores are published with a barrier of their own: where
// there is no membarrier, where the architecture's own store with release semantics
// is cheap, and under the race detector, which must see every order that is relied
// on; and under the schedule checker, whose memory is sequentially consistent.
const asymmetric = false

// HeavyBarrier does nothing: Publish was ordered already.
func HeavyBarrier() {}
