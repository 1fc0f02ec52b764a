package main

import "slices"

// mergesort sorts by halves and merges by halves too, so that both have tasks.
var mergesortWorkload = &workload{
	name: "mergesort", size: 10_000_000, quick: 10_000,
	serial: func(n int) job { return sortJob(n, mergesort) },
	groups: func(n int, p *pool) job { return sortJob(n, p.mergesort) },
}

const (
	// mergeGrain is the most elements that one task sorts or merges: some ten
	// microseconds, which is hundreds of times what the dearest fork costs.
	mergeGrain = 1024
	// insertionMost is up to where insertion sort is the fastest.
	insertionMost = 32
)

// sortJob sorts the same numbers each time; the scratch memory is there before.
func sortJob(n int, sort func(s, scratch []int64, toScratch bool)) job {
	input, s, scratch := numbers(n), make([]int64, n), make([]int64, n)
	return inPlace(
		func() { copy(s, input); copy(scratch, input) },
		func() { sort(s, scratch, false) },
		func() uint64 { return digest(s) },
	)
}

// numbers returns n random numbers, always the same.
func numbers(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(mix(uint64(i)))
	}
	return s
}

// mix is the output function of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// digest depends on the order; 0 if it isn't ascending.
func digest(s []int64) (sum uint64) {
	for i, x := range s {
		if i > 0 && s[i-1] > x {
			return 0
		}
		sum += uint64(x) * uint64(i+1)
	}
	return sum
}

// mergesort sorts s; the result is in scratch if that is asked for, else in s.
func mergesort(s, scratch []int64, toScratch bool) {
	if len(s) <= insertionMost {
		insertionSort(s)
		if toScratch {
			copy(scratch, s)
		}
		return
	}
	h := len(s) / 2
	mergesort(s[:h], scratch[:h], !toScratch)
	mergesort(s[h:], scratch[h:], !toScratch)
	if toScratch {
		merge(s[:h], s[h:], scratch)
	} else {
		merge(scratch[:h], scratch[h:], s)
	}
}

func insertionSort(s []int64) {
	for i := 1; i < len(s); i++ {
		x, j := s[i], i
		for ; j > 0 && s[j-1] > x; j-- {
			s[j] = s[j-1]
		}
		s[j] = x
	}
}

func merge(a, b, out []int64) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		if x, y := a[i], b[j]; x <= y {
			out[i+j] = x
			i++
		} else {
			out[i+j] = y
			j++
		}
	}
	copy(out[i+j:], a[i:])
	copy(out[i+j:], b[j:])
}

// split returns where to cut two sorted parts, so that neither a[i:] nor b[j:]
// has anything smaller than what is before the cuts. The longer is cut in half.
func split(a, b []int64) (i, j int) {
	if len(a) < len(b) {
		j, i = split(b, a)
		return i, j
	}
	i = len(a) / 2
	j, _ = slices.BinarySearch(b, a[i])
	return i, j
}

func (p *pool) mergesort(s, scratch []int64, toScratch bool) {
	if len(s) <= mergeGrain {
		mergesort(s, scratch, toScratch)
		return
	}
	h := len(s) / 2
	g := p.group()
	g.Go(func() { p.mergesort(s[:h], scratch[:h], !toScratch) })
	p.mergesort(s[h:], scratch[h:], !toScratch)
	g.Wait()
	if toScratch {
		p.merge(s[:h], s[h:], scratch, mergeGrain)
	} else {
		p.merge(scratch[:h], scratch[h:], s, mergeGrain)
	}
}

// merge merges in tasks of at most grain elements.
func (p *pool) merge(a, b, out []int64, grain int) {
	if len(out) <= grain {
		merge(a, b, out)
		return
	}
	i, j := split(a, b)
	g := p.group()
	g.Go(func() { p.merge(a[:i], b[:j], out[:i+j], grain) })
	p.merge(a[i:], b[j:], out[i+j:], grain)
	g.Wait()
}
