package analyze

import (
	"errors"
	"io"

	"github.com/runq-go/runq/event"
)

// Pass is an analysis. Its methods are called by one goroutine, in the order in which
// things happened, and what they are given is good until they return. The world is as it
// is after the event. A pass that doesn't need all of them embeds [Base].
type Pass interface {
	// Slice is called when a task has stopped running on a P. Those that run when the
	// recording ends stop then, and are Open.
	Slice(w *World, s *Slice)

	// Wait is called when a wait is over. Those that aren't when the recording ends are
	// taken to end then, and are Open; they come in the order of the tasks' ids.
	Wait(w *World, d *Wait)

	// Event is called for each event, after Slice and Wait. t is the task that it is
	// about, nil if there is none or nothing is known of it.
	Event(w *World, e *event.Event, t *Task)

	// End is called once, at last.
	End(w *World)
}

// Base has the methods of a Pass, which do nothing.
type Base struct{}

// Slice implements Pass.
func (Base) Slice(*World, *Slice) {}

// Wait implements Pass.
func (Base) Wait(*World, *Wait) {}

// Event implements Pass.
func (Base) Event(*World, *event.Event, *Task) {}

// End implements Pass.
func (Base) End(*World) {}

// batch is how many events are read at once: they stay in the cache between the passes.
const batch = 512

// Run reads a source to its end and shows each event to all passes. If the source is
// broken or cut off, the passes have seen what could be read, have been told of the end,
// and the error says where that was. Run doesn't close the source.
func Run(src event.Source, passes ...Pass) error {
	w := newWorld(src)
	buf := make([]event.Event, batch)
	for {
		n, err := src.Read(buf)
		if w.Events == 0 {
			w.Info = src.Info() // the first Read may have told more
		}
		for i := range buf[:n] {
			t := w.apply(&buf[i])
			if len(w.ran) != 0 || w.ended != nil {
				w.tell(passes)
			}
			for _, p := range passes {
				p.Event(w, &buf[i], t)
			}
		}
		if err != nil {
			w.end(src, passes)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// tell shows the passes what the event has ended.
func (w *World) tell(passes []Pass) {
	for i := range w.ran {
		for _, p := range passes {
			p.Slice(w, &w.ran[i])
		}
	}
	if w.ended != nil {
		for _, p := range passes {
			p.Wait(w, w.ended)
		}
	}
	w.ran, w.ended = w.ran[:0], nil
}

// end closes what is open, and tells the passes that nothing more comes.
func (w *World) end(src event.Source, passes []Pass) {
	w.Info = src.Info()
	for _, p := range w.Procs {
		if p != nil && p.Task != nil {
			w.leave(p.Task)
			w.ran[len(w.ran)-1].Open = true
			w.tell(passes)
		}
	}
	for _, t := range w.Tasks() {
		switch t.State {
		case event.TaskRunnable, event.TaskWaiting, event.TaskBlocked:
			w.endWait(t, event.NoP, true)
			w.tell(passes)
		}
	}
	for _, p := range passes {
		p.End(w)
	}
}
