package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Throttled says how often the threads of a group stood still because its quota was
// used up, since the group was made.
type Throttled struct {
	Periods          uint64        // periods in which the group had something to run
	ThrottledPeriods uint64        // those of them in which the quota didn't last
	Time             time.Duration // summed over CPUs: two that stood still for 1 ms are 2 ms
}

// Since returns what has come since before: nothing where that was more, for then it was
// another group's.
func (t Throttled) Since(before Throttled) Throttled {
	return Throttled{
		Periods:          t.Periods - min(before.Periods, t.Periods),
		ThrottledPeriods: t.ThrottledPeriods - min(before.ThrottledPeriods, t.ThrottledPeriods),
		Time:             t.Time - min(before.Time, t.Time),
	}
}

// Usage reads the CPU time, user and system, that all processes in a group have used
// so far: in the one that had the least limit in the last call of [Group.Limit], or
// without any limit in the process's own. In version 1 the time is counted in a
// hierarchy of its own. If the process is in another place there, or it isn't
// mounted, nobody counts for the group that has the limit, and the error is
// errors.ErrUnsupported.
func (g *Group) Usage() (time.Duration, error) {
	at := g.levels[g.limited.Load()]
	if g.unified {
		return g.unifiedUsage(at.dir + "/cpu.stat")
	}
	i := slices.IndexFunc(g.accounts, func(l level) bool { return l.path == at.path })
	if i < 0 {
		return 0, fmt.Errorf("cgroup: CPU time used by the group at /%s: the process isn't in the same group of the cpuacct controller, "+
			"or that isn't mounted: %w", at.dir, errors.ErrUnsupported)
	}
	name := g.accounts[i].dir + "/cpuacct.usage"
	text, err := readFile(g.fsys, name)
	if err != nil {
		return 0, err
	}
	used, err := parseNumber(text, time.Nanosecond)
	return used, in(name, err)
}

func (g *Group) unifiedUsage(name string) (time.Duration, error) {
	text, err := readFile(g.fsys, name)
	if err != nil {
		return 0, err
	}
	value, ok := field(text, "usage_usec")
	if !ok {
		return 0, fmt.Errorf("cgroup: /%s has no usage_usec: %w", name, errors.ErrUnsupported)
	}
	used, err := parseNumber(value, time.Microsecond)
	return used, in(name, err)
}

// Throttled reads how often the group that [Group.Usage] is about was throttled. The
// counts are those of that group: they jump when another one has the least limit.
// Without a limit, and on kernels that don't count, they are zero.
func (g *Group) Throttled() (Throttled, error) {
	return g.throttledAt(g.levels[g.limited.Load()].dir)
}

func (g *Group) throttledAt(dir string) (Throttled, error) {
	name := dir + "/cpu.stat"
	text, err := readFile(g.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return Throttled{}, nil
	}
	if err != nil {
		return Throttled{}, err
	}
	t, err := parseThrottled(text, g.unified)
	return t, in(name, err)
}
