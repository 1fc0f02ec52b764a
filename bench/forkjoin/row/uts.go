package main

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
)

// The trees of the Unbalanced Tree Search benchmark. Nobody can know the size of
// a subtree before it is there: a node's number of children comes from its
// random state, which is the SHA-1 of its parent's and of its place among its
// siblings.

// T1: geometric, ten levels deep, four children in the mean.
var utsT1Workload = &workload{
	name: "uts-t1", size: 10, quick: 5,
	serial: func(depth int) job { return utsT1(depth).serial() },
	groups: func(depth int, p *pool) job { return utsT1(depth).groups(p) },
}

// T3: binomial, 2,000 children of the root, eight or none of the others.
var utsT3Workload = &workload{
	name: "uts-t3", size: 2000, quick: 10,
	serial: func(root int) job { return utsT3(root).serial() },
	groups: func(root int, p *pool) job { return utsT3(root).groups(p) },
}

// A utsTree is one tree: its seed, and how many children a node has.
type utsTree struct {
	seed     uint32
	children func(random float64, depth int) int
}

const (
	utsMean = 4        // children in the mean, of T1
	utsMost = 100      // children at most, of T1
	utsProb = 0.124875 // that a node has children, in T3
	utsMany = 8        // children of those, in T3
)

func utsT1(depth int) *utsTree {
	logStop := math.Log(1 - 1/(1+float64(utsMean)))
	return &utsTree{19, func(random float64, at int) int {
		if at >= depth {
			return 0
		}
		return min(int(math.Floor(math.Log(1-random)/logStop)), utsMost)
	}}
}

func utsT3(root int) *utsTree {
	return &utsTree{42, func(random float64, at int) int {
		if at == 0 {
			return root
		}
		if random < utsProb {
			return utsMany
		}
		return 0
	}}
}

type utsState [sha1.Size]byte

func (tree *utsTree) root() utsState {
	var in utsState
	binary.BigEndian.PutUint32(in[16:], tree.seed)
	return sha1.Sum(in[:])
}

// child returns the state of the child with this number.
func (s *utsState) child(number int) utsState {
	var in [sha1.Size + 4]byte
	copy(in[:], s[:])
	binary.BigEndian.PutUint32(in[sha1.Size:], uint32(number))
	return sha1.Sum(in[:])
}

// uniform returns the state's random number in [0, 1), of 31 bits.
func (s *utsState) uniform() float64 {
	return float64(binary.BigEndian.Uint32(s[16:])&0x7fffffff) / (1 << 31)
}

func (tree *utsTree) serial() job {
	return job{op: func() uint64 { return tree.count(tree.root(), 0) }}
}

func (tree *utsTree) count(s utsState, depth int) uint64 {
	nodes := uint64(1)
	for i := range tree.children(s.uniform(), depth) {
		nodes += tree.count(s.child(i), depth+1)
	}
	return nodes
}

func (tree *utsTree) groups(p *pool) job {
	return job{op: func() uint64 { return p.count(tree, tree.root(), 0) }}
}

func (p *pool) count(tree *utsTree, s utsState, depth int) uint64 {
	nodes := uint64(1)
	n := tree.children(s.uniform(), depth)
	if n == 0 {
		return nodes
	}
	counts := make([]uint64, n)
	g := p.group()
	for i := range counts {
		g.Go(func() { counts[i] = p.count(tree, s.child(i), depth+1) })
	}
	g.Wait()
	for _, c := range counts {
		nodes += c
	}
	return nodes
}
