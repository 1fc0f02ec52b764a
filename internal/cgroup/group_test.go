package cgroup

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const ms = time.Millisecond

func TestTrees(t *testing.T) {
	for _, c := range []struct {
		name      string
		limit     Limit
		ok        bool
		usage     time.Duration // negative: nobody counts
		throttled Throttled
	}{
		{"v2-container", Limit{150 * ms, 100 * ms}, true, 2500 * ms, Throttled{40, 3, 12 * ms}},
		{"v2-nested", Limit{50 * ms, 50 * ms}, true, 7000 * ms, Throttled{70, 7, 700 * time.Microsecond}},
		{"v2-outside", Limit{200 * ms, 100 * ms}, true, 11 * time.Microsecond, Throttled{}},
		{"v1-joined", Limit{50 * ms, 100 * ms}, true, 987654321, Throttled{100, 10, 123456789}},
		{"v1-apart", Limit{200 * ms, 200 * ms}, true, 200, Throttled{8, 4, 2}},
		{"hybrid", Limit{300 * ms, 100 * ms}, true, -1, Throttled{}},
		{"hybrid-v2", Limit{25 * ms, 100 * ms}, true, time.Microsecond, Throttled{}},
		{"escapes", Limit{70 * ms, 100 * ms}, true, 5, Throttled{}},
		{"no-limit", Limit{}, false, 42 * time.Microsecond, Throttled{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Find(readTree(t, c.name))
			if err != nil {
				t.Fatal(err)
			}
			limit, ok, err := g.Limit()
			if limit != c.limit || ok != c.ok || err != nil {
				t.Errorf("Limit: %v, %v, %v; want %v, %v", limit, ok, err, c.limit, c.ok)
			}
			used, err := g.Usage()
			if c.usage < 0 && !errors.Is(err, errors.ErrUnsupported) || c.usage >= 0 && (used != c.usage || err != nil) {
				t.Errorf("Usage: %v, %v; want %v", used, err, c.usage)
			}
			throttled, err := g.Throttled()
			if throttled != c.throttled || err != nil {
				t.Errorf("Throttled: %v, %v; want %v", throttled, err, c.throttled)
			}
		})
	}
}

func TestNone(t *testing.T) {
	names, err := filepath.Glob("testdata/none-*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no trees: %v", err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(filepath.Base(name), ".txt")
		if g, err := Find(readTree(t, name)); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v, %v; want ErrNone", name, g, err)
		}
	}
}

// TestLimitChanges: every look sees what is in force.
func TestLimitChanges(t *testing.T) {
	fsys := readTree(t, "v2-nested")
	g, err := Find(fsys)
	if err != nil {
		t.Fatal(err)
	}
	const upper, own = "sys/fs/cgroup/work.slice", "sys/fs/cgroup/work.slice/web.service"
	for _, step := range []struct {
		upper, own string
		cpus       float64
		ok         bool
		usage      time.Duration
	}{
		{"50000 50000", "150000 100000", 1, true, 7 * time.Second},
		{"max 50000", "150000 100000", 1.5, true, 5 * time.Second},
		{"200000 100000", "5000 10000", 0.5, true, 5 * time.Second},
		{"max 100000", "max 100000", 0, false, 3 * time.Second},
		{"1000 1000000", "max 100000", 0.001, true, 7 * time.Second},
	} {
		set(fsys, upper+"/cpu.max", step.upper)
		set(fsys, own+"/cpu.max", step.own)
		l, ok, err := g.Limit()
		if l.CPUs() != step.cpus || ok != step.ok || err != nil {
			t.Errorf("%q above %q: %v, %v, %v; want %v", step.upper, step.own, l, ok, err, step.cpus)
		}
		if used, err := g.Usage(); used != step.usage || err != nil {
			t.Errorf("%q above %q: usage %v, %v; want that of the group with the limit, %v", step.upper, step.own, used, err, step.usage)
		}
	}
}

// TestRemoved: a group that is gone is not a group without a limit.
func TestRemoved(t *testing.T) {
	fsys := readTree(t, "v1-apart")
	g, err := Find(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for name := range fsys {
		if strings.Contains(name, "/a/b/") {
			delete(fsys, name)
		}
	}
	if l, ok, err := g.Limit(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/sys/fs/cgroup/cpu/a/b") {
		t.Errorf("Limit: %v, %v, %v; want fs.ErrNotExist and the folder", l, ok, err)
	}
	if _, err := Find(fsys); !errors.Is(err, ErrNone) {
		t.Errorf("Find: %v; want ErrNone", err)
	}
}

// TestMalformed: what can't be understood is named, with the file that it is in.
func TestMalformed(t *testing.T) {
	const (
		quota  = "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"
		period = "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"
		stat   = "sys/fs/cgroup/cpu,cpuacct/cpu.stat"
		usage  = "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage"
		huge   = "99999999999999999"
	)
	for _, c := range []struct{ tree, file, text, want string }{
		{"v1-joined", membersFile, "1:cpu", `"1:cpu"`},
		{"v1-joined", membersFile, "1:cpu:relative", `"1:cpu:relative"`},
		{"v1-joined", mountsFile, "1 2 3", `"1 2 3"`},
		{"v1-joined", mountsFile, "31 25 0:27 / mnt rw - cgroup cgroup rw,cpu", "mounted nowhere"},
		{"v1-joined", mountsFile, strings.Repeat("x", maxLine+1), "too long"},
		{"v1-joined", quota, "much", `"much"`},
		{"v1-joined", quota, "0", "must be positive"},
		{"v1-joined", quota, huge, huge},
		{"v1-joined", period, "0", "must be positive"},
		{"v1-joined", period, "-1", `"-1"`},
		{"v1-joined", stat, "nr_periods x", `"x"`},
		{"v1-joined", stat, "nr_throttled x", `"x"`},
		{"v1-joined", stat, "throttled_time -5", `"-5"`},
		{"v1-joined", usage, "", `""`},
		{"v2-container", "sys/fs/cgroup/cpu.max", "max", `"max`},
		{"v2-container", "sys/fs/cgroup/cpu.max", "1 2 3", `"1 2 3`},
		{"v2-container", "sys/fs/cgroup/cpu.max", "1 min", `"min"`},
		{"v2-container", "sys/fs/cgroup/cpu.stat", "nothing 0", "usage_usec"},
	} {
		fsys := readTree(t, c.tree)
		set(fsys, c.file, c.text)
		err := everything(fsys)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/"+c.file) {
			t.Errorf("%s = %.40q: %v; want an error with the file and %q", c.file, c.text, err, c.want)
		}
	}
}

// TestUnreadable: a file that can't be read is an error, not a missing limit.
func TestUnreadable(t *testing.T) {
	for _, name := range []string{membersFile, mountsFile, "sys/fs/cgroup/cpu.max", "sys/fs/cgroup/cpu.stat"} {
		err := everything(denied{readTree(t, "v2-container"), name})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s not permitted: %v; want fs.ErrPermission and the name", name, err)
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

// everything calls all there is until something fails.
func everything(fsys fs.FS) error {
	g, err := Find(fsys)
	if err != nil {
		return err
	}
	if _, _, err = g.Limit(); err != nil {
		return err
	}
	if _, err = g.Usage(); err != nil {
		return err
	}
	_, err = g.Throttled()
	return err
}

// TestLongFile: no more of a file is read than its bound.
func TestLongFile(t *testing.T) {
	fsys := fstest.MapFS{"long": {Data: make([]byte, 3*maxFile)}}
	if text, err := readFile(fsys, "long"); len(text) != maxFile || err != nil {
		t.Errorf("read %d bytes, %v; want %d", len(text), err, maxFile)
	}
}

// TestMountLevels: which groups a mount shows, and where.
func TestMountLevels(t *testing.T) {
	for _, c := range []struct {
		root, point, group string
		want               []level
	}{
		{"/", "/c", "/", []level{{"", "c"}}},
		{"/", "/c", "/a/b", []level{{"/a/b", "c/a/b"}, {"/a", "c/a"}, {"", "c"}}},
		{"/a", "/c", "/a/b", []level{{"/a/b", "c/b"}, {"/a", "c"}}},
		{"/a/b", "/c", "/a/b", []level{{"/a/b", "c"}}},
		{"/", "/", "/a", nil},       // there would be no /proc
		{"/a/b", "/c", "/a", nil},   // below
		{"/a", "/c", "/ab", nil},    // beside, with a name that begins alike
		{"/a", "/c", "/b/a", nil},   // elsewhere
		{"/", "/x/c", "/..", nil},   // above
		{"/", "/x/c", "/../a", nil}, // beside what is the root for this process
		{"/..", "/c", "/", nil},     // below, by a name that isn't known
		{"/..", "/x/c", "/../../a", nil},
		{"/..", "/c", "/../a", []level{{"/../a", "c/a"}, {"/..", "c"}}},
	} {
		m := mount{root: c.root, point: c.point}
		if got := m.levels(c.group); !slices.Equal(got, c.want) {
			t.Errorf("%s mounted at %s shows %s as %v; want %v", c.root, c.point, c.group, got, c.want)
		}
	}
}

// TestDeepGroup: a path that the kernel couldn't open isn't followed.
func TestDeepGroup(t *testing.T) {
	m := mount{root: "/", point: "/c", kind: "cgroup2"}
	if got := m.levels(strings.Repeat("/d", maxPath)); got != nil {
		t.Errorf("%d levels of a path that is too long", len(got))
	}
	if got := m.levels(strings.Repeat("/d", 1000)); len(got) != 1001 || got[1000].dir != "c" || got[1000].path != "" {
		t.Errorf("%d levels; want 1001 and the mount at the end", len(got))
	}
}

// TestThrottledSince: what has come since, and never less than nothing.
func TestThrottledSince(t *testing.T) {
	before := Throttled{10, 4, 3 * ms}
	if got, want := (Throttled{25, 9, 7 * ms}).Since(before), (Throttled{15, 5, 4 * ms}); got != want {
		t.Errorf("since: %v, want %v", got, want)
	}
	if got, want := (Throttled{12, 1, ms}).Since(before), (Throttled{2, 0, 0}); got != want {
		t.Errorf("of another group: %v, want %v", got, want)
	}
}
