package topo

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// machine is one that tests know: its CPUs, how far apart its nodes are, and what
// must follow from that.
type machine struct {
	name      string
	cpus      []CPU
	far       map[int]string
	distances map[[2]int]int
	near      map[int][]int
}

var machines = []machine{
	{
		name: "one socket, two CPUs",
		cpus: []CPU{
			{0, 0, 0, 0, 0, 0, 1024},
			{1, 1, 0, 0, 1, 0, 1024},
		},
		far:       map[int]string{0: "10"},
		distances: map[[2]int]int{{0, 0}: Same, {0, 1}: L3, {0, 7}: Remote, {7, 0}: Remote, {7, 7}: Same},
		near:      map[int][]int{0: {1}, 1: {0}, 7: nil},
	},
	{
		// Numbered as usual: first one thread of each core, then the others. Nodes 0
		// and 1 are halves of the first socket; the firmware puts node 3 nearer to
		// node 0 than node 2.
		name: "two sockets of two nodes, two threads a core",
		cpus: slices.Collect(func(yield func(CPU) bool) {
			for id := range 16 {
				core := id % 8
				if !yield(CPU{ID: id, Core: core, Package: core / 4, Node: core / 2, L2: core, L3: core / 2 * 2, Capacity: 1024}) {
					return
				}
			}
		}),
		far: map[int]string{0: "10 12 32 21", 1: "12 10 21 32", 2: "32 21 10 12", 3: "21 32 12 10"},
		distances: map[[2]int]int{
			{0, 8}: SMT, {0, 1}: L3, {0, 9}: L3, {0, 2}: Package, {0, 11}: Package, {0, 4}: Remote, {0, 14}: Remote,
		},
		near: map[int][]int{
			0:  {8, 1, 9, 2, 3, 10, 11, 6, 7, 14, 15, 4, 5, 12, 13},
			13: {5, 4, 12, 6, 7, 14, 15, 2, 3, 10, 11, 0, 1, 8, 9},
		},
	},
	{
		name: "two caches of level 3 in one node",
		cpus: []CPU{
			{0, 0, 0, 0, 0, 0, 1024}, {1, 0, 0, 0, 0, 0, 1024}, {2, 2, 0, 0, 2, 0, 1024}, {3, 2, 0, 0, 2, 0, 1024},
			{4, 4, 0, 0, 4, 4, 1024}, {5, 4, 0, 0, 4, 4, 1024}, {6, 6, 0, 0, 6, 4, 1024}, {7, 6, 0, 0, 6, 4, 1024},
		},
		far:       map[int]string{0: "10"},
		distances: map[[2]int]int{{0, 1}: SMT, {0, 2}: L3, {0, 4}: Node, {3, 7}: Node},
		near:      map[int][]int{2: {3, 0, 1, 4, 5, 6, 7}, 5: {4, 6, 7, 0, 1, 2, 3}},
	},
	{
		// Four slow cores share a cache of level 2; two fast ones have their own.
		name: "big and little cores",
		cpus: []CPU{
			{0, 0, 0, 0, 0, None, 446}, {1, 1, 0, 0, 0, None, 446}, {2, 2, 0, 0, 0, None, 446}, {3, 3, 0, 0, 0, None, 446},
			{4, 4, 0, 0, 4, None, 1024}, {5, 5, 0, 0, 5, None, 1024},
		},
		distances: map[[2]int]int{{0, 3}: L2, {0, 4}: Node, {4, 5}: Node},
		near:      map[int][]int{1: {0, 2, 3, 4, 5}, 4: {0, 1, 2, 3, 5}},
	},
	{
		name: "CPUs 1 and 2 offline, socket unknown",
		cpus: []CPU{
			{0, 0, -1, 0, None, None, 1024}, {3, 3, -1, 0, None, None, 1024}, {4, 3, -1, 0, None, None, 1024},
		},
		distances: map[[2]int]int{{0, 3}: Node, {3, 4}: SMT, {0, 1}: Remote},
		near:      map[int][]int{0: {3, 4}, 4: {3, 0}, 1: nil},
	},
	{
		// Node 1 has no CPUs, node 3 has some of both sockets.
		name: "memory alone, and memory of two sockets",
		cpus: []CPU{
			{0, 0, 0, 0, None, None, 1024}, {1, 1, 0, 2, None, None, 1024}, {2, 2, 1, 3, None, None, 1024}, {3, 3, 0, 3, None, None, 1024},
		},
		far:       map[int]string{0: "10 99 17 40", 1: "99 10 99 99", 2: "17 99 10 30", 3: "40 99 30 10"},
		distances: map[[2]int]int{{0, 1}: Package, {0, 2}: Remote, {2, 3}: Remote, {1, 3}: Package},
		near:      map[int][]int{0: {1, 3, 2}, 2: {3, 1, 0}},
	},
}

func TestMachines(t *testing.T) {
	for _, want := range machines {
		t.Run(want.name, func(t *testing.T) {
			m, err := Read(tree(want.cpus, want.far), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m.CPUs, want.cpus) {
				t.Errorf("read %+v\nwant %+v", m.CPUs, want.cpus)
			}
			for pair, d := range want.distances {
				if got := m.Distance(pair[0], pair[1]); got != d {
					t.Errorf("Distance(%d, %d) = %d; want %d", pair[0], pair[1], got, d)
				}
			}
			for cpu, near := range want.near {
				if got := m.Near(cpu); !slices.Equal(got, near) {
					t.Errorf("Near(%d) = %v; want %v", cpu, got, near)
				}
			}
			checkMachine(t, m)
		})
	}
}

// checkMachine checks what is true of any machine.
func checkMachine(t *testing.T, m *Machine) {
	t.Helper()
	if len(m.CPUs) == 0 || !slices.IsSortedFunc(m.CPUs, func(a, b CPU) int { return a.ID - b.ID }) {
		t.Errorf("CPUs %+v; want some, by number", m.CPUs)
	}
	for _, a := range m.CPUs {
		near := m.Near(a.ID)
		if !slices.IsSortedFunc(near, func(b, c int) int { return m.Distance(a.ID, b) - m.Distance(a.ID, c) }) {
			t.Errorf("Near(%d) = %v isn't in the order of distance", a.ID, near)
		}
		all := slices.Sorted(slices.Values(append(near, a.ID)))
		if len(all) != len(m.CPUs) || len(slices.Compact(all)) != len(m.CPUs) {
			t.Errorf("Near(%d) = %v; want every other CPU once", a.ID, near)
		}
		for _, b := range m.CPUs {
			d := m.Distance(a.ID, b.ID)
			if d != m.Distance(b.ID, a.ID) || (d == Same) != (a.ID == b.ID) {
				t.Errorf("it is %d from %d to %d, and %d back", d, a.ID, b.ID, m.Distance(b.ID, a.ID))
			}
		}
	}
}

// TestThisMachine reads what the tests run on.
func TestThisMachine(t *testing.T) {
	m, err := Read(os.DirFS("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.CPUs) < runtime.NumCPU() {
		t.Errorf("%d CPUs are online, and Go may use %d", len(m.CPUs), runtime.NumCPU())
	}
	checkMachine(t, m)
	t.Logf("%+v", m.CPUs)
}

// TestOldKernel: the lists had another name before, and mean the same.
func TestOldKernel(t *testing.T) {
	want := machines[2]
	fsys := tree(want.cpus, want.far)
	for _, c := range want.cpus {
		dir := fmt.Sprintf("%s/cpu%d/topology/", cpuDir, c.ID)
		fsys[dir+"thread_siblings_list"] = fsys[dir+"core_cpus_list"]
		delete(fsys, dir+"core_cpus_list")
	}
	m, err := Read(fsys, nil)
	if err != nil || !reflect.DeepEqual(m.CPUs, want.cpus) {
		t.Errorf("read %+v, %v\nwant %+v", m, err, want.cpus)
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := Read(os.DirFS("/"), nil); err != nil {
			b.Fatal(err)
		}
	}
}
