package verdict

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// starved is how long a task has been ready when it is counted. Schedulers let a task
	// run for 10 ms at a time; who waits for half of that waits for others' slices, not
	// for the scheduler.
	starved = 5e6

	// starvedShare is which part of the recording's length such waits of a group must
	// make together: it takes one task that is starved for a twentieth of the time.
	starvedShare = 0.05

	// starvedWaits is how many there must be: once or twice happens to everybody.
	starvedWaits = 3
)

// starvation finds who waits long behind whom.
type starvation struct {
	victims tally[event.StringID, victim]
	behind  tally[[2]event.StringID, int64] // by victim and who ran meanwhile
	places  tally[event.StringID, event.StackID]
}

type victim struct {
	waits int
	total int64
	worst worst
}

func newStarvation() *starvation {
	return &starvation{
		victims: make(tally[event.StringID, victim]), behind: make(tally[[2]event.StringID, int64]), places: make(tally[event.StringID, event.StackID]),
	}
}

func (s *starvation) wait(w *analyze.World, d *analyze.Wait) {
	late := d.Late()
	if late < starved || isSystem(w, d.Group) {
		return
	}
	p := &d.Parts
	if busy := p[analyze.PartBehind] + p[analyze.PartCall] + p[analyze.PartAssist] + p[analyze.PartNoP]; busy < late/2 {
		return // it wasn't for want of a P
	}
	v := s.victims.of(d.Group)
	if v == nil {
		return
	}
	v.waits++
	v.total += late
	v.worst.see(late, d.Ready-w.Start)
	for _, h := range w.Holders(d) {
		if ns := s.behind.of([2]event.StringID{d.Group, h.Group}); ns != nil {
			*ns += h.Ran
		}
		if at := s.places.of(h.Group); at != nil && h.Stack != 0 {
			*at = h.Stack
		}
	}
}

// findings names for each who starves others, whom.
func (s *starvation) findings(w *analyze.World) []Finding {
	by := make(map[event.StringID]*Finding)
	length := float64(w.Now - w.Start)
	for group, v := range s.victims {
		culprit := s.culprit(group)
		if v.waits < starvedWaits || float64(v.total) < starvedShare*length || culprit == group || culprit == 0 {
			continue
		}
		f := by[culprit]
		if f == nil {
			f = &Finding{
				Kind: Starvation, Culprit: w.GroupName(culprit), What: "Others are ready for long and can't run, while it does.",
				Threshold: fmt.Sprintf("a group of tasks that is ready for %s or more at a time, at least %d times, for %.0f%% of the recording in all",
					analyze.Duration(starved), starvedWaits, 100*starvedShare),
			}
			if at := s.places[culprit]; at != nil {
				f.Place = analyze.Place(w.Symbols, *at)
			}
			by[culprit] = f
		}
		ran := *s.behind[[2]event.StringID{group, culprit}]
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s was ready %d times for %s or more, %s in all, at most %s; meanwhile %s ran for %s",
			w.GroupName(group), v.waits, analyze.Duration(starved), analyze.Duration(v.total), analyze.Duration(v.worst.value), f.Culprit, analyze.Duration(ran)))
		if float64(v.total) > f.Share {
			f.At = v.worst.at
		}
		f.Share += float64(v.total)
	}
	return sorted(by)
}

// culprit returns who ran most while a group was starved.
func (s *starvation) culprit(of event.StringID) (group event.StringID) {
	most := int64(0)
	for pair, ns := range s.behind {
		if pair[0] == of && (*ns > most || *ns == most && pair[1] < group) {
			most, group = *ns, pair[1]
		}
	}
	return group
}

// sorted returns findings that were made by culprit, in an order that is always the same.
func sorted[K comparable](by map[K]*Finding) (all []Finding) {
	for _, f := range by {
		slices.Sort(f.Evidence)
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Culprit, b.Culprit), cmp.Compare(a.Place, b.Place))
	})
	return all
}
