package runq

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/runq-go/runq/internal/goid"
	"github.com/runq-go/runq/internal/sx"
)

// meddler is a context that has something done whenever the task whose context it is,
// or who selects on it, calls one of its methods.
type meddler struct {
	context.Context // can end
	who             atomic.Uint64
	calls           atomic.Int32
	meddle          func(call int32)
}

// enlist makes the caller the one whose calls count.
func (c *meddler) enlist() { c.who.Store(goid.Get()) }

func (c *meddler) called() {
	if c.who.Load() == goid.Get() {
		c.meddle(c.calls.Add(1))
	}
}

func (c *meddler) Done() <-chan struct{} {
	c.called()
	return c.Context.Done()
}

func (c *meddler) Err() error {
	c.called()
	return c.Context.Err()
}

func (c *meddler) Value(key any) any {
	c.called()
	return c.Context.Value(key)
}

// AfterFunc is what package context calls in place of starting a goroutine.
func (c *meddler) AfterFunc(f func()) (stop func() bool) {
	c.called()
	return context.AfterFunc(c.Context, f)
}

// cancellableWait is a wait that the end of a context ends: of the task's own, or, of
// an ordinary goroutine, of the one that is passed.
type cancellableWait struct {
	name    string
	mu      *sx.Mutex
	q       *waitQueue
	wait    func(tk *Task, ctx context.Context) error
	outside bool // ctx is the one that ends it
}

// cancellableWaits are the waits for all kinds of objects.
func cancellableWaits() []cancellableWait {
	c, sem, cond, rw := NewChan[int](0), NewSemaphore(1), NewCond(new(Mutex)), new(RWMutex)
	var m Mutex
	var wg WaitGroup
	var e Event
	m.Lock(nil)
	rw.Lock(nil)
	wg.Add(1)
	sem.TryAcquire(1)
	one := 1
	// The task's own context and a Done case are watched in the same place.
	selects := func(tk *Task, ctx context.Context, k Case) error {
		cases := []Case{k}
		if tk == nil || ctx != tk.Context() {
			cases = append(cases, Done(ctx))
		}
		if i, err := Select(tk, cases...); i != 1 {
			return err
		}
		return errEnough
	}
	recv := func(tk *Task, ctx context.Context) error { return selects(tk, ctx, c.RecvCase(nil, nil)) }
	return []cancellableWait{
		{"Send", &c.mu, &c.sendq, func(tk *Task, _ context.Context) error { return c.Send(tk, 1) }, false},
		{"Recv", &c.mu, &c.recvq, func(tk *Task, _ context.Context) error { _, err := c.Recv(tk); return err }, false},
		{"Select", &c.mu, &c.sendq, func(tk *Task, ctx context.Context) error { return selects(tk, ctx, c.SendCase(&one)) }, false},
		{"Done", &c.mu, &c.recvq, recv, true},
		{"Mutex", &m.mu, &m.queue, func(tk *Task, _ context.Context) error { return m.LockOrDone(tk) }, false},
		{"Lock", &rw.mu, &rw.writers, func(tk *Task, _ context.Context) error { return rw.LockOrDone(tk) }, false},
		{"RLock", &rw.mu, &rw.readers, func(tk *Task, _ context.Context) error { return rw.RLockOrDone(tk) }, false},
		{"Semaphore", &sem.mu, &sem.queue, func(tk *Task, _ context.Context) error { return sem.Acquire(tk, 1) }, false},
		{"WaitGroup", &wg.mu, &wg.queue, func(tk *Task, _ context.Context) error { return wg.Wait(tk) }, false},
		{"Event", &e.mu, &e.queue, func(tk *Task, _ context.Context) error { return e.Wait(tk) }, false},
		{"Cond", &cond.mu, &cond.queue, func(tk *Task, _ context.Context) error {
			cond.L.Lock(tk)
			defer cond.L.Unlock(tk)
			return cond.Wait(tk)
		}, false},
	}
}

// run waits with the context, on a task, or, if tk is false, on an ordinary goroutine.
func (w *cancellableWait) run(s *Scheduler, ctx *meddler, task bool) <-chan error {
	own := context.Context(ctx)
	if w.outside {
		own = context.Background()
	}
	return async(func() error {
		if !task {
			ctx.enlist()
			return w.wait(nil, ctx)
		}
		return s.Run(own, func(tk *Task) error {
			ctx.enlist()
			return w.wait(tk, ctx)
		})
	})
}

// Methods of a context may use the object that is waited for: it isn't locked then, and
// the one who calls them isn't in its list.
func TestContextFindsNothingLocked(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for _, w := range cancellableWaits() {
		for _, task := range []bool{true, false} {
			if !task && !w.outside {
				continue
			}
			inner, cancel := context.WithCancelCause(context.Background())
			ctx := &meddler{Context: inner, meddle: func(int32) {
				awaitTrue(t, w.name+": the object's lock is free", w.mu.TryLock)
				if w.q.first != nil {
					t.Errorf("%s: the task is in a list already, or still", w.name)
				}
				w.mu.Unlock()
			}}
			done := w.run(s, ctx, task)
			awaitTrue(t, w.name+" waits", func() bool { return queued(w.mu, w.q) == 1 })
			before := ctx.calls.Load()
			cancel(errEnough)
			if err := awaitClosed(t, w.name+" ends", done); err != errEnough {
				t.Errorf("%s: %v, want the context's cause", w.name, err)
			}
			if before == 0 {
				t.Errorf("%s has called no method of the context", w.name)
			}
		}
	}
}

// A context whose method panics leaves the object as it was.
func TestContextPanics(t *testing.T) {
	s := newTest(t, Config{Procs: 2})
	for _, w := range cancellableWaits() {
		for at := int32(1); ; at++ {
			inner, cancel := context.WithCancelCause(context.Background())
			ctx := &meddler{Context: inner, meddle: func(call int32) {
				if call == at {
					panic("the context panics")
				}
			}}
			err := w.run(s, ctx, true)
			ended := false
			awaitTrue(t, w.name+" waits or panics", func() bool {
				ended = len(err) > 0
				return ended || queued(w.mu, w.q) == 1
			})
			cancel(errEnough)
			got := awaitClosed(t, w.name+" ends", err)
			if n := queued(w.mu, w.q); n != 0 {
				t.Errorf("%s: %d nodes are left by a panic in call %d of the context", w.name, n, at)
			}
			if got == errEnough && ctx.calls.Load() < at {
				if at == 1 {
					t.Errorf("%s has called no method of the context", w.name)
				}
				break
			}
			if _, ok := got.(*PanicError); !ok {
				t.Errorf("%s: %v, want the panic of call %d", w.name, got, at)
			}
		}
	}
}

// A context that uses the channel whose task waits, and fills it meanwhile: the wait
// looks again.
func TestContextServesTheWait(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	for name, recv := range map[string]func(tk *Task, c *Chan[int]) (int, error){
		"Recv": func(tk *Task, c *Chan[int]) (int, error) { return c.Recv(tk) },
		"Select": func(tk *Task, c *Chan[int]) (v int, err error) {
			_, err = Select(tk, c.RecvCase(&v, nil))
			return v, err
		},
	} {
		c := NewChan[int](1)
		inner, cancel := context.WithCancel(context.Background())
		ctx := &meddler{Context: inner, meddle: func(int32) { c.TrySend(7) }}
		err := s.Run(ctx, func(tk *Task) error {
			ctx.enlist()
			v, err := recv(tk, c)
			if v != 7 {
				t.Errorf("%s: received %d", name, v)
			}
			return err
		})
		cancel()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
