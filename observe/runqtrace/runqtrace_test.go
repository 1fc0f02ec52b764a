package runqtrace

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// readAll returns the events of a recording, and the error that it ended with: nil at its
// end.
func readAll(r io.Reader) (*Source, []event.Event, error) {
	s, err := NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	var events []event.Event
	for e, err := range event.All(s) {
		if err != nil {
			return s, events, err
		}
		events = append(events, e)
	}
	return s, events, nil
}

// crowd lets tasks do all sorts of things.
func crowd(t *runq.Task) error {
	var mu runq.Mutex
	ch := runq.NewChan[int](0)
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	for range 4 {
		g.Go(func(t *runq.Task) error {
			for i := range 20 {
				mu.Lock(t)
				t.Yield()
				mu.Unlock(t)
				if err := ch.Send(t, i); err != nil {
					return err
				}
				t.Go(brief)
				t.Block(func() {})
			}
			t.Sleep(time.Microsecond)
			return nil
		})
	}
	for range 80 {
		if _, err := ch.Recv(t); err != nil {
			return err
		}
	}
	return g.Wait(t)
}

func brief(*runq.Task) {}

func start(t *testing.T, cfg runq.Config) *runq.Scheduler {
	t.Helper()
	cfg.Trace = true
	s, err := runq.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestRecord: what a scheduler records can be read, is legal, and can be analysed.
func TestRecord(t *testing.T) {
	s := start(t, runq.Config{Procs: 2})
	var file bytes.Buffer
	rec, err := s.Record(&file)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := s.Run(t.Context(), crowd); err != nil {
			t.Fatal(err)
		}
	}
	st := s.Stats()
	if err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	src, events, err := readAll(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	eventtest.Check(t, events, 0)
	kinds, named := make(map[event.Kind]uint64), 0
	for _, e := range events {
		kinds[e.Kind]++
		if e.Kind == event.KindTaskCreated && strings.HasSuffix(src.Symbols().String(src.Symbols().Root(e.Stack)), "runqtrace.brief") {
			named++
		}
	}
	if kinds[event.KindTaskFinished] < st.Finished || kinds[event.KindTaskParked] < st.Parks {
		t.Errorf("%d tasks ended, of %d; %d parked, of %d", kinds[event.KindTaskFinished], st.Finished, kinds[event.KindTaskParked], st.Parks)
	}
	if named != 20*80 {
		t.Errorf("%d tasks began with the function brief", named)
	}
	if info := src.Info(); info.Sort != "runq" || info.Blind&event.BlindStacks == 0 || src.Whole() || src.Offset() != int64(file.Len()) {
		t.Errorf("%+v; %v, %d bytes", info, src.Whole(), src.Offset())
	}
	again, err := NewReader(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	waits := &waitCounter{}
	if err := analyze.Run(again, waits); err != nil || waits.n == 0 {
		t.Errorf("%d waits; %v", waits.n, err)
	}
}

type waitCounter struct {
	analyze.Base
	n int
}

func (c *waitCounter) Wait(*analyze.World, *analyze.Wait) { c.n++ }

// TestHogs: tasks that don't come by when the world is to be stopped keep their Ps' events
// from being read, and yet what is recorded is legal.
func TestHogs(t *testing.T) {
	s := start(t, runq.Config{Procs: 3, MaxOverruns: 2, Slice: time.Millisecond})
	var file bytes.Buffer
	rec, err := s.Record(&file)
	if err != nil {
		t.Fatal(err)
	}
	flight, err := s.FlightRecorder(runq.FlightRecorderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer flight.Stop()
	var wg sync.WaitGroup
	release := make(chan struct{})
	for range 2 {
		wg.Add(1)
		s.Go(func(tk *runq.Task) {
			defer wg.Done()
			<-release // an overrun, or a stop that isn't answered
			tk.Sleep(time.Microsecond)
		})
	}
	for range 30 {
		if err := s.Run(t.Context(), crowd); err != nil {
			t.Fatal(err)
		}
		var part bytes.Buffer
		if _, err := flight.WriteTo(&part); err != nil {
			t.Fatal(err)
		}
		_, events, err := readAll(&part)
		if err != nil {
			t.Fatal(err)
		}
		eventtest.Check(t, events, 0)
	}
	close(release)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	_, events, err := readAll(&file)
	if err != nil {
		t.Fatal(err)
	}
	eventtest.Check(t, events, 0)
}

// TestLoss: rings that are too small lose events, and the recording says so.
func TestLoss(t *testing.T) {
	s := start(t, runq.Config{Procs: 2, TraceBuffer: 64 << 10})
	var file bytes.Buffer
	rec, err := s.Record(&file)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(t.Context(), func(t *runq.Task) error {
		for range 200_000 {
			t.Go(func(t *runq.Task) { t.Yield() })
			t.Yield()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	_, events, err := readAll(&file)
	if err != nil {
		t.Fatal(err)
	}
	lost := uint64(0)
	for _, e := range events {
		if e.Kind == event.KindLost {
			lost += e.Arg
		}
	}
	if lost == 0 {
		t.Errorf("of some million events in rings of a few thousand none is lost: there are %d", len(events))
	}
	eventtest.Check(t, events, 0)
}

func TestOpen(t *testing.T) {
	s := start(t, runq.Config{Procs: 1})
	flight, err := s.FlightRecorder(runq.FlightRecorderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), crowd); err != nil {
		t.Fatal(err)
	}
	flight.Stop()
	var file bytes.Buffer
	if _, err := flight.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "flight.runq")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/trace" {
			http.Error(w, "nothing is recorded", http.StatusNotFound)
			return
		}
		w.Write(file.Bytes())
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for _, name := range []string{name, server.URL + "/trace"} {
		src, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range event.All(src) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n == 0 || !src.Whole() {
			t.Errorf("%s: %d events, whole: %v", name, n, src.Whole())
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		if _, err := src.Read(make([]event.Event, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close the error of Read is %v", err)
		}
	}
	if _, err := Open(server.URL + "/"); err == nil || !strings.Contains(err.Error(), "nothing is recorded") {
		t.Errorf("the error is %v, and doesn't say what the server says", err)
	}
	if _, err := Open("missing.runq"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error for a missing file is %v", err)
	}
	if _, err := Open("runqtrace_test.go"); err == nil || !strings.Contains(err.Error(), "runqtrace_test.go") {
		t.Errorf("the error for another file is %v, and doesn't name it", err)
	}
	_, _, err = readAll(bytes.NewReader(file.Bytes()[:file.Len()-1]))
	var f *Fault
	if !errors.As(err, &f) || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "byte") {
		t.Errorf("the error of a file that is cut off is %v", err)
	}
}
