package runq

// Tickets: forks that others may run.
//
// The tension: a task that joins a fork which somebody else has begun must wait for it,
// and meanwhile its stack is in the way: what it runs on top of itself must end before
// it can go on, and may want a lock that the task holds.
//
// The choice: who wants to run a ticket, a thief or the task itself, takes it by
// compare-and-swap. If the thief was first, the task runs what the ticket's own run has
// promoted meanwhile, if there is anything that nobody has begun (leapfrogging): the
// ticket can't end before that does, so no time is lost, and its code would have run on
// behalf of the task anyway. Never anything else. If there is nothing it parks, and its
// P goes on with other work.
//
// The race it avoids: the ticket ends just when the task parks. The task leaves its
// stack first, and then swaps its wish to be woken for the state "started"; who has
// ended the ticket swaps in "done" and sees the wish, or the task sees "done".
//
// A ticket that has been taken back, or run by leapfrogging, is still in a queue. It is
// a task that ends at once.

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// The states of a ticket.
const (
	ticketQueued  = iota // nobody has begun: whoever swaps it for another state runs it
	ticketTaken          // its own task runs it, as if it had never been promoted
	ticketStarted        // somebody else runs it
	ticketAwaited        // and its task has parked until it is done
	ticketDone
)

// ticket is a promoted fork, without what depends on its types.
type ticket struct {
	state sx.Uint32   // partner: takeBack, start, commitJoin, finish
	call  func(*Task) // runs the function and keeps its result
	ran   int64       // when it was begun, then how long it took; written before the state says done
	least int64       // how long it must take to have been worth it; the task's that has promoted it
	err   error       // how it ended; likewise
	joins *Task       // who is to be woken; written before the state says awaited

	ctx    context.Context         // of its run, and of the promoted forks after it
	cancel context.CancelCauseFunc // ends ctx
	child  *env                    // of the task that forked: what tasks get that the run spawns

	mu    sx.Mutex
	below []*ticket // what has been promoted by its run; guarded by mu
}

// typedTicket is a ticket for a fork of one type.
type typedTicket[A, R any] struct {
	ticket // first: a pointer to it is one to the whole
	fn     func(*Task, A) R
	arg    A
	res    R
}

func (tk *typedTicket[A, R]) callTyped(t *Task) { tk.res = tk.fn(t, tk.arg) }

// errNotRun is what a ticket's task returns that came too late. Nobody sees it.
var errNotRun = errors.New("runq: the fork has been run by another task")

// takeBack takes the ticket for the task that forked.
func (tk *ticket) takeBack() bool { return tk.state.CompareAndSwap(ticketQueued, ticketTaken) }

// start takes the ticket for somebody else.
func (tk *ticket) start() bool { return tk.state.CompareAndSwap(ticketQueued, ticketStarted) }

// run is what a ticket's task does.
func (tk *ticket) run(t *Task) error {
	if !tk.start() {
		return errNotRun
	}
	tk.begin(t)
	return nil
}

// begin runs the ticket's function for t, which has started the ticket.
func (tk *ticket) begin(t *Task) {
	tk.ran = -t.m.s.clock.Now()
	tk.call(t)
}

// done implements owner.
func (tk *ticket) done(t *Task, err error) {
	if err != errNotRun {
		tk.finish(t, err)
	}
}

// finish ends the ticket, which the running task t has run.
func (tk *ticket) finish(t *Task, err error) {
	now := t.m.s.clock.Now()
	tk.ran += now
	if p := t.m.p; p != nil {
		p.forked = now
	}
	tk.err = err
	if err != nil {
		tk.cancel(err)
	}
	if tk.state.Swap(ticketDone) == ticketAwaited { // partner: commitJoin
		t.m.s.ready(t.m, tk.joins, event.ReasonWakeTask)
	}
}

// adopt notes that kid has been promoted by the ticket's run.
func (tk *ticket) adopt(kid *ticket) {
	tk.mu.Lock()
	defer tk.mu.Unlock()
	left := tk.below[:0]
	for _, k := range tk.below {
		if s := k.state.Load(); s == ticketQueued || s == ticketStarted || s == ticketAwaited {
			left = append(left, k)
		}
	}
	clear(tk.below[len(left):])
	tk.below = append(left, kid)
}

// startBelow starts a ticket that descends from tk and that nobody has begun; nil: there
// is none.
func (tk *ticket) startBelow() *ticket {
	tk.mu.Lock()
	defer tk.mu.Unlock()
	for _, k := range tk.below {
		if k.start() {
			return k
		}
		if s := k.state.Load(); s == ticketStarted || s == ticketAwaited {
			if kk := k.startBelow(); kk != nil {
				return kk
			}
		}
	}
	return nil
}

// await waits until the ticket, which another task has begun, is done, and does
// meanwhile what has to be done for that.
func (t *Task) await(tk *ticket) {
	for tk.state.Load() != ticketDone {
		k := tk.startBelow()
		if k == nil {
			t.parkFor(tk)
			return
		}
		t.m.p.c.forksLeapfrogged++
		t.leapfrog(k)
	}
}

// parkFor is await without doing anything.
func (t *Task) parkFor(tk *ticket) {
	for tk.state.Load() != ticketDone {
		t.park(event.ReasonWaitJoin, commitJoin, unsafe.Pointer(tk))
	}
}

// commitJoin asks to be woken at the ticket's end, unless that has come.
func commitJoin(t *Task, arg unsafe.Pointer) bool {
	tk := (*ticket)(arg)
	tk.joins = t
	return tk.state.CompareAndSwap(ticketStarted, ticketAwaited) // partner: finish
}

// leapfrog runs a ticket on top of the task, which has the ticket's context meanwhile. A
// panic is the ticket's.
func (t *Task) leapfrog(tk *ticket) {
	st, depth := t.c.forks, t.forks()
	under, base, own := st.under, st.base, t.e.env
	returned := false
	defer func() {
		var err error
		if !returned {
			if v := recover(); v != nil {
				err = newPanicError(t, v, debug.Stack())
			} else {
				err = ErrGoexit // and it goes on, through the Join that waits for all this
			}
		}
		t.dropForks(depth, err)
		st.under, st.base = under, base
		t.changeEnv(own)
		tk.finish(t, err)
	}()
	st.under, st.base = tk, depth
	t.changeEnv(&env{s: own.s, class: own.class, due: own.due, ctx: tk.ctx, owner: own.owner, child: tk.child})
	tk.begin(t)
	t.checkJoined(depth)
	returned = true
}

// changeEnv lets the task go on with another context.
func (t *Task) changeEnv(e *env) {
	if t.watch != nil {
		t.unwatch() // it is the context's
	}
	t.e.env = e
}

// raise lets the way in which a fork ended be that of the call of its Join.
func (t *Task) raise(err error) {
	if err == ErrGoexit {
		runtime.Goexit()
	}
	panic(err)
}
