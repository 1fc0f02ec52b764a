package cgroup

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzFind: whatever is in the files, there is an answer, and what it found is in
// the tree.
func FuzzFind(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		fsys := readTree(f, strings.TrimSuffix(filepath.Base(name), ".txt"))
		text := func(name string) string {
			if file := fsys[name]; file != nil {
				return string(file.Data)
			}
			return ""
		}
		f.Add(text(membersFile), text(mountsFile), text("sys/fs/cgroup/cpu.max"), text("sys/fs/cgroup/cpu.stat"))
	}
	f.Add("1:cpu,cpuacct:/\n", `1 2 0:1 / /sys/fs/cg\162oup rw - cgroup c rw,cpu,cpuacct`, "20000", "nr_periods 1")
	f.Fuzz(func(t *testing.T, members, mounts, limit, stat string) {
		fsys := fstest.MapFS{
			membersFile: {Data: []byte(members)},
			mountsFile:  {Data: []byte(mounts)},
		}
		for _, dir := range []string{"sys/fs/cgroup/", "sys/fs/cgroup/a/"} {
			fsys[dir+"cpu.max"] = &fstest.MapFile{Data: []byte(limit)}
			fsys[dir+"cpu.cfs_quota_us"] = &fstest.MapFile{Data: []byte(limit)}
			fsys[dir+"cpu.cfs_period_us"] = &fstest.MapFile{Data: []byte("100000")}
			fsys[dir+"cpu.stat"] = &fstest.MapFile{Data: []byte(stat)}
			fsys[dir+"cpuacct.usage"] = &fstest.MapFile{Data: []byte(stat)}
		}
		g, err := Find(fsys)
		if err != nil {
			return
		}
		for _, l := range g.levels {
			if l.dir != "." && !strings.HasPrefix("sys/fs/cgroup/a/", l.dir+"/") {
				t.Errorf("found a group at %q, where there is nothing", l.dir)
			}
		}
		l, ok, err := g.Limit()
		if ok != (l.CPUs() > 0) || ok && err != nil {
			t.Errorf("Limit: %v, %v, %v", l, ok, err)
		}
		if used, err := g.Usage(); used < 0 || used != 0 && err != nil {
			t.Errorf("Usage: %v, %v", used, err)
		}
		if th, err := g.Throttled(); th.Time < 0 || err != nil && th != (Throttled{}) {
			t.Errorf("Throttled: %v, %v", th, err)
		}
	})
}

// FuzzUnescape: what the kernel escapes comes back, and anything else gives
// something that is no longer.
func FuzzUnescape(f *testing.F) {
	f.Add(`/a b\c`)
	f.Add(`\040\04\400\`)
	f.Fuzz(func(t *testing.T, path string) {
		escaped := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(path)
		if got := unescape(escaped); got != path {
			t.Errorf("unescape(%q) = %q; want %q", escaped, got, path)
		}
		if got := unescape(path); len(got) > len(path) {
			t.Errorf("unescape(%q) = %q", path, got)
		}
	})
}
