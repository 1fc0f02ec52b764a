//go:build model

package idle

import (
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// checked is a scheduler without anything but the protocol of README.md, for the
// schedule checker: as sim, without its pauses. A task is 1 in a counter.
type checked struct {
	sx.Mutex
	Set[proc, checkedM]
	x        *model.Execution
	together int // tasks that wait for each other
	queued   sx.Int64
	ran      sx.Int64
	goal     int64
	done     sx.Gate // goal tasks have run
	stop     bool    // guarded by the mutex
	made     int     // Ms started because none was idle; guarded by the mutex
}

// checkedM is an M of checked.
type checkedM struct {
	note sx.Note
	p    *proc
	runs bool // it has a thread: an M that is parked from the beginning gets it when it is woken
}

func newChecked(x *model.Execution, procs, tasks int) *checked {
	s := &checked{x: x, goal: int64(tasks)}
	model.Name(&s.Mutex, "lock")
	model.Name(&s.word, "word")
	model.Name(&s.queued, "queued")
	s.done.Init()
	for i := range procs {
		s.PutP(&proc{i})
	}
	return s
}

// submit is W1 and W2.
func (s *checked) submit(n int64) {
	s.queued.Add(n)
	s.wake()
}

// wake is W2.
func (s *checked) wake() {
	if !s.NeedWake() || !s.Claim() {
		return
	}
	s.Lock()
	defer s.Unlock()
	p := s.GetP()
	if p == nil {
		s.EndSearch()
		return
	}
	m := s.GetM()
	switch {
	case m == nil:
		s.made++
		m = new(checkedM)
		m.note.Init()
	case m.runs:
		m.p = p
		m.note.Wake()
		return
	}
	m.p, m.runs = p, true
	sx.Go(func() { s.run(m) })
}

// run is an M. It has a P and is counted as searching.
func (s *checked) run(m *checkedM) {
	for searching := true; ; {
		n := s.queued.Load()
		switch {
		case n != 0:
			if !s.queued.CompareAndSwap(n, n-1) {
				continue
			}
			if searching {
				searching = false
				if s.EndSearch() { // F1
					s.wake() // F2
				}
			}
			s.task()
		case !searching && s.TrySearch(2):
			searching = true
		case s.rest(m, searching):
			searching = true
		default:
			return
		}
	}
}

// task runs a task.
func (s *checked) task() {
	ran := s.ran.Add(1)
	if ran == s.goal {
		s.done.Open()
	}
	if s.together > 0 {
		s.done.Wait()
	}
}

// rest is S0, S1 and S2, and the sleep. When it returns true, the M has a P and
// searches.
func (s *checked) rest(m *checkedM, searching bool) bool {
	s.Lock()
	s.PutP(m.p) // S0
	s.Unlock()
	if searching {
		s.EndSearch() // S1
	}
	sx.HeavyBarrier()
	if s.queued.Load() != 0 && s.again(m) { // S2
		return true
	}
	s.Lock()
	if s.stop {
		s.Unlock()
		return false
	}
	s.PutM(m)
	s.Unlock()
	m.note.Sleep()
	return m.p != nil
}

// again is the end of S2, when there is work.
func (s *checked) again(m *checkedM) bool {
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

// close waits until all tasks have run, and ends the Ms.
func (s *checked) close() {
	s.done.Wait()
	s.Lock()
	s.stop = true
	for m := s.GetM(); m != nil; m = s.GetM() {
		m.p = nil
		m.note.Wake()
	}
	s.Unlock()
	s.x.Join()
	if s.Searching() != 0 || s.IdlePs() != 2 {
		s.x.Failf("at the end %d Ms search, %d Ps are idle", s.Searching(), s.IdlePs())
	}
}

// TestModelNothingStranded is promise A, with two Ps, two submitters and up to four
// Ms: a lost wake-up is a deadlock. 140,000 schedules with up to two preemptions, 3 s.
func TestModelNothingStranded(t *testing.T) {
	model.Check(t, model.Config{Preemptions: 2}, func(x *model.Execution) {
		s := newChecked(x, 2, 3)
		x.Go("submitter 1", func() {
			s.submit(1)
			s.submit(1)
		})
		x.Go("submitter 2", func() { s.submit(1) })
		s.close()
	})
}

// TestModelIdlePsUsed is promise B: of two tasks none ends before both have begun. If
// a P stays idle while one of them is queued, that is a deadlock. 93,000 schedules
// with up to two preemptions, 2 s.
func TestModelIdlePsUsed(t *testing.T) {
	model.Check(t, model.Config{Preemptions: 2}, func(x *model.Execution) {
		s := newChecked(x, 2, 2)
		s.together = 2
		x.Go("submitter 1", func() { s.submit(1) })
		x.Go("submitter 2", func() { s.submit(1) })
		s.close()
	})
}

// TestModelThreeMs: three Ms that are parked share two Ps that are idle; two
// submitters come, one of them twice. A fourth M is started only when an M has given
// its P back and isn't parked yet. 68,000 schedules with up to two preemptions, 2 s.
func TestModelThreeMs(t *testing.T) {
	threads := make(map[int]int)
	r := model.Check(t, model.Config{Preemptions: 2}, func(x *model.Execution) {
		s := newChecked(x, 2, 3)
		for range 3 {
			m := new(checkedM)
			m.note.Init()
			s.PutM(m)
		}
		x.Go("submitter", func() { s.submit(1) })
		s.submit(1)
		s.submit(1)
		s.close()
		threads[s.made+3]++
	})
	t.Logf("executions by number of Ms: %v", threads)
	if r.Schedules > 1 && threads[3] == 0 {
		t.Error("no schedule has got along with three Ms")
	}
}
