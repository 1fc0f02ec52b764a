// Package validate checks that a stream of scheduler events tells of nothing
// that can't be, in memory that doesn't grow with the stream. Tests use it
// through package eventtest.
package validate

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/runq-go/runq/event"
)

// Validator reads events, in the order of [event.Merge], and finds those that
// break a rule. The rules, of which 1 to 8 are the invariants of the design
// that have these numbers:
//
//	 1  A task is in exactly one place. Each event of a task is legal in the
//	    state it is in, as event.Specs says; it is created first and started
//	    once, before it is resumed; what it does on a thread, it does on the
//	    thread it is on; nothing comes after its end.
//	 2  A P is held by at most one thread, and a thread holds at most one P. A P
//	    is acquired only while it is free; it is released by, and retaken from,
//	    the thread that holds it; it is destroyed only while it is free, and not
//	    used after that. An exact event of a task that names an M and a P is
//	    written by an M that holds that P (but for TaskOverrun, which tells of
//	    the P that was lost; and coarse ones, which are written late).
//	 4  A task is started or resumed only when it is runnable, which it isn't
//	    before TaskParked or TaskYielded say that its carrier has finished
//	    yielding. The thread it is resumed on has no other task; a task keeps
//	    its thread in a blocking call, and when it has lost its P.
//	 5  A waiting task is readied once: TaskReadied finds it waiting.
//	 8  An event is recorded or counted as lost: the Seq of a task's events goes
//	    up by one, unless a KindLost has said that events are missing.
//	 9  A thread does nothing after it has exited.
//	10  The times of the exact events of one task don't run backwards.
//	11  The fields of an event are as event.Specs says: what it needs is there,
//	    the reason is of a class that it may have.
//
// What began before the first event is unknown, and nothing is held against a
// task, thread or P before something is known of it. Losses make them unknown
// again: a KindLost with a task that task, one without all threads and Ps,
// until the one that ends the stretch; and a task with a gap in its events,
// where there was such a stretch since its last event.
//
// The other invariants (lost wake-ups, fairness, the number of running tasks)
// can't be seen in single events, and aren't checked.
//
// The memory it takes is that for the tasks, threads and Ps that are there at a
// time, and at most 20 MiB for those that are no more: of these it keeps the
// ids. Of tasks that ended, it knows those whose ids are among the 33 million
// that go back from the highest one: runq and Go give out ids in about their
// order, so these are the newest. (Where ids are far apart, more than 4096 on
// average, they are the 8,192 highest that it saw ends of, at least.) A task
// with a lower id passes for one that began before the first event, or is new:
// it isn't found that events come after its end, or that its id comes twice.
// The same goes for threads.
//
// The zero Validator isn't usable: see [New].
type Validator struct {
	tasks   map[event.TaskID]*task
	free    []*task // entries of tasks that ended, for new ones
	ended   idSet   // tasks
	threads map[event.MID]*thread
	exited  idSet // threads
	procs   map[event.PID]*proc

	ends [keptEnds]event.Event // the last events of the tasks that ended last: a ring

	stretches int    // with losses, that haven't ended
	losses    uint64 // of streams; changes whenever something is lost
	sum       Summary
}

// Summary is what a Validator has seen so far.
type Summary struct {
	Events   uint64 // but for KindLost
	Lost     uint64 // events missing in streams, as KindLost tells
	Created  uint64 // tasks whose creation was seen
	Finished uint64 // tasks whose end was seen
	Live     int    // tasks that were seen, but not their end
	Held     int    // Ps that are known to be held
	Threads  int    // threads that were seen, but not their end
}

// New returns a Validator to which everything is unknown.
func New() *Validator {
	return &Validator{
		tasks:   make(map[event.TaskID]*task),
		threads: make(map[event.MID]*thread),
		procs:   make(map[event.PID]*proc),
	}
}

// Event checks the next event. The error, if there is one, is a *[Violation];
// the Validator then takes the event's word for how things are, so that one
// fault isn't reported with each event that follows.
func (v *Validator) Event(e event.Event) error {
	if e.Kind == event.KindLost {
		v.lost(e)
		return nil
	}
	v.sum.Events++
	spec := e.Kind.Spec()
	bad := v.checkFields(e, spec)
	if bad == nil {
		bad = v.checkExited(e)
	}
	var worse *Violation
	switch {
	case spec.IsTask():
		worse = v.taskEvent(e, spec)
	case e.P != event.NoP && isProc(e.Kind):
		worse = v.procEvent(e)
	}
	v.threadEvent(e)
	if bad == nil {
		bad = worse
	}
	if bad == nil {
		return nil // not bad itself, which would be an error that isn't nil
	}
	return bad
}

// checkFields is rule 11.
func (v *Validator) checkFields(e event.Event, spec *event.Spec) *Violation {
	switch {
	case spec == event.KindNone.Spec():
		return v.violation(11, e, "%v is no kind of event", e.Kind)
	case spec.Needs&event.FieldTask != 0 && (e.Task == event.NoTask || e.Seq == 0):
		return v.violation(11, e, "it needs a task and a Seq above 0; it has %v and %d", e.Task, e.Seq)
	case !spec.IsTask() && e.Seq != 0:
		return v.violation(11, e, "it has Seq %d, but isn't an event of a task", e.Seq)
	case spec.Needs&event.FieldP != 0 && e.P == event.NoP:
		return v.violation(11, e, "it needs a P")
	case spec.Needs&event.FieldM != 0 && e.M == event.NoM:
		return v.violation(11, e, "it needs an M")
	case e.Reason.Class()&spec.Reasons == 0:
		return v.violation(11, e, "%v is no reason for it", e.Reason)
	}
	return nil
}

// lost makes unknown what a loss may have changed.
func (v *Validator) lost(e event.Event) {
	if e.Task != event.NoTask {
		if t := v.tasks[e.Task]; t != nil {
			v.forget(e.Task, t)
			t.gap = uint32(e.Arg)
		}
		return
	}
	v.sum.Lost += e.Arg
	v.losses++
	if e.Arg != 0 {
		v.stretches++
	} else if v.stretches > 0 {
		v.stretches--
	}
	clear(v.procs)
	for _, m := range v.threads {
		*m = thread{}
	}
}

// Summary returns what was seen so far.
func (v *Validator) Summary() Summary {
	s := v.sum
	s.Live = len(v.tasks)
	for _, p := range v.procs {
		if p.known && p.m != event.NoM {
			s.Held++
		}
	}
	s.Threads = len(v.threads)
	return s
}

// Finish checks what must hold when the scheduler has been closed and all
// events were read: no task lives, no P is held, no thread is left. If events
// were lost there is nothing that it could say, and it returns nil. Don't call
// it for a scheduler that goes on.
func (v *Validator) Finish() error {
	s := v.Summary()
	if v.losses != 0 {
		return nil
	}
	var errs []error
	if s.Live != 0 || s.Held != 0 || s.Threads != 0 {
		errs = append(errs, fmt.Errorf("after the end there are %d tasks, %d Ps that are held, and %d threads; none should be left", s.Live, s.Held, s.Threads))
	}
	if s.Live != 0 {
		id := slices.Min(slices.Collect(maps.Keys(v.tasks))) // one is example enough
		t := v.tasks[id]
		errs = append(errs, fmt.Errorf("%v is still %v; its last events:%v", id, t.state, &t.history))
	}
	return errors.Join(errs...)
}
