package runq

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// checkLife checks the events of a scheduler's whole life, if none is missing up
// to its end.
func checkLife(t testing.TB, events []event.Event, lost uint64) {
	t.Helper()
	eventtest.Check(t, events, lost)
	v := eventtest.NewValidator()
	for _, e := range events {
		v.Event(e) // reported by Check
	}
	if err := v.Finish(); lost == 0 && err != nil {
		t.Error(err)
	}
}

// countKinds returns how often each kind of event occurs.
func countKinds(events []event.Event) map[event.Kind]int {
	n := make(map[event.Kind]int)
	for _, e := range events {
		n[e.Kind]++
	}
	return n
}

func TestTraceOfAWholeLife(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs, Trace: true, OnPanic: func(*PanicError) {}})
		release := make(chan struct{})
		for i := range 50 {
			s.Go(func(tk *Task) {
				tk.Sleep(time.Duration(i) * time.Microsecond)
				tk.Yield()
				tk.Go(func(*Task) { runtime.Goexit() })
				tk.Go(func(*Task) { panic(i) })
				g, _ := NewGroup(nil, s)
				g.Go(func(tk *Task) error { tk.LockThread(); tk.Yield(); return nil })
				g.Wait(tk)
				tk.Block(func() { <-release })
				for range 10 {
					tk.Go(func(*Task) {})
				}
			})
		}
		close(release)
		closeInTime(t, s)
		events, lost := s.ReadEvents()
		if lost != 0 || s.Stats().EventsLost != 0 {
			t.Errorf("%d events lost, Stats say %d", lost, s.Stats().EventsLost)
		}
		checkLife(t, events, lost)
		kinds, st := countKinds(events), s.Stats()
		for kind, want := range map[event.Kind]uint64{
			event.KindTaskCreated:  st.Spawned,
			event.KindTaskStarted:  st.Spawned,
			event.KindTaskFinished: st.Finished,
			event.KindTaskBlocked:  st.Blocks,
			event.KindTaskParked:   st.Parks,
			event.KindTaskReadied:  st.Wakes,
			event.KindStole:        st.Steals,
		} {
			if kinds[kind] != int(want) {
				t.Errorf("%d events of the kind %v, Stats count %d", kinds[kind], kind, want)
			}
		}
	}
}

// joinParts merges what several calls of ReadEvents have returned. It tells whether
// that is everything: a ring may have been full; and an overrun task's P keeps its
// events until it is given back, and what a call misses for that reason, it reports
// as lost.
func joinParts(parts [][]event.Event) (all []event.Event, whole bool) {
	for _, p := range parts {
		if slices.ContainsFunc(p, func(e event.Event) bool { return e.Kind == event.KindLost }) {
			return nil, false
		}
	}
	return event.Merge(nil, parts...), true
}

// Events read in parts are those of the whole. On a machine that is busy with other
// things a task may not answer to the stop of a read, and its events are late: then
// another run with fewer parts is tried.
func TestTraceReadInParts(t *testing.T) {
	reads := 11
	awaitTrue(t, "a run in which no event is late", func() bool {
		reads = max(1, reads-1)
		s := openScheduler(t, Config{Procs: 2, MaxOverruns: -1, Trace: true})
		stop := keepBusy(s)
		var parts [][]event.Event
		for range reads {
			events, _ := s.ReadEvents() // KindLost tells of losses
			parts = append(parts, events)
			runtime.Gosched()
		}
		close(stop)
		closeInTime(t, s)
		rest, _ := s.ReadEvents()
		again, _ := s.ReadEvents()
		for _, e := range again {
			if e.Kind != event.KindStopBegin && e.Kind != event.KindStopEnd { // reading stops the world
				t.Errorf("the event %v is read a second time", e)
			}
		}
		all, whole := joinParts(append(parts, rest))
		if !whole {
			return false
		}
		checkLife(t, all, 0)
		if n := countKinds(all)[event.KindTaskFinished]; n != int(s.Stats().Finished) {
			t.Errorf("%d tasks ended by the events, %d by Stats", n, s.Stats().Finished)
		}
		return true
	})
}

// A ring that is too small loses events, and counts them.
func TestTraceLoss(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true, TraceBuffer: minTraceBuffer})
	const tasks = 100_000
	runIn(t, s, func(tk *Task) {
		for range tasks {
			tk.Go(func(tk *Task) {})
			tk.Yield()
		}
	})
	closeInTime(t, s)
	events, lost := s.ReadEvents()
	if lost == 0 {
		t.Errorf("no event is lost, but %d tasks don't fit", tasks)
	}
	if s.Stats().EventsLost < lost {
		t.Errorf("%d events lost, Stats say %d", lost, s.Stats().EventsLost)
	}
	eventtest.Check(t, events, lost)
}

func TestTraceOff(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	runIn(t, s, func(tk *Task) { tk.Yield() })
	if events, lost := s.ReadEvents(); events != nil || lost != 0 {
		t.Errorf("%d events, %d lost, without Config.Trace", len(events), lost)
	}
}

// The events of a task tell its story.
func TestTraceOfATask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	var id uint64
	runIn(t, s, func(tk *Task) {
		id = tk.ID()
		tk.Sleep(time.Microsecond)
		tk.Block(func() {})
	})
	closeInTime(t, s)
	events, _ := s.ReadEvents()
	var story []event.Kind
	for _, e := range events {
		if e.Task == event.TaskID(id) {
			story = append(story, e.Kind)
		}
	}
	want := []event.Kind{
		event.KindTaskCreated, event.KindTaskStarted, event.KindTaskParked, event.KindTaskReadied, event.KindTaskResumed,
		event.KindTaskBlocked, event.KindTaskUnblocked, event.KindTaskFinished,
	}
	if !slices.Equal(story, want) {
		t.Errorf("the events are %v, want %v", story, want)
	}
}
