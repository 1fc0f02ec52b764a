// Command classes measures how exactly classes share: by weight, with a floor, and after
// one has slept. It prints a table with the target of each row; -n repeats everything and
// shows medians. It uses all CPUs: on a machine on which other programs run, the rows
// about background threads are theirs as well.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/runq-go/runq"
)

// measure is one row: what is measured, and which values meet the target.
type measure struct {
	what, target string
	unit         string
	met          func(v float64) bool
	run          func(d time.Duration) (float64, error)
}

func main() {
	rounds := flag.Int("n", 5, "how often everything is measured; medians are shown")
	d := flag.Duration("d", 2*time.Second, "how long each measurement lasts")
	flag.Parse()
	if *rounds < 1 || *d <= 0 {
		fmt.Fprintln(os.Stderr, "classes: -n and -d must be positive")
		os.Exit(2)
	}
	if err := report(*rounds, *d); err != nil {
		fmt.Fprintln(os.Stderr, "classes:", err)
		os.Exit(1)
	}
}

// report measures everything and prints the table.
func report(rounds int, d time.Duration) error {
	rows := measures()
	got := make([][]float64, len(rows))
	for range rounds {
		for i, r := range rows {
			v, err := r.run(d)
			if err != nil {
				return fmt.Errorf("%s: %w", r.what, err)
			}
			got[i] = append(got[i], v)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "what\tmedian of %d\tleast\tmost\ttarget\tmet\n", rounds)
	for i, r := range rows {
		slices.Sort(got[i])
		median := got[i][len(got[i])/2]
		met := "no"
		if r.met(median) {
			met = "yes"
		}
		fmt.Fprintf(w, "%s\t%.3f%s\t%.3f\t%.3f\t%s\t%s\n", r.what, median, r.unit, got[i][0], got[i][len(got[i])-1], r.target, met)
	}
	return w.Flush()
}

// measures lists the rows. The targets are those of the issue that asked for classes.
func measures() []measure {
	within := func(part float64) func(float64) bool {
		return func(v float64) bool { return v >= 1-part && v <= 1+part }
	}
	atMost := func(most float64) func(float64) bool { return func(v float64) bool { return v <= most } }
	return []measure{
		{"weights 1:2:4, one P: largest deviation of a share from its own", "≤ 2 %", " %", atMost(2),
			func(d time.Duration) (float64, error) { return weights(1, d) }},
		{"weights 1:2:4, two Ps: the same", "≤ 2 %", " %", atMost(2),
			func(d time.Duration) (float64, error) { return weights(2, d) }},
		{"floor 0.1 under permanent load, two Ps: share got, in floors", "0.8 to 1.2", "", within(0.2), floor},
		{"background floor 0.1 beside computing tasks: CPU got, in floors", "≥ 0.8", "",
			func(v float64) bool { return v >= 0.8 }, backgroundFloor},
		{"class that wakes after long sleep: time before another runs, in slices", "≤ 1", "", atMost(1), wake},
	}
}

// lengths are those of the tasks: uneven, and not in step for different classes.
var lengths = []time.Duration{50 * time.Microsecond, 700 * time.Microsecond, 3 * time.Millisecond, 200 * time.Microsecond, 30 * time.Millisecond}

// load keeps n tasks of the class computing until stop says so. A task that ends spawns the
// next.
func load(c *runq.Class, n int, stop *atomic.Bool) {
	for i := range n {
		k := i
		var run func(t *runq.Task)
		run = func(t *runq.Task) {
			k++
			for end := time.Now().Add(lengths[k%len(lengths)]); time.Now().Before(end); {
				t.Checkpoint()
			}
			if !stop.Load() {
				t.Go(run)
			}
		}
		c.Go(run)
	}
}

// weights returns the largest deviation of a class's share from what its weight says, in
// per cent of that.
func weights(procs int, d time.Duration) (float64, error) {
	s, err := runq.New(runq.Config{Procs: procs})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var stop atomic.Bool
	var classes []*runq.Class
	for i, w := range []int{100, 200, 400} {
		c, err := s.Class(fmt.Sprint("class ", i), runq.ClassConfig{Weight: w})
		if err != nil {
			return 0, err
		}
		classes = append(classes, c)
		load(c, 6, &stop)
	}
	time.Sleep(d)
	var ran []time.Duration
	var sum time.Duration
	for _, c := range classes {
		ran = append(ran, c.Stats().Run)
		sum += ran[len(ran)-1]
	}
	stop.Store(true)
	worst := 0.0
	for i, r := range ran {
		share, want := float64(r)/float64(sum), float64(int(1)<<i)/7
		worst = max(worst, 100*max(share/want-1, 1-share/want))
	}
	return worst, nil
}

// floorShare is the floor of both measurements.
const floorShare = 0.1

// floor returns the share of a class of the least weight with a floor, beside one of the
// greatest weight that always has work, in floors.
func floor(d time.Duration) (float64, error) {
	s, err := runq.New(runq.Config{Procs: 2})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var stop atomic.Bool
	c, err := s.Class("floor", runq.ClassConfig{Weight: 1, Floor: floorShare})
	if err != nil {
		return 0, err
	}
	heavy, err := s.Class("heavy", runq.ClassConfig{Weight: 10000})
	if err != nil {
		return 0, err
	}
	load(heavy, 6, &stop)
	load(c, 6, &stop)
	time.Sleep(d)
	own, other := c.Stats().Run, heavy.Stats().Run
	stop.Store(true)
	return float64(own) / float64(own+other) / floorShare, nil
}

// backgroundFloor returns the CPU time that background threads get beside computing tasks
// on all Ps, in floors.
func backgroundFloor(d time.Duration) (float64, error) {
	s, err := runq.New(runq.Config{Procs: runtime.NumCPU()})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var stop atomic.Bool
	c, err := s.Class("background with a floor", runq.ClassConfig{Background: true, Floor: floorShare})
	if err != nil {
		return 0, err
	}
	load(s.Interactive(), 2*s.Procs(), &stop)
	load(c, 2*s.Procs(), &stop)
	began := time.Now()
	time.Sleep(d)
	used, took := s.Stats().Background.CPU, time.Since(began)
	stop.Store(true)
	return float64(used) / float64(took) / float64(s.Procs()) / floorShare, nil
}

// wake returns for how long a class that has slept and then has work without end keeps
// another one of the same weight from its P, in slices.
func wake(d time.Duration) (float64, error) {
	const slice = 10 * time.Millisecond
	s, err := runq.New(runq.Config{Procs: 1, Slice: slice})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var stop atomic.Bool
	sleeper, err := s.Class("sleeper", runq.ClassConfig{})
	if err != nil {
		return 0, err
	}
	sleeper.Go(func(*runq.Task) {}) // both classes are in use from here on
	var longest, last atomic.Int64
	began := time.Now()
	run := func(t *runq.Task) { // notes the longest time for which it didn't run
		for !stop.Load() {
			now := int64(time.Since(began))
			longest.Store(max(longest.Load(), now-last.Load()))
			last.Store(now)
			t.Checkpoint()
		}
	}
	s.Go(run)
	time.Sleep(d / 2)
	longest.Store(0)
	load(sleeper, 3, &stop)
	for longest.Load() < int64(slice/10) { // until the first turn of the other is over
		time.Sleep(slice / 10)
	}
	kept := longest.Load()
	stop.Store(true)
	return float64(kept) / float64(slice), nil
}
