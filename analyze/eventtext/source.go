package eventtext

import (
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// Source returns the events of a text as a source. It fails the test if the text is
// wrong, or if it tells of what can't be, as eventtest finds it.
func Source(t testing.TB, text string) event.Source {
	t.Helper()
	events, symbols, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	eventtest.Check(t, events, 0)
	return event.NewList(event.Info{Name: "text", Sort: "text"}, symbols, events)
}
