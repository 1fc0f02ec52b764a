package gotrace

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// samples are traces of the same program by each release that we read:
// analyze/testdata/gen says how they are made.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/go1.*.trace")
	if err != nil || len(names) == 0 {
		t.Fatalf("no traces in testdata: %v", err)
	}
	all := make(map[string][]byte)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".trace")] = text
	}
	return all
}

// readAll returns the events of a trace, and the error that it ended with: nil at its end.
func readAll(r io.Reader, opts Options, size int) (*Source, []event.Event, error) {
	s, err := New(r, opts)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	var events []event.Event
	buf := make([]event.Event, size)
	for {
		n, err := s.Read(buf)
		events = append(events, buf[:n]...)
		if err == io.EOF {
			return s, events, nil
		}
		if err != nil {
			return s, events, err
		}
	}
}

// TestSamples: what each release writes can be read, and is legal.
func TestSamples(t *testing.T) {
	for name, text := range samples(t) {
		t.Run(name, func(t *testing.T) {
			s, events, err := readAll(bytes.NewReader(text), Options{}, 512)
			if err != nil {
				t.Fatal(err)
			}
			eventtest.Check(t, events, 0)
			has := make(map[event.Kind]int)
			started, regions := false, 0
			for _, e := range events {
				has[e.Kind]++
				if e.Kind == event.KindTaskCreated && s.Symbols().String(s.Symbols().Root(e.Stack)) == "main.run" {
					started = started || strings.Contains(frames(s.Symbols(), e.By), "main.each")
				}
				if e.Kind == event.KindRegionBegin && s.Symbols().String(event.StringID(e.Arg)) == "everything" {
					regions++
				}
			}
			for _, k := range []event.Kind{
				event.KindTaskStarted, event.KindTaskResumed, event.KindTaskParked, event.KindTaskReadied, event.KindTaskBlocked,
				event.KindTaskUnblocked, event.KindTaskFinished, event.KindProcSeen, event.KindProcAcquired, event.KindProcReleased,
				event.KindProcsChanged, event.KindStopAsked, event.KindStopEnd, event.KindGCBegin, event.KindGCEnd, event.KindRegionEnd,
			} {
				if has[k] == 0 {
					t.Errorf("there is no %v", k)
				}
			}
			if !started || regions != 1 {
				t.Errorf("main.each has started main.run: %v; there are %d regions", started, regions)
			}
			if name >= "go1.25" && s.Info().Mono == 0 {
				t.Errorf("the clock isn't known: %+v", s.Info())
			}
		})
	}
}

func frames(symbols *event.Symbols, id event.StackID) string {
	var names []string
	for _, f := range symbols.Frames(nil, id) {
		names = append(names, f.Func)
	}
	return strings.Join(names, " ")
}

// TestReadSizes: how the input comes, and how much is asked for at once, makes no
// difference.
func TestReadSizes(t *testing.T) {
	text := samples(t)["go1.26"]
	_, want, err := readAll(bytes.NewReader(text), Options{}, 512)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 2, 3, 10000} {
		_, got, err := readAll(iotest.HalfReader(bytes.NewReader(text)), Options{}, size)
		if err != nil || len(got) != len(want) {
			t.Fatalf("reading %d at once: %d events, not %d; %v", size, len(got), len(want), err)
		}
		for i := range got {
			// Stacks are numbered in the order in which they are met.
			if got[i] != want[i] {
				t.Fatalf("reading %d at once, event %d is %v, not %v", size, i, got[i], want[i])
			}
		}
	}
}

// TestTruncated: of a trace that is cut off there is what could be read, and an error
// that says how far that was.
func TestTruncated(t *testing.T) {
	for name, text := range samples(t) {
		_, whole, err := readAll(bytes.NewReader(text), Options{}, 512)
		if err != nil {
			t.Fatal(err)
		}
		for cut := headerSize; cut < len(text); cut += len(text)/50 + 1 {
			_, events, err := readAll(bytes.NewReader(text[:cut]), Options{}, 512)
			eventtest.Check(t, events, 0)
			if len(events) > len(whole) {
				t.Errorf("%s: of %d bytes there are %d events, more than in all, %d", name, cut, len(events), len(whole))
			}
			var f *Fault
			if err != nil && !errors.As(err, &f) {
				t.Errorf("%s: cut off at %d the error is %v, which says not where", name, cut, err)
			}
			if f != nil && (f.Byte > int64(cut) || f.Generation > f.Byte || f.Text == "") {
				t.Errorf("%s: cut off at %d the fault is %+v", name, cut, f)
			}
		}
	}
}

// TestSecondGeneration: what comes before a broken place is returned.
func TestSecondGeneration(t *testing.T) {
	text := samples(t)["go1.26"]
	_, whole, err := readAll(bytes.NewReader(text), Options{}, 512)
	if err != nil {
		t.Fatal(err)
	}
	_, events, err := readAll(io.MultiReader(bytes.NewReader(text), strings.NewReader("rubbish")), Options{}, 512)
	var f *Fault
	if !errors.As(err, &f) {
		t.Fatalf("the error is %v, not a Fault", err)
	}
	if len(events) != len(whole) || f.Events < uint64(len(whole))/2 || f.Byte <= int64(len(text)) {
		t.Errorf("%d events of %d, and the fault is %+v in %d bytes", len(events), len(whole), f, len(text))
	}
	if !strings.Contains(err.Error(), "byte") {
		t.Errorf("the error doesn't name the place: %v", err)
	}
}

func TestHeader(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no Go execution trace",
		"go 1.2":                          "no Go execution trace",
		"a file of another sort entirely": "no Go execution trace: it begins with \"a file of anothe\"",
		"go 1.21 trace\x00\x00\x00":       "Go 1.21 is too old",
		"go 1.99 trace\x00\x00\x00":       "Go 1.99 is too new",
	} {
		if _, err := New(strings.NewReader(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, without %q", text, err, want)
		}
	}
	if _, err := New(iotest.ErrReader(io.ErrClosedPipe), Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error of a reader that fails is %v", err)
	}
	if _, err := New(strings.NewReader(""), Options{MaxGeneration: -1}); err == nil {
		t.Error("a negative MaxGeneration is fine")
	}
}

// TestMaxGeneration: a generation that is too large is an error, not memory.
func TestMaxGeneration(t *testing.T) {
	text := samples(t)["go1.22"]
	_, _, err := readAll(iotest.OneByteReader(bytes.NewReader(text)), Options{MaxGeneration: 1000}, 512)
	if err == nil || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("the error is %v", err)
	}
}

// TestClose: Close ends a reading that would wait for ever.
func TestClose(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go w.Write([]byte("go 1.26 trace\x00\x00\x00"))
	s, err := New(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := s.Read(make([]event.Event, 1))
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("Read has returned events of an empty trace")
	}
	if _, err := s.Read(make([]event.Event, 1)); err == nil {
		t.Error("Read works after Close")
	}
}

func TestOpen(t *testing.T) {
	text := samples(t)["go1.26"]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debug/pprof/trace" || r.URL.Query().Get("seconds") != "1" {
			http.Error(w, "Could not enable tracing: tracing is already enabled", http.StatusInternalServerError)
			return
		}
		w.Write(text)
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for _, name := range []string{"testdata/go1.26.trace", server.URL + "/debug/pprof/trace?seconds=1"} {
		s, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range event.All(s) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n == 0 || s.Offset() != int64(len(text)) {
			t.Errorf("%s: %d events, in %d bytes of %d", name, n, s.Offset(), len(text))
		}
		s.Close()
	}
	if _, err := Open(server.URL + "/"); err == nil || !strings.Contains(err.Error(), "already enabled") {
		t.Errorf("the error is %v, and doesn't say what the server says", err)
	}
	if _, err := Open("testdata/missing.trace"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error for a missing file is %v", err)
	}
	if _, err := Open("gotrace_test.go"); err == nil || !strings.Contains(err.Error(), "gotrace_test.go") {
		t.Errorf("the error for another file is %v, and doesn't name it", err)
	}
}
