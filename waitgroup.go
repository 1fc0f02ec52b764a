package runq

// WaitGroup.
//
// The counter and whether anybody waits are one word. As long as nobody waits, the
// counter is changed by compare-and-swap; from then on under the lock. So who brings it
// to zero wakes those who waited then, and nobody who has come for the next round.

import (
	"fmt"
	"math"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// WaitGroup waits for a number of things to be done, by tasks, of any schedulers, or by
// ordinary goroutines. The zero WaitGroup waits for nothing. A WaitGroup must not be
// copied after its first use. Group does more for tasks: it passes errors, panics and
// cancellation on.
//
// What a caller did before the Add or Done that brings the counter to zero happens before
// the return of the Waits that it ends. As in sync, an Add that raises the counter from
// zero must be ordered before the Wait that is to wait for it. The WaitGroup can be used
// again at any time: a Wait that the counter has ended stays ended.
type WaitGroup struct {
	mu    sx.Mutex  // first, see TaskInfo.Object
	state sx.Int64  // the counter, times waitGroupOne; and waitGroupWaited
	queue waitQueue // guarded by mu
}

const (
	waitGroupWaited = 1 // somebody may wait: the word is changed with mu held
	waitGroupOne    = 2
	waitGroupMax    = math.MaxInt64 / waitGroupOne
)

// Add adds delta, which may be negative, to the counter. When the counter becomes zero,
// all who wait go on. It panics if the counter would become negative. Add never waits.
// The tasks that it wakes are queued as if an ordinary goroutine had woken them, so a
// task that is done with something better calls Done.
func (wg *WaitGroup) Add(delta int) { wg.add(nil, "Add", int64(delta)) }

// Done takes one off the counter. t is the calling task, nil for an ordinary goroutine;
// when the counter becomes zero, one of the tasks that wait runs next where t runs now.
// It panics if the counter is zero. Done never waits.
func (wg *WaitGroup) Done(t *Task) {
	if t != nil {
		t.enter("WaitGroup.Done")
	}
	wg.add(t, "Done", -1)
}

// Go adds one to the counter and runs fn in a detached task, whose end calls Done, also
// when it panics. The task is started like one of t.Go; a nil t stands for an ordinary
// goroutine, and the task runs on the Default scheduler. fn must not be nil. Go doesn't
// wait.
func (wg *WaitGroup) Go(t *Task, fn func(t *Task)) {
	if fn == nil {
		panic("runq: WaitGroup.Go: the function is nil")
	}
	if t != nil {
		t.enter("WaitGroup.Go")
	}
	wg.Add(1)
	started := false
	defer func() {
		if !started { // the scheduler is closed
			wg.Done(t)
		}
	}()
	run := func(t *Task) {
		defer wg.Done(t)
		fn(t)
	}
	if t == nil {
		Default().Go(run)
	} else {
		t.Go(run)
	}
	started = true
}

// Wait waits until the counter is zero. t is the calling task, nil for an ordinary
// goroutine. When t's context ends first, Wait returns its cause; with a nil t the error
// is always nil.
func (wg *WaitGroup) Wait(t *Task) error {
	if t != nil {
		t.enter("WaitGroup.Wait")
	}
	if wg.state.Load() < waitGroupOne {
		return nil
	}
	t.beforeWait(true)
	wg.mu.Lock()
	for {
		s := wg.state.Load()
		if s < waitGroupOne {
			wg.mu.Unlock()
			return nil
		}
		if wg.state.CompareAndSwap(s, s|waitGroupWaited) {
			break
		}
	}
	w := newWaiter(t)
	wg.queue.push(&w.node, w)
	err := w.wait(&wg.mu, &w.node, event.ReasonWaitWaitGroup, true)
	w.free()
	return err
}

// add is Add and Done; call is which.
func (wg *WaitGroup) add(t *Task, call string, delta int64) {
	for {
		s := wg.state.Load()
		if s&waitGroupWaited != 0 {
			break
		}
		if wg.state.CompareAndSwap(s, waitGroupSum(call, s, delta)) {
			return
		}
	}
	wg.addWaited(t, call, delta)
}

// addWaited is add while somebody may wait. By the time that it has the lock, the wait
// may be over.
func (wg *WaitGroup) addWaited(t *Task, call string, delta int64) {
	wg.mu.Lock()
	for {
		s := wg.state.Load()
		n := s&^waitGroupWaited/waitGroupOne + delta
		if n < 0 || n > waitGroupMax {
			wg.mu.Unlock()
			waitGroupSum(call, s, delta) // panics
		}
		sum := n*waitGroupOne | s&waitGroupWaited
		var wake *waitNode
		if n == 0 {
			sum = 0
			// First: who sees that the counter is zero may end a waiter's context. If
			// somebody waits, the counter can't change without the lock.
			wake, _ = wg.queue.claimAll()
		}
		if wg.state.CompareAndSwap(s, sum) {
			wg.mu.Unlock()
			wakeAll(wake, t)
			return
		}
	}
}

// waitGroupSum returns the state s after delta has been added to its counter.
func waitGroupSum(call string, s, delta int64) int64 {
	n := s / waitGroupOne
	if sum := n + delta; sum < 0 || sum > waitGroupMax {
		panic(fmt.Sprintf("runq: WaitGroup.%s: the counter is %d: with %d more it would be %d; it must be between 0 and %d",
			call, n, delta, sum, int64(waitGroupMax)))
	}
	return s + delta*waitGroupOne
}
