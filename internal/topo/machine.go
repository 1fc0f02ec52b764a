package topo

import (
	"cmp"
	"slices"
)

// None stands for a cache that a CPU doesn't have, or that nothing is known of.
const None = -1

// CPU is one logical CPU, and what it belongs to. CPUs with the same Core share a
// core, and so on.
type CPU struct {
	ID       int // the kernel's number
	Core     int // the lowest number of a CPU of this core
	Package  int // the socket; on some machines the kernel has no better number than -1
	Node     int // the NUMA node
	L2       int // the lowest number of a CPU that shares this cache of level 2, or None
	L3       int // the same of level 3
	Capacity int // speed, where the fastest CPU has 1024
}

// Machine is what was read of the CPUs. It isn't changed later: when CPUs come or go,
// read again.
type Machine struct {
	CPUs []CPU // by ascending ID; at least one

	at  map[int]int    // ID → index into CPUs
	far map[[2]int]int // from node, to node → the kernel's distance
}

// The distances that [Machine.Distance] returns. Each is about what two CPUs have in
// common that is fastest.
const (
	Same    = iota // they are the same CPU
	SMT            // threads of one core
	L2             // a cache of level 2
	L3             // a cache of level 3
	Node           // memory, in one socket
	Package        // a socket, but another part of the memory
	Remote         // nothing
)

func (m *Machine) index() {
	m.at = make(map[int]int, len(m.CPUs))
	for i, c := range m.CPUs {
		m.at[c.ID] = i
	}
}

// Distance tells how near two CPUs are, from [Same] to [Remote]. A machine that makes
// one node of all its sockets (memory interleaved) still has them [Remote] from each
// other: what one has in its caches is as far away. CPUs that aren't in m are Remote
// from all others.
func (m *Machine) Distance(a, b int) int {
	if a == b {
		return Same
	}
	i, okA := m.at[a]
	j, okB := m.at[b]
	if !okA || !okB {
		return Remote
	}
	return distance(&m.CPUs[i], &m.CPUs[j])
}

func distance(a, b *CPU) int {
	switch {
	case a.ID == b.ID:
		return Same
	case a.Core == b.Core:
		return SMT
	case a.L2 == b.L2 && a.L2 != None:
		return L2
	case a.L3 == b.L3 && a.L3 != None:
		return L3
	case a.Package != b.Package:
		return Remote
	case a.Node != b.Node:
		return Package
	}
	return Node
}

// Near returns all CPUs but this one, the nearest first. Among those at the same
// [Machine.Distance] it goes by the kernel's distance from this CPU's node to theirs,
// which tells neighbouring sockets from those behind them, and then by number. For a
// CPU that isn't in m it returns nil.
func (m *Machine) Near(cpu int) []int {
	i, ok := m.at[cpu]
	if !ok {
		return nil
	}
	from := &m.CPUs[i]
	type other struct{ id, distance, far int }
	others := make([]other, 0, len(m.CPUs))
	for j := range m.CPUs {
		if to := &m.CPUs[j]; j != i {
			others = append(others, other{to.ID, distance(from, to), m.nodeDistance(from.Node, to.Node)})
		}
	}
	slices.SortFunc(others, func(a, b other) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.far, b.far), cmp.Compare(a.id, b.id))
	})
	near := make([]int, len(others))
	for k, o := range others {
		near[k] = o.id
	}
	return near
}

// nodeDistance returns the kernel's distance, or what the kernel takes it to be where
// the firmware says nothing.
func (m *Machine) nodeDistance(from, to int) int {
	const local, remote = 10, 20
	if d, ok := m.far[[2]int{from, to}]; ok {
		return d
	}
	if from == to {
		return local
	}
	return remote
}
