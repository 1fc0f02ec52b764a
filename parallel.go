package runq

// Loops on top of Fork and Join.
//
// The tension: who writes a loop doesn't know how long its body takes, nor how many Ps
// will have time for it. Cut into pieces beforehand, it is either slower than the plain
// loop or leaves Ps without work.
//
// The choice: a range is run in chunks, which grow until one takes about chunkTime: that
// is where the clock, the context and the other Ps are looked at, and it is long enough
// for that to cost nothing. The upper half of what is left is kept as a private fork,
// which costs a few stores for each halving, so that there is something to promote at
// any time: between chunks, as soon as a P is hungry and the half is worth the trouble,
// and in the midst of a body that comes to checkpoints or forks itself. If nobody wants
// it, the range takes it back and goes on with it, in the same call.

import (
	"context"
	"runtime"

	"github.com/runq-go/runq/internal/sx"
)

const (
	// chunkTime is how long a chunk should take: hundreds of times what is done between
	// two chunks, and no longer than it takes to wake an M for what is offered there.
	chunkTime = 32e3 // ns

	// chunkFaster bounds by how much chunks grow from one to the next: the first
	// elements may not be like the others.
	chunkFaster = 8

	// offerAfter is how long a range must have run for its mean to tell how long the
	// rest will take: the first elements of a loop find nothing in the cache.
	offerAfter = 5e3 // ns

	// reportEvery is the time between two reports of a loop's progress: what seems to
	// people to move by itself.
	reportEvery = 100e6 // ns
)

// LoopOption is an option of For and of what is made of it.
type LoopOption func(*loop)

// Progress lets report be called with how many of the loop's elements are done, and
// how many there are: about every 100 ms while chunks end, and once at the end, but not
// after a panic. done never decreases. The calls come one after the other, from tasks of
// the loop, which should get back to work soon: report may block as their functions may.
// A panic in report is one of the loop's body.
func Progress(report func(done, total int)) LoopOption {
	return func(l *loop) { l.report = report }
}

// loop is what all tasks of a loop share.
type loop struct {
	body func(t *Task, lo, hi int)
	ctx  context.Context // of the caller; nil: the loop can't be cancelled
	stop sx.Bool         // no chunk begins any more, though some are left

	report    func(done, total int) // nil: nobody wants to know
	total     int
	done      sx.Int64 // elements
	reporting sx.Bool  // somebody calls report, or sets reported
	reported  int64    // when report was called last; owner: who has set reporting
}

// loopRange is a part of a loop, for Fork.
type loopRange struct {
	l      *loop
	lo, hi int
}

// For calls body for consecutive parts lo <= i < hi of the range 0 <= i < n, so that
// each i is in one of them, and returns when all calls have. The calls come from the
// calling task t and, as far as Ps have nothing else to do, from others at the same
// time; body is given the task that calls it. How the range is cut follows from how long
// the parts take: body should be a plain loop over its part. n below 1 means no call.
//
// When t's context ends, no further part begins, and For returns the context's cause,
// or nil if there was none left. Between parts, the task comes to a checkpoint.
//
// When body panics or calls runtime.Goexit, no further part begins, and when those that
// run have ended, For does the same: with the *PanicError of another task, or with the
// original value if it was t that called body.
//
// t is the calling task, or nil for an ordinary goroutine, which waits while the loop
// runs on Default(); a panic reaches it as *PanicError. Loops may be nested.
func For(t *Task, n int, body func(t *Task, lo, hi int), opts ...LoopOption) error {
	if t == nil {
		return onDefault(func(t *Task) error { return For(t, n, body, opts...) })
	}
	t.enter("For")
	if body == nil {
		panic("runq: For: the body is nil")
	}
	l := &loop{body: body, total: max(n, 0)}
	l.configure(t, opts)
	defer l.end()
	return l.run(t, func() { runRange(t, loopRange{l, 0, l.total}) })
}

// Each calls fn with a pointer to each element of s. The rest is as for For.
func Each[E any](t *Task, s []E, fn func(t *Task, e *E), opts ...LoopOption) error {
	if fn == nil {
		panic("runq: Each: the function is nil")
	}
	return For(t, len(s), func(t *Task, lo, hi int) {
		part := s[lo:hi]
		for i := range part {
			fn(t, &part[i])
		}
	}, opts...)
}

// Invoke calls all the functions, as far as Ps have nothing else to do at the same time,
// and returns when all have. Each is given the task that calls it; none may be nil. When
// one panics or calls runtime.Goexit, those that haven't begun don't, and when the
// others have ended, so does Invoke, as For does. t is the calling task, or nil for an
// ordinary goroutine, which waits while the functions run on Default().
func Invoke(t *Task, fns ...func(t *Task)) {
	for _, fn := range fns {
		if fn == nil {
			panic("runq: Invoke: a function is nil")
		}
	}
	if t == nil {
		onDefault(func(t *Task) error { Invoke(t, fns...); return nil }) //nolint:errcheck // it is nil
		return
	}
	t.enter("Invoke")
	v := &invocation{fns: fns}
	defer func() { v.fns = nil }() // frames of forks still point to v
	t.enclose(nil, func() { invoke(t, invoked{v, 0}) })
}

// invocation is one call of Invoke.
type invocation struct {
	fns  []func(*Task)
	stop sx.Bool // one of them has panicked or exited: no other one begins
}

// call calls a function.
func (v *invocation) call(t *Task, fn func(*Task)) {
	if v.stop.Load() {
		return
	}
	returned := false
	defer func() {
		if !returned {
			v.stop.Store(true)
		}
	}()
	fn(t)
	returned = true
}

// invoked is a call's functions from number i on, for Fork.
type invoked struct {
	v *invocation
	i int
}

// invoke calls the functions.
func invoke(t *Task, x invoked) (none struct{}) {
	switch left := x.v.fns[x.i:]; len(left) {
	case 0:
	case 1:
		x.v.call(t, left[0])
	default:
		rest := Fork(t, invoke, invoked{x.v, x.i + 1})
		x.v.call(t, left[0])
		rest.Join(t)
	}
	return
}

// onDefault runs fn in a task of Default. How fn ends, so does onDefault.
func onDefault(fn func(t *Task) error) (err error) {
	for {
		failed := Default().Run(context.Background(), func(t *Task) error {
			err = fn(t)
			return nil
		})
		switch failed {
		case nil:
			return err
		case ErrGoexit:
			runtime.Goexit()
		case ErrClosed: // a moment ago: there is another one as soon as it is forgotten
			runtime.Gosched()
		default:
			panic(failed)
		}
	}
}

// configure sets what follows from the caller and its options.
func (l *loop) configure(t *Task, opts []LoopOption) {
	if ctx := t.e.env.ctx; ctx.Done() != nil {
		l.ctx = ctx
	}
	for _, opt := range opts {
		opt(l)
	}
	if l.report != nil {
		l.reported = t.m.s.clock.Now()
	}
}

// run calls work, which does the loop's work, in the calling task.
func (l *loop) run(t *Task, work func()) error {
	t.enclose(l, work)
	if l.report != nil {
		l.report(int(l.done.Load()), l.total)
	}
	if l.stop.Load() {
		return context.Cause(l.ctx)
	}
	return nil
}

// end forgets what the caller has given: frames of forks still point to the loop.
func (l *loop) end() { l.body, l.ctx, l.report = nil, nil, nil }

// enclose calls work. If that panics or exits, none of what it has forked is left when
// enclose does. l, which may be nil, is stopped then.
func (t *Task) enclose(l *loop, work func()) {
	depth, returned := t.forks(), false
	defer func() {
		if returned {
			return
		}
		if l != nil {
			l.stop.Store(true)
		}
		if t.forks() > depth {
			t.dropForks(depth, nil) // what it is can't be found out without ending it
		}
	}()
	work()
	returned = true
}

// stopped tells whether the loop must not go on. It is called by who has work left.
func (l *loop) stopped() bool {
	if l.stop.Load() {
		return true
	}
	if l.ctx == nil || l.ctx.Err() == nil {
		return false
	}
	l.stop.Store(true)
	return true
}

// call calls fn, a part of the loop. If that panics or exits, the loop is stopped.
func (l *loop) call(t *Task, fn func(t *Task, lo, hi int), lo, hi int) {
	returned := false
	defer func() {
		if !returned {
			l.stop.Store(true)
		}
	}()
	fn(t, lo, hi)
	returned = true
}

// did notes that n more elements are done, and reports it when it is time.
func (l *loop) did(n int, now int64) {
	if l.report == nil {
		return
	}
	l.done.Add(int64(n))
	if !l.reporting.CompareAndSwap(false, true) {
		return
	}
	returned := false
	defer func() {
		if !returned {
			l.stop.Store(true)
		}
		l.reporting.Store(false)
	}()
	if now-l.reported >= reportEvery {
		l.reported = now
		l.report(int(l.done.Load()), l.total)
	}
	returned = true
}

// runRange runs a part of the loop. Of the forks that it has made, all but the youngest
// have been promoted.
func runRange(t *Task, r loopRange) (none struct{}) {
	l, depth, forks := r.l, t.forks(), int32(0)
	var upper *typedFrame[loopRange, struct{}] // of the youngest fork; nil: it has been taken back
	pc := newChunks(t)
	for {
		private := upper != nil && upper.ticket == nil
		if r.lo == r.hi || l.stopped() {
			if !private {
				joinRanges(t, depth)
				return
			}
			r = upper.arg
			t.fork = upper.addr()
			upper = nil
			forks--
			continue
		}
		if !private && r.hi-r.lo > pc.size { // else it is a chunk: not worth sharing
			mid := r.lo + (r.hi-r.lo)/2
			upper = Fork(t, runRange, loopRange{l, mid, r.hi}).f
			r.hi = mid
			forks++
		}
		n := min(pc.size, r.hi-r.lo)
		l.call(t, l.body, r.lo, r.lo+n)
		t.checkJoined(depth + forks)
		r.lo += n
		pc.ended(t, n)
		if t.hasPrivate() {
			t.m.p.forked = pc.now
		}
		l.did(n, pc.now)
		if pc.worth(upper, t.m.d.worthSharing()) {
			t.offer()
		}
		t.Checkpoint()
	}
}

// joinRanges joins the task's forks down to the number depth, which are of runRange.
func joinRanges(t *Task, depth int32) {
	for n := t.forks(); n > depth; n-- {
		f := t.c.forks.frames[n-1].(*typedFrame[loopRange, struct{}])
		Forked[loopRange, struct{}]{f, f.number}.Join(t)
	}
}

// offer promotes the task's oldest private fork, unless the last one promoted is still
// to be had: that will go to the P that is hungry.
func (t *Task) offer() {
	st := t.c.forks
	if st == nil {
		return
	}
	if n := st.promoted; n > 0 && st.frames[n-1].head().ticket.state.Load() == ticketQueued {
		return
	}
	t.promoteOldest(t.m)
}

// chunks finds out how large the chunks of a range should be.
type chunks struct {
	size       int
	begun, now int64 // when the first one began, and the last one ended
	done       int   // elements
}

func newChunks(t *Task) chunks {
	now := t.m.s.clock.Now()
	return chunks{size: 1, begun: now, now: now}
}

// ended notes that a chunk of n elements has ended.
func (pc *chunks) ended(t *Task, n int) {
	now := t.m.s.clock.Now()
	took := now - pc.now
	pc.now = now
	pc.done += n
	if n < pc.size && took < chunkTime {
		return // it was cut off
	}
	pc.size = max(1, int(float64(n)*min(chunkTime/float64(max(took, 1)), chunkFaster)))
}

// worth tells whether the oldest private fork is worth being offered to others: mine,
// the range's own youngest, if it is as long as least, as far as the elements so far let
// expect.
func (pc *chunks) worth(mine *typedFrame[loopRange, struct{}], least int64) bool {
	took := pc.now - pc.begun
	if took < offerAfter || least == never {
		return false
	}
	if mine == nil || mine.ticket != nil || mine.stack.promoted < mine.index {
		return true // another loop's, or the task's own
	}
	n := mine.arg.hi - mine.arg.lo
	return float64(n)*float64(took) >= float64(least)*float64(pc.done)
}
