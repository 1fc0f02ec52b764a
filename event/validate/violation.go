package validate

import (
	"fmt"
	"strings"

	"github.com/runq-go/runq/event"
)

// Violation is an event that breaks a rule.
type Violation struct {
	Rule    int           // its number in the documentation of Validator
	Event   event.Event   // that breaks it
	What    string        // what is wrong with it
	History []event.Event // of its task: the last few events before it, the oldest first; if it has ended, at most the last one
}

// Error names the event, the rule, what is wrong, and what came before.
func (e *Violation) Error() string {
	s := fmt.Sprintf("rule %d: %v: %s", e.Rule, e.Event, e.What)
	if len(e.History) != 0 {
		s += "; before that:" + list(e.History)
	}
	return s
}

func (v *Validator) violation(rule int, e event.Event, format string, args ...any) *Violation {
	bad := &Violation{Rule: rule, Event: e, What: fmt.Sprintf(format, args...)}
	if t := v.tasks[e.Task]; t != nil {
		bad.History = t.history.events()
	} else if spec := e.Kind.Spec(); spec.IsTask() {
		bad.History = v.end(e.Task)
	}
	return bad
}

// keptEnds is how many ends of tasks are remembered with the whole event, for violations
// to show: what comes after an end in spite of it mostly comes soon.
const keptEnds = 1024

// noteEnd remembers the last event of a task.
func (v *Validator) noteEnd(e event.Event) {
	v.ended.add(uint64(e.Task))
	v.ends[v.sum.Finished%keptEnds] = e
}

// end returns the last event of a task that has ended, nothing if it hasn't, or is
// forgotten.
func (v *Validator) end(of event.TaskID) []event.Event {
	for _, e := range v.ends {
		if e.Task == of && of != event.NoTask {
			return []event.Event{e}
		}
	}
	return nil
}

// HistoryLen is how many events a [Violation] shows at most: enough for one wait
// (parked, readied, resumed) and what led to it.
const HistoryLen = 6

// history is the newest events of a task.
type history struct {
	ring [HistoryLen]event.Event
	n    uint // events so far
}

func (h *history) add(e event.Event) {
	h.ring[h.n%HistoryLen] = e
	h.n++
}

func (h *history) events() []event.Event {
	var out []event.Event
	for i := h.n - min(h.n, HistoryLen); i < h.n; i++ {
		out = append(out, h.ring[i%HistoryLen])
	}
	return out
}

func (h *history) String() string { return list(h.events()) }

func list(events []event.Event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("\n\t")
		b.WriteString(e.String())
	}
	return b.String()
}
