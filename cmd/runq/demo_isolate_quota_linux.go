package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// quotaPeriod is the kernel's default and what container engines use, in microseconds.
	quotaPeriod = 100_000

	// removePatience is how long a group is tried to be removed. The kernel lets go of the last process
	// some milliseconds after it has ended.
	removePatience = 5 * time.Second
)

// A cpuGroup is a control group with a quota of CPU time. All methods work on a nil one, which has no limit.
type cpuGroup struct{ dir string }

// newCPUGroup makes a group that gets so many CPUs at most: below the group that this process is in, or, where
// that isn't possible, at the top.
func newCPUGroup(cpus float64) (*cpuGroup, error) {
	parents, v2, err := cpuGroupParents()
	if err != nil {
		return nil, fmt.Errorf("--quota %v: %w", cpus, err)
	}
	quota := strconv.FormatInt(int64(cpus*quotaPeriod), 10)
	settings := [][2]string{{"cpu.cfs_period_us", strconv.Itoa(quotaPeriod)}, {"cpu.cfs_quota_us", quota}}
	if v2 {
		settings = [][2]string{{"cpu.max", quota + " " + strconv.Itoa(quotaPeriod)}}
	}
	var failures []error
	for _, parent := range parents {
		g, err := makeGroup(parent, settings)
		if err == nil {
			return g, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("--quota %v: no control group with a limit can be made here; it takes root, and a cpu controller that may be written to: %w",
		cpus, errors.Join(failures...))
}

func makeGroup(parent string, settings [][2]string) (*cpuGroup, error) {
	dir, err := os.MkdirTemp(parent, "runq-isolate-")
	if err != nil {
		return nil, err
	}
	g := &cpuGroup{dir: dir}
	for _, s := range settings {
		// Without O_CREATE: that is refused there, and hides what is missing.
		f, err := os.OpenFile(filepath.Join(dir, s[0]), os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(s[1])
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return nil, errors.Join(err, g.remove())
		}
	}
	return g, nil
}

// cpuGroupParents finds the hierarchy of control groups that has the cpu controller. It returns the folders in
// which a group could be made, and whether it is version 2.
func cpuGroupParents() (parents []string, v2 bool, err error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, false, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, false, err
	}
	return findCPUGroups(mounts, own)
}

// findCPUGroups reads the two files of /proc.
func findCPUGroups(mounts, own []byte) (parents []string, v2 bool, err error) {
	m1, m2 := cpuMounts(mounts)
	mount, controller := m1, "cpu"
	if mount == nil {
		mount, controller, v2 = m2, "", true
	}
	if mount == nil {
		return nil, false, errors.New("no control groups are mounted here")
	}
	for s := bufio.NewScanner(bytes.NewReader(own)); s.Scan(); {
		field := strings.SplitN(s.Text(), ":", 3) // number, controllers, path
		if len(field) == 3 && slices.Contains(strings.Split(field[1], ","), controller) {
			if below, err := filepath.Rel(mount.root, field[2]); err == nil && filepath.IsLocal(below) && below != "." {
				parents = append(parents, filepath.Join(mount.point, below))
			}
		}
	}
	return append(parents, mount.point), v2, nil
}

// A groupMount is where a hierarchy of control groups is mounted.
type groupMount struct{ root, point string }

// cpuMounts finds the hierarchy of version 1 that has the cpu controller, and that of version 2; nil for those
// that aren't there.
func cpuMounts(mounts []byte) (v1, v2 *groupMount) {
	for s := bufio.NewScanner(bytes.NewReader(mounts)); s.Scan(); {
		left, right, ok := strings.Cut(s.Text(), " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 3 {
			continue
		}
		m := &groupMount{root: l[3], point: l[4]}
		switch {
		case r[0] == "cgroup" && slices.Contains(strings.Split(r[2], ","), "cpu"):
			v1 = m
		case r[0] == "cgroup2":
			v2 = m
		}
	}
	return v1, v2
}

// throttle reads how often the group has run out of its quota.
func (g *cpuGroup) throttle() (t throttle, err error) {
	if g == nil {
		return t, nil
	}
	stat, err := os.ReadFile(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return t, err
	}
	for line := range strings.Lines(string(stat)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		into := map[string]*int64{"nr_periods": &t.Periods, "nr_throttled": &t.Throttled}[name]
		if into == nil {
			continue
		}
		if *into, err = strconv.ParseInt(value, 10, 64); err != nil {
			return t, fmt.Errorf("cpu.stat: %w", err)
		}
	}
	return t, nil
}

// remove removes the group, once its processes have ended.
func (g *cpuGroup) remove() error {
	if g == nil {
		return nil
	}
	for end := time.Now().Add(removePatience); ; time.Sleep(10 * time.Millisecond) {
		err := os.Remove(g.dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the control group stays: %w", err)
		}
	}
}

// enterGroup puts this process into a group and starts its program again, with other arguments: Go looks for
// limits when it starts. It returns only if that fails.
func enterGroup(dir string, args []string) error {
	f, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("0") // means: who writes it
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("starting again in a control group: %w", syscall.Exec(self, append([]string{self}, args...), os.Environ()))
}
