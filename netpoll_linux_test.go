package runq

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
)

// wire is a pair of connected sockets, of which the scheduler watches one.
type wire struct {
	f         *FD
	near, far int
	t         testing.TB
	in, out   [1]byte
}

// openWire returns a wire that the test's end closes.
func openWire(t testing.TB, s *Scheduler) *wire {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{near: fds[0], far: fds[1], t: t}
	if w.f, err = s.NewFD(w.near); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.f.Close()
		syscall.Close(w.near)
		syscall.Close(w.far)
	})
	return w
}

// send puts a byte on the wire.
func (w *wire) send() {
	if _, err := syscall.Write(w.far, w.out[:]); err != nil {
		w.t.Error(err)
	}
}

// receive takes a byte, as t or as an ordinary goroutine.
func (w *wire) receive(t *Task) error {
	if err := w.f.PrepareRead(); err != nil {
		return err
	}
	w.f.TakeRead()
	defer w.f.EndRead(true)
	for {
		if _, err := syscall.Read(w.near, w.in[:]); err != syscall.EAGAIN {
			return err
		}
		if err := w.f.WaitRead(t); err != nil {
			return err
		}
	}
}

// fill writes until the wire takes no more.
func (w *wire) fill(fd int) {
	for {
		if _, err := syscall.Write(fd, make([]byte, 4096)); err != nil {
			return
		}
	}
}

// awaitReason returns when a task waits for the reason.
func awaitReason(t testing.TB, s *Scheduler, why event.Reason) {
	t.Helper()
	awaitTrue(t, why.String(), func() bool {
		for _, i := range s.SnapshotCheap().Tasks {
			if i.State == event.TaskWaiting && i.Reason == why {
				return true
			}
		}
		return false
	})
}

func TestFDWait(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1, Trace: true})
	w := openWire(t, s)
	for range 3 {
		got := async(func() error { return s.Run(nil, w.receive) })
		awaitReason(t, s, event.ReasonWaitRead)
		w.send()
		if err := awaitClosed(t, "a byte", got); err != nil {
			t.Fatal(err)
		}
	}
	w.send() // before it is waited for
	runIn(t, s, func(tk *Task) {
		if err := w.receive(tk); err != nil {
			t.Error(err)
		}
	})
	w.fill(w.near)
	wrote := async(func() error {
		return s.Run(nil, func(tk *Task) error {
			if err := w.f.PrepareWrite(); err != nil {
				return err
			}
			return w.f.WaitWrite(tk)
		})
	})
	awaitReason(t, s, event.ReasonWaitWrite)
	for b := make([]byte, 1<<16); ; {
		if _, err := syscall.Read(w.far, b); err != nil {
			break
		}
	}
	if err := awaitClosed(t, "room", wrote); err != nil {
		t.Error(err)
	}
	events, lost := s.ReadEvents()
	eventtest.Check(t, events, lost)
	woken := 0
	for _, e := range events {
		if e.Kind == event.KindTaskReadied && e.Reason == event.ReasonWakePoller {
			woken++
		}
	}
	if woken != 4 || lost != 0 {
		t.Errorf("%d tasks were readied by the poller, not 4; %d events were lost", woken, lost)
	}
}

// TestFDGoroutine: an ordinary goroutine waits, and a task of another scheduler.
func TestFDGoroutine(t *testing.T) {
	s, other := openScheduler(t, Config{Procs: 1}), openScheduler(t, Config{Procs: 1})
	w := openWire(t, s)
	got := async(func() error { return w.receive(nil) })
	w.send()
	if err := awaitClosed(t, "a byte", got); err != nil {
		t.Error(err)
	}
	got = async(func() error { return other.Run(nil, w.receive) })
	awaitReason(t, other, event.ReasonWaitRead)
	w.send()
	if err := awaitClosed(t, "a byte", got); err != nil {
		t.Error(err)
	}
}

// TestFDEnds: what ends a wait besides the descriptor.
func TestFDEnds(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	why := errors.New("the test wants it")
	for _, c := range []struct {
		name string
		end  func(w *wire, cancel context.CancelCauseFunc)
		want error
	}{
		{"context", func(_ *wire, cancel context.CancelCauseFunc) { cancel(why) }, why},
		{"deadline", func(w *wire, _ context.CancelCauseFunc) { w.f.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		{"timer", func(w *wire, _ context.CancelCauseFunc) { w.f.SetReadDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded},
		{"close", func(w *wire, _ context.CancelCauseFunc) { w.f.Close() }, os.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := openWire(t, s)
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			got := async(func() error { return s.Run(ctx, w.receive) })
			awaitReason(t, s, event.ReasonWaitRead)
			c.end(w, cancel)
			if err := awaitClosed(t, "the end", got); !errors.Is(err, c.want) {
				t.Errorf("the wait ended with %v", err)
			}
			if c.want == why {
				return
			}
			for _, err := range []error{w.f.PrepareRead(), w.f.WaitRead(nil)} {
				if !errors.Is(err, c.want) {
					t.Errorf("and afterwards there is %v", err)
				}
			}
			if c.want == os.ErrClosed {
				if w.f.Close() != os.ErrClosed || w.f.SetWriteDeadline(time.Time{}) != os.ErrClosed || w.f.OnReadable(nil) != os.ErrClosed {
					t.Error("a closed FD can be used")
				}
			}
		})
	}
}

// TestFDBusy: with all Ps busy on tasks that yield to each other and never run out,
// somebody still asks for news.
func TestFDBusy(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	w := openWire(t, s)
	var over atomic.Bool
	for range 2 {
		s.Go(func(tk *Task) {
			for !over.Load() {
				tk.Yield()
			}
		})
	}
	got := async(func() error { return s.Run(nil, w.receive) })
	awaitReason(t, s, event.ReasonWaitRead)
	w.send()
	err := awaitClosed(t, "a byte", got)
	over.Store(true)
	if err != nil {
		t.Error(err)
	}
}

// TestFDRegistration: slots are used again, and what can't be watched is refused.
func TestFDRegistration(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	for range 3 {
		w := openWire(t, s)
		w.f.Close()
	}
	if n := len(s.net.fds); n != 1 || s.net.used() {
		t.Errorf("%d slots are there for one FD at a time, in use: %v", n, s.net.used())
	}
	if _, err := s.NewFD(-1); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a bad descriptor: %v", err)
	}
	f, err := os.Open("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := s.NewFD(int(f.Fd())); !errors.Is(err, syscall.EPERM) {
		t.Errorf("a file: %v", err)
	}
	w := openWire(t, s)
	s.Close()
	if _, err := s.NewFD(w.near); err != ErrClosed {
		t.Errorf("a closed scheduler: %v", err)
	}
	if err := w.f.WaitRead(nil); err != os.ErrClosed {
		t.Errorf("an FD of a closed scheduler: %v", err)
	}
}

// TestFDRaces: bytes, waits, deadlines and closes at the same time. The race is that
// of a wait that begins against whatever ends it.
func TestFDRaces(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	for range 300 {
		w := openWire(t, s)
		got := async(func() error { return s.Run(nil, w.receive) })
		also := async(func() error { return w.f.SetReadDeadline(time.Now().Add(50 * time.Microsecond)) })
		w.send()
		awaitClosed(t, "the deadline to be set", also)
		go w.f.Close()
		if err := awaitClosed(t, "the wait", got); err != nil && err != os.ErrClosed && err != os.ErrDeadlineExceeded {
			t.Error(err)
		}
	}
}

// TestFDNoAllocation: a wait costs no memory.
func TestFDNoAllocation(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	w := openWire(t, s)
	send := func(*Task) { w.send() }
	runIn(t, s, func(tk *Task) {
		if n := testing.AllocsPerRun(200, func() {
			tk.Go(send)
			if err := w.receive(tk); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("a byte costs %v allocations", n)
		}
	})
}
