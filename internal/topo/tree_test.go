package topo

import (
	"fmt"
	"maps"
	"slices"
	"testing/fstest"
)

// tree makes what the kernel would show of these CPUs, all of them online. far has
// the distances of each node; a node that no CPU names is memory alone.
func tree(cpus []CPU, far map[int]string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	nodes := make(map[int][]int)
	for node := range far {
		nodes[node] = nil
	}
	var ids []int
	for _, c := range cpus {
		ids = append(ids, c.ID)
		nodes[c.Node] = append(nodes[c.Node], c.ID)
		with := func(same func(o CPU) bool) string {
			var list []int
			for _, o := range cpus {
				if same(o) {
					list = append(list, o.ID)
				}
			}
			return FormatList(list)
		}
		dir := fmt.Sprintf("%s/cpu%d/", cpuDir, c.ID)
		set(fsys, dir+"topology/core_cpus_list", with(func(o CPU) bool { return o.Core == c.Core }))
		set(fsys, dir+"topology/physical_package_id", c.Package)
		set(fsys, dir+"cpu_capacity", c.Capacity)
		core := with(func(o CPU) bool { return o.Core == c.Core })
		caches := [][2]any{{1, core}, {1, core}} // for data, for instructions
		if c.L2 != None {
			caches = append(caches, [2]any{2, with(func(o CPU) bool { return o.L2 == c.L2 })})
		}
		if c.L3 != None {
			caches = append(caches, [2]any{3, with(func(o CPU) bool { return o.L3 == c.L3 })})
		}
		for i, cache := range caches {
			for j, file := range []string{"level", "shared_cpu_list"} {
				set(fsys, fmt.Sprintf("%scache/index%d/%s", dir, i, file), cache[j])
			}
		}
	}
	for node, list := range nodes {
		dir := fmt.Sprintf("%s/node%d/", nodeDir, node)
		set(fsys, dir+"cpulist", FormatList(list))
		if d, ok := far[node]; ok {
			set(fsys, dir+"distance", d)
		}
	}
	set(fsys, cpuDir+"/online", FormatList(ids))
	set(fsys, nodeDir+"/online", FormatList(slices.Collect(maps.Keys(nodes))))
	return fsys
}

// set writes a file as the kernel would.
func set(fsys fstest.MapFS, name string, value any) {
	fsys[name] = &fstest.MapFile{Data: fmt.Appendln(nil, value)}
}
