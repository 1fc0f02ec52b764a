package main

// fib without a cut-off: nothing but forks and joins.
var fibWorkload = &workload{
	name: "fib", size: 35, quick: 20,
	serial: func(n int) job { return job{op: func() uint64 { return uint64(fib(n)) }} },
	groups: func(n int, p *pool) job { return job{op: func() uint64 { return uint64(p.fib(n)) }} },
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func (p *pool) fib(n int) int {
	if n < 2 {
		return n
	}
	var x int
	g := p.group()
	g.Go(func() { x = p.fib(n - 1) })
	y := p.fib(n - 2)
	g.Wait()
	return x + y
}
