package eventtest

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
	History []event.Event // of its task: the last few events before it
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
	if last, ok := v.dead[e.Task]; ok {
		bad.History = []event.Event{last}
	} else if t := v.tasks[e.Task]; t != nil {
		bad.History = t.history.events()
	}
	return bad
}

// historyLen is how many events of a task are remembered: enough for one wait
// (parked, readied, resumed) and what led to it.
const historyLen = 6

// history is the newest events of a task.
type history struct {
	ring [historyLen]event.Event
	n    uint // events so far
}

func (h *history) add(e event.Event) {
	h.ring[h.n%historyLen] = e
	h.n++
}

func (h *history) events() []event.Event {
	var out []event.Event
	for i := h.n - min(h.n, historyLen); i < h.n; i++ {
		out = append(out, h.ring[i%historyLen])
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
