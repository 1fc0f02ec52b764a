package main

import (
	"sync/atomic"

	"github.com/runq-go/runq"
)

// digestLeaf is how much of a file is read without a fork: some tens of nanoseconds' work, so that forks are
// most of it.
const digestLeaf = 64

// onForks reads the files in one background task that forks for every few bytes, instead of compressing them.
func onForks(c *compression, _ int) (func() error, error) {
	s, err := runq.New(runq.Config{})
	if err != nil {
		return nil, err
	}
	var all atomic.Uint64 // so that the work isn't for nothing
	s.Background().Go(func(t *runq.Task) {
		for !c.ended.Load() {
			file := c.files[(c.turn.Add(1)-1)%int64(len(c.files))]
			all.Add(digest(t, digestPart{&c.ended, file}))
			c.input.Add(int64(len(file)))
		}
	})
	return func() error { c.ended.Store(true); return s.Close() }, nil
}

// A digestPart is what a fork reads, unless that has ended.
type digestPart struct {
	ended *atomic.Bool
	bytes []byte
}

// digest returns a sum of the bytes that depends on their order.
func digest(t *runq.Task, p digestPart) (sum uint64) {
	if n := len(p.bytes); n > digestLeaf && !p.ended.Load() {
		upper := runq.Fork(t, digest, digestPart{p.ended, p.bytes[n/2:]})
		sum = digest(t, digestPart{p.ended, p.bytes[:n/2]})
		return 31*sum + upper.Join(t)
	}
	for _, b := range p.bytes[:min(digestLeaf, len(p.bytes))] {
		sum = 31*sum + uint64(b)
	}
	return sum
}
