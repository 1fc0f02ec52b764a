package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// longSlice is how long Go and runq let a task run at a time.
	longSlice = 10e6

	// longWaited is how long others must have waited meanwhile, added up: with less it
	// did no harm.
	longWaited = 5e6

	// longSlices is how many such slices there must be, unless one is as long as
	// longOne: a single one may be the fault of the machine.
	longSlices = 3
	longOne    = 50e6
)

// holders finds tasks that keep their P for longer than they should.
type holders struct {
	groups tally[event.StringID, holder]
}

type holder struct {
	slices  int
	ran     int64
	waited  int64
	longest worst
	stack   event.StackID
}

func newHolders() *holders { return &holders{groups: make(tally[event.StringID, holder])} }

func (h *holders) slice(w *analyze.World, s *analyze.Slice) {
	ran, waited := s.End-s.Began, s.Waited+s.WaitedElsewhere
	if ran < longSlice || waited < longWaited || isSystem(w, s.Group) {
		return
	}
	if g := h.groups.of(s.Group); g != nil {
		g.slices++
		g.ran += ran
		g.waited += waited
		g.longest.see(ran, s.Began-w.Start)
		if g.longest.value == ran {
			g.stack = s.Stack
		}
	}
}

func (h *holders) findings(w *analyze.World) (all []Finding) {
	by := make(map[event.StringID]*Finding)
	for group, g := range h.groups {
		if g.slices < longSlices && g.longest.value < longOne {
			continue
		}
		by[group] = &Finding{
			Kind: LongHolder, Culprit: w.GroupName(group), Place: analyze.Place(w.Symbols, g.stack),
			What:      fmt.Sprintf("It ran past %s at a time while others were ready.", analyze.Duration(longSlice)),
			Threshold: fmt.Sprintf("%d times, or once for %s; others waited for %s in all meanwhile", longSlices, analyze.Duration(longOne), analyze.Duration(longWaited)),
			Evidence: []string{fmt.Sprintf("%d times, %s in all, at most %s; others waited for %s meanwhile, added up",
				g.slices, analyze.Duration(g.ran), analyze.Duration(g.longest.value), analyze.Duration(g.waited))},
			At: g.longest.at, Share: float64(g.waited),
		}
	}
	return sorted(by)
}
