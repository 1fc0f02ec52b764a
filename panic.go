package runq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/runq-go/runq/internal/sx"
)

// ErrGoexit is the outcome of a task whose function called runtime.Goexit, for
// whoever waits for it.
var ErrGoexit = errors.New("runq: the task called runtime.Goexit")

// PanicError is a panic of a task, for whoever waits for the task.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // where, as debug.Stack prints it
	Task  uint64 // the task's id
	Label string // the task's label
}

// Error shows the value and the stack.
func (e *PanicError) Error() string {
	name := ""
	if e.Label != "" {
		name = fmt.Sprintf(" %q", e.Label)
	}
	return fmt.Sprintf("runq: task %d%s panicked: %v\n\n%s", e.Task, name, e.Value, e.Stack)
}

// Unwrap returns the value if it is an error, so that errors.Is finds it.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError returns the error for a panic of t with v. If v is one already, a fork's
// that has come through its Join, it stays what it is.
func newPanicError(t *Task, v any, stack []byte) *PanicError {
	if e, ok := v.(*PanicError); ok {
		return e
	}
	return &PanicError{Value: v, Stack: stack, Task: t.id, Label: t.labelText()}
}

// panicked delivers a panic: to the owner, with the task's end, or to OnPanic.
func (t *Task) panicked(e *PanicError) {
	switch s := t.e.env.s; {
	case t.e.env.owner != nil:
		t.err = e // an owned task is cold
	case s.cfg.OnPanic != nil:
		s.tellPanic(e)
	default:
		crash(e)
	}
}

// tellPanic calls OnPanic. What that throws itself must not unwind the carrier.
func (s *Scheduler) tellPanic(e *PanicError) {
	returned := false
	defer func() {
		if !returned {
			crash(fmt.Errorf("runq: Config.OnPanic panicked (%v) or called runtime.Goexit when it was told of: %w", recover(), e))
		}
	}()
	s.cfg.OnPanic(e)
	returned = true
}

// goexited delivers a Goexit.
func (t *Task) goexited() {
	if t.e.env.owner != nil {
		t.err = ErrGoexit
	}
}

// crash ends the process as an uncaught panic does. The panic can't go on where it
// happened: iter.Pull would move it to an M and drop the stack, which is why it is
// in the error's text.
func crash(e error) { sx.Crash(e) }

// misused panics because a *Task was used where it isn't valid.
func misused(t *Task, call string) {
	if t == nil {
		panic(fmt.Sprintf("runq: Task.%s: the *Task is nil: only a task can call it", strings.TrimPrefix(call, "Task.")))
	}
	var why string
	switch t.peekStatus() {
	case gBlocked:
		why = "is in a blocking call: the function given to Block must not use it"
	case gWaiting, gRunnable:
		why = "waits at the moment: a *Task may be used by its own function only"
	default:
		why = "has ended: a *Task is valid until its function returns"
	}
	panic(fmt.Sprintf("runq: %s: the task %s", call, why))
}

// bug reports that an invariant of the scheduler is broken. There is no going on.
func bug(format string, args ...any) {
	err := fmt.Errorf("BUG: runq: "+format, args...)
	crash(err)
}
