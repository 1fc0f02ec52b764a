package perfetto

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
)

// TestRunq: runq's own events, which have other losses, times and names than Go's, make a
// trace, too.
func TestRunq(t *testing.T) {
	s, err := runq.New(runq.Config{Procs: 2, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(context.Background(), func(t *runq.Task) error {
		ch := runq.NewChan[int](1)
		g, _ := runq.NewGroup(t.Context(), s)
		for range 4 {
			g.Go(func(t *runq.Task) error {
				t.Block(func() {})
				t.Sleep(time.Microsecond)
				t.Yield()
				return ch.Send(t, 1)
			})
		}
		for range 4 {
			if _, err := ch.Recv(t); err != nil {
				return err
			}
		}
		return g.Wait(t)
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	events, _ := s.ReadEvents()
	var data bytes.Buffer
	led, out := ledger.New(ledger.Options{}), New(&data, Options{})
	src := event.NewList(event.Info{Name: "runq", Sort: "runq"}, nil, events)
	if err := errors.Join(analyze.Run(src, led, out), out.Err()); err != nil {
		t.Fatal(err)
	}
	r := read(t, data.Bytes())
	if got, want := r.total("Tasks (G)/", "ready"), led.Report().All.Late; got != want {
		t.Errorf("tasks are ready for %d in all; the ledger says %d", got, want)
	}
	if len(r.flows) == 0 {
		t.Error("nobody wakes anybody")
	}
}
