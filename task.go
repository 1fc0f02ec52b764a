package runq

import (
	"context"
	"runtime"
)

// ID returns the task's number: from 1 on, never used twice by one Scheduler.
func (t *Task) ID() uint64 { return t.id }

// Scheduler returns the scheduler that the task runs on.
func (t *Task) Scheduler() *Scheduler {
	t.enter("Scheduler")
	return t.e.env.s
}

// Class returns the class that the task belongs to: that of the task that spawned it, of
// its Group, or of the Class that it was started by.
func (t *Task) Class() *Class {
	t.enter("Class")
	return t.e.env.class
}

// Context returns the context that the task was started with: that of its Run or
// its Group, inherited by the tasks it spawns; else context.Background.
func (t *Task) Context() context.Context {
	t.enter("Context")
	return t.e.env.ctx
}

// SetLabel names the task for whoever looks at the scheduler: snapshots, the list
// of stuck calls, reports of panics and deadlocks.
func (t *Task) SetLabel(label string) {
	t.enter("SetLabel")
	t.cold = true
	t.label.Store(&label)
	if t.m.s.cfg.ProfileLabels {
		t.profileAs(label)
	}
}

// Label returns the task's label.
func (t *Task) Label() string {
	t.enter("Label")
	return t.labelText()
}

// labelText is Label for anyone.
func (t *Task) labelText() string {
	if l := t.label.Load(); l != nil {
		return *l
	}
	return ""
}

// funcName names the task function that e holds. For a function literal the name
// says where the task was created. It is asked for by observers, of functions that
// another goroutine has made: the race detector mustn't look.
//
//go:norace
func (e *entry) funcName() string {
	if e.what == nil {
		return ""
	}
	return nameOf(*(*uintptr)(e.what)) // a function value points to its code's address
}

// nameOf names the function at pc.
func nameOf(pc uintptr) string {
	if f := runtime.FuncForPC(pc); f != nil {
		return f.Name()
	}
	return "unknown"
}
