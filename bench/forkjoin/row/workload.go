package main

// A workload is one thing to do at two sizes. The second size is for -quick, and
// for the round that starts all workers before the clock does.
type workload struct {
	name        string
	size, quick int
	serial      func(size int) job          // the natural fast code without any scheduler
	groups      func(size int, p *pool) job // the same with groups of tasks
	flat        bool                        // no task waits for tasks
}

// A job is one operation, and what is done before and after it, off the clock.
type job struct {
	reset func()        // nil: nothing
	op    func() uint64 // what it returns is for those that have no check
	check func() uint64 // the answer; nil: what op returned
}

// answer is the answer of an operation that has returned this.
func (j job) answer(returned uint64) uint64 {
	if j.check != nil {
		return j.check()
	}
	return returned
}

// inPlace is an operation that leaves its answer in memory.
func inPlace(reset func(), op func(), check func() uint64) job {
	return job{reset, func() uint64 { op(); return 0 }, check}
}

var workloads = []*workload{
	fibWorkload, skynetWorkload, nqueensWorkload, utsT1Workload, utsT3Workload, matmulWorkload,
	mergesortWorkload, smallTreeWorkload, largeTreeWorkload, forWorkload, sortWorkload, unevenWorkload,
}
