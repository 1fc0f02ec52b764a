package runq

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// try makes one attempt to read, of up to n bytes, as a handler does. It returns how
// many there were.
func (w *wire) try(n int) (got int, err error) {
	if err := w.f.PrepareRead(); err != nil {
		return 0, err
	}
	w.f.TakeRead()
	b := make([]byte, n)
	got, err = syscall.Read(w.near, b)
	w.f.EndRead(got == n || got > 0 && w.f.Partial())
	return max(got, 0), err
}

// awaitOwed returns when the poller has told of something that nobody has taken.
func awaitOwed(t *testing.T, f *FD) {
	t.Helper()
	awaitTrue(t, "news that is nobody's", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.read.owed
	})
}

// TestFDHandler: called at first, when something comes, and again while something is
// left; not at the same time.
func TestFDHandler(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	w := openWire(t, s)
	var calls, bytes, alive atomic.Int32
	if err := w.f.OnReadable(func(*Task) {
		if alive.Add(1) != 1 {
			t.Error("the handler is called while it runs")
		}
		defer alive.Add(-1)
		n, _ := w.try(1)
		bytes.Add(int32(n))
		calls.Add(1)
	}); err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, "the first call", func() bool { return calls.Load() == 1 })
	for i := range int32(5) {
		w.send()
		w.send()
		awaitTrue(t, "the bytes", func() bool { return bytes.Load() == 2*(i+1) })
	}
	awaitTrue(t, "no task", func() bool { return s.Stats().Live == 0 })
	if w.f.Partial() {
		t.Error("it has come to an end")
	}
	syscall.Shutdown(w.far, syscall.SHUT_WR)
	awaitTrue(t, "the end", w.f.Partial)
}

// TestFDHandlerKeepsNews: what comes while the handler runs isn't lost, even if the
// handler can't read it because the deadline has passed.
func TestFDHandlerKeepsNews(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	w := openWire(t, s)
	var bytes, calls atomic.Int32
	w.send()
	if err := w.f.OnReadable(func(tk *Task) {
		n, _ := w.try(10)
		bytes.Add(int32(n))
		if calls.Add(1) > 1 {
			return
		}
		w.send()
		awaitOwed(t, w.f)
		w.f.SetReadDeadline(time.Now().Add(-1))
		if _, err := w.try(10); err != os.ErrDeadlineExceeded {
			t.Errorf("after the deadline: %v", err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, "no task", func() bool { return s.Stats().Live == 0 })
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
	w.f.SetReadDeadline(time.Time{})
	awaitTrue(t, "the other byte", func() bool { return bytes.Load() == 2 })
}

// TestFDWaitKeepsNews: a wait that has been told and finds the deadline passed makes no
// attempt; so the next one needn't wait.
func TestFDWaitKeepsNews(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	w := openWire(t, s)
	runIn(t, s, func(tk *Task) {
		for range 2 {
			w.f.PrepareRead()
			w.f.TakeRead()
			w.send()
			awaitOwed(t, w.f)
			w.f.SetReadDeadline(time.Now().Add(-1))
			for _, err := range []error{w.f.WaitRead(tk), w.f.PrepareRead()} {
				if err != os.ErrDeadlineExceeded {
					t.Errorf("after the deadline: %v", err)
				}
			}
			w.f.SetReadDeadline(time.Time{})
			if err := w.f.WaitRead(tk); err != nil {
				t.Error(err)
			}
			w.f.EndRead(false)
		}
	})
}

// TestFDHandlerReader: a reader between PrepareRead and EndRead keeps the handler from
// being called.
func TestFDHandlerReader(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	w := openWire(t, s)
	var calls atomic.Int32
	w.f.PrepareRead()
	w.f.TakeRead()
	w.f.OnReadable(func(*Task) { calls.Add(1); w.f.OnReadable(nil) })
	awaitTrue(t, "the first call", func() bool { return calls.Load() == 1 })
	w.f.OnReadable(func(*Task) {
		if calls.Add(1) > 2 {
			w.f.OnReadable(nil)
		}
	})
	awaitTrue(t, "the first call", func() bool { return calls.Load() == 2 })
	w.send()
	awaitOwed(t, w.f)
	awaitTrue(t, "no task", func() bool { return s.Stats().Live == 0 })
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls while somebody reads", n)
	}
	w.f.EndRead(false)
	awaitTrue(t, "a call", func() bool { return calls.Load() == 3 })
}

// TestFDHandlerFails: a handler that panics or ends its task isn't called again, though
// something is owed.
func TestFDHandlerFails(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			s := openScheduler(t, Config{Procs: 1, OnPanic: func(*PanicError) {}})
			w := openWire(t, s)
			var calls atomic.Int32
			w.send()
			w.f.OnReadable(func(*Task) { calls.Add(1); fail() })
			awaitTrue(t, "a call", func() bool { return calls.Load() == 1 })
			awaitTrue(t, "no task", func() bool { return s.Stats().Live == 0 })
			w.send()
			runIn(t, s, func(tk *Task) {
				if err := w.receive(tk); err != nil {
					t.Error(err)
				}
			})
			if n := calls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestFDHandlerClosed: a handler that never reads what is there doesn't keep Close.
func TestFDHandlerClosed(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	w := openWire(t, s)
	var calls atomic.Int32
	w.send()
	w.f.OnReadable(func(*Task) { calls.Add(1) })
	awaitTrue(t, "calls", func() bool { return calls.Load() > 10 })
	s.Close()
	if err := w.f.OnReadable(func(*Task) {}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}
