package main

import "runtime/debug"

// gcPercent is by how much of what is live the heap may grow before it is collected, while a recording is read.
// Reading makes garbage only at the beginning of a generation of the recording, tens of MB at once, so that
// collecting three times as often as usual costs little, and the peak is lower by a fourth or more.
const gcPercent = 30

// limitMemory makes collections more frequent until it is undone.
func limitMemory() (undo func()) {
	before := debug.SetGCPercent(gcPercent)
	return func() { debug.SetGCPercent(before) }
}
