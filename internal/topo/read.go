package topo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// Where the kernel describes CPUs and nodes.
const (
	cpuDir  = "sys/devices/system/cpu"
	nodeDir = "sys/devices/system/node"
)

const (
	// fullCapacity is that of the fastest CPU (SCHED_CAPACITY_SCALE).
	fullCapacity = 1024

	// maxCaches is how many caches of a CPU are looked at: twice as many as any is
	// known to have (two of level 1, one each of levels 2 to 4).
	maxCaches = 10

	// maxNodes is how many nodes there can be: what Linux can be built for at most
	// (NODES_SHIFT).
	maxNodes = 1024

	// maxFile is how much is read of a file: more than the longest list, that of
	// every other one of MaxCPUs.
	maxFile = 64 << 10
)

// Read reads the topology of the CPUs that are online and among allowed; nil means
// that all are. fsys is the root of the file system: os.DirFS("/"). If the kernel
// doesn't say which are online, all allowed ones are, or those that Go counts.
//
// What is missing is taken to be simple, as the package comment says. Errors name
// files that can't be read or understood; it is an error, too, if no CPU is left.
func Read(fsys fs.FS, allowed []int) (*Machine, error) {
	r := &reader{fsys: fsys}
	m := &Machine{}
	for _, id := range r.cpus(allowed) {
		m.CPUs = append(m.CPUs, r.cpu(id))
	}
	m.far = r.nodes(m.CPUs)
	if r.err != nil {
		return nil, r.err
	}
	m.index()
	return m, nil
}

// reader reads files until one is wrong; after that it only returns defaults.
type reader struct {
	fsys fs.FS
	err  error // the first
}

// cpus returns which CPUs are online and allowed, in ascending order; at least one
// or an error.
func (r *reader) cpus(allowed []int) (ids []int) {
	for _, id := range allowed {
		if id < 0 || id >= MaxCPUs {
			r.fail(fmt.Errorf("topo: allowed CPU %d: must be from 0 to %d", id, MaxCPUs-1))
			return nil
		}
	}
	online, ok := r.list(cpuDir + "/online")
	switch {
	case !ok && allowed != nil:
		online = allowed
	case !ok:
		for id := range runtime.NumCPU() {
			online = append(online, id)
		}
	}
	var may [MaxCPUs]bool
	for _, id := range allowed {
		may[id] = true
	}
	var is [MaxCPUs]bool
	for _, id := range online {
		is[id] = allowed == nil || may[id]
	}
	for id := range MaxCPUs {
		if is[id] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 && r.err == nil {
		r.fail(fmt.Errorf("topo: no CPU is left: online are %q, allowed are %q", FormatList(online), FormatList(allowed)))
	}
	return ids
}

// cpu reads all about a CPU but its node.
func (r *reader) cpu(id int) CPU {
	dir := fmt.Sprintf("%s/cpu%d", cpuDir, id)
	c := CPU{ID: id, Core: id, L2: None, L3: None}
	siblings, ok := r.list(dir + "/topology/core_cpus_list")
	if !ok {
		siblings, _ = r.list(dir + "/topology/thread_siblings_list")
	}
	if len(siblings) > 0 {
		c.Core = siblings[0]
	}
	c.Package = r.number(dir+"/topology/physical_package_id", 0)
	c.Capacity = r.number(dir+"/cpu_capacity", fullCapacity)
	for i := range maxCaches {
		if !r.cache(&c, fmt.Sprintf("%s/cache/index%d", dir, i)) {
			break
		}
	}
	return c
}

// cache reads about one cache of a CPU. It returns false if there is no such cache.
func (r *reader) cache(c *CPU, dir string) bool {
	level := r.number(dir+"/level", 0)
	if level == 0 {
		return false
	}
	if level != 2 && level != 3 {
		return true
	}
	sharers, _ := r.list(dir + "/shared_cpu_list")
	switch {
	case len(sharers) == 0:
	case level == 2:
		c.L2 = sharers[0]
	default:
		c.L3 = sharers[0]
	}
	return true
}

// nodes sets the nodes of CPUs, and returns how far it is from one node to another.
func (r *reader) nodes(cpus []CPU) map[[2]int]int {
	nodes, _ := r.list(nodeDir + "/online")
	if n := len(nodes); n > 0 && nodes[n-1] >= maxNodes {
		r.fail(fmt.Errorf("topo: /%s/online has node %d: there can be %d", nodeDir, nodes[n-1], maxNodes))
		return nil
	}
	nodeOf := make(map[int]int)
	far := make(map[[2]int]int)
	for _, node := range nodes {
		dir := fmt.Sprintf("%s/node%d", nodeDir, node)
		here, _ := r.list(dir + "/cpulist")
		for _, id := range here {
			nodeOf[id] = node
		}
		text, _ := r.text(dir + "/distance")
		row := strings.Fields(text)
		if len(row) != len(nodes) || len(here) == 0 {
			continue // nodes came or went between two looks, or it is memory alone
		}
		for i, d := range row {
			far[[2]int{node, nodes[i]}] = r.parse(dir+"/distance", d)
		}
	}
	for i := range cpus {
		cpus[i].Node = nodeOf[cpus[i].ID] // the first node if in none
	}
	return far
}

// text returns a file's text without the white space around it. ok is false if there
// is no such file.
func (r *reader) text(name string) (text string, ok bool) {
	if r.err != nil {
		return "", false
	}
	f, err := r.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		r.fail(fmt.Errorf("topo: %w", err))
		return "", false
	}
	defer f.Close()
	all, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		r.fail(fmt.Errorf("topo: /%s: %w", name, err))
		return "", false
	}
	return strings.TrimSpace(string(all)), true
}

// list returns the list in a file. ok is false if there is no such file.
func (r *reader) list(name string) (list []int, ok bool) {
	text, ok := r.text(name)
	if !ok {
		return nil, false
	}
	list, err := ParseList(text)
	if err != nil {
		r.fail(fmt.Errorf("/%s: %w", name, err))
		return nil, false
	}
	return list, true
}

// number returns the number in a file, or missing if there is no such file.
func (r *reader) number(name string, missing int) int {
	text, ok := r.text(name)
	if !ok {
		return missing
	}
	return r.parse(name, text)
}

func (r *reader) parse(name, text string) int {
	// 32 bits, as in the kernel.
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		r.fail(fmt.Errorf("topo: /%s: %.60q is not a number", name, text))
	}
	return int(n)
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
