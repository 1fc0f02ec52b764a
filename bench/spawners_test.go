package bench

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	"github.com/runq-go/runq"
	"github.com/sourcegraph/conc/pool"
)

// A spawner starts tasks in one of the compared ways. Every task of every
// spawner has the same body: it calls done.Done once. Who waits is always the
// benchmark's goroutine, in done.Wait.
type spawner interface {
	// byTask starts one task that starts n more.
	byTask(b *testing.B, n int, done *sync.WaitGroup)
	// byGoroutine starts n tasks from the calling goroutine, which is none.
	byGoroutine(b *testing.B, n int, done *sync.WaitGroup)
	// close ends what the spawner keeps running.
	close()
}

// spawners are the compared ways. Pools appear with the size that their
// documents suggest or default to, and with one worker for each P; the table
// compares with whichever is best.
var spawners = []struct {
	name string
	open func(b *testing.B) spawner
}{
	{"runq", openRunq},
	{"go", openGo},
	{"ants", func(b *testing.B) spawner { return openAnts(b, ants.DefaultAntsPoolSize) }},
	{"ants-procs", func(b *testing.B) spawner { return openAnts(b, workers()) }},
	{"pond", openPond},
	{"conc", func(b *testing.B) spawner { return &concSpawner{pool.New()} }},
	{"conc-procs", func(b *testing.B) spawner { return &concSpawner{pool.New().WithMaxGoroutines(workers())} }},
}

// workers is the size of a pool that is sized by the machine: a worker for
// each P, and one for the task that spawns, because that one holds its worker
// while Submit waits for another.
func workers() int { return runtime.GOMAXPROCS(0) + 1 }

type runqSpawner struct{ s *runq.Scheduler }

func openRunq(b *testing.B) spawner { return runqSpawner{newScheduler(b, runq.Config{})} }

// newScheduler returns a scheduler that is closed when the benchmark ends.
func newScheduler(b *testing.B, cfg runq.Config) *runq.Scheduler {
	b.Helper()
	s, err := runq.New(cfg)
	check(b, err)
	b.Cleanup(func() { check(b, s.Close()) })
	return s
}

func (r runqSpawner) byTask(b *testing.B, n int, done *sync.WaitGroup) {
	body := func(*runq.Task) { done.Done() }
	check(b, r.s.Run(context.Background(), func(t *runq.Task) error {
		for range n {
			t.Go(body)
		}
		return nil
	}))
}

func (r runqSpawner) byGoroutine(_ *testing.B, n int, done *sync.WaitGroup) {
	body := func(*runq.Task) { done.Done() }
	for range n {
		r.s.Go(body)
	}
}

func (runqSpawner) close() {} // newScheduler sees to it

type goSpawner struct{}

func openGo(*testing.B) spawner { return goSpawner{} }

func (g goSpawner) byTask(b *testing.B, n int, done *sync.WaitGroup) {
	go g.byGoroutine(b, n, done)
}

func (goSpawner) byGoroutine(_ *testing.B, n int, done *sync.WaitGroup) {
	body := func() { done.Done() }
	for range n {
		go body()
	}
}

func (goSpawner) close() {}

type antsSpawner struct{ p *ants.Pool }

func openAnts(b *testing.B, size int) spawner {
	p, err := ants.NewPool(size)
	check(b, err)
	return antsSpawner{p}
}

func (a antsSpawner) byTask(b *testing.B, n int, done *sync.WaitGroup) {
	check(b, a.p.Submit(func() { a.byGoroutine(b, n, done) }))
}

func (a antsSpawner) byGoroutine(b *testing.B, n int, done *sync.WaitGroup) {
	body := func() { done.Done() }
	for range n {
		if err := a.p.Submit(body); err != nil {
			b.Errorf("ants: %v", err)
			done.Done()
		}
	}
}

func (a antsSpawner) close() { a.p.Release() }

type pondSpawner struct{ p pond.Pool }

func openPond(*testing.B) spawner { return pondSpawner{pond.NewPool(runtime.GOMAXPROCS(0))} }

func (p pondSpawner) byTask(b *testing.B, n int, done *sync.WaitGroup) {
	check(b, p.p.Go(func() { p.byGoroutine(b, n, done) }))
}

func (p pondSpawner) byGoroutine(b *testing.B, n int, done *sync.WaitGroup) {
	body := func() { done.Done() }
	for range n {
		if err := p.p.Go(body); err != nil {
			b.Errorf("pond: %v", err)
			done.Done()
		}
	}
}

func (p pondSpawner) close() { p.p.StopAndWait() }

type concSpawner struct{ p *pool.Pool }

func (c *concSpawner) byTask(b *testing.B, n int, done *sync.WaitGroup) {
	c.p.Go(func() { c.byGoroutine(b, n, done) })
}

func (c *concSpawner) byGoroutine(_ *testing.B, n int, done *sync.WaitGroup) {
	body := func() { done.Done() }
	for range n {
		c.p.Go(body)
	}
}

func (c *concSpawner) close() { c.p.Wait() }

// check ends the benchmark if err isn't nil.
func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
