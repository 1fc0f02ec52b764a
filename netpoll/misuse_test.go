package netpoll

import (
	"context"
	"errors"
	"testing"

	"github.com/runq-go/runq"
)

// wantUsable reports an error unless a byte can be sent from a to b, and a connection
// to l be made.
func wantUsable(t *testing.T, s *runq.Scheduler, a, b *Conn, l *Listener) {
	t.Helper()
	over := make(map[string]<-chan error)
	for what, call := range map[string]func(*runq.Task) error{
		"WriteTask": func(tk *runq.Task) error { _, err := a.WriteTask(tk, []byte{1}); return err },
		"ReadTask":  func(tk *runq.Task) error { _, err := b.ReadTask(tk, make([]byte, 1)); return err },
		"Dial": func(tk *runq.Task) error {
			c, err := Dial(tk, "tcp", l.Addr().String())
			if err != nil {
				return err
			}
			return c.Close()
		},
		"AcceptTask": func(tk *runq.Task) error {
			c, err := l.AcceptTask(tk)
			if err != nil {
				return err
			}
			return c.Close()
		},
	} {
		over[what] = start(s, context.Background(), call)
	}
	for what, c := range over {
		if err := result(t, c); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestEndedTask: calls with a task that has ended panic, and lock nothing.
func TestEndedTask(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	l := listen(t, s, "tcp")
	b.TryRead(make([]byte, 1)) // there is no news any more
	other, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		t.Fatal(err)
	}
	var ended *runq.Task
	run(t, other, func(tk *runq.Task) error { ended = tk; return nil })
	other.Close() // after that nobody touches the task any more
	for what, call := range map[string]func(){
		"ReadTask":   func() { b.ReadTask(ended, make([]byte, 1)) },
		"WriteTask":  func() { a.WriteTask(ended, make([]byte, 1)) },
		"AcceptTask": func() { l.AcceptTask(ended) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s hasn't panicked", what)
				}
			}()
			call()
		}()
	}
	wantUsable(t, s, a, b, l)
}

// badContext is one whose code fails.
type badContext struct{ context.Context }

func (badContext) Done() <-chan struct{} { panic("on purpose") }

// TestPanickingContext: when a task's context panics, which is called when the task is
// about to wait, nothing remains locked.
func TestPanickingContext(t *testing.T) {
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	l := listen(t, s, "tcp")
	b.TryRead(make([]byte, 1))
	for what, call := range map[string]func(*runq.Task) error{
		"ReadTask":   func(tk *runq.Task) error { _, err := b.ReadTask(tk, make([]byte, 1)); return err },
		"AcceptTask": func(tk *runq.Task) error { _, err := l.AcceptTask(tk); return err },
	} {
		err := s.Run(badContext{context.Background()}, call)
		if p := new(runq.PanicError); !errors.As(err, &p) || p.Value != "on purpose" {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantUsable(t, s, a, b, l)
}
