package main

// uneven is a thousand branches of one unit of work and one of a thousand units,
// which splits like the others: the ideal at two workers is half of the serial
// time. Who hands out equal shares of the branches gets half of that wrong.
var unevenWorkload = &workload{
	name: "uneven", size: 5_000, quick: 50,
	serial: func(unit int) job {
		return job{op: func() uint64 { return unevenSum(0, unevenBranches, unit) }}
	},
	groups: func(unit int, p *pool) job {
		return job{op: func() uint64 { return p.unevenSum(0, unevenBranches, unit) }}
	},
}

const (
	unevenBranches = 1001
	// unevenHeavy is the heavy branch: somewhere that is neither first, nor
	// last, nor in the middle.
	unevenHeavy = 333
	// The units of the heavy branch are numbered apart from the others.
	unevenFirst = 10_000
	unevenLast  = unevenFirst + 1000
)

// work is one unit: size dependent steps.
func work(seed uint64, size int) uint64 {
	for range size {
		seed = mix(seed)
	}
	return seed
}

func unevenSum(lo, hi, unit int) (sum uint64) {
	for i := lo; i < hi; i++ {
		if i == unevenHeavy {
			sum += unevenSum(unevenFirst, unevenLast, unit)
		} else {
			sum += work(uint64(i), unit)
		}
	}
	return sum
}

func (p *pool) unevenSum(lo, hi, unit int) uint64 {
	if hi-lo == 1 {
		if lo == unevenHeavy {
			return p.unevenSum(unevenFirst, unevenLast, unit)
		}
		return work(uint64(lo), unit)
	}
	middle := lo + (hi-lo)/2
	var left uint64
	g := p.group()
	g.Go(func() { left = p.unevenSum(lo, middle, unit) })
	right := p.unevenSum(middle, hi, unit)
	g.Wait()
	return left + right
}
