package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	"github.com/runq-go/runq"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"
)

// A peer's nest runs a tree of tasks, fanout wide and depth deep, in which each
// task waits for its children, on two workers.
type peer struct {
	name string
	nest func() error
}

var peers = []peer{
	{"runq", nestRunq},
	{"runq-limit", nestRunqLimit},
	{"go", nestGo},
	{"ants", nestAnts},
	{"pond", nestPond},
	{"conc", nestConc},
	{"errgroup", nestErrgroup},
}

// nestRunq has a group at each level on one scheduler with two Ps.
func nestRunq() error { return nestInRunq(-1) }

// nestRunqLimit is nestRunq with a limit of one on every group as well.
func nestRunqLimit() error { return nestInRunq(1) }

func nestInRunq(limit int) error {
	s, err := runq.New(runq.Config{Procs: workers})
	if err != nil {
		return err
	}
	var ran atomic.Int64
	err = s.Run(context.Background(), func(t *runq.Task) error {
		return runqLevel(t, limit, depth, &ran)
	})
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return errors.Join(err, allRan(&ran))
}

func runqLevel(t *runq.Task, limit, level int, ran *atomic.Int64) error {
	if level == 0 {
		return nil
	}
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	g.SetLimit(limit)
	for range fanout {
		g.Go(func(t *runq.Task) error {
			ran.Add(1)
			return runqLevel(t, limit, level-1, ran)
		})
	}
	return g.Wait(t)
}

// nestIn is the tree for a pool of functions: submit puts one into the pool.
func nestIn(submit func(fn func()) error) error {
	var ran atomic.Int64
	var level func(l int) error
	level = func(l int) error {
		if l == 0 {
			return nil
		}
		var children sync.WaitGroup
		errs := make([]error, 2*fanout)
		for i := range fanout {
			children.Add(1)
			errs[2*i] = submit(func() {
				defer children.Done()
				ran.Add(1)
				errs[2*i+1] = level(l - 1)
			})
			if errs[2*i] != nil {
				children.Done()
			}
		}
		children.Wait()
		return errors.Join(errs...)
	}
	return errors.Join(level(depth), allRan(&ran))
}

// allRan returns an error if the tree isn't complete.
func allRan(ran *atomic.Int64) error {
	want, width := int64(0), int64(1)
	for range depth {
		width *= fanout
		want += width
	}
	if got := ran.Load(); got != want {
		return fmt.Errorf("%d tasks of the tree's %d ran", got, want)
	}
	return nil
}

func nestGo() error {
	return nestIn(func(fn func()) error { go fn(); return nil })
}

func nestAnts() error {
	p, err := ants.NewPool(workers)
	if err != nil {
		return err
	}
	defer p.Release()
	return nestIn(p.Submit)
}

func nestPond() error {
	p := pond.NewPool(workers)
	defer p.StopAndWait()
	return nestIn(p.Go)
}

func nestConc() error {
	p := pool.New().WithMaxGoroutines(workers)
	defer p.Wait()
	return nestIn(func(fn func()) error { p.Go(fn); return nil })
}

func nestErrgroup() error {
	var g errgroup.Group
	g.SetLimit(workers)
	err := nestIn(func(fn func()) error {
		g.Go(func() error { fn(); return nil })
		return nil
	})
	return errors.Join(err, g.Wait())
}
