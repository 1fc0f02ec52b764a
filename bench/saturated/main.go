// Command saturated measures what background work costs a program that has use for every
// processor itself: as many goroutines as there are CPUs build maps, and so keep Go's garbage
// collector busy, beside background work that only computes. A thread of background work
// that waits for a processor has one of Go's Ps meanwhile, and the collector waits for it.
//
//	go run ./saturated                 # heaps of several sizes
//	go run ./saturated -others         # and other processes that want all CPUs, too
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/runq-go/runq"
)

// The kinds of background work.
const (
	nothing      = "none"
	goroutines   = "goroutines"
	checkpoints  = "runq background"
	noCheckpoint = "runq background, no checkpoints"
)

var kinds = []string{nothing, goroutines, checkpoints, noCheckpoint}

// one is what one process measures.
type one struct {
	Maps       float64 // built in a second
	Background float64 // CPUs that background work has got
	Rested     time.Duration
}

func main() {
	n := flag.Int("n", 3, "how often each row is measured; medians are shown")
	d := flag.Duration("d", 3*time.Second, "for how long each time")
	others := flag.Bool("others", false, "let other processes want all CPUs, too")
	kind := flag.String("kind", "", "measure this kind of background work once, and write JSON (for the program's own use)")
	live := flag.Int("live", 0, "with -kind: MB of live objects")
	spin := flag.Bool("spin", false, "keep a CPU busy until standard input ends (for the program's own use)")
	flag.Parse()
	err := errors.New("-n and -d must be positive")
	switch {
	case *n < 1 || *d <= 0:
	case *spin:
		err = spinOn(os.Stdin)
	case *kind != "":
		err = json.NewEncoder(os.Stdout).Encode(measure(*kind, *live, *d))
	default:
		err = table(*n, *d, *others)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "saturated:", err)
		os.Exit(1)
	}
}

// table measures everything, each time in a process of its own, and prints it.
func table(n int, d time.Duration, others bool) error {
	if others {
		end, err := spinners(runtime.NumCPU())
		defer end()
		if err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "live heap\tbackground work\tmaps a second\tof none\tbackground CPUs\trested, all threads")
	for _, live := range []int{0, 12, 60} {
		byKind := make(map[string][]one)
		for range n {
			for _, k := range kinds {
				o, err := runSelf(k, live, d)
				if err != nil {
					return err
				}
				byKind[k] = append(byKind[k], o)
			}
		}
		base := median(byKind[nothing])
		for _, k := range kinds {
			m := median(byKind[k])
			fmt.Fprintf(w, "%d MB\t%s\t%.0f\t%.2f\t%.2f\t%v\n", live, k, m.Maps, m.Maps/base.Maps, m.Background, m.Rested.Round(time.Millisecond))
		}
	}
	return w.Flush()
}

// median is the one in the middle by the maps that it built.
func median(all []one) one {
	slices.SortFunc(all, func(a, b one) int { return int(a.Maps - b.Maps) })
	return all[len(all)/2]
}

func runSelf(kind string, live int, d time.Duration) (o one, err error) {
	cmd := exec.Command(os.Args[0], "-kind", kind, "-live", fmt.Sprint(live), "-d", d.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return o, json.Unmarshal(out, &o)
}

// spinners starts processes that want a CPU each. end ends them.
func spinners(n int) (end func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var all []*exec.Cmd
	end = func() {
		cancel()
		for _, cmd := range all {
			cmd.Wait() //nolint:errcheck // it was killed
		}
	}
	for range n {
		cmd := exec.CommandContext(ctx, os.Args[0], "-spin")
		if _, err := cmd.StdinPipe(); err != nil { // it ends with this process
			return end, err
		}
		if err := cmd.Start(); err != nil {
			return end, err
		}
		all = append(all, cmd)
	}
	return end, nil
}

func spinOn(in io.Reader) error {
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, in) //nolint:errcheck // its end is what counts
		over.Store(true)
	}()
	for !over.Load() {
	}
	return nil
}

// node is a live object with a pointer in it, of 64 bytes.
type node struct {
	other *node
	_     [7]int
}

// measure does one row.
func measure(kind string, live int, d time.Duration) one {
	heap := make([]*node, live<<20/64)
	for i := range heap {
		heap[i] = &node{other: heap[i/2]}
	}
	s, err := runq.New(runq.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err) // the Config is valid
	}
	cpus := runtime.NumCPU()
	var stop atomic.Bool
	var rounds, maps atomic.Int64
	var all sync.WaitGroup
	compute := func(checkpoint func()) {
		for !stop.Load() {
			rounds.Add(1)
			spinRound()
			checkpoint()
		}
	}
	never := func() {}
	for range cpus {
		switch kind {
		case goroutines:
			all.Go(func() { compute(never) })
		case checkpoints:
			s.Background().Go(func(t *runq.Task) { compute(t.Checkpoint) })
		case noCheckpoint:
			s.Background().Go(func(*runq.Task) { compute(never) })
		}
	}
	for range cpus {
		all.Go(func() {
			for !stop.Load() {
				build()
				maps.Add(1)
			}
		})
	}
	warm := d / 5 // until background work has found its place
	time.Sleep(warm)
	fromMaps, fromRounds, rested, began := maps.Load(), rounds.Load(), s.Stats().Background.Rested, time.Now()
	time.Sleep(d)
	took := time.Since(began).Seconds()
	o := one{Maps: float64(maps.Load()-fromMaps) / took, Rested: s.Stats().Background.Rested - rested}
	did := rounds.Load() - fromRounds
	stop.Store(true)
	all.Wait()
	s.Close()
	o.Background = float64(did) * roundTime().Seconds() / took
	runtime.KeepAlive(heap)
	return o
}

// build makes garbage, as a request does: a map of pointers.
func build() {
	m := make(map[int]*int)
	for i := range 2000 {
		m[i] = &i
	}
	if len(m) != 2000 {
		panic("a map lacks something")
	}
}

// spinRound computes for some 30 µs.
//
//go:noinline
func spinRound() {
	x := int64(0)
	for i := range int64(100_000) {
		x += i * i
	}
	sum.Store(x)
}

// sum is where the result goes, so that it isn't left out.
var sum atomic.Int64

// roundTime is how long a round takes when nothing else runs: the shortest of some.
func roundTime() time.Duration {
	least := time.Hour
	for range 100 {
		began := time.Now()
		spinRound()
		least = min(least, time.Since(began))
	}
	return least
}
