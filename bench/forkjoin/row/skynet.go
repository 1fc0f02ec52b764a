package main

// skynet is a tree of tasks, ten wide, whose leaves answer with their numbers and
// whose other nodes with the sum of their children.
var skynetWorkload = &workload{
	name: "skynet", size: 1_000_000, quick: 10_000,
	serial: func(leaves int) job { return job{op: func() uint64 { return skynet(0, uint64(leaves)) }} },
	groups: func(leaves int, p *pool) job { return job{op: func() uint64 { return p.skynet(0, uint64(leaves)) }} },
}

// skynetWidth is how many children a node has.
const skynetWidth = 10

func skynet(first, leaves uint64) (sum uint64) {
	if leaves == 1 {
		return first
	}
	below := leaves / skynetWidth
	for i := range uint64(skynetWidth) {
		sum += skynet(first+i*below, below)
	}
	return sum
}

func (p *pool) skynet(first, leaves uint64) (sum uint64) {
	if leaves == 1 {
		return first
	}
	below := leaves / skynetWidth
	var sums [skynetWidth]uint64
	g := p.group()
	for i := range sums {
		g.Go(func() { sums[i] = p.skynet(first+uint64(i)*below, below) })
	}
	g.Wait()
	for _, s := range sums {
		sum += s
	}
	return sum
}
