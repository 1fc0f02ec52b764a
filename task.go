package runq

import (
	"context"
	"reflect"
	"runtime"
)

// ID returns the task's number: from 1 on, never used twice by one Scheduler.
func (t *Task) ID() uint64 { return t.id }

// Scheduler returns the scheduler that the task runs on.
func (t *Task) Scheduler() *Scheduler {
	t.enter("Scheduler")
	return t.e.env.s
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
	t.label = &label
}

// Label returns the task's label.
func (t *Task) Label() string {
	t.enter("Label")
	return text(t.label)
}

// text returns the label that l points to, if any.
func text(l *string) string {
	if l == nil {
		return ""
	}
	return *l
}

// funcName names a task's function, given as one of two types. For a function
// literal the name says where the task was created.
func funcName(fn func(*Task), efn func(*Task) error) string {
	pc := reflect.ValueOf(fn).Pointer()
	if efn != nil {
		pc = reflect.ValueOf(efn).Pointer()
	}
	if f := runtime.FuncForPC(pc); f != nil {
		return f.Name()
	}
	return "unknown"
}
