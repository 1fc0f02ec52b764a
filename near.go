package runq

import (
	"fmt"
	"os"

	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/topo"
)

// VictimOrder is a StealOrder that decides about each thief's victims one by one, and may
// go by where they run. Order isn't called then.
type VictimOrder interface {
	StealOrder

	// Victims fills order with the ids of the Ps to be visited: order has room for all but
	// the thief. cpus has for each P the CPU on which an M last looked for work with it, -1
	// if that isn't known. random is a random number. Numbers in order that are no P are
	// passed over. Victims is called by many Ms at once and must neither block nor
	// allocate.
	Victims(order []int, thief int, cpus []int, random uint32)
}

// NearOrder visits Ps that run near the thief first: on the same core, then with the same
// cache, the same memory, the same socket; among equals from a random one on. What is
// stolen nearby is likelier to be in a cache that the thief has, too. On a machine on which
// all are equally near it is RandomOrder at a higher price.
type NearOrder struct {
	RandomOrder
	rank [][]uint8 // by CPU and CPU: 0 is nearest; nil for CPUs that aren't there
}

// NewNearOrder reads from the kernel how the CPUs lie to each other. Systems other than
// Linux don't tell.
func NewNearOrder() (*NearOrder, error) {
	m, err := topo.Read(os.DirFS("/"), nil)
	if err != nil {
		return nil, fmt.Errorf("runq: NewNearOrder: %w", err)
	}
	return newNearOrder(m), nil
}

func newNearOrder(m *topo.Machine) *NearOrder {
	o := new(NearOrder)
	last := m.CPUs[len(m.CPUs)-1].ID
	o.rank = make([][]uint8, last+1)
	for _, a := range m.CPUs {
		row := make([]uint8, last+1)
		for _, b := range m.CPUs {
			row[b.ID] = uint8(m.Distance(a.ID, b.ID))
		}
		o.rank[a.ID] = row
	}
	return o
}

// distance tells how far b is from a; what isn't known is farthest.
func (o *NearOrder) distance(a, b int) uint8 {
	if a < 0 || b < 0 || a >= len(o.rank) || b >= len(o.rank) || o.rank[a] == nil || o.rank[b] == nil {
		return topo.Remote
	}
	return o.rank[a][b]
}

// Victims implements VictimOrder. There are few distances, so it is one walk for each.
func (o *NearOrder) Victims(order []int, thief int, cpus []int, random uint32) {
	n, filled := len(cpus), 0
	start := int(random) % n
	for d := uint8(topo.Same); d <= topo.Remote; d++ {
		for i := range n {
			p := (start + i) % n
			if p != thief && o.distance(cpus[thief], cpus[p]) == d {
				order[filled] = p
				filled++
			}
		}
		if filled == len(order) {
			return
		}
	}
}

// visits is an M's room for the order of its victims. Owner: the M.
type visits struct {
	order, cpus []int
}

// victims asks the policy, if it is one that decides one by one.
func (m *m) victims(seats []*p) (order []int, ok bool) {
	vo, ok := m.s.cfg.StealOrder.(VictimOrder)
	if !ok {
		return nil, false
	}
	v := &m.visits
	if len(v.cpus) != len(seats) {
		v.order, v.cpus = make([]int, len(seats)-1), make([]int, len(seats))
	}
	m.p.cpu.Store(int32(osthread.CPU()))
	for i, p := range seats {
		v.cpus[i] = int(p.cpu.Load())
	}
	for i := range v.order {
		v.order[i] = -1
	}
	vo.Victims(v.order, int(m.p.id-m.d.first), v.cpus, m.random())
	return v.order, true
}
