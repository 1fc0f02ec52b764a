package cgroup

// A group for some of the process's threads.
//
// The facts, from cgroup-v2.rst, cgroup-v1/cgroups.rst, scheduler/sched-bwc.rst, and
// kernel/cgroup/cgroup.c and kernel/sched/core.c of Linux 6.18:
//
//   - Version 1 has threads in groups one by one: the file tasks takes a thread's number.
//     Version 2 has them in groups of type threaded only: what is above such a group
//     becomes a threaded domain, which the kernel refuses while it has a controller for
//     its groups that isn't for threads (memory, io), or processes in its other groups. The
//     controller is given to the groups below by cgroup.subtree_control.
//   - 0 stands for the thread that writes. The kernel takes no lock on all processes then,
//     which can take it tens of milliseconds.
//   - A group competes with the threads beside it like one thread of its weight, 1024 of
//     version 1 and 100 of version 2, whatever the priorities of its own threads. With
//     cpu.idle (Linux 5.15) it is to them what a thread of policy SCHED_IDLE is.
//   - Quota and period are 1 ms at least, the period 1 s at most. In version 1 a group
//     can't have a greater part of the time than the one above it: that is refused
//     (EINVAL), here and there.
//   - Every write of a quota begins a new period, and so gives what has been used once more.
//   - A group can be removed when its last thread has ended, which is some milliseconds after Go
//     has done with it (EBUSY).

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// leastQuota is the kernel's, and that of a period.
	leastQuota = time.Millisecond

	// usualPeriod is what a new group has, of both versions, without a limit.
	usualPeriod = 100 * time.Millisecond

	// removePatience is how long a group is tried to be removed: far longer than the kernel
	// takes to end threads on a busy machine.
	removePatience = time.Second

	// groupTries is how many names are tried: those in use can only be left over from a
	// process that had the same number, one for each of its schedulers.
	groupTries = 100
)

// Child is a group below the process's own, for some of its threads (NewChild), or for other
// processes (NewForProcesses). Its methods may be called at the same time, but for SetLimit and Remove.
type Child struct {
	g      *Group
	files  control
	path   string // for people
	dir    string // as an fs.FS wants it
	parent string // likewise

	// disables: the controller was enabled for groups of runq's, so that the last of those
	// disables it. While it is enabled, no processes can be put into groups there. Who has enabled it before
	// two of them were there can't be known: then it is disabled, too, if there is no other group.
	disables bool

	period   time.Duration // as it is; SetLimit's
	patience time.Duration // of Remove
}

// control changes what is in the file system of control groups. Names are as an fs.FS
// wants them. The tests have one that is like a kernel.
type control interface {
	mkdir(name string) error
	write(name, text string) error
	remove(name string) error
	lock(name string) (unlock func())
}

// osControl is the real one.
type osControl struct{ root string }

func (o osControl) mkdir(name string) error  { return os.Mkdir(filepath.Join(o.root, name), 0o755) }
func (o osControl) remove(name string) error { return os.Remove(filepath.Join(o.root, name)) }

// write doesn't make the file: that is refused there, with an error that hides what is missing.
func (o osControl) write(name, text string) error {
	f, err := os.OpenFile(filepath.Join(o.root, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// childNumber counts the groups that this process has made, for their names.
var childNumber atomic.Int64

// NewChild makes a group below the one that the process was in when g was found, called
// runq-PID-N, that gets only time that nobody else wants. root is where the file system
// that g was found in begins: "/". Groups of that form that processes have left behind which are no
// more are removed before. The error says what it takes; nothing is left of the group then.
func (g *Group) NewChild(root string) (*Child, error) {
	return g.newChild(root, osControl{root})
}

func (g *Group) newChild(root string, files control) (*Child, error) {
	parent := g.levels[0].dir
	defer files.lock(parent)()
	others := g.sweep(parent, files)
	c, err := g.makeChild(parent, root, files, forThreads)
	if err != nil {
		return nil, fmt.Errorf("cgroup: no group can be made below /%s: it takes a superuser, or a group that was given to this user, "+
			"and control groups mounted for writing: %w", parent, err)
	}
	c.disables = g.unified && others
	if err := c.setUp(); err != nil {
		err = errors.Join(err, files.remove(c.dir))
		c.disable()
		return nil, err
	}
	return c, nil
}

// makeChild makes a group as it comes, with a name that isn't in use. The parent is locked.
func (g *Group) makeChild(parent, root string, files control, what string) (*Child, error) {
	var dir string
	var err error
	for range groupTries {
		dir = path.Join(parent, childName(what, os.Getpid(), childNumber.Add(1)))
		err = files.mkdir(dir)
		if errors.Is(err, fs.ErrExist) && files.remove(dir) == nil {
			err = files.mkdir(dir) // it was left by a process that had this number before
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return &Child{
		g: g, files: files, path: filepath.Join(root, dir), dir: dir, parent: parent,
		period: usualPeriod, patience: removePatience,
	}, nil
}

// What a group is for, in its name: those for threads show that the cpu controller was perhaps
// enabled for them.
const (
	forThreads   = "runq"
	forProcesses = "runq-quota"
)

func childName(what string, pid int, n int64) string { return fmt.Sprintf("%s-%d-%d", what, pid, n) }

// childOf tells what a group of this name is for, and which process has made it: "" if it isn't runq's.
func childOf(name string) (what string, pid int) {
	var n int64
	for _, what := range []string{forThreads, forProcesses} {
		_, err := fmt.Sscanf(name, what+"-%d-%d", &pid, &n)
		if err == nil && pid > 0 && name == childName(what, pid, n) {
			return what, pid
		}
	}
	return "", 0
}

// sweep removes the groups of processes that don't exist any more, and returns whether there
// were any for threads. The kernel refuses to remove those that aren't empty.
// What can't be removed is in nobody's way.
func (g *Group) sweep(parent string, files control) (threads bool) {
	names, _ := g.groupsIn(parent)
	for _, name := range names {
		what, pid := childOf(name)
		threads = threads || what == forThreads
		if what != "" && !isDir(g.fsys, fmt.Sprintf("proc/%d", pid)) && isDir(g.fsys, "proc/self") {
			_ = files.remove(path.Join(parent, name))
		}
	}
	return threads
}

// groupsIn returns the names of the groups in another.
func (g *Group) groupsIn(dir string) (names []string, err error) {
	entries, err := fs.ReadDir(g.fsys, dir)
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// setUp makes a new group fit for threads of the lowest priority.
func (c *Child) setUp() error {
	if c.g.unified {
		if err := c.set(c.dir, "cgroup.type", "threaded"); err != nil {
			return fmt.Errorf("%w: the process's group must have no domain controllers enabled for its groups, and no processes in them", err)
		}
	}
	return c.enable()
}

// enable gives the group the controller, if it has none, and the lowest priority.
func (c *Child) enable() error {
	if c.g.unified {
		text, _ := readFile(c.g.fsys, c.parent+"/cgroup.subtree_control")
		if !slices.Contains(strings.Fields(text), "cpu") {
			if err := c.set(c.parent, "cgroup.subtree_control", "+cpu"); err != nil {
				return fmt.Errorf("%w: the cpu controller must be enabled for the process's group", err)
			}
			c.disables = true
		}
	}
	return c.lowest()
}

// lowest lets the group have what nobody else wants, or nearly so.
func (c *Child) lowest() error {
	if _, err := fs.Stat(c.g.fsys, c.dir+"/cpu.idle"); err == nil {
		return c.set(c.dir, "cpu.idle", "1")
	}
	if c.g.unified {
		return c.set(c.dir, "cpu.weight", "1") // the least
	}
	return c.set(c.dir, "cpu.shares", "2") // likewise
}

func (c *Child) set(dir, file, text string) error {
	if err := c.files.write(dir+"/"+file, text); err != nil {
		return fmt.Errorf("cgroup: writing %q to /%s/%s: %w", text, dir, file, err)
	}
	return nil
}

// Dir returns the folder of the group.
func (c *Child) Dir() string { return c.path }

// Add puts a thread of this process into the group; 0 stands for the calling one, which
// is quicker. A process that is in another group than when its group was found has left
// the limits above this one, and its threads aren't taken back into them: that is an error.
func (c *Child) Add(tid int) error {
	if err := c.g.moved(); err != nil {
		return err
	}
	return c.put(c.dir, tid)
}

// Leave puts the calling thread back into the process's group.
func (c *Child) Leave() error { return c.put(c.parent, 0) }

func (c *Child) put(dir string, tid int) error {
	file := "tasks"
	if c.g.unified {
		file = "cgroup.threads"
	}
	return c.set(dir, file, strconv.Itoa(tid))
}

// LimitOf returns the limit that is worth so many CPUs and has the period, or a longer one
// if the quota would be shorter than the kernel takes.
func LimitOf(cpus float64, period time.Duration) Limit {
	quota := time.Duration(cpus * float64(period)).Truncate(time.Microsecond)
	if quota >= leastQuota {
		return Limit{quota, period}
	}
	period = time.Duration(math.Ceil(leastQuota.Seconds()/cpus*1e6)) * time.Microsecond
	return Limit{leastQuota, min(period, time.Second)}
}

// SetLimit sets the group's limit; the zero Limit is none. As in Add, it is an error if the process, and
// so its threads, are in another group by now.
func (c *Child) SetLimit(l Limit) error {
	if err := c.g.moved(); err != nil {
		return err
	}
	err := c.setLimit(l)
	if !c.g.unified || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Somebody has disabled the controller for the groups below the process's.
	defer c.files.lock(c.parent)()
	if again := c.enable(); again != nil {
		return errors.Join(err, again)
	}
	return c.setLimit(l)
}

func (c *Child) setLimit(l Limit) error {
	quota, period := fmt.Sprint(l.Quota.Microseconds()), fmt.Sprint(l.Period.Microseconds())
	switch {
	case c.g.unified && l == Limit{}:
		return c.set(c.dir, "cpu.max", "max")
	case c.g.unified:
		return c.set(c.dir, "cpu.max", quota+" "+period)
	case l == Limit{}:
		return c.set(c.dir, "cpu.cfs_quota_us", "-1")
	}
	// Between two writes the group must not have a greater part of the time than
	// before and after: that may be more than the kernel allows.
	if l.Period > c.period {
		if err := c.set(c.dir, "cpu.cfs_period_us", period); err != nil {
			return err
		}
		c.period = l.Period
	}
	if err := c.set(c.dir, "cpu.cfs_quota_us", quota); err != nil {
		return err
	}
	if l.Period < c.period {
		if err := c.set(c.dir, "cpu.cfs_period_us", period); err != nil {
			return err
		}
		c.period = l.Period
	}
	return nil
}

// Throttled reads how often the group was throttled.
func (c *Child) Throttled() (Throttled, error) { return c.g.throttledAt(c.dir) }

// Remove removes the group. What was in it must have ended, or be about to: it waits for that,
// but not for ever. The error names a group that stays.
func (c *Child) Remove() error {
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		err := c.remove()
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Since(begun) > c.patience {
			return fmt.Errorf("cgroup: the group %s stays, remove it when nothing is in it any more; processes that were started from there are: %w", c.path, err)
		}
	}
}

// remove tries it once.
func (c *Child) remove() error {
	defer c.files.lock(c.parent)()
	if err := c.files.remove(c.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.disable()
	return nil
}

// disable undoes what was done to the process's group, unless there are groups in it: they may
// want it, too. The last one of runq's does it. The process's group is locked.
func (c *Child) disable() {
	if !c.disables {
		return
	}
	if others, err := c.g.groupsIn(c.parent); err == nil && len(others) == 0 {
		_ = c.set(c.parent, "cgroup.subtree_control", "-cpu")
	}
}
