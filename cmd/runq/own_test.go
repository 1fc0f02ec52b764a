package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/tracefile"
	"github.com/runq-go/runq/observe/gotrace"
	"github.com/runq-go/runq/runqhttp"
)

// convert writes a recording of Go's again in runq's format.
func convert(t *testing.T, from, to string) {
	t.Helper()
	src, err := gotrace.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var events []event.Event
	for e, err := range event.All(src) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tracefile.NewWriter(f, tracefile.Header{Info: src.Info(), Whole: true}, src.Symbols())
	if err == nil {
		err = w.Write(events)
	}
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOwnFormat: the same events say the same, whichever way they were written down.
func TestOwnFormat(t *testing.T) {
	for _, from := range recordings(t) {
		file := filepath.Join(t.TempDir(), "recording")
		convert(t, from, file)
		for _, args := range [][]string{{"report"}, {"why", "--worst"}, {"validate"}, {"export", "--json", "-o", "-"}} {
			want, _, _ := runHere(append(args, from)...)
			got, stderr, status := runHere(append(args, file)...)
			if status != exitOK || strings.ReplaceAll(got, file, from) != want {
				t.Errorf("%q of %s: status %d, %s; line %s", args, from, status, stderr, firstDifference(got, want))
			}
		}
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, whole[:len(whole)-1], 0o666); err != nil {
			t.Fatal(err)
		}
		if stdout, stderr, status := runHere("report", file); status != exitFailed || !strings.Contains(stdout, "cut off or broken") || !strings.HasPrefix(stderr, "runq: "+file+": ") {
			t.Errorf("cut off: status %d, %q, %.200q", status, stderr, stdout)
		}
	}
}

// TestOwnScheduler records a scheduler while it runs: nothing in that is impossible, and tasks have names.
func TestOwnScheduler(t *testing.T) {
	s, err := runq.New(runq.Config{Procs: 2, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "recording"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := s.Record(file)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(t.Context(), manyWait)
	if err := errors.Join(err, rec.Stop(), s.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"validate"}, {"report"}, {"why", "--worst"}} {
		if stdout, stderr, status := runHere(append(args, file.Name())...); status != exitOK || !strings.Contains(stdout, "Every event is legal") && !strings.Contains(stdout, "manyWait") {
			t.Errorf("%q: status %d, %s\n%.3000s", args, status, stderr, stdout)
		}
	}
}

// TestRecordOurs records a scheduler by its handler, for a while and until an interrupt.
func TestRecordOurs(t *testing.T) {
	s, err := runq.New(runq.Config{Procs: 2, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	handler := runqhttp.DebugHandler(s, nil)
	asked := make(chan struct{}, 1)
	server := traceServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		handler.ServeHTTP(w, r)
	})
	name := filepath.Join(t.TempDir(), "recording")
	for _, seconds := range []string{"0.05", "1000"} {
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			<-asked
			if err := s.Run(t.Context(), manyWait); err != nil {
				t.Error(err)
			}
			if seconds == "1000" {
				cancel()
			}
		}()
		root := newRootCommand()
		root.SetArgs([]string{"record", "--runq", "--seconds", seconds, "-o", name, server.URL})
		var stderr strings.Builder
		root.SetErr(&stderr)
		if err := root.ExecuteContext(ctx); !errors.Is(err, ctx.Err()) {
			t.Errorf("%s seconds: %v, %s", seconds, err, stderr.String())
		}
		<-ran
		if stdout, errors, status := runHere("validate", name); status != exitOK {
			t.Errorf("%s seconds: status %d: %s%s%s", seconds, status, stdout, errors, stderr.String())
		}
		cancel()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// manyWait makes tasks that wait for each other.
func manyWait(t *runq.Task) error {
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	for range 50 {
		g.Go(func(t *runq.Task) error {
			t.Yield()
			t.Sleep(time.Microsecond)
			t.Block(func() {})
			return nil
		})
	}
	return g.Wait(t)
}
