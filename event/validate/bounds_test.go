package validate

import (
	"errors"
	"testing"

	"github.com/runq-go/runq/event"
)

// lives tells a Validator of whole lives of tasks, each on a thread of its own that then
// exits.
func lives(t *testing.T, v *Validator, from, to event.TaskID) {
	t.Helper()
	for id := from; id < to; id++ {
		m := event.MID(id)
		for i, kind := range []event.Kind{event.KindTaskCreated, event.KindTaskStarted, event.KindTaskFinished, event.KindThreadExited} {
			e := event.Event{Time: int64(id), Kind: kind, Task: id, Seq: uint32(i + 1), P: event.NoP, M: m}
			switch kind {
			case event.KindTaskFinished:
				e.Reason = event.ReasonEndReturn
			case event.KindThreadExited:
				e.Task, e.Seq = event.NoTask, 0
			}
			if err := v.Event(e); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// after tells of something that the task does after its end.
func after(v *Validator, id event.TaskID, kind event.Kind, seq uint32) *Violation {
	e := event.Event{Time: 1 << 40, Kind: kind, Task: id, Seq: seq, P: event.NoP, M: event.NoM}
	if kind == event.KindTaskReadied {
		e.Reason = event.ReasonWakeOutside
	}
	var found *Violation
	errors.As(v.Event(e), &found)
	return found
}

// TestForgets: what has ended takes next to no memory, and is known nevertheless.
func TestForgets(t *testing.T) {
	const tasks = 20 * pageIDs
	v := New()
	lives(t, v, 1, tasks)
	if len(v.tasks) != 0 || len(v.free) != 1 || len(v.threads) != 0 || len(v.ended.pages) != 20 || len(v.exited.pages) != 20 {
		t.Errorf("%d tasks and %d free entries, %d threads, %d and %d pages of ended ones", len(v.tasks), len(v.free), len(v.threads), len(v.ended.pages), len(v.exited.pages))
	}
	for _, id := range []event.TaskID{1, tasks / 2, tasks - 1} {
		again, used := after(v, id, event.KindTaskReadied, 4), after(v, id, event.KindTaskCreated, 1)
		if again == nil || again.Rule != 1 || used == nil || used.Rule != 1 {
			t.Fatalf("%v after its end: %v; its id for another task: %v", id, again, used)
		}
		if recent := id > tasks-keptEnds; recent != (len(again.History) == 1) || recent && again.History[0].Kind != event.KindTaskFinished {
			t.Errorf("%v after its end: the history is %v", id, again.History)
		}
		var late *Violation
		errors.As(v.Event(event.Event{Kind: event.KindThreadWoken, P: event.NoP, M: event.MID(id)}), &late)
		if late == nil || late.Rule != 9 {
			t.Errorf("M%d after its end: %v", id, late)
		}
	}
	if s := v.Summary(); s.Threads != 0 || s.Live != 0 || s.Finished != tasks-1 {
		t.Errorf("the summary is %+v", s)
	}
}

// TestHorizon: when there are too many, the lowest ids are forgotten, and nothing is held
// against them.
func TestHorizon(t *testing.T) {
	v := New()
	lives(t, v, 1, 2)
	for n := uint64(1); n < maxPages; n++ {
		v.ended.add(n * pageIDs) // ends of other tasks
	}
	if after(v, 1, event.KindTaskReadied, 4) == nil {
		t.Fatal("forgotten too early")
	}
	lives(t, v, maxPages*pageIDs, maxPages*pageIDs+1)
	if len(v.ended.pages) != maxPages/2+1 {
		t.Errorf("%d pages", len(v.ended.pages))
	}
	for n := uint64(1); n <= maxPages; n++ {
		if known := v.ended.has(n * pageIDs); known != (n >= maxPages/2) {
			t.Fatalf("page %d of %d is known: %v", n, maxPages, known)
		}
	}
	if bad := after(v, 1, event.KindTaskReadied, 4); bad != nil {
		t.Errorf("a task that was forgotten: %v", bad)
	}
}
