package runq

// Ms with a thread of their own.
//
// The tension: what a thread may use of the processor is the kernel's to decide, by the
// thread's nice value and affinity, and only for threads. An M is a goroutine, which Go
// moves from thread to thread; and an ordinary thread must never get a low priority, for
// it is not allowed to get back its old one, and the next goroutine on it may be a
// server's.
//
// The choice: such an M locks its goroutine to a thread, changes the thread, and never
// unlocks it; Go ends the thread with the goroutine. Go doesn't make new threads from a
// locked one either, so that nothing is inherited. But a coroutine made on a locked thread
// can be switched to on that thread only: tasks that wait on one thread would have to go
// on there, one behind the other, whatever else is free, and would never go on if one of
// them blocks the thread meanwhile. So there are no coroutines here. A task runs on the M's
// own stack, and one that waits keeps its M and thread, and hands its P to another, as any
// task does that is locked to its thread (locked.go). That costs microseconds for a wait,
// and memory for a thread: what a background task can afford.

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/sx"
)

// binding is how the threads of a domain are. It doesn't change.
type binding struct {
	nice int   // 0: as it is
	idle bool  // they are to have only what nobody else wants
	cpus []int // nil: all
}

// onOwnThread calls f locked to a thread, for good, that ends when f has returned and the
// goroutine ends. Go never ends the process's main thread, whose nice value, moreover, the
// system's tools show as the process's: if that is what the caller is on, f is called on
// another goroutine, which can't be on it for as long as the caller is.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if osthread.ID() != os.Getpid() {
		f()
		return
	}
	locked := make(chan struct{})
	sx.Go(func() {
		runtime.LockOSThread()
		close(locked)
		f()
	})
	<-locked
	runtime.UnlockOSThread()
}

// bind changes the calling thread.
func (b *binding) bind() error {
	var nice, cpus error
	if b.nice != 0 {
		nice = osthread.SetNice(b.nice)
	}
	if b.idle && nice == nil {
		_ = osthread.SetIdle() // where a sandbox forbids that, the nice value does the most of it
	}
	if b.cpus != nil {
		cpus = osthread.SetAffinity(b.cpus)
	}
	return errors.Join(nice, cpus)
}

// try tells whether threads can be bound so: it does it to one that ends. That isn't made idle,
// which may fail, so that the caller needn't wait until there is a processor for it.
func (b *binding) try() error {
	busy := *b
	busy.idle = false
	done := make(chan error, 1)
	sx.Go(func() { onOwnThread(func() { done <- busy.bind() }) })
	return <-done
}

// mainBound is main for an M with a thread of its own.
func (m *m) mainBound() { onOwnThread(m.driveBound) }

// driveBound is the rest of mainBound, on that thread.
func (m *m) driveBound() {
	s := m.s
	defer s.threads.Done()
	defer m.leaveGroup()
	m.joinGroup() // the kernel locks all groups for it: better not with the lowest priority
	// It was possible when the domain was made. Once is enough to be told that it isn't any more.
	if err := m.d.bound.bind(); err != nil && m.d.unbound.CompareAndSwap(false, true) {
		s.cfg.Logger.Warn("runq: a thread isn't bound as its class wants it: its tasks run on it all the same", "error", err)
	}
	tid := osthread.ID()
	m.before, _ = osthread.CPUTime(tid) // an ordinary thread's so far
	m.paid = int64(m.before)
	m.tid.Store(int32(tid)) // partner: cpuTime
	c := &carrier{}
	c.task.c, c.task.lock, c.task.home = c, m, m
	c.task.fork = noForks.addr()
	c.m = m
	s.carriers.add(c)
	defer s.carriers.remove(c)
	defer c.lostBound()
	for m.find(&m.found) {
		c.task.e, m.found = m.found, entry{}
		m.cur = c
		c.serveBound()
		c.state = carrierLive
		m.cur = nil
	}
}

// serveBound runs the task that c has and those that follow, until the M has to look
// farther for one, or has been unwound by a panic.
func (c *carrier) serveBound() {
	defer c.unwoundBound()
	t := &c.task
	for t.e.env != nil {
		t.begin(c.m)
		if c.m.restrained() {
			t.attend()
		}
		t.call()
		if t.fork != noForks.addr() {
			t.checkJoined(0)
			t.endForks(nil)
		}
		c.m.finish(t, endReturn)
		t.e = entry{}
		m := c.m
		if !m.pick(&t.e) {
			return
		}
		if g := t.e.g(); g != nil {
			t.e = entry{}
			m.handTo = g
			return
		}
	}
}

// unwoundBound contains a panic or a Goexit of the task that ran on c. A panic is over
// then; a Goexit goes on, and lostBound ends the M. So does one that goes on although a
// panic in one of its deferred calls was recovered from, which looks like a plain panic
// here.
func (c *carrier) unwoundBound() {
	m := c.m
	g := m.curg
	if g == nil {
		return
	}
	c.state = carrierGoexits // unless serveBound returns
	if v := recover(); v != nil {
		err := newPanicError(g, v, debug.Stack())
		g.panicked(err)
		g.abandonForks(err)
		m.finish(g, endPanic)
		g.e = entry{}
		return
	}
	g.goexited()
	g.abandonForks(ErrGoexit)
	m.finish(g, endGoexit)
	g.e = entry{}
}

// lostBound ends the M if a Goexit ends its goroutine, and with it the thread.
func (c *carrier) lostBound() {
	if c.state != carrierGoexits {
		return
	}
	m := c.m
	m.cur = nil
	m.handOffP()
	m.s.lock.Lock()
	m.exit()
	m.s.lock.Unlock()
}
