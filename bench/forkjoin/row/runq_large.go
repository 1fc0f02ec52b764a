package main

import "github.com/runq-go/runq"

type queensArg struct {
	b      board
	row, n int
}

func runqQueens(t *runq.Task, a queensArg) (count uint64) {
	if a.row == a.n {
		return 1
	}
	var forks [len(a.b)]runq.Forked[queensArg, uint64]
	forked := 0
	for col := range int8(a.n) {
		if a.b.free(a.row, col) {
			next := queensArg{a.b, a.row + 1, a.n}
			next.b[a.row] = col
			forks[forked] = runq.Fork(t, runqQueens, next)
			forked++
		}
	}
	for i := forked - 1; i >= 0; i-- {
		count += forks[i].Join(t)
	}
	return count
}

// utsChildren are some of a node's children: those from number lo on, below hi.
type utsChildren struct {
	parent *utsParent
	lo, hi int
}

// A utsParent is a node with children.
type utsParent struct {
	tree  *utsTree
	state utsState
	depth int // of the children
}

func runqUts(t *runq.Task, tree *utsTree) job {
	return job{op: func() uint64 {
		root := tree.root()
		return runqCount(t, tree, &root, 0)
	}}
}

func runqCount(t *runq.Task, tree *utsTree, s *utsState, depth int) uint64 {
	n := tree.children(s.uniform(), depth)
	if n == 0 {
		return 1
	}
	return 1 + runqCountAll(t, utsChildren{&utsParent{tree, *s, depth + 1}, 0, n})
}

// runqCountAll counts the children and what is below them.
func runqCountAll(t *runq.Task, c utsChildren) uint64 {
	if c.hi-c.lo == 1 {
		s := c.parent.state.child(c.lo)
		return runqCount(t, c.parent.tree, &s, c.parent.depth)
	}
	middle := c.lo + (c.hi-c.lo)/2
	upper := runq.Fork(t, runqCountAll, utsChildren{c.parent, middle, c.hi})
	lower := runqCountAll(t, utsChildren{c.parent, c.lo, middle})
	return lower + upper.Join(t)
}

type productArg struct {
	c, a, b matrix
	n       int
}

func runqMatmul(t *runq.Task, n int) job {
	a, b, c := matrixPair(n)
	return inPlace(c.clear, func() { runqAddProduct(t, productArg{c, a, b, n}) }, func() uint64 { return c.digest(n) })
}

func runqAddProduct(t *runq.Task, p productArg) struct{} {
	if p.n <= matmulBlock {
		p.c.addBlock(p.a, p.b, p.n)
		return struct{}{}
	}
	h := p.n / 2
	for k := range 2 {
		part := func(i, j int) productArg {
			return productArg{p.c.quadrant(i, j, h), p.a.quadrant(i, k, h), p.b.quadrant(k, j, h), h}
		}
		x := runq.Fork(t, runqAddProduct, part(1, 1))
		y := runq.Fork(t, runqAddProduct, part(1, 0))
		z := runq.Fork(t, runqAddProduct, part(0, 1))
		runqAddProduct(t, part(0, 0))
		z.Join(t)
		y.Join(t)
		x.Join(t)
	}
	return struct{}{}
}

type sortArg struct {
	s, scratch []int64
	toScratch  bool
}

func runqMergesortJob(t *runq.Task, n int) job {
	return sortJob(n, func(s, scratch []int64, toScratch bool) { runqMergesort(t, sortArg{s, scratch, toScratch}) })
}

func runqMergesort(t *runq.Task, a sortArg) struct{} {
	if len(a.s) <= mergeGrain {
		mergesort(a.s, a.scratch, a.toScratch)
		return struct{}{}
	}
	h := len(a.s) / 2
	right := runq.Fork(t, runqMergesort, sortArg{a.s[h:], a.scratch[h:], !a.toScratch})
	runqMergesort(t, sortArg{a.s[:h], a.scratch[:h], !a.toScratch})
	right.Join(t)
	if a.toScratch {
		return runqMerge(t, mergeArg{a.s[:h], a.s[h:], a.scratch})
	}
	return runqMerge(t, mergeArg{a.scratch[:h], a.scratch[h:], a.s})
}

type mergeArg struct{ a, b, out []int64 }

func runqMerge(t *runq.Task, m mergeArg) struct{} {
	if len(m.out) <= mergeGrain {
		merge(m.a, m.b, m.out)
		return struct{}{}
	}
	i, j := split(m.a, m.b)
	right := runq.Fork(t, runqMerge, mergeArg{m.a[i:], m.b[j:], m.out[i+j:]})
	runqMerge(t, mergeArg{m.a[:i], m.b[:j], m.out[:i+j]})
	right.Join(t)
	return struct{}{}
}

func runqSort(t *runq.Task, n int) job {
	return sortInPlaceJob(n, func(s []int64) { runq.Sort(t, s) })
}
