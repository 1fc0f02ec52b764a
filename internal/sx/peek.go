package sx

// The Peek functions read a word that its owner writes with plain stores, for
// observers that want a recent value and no order: statistics, sysmon, the cheap
// snapshot. An aligned word is never torn on the 64-bit machines runq supports.
// The race detector is told to look away here and nowhere else; nothing that
// decides over a task may rest on a value peeked at.

//go:norace
func PeekUint64(p *uint64) uint64 { return *p }

//go:norace
func PeekUint8(p *uint8) uint8 { return *p }

//go:norace
func PeekUint32(p *uint32) uint32 { return *p }

//go:norace
func PeekInt64(p *int64) int64 { return *p }

//go:norace
func PeekPointer[T any](p **T) *T { return *p }

//go:norace
func PeekBool(p *bool) bool { return *p }

//go:norace
func PeekInt(p *int) int { return *p }
