package linear

import (
	"os"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/runq-go/runq"
)

// plant is a subject with a mistake. free ends the waits of a history that hangs, when it
// is called until that has ended.
type plant struct {
	name  string
	make  func(c *chooser) (s subject, free func())
	hangs bool // it is found by that, too
}

var plants = []plant{
	{"a channel gives the newest value first", plantChan(func(c *runq.Chan[int]) channel { return &newestFirst{Chan: c} }), false},
	{"a channel serves the last receiver first", plantChan(func(c *runq.Chan[int]) channel { return &lastFirst{Chan: c} }), false},
	{"a channel has room for one value more", func(c *chooser) (subject, func()) {
		s := newChans(1, c)
		ch := runq.NewChan[int](s.limits[0] + 1)
		s.ch[0] = ch
		return s, closing(ch)
	}, false},
	{"a send that gives up has sent", plantChan(func(c *runq.Chan[int]) channel { return &sentAnyhow{c} }), false},
	{"a receive that gives up has received", plantChan(func(c *runq.Chan[int]) channel { return &receivedAnyhow{c} }), false},
	{"Close drops what is in the buffer", plantChan(func(c *runq.Chan[int]) channel { return &closeDrops{c} }), false},
	{"Select does two cases", plantSelect(selectTwo), false},
	{"Select prefers Otherwise", plantSelect(selectOtherwise), false},
	{"a mutex lets two in", plantMutex(func(m *runq.Mutex) mutex { return &twoIn{Mutex: m} }), false},
	{"a LockOrDone that gives up has locked", plantMutex(func(m *runq.Mutex) mutex { return &lockedAnyhow{m} }), true},
	{"readers get in beside a writer", func(*chooser) (subject, func()) {
		return &rwmutexes{m: &pollRW{besideWriter: true}}, func() {}
	}, false},
	{"readers overtake a writer", func(*chooser) (subject, func()) {
		return &rwmutexes{m: &pollRW{overtake: true}}, func() {}
	}, false},
	{"a semaphore grants out of order", func(*chooser) (subject, func()) {
		return &semaphores{s: &pollSemaphore{free: semSize}}, func() {}
	}, false},
	{"an Acquire that gives up has acquired", func(*chooser) (subject, func()) {
		s := runq.NewSemaphore(semSize)
		return &semaphores{s: &acquiredAnyhow{s}}, func() { panics(func() { s.Release(nil, 1) }) }
	}, true},
	{"an event wakes one only", func(*chooser) (subject, func()) {
		e := new(wakeOne)
		return &events{e: e}, func() { e.Set(nil) }
	}, true},
	{"an event is seen late", func(*chooser) (subject, func()) {
		e := new(seenLate)
		return &events{e: e}, func() { e.Set(nil) }
	}, false},
	{"a wait group forgets one", func(*chooser) (subject, func()) {
		return &waitGroups{wg: new(forgetOne)}, func() {}
	}, false},
}

func plantChan(f func(*runq.Chan[int]) channel) func(*chooser) (subject, func()) {
	return func(c *chooser) (subject, func()) {
		s := newChans(1, c)
		s.limits[0] = max(s.limits[0], 1) // there must be a buffer for most of the mistakes
		ch := runq.NewChan[int](s.limits[0])
		s.ch[0] = f(ch)
		s.sel = nil // it would go past the mistake
		return s, closing(s.ch[0])
	}
}

func plantSelect(f func(*chans) func(*runq.Task, ...runq.Case) (int, error)) func(*chooser) (subject, func()) {
	return func(c *chooser) (subject, func()) {
		s := newChans(2, c)
		s.sel = f(s)
		return s, closing(s.ch...)
	}
}

func plantMutex(f func(*runq.Mutex) mutex) func(*chooser) (subject, func()) {
	return func(*chooser) (subject, func()) {
		m := new(runq.Mutex)
		return &mutexes{m: f(m)}, func() { panics(func() { m.Unlock(nil) }) }
	}
}

// closing returns a function that closes the channels.
func closing(of ...channel) func() {
	return func() {
		for _, c := range of {
			panics(c.Close)
		}
	}
}

const (
	// plantHistories is within how many histories a mistake must be found. Most are found
	// in the first few.
	plantHistories = 1000

	// plantPatience is short, so that the test is: when a history that is only slow is
	// taken for one that hangs, another one is made.
	plantPatience = 300 * time.Millisecond
)

// TestBroken: every mistake is found.
func TestBroken(t *testing.T) {
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			g := newStage(t)
			g.patience = plantPatience
			for seed := range uint64(plantHistories) {
				s, free := p.make(newChooser(seed))
				r, over := g.perform(seed, s)
				if !over {
					r.dissolve(free)
					if !p.hangs {
						continue
					}
					t.Logf("history %d hangs", seed)
					return
				}
				if sp := s.spec(r.history); r.check(sp) == porcupine.Illegal {
					picture, err := os.Stat(r.draw(t, sp))
					if err != nil || picture.Size() == 0 {
						t.Errorf("the picture: %v, %v", picture, err)
					}
					t.Logf("history %d is illegal", seed)
					return
				}
			}
			t.Errorf("not found in %d histories", plantHistories)
		})
	}
}

// dissolve ends a history that hangs.
func (r *run) dissolve(free func()) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-tick.C:
			for _, c := range r.clients {
				c.giveUp()
			}
			free()
		}
	}
}

// TestSeen: that a task waits is seen, and makes the first of its moments earlier. What
// is found by that alone, the order of waiters, depends on it.
func TestSeen(t *testing.T) {
	g := newStage(t)
	seen := 0
	for seed := uint64(0); seen == 0; seed++ {
		if seed == plantHistories {
			t.Fatalf("no wait has been seen in %d histories", plantHistories)
		}
		r, over := g.perform(seed, newChans(1, newChooser(seed)))
		if !over {
			t.Fatalf("seed %d: somebody could go on and doesn't\n%s", seed, r.standstill())
		}
		for id := range r.all() {
			rec := &r.records[id]
			at := rec.seen.Load()
			if at != 0 && at < rec.call {
				t.Fatalf("seed %d: operation %d was seen waiting before %d, but it was called at %d", seed, id, at, rec.call)
			}
			if at != 0 && at < rec.ret {
				seen++
			}
		}
	}
}
