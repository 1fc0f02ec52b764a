package perfetto

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// TestAnything: whatever the events are, possible or not, the trace is one: slices begin
// and end, flows have two ends, tracks are declared.
func TestAnything(t *testing.T) {
	symbols := new(event.Symbols)
	for _, name := range []string{"main.a", "main.b", "sync.(*WaitGroup).Go.func1"} {
		symbols.InternStack([]event.Frame{{Func: name + ".x"}, {Func: name}})
	}
	var last event.Kind
	for last.Spec() != event.KindNone.Spec() || last == event.KindNone {
		last++
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		var events []event.Event
		now := int64(0)
		for range 500 {
			now += r.Int64N(100) - 5
			e := event.Event{
				Time: now, Kind: event.Kind(r.IntN(int(last)) + 1), Task: event.TaskID(r.IntN(6)), P: event.PID(r.IntN(4) - 1), M: event.MID(r.IntN(4) - 1),
				Stack: event.StackID(r.IntN(4)), By: event.StackID(r.IntN(4)), Arg: r.Uint64N(6),
			}
			if r.IntN(20) != 0 || e.Kind != event.KindLost {
				events = append(events, e)
			}
		}
		var data bytes.Buffer
		opts := Options{NoTasks: seed%8 == 7}
		if seed%4 == 3 {
			opts.From, opts.To = 5000, 15000
		}
		out := New(&data, opts)
		if err := errors.Join(analyze.Run(event.NewList(event.Info{}, symbols, events), out), out.Err()); err != nil {
			t.Fatal(err)
		}
		readPart(t, data.Bytes(), opts.From != 0)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
