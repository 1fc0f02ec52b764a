package torture

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
)

// group carries out a group of tasks on s; t is who waits for it, nil an ordinary
// goroutine. It returns the sum of the children's values.
func (x *execution) group(ctx context.Context, s *runq.Scheduler, t *runq.Task, o *op) (sum uint64, err error) {
	ctx, cancel := groupContext(ctx, o)
	defer cancel()
	g, own := runq.NewGroup(ctx, s)
	g.SetLimit(o.n)
	if o.fl&flagZero != 0 {
		g.SetLimit(0)
	}
	slots := make([]uint64, len(o.kids))
	began := make([]atomic.Bool, len(o.kids))
	strict := o.n > 0 && o.fl&flagRelimit == 0 && o.count(kJoinOwn) == 0
	var running atomic.Int64
	for i, k := range o.kids {
		fn := func(t *runq.Task) error {
			began[i].Store(true)
			if n := running.Add(1); strict && n > int64(o.n) {
				x.mistake("op %d: %d tasks of the group run at once", o.id, n)
			}
			defer running.Add(-1)
			if t.Context() != own {
				x.mistake("op %d: the task's context isn't the group's", k.id)
			}
			return x.task(t, k, g, &slots[i])
		}
		if o.fl&flagTry == 0 || !g.TryGo(fn) {
			g.Go(fn)
		}
	}
	if o.fl&flagRelimit != 0 {
		for _, n := range [...]int{3, 1, 2, -1} {
			g.SetLimit(n)
		}
	}
	g.SetLimit(o.n)
	if o.fl&flagCancel != 0 {
		cancel()
	}
	err = x.wait(t, o, g)
	if own.Err() == nil {
		x.mistake("op %d: the group's context goes on after Wait", o.id)
	}
	for i, v := range slots {
		sum += v
		switch {
		case began[i].Load():
		case t != nil:
			x.mistake("op %d: the child %d of a running task didn't run", o.id, o.kids[i].id)
		default:
			x.refuse(o.kids[i])
		}
	}
	return sum, err
}

// groupContext returns the context for a group, which ends as the flags say.
func groupContext(ctx context.Context, o *op) (context.Context, func()) {
	if o.fl&flagTimeout != 0 {
		return context.WithTimeout(ctx, o.d)
	}
	ctx, cancel := context.WithCancel(ctx)
	if o.fl&flagBeside == 0 {
		return ctx, cancel
	}
	timer := time.AfterFunc(o.d, cancel)
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}

// wait waits until all tasks have ended; a Wait returns before when one has
// panicked.
func (x *execution) wait(t *runq.Task, o *op, g *runq.Group) error {
	err := g.Wait(t)
	if again := g.Wait(t); again != err {
		x.mistake("op %d: Wait returns %v, and then %v", o.id, err, again)
	}
	return err
}

func (f *frame) burst(t *runq.Task, o *op) {
	x := f.x
	if o.how == burstDetached {
		for range o.n {
			t.Go(func(t *runq.Task) { x.detached(t, o) })
		}
		return
	}
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	if o.how == burstLimited {
		g.SetLimit(3)
	}
	slots := make([]uint64, o.n)
	for i := range slots {
		g.Go(func(t *runq.Task) error { return x.task(t, o, nil, &slots[i]) })
	}
	x.ended(o, g.Wait(t))
	var sum uint64
	for _, v := range slots {
		sum += v
	}
	f.v = fold(f.v, sum)
}

// Variants of kQuick.
const (
	quickLimited = iota
	quickIdle
	quickSleep
	quickFlock
)

// quickTasks is how many tasks a quick group has. Two: the last to end wakes the
// waiter, while the other one does nothing any more, or still ends. A flock is so
// large that many sleeps end at once: a searching M finds more than it can run.
func quickTasks(o *op) int {
	if o.how == quickFlock {
		return 100
	}
	return 2
}

// quick makes groups of which the end, and the end of the context, come at about the
// time of the waits for them: after a time that differs a little from one to the
// next.
func (f *frame) quick(t *runq.Task, o *op) {
	var ran atomic.Int64
	for i := range o.n {
		ctx, cancel := context.WithCancel(t.Context())
		g, _ := runq.NewGroup(ctx, t.Scheduler())
		if o.how == quickLimited {
			g.SetLimit(1)
		}
		for j := range quickTasks(o) {
			g.Go(func(t *runq.Task) error {
				ran.Add(1)
				switch o.how {
				case quickSleep:
					pause(i * (j + 1))
					t.Sleep(time.Hour)
				case quickFlock:
					t.Sleep(o.d)
				}
				return nil
			})
		}
		pause(i)
		if o.how == quickSleep {
			go func() {
				pause(2 * i)
				cancel()
			}()
		}
		if err := g.Wait(t); err != nil {
			f.x.mistake("op %d: Wait: %v", o.id, err)
		}
		cancel()
	}
	f.v = fold(f.v, uint64(ran.Load()))
}

// pause computes for less than some microseconds: as long as it takes to wake a
// goroutine, or not to.
func pause(n int) {
	v := uint64(n)
	for range n * 37 % 4096 {
		v = mix(v)
	}
	runtime.KeepAlive(v)
}
