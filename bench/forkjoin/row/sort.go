package main

import "slices"

// sort is what a user calls: the library's own where there is one. The pools have
// none, so they sort parts by the standard library and merge them.
var sortWorkload = &workload{
	name: "sort", size: 10_000_000, quick: 10_000,
	serial: func(n int) job { return sortInPlaceJob(n, slices.Sort[[]int64]) },
	groups: func(n int, p *pool) job {
		return sortInPlaceJob(n, func(s []int64) { p.sort(s, make([]int64, len(s)), false) })
	},
}

// sortGrain is the most elements that one task sorts or merges. The more that is
// left to slices.Sort, the better; some hundred parts are enough for any machine.
const sortGrain = 1 << 14

// sortInPlaceJob sorts the same numbers each time.
func sortInPlaceJob(n int, sort func(s []int64)) job {
	input, s := numbers(n), make([]int64, n)
	return inPlace(func() { copy(s, input) }, func() { sort(s) }, func() uint64 { return digest(s) })
}

func (p *pool) sort(s, scratch []int64, toScratch bool) {
	if len(s) <= sortGrain {
		slices.Sort(s)
		if toScratch {
			copy(scratch, s)
		}
		return
	}
	h := len(s) / 2
	g := p.group()
	g.Go(func() { p.sort(s[:h], scratch[:h], !toScratch) })
	p.sort(s[h:], scratch[h:], !toScratch)
	g.Wait()
	if toScratch {
		p.merge(s[:h], s[h:], scratch, sortGrain)
	} else {
		p.merge(scratch[:h], scratch[h:], s, sortGrain)
	}
}
