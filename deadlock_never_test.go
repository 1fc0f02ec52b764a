package runq

import (
	"errors"
	"strings"
	"testing"
)

// Waits for what can't happen are found when nothing else is left to do.
func TestDeadlockOfNothing(t *testing.T) {
	for name, wait := range map[string]func(tk *Task) error{
		"Send":   func(tk *Task) error { return (*Chan[int])(nil).Send(tk, 1) },
		"Recv":   func(tk *Task) error { _, err := (*Chan[int])(nil).Recv(tk); return err },
		"Select": func(tk *Task) error { _, err := Select(tk, Case{}); return err },
		"none":   func(tk *Task) error { _, err := Select(tk); return err },
	} {
		found := make(chan *DeadlockError, 1)
		s := openScheduler(t, Config{Procs: 2, OnDeadlock: func(e *DeadlockError) { found <- e }})
		got := async(func() error { return s.Run(nil, wait) })
		e := awaitClosed(t, name+" is found", found)
		if e.Tasks != 1 || !strings.Contains(e.Error(), "never happens") {
			t.Errorf("%s: %v", name, e)
		}
		var dead *DeadlockError
		if err := awaitClosed(t, name+" ends", got); !errors.As(err, &dead) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
