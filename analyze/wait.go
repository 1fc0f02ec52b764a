package analyze

import "github.com/runq-go/runq/event"

// Wait is one wait of a task, from when it stopped running until it ran.
type Wait struct {
	Number uint64 // counted from 1, over all tasks, in the order in which they ended
	Task   event.TaskID
	Group  event.StringID
	Why    Why
	Stack  event.StackID // where it waited, if known

	Began, Ready, End int64 // Ready: since when it was ready; End if it was running at once
	Parts             Parts // End - Began in all
	Partial           bool  // it began before the recording: Began is the recording's beginning
	Open              bool  // it hadn't ended when the recording did

	LostFor int64     // how long it was in a blocking call after its P had been taken away
	Queue   event.PID // in whose queue it waited; NoP: in nobody's
	P       event.PID // on which it ran then

	Waker      event.TaskID   // who readied it; NoTask: no task did, or nobody had to
	Wake       event.Reason   // how; ReasonNone if nobody had to
	By         event.StackID  // where the waker was, if known
	WakerGroup event.StringID // its group, if known

	Prev      uint64 // the Number of the task's wait before this one
	WakerPrev uint64 // and that of the waker's last wait before it woke the task
}

// Late is how long the task was ready and didn't run.
func (w *Wait) Late() int64 { return w.End - w.Ready }

// keptWaits is how many waits a World remembers, so that one can go back from a late
// task to who woke it, and who woke that one. It is a power of two.
const keptWaits = 1 << 15

// Wait returns the wait with that number, nil if it isn't remembered any more. It is
// good until the next event.
func (w *World) Wait(number uint64) *Wait {
	if number == 0 || number > w.count || w.count-number >= keptWaits {
		return nil
	}
	return &w.waits[number%keptWaits]
}

// taskEvent moves a task.
func (w *World) taskEvent(e *event.Event) *Task {
	t := w.tasks.get(e.Task)
	if t == nil {
		t = w.newTask(e)
	}
	to := e.Kind.Spec().To
	if t.State == event.TaskRunning && e.Kind != event.KindTaskBlocked && e.Kind != event.KindTaskOverrun || t.State == event.TaskBlocked && e.Kind != event.KindTaskUnblocked {
		if e.Stack != 0 {
			t.slice.Stack = e.Stack
		}
		w.leave(t)
	}
	if e.Stack != 0 {
		t.Stack = e.Stack
		if t.Group == 0 {
			t.Group = w.group(e.Stack, 0)
		}
	}
	if e.Kind == event.KindTaskOverrun {
		w.leave(t) // it runs on, without a P
		return t
	}
	if to != event.TaskRunning {
		w.unqueue(t) // it isn't in one, unless something is missing
	}
	w.count1(t.State, -1)
	w.count1(to, 1)
	t.Prev, t.PrevAt, t.State, t.Since = t.State, t.Since, to, w.Now
	switch to {
	case event.TaskWaiting:
		w.away(t, e)
	case event.TaskBlocked:
		w.away(t, e)
		w.inCall(t, e)
	case event.TaskRunnable:
		w.ready(t, e)
	case event.TaskRunning:
		w.run(t, e)
	case event.TaskDead:
		w.tasks.remove(t)
		w.free = append(w.free, t)
	}
	return t
}

// newTask makes the entry of a task of which nothing is known.
func (w *World) newTask(e *event.Event) *Task {
	var t *Task
	// Not the newest: it may have ended in the event before, and passes look at it.
	if n := len(w.free); n > 1 {
		t = w.free[0]
		w.free[0] = w.free[n-1]
		w.free = w.free[:n-1]
		*t = Task{}
	} else {
		t = new(Task)
	}
	t.ID, t.Since, t.PrevAt, t.Away = e.Task, w.Now, w.Now, w.Now
	switch e.Kind {
	case event.KindTaskCreated, event.KindTaskCreatedWaiting:
		t.Parent, t.Created = event.TaskID(e.Arg), e.By
		t.Group = w.group(e.Stack, e.By)
	case event.KindTaskCreatedBlocked:
	default:
		t.Since, t.Away, t.Partial = w.since, w.since, true
	}
	w.tasks.put(t)
	return t
}

func (w *World) count1(s event.TaskState, n int) {
	switch s {
	case event.TaskRunning:
		w.Running += n
	case event.TaskRunnable:
		w.Runnable += n
	case event.TaskBlocked:
		w.Blocked += n
	}
}

// away begins a wait.
func (w *World) away(t *Task, e *event.Event) {
	t.Why = Why{Kind: e.Kind, Reason: e.Reason}
	if t.Prev != event.TaskNone {
		t.Away, t.Partial = w.Now, false
	}
	t.Ready, t.Waker, t.Wake, t.WakeBy, t.WakerRan, t.WakerOf = 0, event.NoTask, event.ReasonNone, 0, 0, 0
	t.LostAt = 0
}

// inCall notes that a task keeps its P in a blocking call.
func (w *World) inCall(t *Task, e *event.Event) {
	if t.Proc != nil {
		w.mode(t.Proc)
	} else if p := w.proc(e.P); p != nil {
		w.enter(t, p)
	}
}

// ready puts a task into a queue.
func (w *World) ready(t *Task, e *event.Event) {
	q, home := &w.none, (*Proc)(nil)
	switch e.Kind {
	case event.KindTaskReadied:
		t.Waker, t.Wake, t.WakeBy = event.TaskID(e.Arg), e.Reason, e.By
		if waker := w.tasks.get(t.Waker); waker != nil {
			t.WakerRan, t.WakerOf = waker.Last, waker.Group
		}
		home = w.proc(e.P)
	case event.KindTaskCreated:
		w.away(t, e)
		t.Waker, t.WakeBy = t.Parent, t.Created
		if creator := w.tasks.get(t.Parent); creator != nil {
			t.WakerRan, t.WakerOf = creator.Last, creator.Group
		}
		home = w.proc(e.P)
	case event.KindTaskUnblockedQueued:
		// Its wait began with the call.
	default:
		w.away(t, e)
	}
	t.Ready = w.Now
	if t.Prev == event.TaskNone && t.Partial {
		t.Ready = t.Away // it has been ready all the time
	}
	if home != nil {
		q = &home.queue
	}
	q.flush(w.Now)
	t.queue, t.home, t.snap = q, home, q.acc
	q.waiting++
}

// unqueue takes a task out of the queue it is in, if it is in one.
func (w *World) unqueue(t *Task) {
	if t.queue != nil {
		t.queue.flush(w.Now)
		t.queue.waiting--
		t.queue, t.home = nil, nil
	}
}

// run ends the wait of a task.
func (w *World) run(t *Task, e *event.Event) {
	if t.Prev != event.TaskNone {
		w.endWait(t, e.P, false)
	}
	if p := w.proc(e.P); p != nil && t.Proc != p {
		w.leave(t)
		w.enter(t, p)
	} else if p != nil {
		w.mode(p) // back from a call
	}
	t.Partial = false
}

// endWait closes the accounts of a wait, and puts it where passes find it.
func (w *World) endWait(t *Task, p event.PID, open bool) {
	w.count++
	d := &w.waits[w.count%keptWaits]
	*d = Wait{
		Number: w.count, Task: t.ID, Group: t.Group, Why: t.Why, Stack: t.Stack,
		Began: t.Away, Ready: w.Now, End: w.Now, Partial: t.Partial, Open: open,
		Queue: event.NoP, P: p, Waker: t.Waker, Wake: t.Wake, By: t.WakeBy,
		Prev: t.Last, WakerPrev: t.WakerRan, WakerGroup: t.WakerOf,
	}
	if q := t.queue; q != nil {
		d.Ready = t.Ready
		w.divide(t, q, d)
		if t.home != nil {
			d.Queue = t.home.ID
		}
		w.unqueue(t)
	}
	before := PartEvent
	if t.Why.Call() {
		before = PartInCall
		if t.LostAt != 0 {
			d.LostFor = d.Ready - t.LostAt
		}
	}
	d.Parts[before] = d.Ready - d.Began
	t.Last = w.count
	w.ended = d
}

// divide divides the time in which the task was ready.
func (w *World) divide(t *Task, q *queue, d *Wait) {
	q.flush(w.Now)
	var known int64
	for i := range q.acc {
		d.Parts[i] = q.acc[i] - t.snap[i]
		known += d.Parts[i]
	}
	d.Parts[PartUnknown] += d.End - d.Ready - known // before the recording knew of it
}

// enter notes that a task has a P from now on.
func (w *World) enter(t *Task, p *Proc) {
	if p.Task != nil {
		w.leave(p.Task) // what was said of it was wrong, or is missing
	}
	p.Task, t.Proc = t, p
	p.queue.flush(w.Now)
	t.slice = Slice{Task: t.ID, Group: t.Group, P: p.ID, Began: w.Now}
	w.none.flush(w.Now)
	t.blame, t.blameElse = p.queue.blame(), w.none.waited[PartNoP]
	w.mode(p)
}

// leave notes that a task has no P any more.
func (w *World) leave(t *Task) {
	p := t.Proc
	if p == nil {
		return
	}
	p.queue.flush(w.Now)
	s := &t.slice
	w.none.flush(w.Now)
	s.End, s.Group = w.Now, t.Group
	s.Waited, s.WaitedElsewhere = p.queue.blame()-t.blame, w.none.waited[PartNoP]-t.blameElse
	p.Slices[p.Count%keptSlices] = *s
	w.ran = append(w.ran, *s)
	p.Count++
	p.Task, t.Proc = nil, nil
	w.mode(p)
}
