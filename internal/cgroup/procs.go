package cgroup

import "math"

// leastProcs is what Go doesn't go below on account of a limit: with one, a
// computing goroutine would keep all others waiting through its time slice, and the
// garbage collector would stop the program to work at all.
const leastProcs = 2

// DefaultProcs returns what Go (1.25 and later) makes GOMAXPROCS if nobody sets it,
// given a limit in CPUs (ok false: there is none) and how many CPUs the process's
// affinity allows: the limit, rounded up, but not below 2; or the number of CPUs, if
// that is less.
//
// There is one difference in what goes in: Go looks at the limit of the process's
// own group only, and [Group.Limit] at those of the groups above, too.
func DefaultProcs(limit float64, ok bool, ncpu int) int {
	if !ok {
		return ncpu
	}
	limit = max(math.Ceil(limit), leastProcs)
	if limit < float64(ncpu) {
		return int(limit)
	}
	return ncpu
}
