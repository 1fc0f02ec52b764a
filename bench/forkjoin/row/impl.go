package main

import (
	"sync"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	"github.com/sourcegraph/conc"
	"golang.org/x/sync/errgroup"
)

// An impl is one way to do the workloads.
type impl struct {
	name    string
	does    func(w *workload) bool
	measure func(w *workload, workers int, quick bool) (figures, error)
}

var impls = []impl{
	{name: "go-serial", does: always, measure: measureSerial},
	groupImpl("goroutines", always, func(int) (*pool, error) {
		return &pool{group: func() group { return new(sync.WaitGroup) }}, nil
	}),
	// What conc has for fork and join. It has no limit but GOMAXPROCS.
	groupImpl("conc", always, func(int) (*pool, error) {
		return &pool{group: func() group { return conc.NewWaitGroup() }}, nil
	}),
	groupImpl("errgroup", always, func(workers int) (*pool, error) {
		g := new(errgroup.Group)
		g.SetLimit(workers)
		return submitTo(func(fn func()) bool { g.Go(func() error { fn(); return nil }); return true }), nil
	}),
	groupImpl("errgroup-try", nested, func(workers int) (*pool, error) {
		g := new(errgroup.Group)
		g.SetLimit(workers)
		return submitTo(func(fn func()) bool { return g.TryGo(func() error { fn(); return nil }) }), nil
	}),
	groupImpl("ants", always, func(workers int) (*pool, error) {
		p, err := ants.NewPool(workers)
		return submitTo(func(fn func()) bool { return p.Submit(fn) == nil }), err
	}),
	groupImpl("ants-try", nested, func(workers int) (*pool, error) {
		p, err := ants.NewPool(workers, ants.WithNonblocking(true))
		return submitTo(func(fn func()) bool { return p.Submit(fn) == nil }), err
	}),
	// Pond has no way to run a task here if no worker is free: its queue holds
	// at least one task, and who waits for that one waits for a worker.
	groupImpl("pond", always, func(workers int) (*pool, error) {
		p := pond.NewPool(workers)
		return submitTo(func(fn func()) bool { return p.Go(fn) == nil }), nil
	}),
}

func always(*workload) bool   { return true }
func nested(w *workload) bool { return !w.flat }

func measureSerial(w *workload, _ int, quick bool) (figures, error) {
	w.serial(w.quick).warm()
	return measure(w.serial(w.pick(quick)), quick)
}

// groupImpl is an implementation that makes groups of tasks in a pool.
func groupImpl(name string, does func(*workload) bool, open func(workers int) (*pool, error)) impl {
	return impl{name, does, func(w *workload, workers int, quick bool) (figures, error) {
		p, err := open(workers)
		if err != nil {
			return figures{}, err
		}
		p.workers = workers
		w.groups(w.quick, p).warm()
		return measure(w.groups(w.pick(quick), p), quick)
	}}
}

func (w *workload) pick(quick bool) int {
	if quick {
		return w.quick
	}
	return w.size
}

// warm does the job once, off the clock.
func (j job) warm() {
	if j.reset != nil {
		j.reset()
	}
	j.op()
}

// A group is tasks that are waited for together.
type group interface {
	Go(fn func())
	Wait()
}

// A pool is where the tasks of all groups run.
type pool struct {
	workers int
	group   func() group
}

// submitTo returns a pool for something that takes functions but has no groups
// that may be nested: a WaitGroup for each, and what the pool doesn't take runs
// at once.
func submitTo(submit func(fn func()) bool) *pool {
	return &pool{group: func() group { return &submitted{submit: submit} }}
}

type submitted struct {
	sync.WaitGroup
	submit func(fn func()) bool
}

func (g *submitted) Go(fn func()) {
	g.Add(1)
	if !g.submit(func() { defer g.Done(); fn() }) {
		g.Done()
		fn()
	}
}
