package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeKernel is a folder that looks like /, and behaves like a file system of control groups
// as far as groups are made, written to, and removed.
type fakeKernel struct {
	osControl
	t       *testing.T
	unified bool
	noIdle  bool             // an old kernel
	fail    map[string]error // by the operation and the end of the name
	busy    int              // how often a group can't be removed yet
	writes  []string
	locked  bool
	removed bool // a group was, while it wasn't locked
}

const procsGroup = "sys/fs/cgroup/work"

// newFakeKernel makes the folder, with the process in the group work, of half a CPU.
func newFakeKernel(t *testing.T, unified bool) (*fakeKernel, *Group) {
	t.Helper()
	k := &fakeKernel{osControl: osControl{t.TempDir()}, t: t, unified: unified, fail: make(map[string]error)}
	members, mounts := "3:cpu:/work\n0::/\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n"
	if unified {
		members, mounts = "0::/work\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	}
	k.put(membersFile, members)
	k.put(mountsFile, mounts)
	k.put(procsGroup+"/cgroup.subtree_control", "\n")
	k.addFiles(procsGroup)
	if unified {
		k.put(procsGroup+"/cpu.max", "50000 100000\n")
	} else {
		k.put(procsGroup+"/cpu.cfs_quota_us", "50000\n")
	}
	g, err := Find(os.DirFS(k.root))
	if err != nil {
		t.Fatal(err)
	}
	return k, g
}

// put writes a file, and the folders above it.
func (k *fakeKernel) put(name, text string) {
	k.t.Helper()
	name = filepath.Join(k.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		k.t.Fatal(err)
	}
}

func (k *fakeKernel) get(name string) string {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.root, name))
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// addFiles makes the files of the cpu controller.
func (k *fakeKernel) addFiles(dir string) {
	if !k.noIdle {
		k.put(dir+"/cpu.idle", "0\n")
	}
	if k.unified {
		k.put(dir+"/cpu.weight", "100\n")
		k.put(dir+"/cpu.max", "max 100000\n")
		k.put(dir+"/cpu.stat", "usage_usec 5\nnr_periods 7\nnr_throttled 3\nthrottled_usec 11\n")
		return
	}
	k.put(dir+"/cpu.shares", "1024\n")
	k.put(dir+"/cpu.cfs_quota_us", "-1\n")
	k.put(dir+"/cpu.cfs_period_us", "100000\n")
	k.put(dir+"/cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 11000\n")
}

func (k *fakeKernel) failure(operation, name string) error {
	for end, err := range k.fail {
		if strings.HasSuffix(operation+" "+name, end) {
			return &fs.PathError{Op: operation, Path: name, Err: err}
		}
	}
	return nil
}

func (k *fakeKernel) lock(name string) (unlock func()) {
	if k.locked {
		k.t.Errorf("%s is to be locked, and something already is", name)
	}
	k.locked = true
	return func() { k.locked = false }
}

func (k *fakeKernel) mkdir(name string) error {
	if err := k.failure("mkdir", name); err != nil {
		return err
	}
	if err := k.osControl.mkdir(name); err != nil {
		return err
	}
	if !k.unified {
		k.put(name+"/tasks", "")
		k.addFiles(name)
		return nil
	}
	kind := "domain"
	beside, _ := filepath.Glob(filepath.Join(k.root, path.Dir(name), "*/cgroup.type"))
	for _, file := range beside {
		if text, err := os.ReadFile(file); err == nil && string(text) == "threaded\n" {
			kind = "domain invalid" // until it is threaded, too
		}
	}
	k.put(name+"/cgroup.type", kind+"\n")
	k.put(name+"/cgroup.threads", "")
	if k.get(path.Dir(name)+"/cgroup.subtree_control") == "cpu" {
		k.addFiles(name)
	}
	return nil
}

func (k *fakeKernel) write(name, text string) error {
	if err := k.failure("write", name); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(k.root, name)); err != nil {
		return err
	}
	if name == procsGroup+"/cgroup.subtree_control" && !k.locked {
		k.t.Error("the controllers are changed without the lock")
	}
	if name == procsGroup+"/cgroup.subtree_control" && text == "+cpu" {
		groups, _ := filepath.Glob(filepath.Join(k.root, procsGroup, "*/cgroup.type"))
		for _, g := range groups {
			below, _ := filepath.Rel(k.root, filepath.Dir(g))
			k.addFiles(below)
		}
	}
	k.writes = append(k.writes, strings.TrimPrefix(name, procsGroup+"/")+" "+text)
	before := k.get(name)
	kept, ok := map[string]string{"+cpu": "cpu", "-cpu": ""}[text]
	if !ok {
		kept = text
	}
	k.put(name, kept+"\n")
	if l, ok, err := readQuota(os.DirFS(k.root), path.Dir(name)); !k.unified && err == nil && ok && l.CPUs() > 0.5 {
		k.put(name, before+"\n")
		return syscall.EINVAL
	}
	return nil
}

func (k *fakeKernel) remove(name string) error {
	if err := k.failure("remove", name); err != nil {
		return err
	}
	if k.busy > 0 {
		k.busy--
		return syscall.EBUSY
	}
	k.removed = k.removed || !k.locked
	return os.RemoveAll(filepath.Join(k.root, name))
}

// groups returns the groups below the process's.
func (k *fakeKernel) groups() (names []string) {
	k.t.Helper()
	entries, err := os.ReadDir(filepath.Join(k.root, procsGroup))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestNewChild: what is written when a group is made, used, and removed.
func TestNewChild(t *testing.T) {
	for _, c := range []struct {
		what            string
		unified, noIdle bool
		made, used      string
	}{
		{"version 1", false, false, "cpu.idle 1", "tasks 12, cpu.cfs_quota_us 5000, cpu.cfs_period_us 10000, cpu.cfs_period_us 50000, cpu.cfs_quota_us 1000, cpu.cfs_quota_us -1"},
		{"an old version 1", false, true, "cpu.shares 2", "tasks 12, cpu.cfs_quota_us 5000, cpu.cfs_period_us 10000, cpu.cfs_period_us 50000, cpu.cfs_quota_us 1000, cpu.cfs_quota_us -1"},
		{"version 2", true, false, "cgroup.type threaded, cgroup.subtree_control +cpu, cpu.idle 1", "cgroup.threads 12, cpu.max 5000 10000, cpu.max 1000 50000, cpu.max max"},
		{"an old version 2", true, true, "cgroup.type threaded, cgroup.subtree_control +cpu, cpu.weight 1", "cgroup.threads 12, cpu.max 5000 10000, cpu.max 1000 50000, cpu.max max"},
	} {
		k, g := newFakeKernel(t, c.unified)
		k.noIdle = c.noIdle
		if c.noIdle {
			os.Remove(filepath.Join(k.root, procsGroup, "cpu.idle"))
		}
		child, err := g.newChild(k.root, k)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		own := filepath.Base(child.Dir())
		said := func() string {
			text := strings.ReplaceAll(strings.Join(k.writes, ", "), own+"/", "")
			k.writes = nil
			return text
		}
		if got := said(); got != c.made || child.Dir() != filepath.Join(k.root, procsGroup, own) {
			t.Errorf("%s: %s is made by writing %s; want %s", c.what, child.Dir(), got, c.made)
		}
		err = child.Add(12)
		for _, l := range []Limit{LimitOf(0.5, 10*ms), LimitOf(0.02, 10*ms), {}} {
			err = errors.Join(err, child.SetLimit(l))
		}
		if got := said(); got != c.used || err != nil {
			t.Errorf("%s: used by writing %s, %v; want %s", c.what, got, err, c.used)
		}
		if th, err := child.Throttled(); th != (Throttled{7, 3, 11 * time.Microsecond}) || err != nil {
			t.Errorf("%s: throttled: %v, %v", c.what, th, err)
		}
		k.busy = 3
		if err := child.Remove(); err != nil || len(k.groups()) != 0 {
			t.Errorf("%s: removed: %v; there are %v", c.what, err, k.groups())
		}
		if want := "cgroup.subtree_control -cpu"; c.unified && said() != want {
			t.Errorf("%s: the controller stays enabled", c.what)
		}
		if err := child.Remove(); err != nil {
			t.Errorf("%s: removed twice: %v", c.what, err)
		}
	}
}

// TestNewChildRefused: what can't be done is said, with what it takes, and nothing is left.
func TestNewChildRefused(t *testing.T) {
	for _, c := range []struct {
		unified bool
		fail    string
		err     error
		want    string
	}{
		{false, "mkdir *", syscall.EROFS, "it takes a superuser"},
		{true, "mkdir *", syscall.EACCES, "it takes a superuser"},
		{false, "cpu.idle", syscall.EINVAL, `writing "1" to /` + procsGroup},
		{true, "cgroup.type", syscall.EOPNOTSUPP, "no domain controllers enabled"},
		{true, "cgroup.subtree_control", syscall.ENOENT, "the cpu controller must be enabled"},
		{true, "cpu.idle", syscall.EACCES, "cpu.idle"},
	} {
		k, g := newFakeKernel(t, c.unified)
		if c.fail == "mkdir *" {
			k.fail[childName(forThreads, os.Getpid(), childNumber.Load()+1)] = c.err
		} else {
			k.fail[c.fail] = c.err
		}
		child, err := g.newChild(k.root, k)
		if child != nil || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s fails: %v, %v; want %q", c.fail, child, err, c.want)
		}
		if left := k.groups(); len(left) != 0 {
			t.Errorf("%s fails: left behind: %v", c.fail, left)
		}
	}
}

// TestNewChildMissing: the files of a kernel without the controller are missing, and aren't made.
func TestNewChildMissing(t *testing.T) {
	for _, unified := range []bool{false, true} {
		k, g := newFakeKernel(t, unified)
		child, err := g.NewChild(k.root) // in an ordinary folder, which has no files by itself
		if child != nil || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("version 2: %v; %v, %v", unified, child, err)
		}
		if left := k.groups(); len(left) != 0 {
			t.Errorf("version 2: %v; left behind: %v", unified, left)
		}
	}
}

// TestChildErrors: what goes wrong later.
func TestChildErrors(t *testing.T) {
	k, g := newFakeKernel(t, false)
	child, err := g.newChild(k.root, k)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.SetLimit(LimitOf(0.6, 10*ms)); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), `"10000"`) {
		t.Errorf("more than the process has: %v", err)
	}
	for _, l := range []Limit{{50 * ms, 100 * ms}, {5 * ms, 10 * ms}, {500 * ms, time.Second}, {ms, 2 * ms}} {
		if err := child.SetLimit(l); err != nil {
			t.Errorf("%v: never more than the process has, %v", l, err)
		}
	}
	k.fail["tasks"] = syscall.ESRCH
	if err := child.Add(12); !errors.Is(err, syscall.ESRCH) || !strings.Contains(err.Error(), `writing "12"`) {
		t.Errorf("a thread that has ended: %v", err)
	}
	k.busy, child.patience = 1000, 5*ms
	if err := child.Remove(); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), child.Dir()) {
		t.Errorf("a group that is in use for ever: %v", err)
	}
	k.busy, k.fail["remove "+child.dir] = 0, syscall.EACCES
	if err := child.Remove(); !errors.Is(err, syscall.EACCES) {
		t.Errorf("a group that mustn't be removed: %v", err)
	}
}

// TestChildNames: groups that others have left behind go, and those in use stay; names don't collide.
func TestChildNames(t *testing.T) {
	k, g := newFakeKernel(t, false)
	own := func(n int64) string { return childName(forThreads, os.Getpid(), childNumber.Load()+n) }
	k.put("proc/77/stat", "")
	k.put(fmt.Sprintf("proc/%d/stat", os.Getpid()), "")
	stay := []string{"runq-77-1", "runq-088-1", "runq-88-1x", "runq-88", "runq--88-1", "runq-88-1-1", "runq-quota-77-3", "runq-quota-3", own(1), own(3)}
	for _, name := range append(slices.Clone(stay), "runq-88-1", "runq-88-12", "runq-quota-88-1", own(2)) {
		k.put(procsGroup+"/"+name+"/tasks", "")
	}
	k.fail["remove "+procsGroup+"/"+own(1)] = syscall.EBUSY
	second := own(2)
	child, err := g.newChild(k.root, k)
	if err != nil || filepath.Base(child.Dir()) != second {
		t.Fatalf("made %v, %v; want %s", child, err, second)
	}
	if k.get(child.dir+"/cpu.idle") != "1" {
		t.Error("the folder that a process had left behind was used as it was")
	}
	got, want := k.groups(), append(stay, second)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// TestChildOfTwo: version 2: the last group of runq's takes back what the first has enabled, and
// leaves alone what others have or want.
func TestChildOfTwo(t *testing.T) {
	for _, c := range []struct {
		what    string
		groups  int
		enabled bool   // the controller was before
		other   string // a group that there is, and stays
		left    string // one that a process has left behind
		want    string // what is written at last
	}{
		{what: "alone", groups: 1, want: "cgroup.subtree_control -cpu"},
		{what: "several", groups: 3, want: "cgroup.subtree_control -cpu"},
		{what: "enabled by somebody else", groups: 1, enabled: true},
		{what: "another group wants it", groups: 3, other: "other"},
		{what: "somebody was killed", groups: 1, enabled: true, left: "runq-88-1", want: "cgroup.subtree_control -cpu"},
	} {
		k, g := newFakeKernel(t, true)
		k.put("proc/self/stat", "")
		k.put(fmt.Sprintf("proc/%d/stat", os.Getpid()), "")
		if c.enabled {
			k.put(procsGroup+"/cgroup.subtree_control", "cpu\n")
		}
		for _, name := range []string{c.other, c.left} {
			if name != "" {
				k.put(procsGroup+"/"+name+"/cgroup.type", "threaded\n")
				k.addFiles(procsGroup + "/" + name)
			}
		}
		var children []*Child
		for range c.groups {
			child, err := g.newChild(k.root, k)
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			children = append(children, child)
		}
		for i, child := range children {
			if k.writes = nil; i < c.groups-1 {
				if err := child.Remove(); err != nil || len(k.writes) != 0 {
					t.Errorf("%s: removing one of several writes %v, %v", c.what, k.writes, err)
				}
			} else if err := child.Remove(); err != nil || strings.Join(k.writes, ", ") != c.want {
				t.Errorf("%s: removing the last one writes %v, %v; want %s", c.what, k.writes, err, c.want)
			}
		}
		if k.locked || k.removed {
			t.Errorf("%s: locked for ever: %v; removed without a lock: %v", c.what, k.locked, k.removed)
		}
	}
}

// TestChildWithout: version 2: when somebody takes the controller from the groups, it is enabled again.
func TestChildWithout(t *testing.T) {
	k, g := newFakeKernel(t, true)
	child, err := g.newChild(k.root, k)
	if err != nil {
		t.Fatal(err)
	}
	take := func() {
		k.put(procsGroup+"/cgroup.subtree_control", "\n")
		for _, file := range []string{"cpu.max", "cpu.idle", "cpu.weight", "cpu.stat"} {
			os.Remove(filepath.Join(k.root, child.dir, file))
		}
		k.writes = nil
	}
	take()
	err = child.SetLimit(LimitOf(0.5, 10*ms))
	own := filepath.Base(child.dir) + "/"
	want := "cgroup.subtree_control +cpu, cpu.idle 1, cpu.max 5000 10000"
	if got := strings.ReplaceAll(strings.Join(k.writes, ", "), own, ""); err != nil || got != want {
		t.Errorf("writes %s, %v; want %s", got, err, want)
	}
	take()
	k.fail["cgroup.subtree_control"] = syscall.EBUSY
	if err := child.SetLimit(LimitOf(0.5, 10*ms)); !errors.Is(err, syscall.EBUSY) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("when that is refused: %v", err)
	}
}

// TestMoved: threads of a process that was put into another group stay in that.
func TestMoved(t *testing.T) {
	for _, unified := range []bool{false, true} {
		k, g := newFakeKernel(t, unified)
		child, err := g.newChild(k.root, k)
		if err != nil {
			t.Fatal(err)
		}
		k.writes = nil
		k.put(membersFile, "3:cpu:/work\n0::/work\n")
		if err := child.Add(0); err != nil || len(k.writes) != 1 {
			t.Errorf("version 2: %v; where it was, it writes %v, %v", unified, k.writes, err)
		}
		k.put(membersFile, "3:cpu:/\n0::/\n")
		if err := child.Add(0); err == nil || !strings.Contains(err.Error(), "moved from the group /work to /") || len(k.writes) != 1 {
			t.Errorf("version 2: %v; elsewhere it writes %v, %v", unified, k.writes, err)
		}
		if err := child.SetLimit(LimitOf(0.5, 10*ms)); err == nil || len(k.writes) != 1 {
			t.Errorf("version 2: %v; elsewhere a limit is set: %v, %v", unified, k.writes, err)
		}
	}
}

func TestLimitOf(t *testing.T) {
	for _, c := range []struct {
		cpus float64
		want Limit
	}{
		{0.1, Limit{ms, 10 * ms}}, {0.05, Limit{ms, 20 * ms}}, {1e-9, Limit{ms, time.Second}}, {0.03, Limit{ms, 33334 * time.Microsecond}}, {1.23456, Limit{12345 * time.Microsecond, 10 * ms}},
	} {
		if got := LimitOf(c.cpus, 10*ms); got != c.want {
			t.Errorf("%v CPUs: %v, want %v", c.cpus, got, c.want)
		}
	}
}
