package faults

import (
	"time"

	"github.com/runq-go/runq"
)

// A program is a tree of tasks made from a seed. Its value can be computed without
// running it, so that a task that is lost, or runs twice, shows.

// depth makes programs of some 350 tasks: enough that all Ps have to do and steal,
// and a second's worth even for a tenth of a processor under the race detector.
const depth = 5

func mix(seed uint64) uint64 {
	seed ^= seed >> 31
	seed *= 0x9e3779b97f4a7c15
	return seed ^ seed>>29
}

// kids returns how many children a node has: 2 to 4.
func kids(seed uint64, depth int) int {
	if depth == 0 {
		return 0
	}
	return 2 + int(seed>>20%3)
}

func kid(seed uint64, i int) uint64 { return mix(seed + uint64(i) + 1) }

// value returns the value of a program, and of how many tasks it is made.
func value(seed uint64, depth int) (v uint64, tasks int) {
	v, tasks = mix(seed), 1
	for i := range kids(seed, depth) {
		of, n := value(kid(seed, i), depth-1)
		v += of * uint64(i+1)
		tasks += n
	}
	return v, tasks
}

// run runs a program in a task and returns its value.
func run(t *runq.Task, seed uint64, depth int) (uint64, error) {
	act(t, seed)
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	values := make([]uint64, kids(seed, depth))
	for i := range values {
		g.Go(func(t *runq.Task) (err error) {
			values[i], err = run(t, kid(seed, i), depth-1)
			return err
		})
	}
	if err := g.Wait(t); err != nil {
		return 0, err
	}
	act(t, seed>>8)
	v := mix(seed)
	for i, of := range values {
		v += of * uint64(i+1)
	}
	return v, nil
}

// brief is long enough for sysmon to see it, and short enough to do it often.
const brief = 200 * time.Microsecond

// What a child may change before it begins.
var (
	waitsOutside = true  // do tasks wait in ordinary Go too?
	compute      = brief // how long tasks compute; if longer than brief, without checkpoints
)

// act does one of the things that a fault may come between.
func act(t *runq.Task, seed uint64) {
	switch seed % 8 {
	case 0:
		t.Yield()
	case 1:
		t.Sleep(50 * time.Microsecond)
	case 2:
		t.Sleep(2 * time.Millisecond)
	case 3:
		t.Block(func() {})
	case 4:
		t.Block(nap)
	case 5:
		for end := time.Now().Add(compute); time.Now().Before(end); {
			if compute == brief {
				t.Checkpoint()
			}
		}
	case 6:
		t.LockThread()
		t.Yield()
		t.UnlockThread()
	case 7:
		if waitsOutside {
			time.Sleep(brief)
		}
	}
}
