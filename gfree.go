package runq

import (
	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// Free tasks. A P keeps up to a queue.Stack of them; when that is full, half go to the
// scheduler's list, where Ps without any, and ordinary goroutines that submit, get
// theirs. Go's figures.
const gfreeHalf = queue.StackCap / 2

// taskBlock is how many tasks are allocated at once, so that spawning a burst for
// the first time costs one allocation for many. 64 tasks fill about 3 pages.
const taskBlock = 64

// taskPool is the scheduler's list of free tasks, and of all tasks there are.
// Tasks are never given back to the garbage collector before Close: a scheduler
// that had a million tasks once keeps room for as many.
type taskPool struct {
	mu   sx.Mutex
	free []*queue.Node      // guarded by mu; the last is taken first
	all  []*[taskBlock]Task // guarded by mu; every task ever made
}

// overflow takes n of a P's free tasks.
func (f *taskPool) overflow(p *p, n int) {
	f.mu.Lock()
	f.free = p.gfree.Give(f.free, n)
	f.mu.Unlock()
}

// refill gives a stack that is empty half a P's worth of free tasks.
func (f *taskPool) refill(s *queue.Stack) {
	f.mu.Lock()
	if len(f.free) == 0 {
		f.grow()
	}
	f.free = s.Take(f.free, gfreeHalf)
	f.mu.Unlock()
}

// grow allocates a block. The lock is held.
func (f *taskPool) grow() {
	b := new([taskBlock]Task)
	f.all = append(f.all, b)
	for i := range b {
		f.free = append(f.free, &b[i].node)
	}
}

// each calls f for every task there is, in use or not.
func (f *taskPool) each(do func(*Task)) {
	f.mu.Lock()
	all := f.all
	f.mu.Unlock()
	for _, b := range all {
		for i := range b {
			do(&b[i])
		}
	}
}

// newTask returns a free task, to be filled and made runnable. Owner of p only.
func (p *p) newTask() *Task {
	n := p.gfree.Pop()
	if n == nil {
		p.s.gfree.refill(&p.gfree)
		n = p.gfree.Pop()
	}
	return taskOf(n)
}
