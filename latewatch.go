package runq

import (
	"time"

	"github.com/runq-go/runq/event"
)

// maxRunnable bounds the tasks that a lateWatch keeps an eye on. Where so many wait for
// their turn it has spoken up long ago.
const maxRunnable = 1 << 20

// lateWatch finds the tasks that wait too long for their turn.
type lateWatch struct {
	limit, every int64
	since        map[event.TaskID]runnable
	worst        LateWait // since it was last asked; Waited is 0: none
	stack        event.StackID
	called       int64 // when it last had something to say; 0: never
}

// runnable is since when a task waits for its turn.
type runnable struct {
	time  int64
	stack event.StackID // if it hasn't begun
}

func (l *lateWatch) init(cfg FlightRecorderConfig) {
	l.limit, l.every = int64(cfg.Late), int64(cfg.Every)
	if cfg.Late != 0 {
		l.since = make(map[event.TaskID]runnable)
	}
}

// look takes events into account, which come in order.
func (l *lateWatch) look(events []event.Event) {
	for i := range events {
		e := &events[i]
		spec := e.Kind.Spec()
		if !spec.IsTask() {
			continue
		}
		if spec.To == event.TaskRunnable {
			if len(l.since) < maxRunnable {
				l.since[e.Task] = runnable{e.Time, e.Stack}
			}
			continue
		}
		r, ok := l.since[e.Task]
		if !ok {
			continue
		}
		delete(l.since, e.Task)
		if waited := e.Time - r.time; spec.To == event.TaskRunning && waited > l.limit && waited > int64(l.worst.Waited) {
			l.worst = LateWait{Task: uint64(e.Task), At: time.Duration(e.Time), Waited: time.Duration(waited)}
			l.stack = r.stack
		}
	}
}

// due returns the worst wait, if there is one, and it is time to tell.
func (l *lateWatch) due(now int64) (LateWait, bool) {
	if l.worst.Waited == 0 {
		return LateWait{}, false
	}
	w := l.worst
	l.worst = LateWait{}
	if l.called != 0 && now-l.called < l.every {
		return LateWait{}, false
	}
	l.called = now
	return w, true
}
