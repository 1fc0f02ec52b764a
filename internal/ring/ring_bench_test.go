package ring

import (
	"testing"

	"github.com/runq-go/runq/event"
)

// BenchmarkRan is what tracing adds to a task that never waits, with the call;
// BenchmarkRanWide the same where the parent's id is far away.
func BenchmarkRan(b *testing.B) {
	w := New(4 << 20)
	time := int64(0)
	id := event.TaskID(1)
	for b.Loop() {
		id++
		time += 20
		w.Ran(time-30, time-10, time, 1, 2, id, id&^0xffff)
	}
}

func BenchmarkRanWide(b *testing.B) {
	w := New(4 << 20)
	time := int64(0)
	id := event.TaskID(1 << 40)
	for b.Loop() {
		id++
		time += 20
		w.Ran(time-30, time-10, time, 1, 2, id, event.NoTask)
	}
}

func BenchmarkBegan(b *testing.B) {
	w := New(4 << 20)
	time := int64(0)
	id := event.TaskID(1)
	for b.Loop() {
		id++
		time += 20
		w.Began(time-30, time-10, 1, 2, id, id&^0xffff)
	}
}

func BenchmarkEvent(b *testing.B) {
	w := New(4 << 20)
	time := int64(0)
	for b.Loop() {
		time += 20
		w.Event(time, event.KindTaskParked, event.ReasonWaitPark, 1, 2, 7, 3, 0)
	}
}
