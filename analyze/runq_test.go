package analyze_test

import (
	"context"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// TestRunq: runq's own events are understood as Go's are.
func TestRunq(t *testing.T) {
	s, err := runq.New(runq.Config{Procs: 2, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(context.Background(), func(t *runq.Task) error {
		var mu runq.Mutex
		ch := runq.NewChan[int](0)
		g, ctx := runq.NewGroup(t.Context(), s)
		for range 4 {
			g.Go(func(t *runq.Task) error {
				for i := range 20 {
					mu.Lock(t)
					t.Yield()
					mu.Unlock(t)
					if err := ch.Send(t, i); err != nil {
						return err
					}
					t.Block(func() {})
				}
				t.Sleep(time.Microsecond)
				return ctx.Err()
			})
		}
		for range 80 {
			if _, err := ch.Recv(t); err != nil {
				return err
			}
		}
		return g.Wait(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	events, lost := s.ReadEvents()
	eventtest.Check(t, events, lost)
	b, led := &books{t: t}, ledger.New(ledger.Options{})
	if err := analyze.Run(event.NewList(event.Info{Name: "runq", Sort: "runq"}, nil, events), b, led); err != nil {
		t.Fatal(err)
	}
	b.blame()
	seen := make(map[event.Reason]int)
	for _, d := range b.waits {
		seen[d.Why.Reason]++
		if d.Open {
			t.Errorf("a wait is open: %+v", d)
		}
	}
	for _, r := range []event.Reason{event.ReasonYield, event.ReasonWaitSleep, event.ReasonWaitChanRecv} {
		if seen[r] == 0 {
			t.Errorf("there is no wait for %v: %v", r, seen)
		}
	}
	if led.Report().All.Waits == 0 || len(b.world.Procs) != 2 {
		t.Errorf("%d waits on %d Ps", led.Report().All.Waits, len(b.world.Procs))
	}
}
