package perfetto

import (
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// beat is how often a counter is written at most, in ns. Numbers of tasks change with
// nearly every event, and would be most of the trace. What lasts for less can't be seen
// beside what lasts for the time that fits on a screen; slices show it.
const beat = 10e3

// counter is a track with a number that changes.
type counter struct {
	track   uint64
	value   int64
	written uint64 // when it was, last
	known   bool   // value means something
	late    bool   // value hasn't been written
}

// set notes the number, and writes it if it isn't what it was, and the time has come.
func (c *counter) set(out *writer, now uint64, value int64) {
	if now-c.written >= beat {
		c.flush(out, now)
	}
	if c.known && c.value == value {
		return
	}
	due := !c.known || now-c.written >= beat
	c.value, c.known, c.late = value, true, true
	if due {
		c.late, c.written = false, now
		out.count(now, c.track, c.value)
	}
}

// flush writes a number that was there before now, if that is to be done.
func (c *counter) flush(out *writer, now uint64) {
	if c.late {
		c.late, c.written = false, min(c.written+beat, now)
		out.count(c.written, c.track, c.value)
	}
}

// queueRank is the place of the first P's queue among the counters: after those that
// are about all of them.
const queueRank = 16

// counters are the numbers that are about all tasks and Ps.
type counters struct{ ready, running, calls, waiting, idle counter }

func (c *counters) start(out *writer, parent uint64) {
	for i, to := range [...]struct {
		counter *counter
		name    string
	}{
		{&c.ready, "tasks that are ready"}, {&c.running, "tasks that run"}, {&c.calls, "tasks in blocking calls"},
		{&c.waiting, "tasks that wait"}, {&c.idle, "Ps that are free"},
	} {
		to.counter.track = out.track(parent, to.name, i+1, byNothing, true)
	}
}

// flush writes all numbers that are to be written.
func (c *counters) flush(out *writer, now uint64) {
	for _, of := range [...]*counter{&c.ready, &c.running, &c.calls, &c.waiting, &c.idle} {
		of.flush(out, now)
	}
}

// count writes the numbers that the present event has changed.
func (p *Pass) count(w *analyze.World) {
	c := &p.counters
	c.ready.set(p.out, p.now, int64(w.Runnable))
	c.running.set(p.out, p.now, int64(w.Running))
	c.calls.set(p.out, p.now, int64(w.Blocked))
	c.waiting.set(p.out, p.now, int64(len(p.tasks)-w.Runnable-w.Running-w.Blocked))
	c.idle.set(p.out, p.now, int64(w.Idle))
}

// queue writes how many tasks are in a P's queue, if that has changed.
func (p *Pass) queue(w *analyze.World, id event.PID) {
	if of := w.Proc(id); of != nil {
		p.proc(id).queue.set(p.out, p.now, int64(of.Waiting()))
	}
}
