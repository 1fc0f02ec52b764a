package ledger

import (
	"fmt"
	"strings"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Story is one wait in words.
type Story struct {
	Number uint64 // of the wait: see analyze.Wait
	Task   event.TaskID
	Group  string
	Why    string
	At     int64 // when the task became ready, from the recording's beginning
	Late   int64 // how long it was ready then
	Length int64 // of the whole wait
	Parts  analyze.Parts
	Queue  event.PID // in which it waited; NoP: in nobody's
	Behind []Holder  // who ran there meanwhile, the longest first
	Others int       // tasks of the group to which the same happened at the same time
	Text   string
}

// Holder is a task that ran while another one waited.
type Holder struct {
	Task   event.TaskID
	Group  string
	Ran    int64 // how long, of the time that the other one waited
	Slices int   // in how many stretches
}

// maxBehind is how many tasks a story names.
const maxBehind = 3

// Tell tells the story of a wait that has just ended.
func Tell(w *analyze.World, d *analyze.Wait) Story {
	return tell(w, &candidate{Wait: *d, holders: w.Holders(d)})
}

// tell tells the story of a wait.
func tell(w *analyze.World, c *candidate) Story {
	d := &c.Wait
	s := Story{
		Number: d.Number, Task: d.Task, Group: w.GroupName(d.Group), Why: d.Why.String(),
		At: d.Ready - w.Start, Late: d.Late(), Length: d.End - d.Began, Parts: d.Parts, Queue: d.Queue,
		Others: c.others,
	}
	for _, h := range c.holders {
		if len(s.Behind) < maxBehind {
			s.Behind = append(s.Behind, Holder{Task: h.Task, Group: w.GroupName(h.Group), Ran: h.Ran, Slices: h.Slices})
		}
	}
	s.Text = text(w, d, &s)
	return s
}

func text(w *analyze.World, d *analyze.Wait, s *Story) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ready at %s, ", w.TaskName(d.Task, d.Group), w.At(d.Ready))
	b.WriteString(before(w, d))
	if d.Open {
		fmt.Fprintf(&b, "; it hasn't run for %s, until the recording ends", analyze.Duration(s.Late))
	} else {
		fmt.Fprintf(&b, "; it ran %s later, on %s", analyze.Duration(s.Late), d.P)
	}
	var parts []string
	for p := analyze.PartBehind; p < analyze.NumParts; p++ {
		if ns := d.Parts[p]; ns != 0 {
			parts = append(parts, analyze.Duration(ns)+" "+partText(p, d.Queue))
		}
	}
	b.WriteString(": " + strings.Join(parts, ", "))
	if len(s.Behind) != 0 {
		where := "on " + d.Queue.String()
		if d.Queue == event.NoP {
			where = "on the Ps"
		}
		var names []string
		for _, h := range s.Behind {
			name := fmt.Sprintf("%s (%s) for %s", h.Task, h.Group, analyze.Duration(h.Ran))
			if h.Slices > 1 {
				name += fmt.Sprintf(" in %d stretches", h.Slices)
			}
			names = append(names, name)
		}
		fmt.Fprintf(&b, ". Meanwhile %s ran %s", where, strings.Join(names, ", "))
	}
	b.WriteByte('.')
	if s.Others != 0 {
		fmt.Fprintf(&b, " The same happened to %d others of its group.", s.Others)
	}
	return b.String()
}

// partText says what a part means, in a sentence that names the queue's P.
func partText(p analyze.Part, queue event.PID) string {
	if queue == event.NoP {
		return p.Text()
	}
	return strings.ReplaceAll(p.Text(), "its P", queue.String())
}

// before says what came before the task was ready.
func before(w *analyze.World, d *analyze.Wait) string {
	place := func(stack event.StackID) string {
		if at := analyze.Place(w.Symbols, stack); at != "" {
			return " at " + at
		}
		return ""
	}
	by := func() string {
		switch {
		case d.Waker != event.NoTask:
			return "by " + d.Waker.String() + place(d.By)
		case d.Wake == event.ReasonWakeTimer:
			return "by a timer"
		case d.Wake == event.ReasonWakePoller:
			return "by the network poller"
		}
		return "by the runtime"
	}
	waited := analyze.Duration(d.Ready - d.Began)
	if d.Partial {
		waited = "at least " + waited
	}
	switch d.Why.Kind {
	case event.KindTaskCreated:
		return "just created " + by()
	case event.KindTaskYielded:
		return d.Why.String() + place(d.Stack)
	case event.KindTaskSeenRunnable:
		return "and already when the recording began"
	case event.KindTaskBlocked, event.KindTaskSeenBlocked, event.KindTaskCreatedBlocked:
		if !d.Why.Call() {
			return fmt.Sprintf("back after %s %s", waited, d.Why)
		}
		return fmt.Sprintf("back after %s in a blocking call%s", waited, place(d.Stack))
	}
	return fmt.Sprintf("after waiting %s for %s%s, woken %s", waited, d.Why, place(d.Stack), by())
}
