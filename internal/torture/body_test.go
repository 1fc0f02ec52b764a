package torture

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/runq-go/runq"
)

// frame is a running task.
type frame struct {
	x        *execution
	own      *runq.Group // that the task belongs to
	detached bool
	v        uint64 // see reference_test.go
	locks    int    // ops that it is in, of kind kLock
}

// task is a task of which o.kids are the body. Its value goes to the slot, or
// without one into the total.
func (x *execution) task(t *runq.Task, o *op, own *runq.Group, slot *uint64) error {
	f := &frame{x: x, own: own, v: mix(uint64(o.id))}
	return f.run(t, o, slot)
}

// detached is task where nobody waits.
func (x *execution) detached(t *runq.Task, o *op) {
	f := &frame{x: x, detached: true, v: mix(uint64(o.id))}
	f.run(t, o, nil) //nolint:errcheck // nobody is told
}

func (f *frame) run(t *runq.Task, o *op, slot *uint64) error {
	f.x.counts[o.id].Add(1)
	defer func() { // also when it panics
		if slot != nil {
			*slot = f.v
		} else {
			f.x.total.Add(f.v)
		}
	}()
	return f.body(t, o.kids)
}

// body carries out what a task does. An error means that the task ends with it.
func (f *frame) body(t *runq.Task, ops []*op) error {
	for _, o := range ops {
		if !o.kind.tasks() {
			f.x.counts[o.id].Add(1)
		}
		f.v = fold(f.v, uint64(o.id))
		if err := f.step(t, o); err != nil {
			return err
		}
	}
	return nil
}

func (f *frame) step(t *runq.Task, o *op) error {
	x := f.x
	switch o.kind {
	case kSpawn:
		t.Go(func(t *runq.Task) { x.detached(t, o) })
	case kGroup:
		s := t.Scheduler()
		if o.fl&flagOther != 0 && s == x.s { // back from there might come too late, after Close
			s = x.other
		}
		sum, err := x.group(t.Context(), s, t, o)
		x.ended(o, err)
		f.v = fold(f.v, sum)
		if o.fl&flagPropagate != 0 {
			return err
		}
	case kLock:
		return f.lock(t, o)
	case kDeep:
		return f.deep(t, o, o.n)
	case kBurst:
		f.burst(t, o)
	case kRunInside:
		f.runInside(t, o)
	case kGoInside:
		x.submitGo(o)
	case kQuick:
		f.quick(t, o)
	case kPair:
		f.pair(t, o)
	case kEnd:
		return f.end(t, o)
	default:
		f.leaf(t, o)
	}
	return nil
}

// leaf is an op that has an effect on the schedule alone.
func (f *frame) leaf(t *runq.Task, o *op) {
	switch o.kind {
	case kYield:
		for range o.n {
			t.Yield()
		}
		if f.x.wrong && f.locks > 0 && f.own != nil {
			f.x.counts[o.id].Add(1)
		}
	case kCheckpoint:
		for range o.n {
			t.Checkpoint()
		}
	case kSleep:
		t.Sleep(o.d)
	case kSleepLong:
		t.Sleep(time.Hour)
		if t.Context().Err() == nil {
			f.x.mistake("op %d: an hour's sleep has ended, but the context hasn't", o.id)
		}
	case kBlock:
		f.block(t, o)
	case kNative:
		if o.how == 0 {
			time.Sleep(o.d)
		} else {
			f.x.readPipe(o.d)
		}
	case kHog:
		for begin := time.Now(); time.Since(begin) < o.d; {
		}
	case kRecover:
		recovers(t)
	case kLabel:
		t.SetLabel("labelled")
		t.Yield()
		if t.Label() != "labelled" {
			f.x.mistake("op %d: the label is %q", o.id, t.Label())
		}
	case kJoinOwn:
		f.own.Wait(t) //nolint:errcheck // what has failed by now depends on the schedule
	}
}

func (f *frame) lock(t *runq.Task, o *op) error {
	t.LockThread()
	f.locks++
	err := f.body(t, o.kids)
	f.locks--
	if o.how == 0 {
		t.UnlockThread()
	}
	return err
}

// deep carries out the kids below n frames, and checks that these survive it.
//
//go:noinline
func (f *frame) deep(t *runq.Task, o *op, n int) error {
	if n == 0 {
		return f.body(t, o.kids)
	}
	var local [24]uint64 // so that a deep op needs a stack that must grow
	for i := range local {
		local[i] = uint64(n + i)
	}
	err := f.deep(t, o, n-1)
	for i, v := range &local {
		if v != uint64(n+i) {
			f.x.mistake("op %d: the stack of a task was damaged", o.id)
			break
		}
	}
	return err
}

// runInside is Run, called by a task.
func (f *frame) runInside(t *runq.Task, o *op) {
	x := f.x
	var err error
	run := func() {
		err = x.s.Run(context.Background(), func(t *runq.Task) error { return x.task(t, o, nil, nil) })
	}
	switch {
	case x.cfg.foreignWaits() && o.how == 0:
		t.Block(run)
	case x.cfg.nakedWaits() && o.how == 1:
		run()
	default:
		done := make(chan struct{})
		go func() { run(); close(done) }()
		receive(x, t, o.id, done)
	}
	if err == runq.ErrClosed {
		x.refuse(o)
		return
	}
	x.ended(o, err)
}

// receive receives from c, in a way that depends on how. Where the scheduler may
// not be left without knowing of it, it polls.
func receive[T any](x *execution, t *runq.Task, how int, c <-chan T) (v T) {
	if !x.cfg.foreignWaits() {
		for {
			select {
			case v = <-c:
				return v
			default:
				t.Sleep(50 * time.Microsecond)
				t.Yield() // the sleep is none when the context has ended
			}
		}
	}
	if how%2 == 0 || !x.cfg.nakedWaits() {
		t.Block(func() { v = <-c })
		return v
	}
	return <-c
}

func (f *frame) pair(t *runq.Task, o *op) {
	x := f.x
	there, back := make(chan int, 1), make(chan int, 1)
	t.Go(func(t *runq.Task) {
		x.total.Add(mix(uint64(o.id)))
		for range o.n {
			back <- receive(x, t, o.how, there) // there is room
		}
	})
	sum := 0
	for i := range o.n {
		there <- i + 1
		sum += receive(x, t, o.how+i, back)
	}
	f.v = fold(f.v, uint64(sum))
}

func (f *frame) end(t *runq.Task, o *op) error {
	if f.detached && o.how != endError && o.how < endGoexit {
		f.x.panicked.Add(1)
	}
	if o.how == endPanicDeferred || o.how == endGoexitDeferred {
		defer func() {
			t.Sleep(50 * time.Microsecond)
			t.Yield()
		}()
	}
	switch o.how {
	case endError:
		return opError(o.id)
	case endPanic, endPanicDeferred:
		panic(opPanic(o.id))
	case endPanicInBlock:
		t.Block(func() { panic(opPanic(o.id)) })
	case endGoexit, endGoexitDeferred:
		runtime.Goexit()
	case endGoexitInBlock:
		t.Block(runtime.Goexit)
	}
	panic("not reached")
}

// recovers panics and recovers, with waits while it unwinds.
func recovers(t *runq.Task) {
	defer func() {
		if v := recover(); v != opPanic(0) {
			panic(v)
		}
	}()
	defer t.Yield()
	defer t.Sleep(time.Microsecond)
	panic(opPanic(0))
}

func (f *frame) block(t *runq.Task, o *op) {
	switch o.how {
	case 0:
		t.Block(func() {})
	case 1:
		t.Block(func() { time.Sleep(o.d) })
	case 2:
		t.Block(func() { f.x.readPipe(o.d) })
	case 3:
		func() {
			defer func() {
				if v := recover(); v != opPanic(o.id) {
					panic(v)
				}
			}()
			t.Block(func() { panic(opPanic(o.id)) })
		}()
	}
}

// readPipe reads a byte that comes after d.
func (x *execution) readPipe(d time.Duration) {
	r, w, err := os.Pipe()
	if err != nil {
		x.mistake("pipe: %v", err)
		return
	}
	go func() {
		time.Sleep(d)
		w.Write([]byte{1})
		w.Close()
	}()
	var b [1]byte
	if n, err := r.Read(b[:]); n != 1 || b[0] != 1 {
		x.mistake("reading a pipe: %d bytes, %v", n, err)
	}
	r.Close()
}
