package runq

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

func TestFlightRecorderConfig(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	late := func(*FlightRecorder, LateWait) {}
	for want, cfg := range map[string]FlightRecorderConfig{
		"Last":     {Last: -1},
		"MaxBytes": {MaxBytes: 1},
		"Late":     {Late: 1, OnLate: late},
		"OnLate":   {Late: time.Second},
		"Every":    {Every: -1},
	} {
		if _, err := s.FlightRecorder(cfg); err == nil || !strings.Contains(err.Error(), "FlightRecorderConfig."+want+" ") {
			t.Errorf("%+v: the error is %v", cfg, err)
		}
	}
}

// What was recorded before the recorder was there, is in it as far as the rings have it.
func TestFlightRecorderWhole(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, Trace: true})
	runIn(t, s, func(tk *Task) { tk.Yield() })
	f, err := s.FlightRecorder(FlightRecorderConfig{Last: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var before, after bytes.Buffer
	if _, err := f.WriteTo(&before); err != nil {
		t.Fatal(err)
	}
	runIn(t, s, func(tk *Task) { tk.Yield() })
	closeInTime(t, s)
	f.Stop()
	if _, err := f.WriteTo(&after); err != nil {
		t.Fatal(err)
	}
	_, early := readRecording(t, before.Bytes())
	r, all := readRecording(t, after.Bytes())
	eventtest.Check(t, early, 0)
	checkLife(t, all, 0)
	if !r.Header().Whole || len(early) >= len(all) {
		t.Errorf("whole: %v; %d events, and then %d", r.Header().Whole, len(early), len(all))
	}
	if n := countKinds(all)[event.KindTaskFinished]; n != 2 {
		t.Errorf("%d tasks ended", n)
	}
	if _, err := f.WriteTo(&badWriter{n: 1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error is %v", err)
	}
}

// What is too old, or too much, is dropped, and the rest is legal.
func TestFlightRecorderDrops(t *testing.T) {
	for _, cfg := range []FlightRecorderConfig{{MaxBytes: minMaxBytes}, {Last: time.Millisecond}} {
		s := openScheduler(t, Config{Procs: 2, Trace: true})
		f, err := s.FlightRecorder(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.MaxBytes != 0 {
			f.c.mu.Lock()
			f.cfg.MaxBytes = 1 << 10 // what is allowed takes long to be filled
			f.c.mu.Unlock()
		}
		awaitTrue(t, "something to be dropped", func() bool {
			runIn(t, s, func(tk *Task) {
				for range 10_000 {
					tk.Yield()
				}
			})
			f.c.mu.Lock()
			defer f.c.mu.Unlock()
			return f.partial
		})
		var file bytes.Buffer
		if _, err := f.WriteTo(&file); err != nil {
			t.Fatal(err)
		}
		f.Stop()
		r, events := readRecording(t, file.Bytes())
		eventtest.Check(t, events, 0)
		if r.Header().Whole {
			t.Error("the recording says that it is whole")
		}
		if cfg.MaxBytes != 0 && f.bytes > f.cfg.MaxBytes {
			t.Errorf("%d bytes are kept", f.bytes)
		}
		closeInTime(t, s)
	}
}

// makesWait lets a task wait for long: for some slices of Go's scheduler, so that the coarse
// clock goes on even with one of Go's Ps.
func makesWait(tk *Task) {
	tk.Go(func(*Task) {})
	for start := time.Now(); time.Since(start) < 50*minLate; {
	}
}

// A task that waits too long for its turn is told of, and what led to it has been kept.
func TestFlightRecorderLate(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, MaxOverruns: -1, Trace: true})
	type report struct {
		w    LateWait
		file []byte
	}
	told := make(chan report, 100)
	f, err := s.FlightRecorder(FlightRecorderConfig{Late: minLate, OnLate: func(f *FlightRecorder, w LateWait) {
		var file bytes.Buffer
		if _, err := f.WriteTo(&file); err != nil {
			t.Error(err)
		}
		told <- report{w, file.Bytes()}
	}})
	if err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, "OnLate to be called", func() bool {
		runIn(t, s, makesWait)
		return len(told) > 0
	})
	runIn(t, s, makesWait) // but it tells once a minute
	got := awaitClosed(t, "OnLate to be called", told)
	if got.w.Waited <= minLate || got.w.Task == 0 || !strings.Contains(got.w.Func, "runq.") { // on a busy machine others are late, too
		t.Errorf("late was %+v", got.w)
	}
	_, events := readRecording(t, got.file)
	eventtest.Check(t, events, 0)
	if countKinds(events)[event.KindTaskStarted] == 0 {
		t.Error("nothing has been kept of it")
	}
	f.Stop()
	closeInTime(t, s)
	if len(told) != 0 {
		t.Errorf("OnLate was called %d times more", len(told))
	}
}

// OnLate may stop the recorder.
func TestFlightRecorderStopInOnLate(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, MaxOverruns: -1, Trace: true})
	done := make(chan struct{})
	var once sync.Once
	_, err := s.FlightRecorder(FlightRecorderConfig{Late: minLate, Every: 1, OnLate: func(f *FlightRecorder, _ LateWait) {
		f.Stop()
		once.Do(func() { close(done) })
	}})
	if err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, "OnLate to be called", func() bool {
		runIn(t, s, makesWait)
		return isClosed(done)
	})
}

// TestLateWatch looks at hand-made events.
func TestLateWatch(t *testing.T) {
	var l lateWatch
	l.init(FlightRecorderConfig{Late: 10, Every: 100})
	at := func(time int64, k event.Kind, task event.TaskID) event.Event {
		return event.Event{Time: time, Kind: k, Task: task, Stack: event.StackID(task)}
	}
	l.look([]event.Event{
		at(1, event.KindTaskCreated, 1), at(2, event.KindTaskCreated, 2), at(3, event.KindTaskCreated, 3),
		at(11, event.KindTaskStarted, 1), at(20, event.KindTaskStarted, 2), at(16, event.KindTaskStarted, 3),
		at(30, event.KindTaskParked, 2), at(99, event.KindTaskReadied, 2), at(100, event.KindTaskResumed, 2),
		at(200, event.KindStopBegin, 0), at(300, event.KindTaskResumed, 9),
	})
	if w, ok := l.due(1000); !ok || w != (LateWait{Task: 2, At: 20, Waited: 18}) || l.stack != 2 {
		t.Errorf("late is %+v, %v", w, ok)
	}
	if w, ok := l.due(1050); ok {
		t.Errorf("late is %+v, though nobody was", w)
	}
	l.look([]event.Event{at(1000, event.KindTaskYielded, 1), at(1020, event.KindTaskResumed, 1)})
	if w, ok := l.due(1050); ok {
		t.Errorf("late is %+v, too soon after the last one", w)
	}
	l.look([]event.Event{at(1100, event.KindTaskYielded, 1), at(1120, event.KindTaskResumed, 1)})
	if w, ok := l.due(1150); !ok || w.Waited != 20 {
		t.Errorf("late is %+v, %v", w, ok)
	}
}
