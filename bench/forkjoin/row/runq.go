package main

import (
	"context"
	"slices"

	"github.com/runq-go/runq"
)

// runqJobs makes the job of each workload for the task that measures it.
var runqJobs = map[string]func(t *runq.Task, size int) job{
	"fib": func(t *runq.Task, n int) job { return job{op: func() uint64 { return uint64(runqFib(t, n)) }} },
	"skynet": func(t *runq.Task, n int) job {
		return job{op: func() uint64 { return runqSkynet(t, leafRange{0, uint64(n)}) }}
	},
	"nqueens":   func(t *runq.Task, n int) job { return job{op: func() uint64 { return runqQueens(t, queensArg{n: n}) }} },
	"uts-t1":    func(t *runq.Task, depth int) job { return runqUts(t, utsT1(depth)) },
	"uts-t3":    func(t *runq.Task, root int) job { return runqUts(t, utsT3(root)) },
	"matmul":    runqMatmul,
	"mergesort": runqMergesortJob,
	"tree-1k":   runqTree,
	"tree-10m":  runqTree,
	"for":       runqFor,
	"sort":      runqSort,
	"uneven": func(t *runq.Task, unit int) job {
		return job{op: func() uint64 { return runqUneven(t, unevenArg{0, unevenBranches, unit}) }}
	},
}

func init() {
	impls = slices.Insert(impls, 1, impl{"runq", always, measureRunq})
}

// measureRunq measures inside a task, as it measures the others where they fork.
func measureRunq(w *workload, workers int, quick bool) (f figures, err error) {
	s, err := runq.New(runq.Config{Procs: workers})
	if err != nil {
		return f, err
	}
	err = s.Run(context.Background(), func(t *runq.Task) (err error) {
		newJob := runqJobs[w.name]
		newJob(t, w.quick).warm()
		f, err = measure(newJob(t, w.pick(quick)), quick)
		return err
	})
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return f, err
}

func runqFib(t *runq.Task, n int) int {
	if n < 2 {
		return n
	}
	x := runq.Fork(t, runqFib, n-1)
	y := runqFib(t, n-2)
	return x.Join(t) + y
}

// A leafRange is a part of skynet's leaves.
type leafRange struct{ first, leaves uint64 }

func runqSkynet(t *runq.Task, r leafRange) (sum uint64) {
	if r.leaves == 1 {
		return r.first
	}
	below := r.leaves / skynetWidth
	var forks [skynetWidth - 1]runq.Forked[leafRange, uint64]
	for i := range forks {
		forks[i] = runq.Fork(t, runqSkynet, leafRange{r.first + uint64(i)*below, below})
	}
	sum = runqSkynet(t, leafRange{r.first + uint64(len(forks))*below, below})
	for _, f := range slices.Backward(forks[:]) {
		sum += f.Join(t)
	}
	return sum
}

func runqTree(t *runq.Task, n int) job {
	root := newTree(1, n)
	return job{op: func() uint64 { return runqSum(t, root) }}
}

func runqSum(t *runq.Task, n *node) uint64 {
	if n == nil {
		return 0
	}
	if n.left == nil || n.right == nil {
		return n.value + runqSum(t, n.left) + runqSum(t, n.right)
	}
	left := runq.Fork(t, runqSum, n.left)
	right := runqSum(t, n.right)
	return left.Join(t) + n.value + right
}

func runqFor(t *runq.Task, n int) job {
	out := make([]uint64, n)
	return inPlace(nil,
		func() { runq.For(t, len(out), func(_ *runq.Task, lo, hi int) { fill(out, lo, hi) }) },
		func() uint64 { return sumOf(out) })
}

type unevenArg struct{ lo, hi, unit int }

func runqUneven(t *runq.Task, a unevenArg) uint64 {
	if a.hi-a.lo == 1 {
		if a.lo == unevenHeavy {
			return runqUneven(t, unevenArg{unevenFirst, unevenLast, a.unit})
		}
		return work(uint64(a.lo), a.unit)
	}
	middle := a.lo + (a.hi-a.lo)/2
	left := runq.Fork(t, runqUneven, unevenArg{a.lo, middle, a.unit})
	right := runqUneven(t, unevenArg{middle, a.hi, a.unit})
	return left.Join(t) + right
}
