package runq

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/runq-go/runq/internal/topo"
)

// eightCPUs is a machine with two sockets of two cores with two threads: each core has a
// cache of level 2, each socket one of level 3 and its own memory. CPU n is a thread of
// the core n/2.
func eightCPUs(t *testing.T) *topo.Machine {
	t.Helper()
	fsys := make(fstest.MapFS)
	set := func(text, name string, args ...any) {
		fsys[fmt.Sprintf("sys/devices/system/"+name, args...)] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	set("0-7", "cpu/online")
	set("0-1", "node/online")
	for socket := range 2 {
		set(fmt.Sprintf("%d-%d", 4*socket, 4*socket+3), "node/node%d/cpulist", socket)
	}
	for cpu := range 8 {
		core, socket := fmt.Sprintf("%d-%d", cpu&^1, cpu|1), fmt.Sprintf("%d-%d", cpu&^3, cpu|3)
		set(core, "cpu/cpu%d/topology/core_cpus_list", cpu)
		set(fmt.Sprint(cpu/4), "cpu/cpu%d/topology/physical_package_id", cpu)
		for i, shared := range []string{core, socket} {
			set(fmt.Sprint(i+2), "cpu/cpu%d/cache/index%d/level", cpu, i)
			set(shared, "cpu/cpu%d/cache/index%d/shared_cpu_list", cpu, i)
		}
	}
	m, err := topo.Read(fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNearOrder: the victims are all Ps but the thief, once each, and none comes before
// one that is nearer.
func TestNearOrder(t *testing.T) {
	m := eightCPUs(t)
	o := newNearOrder(m)
	for name, cpus := range map[string][]int{
		"each its own":   {0, 1, 2, 3, 4, 5, 6, 7},
		"mixed":          {5, 2, 7, 0, 1, 6, 3, 4},
		"shared":         {3, 3, 3, 0, 0},
		"unknown":        {-1, -1, -1},
		"some unknown":   {-1, 4, -1, 5, 0},
		"out of range":   {8, 1000, 0, 1, math.MaxInt32},
		"more than CPUs": {0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0},
		"one":            {2},
	} {
		for thief := range cpus {
			for _, random := range []uint32{0, 1, 7, math.MaxInt32, math.MaxUint32} {
				order := slices.Repeat([]int{-1}, len(cpus)-1)
				o.Victims(order, thief, cpus, random)
				seen := make(map[int]bool)
				nearest := 0
				for i, v := range order {
					if v < 0 || v >= len(cpus) || v == thief || seen[v] {
						t.Fatalf("%s: number %d for thief %d is %d in %v", name, i, thief, v, order)
					}
					seen[v] = true
					d := topo.Remote
					if known := cpus[thief] >= 0 && cpus[v] >= 0; known && cpus[thief] < 8 && cpus[v] < 8 {
						d = m.Distance(cpus[thief], cpus[v])
					}
					if d < nearest {
						t.Errorf("%s: thief %d on CPU %d visits %v on %v: %d comes too late", name, thief, cpus[thief], order, cpus, v)
					}
					nearest = d
				}
			}
		}
	}
}

// TestNearOrderSpreads: among Ps that are equally near chance decides who comes first.
func TestNearOrderSpreads(t *testing.T) {
	o := newNearOrder(eightCPUs(t))
	cpus := []int{0, 4, 5, 6, 7, 1}
	first, second := make(map[int]int), make(map[int]int)
	for random := range uint32(600) {
		order := make([]int, 5)
		o.Victims(order, 0, cpus, random)
		first[order[0]]++
		second[order[1]]++
	}
	if len(first) != 1 || first[5] != 600 {
		t.Errorf("the nearest comes first %v times", first)
	}
	if len(second) != 4 || slices.Min([]int{second[1], second[2], second[3], second[4]}) < 50 {
		t.Errorf("the others come next %v times", second)
	}
}

// TestNearOrderHere: the order for this machine serves a scheduler.
func TestNearOrderHere(t *testing.T) {
	o, err := NewNearOrder()
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Error(err)
		}
		t.Skip(err)
	}
	s := newTest(t, Config{Procs: 3, Slice: calm, StealOrder: o})
	meetOnAllPs(t, s)
	if err := s.SetProcs(1); err != nil {
		t.Fatal(err)
	}
	meetOnAllPs(t, s)
	if err := s.SetProcs(4); err != nil {
		t.Fatal(err)
	}
	meetOnAllPs(t, s)
}

// meetOnAllPs runs tasks that wait for each other on all Ps at once: all but the first
// have to be stolen.
func meetOnAllPs(t *testing.T, s *Scheduler) {
	t.Helper()
	procs := int32(s.Procs())
	var together atomic.Int32
	meet := func(*Task) {
		for together.Add(1); together.Load() < procs; {
			runtime.Gosched()
		}
	}
	runTask(t, s, func(tk *Task) {
		for range procs - 1 {
			tk.Go(meet)
		}
		meet(tk)
	})
	awaitNone(t, s)
}

// victimsFunc is a VictimOrder made of a function.
type victimsFunc struct {
	RandomOrder
	f func(order []int, thief int, cpus []int, random uint32)
}

func (v victimsFunc) Victims(order []int, thief int, cpus []int, random uint32) {
	v.f(order, thief, cpus, random)
}

// TestVictimOrder: a policy is asked what it says it will be, and whatever it answers does
// no harm: as long as it names a victim, that is stolen from.
func TestVictimOrder(t *testing.T) {
	const procs = 3
	for name, fill := range map[string]func(i, thief int) int{
		"all":       func(i, thief int) int { return (thief + 1 + i) % procs },
		"thief too": func(i, thief int) int { return (thief + i) % procs },
		"negative":  func(i, thief int) int { return []int{-7, (thief + 1) % procs}[i] },
		"too great": func(i, thief int) int { return []int{procs, (thief + 1) % procs}[i] },
		"twice":     func(i, thief int) int { return (thief + 1) % procs },
		"absurd":    func(i, thief int) int { return []int{math.MaxInt, math.MinInt}[i] },
		"nothing":   func(int, int) int { return -1 },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			s := newTest(t, Config{Procs: procs, Slice: calm, StealOrder: victimsFunc{f: func(order []int, thief int, cpus []int, _ uint32) {
				asked.Add(1)
				if len(order) != procs-1 || len(cpus) != procs || thief < 0 || thief >= procs {
					t.Errorf("Victims is asked for %d of %d Ps, for the thief %d", len(order), len(cpus), thief)
				}
				for i, v := range order {
					if v != -1 {
						t.Errorf("the order begins with %d at %d", v, i)
					}
					order[i] = fill(i, thief)
				}
				cpus[0] = 1 << 30 // it is a copy
			}}})
			if name == "all" {
				meetOnAllPs(t, s)
			}
			const tasks = 200
			awaitTrue(t, "the policy is asked", func() bool {
				var ran atomic.Int32
				runTask(t, s, func(tk *Task) {
					for range tasks {
						tk.Go(func(tk *Task) {
							tk.Yield()
							ran.Add(1)
						})
					}
				})
				awaitNone(t, s)
				if ran.Load() != tasks {
					t.Errorf("%d of %d tasks have run", ran.Load(), tasks)
				}
				return asked.Load() > 0
			})
		})
	}
}
