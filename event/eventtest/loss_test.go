package eventtest

import (
	"slices"
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/ring"
)

// TestLossHidesHandoff loses the event by which a thread got P1. What is kept of
// P1 begins with a task that was created long before; nobody knows at that time
// that P1 will change hands.
func TestLossHidesHandoff(t *testing.T) {
	p1, rest := ring.New(0), ring.New(0)
	rest.Event(100, event.KindProcRetaken, event.ReasonRetakeBlocked, 1, 1, 0, 0, 0)
	p1.Event(200, event.KindProcAcquired, 0, 1, 2, 0, 0, 0)
	for id := event.TaskID(10); p1.Lost() == 0; id++ {
		p1.Ran(50, 210, 220, 1, 2, id, event.NoTask)
	}
	p1.Event(300, event.KindThreadSpinning, 0, 1, 2, 0, 0, 0)
	p1.Event(300, event.KindTaskCreated, 0, 1, 2, 5, 1, 0)
	p1.Event(310, event.KindTaskStarted, 0, 1, 2, 5, 2, 0)
	p1.Event(320, event.KindTaskFinished, event.ReasonEndReturn, 1, 2, 5, 3, 0)
	a, lost := p1.Drain(nil)
	if lost == 0 || slices.ContainsFunc(a, func(e event.Event) bool { return e.Kind == event.KindProcAcquired }) {
		t.Fatalf("%d events lost, but not the one that matters", lost)
	}
	b, _ := rest.Drain(nil)
	Check(t, event.Merge(nil, a, b), lost)
}
