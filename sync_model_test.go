//go:build model

package runq

import (
	"testing"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// tickingClock goes on by a step whenever it is asked.
type tickingClock struct {
	stillClock
	now, step int64
}

func (c *tickingClock) Now() int64 {
	c.now += c.step
	return c.now
}

// checkNative explores f, in which threads are ordinary goroutines, for whom the time
// goes on by step whenever they look.
func checkNative(t *testing.T, preemptions int, step int64, want []string, f func(x *model.Execution, seen outcomes)) {
	t.Helper()
	old := nativeClock
	defer func() { nativeClock = old }()
	seen := outcomes{}
	r := model.Check(t, model.Config{Preemptions: preemptions}, func(x *model.Execution) {
		nativeClock = &tickingClock{step: step}
		f(x, seen)
	})
	seen.want(t, r, want...)
}

// checkEnding explores f with a task whose context ends at any moment. What f returns
// looks at the result when all threads have ended.
func checkEnding(t *testing.T, preemptions int, want []string, f func(x *model.Execution, tk *Task, seen outcomes) (after func())) {
	t.Helper()
	old := nativeClock
	nativeClock = stillClock{}
	defer func() { nativeClock = old }()
	checkDriven(t, preemptions, 1, func() clock { return stillClock{} }, want, func(d *driver) {
		ctx := newEndingContext()
		var after func()
		var done sx.Bool
		m := d.ms[0]
		m.p.c.spawned++
		e := fresh(func(tk *Task) {
			tk.watchContext()
			w := tk.watch
			d.x.Go("context", func() { ctx.end(w) })
			after = f(d.x, tk, d.seen)
			done.Store(true)
		}, newEnv(d.s.normal, ctx, nil))
		m.p.run.Put(&e, &d.s.normal.queue)
		d.x.Go("M", func() {
			for !done.Load() {
				if !m.turn() {
					sx.Gosched()
				}
			}
		})
		d.settle()
		after()
	})
}

// gaveUp checks the error of a wait and tells whether the context has ended it.
func gaveUp(x *model.Execution, err error) bool {
	if err != nil && err != errEnough {
		x.Failf("the error is %v", err)
	}
	return err != nil
}

// exclusive is what at most one may be in.
type exclusive struct {
	x         *model.Execution
	in, total int
	pause     sx.Int32
}

func (e *exclusive) enter() {
	if e.in++; e.in != 1 {
		e.x.Failf("%d are in", e.in)
	}
	e.pause.Add(1)
	e.in--
	e.total++
}

// checkFree fails unless m is as good as new.
func checkFree(x *model.Execution, m *Mutex) {
	if s := m.state.Load(); s&^mutexWaiting != 0 || m.queue.first != nil || !m.TryLock() {
		x.Failf("at the end the mutex's state is %b, with a queue: %v", s, m.queue.first != nil)
	}
}

// TestModelMutex: three compete, patient ones and such as want it handed over at once.
func TestModelMutex(t *testing.T) {
	for name, tt := range map[string]struct {
		step int64
		want []string
	}{
		"patient":  {1, []string{"waiting", "woken"}},
		"starving": {starvingAfter, []string{"waiting", "woken", "starving"}},
	} {
		t.Run(name, func(t *testing.T) {
			checkNative(t, 4, tt.step, tt.want, func(x *model.Execution, seen outcomes) {
				var m Mutex
				e := exclusive{x: x}
				for range 3 {
					x.Go("locker", func() {
						m.Lock(nil)
						e.enter()
						s := m.state.Load()
						for bit, name := range map[uint32]string{mutexWaiting: "waiting", mutexWoken: "woken", mutexStarving: "starving"} {
							if s&bit != 0 {
								seen[name]++
							}
						}
						m.Unlock(nil)
					})
				}
				x.Join()
				if e.total != 3 {
					x.Failf("%d of 3 have been in", e.total)
				}
				checkFree(x, &m)
			})
		})
	}
}

// TestModelMutexTwice: two lock twice each; who unlocks comes back before the waiter
// that it has woken.
func TestModelMutexTwice(t *testing.T) {
	checkNative(t, 4, starvingAfter, []string{"starving"}, func(x *model.Execution, seen outcomes) {
		var m Mutex
		e := exclusive{x: x}
		for range 2 {
			x.Go("locker", func() {
				for range 2 {
					m.Lock(nil)
					e.enter()
					if m.state.Load()&mutexStarving != 0 {
						seen["starving"]++
					}
					m.Unlock(nil)
				}
			})
		}
		x.Join()
		checkFree(x, &m)
	})
}

// TestModelMutexContext: the context of a waiter ends while the mutex is unlocked, and
// another one waits behind it, who must get it.
func TestModelMutexContext(t *testing.T) {
	checkEnding(t, 2, []string{"locked", "gave up"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
		var m Mutex
		e := exclusive{x: x}
		for range 2 {
			x.Go("locker", func() {
				m.Lock(nil)
				e.enter()
				m.Unlock(nil)
			})
		}
		if gaveUp(x, m.LockOrDone(tk)) {
			seen["gave up"]++
		} else {
			seen["locked"]++
			e.enter()
			m.Unlock(tk)
		}
		return func() { checkFree(x, &m) }
	})
}

// readWrite is what one writer or any number of readers may be in.
type readWrite struct {
	x                *model.Execution
	readers, writers int
	pause            sx.Int32
	seen             outcomes
}

func (s *readWrite) read() {
	s.readers++
	s.look()
	s.readers--
}

func (s *readWrite) write() {
	s.writers++
	s.look()
	s.writers--
}

func (s *readWrite) look() {
	if s.writers > 1 || s.writers > 0 && s.readers > 0 {
		s.x.Failf("%d writers and %d readers are in", s.writers, s.readers)
	}
	if s.readers > 1 {
		s.seen["two read"]++
	}
	s.pause.Add(1)
}

// checkFreeRW fails unless rw is as good as new.
func checkFreeRW(x *model.Execution, rw *RWMutex) {
	if s := rw.state.Load(); s != 0 || rw.readers.first != nil || rw.writers.first != nil {
		x.Failf("at the end the lock's state is %b", s)
	}
}

// TestModelRWMutex: readers and writers, patient and not.
func TestModelRWMutex(t *testing.T) {
	for name, tt := range map[string]struct {
		readers, writers, preemptions int
		step                          int64
	}{
		"one writer":            {2, 1, 4, 1},
		"two writers":           {1, 2, 4, 1},
		"two writers, starving": {1, 2, 4, starvingAfter},
		"four":                  {2, 2, 2, 1},
		"four, starving":        {2, 2, 2, starvingAfter},
	} {
		t.Run(name, func(t *testing.T) {
			checkNative(t, tt.preemptions, tt.step, []string{"readers wait", "a writer waits"}, func(x *model.Execution, seen outcomes) {
				var rw RWMutex
				in := readWrite{x: x, seen: seen}
				for range tt.readers {
					x.Go("reader", func() {
						rw.RLock(nil)
						in.read()
						if rw.writers.first != nil {
							seen["a writer waits"]++
						}
						rw.RUnlock(nil)
					})
				}
				for range tt.writers {
					x.Go("writer", func() {
						rw.Lock(nil)
						in.write()
						if rw.readers.first != nil {
							seen["readers wait"]++
						}
						rw.Unlock(nil)
					})
				}
				x.Join()
				checkFreeRW(x, &rw)
			})
		})
	}
}

// TestModelRWMutexContext: a writer gives up, and the reader that waits for it alone
// goes on; then a reader gives up.
func TestModelRWMutexContext(t *testing.T) {
	for name, tt := range map[string]struct {
		lock   func(rw *RWMutex, tk *Task) error
		unlock func(rw *RWMutex, tk *Task)
	}{
		"writer": {(*RWMutex).LockOrDone, (*RWMutex).Unlock},
		"reader": {(*RWMutex).RLockOrDone, (*RWMutex).RUnlock},
	} {
		t.Run(name, func(t *testing.T) {
			checkEnding(t, 2, []string{"locked", "gave up"}, func(x *model.Execution, tk *Task, seen outcomes) func() {
				var rw RWMutex
				in := readWrite{x: x, seen: seen}
				x.Go("reader", func() {
					rw.RLock(nil)
					in.read()
					rw.RUnlock(nil)
				})
				x.Go("writer", func() {
					rw.Lock(nil)
					in.write()
					rw.Unlock(nil)
				})
				if gaveUp(x, tt.lock(&rw, tk)) {
					seen["gave up"]++
				} else {
					seen["locked"]++
					tt.unlock(&rw, tk)
				}
				return func() { checkFreeRW(x, &rw) }
			})
		})
	}
}
