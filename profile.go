package runq

import (
	"context"
	"runtime/pprof"
)

// The keys of the labels that tasks have in profiles, with Config.ProfileLabels.
const (
	profileClass = "runq_class" // the class's name
	profileTask  = "runq_task"  // what Task.SetLabel has said
)

// profileLabels returns a context with the labels of the class's tasks.
func (c *Class) profileLabels() context.Context {
	return pprof.WithLabels(context.Background(), pprof.Labels(profileClass, c.name))
}

// profile labels the goroutine that the task runs on, until another task does.
func (t *Task) profile() { pprof.SetGoroutineLabels(t.e.env.class.profiled) }

// profileAs adds the task's own label.
func (t *Task) profileAs(label string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(t.e.env.class.profiled, pprof.Labels(profileTask, label)))
}
