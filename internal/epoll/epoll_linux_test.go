package epoll

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// open returns a Poller and a pipe, which the test's end closes.
func open(t *testing.T) (p *Poller, r, w int) {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return p, fds[0], fds[1]
}

// look returns what there is, by id.
func look(t *testing.T, p *Poller) map[uint64]Event {
	t.Helper()
	var events Events
	n, all := p.Look(&events)
	if !all {
		t.Errorf("%d events are said not to be all", n)
	}
	found := make(map[uint64]Event)
	for i := range n {
		e := events.At(i)
		found[e.ID] = e
	}
	return found
}

const reader, writer = 1<<40 + 7, 1<<63 + 1<<31 // ids with bits in both halves

func TestEdges(t *testing.T) {
	p, r, w := open(t)
	for fd, id := range map[int]uint64{r: reader, w: writer} {
		if err := p.Add(fd, id); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(t, p); len(got) != 1 || got[writer] != (Event{ID: writer, Writable: true}) {
		t.Errorf("a new pipe is %+v", got)
	}
	if got := look(t, p); len(got) != 0 {
		t.Errorf("it is told again: %+v", got)
	}
	unix.Write(w, []byte("x"))
	if got := look(t, p); got[reader] != (Event{ID: reader, Readable: true}) {
		t.Errorf("with a byte in it, it is %+v", got)
	}
	unix.Write(w, []byte("y"))
	if got := look(t, p); !got[reader].Readable {
		t.Errorf("one more byte is no news: %+v", got)
	}
	if err := p.Remove(w); err != nil {
		t.Error(err)
	}
	if err := p.Remove(w); err == nil {
		t.Error("what isn't watched was removed")
	}
	unix.Dup3(r, w, unix.O_CLOEXEC) // closes the writing end
	if got := look(t, p); !got[reader].Readable || !got[reader].Partial {
		t.Errorf("at its end, it is %+v", got)
	}
}

// TestFull: more events than there is room for.
func TestFull(t *testing.T) {
	p, _, w := open(t)
	var events Events
	for i := range len(events.raw) + 1 {
		fd, err := unix.Dup(w)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := p.Add(fd, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n, all := p.Look(&events); n != len(events.raw) || all {
		t.Errorf("the first look finds %d, all: %v", n, all)
	}
	if n, all := p.Look(&events); n != 1 || !all {
		t.Errorf("the second look finds %d, all: %v", n, all)
	}
}

// TestAwait: called at first, at every news, and no more after Close.
func TestAwait(t *testing.T) {
	p, r, w := open(t)
	if err := p.Add(r, reader); err != nil {
		t.Fatal(err)
	}
	calls, over := make(chan int), make(chan bool)
	go func() {
		p.Await(func() { calls <- len(look(t, p)) })
		close(over)
	}()
	if n := <-calls; n != 0 {
		t.Errorf("at first, there are %d events", n)
	}
	for range 100 {
		unix.Write(w, []byte("x"))
		for <-calls != 1 { // the one before may be told of once more
		}
	}
	p.Close()
	for done := false; !done; {
		select {
		case <-calls:
		case <-over:
			done = true
		}
	}
}

func TestBadDescriptor(t *testing.T) {
	p, _, _ := open(t)
	if err := p.Add(-1, 0); !errors.Is(err, unix.EBADF) {
		t.Error("a descriptor that isn't one was added")
	}
}
