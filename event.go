package runq

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Event is a flag that tasks, of any schedulers, and ordinary goroutines can wait for.
// Once set, it lets everybody through until it is reset. The zero Event isn't set. An
// Event must not be copied after its first use.
//
// A Set happens before the return of every Wait that it ends or that finds it, and of
// every IsSet that does.
type Event struct {
	mu    sx.Mutex // first, see TaskInfo.Object; orders Set, Reset and those who begin to wait
	set   sx.Bool  // written with mu held
	queue waitQueue
}

// Set sets the event and ends all waits for it. Nothing happens if it is set. t is the
// calling task, nil for an ordinary goroutine; one of the tasks that are woken runs next
// where t runs now. Set never waits.
func (e *Event) Set(t *Task) {
	if t != nil {
		t.enter("Event.Set")
	}
	if e.set.Load() {
		return
	}
	e.mu.Lock()
	wake, _ := e.queue.claimAll() // first: who sees that the event is set may end a waiter's context
	e.set.Store(true)
	e.mu.Unlock()
	wakeAll(wake, t)
}

// Reset makes the event one that isn't set. Waits that a Set has ended stay ended.
func (e *Event) Reset() {
	if !e.set.Load() {
		return
	}
	e.mu.Lock()
	e.set.Store(false)
	e.mu.Unlock()
}

// IsSet tells whether the event is set.
func (e *Event) IsSet() bool { return e.set.Load() }

// Wait waits until the event is set. It also returns when it was set and has been reset
// since. t is the calling task, nil for an ordinary goroutine. When t's context ends
// first, Wait returns its cause; with a nil t the error is always nil.
func (e *Event) Wait(t *Task) error {
	if t != nil {
		t.enter("Event.Wait")
	}
	if e.set.Load() {
		return nil
	}
	t.beforeWait(true)
	e.mu.Lock()
	if e.set.Load() {
		e.mu.Unlock()
		return nil
	}
	w := newWaiter(t)
	e.queue.push(&w.node, w)
	err := w.wait(&e.mu, &w.node, event.ReasonWaitEvent, true)
	w.free()
	return err
}
