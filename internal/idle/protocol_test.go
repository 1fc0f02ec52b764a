package idle

import (
	"fmt"
	"math/rand/v2"
	"runtime"
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
	Set[proc, machine]
	procs   int
	queued  sx.Int64
	ran     sx.Int64
	goal    sx.Int64 // tasks submitted when the round is over
	done    sx.Note  // woken when ran reaches goal
	stop    sx.Bool
	ms      int       // guarded by the mutex
	gone    chan bool // an M has ended
	resting sx.Int64
}

// submit is W1 and W2.
func (s *sim) submit(n int) {
	s.queued.Add(int64(n))
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
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for searching := true; ; {
		switch {
		case s.take():
			if searching {
				searching = false
				s.found()
			}
			s.task(r)
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
		s.wake()
	}
}

// task runs a task. Now and then it goes away in the middle, as a preempted thread
// does.
func (s *sim) task(r *rand.Rand) {
	if r.IntN(16) == 0 {
		runtime.Gosched()
	}
	if s.ran.Add(1) == s.goal.Load() {
		s.done.Wake()
	}
}

// rest is S0, S1 and S2, and the sleep. When it returns, the M has a P and searches,
// unless it returns false: then there is nothing more to do.
func (s *sim) rest(m *machine, searching bool) bool {
	s.Lock()
	s.PutP(m.p)
	s.Unlock()
	if searching {
		s.EndSearch()
	}
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

// TestProtocol lets submitters and Ms run the protocol. In each round a few tasks
// are submitted, so that Ms go to sleep and are woken all the time. A wake-up that
// is lost leaves a task in the queue with everybody asleep: the round doesn't end.
func TestProtocol(t *testing.T) {
	for _, c := range []struct{ procs, submitters, burst int }{{1, 1, 1}, {2, 1, 3}, {2, 2, 4}, {4, 3, 20}, {8, 2, 200}} {
		t.Run(fmt.Sprintf("procs=%d,submitters=%d,burst=%d", c.procs, c.submitters, c.burst), func(t *testing.T) {
			s := &sim{procs: c.procs, gone: make(chan bool)}
			s.done.Init()
			for i := range c.procs {
				s.PutP(&proc{i})
			}
			rounds := 100_000 / (10 + c.burst)
			if testing.Short() {
				rounds /= 10
			}
			for range rounds {
				s.round(t, c.submitters, c.burst)
			}
			s.close()
			if s.IdlePs() != c.procs || s.Searching() != 0 {
				t.Errorf("at the end: %s", s.state())
			}
			if s.resting.Load() == 0 {
				t.Error("no M has ever gone to sleep, so nothing was tested")
			}
		})
	}
}

// round submits up to burst tasks from each submitter, and waits until they have run.
func (s *sim) round(t *testing.T, submitters, burst int) {
	counts := make([]int, submitters)
	for i := range counts {
		counts[i] = 1 + rand.IntN(burst)
		s.goal.Add(int64(counts[i]))
	}
	for _, n := range counts {
		go func() {
			for n > 0 {
				k := 1 + rand.IntN(n)
				n -= k
				s.submit(k)
				if rand.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		}()
	}
	if !s.done.SleepFor(hangs) {
		t.Fatalf("a wake-up was lost: %s", s.state())
	}
}
