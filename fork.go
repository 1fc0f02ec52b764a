package runq

// Fork and Join: work that may run elsewhere, at the price of a few plain stores.
//
// The tension: forks are worth having where each does a few nanoseconds of work, so
// most of them must cost no more than a call; yet the work must get to other Ps as
// soon as one is idle. A task for each, queued where thieves find it, costs ten times a
// call, even if nobody ever steals it.
//
// The choice: a fork is private until somebody wants it. It is written into a frame on
// its task's own fork stack, with plain stores, and its Join is a call. An M that has run
// out of work begs for a fork (steal.go), and so that one that sleeps gets something, the
// task looks itself every so often whether a P is idle, when it looks at the clock at a
// fork or a checkpoint (preempt.go). Then it promotes its oldest fork, which has most of
// the work below it (promote.go): what is in the frame is copied into a ticket, and a task
// that runs the ticket is queued as any other (ticket.go). Nobody but the task ever touches
// a frame. So promoting needs no protocol; what is shared is the ticket, which has one.
//
// Frames are typed, since the garbage collector has to know what is in them. A frame is
// used for a fork if it was used for the same function last time, which is what a
// recursion does at every depth: one comparison, and the function needn't be stored.
// Otherwise one of the right type is looked for, or made.
//
// Frames don't move, and the stack keeps them alive: links between them, and to the
// next one in Task.fork, are words that the collector doesn't see, since writing them
// is most of what a fork does.

import (
	"context"
	"fmt"
	"unsafe"
)

// forkFrame is a place for a fork, without what depends on its types. Owner: the task.
type forkFrame struct {
	fn     unsafe.Pointer // the function value that it is, or was last, used for; noFunc: none
	next   uintptr        // the frame above
	ticket *ticket        // nil: the fork in it is private
	number uint32         // counts the forks that have been in it
	index  int32          // its place on the stack
	stack  *forkStack     // nil: of a task that hasn't forked
}

// typedFrame is a frame for forks of one type.
type typedFrame[A, R any] struct {
	forkFrame
	arg A
	alt anyFrame // another one with the same place, of another type; nil: none
}

// anyFrame is a typedFrame.
type anyFrame interface {
	head() *forkFrame
	other() anyFrame
	setOther(anyFrame)
	promote() *ticket
	forget()
}

// forkStack has the frames of a carrier's tasks. Owner: the task.
type forkStack struct {
	frames   []anyFrame
	end      forkFrame // above them all
	promoted int32     // how many of the forks, from the oldest on, have been promoted
	under    *ticket   // what the task is running, nil: no fork
	next     int64     // not before this time another one is promoted
	pause    int64     // ns from one promotion to the next
	base     int32     // how many forks there were when what under says was begun

	// The oldest private forks a while ago: when, which the first was, and their numbers.
	seenAt   int64
	seenFrom int32
	seen     [forksSeen]uint32
}

const (
	// forkChunk is how many frames are made at a time: a recursion needs many of them,
	// and they should lie together.
	forkChunk = 16

	// forkKept is how many frames a carrier keeps when its task has ended. That is deep
	// enough for any tree that is cut in halves.
	forkKept = 256
)

// noFunc stands for no function. It isn't nil, which a caller might pass.
var noFunc byte

// noForks is where the next fork of a task goes that hasn't forked yet.
var noForks = forkFrame{fn: unsafe.Pointer(&noFunc)}

func (f *forkFrame) head() *forkFrame { return f }

func (f *forkFrame) addr() uintptr { return uintptr(unsafe.Pointer(f)) }

// frameAt returns the frame at an address.
func frameAt(w uintptr) *forkFrame { return *(**forkFrame)(unsafe.Pointer(&w)) }

// funcWord returns the pointer that a function value is.
func funcWord[A, R any](fn func(*Task, A) R) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&fn))
}

// wordFunc is the opposite of funcWord.
func wordFunc[A, R any](w unsafe.Pointer) func(*Task, A) R {
	return *(*func(*Task, A) R)(unsafe.Pointer(&w))
}

// Forked is a call that may run elsewhere, and the right to its result: what Fork
// returns. It belongs to the task that forked, and is good for one Join.
type Forked[A, R any] struct {
	f      *typedFrame[A, R]
	number uint32
}

// Fork lets fn(t, arg) run elsewhere while the caller goes on, if a P has nothing else
// to do; else it is run by Join. t is the calling task, which must not be nil. fn is
// given the task that runs it, whose context ends at the Join if it isn't t. It costs
// some nanoseconds, and allocates nothing, so that recursions need no limit below which
// they don't fork. That is so for a function that is the same value each time, and not
// for one that is made for the call: a closure, a method value, or an instance of a
// generic function inside generic code, which should be made once and handed down. And
// the first fork of a task allocates, if there are several Ps: it is promoted.
//
// Every fork must be joined by the task that made it, the youngest first, before the
// function that the task was started with, or that itself was forked, returns. A task
// that ends with a fork that isn't joined, or joins them in another order, panics.
//
// When fn panics or calls runtime.Goexit, so does Join. When the forking task panics
// itself, forks that haven't begun are dropped, the contexts of those that run
// elsewhere end, and the task ends when they have. Who recovers from a panic in between
// must do so where no fork is left that isn't joined: For, Invoke and a Group see to
// that for what they call.
//
// Fork is a checkpoint; like Checkpoint it doesn't check that t is the caller's own.
func Fork[A, R any](t *Task, fn func(*Task, A) R, arg A) Forked[A, R] {
	h := frameAt(t.fork)
	if h.fn != funcWord(fn) {
		return forkCold(t, fn, arg)
	}
	f := (*typedFrame[A, R])(unsafe.Pointer(h)) // the same function value: the same types
	f.arg = arg
	h.number++
	t.fork = h.next
	t.pace.left--
	if t.pace.left < int32(t.preempt.Load()) { // as in Checkpoint
		t.checkpoint()
	}
	return Forked[A, R]{f, h.number}
}

// Join returns what the fork's function returns, which it calls if nobody else has
// begun to. If the function runs elsewhere, the task waits, and runs meanwhile only what
// that has forked itself. t is the calling task. If fn panics, so does Join: with the
// same value if the function was called by Join itself, with a *PanicError, which has
// the value and the stack, if it ran elsewhere. Join panics, too, when the fork isn't
// the youngest that t hasn't joined, or the zero Forked.
func (x Forked[A, R]) Join(t *Task) R {
	f := x.f
	if f != nil && t.fork == f.next && f.ticket == nil && f.number == x.number {
		t.fork = f.addr()
		return wordFunc[A, R](f.fn)(t, f.arg)
	}
	return x.joinCold(t)
}

// forkCold is Fork when the frame at hand doesn't fit.
func forkCold[A, R any](t *Task, fn func(*Task, A) R, arg A) Forked[A, R] {
	m := t.enter("Fork")
	if fn == nil {
		panic("runq: Fork: the function is nil")
	}
	h := frameAt(t.fork)
	first := h == &noForks
	if first {
		h = t.beginForks()
	}
	st := h.stack
	f := findFrame[A, R](st, h.index)
	if f == nil {
		f = newFrames[A, R](st, h.index, funcWord(fn))
	}
	f.fn = funcWord(fn)
	t.fork = f.addr()
	x := Fork(t, fn, arg)
	if first && len(m.d.seated()) > 1 {
		t.promoteOldest(t.m)
		h.stack.next = t.m.s.clock.Now() + h.stack.pause
	}
	return x
}

// findFrame returns the frame for a fork at index, nil if there is none of its type.
func findFrame[A, R any](st *forkStack, index int32) *typedFrame[A, R] {
	if int(index) == len(st.frames) {
		return nil
	}
	first := st.frames[index]
	var before anyFrame
	for x := first; x != nil; before, x = x, x.other() {
		f, ok := x.(*typedFrame[A, R])
		if !ok {
			continue
		}
		if before != nil {
			before.setOther(f.alt)
			f.alt = first
			st.place(f, index)
		}
		return f
	}
	return nil
}

// newFrames makes frames from index on: several, if the stack ends there, all for the
// same function, since it is probably a recursion.
func newFrames[A, R any](st *forkStack, index int32, fn unsafe.Pointer) *typedFrame[A, R] {
	if int(index) < len(st.frames) {
		f := &typedFrame[A, R]{alt: st.frames[index]}
		st.place(f, index)
		return f
	}
	chunk := make([]typedFrame[A, R], forkChunk)
	for i := range chunk {
		f := &chunk[i]
		f.fn = fn
		st.frames = append(st.frames, nil)
		st.end.index++
		st.place(f, index+int32(i))
	}
	return &chunk[0]
}

// place puts f where index says, in place of the frame that is there.
func (st *forkStack) place(f anyFrame, index int32) {
	h := f.head()
	if old := st.frames[index]; old != nil {
		old.head().number++ // a Forked that is joined once more finds that out
	}
	h.stack, h.index, h.next = st, index, st.end.addr()
	if int(index)+1 < len(st.frames) {
		h.next = st.frames[index+1].head().addr()
	}
	if index > 0 {
		st.frames[index-1].head().next = h.addr()
	}
	st.frames[index] = f
}

func (f *typedFrame[A, R]) other() anyFrame     { return f.alt }
func (f *typedFrame[A, R]) setOther(x anyFrame) { f.alt = x }

// forget lets go of the last fork in f: of its argument, and of what its function has
// captured.
func (f *typedFrame[A, R]) forget() {
	var none A
	f.arg, f.fn = none, unsafe.Pointer(&noFunc)
}

// promote returns a ticket for the fork in f.
func (f *typedFrame[A, R]) promote() *ticket {
	tk := &typedTicket[A, R]{fn: wordFunc[A, R](f.fn), arg: f.arg}
	tk.call = tk.callTyped
	return &tk.ticket
}

// beginForks gives the task its carrier's stack, and returns its first frame.
func (t *Task) beginForks() *forkFrame {
	st := t.c.forks
	if st == nil {
		st = new(forkStack)
		st.end.stack, st.end.fn = st, unsafe.Pointer(&noFunc)
		t.c.forks = st
	}
	st.under, _ = t.e.env.owner.(*ticket)
	st.next, st.pause = 0, lookEvery
	st.seen = [forksSeen]uint32{}
	if len(st.frames) == 0 {
		return &st.end
	}
	return st.frames[0].head()
}

// forks returns the number of the task's forks that haven't been joined.
func (t *Task) forks() int32 { return frameAt(t.fork).index }

// forkContext is the context of the task's next promoted fork: that of the one before,
// which must be joined after it. So when one fails, those end that would have to be
// joined first. If nobody recovers, the others do, too.
func (t *Task) forkContext() context.Context {
	if st := t.c.forks; st.promoted > st.base {
		return st.frames[st.promoted-1].head().ticket.ctx
	}
	return t.Context()
}

// joinCold is Join for a fork that has been promoted, or that isn't to be joined now.
func (x Forked[A, R]) joinCold(t *Task) R {
	m := t.enter("Forked.Join")
	f := x.f
	if f == nil {
		panic("runq: Forked.Join: no fork: only Fork returns one that can be joined")
	}
	x.check(t)
	tk := f.ticket
	if tk.takeBack() {
		m.p.c.forksTakenBack++
		f.stack.judge(false)
		t.popFork(&f.forkFrame)
		return wordFunc[A, R](f.fn)(t, f.arg)
	}
	t.await(tk) // the fork stays on the stack, with others above it
	f.stack.judge(tk.ran >= tk.least)
	t.popFork(&f.forkFrame)
	if tk.err != nil {
		t.raise(tk.err)
	}
	return (*typedTicket[A, R])(unsafe.Pointer(tk)).res
}

// check panics unless t may join x now.
func (x Forked[A, R]) check(t *Task) {
	f := x.f
	name := nameOf(*(*uintptr)(f.fn))
	st := frameAt(t.fork).stack
	if f.stack != st {
		panic(fmt.Sprintf("runq: Forked.Join: the fork of %s belongs to another task, or to one that has ended", name))
	}
	n := t.forks()
	switch {
	case f.number != x.number || f.index >= n:
		panic(fmt.Sprintf("runq: Forked.Join: the fork of %s has been joined already", name))
	case f.index < n-1:
		young := st.frames[n-1].head()
		panic(fmt.Sprintf("runq: Forked.Join: fork %d of the task, of %s, can't be joined before fork %d, of %s: "+
			"joins are last in, first out", f.index+1, name, n, nameOf(*(*uintptr)(young.fn))))
	}
}

// popFork takes the youngest fork off the stack, which has been promoted.
func (t *Task) popFork(f *forkFrame) {
	f.ticket.cancel(nil)
	f.ticket = nil
	f.stack.promoted = f.index
	t.fork = f.addr()
}

// checkJoined panics if more than n of the task's forks haven't been joined.
func (t *Task) checkJoined(n int32) {
	if left := t.forks() - n; left > 0 {
		youngest := frameAt(t.fork).stack.frames[t.forks()-1].head()
		panic(fmt.Sprintf("runq: a function returns with %d of its forks not joined; the youngest is of %s",
			left, nameOf(*(*uintptr)(youngest.fn))))
	}
}

// endForks ends the forks of a task whose function has ended: a panic or Goexit may have
// left some.
func (t *Task) endForks(cause error) {
	st := t.c.forks
	t.dropForks(0, cause)
	t.fork = noForks.addr()
	st.under = nil
	if len(st.frames) > forkKept {
		t.c.forks = nil
		return
	}
	for _, f := range st.frames {
		for ; f != nil; f = f.other() {
			f.forget()
		}
	}
}

// abandonForks is endForks for a task that has panicked or called runtime.Goexit.
func (t *Task) abandonForks(cause error) {
	if t.fork != noForks.addr() {
		err := t.err // a wait in between has its own
		t.endForks(cause)
		t.err = err
	}
}

// dropForks drops the task's forks down to the number n, and waits for those that run,
// whose contexts end.
func (t *Task) dropForks(n int32, cause error) {
	st := t.c.forks
	if st == nil {
		return // it has never forked
	}
	if n < st.promoted {
		st.frames[n].head().ticket.cancel(cause)
	}
	for t.forks() > n {
		f := st.frames[t.forks()-1].head()
		tk := f.ticket
		if tk == nil {
			t.fork = f.addr()
			continue
		}
		if !tk.takeBack() {
			t.parkFor(tk) // not await: what it ran might end this, too, in the middle
		}
		t.popFork(f)
	}
}
