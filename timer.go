package runq

// Timers: tasks that sleep, and how timers are run.
//
// Each seat has a heap. Its P runs the timers that are due whenever it schedules;
// an M that searches runs those of others in its last round; and sysmon sees to it
// that an M comes at all when every P is idle or busy.
//
// What a node stands for is told by its Data: the task that sleeps; nothing, for the
// timer of a Select (outsider.go); itself, for an alarm (alarm.go).

import (
	"context"
	"time"
	"unsafe"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// Sleep makes the task wait for at least d, or until its context ends. A d of zero
// or less yields.
func (t *Task) Sleep(d time.Duration) {
	m := t.enter("Sleep")
	if d <= 0 {
		t.Yield()
		return
	}
	until := after(m.s.clock, d)
	ctx := t.e.env.ctx
	if ctx == nil || ctx.Done() == nil {
		t.c.timer.When = until // for commitSleep
		t.park(event.ReasonWaitSleep, commitSleep, nil)
		return
	}
	t.sleepContext(ctx, until)
}

// commitSleep puts the sleeping task's timer into the heap of the P that it left.
func commitSleep(t *Task, _ unsafe.Pointer) bool {
	t.m.addTimer(&t.c.timer, t, t.c.timer.When)
	return true
}

// addTimer sets the timer n to ready t at the time when. t may run on before
// addTimer has returned.
func (m *m) addTimer(n *timerheap.Node, t *Task, when int64) {
	n.Data = unsafe.Pointer(t)
	if m.p.timers.Add(n, when) {
		m.s.timerEarlier(when)
	}
}

// sleeper is a sleep that a context can end. It is an object of its own because the
// context may come late, when the task sleeps again or has ended.
type sleeper struct {
	mu    sx.Mutex
	timer timerheap.Node
	ended bool // the context has ended; guarded by mu
}

// sleepContext is Sleep for a task whose context can end. Whoever removes the timer
// from its heap, runTimers or the context, readies the task.
func (t *Task) sleepContext(ctx context.Context, until int64) {
	s := t.e.env.s
	sl := new(sleeper)
	sl.timer.When = until // for commitSleeper
	stop := context.AfterFunc(ctx, func() {
		sl.mu.Lock()
		sl.ended = true
		mine := sl.timer.Remove()
		sl.mu.Unlock()
		if mine {
			s.ready(nil, t, event.ReasonWakeContext)
		}
	})
	t.park(event.ReasonWaitSleep, commitSleeper, unsafe.Pointer(sl))
	stop()
}

// commitSleeper sets the sleeper's timer, unless the context has ended already.
func commitSleeper(t *Task, arg unsafe.Pointer) bool {
	sl := (*sleeper)(arg)
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.ended {
		return false
	}
	t.m.addTimer(&sl.timer, t, sl.timer.When)
	return true
}

// runTimers runs the timers of the heap of p whose time has come, on behalf of m. It may
// be called with locks of objects held that a task is leaving with.
func (m *m) runTimers(p *p) {
	heap := p.timers
	now := m.s.clock.Now()
	for next := heap.Next(); next != 0 && next <= now; next = heap.Next() {
		n := heap.PopDue(now)
		if n == nil {
			return
		}
		m.p.c.late[histogramBucket(now-next)]++ // if another M was faster, n is no later than that
		switch n.Data {
		case nil:
			(*selectTimer)(unsafe.Pointer(n)).fire(m, now)
		case unsafe.Pointer(n):
			(*alarm)(unsafe.Pointer(n)).fire(m, now)
		default:
			m.s.ready(m, (*Task)(n.Data), event.ReasonWakeTimer)
		}
	}
}

// timerEarlier is called when a timer has become the earliest of its heap: if
// sysmon sleeps longer than that, it is woken.
func (s *Scheduler) timerEarlier(when int64) {
	if until := s.sysmonUntil.Load(); until != 0 && when < until { // partner: sysmonSleep
		s.sysmonNote.Wake()
	}
}

// nextTimer returns the earliest deadline of all heaps, 0 if there is none.
func (s *Scheduler) nextTimer() int64 {
	var next int64
	for _, d := range s.allDomains() {
		next = earlier(next, d.nextTimer())
	}
	return next
}

// nextTimer returns the earliest deadline of the domain's heaps, 0 if there is none.
func (d *domain) nextTimer() int64 {
	var next int64
	for _, p := range d.seated() {
		next = earlier(next, p.timers.Next())
	}
	return next
}

// earlier returns the earlier of two deadlines, of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
