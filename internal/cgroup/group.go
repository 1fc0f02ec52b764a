package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"
)

// Group is the group that the process was in when it was found, with all above it
// that can be seen. Its methods may be called at the same time. They read small files
// that the kernel makes up, so they wait for no disk.
type Group struct {
	fsys     fs.FS
	unified  bool         // version 2
	levels   []level      // the group itself first; at least one
	accounts []level      // version 1: the same process in the hierarchy that counts time used
	limited  atomic.Int32 // index into levels: where the least limit was seen last, 0 without
}

// Limit is a share of CPU time: the threads of a group may use Quota in every Period,
// on all CPUs together.
type Limit struct {
	Quota  time.Duration
	Period time.Duration
}

// CPUs returns how many CPUs the limit is worth on average, or 0 for the zero Limit.
func (l Limit) CPUs() float64 {
	if l.Period == 0 {
		return 0
	}
	return float64(l.Quota) / float64(l.Period)
}

// Limit reads the limit as it is now: the least of the group's own and of all above
// it. One from above is shared with other groups, so it is the most that the process
// can get. false means that there is no limit. Errors name the file that couldn't be
// read or understood; one that is fs.ErrNotExist says that the group has been
// removed, so that the process must be in another one by now.
func (g *Group) Limit() (Limit, bool, error) {
	var least Limit
	at := -1
	for i := range g.levels {
		l, ok, err := g.limitAt(g.levels[i].dir)
		if err != nil {
			return Limit{}, false, err
		}
		// Of equals, the upper one has more to serve and is used up first.
		if ok && (at < 0 || l.CPUs() <= least.CPUs()) {
			least, at = l, i
		}
	}
	g.limited.Store(int32(max(at, 0)))
	return least, at >= 0, nil
}

// limitAt reads one group's own limit. A group without the files has none: the root,
// and those in which the controller isn't enabled.
func (g *Group) limitAt(dir string) (l Limit, ok bool, err error) {
	if g.unified {
		l, ok, err = readMax(g.fsys, dir)
	} else {
		l, ok, err = readQuota(g.fsys, dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return l, ok, err
	}
	if !isDir(g.fsys, dir) {
		return Limit{}, false, fmt.Errorf("cgroup: the group at /%s has been removed: find the process's group again: %w", dir, fs.ErrNotExist)
	}
	return Limit{}, false, nil
}

// readMax reads a limit of version 2.
func readMax(fsys fs.FS, dir string) (Limit, bool, error) {
	name := dir + "/cpu.max"
	text, err := readFile(fsys, name)
	if err != nil {
		return Limit{}, false, err
	}
	l, ok, err := parseMax(text)
	return l, ok, in(name, err)
}

// readQuota reads a limit of version 1. It is in two files: one that is changed
// between the two looks can be seen half changed, until the next call.
func readQuota(fsys fs.FS, dir string) (l Limit, ok bool, err error) {
	name := dir + "/cpu.cfs_quota_us"
	text, err := readFile(fsys, name)
	if err != nil {
		return Limit{}, false, err
	}
	if l.Quota, ok, err = parseQuota(text); !ok || err != nil {
		return Limit{}, false, in(name, err)
	}
	name = dir + "/cpu.cfs_period_us"
	if text, err = readFile(fsys, name); err != nil {
		return Limit{}, false, err
	}
	if l.Period, err = parseMicros(text); err != nil {
		return Limit{}, false, in(name, err)
	}
	return l, true, nil
}
