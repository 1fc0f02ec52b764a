package runq

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
	"github.com/runq-go/runq/internal/tracefile"
)

// readRecording returns the events of a recording.
func readRecording(t testing.TB, file []byte) (*tracefile.Reader, []event.Event) {
	t.Helper()
	r, err := tracefile.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var events []event.Event
	for buf := make([]event.Event, 512); ; {
		n, err := r.Read(buf)
		events = append(events, buf[:n]...)
		if err == io.EOF {
			return r, events
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lockedBuffer is a buffer that one goroutine writes to and another one reads.
type lockedBuffer struct {
	n atomic.Int64
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	defer b.n.Add(int64(len(p)))
	return b.Buffer.Write(p)
}

func TestRecordWithoutTrace(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	if _, err := s.Record(io.Discard); !errors.Is(err, errNoTrace) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.FlightRecorder(FlightRecorderConfig{}); !errors.Is(err, errNoTrace) {
		t.Errorf("the error is %v", err)
	}
}

func TestRecordAfterClose(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	closeInTime(t, s)
	if _, err := s.Record(io.Discard); !errors.Is(err, ErrClosed) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.FlightRecorder(FlightRecorderConfig{}); !errors.Is(err, ErrClosed) {
		t.Errorf("the error is %v", err)
	}
}

// Readers of the same events don't take them from each other.
func TestRecordBesideOthers(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, MaxOverruns: -1, Trace: true})
	var one, two bytes.Buffer
	a, err := s.Record(&one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Record(&two)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.FlightRecorder(FlightRecorderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var parts [][]event.Event
	for range 5 {
		stop := keepBusy(s)
		events, _ := s.ReadEvents()
		parts = append(parts, events)
		close(stop)
	}
	closeInTime(t, s)
	events, _ := s.ReadEvents()
	parts = append(parts, events)
	for _, r := range []*Recorder{a, b, a} { // stopping twice is fine
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}
	f.Stop()
	f.Stop()
	var three bytes.Buffer
	if n, err := f.WriteTo(&three); err != nil || n != int64(three.Len()) {
		t.Errorf("%d bytes of %d; %v", n, three.Len(), err)
	}
	want := int(s.Stats().Finished)
	for i, file := range []*bytes.Buffer{&one, &two, &three} {
		_, events := readRecording(t, file.Bytes())
		eventtest.Check(t, events, 0)
		n, lost := countKinds(events)[event.KindTaskFinished], countKinds(events)[event.KindLost]
		if n > want || n < want && lost == 0 { // the machine may be too busy for the recorder
			t.Errorf("recording %d: %d tasks ended, by Stats %d; there are %d marks of a loss", i, n, want, lost)
		}
	}
	if all, whole := joinParts(parts); whole {
		checkLife(t, all, 0)
		if n := countKinds(all)[event.KindTaskFinished]; n != want {
			t.Errorf("ReadEvents: %d tasks ended, by Stats %d", n, want)
		}
	}
	if events, bytes := a.Written(); events == 0 || bytes != uint64(one.Len()) {
		t.Errorf("%d events in %d bytes were written, says the Recorder; it was %d bytes", events, bytes, one.Len())
	}
}

// What has been recorded is written without being asked for.
func TestRecordWritesAlong(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	var file lockedBuffer
	r, err := s.Record(&file)
	if err != nil {
		t.Fatal(err)
	}
	r.c.mu.Lock()
	r.flushed -= int64(flushAfter)
	r.c.mu.Unlock()
	head := file.n.Load()
	runIn(t, s, func(tk *Task) { tk.Yield() })
	awaitTrue(t, "something to be written", func() bool { return file.n.Load() > head })
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// badWriter fails from the second write on.
type badWriter struct{ n int }

func (w *badWriter) Write(p []byte) (int, error) {
	if w.n++; w.n > 1 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestRecordWriteFails(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	if _, err := s.Record(&badWriter{n: 1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the header can't be written, and the error is %v", err)
	}
	r, err := s.Record(&badWriter{})
	if err != nil {
		t.Fatal(err)
	}
	runIn(t, s, func(tk *Task) { tk.Yield() })
	for range 2 {
		if err := r.Stop(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the error is %v", err)
		}
	}
}

// A recorder that is never stopped ends with its scheduler: the check for leaks sees it.
func TestRecordForgotten(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, Trace: true})
	if _, err := s.Record(io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FlightRecorder(FlightRecorderConfig{}); err != nil {
		t.Fatal(err)
	}
	runIn(t, s, func(tk *Task) { tk.Yield() })
	closeInTime(t, s)
}

// Recorders may come and go while others do, and while the scheduler closes.
func TestRecordComesAndGoes(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, Trace: true})
	stop := keepBusy(s)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			for {
				r, err := s.Record(io.Discard)
				if errors.Is(err, ErrClosed) {
					done <- nil
					return
				}
				if err == nil {
					err = r.Stop()
				}
				if err != nil {
					done <- err
					return
				}
			}
		}()
	}
	close(stop)
	closeInTime(t, s)
	for range cap(done) {
		if err := awaitClosed(t, "recorders to end", done); err != nil {
			t.Error(err)
		}
	}
}

// A ring that can't be read holds back the others; then the order is given up, and
// what it has held of that time is counted as lost.
func TestCollectGivesUp(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2, MaxOverruns: 1, Trace: true})
	c := new(collector)
	c.start(s, true)
	release, running := make(chan struct{}), make(chan struct{})
	over := make(chan struct{})
	s.Go(func(tk *Task) {
		tk.Yield() // so that it has written something
		close(running)
		<-release
		tk.Yield()
		close(over)
	})
	awaitClosed(t, "the hog", running)
	runIn(t, s, func(tk *Task) { tk.Yield() })
	var all []event.Event
	c.mu.Lock()
	defer c.mu.Unlock()
	if events := c.round(); len(events) != 0 || c.held == 0 {
		t.Fatalf("%d events were returned, and %d held back", len(events), c.held)
	}
	provisional := c.peek(nil)
	eventtest.Check(t, provisional, 0)
	all = append(all, c.last()...)
	if len(all) < len(provisional) || c.held != 0 {
		t.Errorf("%d events, after %d provisional ones, and %d held back", len(all), len(provisional), c.held)
	}
	runIn(t, s, func(tk *Task) { tk.Yield() })
	events := c.round()
	if len(events) == 0 {
		t.Error("after the order was given up, there are no events")
	}
	all = append(all, events...)
	close(release)
	awaitClosed(t, "the end of the hog", over)
	runIn(t, s, func(tk *Task) { tk.Yield() })
	closeInTime(t, s)
	all = append(all, c.round()...)
	eventtest.Check(t, all, 0)
	v := eventtest.NewValidator()
	for _, e := range all {
		v.Event(e) // reported by Check
	}
	if v.Summary().Lost == 0 {
		t.Error("nothing is lost")
	}
	for _, r := range c.rings {
		if r.late || r.behind {
			t.Errorf("the ring of %v is still late", r.p)
		}
	}
	open := 0
	for _, e := range all {
		if e.Kind == event.KindLost && e.Task == event.NoTask {
			if e.Arg != 0 {
				open++
			} else {
				open--
			}
		}
	}
	if open != 0 {
		t.Errorf("%d losses don't end", open)
	}
}

// The pause follows how full the rings are.
func TestCollectPause(t *testing.T) {
	c := collector{fullest: 0.9}
	if d := c.pause(collectEvery); d != collectEvery/2 {
		t.Errorf("full rings: %v", d)
	}
	if d := c.pause(collectFastest); d != collectFastest {
		t.Errorf("full rings: %v", d)
	}
	c.fullest = 0.3
	if d := c.pause(50 * time.Millisecond); d != 50*time.Millisecond {
		t.Errorf("half full rings: %v", d)
	}
	c.fullest = 0
	if d := c.pause(collectFastest); d != 2*collectFastest {
		t.Errorf("empty rings: %v", d)
	}
	if d := c.pause(collectEvery); d != collectEvery {
		t.Errorf("empty rings: %v", d)
	}
}
