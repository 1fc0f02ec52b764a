package idle

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/sx"
)

// hangs is after how long a round that doesn't end is given up: far longer than any
// that does.
const hangs = 30 * time.Second

// machine is an M of sim.
type machine struct {
	note sx.Note
	p    *proc // handed over by who wakes it
}

// sim is a scheduler without anything but the protocol of README.md: a task is 1 in
// a counter, and to run it is to count it.
type sim struct {
	sx.Mutex
	Set[proc, machine]
	procs    int
	together bool // the tasks of a round wait for each other
	queued   sx.Int64
	ran      sx.Int64
	goal     sx.Int64 // tasks submitted when the round is over
	done     sx.Note  // woken when ran reaches goal
	stop     sx.Bool
	ms       int       // guarded by the mutex
	gone     chan bool // an M has ended
	resting  sx.Int64
}

// submit is W1 and W2.
func (s *sim) submit(n int) {
	s.queued.Add(int64(n))
	pause()
	s.wake()
}

// wake is W2: it starts a searching M if a P is idle and nobody searches.
func (s *sim) wake() {
	if !s.NeedWake() || !s.Claim() {
		return
	}
	s.Lock()
	p := s.GetP()
	if p == nil {
		s.Unlock()
		s.EndSearch()
		return
	}
	s.start(p)
	s.Unlock()
}

// start hands p to an M that is to search, a new one if all are busy. The lock is
// held.
func (s *sim) start(p *proc) {
	m := s.GetM()
	if m != nil {
		m.p = p
		m.note.Wake()
		return
	}
	m = &machine{p: p}
	m.note.Init()
	s.ms++
	go func() {
		s.run(m)
		s.gone <- true
	}()
}

// take takes a task.
func (s *sim) take() bool {
	for {
		n := s.queued.Load()
		if n == 0 {
			return false
		}
		if s.queued.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// run is an M. It has a P and is counted as searching.
func (s *sim) run(m *machine) {
	for searching := true; ; {
		switch {
		case s.take():
			if searching {
				searching = false
				s.found()
			}
			s.task()
		case !searching && s.TrySearch(s.procs):
			searching = true
		default:
			if !s.rest(m, searching) {
				return
			}
			searching = true
		}
	}
}

// found is F1 and F2.
func (s *sim) found() {
	if s.EndSearch() {
		pause()
		s.wake()
	}
}

// task runs a task, which ends at once or when all tasks of the round have begun.
func (s *sim) task() {
	pause()
	goal := s.goal.Load() // before this one counts as run; then the next round may begin
	if s.ran.Add(1) == goal {
		s.done.Wake()
	}
	for s.together && s.ran.Load() < goal && !s.stop.Load() {
		runtime.Gosched()
	}
}

// pause stands between two steps: now and then somebody else goes on there.
func pause() {
	if rand.IntN(4) == 0 {
		runtime.Gosched()
	}
}

// rest is S0, S1 and S2, and the sleep. When it returns, the M has a P and searches,
// unless it returns false: then there is nothing more to do.
func (s *sim) rest(m *machine, searching bool) bool {
	s.Lock()
	s.PutP(m.p)
	s.Unlock()
	pause()
	if searching {
		s.EndSearch()
	}
	pause()
	if s.queued.Load() != 0 && s.again(m) {
		return true
	}
	s.Lock()
	if s.stop.Load() {
		s.Unlock()
		return false
	}
	s.PutM(m)
	s.Unlock()
	s.resting.Add(1)
	m.note.Sleep()
	return m.p != nil
}

// again is the end of S2, when there is work: it takes an idle P back and searches.
func (s *sim) again(m *machine) bool {
	s.Lock()
	defer s.Unlock()
	p := s.GetP()
	if p == nil {
		return false
	}
	s.BeginSearch()
	m.p = p
	return true
}

// state describes what a sim stands at.
func (s *sim) state() string {
	s.Lock()
	defer s.Unlock()
	return fmt.Sprintf("%d tasks queued, %d of %d run; %d of %d Ps idle; %d Ms, of which %d idle and %d searching",
		s.queued.Load(), s.ran.Load(), s.goal.Load(), s.IdlePs(), s.procs, s.ms, s.IdleMs(), s.Searching())
}

// close ends all Ms; there must be no tasks left.
func (s *sim) close() {
	s.Lock()
	s.stop.Store(true)
	ms := s.ms
	for m := s.GetM(); m != nil; m = s.GetM() {
		m.p = nil
		m.note.Wake()
	}
	s.Unlock()
	for range ms {
		<-s.gone
	}
}

// newSim returns a sim with idle Ps and no M.
func newSim(procs int) *sim {
	s := &sim{procs: procs, gone: make(chan bool)}
	s.done.Init()
	for i := range procs {
		s.PutP(&proc{i})
	}
	return s
}

// play submits tasks, as many as counts returns for each submitter, and waits until
// they have run; then it does that again, round for round.
func (s *sim) play(t *testing.T, rounds int, counts func() []int) {
	if testing.Short() {
		rounds /= 10
	}
	var submitters sync.WaitGroup
	for range rounds {
		all := counts()
		for _, n := range all {
			s.goal.Add(int64(n))
		}
		for _, n := range all {
			submitters.Go(func() { s.submitter(n) })
		}
		if !s.done.SleepFor(hangs) {
			s.stop.Store(true)
			t.Fatalf("a wake-up was lost: %s", s.state())
		}
	}
	submitters.Wait() // the last may still be about to wake somebody
	s.close()
	if s.IdlePs() != s.procs || s.Searching() != 0 {
		t.Errorf("at the end: %s", s.state())
	}
	if s.resting.Load() == 0 {
		t.Error("no M has ever gone to sleep, so nothing was tested")
	}
}

// submitter submits n tasks, in portions.
func (s *sim) submitter(n int) {
	for n > 0 {
		k := 1 + rand.IntN(n)
		n -= k
		s.submit(k)
	}
}

// TestNothingStranded is promise A. In each round a few tasks are submitted, so that
// Ms go to sleep and are woken all the time. A wake-up that is lost leaves a task in
// the queue with everybody asleep: the round doesn't end.
func TestNothingStranded(t *testing.T) {
	for _, c := range []struct{ procs, submitters, burst int }{{1, 1, 1}, {2, 1, 3}, {2, 2, 4}, {4, 3, 20}, {8, 2, 200}} {
		t.Run(fmt.Sprintf("procs=%d,submitters=%d,burst=%d", c.procs, c.submitters, c.burst), func(t *testing.T) {
			newSim(c.procs).play(t, 300_000/(10+c.burst), func() []int {
				counts := make([]int, c.submitters)
				for i := range counts {
					counts[i] = 1 + rand.IntN(c.burst)
				}
				return counts
			})
		})
	}
}

// TestIdlePsUsed is promise B. In each round there are as many tasks as Ps, and none
// ends before all have begun: a P that stays idle while a task is queued keeps the
// round from ending.
func TestIdlePsUsed(t *testing.T) {
	for procs := 1; procs <= 8; procs *= 2 {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			s := newSim(procs)
			s.together = true
			s.play(t, 5000, func() []int {
				first := 1 + rand.IntN(procs)
				return []int{first, procs - first}
			})
		})
	}
}
