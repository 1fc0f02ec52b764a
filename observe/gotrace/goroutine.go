package gotrace

import (
	"errors"
	"strings"

	"golang.org/x/exp/trace"

	"github.com/runq-go/runq/event"
)

// goroutine appends what has become of a goroutine.
func (t *translator) goroutine(out []event.Event, at int64, e *trace.Event, s *trace.StateTransition) ([]event.Event, error) {
	from, state := s.Goroutine()
	kind := transitions[from&7][state&7]
	if kind == event.KindNone {
		return out, nil // the same state again, at the beginning of a generation
	}
	gid := id(s.Resource.Goroutine())
	if gid == event.NoTask {
		return out, errors.New("it is about a goroutine without an id")
	}
	g := t.tasks.get(gid)
	g.seq++
	out = append(out, event.Event{Time: at, Kind: kind, Task: gid, Seq: g.seq})
	to := &out[len(out)-1]
	if err := t.place(to, e); err != nil {
		return out[:len(out)-1], err
	}
	switch kind {
	case event.KindTaskCreated, event.KindTaskCreatedWaiting:
		to.Stack = t.stack(s.Stack, own(kind))
		to.Arg, to.By = uint64(id(e.Goroutine())), t.stack(e.Stack(), by(kind))
		g.wait = event.ReasonWaitCoroutine
	case event.KindTaskSeenRunnable, event.KindTaskSeenWaiting:
		to.Stack = t.stack(s.Stack, own(kind))
		to.P, to.M = event.NoP, event.NoM // those of whoever tells of it
		g.ran, g.wait = true, event.ReasonWaitUnknown
	case event.KindTaskStarted:
		if g.ran {
			to.Kind = event.KindTaskResumed
		}
		g.ran = true
	case event.KindTaskParked:
		to.Stack = t.stack(s.Stack, own(kind))
		to.Reason = waitReason(s.Reason)
		g.wait = to.Reason
	case event.KindTaskReadied:
		to.Arg, to.By = uint64(id(e.Goroutine())), t.stack(e.Stack(), by(kind))
		to.Reason = wakeReason(to.Arg != 0, g.wait)
	case event.KindTaskYielded:
		to.Stack = t.stack(s.Stack, own(kind))
		to.Reason = event.ReasonYield
		if s.Reason == "preempted" {
			to.Reason = event.ReasonPreempted
		}
	case event.KindTaskFinished:
		to.Reason = event.ReasonEndReturn // or Goexit: the trace doesn't say
		t.tasks.remove(g)
	case event.KindTaskLeft:
		t.tasks.remove(g)
	case event.KindTaskUnblocked:
		g.ran = true // and there is no stack
	default:
		to.Stack = t.stack(s.Stack, own(kind))
		g.ran = true
	}
	return out, nil
}

// transitions says what it means when a goroutine goes from one state to another. A
// start may be the first one or not.
var transitions = [8][8]event.Kind{
	trace.GoUndetermined: {
		trace.GoRunnable: event.KindTaskSeenRunnable, trace.GoRunning: event.KindTaskSeenRunning,
		trace.GoWaiting: event.KindTaskSeenWaiting, trace.GoSyscall: event.KindTaskSeenBlocked,
	},
	trace.GoNotExist: {
		trace.GoRunnable: event.KindTaskCreated, trace.GoWaiting: event.KindTaskCreatedWaiting,
		trace.GoSyscall: event.KindTaskCreatedBlocked,
	},
	trace.GoRunnable: {trace.GoRunning: event.KindTaskStarted},
	trace.GoRunning: {
		trace.GoWaiting: event.KindTaskParked, trace.GoRunnable: event.KindTaskYielded,
		trace.GoSyscall: event.KindTaskBlocked, trace.GoNotExist: event.KindTaskFinished,
	},
	trace.GoWaiting: {trace.GoRunnable: event.KindTaskReadied},
	trace.GoSyscall: {
		trace.GoRunning: event.KindTaskUnblocked, trace.GoRunnable: event.KindTaskUnblockedQueued,
		trace.GoNotExist: event.KindTaskLeft,
	},
}

// waitReason returns the reason for which the trace has a text.
func waitReason(text string) event.Reason {
	switch text {
	case "chan receive":
		return event.ReasonWaitChanRecv
	case "chan send":
		return event.ReasonWaitChanSend
	case "select":
		return event.ReasonWaitSelect
	case "sync":
		return event.ReasonWaitSync
	case "sync.(*Cond).Wait":
		return event.ReasonWaitCond
	case "sleep":
		return event.ReasonWaitSleep
	case "network":
		return event.ReasonWaitNetwork
	case "forever":
		return event.ReasonWaitNever
	case "coroutine", "": // a switch to another coroutine gives none
		return event.ReasonWaitCoroutine
	case "GC mark assist wait for work":
		return event.ReasonWaitAssist
	case "GC background sweeper wait", "wait until GC ends", "GC weak to strong wait":
		return event.ReasonWaitGC
	case "system goroutine wait":
		return event.ReasonWaitSystem
	case "preempted", "wait for debug call":
		return event.ReasonWaitHalted
	case "synctest":
		return event.ReasonWaitWaitGroup
	}
	return event.ReasonWaitUnknown
}

// wakeReason tells who readied a goroutine that has waited for what wait says. What no
// goroutine readies, the runtime does, in the name of a timer or the poller.
func wakeReason(byTask bool, wait event.Reason) event.Reason {
	if byTask {
		return event.ReasonWakeTask
	}
	switch wait {
	case event.ReasonWaitSleep,
		// Only a timer's channel is sent to by nobody.
		event.ReasonWaitChanRecv, event.ReasonWaitSelect:
		return event.ReasonWakeTimer
	case event.ReasonWaitNetwork:
		return event.ReasonWakePoller
	}
	return event.ReasonWakeRuntime
}

const stopPrefix = "stop-the-world ("

// span appends a beginning or an end of what takes a while. Each generation tells what
// is going on at its beginning, too.
func (t *translator) span(out []event.Event, to event.Event, e *trace.Event) ([]event.Event, error) {
	r := e.Range()
	begin := e.Kind() != trace.EventRangeEnd
	if err := t.place(&to, e); err != nil {
		return out, err
	}
	switch {
	case r.Name == "GC concurrent mark phase":
		if begin == t.marking {
			return out, nil
		}
		t.marking = begin
		to.Kind = pick(begin, event.KindGCBegin, event.KindGCEnd)
	case r.Name == "GC mark assist":
		if to.Task = id(r.Scope.Goroutine()); to.Task == event.NoTask {
			return out, nil
		}
		g := t.tasks.get(to.Task)
		if begin == g.assist {
			return out, nil
		}
		g.assist = begin
		to.Kind = pick(begin, event.KindAssistBegin, event.KindAssistEnd)
	case strings.HasPrefix(r.Name, stopPrefix):
		to.Task = id(r.Scope.Goroutine())
		to.Kind = pick(begin, event.KindStopAsked, event.KindStopEnd)
		if begin {
			to.Stack = t.stack(e.Stack(), own(to.Kind))
			to.Arg = uint64(t.symbols.Intern(strings.TrimSuffix(r.Name[len(stopPrefix):], ")")))
		}
	default:
		return out, nil
	}
	return append(out, to), nil
}

func pick(first bool, a, b event.Kind) event.Kind {
	if first {
		return a
	}
	return b
}
