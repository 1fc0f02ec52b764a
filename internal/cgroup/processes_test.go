package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNewForProcesses: the group is made at the lowest level that lets it have a limit.
func TestNewForProcesses(t *testing.T) {
	own, top := procsGroup, filepath.Dir(procsGroup)
	for _, c := range []struct {
		what    string
		unified bool
		enabled []string // version 2: the groups in which the controller is
		threads bool     // there is a group for threads in the process's
		want    string   // where it is made
		writes  string
	}{
		{"version 1", false, nil, false, own, "cpu.cfs_quota_us 40000"},
		{"version 2", true, []string{own}, false, own, "cpu.max 40000 100000"},
		{"version 2, in a group that has none", true, []string{top}, false, top, "cpu.max 40000 100000"},
		{"version 2, beside threads", true, []string{own, top}, true, top, "cpu.max 40000 100000"},
		{"version 2, without the controller", true, nil, false, "", ""},
	} {
		k, g := newFakeKernel(t, c.unified)
		k.put(top+"/cgroup.subtree_control", "\n")
		for _, dir := range c.enabled {
			k.put(dir+"/cgroup.subtree_control", "cpu\n")
		}
		if c.threads {
			k.put(own+"/threads/cgroup.type", "threaded\n")
		}
		child, err := g.newForProcesses(k.root, k, Limit{40 * ms, 100 * ms})
		if c.want == "" {
			if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it takes root") {
				t.Errorf("%s: made %v, %v", c.what, child, err)
			}
		} else if err != nil || filepath.Dir(child.Dir()) != filepath.Join(k.root, c.want) {
			t.Errorf("%s: made %v, %v; want it in %s", c.what, child, err, c.want)
			continue
		}
		if said := strings.Join(k.writes, ", "); !strings.HasSuffix(said, c.writes) || strings.Count(said, ", ") != 0 {
			t.Errorf("%s: writes %s", c.what, said)
		}
		if child != nil {
			if err := child.Remove(); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		for _, dir := range []string{own, top} {
			if left, err := filepath.Glob(filepath.Join(k.root, dir, "runq-*")); err != nil || len(left) != 0 {
				t.Errorf("%s: left behind: %v, %v", c.what, left, err)
			}
		}
		if k.removed {
			t.Errorf("%s: a group was removed without a lock", c.what)
		}
	}
}

// TestEnter: a process writes itself down, and doesn't make a group of what is none.
func TestEnter(t *testing.T) {
	dir := t.TempDir()
	if err := Enter(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is no group: %v", err)
	}
	file := filepath.Join(dir, "cgroup.procs")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Enter(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || !slices.Equal(text, []byte("0")) {
		t.Errorf("wrote %q, %v", text, err)
	}
}
