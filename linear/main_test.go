package linear

import (
	"flag"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/leak"
)

var (
	duration = flag.Duration("duration", 15*time.Second, "how long histories are made, for all objects together")
	seed     = flag.Uint64("seed", 0, "the first history's; 0: by the time")
)

func TestMain(m *testing.M) {
	leak.Main(m, leak.Budget{
		// Tasks that are locked to a thread or in a blocking call have one each: at most
		// all clients of a history, beside those that the schedulers keep.
		Threads: 64,
		// Go keeps what a goroutine needs beside its stack, some 450 bytes, for the next
		// one: TestLateContext has ten thousand at a time.
		Heap:  16 << 20,
		Close: func() { runq.Default().Close() },
	})
}

// kinds are the objects that are checked.
var kinds = []struct {
	name string
	make func(c *chooser) subject
}{
	{"Chan", func(c *chooser) subject { return newChans(1, c) }},
	{"Select", func(c *chooser) subject { return newChans(2, c) }},
	{"Mutex", func(*chooser) subject { return &mutexes{m: new(runq.Mutex)} }},
	{"RWMutex", func(*chooser) subject { return &rwmutexes{m: new(runq.RWMutex)} }},
	{"Semaphore", func(*chooser) subject { return &semaphores{s: runq.NewSemaphore(semSize)} }},
	{"Event", func(*chooser) subject { return &events{e: new(runq.Event)} }},
	{"WaitGroup", func(*chooser) subject { return &waitGroups{wg: new(runq.WaitGroup)} }},
}

// TestLinearizable makes histories of each kind of object for a share of the time, and
// checks each of them.
func TestLinearizable(t *testing.T) {
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			g := newStage(t)
			histories, operations, seen, gaveUp := uint64(0), 0, 0, int64(0)
			for end := time.Now().Add(*duration / time.Duration(len(kinds))); time.Now().Before(end); histories++ {
				seed := from + histories
				s := k.make(newChooser(seed))
				r, over := g.perform(seed, s)
				if !over {
					t.Fatalf("seed %d: somebody could go on and doesn't\n%s", seed, r.standstill())
				}
				r.mustBe(t, seed, s.spec(r.history))
				operations += len(r.all())
				seen += r.waitsSeen()
				gaveUp += r.gaveUps.Load()
			}
			t.Logf("%d histories with %d operations; %d were seen waiting, %d gave up", histories, operations, seen, gaveUp)
		})
	}
}

// mustBe fails the test unless the history is what sp allows.
func (r *run) mustBe(t *testing.T, seed uint64, sp spec) {
	t.Helper()
	if result := r.check(sp); result != porcupine.Ok || r.broken.Load() {
		t.Fatalf("seed %d: the check says %v of this history, whose picture is in %s (run with -artifacts to keep it)\n%v",
			seed, result, r.draw(t, sp), r.history)
	}
}
