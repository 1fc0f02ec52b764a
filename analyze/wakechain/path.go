package wakechain

import (
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Path is a way back. Times are in ns from the beginning of the recording.
type Path struct {
	Task     event.TaskID
	Group    string
	Number   uint64 // of the wait, as analyze.Wait has it; 0: it is a region
	From, To int64  // the time that is explained
	Late     int64  // how long the task was ready and didn't run; of a region, how long that took
	Steps    []Step // from the end back
	Cut      bool   // there are more steps, which are too many or aren't remembered

	low  int64 // From, as the World counts
	rank int64 // what makes it one of the longest
}

// Step is who did what for a part of a path's time.
type Step struct {
	Task     event.TaskID
	Group    string
	Did      Did
	From, To int64
	At       string        // where in the program, if known; of Ran, where it woke the one before
	Why      string        // of Waited: for what
	Parts    analyze.Parts // of Late: what the time went to
}

// Did says what a task did in a step.
type Did uint8

// What tasks do.
const (
	Ran    Did = iota // it ran, and then woke or created the one of the step before
	Late              // it was ready, and didn't run
	InCall            // it was in a blocking call
	Waited            // it waited for what isn't a task: a timer, the network
	Before            // what it did isn't known
)

var didTexts = [...]string{"ran", "was late", "was in a call", "waited", "did what isn't known"}

// String returns it in words.
func (d Did) String() string {
	if int(d) < len(didTexts) {
		return didTexts[d]
	}
	return "?"
}

func begin(w *analyze.World, id event.TaskID, group event.StringID, from, to, late int64) *Path {
	return &Path{Task: id, Group: w.GroupName(group), From: from - w.Start, To: to - w.Start, Late: late, low: from}
}

// step adds a step from..to, cut off where the path's time begins. It reports whether
// there is time left before that, and room for another step.
func (p *Path) step(w *analyze.World, s Step, from, to int64) bool {
	more := from > p.low
	from = max(from, p.low)
	if to > from {
		s.From, s.To = from-w.Start, to-w.Start
		p.Steps = append(p.Steps, s)
	}
	if more && len(p.Steps) >= maxSteps {
		p.Cut, more = true, false
	}
	return more
}

// wait goes back from the end of a wait. It and running call each other, at most
// maxSteps times or so: each call either adds a step, or goes back to an earlier wait of
// those that are remembered.
func (p *Path) wait(w *analyze.World, d *analyze.Wait) {
	s := Step{Task: d.Task, Group: w.GroupName(d.Group)}
	late := s
	late.Did, late.Parts, late.At = Late, d.Parts, analyze.Place(w.Symbols, d.Stack)
	late.Parts[analyze.PartEvent], late.Parts[analyze.PartInCall] = 0, 0
	if !p.step(w, late, d.Ready, d.End) {
		return
	}
	s.At, s.Why = analyze.Place(w.Symbols, d.Stack), d.Why.String()
	switch {
	case d.Waker != event.NoTask:
		group, at := d.WakerGroup, d.Ready
		p.ran(w, Step{Task: d.Waker, Group: w.GroupName(group), At: analyze.Place(w.Symbols, d.By)}, d.WakerPrev, at)
		return
	case d.Parts[analyze.PartInCall] != 0:
		s.Did = InCall
	case d.Parts[analyze.PartEvent] != 0:
		s.Did = Waited
		if d.Why.Kind != event.KindTaskBlocked { // else it was held back
			s.Why += ", ended by " + wakerName(w, d.WakerGroup, d.Wake)
		}
	case d.Why.Kind == event.KindTaskCreated: // by nobody: it is a timer's function
		s.Did, s.Why = Waited, "a timer"
		p.step(w, s, p.low, d.Ready)
		return
	}
	if p.step(w, s, d.Began, d.Ready) {
		p.running(w, d.Task, d.Group, d.Prev, d.Began)
	}
}

// running goes back from when a task ran, of which the last wait before that is known
// by its number.
func (p *Path) running(w *analyze.World, id event.TaskID, group event.StringID, last uint64, to int64) {
	p.ran(w, Step{Task: id, Group: w.GroupName(group)}, last, to)
}

func (p *Path) ran(w *analyze.World, s Step, last uint64, to int64) {
	s.Did = Ran
	d := w.Wait(last)
	switch {
	case last == 0:
		p.step(w, s, p.low, to) // it has never waited
	case d == nil || d.Task != s.Task || d.End > to:
		s.Did, p.Cut = Before, true
		p.step(w, s, p.low, to)
	case p.step(w, s, d.End, to):
		p.wait(w, d)
	}
}
