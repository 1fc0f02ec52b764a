//go:build linux

package runq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/osthread"
)

// ownNice returns the nice value of this process's ordinary threads. The test is skipped
// if it is so great that others can't be told from them.
func ownNice(t *testing.T) int {
	t.Helper()
	n, err := osthread.Nice()
	if err != nil {
		t.Fatal(err)
	}
	if n > 10 {
		t.Skipf("the process has the nice value %d itself", n)
	}
	return n
}

// threadNices counts the process's threads by nice value (proc_pid_stat(5)).
func threadNices(t *testing.T) map[int]int {
	t.Helper()
	const niceField = 19 - 3 // among those after the name, which begin with the third
	counts := make(map[int]int)
	names, _ := filepath.Glob("/proc/self/task/*/stat")
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		n, err := strconv.Atoi(string(fields[niceField]))
		if err != nil {
			t.Fatal(err)
		}
		counts[n]++
	}
	return counts
}

// TestBoundNice: background tasks run on threads with the nice value that was asked for,
// whatever they have done before, and others never do.
func TestBoundNice(t *testing.T) {
	own := ownNice(t)
	for _, want := range []int{19, 12} {
		s := newBackground(t, Config{Procs: 2, BackgroundNice: want, OnPanic: func(*PanicError) {}})
		check := func(where string, want int) {
			if n, err := osthread.Nice(); n != want || err != nil {
				t.Errorf("%s: nice value %d, %v; want %d", where, n, err, want)
			}
			if idle, err := osthread.Idle(); idle != (want == osthread.MaxNice) || err != nil {
				t.Errorf("%s: nice value %d, has the idle policy: %v, %v", where, want, idle, err)
			}
		}
		stop := always(func() { check("a goroutine", own) })
		for range 10 {
			inBackground(t, s.Background(), 8, func(tk *Task, i int) error {
				check("a task", want)
				tk.Yield()
				check("after Yield", want)
				tk.Sleep(10 * time.Microsecond)
				check("after Sleep", want)
				e := NewChan[int](0)
				s.Go(func(tk *Task) {
					check("a normal task", own)
					e.Send(tk, 1) //nolint:errcheck // its context doesn't end
				})
				s.Interactive().Go(func(tk *Task) { check("an interactive task", own) })
				e.Recv(tk) //nolint:errcheck // likewise
				check("after Recv", want)
				go check("a goroutine of a background task", own)
				tk.Go(func(*Task) {
					check("a child", want)
					if i%2 == 0 {
						panic(i)
					}
					runtime.Goexit()
				})
				return nil
			})
		}
		stop()
		awaitTrue(t, "threads end with their Ms", func() bool {
			return threadNices(t)[want] <= s.Stats().Background.Threads
		})
		closeInTime(t, s)
		awaitTrue(t, "the threads end", func() bool { return threadNices(t)[want] == 0 })
	}
}

// TestBoundAffinity: a class with CPUs runs there and nowhere else, on as many at once;
// and what its threads may use limits nobody else.
func TestBoundAffinity(t *testing.T) {
	all, err := osthread.Affinity()
	if err != nil {
		t.Fatal(err)
	}
	s := newBackground(t, Config{Procs: 3})
	first, last := all[:1], all[len(all)-1:]
	for name, cfg := range map[string]ClassConfig{
		"pinned":                {CPUs: first},
		"pinned elsewhere":      {CPUs: last},
		"pinned, in background": {CPUs: last, Background: true},
	} {
		c, err := s.Class(name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		inBackground(t, c, 5, func(tk *Task, _ int) error {
			for range 3 {
				if cpus, err := osthread.Affinity(); !slices.Equal(cpus, cfg.CPUs) {
					t.Errorf("%s: a task may run on CPUs %v, %v; want %v", name, cpus, err, cfg.CPUs)
				}
				tk.Yield()
			}
			return nil
		})
		if n := len(c.d.seated()); n != 1 {
			t.Errorf("%s: %d Ps for one CPU", name, n)
		}
		if (c.d.bucket != nil) != cfg.Background {
			t.Errorf("%s: it has an allowance: %v", name, c.d.bucket != nil)
		}
		inBackground(t, c, 1, func(*Task, int) error { // who asks is pinned, and who is asked for isn't
			_, err := s.Class(name+", all", ClassConfig{CPUs: all})
			return err
		})
	}
	runIn(t, s, func(*Task) {
		if cpus, err := osthread.Affinity(); !slices.Equal(cpus, all) {
			t.Errorf("a normal task may run on CPUs %v, %v; want %v", cpus, err, all)
		}
	})
	if h := s.Stats().Background.Headroom; h != 3 {
		t.Errorf("headroom of %d for three Ps of one CPU each", h)
	}
}

// TestBoundThread: a task stays on its thread for life.
func TestBoundThread(t *testing.T) {
	s := newBackground(t, Config{Procs: 2, TraceBuffer: manyEvents})
	inBackground(t, s.Background(), 6, func(tk *Task, _ int) error {
		same := onOneThread(t)
		for name, wait := range waitsOf {
			if err := wait(tk, s.Go); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			same(name)
		}
		return nil
	})
}

// TestBoundTogether: no more background tasks run at once than there are Ps, whether they
// come to checkpoints, wait in ordinary Go, or neither.
func TestBoundTogether(t *testing.T) {
	const procs = 2
	clk := newBeatClock()
	s := newBackgroundIn(t, Config{Procs: procs, Slice: 100 * time.Microsecond, TraceBuffer: manyEvents}, surroundings{clock: clk})
	var busy, most, began atomic.Int32
	enter := func() {
		n := busy.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	}
	var stop atomic.Bool
	for range 4 * procs {
		s.Background().Go(func(*Task) { // hogs
			began.Add(1)
			enter()
			for !stop.Load() {
			}
			busy.Add(-1)
		})
	}
	awaitTrue(t, "the first hogs run", func() bool { return began.Load() == procs })
	for beats := clk.beats.Load(); clk.beats.Load() < beats+100; {
		runtime.Gosched() // many times what would have been the end of their slices
	}
	s.Snapshot()
	if n := began.Load(); n != procs {
		t.Errorf("%d hogs run on %d Ps", n, procs)
	}
	stop.Store(true)
	inBackground(t, s.Background(), 4*procs, func(tk *Task, i int) error {
		for range 50 {
			enter()
			for range 1000 {
				runtime.KeepAlive(i)
			}
			busy.Add(-1)
			tk.Checkpoint()
			if i%4 == 0 {
				tk.Yield()
			}
		}
		return nil
	})
	awaitTrue(t, "the hogs end", func() bool { return busy.Load() == 0 })
	if n := most.Load(); n > procs {
		t.Errorf("%d background tasks ran at once on %d Ps", n, procs)
	}
}

// TestBoundTurns: tasks that take turns at checkpoints do so on a bounded number of
// threads, and all of them come to their end.
func TestBoundTurns(t *testing.T) {
	const procs = 2
	clk := newBeatClock()
	s := newBackgroundIn(t, Config{Procs: procs, Slice: 100 * time.Microsecond, TraceBuffer: manyEvents}, surroundings{clock: clk})
	var most atomic.Int32
	inBackground(t, s.Background(), 20*procs*threadsPerP, func(tk *Task, _ int) error {
		for p := range 2 { // until it has been interrupted, or could have been
			for tick := tk.m.p.slices; tick == tk.m.p.slices && p < 100; p++ {
				for range 100 {
					tk.Checkpoint()
				}
			}
		}
		n := tk.m.d.threads.Load()
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return nil
	})
	if n := int(most.Load()); n > procs*(threadsPerP+1) {
		t.Errorf("%d threads take turns on %d Ps", n, procs)
	}
}

// TestBoundMany: a thousand background tasks can wait at once. Each keeps its thread; when
// they aren't needed any more, the threads end.
func TestBoundMany(t *testing.T) {
	const many, procs = 1000, 2
	clk := newFakeClock()
	s := newBackgroundIn(t, Config{Procs: procs}, surroundings{clock: clk})
	var e Event
	var waiting atomic.Int32
	g, _ := NewGroup(s.Background().context(context.Background()), s)
	for range many {
		g.Go(func(tk *Task) error {
			waiting.Add(1)
			return e.Wait(tk)
		})
	}
	awaitTrue(t, "all wait", func() bool { return waiting.Load() == many && s.Stats().Parks == many })
	if n := s.Stats().Background.Threads; n < many || n > many+2*procs {
		t.Errorf("%d threads for %d tasks that wait", n, many)
	}
	e.Set(nil)
	if err := awaitClosed(t, "all end", async(func() error { return g.Wait(nil) })); err != nil {
		t.Error(err)
	}
	awaitTrue(t, "threads end", func() bool {
		clk.advance(time.Duration(trimEvery))
		return s.Stats().Background.Threads <= 2*procs
	})
	if n, err := osthread.Nice(); err == nil && n < osthread.MaxNice {
		awaitTrue(t, "the kernel knows it", func() bool { return threadNices(t)[osthread.MaxNice] <= 2*procs })
	}
	inBackground(t, s.Background(), 10, func(tk *Task, _ int) error { return waitDeep(tk, 2) })
}

// TestBoundFD: background tasks wait for descriptors, though their threads don't ask for
// news of them.
func TestBoundFD(t *testing.T) {
	const rounds = 50
	s := newBackground(t, Config{Procs: 1, TraceBuffer: manyEvents})
	var there, back [4]*wire
	for i := range there {
		there[i], back[i] = openWire(t, s), openWire(t, s)
	}
	sent := async(func() error {
		for range rounds {
			for i := range there {
				there[i].send()
			}
			for i := range back {
				if err := back[i].receive(nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
	inBackground(t, s.Background(), len(there), func(tk *Task, i int) error {
		for range rounds {
			if err := there[i].receive(tk); err != nil {
				return err
			}
			back[i].send()
		}
		return nil
	})
	if err := awaitClosed(t, "everything has come", sent); err != nil {
		t.Error(err)
	}
	err := runBackground(t, s.Background(), func(tk *Task) error {
		ctx, cancel := context.WithCancel(tk.Context())
		g, _ := NewGroup(ctx, s)
		g.Go(func(tk *Task) error { return there[0].receive(tk) })
		tk.Yield()
		cancel()
		return g.Wait(tk)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a wait for what doesn't come: %v", err)
	}
}
