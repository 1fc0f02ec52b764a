package main

// A sum over a binary tree: next to no work for each node. A thousand nodes show
// what starting costs, ten million what forking does.
var (
	smallTreeWorkload = treeWorkload("tree-1k", 1000, 100)
	largeTreeWorkload = treeWorkload("tree-10m", 10_000_000, 1000)
)

func treeWorkload(name string, size, quick int) *workload {
	return &workload{
		name: name, size: size, quick: quick,
		serial: func(n int) job {
			root := newTree(1, n)
			return job{op: func() uint64 { return root.sum() }}
		},
		groups: func(n int, p *pool) job {
			root := newTree(1, n)
			return job{op: func() uint64 { return p.sum(root) }}
		},
	}
}

type node struct {
	left, right *node
	value       uint64
}

// newTree returns a balanced tree with the numbers from first to last.
func newTree(first, last int) *node {
	if first > last {
		return nil
	}
	middle := first + (last-first)/2
	return &node{newTree(first, middle-1), newTree(middle+1, last), uint64(middle)}
}

func (n *node) sum() uint64 {
	if n == nil {
		return 0
	}
	return n.left.sum() + n.value + n.right.sum()
}

// sum forks where there are two children.
func (p *pool) sum(n *node) uint64 {
	if n == nil {
		return 0
	}
	if n.left == nil || n.right == nil {
		return n.value + p.sum(n.left) + p.sum(n.right)
	}
	var left uint64
	g := p.group()
	g.Go(func() { left = p.sum(n.left) })
	right := p.sum(n.right)
	g.Wait()
	return left + n.value + right
}
