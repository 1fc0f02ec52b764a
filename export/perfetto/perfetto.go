// Package perfetto writes a recording as a trace for Perfetto: for its user interface, or
// for its trace processor, which answers SQL.
//
//	out := perfetto.New(file, perfetto.Options{})
//	err := analyze.Run(src, out)
//	err = errors.Join(err, out.Err())
//
// The trace has these tracks, in this order:
//
//   - Ps: a track for each P, with a slice for each stretch in which a task had it. It is
//     named for the task's group; its argument "task" is the task.
//   - Threads: a track for each M, with the tasks that were on it, with or without a P.
//   - Counters: how many tasks run, are ready, are in blocking calls, and wait; how many Ps
//     are free; how many tasks are in each P's queue, as far as the source knows.
//   - Scheduler: when the world is stopped or asked to stop, when the garbage collector
//     marks, and where events are missing.
//   - Tasks: a track for each task, in the groups that analyses know, with a slice for each
//     state. The program's own regions are on a track below that.
//
// A flow goes from the waker's track, to the slice in which the woken task is ready, and
// to the one on the P that runs it then.
//
// Times are those that reports have: ns from the beginning of the recording. What is
// written streams while the recording is read, and what it needs of memory depends on how
// many tasks live at once, and on how many names there are. A trace has some 80 bytes for
// an event, which is 15 to 20 times what Go's has: of a long recording, write a part
// (Options.From and To), or compress it with gzip, which Perfetto reads, too.
package perfetto

import (
	"cmp"
	"io"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Options are what can be chosen. The zero value is good.
type Options struct {
	// NoTasks leaves the tracks of single tasks out, and with them the flows. The trace
	// is less than half as long then.
	NoTasks bool

	// From and To say which part of the recording is written, in ns from its beginning.
	// What began before is shown from From on. If To is 0, it is all of the rest.
	From, To int64
}

// Pass is the export: an analyze.Pass that writes while the recording is read.
type Pass struct {
	opts     Options
	out      *writer
	names    *names
	roots    roots
	groups   map[event.StringID]uint64 // the tracks of groups
	tasks    map[event.TaskID]*task
	threads  map[event.MID]*thread
	places   map[event.StackID]string
	procs    []*proc
	counters counters
	stopping bool // a slice for it is open
	marking  bool
	flows    uint64 // how many there are
	begun    bool
	over     bool   // To has passed
	now      uint64 // the time of the present event
}

// New returns a pass that writes to w. If w fails, what comes later is dropped, and Err
// says so.
func New(w io.Writer, opts Options) *Pass {
	out := newWriter(w)
	if opts.From > 0 {
		out.held = newHeld(uint64(opts.From))
	}
	return &Pass{
		opts: opts, out: out, names: &out.names,
		groups: make(map[event.StringID]uint64), tasks: make(map[event.TaskID]*task), threads: make(map[event.MID]*thread), places: make(map[event.StackID]string),
	}
}

// Err returns the first error of the writer, nil if everything has been written. It is
// known for certain when analyze.Run has returned.
func (p *Pass) Err() error { return p.out.err }

// at is a time of the recording as the trace has it.
func at(w *analyze.World, ns int64) uint64 { return uint64(max(ns-w.Start, 0)) }

// reach says what time it is, and reports whether it is one that is still to be written.
func (p *Pass) reach(w *analyze.World) bool {
	p.start(w)
	if p.over {
		return false
	}
	p.now = at(w, w.Now)
	if p.opts.To != 0 && w.Now-w.Start > p.opts.To {
		p.now = uint64(max(p.opts.To, 0))
		p.out.reach(p.now)
		p.finish(w)
		return false
	}
	p.out.reach(p.now)
	return true
}

// Slice implements analyze.Pass: a task has lost its P.
func (p *Pass) Slice(w *analyze.World, s *analyze.Slice) {
	if p.reach(w) && s.P >= 0 && int(s.P) < len(p.procs) && p.procs[s.P] != nil {
		p.procs[s.P].close(p)
	}
}

// Wait implements analyze.Pass. What a wait consists of is seen from its events; here the
// queue that it was in has become shorter.
func (p *Pass) Wait(w *analyze.World, d *analyze.Wait) {
	if p.reach(w) {
		p.queue(w, d.Queue)
	}
}

// Event implements analyze.Pass.
func (p *Pass) Event(w *analyze.World, e *event.Event, t *analyze.Task) {
	if !p.reach(w) {
		return
	}
	if e.Kind.Spec().IsTask() {
		p.taskEvent(w, e, t)
	} else {
		p.otherEvent(w, e, t)
	}
	p.count(w)
	switch e.Kind {
	case event.KindTaskReadied, event.KindTaskCreated, event.KindStole:
		p.queue(w, e.P)
	case event.KindLost:
		for i := range w.Procs {
			p.queue(w, event.PID(i))
		}
	}
}

// otherEvent shows what isn't about a task's state.
func (p *Pass) otherEvent(w *analyze.World, e *event.Event, t *analyze.Task) {
	switch e.Kind {
	case event.KindStopAsked, event.KindStopBegin:
		if !p.stopping {
			p.stopping = true
			p.out.begin(p.now, p.roots.stop, p.names.event("stop the world"))
			if why := w.Symbols.String(event.StringID(e.Arg)); e.Kind == event.KindStopAsked && why != "" {
				p.out.text(p.names.arg("why"), p.names.value(why))
			}
			p.out.done()
		}
	case event.KindStopEnd:
		if p.stopping {
			p.stopping = false
			p.out.end(p.now, p.roots.stop)
		}
	case event.KindGCBegin, event.KindGCEnd:
		p.mark(e.Kind == event.KindGCBegin)
	case event.KindRegionBegin, event.KindAssistBegin:
		if t != nil {
			p.enterRegion(w, e, t)
		}
	case event.KindRegionEnd, event.KindAssistEnd:
		p.leaveRegion(e.Task)
	case event.KindStole:
		if w.Proc(e.P) != nil { // else it is made up
			victim, n := e.Stole()
			p.out.instant(p.now, p.proc(e.P).track, p.names.event("steal"))
			p.out.text(p.names.arg("from"), p.names.value(victim.String()))
			p.out.number(p.names.arg("tasks"), uint64(max(n, 0)))
			p.out.done()
		}
	case event.KindLost:
		p.lost(w, e)
	}
}

// mark shows that the garbage collector begins or ends to mark.
func (p *Pass) mark(on bool) {
	switch {
	case on == p.marking:
	case on:
		p.out.begin(p.now, p.roots.gc, p.names.event("GC marks"))
		p.out.done()
	default:
		p.out.end(p.now, p.roots.gc)
	}
	p.marking = on
}

// lost shows a loss, and closes what the world has forgotten.
func (p *Pass) lost(w *analyze.World, e *event.Event) {
	p.out.instant(p.now, p.roots.losses, p.names.event("events are missing"))
	p.out.number(p.names.arg("events"), e.Arg)
	p.out.done()
	for _, id := range p.taskIDs() {
		if w.Task(id) == nil {
			p.forget(id)
		}
	}
}

// taskIDs returns the tasks that are known, in order, so that the same recording makes
// the same trace.
func (p *Pass) taskIDs() []event.TaskID {
	ids := make([]event.TaskID, 0, len(p.tasks))
	for id := range p.tasks {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids
}

// End implements analyze.Pass.
func (p *Pass) End(w *analyze.World) {
	if p.reach(w) {
		p.finish(w)
	}
}

// finish closes what is open.
func (p *Pass) finish(w *analyze.World) {
	p.over = true
	for _, pr := range p.procs {
		if pr != nil {
			pr.close(p)
			pr.queue.flush(p.out, p.now)
		}
	}
	for _, id := range p.taskIDs() {
		p.reveal(w, id)
		p.forget(id)
	}
	if p.stopping {
		p.out.end(p.now, p.roots.stop)
	}
	p.mark(false)
	p.counters.flush(p.out, p.now)
	p.out.flush()
}
