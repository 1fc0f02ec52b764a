package topo

import (
	"errors"
	"io/fs"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestAllowed: a container sees the whole machine, and uses what it may.
func TestAllowed(t *testing.T) {
	of := machines[1]
	fsys := tree(of.cpus, of.far)
	for _, c := range []struct {
		allowed []int
		want    []int
		err     string
	}{
		{allowed: []int{9, 2, 0, 9}, want: []int{0, 2, 9}},
		{allowed: []int{15, 16, 8191}, want: []int{15}},
		{allowed: []int{16, 17}, err: `online are "0-15", allowed are "16-17"`},
		{allowed: []int{}, err: "no CPU is left"},
		{allowed: []int{0, -1}, err: "CPU -1"},
		{allowed: []int{8192}, err: "CPU 8192"},
	} {
		m, err := Read(fsys, c.allowed)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("allowed %v: %v; want an error with %q", c.allowed, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("allowed %v: %v", c.allowed, err)
			continue
		}
		if got := ids(m); !slices.Equal(got, c.want) {
			t.Errorf("allowed %v: %v; want %v", c.allowed, got, c.want)
		}
		for _, cpu := range m.CPUs { // what they belong to has the same names as ever
			if cpu != of.cpus[cpu.ID] {
				t.Errorf("allowed %v: %+v; want %+v", c.allowed, cpu, of.cpus[cpu.ID])
			}
		}
		checkMachine(t, m)
	}
}

func ids(m *Machine) (ids []int) {
	for _, c := range m.CPUs {
		ids = append(ids, c.ID)
	}
	return ids
}

// TestEmpty: without a word from the kernel, all CPUs are equal.
func TestEmpty(t *testing.T) {
	m, err := Read(fstest.MapFS{}, []int{3, 1})
	want := []CPU{{1, 1, 0, 0, None, None, 1024}, {3, 3, 0, 0, None, None, 1024}}
	if err != nil || !reflect.DeepEqual(m.CPUs, want) || m.Distance(1, 3) != Node {
		t.Errorf("with two CPUs allowed: %+v, %v", m, err)
	}
	m, err = Read(fstest.MapFS{}, nil)
	if err != nil || len(m.CPUs) != runtime.NumCPU() {
		t.Errorf("%+v, %v; want the %d CPUs that Go counts", m, err, runtime.NumCPU())
	}
}

// TestMissing removes one kind of file after the other: there is an answer without
// any of them, and it is right about everything else.
func TestMissing(t *testing.T) {
	of := machines[1]
	for _, c := range []struct {
		file   string
		change func(c *CPU)
	}{
		{"core_cpus_list", func(c *CPU) { c.Core = c.ID }},
		{"physical_package_id", func(c *CPU) { c.Package = 0 }},
		{"cpu_capacity", func(c *CPU) { c.Capacity = 1024 }},
		{"level", func(c *CPU) { c.L2, c.L3 = None, None }},
		{"shared_cpu_list", func(c *CPU) { c.L2, c.L3 = None, None }},
		{"distance", func(*CPU) {}},
		{"cpulist", func(c *CPU) { c.Node = 0 }},
		{"node/online", func(c *CPU) { c.Node = 0 }},
	} {
		fsys := tree(of.cpus, of.far)
		removed := 0
		for name := range fsys {
			if strings.HasSuffix(name, "/"+c.file) {
				delete(fsys, name)
				removed++
			}
		}
		want := slices.Clone(of.cpus)
		for i := range want {
			c.change(&want[i])
		}
		m, err := Read(fsys, nil)
		if err != nil || removed == 0 || !reflect.DeepEqual(m.CPUs, want) {
			t.Errorf("without %d × %s: %+v, %v\nwant %+v", removed, c.file, m, err, want)
			continue
		}
		checkMachine(t, m)
	}
}

// TestOddDistances: distances of another number of nodes than there are tell
// nothing.
func TestOddDistances(t *testing.T) {
	of := machines[1]
	far := map[int]string{0: "10 12 32", 1: "12 10 21 32"}
	m, err := Read(tree(of.cpus, far), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{8, 1, 9, 2, 3, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15}
	if got := m.Near(0); !slices.Equal(got, want) {
		t.Errorf("Near(0) = %v; want %v", got, want)
	}
}

// TestMalformed: what can't be understood, or not read, is an error with its name.
func TestMalformed(t *testing.T) {
	of := machines[1]
	for _, c := range []struct{ file, text, want string }{
		{cpuDir + "/online", "0-", `"0-"`},
		{cpuDir + "/online", "", "no CPU is left"},
		{cpuDir + "/cpu3/topology/core_cpus_list", "x", `"x"`},
		{cpuDir + "/cpu3/topology/physical_package_id", "", `""`},
		{cpuDir + "/cpu3/cpu_capacity", "fast", `"fast"`},
		{cpuDir + "/cpu3/cache/index2/level", "L2", `"L2"`},
		{cpuDir + "/cpu3/cache/index2/shared_cpu_list", "8192", `"8192"`},
		{nodeDir + "/online", "0-1024", "node 1024"},
		{nodeDir + "/node1/cpulist", "3-1", `"3-1"`},
		{nodeDir + "/node1/distance", "10 20 x 20", `"x"`},
	} {
		fsys := tree(of.cpus, of.far)
		set(fsys, c.file, c.text)
		_, err := Read(fsys, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.text != "" && !strings.Contains(err.Error(), "/"+c.file) {
			t.Errorf("%s = %q: %v; want an error with the file and %q", c.file, c.text, err, c.want)
		}
		_, err = Read(denied{tree(of.cpus, of.far), c.file}, nil)
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s not permitted: %v; want fs.ErrPermission and the name", c.file, err)
		}
	}
}

// denied is a file system in which one file may not be read.
type denied struct {
	fs.FS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}

// FuzzRead: whatever a file says, there is an answer.
func FuzzRead(f *testing.F) {
	of := machines[1]
	good := tree(of.cpus, of.far)
	var names []string
	for name := range good {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		f.Add(uint(i), string(good[name].Data))
	}
	f.Add(uint(0), "8191")
	f.Add(uint(0), "0-1024")
	f.Fuzz(func(t *testing.T, which uint, text string) {
		fsys := tree(of.cpus, of.far)
		set(fsys, names[which%uint(len(names))], text)
		m, err := Read(fsys, []int{0, 1, 2, 8, 9, 13, 8191})
		if err == nil {
			checkFuzzed(t, m)
		}
	})
}

// checkFuzzed checks what is true even if CPUs contradict each other.
func checkFuzzed(t *testing.T, m *Machine) {
	for _, c := range m.CPUs {
		near := m.Near(c.ID)
		slices.Sort(near)
		if len(m.CPUs) == 0 || len(slices.Compact(near)) != len(m.CPUs)-1 {
			t.Errorf("Near(%d) = %v in %+v", c.ID, near, m.CPUs)
		}
	}
}
