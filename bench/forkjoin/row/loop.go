package main

// for is a loop over a million bodies of some nanoseconds each.
var forWorkload = &workload{
	name: "for", size: 1_000_000, quick: 10_000, flat: true,
	serial: func(n int) job {
		out := make([]uint64, n)
		return inPlace(nil, func() { fill(out, 0, n) }, func() uint64 { return sumOf(out) })
	},
	groups: func(n int, p *pool) job {
		out := make([]uint64, n)
		return inPlace(nil, func() { p.fill(out) }, func() uint64 { return sumOf(out) })
	},
}

// fill isn't inlined: so all rows run the same loop, and not one that the compiler has made
// faster for the range at hand.
//
//go:noinline
func fill(out []uint64, lo, hi int) {
	for i, part := 0, out[lo:hi]; i < len(part); i++ {
		part[i] = mix(uint64(lo + i))
	}
}

func sumOf(out []uint64) (sum uint64) {
	for _, x := range out {
		sum += x
	}
	return sum
}

// fill gives each worker one part: all bodies take the same time.
func (p *pool) fill(out []uint64) {
	g := p.group()
	for w := range p.workers {
		g.Go(func() { fill(out, w*len(out)/p.workers, (w+1)*len(out)/p.workers) })
	}
	g.Wait()
}
