//go:build !model

package sx

// RingCap is the capacity of a P's ring of tasks: Go's and Tokio's figure. Large
// enough that a burst of children seldom reaches the global queue, small enough
// that half of it is a fair batch to move. A power of two, for the mask.
const RingCap = 256
