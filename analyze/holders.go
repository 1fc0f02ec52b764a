package analyze

import (
	"cmp"
	"slices"

	"github.com/runq-go/runq/event"
)

// Holder is a task that had a P while another one waited for it.
type Holder struct {
	Task   event.TaskID
	Group  event.StringID
	Stack  event.StackID // where it was at last, if known
	Ran    int64         // how long, of the time in question
	Slices int           // in how many stretches
}

// Holders returns who ran on the P in whose queue the task waited, while it was ready; if
// it was in nobody's queue, who ran on any P. d has just ended. The longest is first. What
// ran more slices ago than are remembered is missing.
func (w *World) Holders(d *Wait) []Holder {
	var held []Holder
	for _, p := range w.Procs {
		if p != nil && (d.Queue == event.NoP || p.ID == d.Queue) {
			held = p.holders(held, d)
		}
	}
	slices.SortFunc(held, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Ran, a.Ran), cmp.Compare(a.Task, b.Task))
	})
	return held
}

func (p *Proc) holders(held []Holder, d *Wait) []Holder {
	note := func(s *Slice, end int64) {
		ran := min(end, d.End) - max(s.Began, d.Ready)
		if ran <= 0 || s.Task == d.Task {
			return
		}
		at := slices.IndexFunc(held, func(h Holder) bool { return h.Task == s.Task })
		if at < 0 {
			at = len(held)
			held = append(held, Holder{Task: s.Task, Group: s.Group, Stack: s.Stack})
		}
		held[at].Ran += ran
		held[at].Slices++
	}
	if t := p.Task; t != nil {
		s := t.slice
		s.Group, s.Stack = t.Group, t.Stack
		note(&s, d.End)
	}
	for i := p.Count; i > 0 && p.Count-i < keptSlices; i-- {
		s := &p.Slices[(i-1)%keptSlices]
		if s.End <= d.Ready {
			break
		}
		note(s, s.End)
	}
	return held
}
