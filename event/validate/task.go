package validate

import "github.com/runq-go/runq/event"

// task is what is known of a task that hasn't ended.
type task struct {
	state   event.TaskState // if known
	known   bool
	begun   bool      // whether it was started, if known
	m       event.MID // where it is, running or blocked; NoM: nowhere, or unknown
	seq     uint32    // of its last event
	gap     uint32    // events that are missing after it
	losses  uint64    // v.losses at its last event
	exact   bool      // whether time is set
	time    int64     // of its last exact event
	history history
}

// taskEvent checks an event of a task: all rules that have to do with it.
func (v *Validator) taskEvent(e event.Event, spec *event.Spec) *Violation {
	t := v.tasks[e.Task]
	if t == nil {
		if v.ended.has(uint64(e.Task)) {
			return v.violation(1, e, "the task has ended before")
		}
		t = v.newTask(e)
	}
	bad := v.checkSeq(t, e)
	if bad == nil {
		bad = v.checkState(t, e, spec)
	}
	if bad == nil {
		bad = v.checkPlace(t, e, spec)
	}
	if bad == nil {
		bad = v.checkHolds(e)
	}
	if bad == nil && !e.Coarse && t.exact && e.Time < t.time {
		bad = v.violation(10, e, "the task had an event at %d ns before", t.time)
	}
	v.move(t, e, spec)
	return bad
}

// newTask makes the entry of a task of which this is the first event.
func (v *Validator) newTask(e event.Event) *task {
	t := new(task)
	if n := len(v.free); n != 0 {
		t, v.free = v.free[n-1], v.free[:n-1]
	}
	*t = task{known: e.Seq <= 1, m: event.NoM, seq: e.Seq - 1, losses: v.losses}
	v.tasks[e.Task] = t
	return t
}

// checkSeq is rule 8.
func (v *Validator) checkSeq(t *task, e event.Event) *Violation {
	want := t.seq + 1 + t.gap
	switch {
	case e.Seq == want:
		return nil
	case e.Seq > want && (v.stretches > 0 || t.losses != v.losses):
		v.forget(e.Task, t)
		return nil
	}
	bad := v.violation(8, e, "it should have Seq %d: events of the task are missing, or doubled, or out of order", want)
	v.forget(e.Task, t)
	return bad
}

// checkState is rule 1, and rules 4 and 5 as far as they are about the state.
func (v *Validator) checkState(t *task, e event.Event, spec *event.Spec) *Violation {
	if !t.known {
		return nil
	}
	if !spec.From.Has(t.state) {
		switch e.Kind {
		case event.KindTaskReadied:
			return v.violation(5, e, "the task is %v, not waiting: it was readied twice, or before it had parked", t.state)
		case event.KindTaskStarted, event.KindTaskResumed:
			return v.violation(4, e, "the task is %v, not runnable", t.state)
		}
		return v.violation(1, e, "the task is %v, not %v", t.state, spec.From)
	}
	if e.Kind == event.KindTaskStarted && t.begun {
		return v.violation(1, e, "the task has been started before; it can only be resumed")
	}
	if e.Kind == event.KindTaskResumed && !t.begun {
		return v.violation(1, e, "the task has never been started")
	}
	return nil
}

// checkPlace is the part of rules 1 and 4 that is about threads.
func (v *Validator) checkPlace(t *task, e event.Event, spec *event.Spec) *Violation {
	if e.M == event.NoM {
		return nil
	}
	if onThread(spec.From) {
		if t.known && t.m != event.NoM && t.m != e.M {
			return v.violation(1, e, "the task is on %v", t.m)
		}
	}
	if m := v.threads[e.M]; m != nil && m.task != event.NoTask && m.task != e.Task {
		if onThread(spec.From) || onThread(event.In(spec.To)) {
			return v.violation(4, e, "the thread has %v on it", m.task)
		}
	}
	return nil
}

// onThread reports whether a task in one of these states is on a thread.
func onThread(s event.TaskStates) bool {
	return s.Has(event.TaskRunning) || s.Has(event.TaskBlocked)
}

// move takes the event's word for where the task is now.
func (v *Validator) move(t *task, e event.Event, spec *event.Spec) {
	switch e.Kind {
	case event.KindTaskCreated, event.KindTaskCreatedWaiting:
		v.sum.Created++
		t.begun = false
	case event.KindTaskCreatedBlocked:
		v.sum.Created++
		t.begun = true
	case event.KindTaskReadied:
		t.begun = t.begun || !t.known // one that was created waiting may never have run
	default:
		t.begun = true // no other event can be had without
	}
	v.leave(e.Task, t)
	t.state, t.known = spec.To, true
	t.seq, t.gap, t.losses = e.Seq, 0, v.losses
	if !e.Coarse {
		t.exact, t.time = true, e.Time
	}
	t.history.add(e)
	if onThread(event.In(spec.To)) && e.M != event.NoM {
		t.m = e.M
		if v.stretches == 0 {
			v.thread(e.M).task = e.Task
		}
	}
	if spec.To == event.TaskDead {
		v.sum.Finished++
		v.noteEnd(e)
		delete(v.tasks, e.Task)
		v.free = append(v.free, t)
	}
}

// leave takes the task off its thread.
func (v *Validator) leave(id event.TaskID, t *task) {
	if m := v.threads[t.m]; m != nil && m.task == id {
		m.task = event.NoTask
	}
	t.m = event.NoM
}

// forget makes a task unknown.
func (v *Validator) forget(id event.TaskID, t *task) {
	v.leave(id, t)
	t.known = false
}
