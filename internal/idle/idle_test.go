package idle

import "testing"

type proc struct{ id int }

func newSet(procs int) (s *Set[proc, machine], ps []*proc) {
	s = new(Set[proc, machine])
	for i := range procs {
		ps = append(ps, &proc{i})
		s.PutP(ps[i])
	}
	return s, ps
}

func checkCounts[P, M any](t *testing.T, s *Set[P, M], searching, idle int) {
	t.Helper()
	if s.Searching() != searching || s.IdlePs() != idle {
		t.Errorf("%d search and %d Ps are idle; want %d and %d", s.Searching(), s.IdlePs(), searching, idle)
	}
	if want := searching == 0 && idle != 0; s.NeedWake() != want {
		t.Errorf("with %d searching and %d Ps idle, NeedWake is %v", searching, idle, !want)
	}
}

func TestCounts(t *testing.T) {
	s := new(Set[proc, machine])
	checkCounts(t, s, 0, 0)
	if s.Claim() {
		t.Error("claimed a search though no P is idle")
	}
	p := new(proc)
	s.PutP(p)
	checkCounts(t, s, 0, 1)
	if !s.Claim() || s.Claim() {
		t.Error("not just one can claim a search")
	}
	checkCounts(t, s, 1, 1)
	s.BeginSearch()
	checkCounts(t, s, 2, 1)
	if s.GetP() != p || s.GetP() != nil {
		t.Error("the idle P can't be had, once")
	}
	checkCounts(t, s, 2, 0)
	if s.EndSearch() || !s.EndSearch() {
		t.Error("not just the last searcher is told that it was")
	}
	s.PutP(p)
	s.BeginSearch()
	if !s.EndSearch() {
		t.Error("idle Ps are taken for searchers")
	}
	checkCounts(t, s, 0, 1)
}

// TestSearchBound checks that TrySearch lets in half of the busy Ps, rounded up.
func TestSearchBound(t *testing.T) {
	for procs := range 20 {
		for idle := range procs + 1 {
			s, _ := newSet(idle)
			n := 0
			for n <= procs && s.TrySearch(procs) {
				n++
			}
			if busy := procs - idle; n != busy-busy/2 {
				t.Errorf("%d of %d busy Ps may search", n, busy)
			}
			checkCounts(t, s, n, idle)
		}
	}
}

func TestLastInFirstOut(t *testing.T) {
	s, ps := newSet(3)
	ms := []*machine{{}, {}, {}}
	for i, m := range ms {
		s.PutM(m)
		if s.IdleMs() != i+1 {
			t.Errorf("%d idle Ms, want %d", s.IdleMs(), i+1)
		}
	}
	for i := 2; i >= 0; i-- {
		if s.GetP() != ps[i] || s.GetM() != ms[i] {
			t.Errorf("what became idle as number %d isn't what comes out", i)
		}
	}
	if s.GetP() != nil || s.GetM() != nil || s.IdlePs() != 0 || s.IdleMs() != 0 {
		t.Error("something is left in an empty set")
	}
}

func TestTakeP(t *testing.T) {
	for i := range 4 {
		s, ps := newSet(4)
		if s.TakeP(new(proc)) || !s.TakeP(ps[i]) || s.TakeP(ps[i]) {
			t.Errorf("P %d of 4 can't be had, once", i)
		}
		checkCounts(t, s, 0, 3)
		for j := 3; j >= 0; j-- {
			if j != i && s.GetP() != ps[j] {
				t.Errorf("without P %d, the others come out in another order", i)
			}
		}
	}
}
